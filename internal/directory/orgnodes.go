package directory

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/policy"
)

// OrgNode is what policies of an organization are attached to: its root, an
// organizational unit, or an account. Nodes of a snapshot are shared and must
// not be changed.
type OrgNode struct {
	Format   int                   `json:"v"`
	ID       string                `json:"id"`               // r-…, ou-… or 12 digits
	Name     string                `json:"name"`             // of an account: as it joined
	Parent   string                `json:"parent,omitempty"` // the root has none
	Tags     []Tag                 `json:"tags,omitempty"`
	Attached map[string]Attachment `json:"attached,omitempty"` // by policy type
	Joined   time.Time             `json:"joined,omitzero"`    // of an account
	Method   string                `json:"method,omitempty"`   // how it joined
}

// Attachment is which policies of one type are attached to a node. It holds
// only for the generation of the type that it was made in; without one, AWS's
// own policy is attached.
type Attachment struct {
	Generation int      `json:"g"`
	Policies   []string `json:"p"`
}

func isAccountNode(n *OrgNode) bool { return n.ID[0] != 'r' && n.ID[0] != 'o' }

// Policies are the ids of the policies of that type that are attached to the
// node: none where the type isn't in force.
func (o *Organization) Policies(n *OrgNode, policyType string) []string {
	if !o.Has(policyType) {
		return nil
	}
	if a, ok := n.Attached[policyType]; ok && a.Generation == o.Generations[policyType] {
		return a.Policies
	}
	return []string{fullAccess(policyType)}
}

// OrgNode is a node of the organization, or NotFound.
func (s *Snapshot) OrgNode(o *Organization, id string) (*OrgNode, error) {
	r := s.get(o.account, kindOrgNode, id)
	if r == nil {
		return nil, &NotFound{Kind: KindOrgNode, Name: id}
	}
	return decode[OrgNode](r)
}

// OrgNodes calls fn for the organization's nodes in the order of their ids,
// after the id given, until fn says no.
func (s *Snapshot) OrgNodes(o *Organization, after string, fn func(*OrgNode) bool) error {
	var failed error
	s.scan(recordKey(o.account, kindOrgNode, ""), after, func(_ string, r *Record) bool {
		var n *OrgNode
		if n, failed = decode[OrgNode](r); failed != nil {
			return false
		}
		return fn(n)
	})
	return failed
}

// OrgPath is the path to a node's children: the organization, the root and all
// units down to the node, which may be an account, each followed by a slash.
func (s *Snapshot) OrgPath(o *Organization, id string) (string, error) {
	path := ""
	for id != "" {
		n, err := s.OrgNode(o, id)
		if err != nil {
			return "", err
		}
		if !isAccountNode(n) {
			path = id + "/" + path
		}
		id = n.Parent
	}
	return o.ID + "/" + path, nil
}

func (tx *Tx) countNodes(which func(*OrgNode) bool) int {
	n := 0
	tx.snap.scan(recordKey(tx.account, kindOrgNode, ""), "", func(_ string, r *Record) bool {
		if node, err := decode[OrgNode](r); err == nil && which(node) {
			n++
		}
		return true
	})
	return n
}

// OrgNode gives a node of the organization to be read and changed, or NotFound.
func (tx *Tx) OrgNode(id string) (*OrgNode, error) {
	r := tx.read(recordKey(tx.account, kindOrgNode, id))
	if r == nil {
		return nil, &NotFound{Kind: KindOrgNode, Name: id}
	}
	n, err := decode[OrgNode](r)
	if err != nil {
		return nil, err
	}
	editable := *n
	return &editable, nil
}

func (tx *Tx) saveNode(n *OrgNode) { tx.put(recordKey(tx.account, kindOrgNode, n.ID), encode(n)) }

// sibling reports whether the parent has another unit of that name.
func (tx *Tx) sibling(parent, name, except string) bool {
	return tx.countNodes(func(n *OrgNode) bool {
		return n.Parent == parent && n.Name == name && n.ID != except && strings.HasPrefix(n.ID, "ou-")
	}) > 0
}

// maxUnitDepth is how many levels of organizational units there may be.
const maxUnitDepth = 5

// CreateUnit makes an organizational unit. NotFound for the parent; Exists;
// LimitExceeded.
func (tx *Tx) CreateUnit(o *Organization, parent, name string, tags []Tag) (*OrgNode, error) {
	if isAccountNode(&OrgNode{ID: parent}) {
		return nil, &NotFound{Kind: KindOrgNode, Name: parent}
	}
	depth := 1
	for id := parent; id != o.Root; depth++ {
		n, err := tx.OrgNode(id)
		if err != nil {
			return nil, err
		}
		id = n.Parent
	}
	if depth > maxUnitDepth {
		return nil, &LimitExceeded{Quota: QuotaOrgDepth, Limit: maxUnitDepth}
	}
	if tx.sibling(parent, name, "") {
		return nil, &Exists{Kind: KindOrgUnit, Name: name}
	}
	units := tx.countNodes(func(n *OrgNode) bool { return strings.HasPrefix(n.ID, "ou-") })
	if err := tx.within(QuotaOrgUnits, units+1); err != nil {
		return nil, err
	}
	tags, err := tx.mergeTags(nil, tags, false)
	if err != nil {
		return nil, err
	}
	n := &OrgNode{
		Format: recordFormat, ID: "ou-" + strings.TrimPrefix(o.Root, "r-") + "-" + tx.randomText(8),
		Name: name, Parent: parent, Tags: tags,
	}
	tx.saveNode(n)
	tx.SaveOrganization(o)
	return n, nil
}

// RenameUnit gives an organizational unit another name. Exists.
func (tx *Tx) RenameUnit(o *Organization, n *OrgNode, name string) error {
	if tx.sibling(n.Parent, name, n.ID) {
		return &Exists{Kind: KindOrgUnit, Name: name}
	}
	n.Name = name
	tx.saveNode(n)
	tx.SaveOrganization(o)
	return nil
}

// DeleteUnit deletes an organizational unit that holds nothing, or says InUse.
func (tx *Tx) DeleteUnit(o *Organization, n *OrgNode) error {
	if tx.countNodes(func(child *OrgNode) bool { return child.Parent == n.ID }) > 0 {
		return &InUse{KindOrgUnit, UseChildren}
	}
	tx.delete(recordKey(tx.account, kindOrgNode, n.ID))
	tx.SaveOrganization(o)
	return nil
}

// MoveAccount puts an account under another parent, which must be a node.
func (tx *Tx) MoveAccount(o *Organization, n *OrgNode, parent string) {
	n.Parent = parent
	tx.saveNode(n)
	tx.SaveOrganization(o)
}

// TagNode adds tags or replaces those of the same key.
func (tx *Tx) TagNode(o *Organization, n *OrgNode, tags []Tag) (err error) {
	if n.Tags, err = tx.mergeTags(n.Tags, tags, false); err != nil {
		return err
	}
	tx.saveNode(n)
	tx.SaveOrganization(o)
	return nil
}

// UntagNode drops tags; keys that aren't there are no error.
func (tx *Tx) UntagNode(o *Organization, n *OrgNode, keys []string) {
	n.Tags = withoutTags(n.Tags, keys, false)
	tx.saveNode(n)
	tx.SaveOrganization(o)
}

// AttachOrgPolicy attaches a policy to a node. Exists, LimitExceeded.
func (tx *Tx) AttachOrgPolicy(o *Organization, p *OrgPolicy, n *OrgNode) error {
	now := o.Policies(n, p.Type)
	if slices.Contains(now, p.ID) {
		return &Exists{Kind: KindOrgAttachment, Name: p.ID}
	}
	if err := tx.within(QuotaOrgAttached, len(now)+1); err != nil {
		return err
	}
	tx.setAttached(o, n, p.Type, append(slices.Clone(now), p.ID))
	return nil
}

// DetachOrgPolicy takes a policy off a node. NotFound; InUse, for the last one.
func (tx *Tx) DetachOrgPolicy(o *Organization, p *OrgPolicy, n *OrgNode) error {
	now := o.Policies(n, p.Type)
	i := slices.Index(now, p.ID)
	if i < 0 {
		return &NotFound{Kind: KindOrgAttachment, Name: p.ID}
	}
	if len(now) == 1 {
		return &InUse{KindOrgPolicy, UseLastPolicy}
	}
	tx.setAttached(o, n, p.Type, slices.Delete(slices.Clone(now), i, i+1))
	return nil
}

func (tx *Tx) setAttached(o *Organization, n *OrgNode, policyType string, ids []string) {
	attached := map[string]Attachment{policyType: {o.Generations[policyType], ids}}
	for t, a := range n.Attached {
		if t != policyType {
			attached[t] = a
		}
	}
	n.Attached = attached
	tx.saveNode(n)
	tx.SaveOrganization(o)
}

// OrgLevels are the service control policies that bind a node, a set for each
// level from the root down; none where there are none in force.
func (s *Snapshot) OrgLevels(o *Organization, id string) []*policy.Set { return s.levels(o, id, SCP) }

// OrgAccounts calls fn for the accounts at or below a node, with their paths:
// those of their parents and their own ids.
func (s *Snapshot) OrgAccounts(o *Organization, n *OrgNode, fn func(id, path string) error) error {
	var failed error
	err := s.OrgNodes(o, "", func(a *OrgNode) bool {
		if !isAccountNode(a) {
			return true
		}
		var path string
		if path, failed = s.OrgPath(o, a.ID); failed != nil {
			return false
		}
		if a.ID == n.ID || strings.Contains(path, "/"+n.ID+"/") {
			failed = fn(a.ID, path+a.ID)
		}
		return failed == nil
	})
	return errors.Join(err, failed)
}
