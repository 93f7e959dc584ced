package iam

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/sallyport-iam/sallyport/arn"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// subject is what is asked about: a user, a group, a role or a policy.
type subject struct {
	user    *directory.User
	group   *directory.Group
	role    *directory.Role
	managed *directory.ManagedPolicy
	sources []policySourceOf
}

// policySourceOf is a policy with where it comes from.
type policySourceOf struct {
	policy *policy.Policy
	out    api.PolicyGrantingServiceAccess
}

// subjectOf finds what an ARN of the account names.
func subjectOf(s *directory.Snapshot, account, text string) (*subject, error) {
	a, err := arn.Parse(text)
	if err != nil || a.Service != "iam" {
		return nil, api.InvalidInput.New("Invalid Entity Arn: %s", text)
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	name = name[strings.LastIndexByte(name, '/')+1:]
	out := new(subject)
	found := ""
	switch {
	case kind == "policy":
		if out.managed, err = s.Policy(account, text); err != nil {
			return nil, awsError(err)
		}
		return out, out.addManaged(s, account, text)
	case a.Account != account:
		return nil, api.InvalidInput.New("Invalid Entity Arn: %s", text)
	case kind == "user":
		if out.user, err = s.User(account, name); err == nil {
			found, err = out.user.ARN(), out.addUser(s, account)
		}
	case kind == "group":
		if out.group, err = s.Group(account, name); err == nil {
			found, err = out.group.ARN(), out.addHolder(s, account, "GROUP", out.group.Name, &out.group.Policies)
		}
	case kind == "role":
		if out.role, err = s.Role(account, name); err == nil {
			found, err = out.role.ARN(), out.addHolder(s, account, "ROLE", out.role.Name, &out.role.Policies)
		}
	default:
		return nil, api.InvalidInput.New("Invalid Entity Arn: %s", text)
	}
	if err == nil && found != text {
		err = &directory.NotFound{Kind: directory.Kind(kind), Name: name}
	}
	if err != nil {
		return nil, awsError(err)
	}
	return out, nil
}

func (x *subject) addUser(s *directory.Snapshot, account string) error {
	if err := x.addHolder(s, account, "USER", x.user.Name, &x.user.Policies); err != nil {
		return err
	}
	for _, id := range x.user.Groups {
		g, err := s.GroupByID(account, id)
		if err != nil {
			return err
		}
		if err := x.addHolder(s, account, "GROUP", g.Name, &g.Policies); err != nil {
			return err
		}
	}
	return nil
}

// addHolder adds the policies of a user, group or role.
func (x *subject) addHolder(s *directory.Snapshot, account, kind, name string, p *directory.Policies) error {
	for _, i := range p.Inline {
		x.sources = append(x.sources, policySourceOf{
			policy.Load(i.Document, policy.Inline),
			api.PolicyGrantingServiceAccess{PolicyName: i.Name, PolicyType: "INLINE", EntityType: kind, EntityName: name},
		})
	}
	for _, attached := range p.Attached {
		if err := x.addManaged(s, account, attached); err != nil {
			return err
		}
	}
	return nil
}

func (x *subject) addManaged(s *directory.Snapshot, account, text string) error {
	if slices.ContainsFunc(x.sources, func(p policySourceOf) bool { return p.out.PolicyArn == text }) {
		return nil // by a group as well
	}
	p, err := s.Policy(account, text)
	if err != nil {
		return err
	}
	document, err := s.PolicyDocument(p, p.Default)
	if err != nil {
		return err
	}
	x.sources = append(x.sources, policySourceOf{
		policy.Load(document, policy.Managed),
		api.PolicyGrantingServiceAccess{PolicyName: p.Name, PolicyType: "MANAGED", PolicyArn: p.ARN()},
	})
	return nil
}

func (x *subject) policies() []*policy.Policy {
	var all []*policy.Policy
	for _, p := range x.sources {
		all = append(all, p.policy)
	}
	return all
}

// each calls fn for the users and roles that the subject is about: a group's
// members; those that a policy is attached to, also by a group. Each once.
func (x *subject) each(s *directory.Snapshot, account string, fn func(accessEntity) error) error {
	seen := map[string]bool{}
	var failed error
	add := func(e accessEntity) bool {
		if !seen[e.ID] && failed == nil {
			seen[e.ID] = true
			failed = fn(e)
		}
		return failed == nil
	}
	addUser := func(u *directory.User) bool {
		return add(accessEntity{ARN: u.ARN(), Name: u.Name, ID: u.ID, Path: u.Path})
	}
	addRole := func(r *directory.Role) bool {
		return add(accessEntity{ARN: r.ARN(), Name: r.Name, ID: r.ID, Path: r.Path, Role: true})
	}
	switch {
	case x.user != nil:
		addUser(x.user)
	case x.role != nil:
		addRole(x.role)
	case x.group != nil:
		return cmp.Or(s.Members(x.group, "", addUser), failed)
	default:
		return cmp.Or(holdersOf(s, account, x.managed, addUser, addRole), failed)
	}
	return failed
}

// holdersOf calls the functions for the users and roles that a policy is
// attached to, and for the members of such groups, until they say no.
func holdersOf(s *directory.Snapshot, account string, p *directory.ManagedPolicy, addUser func(*directory.User) bool, addRole func(*directory.Role) bool) error {
	var failed error
	s.Attachments(account, p, directory.KindUser, "", func(id string) bool {
		u, err := s.UserByID(account, id)
		failed = cmp.Or(failed, err)
		return err == nil && addUser(u)
	})
	s.Attachments(account, p, directory.KindGroup, "", func(id string) bool {
		g, err := s.GroupByID(account, id)
		if err == nil {
			err = s.Members(g, "", addUser)
		}
		failed = cmp.Or(failed, err)
		return err == nil
	})
	s.Attachments(account, p, directory.KindRole, "", func(id string) bool {
		r, err := s.RoleByID(account, id)
		failed = cmp.Or(failed, err)
		return err == nil && addRole(r)
	})
	return failed
}

// allActions are the actions of all services, by prefix, ready to be compared
// with policies.
var allActions = sync.OnceValue(func() *policy.Actions {
	var names []string
	for _, prefix := range slices.Sorted(awsapi.Prefixes()) {
		for _, a := range awsapi.LookupAuthorization(prefix).Actions {
			names = append(names, prefix+":"+a.Name)
		}
	}
	return policy.NewActions(names...)
})

// grantedService is a service that policies grant something of.
type grantedService struct {
	namespace string
	actions   []string // as prefix:Name
}

// grantedServices are the services that the policies grant anything of, by
// their namespaces.
func grantedServices(policies ...*policy.Policy) []grantedService {
	return servicesOf(policy.Granted(allActions(), policies...))
}

// servicesOf are the services of actions, which are in the order of allActions.
func servicesOf(actions []string) []grantedService {
	var all []grantedService
	for _, action := range actions {
		namespace, _, _ := strings.Cut(action, ":")
		if n := len(all); n == 0 || all[n-1].namespace != namespace {
			all = append(all, grantedService{namespace: namespace})
		}
		last := &all[len(all)-1]
		last.actions = append(last.actions, action)
	}
	return all
}

func (g *grantedService) title() string { return awsapi.LookupAuthorization(g.namespace).Title() }

// tracked are those of the service's granted actions that are tracked, with
// their last use.
func (g *grantedService) tracked(used map[string][]accessUse) []accessAction {
	var all []accessAction
	for _, action := range g.actions {
		_, name, _ := strings.Cut(action, ":")
		if !awsapi.LookupAction(g.namespace, name).Tracked() {
			continue
		}
		one := accessAction{Name: name}
		if uses := used[action]; len(uses) > 0 {
			one.Used = &uses[0]
		}
		all = append(all, one)
	}
	return all
}

// policiesAPage is how many services one answer of
// ListPoliciesGrantingServiceAccess has.
const policiesAPage = 50

// ListPoliciesGrantingServiceAccess tells which policies of a user, group or
// role grant anything of some services.
func (s *Service) ListPoliciesGrantingServiceAccess(_ context.Context, c *service.Caller, in *api.ListPoliciesGrantingServiceAccessRequest) (*api.ListPoliciesGrantingServiceAccessResponse, error) {
	x, err := subjectOf(c.Snapshot, c.Account(), in.Arn)
	if err != nil {
		return nil, err
	}
	if x.managed != nil {
		return nil, api.InvalidInput.New("Invalid Entity Arn: %s", in.Arn)
	}
	for _, namespace := range in.ServiceNamespaces {
		if awsapi.LookupAuthorization(namespace) == nil {
			return nil, api.InvalidInput.New("Unknown service namespace: %s", namespace)
		}
	}
	granting := map[string][]api.PolicyGrantingServiceAccess{}
	for _, p := range x.sources {
		for _, g := range grantedServices(p.policy) {
			granting[g.namespace] = append(granting[g.namespace], p.out)
		}
	}
	asked := map[string]bool{}
	namespaces := slices.DeleteFunc(slices.Clone(in.ServiceNamespaces), func(n string) bool {
		again := asked[n]
		asked[n] = true
		return again
	})
	p, err := pageOf("ListPoliciesGrantingServiceAccess", in.Marker, ptr(int32(policiesAPage)), namespaces,
		func(n string) string { return n },
		func(n string) api.ListPoliciesGrantingServiceAccessEntry {
			return api.ListPoliciesGrantingServiceAccessEntry{ServiceNamespace: n, Policies: granting[strings.ToLower(n)]}
		})
	if err != nil {
		return nil, err
	}
	return &api.ListPoliciesGrantingServiceAccessResponse{PoliciesGrantingServiceAccess: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
