package policy

import (
	"cmp"
	"fmt"
	"slices"
)

// Decision is the answer to a request. The zero value denies.
type Decision uint8

// The decisions.
const (
	ImplicitDeny Decision = iota // nothing allows it
	ExplicitDeny                 // a statement denies it
	Allowed                      // allowed by all that must, denied by none
)

// String returns AWS's word for the decision, as simulations use it.
func (d Decision) String() string {
	return [...]string{"implicitDeny", "explicitDeny", "allowed"}[d]
}

// MarshalText returns String.
func (d Decision) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Decision) UnmarshalText(text []byte) error {
	for _, known := range []Decision{ImplicitDeny, ExplicitDeny, Allowed} {
		if known.String() == string(text) {
			*d = known
			return nil
		}
	}
	return fmt.Errorf("decision %q is not known", text)
}

// PolicyType is a type of policy as AWS's messages name it.
type PolicyType uint8

// The types of policies that can decide.
const (
	NoPolicy PolicyType = iota // decided without a policy: root users, sts:GetCallerIdentity
	IdentityPolicy
	ResourcePolicy
	PermissionsBoundary
	SessionPolicy
	ServiceControlPolicy
	ResourceControlPolicy
	TrustPolicy
)

var typeNames = [...]string{
	"no policy", "identity-based policy", "resource-based policy", "permissions boundary", "session policy",
	"service control policy", "resource control policy", "role trust policy",
}

// String returns AWS's name of the type.
func (t PolicyType) String() string { return typeNames[t] }

// MarshalText returns String.
func (t PolicyType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (t *PolicyType) UnmarshalText(text []byte) error {
	i := slices.Index(typeNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("type of policy %q is not known", text)
	}
	*t = PolicyType(i)
	return nil
}

// article is the word before the type's name in "explicit deny in …".
func (t PolicyType) article() string {
	switch t {
	case TrustPolicy:
		return "the "
	case IdentityPolicy:
		return "an "
	}
	return "a "
}

// Result is a decision and what made it.
type Result struct {
	Decision  Decision
	Type      PolicyType // the type of policy that decided, or whose Allow is missing
	Policy    *Policy    // the policy that decided; nil if the absence of one did
	Statement int        // number of the deciding statement in Policy, from 0
	Level     int        // of an organization policy, or of the missing one: from 1 at the root
}

// Allowed says whether the request may pass.
func (r Result) Allowed() bool { return r.Decision == Allowed }

// Message returns AWS's text of an access denied error, or nothing if the
// request is allowed.
func (r Result) Message(req *Request) string { return r.Denial(req, Style{}) }

// Style varies the text of a denial as services do.
type Style struct {
	NoResource    bool // leave " on resource: …" out
	QuoteResource bool // put the resource in double quotes, as S3 does
	NoReason      bool // leave "because no …" and "with an explicit deny …" out

	// Resource is what the resource is called. Empty means by its ARN.
	Resource string
}

// Denial returns AWS's text of an access denied error in a service's style, or
// nothing if the request is allowed. It names one type of policy only, and of
// an explicit deny the policy's ARN where it has one. Who brings a token of
// another provider has no name, and who signs nothing is told no reason.
func (r Result) Denial(req *Request, s Style) string {
	switch {
	case r.Allowed():
		return ""
	case req.Principal.Type == WebIdentity || req.Principal.Type == SAML:
		return "Not authorized to perform " + req.Action
	}
	text := "User: " + req.Principal.name() + " is not authorized to perform: " + req.Action
	if !s.NoResource {
		text += " on resource: " + quoted(cmp.Or(s.Resource, req.Resource), s.QuoteResource)
	}
	if s.NoReason || req.Principal.Type == Anonymous {
		return text
	}
	return text + r.reason(req.Action)
}

func (r Result) reason(action string) string {
	switch {
	case r.Type == NoPolicy:
		return ""
	case r.Decision == ImplicitDeny:
		return " because no " + r.Type.String() + " allows the " + action + " action"
	}
	text := " with an explicit deny in " + r.Type.article() + r.Type.String()
	if r.Policy != nil && r.Policy.source.ARN != "" {
		text += ": " + r.Policy.source.ARN
	}
	return text
}

func quoted(s string, quote bool) string {
	if quote {
		return `"` + s + `"`
	}
	return s
}

// name returns what messages call the principal.
func (p *Principal) name() string {
	switch p.Type {
	case Anonymous:
		return "anonymous"
	case Service:
		return p.Service
	}
	return p.ARN
}
