package sts

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// issuesToken gives GetWebIdentityToken its condition keys, and makes it need
// sts:TagGetWebIdentityToken where tags are asked for.
func issuesToken(o *service.Operation) {
	o.Tags = func(in any) []directory.Tag { return tagsIn(in.(*api.GetWebIdentityTokenRequest).Tags) }
	o.TagKeys = func(in any) []string { return tagKeys(in.(*api.GetWebIdentityTokenRequest).Tags) }
	o.Context = func(_ *service.Caller, a any, keys *policy.Context) {
		in := a.(*api.GetWebIdentityTokenRequest)
		keys.SetValues("sts:IdentityTokenAudience", in.Audience...)
		keys.Set("sts:SigningAlgorithm", in.SigningAlgorithm)
		keys.Set("sts:DurationSeconds", strconv.Itoa(int(tokenLife(in)/time.Second)))
	}
	o.Also = func(_ *service.Caller, in any) []service.Permission {
		if len(in.(*api.GetWebIdentityTokenRequest).Tags) == 0 {
			return nil
		}
		return []service.Permission{{Action: "sts:TagGetWebIdentityToken"}}
	}
}

const defaultTokenLife = 300 * time.Second

func tokenLife(in *api.GetWebIdentityTokenRequest) time.Duration {
	if in.DurationSeconds == nil {
		return defaultTokenLife
	}
	return time.Duration(*in.DurationSeconds) * time.Second
}

// tokenClaims are the claims of a token, as AWS's guide shows them ("Understanding
// token claims" of outbound identity federation).
type tokenClaims struct {
	Issuer   string    `json:"iss"`
	Audience any       `json:"aud"` // a text, or a list where there are several
	Subject  string    `json:"sub"`
	Issued   int64     `json:"iat"`
	Expires  int64     `json:"exp"`
	ID       string    `json:"jti"`
	STS      stsClaims `json:"https://sts.amazonaws.com/"`
}

type stsClaims struct {
	Account        string            `json:"aws_account"`
	Region         string            `json:"source_region"`
	Principal      string            `json:"principal_id"`
	PrincipalTags  map[string]string `json:"principal_tags,omitempty"`
	RequestTags    map[string]string `json:"request_tags,omitempty"`
	SessionEnds    string            `json:"original_session_exp,omitempty"`
	Provider       string            `json:"federated_provider,omitempty"`
	SourceIdentity string            `json:"source_identity,omitempty"`
}

// GetWebIdentityToken issues a token by which services elsewhere know the caller.
func (s *Service) GetWebIdentityToken(_ context.Context, c *service.Caller, in *api.GetWebIdentityTokenRequest) (*api.GetWebIdentityTokenResponse, error) {
	issuer, err := c.Snapshot.Issuer(c.Account())
	switch {
	case err != nil:
		return nil, err
	case issuer == nil || !issuer.Enabled:
		return nil, api.OutboundWebIdentityFederationDisabledException.New("The outbound web identity federation feature is not enabled for this account. To use this feature, you must first enable it through the Amazon Web Services Management Console or API.")
	}
	if err := checkAlgorithm(in.SigningAlgorithm); err != nil {
		return nil, err
	}
	now := s.dir.Now().Truncate(time.Second)
	expires := now.Add(tokenLife(in))
	if c.Session != nil && expires.After(c.Session.Expires) {
		return nil, api.SessionDurationEscalationException.New("The requested token duration would extend the session beyond its original expiration time. You cannot use this operation to extend the lifetime of a session beyond what was granted when the session was originally created.")
	}
	claims, err := s.claims(c, in)
	if err != nil {
		return nil, err
	}
	claims.Issued, claims.Expires = now.Unix(), expires.Unix()
	id, private, err := s.dir.SigningKey(issuer, in.SigningAlgorithm)
	if err != nil {
		return nil, err
	}
	token, err := federation.Sign([]byte(private.Reveal()), id, in.SigningAlgorithm, claims)
	if errors.Is(err, federation.ErrPayload) {
		return nil, api.JWTPayloadSizeExceededException.New("The requested token payload size exceeds the maximum allowed size. Reduce the number of request tags included in the GetWebIdentityToken API call to reduce the token payload size.")
	}
	if err != nil {
		return nil, err
	}
	return &api.GetWebIdentityTokenResponse{WebIdentityToken: token, Expiration: expires}, nil
}

func checkAlgorithm(algorithm string) error {
	if slices.Contains(federation.IssuerAlgorithms(), algorithm) {
		return nil
	}
	return awsapi.ValidationError.New("1 validation error detected: Value '%s' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [%s]", algorithm, strings.Join(federation.IssuerAlgorithms(), ", "))
}

// claims are what a token says of the caller, but for its times.
func (s *Service) claims(c *service.Caller, in *api.GetWebIdentityTokenRequest) (*tokenClaims, error) {
	out := &tokenClaims{
		Issuer: s.dir.IssuerURL(c.Account()), Audience: in.Audience, Subject: c.EntityARN(), ID: s.dir.TokenID(),
		STS: stsClaims{Account: c.Account(), Region: c.Region, Principal: c.EntityARN()},
	}
	if len(in.Audience) == 1 {
		out.Audience = in.Audience[0]
	}
	c.EachTag(func(t directory.Tag) { set(&out.STS.PrincipalTags, t) })
	for i, t := range tagsIn(in.Tags) {
		if tagNamed(tagsIn(in.Tags[:i]), t.Key) {
			return nil, awsapi.InvalidParameterValue.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		set(&out.STS.RequestTags, t)
	}
	if session := c.Session; session != nil {
		out.STS.SessionEnds = session.Expires.UTC().Format(time.RFC3339)
		out.STS.SourceIdentity = session.SourceIdentity
		if provider := session.Keys["aws:FederatedProvider"]; len(provider) == 1 {
			out.STS.Provider = provider[0]
		}
	}
	return out, nil
}

func set(tags *map[string]string, t directory.Tag) {
	if *tags == nil {
		*tags = map[string]string{}
	}
	(*tags)[t.Key] = t.Value
}
