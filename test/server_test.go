package test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

// binary is the server's program. Set by TestMain, then read-only.
var binary string

func TestMain(m *testing.M) {
	etcdtest.Member()
	os.Exit(build(m))
}

// build makes the program once, runs the tests and takes the program away again.
func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sallyport-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // another user starts it too
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "sallyport")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/sallyport").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	if remembered.events, err = os.Create(filepath.Join(dir, "events")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	for _, p := range sweepAll() {
		fmt.Fprintln(os.Stderr, "after all tests:", p)
		code = 1
	}
	return code
}

// patience is how long anything may take before the test gives up.
const patience = 60 * time.Second

// output collects what a process prints. It may be used by many goroutines.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer  // guarded by mu
	more chan struct{} // gets a value, if it has room, after each write
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until what was printed is as wanted, and reports whether it is.
func (o *output) await(wanted func(text string) bool) bool {
	late := time.After(patience)
	for !wanted(o.String()) {
		select {
		case <-o.more:
		case <-late:
			return false
		}
	}
	return true
}

// command is a command line of the server's, with nothing of this process's
// environment but what its tests give it.
type command struct {
	program string // other than binary, if not empty
	data    string // the data folder; empty for a new one
	args    []string
	env     []string
	uid     uint32 // run as that user where it isn't 0
}

func (c command) cmd(t *testing.T) *exec.Cmd {
	t.Helper()
	args := append([]string{"serve"}, c.args...)
	if c.data != "" {
		args = append(args, "--data", c.data)
	}
	if !slices.ContainsFunc(c.args, func(a string) bool { return strings.HasPrefix(a, "--listen") }) &&
		!slices.ContainsFunc(c.env, func(v string) bool { return strings.HasPrefix(v, "SALLYPORT_LISTEN=") }) {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	cmd := exec.Command(cmp.Or(c.program, binary), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, c.env...)
	cmd.Dir = t.TempDir()
	if c.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.uid, Gid: c.uid}}
	}
	return cmd
}

// refused runs a server that must not start, and gives its exit code and what
// it says on standard error.
func (c command) refused(t *testing.T) (code int, stderr string) {
	t.Helper()
	cmd := c.cmd(t)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		t.Fatalf("%v = %v, want an exit code; stdout:\n%s", cmd.Args, err, out.String())
	}
	if out.Len() > 0 {
		t.Errorf("%v printed on stdout: %s", cmd.Args, out.String())
	}
	return cmd.ProcessState.ExitCode(), errOut.String()
}

// server is a running server.
type server struct {
	t              *testing.T
	data           string
	endpoint       string // http://host:port
	admin          string // http://host:port; empty without an admin address
	account        string
	stdout, stderr *output
	process        *os.Process
	ended          chan struct{} // closed when the process has ended
	code           int           // its exit code, after that
	planted        bool          // what it remembers is not to be swept for secrets
}

// start starts a server and waits until it says that it is ready. It is killed
// when the test ends, unless it was stopped before.
func start(t *testing.T, c command) *server {
	t.Helper()
	if c.data == "" && !slices.ContainsFunc(c.env, func(v string) bool { return strings.HasPrefix(v, "SALLYPORT_DATA=") }) {
		c.data = filepath.Join(t.TempDir(), "data")
	}
	s := c.launch(t)
	s.awaitReady()
	return s
}

// launch starts a server without waiting for it. It is killed when the test
// ends, unless it was stopped before.
func (c command) launch(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, data: c.data, stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{})}
	cmd := c.cmd(t)
	cmd.Stdout, cmd.Stderr = s.stdout, s.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	go func() {
		_ = cmd.Wait()
		s.code = cmd.ProcessState.ExitCode()
		close(s.ended)
	}()
	t.Cleanup(s.sweep)
	return s
}

// serve starts a server with a new data folder and nothing special.
func serve(t *testing.T) *server {
	t.Helper()
	return start(t, command{})
}

var (
	endpointLine = regexp.MustCompile(`(?m)^ +Endpoint +(http://\S+)$`)
	adminLine    = regexp.MustCompile(`(?m)^ +Admin +(http://\S+) `)
	accountLine  = regexp.MustCompile(`(?m)^ +Account +([0-9]{12}) \((?:made now|found)\)$`)
)

func (s *server) awaitReady() {
	s.t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(s.stdout.String(), "get-caller-identity\n") {
		select {
		case <-s.stdout.more:
		case <-s.ended:
			s.t.Fatalf("the server ended with %d before it was ready: %s", s.code, s.stderr)
		case <-deadline:
			s.t.Fatalf("the server is not ready after %v; stderr:\n%s", patience, s.stderr)
		}
	}
	text := s.stdout.String()
	s.endpoint, s.account = group(endpointLine, text), group(accountLine, text)
	s.admin = group(adminLine, text)
	if s.endpoint == "" || s.account == "" {
		s.t.Fatalf("the server doesn't say its endpoint and account:\n%s", text)
	}
}

// group is what the first group of re matches in text, or "".
func group(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// address is the host:port of the endpoint.
func (s *server) address() string { return strings.TrimPrefix(s.endpoint, "http://") }

// kill ends the server at once, as a power cut would.
func (s *server) kill() {
	_ = s.process.Kill()
	<-s.ended
}

// stop asks the server to end, and gives its exit code.
func (s *server) stop() int {
	s.t.Helper()
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	s.awaitEnd()
	return s.code
}

func (s *server) awaitEnd() {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("the server has not ended after %v; stderr:\n%s", patience, s.stderr)
	}
}

// again starts a server on the same data folder.
func (s *server) again(c command) *server {
	s.t.Helper()
	c.data = s.data
	return start(s.t, c)
}

// keys are credentials; Token is empty for long-term ones.
type keys struct{ ID, Secret, Token string }

var rootKeyForm = regexp.MustCompile(`^AWSAccessKeyId=(AKIA[A-Z2-7]{16})\r?\nAWSSecretKey=([A-Za-z0-9+/]{40})\r?\n$`)

// root reads the root user's key from rootkey.csv.
func (s *server) root() keys {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.data, "rootkey.csv"))
	if err != nil {
		s.t.Fatal(err)
	}
	m := rootKeyForm.FindSubmatch(b)
	if m == nil {
		s.t.Fatalf("rootkey.csv (%d bytes) has not the two-line form of AWS's console", len(b))
	}
	spoken.learn("SecretAccessKey", string(m[2]))
	return keys{ID: string(m[1]), Secret: string(m[2])}
}

// deadline is a context for one call.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
