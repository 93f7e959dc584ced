package gate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/sigv4"
)

const account = "111122223333"

// noPolicies: AWS owns none in these tests.
type noPolicies struct{}

func (noPolicies) Lookup(string) (*directory.ManagedPolicy, bool) { return nil, false }
func (noPolicies) Document(string) string                         { return "" }
func (noPolicies) All() []*directory.ManagedPolicy                { return nil }

type fixture struct {
	*httptest.Server
	dir    *directory.Directory
	log    *strings.Builder
	signer sigv4.Signer // of the user "u", whose inline policy is the one given
}

// openDirectory opens an empty directory in memory.
func openDirectory(t *testing.T) *directory.Directory {
	t.Helper()
	return openOn(t, mem.New(mem.Options{}), directory.Options{Master: seal.NewMasterKey(rand.Reader)})
}

// openOn opens a directory on a store.
func openOn(t *testing.T, st store.Store, opts directory.Options) *directory.Directory {
	t.Helper()
	opts.AWSPolicies, opts.Now, opts.Rand = noPolicies{}, time.Now, rand.Reader
	dir, err := directory.Open(t.Context(), st, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close(context.Background()) })
	return dir
}

// serve starts a gate over loopback with those operations of STS and one user.
func serve(t *testing.T, policy string, ops ...service.Operation) *fixture {
	t.Helper()
	return serveOn(t, openDirectory(t), policy, ops...)
}

// serveOn is serve on an empty directory.
func serveOn(t *testing.T, dir *directory.Directory, policy string, ops ...service.Operation) *fixture {
	t.Helper()
	secret := seal.SecretKey(rand.Reader)
	var key directory.AccessKey
	err := dir.Update(t.Context(), account, func(tx *directory.Tx) error {
		if err := tx.CreateAccount("root@localhost", ""); err != nil {
			return err
		}
		u, err := tx.CreateUser("u", "/", "", nil)
		if err != nil {
			return err
		}
		if err := tx.PutInline(u, "p", policy); err != nil {
			return err
		}
		key, err = tx.AddAccessKey(u, secret)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return front(t, dir, sigv4.Signer{KeyID: key.ID, Secret: secret.Reveal(), Region: "us-east-1", Service: "sts"}, ops...)
}

// front starts a gate on a directory, for one signer.
func front(t *testing.T, dir *directory.Directory, signer sigv4.Signer, ops ...service.Operation) *fixture {
	t.Helper()
	log := new(strings.Builder)
	g := New(Options{
		Directory: dir, Services: map[string]service.Set{"sts": service.NewSet(ops...)}, Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	return &fixture{srv, dir, log, signer}
}

const (
	allowAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	allowNone = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"x:y","Resource":"*"}]}`
)

// post sends a signed form and gives status and body.
func (f *fixture) post(t *testing.T, form string) (int, string) {
	t.Helper()
	return f.do(t, f.request(t, form))
}

// request signs a form.
func (f *fixture) request(t *testing.T, form string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(form))
	if err := f.signer.Sign(r, hex.EncodeToString(sum[:]), time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (f *fixture) do(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	res, err := f.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if id := res.Header.Get("x-amzn-RequestId"); id == "" {
		t.Error("an answer without a request id")
	}
	return res.StatusCode, string(body)
}

const getKeyInfo = "Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIARZPUZDIKGB2VALC4"

// operation is GetAccessKeyInfo with that meaning.
func operation(call func(context.Context, *service.Caller, any) (any, error)) service.Operation {
	return service.Operation{Name: "GetAccessKeyInfo", Call: call}
}

func TestPanicIsContainedAndToldToNobody(t *testing.T) {
	f := serve(t, allowAll, operation(func(context.Context, *service.Caller, any) (any, error) { panic("secret detail") }))
	for range 2 {
		status, body := f.post(t, getKeyInfo)
		if status != http.StatusInternalServerError || !strings.Contains(body, "<Code>InternalFailure</Code>") || strings.Contains(body, "secret detail") {
			t.Errorf("answer to a panic = %d %s", status, body)
		}
	}
	if !strings.Contains(f.log.String(), "secret detail") {
		t.Error("the panic is not in the log")
	}
}

func TestUnknownErrorIsInternalAndLogged(t *testing.T) {
	f := serve(t, allowAll, operation(func(context.Context, *service.Caller, any) (any, error) { return nil, errors.New("the inner reason") }))
	status, body := f.post(t, getKeyInfo)
	if status != http.StatusInternalServerError || strings.Contains(body, "inner reason") {
		t.Errorf("answer = %d %s", status, body)
	}
	if !strings.Contains(f.log.String(), "the inner reason") {
		t.Error("the reason is not in the log")
	}
}

// Nothing is carried out before it is allowed.
func TestDeniedIsNotCalled(t *testing.T) {
	called := false
	f := serve(t, allowNone, operation(func(context.Context, *service.Caller, any) (any, error) { called = true; return nil, nil }))
	status, body := f.post(t, getKeyInfo)
	want := "User: arn:aws:iam::" + account + ":user/u is not authorized to perform: sts:GetAccessKeyInfo on resource: * because no identity-based policy allows the sts:GetAccessKeyInfo action"
	if status != http.StatusForbidden || !strings.Contains(body, want) || called {
		t.Errorf("answer = %d %s (called: %v)", status, body, called)
	}
}

func TestBodyLimit(t *testing.T) {
	f := serve(t, allowAll)
	status, body := f.post(t, getKeyInfo+"&X="+strings.Repeat("x", 1<<20))
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "larger than 1048576 bytes") {
		t.Errorf("answer to a large body = %d %.300s", status, body)
	}
}

func TestUnsigned(t *testing.T) {
	f := serve(t, allowAll)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/", strings.NewReader(getKeyInfo))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body := f.do(t, r)
	if status != http.StatusForbidden || !strings.Contains(body, "<Code>MissingAuthenticationToken</Code>") ||
		!strings.Contains(body, "<Message>Request is missing Authentication Token</Message>") {
		t.Errorf("answer to an unsigned request = %d %s", status, body)
	}
}

// Whoever isn't authenticated does not learn what exists.
func TestUnknownActionAfterAuthentication(t *testing.T) {
	f := serve(t, allowAll)
	if status, body := f.post(t, "Action=Nope&Version=2011-06-15"); status != http.StatusBadRequest ||
		!strings.Contains(body, "Could not find operation Nope for version 2011-06-15") {
		t.Errorf("unknown action = %d %s", status, body)
	}
	f.signer.Secret = "wrong"
	if status, body := f.post(t, "Action=Nope&Version=2011-06-15"); status != http.StatusForbidden || !strings.Contains(body, "SignatureDoesNotMatch") {
		t.Errorf("unknown action, wrong secret = %d %s", status, body)
	}
}

func TestScope(t *testing.T) {
	for name, want := range map[string]bool{
		"us-east-1": true, "eu-west-3": true, "ap-southeast-5": true, "us-gov-west-1": true, "cn-north-1": true, "us-iso-east-1": true,
		"aws-global": true, "aws-cn-global": true,
		"": false, "mars-1": false, "us-east": false, "us-east-1 ": false, "US-EAST-1": false, "us-east-100": false, "x": false,
	} {
		if got, _ := scope(nil, name, "iam"); got != want {
			t.Errorf("scope(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestBucketOfHost(t *testing.T) {
	for host, want := range map[string]string{
		"localhost:4566": "", "127.0.0.1:4566": "", "s3.localhost": "", "s3.us-east-1.amazonaws.com": "",
		"bucket.localhost:4566": "bucket", "my.bucket.s3.us-east-1.amazonaws.com": "my.bucket", "b.s3.example.com:1": "b",
	} {
		if got := bucketOfHost(host); got != want {
			t.Errorf("bucketOfHost(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestExpand(t *testing.T) {
	c := &call{sig: &sigv4.Signature{Region: "eu-west-1"}}
	dir := openDirectory(t)
	if err := dir.Update(t.Context(), account, func(tx *directory.Tx) error { return tx.CreateAccount("r", "") }); err != nil {
		t.Fatal(err)
	}
	root, err := dir.Snapshot().UserByID(account, account)
	if err != nil {
		t.Fatal(err)
	}
	c.caller.User = root
	c.in = &map[string]any{"InstanceIds": []any{"i-1", "i-2"}, "VolumeId": "vol-1"}
	for _, tt := range []struct {
		template string
		want     []string
		known    bool
	}{
		{"arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}", []string{"arn:aws:ec2:eu-west-1:111122223333:instance/i-1", "arn:aws:ec2:eu-west-1:111122223333:instance/i-2"}, true},
		{"arn:${Partition}:ec2:${Region}:${Account}:volume/${VolumeId}", []string{"arn:aws:ec2:eu-west-1:111122223333:volume/vol-1"}, true},
		{"arn:${Partition}:ec2:${Region}:${Account}:vpc/${VpcId}", []string{"arn:aws:ec2:eu-west-1:111122223333:vpc/*"}, false},
		{"*", []string{"*"}, true},
	} {
		got, known := c.expand(tt.template)
		if !cmp.Equal(got, tt.want) || known != tt.known {
			t.Errorf("expand(%q) = %q, %v, want %q, %v", tt.template, got, known, tt.want, tt.known)
		}
	}
}

// TestManyResources: no resource of a long list escapes a denial.
func TestManyResources(t *testing.T) {
	f := serve(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"*","Resource":"arn:aws:ec2:*:*:instance/i-precious"}]}`)
	f.signer.Service = "ec2"
	for _, tt := range []struct {
		others int
		last   string
		want   string
	}{
		{maxResources - 1, "i-other", "DryRunOperation"},
		{maxResources - 1, "i-precious", "UnauthorizedOperation"},
		{maxResources, "i-precious", "RequestResourceCountExceeded"},
		{4 * maxResources, "i-precious", "RequestResourceCountExceeded"},
	} {
		var form strings.Builder
		form.WriteString("Action=TerminateInstances&Version=2016-11-15&DryRun=true")
		for i := range tt.others {
			fmt.Fprintf(&form, "&InstanceId.%d=i-%d", i+1, i)
		}
		fmt.Fprintf(&form, "&InstanceId.%d=%s", tt.others+1, tt.last)
		if _, body := f.post(t, form.String()); !strings.Contains(body, "<Code>"+tt.want+"</Code>") {
			t.Errorf("%d instances and %s: %.300s, want %s", tt.others, tt.last, body, tt.want)
		}
	}
}

// TestRegionOfIAM: a client can't choose aws:RequestedRegion for IAM.
func TestRegionOfIAM(t *testing.T) {
	f := serve(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}]}`)
	for _, tt := range []struct {
		service, form, region string
		allowed               bool
	}{
		{"iam", "Action=ListUsers&Version=2010-05-08", "us-east-1", true},
		{"iam", "Action=ListUsers&Version=2010-05-08", "eu-west-1", true},
		{"sts", "Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIAIOSFODNN7EXAMPLE", "us-east-1", true},
		{"sts", "Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIAIOSFODNN7EXAMPLE", "eu-west-1", false},
	} {
		f.signer.Service, f.signer.Region = tt.service, tt.region
		status, body := f.post(t, tt.form)
		if allowed := status != http.StatusForbidden; allowed != tt.allowed {
			t.Errorf("%s in %s: %d %s, want allowed %v", tt.service, tt.region, status, body, tt.allowed)
		}
	}
}
