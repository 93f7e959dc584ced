package directory

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sallyport-iam/sallyport/policy"
)

// OrgPolicy is a policy of an organization, or one of AWS's that every
// organization has. Those of a snapshot are shared and must not be changed.
type OrgPolicy struct {
	Format      int    `json:"v"`
	ID          string `json:"id"` // p-…
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Type        string `json:"type"` // SCP or RCP
	Content     string `json:"content"`
	Tags        []Tag  `json:"tags,omitempty"`

	// AWS says that it is one of AWS's, which nobody can change.
	AWS      bool `json:"-"`
	compiled *atomic.Pointer[policy.Policy]
}

func (p *OrgPolicy) loaded(*Record) { p.compiled = new(atomic.Pointer[policy.Policy]) }

// Ids of the policies that AWS owns.
const (
	fullAccessSCP = "p-FullAWSAccess"
	fullAccessRCP = "p-RCPFullAWSAccess"
)

// fullAccess is the policy that allows all, of a type.
func fullAccess(policyType string) string {
	if policyType == RCP {
		return fullAccessRCP
	}
	return fullAccessSCP
}

// awsOrgPolicy is the policy of AWS's of that id, or nil.
func awsOrgPolicy(id string) *OrgPolicy {
	switch id {
	case fullAccessSCP:
		return &OrgPolicy{
			ID: id, Name: "FullAWSAccess", Description: "Allows access to every operation", Type: SCP, AWS: true,
			Content: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
		}
	case fullAccessRCP:
		return &OrgPolicy{
			ID: id, Name: "RCPFullAWSAccess", Description: "Allows access to every resource", Type: RCP, AWS: true,
			Content: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`,
		}
	}
	return nil
}

// PolicyKind is what the policy language calls a type of policy.
func PolicyKind(policyType string) policy.Kind {
	if policyType == RCP {
		return policy.RCP
	}
	return policy.SCP
}

// OrgPolicy is a policy of the organization or of AWS, or NotFound.
func (s *Snapshot) OrgPolicy(o *Organization, id string) (*OrgPolicy, error) {
	if p := awsOrgPolicy(id); p != nil {
		return p, nil
	}
	r := s.get(o.account, kindOrgPolicy, id)
	if r == nil {
		return nil, &NotFound{Kind: KindOrgPolicy, Name: id}
	}
	return decode[OrgPolicy](r)
}

// OrgPolicies are the policies of a type, AWS's first, then in the order of
// their ids.
func (s *Snapshot) OrgPolicies(o *Organization, policyType string) ([]*OrgPolicy, error) {
	all := []*OrgPolicy{awsOrgPolicy(fullAccess(policyType))}
	var failed error
	s.scan(recordKey(o.account, kindOrgPolicy, ""), "", func(_ string, r *Record) bool {
		var p *OrgPolicy
		if p, failed = decode[OrgPolicy](r); failed != nil {
			return false
		}
		if p.Type == policyType {
			all = append(all, p)
		}
		return true
	})
	return all, failed
}

// OrgTargets are the nodes that a policy is attached to, in the order of their ids.
func (s *Snapshot) OrgTargets(o *Organization, p *OrgPolicy) ([]*OrgNode, error) {
	var targets []*OrgNode
	err := s.OrgNodes(o, "", func(n *OrgNode) bool {
		if slices.Contains(o.Policies(n, p.Type), p.ID) {
			targets = append(targets, n)
		}
		return true
	})
	return targets, err
}

// OrgPolicy gives a policy to be read and changed. NotFound; one of AWS's can
// only be read.
func (tx *Tx) OrgPolicy(id string) (*OrgPolicy, error) {
	if p := awsOrgPolicy(id); p != nil {
		return p, nil
	}
	r := tx.read(recordKey(tx.account, kindOrgPolicy, id))
	if r == nil {
		return nil, &NotFound{Kind: KindOrgPolicy, Name: id}
	}
	p, err := decode[OrgPolicy](r)
	if err != nil {
		return nil, err
	}
	editable := *p
	return &editable, nil
}

func (tx *Tx) savePolicyOf(o *Organization, p *OrgPolicy) {
	tx.put(recordKey(tx.account, kindOrgPolicy, p.ID), encode(p))
	tx.SaveOrganization(o)
}

// orgPolicyNamed reports whether another policy of the type has that name.
func (tx *Tx) orgPolicyNamed(o *Organization, policyType, name, except string) (bool, error) {
	all, err := tx.snap.OrgPolicies(o, policyType)
	return slices.ContainsFunc(all, func(p *OrgPolicy) bool { return p.Name == name && p.ID != except }), err
}

// CreateOrgPolicy makes a policy whose content must have been parsed. Exists,
// LimitExceeded.
func (tx *Tx) CreateOrgPolicy(o *Organization, policyType, name, description, content string, tags []Tag) (*OrgPolicy, error) {
	if taken, err := tx.orgPolicyNamed(o, policyType, name, ""); err != nil || taken {
		if err == nil {
			err = &Exists{Kind: KindOrgPolicy, Name: name}
		}
		return nil, err
	}
	if err := tx.within(QuotaOrgPolicies, tx.snap.count(recordKey(tx.account, kindOrgPolicy, ""))+1); err != nil {
		return nil, err
	}
	p := &OrgPolicy{
		Format: recordFormat, ID: "p-" + tx.randomText(8), Type: policyType,
		Name: name, Description: description, Content: content,
	}
	var err error
	if p.Tags, err = tx.mergeTags(nil, tags, false); err != nil {
		return nil, err
	}
	tx.savePolicyOf(o, p)
	return p, nil
}

// UpdateOrgPolicy writes what was changed of a policy. NotOwned, Exists.
func (tx *Tx) UpdateOrgPolicy(o *Organization, p *OrgPolicy) error {
	if p.AWS {
		return &NotOwned{ARN: o.PolicyARN(p.Type, p.ID)}
	}
	if taken, err := tx.orgPolicyNamed(o, p.Type, p.Name, p.ID); err != nil || taken {
		if err == nil {
			err = &Exists{Kind: KindOrgPolicy, Name: p.Name}
		}
		return err
	}
	tx.savePolicyOf(o, p)
	return nil
}

// DeleteOrgPolicy deletes a policy that is attached nowhere. NotOwned, InUse.
func (tx *Tx) DeleteOrgPolicy(o *Organization, p *OrgPolicy) error {
	if p.AWS {
		return &NotOwned{ARN: o.PolicyARN(p.Type, p.ID)}
	}
	targets, err := tx.snap.OrgTargets(o, p)
	if err != nil {
		return err
	}
	if len(targets) > 0 {
		return &InUse{KindOrgPolicy, UseAttachments}
	}
	tx.delete(recordKey(tx.account, kindOrgPolicy, p.ID))
	tx.SaveOrganization(o)
	return nil
}

// TagOrgPolicy adds tags or replaces those of the same key. NotOwned.
func (tx *Tx) TagOrgPolicy(o *Organization, p *OrgPolicy, tags []Tag) (err error) {
	if p.AWS {
		return &NotOwned{ARN: o.PolicyARN(p.Type, p.ID)}
	}
	if p.Tags, err = tx.mergeTags(p.Tags, tags, false); err != nil {
		return err
	}
	tx.savePolicyOf(o, p)
	return nil
}

// UntagOrgPolicy drops tags; keys that aren't there are no error. NotOwned.
func (tx *Tx) UntagOrgPolicy(o *Organization, p *OrgPolicy, keys []string) error {
	if p.AWS {
		return &NotOwned{ARN: o.PolicyARN(p.Type, p.ID)}
	}
	p.Tags = withoutTags(p.Tags, keys, false)
	tx.savePolicyOf(o, p)
	return nil
}

// compile is the compiled policy. One that can't be read denies everything.
func (p *OrgPolicy) compile(o *Organization) *policy.Policy {
	if p.compiled != nil {
		if c := p.compiled.Load(); c != nil {
			return c
		}
	}
	c := policy.Load(p.Content, PolicyKind(p.Type)).Named(policy.Source{Name: p.Name, ARN: o.PolicyARN(p.Type, p.ID)})
	if p.compiled != nil {
		p.compiled.Store(c)
	}
	return c
}

// String names the policy in errors and logs.
func (p *OrgPolicy) String() string { return strings.ToLower(p.Type) + " " + p.ID }
