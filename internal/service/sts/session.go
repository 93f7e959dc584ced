package sts

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/sts"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func tagsIn(tags []api.Tag) []directory.Tag {
	var in []directory.Tag
	for _, t := range tags {
		in = append(in, directory.Tag{Key: t.Key, Value: t.Value})
	}
	return in
}

func tagKeys(tags []api.Tag) []string {
	var keys []string
	for _, t := range tags {
		keys = append(keys, t.Key)
	}
	return keys
}

func tagNamed(tags []directory.Tag, key string) bool {
	return slices.ContainsFunc(tags, func(t directory.Tag) bool { return strings.EqualFold(t.Key, key) })
}

// named reports whether a key is among others, without regard to case.
func named(keys []string, key string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, key) })
}

// addTags gives a session its tags: those asked for, and the transitive ones of
// the caller's session (docs/facts, 10.3).
func (s *Service) addTags(c *service.Caller, session *directory.Session, tags []api.Tag, transitive []string) error {
	session.Tags = tagsIn(tags)
	for i, t := range session.Tags {
		switch {
		case tagNamed(session.Tags[:i], t.Key):
			return awsapi.InvalidParameterValue.New("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		case len(t.Key) >= 4 && strings.EqualFold(t.Key[:4], "aws:"):
			return awsapi.InvalidParameterValue.New("Tag keys that begin with aws: are reserved: %s", t.Key)
		}
	}
	for _, key := range transitive {
		if !tagNamed(session.Tags, key) {
			return awsapi.InvalidParameterValue.New("The specified transitive tag key must be included in the requested tags.")
		}
	}
	session.Transitive = transitive
	if c.Session == nil {
		return nil
	}
	for _, key := range c.Session.Transitive {
		if tagNamed(session.Tags, key) {
			return awsapi.InvalidParameterValue.New("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	for _, t := range c.Session.Tags {
		if named(c.Session.Transitive, t.Key) {
			session.Tags = append(session.Tags, t)
			session.Transitive = append(slices.Clip(session.Transitive), t.Key)
		}
	}
	return nil
}

// Limits of what a session can be given (docs/facts, 10.3 and 11.2).
const (
	maxSessionPolicy = 2048 // characters
	maxPolicyARNs    = 10
	// packedRoom is what a session's policies and tags may take together, in
	// bytes after compression. AWS tells neither form nor size, only how many
	// per cent are used: a policy of 150 characters was seen to use 16.
	packedRoom = 720
)

// addPolicies gives a session its session policies, and says how many per cent
// of the room for policies and tags are used, nil where there are none.
func (s *Service) addPolicies(c *service.Caller, account string, session *directory.Session, document string, arns []api.PolicyDescriptorType) (packed *int32, err error) {
	if document != "" {
		if utf8.RuneCountInString(document) > maxSessionPolicy {
			return nil, awsapi.ValidationError.New("1 validation error detected: Value '%s' at 'policy' failed to satisfy constraint: Member must have length less than or equal to %d", document, maxSessionPolicy)
		}
		if _, err := policy.Parse(document, policy.Session); err != nil {
			return nil, malformed(err)
		}
		session.Policy = document
	}
	if len(arns) > maxPolicyARNs {
		return nil, awsapi.ValidationError.New("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to %d", maxPolicyARNs)
	}
	for _, p := range arns {
		if _, err := c.Snapshot.Policy(account, p.Arn); err != nil {
			return nil, api.MalformedPolicyDocument.New("Specified managed policy %s cannot be found.", p.Arn)
		}
		session.PolicyARNs = append(session.PolicyARNs, p.Arn)
	}
	return packedSize(session)
}

func malformed(err error) error {
	if e, ok := err.(*policy.Error); ok {
		return &awsapi.Error{Code: awsapi.Code(e.Code), Message: e.Message}
	}
	return err
}

func packedSize(session *directory.Session) (*int32, error) {
	if session.Policy == "" && len(session.PolicyARNs) == 0 && len(session.Tags) == 0 {
		return nil, nil
	}
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	io.WriteString(z, session.Policy) // into memory: it can't fail
	for _, arn := range session.PolicyARNs {
		io.WriteString(z, arn)
	}
	for _, t := range session.Tags {
		io.WriteString(z, t.Key+t.Value)
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	percent := int32((packed.Len()*100 + packedRoom - 1) / packedRoom)
	if percent > 100 {
		return nil, api.PackedPolicyTooLarge.New("Packed size of session tags consumes %d%% of allotted space.", percent)
	}
	return &percent, nil
}

// mfa checks the code of the caller's MFA device, where one is given, and says
// when it was given. The code is used up by that. Sessions have no device.
func (s *Service) mfa(ctx context.Context, c *service.Caller, serial, code string) (time.Time, error) {
	if serial == "" && code == "" {
		return time.Time{}, nil
	}
	if c.User == nil || c.Session != nil {
		return time.Time{}, errNoDevice
	}
	switch err := s.dir.VerifyMFA(ctx, c.Account(), c.User.ID, serial, code); {
	case errors.Is(err, directory.ErrMFACode):
		return time.Time{}, errMFACode
	case isNotFound(err):
		return time.Time{}, errNoDevice
	case err != nil:
		return time.Time{}, err
	}
	return s.dir.Now().UTC().Truncate(time.Second), nil
}

func isNotFound(err error) bool {
	_, is := errors.AsType[*directory.NotFound](err)
	return is
}

// What is wrong with an MFA code (docs/facts, 10.1).
var (
	errNoDevice = awsapi.AccessDenied.New("MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	errMFACode  = awsapi.AccessDenied.New("MultiFactorAuthentication failed with invalid MFA one time pass code.")
)
