package directory

import (
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// Organization is an AWS organization. Its records stand with its management
// account; every change of any of them writes this one, so that no two changes
// that don't know of each other both go through.
type Organization struct {
	Format   int       `json:"v"`
	ID       string    `json:"id"`   // o-…
	Root     string    `json:"root"` // r-…
	Created  time.Time `json:"created"`
	Features string    `json:"features"` // FeaturesAll or FeaturesBilling
	// Enabled are the policy types in force. Generations counts how often each
	// has been: what was attached before a type was disabled is gone.
	Enabled     []string             `json:"enabled,omitempty"`
	Generations map[string]int       `json:"generations,omitempty"`
	Services    map[string]time.Time `json:"services,omitempty"` // trusted access, by service principal
	// RootFeatures are those of IAM for the root users of member accounts.
	RootFeatures []string `json:"rootFeatures,omitempty"`
	Changes      int      `json:"n"`

	account string
}

// The feature sets of organizations.
const (
	FeaturesAll     = "ALL"
	FeaturesBilling = "CONSOLIDATED_BILLING"
)

// The types of policies that organizations have here.
const (
	SCP = "SERVICE_CONTROL_POLICY"
	RCP = "RESOURCE_CONTROL_POLICY"
)

func (o *Organization) loaded(r *Record) { o.account, _ = splitKey(r.Key) }

// Account is the id of the management account.
func (o *Organization) Account() string { return o.account }

// ARN is the organization's ARN.
func (o *Organization) ARN() string { return o.arn("organization") + o.ID }

// arn is the beginning of the ARN of a resource of that kind.
func (o *Organization) arn(kind string) string {
	return "arn:aws:organizations::" + o.account + ":" + kind + "/"
}

// NodeARN is the ARN of the root, an organizational unit or an account.
func (o *Organization) NodeARN(id string) string {
	kind := "account"
	switch {
	case strings.HasPrefix(id, "r-"):
		kind = "root"
	case strings.HasPrefix(id, "ou-"):
		kind = "ou"
	}
	return o.arn(kind) + o.ID + "/" + id
}

// PolicyARN is the ARN of a policy of that type.
func (o *Organization) PolicyARN(kind, id string) string {
	if p := awsOrgPolicy(id); p != nil {
		return "arn:aws:organizations::aws:policy/" + strings.ToLower(kind) + "/" + id
	}
	return o.arn("policy") + o.ID + "/" + strings.ToLower(kind) + "/" + id
}

// HandshakeARN is the ARN of an invitation.
func (o *Organization) HandshakeARN(id string) string {
	return o.arn("handshake") + o.ID + "/invite/" + id
}

// Has reports whether that type of policy is in force.
func (o *Organization) Has(policyType string) bool { return slices.Contains(o.Enabled, policyType) }

const orgRecord = "organization"

// Organization is the organization that the account is in, or nil.
func (s *Snapshot) Organization(account string) (*Organization, error) {
	a, err := s.Account(account)
	if err != nil || a == nil || a.Organization == "" {
		return nil, err
	}
	r := s.get(a.Organization, kindOrg, orgRecord)
	if r == nil {
		return nil, &NotFound{Kind: KindOrganization, Name: a.Organization}
	}
	return decode[Organization](r)
}

// Organization gives the organization of the transaction's account, which must
// be the management account, to be read and changed. NotFound.
func (tx *Tx) Organization() (*Organization, error) {
	r := tx.read(recordKey(tx.account, kindOrg, orgRecord))
	if r == nil {
		return nil, &NotFound{Kind: KindOrganization, Name: tx.account}
	}
	o, err := decode[Organization](r)
	if err != nil {
		return nil, err
	}
	editable := *o
	editable.account = tx.account
	return &editable, nil
}

// SaveOrganization writes the organization, as every change of anything in it must.
func (tx *Tx) SaveOrganization(o *Organization) {
	o.Changes++
	tx.put(recordKey(o.account, kindOrg, orgRecord), encode(o))
}

// CreateOrganization makes the transaction's account the management account of
// a new organization. Exists, where it is in one.
func (tx *Tx) CreateOrganization(features string) (*Organization, error) {
	a, err := tx.accountRecord()
	if err != nil {
		return nil, err
	}
	if a.Organization != "" {
		return nil, &Exists{Kind: KindOrganization, Name: a.Organization}
	}
	o := &Organization{
		Format: recordFormat, ID: "o-" + tx.randomText(10), Root: "r-" + tx.randomText(4),
		Created: tx.now, Features: features, Generations: map[string]int{}, account: tx.account,
	}
	tx.saveNode(&OrgNode{Format: recordFormat, ID: o.Root, Name: "Root"})
	tx.enroll(o, &a, JoinedInvited)
	tx.SaveOrganization(o)
	return o, nil
}

// randomText is text of the characters that organizations' ids are made of.
func (tx *Tx) randomText(n int) string { return seal.LowerText(tx.snap.d.opts.Rand, n) }

// How accounts came into an organization.
const (
	JoinedInvited = "INVITED"
	JoinedCreated = "CREATED"
)

// enroll puts an account into the organization, under the root.
func (tx *Tx) enroll(o *Organization, a *Account, how string) {
	a.Organization = o.account
	tx.saveAccount(a)
	tx.saveNode(&OrgNode{Format: recordFormat, ID: a.ID, Name: a.Name, Parent: o.Root, Joined: tx.now, Method: how})
}

// Enroll puts an account of the deployment into the organization. NotFound;
// Exists, where it is in one; LimitExceeded.
func (tx *Tx) Enroll(o *Organization, account, how string) error {
	if err := tx.within(QuotaOrgAccounts, tx.countNodes(isAccountNode)+1); err != nil {
		return err
	}
	return tx.as(account, func() error {
		a, err := tx.accountRecord()
		if err != nil {
			return err
		}
		if a.Organization != "" {
			return &Exists{Kind: KindOrganization, Name: a.Organization}
		}
		return tx.as(o.account, func() error {
			tx.enroll(o, &a, how)
			tx.SaveOrganization(o)
			return nil
		})
	})
}

// Expel takes a member account out of the organization. NotFound; InUse, for
// the management account.
func (tx *Tx) Expel(o *Organization, account string) error {
	if account == o.account {
		return &InUse{KindAccount, UseManagement}
	}
	if _, err := tx.OrgNode(account); err != nil {
		return err
	}
	if err := tx.as(account, func() error {
		a, err := tx.accountRecord()
		if err != nil {
			return err
		}
		a.Organization = ""
		tx.saveAccount(&a)
		return nil
	}); err != nil {
		return err
	}
	tx.delete(recordKey(o.account, kindOrgNode, account))
	tx.SaveOrganization(o)
	return nil
}

// DeleteOrganization deletes an organization in which only its management
// account is left. InUse; LimitExceeded, where policies and organizational
// units are left that are more than one transaction takes.
func (tx *Tx) DeleteOrganization(o *Organization) error {
	if tx.countNodes(isAccountNode) > 1 {
		return &InUse{KindOrganization, UseAccounts}
	}
	if tx.countNodes(func(n *OrgNode) bool { return strings.HasPrefix(n.ID, "ou-") }) > 0 {
		return &InUse{KindOrganization, UseUnits}
	}
	if tx.snap.count(recordKey(o.account, kindOrgPolicy, "")) > 0 {
		return &InUse{KindOrganization, UsePolicies}
	}
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	a.Organization = ""
	tx.saveAccount(&a)
	for _, id := range []string{o.Root, o.account} {
		tx.delete(recordKey(o.account, kindOrgNode, id))
	}
	tx.delete(recordKey(o.account, kindOrg, orgRecord))
	return nil
}

// EnablePolicyType puts a type of policy in force: AWS's own policy, which allows
// all, is attached everywhere. Exists.
func (tx *Tx) EnablePolicyType(o *Organization, policyType string) error {
	if o.Has(policyType) {
		return &Exists{Kind: KindOrgPolicyType, Name: policyType}
	}
	o.Enabled = append(slices.Clone(o.Enabled), policyType)
	generations := map[string]int{}
	for t, n := range o.Generations {
		generations[t] = n
	}
	generations[policyType]++
	o.Generations = generations
	tx.SaveOrganization(o)
	return nil
}

// DisablePolicyType detaches all policies of a type, everywhere. NotFound.
func (tx *Tx) DisablePolicyType(o *Organization, policyType string) error {
	i := slices.Index(o.Enabled, policyType)
	if i < 0 {
		return &NotFound{Kind: KindOrgPolicyType, Name: policyType}
	}
	o.Enabled = slices.Delete(slices.Clone(o.Enabled), i, i+1)
	tx.SaveOrganization(o)
	return nil
}
