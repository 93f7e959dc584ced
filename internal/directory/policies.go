package directory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/policy"
)

// ManagedPolicy is a managed policy of an account, or one of AWS's.
type ManagedPolicy struct {
	Format      int             `json:"v"`
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Path        string          `json:"path"`
	Description string          `json:"description,omitempty"`
	Created     time.Time       `json:"created"`
	Updated     time.Time       `json:"updated"` // when the default version was set
	Default     string          `json:"default"` // id of the default version
	Versions    []PolicyVersion `json:"versions"`
	Last        int             `json:"last"` // number of the newest version ever; none is used again
	Tags        []Tag           `json:"tags,omitempty"`

	account string
}

// PolicyVersion is a version of a managed policy; its document stands apart.
type PolicyVersion struct {
	ID      string    `json:"id"` // "v1"
	Created time.Time `json:"created"`
}

// AWSPolicies are the managed policies that AWS owns and every account can
// attach. What it gives is shared and must not be changed.
type AWSPolicies interface {
	// Lookup gives the policy of that ARN.
	Lookup(arn string) (*ManagedPolicy, bool)
	// Document is the text of the default version of a policy that Lookup knows.
	Document(arn string) string
	// All gives all policies in the order of their names.
	All() []*ManagedPolicy
}

func (p *ManagedPolicy) loaded(r *Record) { p.account, _ = splitKey(r.Key) }

// AWSAccount stands for the account in the ARNs of AWS's own policies.
const AWSAccount = "aws"

// ARN is the policy's ARN.
func (p *ManagedPolicy) ARN() string { return PolicyARN(p.account, p.Path, p.Name) }

// AWS reports whether the policy is one of AWS's own.
func (p *ManagedPolicy) AWS() bool { return p.account == AWSAccount }

// OwnedByAWS gives the policy as one of AWS's own.
func (p ManagedPolicy) OwnedByAWS() *ManagedPolicy {
	p.account = AWSAccount
	return &p
}

// PolicyARN is the ARN of a managed policy of that path and name.
func PolicyARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":policy" + path + name
}

// splitPolicyARN takes a managed policy's ARN apart.
func splitPolicyARN(arn string) (account, path, name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	if !ok {
		return "", "", "", false
	}
	account, rest, ok = strings.Cut(rest, ":policy/")
	i := strings.LastIndexByte(rest, '/') + 1
	return account, "/" + rest[:i], rest[i:], ok
}

// Policy is the managed policy of that ARN, as the account sees it, or NotFound.
func (s *Snapshot) Policy(account, arn string) (*ManagedPolicy, error) {
	owner, path, name, ok := splitPolicyARN(arn)
	if ok && owner == AWSAccount {
		if p, ok := s.d.opts.AWSPolicies.Lookup(arn); ok {
			return p, nil
		}
	}
	if ok && owner == account {
		if r := s.get(account, kindPolicyName, fold(name)); r != nil && r.name().path == path {
			p, err := s.policyByID(account, r.name().id)
			return p.ofName(name, arn, err)
		}
	}
	return nil, &NotFound{Kind: KindPolicy, Name: arn}
}

// ofName gives the policy found for an ARN only if its name is spelled as
// there: names are unique without regard to case, but ARNs differ by it, and
// what is authorised is the ARN.
func (p *ManagedPolicy) ofName(name, arn string, err error) (*ManagedPolicy, error) {
	if err == nil && p.Name != name {
		return nil, &NotFound{Kind: KindPolicy, Name: arn}
	}
	return p, err
}

func (s *Snapshot) policyByID(account, id string) (*ManagedPolicy, error) {
	r := s.get(account, kindPolicy, id)
	if r == nil {
		return nil, &NotFound{Kind: KindPolicy, Name: id}
	}
	return decode[ManagedPolicy](r)
}

// LocalPolicies calls fn for the account's own policies as Users does for users.
func (s *Snapshot) LocalPolicies(account, pathPrefix, after string, fn func(*ManagedPolicy) bool) error {
	return named(s, account, kindPolicyName, kindPolicy, pathPrefix, after, fn)
}

// AWSPolicies are AWS's own policies, in the order of their names.
func (s *Snapshot) AWSPolicies() []*ManagedPolicy { return s.d.opts.AWSPolicies.All() }

// PolicyDocument is the text of a version of a policy, or NotFound.
func (s *Snapshot) PolicyDocument(p *ManagedPolicy, version string) (string, error) {
	if p.AWS() && version == p.Default {
		return s.d.opts.AWSPolicies.Document(p.ARN()), nil
	}
	r := s.look(recordKey(p.account, kindPolicyDoc, p.ID, version))
	if r == nil {
		return "", &NotFound{Kind: KindPolicyVersion, Name: p.ARN(), Version: version}
	}
	return string(r.Value), nil
}

// PolicyUse says how often the account attaches the policy, and uses it as a boundary.
func (s *Snapshot) PolicyUse(account string, p *ManagedPolicy) (attachments, boundaries int, err error) {
	r := s.look(recordKey(account, kindPolicyUse, p.ID))
	if r == nil {
		return 0, 0, nil
	}
	u, err := decode[usage](r)
	if err != nil {
		return 0, 0, err
	}
	return u.Count, u.Boundary, nil
}

// compiled is the compiled default version of the policy of that ARN. What
// can't be found or read denies everything.
func (s *Snapshot) compiled(account, arn string) *policy.Policy {
	p, err := s.Policy(account, arn)
	if err != nil {
		return policy.Load("", policy.Managed)
	}
	if p.AWS() {
		return s.d.compiledAWS(p)
	}
	r := s.get(account, kindPolicyDoc, p.ID+"/"+p.Default)
	if r == nil {
		return policy.Load("", policy.Managed)
	}
	if c, ok := r.decoded.Load().(*policy.Policy); ok {
		return c
	}
	c := policy.Load(string(r.Value), policy.Managed).Named(policy.Source{Name: p.Name, ARN: arn})
	r.decoded.CompareAndSwap(nil, c)
	return c
}

func (d *Directory) compiledAWS(p *ManagedPolicy) *policy.Policy {
	arn := p.ARN()
	if c, ok := d.awsCompiled.Load(arn); ok {
		return c.(*policy.Policy)
	}
	c := policy.Load(d.opts.AWSPolicies.Document(arn), policy.Managed).Named(policy.Source{Name: p.Name, ARN: arn})
	d.awsCompiled.Store(arn, c)
	return c
}

// PoliciesOf are the compiled identity policies of a user, its groups'
// included, and its permissions boundary, nil where it has none.
func (s *Snapshot) PoliciesOf(u *User) (*policy.Set, *policy.Policy) {
	if c := u.set.Load(); c != nil && c.epoch == s.policyEpoch {
		return c.identity, c.boundary
	}
	all := s.appendPolicies(nil, u.account, &u.Policies, &u.inline)
	for _, id := range u.Groups {
		g, err := s.GroupByID(u.account, id)
		if err != nil {
			all = append(all, policy.Load("", policy.Inline))
			continue
		}
		all = s.appendPolicies(all, u.account, &g.Policies, &g.inline)
	}
	if s.mayChangePassword(u) {
		all = append(all, s.d.ownPassword)
	}
	c := &cachedSet{epoch: s.policyEpoch, identity: policy.NewSet(all...)}
	if u.Boundary != "" {
		c.boundary = s.compiled(u.account, u.Boundary)
	}
	u.set.Store(c)
	return c.identity, c.boundary
}

func (s *Snapshot) appendPolicies(all []*policy.Policy, account string, p *Policies, inline *compiledInline) []*policy.Policy {
	all = append(all, inline.of(p.Inline)...)
	for _, arn := range p.Attached {
		all = append(all, s.compiled(account, arn))
	}
	return all
}

// UserPolicies are the compiled identity policies of a user, its groups'
// included, named as the policy simulator names them.
func (s *Snapshot) UserPolicies(u *User) []*policy.Policy {
	all := s.namedPolicies(u.account, "user_"+u.Name, &u.Policies)
	for _, id := range u.Groups {
		if g, err := s.GroupByID(u.account, id); err == nil {
			all = append(all, s.GroupPolicies(g)...)
		}
	}
	return all
}

// GroupPolicies does so for a group.
func (s *Snapshot) GroupPolicies(g *Group) []*policy.Policy {
	return s.namedPolicies(g.account, "group_"+g.Name, &g.Policies)
}

func (s *Snapshot) namedPolicies(account, owner string, p *Policies) []*policy.Policy {
	var all []*policy.Policy
	for _, i := range p.Inline {
		all = append(all, policy.Load(i.Document, policy.Inline).Named(policy.Source{Name: owner + "_" + i.Name}))
	}
	for _, arn := range p.Attached {
		all = append(all, s.compiled(account, arn))
	}
	return all
}

// Policy gives the managed policy of that ARN to be read and changed, or
// NotFound. One of AWS's can only be read.
func (tx *Tx) Policy(arn string) (*ManagedPolicy, error) {
	owner, path, name, ok := splitPolicyARN(arn)
	if ok && owner == AWSAccount {
		return tx.snap.Policy(tx.account, arn)
	}
	if ok && owner == tx.account {
		if r := tx.read(recordKey(tx.account, kindPolicyName, fold(name))); r != nil && r.name().path == path {
			p, err := tx.policyByID(r.name().id)
			return p.ofName(name, arn, err)
		}
	}
	return nil, &NotFound{Kind: KindPolicy, Name: arn}
}

func (tx *Tx) policyByID(id string) (*ManagedPolicy, error) {
	r := tx.read(recordKey(tx.account, kindPolicy, id))
	if r == nil {
		return nil, &NotFound{Kind: KindPolicy, Name: id}
	}
	p, err := decode[ManagedPolicy](r)
	if err != nil {
		return nil, err
	}
	editable := *p
	return &editable, nil
}

func (tx *Tx) savePolicy(p *ManagedPolicy) {
	tx.put(recordKey(tx.account, kindPolicy, p.ID), encode(p))
}

// CreatePolicy makes a managed policy whose first version is the document,
// which must have been parsed. Exists, LimitExceeded.
func (tx *Tx) CreatePolicy(name, path, description, document string, tags []Tag) (*ManagedPolicy, error) {
	if err := tx.within(QuotaPolicySize, policy.Size(document)); err != nil {
		return nil, err
	}
	p, err := tx.newPolicy(name, path, description, tags)
	if err != nil {
		return nil, err
	}
	tx.addVersion(p, document, true)
	return p, nil
}

// newPolicy makes a managed policy that has no version yet.
func (tx *Tx) newPolicy(name, path, description string, tags []Tag) (*ManagedPolicy, error) {
	if err := tx.roomFor(QuotaPolicies, kindPolicyName); err != nil {
		return nil, err
	}
	p := &ManagedPolicy{Format: recordFormat, Name: name, Path: path, Description: description, Created: tx.created(), account: tx.account}
	var err error
	if p.Tags, err = tx.mergeTags(nil, tags, false); err != nil {
		return nil, err
	}
	if p.ID, err = tx.claimName(KindPolicy, kindPolicyName, kindPolicy, "ANPA", name, path); err != nil {
		return nil, err
	}
	return p, nil
}

func (tx *Tx) addVersion(p *ManagedPolicy, document string, setDefault bool) PolicyVersion {
	p.Last++
	v := PolicyVersion{ID: "v" + strconv.Itoa(p.Last), Created: tx.now}
	p.Versions = append(slices.Clone(p.Versions), v)
	if setDefault {
		p.Default = v.ID
	}
	p.Updated = tx.now
	tx.put(recordKey(tx.account, kindPolicyDoc, p.ID, v.ID), []byte(document))
	tx.savePolicy(p)
	return v
}

// AddPolicyVersion adds a version, whose document must have been parsed.
// NotOwned, LimitExceeded.
func (tx *Tx) AddPolicyVersion(p *ManagedPolicy, document string, setDefault bool) (PolicyVersion, error) {
	if p.AWS() {
		return PolicyVersion{}, &NotOwned{ARN: p.ARN()}
	}
	if err := tx.within(QuotaPolicySize, policy.Size(document)); err != nil {
		return PolicyVersion{}, err
	}
	if err := tx.within(QuotaPolicyVersions, len(p.Versions)+1); err != nil {
		return PolicyVersion{}, err
	}
	return tx.addVersion(p, document, setDefault), nil
}

func (p *ManagedPolicy) versionIndex(id string) int {
	return slices.IndexFunc(p.Versions, func(v PolicyVersion) bool { return v.ID == id })
}

// SetDefaultVersion makes another version the one in force. NotOwned, NotFound.
func (tx *Tx) SetDefaultVersion(p *ManagedPolicy, version string) error {
	if p.AWS() {
		return &NotOwned{ARN: p.ARN()}
	}
	if p.versionIndex(version) < 0 {
		return &NotFound{Kind: KindPolicyVersion, Name: p.ARN(), Version: version}
	}
	p.Default, p.Updated = version, tx.now
	tx.savePolicy(p)
	return nil
}

// DeleteVersion deletes a version that isn't the default. NotOwned, NotFound, InUse.
func (tx *Tx) DeleteVersion(p *ManagedPolicy, version string) error {
	if p.AWS() {
		return &NotOwned{ARN: p.ARN()}
	}
	i := p.versionIndex(version)
	if i < 0 {
		return &NotFound{Kind: KindPolicyVersion, Name: p.ARN(), Version: version}
	}
	if p.Default == version {
		return &InUse{KindPolicy, UseDefaultVersion}
	}
	p.Versions = slices.Delete(slices.Clone(p.Versions), i, i+1)
	tx.delete(recordKey(tx.account, kindPolicyDoc, p.ID, version))
	tx.savePolicy(p)
	return nil
}

// DeletePolicy deletes a policy that is attached nowhere and has one version
// left. NotOwned, InUse.
func (tx *Tx) DeletePolicy(p *ManagedPolicy) error {
	if p.AWS() {
		return &NotOwned{ARN: p.ARN()}
	}
	use, err := tx.usage(recordKey(tx.account, kindPolicyUse, p.ID))
	if err != nil {
		return err
	}
	if use.Count > 0 || use.Boundary > 0 {
		return &InUse{KindPolicy, UseAttachments}
	}
	if len(p.Versions) > 1 {
		return &InUse{KindPolicy, UseVersions}
	}
	for _, v := range p.Versions {
		tx.delete(recordKey(tx.account, kindPolicyDoc, p.ID, v.ID))
	}
	tx.delete(recordKey(tx.account, kindPolicyName, fold(p.Name)))
	tx.forget(kindPolicy, p.ID)
	return nil
}

// TagPolicy adds tags or replaces those of the same key. NotOwned.
func (tx *Tx) TagPolicy(p *ManagedPolicy, tags []Tag) error {
	if p.AWS() {
		return &NotOwned{ARN: p.ARN()}
	}
	merged, err := tx.mergeTags(p.Tags, tags, false)
	if err != nil {
		return err
	}
	p.Tags = merged
	tx.savePolicy(p)
	return nil
}

// UntagPolicy drops tags; keys that aren't there are no error. NotOwned.
func (tx *Tx) UntagPolicy(p *ManagedPolicy, keys []string) error {
	if p.AWS() {
		return &NotOwned{ARN: p.ARN()}
	}
	p.Tags = withoutTags(p.Tags, keys, false)
	tx.savePolicy(p)
	return nil
}

// String names the policy in errors and logs.
func (p *ManagedPolicy) String() string { return fmt.Sprintf("policy %s (%s)", p.ARN(), p.Default) }
