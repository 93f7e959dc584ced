package iam

import (
	"context"
	"slices"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// The features of organizations for the root users of their member accounts.
const (
	rootCredentials = "RootCredentialsManagement"
	rootSessions    = "RootSessions"

	iamPrincipal = "iam.amazonaws.com"
)

func (s *Service) rootFeatureOperations() []service.Operation {
	return []service.Operation{
		op("ListOrganizationsFeatures", s.ListOrganizationsFeatures),
		op("EnableOrganizationsRootCredentialsManagement", s.EnableOrganizationsRootCredentialsManagement),
		op("DisableOrganizationsRootCredentialsManagement", s.DisableOrganizationsRootCredentialsManagement),
		op("EnableOrganizationsRootSessions", s.EnableOrganizationsRootSessions),
		op("DisableOrganizationsRootSessions", s.DisableOrganizationsRootSessions),
	}
}

// managed is the organization that the caller manages and that trusts IAM.
func managed(c *service.Caller) (*directory.Organization, error) {
	o, err := c.Snapshot.Organization(c.Account())
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return nil, api.OrganizationNotFoundException.New("The request was rejected because no organization is associated with your account.")
	case o.Account() != c.Account():
		return nil, api.CallerIsNotManagementAccountException.New("The request was rejected because the account making the request is not the management account for the organization.")
	case o.Features != directory.FeaturesAll:
		return nil, api.OrganizationNotInAllFeaturesModeException.New("The request was rejected because your organization does not have All features enabled.")
	}
	if _, on := o.Services[iamPrincipal]; !on {
		return nil, api.ServiceAccessNotEnabledException.New("The request was rejected because trusted access is not enabled for IAM in Organizations.")
	}
	return o, nil
}

// features are those that are enabled, never nil.
func features(o *directory.Organization) []string { return append([]string{}, o.RootFeatures...) }

// ListOrganizationsFeatures lists the features that are enabled.
func (s *Service) ListOrganizationsFeatures(_ context.Context, c *service.Caller, _ *api.ListOrganizationsFeaturesRequest) (*api.ListOrganizationsFeaturesResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	return &api.ListOrganizationsFeaturesResponse{OrganizationId: o.ID, EnabledFeatures: features(o)}, nil
}

// setFeature enables or disables a feature; doing so again is no error.
func (s *Service) setFeature(ctx context.Context, c *service.Caller, feature string, on bool) (*directory.Organization, error) {
	if _, err := managed(c); err != nil {
		return nil, err
	}
	var changed *directory.Organization
	err := s.update(ctx, c, func(tx *directory.Tx) error {
		o, err := tx.Organization()
		if err != nil {
			return err
		}
		others := slices.DeleteFunc(features(o), func(f string) bool { return f == feature })
		if o.RootFeatures = others; on {
			o.RootFeatures = append(others, feature)
			slices.Sort(o.RootFeatures)
		}
		tx.SaveOrganization(o)
		changed = o
		return nil
	})
	return changed, err
}

// EnableOrganizationsRootCredentialsManagement lets the root credentials of
// member accounts be managed from the management account.
func (s *Service) EnableOrganizationsRootCredentialsManagement(ctx context.Context, c *service.Caller, _ *api.EnableOrganizationsRootCredentialsManagementRequest) (*api.EnableOrganizationsRootCredentialsManagementResponse, error) {
	o, err := s.setFeature(ctx, c, rootCredentials, true)
	if err != nil {
		return nil, err
	}
	return &api.EnableOrganizationsRootCredentialsManagementResponse{OrganizationId: o.ID, EnabledFeatures: features(o)}, nil
}

// DisableOrganizationsRootCredentialsManagement takes that back.
func (s *Service) DisableOrganizationsRootCredentialsManagement(ctx context.Context, c *service.Caller, _ *api.DisableOrganizationsRootCredentialsManagementRequest) (*api.DisableOrganizationsRootCredentialsManagementResponse, error) {
	o, err := s.setFeature(ctx, c, rootCredentials, false)
	if err != nil {
		return nil, err
	}
	return &api.DisableOrganizationsRootCredentialsManagementResponse{OrganizationId: o.ID, EnabledFeatures: features(o)}, nil
}

// EnableOrganizationsRootSessions lets root sessions on member accounts be made
// from the management account.
func (s *Service) EnableOrganizationsRootSessions(ctx context.Context, c *service.Caller, _ *api.EnableOrganizationsRootSessionsRequest) (*api.EnableOrganizationsRootSessionsResponse, error) {
	o, err := s.setFeature(ctx, c, rootSessions, true)
	if err != nil {
		return nil, err
	}
	return &api.EnableOrganizationsRootSessionsResponse{OrganizationId: o.ID, EnabledFeatures: features(o)}, nil
}

// DisableOrganizationsRootSessions takes that back.
func (s *Service) DisableOrganizationsRootSessions(ctx context.Context, c *service.Caller, _ *api.DisableOrganizationsRootSessionsRequest) (*api.DisableOrganizationsRootSessionsResponse, error) {
	o, err := s.setFeature(ctx, c, rootSessions, false)
	if err != nil {
		return nil, err
	}
	return &api.DisableOrganizationsRootSessionsResponse{OrganizationId: o.ID, EnabledFeatures: features(o)}, nil
}
