package iam

import (
	"context"
	"slices"
	"sort"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) policyOperations() []service.Operation {
	return []service.Operation{
		op("CreatePolicy", s.CreatePolicy, alsoTagging("iam:TagPolicy", func(in *api.CreatePolicyRequest) []api.Tag { return in.Tags })),
		op("GetPolicy", s.GetPolicy),
		op("ListPolicies", s.ListPolicies, listed("policy", func(in any) string { return in.(*api.ListPoliciesRequest).PathPrefix })),
		op("DeletePolicy", s.DeletePolicy),
		op("ListEntitiesForPolicy", s.ListEntitiesForPolicy),
	}
}

// policyOut is a managed policy as lists show it.
func policyOut(s *directory.Snapshot, account string, p *directory.ManagedPolicy) (api.Policy, error) {
	attachments, boundaries, err := s.PolicyUse(account, p)
	if err != nil {
		return api.Policy{}, err
	}
	return api.Policy{
		PolicyName: p.Name, PolicyId: p.ID, Arn: p.ARN(), Path: p.Path, DefaultVersionId: p.Default,
		AttachmentCount: ptr(int32(attachments)), PermissionsBoundaryUsageCount: ptr(int32(boundaries)),
		IsAttachable: ptr(true), CreateDate: p.Created, UpdateDate: p.Updated,
	}, nil
}

func ptr[T any](v T) *T { return &v }

// CreatePolicy makes a managed policy with its first version.
func (s *Service) CreatePolicy(ctx context.Context, c *service.Caller, in *api.CreatePolicyRequest) (*api.CreatePolicyResponse, error) {
	if err := parse(in.PolicyDocument, policy.Managed); err != nil {
		return nil, err
	}
	var made *directory.ManagedPolicy
	err := s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreatePolicy(in.PolicyName, pathOf(in.Path), in.Description, in.PolicyDocument, tagsIn(in.Tags))
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := policyOut(s.dir.Snapshot(), c.Account(), made)
	if err != nil {
		return nil, err
	}
	if len(made.Tags) > 0 {
		out.Tags = tagsOut(made.Tags)
	}
	return &api.CreatePolicyResponse{Policy: &out}, nil
}

// GetPolicy describes a managed policy of the account or of AWS.
func (s *Service) GetPolicy(_ context.Context, c *service.Caller, in *api.GetPolicyRequest) (*api.GetPolicyResponse, error) {
	p, err := c.Snapshot.Policy(c.Account(), in.PolicyArn)
	if err != nil {
		return nil, awsError(err)
	}
	out, err := policyOut(c.Snapshot, c.Account(), p)
	if err != nil {
		return nil, err
	}
	out.Description = p.Description
	out.Tags = tagsOut(p.Tags)
	return &api.GetPolicyResponse{Policy: &out}, nil
}

// ListPolicies lists the account's policies, then AWS's, each in the order of their names.
func (s *Service) ListPolicies(_ context.Context, c *service.Caller, in *api.ListPoliciesRequest) (*api.ListPoliciesResponse, error) {
	p, err := newPage[api.Policy]("ListPolicies", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	l := policyLister{c: c, in: in, page: p, prefix: pathOf(in.PathPrefix)}
	if in.Scope != "AWS" && !strings.HasPrefix(p.after, markAWS) {
		after := strings.TrimPrefix(p.after, markLocal)
		if err := c.Snapshot.LocalPolicies(c.Account(), l.prefix, after, l.local); err != nil {
			return nil, err
		}
	}
	if in.Scope != "Local" && !p.more {
		l.aws()
	}
	if l.err != nil {
		return nil, l.err
	}
	return &api.ListPoliciesResponse{Policies: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// What the keys of local and of AWS's policies begin with, in markers.
const (
	markLocal = "local:"
	markAWS   = "aws:"
)

type policyLister struct {
	c      *service.Caller
	in     *api.ListPoliciesRequest
	page   *page[api.Policy]
	prefix string
	err    error
}

func (l *policyLister) local(p *directory.ManagedPolicy) bool { return l.add(markLocal+p.Name, p) }

func (l *policyLister) aws() {
	after, inside := strings.CutPrefix(l.page.after, markAWS)
	all := l.c.Snapshot.AWSPolicies()
	from := sort.Search(len(all), func(i int) bool { return !inside || all[i].Name > after })
	for _, p := range all[from:] {
		if !strings.HasPrefix(p.Path, l.prefix) {
			continue
		}
		if !l.add(markAWS+p.Name, p) {
			return
		}
	}
}

// add adds a policy to the page if the request's filters let it.
func (l *policyLister) add(key string, p *directory.ManagedPolicy) bool {
	out, err := policyOut(l.c.Snapshot, l.c.Account(), p)
	if err != nil {
		l.err = err
		return false
	}
	attached, bounding := *out.AttachmentCount > 0, *out.PermissionsBoundaryUsageCount > 0
	switch {
	case l.in.OnlyAttached != nil && *l.in.OnlyAttached && !attached,
		l.in.PolicyUsageFilter == usePermissions && !attached,
		l.in.PolicyUsageFilter == useBoundary && !bounding:
		return true
	}
	return l.page.add(key, out)
}

// The values of PolicyUsageFilter.
const (
	usePermissions = "PermissionsPolicy"
	useBoundary    = "PermissionsBoundary"
)

// DeletePolicy deletes a policy that is attached nowhere.
func (s *Service) DeletePolicy(ctx context.Context, c *service.Caller, in *api.DeletePolicyRequest) (*nothing, error) {
	return nil, s.withPolicy(ctx, c, in.PolicyArn, "Cannot delete policies outside your own account.", func(tx *directory.Tx, p *directory.ManagedPolicy) error {
		return tx.DeletePolicy(p)
	})
}

// ListEntitiesForPolicy lists the users, groups and roles that a policy is attached
// to, or whose boundary it is.
func (s *Service) ListEntitiesForPolicy(_ context.Context, c *service.Caller, in *api.ListEntitiesForPolicyRequest) (*api.ListEntitiesForPolicyResponse, error) {
	pol, err := c.Snapshot.Policy(c.Account(), in.PolicyArn)
	if err != nil {
		return nil, awsError(&directory.NotFound{Kind: directory.KindAttachable, Name: in.PolicyArn})
	}
	p, err := newPage[entity]("ListEntitiesForPolicy", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	if err := listEntities(c, pol, in, p); err != nil {
		return nil, err
	}
	out := &api.ListEntitiesForPolicyResponse{
		PolicyGroups: []api.PolicyGroup{}, PolicyUsers: []api.PolicyUser{}, PolicyRoles: []api.PolicyRole{},
		IsTruncated: &p.more, Marker: p.marker(),
	}
	for _, e := range p.items {
		switch e.kind {
		case directory.KindGroup:
			out.PolicyGroups = append(out.PolicyGroups, api.PolicyGroup{GroupName: e.name, GroupId: e.id})
		case directory.KindRole:
			out.PolicyRoles = append(out.PolicyRoles, api.PolicyRole{RoleName: e.name, RoleId: e.id})
		default:
			out.PolicyUsers = append(out.PolicyUsers, api.PolicyUser{UserName: e.name, UserId: e.id})
		}
	}
	return out, nil
}

// entity is a user, a group or a role that a policy hangs on.
type entity struct {
	kind           directory.Kind
	name, id, path string
	attached       []string // policies, by their ARNs
	listed         bool     // it stands in the list already
}

// entityLister puts the entities that a policy hangs on onto a page.
type entityLister struct {
	c      *service.Caller
	policy *directory.ManagedPolicy
	page   *page[entity]
	prefix string
	usage  string
	err    error
}

// What the keys of entities begin with that a policy bounds, in markers.
const (
	markBoundedUser = "3"
	markBoundedRole = "5"
)

func isBoundary(mark string) bool { return mark == markBoundedUser || mark == markBoundedRole }

// listEntities puts onto the page, in this order, the groups, the users, the
// users bounded by the policy, the roles, and the roles bounded by it. An entity
// that has the policy both ways is there once, on whatever page.
func listEntities(c *service.Caller, pol *directory.ManagedPolicy, in *api.ListEntitiesForPolicyRequest, p *page[entity]) error {
	l := entityLister{c: c, policy: pol, page: p, prefix: pathOf(in.PathPrefix), usage: in.PolicyUsageFilter}
	wants := func(kind string) bool { return in.EntityFilter == "" || in.EntityFilter == kind }
	attached, bounded := in.PolicyUsageFilter != useBoundary, in.PolicyUsageFilter != usePermissions
	s := c.Snapshot
	attachments := func(kind directory.Kind) scanner {
		return func(account string, p *directory.ManagedPolicy, after string, fn func(string) bool) {
			s.Attachments(account, p, kind, after, fn)
		}
	}
	l.section("1", wants("Group") && attached, attachments(directory.KindGroup), l.group)
	l.section("2", wants("User") && attached, attachments(directory.KindUser), l.user)
	l.section("3", wants("User") && bounded, s.BoundaryUsers, l.another(l.user))
	l.section("4", wants("Role") && attached, attachments(directory.KindRole), l.role)
	l.section("5", wants("Role") && bounded, s.BoundaryRoles, l.another(l.role))
	return l.err
}

// scanner calls fn for the ids of what a policy hangs on, after the id given.
type scanner func(account string, p *directory.ManagedPolicy, after string, fn func(id string) bool)

// section lists the entities of one kind, beginning where the page does.
func (l *entityLister) section(mark string, wanted bool, scan scanner, describe func(id string) (entity, error)) {
	after, inside := strings.CutPrefix(l.page.after, mark)
	if !wanted || l.page.more || l.err != nil || !inside && l.page.after > mark {
		return
	}
	if !inside {
		after = ""
	}
	scan(l.c.Account(), l.policy, after, func(id string) bool {
		var e entity
		if e, l.err = describe(id); l.err != nil {
			return false
		}
		if e.listed || !strings.HasPrefix(e.path, l.prefix) {
			return true
		}
		return l.page.add(mark+id, e)
	})
}

// another leaves out those that the policy is attached to as well, where these
// are listed before.
func (l *entityLister) another(describe func(id string) (entity, error)) func(id string) (entity, error) {
	return func(id string) (entity, error) {
		e, err := describe(id)
		e.listed = l.usage == "" && slices.Contains(e.attached, l.policy.ARN())
		return e, err
	}
}

func (l *entityLister) group(id string) (entity, error) {
	g, err := l.c.Snapshot.GroupByID(l.c.Account(), id)
	if err != nil {
		return entity{}, err
	}
	return entity{kind: directory.KindGroup, name: g.Name, id: g.ID, path: g.Path}, nil
}

func (l *entityLister) user(id string) (entity, error) {
	u, err := l.c.Snapshot.UserByID(l.c.Account(), id)
	if err != nil {
		return entity{}, err
	}
	return entity{kind: directory.KindUser, name: u.Name, id: u.ID, path: u.Path, attached: u.Attached}, nil
}

func (l *entityLister) role(id string) (entity, error) {
	r, err := l.c.Snapshot.RoleByID(l.c.Account(), id)
	if err != nil {
		return entity{}, err
	}
	return entity{kind: directory.KindRole, name: r.Name, id: r.ID, path: r.Path, attached: r.Attached}, nil
}
