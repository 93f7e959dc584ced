package directory

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

// Quotas are the names that Options.Quotas may set.
func Quotas() map[string]int {
	out := make(map[string]int, len(defaultQuotas))
	for name, n := range defaultQuotas {
		out[name] = n
	}
	return out
}

// Quota is the limit of that name.
func (d *Directory) Quota(name string) int {
	if n, set := d.opts.Quotas[name]; set {
		return n
	}
	return defaultQuotas[name]
}

// within refuses n where it exceeds the quota.
func (tx *Tx) within(quota string, n int) error {
	if limit := tx.snap.d.Quota(quota); n > limit {
		return &LimitExceeded{Quota: quota, Limit: limit}
	}
	return nil
}

// roomFor refuses one more entity where the account holds as many as it may.
// Entities that are being made at the same moment may pass together.
func (tx *Tx) roomFor(quota, nameKind string) error {
	if _, set := tx.snap.d.opts.Quotas[quota]; quota == QuotaUsers && !set {
		return nil
	}
	return tx.within(quota, tx.snap.count(recordKey(tx.account, nameKind, ""))+1)
}
