package organizations

import (
	"context"
	"maps"
	"slices"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// EnableAWSServiceAccess notes that a service may work in all accounts.
func (s *Service) EnableAWSServiceAccess(ctx context.Context, c *service.Caller, in *api.EnableAWSServiceAccessRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		if o.Features != directory.FeaturesAll {
			return constraint("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", "To perform this operation, the organization must have all features enabled.")
		}
		if _, on := o.Services[in.ServicePrincipal]; !on {
			o.Services = services(o)
			o.Services[in.ServicePrincipal] = tx.Now()
			tx.SaveOrganization(o)
		}
		return nil
	})
}

// DisableAWSServiceAccess takes that back; what isn't there is no error.
func (s *Service) DisableAWSServiceAccess(ctx context.Context, c *service.Caller, in *api.DisableAWSServiceAccessRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		o.Services = services(o)
		delete(o.Services, in.ServicePrincipal)
		if in.ServicePrincipal == "iam.amazonaws.com" {
			o.RootFeatures = nil
		}
		tx.SaveOrganization(o)
		return nil
	})
}

// withService copies the trusted services of an organization.
func services(o *directory.Organization) map[string]time.Time {
	if o.Services == nil {
		return map[string]time.Time{}
	}
	return maps.Clone(o.Services)
}

// ListAWSServiceAccessForOrganization lists the services that have access.
func (s *Service) ListAWSServiceAccessForOrganization(_ context.Context, c *service.Caller, in *api.ListAWSServiceAccessForOrganizationRequest) (*api.ListAWSServiceAccessForOrganizationResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	var all []api.EnabledServicePrincipal
	for _, name := range slices.Sorted(maps.Keys(o.Services)) {
		all = append(all, api.EnabledServicePrincipal{ServicePrincipal: name, DateEnabled: o.Services[name]})
	}
	p, err := pageOf("ListAWSServiceAccessForOrganization", in.NextToken, in.MaxResults, all, func(e api.EnabledServicePrincipal) string { return e.ServicePrincipal })
	if err != nil {
		return nil, err
	}
	return &api.ListAWSServiceAccessForOrganizationResponse{EnabledServicePrincipals: p.items, NextToken: p.next}, nil
}
