package cli

import (
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// keyed is a stopped data folder with its master key, and a start on it.
type keyed struct {
	data, file, key string
	serve           []string
}

func makeKeyed(t *testing.T) keyed {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	serveData(t, data).stop()
	file := filepath.Join(data, "master.key")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return keyed{data, file, string(b), []string{"serve", "--data", data, "--listen", "127.0.0.1:0"}}
}

// put makes a file in the place of the master key's.
func put(text string) func(path string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
}

// TestWrongMasterKey: whatever is wrong with the master key is said at the
// start, in one line with what to do. Nothing is made in its place, and with
// the right key all is as before.
func TestWrongMasterKey(t *testing.T) {
	k := makeKeyed(t)
	cut, restore := strings.TrimSpace(k.key)[:40], "restore it from your backup, without it no secret in "+k.data+" can be read"
	for name, tt := range map[string]struct {
		make func(path string) error // after the file was taken away
		want []string
	}{
		"missing":                  {func(string) error { return nil }, []string{k.file + " is missing", restore}},
		"link to nothing":          {func(path string) error { return os.Symlink("nothing", path) }, []string{k.file + " is missing", restore}},
		"empty":                    {put(""), []string{k.file + " is not a master key: it is empty", restore}},
		"white space":              {put(" \n\n"), []string{"it is empty", restore}},
		"truncated":                {put(cut), []string{k.file + " is not a master key: it has 40 characters, not 67", restore}},
		"truncated in its prefix":  {put("sallyport-ma"), []string{"it has 12 characters, not 67", restore}},
		"too long":                 {put(strings.TrimSpace(k.key) + "AA\n"), []string{"it has 69 characters, not 67", restore}},
		"characters that none has": {put(cut + strings.Repeat("!", 27)), []string{"it has characters that no key has", restore}},
		"two lines":                {put(cut + "\n" + strings.TrimSpace(k.key)[41:]), []string{"it has characters that no key has", restore}},
		"another file":             {put("-----BEGIN PRIVATE KEY-----"), []string{"it does not begin with sallyport-master-key-v1:", restore}},
		"another deployment's": {
			put(seal.NewMasterKey(rand.Reader).Text().Reveal()),
			[]string{"the master key is not the one that this data folder was made with (" + k.file + ")", "restore that from your backup, without it no secret in it can be read"},
		},
		"readable by others": {
			func(path string) error { return os.WriteFile(path, []byte(k.key), 0o644) },
			[]string{k.file + " has mode 0644", "make it 0600 (chmod 600 " + k.file + ")"},
		},
		"a folder": {func(path string) error { return os.Mkdir(path, 0o700) }, []string{k.file + " is not a master key: it is a folder", restore}},
		"a pipe":   {func(path string) error { return syscall.Mkfifo(path, 0o600) }, []string{"it is no regular file", restore}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(k.file); err != nil {
				t.Fatal(err)
			}
			if err := tt.make(k.file); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(k.file)
			if out := wantOneLine(t, k.serve, tt.want...); strings.Contains(out, cut[30:]) {
				t.Errorf("the key is printed: %s", out)
			}
			if after, err := os.Lstat(k.file); before == nil != (err != nil) || err == nil && (!os.SameFile(before, after) || before.ModTime() != after.ModTime()) {
				t.Error("the file was changed")
			}
		})
	}
	if err := os.RemoveAll(k.file); err != nil {
		t.Fatal(err)
	}
	if err := put(k.key)(k.file); err != nil {
		t.Fatal(err)
	}
	s := serveData(t, k.data)
	if err := s.works(rootKey(t, k.data)); err != nil {
		t.Errorf("with the right master key: %v", err)
	}
}

// TestMasterKeyBothWays: a key that the environment gives goes before the file,
// which is said, and more than one way to give it is refused.
func TestMasterKeyBothWays(t *testing.T) {
	k := makeKeyed(t)
	t.Setenv("SALLYPORT_MASTER_KEY", seal.NewMasterKey(rand.Reader).Text().Reveal())
	_, out := sallyport(t, k.serve...)
	for _, text := range []string{"the file is not looked at", "is not the one that this data folder was made with (of SALLYPORT_MASTER_KEY; unset that to use the file " + k.file + ")"} {
		if !strings.Contains(out, text) {
			t.Errorf("with another key in the environment: %s, want %q in it", out, text)
		}
	}
	t.Setenv("SALLYPORT_MASTER_KEY_FILE", k.file)
	wantOneLine(t, k.serve, "both SALLYPORT_MASTER_KEY and SALLYPORT_MASTER_KEY_FILE are set; set one")
	t.Setenv("SALLYPORT_MASTER_KEY_FILE", "")
	wantOneLine(t, append(k.serve, "--master-key-uri", "hcvault://127.0.0.1:1/transit/keys/k"), "both SALLYPORT_MASTER_KEY and a master key URI are given; give one")
	t.Setenv("SALLYPORT_MASTER_KEY", "sallyport-master-key-v1:AAAA")
	wantOneLine(t, k.serve, "SALLYPORT_MASTER_KEY is not a master key: it has 28 characters, not 67")
	t.Setenv("SALLYPORT_MASTER_KEY", "")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := put("\n")(empty); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SALLYPORT_MASTER_KEY_FILE", empty)
	wantOneLine(t, k.serve, "SALLYPORT_MASTER_KEY_FILE: "+empty+" is empty")
	t.Setenv("SALLYPORT_MASTER_KEY_FILE", k.file)
	s := serveData(t, k.data)
	if err := s.works(rootKey(t, k.data)); err != nil {
		t.Errorf("with the file named by the environment: %v", err)
	}
}

// TestMasterKeyOfNewFolder: a file that is no key is not replaced by one.
func TestMasterKeyOfNewFolder(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, "master.key")
	if err := put("half a key")(file); err != nil {
		t.Fatal(err)
	}
	wantOneLine(t, []string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, file+" is not a master key", "take it away, and the start makes one")
}

// TestVaultUnreachable: a KMS that can't be reached keeps a new folder from starting
// too, and nothing is made in plain text instead.
func TestVaultUnreachable(t *testing.T) {
	t.Setenv("VAULT_MAX_RETRIES", "0")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	data, uri := filepath.Join(t.TempDir(), "data"), "hcvault://"+ln.Addr().String()+"/transit/keys/k"
	wantOneLine(t, []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--master-key-uri", uri}, uri+" does not wrap it", "connection refused")
	for _, name := range []string{"master.key", "master.key.kms"} {
		if _, err := os.Stat(filepath.Join(data, name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}
