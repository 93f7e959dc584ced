package iam

import (
	"context"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) serviceCredOperations() []service.Operation {
	return []service.Operation{
		op("CreateServiceSpecificCredential", s.CreateServiceSpecificCredential, newServiceCredKeys),
		op("ListServiceSpecificCredentials", s.ListServiceSpecificCredentials, actsOnCredUsers),
		op("UpdateServiceSpecificCredential", s.UpdateServiceSpecificCredential, serviceCredKeys(func(in *api.UpdateServiceSpecificCredentialRequest) (string, string) {
			return in.UserName, in.ServiceSpecificCredentialId
		})),
		op("ResetServiceSpecificCredential", s.ResetServiceSpecificCredential, serviceCredKeys(func(in *api.ResetServiceSpecificCredentialRequest) (string, string) {
			return in.UserName, in.ServiceSpecificCredentialId
		})),
		op("DeleteServiceSpecificCredential", s.DeleteServiceSpecificCredential, serviceCredKeys(func(in *api.DeleteServiceSpecificCredentialRequest) (string, string) {
			return in.UserName, in.ServiceSpecificCredentialId
		})),
	}
}

// The condition keys of service-specific credentials.
const (
	keyCredService = "iam:ServiceSpecificCredentialServiceName"
	keyCredAge     = "iam:ServiceSpecificCredentialAgeDays"
)

func newServiceCredKeys(o *service.Operation) {
	o.Key = func(key string, _ *service.Caller, a any) (string, bool) {
		in := a.(*api.CreateServiceSpecificCredentialRequest)
		switch {
		case key == keyCredService:
			return in.ServiceName, true
		case key == keyCredAge && in.CredentialAgeDays != nil:
			return strconv.Itoa(int(*in.CredentialAgeDays)), true
		}
		return "", false
	}
}

// serviceCredKeys: the service is that of the credential which the request names.
func serviceCredKeys[In any](names func(in *In) (user, id string)) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Key = func(key string, c *service.Caller, in any) (string, bool) {
			if key != keyCredService {
				return "", false
			}
			name, id := names(in.(*In))
			u, err := user(c, name)
			if err != nil {
				return "", false
			}
			cred, err := u.ServiceCredential(id)
			return cred.Service, err == nil
		}
	}
}

// actsOnCredUsers: the resource is the named user, the caller, or every user.
func actsOnCredUsers(o *service.Operation) {
	o.Targets = func(c *service.Caller, a any) ([]service.Target, error) {
		in := a.(*api.ListServiceSpecificCredentialsRequest)
		if isTrue(in.AllUsers) {
			return []service.Target{{ARN: directory.UserARN(c.Account(), "/", "*")}}, nil
		}
		return []service.Target{namedUser(c, in.UserName)}, nil
	}
}

// credService is a service that takes credentials of its own. Those with bearer
// tokens get an alias and a secret that holds it, after a prefix, and may
// expire; the others a user name and a password.
type credService struct {
	name   string
	bearer bool
	prefix string
}

func credServiceOf(name string) (credService, error) {
	for _, s := range [...]credService{
		{name: "codecommit.amazonaws.com"},
		{name: "cassandra.amazonaws.com"},
		{name: "bedrock.amazonaws.com", bearer: true, prefix: "ABSK"},
		{name: "logs.amazonaws.com", bearer: true, prefix: "ACWL"},
		{name: "aws-external-anthropic.amazonaws.com", bearer: true, prefix: "AEAA"},
		{name: "cloudwatch.amazonaws.com", bearer: true, prefix: "APIAACWM"},
		{name: "xray.amazonaws.com", bearer: true},
	} {
		if s.name == name {
			return s, nil
		}
	}
	return credService{}, awsError(&directory.NotFound{Kind: directory.KindCredService, Name: name})
}

const credSecretBytes = 32

// secret makes the secret of a credential of that name.
func (s credService) secret(rand io.Reader) func(name string) seal.Secret {
	return func(name string) seal.Secret {
		var b [credSecretBytes]byte
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			panic("iam: no randomness: " + err.Error()) // as package seal does
		}
		secret := base64.StdEncoding.EncodeToString(b[:])
		if s.bearer {
			secret = s.prefix + base64.StdEncoding.EncodeToString([]byte(name+":"+secret))
		}
		return seal.NewSecret(secret)
	}
}

// serviceCredStatus is how a credential's status is shown at that time.
func serviceCredStatus(c directory.ServiceCredential, now time.Time) string {
	if !c.Expires.IsZero() && !now.Before(c.Expires) {
		return "Expired"
	}
	return statusOf(c.Inactive)
}

// serviceCredOut is a credential with its secret, which is shown only now.
func (s *Service) serviceCredOut(u *directory.User, c directory.ServiceCredential, secret seal.Secret) *api.ServiceSpecificCredential {
	out := &api.ServiceSpecificCredential{
		CreateDate: c.Created, ExpirationDate: c.Expires, ServiceName: c.Service, ServiceSpecificCredentialId: c.ID,
		UserName: userNameOut(u), Status: serviceCredStatus(c, s.dir.Now()),
	}
	if of, err := credServiceOf(c.Service); err == nil && of.bearer {
		out.ServiceCredentialAlias, out.ServiceCredentialSecret = c.Name, secret.Reveal()
	} else {
		out.ServiceUserName, out.ServicePassword = c.Name, secret.Reveal()
	}
	return out
}

// CreateServiceSpecificCredential makes a credential that one service takes. Its
// secret is in this answer and nowhere else after it.
func (s *Service) CreateServiceSpecificCredential(ctx context.Context, c *service.Caller, in *api.CreateServiceSpecificCredentialRequest) (*api.CreateServiceSpecificCredentialResponse, error) {
	of, err := credServiceOf(in.ServiceName)
	if err != nil {
		return nil, err
	}
	var life time.Duration
	if in.CredentialAgeDays != nil {
		if !of.bearer {
			return nil, awsapi.ValidationError.New("CredentialAgeDays is not supported for service %s.", in.ServiceName)
		}
		life = time.Duration(*in.CredentialAgeDays) * 24 * time.Hour
	}
	var out *api.ServiceSpecificCredential
	err = s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		made, secret, err := tx.AddServiceCredential(u, in.ServiceName, life, of.secret(s.rand))
		if err == nil {
			out = s.serviceCredOut(u, made, secret)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateServiceSpecificCredentialResponse{ServiceSpecificCredential: out}, nil
}

// ResetServiceSpecificCredential gives a credential a new secret, shown only here.
func (s *Service) ResetServiceSpecificCredential(ctx context.Context, c *service.Caller, in *api.ResetServiceSpecificCredentialRequest) (*api.ResetServiceSpecificCredentialResponse, error) {
	var out *api.ServiceSpecificCredential
	err := s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		cred, err := u.ServiceCredential(in.ServiceSpecificCredentialId)
		if err != nil {
			return err
		}
		of, err := credServiceOf(cred.Service)
		if err != nil {
			return err
		}
		made, secret, err := tx.ResetServiceCredential(u, cred.ID, of.secret(s.rand))
		if err == nil {
			out = s.serviceCredOut(u, made, secret)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.ResetServiceSpecificCredentialResponse{ServiceSpecificCredential: out}, nil
}

func (s *Service) serviceCredMetadata(u *directory.User, c directory.ServiceCredential) api.ServiceSpecificCredentialMetadata {
	full := s.serviceCredOut(u, c, seal.Secret{})
	return api.ServiceSpecificCredentialMetadata{
		UserName: full.UserName, Status: full.Status, ServiceUserName: full.ServiceUserName,
		ServiceCredentialAlias: full.ServiceCredentialAlias, CreateDate: full.CreateDate, ExpirationDate: full.ExpirationDate,
		ServiceSpecificCredentialId: full.ServiceSpecificCredentialId, ServiceName: full.ServiceName,
	}
}

// ListServiceSpecificCredentials lists the credentials of the named user, of
// the caller, or of all users, of one service or of all.
func (s *Service) ListServiceSpecificCredentials(_ context.Context, c *service.Caller, in *api.ListServiceSpecificCredentialsRequest) (*api.ListServiceSpecificCredentialsResponse, error) {
	if in.ServiceName != "" {
		if _, err := credServiceOf(in.ServiceName); err != nil {
			return nil, err
		}
	}
	p, err := newPage[api.ServiceSpecificCredentialMetadata]("ListServiceSpecificCredentials", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	// A key of the page is the user's name and the credential's id, so that the
	// next one begins at that user.
	afterUser, afterID, _ := strings.Cut(p.after, "/")
	add := func(u *directory.User) bool {
		creds := u.Services
		if u.Name == afterUser {
			creds = creds[1+slices.IndexFunc(creds, func(c directory.ServiceCredential) bool { return c.ID == afterID }):]
		}
		for _, cred := range creds {
			if in.ServiceName != "" && cred.Service != in.ServiceName {
				continue
			}
			if !p.add(u.Name+"/"+cred.ID, s.serviceCredMetadata(u, cred)) {
				return false
			}
		}
		return true
	}
	if err := s.eachCredUser(c, in, afterUser, add); err != nil {
		return nil, awsError(err)
	}
	return &api.ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// eachCredUser calls add for the users whose credentials are asked for: all from
// the one of that name on, or one.
func (s *Service) eachCredUser(c *service.Caller, in *api.ListServiceSpecificCredentialsRequest, from string, add func(*directory.User) bool) error {
	if !isTrue(in.AllUsers) {
		u, err := user(c, in.UserName)
		if err == nil {
			add(u)
		}
		return err
	}
	if in.UserName != "" {
		return awsapi.ValidationError.New("UserName and AllUsers can't be given together.")
	}
	if from != "" {
		if u, err := c.Snapshot.User(c.Account(), from); err == nil && !add(u) {
			return nil
		}
	}
	return c.Snapshot.Users(c.Account(), "/", from, add)
}

// UpdateServiceSpecificCredential makes a credential active or inactive.
func (s *Service) UpdateServiceSpecificCredential(ctx context.Context, c *service.Caller, in *api.UpdateServiceSpecificCredentialRequest) (*nothing, error) {
	if err := settable(in.Status); err != nil {
		return nil, err
	}
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.SetServiceCredentialStatus(u, in.ServiceSpecificCredentialId, in.Status == active)
	})
}

// DeleteServiceSpecificCredential deletes a credential for good.
func (s *Service) DeleteServiceSpecificCredential(ctx context.Context, c *service.Caller, in *api.DeleteServiceSpecificCredentialRequest) (*nothing, error) {
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.DeleteServiceCredential(u, in.ServiceSpecificCredentialId)
	})
}
