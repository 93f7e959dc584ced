package cli

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/server"
)

// TestKeysRetireWaits: a key that is used on and on stays active, and so does one
// about whose use nothing can be learned.
func TestKeysRetireWaits(t *testing.T) {
	const rootID, rootSecret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	var ahead atomic.Int64 // of the time, in nanoseconds
	endpoint := serveAt(t, rootID, rootSecret, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	client := func(id, secret string) *iam.Client {
		return iam.New(iam.Options{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")})
	}
	root, ctx := client(rootID, rootSecret), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := root.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("app")})
	must(err)
	_, err = root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
		UserName: aws.String("app"), PolicyName: aws.String("all-but-the-last-use"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"iam:GetAccessKeyLastUsed","Resource":"*"}}`),
	})
	must(err)
	made, err := root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("app")})
	must(err)
	id, secret := *made.AccessKey.AccessKeyId, *made.AccessKey.SecretAccessKey
	app := client(id, secret)

	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", rootID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", rootSecret)
	retire := []string{"keys", "retire", "--user", "app", "--key", id, "--idle", "500ms", "--wait", "700ms", "--poll", "20ms"}
	// The last use is told to the minute: each use is a minute after the one before.
	using, stop := context.WithCancel(ctx)
	used := make(chan struct{})
	go func() {
		defer close(used)
		for using.Err() == nil && time.Duration(ahead.Load()) < 10*time.Minute {
			ahead.Add(int64(time.Minute))
			_, _ = app.GetUser(using, nil)
			time.Sleep(100 * time.Millisecond) // as a client that is used
		}
	}()
	code, out := sallyport(t, retire...)
	stop()
	<-used
	if code != 1 || !strings.Contains(out, id+" is still used after 700ms") || !strings.Contains(out, "is as it was. To go on: sallyport keys retire") {
		t.Errorf("of a key in use: %d\n%s", code, out)
	}
	if code, out = sallyport(t, append(retire, "--wait", "100ms")...); code != 2 || !strings.Contains(out, "shorter than --idle") {
		t.Errorf("of too short a wait: %d\n%s", code, out)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", id)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	if code, out = sallyport(t, retire...); code != 1 || !strings.Contains(out, "sallyport: AccessDenied: User: arn:aws:iam::") || !strings.Contains(out, id+" is as it was") {
		t.Errorf("of a key whose use is not told: %d\n%s", code, out)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if code, out = sallyport(t, retire...); code != 1 || !strings.Contains(out, "no AWS credentials of yours are found (aws configure") {
		t.Errorf("without credentials: %d\n%s", code, out)
	}
	if _, err := app.GetUser(ctx, nil); err != nil {
		t.Errorf("the key that was not retired: %v", err)
	}
}

// serveAt runs a server in this process, by that clock, and says where it is.
func serveAt(t *testing.T, rootID, rootSecret string, now func() time.Time) (endpoint string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s, err := server.Open(ctx, server.Config{
		Data: t.TempDir(), Listen: "127.0.0.1:0", RootEmail: "root@localhost", RootKeyID: rootID, RootSecret: seal.NewSecret(rootSecret),
		Now: now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { panic(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s.Started().Endpoint
}
