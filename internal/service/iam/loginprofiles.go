package iam

import (
	"context"
	"fmt"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) loginProfileOperations() []service.Operation {
	return []service.Operation{
		op("CreateLoginProfile", s.CreateLoginProfile),
		op("GetLoginProfile", s.GetLoginProfile),
		op("UpdateLoginProfile", s.UpdateLoginProfile),
		op("DeleteLoginProfile", s.DeleteLoginProfile),
		op("ChangePassword", s.ChangePassword),
	}
}

// CreateLoginProfile gives the named user, or the caller, a console password.
func (s *Service) CreateLoginProfile(ctx context.Context, c *service.Caller, in *api.CreateLoginProfileRequest) (*api.CreateLoginProfileResponse, error) {
	if in.Password == "" {
		return nil, awsapi.ValidationError.New("1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null")
	}
	p, err := s.prepared(ctx, c, in.UserName, in.Password)
	if err != nil {
		return nil, err
	}
	var owner *directory.User
	mustChange := in.PasswordResetRequired != nil && *in.PasswordResetRequired
	err = s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		owner = u
		return tx.CreateLogin(ctx, u, p, mustChange)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateLoginProfileResponse{LoginProfile: loginOut(owner)}, nil
}

// prepared is a password whose slow part is done, for the named user or the caller.
func (s *Service) prepared(ctx context.Context, c *service.Caller, name, password string) (*directory.Password, error) {
	p := s.dir.Password(seal.NewSecret(password))
	u, err := user(c, name)
	if err != nil {
		return nil, awsError(err)
	}
	return p, p.Prepare(ctx, c.Snapshot, u)
}

func loginOut(u *directory.User) *api.LoginProfile {
	return &api.LoginProfile{UserName: userNameOut(u), CreateDate: u.LoginSince(), PasswordResetRequired: &u.MustChange}
}

// GetLoginProfile tells of the password that the named user, or the caller, has.
func (s *Service) GetLoginProfile(_ context.Context, c *service.Caller, in *api.GetLoginProfileRequest) (*api.GetLoginProfileResponse, error) {
	u, err := user(c, in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	if u.Password == "" {
		return nil, awsError(&directory.NotFound{Kind: directory.KindLogin, Name: u.Name})
	}
	return &api.GetLoginProfileResponse{LoginProfile: loginOut(u)}, nil
}

// UpdateLoginProfile changes a user's password, or whether it must be changed.
func (s *Service) UpdateLoginProfile(ctx context.Context, c *service.Caller, in *api.UpdateLoginProfileRequest) (*nothing, error) {
	var p *directory.Password
	if in.Password != "" {
		var err error
		if p, err = s.prepared(ctx, c, in.UserName, in.Password); err != nil {
			return nil, err
		}
	}
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.UpdateLogin(ctx, u, p, in.PasswordResetRequired)
	})
}

// DeleteLoginProfile takes the password of the named user, or of the caller, away.
func (s *Service) DeleteLoginProfile(ctx context.Context, c *service.Caller, in *api.DeleteLoginProfileRequest) (*nothing, error) {
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error { return tx.DeleteLogin(u) })
}

// ChangePassword changes the password of the IAM user who calls.
func (s *Service) ChangePassword(ctx context.Context, c *service.Caller, in *api.ChangePasswordRequest) (*nothing, error) {
	if c.User == nil || c.Root() {
		return nil, api.InvalidUserType.New("Only IAM Users can change their own password.")
	}
	old := s.dir.Password(seal.NewSecret(in.OldPassword))
	// Whoever doesn't know the old password learns nothing of the others.
	u, err := user(c, "")
	if err != nil {
		return nil, awsError(err)
	}
	next := s.dir.Password(seal.NewSecret(in.NewPassword))
	if u.Password != "" {
		right, err := old.Is(ctx, u.Password)
		if err != nil {
			return nil, err
		}
		if right {
			if err := next.Prepare(ctx, c.Snapshot, u); err != nil {
				return nil, err
			}
		}
	}
	return nil, s.withUser(ctx, c, "", func(tx *directory.Tx, u *directory.User) error {
		return tx.ChangePassword(ctx, u, old, next)
	})
}

// weakness says in AWS's words what a password lacks (docs/facts, 6.5).
func weakness(e *directory.WeakPassword) string {
	if e.Used {
		return "Password does not conform to the account password policy. It was used before."
	}
	var lacks []string
	need := e.Of
	if e.MinimumLength > 0 {
		lacks = append(lacks, fmt.Sprintf("Password should have a minimum length of %d", e.MinimumLength))
		need++
	}
	if e.Of > 0 {
		for _, class := range e.Lacks {
			lacks = append(lacks, "Password should have at least one "+class)
		}
	}
	if e.AccountName {
		lacks = append(lacks, "Password should not be the name or the email address of the account")
		need++
	}
	return fmt.Sprintf("Password should meet %d more of the following requirements: %s", need, strings.Join(lacks, ", "))
}
