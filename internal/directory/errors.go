package directory

import "fmt"

// Kind names a kind of entity in the directory's errors.
type Kind string

// The kinds of entities.
const (
	KindUser            Kind = "user"
	KindGroup           Kind = "group"
	KindRole            Kind = "role"
	KindInstanceProfile Kind = "instance profile"
	KindRoleInProfile   Kind = "role in instance profile" // Version is the profile's name
	KindAccessKey       Kind = "access key"
	KindUserPolicy      Kind = "user policy"
	KindGroupPolicy     Kind = "group policy"
	KindRolePolicy      Kind = "role policy"
	KindPolicy          Kind = "policy"
	KindPolicyVersion   Kind = "policy version"
	KindAttachable      Kind = "attachable policy" // a policy that is to be attached
	KindBoundary        Kind = "boundary"
	KindAlias           Kind = "account alias"
	KindLogin           Kind = "login profile"
	KindMFA             Kind = "MFA device"
	KindSSHKey          Kind = "SSH public key"
	KindSigningCert     Kind = "signing certificate"
	KindServerCert      Kind = "server certificate"
	KindServiceCred     Kind = "service-specific credential"
	KindCredService     Kind = "service of credentials"
	KindEnabledMFA      Kind = "MFA device in use"
	KindPasswordRules   Kind = "password policy"
	KindAuditTrail      Kind = "trail"
	KindOIDC            Kind = "OpenID Connect provider"
	KindSAML            Kind = "SAML provider"
	KindSAMLKey         Kind = "private key of a SAML provider"
	KindReport          Kind = "report"
	KindDelegation      Kind = "delegation request"
)

// NotFound: no entity of that kind has that name (id, or ARN).
type NotFound struct {
	Kind    Kind
	Name    string
	Version string // of a policy version
}

func (e *NotFound) Error() string { return fmt.Sprintf("%s %q does not exist", e.Kind, e.Name) }

// Exists: the name is taken, without regard to case.
type Exists struct {
	Kind Kind
	Name string
}

func (e *Exists) Error() string { return fmt.Sprintf("%s %q exists", e.Kind, e.Name) }

// InUse: an entity can't be deleted while something hangs on it.
type InUse struct {
	Kind Kind
	By   string // what hangs on it: one of the Uses
}

func (e *InUse) Error() string { return fmt.Sprintf("%s is in use: %s", e.Kind, e.By) }

// What can hang on an entity, as InUse.By says it.
const (
	UseGroups         = "groups"
	UseMembers        = "members"
	UseAccessKeys     = "access keys"
	UseInlinePolicies = "inline policies"
	UseAttached       = "attached policies"
	UseAttachments    = "attachments"
	UseVersions       = "versions"
	UseProfiles       = "instance profiles"
	UseDefaultVersion = "default version"
	UseLogin          = "login profile"
	UseMFA            = "MFA devices"
	UseReferences     = "SSH keys or service-specific credentials"
	UseCertificates   = "signing certificates"
	UseUser           = "the user that the device is enabled for"
)

// InState: a handshake is in a state that it can't leave.
type InState struct{ State string }

func (e *InState) Error() string { return "the handshake is " + e.State }

// Closed: the account is closed.
type Closed struct{ Account string }

func (e *Closed) Error() string { return fmt.Sprintf("account %s is closed", e.Account) }

// LimitExceeded: a quota would be exceeded.
type LimitExceeded struct {
	Quota string // AWS's name of it
	Limit int
	Name  string // the entity whose quota it is, where the text names it
}

func (e *LimitExceeded) Error() string { return fmt.Sprintf("quota %s: %d", e.Quota, e.Limit) }

// DuplicateTags: one request gives a tag key twice.
type DuplicateTags struct{ FoldCase bool }

func (e *DuplicateTags) Error() string { return "a tag key is given twice" }

// ReservedTag: a tag's key or value begins with "aws:".
type ReservedTag struct{ Text string }

func (e *ReservedTag) Error() string { return fmt.Sprintf("%q in a tag is reserved", e.Text) }

// InvalidPrincipal: a policy names a user or role that doesn't exist.
type InvalidPrincipal struct{ Type, Value string }

func (e *InvalidPrincipal) Error() string {
	return fmt.Sprintf("principal %s %q does not exist", e.Type, e.Value)
}

// NotAttachable: that policy can't be attached to that kind of entity.
type NotAttachable struct{ ARN string }

func (e *NotAttachable) Error() string { return fmt.Sprintf("policy %s is not attachable", e.ARN) }

// NotOwned: a policy of AWS's, which no account can change.
type NotOwned struct{ ARN string }

func (e *NotOwned) Error() string { return fmt.Sprintf("policy %s belongs to AWS", e.ARN) }
