package iam

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) orgAccessOperations() []service.Operation {
	return []service.Operation{
		op("GenerateOrganizationsAccessReport", s.GenerateOrganizationsAccessReport, actsOnOrgPath),
		op("GetOrganizationsAccessReport", s.GetOrganizationsAccessReport),
	}
}

// actsOnOrgPath: the resource is the report about that part of the organization.
func actsOnOrgPath(o *service.Operation) {
	o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
		path := in.(*api.GenerateOrganizationsAccessReportRequest).EntityPath
		return []service.Target{{ARN: "arn:aws:iam::" + c.Account() + ":access-report/" + path}}, nil
	}
	o.Key = func(key string, _ *service.Caller, in any) (string, bool) {
		id := in.(*api.GenerateOrganizationsAccessReportRequest).OrganizationsPolicyId
		return id, key == "iam:OrganizationsPolicyId" && id != ""
	}
}

// orgEntity finds what a path names in the organization that the caller's
// account manages: its root, a unit or an account.
func orgEntity(s *directory.Snapshot, account, path string) (*directory.Organization, *directory.OrgNode, error) {
	o, err := s.Organization(account)
	if err != nil {
		return nil, nil, err
	}
	if o == nil || o.Account() != account {
		return nil, nil, awsapi.AccessDenied.New("The account %s is not the management account of an organization.", account)
	}
	path = strings.TrimSuffix(path, "/")
	id := path[strings.LastIndexByte(path, '/')+1:]
	n, err := s.OrgNode(o, id)
	if err == nil {
		var whole string
		if whole, err = s.OrgPath(o, id); strings.TrimSuffix(whole, "/") == path || whole+id == path {
			return o, n, err
		}
	}
	return nil, nil, api.InvalidInput.New("The organization does not have an entity of the path %s.", path)
}

// GenerateOrganizationsAccessReport has a report made in the background: when
// the services that the service control policies leave to a part of the
// organization were last used there.
func (s *Service) GenerateOrganizationsAccessReport(ctx context.Context, c *service.Caller, in *api.GenerateOrganizationsAccessReportRequest) (*api.GenerateOrganizationsAccessReportResponse, error) {
	o, _, err := orgEntity(c.Snapshot, c.Account(), in.EntityPath)
	if err != nil {
		return nil, err
	}
	if in.OrganizationsPolicyId != "" {
		if p, err := c.Snapshot.OrgPolicy(o, in.OrganizationsPolicyId); err != nil || p.Type != directory.SCP {
			return nil, api.InvalidInput.New("The organization does not have a service control policy %s.", in.OrganizationsPolicyId)
		}
	}
	id, err := startReport(ctx, s, c, directory.Report{
		Kind: directory.OrganizationReport, About: in.EntityPath, Detail: in.OrganizationsPolicyId,
	}, orgAccessOf)
	if err != nil {
		return nil, err
	}
	return &api.GenerateOrganizationsAccessReportResponse{JobId: id}, nil
}

// orgAccess is one service of a report about an organization.
type orgAccess struct {
	Namespace string           `json:"ns"`
	Name      string           `json:"name"`
	Accounts  int              `json:"accounts,omitempty"` // that used it
	Path      string           `json:"path,omitempty"`     // of the account that used it last
	Last      directory.Access `json:"last,omitzero"`
}

// orgAccessOf finds out what a report is to say.
func orgAccessOf(s *directory.Snapshot, account string, r *directory.Report) ([]orgAccess, error) {
	o, n, err := orgEntity(s, account, r.About)
	if err != nil {
		return nil, err
	}
	services, err := leftServices(s, o, n, r.Detail)
	if err != nil {
		return nil, err
	}
	at := map[string]*orgAccess{}
	for i := range services {
		at[services[i].Namespace] = &services[i]
	}
	return services, s.OrgAccounts(o, n, func(id, path string) error {
		used, err := accountUse(s, id)
		for name, a := range used {
			one := at[name]
			if one == nil {
				continue // an action, or a service that is not left
			}
			if one.Accounts++; a.Minute > one.Last.Minute || one.Accounts == 1 {
				one.Last, one.Path = a, path
			}
		}
		return err
	})
}

// leftServices are the services of which service control policies leave an action
// to a node or, where one is named, this policy does: each level allows it, and none
// denies it on all resources and without a condition.
func leftServices(s *directory.Snapshot, o *directory.Organization, n *directory.OrgNode, policyID string) ([]orgAccess, error) {
	var levels []*policy.Set
	if policyID != "" {
		p, err := s.OrgPolicy(o, policyID)
		if err != nil {
			return nil, err
		}
		levels = []*policy.Set{policy.NewSet(policy.Load(p.Content, policy.SCP))}
	} else if n.ID != o.Account() {
		levels = s.OrgLevels(o, n.ID)
	}
	left := policy.Granted(allActions(), policy.Load(allow("*"), policy.Inline))
	for _, level := range levels {
		granted, withheld := setOf(policy.Granted(allActions(), level.Policies()...)), setOf(policy.Withheld(allActions(), level.Policies()...))
		left = slices.DeleteFunc(left, func(action string) bool { return !granted[action] || withheld[action] })
	}
	var services []orgAccess
	for _, g := range servicesOf(left) {
		services = append(services, orgAccess{Namespace: g.namespace, Name: g.title()})
	}
	return services, nil
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// allow is a policy that allows those actions.
func allow(actions string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + actions + `","Resource":"*"}}`
}

// accountUse is the last use of everything by anyone in an account.
func accountUse(s *directory.Snapshot, account string) (map[string]directory.Access, error) {
	all := map[string]directory.Access{}
	add := func(id string) error {
		used, err := s.Accesses(account, id)
		for name, a := range used {
			if a.Minute >= all[name].Minute {
				all[name] = a
			}
		}
		return err
	}
	return all, cmp.Or(
		add(account), // root
		s.WalkUsers(account, func(u *directory.User) error { return add(u.ID) }),
		s.WalkRoles(account, func(r *directory.Role) error { return add(r.ID) }),
	)
}

// GetOrganizationsAccessReport gives a report to the identity that asked for it.
func (s *Service) GetOrganizationsAccessReport(_ context.Context, c *service.Caller, in *api.GetOrganizationsAccessReportRequest) (*api.GetOrganizationsAccessReportResponse, error) {
	r, services, err := job[[]orgAccess](c, directory.OrganizationReport, in.JobId)
	if err != nil {
		return nil, err
	}
	sortAccess(*services, in.SortKey)
	p, err := pageOf("GetOrganizationsAccessReport", in.Marker, in.MaxItems, *services,
		func(a orgAccess) string { return a.Namespace }, orgAccessOut)
	if err != nil {
		return nil, err
	}
	out := &api.GetOrganizationsAccessReportResponse{JobCreationDate: r.Started, JobCompletionDate: r.Done}
	if out.JobStatus, out.ErrorDetails = s.jobStatus(r); out.JobStatus != jobCompleted {
		return out, nil
	}
	unused := 0
	for _, a := range *services {
		if a.Accounts == 0 {
			unused++
		}
	}
	out.AccessDetails, out.IsTruncated, out.Marker = p.items, &p.more, p.marker()
	out.NumberOfServicesAccessible, out.NumberOfServicesNotAccessed = ptr(int32(len(*services))), ptr(int32(unused))
	return out, nil
}

// sortAccess orders services, which are in the order of their namespaces.
func sortAccess(services []orgAccess, key string) {
	byTime := func(a, b orgAccess) int { return cmp.Compare(a.Last.Minute, b.Last.Minute) }
	switch key {
	case "SERVICE_NAMESPACE_DESCENDING":
		slices.Reverse(services)
	case "LAST_AUTHENTICATED_TIME_ASCENDING":
		slices.SortStableFunc(services, byTime)
	case "LAST_AUTHENTICATED_TIME_DESCENDING":
		slices.SortStableFunc(services, func(a, b orgAccess) int { return byTime(b, a) })
	}
}

func orgAccessOut(a orgAccess) api.AccessDetail {
	out := api.AccessDetail{ServiceName: a.Name, ServiceNamespace: a.Namespace, TotalAuthenticatedEntities: ptr(int32(a.Accounts))}
	if a.Accounts > 0 {
		out.Region, out.EntityPath, out.LastAuthenticatedTime = a.Last.Region, a.Path, a.Last.Time()
	}
	return out
}
