package policy

import (
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
)

// Evaluate decides. It allocates nothing but in rarities: a point in time that
// is compared as text (see Context.SetTime), an address that can't be read, and
// values of more variables than a dozen.
func Evaluate(req *Request, in *Policies) Result {
	if alwaysAllowed(req.Action) {
		return Result{Decision: Allowed}
	}
	q := newQuestion(req, in)
	var v verdicts
	if deny := v.judge(&q, in); deny.Decision == ExplicitDeny {
		return deny
	}
	return v.decide(req, in)
}

// alwaysAllowed names the one action that AWS lets no policy forbid.
func alwaysAllowed(action string) bool { return equalFold(action, "sts:GetCallerIdentity") }

func newQuestion(req *Request, in *Policies) question {
	return question{
		action:    req.Action,
		target:    newTarget(req.Resource),
		principal: &req.Principal,
		limited:   in.Boundary != nil && req.Principal.hasPolicies(),
		ctx:       req.Context,
	}
}

// verdicts is what each type of policy that takes part says.
type verdicts struct {
	resource, identity, boundary, session verdict
	scp                                   int // the first level of the organization that doesn't allow, from 1; 0: all do
	simulated                             bool
}

// judge asks each type of policy, in the order in which denials are named, and
// stops at a Deny.
func (v *verdicts) judge(q *question, in *Policies) Result {
	p := q.principal
	if rcpsBind(p) {
		for i, set := range in.RCPs {
			if r := set.judge(q).deny; r.found() {
				return r.result(ExplicitDeny, ResourceControlPolicy).at(i + 1)
			}
		}
	}
	if scpsBind(p) {
		for i, set := range in.SCPs {
			level := set.judge(q)
			if level.deny.found() {
				return level.deny.result(ExplicitDeny, ServiceControlPolicy).at(i + 1)
			}
			if v.scp == 0 && !level.allow.found() {
				v.scp = i + 1
			}
		}
	}
	if v.resource = in.Resource.judge(q); v.resource.deny.found() {
		return v.resource.deny.result(ExplicitDeny, in.resourceType(q.action))
	}
	if !p.hasPolicies() {
		return Result{}
	}
	if v.identity = in.Identity.judge(q); v.identity.deny.found() {
		return v.identity.deny.result(ExplicitDeny, IdentityPolicy)
	}
	if v.boundary = in.Boundary.judge(q); v.boundary.deny.found() {
		return v.boundary.deny.result(ExplicitDeny, PermissionsBoundary)
	}
	if v.session = in.Session.judge(q); v.session.deny.found() {
		return v.session.deny.result(ExplicitDeny, SessionPolicy)
	}
	return Result{}
}

// scpsBind says whether service control policies bind the principal: not
// service-linked roles, nor callers without an account. The management account
// and other organizations are left out by whoever collects the policies.
func scpsBind(p *Principal) bool { return p.hasAccount() && !p.isServiceLinked() }

// rcpsBind says whether resource control policies bind the principal.
func rcpsBind(p *Principal) bool { return !p.isServiceLinked() }

// decide puts the verdicts together, when nothing denies.
func (v *verdicts) decide(req *Request, in *Policies) Result {
	p := &req.Principal
	granted := v.resource.grant
	switch {
	case v.scp != 0:
		return Result{Type: ServiceControlPolicy, Level: v.scp}
	case p.Type == Root:
		return v.decideRoot(req, in)
	case !p.hasPolicies():
		return v.decideByResource(req, in)
	case crossAccount(req):
		if granted == 0 {
			return Result{Type: in.resourceType(req.Action)}
		}
		return v.decideByPrincipal(req, in, true)
	case granted&enough(p) != 0:
		return v.resource.allow.result(Allowed, in.resourceType(req.Action))
	case granted&limited(p) != 0:
		return v.decideByPrincipal(req, in, false)
	case granted == 0 && v.mustName(req, in):
		return Result{Type: in.resourceType(req.Action)}
	}
	return v.decideByPrincipal(req, in, true)
}

// enough returns the kinds of grants in the principal's own account that need
// no other Allow.
func enough(p *Principal) grant {
	if p.Type == User {
		return grantDirect | grantUser
	}
	return grantDirect | grantSession
}

// limited returns the kinds of grants that need no identity policy, but that
// the boundary and the session policies must allow.
func limited(p *Principal) grant {
	switch p.Type {
	case AssumedRole:
		return grantRole
	case FederatedUser:
		return grantUser
	}
	return 0
}

// decideRoot: the root user may do all in its own account, but can't assume
// roles, nor use what must name its users and doesn't name the account.
func (v *verdicts) decideRoot(req *Request, in *Policies) Result {
	cross := crossAccount(req)
	switch {
	case isAssumeRole(req.Action):
		return Result{Type: in.resourceType(req.Action)}
	case v.resource.grant != 0:
		if !cross && !v.mustName(req, in) {
			return Result{Decision: Allowed}
		}
		return v.resource.allow.result(Allowed, in.resourceType(req.Action))
	case cross || v.mustName(req, in):
		return Result{Type: in.resourceType(req.Action)}
	}
	return Result{Decision: Allowed}
}

// decideByResource is for callers without policies of their own.
func (v *verdicts) decideByResource(req *Request, in *Policies) Result {
	if v.resource.grant == 0 {
		return Result{Type: in.resourceType(req.Action)}
	}
	return v.resource.allow.result(Allowed, in.resourceType(req.Action))
}

// decideByPrincipal asks all policies on the principal's side. Without
// needIdentity the resource's policy has stood in for the identity policies.
func (v *verdicts) decideByPrincipal(req *Request, in *Policies, needIdentity bool) Result {
	switch {
	case needIdentity && !v.identity.allow.found():
		return Result{Type: IdentityPolicy}
	case in.Boundary != nil && !v.boundary.allow.found():
		return Result{Type: PermissionsBoundary}
	case (in.Session != nil || req.Principal.Type == FederatedUser) && !v.session.allow.found():
		return Result{Type: SessionPolicy}
	case needIdentity:
		return v.identity.allow.result(Allowed, IdentityPolicy)
	}
	return v.resource.allow.result(Allowed, in.resourceType(req.Action))
}

func (r rule) result(d Decision, t PolicyType) Result {
	return Result{Decision: d, Type: t, Policy: r.policy, Statement: r.number}
}

// at notes the level of an organization policy.
func (r Result) at(level int) Result {
	r.Level = level
	return r
}

// resourceType returns how messages name the policy of the resource, which may
// be missing.
func (in *Policies) resourceType(action string) PolicyType {
	if isRoleAction(action) || in.Resource != nil && in.Resource.kind == Trust {
		return TrustPolicy
	}
	return ResourcePolicy
}

// crossAccount says whether resource and principal belong to different
// accounts.
func crossAccount(req *Request) bool {
	owner := req.ResourceAccount
	if owner == "" {
		if f, n := arn.Split(req.Resource); n == arn.Fields && isAccount(f[4]) {
			owner = f[4]
		}
	}
	return owner != "" && owner != req.Principal.Account
}

// mustName says whether the resource's own policy must allow. In a simulation
// a policy that isn't given isn't missed.
func (v *verdicts) mustName(req *Request, in *Policies) bool {
	return mustName(req) && !(v.simulated && in.Resource == nil)
}

// mustName says whether the resource is of a sort whose own policy must allow
// each use, also in its own account: roles that are assumed, and KMS keys.
func mustName(req *Request) bool {
	f, n := arn.Split(req.Resource)
	if n != arn.Fields {
		return false
	}
	if isRoleAction(req.Action) {
		return equalFold(f[2], "iam") && strings.HasPrefix(f[5], "role/")
	}
	return foldPrefix(req.Action, "kms:") && equalFold(f[2], "kms") && strings.HasPrefix(f[5], "key/")
}

// isAssumeRole says whether an action makes a session of a role.
func isAssumeRole(action string) bool {
	return equalFold(action, "sts:AssumeRole") || foldPrefix(action, "sts:AssumeRoleWith")
}

// isRoleAction says whether an action is one that trust policies speak of.
func isRoleAction(action string) bool {
	return isAssumeRole(action) || equalFold(action, "sts:TagSession") ||
		equalFold(action, "sts:SetSourceIdentity") || equalFold(action, "sts:SetContext")
}
