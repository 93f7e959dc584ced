package policy

import (
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
)

// grant says by which kinds of entry a statement names a principal. How far an
// Allow reaches depends on it.
type grant uint8

const (
	grantDirect    grant = 1 << iota // everyone
	grantAccount                     // the account: leaves the decision to identity policies
	grantUser                        // the user, or who asked for the federated session
	grantRole                        // the role of the session
	grantSession                     // this very session
	grantService                     // the service
	grantFederated                   // the identity provider
)

// principalEntry is one entry of Principal or NotPrincipal.
type principalEntry struct {
	kind principalKind
	text string
}

type principalKind uint8

const (
	byAll principalKind = iota
	byAccount
	byARN
	byID
	byService
	byProvider
	byCanonicalID
)

// newPrincipalEntry compiles "*", or the member of a principal map and its
// value with a zero byte between.
func newPrincipalEntry(text string) principalEntry {
	member, v, _ := strings.Cut(text, "\x00")
	switch member {
	case "Service":
		return principalEntry{byService, v}
	case "Federated":
		return principalEntry{byProvider, v}
	case "CanonicalUser":
		return principalEntry{byCanonicalID, v}
	case "*":
		return principalEntry{kind: byAll}
	}
	switch {
	case v == "*":
		return principalEntry{kind: byAll}
	case isAccount(v):
		return principalEntry{byAccount, v}
	case !strings.HasPrefix(v, "arn:"):
		return principalEntry{byID, v}
	}
	if a, err := arn.Parse(v); err == nil && a.Service == "iam" && a.Resource == "root" {
		return principalEntry{byAccount, a.Account}
	}
	return principalEntry{byARN, v}
}

// isAccount says whether s is a 12-digit account id.
func isAccount(s string) bool { return len(s) == 12 && digits(s) }

// match says by which kind the entry names p; 0 means it doesn't.
func (e *principalEntry) match(p *Principal, ctx *Context) grant {
	switch e.kind {
	case byAll:
		return grantDirect
	case byAccount:
		return when(p.hasAccount() && p.Account == e.text, grantAccount)
	case byARN:
		return p.matchARN(e.text)
	case byID:
		return p.matchID(e.text, ctx)
	case byService:
		return when(p.Type == Service && p.Service == e.text, grantService)
	case byProvider:
		return when((p.Type == WebIdentity || p.Type == SAML) && p.Provider == e.text, grantFederated)
	case byCanonicalID:
		return when(p.hasAccount() && p.CanonicalID == e.text, grantAccount)
	}
	return 0
}

func when(cond bool, g grant) grant {
	if cond {
		return g
	}
	return 0
}

// hasAccount says whether the principal belongs to an account: the four types
// whose requests are signed with keys of one.
func (p *Principal) hasAccount() bool {
	return p.Type == Root || p.hasPolicies()
}

// hasPolicies says whether the principal is of a type with identity policies.
func (p *Principal) hasPolicies() bool {
	return p.Type == User || p.Type == AssumedRole || p.Type == FederatedUser
}

// isServiceLinked says whether the principal is a session of a service-linked
// role, which organization policies don't bind.
func (p *Principal) isServiceLinked() bool {
	return p.Type == AssumedRole && strings.Contains(p.RoleARN, ":role/aws-service-role/")
}

func (p *Principal) matchARN(text string) grant {
	switch p.Type {
	case User:
		return when(p.ARN == text, grantUser)
	case AssumedRole:
		return when(p.RoleARN == text, grantRole) | when(p.ARN == text, grantSession)
	case FederatedUser:
		return when(p.ARN == text, grantSession) | when(p.UserARN == text, grantUser)
	}
	return 0
}

// matchID compares a unique id. Of a role's sessions, aws:userid holds it
// before the colon.
func (p *Principal) matchID(text string, ctx *Context) grant {
	if text == "" || p.Type != User && p.Type != AssumedRole && p.Type != FederatedUser {
		return 0
	}
	if p.Type == FederatedUser {
		return when(p.ID == text, grantUser)
	}
	id := p.ID
	if id == "" {
		if v := ctx.find(keyUserID); v != nil && v.kind == valueSingle {
			id = v.one
		}
	}
	if p.Type == User {
		return when(id == text, grantUser)
	}
	id, _, _ = strings.Cut(id, ":")
	return when(id == text, grantRole)
}

var keyUserID = newKey("aws:userid")

// matchPrincipal says whether the statement speaks of p, and by which kind of
// entry. limited says that p has a permissions boundary.
func (s *statement) matchPrincipal(p *Principal, limited bool, ctx *Context) grant {
	if !s.hasPrincipal {
		return grantDirect
	}
	var g grant
	for i := range s.principals {
		g |= s.principals[i].match(p, ctx)
	}
	if !s.notPrincipal {
		return g
	}
	if s.deny && limited || !s.exempts(p, g) {
		return grantDirect
	}
	return 0
}

// exempts says whether a NotPrincipal that names p by the kinds g leaves it
// out. A Deny leaves out only a principal that is named together with all that
// it belongs to; an Allow, to be safe, one that is named in any way.
func (s *statement) exempts(p *Principal, g grant) bool {
	if !s.deny || g&grantDirect != 0 {
		return g != 0
	}
	var need grant
	switch p.Type {
	case Root:
		need = grantAccount
	case User:
		need = grantAccount | grantUser
	case AssumedRole:
		need = grantAccount | grantRole | grantSession
	case FederatedUser:
		need = grantAccount | grantSession
	default:
		return g != 0
	}
	return g&need == need
}

// NamedPrincipal is one entry of Principal or NotPrincipal.
type NamedPrincipal struct {
	Type   string // AWS, Service, Federated, CanonicalUser, or "*" for everyone
	Value  string // empty for everyone
	Line   int    // from 1
	Column int    // in characters, from 1
}

// Principals returns whom the policy names, in the order of the document. Who
// saves a policy asks whether those users and roles exist.
func (p *Policy) Principals() []NamedPrincipal {
	var out []NamedPrincipal
	for _, s := range p.statements() {
		for _, it := range s.raw.principal.items {
			member, v, _ := strings.Cut(it.text, "\x00")
			out = append(out, NamedPrincipal{member, v, int(it.at.line), int(it.at.col)})
		}
	}
	return out
}
