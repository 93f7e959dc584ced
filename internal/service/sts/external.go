package sts

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/arn"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/federation"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

// external is what AssumeRoleWithWebIdentity and AssumeRoleWithSAML have in
// common: what is asked for, and what the identity provider has said.
type external struct {
	role, policy string
	policyARNs   []api.PolicyDescriptorType
	session      string // its name
	seconds      *int32
	provider     string
	subject      string
	vouched      *federation.Vouched
	// kept are the provider's condition keys that the session keeps.
	kept func(key string) bool
}

// actsFor makes an operation act on a role for someone whom a provider has
// vouched for. of gives what they ask for, of the operation's input.
func actsFor(o *service.Operation, of func(c *service.Caller, in any) *external) {
	o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
		t, err := roleTarget(c.Snapshot, of(c, in).role)
		return []service.Target{t}, err
	}
	o.Context = func(c *service.Caller, in any, keys *policy.Context) {
		e := of(c, in)
		keys.Set("sts:RoleSessionName", e.session)
		if e.vouched.SourceIdentity != "" {
			keys.Set("sts:SourceIdentity", e.vouched.SourceIdentity)
		}
		if len(e.vouched.Transitive) > 0 {
			keys.SetValues("sts:TransitiveTagKeys", e.vouched.Transitive...)
		}
		var names []string
		for _, t := range e.vouched.Tags {
			keys.SetTag("aws:RequestTag", t.Key, t.Value)
			names = append(names, t.Key)
		}
		if len(names) > 0 {
			keys.SetValues("aws:TagKeys", names...)
		}
	}
	o.Also = func(c *service.Caller, in any) []service.Permission {
		var more []service.Permission
		e := of(c, in)
		if len(e.vouched.Tags) > 0 || len(e.vouched.Transitive) > 0 {
			more = append(more, service.Permission{Action: "sts:TagSession"})
		}
		if e.vouched.SourceIdentity != "" {
			more = append(more, service.Permission{Action: "sts:SetSourceIdentity"})
		}
		return more
	}
}

// accountOf is the account of the role that is asked for, which must be open.
func accountOf(c *service.Caller, role string) (string, error) {
	a, err := arn.Parse(role)
	if err != nil || a.Service != "iam" || len(a.Account) != 12 || !strings.HasPrefix(a.Resource, "role/") {
		return "", awsapi.ValidationError.New("%s is invalid", role)
	}
	return a.Account, mustBeOpen(c, a.Account)
}

// mustBeOpen refuses what is of a closed account.
func mustBeOpen(c *service.Caller, account string) error {
	if o := c.Snapshot.Controls(account); o != nil && o.Closed {
		return awsapi.AccessDenied.New("The account %s is closed.", account)
	}
	return nil
}

var (
	sessionTagKey   = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$`)
	sessionTagValue = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	sessionName     = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

// Limits of session tags, as the model has them for AssumeRole.
const (
	maxSessionTags = 50
	maxTagKey      = 128 // characters
	maxTagValue    = 256
)

// checkVouched holds what a provider gives to what the model holds callers of
// AssumeRole to.
func checkVouched(v *federation.Vouched) error {
	if len(v.Tags) > maxSessionTags || len(v.Transitive) > maxSessionTags {
		return api.InvalidIdentityToken.New("A session can have up to %d tags.", maxSessionTags)
	}
	for _, t := range v.Tags {
		if utf8.RuneCountInString(t.Key) > maxTagKey || utf8.RuneCountInString(t.Value) > maxTagValue ||
			!sessionTagKey.MatchString(t.Key) || !sessionTagValue.MatchString(t.Value) {
			return api.InvalidIdentityToken.New("The session tag with key %q is not valid.", t.Key)
		}
	}
	if s := v.SourceIdentity; s != "" && (!sessionName.MatchString(s) || reserved(s)) {
		return api.InvalidIdentityToken.New(`Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`)
	}
	return nil
}

func reserved(name string) bool { return len(name) >= 4 && strings.EqualFold(name[:4], "aws:") }

// refusal puts what is wrong with a token or an assertion into STS's words.
func refusal(err error) error {
	e, ok := errors.AsType[*federation.Refused](err)
	switch {
	case !ok:
		return err
	case e.Expired:
		return &awsapi.Error{Code: api.ExpiredTokenException, Message: e.Text, Err: err}
	}
	return &awsapi.Error{Code: api.InvalidIdentityToken, Message: e.Text, Err: err}
}

// assumed is a session of a role that was made for someone external.
type assumed struct {
	credentials *api.Credentials
	user        *api.AssumedRoleUser
	packed      *int32
}

// assume makes the session. latest, where it isn't zero, is when it ends at the
// latest. That the role may be assumed the gate has found, by its trust policy.
func (s *Service) assume(c *service.Caller, e *external, latest time.Time) (*assumed, error) {
	r, err := c.Snapshot.RoleByARN(e.role)
	if err != nil {
		return nil, err // the gate has seen it in this snapshot
	}
	life, err := roleLife(c, r, e.seconds)
	if err != nil {
		return nil, err
	}
	if !latest.IsZero() {
		life = min(life, latest.Sub(s.dir.Now()))
	}
	session := &directory.Session{
		Kind: directory.RoleSession, Account: r.Account(), Entity: r.ID, Name: e.session,
		SourceIdentity: e.vouched.SourceIdentity, Keys: map[string][]string{"aws:FederatedProvider": {e.provider}},
	}
	for key, values := range e.vouched.Keys {
		if e.kept(key) {
			session.Keys[key] = values
		}
	}
	var tags []api.Tag
	for _, t := range e.vouched.Tags {
		tags = append(tags, api.Tag{Key: t.Key, Value: t.Value})
	}
	if err := s.addTags(c, session, tags, e.vouched.Transitive); err != nil {
		return nil, err
	}
	out := new(assumed)
	if out.packed, err = s.addPolicies(c, r.Account(), session, e.policy, e.policyARNs); err != nil {
		return nil, err
	}
	if out.credentials, err = s.credentials(c, session, life); err != nil {
		return nil, err
	}
	out.user = &api.AssumedRoleUser{AssumedRoleId: r.ID + ":" + session.Name, Arn: directory.SessionARN(r, session.Name)}
	return out, nil
}
