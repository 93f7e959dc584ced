package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// mode is the permissions of a file or folder.
func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Mode().Perm()
}

// TestFirstStart: what the first start makes and says, and what later ones do.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for path, want := range map[string]os.FileMode{"": 0o700, "rootkey.csv": 0o600, "rootpassword.txt": 0o600, "master.key": 0o600} {
		if got := mode(t, filepath.Join(s.data, path)); got != want {
			t.Errorf("mode of %q = %o, want %o", path, got, want)
		}
	}
	root := s.root()
	says := s.stdout.String()
	for _, want := range []string{s.endpoint, s.endpoint + "/console/", s.account + " (made now)", "root@localhost", filepath.Join(s.data, "rootkey.csv")} {
		if !strings.Contains(says, want) {
			t.Errorf("the first start doesn't say %s:\n%s", want, says)
		}
	}
	s.saysNoSecret(t)
	must(t, s.as(root).whoami(deadline(t)))
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d after SIGTERM, want 0; stderr:\n%s", code, s.stderr)
	}

	later := s.again(command{})
	says = later.stdout.String()
	if later.account != s.account || !strings.Contains(says, s.account+" (found)") || !strings.Contains(says, "rootkey.csv") {
		t.Errorf("the second start doesn't say that it found %s:\n%s", s.account, says)
	}
	later.saysNoSecret(t)
	if got := later.root(); got != root {
		t.Error("the second start changed the root key")
	}
	must(t, later.as(root).whoami(deadline(t)))

	other := serve(t)
	if other.account == s.account || other.root() == root {
		t.Error("two first starts made the same account or key")
	}
}

// saysNoSecret checks that nothing secret was printed on either stream.
func (s *server) saysNoSecret(t *testing.T) {
	t.Helper()
	password, err := os.ReadFile(filepath.Join(s.data, "rootpassword.txt"))
	must(t, err)
	_, word, _ := strings.Cut(strings.TrimSpace(string(password)), "Password=")
	for what, secret := range map[string]string{"secret key": s.root().Secret, "password": word} {
		if secret == "" || strings.Contains(s.stdout.String()+s.stderr.String(), secret) {
			t.Errorf("the root user's %s is empty or was printed", what)
		}
	}
}

// TestGivenRootKey: automation gives the root pair by the environment.
func TestGivenRootKey(t *testing.T) {
	t.Parallel()
	given := keys{ID: "AKIDGIVENBYROBOTS001", Secret: "a secret/with+signs, that robots made"}
	s := start(t, command{env: []string{"SALLYPORT_ROOT_ACCESS_KEY_ID=" + given.ID, "SALLYPORT_ROOT_SECRET_ACCESS_KEY=" + given.Secret}})
	if _, err := os.Stat(filepath.Join(s.data, "rootkey.csv")); err == nil {
		t.Error("rootkey.csv was made although the root key was given")
	}
	must(t, s.as(given).whoami(deadline(t)))
	if says := s.stdout.String() + s.stderr.String(); strings.Contains(says, given.Secret) || !strings.Contains(says, given.ID) {
		t.Errorf("the start must say the id and not the secret:\n%s", says)
	}
	s.stop()

	// Another pair, from files, replaces the first.
	dir := t.TempDir()
	next := keys{ID: "AKIDGIVENBYROBOTS002", Secret: "another"}
	for file, text := range map[string]string{"id": next.ID + "\n", "secret": next.Secret + "\n"} {
		must(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	s = s.again(command{env: []string{
		"SALLYPORT_ROOT_ACCESS_KEY_ID_FILE=" + filepath.Join(dir, "id"), "SALLYPORT_ROOT_SECRET_ACCESS_KEY_FILE=" + filepath.Join(dir, "secret"),
	}})
	must(t, s.as(next).whoami(deadline(t)))
	wantCode(t, "the pair that was given before", s.as(given).whoami(deadline(t)), "InvalidClientTokenId", badCredentials)
	s.stop()

	// Without the environment the last pair stays.
	s = s.again(command{})
	must(t, s.as(next).whoami(deadline(t)))
}

// TestFlagsByEnvironment: every flag has a variable, and the command line wins.
func TestFlagsByEnvironment(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "from-environment")
	env := []string{
		"SALLYPORT_DATA=" + data, "SALLYPORT_LISTEN=127.0.0.1:0", "SALLYPORT_ADMIN_LISTEN=127.0.0.1:0", "SALLYPORT_ACCOUNT_ID=111122223333",
		"SALLYPORT_ROOT_EMAIL=root@example.com", "SALLYPORT_LOG_LEVEL=debug", "SALLYPORT_QUOTA=AccessKeysPerUser=3,GroupsPerUser=1",
	}
	s := start(t, command{env: env})
	s.data = data
	if s.account != "111122223333" || s.admin == "" || !strings.Contains(s.stdout.String(), "root@example.com") {
		t.Errorf("the start doesn't follow its environment:\n%s", s.stdout)
	}
	root := s.as(s.root())
	for range 2 { // with the first start's own that makes three
		_, err := root.iam.CreateAccessKey(deadline(t), &iam.CreateAccessKeyInput{})
		must(t, err)
	}
	_, err := root.iam.CreateAccessKey(deadline(t), &iam.CreateAccessKeyInput{})
	wantCode(t, "a fourth key", err, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 3")
	logged := s.stderr.await(func(log string) bool { return strings.Count(log, "operation=CreateAccessKey") == 3 })
	if log := s.stderr.String(); !logged || strings.Contains(log, s.root().Secret) {
		t.Errorf("at debug level the log has not one line for each request, without secrets:\n%s", log)
	}

	flags := start(t, command{args: []string{"--account-id", "444455556666"}, env: env[1:]})
	if flags.account != "444455556666" {
		t.Errorf("account %s, want the command line's 444455556666", flags.account)
	}
}

// TestAdmin: health and metrics on an address of their own, and only there.
func TestAdmin(t *testing.T) {
	t.Parallel()
	s := start(t, command{args: []string{"--admin-listen", "127.0.0.1:0"}})
	must(t, s.as(s.root()).whoami(deadline(t)))
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ready",
		"/metrics": `sallyport_requests_total{operation="GetCallerIdentity",service="sts",status="200"} 1`,
	} {
		if status, body := fetch(t, "GET", s.admin+path, nil); status != 200 || !strings.Contains(body, want) {
			t.Errorf("GET %s = %d %.500s, want 200 with %s", path, status, body, want)
		}
		if status, _ := fetch(t, "GET", s.endpoint+path, nil); status != 403 {
			t.Errorf("GET %s at the endpoint = %d, want 403", path, status)
		}
	}
}

// TestLastUseOutlivesStop: times of last use are stored by a clean stop.
func TestLastUseOutlivesStop(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	u := root.user(t, s, "user", "")
	must(t, u.whoami(deadline(t)))
	s.stop()
	s = s.again(command{})
	out, err := s.as(root.keys).iam.GetAccessKeyLastUsed(deadline(t), &iam.GetAccessKeyLastUsedInput{AccessKeyId: &u.keys.ID})
	must(t, err)
	used := out.AccessKeyLastUsed
	if used.LastUsedDate == nil || time.Since(*used.LastUsedDate).Abs() > 5*time.Minute || aws.ToString(used.ServiceName) != "sts" {
		t.Errorf("after a clean stop the last use = %v %s, want now and sts", used.LastUsedDate, aws.ToString(used.ServiceName))
	}
}
