package sts

import (
	"context"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/arn"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// assumesRole makes AssumeRole act on the role that it names, which may be of
// another account, under its trust policy.
func assumesRole(o *service.Operation) {
	o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
		if c.Root() {
			return nil, awsapi.AccessDenied.New("Roles may not be assumed by root accounts.")
		}
		t, err := roleTarget(c.Snapshot, in.(*api.AssumeRoleRequest).RoleArn)
		return []service.Target{t}, err
	}
	o.Tags = func(in any) []directory.Tag { return tagsIn(in.(*api.AssumeRoleRequest).Tags) }
	o.TagKeys = func(in any) []string { return tagKeys(in.(*api.AssumeRoleRequest).Tags) }
	o.Context = func(c *service.Caller, a any, keys *policy.Context) {
		in := a.(*api.AssumeRoleRequest)
		keys.Set("sts:RoleSessionName", in.RoleSessionName)
		if in.ExternalId != "" {
			keys.Set("sts:ExternalId", in.ExternalId)
		}
		if source := sourceIdentity(c, in.SourceIdentity); source != "" {
			keys.Set("sts:SourceIdentity", source)
		}
		if len(in.TransitiveTagKeys) > 0 {
			keys.SetValues("sts:TransitiveTagKeys", in.TransitiveTagKeys...)
		}
		if len(in.ProvidedContexts) > 0 {
			var providers []string
			for _, p := range in.ProvidedContexts {
				providers = append(providers, p.ProviderArn)
			}
			keys.SetValues("sts:RequestContextProviders", providers...)
		}
		if in.SerialNumber != "" && in.TokenCode != "" {
			// Whether the code is right is found out when all else is; the call
			// fails then (docs/facts, 10.3).
			keys.Set("aws:MultiFactorAuthPresent", "true")
			keys.Set("aws:MultiFactorAuthAge", "0")
		}
	}
	o.Also = func(c *service.Caller, a any) []service.Permission {
		in := a.(*api.AssumeRoleRequest)
		var more []service.Permission
		if len(in.Tags) > 0 || len(in.TransitiveTagKeys) > 0 {
			more = append(more, service.Permission{Action: "sts:TagSession"})
		}
		if sourceIdentity(c, in.SourceIdentity) != "" {
			more = append(more, service.Permission{Action: "sts:SetSourceIdentity"})
		}
		if len(in.ProvidedContexts) > 0 {
			more = append(more, service.Permission{Action: "sts:SetContext"})
		}
		return more
	}
}

// roleTarget is the role of an ARN. One that doesn't exist has no trust policy,
// so that nobody may assume it and nobody learns that it doesn't exist.
func roleTarget(s *directory.Snapshot, role string) (service.Target, error) {
	a, err := arn.Parse(role)
	if err != nil || a.Service != "iam" || len(a.Account) != 12 || !strings.HasPrefix(a.Resource, "role/") {
		return service.Target{}, awsapi.ValidationError.New("%s is invalid", role)
	}
	r, err := s.RoleByARN(role)
	if err != nil {
		return service.Target{ARN: role, Owner: a.Account}, nil
	}
	return service.Target{ARN: role, Owner: r.Account(), Tags: r.Tags, Policy: r.TrustPolicy()}, nil
}

// sourceIdentity is the one asked for, or else that of the caller's session.
func sourceIdentity(c *service.Caller, asked string) string {
	if asked == "" && c.Session != nil {
		return c.Session.SourceIdentity
	}
	return asked
}

// AssumeRole makes temporary credentials of a role. That the caller may the
// gate has found: by the role's trust policy and the caller's own policies.
func (s *Service) AssumeRole(ctx context.Context, c *service.Caller, in *api.AssumeRoleRequest) (*api.AssumeRoleResponse, error) {
	r, err := c.Snapshot.RoleByARN(in.RoleArn)
	if err != nil {
		return nil, err // the gate has seen it in this snapshot
	}
	life, err := roleLife(c, r, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	session := &directory.Session{
		Kind: directory.RoleSession, Account: r.Account(), Entity: r.ID, Name: in.RoleSessionName,
		Issuer: c.ARN(), SourceIdentity: sourceIdentity(c, in.SourceIdentity),
	}
	if c.Session != nil && c.Session.SourceIdentity != "" && session.SourceIdentity != c.Session.SourceIdentity {
		return nil, awsapi.AccessDenied.New("User: %s is not authorized to perform: sts:SetSourceIdentity on resource: %s", c.ARN(), in.RoleArn)
	}
	if err := s.addTags(c, session, in.Tags, in.TransitiveTagKeys); err != nil {
		return nil, err
	}
	packed, err := s.addPolicies(c, r.Account(), session, in.Policy, in.PolicyArns)
	if err != nil {
		return nil, err
	}
	if session.MFA, err = s.mfa(ctx, c, in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	creds, err := s.credentials(c, session, life)
	if err != nil {
		return nil, err
	}
	return &api.AssumeRoleResponse{
		Credentials:      creds,
		AssumedRoleUser:  &api.AssumedRoleUser{AssumedRoleId: r.ID + ":" + session.Name, Arn: directory.SessionARN(r, session.Name)},
		PackedPolicySize: packed, SourceIdentity: session.SourceIdentity,
	}, nil
}

// chainLimit is how long a role is assumed at most with the credentials of a
// session.
const chainLimit = time.Hour

// roleLife is how long a session of the role is to last.
func roleLife(c *service.Caller, r *directory.Role, seconds *int32) (time.Duration, error) {
	if seconds == nil {
		return directory.DefaultMaxSession * time.Second, nil
	}
	life := time.Duration(*seconds) * time.Second
	if life > time.Duration(r.MaxSession)*time.Second {
		return 0, awsapi.ValidationError.New("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if c.Session != nil && life > chainLimit {
		return 0, awsapi.ValidationError.New("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return life, nil
}

// credentials makes a session's credentials as answers carry them.
func (s *Service) credentials(c *service.Caller, session *directory.Session, life time.Duration) (*api.Credentials, error) {
	if err := mustBeOpen(c, session.Account); err != nil {
		return nil, err
	}
	token, err := s.dir.NewSession(session, life)
	if err != nil {
		return nil, err
	}
	return &api.Credentials{
		AccessKeyId: session.KeyID, SecretAccessKey: session.Secret, SessionToken: token, Expiration: session.Expires,
	}, nil
}
