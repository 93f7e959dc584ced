package policy

import (
	"cmp"
	"slices"
)

// Simulation is what SimulateCustomPolicy and SimulatePrincipalPolicy ask. Only
// Actions and Policies must be set.
type Simulation struct {
	Actions []string // as in s3:GetObject, without wildcards
	// Resources are ARNs, which may hold wildcards: they are compared as text.
	// None means "*".
	Resources []string
	// ResourceOwner is the account of the resources. Empty: each belongs to the
	// principal, whatever its ARN says, as AWS's simulator has it.
	ResourceOwner string
	// Principal is the caller. The zero value is a user without a name.
	Principal Principal
	Context   *Context // nil means no keys; keys that aren't given are absent
	// Policies take part as in Evaluate, but that a key or role whose policy
	// isn't given doesn't deny for want of it. A role's trust policy is
	// ignored, as AWS's simulator ignores it.
	Policies Policies
}

// Simulated is the answer for one action (AWS's EvaluationResult).
type Simulated struct {
	Action   string
	Resource string // "*", or the first resource asked for
	Outcome         // the strictest over all resources
	// Resources has one entry for each resource asked for, and none for "*".
	Resources []SimulatedResource
}

// SimulatedResource is the answer for one action on one resource (AWS's
// ResourceSpecificResult).
type SimulatedResource struct {
	Resource string
	Outcome
}

// Outcome is a simulated decision and what led to it.
type Outcome struct {
	Decision Decision
	// Matched are the denying statements of an explicit deny, the allowing ones
	// of an allowed request, and none of an implicit deny.
	Matched []Match
	// Missing are the condition keys that any document but the organization's
	// asks for and the context lacks, also in statements about other actions,
	// as first spelled. Of a simulation of resources, only they have it.
	Missing []string
	// Boundary says whether the permissions boundary allows; nil without one.
	Boundary *bool
	// Organization says whether the service control policies allow; nil
	// without any. If it is false the decision is ImplicitDeny, also when one
	// denies, and Matched, Boundary and Details are left out.
	Organization *bool
	// Details say across accounts what each side decides, by AWS's names
	// ("IAM Policy", "Resource Policy", "Permissions Boundary Policy"). Empty
	// within one account, nil for the resource "*".
	Details map[string]Decision
}

// Simulate answers one Simulated for each action, in the order asked.
func Simulate(in *Simulation) []Simulated {
	out := make([]Simulated, len(in.Actions))
	missing := MissingKeys(in.Context, in.Policies.documents()...)
	for i, action := range in.Actions {
		out[i] = in.action(action, missing)
	}
	return out
}

// documents returns all policies but those of organizations.
func (in *Policies) documents() []*Policy {
	all := slices.Clone(in.Identity.Policies())
	if in.Boundary != nil {
		all = append(all, in.Boundary)
	}
	all = append(all, in.Session.Policies()...)
	if in.Resource != nil {
		all = append(all, in.Resource)
	}
	return all
}

func (in *Simulation) action(action string, missing []string) Simulated {
	if len(in.Resources) == 0 || len(in.Resources) == 1 && in.Resources[0] == "*" {
		o := in.outcome(action, "*")
		o.Missing = missing
		return Simulated{Action: action, Resource: "*", Outcome: o}
	}
	s := Simulated{Action: action, Resource: in.Resources[0]}
	for _, resource := range in.Resources {
		o := in.outcome(action, resource)
		o.Missing = missing
		s.Resources = append(s.Resources, SimulatedResource{resource, o})
	}
	s.Outcome = strictest(s.Resources)
	return s
}

// strictest puts the outcomes of all resources together.
func strictest(of []SimulatedResource) Outcome {
	all := Outcome{Decision: Allowed}
	for i := range of {
		o := &of[i]
		if strictness(o.Decision) > strictness(all.Decision) {
			all.Decision = o.Decision
		}
		all.Boundary = both(all.Boundary, o.Boundary)
		all.Organization = both(all.Organization, o.Organization)
		if o.Details != nil && all.Details == nil {
			all.Details = make(map[string]Decision)
		}
		for side, d := range o.Details {
			if old, has := all.Details[side]; !has || strictness(d) > strictness(old) {
				all.Details[side] = d
			}
		}
	}
	if all.Organization != nil && !*all.Organization {
		return Outcome{Organization: all.Organization}
	}
	if all.Decision == ImplicitDeny {
		return all
	}
	for i := range of {
		if of[i].Decision != all.Decision {
			continue
		}
		for _, m := range of[i].Matched {
			if !slices.Contains(all.Matched, m) {
				all.Matched = append(all.Matched, m)
			}
		}
	}
	return all
}

func strictness(d Decision) int {
	return [...]int{ImplicitDeny: 1, ExplicitDeny: 2, Allowed: 0}[d]
}

// both is true if neither of two answers is false, and nil if none is given.
func both(a, b *bool) *bool {
	if a == nil || b != nil && !*b {
		return b
	}
	return a
}

// outcome simulates one action on one resource.
func (in *Simulation) outcome(action, resource string) Outcome {
	req, policies := in.request(action, resource)
	q := newQuestion(req, policies)
	var v verdicts
	v.simulated = true
	r := v.judge(&q, policies)
	if r.Decision != ExplicitDeny {
		r = v.decide(req, policies)
	}
	o := Outcome{Decision: r.Decision}
	if len(policies.SCPs) > 0 && scpsBind(&req.Principal) {
		ok := r.Type != ServiceControlPolicy
		o.Organization = &ok
		if !ok {
			o.Decision = ImplicitDeny
			return o
		}
	}
	o.Matched = matches(r.Decision, &q, policies)
	o.detail(&q, policies, crossAccount(req))
	return o
}

// request returns the question as Evaluate would get it. AWS's simulator
// judges the assuming of roles by the caller's side alone.
func (in *Simulation) request(action, resource string) (*Request, *Policies) {
	req := &Request{Action: action, Resource: resource, ResourceAccount: in.ResourceOwner, Principal: in.Principal, Context: in.Context}
	if req.Principal.Type == Anonymous {
		req.Principal.Type = User
	}
	policies := in.Policies
	caller := cmp.Or(in.Principal.Account, in.ResourceOwner, nobody)
	req.Principal.Account, req.ResourceAccount = caller, cmp.Or(in.ResourceOwner, caller)
	if isAssumeRole(action) {
		policies.Resource, req.ResourceAccount = nil, caller
	}
	return req, &policies
}

// nobody stands for the account of a simulation that names none.
const nobody = "000000000000"

// detail fills in what each side decides by itself.
func (o *Outcome) detail(q *question, policies *Policies, cross bool) {
	if policies.Boundary != nil && q.principal.hasPolicies() {
		ok := policies.Boundary.judge(q).decision() == Allowed
		o.Boundary = &ok
	}
	if q.target.text == "*" {
		return
	}
	o.Details = map[string]Decision{}
	if !cross {
		return
	}
	o.Details["IAM Policy"] = policies.Identity.judge(q).decision()
	o.Details["Resource Policy"] = policies.Resource.judge(q).decision()
	if policies.Boundary != nil {
		o.Details["Permissions Boundary Policy"] = policies.Boundary.judge(q).decision()
	}
}

// decision is what a verdict says if nothing else takes part.
func (v verdict) decision() Decision {
	switch {
	case v.deny.found():
		return ExplicitDeny
	case v.allow.found():
		return Allowed
	}
	return ImplicitDeny
}

// DecisionOf says what one set of policies, taken alone, decides.
func DecisionOf(req *Request, in *Policies, s *Set) Decision {
	q := newQuestion(req, in)
	return s.judge(&q).decision()
}
