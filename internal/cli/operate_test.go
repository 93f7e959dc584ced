package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// program is the variable that makes the test program be sallyport.
const program = "SALLYPORT_TEST_PROGRAM"

// sallyport runs a command to its end and gives its exit code and output.
func sallyport(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	cmd := sallyportCommand(t.Context(), args...)
	b, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(b)
}

func sallyportCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), program+"=1")
	return cmd
}

// serving is a server in a process of its own.
type serving struct {
	t        *testing.T
	data     string
	endpoint string
	process  *exec.Cmd
}

var (
	endpointLine = regexp.MustCompile(`Endpoint +(http://\S+)`)
	rootKeyLines = regexp.MustCompile(`AWSAccessKeyId=(\S+)\nAWSSecretKey=(\S+)`)
)

// serveData starts a server on a data folder, and kills it when the test ends.
func serveData(t *testing.T, data string, flags ...string) *serving {
	t.Helper()
	args := append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, flags...)
	s := &serving{t: t, data: data, process: sallyportCommand(context.WithoutCancel(t.Context()), args...)}
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	s.process.Stdout, s.process.Stderr = out, out
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(out.Name())
		if strings.Contains(string(text), "get-caller-identity\n") {
			s.endpoint = endpointLine.FindStringSubmatch(string(text))[1]
			break
		}
		if time.Now().After(end) || strings.Contains(string(text), "sallyport: ") {
			t.Fatalf("the server on %s does not start:\n%s", data, text)
		}
	}
	return s
}

func (s *serving) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *serving) stop() {
	s.t.Helper()
	_ = s.process.Process.Signal(os.Interrupt)
	if err := s.process.Wait(); err != nil {
		s.t.Errorf("the server on %s ended with %v", s.data, err)
	}
}

// rootKey reads the root user's key from the folder that the first start made.
func rootKey(t *testing.T, data string) aws.Credentials {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(data, "rootkey.csv"))
	if err != nil {
		t.Fatal(err)
	}
	m := rootKeyLines.FindStringSubmatch(string(b))
	return aws.Credentials{AccessKeyID: m[1], SecretAccessKey: m[2]}
}

func (s *serving) config(k aws.Credentials) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &s.endpoint, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, ""),
	}
}

// works reports why a key does not sign requests, or nil.
func (s *serving) works(k aws.Credentials) error {
	_, err := sts.NewFromConfig(s.config(k)).GetCallerIdentity(s.t.Context(), nil)
	return err
}

// load writes to a server as fast as it can, and remembers what was acknowledged.
type load struct {
	client *iam.Client
	wg     sync.WaitGroup
	stop   context.CancelFunc

	mu   sync.Mutex
	keys map[string]aws.Credentials // by user; guarded by mu
}

func (s *serving) load(root aws.Credentials, prefix string) *load {
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &load{client: iam.NewFromConfig(s.config(root)), stop: cancel, keys: map[string]aws.Credentials{}}
	for w := range 4 {
		l.wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if l.user(ctx, fmt.Sprintf("%s-%d-%d", prefix, w, i)) != nil {
					return
				}
			}
		})
	}
	s.t.Cleanup(l.end)
	return l
}

func (l *load) user(ctx context.Context, name string) error {
	if _, err := l.client.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}); err != nil {
		return err
	}
	out, err := l.client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[name] = aws.Credentials{AccessKeyID: *out.AccessKey.AccessKeyId, SecretAccessKey: *out.AccessKey.SecretAccessKey}
	return nil
}

func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

// acknowledged is what was acknowledged up to now.
func (l *load) acknowledged() map[string]aws.Credentials {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.keys)
}

// await waits until n users are acknowledged.
func (l *load) await(t *testing.T, n int) map[string]aws.Credentials {
	t.Helper()
	for range 6000 {
		if all := l.acknowledged(); len(all) >= n {
			return all
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("the server is too slow: %d users made", len(l.acknowledged()))
	return nil
}

func wantFine(t *testing.T, args ...string) {
	t.Helper()
	if code, out := sallyport(t, append([]string{"check"}, args...)...); code != 0 || !strings.Contains(out, "nothing is wrong") {
		t.Errorf("check %v = %d:\n%s", args, code, out)
	}
}

// ageKey makes a recipient key and the file of its identity. Passphrases take
// seconds with the race detector.
func ageKey(t *testing.T, dir string) (recipient, identity string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	identity = filepath.Join(dir, "identity")
	if err := os.WriteFile(identity, []byte(id.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String(), identity
}

// TestBackupUnderLoad: a backup of a server that is written to holds everything
// that was acknowledged before it began, and agrees with itself.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	recipient, identity := ageKey(t, dir)
	data := filepath.Join(dir, strings.Repeat("a long name ", 12), "data") // longer than a socket's path may be
	s := serveData(t, data)
	root := rootKey(t, data)
	l := s.load(root, "u")
	for round := range 3 {
		before := l.await(t, 20*(round+1))
		file, restored := filepath.Join(dir, fmt.Sprint("backup", round)), filepath.Join(dir, fmt.Sprint("restored", round))
		if code, out := sallyport(t, "backup", file, "--data", data, "--recipient", recipient, "--with-master-key"); code != 0 {
			t.Fatalf("backup = %d:\n%s", code, out)
		}
		if len(l.acknowledged()) == len(before) {
			t.Errorf("round %d: nothing was written while the backup was made", round)
		}
		wantFine(t, file, "--identity", identity)
		if code, out := sallyport(t, "restore", file, "--data", restored, "--identity", identity); code != 0 {
			t.Fatalf("restore = %d:\n%s", code, out)
		}
		wantFine(t, "--data", restored)
		again := serveData(t, restored)
		for name, k := range before {
			if err := again.works(k); err != nil {
				t.Errorf("round %d: the key of %s was acknowledged before the backup, and does not work after restore: %v", round, name, err)
			}
		}
		again.stop()
		wantPrivate(t, file, filepath.Join(restored, "master.key"), filepath.Join(data, "control.sock"))
	}
	l.end()
	s.stop()
	wantFine(t, "--data", data)
	if b, err := os.ReadFile(filepath.Join(dir, "backup0")); err != nil || bytes.Contains(b, []byte("master-key")) {
		t.Errorf("the backup is not sealed: %v", err)
	}
}

// wantPrivate checks that only their owner may use the files.
func wantPrivate(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", path, info.Mode(), err)
		}
	}
}

// TestRotateMasterKeyKilled kills the server at random moments while the master
// key is rotated again and again under load. It starts each time, with all secrets.
func TestRotateMasterKeyKilled(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := serveData(t, data)
	root := rootKey(t, data)
	all := map[string]aws.Credentials{"root": root}
	rotations := 0
	for round := range 8 {
		l := s.load(root, fmt.Sprintf("r%d", round))
		l.await(t, 3)
		victim := s.process.Process
		time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { _ = victim.Kill() })
		for {
			// Where the server is gone the command rotates the key itself, so
			// this ends with the first rotation after the kill.
			code, out := sallyport(t, "rotate-master-key", "--data", data)
			if code == 0 {
				rotations++
			}
			if s.works(root) != nil {
				t.Logf("round %d: rotate-master-key = %d: %s", round, code, strings.TrimSpace(out))
				break
			}
		}
		l.end()
		s.kill()
		maps.Copy(all, l.acknowledged())
		wantFine(t, "--data", data)
		s = serveData(t, data)
		for name, k := range all {
			if err := s.works(k); err != nil {
				t.Fatalf("round %d: the key of %s: %v", round, name, err)
			}
		}
		if _, err := os.Stat(filepath.Join(data, "master.key.next")); err == nil {
			t.Error("master.key.next is left after a start")
		}
	}
	t.Logf("%d rotations, %d keys work", rotations, len(all))
}

// TestBackupKilled: a server that dies in the middle of a backup leaves no file.
func TestBackupKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	s := serveData(t, data)
	recipient, identity := ageKey(t, dir)
	cmd := sallyportCommand(t.Context(), "backup", filepath.Join(dir, "b"), "--data", data, "--recipient", recipient)
	_ = s.process.Process.Signal(os.Interrupt) // races with the backup: either works as a whole, or not at all
	out, err := cmd.CombinedOutput()
	_, missing := os.Stat(filepath.Join(dir, "b"))
	if (err == nil) != (missing == nil) {
		t.Errorf("backup = %v, its file: %v\n%s", err, missing, out)
	}
	if err == nil {
		wantFine(t, filepath.Join(dir, "b"), "--identity", identity)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".b-*"))
	if len(left) > 0 {
		t.Errorf("backup left %v", left)
	}
}

// TestNewerFormat: a folder that a later version wrote is refused in one line.
func TestNewerFormat(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	serveData(t, data).stop()
	st, err := pebble.Open(filepath.Join(data, "store"), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "deployment/format", Value: []byte(`{"v":99}`)}}})
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(err)
	}
	code, out := sallyport(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	want := "sallyport: can't open the data folder " + data + ": its records have format 99, this program reads up to 1; run the version that wrote them, or a later one\n"
	if code != 1 || out != want {
		t.Errorf("serve = %d, %q, want 1, %q", code, out, want)
	}
}
