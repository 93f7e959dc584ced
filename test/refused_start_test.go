package test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// wantRefused checks that the server doesn't start: exit code 1 and one line
// that contains each of the texts.
func wantRefused(t *testing.T, what string, c command, texts ...string) {
	t.Helper()
	code, stderr := c.refused(t)
	if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "sallyport: ") {
		t.Errorf("%s: exit code %d and\n%swant 1 and one line", what, code, stderr)
	}
	for _, text := range texts {
		if !strings.Contains(stderr, text) {
			t.Errorf("%s: %q, want it to contain %q", what, stderr, text)
		}
	}
}

// TestRefusedStarts: what can't work is said in one clear line.
func TestRefusedStarts(t *testing.T) {
	t.Parallel()
	s := start(t, command{args: []string{"--account-id", "111122223333"}})
	fresh := func() string { return filepath.Join(t.TempDir(), "data") }
	wantRefused(t, "port in use", command{data: fresh(), args: []string{"--listen", s.address()}}, s.address(), "address already in use")
	wantRefused(t, "admin port in use", command{data: fresh(), args: []string{"--admin-listen", s.address()}}, s.address(), "address already in use")
	wantRefused(t, "folder in use", command{data: s.data}, s.data, "another process holds")
	wantRefused(t, "no address", command{data: fresh(), args: []string{"--listen", "nowhere"}}, "nowhere")
	must(t, s.as(s.root()).whoami(deadline(t))) // it was not disturbed
	s.stop()

	wantRefused(t, "another account", command{data: s.data, args: []string{"--account-id", "444455556666"}}, "holds account 111122223333, not 444455556666")
	s.again(command{args: []string{"--account-id", "111122223333"}}).stop()

	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	wantRefused(t, "a file for a folder", command{data: file}, file)

	key := filepath.Join(s.data, "master.key")
	must(t, os.Rename(key, key+".lost"))
	wantRefused(t, "master key lost", command{data: s.data}, key, "missing")
	if _, err := os.Stat(key); err == nil {
		t.Error("a new master key was made in place of the lost one")
	}
	wantRefused(t, "another master key", command{data: s.data, env: []string{"SALLYPORT_MASTER_KEY=" + otherMasterKey(t)}}, "master key")
	must(t, os.Rename(key+".lost", key))
	s.again(command{})
}

// otherMasterKey is the master key of another deployment.
func otherMasterKey(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(serve(t).data, "master.key"))
	must(t, err)
	return strings.TrimSpace(string(b))
}

// TestNoPermission: folders that the user may not read or make.
func TestNoPermission(t *testing.T) {
	t.Parallel()
	uid := uint32(0)
	dir := t.TempDir()
	if os.Getuid() == 0 {
		uid = 65534 // nobody; root may do everything
		must(t, os.Chmod(filepath.Dir(dir), 0o755))
	}
	locked := filepath.Join(dir, "locked")
	must(t, os.Mkdir(locked, 0o500))
	if uid != 0 {
		must(t, os.Chmod(locked, 0o700))
	}
	wantRefused(t, "a folder that may not be made", command{data: filepath.Join(locked, "data"), uid: uid}, "permission denied")
	wantRefused(t, "a folder that may not be used", command{data: locked, uid: uid}, locked, "permission denied")
}

// TestCleanStop: SIGTERM lets the request in hand finish, and nothing is lost.
func TestCleanStop(t *testing.T) {
	t.Parallel()
	s := serve(t)
	k := s.root()
	r := formRequest(s, k, "iam", url.Values{"Action": {"CreateUser"}, "UserName": {"late"}}).sign()
	r.add("Expect", "100-continue")
	text := r.wire()
	half := len(text) - 10
	conn, err := net.Dial("tcp", s.address())
	must(t, err)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, text[:half])
	must(t, err)
	answers := bufio.NewReader(conn)
	line, err := answers.ReadString('\n') // the server asks for the body: the request is in hand
	must(t, err)
	if !strings.Contains(line, "100 Continue") {
		t.Fatalf("the server says %q, want 100 Continue", line)
	}
	_, err = answers.ReadString('\n')
	must(t, err)
	must(t, s.process.Signal(syscall.SIGTERM))
	awaitClosed(t, s)
	_, err = io.WriteString(conn, text[half:])
	must(t, err)
	res, err := http.ReadResponse(answers, nil)
	must(t, err)
	if res.StatusCode != 200 {
		t.Errorf("the request in hand = %d, want 200", res.StatusCode)
	}
	if s.awaitEnd(); s.code != 0 {
		t.Errorf("exit code %d, want 0; stderr:\n%s", s.code, s.stderr)
	}
	s = s.again(command{})
	_, err = s.as(k).iam.GetUser(deadline(t), &iam.GetUserInput{UserName: aws.String("late")})
	must(t, err)
}

// awaitClosed waits until the server takes no new connections.
func awaitClosed(t *testing.T, s *server) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", s.address())
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Fatal("the server takes connections although it was told to stop")
}
