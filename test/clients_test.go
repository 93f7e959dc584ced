package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// missing skips a test whose client isn't there, or fails it in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	message := "NOT TESTED: no usable " + what + " is installed"
	if os.Getenv("CI") != "" {
		t.Fatal(message)
	}
	fmt.Fprintln(os.Stderr, "WARNING:", t.Name(), message)
	t.Skip(message)
}

// awsCLI is an aws command that is installed.
type awsCLI struct {
	path         string
	major, minor int
}

func (c awsCLI) String() string { return fmt.Sprintf("v%d.%d", c.major, c.minor) }

// readsEndpoint reports whether it takes its endpoint from AWS_ENDPOINT_URL and
// from endpoint_url in its configuration; older ones only from --endpoint-url.
func (c awsCLI) readsEndpoint() bool {
	return c.major == 1 && c.minor >= 29 || c.major == 2 && c.minor >= 13
}

var cliVersion = regexp.MustCompile(`^aws-cli/([0-9]+)\.([0-9]+)\.`)

// awsCLIs are all the aws commands of different versions that work here.
var awsCLIs = sync.OnceValue(func() []awsCLI {
	var found []awsCLI
	seen := map[string]bool{}
	for _, name := range []string{"aws", "/usr/local/bin/aws", "/usr/bin/aws"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "--version").CombinedOutput()
		m := cliVersion.FindStringSubmatch(string(out))
		if err != nil || m == nil || seen[m[0]] {
			continue
		}
		seen[m[0]] = true
		major, _ := strconv.Atoi(m[1])
		minor, _ := strconv.Atoi(m[2])
		found = append(found, awsCLI{path, major, minor})
	}
	return found
})

// pythons are all the Python programs of different versions of boto3 here.
var pythons = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if version, err := exec.Command(path, "-c", "import boto3; print(boto3.__version__)").Output(); err == nil {
			found[strings.TrimSpace(string(version))] = path
		}
	}
	return found
})

// home is a user's home directory with AWS's files in it.
type home struct {
	t   *testing.T
	dir string
	env []string // besides what clientEnv gives
}

func newHome(t *testing.T, env ...string) *home {
	t.Helper()
	h := &home{t: t, dir: t.TempDir(), env: env}
	if err := os.Mkdir(filepath.Join(h.dir, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

// environ is the whole environment of a client: nothing of the machine's AWS
// settings reaches it.
func (h *home) environ() []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir, "LANG=C.UTF-8", "PYTHONUTF8=1", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + filepath.Join(h.dir, ".aws/config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(h.dir, ".aws/credentials"),
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
	}, h.env...)
}

// profile adds a profile with those keys. extra are lines of its configuration.
func (h *home) profile(name string, k keys, extra ...string) {
	h.t.Helper()
	section := "[profile " + name + "]"
	if name == "default" {
		section = "[default]"
	}
	h.appendTo("config", section+"\nregion = us-east-1\n"+strings.Join(extra, "\n")+"\n")
	text := "[" + name + "]\naws_access_key_id = " + k.ID + "\naws_secret_access_key = " + k.Secret + "\n"
	if k.Token != "" {
		text += "aws_session_token = " + k.Token + "\n"
	}
	h.appendTo("credentials", text)
}

func (h *home) appendTo(file, text string) {
	h.t.Helper()
	f, err := os.OpenFile(filepath.Join(h.dir, ".aws", file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		h.t.Fatal(err)
	}
}

// anyCLI is one aws command, for what every version does alike.
func anyCLI(t *testing.T) awsCLI {
	t.Helper()
	all := awsCLIs()
	if len(all) == 0 {
		missing(t, "aws command (Debian: awscli)")
	}
	return all[0]
}

// session runs one aws command as one user. endpoint is passed as
// --endpoint-url; where it is empty the environment or the profile has it.
type session struct {
	t        *testing.T
	cli      awsCLI
	home     *home
	profile  string
	endpoint string
}

// run runs the command and gives what it prints on both streams.
func (s session) run(args ...string) (stdout, stderr string, err error) {
	s.t.Helper()
	var all []string
	if s.profile != "" {
		all = append(all, "--profile", s.profile)
	}
	if s.endpoint != "" {
		all = append(all, "--endpoint-url", s.endpoint)
	}
	cmd := exec.CommandContext(deadline(s.t), s.cli.path, append(all, args...)...)
	cmd.Env, cmd.Dir = s.home.environ(), s.home.dir
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	spoken.learnAnswer(out.Bytes())
	return out.String(), errOut.String(), err
}

// ok runs a command that must succeed and gives its output.
func (s session) ok(args ...string) string {
	s.t.Helper()
	out, errOut, err := s.run(args...)
	if err != nil {
		s.t.Fatalf("aws %s = %v\n%s", strings.Join(args, " "), err, errOut)
	}
	return out
}

// json runs a command that must succeed and decodes its output.
func (s session) json(args ...string) map[string]any {
	s.t.Helper()
	out := s.ok(append(args, "--output", "json")...)
	var doc map[string]any
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		s.t.Fatalf("aws %s: %v in\n%s", strings.Join(args, " "), err, out)
	}
	return doc
}

// refused runs a command that the server must refuse with that code, and gives
// the text of the refusal.
func (s session) refused(code string, args ...string) string {
	s.t.Helper()
	out, errOut, err := s.run(args...)
	if err == nil {
		s.t.Fatalf("aws %s succeeded, want %s:\n%s", strings.Join(args, " "), code, out)
	}
	_, text, found := strings.Cut(errOut, "An error occurred ("+code+") when calling the ")
	if !found {
		s.t.Fatalf("aws %s said\n%s\nwant code %s", strings.Join(args, " "), errOut, code)
	}
	_, text, _ = strings.Cut(text, " operation: ")
	return strings.TrimRight(text, "\n")
}

// at finds a member in decoded JSON: names of members and indexes of lists.
func at(t *testing.T, doc any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := doc.(map[string]any)
			if !ok || m[p] == nil {
				t.Fatalf("no member %s of %v in %v", p, path, doc)
			}
			doc = m[p]
		case int:
			l, ok := doc.([]any)
			if !ok || p >= len(l) {
				t.Fatalf("no item %d of %v in %v", p, path, doc)
			}
			doc = l[p]
		}
	}
	return doc
}

// newKeys are the keys in an answer of CreateAccessKey.
func newKeys(t *testing.T, doc any) keys {
	t.Helper()
	return keys{
		ID:     at(t, doc, "AccessKey", "AccessKeyId").(string),
		Secret: at(t, doc, "AccessKey", "SecretAccessKey").(string),
	}
}
