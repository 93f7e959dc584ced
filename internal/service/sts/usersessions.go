package sts

import (
	"context"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// Lives of the credentials of GetSessionToken and GetFederationToken
// (docs/facts, 10.1). The model holds users to 900 to 129600 seconds; root's
// end after an hour at the latest.
const (
	defaultSession = 12 * time.Hour
	rootSession    = time.Hour
)

// userLife is how long a session that a user asks for is to last.
func userLife(c *service.Caller, seconds *int32) time.Duration {
	life := defaultSession
	if seconds != nil {
		life = time.Duration(*seconds) * time.Second
	}
	if c.Root() {
		life = min(life, rootSession)
	}
	return life
}

// GetSessionToken makes temporary credentials with which the caller acts as itself.
func (s *Service) GetSessionToken(ctx context.Context, c *service.Caller, in *api.GetSessionTokenRequest) (*api.GetSessionTokenResponse, error) {
	if c.Session != nil {
		return nil, awsapi.AccessDenied.New("Cannot call GetSessionToken with session credentials")
	}
	session := &directory.Session{Kind: directory.UserSession, Account: c.Account(), Entity: c.User.ID, Issuer: c.ARN()}
	var err error
	if session.MFA, err = s.mfa(ctx, c, in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	creds, err := s.credentials(c, session, userLife(c, in.DurationSeconds))
	if err != nil {
		return nil, err
	}
	return &api.GetSessionTokenResponse{Credentials: creds}, nil
}

// actsOnFederatedUser: the resource is the federated user that the session is for.
func actsOnFederatedUser(o *service.Operation) {
	o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
		return []service.Target{{ARN: directory.FederatedARN(c.Account(), in.(*api.GetFederationTokenRequest).Name)}}, nil
	}
	o.Tags = func(in any) []directory.Tag { return tagsIn(in.(*api.GetFederationTokenRequest).Tags) }
	o.TagKeys = func(in any) []string { return tagKeys(in.(*api.GetFederationTokenRequest).Tags) }
	o.Also = func(_ *service.Caller, in any) []service.Permission {
		if len(in.(*api.GetFederationTokenRequest).Tags) == 0 {
			return nil
		}
		return []service.Permission{{Action: "sts:TagSession"}}
	}
}

// GetFederationToken makes temporary credentials of a federated user, who may
// do what both the caller's policies and the session's allow.
func (s *Service) GetFederationToken(_ context.Context, c *service.Caller, in *api.GetFederationTokenRequest) (*api.GetFederationTokenResponse, error) {
	if c.Session != nil {
		return nil, awsapi.AccessDenied.New("Cannot call GetFederationToken with session credentials")
	}
	session := &directory.Session{
		Kind: directory.FederatedSession, Account: c.Account(), Entity: c.User.ID, Name: in.Name, Issuer: c.ARN(),
	}
	if err := s.addTags(c, session, in.Tags, nil); err != nil {
		return nil, err
	}
	packed, err := s.addPolicies(c, c.Account(), session, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	if packed == nil {
		packed = new(int32) // it is always told here
	}
	creds, err := s.credentials(c, session, userLife(c, in.DurationSeconds))
	if err != nil {
		return nil, err
	}
	return &api.GetFederationTokenResponse{
		Credentials:      creds,
		FederatedUser:    &api.FederatedUser{FederatedUserId: c.Account() + ":" + in.Name, Arn: directory.FederatedARN(c.Account(), in.Name)},
		PackedPolicySize: packed,
	}, nil
}
