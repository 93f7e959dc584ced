package iam

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) accountOperations() []service.Operation {
	return []service.Operation{
		op("CreateAccountAlias", s.CreateAccountAlias),
		op("DeleteAccountAlias", s.DeleteAccountAlias),
		op("ListAccountAliases", s.ListAccountAliases),
		op("GetAccountSummary", s.GetAccountSummary),
		op("SetSecurityTokenServicePreferences", s.SetSecurityTokenServicePreferences),
	}
}

// CreateAccountAlias gives the account an alias, in place of the one it has.
func (s *Service) CreateAccountAlias(ctx context.Context, c *service.Caller, in *api.CreateAccountAliasRequest) (*nothing, error) {
	if isAccountID(in.AccountAlias) {
		return nil, awsapi.ValidationError.New("The account alias must not be a 12-digit number.")
	}
	return nil, s.update(ctx, c, func(tx *directory.Tx) error { return tx.SetAlias(in.AccountAlias) })
}

// isAccountID reports whether an alias could be mistaken for an account's id.
func isAccountID(alias string) bool {
	return len(alias) == 12 && strings.Trim(alias, "0123456789") == ""
}

// DeleteAccountAlias takes the account's alias away.
func (s *Service) DeleteAccountAlias(ctx context.Context, c *service.Caller, in *api.DeleteAccountAliasRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error { return tx.DeleteAlias(in.AccountAlias) })
}

// ListAccountAliases lists the account's alias, if it has one.
func (s *Service) ListAccountAliases(_ context.Context, c *service.Caller, in *api.ListAccountAliasesRequest) (*api.ListAccountAliasesResponse, error) {
	a, err := c.Snapshot.Account(c.Account())
	if err != nil {
		return nil, err
	}
	var aliases []string
	if a != nil && a.Alias != "" {
		aliases = append(aliases, a.Alias)
	}
	same := func(s string) string { return s }
	p, err := pageOf("ListAccountAliases", in.Marker, in.MaxItems, aliases, same, same)
	if err != nil {
		return nil, err
	}
	return &api.ListAccountAliasesResponse{AccountAliases: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// GetAccountSummary counts the account's entities and tells its quotas.
func (s *Service) GetAccountSummary(_ context.Context, c *service.Caller, _ *api.GetAccountSummaryRequest) (*api.GetAccountSummaryResponse, error) {
	n, err := c.Snapshot.Counts(c.Account())
	if err != nil {
		return nil, err
	}
	a, err := c.Snapshot.Account(c.Account())
	if err != nil || a == nil {
		return nil, cmp.Or(err, errors.New("the caller's account has no record"))
	}
	root, err := c.Snapshot.UserByID(c.Account(), c.Account())
	if err != nil {
		return nil, err
	}
	quota := func(name string) int32 { return int32(c.Snapshot.Quota(c.Account(), name)) }
	// Every key is always there. What this service doesn't hold yet counts as
	// none; its quotas are AWS's defaults (docs/facts, 11.1).
	return &api.GetAccountSummaryResponse{SummaryMap: map[string]int32{
		"Users": int32(n.Users), "UsersQuota": quota(directory.QuotaUsers),
		"Groups": int32(n.Groups), "GroupsQuota": quota(directory.QuotaGroups),
		"Roles": int32(n.Roles), "RolesQuota": quota(directory.QuotaRoles),
		"Policies": int32(n.Policies), "PoliciesQuota": quota(directory.QuotaPolicies),
		"PolicyVersionsInUse": int32(n.PolicyVersions), "PolicyVersionsInUseQuota": 10000,
		"VersionsPerPolicyQuota": quota(directory.QuotaPolicyVersions),
		"InstanceProfiles":       int32(n.InstanceProfiles), "InstanceProfilesQuota": quota(directory.QuotaInstanceProfiles),
		"ServerCertificates": int32(n.ServerCerts), "ServerCertificatesQuota": quota(directory.QuotaServerCerts),
		"Providers":                         int32(n.Providers),
		"MFADevices":                        int32(n.MFADevices),
		"MFADevicesInUse":                   int32(n.MFAInUse),
		"AccountMFAEnabled":                 flag(len(root.MFA) > 0),
		"AccountAccessKeysPresent":          flag(len(root.Keys) > 0),
		"AccountPasswordPresent":            flag(root.Password != ""),
		"AccountSigningCertificatesPresent": flag(len(root.Certificates) > 0),
		"GlobalEndpointTokenVersion":        int32(max(1, a.TokenVersion)),
		"AccessKeysPerUserQuota":            quota(directory.QuotaAccessKeys),
		"SigningCertificatesPerUserQuota":   quota(directory.QuotaCertificates),
		"GroupsPerUserQuota":                quota(directory.QuotaGroupsPerUser),
		"AttachedPoliciesPerUserQuota":      quota(directory.QuotaPoliciesUser),
		"AttachedPoliciesPerGroupQuota":     quota(directory.QuotaPoliciesGroup),
		"AttachedPoliciesPerRoleQuota":      quota(directory.QuotaPoliciesRole),
		"UserPolicySizeQuota":               quota(directory.QuotaUserPolicySize),
		"GroupPolicySizeQuota":              quota(directory.QuotaGroupPolicySize),
		"RolePolicySizeQuota":               quota(directory.QuotaRolePolicySize),
		"PolicySizeQuota":                   quota(directory.QuotaPolicySize),
		"AssumeRolePolicySizeQuota":         quota(directory.QuotaTrustSize),
	}}, nil
}

func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// SetSecurityTokenServicePreferences notes which tokens the global endpoint of
// STS is to give. There is one endpoint here: only the account summary shows it.
func (s *Service) SetSecurityTokenServicePreferences(ctx context.Context, c *service.Caller, in *api.SetSecurityTokenServicePreferencesRequest) (*nothing, error) {
	version := 1
	if in.GlobalEndpointTokenVersion == "v2Token" {
		version = 2
	}
	return nil, s.update(ctx, c, func(tx *directory.Tx) error { return tx.SetTokenVersion(version) })
}
