package iam

import (
	"context"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) boundaryOperations() []service.Operation {
	return []service.Operation{
		op("PutUserPermissionsBoundary", s.PutUserPermissionsBoundary),
		op("DeleteUserPermissionsBoundary", s.DeleteUserPermissionsBoundary),
		op("PutRolePermissionsBoundary", s.PutRolePermissionsBoundary),
		op("DeleteRolePermissionsBoundary", s.DeleteRolePermissionsBoundary),
	}
}

// checkBoundary refuses what is no policy's ARN; empty means no boundary.
func checkBoundary(arn string) error {
	if arn == "" || isPolicyARN(arn) {
		return nil
	}
	return api.InvalidInput.New("ARN %s is not valid.", arn)
}

func boundaryOut(arn string) *api.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	// On the wire the type is Policy, whatever the model's enum says (docs/facts, 8.1).
	return &api.AttachedPermissionsBoundary{PermissionsBoundaryType: "Policy", PermissionsBoundaryArn: arn}
}

// PutUserPermissionsBoundary makes a managed policy the user's boundary.
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, c *service.Caller, in *api.PutUserPermissionsBoundaryRequest) (*nothing, error) {
	if err := checkBoundary(in.PermissionsBoundary); err != nil {
		return nil, err
	}
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		return tx.SetBoundary(u, in.PermissionsBoundary)
	})
}

// DeleteUserPermissionsBoundary takes the user's boundary away.
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, c *service.Caller, in *api.DeleteUserPermissionsBoundaryRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		if err := tx.DeleteBoundary(u); err != nil {
			if _, none := err.(*directory.NotFound); none {
				return api.NoSuchEntity.New("User %s does not have a permissions boundary.", in.UserName)
			}
			return err
		}
		return nil
	})
}

// PutRolePermissionsBoundary makes a managed policy the role's boundary.
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, c *service.Caller, in *api.PutRolePermissionsBoundaryRequest) (*nothing, error) {
	if err := checkBoundary(in.PermissionsBoundary); err != nil {
		return nil, err
	}
	return nil, s.withRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error {
		return tx.SetBoundary(r, in.PermissionsBoundary)
	})
}

// DeleteRolePermissionsBoundary takes the role's boundary away.
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, c *service.Caller, in *api.DeleteRolePermissionsBoundaryRequest) (*nothing, error) {
	return nil, s.withRole(ctx, c, in.RoleName, func(tx *directory.Tx, r *directory.Role) error {
		err := tx.DeleteBoundary(r)
		if _, none := err.(*directory.NotFound); none {
			return api.NoSuchEntity.New("Role %s does not have a permissions boundary.", in.RoleName)
		}
		return err
	})
}
