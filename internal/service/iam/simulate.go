package iam

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) simulationOperations() []service.Operation {
	return []service.Operation{
		op("SimulateCustomPolicy", s.SimulateCustomPolicy),
		op("SimulatePrincipalPolicy", s.SimulatePrincipalPolicy, actsOnSource(func(in any) string {
			return in.(*api.SimulatePrincipalPolicyRequest).PolicySourceArn
		})),
		op("GetContextKeysForCustomPolicy", s.GetContextKeysForCustomPolicy),
		op("GetContextKeysForPrincipalPolicy", s.GetContextKeysForPrincipalPolicy, actsOnSource(func(in any) string {
			return in.(*api.GetContextKeysForPrincipalPolicyRequest).PolicySourceArn
		})),
	}
}

// actsOnSource: the resource is the user, group or role whose policies are asked about.
func actsOnSource(source func(in any) string) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
			return []service.Target{entityTarget(c, source(in))}, nil
		}
	}
}

// entityTarget is a user, group, role or policy as its ARN names it.
func entityTarget(c *service.Caller, entity string) service.Target {
	a, _ := arn.Parse(entity)
	kind, name, _ := strings.Cut(a.Resource, "/")
	name = name[strings.LastIndexByte(name, '/')+1:]
	var t service.Target
	switch {
	case a.Account != c.Account():
	case kind == "user":
		t = userTarget(c, name, "")
	case kind == "role":
		t = roleTarget(c, name, "")
	case kind == "policy":
		t = policyTarget(c, entity)
	}
	if t.ARN != entity {
		return service.Target{ARN: entity}
	}
	return t
}

// SimulateCustomPolicy decides actions by the policies in the request.
func (s *Service) SimulateCustomPolicy(_ context.Context, _ *service.Caller, in *api.SimulateCustomPolicyRequest) (*api.SimulateCustomPolicyResponse, error) {
	sim := &simulation{actions: in.ActionNames, resources: in.ResourceArns, owner: in.ResourceOwner, resourcePolicy: in.ResourcePolicy}
	if err := sim.read(nil, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList, in.CallerArn, in.ContextEntries); err != nil {
		return nil, err
	}
	return sim.answer("SimulateCustomPolicy", in.Marker, in.MaxItems)
}

// SimulatePrincipalPolicy decides actions by the policies of a user, group or role,
// and by those in the request.
func (s *Service) SimulatePrincipalPolicy(_ context.Context, c *service.Caller, in *api.SimulatePrincipalPolicyRequest) (*api.SimulatePrincipalPolicyResponse, error) {
	source, err := policySource(c, in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	sim := &simulation{actions: in.ActionNames, resources: in.ResourceArns, owner: in.ResourceOwner, resourcePolicy: in.ResourcePolicy, source: source}
	if err := sim.read(c, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList, in.CallerArn, in.ContextEntries); err != nil {
		return nil, err
	}
	return sim.answer("SimulatePrincipalPolicy", in.Marker, in.MaxItems)
}

// source is whose policies are asked about.
type source struct {
	user     *directory.User // nil for a group and a role
	policies []*policy.Policy
	boundary *policy.Policy
}

// policySource finds the user, group or role of an ARN, with its policies.
func policySource(c *service.Caller, entity string) (*source, error) {
	a, err := arn.Parse(entity)
	kind, name, _ := strings.Cut(a.Resource, "/")
	name = name[strings.LastIndexByte(name, '/')+1:]
	switch {
	case err != nil || a.Service != "iam":
		return nil, api.InvalidInput.New("Invalid Entity Arn: %s", entity)
	case kind == "user" && a.Account == c.Account():
		u, err := c.Snapshot.User(c.Account(), name)
		if err != nil || u.ARN() != entity {
			return nil, awsError(cmp.Or(err, error(&directory.NotFound{Kind: directory.KindUser, Name: name})))
		}
		_, boundary := c.Snapshot.PoliciesOf(u)
		return &source{user: u, policies: c.Snapshot.UserPolicies(u), boundary: boundary}, nil
	case kind == "group" && a.Account == c.Account():
		g, err := c.Snapshot.Group(c.Account(), name)
		if err != nil || g.ARN() != entity {
			return nil, awsError(cmp.Or(err, error(&directory.NotFound{Kind: directory.KindGroup, Name: name})))
		}
		return &source{policies: c.Snapshot.GroupPolicies(g)}, nil
	case kind == "role" && a.Account == c.Account():
		r, err := c.Snapshot.Role(c.Account(), name)
		if err != nil || r.ARN() != entity {
			return nil, awsError(cmp.Or(err, error(&directory.NotFound{Kind: directory.KindRole, Name: name})))
		}
		_, boundary := c.Snapshot.PoliciesOfRole(r)
		return &source{policies: c.Snapshot.RolePolicies(r), boundary: boundary}, nil
	}
	return nil, api.InvalidInput.New("Invalid Entity Arn: %s", entity)
}

// simulation is a request to the simulator in the making.
type simulation struct {
	actions, resources    []string
	owner, resourcePolicy string
	source                *source // nil for custom policies
	in                    policy.Simulation
}

// read checks and compiles what the request gives. c is nil for custom policies.
func (s *simulation) read(c *service.Caller, policies, boundaries []string, callerARN string, entries []api.ContextEntry) error {
	identity, err := inputs("PolicyInputList", policies, policy.Inline)
	if err != nil {
		return err
	}
	bounds, err := inputs("PermissionsBoundaryPolicyInputList", boundaries, policy.Boundary)
	if err != nil {
		return err
	}
	keys := contextOf(entries)
	if s.source != nil {
		identity = append(s.source.policies, identity...)
		s.in.Policies.Boundary = s.source.boundary
		if u := s.source.user; u != nil {
			callerARN = cmp.Or(callerARN, u.ARN())
			setMissing(keys, "aws:username", u.Name)
			setMissing(keys, "aws:userid", u.ID)
		}
	}
	if len(bounds) > 0 {
		s.in.Policies.Boundary = bounds[0] // in place of the attached one
	}
	s.in.Policies.Identity = policy.NewSet(identity...)
	s.in.Context = keys
	if err := s.readCaller(c, callerARN); err != nil {
		return err
	}
	return s.readResources()
}

// inputs compiles policies of a request, named as the simulator names them.
func inputs(list string, documents []string, kind policy.Kind) ([]*policy.Policy, error) {
	var all []*policy.Policy
	for i, d := range documents {
		p, err := policy.Parse(d, kind)
		if err != nil {
			return nil, api.InvalidInput.New("%s.%d: %s", list, i+1, messageOf(err))
		}
		all = append(all, p.Named(policy.Source{Name: list + "." + strconv.Itoa(i+1)}))
	}
	return all, nil
}

func messageOf(err error) string {
	if e, ok := err.(*policy.Error); ok {
		return e.Message
	}
	return err.Error()
}

func contextOf(entries []api.ContextEntry) *policy.Context {
	keys := new(policy.Context)
	for _, e := range entries {
		if len(e.ContextKeyValues) == 1 && !strings.HasSuffix(e.ContextKeyType, "List") && !policy.Multivalued(e.ContextKeyName) {
			keys.Set(e.ContextKeyName, e.ContextKeyValues[0])
		} else {
			keys.SetValues(e.ContextKeyName, e.ContextKeyValues...)
		}
	}
	return keys
}

func setMissing(keys *policy.Context, key, value string) {
	if _, given := keys.Values(key); !given {
		keys.Set(key, value)
	}
}

func (s *simulation) readCaller(c *service.Caller, callerARN string) error {
	if callerARN == "" {
		if s.resourcePolicy != "" {
			return api.InvalidInput.New("CallerArn must be given together with ResourcePolicy.")
		}
		if c != nil {
			s.in.Principal = policy.Principal{Type: policy.User, Account: c.Account()}
		}
		return nil
	}
	a, err := arn.Parse(callerARN)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "user/") {
		return api.InvalidInput.New("Invalid Entity Arn: %s", callerARN)
	}
	s.in.Principal = policy.Principal{Type: policy.User, ARN: callerARN, Account: a.Account}
	return nil
}

func (s *simulation) readResources() error {
	for _, r := range s.resources {
		if r != "*" && strings.Count(r, ":") < arn.Fields-1 {
			return api.InvalidInput.New("ResourceNames are not in a valid ARN format: %s.", r)
		}
	}
	for _, a := range s.actions {
		if prefix, name, ok := strings.Cut(a, ":"); !ok || prefix == "" || name == "" || strings.ContainsAny(a, "*?") {
			return api.InvalidInput.New("Invalid Action Name: %s", a)
		}
	}
	s.in.Actions, s.in.Resources = s.actions, s.resources
	if s.owner != "" {
		a, err := arn.Parse(s.owner)
		if err != nil || len(a.Account) != 12 {
			return api.InvalidInput.New("'%s' is not a valid as a Resource Owner.", s.owner)
		}
		s.in.ResourceOwner = a.Account
	}
	if s.resourcePolicy == "" {
		return nil
	}
	p, err := policy.Parse(s.resourcePolicy, policy.Resource)
	if err != nil {
		return api.InvalidInput.New("ResourcePolicy: %s", messageOf(err))
	}
	s.in.Policies.Resource = p.Named(policy.Source{Name: resourcePolicyName})
	return nil
}

const resourcePolicyName = "ResourcePolicy"

// answer simulates and cuts a page out of the results.
func (s *simulation) answer(list, marker string, maxItems *int32) (*api.SimulatePolicyResponse, error) {
	results := policy.Simulate(&s.in)
	numbers := make([]int, len(results))
	for i := range numbers {
		numbers[i] = i
	}
	p, err := pageOf(list, marker, maxItems, numbers, strconv.Itoa, func(i int) api.EvaluationResult { return resultOut(&results[i]) })
	if err != nil {
		return nil, err
	}
	return &api.SimulatePolicyResponse{EvaluationResults: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

func resultOut(r *policy.Simulated) api.EvaluationResult {
	out := api.EvaluationResult{
		EvalActionName: r.Action, EvalResourceName: r.Resource, EvalDecision: r.Decision.String(),
		MatchedStatements: matchesOut(r.Matched), MissingContextValues: textsOut(r.Missing),
		EvalDecisionDetails: detailsOut(r.Details), PermissionsBoundaryDecisionDetail: boundaryDetail(r.Boundary),
	}
	if r.Organization != nil {
		out.OrganizationsDecisionDetail = &api.OrganizationsDecisionDetail{AllowedByOrganizations: r.Organization}
	}
	for i := range r.Resources {
		o := &r.Resources[i]
		out.ResourceSpecificResults = append(out.ResourceSpecificResults, api.ResourceSpecificResult{
			EvalResourceName: o.Resource, EvalResourceDecision: o.Decision.String(),
			MatchedStatements: matchesOut(o.Matched), MissingContextValues: textsOut(o.Missing),
			EvalDecisionDetails: detailsOut(o.Details), PermissionsBoundaryDecisionDetail: boundaryDetail(o.Boundary),
		})
	}
	return out
}

// textsOut is a list that is sent even if it is empty.
func textsOut(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

func boundaryDetail(allowed *bool) *api.PermissionsBoundaryDecisionDetail {
	if allowed == nil {
		return nil
	}
	return &api.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: allowed}
}

// detailsOut is a map that is sent even if it is empty (docs/facts, 1.2).
func detailsOut(details map[string]policy.Decision) map[string]string {
	out := make(map[string]string, len(details))
	for side, d := range details {
		out[side] = d.String()
	}
	return out
}

func matchesOut(matches []policy.Match) []api.Statement {
	out := make([]api.Statement, len(matches))
	for i, m := range matches {
		name := m.Policy.Source().Name
		kind := "IAM Policy"
		if name == resourcePolicyName {
			kind = "Resource Policy"
		}
		out[i] = api.Statement{
			SourcePolicyId: name, SourcePolicyType: kind,
			StartPosition: positionOut(m.Start), EndPosition: positionOut(m.End),
		}
	}
	return out
}

func positionOut(p policy.Position) *api.Position {
	return &api.Position{Line: ptr(int32(p.Line)), Column: ptr(int32(p.Column))}
}

// GetContextKeysForCustomPolicy lists the condition keys that policies ask for.
func (s *Service) GetContextKeysForCustomPolicy(_ context.Context, _ *service.Caller, in *api.GetContextKeysForCustomPolicyRequest) (*api.GetContextKeysForCustomPolicyResponse, error) {
	policies, err := inputs("PolicyInputList", in.PolicyInputList, policy.Inline)
	if err != nil {
		return nil, err
	}
	return contextKeys(policies), nil
}

// GetContextKeysForPrincipalPolicy does so for the policies of a user or group,
// and those in the request.
func (s *Service) GetContextKeysForPrincipalPolicy(_ context.Context, c *service.Caller, in *api.GetContextKeysForPrincipalPolicyRequest) (*api.GetContextKeysForPrincipalPolicyResponse, error) {
	of, err := policySource(c, in.PolicySourceArn)
	if err != nil {
		return nil, err
	}
	policies, err := inputs("PolicyInputList", in.PolicyInputList, policy.Inline)
	if err != nil {
		return nil, err
	}
	return contextKeys(append(of.policies, policies...)), nil
}

func contextKeys(policies []*policy.Policy) *api.GetContextKeysForPolicyResponse {
	return &api.GetContextKeysForPolicyResponse{ContextKeyNames: textsOut(policy.ContextKeys(policies...))}
}
