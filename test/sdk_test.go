package test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// TestSDK plays the main path with the AWS SDK for Go v2.
func TestSDK(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	admin := root.user(t, s, "iam-admin", "")
	ctx := deadline(t)
	_, err := root.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{
		UserName: aws.String("iam-admin"), PolicyArn: aws.String("arn:aws:iam::aws:policy/IAMFullAccess"),
	})
	must(t, err)
	me, err := admin.iam.GetUser(ctx, &iam.GetUserInput{})
	must(t, err)
	if got := aws.ToString(me.User.UserName); got != "iam-admin" {
		t.Errorf("GetUser without a name = %s, want iam-admin", got)
	}
	sdkKeys(t, s, admin)
	sdkTypedErrors(t, admin)
	sdkPages(t, admin)
	sdkWaiter(t, admin)

	rootKey, err := root.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{})
	must(t, err)
	_, err = root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{AccessKeyId: rootKey.AccessKey.AccessKeyId})
	must(t, err)
}

// sdkKeys: an own second key, used, switched off and on, and deleted.
func sdkKeys(t *testing.T, s *server, admin *clients) {
	ctx := deadline(t)
	out, err := admin.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{})
	must(t, err)
	id := out.AccessKey.AccessKeyId
	second := s.as(keys{ID: *id, Secret: *out.AccessKey.SecretAccessKey})
	must(t, second.whoami(ctx))
	for _, step := range []struct {
		status types.StatusType
		code   string
	}{{types.StatusTypeInactive, "InvalidClientTokenId"}, {types.StatusTypeActive, ""}} {
		_, err := admin.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{AccessKeyId: id, Status: step.status})
		must(t, err)
		if err := second.whoami(ctx); step.code != "" {
			wantCode(t, "GetCallerIdentity with an inactive key", err, step.code, badCredentials)
		} else {
			must(t, err)
		}
	}
	_, err = admin.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{AccessKeyId: id})
	must(t, err)
	wantCode(t, "GetCallerIdentity with a deleted key", second.whoami(ctx), "InvalidClientTokenId", badCredentials)
}

// sdkTypedErrors: the SDK recognises errors as the model's types.
func sdkTypedErrors(t *testing.T, admin *clients) {
	ctx := deadline(t)
	_, err := admin.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("nobody")})
	wantType[*types.NoSuchEntityException](t, err)
	_, err = admin.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("IAM-admin")})
	wantType[*types.EntityAlreadyExistsException](t, err)
	_, err = admin.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("iam-admin")})
	wantType[*types.DeleteConflictException](t, err)
	_, err = admin.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String("{}")})
	wantType[*types.MalformedPolicyDocumentException](t, err)
	for range 2 { // one of the two is the third key
		_, err = admin.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{})
	}
	wantType[*types.LimitExceededException](t, err)
}

func wantType[E error](t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[E](err); !ok {
		var want E
		t.Errorf("error %v, want a %T", err, want)
	}
}

// sdkPages: the SDK's paginator finds every user once.
func sdkPages(t *testing.T, admin *clients) {
	want := []string{"iam-admin"}
	for _, name := range []string{"u1", "u2", "u3", "u4"} {
		_, err := admin.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: &name, Path: aws.String("/paged/")})
		must(t, err)
		want = append(want, name)
	}
	var got []string
	for p := iam.NewListUsersPaginator(admin.iam, &iam.ListUsersInput{MaxItems: aws.Int32(2)}); p.HasMorePages(); {
		page, err := p.NextPage(deadline(t))
		must(t, err)
		for _, u := range page.Users {
			got = append(got, *u.UserName)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("users by pages of two (-want +got):\n%s", diff)
	}
}

func sdkWaiter(t *testing.T, admin *clients) {
	w := iam.NewUserExistsWaiter(admin.iam)
	if err := w.Wait(deadline(t), &iam.GetUserInput{UserName: aws.String("u1")}, 5*time.Second); err != nil {
		t.Errorf("waiting for a user that exists = %v", err)
	}
}

// TestSDKSharedConfig: credentials and endpoint from AWS's files.
func TestSDKSharedConfig(t *testing.T) {
	t.Parallel()
	s := serve(t)
	h := newHome(t)
	h.profile("mine", s.root(), "endpoint_url = "+s.endpoint)
	cfg, err := config.LoadDefaultConfig(deadline(t), config.WithSharedConfigProfile("mine"),
		config.WithSharedConfigFiles([]string{filepath.Join(h.dir, ".aws/config")}),
		config.WithSharedCredentialsFiles([]string{filepath.Join(h.dir, ".aws/credentials")}))
	must(t, err)
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(deadline(t), &sts.GetCallerIdentityInput{})
	must(t, err)
	if want := "arn:aws:iam::" + s.account + ":root"; *out.Arn != want {
		t.Errorf("GetCallerIdentity = %s, want %s", *out.Arn, want)
	}
}

// TestPresignedIdentity: a presigned GetCallerIdentity, as clusters use it to
// learn who their users are, with and without a session token.
func TestPresignedIdentity(t *testing.T) {
	t.Parallel()
	s := serve(t)
	u := s.as(s.root()).user(t, s, "visitor", "")
	for name, k := range map[string]keys{"long-term": u.keys, "session": u.session(t)} {
		t.Run(name, func(t *testing.T) {
			out, err := sts.NewPresignClient(s.as(k).sts).PresignGetCallerIdentity(deadline(t), &sts.GetCallerIdentityInput{})
			must(t, err)
			if status, body := fetch(t, out.Method, out.URL, out.SignedHeader); status != 200 || !strings.Contains(body, "user/visitor<") {
				t.Errorf("presigned GetCallerIdentity = %d %s, want the user", status, body)
			}
			if status, body := fetch(t, out.Method, strings.Replace(out.URL, "GetCallerIdentity", "GetSessionToken", 1), out.SignedHeader); status != 403 || !strings.Contains(body, "<Code>SignatureDoesNotMatch<") {
				t.Errorf("a presigned request for another action = %d %s, want SignatureDoesNotMatch", status, body)
			}
		})
	}
	// The signer itself, with an expiry that STS ignores.
	req, err := http.NewRequestWithContext(deadline(t), http.MethodGet, s.endpoint+"/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil)
	must(t, err)
	raw, header, err := v4.NewSigner().PresignHTTP(req.Context(), aws.Credentials{AccessKeyID: u.keys.ID, SecretAccessKey: u.keys.Secret},
		req, hash(""), "sts", "eu-central-1", time.Now().Add(-10*time.Minute))
	must(t, err)
	if status, body := fetch(t, http.MethodGet, raw, header); status != 200 {
		t.Errorf("presigned ten minutes ago = %d %s, want 200", status, body)
	}
}

// fetch makes a request that carries its own authentication.
func fetch(t *testing.T, method, rawURL string, header http.Header) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), method, rawURL, nil)
	must(t, err)
	for name, values := range header {
		if name != "Host" {
			req.Header[name] = values
		}
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(b)
}

// TestOtherServices: every service is authenticated and authorised, and only
// then answered as not available here, in its own protocol.
func TestOtherServices(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	plain := root.user(t, s, "plain", "")
	able := root.user(t, s, "able", allow("s3:*", "dynamodb:*"))
	ctx := deadline(t)
	put := func(c *clients) error {
		_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("a b/ü+"), Body: strings.NewReader("text")})
		return err
	}
	wantCode(t, "PutObject without permission", put(plain), "AccessDenied", "s3:PutObject")
	wantCode(t, "PutObject", put(able), "NotImplemented", "PutObject")
	tables := func(c *clients) error {
		_, err := c.dynamo.ListTables(ctx, &dynamodb.ListTablesInput{})
		return err
	}
	wantCode(t, "ListTables without permission", tables(plain), "AccessDeniedException", "dynamodb:ListTables")
	wantCode(t, "ListTables", tables(able), "UnknownOperationException", "ListTables")
	wantCode(t, "ListTables with a bad secret", tables(s.as(keys{ID: able.keys.ID, Secret: "wrong"})), "InvalidSignatureException", "")
	wantCode(t, "ListTables with an unknown key", tables(s.as(keys{ID: "AKIAAAAAAAAAAAAAAAAA", Secret: "x"})), "UnrecognizedClientException", "")
	presignedS3(ctx, t, plain, able)
}

// presignedS3: a presigned object is refused by permission and by time.
func presignedS3(ctx context.Context, t *testing.T, plain, able *clients) {
	get := func(c *clients, life time.Duration) string {
		out, err := s3.NewPresignClient(c.s3).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("key")},
			s3.WithPresignExpires(life))
		must(t, err)
		return out.URL
	}
	check := func(what, rawURL string, status int, code string) {
		t.Helper()
		if got, body := fetch(t, http.MethodGet, rawURL, nil); got != status || !strings.Contains(body, "<Code>"+code+"<") {
			t.Errorf("%s = %d %s, want %d %s", what, got, body, status, code)
		}
	}
	check("presigned GetObject", get(able, time.Minute), 501, "NotImplemented")
	check("presigned GetObject without permission", get(plain, time.Minute), 403, "AccessDenied")
	check("another key in a presigned URL", strings.Replace(get(able, time.Minute), "/key?", "/other?", 1), 403, "SignatureDoesNotMatch")
	check("a presigned URL for more than a week", get(able, 8*24*time.Hour), 400, "AuthorizationQueryParametersError")
}

// TestEC2DryRun asks for every operation of EC2 whether it would be allowed.
func TestEC2DryRun(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	plain := root.user(t, s, "plain", allow("iam:*"))
	admin := root.user(t, s, "admin", "")
	_, err := root.iam.AttachUserPolicy(deadline(t), &iam.AttachUserPolicyInput{
		UserName: aws.String("admin"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess"),
	})
	must(t, err)
	n := 0
	for op := range awsapi.ByName("ec2").Operations() {
		n++
		for _, who := range []struct {
			keys keys
			code string
		}{{plain.keys, "UnauthorizedOperation"}, {admin.keys, "DryRunOperation"}} {
			form := url.Values{"Action": {op.Name}, "DryRun": {"true"}}
			got := signedPost(t, s, who.keys, "ec2", form)
			if got.code != who.code {
				t.Errorf("dry run of %s = %d %s %s, want %s", op.Name, got.status, got.code, got.message, who.code)
			}
		}
	}
	if n < 700 {
		t.Errorf("the model has %d operations, want at least 700", n)
	}
}

// signedPost makes a query-protocol request signed by the SDK's signer.
func signedPost(t *testing.T, s *server, k keys, service string, form url.Values) answer {
	t.Helper()
	r := formRequest(s, k, service, form)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.endpoint+"/", strings.NewReader(r.body))
	must(t, err)
	req.Header.Set("Content-Type", r.get("Content-Type"))
	must(t, v4.NewSigner().SignHTTP(req.Context(), aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: k.Token},
		req, hash(r.body), service, "us-east-1", time.Now()))
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	return answer{res.StatusCode, either(errorCode, body), either(errorMessage, body), string(body)}
}
