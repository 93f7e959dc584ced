package directory

import (
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/policy"
)

// External is someone whom an identity provider vouches for, in a request that
// is not signed: nobody of the directory, and without any policies.
type External struct {
	Type     policy.PrincipalType // policy.WebIdentity or policy.SAML
	Provider string               // the provider's ARN
	Subject  string               // as the provider calls them
	// Keys are the condition keys that the provider's word makes, by name.
	Keys map[string][]string
	// Verified is what the operation has verified, for itself.
	Verified any
}

// Principal is who credentials belong to, or who is vouched for. Exactly one of
// User, Role, Federated and External is set; in a zero Principal none is.
type Principal struct {
	// User is an IAM user or the root user: with an access key, in a session of
	// GetSessionToken, or as root in one of AssumeRoot.
	User *User
	// Role is the role that the session is one of.
	Role *Role
	// Federated is the user who asked for the session of a federated user.
	Federated *User
	// External is who asks with a token or an assertion of an identity provider.
	External *External
	// Session holds the temporary credentials, or is nil.
	Session *Session
}

// entity is the IAM user or role behind the principal.
func (p *Principal) user() *User {
	if p.User != nil {
		return p.User
	}
	return p.Federated
}

// Known reports whether the principal is anyone.
func (p *Principal) Known() bool {
	return p.User != nil || p.Role != nil || p.Federated != nil || p.External != nil
}

// Account is the principal's account; empty of an external one.
func (p *Principal) Account() string {
	switch {
	case p.Role != nil:
		return p.Role.account
	case p.External != nil:
		return ""
	}
	return p.user().account
}

// ARN is the ARN of the user, or of the session of a role or federated user;
// empty of an external principal.
func (p *Principal) ARN() string {
	switch {
	case p.External != nil:
		return ""
	case p.User != nil:
		return p.User.arn
	case p.Role != nil:
		return SessionARN(p.Role, p.Session.Name)
	}
	return FederatedARN(p.Federated.account, p.Session.Name)
}

// SessionARN is the ARN of a session of a role: without the role's path.
func SessionARN(r *Role, name string) string {
	return "arn:aws:sts::" + r.account + ":assumed-role/" + r.Name + "/" + name
}

// FederatedARN is the ARN of a federated user.
func FederatedARN(account, name string) string {
	return "arn:aws:sts::" + account + ":federated-user/" + name
}

// ID is the principal's unique id as aws:userid holds it: AIDA… of a user, the
// account's id of root, AROA…:SESSION of a role, ACCOUNT:NAME of a federated
// user, PROVIDER:SUBJECT of an external principal.
func (p *Principal) ID() string {
	switch {
	case p.External != nil:
		return p.External.Provider + ":" + p.External.Subject
	case p.User != nil:
		return p.User.ID
	case p.Role != nil:
		return p.Role.ID + ":" + p.Session.Name
	}
	return p.Federated.account + ":" + p.Session.Name
}

// EntityARN is what aws:PrincipalArn holds: of a session of a role, the role's ARN.
func (p *Principal) EntityARN() string {
	if p.Role != nil {
		return p.Role.arn
	}
	return p.ARN()
}

// Root reports whether the principal is the root user of its account.
func (p *Principal) Root() bool { return p.User != nil && p.User.Root() }

// Type is the principal's type as aws:PrincipalType has it.
func (p *Principal) Type() string {
	switch {
	case p.External != nil:
		return "Anonymous"
	case p.Role != nil:
		return "AssumedRole"
	case p.Federated != nil:
		return "FederatedUser"
	case p.Root():
		return "Account"
	}
	return "User"
}

// EachTag calls fn for the principal's tags: the session's, and those of the
// user or role that the session doesn't replace. Keys compare without regard
// to case.
func (p *Principal) EachTag(fn func(Tag)) {
	var session, own []Tag
	if p.External != nil {
		return
	}
	if p.Session != nil {
		session = p.Session.Tags
	}
	switch {
	case p.Role != nil:
		own = p.Role.Tags
	case p.User != nil:
		own = p.User.Tags
	default:
		own = p.Federated.Tags
	}
	for _, t := range own {
		if len(session) == 0 || tagIndex(session, t.Key, true) < 0 {
			fn(t)
		}
	}
	for _, t := range session {
		fn(t)
	}
}

// AsPolicy is the principal as the policy language has it.
func (p *Principal) AsPolicy() policy.Principal {
	if p.External != nil {
		return policy.Principal{Type: p.External.Type, Provider: p.External.Provider}
	}
	out := policy.Principal{Type: policy.User, ARN: p.ARN(), Account: p.Account()}
	switch {
	case p.Role != nil:
		out.Type, out.RoleARN, out.ID = policy.AssumedRole, p.Role.arn, p.Role.ID
	case p.Federated != nil:
		out.Type, out.UserARN, out.ID = policy.FederatedUser, p.Federated.arn, p.Federated.ID
	case p.Root() && !p.limited():
		out.Type, out.ID = policy.Root, p.User.ID
	default:
		out.ID = p.User.ID
	}
	return out
}

// limited reports whether a session of the root user may do only some things.
func (p *Principal) limited() bool { return p.Session != nil && p.Session.Kind == RootSession }

// allowAll is what root may do in sessions that something else narrows.
var (
	allowAll   = policy.Load(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, policy.Inline)
	everything = policy.NewSet(allowAll)
	nothing    = policy.NewSet()
)

// PoliciesFor are the policies on the principal's side: the user's, its groups'
// or the role's, the permissions boundary, and the session's.
func (s *Snapshot) PoliciesFor(p *Principal) policy.Policies {
	var in policy.Policies
	if p.External != nil {
		return in
	}
	u := p.user()
	switch {
	case p.Role != nil:
		in.Identity, in.Boundary = s.PoliciesOfRole(p.Role)
	case u.Root() && (p.Federated != nil || p.limited()):
		in.Identity = everything
	default:
		in.Identity, in.Boundary = s.PoliciesOf(u)
	}
	if p.Session != nil {
		in.Session = s.sessionPolicies(p.Account(), p.Session)
	}
	return in
}

// PoliciesOfRole are the compiled identity policies of a role, and its
// permissions boundary, nil where it has none.
func (s *Snapshot) PoliciesOfRole(r *Role) (*policy.Set, *policy.Policy) {
	if c := r.set.Load(); c != nil && c.epoch == s.policyEpoch {
		return c.identity, c.boundary
	}
	c := &cachedSet{epoch: s.policyEpoch, identity: policy.NewSet(s.appendPolicies(nil, r.account, &r.Policies, &r.inline)...)}
	if r.Boundary != "" {
		c.boundary = s.compiled(r.account, r.Boundary)
	}
	r.set.Store(c)
	return c.identity, c.boundary
}

// RolePolicies are the compiled identity policies of a role, named as the
// policy simulator names them.
func (s *Snapshot) RolePolicies(r *Role) []*policy.Policy {
	return s.namedPolicies(r.account, "role_"+r.Name, &r.Policies)
}

// sessionPolicies are the session's own policies; nil where it was made
// without any.
func (s *Snapshot) sessionPolicies(account string, session *Session) *policy.Set {
	if session.Policy == "" && len(session.PolicyARNs) == 0 {
		if session.Kind == RootSession {
			return nothing
		}
		return nil
	}
	if c := session.set.Load(); c != nil && c.epoch == s.policyEpoch {
		return c.identity
	}
	var all []*policy.Policy
	if session.Policy != "" {
		session.once.Do(func() { session.policy = policy.Load(session.Policy, policy.Session) })
		all = append(all, session.policy)
	}
	for _, arn := range session.PolicyARNs {
		all = append(all, s.compiled(account, arn))
	}
	if session.Kind == RootSession {
		all = append(all, allowAll) // AWS's policies for tasks only deny the rest
	}
	c := &cachedSet{epoch: s.policyEpoch, identity: policy.NewSet(all...)}
	session.set.Store(c)
	return c.identity
}

// PrincipalOf finds who a session belongs to as they are now. NotFound, where
// the user or role is gone: one made anew under the same name is another one.
func (s *Snapshot) PrincipalOf(session *Session) (Principal, error) {
	p := Principal{Session: session}
	var err error
	switch session.Kind {
	case RoleSession:
		p.Role, err = s.RoleByID(session.Account, session.Entity)
	case FederatedSession:
		p.Federated, err = s.UserByID(session.Account, session.Entity)
	case ConsoleSession: // only while the browser is signed in
		p.User, _, err = s.signedIn(session.Account, session.Entity, session.Browser)
	case UserSession, RootSession:
		p.User, err = s.UserByID(session.Account, session.Entity)
	default:
		err = seal.ErrToken
	}
	if err != nil {
		return Principal{}, err
	}
	return p, nil
}
