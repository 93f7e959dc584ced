// Package sts is AWS STS: who am I, whose key is this, and temporary
// credentials. Operations that are not here are answered as not available.
package sts

import (
	"context"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// Service carries out STS's operations on a directory.
type Service struct{ dir *directory.Directory }

// New makes the service.
func New(dir *directory.Directory) *Service { return &Service{dir} }

// Operations are the operations that this service carries out.
func (s *Service) Operations() service.Set {
	free := func(o service.Operation) service.Operation {
		o.NeedsNoPermission = true
		return o
	}
	return service.NewSet(
		free(service.Op("GetCallerIdentity", s.GetCallerIdentity)),
		free(service.Op("GetSessionToken", s.GetSessionToken)),
		service.Op("GetAccessKeyInfo", s.GetAccessKeyInfo),
		service.Op("DecodeAuthorizationMessage", s.DecodeAuthorizationMessage),
	)
}

// GetCallerIdentity tells who the credentials belong to.
func (s *Service) GetCallerIdentity(_ context.Context, c *service.Caller, _ *api.GetCallerIdentityRequest) (*api.GetCallerIdentityResponse, error) {
	return &api.GetCallerIdentityResponse{UserId: c.User.ID, Account: c.Account(), Arn: c.ARN()}, nil
}

// GetAccessKeyInfo tells the account of any access key id. Whether the key
// exists it doesn't tell.
func (s *Service) GetAccessKeyInfo(_ context.Context, c *service.Caller, in *api.GetAccessKeyInfoRequest) (*api.GetAccessKeyInfoResponse, error) {
	account, ok := c.Snapshot.AccountInKey(in.AccessKeyId)
	if !ok {
		return nil, awsapi.ValidationError.New("Invalid AccessKeyId: %s", in.AccessKeyId)
	}
	return &api.GetAccessKeyInfoResponse{Account: account}, nil
}

// Lives of GetSessionToken's credentials (docs/facts, 10.1). The model holds
// users to 900 to 129600 seconds; root's end after an hour at the latest.
const (
	defaultSession = 12 * time.Hour
	rootSession    = time.Hour
)

// GetSessionToken makes temporary credentials with which the caller acts as itself.
func (s *Service) GetSessionToken(_ context.Context, c *service.Caller, in *api.GetSessionTokenRequest) (*api.GetSessionTokenResponse, error) {
	if c.Session != nil {
		return nil, awsapi.AccessDenied.New("Cannot call GetSessionToken with session credentials")
	}
	if in.SerialNumber != "" || in.TokenCode != "" {
		// Nobody has an MFA device here yet, so none can be the caller's.
		return nil, awsapi.AccessDenied.New("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	}
	life := defaultSession
	if in.DurationSeconds != nil {
		life = time.Duration(*in.DurationSeconds) * time.Second
	}
	if c.Root() {
		life = min(life, rootSession)
	}
	session, token, err := s.dir.NewSession(c.User, life)
	if err != nil {
		return nil, err
	}
	return &api.GetSessionTokenResponse{Credentials: &api.Credentials{
		AccessKeyId: session.KeyID, SecretAccessKey: session.Secret, SessionToken: token, Expiration: session.Expires,
	}}, nil
}

// DecodeAuthorizationMessage opens the encoded message of a denial of the
// caller's account.
func (s *Service) DecodeAuthorizationMessage(_ context.Context, c *service.Caller, in *api.DecodeAuthorizationMessageRequest) (*api.DecodeAuthorizationMessageResponse, error) {
	account, details, err := s.dir.OpenDenial(in.EncodedMessage)
	if err != nil || account != c.Account() {
		return nil, api.InvalidAuthorizationMessageException.New("The encoded message is not valid.")
	}
	return &api.DecodeAuthorizationMessageResponse{DecodedMessage: details}, nil
}
