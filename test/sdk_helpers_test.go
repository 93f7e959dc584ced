package test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// clients are the AWS SDK's clients of one identity.
type clients struct {
	keys   keys
	iam    *iam.Client
	sts    *sts.Client
	s3     *s3.Client
	dynamo *dynamodb.Client
}

// as makes the clients of those credentials. They never try again.
func (s *server) as(k keys) *clients {
	return s.asBy(k, &http.Client{Transport: listener{spoken}, Timeout: patience})
}

// asBy is as over an HTTP client.
func (s *server) asBy(k keys, over *http.Client) *clients {
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &s.endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(k.ID, k.Secret, k.Token),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient:  over,
	}
	return &clients{
		keys: k, iam: iam.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg), dynamo: dynamodb.NewFromConfig(cfg),
		s3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
	}
}

// user makes a user with a key and, unless it is empty, that inline policy.
func (c *clients) user(t *testing.T, s *server, name, policy string) *clients {
	t.Helper()
	ctx := deadline(t)
	_, err := c.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	must(t, err)
	if policy != "" {
		_, err := c.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("own"), PolicyDocument: &policy})
		must(t, err)
	}
	return s.as(c.newKey(t, name))
}

// newKey makes a key for the user.
func (c *clients) newKey(t *testing.T, name string) keys {
	t.Helper()
	out, err := c.iam.CreateAccessKey(deadline(t), &iam.CreateAccessKeyInput{UserName: &name})
	must(t, err)
	return keys{ID: *out.AccessKey.AccessKeyId, Secret: *out.AccessKey.SecretAccessKey}
}

// session makes temporary credentials of the identity's own.
func (c *clients) session(t *testing.T) keys {
	t.Helper()
	out, err := c.sts.GetSessionToken(deadline(t), &sts.GetSessionTokenInput{})
	must(t, err)
	return keys{ID: *out.Credentials.AccessKeyId, Secret: *out.Credentials.SecretAccessKey, Token: *out.Credentials.SessionToken}
}

func (c *clients) whoami(ctx context.Context) error {
	_, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode checks that the server refused a call with that code, and with a
// message that contains the text.
func wantCode(t *testing.T, what string, err error, code, text string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Errorf("%s = %v, want code %s with %q", what, err, code, text)
	}
}

// allow is a policy that allows those actions on everything.
func allow(actions ...string) string { return statement("Allow", actions...) }

func statement(effect string, actions ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"*"}]}`
}
