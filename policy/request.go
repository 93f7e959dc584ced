package policy

// PrincipalType says what kind of caller a principal is.
type PrincipalType uint8

// The types of principals.
const (
	Anonymous     PrincipalType = iota // nobody signed the request
	User                               // an IAM user, also in a GetSessionToken session
	AssumedRole                        // a session of a role
	FederatedUser                      // a GetFederationToken session
	Root                               // the root user of an account
	Service                            // an AWS service
	WebIdentity                        // who brings an OIDC token to AssumeRoleWithWebIdentity
	SAML                               // who brings an assertion to AssumeRoleWithSAML
)

// Principal is the caller of a request.
type Principal struct {
	Type     PrincipalType
	ARN      string // of the user, the session (arn:…:sts::…), or the account's root
	Account  string // 12 digits; empty where there is none
	RoleARN  string // AssumedRole: the role's ARN with its path
	UserARN  string // FederatedUser: the user who asked for the session
	Service  string // Service: as in s3.amazonaws.com
	Provider string // WebIdentity, SAML: the provider as a policy names it
	// ID is the unique id (AIDA…, AROA…) of the user or role, or of the user who
	// asked for a federated session. If empty, that of a user or role is taken
	// from aws:userid.
	ID          string
	CanonicalID string // S3's canonical id of the account; may be empty
}

// Request is one question: may this principal do this to that?
type Request struct {
	Action string // as in s3:GetObject
	// Resource is an ARN, or "*" for an action without resources.
	Resource string
	// ResourceAccount is the account that owns the resource. If empty, it is
	// the account that the resource's ARN names, or else the principal's own.
	ResourceAccount string
	Principal       Principal
	Context         *Context // nil means no keys
}

// Policies are all policies that take part in a decision.
type Policies struct {
	Identity *Set    // the caller's own policies, its groups' or its role's
	Boundary *Policy // nil: the caller has no permissions boundary
	// Session holds the session policies. Nil: the session was made without
	// any, which leaves a role all its rights and a federated user none. An
	// empty Set allows nothing.
	Session *Set
	// SCPs are the service control policies of the caller's account, one Set for
	// each level from the organization's root down to the account; a level
	// without policies allows nothing. None: the account is in no organization,
	// or is its management account. They aren't asked about sessions of
	// service-linked roles, nor about callers without an account.
	SCPs []*Set
	// RCPs are the resource control policies of the resource's account, by
	// level. Only their Denies count. None for resources of the management
	// account; they aren't asked about sessions of service-linked roles.
	RCPs     []*Set
	Resource *Policy // the resource's policy, or the role's trust policy; nil: none
}
