package replica

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

const (
	crashDirEnv  = "SALLYPORT_TEST_REPLICA_DIR"
	crashFromEnv = "SALLYPORT_TEST_REPLICA_FROM"
)

// stormTxn is the transaction that makes revision n, always the same.
func stormTxn(n store.Revision) store.Txn {
	rng := rand.New(rand.NewPCG(uint64(n), 9))
	value := []byte(fmt.Sprintf("%d %s", n, strings.Repeat("x", rng.IntN(1500))))
	txn := store.Txn{Do: []store.Op{
		{Key: "always", Value: value},
		{Key: fmt.Sprintf("k/%03d", rng.IntN(300)), Value: value},
	}}
	for i := range rng.IntN(4) {
		txn.Do = append(txn.Do, store.Op{Key: fmt.Sprintf("d/%d/%02d", i, rng.IntN(40)), Value: value, Delete: rng.IntN(3) == 0})
	}
	for i := range txn.Do {
		if txn.Do[i].Delete {
			txn.Do[i].Value = nil
		}
	}
	return txn
}

// storm makes the revisions up to n.
func storm(t testing.TB, n store.Revision) *mem.Store {
	t.Helper()
	m := mem.New(mem.Options{History: 1 << 30})
	for rev := store.Revision(1); rev <= n; rev++ {
		if got, err := m.Commit(t.Context(), stormTxn(rev)); err != nil || got != rev {
			t.Fatalf("Commit() = %d, %v, want %d", got, err, rev)
		}
	}
	return m
}

// TestCrashFollower is the process that TestCrash kills: a replica in a storm.
func TestCrashFollower(t *testing.T) {
	dir := os.Getenv(crashDirEnv)
	if dir == "" {
		t.Skip("only as a process of TestCrash")
	}
	from, err := strconv.ParseUint(os.Getenv(crashFromEnv), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	n := store.Revision(from)
	m := storm(t, n)
	s, err := Open(t.Context(), Config{Dir: dir, Name: "test", Remote: m, Now: time.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	for {
		n++
		if _, err := s.Commit(t.Context(), stormTxn(n)); err != nil {
			t.Fatalf("Commit() = %v", err)
		}
		fmt.Printf("rev %d\n", n)
	}
}

// TestCrash kills a replica at random moments, on the same folder again and
// again: what it leaves is the state of one revision, and it goes on from there.
func TestCrash(t *testing.T) {
	const rounds = 8
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	head := store.Revision(0)
	for round := range rounds {
		reached, stderr := runAndKill(t, dir, head, time.Duration(rng.IntN(150))*time.Millisecond)
		if round > 0 && strings.Contains(stderr, "level=WARN") {
			t.Errorf("round %d: the replica was not simply taken up again:\n%s", round, stderr)
		}
		log := &logbook{}
		r := newRemote(storm(t, 0))
		r.fail(errCut)
		s := open(t, dir, r, log)
		if log.has("thrown away") {
			t.Fatalf("round %d: %s", round, log)
		}
		got, at := contents(t, s, 0)
		s.Close()
		want, _ := contents(t, storm(t, at), 0)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("round %d: the copy is not the state of revision %d (-want +got):\n%s", round, at, d)
		}
		if at < head || at > reached+1 {
			t.Errorf("round %d: the copy is at revision %d, before it was at %d, the feed went to %d", round, at, head, reached)
		}
		head = at
	}
	t.Logf("revision %d after %d rounds", head, rounds)
}

// runAndKill lets a replica run for some time after its first revision, and
// returns the last one that was in it for certain, and what it logged.
func runAndKill(t *testing.T, dir string, from store.Revision, after time.Duration) (store.Revision, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashFollower$")
	cmd.Env = append(os.Environ(), crashDirEnv+"="+dir, crashFromEnv+"="+fmt.Sprint(from))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last store.Revision
	for in := bufio.NewReader(stdout); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			break // a line that was cut off counts for nothing
		}
		if _, err := fmt.Sscanf(line, "rev %d\n", &last); err != nil {
			t.Errorf("the process says %q", line)
			break
		}
		if last == from+1 {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if last == 0 {
		t.Fatalf("the process did nothing: %s", stderr.String())
	}
	return last, stderr.String()
}

// TestDamage damages each file in several ways: the copy is then thrown away,
// or it is the state of an earlier revision, and with the remote store at hand
// it is the newest soon after.
func TestDamage(t *testing.T) {
	const loaded, head = 200, 260
	dir := t.TempDir()
	m := storm(t, loaded)
	r := newRemote(m)
	s := open(t, dir, r, nil)
	eventually(t, "loaded", following(s))
	for rev := store.Revision(loaded + 1); rev <= head; rev++ {
		if _, err := s.Commit(t.Context(), stormTxn(rev)); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if info, err := d.Info(); err == nil && d.Type().IsRegular() && info.Size() > 0 {
			files = append(files, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil || len(files) < 5 {
		t.Fatalf("files %v, %v", files, err)
	}
	ways := []struct {
		name   string
		damage func(b []byte) []byte // nil removes the file
	}{
		{"a bit at the start", func(b []byte) []byte { b[0] ^= 1; return b }},
		{"a bit in the middle", func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b }},
		{"a bit at two thirds", func(b []byte) []byte { b[len(b)*2/3] ^= 0x80; return b }},
		{"a bit at the end", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }},
		{"cut", func(b []byte) []byte { return b[:len(b)/2] }},
		{"empty", func(b []byte) []byte { return b[:0] }},
		{"zeros", func(b []byte) []byte { clear(b[len(b)/3:]); return b }},
		{"gone", nil},
	}
	thrown := 0
	for _, file := range files {
		for _, way := range ways {
			t.Run(filepath.Base(file)+"/"+way.name, func(t *testing.T) {
				bad := t.TempDir()
				if err := os.CopyFS(bad, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				damageFile(t, filepath.Join(bad, file), way.damage)
				if checkDamaged(t, bad, newRemote(m), head) {
					thrown++
				}
			})
		}
	}
	t.Logf("%d of %d cases were thrown away", thrown, len(files)*len(ways))
}

func damageFile(t *testing.T, path string, damage func([]byte) []byte) {
	t.Helper()
	if damage == nil {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, damage(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkDamaged opens a copy without and then with the remote store, and
// reports whether it was thrown away.
func checkDamaged(t *testing.T, dir string, r *remote, head store.Revision) (thrown bool) {
	t.Helper()
	log := &logbook{}
	r.fail(errCut)
	s, err := Open(t.Context(), Config{Dir: dir, Name: "test", Remote: r, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		// Only what says whose folder it is may keep it from starting.
		if !strings.Contains(err.Error(), formatName) {
			t.Errorf("Open() = %v", err)
		}
		return true
	}
	defer s.Close()
	if !s.state.now().loaded {
		if !log.has("thrown away") && !log.has(errNoCopy.Error()) {
			if _, err := os.Stat(filepath.Join(dir, currentName)); err == nil {
				t.Errorf("the log does not tell:\n%s", log)
			}
		}
		thrown = true
	} else {
		got, at := contents(t, s, 0)
		want, _ := contents(t, storm(t, at), 0)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("the copy is not the state of revision %d (-want +got):\n%s", at, d)
		}
		if s.AsOf().After(time.Now()) {
			t.Errorf("AsOf() = %v", s.AsOf())
		}
	}
	r.fail(nil)
	eventually(t, "caught up", func() bool { return s.state.now().following && s.state.now().head >= head })
	same(t, s, r.Store)
	return thrown
}
