package iam

import (
	"context"
	"errors"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) passwordPolicyOperations() []service.Operation {
	return []service.Operation{
		op("UpdateAccountPasswordPolicy", s.UpdateAccountPasswordPolicy),
		op("GetAccountPasswordPolicy", s.GetAccountPasswordPolicy),
		op("DeleteAccountPasswordPolicy", s.DeleteAccountPasswordPolicy),
	}
}

// minimumPassword is the least length where a policy doesn't say it.
const minimumPassword = 6

// UpdateAccountPasswordPolicy gives the account new rules for passwords. What
// isn't given returns to its default.
func (s *Service) UpdateAccountPasswordPolicy(ctx context.Context, c *service.Caller, in *api.UpdateAccountPasswordPolicyRequest) (*nothing, error) {
	p := &directory.PasswordPolicy{
		MinimumLength: minimumPassword, Symbols: isTrue(in.RequireSymbols), Numbers: isTrue(in.RequireNumbers),
		Uppercase: isTrue(in.RequireUppercaseCharacters), Lowercase: isTrue(in.RequireLowercaseCharacters),
		UsersMayChange: isTrue(in.AllowUsersToChangePassword), HardExpiry: isTrue(in.HardExpiry),
		MaxAge: number(in.MaxPasswordAge), Reuse: number(in.PasswordReusePrevention),
	}
	if in.MinimumPasswordLength != nil {
		p.MinimumLength = int(*in.MinimumPasswordLength)
	}
	return nil, s.update(ctx, c, func(tx *directory.Tx) error { return tx.SetPasswordPolicy(p) })
}

func isTrue(b *bool) bool { return b != nil && *b }

func number(n *int32) int {
	if n == nil {
		return 0
	}
	return int(*n)
}

// GetAccountPasswordPolicy tells the account's rules for passwords.
func (s *Service) GetAccountPasswordPolicy(_ context.Context, c *service.Caller, _ *api.GetAccountPasswordPolicyRequest) (*api.GetAccountPasswordPolicyResponse, error) {
	a, err := c.Snapshot.Account(c.Account())
	if err != nil {
		return nil, err
	}
	if a == nil || a.Passwords == nil {
		return nil, api.NoSuchEntity.New("The Password Policy with domain name %s cannot be found.", c.Account())
	}
	p := a.Passwords
	length, expires := int32(p.MinimumLength), p.MaxAge > 0
	out := &api.PasswordPolicy{
		MinimumPasswordLength: &length, RequireSymbols: &p.Symbols, RequireNumbers: &p.Numbers,
		RequireUppercaseCharacters: &p.Uppercase, RequireLowercaseCharacters: &p.Lowercase,
		AllowUsersToChangePassword: &p.UsersMayChange, ExpirePasswords: &expires,
		MaxPasswordAge: positive(p.MaxAge), PasswordReusePrevention: positive(p.Reuse),
	}
	if p.HardExpiry {
		out.HardExpiry = &p.HardExpiry
	}
	return &api.GetAccountPasswordPolicyResponse{PasswordPolicy: out}, nil
}

// positive is the number, or nil where it is 0.
func positive(n int) *int32 {
	if n == 0 {
		return nil
	}
	v := int32(n)
	return &v
}

// DeleteAccountPasswordPolicy returns the account to AWS's default rules.
func (s *Service) DeleteAccountPasswordPolicy(ctx context.Context, c *service.Caller, _ *api.DeleteAccountPasswordPolicyRequest) (*nothing, error) {
	err := s.update(ctx, c, func(tx *directory.Tx) error { return tx.SetPasswordPolicy(nil) })
	if e, none := errors.AsType[*directory.NotFound](err); none && e.Kind == directory.KindPasswordRules {
		return nil, api.NoSuchEntity.New("The account policy with name PasswordPolicy cannot be found.")
	}
	return nil, err
}
