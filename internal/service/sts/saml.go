package sts

import (
	"context"
	"slices"
	"sync"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// takesAssertion makes AssumeRoleWithSAML take a SAML response in place of a
// signature.
func (s *Service) takesAssertion(o *service.Operation) {
	o.Vouch = func(_ context.Context, c *service.Caller, in any) error {
		return refusal(s.verifyAssertion(c, in.(*api.AssumeRoleWithSAMLRequest)))
	}
	actsFor(o, func(c *service.Caller, in any) *external {
		return byAssertion(c, in.(*api.AssumeRoleWithSAMLRequest))
	})
}

// verifyAssertion verifies a response of the provider that the request names,
// which must be of the role's account, and that it offers the role.
func (s *Service) verifyAssertion(c *service.Caller, in *api.AssumeRoleWithSAMLRequest) error {
	account, err := accountOf(c, in.RoleArn)
	if err != nil {
		return err
	}
	provider, err := s.samlProvider(c, account, in.PrincipalArn)
	if err != nil {
		return err
	}
	a, err := provider.Verify(in.SAMLAssertion, federation.Audience{Own: []string{s.endpoint + "/saml"}}, s.dir.Now())
	if err != nil {
		return err
	}
	if err := checkVouched(&a.Vouched); err != nil {
		return err
	}
	c.Principal = directory.Principal{External: &directory.External{
		Type: policy.SAML, Provider: in.PrincipalArn, Subject: a.Subject, Keys: a.Keys, Verified: a,
	}}
	_, err = c.Snapshot.RoleByARN(in.RoleArn)
	if err != nil || !slices.Contains(a.Roles, federation.RolePair{Role: in.RoleArn, Provider: in.PrincipalArn}) {
		return awsapi.AccessDenied.New("Not authorized to perform sts:AssumeRoleWithSAML")
	}
	return nil
}

// samlProvider is the account's provider of that ARN with all that verifies
// what it has made.
func (s *Service) samlProvider(c *service.Caller, account, arn string) (*federation.SAMLProvider, error) {
	p, err := c.Snapshot.SAMLProvider(account, arn)
	if isNotFound(err) {
		return nil, api.InvalidIdentityToken.New("Specified provider doesn't exist.")
	}
	if err != nil {
		return nil, err
	}
	out := &federation.SAMLProvider{Account: account, Name: p.Name, MustEncrypt: p.MustEncrypt}
	if out.Metadata, err = s.metadata.of(c.Snapshot, p); err != nil {
		return nil, err
	}
	keys, err := s.dir.SAMLKeys(p)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		out.Keys = append(out.Keys, k.Reveal())
	}
	return out, nil
}

// byAssertion is what a request with an assertion asks for.
func byAssertion(c *service.Caller, in *api.AssumeRoleWithSAMLRequest) *external {
	a := c.External.Verified.(*federation.Assertion)
	e := &external{
		role: in.RoleArn, policy: in.Policy, policyARNs: in.PolicyArns, session: a.SessionName, seconds: in.DurationSeconds,
		provider: in.PrincipalArn, subject: a.Subject, vouched: &a.Vouched, kept: keptOfAssertion,
	}
	if e.seconds == nil && a.Duration > 0 {
		seconds := int32(a.Duration.Seconds())
		e.seconds = &seconds
	}
	return e
}

// keptOfAssertion says which condition keys of an assertion later requests of
// the session carry too.
func keptOfAssertion(key string) bool {
	return key == "saml:namequalifier" || key == "saml:sub" || key == "saml:sub_type"
}

// AssumeRoleWithSAML makes temporary credentials of a role for whoever a SAML
// provider of the role's account vouches for. The response has been verified;
// that the role may be assumed the gate has found. The session ends when the
// provider says that its own does, if that is earlier.
func (s *Service) AssumeRoleWithSAML(_ context.Context, c *service.Caller, in *api.AssumeRoleWithSAMLRequest) (*api.AssumeRoleWithSAMLResponse, error) {
	e, a := byAssertion(c, in), c.External.Verified.(*federation.Assertion)
	out, err := s.assume(c, e, a.SessionEnds)
	if err != nil {
		return nil, err
	}
	return &api.AssumeRoleWithSAMLResponse{
		Credentials: out.credentials, AssumedRoleUser: out.user, PackedPolicySize: out.packed,
		Subject: a.Subject, SubjectType: a.SubjectType, Issuer: a.Issuer, Audience: a.Audience,
		NameQualifier: a.NameQualifier, SourceIdentity: a.SourceIdentity,
	}, nil
}

// parsedMetadata are metadata documents that were parsed lately: whoever has no
// credentials may ask for that as often as they like.
type parsedMetadata struct {
	mu    sync.Mutex // guards the field below
	bySum map[string]*federation.Metadata
}

const maxParsed = 256

func (m *parsedMetadata) of(snap *directory.Snapshot, p *directory.SAMLProvider) (*federation.Metadata, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if parsed := m.bySum[p.Sum]; parsed != nil {
		return parsed, nil
	}
	text, err := snap.SAMLMetadata(p)
	if err != nil {
		return nil, err
	}
	parsed, err := federation.ParseMetadata(text)
	if err != nil {
		return nil, err
	}
	if m.bySum == nil || len(m.bySum) >= maxParsed {
		m.bySum = map[string]*federation.Metadata{}
	}
	m.bySum[p.Sum] = parsed
	return parsed, nil
}
