package test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// versitygw is the path of an S3-compatible server that keeps buckets as
// folders: servers.mod pins it, apart from what the program itself depends on.
var versitygw = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "tool", "-modfile=servers.mod", "-n", "versitygw")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, errOut.String())
	}
	return strings.TrimSpace(string(out)), nil
})

// store is a running S3-compatible server.
type store struct {
	t       *testing.T
	keys    keys
	address string // host:port
	dir     string // a folder a bucket
	process *exec.Cmd
}

// startStore starts a store whose one user has those keys.
func startStore(t *testing.T, k keys) *store {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &store{t: t, keys: k, address: l.Addr().String(), dir: t.TempDir()}
	must(t, l.Close())
	must(t, os.MkdirAll(filepath.Join(s.dir, "buckets"), 0o700))
	must(t, os.MkdirAll(filepath.Join(s.dir, "metadata"), 0o700))
	s.start()
	return s
}

func (s *store) bucket(name string) string { return filepath.Join(s.dir, "buckets", name) }

func (s *store) url() string { return "http://" + s.address }

// start starts the server on its folder, and waits until it answers.
func (s *store) start() {
	s.t.Helper()
	path, err := versitygw()
	if err != nil {
		missing(s.t, "versitygw, which test/servers.mod names ("+err.Error()+")")
	}
	s.process = exec.Command(path, "--port", s.address, "--quiet", "posix", "--sidecar", filepath.Join(s.dir, "metadata"), filepath.Join(s.dir, "buckets"))
	s.process.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "ROOT_ACCESS_KEY_ID=" + s.keys.ID, "ROOT_SECRET_ACCESS_KEY=" + s.keys.Secret}
	out := newOutput()
	s.process.Stdout, s.process.Stderr = out, out
	must(s.t, s.process.Start())
	s.t.Cleanup(s.kill)
	for late := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(s.url())
		if err == nil {
			res.Body.Close()
			return
		}
		if time.Now().After(late) {
			s.t.Fatalf("the store does not answer: %v\n%s", err, out.String())
		}
	}
}

func (s *store) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

// files are the paths of the files of a bucket whose names contain a text, in order.
func (s *store) files(bucket, part string) (paths []string) {
	s.t.Helper()
	must(s.t, filepath.WalkDir(s.bucket(bucket), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, part) && strings.HasSuffix(path, ".json.gz") {
			paths = append(paths, path)
		}
		return nil // a file may be gone again
	}))
	slices.Sort(paths)
	return paths
}

// holds reports whether any of the log files of a bucket tells of a user's making.
func (s *store) holds(bucket, user string) bool {
	return slices.ContainsFunc(s.files(bucket, "_CloudTrail_"), func(path string) bool {
		return bytes.Contains(gunzip(s.t, path), []byte(`"requestParameters":{"userName":"`+user+`"`))
	})
}

func gunzip(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil // changed by a test
	}
	text, _ := io.ReadAll(z)
	return text
}

// comesTrue waits until something is so.
func comesTrue(t *testing.T, what string, so func() bool) {
	t.Helper()
	eventually(t, what, func(context.Context) error {
		if !so() {
			return errors.New("it is not so")
		}
		return nil
	})
}

// toS3 is a server that delivers to a store, and the command that looks at both.
// They have one pair of keys, since the command has only one.
type toS3 struct {
	*server
	keys    keys
	store   *store
	cli     session // of the server
	toStore session
}

// run starts the server, anew on its folder if it ran before.
func (d *toS3) run(t *testing.T, secret string) {
	t.Helper()
	c := command{
		args: []string{"--trail-delivery", d.store.url(), "--trail-delivery-every", "200ms", "--trail-digest-every", "1s", "--admin-listen", "127.0.0.1:0"},
		env: []string{
			"SALLYPORT_ROOT_ACCESS_KEY_ID=" + d.keys.ID, "SALLYPORT_ROOT_SECRET_ACCESS_KEY=" + d.keys.Secret,
			"SALLYPORT_TRAIL_ACCESS_KEY_ID=" + d.keys.ID, "SALLYPORT_TRAIL_SECRET_ACCESS_KEY=" + secret,
		},
	}
	if d.server != nil {
		c.data = d.data
	}
	d.server = start(t, c)
	d.cli.endpoint = d.endpoint
}

// user makes a user.
func (d *toS3) user(t *testing.T, name string) {
	t.Helper()
	_, err := d.as(d.keys).iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String(name)})
	must(t, err)
}

// TestTrailToS3 delivers to a real S3-compatible store over what may go wrong
// with it, and has AWS's own command validate what was delivered.
func TestTrailToS3(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(awsCLIs(), awsCLI.readsEndpoint)
	if i < 0 {
		missing(t, "aws command that reads AWS_ENDPOINT_URL_S3")
	}
	k := keys{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	d := &toS3{keys: k, store: startStore(t, k)}
	h := newHome(t, "AWS_ENDPOINT_URL_S3="+d.store.url())
	h.profile("default", k)
	d.toStore = session{t: t, cli: awsCLIs()[i], home: h, endpoint: d.store.url()}
	d.cli = d.toStore
	d.run(t, k.Secret)
	d.toStore.ok("s3api", "create-bucket", "--bucket", "logs")
	d.cli.refused("S3BucketDoesNotExistException", "cloudtrail", "create-trail", "--name", "all", "--s3-bucket-name", "nowhere")
	out := d.cli.json("cloudtrail", "create-trail", "--name", "all", "--s3-bucket-name", "logs", "--s3-key-prefix", "audit/a b+c",
		"--enable-log-file-validation", "--is-multi-region-trail")
	arn, _ := out["TrailARN"].(string)
	if out["LogFileValidationEnabled"] != true || arn == "" {
		t.Errorf("create-trail = %v", out)
	}
	d.cli.ok("cloudtrail", "start-logging", "--name", "all")
	d.user(t, "u1")
	comesTrue(t, "the first files and digests", func() bool { return d.store.holds("logs", "u1") && len(d.store.files("logs", "CloudTrail-Digest")) > 1 })
	d.faults(t)
	status := d.cli.json("cloudtrail", "get-trail-status", "--name", arn)
	if status["LatestDigestDeliveryTime"] == nil || status["LatestDeliveryTime"] == nil || status["LatestDeliveryError"] != nil {
		t.Errorf("get-trail-status = %v", status)
	}
	d.user(t, "last")
	d.cli.ok("cloudtrail", "stop-logging", "--name", "all")
	d.user(t, "stopped")
	comesTrue(t, "the event before the stop", func() bool { return d.store.holds("logs", "last") })
	d.ended(t)
	if d.store.holds("logs", "stopped") {
		t.Error("what happened while the trail was stopped is delivered")
	}
	d.validate(t, arn)
}

// faults has the store dead, its bucket gone and its credentials wrong: status,
// metrics and log tell, changes go on, and all is delivered afterwards.
func (d *toS3) faults(t *testing.T) {
	fails := func(code string) {
		t.Helper()
		comesTrue(t, "the status says "+code, func() bool {
			got := d.cli.json("cloudtrail", "get-trail-status", "--name", "all")
			return got["LatestDeliveryError"] == code || got["LatestDigestDeliveryError"] == code
		})
		awaitMetric(t, d.server, "sallyport_trail_delivery_failing 1")
		if !d.stderr.await(func(text string) bool {
			return strings.Contains(text, "events not delivered") && strings.Contains(text, code)
		}) {
			t.Errorf("the log does not say %s", code)
		}
	}
	recovers := func(user string) {
		t.Helper()
		comesTrue(t, "the event of "+user, func() bool { return d.store.holds("logs", user) })
		awaitMetric(t, d.server, "sallyport_trail_delivery_failing 0")
	}
	d.store.kill()
	d.user(t, "dead")
	fails("ServiceUnavailable")
	d.store.start()
	recovers("dead")

	away := filepath.Join(d.store.dir, "away")
	must(t, os.Rename(d.store.bucket("logs"), away))
	d.user(t, "nobucket")
	fails("NoSuchBucket")
	must(t, os.Rename(away, d.store.bucket("logs")))
	recovers("nobucket")

	d.kill()
	const wrong = "notTheSecretOfTheStore"
	d.run(t, wrong)
	d.user(t, "wrongsecret")
	fails("SignatureDoesNotMatch")
	if strings.Contains(d.stderr.String(), wrong) {
		t.Error("the log holds the secret")
	}
	d.stop()
	d.run(t, d.keys.Secret)
	recovers("wrongsecret")
}

// ended waits until the chain of digests of a stopped trail has ended.
func (d *toS3) ended(t *testing.T) {
	t.Helper()
	comesTrue(t, "a digest about the last log file", func() bool {
		logs, digests := d.store.files("logs", "_CloudTrail_"), d.store.files("logs", "CloudTrail-Digest")
		for _, path := range digests {
			text := gunzip(t, path)
			logs = slices.DeleteFunc(logs, func(log string) bool { return bytes.Contains(text, []byte(filepath.Base(log))) })
		}
		return len(logs) == 0
	})
}

// validate has aws cloudtrail validate-logs look at what was delivered, as it is
// and with each kind of change.
func (d *toS3) validate(t *testing.T, arn string) {
	validate := func() (string, error) {
		since := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
		out, errOut, err := d.cli.run("cloudtrail", "validate-logs", "--trail-arn", arn, "--start-time", since)
		return out + errOut, err
	}
	out, err := validate()
	if err != nil || strings.Contains(out, "INVALID") || !validLogs.MatchString(out) {
		t.Fatalf("validate-logs = %v\n%s", err, out)
	}
	log, digests := d.store.files("logs", "_CloudTrail_")[0], d.store.files("logs", "CloudTrail-Digest")
	digest := digests[len(digests)/2]
	for _, tt := range []struct {
		name, path string
		change     func(path string) error
		want       string
	}{
		{"a changed log file", log, spaced, "hash value doesn't match"},
		{"a removed log file", log, os.Remove, "Log file\ts3://logs/" + d.key(log) + "\tINVALID: not found"},
		{"a changed digest", digest, spaced, "Digest file\ts3://logs/" + d.key(digest) + "\tINVALID: signature verification failed"},
		{"a removed digest", digest, os.Remove, "Digest file\ts3://logs/" + d.key(digest) + "\tINVALID: not found"},
	} {
		before, err := os.ReadFile(tt.path)
		must(t, err)
		must(t, tt.change(tt.path))
		if out, err := validate(); err == nil || !strings.Contains(out, tt.want) {
			t.Errorf("validate-logs with %s = %v, want %q:\n%s", tt.name, err, tt.want, out)
		}
		must(t, os.WriteFile(tt.path, before, 0o600))
	}
	// A digest that is put in, as the newest.
	key := d.key(digests[len(digests)-1])
	added := regexp.MustCompile(`_[0-9]{8}T[0-9]{6}Z`).ReplaceAllString(key, "_"+time.Now().UTC().Format("20060102T150405Z"))
	d.toStore.ok("s3api", "put-object", "--bucket", "logs", "--key", added, "--body", digests[len(digests)-1], "--metadata", "signature=ab,signature-algorithm=SHA256withRSA")
	if out, err := validate(); err == nil || !strings.Contains(out, "has been moved from its original location") {
		t.Errorf("validate-logs with a digest that was put in = %v\n%s", err, out)
	}
}

var validLogs = regexp.MustCompile(`(?s)[0-9]+/[0-9]+ digest files valid\n?.*[0-9]+/[0-9]+ log files valid`)

// key is the key of a file of the bucket.
func (d *toS3) key(path string) string {
	return strings.TrimPrefix(path, d.store.bucket("logs")+"/")
}

// spaced puts the same JSON with one more space into a file.
func spaced(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	_, err = w.Write(append(text, ' '))
	return errors.Join(err, w.Close(), os.WriteFile(path, body.Bytes(), 0o600))
}
