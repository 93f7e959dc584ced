package iam

import (
	"cmp"
	"context"
	"slices"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) groupOperations() []service.Operation {
	return []service.Operation{
		op("CreateGroup", s.CreateGroup),
		op("GetGroup", s.GetGroup),
		op("ListGroups", s.ListGroups, listed("group", func(in any) string { return in.(*api.ListGroupsRequest).PathPrefix })),
		op("UpdateGroup", s.UpdateGroup, renamesGroup),
		op("DeleteGroup", s.DeleteGroup),
		op("AddUserToGroup", s.AddUserToGroup),
		op("RemoveUserFromGroup", s.RemoveUserFromGroup),
		op("ListGroupsForUser", s.ListGroupsForUser),
	}
}

func groupOut(g *directory.Group) api.Group {
	return api.Group{Path: g.Path, GroupName: g.Name, GroupId: g.ID, Arn: g.ARN(), CreateDate: g.Created}
}

// CreateGroup makes a group.
func (s *Service) CreateGroup(ctx context.Context, c *service.Caller, in *api.CreateGroupRequest) (*api.CreateGroupResponse, error) {
	var out api.Group
	err := s.update(ctx, c, func(tx *directory.Tx) error {
		g, err := tx.CreateGroup(in.GroupName, pathOf(in.Path))
		if err != nil {
			return err
		}
		out = groupOut(g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateGroupResponse{Group: &out}, nil
}

// GetGroup describes a group and lists its users.
func (s *Service) GetGroup(_ context.Context, c *service.Caller, in *api.GetGroupRequest) (*api.GetGroupResponse, error) {
	p, err := newPage[api.User]("GetGroup", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	g, err := c.Snapshot.Group(c.Account(), in.GroupName)
	if err != nil {
		return nil, awsError(err)
	}
	err = c.Snapshot.Members(g, p.after, func(u *directory.User) bool { return p.add(u.ID, userOut(u)) })
	if err != nil {
		return nil, err
	}
	out := groupOut(g)
	return &api.GetGroupResponse{Group: &out, Users: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// ListGroups lists groups in the order of their names.
func (s *Service) ListGroups(_ context.Context, c *service.Caller, in *api.ListGroupsRequest) (*api.ListGroupsResponse, error) {
	p, err := newPage[api.Group]("ListGroups", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	err = c.Snapshot.Groups(c.Account(), pathOf(in.PathPrefix), p.after, func(g *directory.Group) bool {
		return p.add(g.Name, groupOut(g))
	})
	if err != nil {
		return nil, err
	}
	return &api.ListGroupsResponse{Groups: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// withGroup runs fn as a transaction on the named group.
func (s *Service) withGroup(ctx context.Context, c *service.Caller, name string, fn func(tx *directory.Tx, g *directory.Group) error) error {
	return s.update(ctx, c, func(tx *directory.Tx) error {
		g, err := tx.Group(name)
		if err != nil {
			return err
		}
		return fn(tx, g)
	})
}

// UpdateGroup changes a group's name, path or both.
func (s *Service) UpdateGroup(ctx context.Context, c *service.Caller, in *api.UpdateGroupRequest) (*nothing, error) {
	return nil, s.withGroup(ctx, c, in.GroupName, func(tx *directory.Tx, g *directory.Group) error {
		return tx.RenameGroup(g, in.NewGroupName, in.NewPath)
	})
}

// renamesGroup: a rename needs permission on the old and on the new ARN.
func renamesGroup(o *service.Operation) {
	o.Targets = func(c *service.Caller, a any) ([]service.Target, error) {
		in := a.(*api.UpdateGroupRequest)
		from := said(groupTarget(c, in.GroupName, ""), "group", in.GroupName, "")
		name, path := in.GroupName, "/"
		if g, err := c.Snapshot.Group(c.Account(), in.GroupName); err == nil {
			name, path = g.Name, g.Path
		}
		to := directory.GroupARN(c.Account(), or(in.NewPath, path), or(in.NewGroupName, name))
		if to == from.ARN {
			return []service.Target{from}, nil
		}
		return []service.Target{from, {ARN: to}}, nil
	}
}

// DeleteGroup deletes a group without members and policies.
func (s *Service) DeleteGroup(ctx context.Context, c *service.Caller, in *api.DeleteGroupRequest) (*nothing, error) {
	return nil, s.withGroup(ctx, c, in.GroupName, func(tx *directory.Tx, g *directory.Group) error {
		return tx.DeleteGroup(g)
	})
}

// withMember runs fn as a transaction on a user and a group. Where both are
// missing the user's error is given.
func (s *Service) withMember(ctx context.Context, c *service.Caller, userName, groupName string, fn func(tx *directory.Tx, u *directory.User, g *directory.Group) error) error {
	return s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(userName)
		if err != nil {
			return err
		}
		g, err := tx.Group(groupName)
		if err != nil {
			return err
		}
		return fn(tx, u, g)
	})
}

// AddUserToGroup puts a user into a group.
func (s *Service) AddUserToGroup(ctx context.Context, c *service.Caller, in *api.AddUserToGroupRequest) (*nothing, error) {
	return nil, s.withMember(ctx, c, in.UserName, in.GroupName, func(tx *directory.Tx, u *directory.User, g *directory.Group) error {
		return tx.Join(u, g)
	})
}

// RemoveUserFromGroup takes a user out of a group.
func (s *Service) RemoveUserFromGroup(ctx context.Context, c *service.Caller, in *api.RemoveUserFromGroupRequest) (*nothing, error) {
	return nil, s.withMember(ctx, c, in.UserName, in.GroupName, func(tx *directory.Tx, u *directory.User, g *directory.Group) error {
		return tx.Leave(u, g)
	})
}

// ListGroupsForUser lists the groups that a user is in, in the order of their names.
func (s *Service) ListGroupsForUser(_ context.Context, c *service.Caller, in *api.ListGroupsForUserRequest) (*api.ListGroupsForUserResponse, error) {
	u, err := user(c, in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	groups := make([]*directory.Group, len(u.Groups))
	for i, id := range u.Groups {
		if groups[i], err = c.Snapshot.GroupByID(c.Account(), id); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(groups, func(a, b *directory.Group) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	p, err := pageOf("ListGroupsForUser", in.Marker, in.MaxItems, groups, func(g *directory.Group) string { return g.ID }, groupOut)
	if err != nil {
		return nil, err
	}
	return &api.ListGroupsForUserResponse{Groups: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
