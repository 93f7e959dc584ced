// Package sts is AWS STS: who am I, whose key is this, and temporary
// credentials. Operations that are not here are answered as not available.
package sts

import (
	"context"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// Service carries out STS's operations on a directory.
type Service struct {
	dir  *directory.Directory
	keys *federation.Keys // of identity providers; nil means that none can be had
	// endpoint is the URL that SAML assertions may be for, besides AWS's own.
	endpoint string
	metadata parsedMetadata
}

// New makes the service, without keys of identity providers.
func New(dir *directory.Directory) *Service { return &Service{dir: dir} }

// NewFederated makes the service with the keys by which ID tokens are verified,
// and the URL of the endpoint, for which SAML assertions may be.
func NewFederated(dir *directory.Directory, keys *federation.Keys, endpoint string) *Service {
	return &Service{dir: dir, keys: keys, endpoint: endpoint}
}

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
		with(service.Op("AssumeRole", s.AssumeRole), assumesRole),
		with(service.Op("AssumeRoleWithWebIdentity", s.AssumeRoleWithWebIdentity), s.takesToken),
		with(service.Op("AssumeRoleWithSAML", s.AssumeRoleWithSAML), s.takesAssertion),
		service.Op("GetDelegatedAccessToken", s.GetDelegatedAccessToken),
		with(service.Op("GetWebIdentityToken", s.GetWebIdentityToken), issuesToken),
		with(service.Op("GetFederationToken", s.GetFederationToken), actsOnFederatedUser),
		with(service.Op("AssumeRoot", s.AssumeRoot), actsOnRoot),
	)
}

// with is an operation that needs more said about it.
func with(o service.Operation, more func(*service.Operation)) service.Operation {
	more(&o)
	return o
}

// GetCallerIdentity tells who the credentials belong to.
func (s *Service) GetCallerIdentity(_ context.Context, c *service.Caller, _ *api.GetCallerIdentityRequest) (*api.GetCallerIdentityResponse, error) {
	return &api.GetCallerIdentityResponse{UserId: c.ID(), Account: c.Account(), Arn: c.ARN()}, nil
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

// DecodeAuthorizationMessage opens the encoded message of a denial of the
// caller's account.
func (s *Service) DecodeAuthorizationMessage(_ context.Context, c *service.Caller, in *api.DecodeAuthorizationMessageRequest) (*api.DecodeAuthorizationMessageResponse, error) {
	account, details, err := s.dir.OpenDenial(in.EncodedMessage)
	if err != nil || account != c.Account() {
		return nil, api.InvalidAuthorizationMessageException.New("The encoded message is not valid.")
	}
	return &api.DecodeAuthorizationMessageResponse{DecodedMessage: details}, nil
}
