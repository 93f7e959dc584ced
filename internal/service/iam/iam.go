// Package iam is AWS IAM: its operations, one file for each noun. An operation
// is only its meaning; the gate has decoded, validated and authorised the
// request before, and encodes the answer after.
//
// Operations that are not here are answered as not available.
package iam

import (
	"context"
	"io"
	"reflect"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// Service carries out IAM's operations on a directory.
type Service struct {
	dir  *directory.Directory
	rand io.Reader
}

// New makes the service. Secrets are made of rand.
func New(dir *directory.Directory, rand io.Reader) *Service { return &Service{dir, rand} }

// Operations are the operations that this service carries out.
func (s *Service) Operations() service.Set {
	var ops []service.Operation
	for _, more := range [][]service.Operation{
		s.userOperations(), s.accessKeyOperations(), s.groupOperations(), s.inlineOperations(),
		s.policyOperations(), s.versionOperations(), s.attachmentOperations(), s.tagOperations(),
		s.accountOperations(), s.boundaryOperations(), s.simulationOperations(),
		s.mfaOperations(), s.loginProfileOperations(), s.passwordPolicyOperations(), s.sshKeyOperations(),
		s.signingCertOperations(), s.serverCertOperations(), s.serviceCredOperations(), s.oidcOperations(), s.samlOperations(), s.issuerOperations(),
		s.roleOperations(), s.instanceProfileOperations(),
		s.credentialReportOperations(), s.lastAccessedOperations(), s.serviceLinkedRoleOperations(), s.orgAccessOperations(), s.delegationOperations(),
		s.authorizationOperations(), s.rootFeatureOperations(),
	} {
		ops = append(ops, more...)
	}
	return service.NewSet(ops...)
}

// op makes an operation whose resources and condition keys follow from the
// members of its input.
func op[In, Out any](name string, f func(ctx context.Context, c *service.Caller, in *In) (*Out, error), more ...func(*service.Operation)) service.Operation {
	m := membersOf(reflect.TypeFor[In]())
	if m.policyArn >= 0 {
		f = ofPolicy(m, f)
	}
	o := service.Op(name, f)
	o.Target = m.target
	o.Key = m.key
	if m.tags >= 0 {
		o.Tags = m.requestTags
	}
	if m.tags >= 0 || m.tagKeys >= 0 {
		o.TagKeys = m.requestTagKeys
	}
	for _, change := range more {
		change(&o)
	}
	return o
}

// nothing is the output of operations that answer with metadata only.
type nothing struct{}

// update runs fn as a transaction on the caller's account, each time that the
// caller may do so in the state that it runs on.
func (s *Service) update(ctx context.Context, c *service.Caller, fn func(tx *directory.Tx) error) error {
	return awsError(s.dir.Update(ctx, c.Account(), func(tx *directory.Tx) error {
		if err := c.StillMay(tx); err != nil {
			return err
		}
		return fn(tx)
	}))
}

// withUser is update on the named user, or on the caller where no name is given.
func (s *Service) withUser(ctx context.Context, c *service.Caller, name string, fn func(tx *directory.Tx, u *directory.User) error) error {
	return s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := userIn(tx, c, name)
		if err != nil {
			return err
		}
		return fn(tx, u)
	})
}

func userIn(tx *directory.Tx, c *service.Caller, name string) (*directory.User, error) {
	if name != "" {
		return tx.User(name)
	}
	if c.User == nil {
		return nil, errNoUser
	}
	return tx.UserByID(c.User.ID)
}

// user is the named user as the request sees it, or the caller.
func user(c *service.Caller, name string) (*directory.User, error) {
	if name != "" {
		return c.Snapshot.User(c.Account(), name)
	}
	if c.User == nil {
		return nil, errNoUser
	}
	return c.User, nil
}

// errNoUser: only a caller that is a user can leave UserName out.
var errNoUser = awsapi.ValidationError.New("Must specify userName when calling with non-User credentials")

func tagsOut(tags []directory.Tag) []api.Tag {
	out := make([]api.Tag, len(tags))
	for i, t := range tags {
		out[i] = api.Tag{Key: t.Key, Value: t.Value}
	}
	return out
}

func tagsIn(tags []api.Tag) []directory.Tag {
	if len(tags) == 0 {
		return nil
	}
	in := make([]directory.Tag, len(tags))
	for i, t := range tags {
		in[i] = directory.Tag{Key: t.Key, Value: t.Value}
	}
	return in
}
