package directory

// The kinds of records that organizations and closed accounts have.
const (
	kindClosed     = "closed"
	kindOrg        = "org"
	kindOrgNode    = "orgnode"
	kindOrgPolicy  = "orgpolicy"
	kindOrgRequest = "orgrequest"
	kindHandshake  = "handshake"
	kindInvited    = "invited"
)

// The kinds of entities of accounts and organizations, in errors.
const (
	KindAccount        Kind = "account"
	KindEmail          Kind = "account with email"
	KindOrganization   Kind = "organization"
	KindOrgNode        Kind = "root, organizational unit or account"
	KindOrgUnit        Kind = "organizational unit"
	KindOrgPolicy      Kind = "organization policy"
	KindOrgPolicyType  Kind = "policy type"
	KindOrgAttachment  Kind = "attached organization policy"
	KindAccountRequest Kind = "account request"
	KindHandshake      Kind = "handshake"
)

// What can hang on accounts and on parts of organizations, as InUse.By says it.
const (
	UseFirst        = "it is the deployment's first account"
	UseOrganization = "it is in an organization"
	UseManagement   = "it is the management account"
	UseAccounts     = "accounts"
	UseUnits        = "organizational units"
	UsePolicies     = "policies"
	UseChildren     = "children"
	UseLastPolicy   = "last attached policy"
)

// Quotas of organizations by AWS's names for their limits, where it has any:
// "Quotas and service limits for AWS Organizations" in its user guide.
const (
	QuotaOrgAccounts   = "AccountsPerOrganization"
	QuotaOrgUnits      = "UnitsPerOrganization"
	QuotaOrgDepth      = "UnitDepth"
	QuotaOrgPolicies   = "PoliciesPerOrganization"
	QuotaOrgAttached   = "PoliciesPerTarget"
	QuotaOrgPolicySize = "OrganizationPolicySize"
)
