package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// stopAfter is the variable that makes TestRotationCutShort the process that
// rotates a master key, and kills itself after that step.
const (
	stopAfter = "SALLYPORT_TEST_STOP_AFTER"
	stopData  = "SALLYPORT_TEST_DATA"
)

func folderConfig(data string) Config {
	return Config{
		Data: data, Listen: "127.0.0.1:0", RootEmail: "root@localhost", Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Fatal: func(err error) { panic(err) },
	}
}

// openServer opens a server, and closes it when the test ends or close is called.
func openServer(t *testing.T, cfg Config) (s *Server, closeIt func()) {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	closed := false
	closeIt = func() {
		if !closed {
			closed = true
			s.release(context.Background())
		}
	}
	t.Cleanup(closeIt)
	return s, closeIt
}

// rootSecret opens the secret of the root user's key.
func rootSecret(t *testing.T, s *Server) string {
	t.Helper()
	snap := s.data.dir.Snapshot()
	root, err := snap.UserByID(s.started.AccountID, s.started.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	c, ok, err := snap.Credential(root.Keys[0].ID)
	if err != nil || !ok {
		t.Fatalf("Credential() = %v, %v", ok, err)
	}
	secret, err := c.Secret()
	if err != nil {
		t.Fatalf("the root key's secret: %v", err)
	}
	return secret
}

// steps are those of a rotation, as rotateMasterKey takes them.
func steps(d *dataFolder) map[string]func() error {
	var next seal.MasterKey
	prepare := func() (err error) { next, err = d.master.prepare(rand.Reader); return err }
	rewrap := func() error {
		return errors.Join(prepare(), d.dir.RewrapRing(context.Background(), d.master.key, next))
	}
	return map[string]func() error{
		"nothing": func() error { return nil },
		"prepare": prepare,
		"rewrap":  rewrap,
		"promote": func() error { return errors.Join(rewrap(), d.master.promote(next)) },
	}
}

// TestRotationCutShort kills the process after each step of a rotation. The
// next start has all secrets, one key file, and can rotate again.
func TestRotationCutShort(t *testing.T) {
	if step := os.Getenv(stopAfter); step != "" {
		s, _ := openServer(t, folderConfig(os.Getenv(stopData)))
		if err := steps(s.data)[step](); err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	for _, step := range []string{"nothing", "prepare", "rewrap", "promote"} {
		t.Run(step, func(t *testing.T) {
			cfg := folderConfig(filepath.Join(t.TempDir(), "data"))
			s, closeIt := openServer(t, cfg)
			want := rootSecret(t, s)
			closeIt()
			key := filepath.Join(cfg.Data, masterKeyFile)
			before, err := os.ReadFile(key)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestRotationCutShort$")
			cmd.Env = append(os.Environ(), stopAfter+"="+step, stopData+"="+cfg.Data)
			if out, err := cmd.CombinedOutput(); cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the process that rotates = %v\n%s", err, out)
			}
			found, err := Check(t.Context(), CheckConfig{Data: cfg.Data})
			if err != nil || len(found.Problems) > 0 {
				t.Errorf("Check() = %v, %v", found.Problems, err)
			}
			s, closeIt = openServer(t, cfg)
			if got := rootSecret(t, s); got != want {
				t.Error("the root key has another secret")
			}
			after, err := os.ReadFile(key)
			if changed := string(after) != string(before); err != nil || changed != (step == "rewrap" || step == "promote") {
				t.Errorf("%s changed: %v, %v", masterKeyFile, changed, err)
			}
			if _, err := os.Stat(key + nextMasterKey); err == nil {
				t.Error("the next key's file is left")
			}
			if err := s.data.rotateMasterKey(t.Context(), rand.Reader); err != nil {
				t.Errorf("rotateMasterKey() = %v", err)
			}
			closeIt()
			s, _ = openServer(t, cfg)
			rootSecret(t, s)
		})
	}
}

// TestWrongNextKey: a file that is not the next key's harms nothing.
func TestWrongNextKey(t *testing.T) {
	cfg := folderConfig(filepath.Join(t.TempDir(), "data"))
	_, closeIt := openServer(t, cfg)
	closeIt()
	next := filepath.Join(cfg.Data, masterKeyFile+nextMasterKey)
	if err := os.WriteFile(next, []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, closeIt := openServer(t, cfg)
	rootSecret(t, s)
	closeIt()

	// Where neither file is the key, both stay, and it is said.
	key := filepath.Join(cfg.Data, masterKeyFile)
	for _, path := range []string{key, next} {
		if err := os.WriteFile(path, []byte(seal.NewMasterKey(rand.Reader).Text().Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "the master key is not the one") {
		t.Errorf("Open() = %v", err)
	}
	if _, err := os.Stat(next); err != nil {
		t.Errorf("the next key's file: %v", err)
	}
}

// TestRotateWhileBackedUp: the key of a backup is that of its ring.
func TestRotateWhileBackedUp(t *testing.T) {
	s, _ := openServer(t, folderConfig(filepath.Join(t.TempDir(), "data")))
	s.data.master.mu.RLock()
	if err := s.data.rotateMasterKey(t.Context(), rand.Reader); err == nil {
		t.Error("rotateMasterKey() while a backup copies the key = nil")
	}
	s.data.master.mu.RUnlock()
	if err := s.data.rotateMasterKey(t.Context(), rand.Reader); err != nil {
		t.Errorf("rotateMasterKey() = %v", err)
	}
}

// TestRingRotates: a server that runs gives its ring a new key in time.
func TestRingRotates(t *testing.T) {
	cfg := folderConfig(filepath.Join(t.TempDir(), "data"))
	start := time.Now()
	var logged strings.Builder
	cfg.Log = slog.New(slog.NewTextHandler(&logged, nil))
	want := ""
	for _, tt := range []struct {
		after   time.Duration
		rotated bool
	}{{0, false}, {ringKeyLife, false}, {ringKeyLife + time.Hour, true}, {ringKeyLife + 2*time.Hour, false}} {
		cfg.Now = func() time.Time { return start.Add(tt.after) }
		logged.Reset()
		s, closeIt := openServer(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // it is looked at once at the start
		if err := s.data.rotateRing(t.Context(), cfg.Log); err != nil {
			t.Fatal(err)
		}
		if err := s.rotateRing(ctx); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(logged.String(), "new key"); got != tt.rotated {
			t.Errorf("after %v: rotated %v, want %v", tt.after, got, tt.rotated)
		}
		secret := rootSecret(t, s)
		if want != "" && secret != want {
			t.Errorf("after %v: another secret", tt.after)
		}
		want = secret
		closeIt()
	}
}
