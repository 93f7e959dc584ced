package iam

import (
	"context"
	"errors"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) userOperations() []service.Operation {
	return []service.Operation{
		op("CreateUser", s.CreateUser, alsoTagging("iam:TagUser", func(in *api.CreateUserRequest) []api.Tag { return in.Tags })),
		op("GetUser", s.GetUser),
		op("ListUsers", s.ListUsers, listed("user", func(in any) string { return in.(*api.ListUsersRequest).PathPrefix })),
		op("UpdateUser", s.UpdateUser, renamesUser),
		op("DeleteUser", s.DeleteUser),
	}
}

// CreateUser makes a user.
func (s *Service) CreateUser(ctx context.Context, c *service.Caller, in *api.CreateUserRequest) (*api.CreateUserResponse, error) {
	if err := checkBoundary(in.PermissionsBoundary); err != nil {
		return nil, err
	}
	var made *directory.User
	err := s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateUser(in.UserName, pathOf(in.Path), in.PermissionsBoundary, tagsIn(in.Tags))
		return err
	})
	if err != nil {
		return nil, err
	}
	out := userOut(made)
	addUserDetails(&out, made, made.Tags)
	return &api.CreateUserResponse{User: &out}, nil
}

// GetUser describes the named user, or the caller.
func (s *Service) GetUser(_ context.Context, c *service.Caller, in *api.GetUserRequest) (*api.GetUserResponse, error) {
	u, err := user(c, in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	out := userOut(u)
	addUserDetails(&out, u, c.Snapshot.ShownTags(u))
	if err := addPasswordUse(c, &out, u); err != nil {
		return nil, err
	}
	return &api.GetUserResponse{User: &out}, nil
}

// userOut is a user as lists show it. Root has no name and no path.
func userOut(u *directory.User) api.User {
	if u.Root() {
		return api.User{UserId: u.ID, Arn: u.ARN(), CreateDate: u.Created}
	}
	return api.User{Path: u.Path, UserName: u.Name, UserId: u.ID, Arn: u.ARN(), CreateDate: u.Created}
}

// addUserDetails adds what lists leave out.
func addUserDetails(out *api.User, u *directory.User, tags []directory.Tag) {
	if len(tags) > 0 {
		out.Tags = tagsOut(tags)
	}
	out.PermissionsBoundary = boundaryOut(u.Boundary)
}

// addPasswordUse adds when the user last signed in with a password, if ever.
func addPasswordUse(c *service.Caller, out *api.User, u *directory.User) error {
	at, used, err := c.Snapshot.PasswordLastUsed(u)
	if used {
		out.PasswordLastUsed = at
	}
	return err
}

// ListUsers lists users in the order of their names.
func (s *Service) ListUsers(_ context.Context, c *service.Caller, in *api.ListUsersRequest) (*api.ListUsersResponse, error) {
	p, err := newPage[api.User]("ListUsers", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	var failed error
	err = c.Snapshot.Users(c.Account(), pathOf(in.PathPrefix), p.after, func(u *directory.User) bool {
		out := userOut(u)
		failed = addPasswordUse(c, &out, u)
		return failed == nil && p.add(u.Name, out)
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	return &api.ListUsersResponse{Users: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// UpdateUser changes a user's name, path or both.
func (s *Service) UpdateUser(ctx context.Context, c *service.Caller, in *api.UpdateUserRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		return tx.Rename(u, in.NewUserName, in.NewPath)
	})
}

// renamesUser: a rename needs permission on the old and on the new ARN.
func renamesUser(o *service.Operation) {
	o.Targets = func(c *service.Caller, a any) ([]service.Target, error) {
		in := a.(*api.UpdateUserRequest)
		from := namedUser(c, in.UserName)
		name, path := in.UserName, "/"
		if u, err := user(c, in.UserName); err == nil {
			name, path = u.Name, u.Path
		}
		to := directory.UserARN(c.Account(), or(in.NewPath, path), or(in.NewUserName, name))
		if to == from.ARN {
			return []service.Target{from}, nil
		}
		return []service.Target{from, {ARN: to, Tags: from.Tags}}, nil
	}
}

// or is s, or other where s is empty.
func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// DeleteUser deletes a user on whom nothing hangs any more.
func (s *Service) DeleteUser(ctx context.Context, c *service.Caller, in *api.DeleteUserRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		return tx.DeleteUser(u)
	})
}
