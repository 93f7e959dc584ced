package directory

import (
	"fmt"
	"maps"
	"strings"
)

// Quotas by AWS's names for them, with the defaults of "IAM and AWS STS
// quotas" in the IAM user guide. Sizes are in characters; white space does not
// count. UsersPerAccount is enforced only where it is set: AWS's 5000 is what
// the account summary then shows.
const (
	QuotaUsers            = "UsersPerAccount"
	QuotaGroups           = "GroupsPerAccount"
	QuotaPolicies         = "PoliciesPerAccount"
	QuotaAccessKeys       = "AccessKeysPerUser"
	QuotaGroupsPerUser    = "GroupsPerUser"
	QuotaPoliciesUser     = "PoliciesPerUser"
	QuotaPoliciesGroup    = "PoliciesPerGroup"
	QuotaPolicySize       = "PolicySize"
	QuotaUserPolicySize   = "UserPolicySize"
	QuotaGroupPolicySize  = "GroupPolicySize"
	QuotaPolicyVersions   = "VersionsPerPolicy"
	QuotaTags             = "TagsPerEntity"
	QuotaRoles            = "RolesPerAccount"
	QuotaInstanceProfiles = "InstanceProfilesPerAccount"
	QuotaPoliciesRole     = "PoliciesPerRole"
	QuotaRolePolicySize   = "RolePolicySize"
	QuotaTrustSize        = "ACLSizePerRole"
	QuotaRolesPerProfile  = "InstanceSessionsPerInstanceProfile" // AWS's word for it
	QuotaMFA              = "MFADevicesPerUser"
	QuotaSSHKeys          = "SSHPublicKeysPerUser"
	QuotaCertificates     = "CertificatesPerUser"
	QuotaServerCerts      = "ServerCertificatesPerAccount"
	QuotaServiceCreds     = "ServiceSpecificCredentialsPerUser"
	QuotaOIDCProviders    = "OpenIDConnectProvidersPerAccount"
	QuotaClientIDs        = "ClientIdsPerOpenIdConnectProvider"
	QuotaSAMLProviders    = "SAMLProvidersPerAccount"
	QuotaSAMLKeys         = "PrivateKeysPerSAMLProvider"
)

var defaultQuotas = map[string]int{
	QuotaUsers:            5000,
	QuotaGroups:           300,
	QuotaPolicies:         1500,
	QuotaAccessKeys:       2,
	QuotaGroupsPerUser:    10,
	QuotaPoliciesUser:     10,
	QuotaPoliciesGroup:    10,
	QuotaPolicySize:       6144,
	QuotaUserPolicySize:   2048,
	QuotaGroupPolicySize:  5120,
	QuotaPolicyVersions:   5,
	QuotaTags:             50,
	QuotaRoles:            1000,
	QuotaInstanceProfiles: 1000,
	QuotaPoliciesRole:     10,
	QuotaRolePolicySize:   10240,
	QuotaTrustSize:        2048,
	QuotaMFA:              8,
	QuotaSSHKeys:          5,
	QuotaCertificates:     2,
	QuotaServerCerts:      20,
	QuotaServiceCreds:     2,
	QuotaOIDCProviders:    100,
	QuotaClientIDs:        100,
	QuotaSAMLProviders:    100,
	QuotaSAMLKeys:         2,

	QuotaOrgAccounts:   10,
	QuotaOrgUnits:      2000,
	QuotaOrgPolicies:   10000,
	QuotaOrgAttached:   5,
	QuotaOrgPolicySize: 5120,
}

// Quotas are the names that Options.Quotas and SetQuota may set, with AWS's
// defaults.
func Quotas() map[string]int { return maps.Clone(defaultQuotas) }

// MaxQuota is the greatest number that a quota can be set to: what a document
// can be long by IAM's model, what a record has room for, and for whole
// accounts what nobody reaches.
func MaxQuota(name string) int {
	switch {
	case strings.HasSuffix(name, "Size") || name == QuotaTrustSize:
		return 131072
	case strings.HasSuffix(name, "PerAccount") || strings.HasSuffix(name, "PerOrganization"):
		return 10_000_000
	}
	return 1000
}

// BadQuota: there is no quota of that name, or it can't be that number.
type BadQuota struct {
	Name  string
	Limit int
}

func (e *BadQuota) Error() string {
	if _, known := defaultQuotas[e.Name]; !known {
		return fmt.Sprintf("there is no quota %q", e.Name)
	}
	return fmt.Sprintf("quota %s can be 0 to %d, not %d", e.Name, MaxQuota(e.Name), e.Limit)
}

// SetQuota sets a quota of the account: nil means that of the deployment. What
// the account has more of stays. BadQuota.
func (tx *Tx) SetQuota(name string, limit *int) error {
	if _, known := defaultQuotas[name]; !known {
		return &BadQuota{Name: name}
	}
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	quotas := maps.Clone(a.Quotas)
	if limit == nil {
		delete(quotas, name)
	} else {
		if *limit < 0 || *limit > MaxQuota(name) {
			return &BadQuota{Name: name, Limit: *limit}
		}
		if quotas == nil {
			quotas = map[string]int{}
		}
		quotas[name] = *limit
	}
	if !maps.Equal(a.Quotas, quotas) {
		a.Quotas = quotas
		tx.saveAccount(&a)
	}
	return nil
}

// Quota is an account's limit of that name: its own, or that of the deployment.
func (s *Snapshot) Quota(account, name string) int {
	limit, _ := s.quota(account, name)
	return limit
}

// quota gives a limit, and whether it was set by anyone.
func (s *Snapshot) quota(account, name string) (limit int, set bool) {
	if a, err := s.Account(account); err == nil && a != nil {
		if n, set := a.Quotas[name]; set {
			return n, true
		}
	}
	if n, set := s.d.opts.Quotas[name]; set {
		return n, true
	}
	return defaultQuotas[name], false
}

// within refuses n where it exceeds the quota.
func (tx *Tx) within(quota string, n int) error {
	if limit := tx.snap.Quota(tx.account, quota); n > limit {
		return &LimitExceeded{Quota: quota, Limit: limit}
	}
	return nil
}

// roomFor refuses one more entity where the account holds as many as it may.
// Entities that are being made at the same moment may pass together.
func (tx *Tx) roomFor(quota, nameKind string) error {
	if _, set := tx.snap.quota(tx.account, quota); quota == QuotaUsers && !set {
		return nil
	}
	return tx.within(quota, tx.snap.count(recordKey(tx.account, nameKind, ""))+1)
}
