package sts

import (
	"context"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// takesToken makes AssumeRoleWithWebIdentity take an ID token in place of a
// signature.
func (s *Service) takesToken(o *service.Operation) {
	o.Vouch = func(ctx context.Context, c *service.Caller, in any) error {
		return refusal(s.verifyToken(ctx, c, in.(*api.AssumeRoleWithWebIdentityRequest)))
	}
	actsFor(o, func(c *service.Caller, in any) *external {
		return byToken(c, in.(*api.AssumeRoleWithWebIdentityRequest))
	})
}

// verifyToken finds the token's issuer among the providers of the role's account
// and verifies the token.
func (s *Service) verifyToken(ctx context.Context, c *service.Caller, in *api.AssumeRoleWithWebIdentityRequest) error {
	account, err := accountOf(c, in.RoleArn)
	if err != nil {
		return err
	}
	if in.ProviderId != "" {
		return api.InvalidIdentityToken.New("Access tokens of OAuth 2.0, such as those of %s, are not accepted here: send an ID token, without ProviderId.", in.ProviderId)
	}
	token, err := federation.ParseToken(in.WebIdentityToken)
	if err != nil {
		return err
	}
	p, err := s.issuerOf(c, account, token)
	if err != nil {
		return err
	}
	id, err := s.keys.Verify(ctx, token, federation.Provider{URL: p.URL, ClientIDs: p.ClientIDs, Thumbprints: p.Thumbprints})
	if err != nil {
		return err
	}
	if err := checkVouched(&id.Vouched); err != nil {
		return err
	}
	c.Principal = directory.Principal{External: &directory.External{
		Type: policy.WebIdentity, Provider: p.ARN(), Subject: id.Subject, Keys: id.Keys, Verified: id,
	}}
	if _, err := c.Snapshot.RoleByARN(in.RoleArn); err != nil {
		// As where the trust policy says no: nobody learns what roles there are.
		return awsapi.AccessDenied.New("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	return nil
}

// issuerOf is the provider of that account that has issued a token.
func (s *Service) issuerOf(c *service.Caller, account string, t *federation.Token) (*directory.OIDCProvider, error) {
	if s.keys != nil {
		if url, ok := s.keys.ProviderURL(t.Issuer); ok {
			p, err := c.Snapshot.OIDCProvider(account, directory.OIDCProviderARN(account, url))
			if !isNotFound(err) {
				return p, err
			}
		}
	}
	issuer := t.Issuer
	if !strings.Contains(issuer, "://") {
		issuer = "https://" + issuer
	}
	return nil, api.InvalidIdentityToken.New("No OpenIDConnect provider found in your account for %s", issuer)
}

// byToken is what a request with a token asks for.
func byToken(c *service.Caller, in *api.AssumeRoleWithWebIdentityRequest) *external {
	id := c.External.Verified.(*federation.Identity)
	return &external{
		role: in.RoleArn, policy: in.Policy, policyARNs: in.PolicyArns, session: in.RoleSessionName, seconds: in.DurationSeconds,
		provider: c.External.Provider, subject: id.Subject, vouched: &id.Vouched, kept: keptOfToken,
	}
}

// keptOfToken says which condition keys of an ID token later requests of the
// session carry too.
func keptOfToken(key string) bool {
	switch key[strings.LastIndexByte(key, ':')+1:] {
	case "aud", "sub", "amr", "oaud", "email":
		return true
	}
	return false
}

// AssumeRoleWithWebIdentity makes temporary credentials of a role for whoever an
// OpenID Connect provider of the role's account vouches for. The token has been
// verified; that the role may be assumed the gate has found.
func (s *Service) AssumeRoleWithWebIdentity(_ context.Context, c *service.Caller, in *api.AssumeRoleWithWebIdentityRequest) (*api.AssumeRoleWithWebIdentityResponse, error) {
	e := byToken(c, in)
	out, err := s.assume(c, e, time.Time{})
	if err != nil {
		return nil, err
	}
	return &api.AssumeRoleWithWebIdentityResponse{
		Credentials: out.credentials, AssumedRoleUser: out.user, PackedPolicySize: out.packed,
		SubjectFromWebIdentityToken: e.subject, Provider: e.provider,
		Audience: c.External.Verified.(*federation.Identity).Audience, SourceIdentity: e.vouched.SourceIdentity,
	}, nil
}
