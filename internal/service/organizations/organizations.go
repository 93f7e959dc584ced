// Package organizations is AWS Organizations: an organization of the deployment's
// accounts, its units, and the policies that bind its members. Operations that
// are not here are answered as not available.
package organizations

import (
	"context"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// Service carries out the operations on a directory.
type Service struct{ dir *directory.Directory }

// New makes the service.
func New(dir *directory.Directory) *Service { return &Service{dir} }

// Operations are the operations that this service carries out.
func (s *Service) Operations() service.Set {
	var ops []service.Operation
	for _, more := range [][]service.Operation{
		s.organizationOperations(), s.accountOperations(), s.unitOperations(), s.policyOperations(),
		s.attachmentOperations(), s.tagOperations(), s.handshakeOperations(),
	} {
		ops = append(ops, more...)
	}
	return service.NewSet(ops...)
}

// nothing is the output of operations that answer with metadata only.
type nothing struct{}

// organizationOf is the organization that the caller's account is in.
func organizationOf(c *service.Caller) (*directory.Organization, error) {
	o, err := c.Snapshot.Organization(c.Account())
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, api.AWSOrganizationsNotInUseException.New("Your account is not a member of an organization.")
	}
	return o, nil
}

// managed is the organization whose management account the caller's is.
func managed(c *service.Caller) (*directory.Organization, error) {
	o, err := organizationOf(c)
	if err != nil {
		return nil, err
	}
	if o.Account() != c.Account() {
		return nil, awsapi.AccessDeniedException.New("You don't have permissions to access this resource.")
	}
	return o, nil
}

// update runs fn as a transaction on the organization that the caller manages,
// each time that the caller may do so in the state that it runs on.
func (s *Service) update(ctx context.Context, c *service.Caller, fn func(tx *directory.Tx, o *directory.Organization) error) error {
	if _, err := managed(c); err != nil {
		return err
	}
	return s.change(ctx, c, c.Account(), fn)
}

// change is update on the organization of that management account.
func (s *Service) change(ctx context.Context, c *service.Caller, management string, fn func(tx *directory.Tx, o *directory.Organization) error) error {
	return awsError(s.dir.Update(ctx, management, func(tx *directory.Tx) error {
		if err := c.StillMay(tx); err != nil {
			return err
		}
		o, err := tx.Organization()
		if err != nil {
			return err
		}
		return fn(tx, o)
	}))
}

func (s *Service) organizationOperations() []service.Operation {
	return []service.Operation{
		op("CreateOrganization", s.CreateOrganization),
		op("DescribeOrganization", s.DescribeOrganization),
		op("DeleteOrganization", s.DeleteOrganization),
		op("ListRoots", s.ListRoots),
		op("EnablePolicyType", s.EnablePolicyType),
		op("DisablePolicyType", s.DisablePolicyType),
		op("EnableAWSServiceAccess", s.EnableAWSServiceAccess),
		op("DisableAWSServiceAccess", s.DisableAWSServiceAccess),
		op("ListAWSServiceAccessForOrganization", s.ListAWSServiceAccessForOrganization),
	}
}

func organizationOut(s *directory.Snapshot, o *directory.Organization) (*api.Organization, error) {
	a, err := s.Account(o.Account())
	if err != nil {
		return nil, err
	}
	out := &api.Organization{
		Id: o.ID, Arn: o.ARN(), FeatureSet: o.Features,
		MasterAccountArn: o.NodeARN(o.Account()), MasterAccountId: o.Account(), MasterAccountEmail: a.Email,
		AvailablePolicyTypes: []api.PolicyTypeSummary{},
	}
	if o.Features == directory.FeaturesAll {
		// AWS tells service control policies here whether enabled or not; the
		// root tells which types are.
		out.AvailablePolicyTypes = append(out.AvailablePolicyTypes, api.PolicyTypeSummary{Type: directory.SCP, Status: "ENABLED"})
	}
	return out, nil
}

// CreateOrganization makes the caller's account the management account of a new
// organization.
func (s *Service) CreateOrganization(ctx context.Context, c *service.Caller, in *api.CreateOrganizationRequest) (*api.CreateOrganizationResponse, error) {
	features := in.FeatureSet
	if features == "" {
		features = directory.FeaturesAll
	}
	var made *directory.Organization
	err := awsError(s.dir.Update(ctx, c.Account(), func(tx *directory.Tx) (err error) {
		if err := c.StillMay(tx); err != nil {
			return err
		}
		made, err = tx.CreateOrganization(features)
		return err
	}))
	if err != nil {
		return nil, err
	}
	out, err := organizationOut(s.dir.Snapshot(), made)
	if err != nil {
		return nil, err
	}
	return &api.CreateOrganizationResponse{Organization: out}, nil
}

// DescribeOrganization describes the organization that the caller's account is in.
func (s *Service) DescribeOrganization(_ context.Context, c *service.Caller, _ *api.DescribeOrganizationRequest) (*api.DescribeOrganizationResponse, error) {
	o, err := organizationOf(c)
	if err != nil {
		return nil, err
	}
	out, err := organizationOut(c.Snapshot, o)
	if err != nil {
		return nil, err
	}
	return &api.DescribeOrganizationResponse{Organization: out}, nil
}

// DeleteOrganization deletes an organization that has no members.
func (s *Service) DeleteOrganization(ctx context.Context, c *service.Caller, _ *api.DeleteOrganizationRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error { return tx.DeleteOrganization(o) })
}

func rootOut(o *directory.Organization) api.Root {
	out := api.Root{Id: o.Root, Arn: o.NodeARN(o.Root), Name: "Root", PolicyTypes: []api.PolicyTypeSummary{}}
	for _, t := range o.Enabled {
		out.PolicyTypes = append(out.PolicyTypes, api.PolicyTypeSummary{Type: t, Status: "ENABLED"})
	}
	return out
}

// ListRoots lists the one root.
func (s *Service) ListRoots(_ context.Context, c *service.Caller, in *api.ListRootsRequest) (*api.ListRootsResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	p, err := pageOf("ListRoots", in.NextToken, in.MaxResults, []api.Root{rootOut(o)}, func(r api.Root) string { return r.Id })
	if err != nil {
		return nil, err
	}
	return &api.ListRootsResponse{Roots: p.items, NextToken: p.next}, nil
}

// EnablePolicyType puts a type of policy in force.
func (s *Service) EnablePolicyType(ctx context.Context, c *service.Caller, in *api.EnablePolicyTypeRequest) (*api.EnablePolicyTypeResponse, error) {
	out := new(api.Root)
	err := s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		if err := available(o, in.PolicyType); err != nil {
			return err
		}
		if in.RootId != o.Root {
			return noRoot()
		}
		err := tx.EnablePolicyType(o, in.PolicyType)
		*out = rootOut(o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.EnablePolicyTypeResponse{Root: out}, nil
}

// DisablePolicyType detaches all policies of a type, everywhere.
func (s *Service) DisablePolicyType(ctx context.Context, c *service.Caller, in *api.DisablePolicyTypeRequest) (*api.DisablePolicyTypeResponse, error) {
	out := new(api.Root)
	err := s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		if in.RootId != o.Root {
			return noRoot()
		}
		err := tx.DisablePolicyType(o, in.PolicyType)
		*out = rootOut(o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.DisablePolicyTypeResponse{Root: out}, nil
}

func noRoot() error { return api.RootNotFoundException.New("You specified a root that doesn't exist.") }

// available refuses the types of policies that the organization can't have.
func available(o *directory.Organization, policyType string) error {
	switch {
	case policyType != directory.SCP && policyType != directory.RCP:
		return api.PolicyTypeNotAvailableForOrganizationException.New("Policies of the type %s are not available here: only %s and %s are.", policyType, directory.SCP, directory.RCP)
	case o.Features != directory.FeaturesAll:
		return api.PolicyTypeNotAvailableForOrganizationException.New("You can't use the specified policy type with the feature set currently enabled for this organization.")
	}
	return nil
}
