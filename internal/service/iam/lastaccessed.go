package iam

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) lastAccessedOperations() []service.Operation {
	return []service.Operation{
		op("GenerateServiceLastAccessedDetails", s.GenerateServiceLastAccessedDetails, actsOnSource(func(in any) string {
			return in.(*api.GenerateServiceLastAccessedDetailsRequest).Arn
		})),
		op("GetServiceLastAccessedDetails", s.GetServiceLastAccessedDetails),
		op("GetServiceLastAccessedDetailsWithEntities", s.GetServiceLastAccessedDetailsWithEntities),
		op("ListPoliciesGrantingServiceAccess", s.ListPoliciesGrantingServiceAccess, actsOnSource(func(in any) string {
			return in.(*api.ListPoliciesGrantingServiceAccessRequest).Arn
		})),
	}
}

// The words of jobs.
const (
	jobInProgress = "IN_PROGRESS"
	jobCompleted  = "COMPLETED"
	jobFailed     = "FAILED"
	actionLevel   = "ACTION_LEVEL"
	serviceLevel  = "SERVICE_LEVEL"
)

// GenerateServiceLastAccessedDetails has a report made in the background: when
// the services that a user, group, role or policy grants were last used.
func (s *Service) GenerateServiceLastAccessedDetails(ctx context.Context, c *service.Caller, in *api.GenerateServiceLastAccessedDetailsRequest) (*api.GenerateServiceLastAccessedDetailsResponse, error) {
	if _, err := subjectOf(c.Snapshot, c.Account(), in.Arn); err != nil {
		return nil, err
	}
	id, err := startReport(ctx, s, c, directory.Report{
		Kind: directory.AccessReport, About: in.Arn, Detail: cmp.Or(in.Granularity, serviceLevel),
	}, accessDetailsOf)
	if err != nil {
		return nil, err
	}
	return &api.GenerateServiceLastAccessedDetailsResponse{JobId: id}, nil
}

// startReport starts a report of the caller's, whose content the function gives,
// and returns the id of the job.
func startReport[T any](ctx context.Context, s *Service, c *service.Caller, wanted directory.Report, content func(snap *directory.Snapshot, account string, r *directory.Report) (T, error)) (string, error) {
	wanted.By = c.EntityID()
	var r *directory.Report
	if err := s.update(ctx, c, func(tx *directory.Tx) (err error) {
		r, err = tx.StartReport(wanted)
		return err
	}); err != nil {
		return "", err
	}
	account := c.Account()
	s.dir.MakeReport(account, r, func(snap *directory.Snapshot, w io.Writer) error {
		details, err := content(snap, account, r)
		if err != nil {
			return err
		}
		return json.NewEncoder(w).Encode(details)
	})
	return r.ID, nil
}

// accessDetails are the content of a report.
type accessDetails struct {
	Entities []accessEntity  `json:"entities"` // the users and roles that it is about
	Services []accessService `json:"services"` // those granted, by namespace
}

type accessEntity struct {
	ARN  string `json:"arn"`
	Name string `json:"name"`
	Role bool   `json:"role,omitempty"`
	ID   string `json:"id"`
	Path string `json:"path"`
}

type accessService struct {
	Namespace string         `json:"ns"`
	Name      string         `json:"name"`
	Used      []accessUse    `json:"used,omitempty"`    // latest first
	Actions   []accessAction `json:"actions,omitempty"` // the tracked ones, where they are asked for
}

type accessAction struct {
	Name string     `json:"name"`
	Used *accessUse `json:"used,omitempty"` // the latest
}

// accessUse is the last use by one of the entities.
type accessUse struct {
	Entity int `json:"e"`
	directory.Access
}

// accessDetailsOf finds out what a report is to say.
func accessDetailsOf(s *directory.Snapshot, account string, r *directory.Report) (*accessDetails, error) {
	subject, err := subjectOf(s, account, r.About)
	if err != nil {
		return nil, err
	}
	d := new(accessDetails)
	used := map[string][]accessUse{}
	err = subject.each(s, account, func(e accessEntity) error {
		all, err := s.Accesses(account, e.ID)
		for name, a := range all {
			used[name] = append(used[name], accessUse{len(d.Entities), a})
		}
		d.Entities = append(d.Entities, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, uses := range used {
		slices.SortStableFunc(uses, func(a, b accessUse) int { return cmp.Compare(b.Minute, a.Minute) })
	}
	for _, g := range grantedServices(subject.policies()...) {
		one := accessService{Namespace: g.namespace, Name: g.title(), Used: used[g.namespace]}
		if r.Detail == actionLevel {
			one.Actions = g.tracked(used)
		}
		d.Services = append(d.Services, one)
	}
	return d, nil
}

// job is a report that the caller asked for, with its content where it is done.
func job[T any](c *service.Caller, kind directory.ReportKind, id string) (r *directory.Report, content *T, err error) {
	r, err = c.Snapshot.Report(c.Account(), kind, id)
	if err == nil && r.By != c.EntityID() {
		err = &directory.NotFound{Kind: directory.KindReport, Name: id}
	}
	if err != nil {
		return nil, nil, awsError(err)
	}
	content = new(T)
	if r.Done.IsZero() || r.Failed != "" {
		return r, content, nil
	}
	text, err := c.Snapshot.ReportContent(c.Account(), r)
	if err == nil {
		err = json.Unmarshal(text, content)
	}
	return r, content, err
}

// jobStatus is a report's status, and what went wrong with it. One that has not
// come to an end for too long has failed.
func (s *Service) jobStatus(r *directory.Report) (string, *api.ErrorDetails) {
	switch {
	case r.InProgress(s.dir.Now()):
		return jobInProgress, nil
	case r.Done.IsZero() || r.Failed != "":
		return jobFailed, &api.ErrorDetails{Code: "ServiceFailure", Message: cmp.Or(r.Failed, "The report was not completed.")}
	}
	return jobCompleted, nil
}

// GetServiceLastAccessedDetails gives a report to the identity that asked for it.
func (s *Service) GetServiceLastAccessedDetails(_ context.Context, c *service.Caller, in *api.GetServiceLastAccessedDetailsRequest) (*api.GetServiceLastAccessedDetailsResponse, error) {
	r, details, err := job[accessDetails](c, directory.AccessReport, in.JobId)
	if err != nil {
		return nil, err
	}
	p, err := pageOf("GetServiceLastAccessedDetails", in.Marker, in.MaxItems, details.Services,
		func(a accessService) string { return a.Namespace }, details.serviceOut)
	if err != nil {
		return nil, err
	}
	out := &api.GetServiceLastAccessedDetailsResponse{
		JobType: r.Detail, JobCreationDate: r.Started, JobCompletionDate: r.Done,
		ServicesLastAccessed: p.items, IsTruncated: &p.more, Marker: p.marker(),
	}
	out.JobStatus, out.Error = s.jobStatus(r)
	return out, nil
}

func (d *accessDetails) serviceOut(a accessService) api.ServiceLastAccessed {
	out := api.ServiceLastAccessed{ServiceName: a.Name, ServiceNamespace: a.Namespace, TotalAuthenticatedEntities: ptr(int32(len(a.Used)))}
	if len(a.Used) > 0 {
		last := a.Used[0]
		out.LastAuthenticated, out.LastAuthenticatedRegion = last.Time(), last.Region
		out.LastAuthenticatedEntity = d.Entities[last.Entity].ARN
	}
	for _, x := range a.Actions {
		t := api.TrackedActionLastAccessed{ActionName: x.Name}
		if x.Used != nil {
			t.LastAccessedTime, t.LastAccessedRegion = x.Used.Time(), x.Used.Region
			t.LastAccessedEntity = d.Entities[x.Used.Entity].ARN
		}
		out.TrackedActionsLastAccessed = append(out.TrackedActionsLastAccessed, t)
	}
	return out
}

// GetServiceLastAccessedDetailsWithEntities gives, of a report, the users and
// roles that could have used a service: who did so latest first, then the others.
func (s *Service) GetServiceLastAccessedDetailsWithEntities(_ context.Context, c *service.Caller, in *api.GetServiceLastAccessedDetailsWithEntitiesRequest) (*api.GetServiceLastAccessedDetailsWithEntitiesResponse, error) {
	r, details, err := job[accessDetails](c, directory.AccessReport, in.JobId)
	if err != nil {
		return nil, err
	}
	var entities []api.EntityDetails
	if status, _ := s.jobStatus(r); status == jobCompleted {
		i := slices.IndexFunc(details.Services, func(a accessService) bool { return strings.EqualFold(a.Namespace, in.ServiceNamespace) })
		if i < 0 {
			return nil, api.InvalidInput.New("The report does not contain the service %s.", in.ServiceNamespace)
		}
		entities = details.entitiesOut(details.Services[i].Used)
	}
	p, err := pageOf("GetServiceLastAccessedDetailsWithEntities", in.Marker, in.MaxItems, entities,
		func(e api.EntityDetails) string { return e.EntityInfo.Id }, func(e api.EntityDetails) api.EntityDetails { return e })
	if err != nil {
		return nil, err
	}
	out := &api.GetServiceLastAccessedDetailsWithEntitiesResponse{
		JobCreationDate: r.Started, JobCompletionDate: r.Done,
		EntityDetailsList: p.items, IsTruncated: &p.more, Marker: p.marker(),
	}
	out.JobStatus, out.Error = s.jobStatus(r)
	return out, nil
}

func (d *accessDetails) entitiesOut(uses []accessUse) []api.EntityDetails {
	var all []api.EntityDetails
	add := func(e accessEntity, at time.Time) {
		kind := "USER"
		if e.Role {
			kind = "ROLE"
		}
		all = append(all, api.EntityDetails{
			EntityInfo:        &api.EntityInfo{Arn: e.ARN, Name: e.Name, Type: kind, Id: e.ID, Path: e.Path},
			LastAuthenticated: at,
		})
	}
	seen := map[int]bool{}
	for _, u := range uses {
		seen[u.Entity] = true
		add(d.Entities[u.Entity], u.Time())
	}
	for i, e := range d.Entities {
		if !seen[i] {
			add(e, time.Time{})
		}
	}
	return all
}
