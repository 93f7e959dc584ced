package iam

import (
	"context"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) roleOperations() []service.Operation {
	return []service.Operation{
		op("CreateRole", s.CreateRole, alsoTagging("iam:TagRole", func(in *api.CreateRoleRequest) []api.Tag { return in.Tags })),
		op("GetRole", s.GetRole),
		op("ListRoles", s.ListRoles, listed("role", func(in any) string { return in.(*api.ListRolesRequest).PathPrefix })),
		op("UpdateRole", s.UpdateRole),
		op("UpdateRoleDescription", s.UpdateRoleDescription),
		op("UpdateAssumeRolePolicy", s.UpdateAssumeRolePolicy),
		op("DeleteRole", s.DeleteRole),
		op("PutRolePolicy", s.PutRolePolicy),
		op("GetRolePolicy", s.GetRolePolicy),
		op("ListRolePolicies", s.ListRolePolicies),
		op("DeleteRolePolicy", s.DeleteRolePolicy),
		op("AttachRolePolicy", s.AttachRolePolicy),
		op("DetachRolePolicy", s.DetachRolePolicy),
		op("ListAttachedRolePolicies", s.ListAttachedRolePolicies),
		op("TagRole", s.TagRole),
		op("UntagRole", s.UntagRole),
		op("ListRoleTags", s.ListRoleTags),
	}
}

// roleOut is a role as lists and CreateRole show it.
func roleOut(s *directory.Snapshot, r *directory.Role) api.Role {
	return api.Role{
		Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN(), CreateDate: r.Created,
		AssumeRolePolicyDocument: documentOut(s.TrustDocument(r)),
	}
}

// withAnyRole is update on the named role.
func (s *Service) withAnyRole(ctx context.Context, c *service.Caller, name string, fn func(tx *directory.Tx, r *directory.Role) error) error {
	return s.update(ctx, c, func(tx *directory.Tx) error {
		r, err := tx.Role(name)
		if err != nil {
			return err
		}
		return fn(tx, r)
	})
}

// withRole is update on the named role, which must not be a service's own.
func (s *Service) withRole(ctx context.Context, c *service.Caller, name string, fn func(tx *directory.Tx, r *directory.Role) error) error {
	return s.withAnyRole(ctx, c, name, func(tx *directory.Tx, r *directory.Role) error {
		if r.ServiceLinked() {
			return protected(r)
		}
		return fn(tx, r)
	})
}

// protected refuses to change a service-linked role.
func protected(r *directory.Role) error {
	return api.UnmodifiableEntity.New("Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.Name)
}

// role is the named role as the request sees it.
func role(c *service.Caller, name string) (*directory.Role, error) {
	r, err := c.Snapshot.Role(c.Account(), name)
	return r, awsError(err)
}

// parseTrust checks a trust policy that is to be saved.
func parseTrust(document string) (*policy.Policy, error) {
	p, err := policy.Parse(document, policy.Trust)
	return p, awsError(err)
}

// CreateRole makes a role.
func (s *Service) CreateRole(ctx context.Context, c *service.Caller, in *api.CreateRoleRequest) (*api.CreateRoleResponse, error) {
	if err := checkBoundary(in.PermissionsBoundary); err != nil {
		return nil, err
	}
	n := directory.NewRole{
		Name: in.RoleName, Path: pathOf(in.Path), Description: in.Description, MaxSession: directory.DefaultMaxSession,
		Boundary: in.PermissionsBoundary, Tags: tagsIn(in.Tags),
	}
	if (&directory.Role{Path: n.Path}).ServiceLinked() {
		return nil, api.InvalidInput.New("The path %s is for service-linked roles.", directory.ServiceLinkedPath)
	}
	if in.MaxSessionDuration != nil {
		n.MaxSession = int(*in.MaxSessionDuration)
	}
	var err error
	if n.Trust, err = parseTrust(in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	var made *directory.Role
	if err := s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateRole(n)
		return err
	}); err != nil {
		return nil, err
	}
	out := roleOut(s.dir.Snapshot(), made)
	if len(made.Tags) > 0 {
		out.Tags = tagsOut(made.Tags)
	}
	out.PermissionsBoundary = boundaryOut(made.Boundary)
	return &api.CreateRoleResponse{Role: &out}, nil
}

// GetRole describes a role with all that is known of it.
func (s *Service) GetRole(_ context.Context, c *service.Caller, in *api.GetRoleRequest) (*api.GetRoleResponse, error) {
	r, err := role(c, in.RoleName)
	if err != nil {
		return nil, err
	}
	out := roleOut(c.Snapshot, r)
	out.Description, out.MaxSessionDuration = r.Description, ptr(int32(r.MaxSession))
	if len(r.Tags) > 0 {
		out.Tags = tagsOut(r.Tags)
	}
	out.PermissionsBoundary = boundaryOut(r.Boundary)
	if out.RoleLastUsed, err = roleLastUsed(c, r); err != nil {
		return nil, err
	}
	return &api.GetRoleResponse{Role: &out}, nil
}

// roleLastUsed is empty, but there, of a role that was never used.
func roleLastUsed(c *service.Caller, r *directory.Role) (*api.RoleLastUsed, error) {
	use, used, err := c.Snapshot.RoleLastUsed(r)
	if err != nil || !used {
		return &api.RoleLastUsed{}, err
	}
	return &api.RoleLastUsed{LastUsedDate: use.Time, Region: use.Region}, nil
}

// ListRoles lists roles in the order of their names.
func (s *Service) ListRoles(_ context.Context, c *service.Caller, in *api.ListRolesRequest) (*api.ListRolesResponse, error) {
	p, err := newPage[api.Role]("ListRoles", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	err = c.Snapshot.Roles(c.Account(), pathOf(in.PathPrefix), p.after, func(r *directory.Role) bool {
		out := roleOut(c.Snapshot, r)
		out.Description, out.MaxSessionDuration = r.Description, ptr(int32(r.MaxSession))
		return p.add(r.Name, out)
	})
	if err != nil {
		return nil, err
	}
	return &api.ListRolesResponse{Roles: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// UpdateRole changes a role's description and its longest session; what is
// left out stays.
func (s *Service) UpdateRole(ctx context.Context, c *service.Caller, in *api.UpdateRoleRequest) (*api.UpdateRoleResponse, error) {
	var maxSession *int
	if in.MaxSessionDuration != nil {
		maxSession = ptr(int(*in.MaxSessionDuration))
	}
	err := s.withAnyRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error {
		if r.ServiceLinked() && maxSession != nil {
			return protected(r)
		}
		tx.DescribeRole(r, in.Description, maxSession)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateRoleResponse{}, nil
}

// UpdateRoleDescription changes a role's description.
func (s *Service) UpdateRoleDescription(ctx context.Context, c *service.Caller, in *api.UpdateRoleDescriptionRequest) (*api.UpdateRoleDescriptionResponse, error) {
	var changed *directory.Role
	err := s.withAnyRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error {
		changed = r
		tx.DescribeRole(r, &in.Description, nil)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := roleOut(s.dir.Snapshot(), changed)
	out.Description = changed.Description
	return &api.UpdateRoleDescriptionResponse{Role: &out}, nil
}

// UpdateAssumeRolePolicy replaces a role's trust policy.
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, c *service.Caller, in *api.UpdateAssumeRolePolicyRequest) (*nothing, error) {
	trust, err := parseTrust(in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	return nil, s.withRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error { return tx.SetTrust(r, trust) })
}

// DeleteRole deletes a role on which nothing hangs any more. Its sessions end
// with it.
func (s *Service) DeleteRole(ctx context.Context, c *service.Caller, in *api.DeleteRoleRequest) (*nothing, error) {
	return nil, s.withRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error { return tx.DeleteRole(r) })
}

// PutRolePolicy adds or replaces an inline policy of a role.
func (s *Service) PutRolePolicy(ctx context.Context, c *service.Caller, in *api.PutRolePolicyRequest) (*nothing, error) {
	if err := parse(in.PolicyDocument, policy.Inline); err != nil {
		return nil, err
	}
	return nil, s.withRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error {
		return tx.PutInline(r, in.PolicyName, in.PolicyDocument)
	})
}

// GetRolePolicy gives an inline policy of a role.
func (s *Service) GetRolePolicy(_ context.Context, c *service.Caller, in *api.GetRolePolicyRequest) (*api.GetRolePolicyResponse, error) {
	r, err := role(c, in.RoleName)
	if err != nil {
		return nil, err
	}
	p, ok := r.InlinePolicy(in.PolicyName)
	if !ok {
		return nil, awsError(&directory.NotFound{Kind: directory.KindRolePolicy, Name: in.PolicyName})
	}
	return &api.GetRolePolicyResponse{RoleName: r.Name, PolicyName: p.Name, PolicyDocument: documentOut(p.Document)}, nil
}

// ListRolePolicies names the inline policies of a role.
func (s *Service) ListRolePolicies(_ context.Context, c *service.Caller, in *api.ListRolePoliciesRequest) (*api.ListRolePoliciesResponse, error) {
	r, err := role(c, in.RoleName)
	if err != nil {
		return nil, err
	}
	p, err := inlineNames("ListRolePolicies", in.Marker, in.MaxItems, &r.Policies)
	if err != nil {
		return nil, err
	}
	return &api.ListRolePoliciesResponse{PolicyNames: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// DeleteRolePolicy deletes an inline policy of a role.
func (s *Service) DeleteRolePolicy(ctx context.Context, c *service.Caller, in *api.DeleteRolePolicyRequest) (*nothing, error) {
	return nil, s.withRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error { return tx.DeleteInline(r, in.PolicyName) })
}

// AttachRolePolicy attaches a managed policy to a role.
func (s *Service) AttachRolePolicy(ctx context.Context, c *service.Caller, in *api.AttachRolePolicyRequest) (*nothing, error) {
	return nil, s.withRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error { return tx.Attach(r, in.PolicyArn) })
}

// DetachRolePolicy takes a managed policy off a role.
func (s *Service) DetachRolePolicy(ctx context.Context, c *service.Caller, in *api.DetachRolePolicyRequest) (*nothing, error) {
	return nil, s.withRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error { return tx.Detach(r, in.PolicyArn) })
}

// ListAttachedRolePolicies lists the managed policies attached to a role.
func (s *Service) ListAttachedRolePolicies(_ context.Context, c *service.Caller, in *api.ListAttachedRolePoliciesRequest) (*api.ListAttachedRolePoliciesResponse, error) {
	r, err := role(c, in.RoleName)
	if err != nil {
		return nil, err
	}
	p, err := attached("ListAttachedRolePolicies", c, in.Marker, in.PathPrefix, in.MaxItems, &r.Policies)
	if err != nil {
		return nil, err
	}
	return &api.ListAttachedRolePoliciesResponse{AttachedPolicies: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// TagRole adds or replaces tags of a role.
func (s *Service) TagRole(ctx context.Context, c *service.Caller, in *api.TagRoleRequest) (*nothing, error) {
	return nil, s.withAnyRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error { return tx.TagRole(r, tagsIn(in.Tags)) })
}

// UntagRole drops tags of a role.
func (s *Service) UntagRole(ctx context.Context, c *service.Caller, in *api.UntagRoleRequest) (*nothing, error) {
	return nil, s.withAnyRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error {
		tx.UntagRole(r, in.TagKeys)
		return nil
	})
}

// ListRoleTags lists the tags of a role.
func (s *Service) ListRoleTags(_ context.Context, c *service.Caller, in *api.ListRoleTagsRequest) (*api.ListRoleTagsResponse, error) {
	r, err := role(c, in.RoleName)
	if err != nil {
		return nil, err
	}
	p, err := tagPage("ListRoleTags", in.Marker, in.MaxItems, r.Tags)
	if err != nil {
		return nil, err
	}
	return &api.ListRoleTagsResponse{Tags: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
