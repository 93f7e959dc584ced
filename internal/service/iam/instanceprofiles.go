package iam

import (
	"cmp"
	"context"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) instanceProfileOperations() []service.Operation {
	return []service.Operation{
		op("CreateInstanceProfile", s.CreateInstanceProfile, alsoTagging("iam:TagInstanceProfile", func(in *api.CreateInstanceProfileRequest) []api.Tag { return in.Tags })),
		op("GetInstanceProfile", s.GetInstanceProfile),
		op("ListInstanceProfiles", s.ListInstanceProfiles, listed("instance-profile", func(in any) string { return in.(*api.ListInstanceProfilesRequest).PathPrefix })),
		op("ListInstanceProfilesForRole", s.ListInstanceProfilesForRole),
		op("AddRoleToInstanceProfile", s.AddRoleToInstanceProfile, passesRole),
		op("RemoveRoleFromInstanceProfile", s.RemoveRoleFromInstanceProfile),
		op("DeleteInstanceProfile", s.DeleteInstanceProfile),
		op("TagInstanceProfile", s.TagInstanceProfile),
		op("UntagInstanceProfile", s.UntagInstanceProfile),
		op("ListInstanceProfileTags", s.ListInstanceProfileTags),
	}
}

// passesRole: handing a role to EC2 needs the permission to pass it on.
func passesRole(o *service.Operation) {
	o.Also = func(c *service.Caller, a any) []service.Permission {
		in := a.(*api.AddRoleToInstanceProfileRequest)
		return []service.Permission{{
			Action: "iam:PassRole", Targets: []service.Target{roleTarget(c, in.RoleName, "")},
			Keys: map[string]string{"iam:PassedToService": "ec2.amazonaws.com"},
		}}
	}
}

// profileOut is an instance profile as lists show it, with its role.
func profileOut(s *directory.Snapshot, account string, p *directory.InstanceProfile) (api.InstanceProfile, error) {
	out := api.InstanceProfile{
		Path: p.Path, InstanceProfileName: p.Name, InstanceProfileId: p.ID, Arn: p.ARN(), CreateDate: p.Created, Roles: []api.Role{},
	}
	if p.Role != "" {
		r, err := s.RoleByID(account, p.Role)
		if err != nil {
			return out, err
		}
		out.Roles = append(out.Roles, roleOut(s, r))
	}
	return out, nil
}

// withProfile is update on the named instance profile.
func (s *Service) withProfile(ctx context.Context, c *service.Caller, name string, fn func(tx *directory.Tx, p *directory.InstanceProfile) error) error {
	return s.update(ctx, c, func(tx *directory.Tx) error {
		p, err := tx.InstanceProfile(name)
		if err != nil {
			return err
		}
		return fn(tx, p)
	})
}

// CreateInstanceProfile makes an empty instance profile.
func (s *Service) CreateInstanceProfile(ctx context.Context, c *service.Caller, in *api.CreateInstanceProfileRequest) (*api.CreateInstanceProfileResponse, error) {
	var made *directory.InstanceProfile
	err := s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateInstanceProfile(in.InstanceProfileName, pathOf(in.Path), tagsIn(in.Tags))
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := profileOut(s.dir.Snapshot(), c.Account(), made)
	if err != nil {
		return nil, err
	}
	if len(made.Tags) > 0 {
		out.Tags = tagsOut(made.Tags)
	}
	return &api.CreateInstanceProfileResponse{InstanceProfile: &out}, nil
}

// GetInstanceProfile describes an instance profile.
func (s *Service) GetInstanceProfile(_ context.Context, c *service.Caller, in *api.GetInstanceProfileRequest) (*api.GetInstanceProfileResponse, error) {
	p, err := c.Snapshot.InstanceProfile(c.Account(), in.InstanceProfileName)
	if err != nil {
		return nil, awsError(err)
	}
	out, err := profileOut(c.Snapshot, c.Account(), p)
	if err != nil {
		return nil, err
	}
	out.Tags = tagsOut(p.Tags)
	return &api.GetInstanceProfileResponse{InstanceProfile: &out}, nil
}

// ListInstanceProfiles lists instance profiles in the order of their names.
func (s *Service) ListInstanceProfiles(_ context.Context, c *service.Caller, in *api.ListInstanceProfilesRequest) (*api.ListInstanceProfilesResponse, error) {
	p, err := newPage[api.InstanceProfile]("ListInstanceProfiles", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	var failed error
	err = c.Snapshot.InstanceProfiles(c.Account(), pathOf(in.PathPrefix), p.after, func(ip *directory.InstanceProfile) bool {
		var out api.InstanceProfile
		if out, failed = profileOut(c.Snapshot, c.Account(), ip); failed != nil {
			return false
		}
		return p.add(ip.Name, out)
	})
	if err != nil || failed != nil {
		return nil, cmp.Or(err, failed)
	}
	return &api.ListInstanceProfilesResponse{InstanceProfiles: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// ListInstanceProfilesForRole lists the instance profiles that a role is in.
func (s *Service) ListInstanceProfilesForRole(_ context.Context, c *service.Caller, in *api.ListInstanceProfilesForRoleRequest) (*api.ListInstanceProfilesForRoleResponse, error) {
	r, err := role(c, in.RoleName)
	if err != nil {
		return nil, err
	}
	profiles, err := profilesOf(c.Snapshot, r)
	if err != nil {
		return nil, err
	}
	same := func(p api.InstanceProfile) api.InstanceProfile { return p }
	p, err := pageOf("ListInstanceProfilesForRole", in.Marker, in.MaxItems, profiles, func(p api.InstanceProfile) string { return p.InstanceProfileName }, same)
	if err != nil {
		return nil, err
	}
	return &api.ListInstanceProfilesForRoleResponse{InstanceProfiles: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// profilesOf are the instance profiles that a role is in, as lists show them.
func profilesOf(s *directory.Snapshot, r *directory.Role) ([]api.InstanceProfile, error) {
	profiles := make([]api.InstanceProfile, 0, len(r.Profiles))
	for _, id := range r.Profiles {
		ip, err := s.InstanceProfileByID(r.Account(), id)
		if err != nil {
			return nil, err
		}
		out, err := profileOut(s, r.Account(), ip)
		if err != nil {
			return nil, err
		}
		profiles = append(profiles, out)
	}
	return profiles, nil
}

// AddRoleToInstanceProfile puts a role into an instance profile, which holds
// one at most.
func (s *Service) AddRoleToInstanceProfile(ctx context.Context, c *service.Caller, in *api.AddRoleToInstanceProfileRequest) (*nothing, error) {
	return nil, s.withProfile(ctx, c, in.InstanceProfileName, func(tx *directory.Tx, p *directory.InstanceProfile) error {
		r, err := tx.Role(in.RoleName)
		if err != nil {
			return err
		}
		if r.ServiceLinked() {
			return protected(r)
		}
		return tx.AddRole(p, r)
	})
}

// RemoveRoleFromInstanceProfile takes a role out of an instance profile.
func (s *Service) RemoveRoleFromInstanceProfile(ctx context.Context, c *service.Caller, in *api.RemoveRoleFromInstanceProfileRequest) (*nothing, error) {
	return nil, s.withProfile(ctx, c, in.InstanceProfileName, func(tx *directory.Tx, p *directory.InstanceProfile) error {
		r, err := tx.Role(in.RoleName)
		if err != nil {
			return err
		}
		return tx.RemoveRole(p, r)
	})
}

// DeleteInstanceProfile deletes an instance profile that holds no role.
func (s *Service) DeleteInstanceProfile(ctx context.Context, c *service.Caller, in *api.DeleteInstanceProfileRequest) (*nothing, error) {
	return nil, s.withProfile(ctx, c, in.InstanceProfileName, func(tx *directory.Tx, p *directory.InstanceProfile) error {
		return tx.DeleteInstanceProfile(p)
	})
}

// TagInstanceProfile adds or replaces tags of an instance profile.
func (s *Service) TagInstanceProfile(ctx context.Context, c *service.Caller, in *api.TagInstanceProfileRequest) (*nothing, error) {
	return nil, s.withProfile(ctx, c, in.InstanceProfileName, func(tx *directory.Tx, p *directory.InstanceProfile) error {
		return tx.TagInstanceProfile(p, tagsIn(in.Tags))
	})
}

// UntagInstanceProfile drops tags of an instance profile.
func (s *Service) UntagInstanceProfile(ctx context.Context, c *service.Caller, in *api.UntagInstanceProfileRequest) (*nothing, error) {
	return nil, s.withProfile(ctx, c, in.InstanceProfileName, func(tx *directory.Tx, p *directory.InstanceProfile) error {
		tx.UntagInstanceProfile(p, in.TagKeys)
		return nil
	})
}

// ListInstanceProfileTags lists the tags of an instance profile.
func (s *Service) ListInstanceProfileTags(_ context.Context, c *service.Caller, in *api.ListInstanceProfileTagsRequest) (*api.ListInstanceProfileTagsResponse, error) {
	ip, err := c.Snapshot.InstanceProfile(c.Account(), in.InstanceProfileName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := tagPage("ListInstanceProfileTags", in.Marker, in.MaxItems, ip.Tags)
	if err != nil {
		return nil, err
	}
	return &api.ListInstanceProfileTagsResponse{Tags: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
