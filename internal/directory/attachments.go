package directory

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/policy"
)

// Holder is what policies hang on: a user, a group or a role, as a transaction gives it.
type Holder interface {
	holder() holder
}

// holder says what differs between the kinds of holders.
type holder struct {
	kind        Kind
	id, name    string
	policies    *Policies
	save        func(*Tx)
	attachQuota string
	sizeQuota   string
	inlineKind  Kind
}

func (u *User) holder() holder {
	return holder{KindUser, u.ID, u.Name, &u.Policies, func(tx *Tx) { tx.save(u) }, QuotaPoliciesUser, QuotaUserPolicySize, KindUserPolicy}
}

func (g *Group) holder() holder {
	return holder{KindGroup, g.ID, g.Name, &g.Policies, func(tx *Tx) { tx.saveGroup(g) }, QuotaPoliciesGroup, QuotaGroupPolicySize, KindGroupPolicy}
}

func (r *Role) holder() holder {
	return holder{KindRole, r.ID, r.Name, &r.Policies, func(tx *Tx) { tx.saveRole(r) }, QuotaPoliciesRole, QuotaRolePolicySize, KindRolePolicy}
}

// InlinePolicy is the holder's inline policy of that name, without regard to
// case; ok is false where there is none.
func (p *Policies) InlinePolicy(name string) (policy InlinePolicy, ok bool) {
	i := p.inlineIndex(name)
	if i < 0 {
		return InlinePolicy{}, false
	}
	return p.Inline[i], true
}

func (p *Policies) inlineIndex(name string) int {
	return slices.IndexFunc(p.Inline, func(i InlinePolicy) bool { return strings.EqualFold(i.Name, name) })
}

// PutInline adds or replaces an inline policy, whose document must have been
// parsed. LimitExceeded, where all of the holder's together are too large.
func (tx *Tx) PutInline(to Holder, name, document string) error {
	h := to.holder()
	inline := slices.Clone(h.policies.Inline)
	if i := h.policies.inlineIndex(name); i >= 0 {
		inline[i].Document = document
	} else {
		inline = append(inline, InlinePolicy{Name: name, Document: document})
	}
	size := 0
	for _, p := range inline {
		size += policy.Size(p.Document)
	}
	if limit := tx.snap.Quota(tx.account, h.sizeQuota); size > limit {
		return &LimitExceeded{Quota: h.sizeQuota, Limit: limit, Name: h.name}
	}
	slices.SortFunc(inline, func(a, b InlinePolicy) int { return cmp.Compare(a.Name, b.Name) })
	h.policies.Inline = inline
	h.save(tx)
	return nil
}

// DeleteInline deletes an inline policy, or says NotFound.
func (tx *Tx) DeleteInline(from Holder, name string) error {
	h := from.holder()
	i := h.policies.inlineIndex(name)
	if i < 0 {
		return &NotFound{Kind: h.inlineKind, Name: name}
	}
	h.policies.Inline = slices.Delete(slices.Clone(h.policies.Inline), i, i+1)
	h.save(tx)
	return nil
}

// Attach attaches a managed policy; one that is attached already is no error.
// NotFound, NotAttachable, LimitExceeded.
func (tx *Tx) Attach(to Holder, arn string) error {
	p, err := tx.Policy(arn)
	if err != nil {
		return &NotFound{Kind: KindAttachable, Name: arn}
	}
	if r, ok := to.(*Role); p.AWS() && strings.HasPrefix(p.Path, ServiceLinkedPath) && !(ok && r.ServiceLinked()) {
		return &NotAttachable{ARN: arn}
	}
	return tx.attach(to, p)
}

func (tx *Tx) attach(to Holder, p *ManagedPolicy) error {
	h := to.holder()
	arn := p.ARN()
	if slices.Contains(h.policies.Attached, arn) {
		return nil
	}
	if err := tx.within(h.attachQuota, len(h.policies.Attached)+1); err != nil {
		return err
	}
	h.policies.Attached = append(slices.Clone(h.policies.Attached), arn)
	tx.put(recordKey(tx.account, kindAttached, p.ID, string(h.kind), h.id), []byte(arn))
	h.save(tx)
	return tx.count(recordKey(tx.account, kindPolicyUse, p.ID), 1, 0)
}

// Detach takes a managed policy off. NotFound, where it isn't attached.
func (tx *Tx) Detach(from Holder, arn string) error {
	h := from.holder()
	i := slices.Index(h.policies.Attached, arn)
	if i < 0 {
		return &NotFound{Kind: KindPolicy, Name: arn}
	}
	p, err := tx.Policy(arn)
	if err != nil {
		return err
	}
	h.policies.Attached = slices.Delete(slices.Clone(h.policies.Attached), i, i+1)
	tx.delete(recordKey(tx.account, kindAttached, p.ID, string(h.kind), h.id))
	h.save(tx)
	return tx.count(recordKey(tx.account, kindPolicyUse, p.ID), -1, 0)
}

// Attachments calls fn for the users, groups or roles that the account attaches a
// policy to, in the order of their ids, after the id given, until fn says no.
func (s *Snapshot) Attachments(account string, p *ManagedPolicy, kind Kind, after string, fn func(id string) bool) {
	s.scan(recordKey(account, kindAttached, p.ID, string(kind), ""), after, func(id string, _ *Record) bool { return fn(id) })
}

// The kinds under which users and roles of a boundary are listed.
const (
	boundaryKind     = Kind("user-boundary")
	roleBoundaryKind = Kind("role-boundary")
)

// BoundaryUsers calls fn for the users whose boundary the policy is, as Attachments does.
func (s *Snapshot) BoundaryUsers(account string, p *ManagedPolicy, after string, fn func(id string) bool) {
	s.Attachments(account, p, boundaryKind, after, fn)
}

// BoundaryRoles calls fn for the roles whose boundary the policy is, as Attachments does.
func (s *Snapshot) BoundaryRoles(account string, p *ManagedPolicy, after string, fn func(id string) bool) {
	s.Attachments(account, p, roleBoundaryKind, after, fn)
}

// Bounded is what can have a permissions boundary: a user or a role, as a
// transaction gives it.
type Bounded interface {
	bounded() bounded
}

// bounded says what differs between the kinds of what is bounded.
type bounded struct {
	kind     Kind
	id, name string
	arn      *string
	save     func(*Tx)
}

func (u *User) bounded() bounded {
	return bounded{boundaryKind, u.ID, u.Name, &u.Boundary, func(tx *Tx) { tx.save(u) }}
}

func (r *Role) bounded() bounded {
	return bounded{roleBoundaryKind, r.ID, r.Name, &r.Boundary, func(tx *Tx) { tx.saveRole(r) }}
}

// SetBoundary makes a managed policy the permissions boundary, or says NotFound.
func (tx *Tx) SetBoundary(of Bounded, arn string) error {
	if err := tx.clearBoundary(of); err != nil {
		return err
	}
	if err := tx.setBoundary(of, arn); err != nil {
		return err
	}
	of.bounded().save(tx)
	return nil
}

func (tx *Tx) setBoundary(of Bounded, arn string) error {
	p, err := tx.Policy(arn)
	if err != nil {
		return &NotFound{Kind: KindBoundary, Name: arn}
	}
	b := of.bounded()
	*b.arn = p.ARN()
	tx.put(recordKey(tx.account, kindAttached, p.ID, string(b.kind), b.id), []byte(*b.arn))
	return tx.count(recordKey(tx.account, kindPolicyUse, p.ID), 0, 1)
}

// DeleteBoundary takes the boundary away. NotFound, where there is none.
func (tx *Tx) DeleteBoundary(of Bounded) error {
	b := of.bounded()
	if *b.arn == "" {
		return &NotFound{Kind: KindBoundary, Name: b.name}
	}
	if err := tx.clearBoundary(of); err != nil {
		return err
	}
	b.save(tx)
	return nil
}

func (tx *Tx) clearBoundary(of Bounded) error {
	b := of.bounded()
	if *b.arn == "" {
		return nil
	}
	p, err := tx.Policy(*b.arn)
	if err != nil {
		return err
	}
	*b.arn = ""
	tx.delete(recordKey(tx.account, kindAttached, p.ID, string(b.kind), b.id))
	return tx.count(recordKey(tx.account, kindPolicyUse, p.ID), 0, -1)
}
