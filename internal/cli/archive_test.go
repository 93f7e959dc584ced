package cli

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// awaitFull waits until an archive has n full backups.
func awaitFull(t *testing.T, dir string, n int) {
	t.Helper()
	for range 6000 {
		if full, _ := filepath.Glob(filepath.Join(dir, "full-*")); len(full) >= n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s has not %d full backups", dir, n)
}

// restoreArchive restores a state of an archive and serves it.
func restoreArchive(t *testing.T, archive, data, master string, args ...string) *serving {
	t.Helper()
	if code, out := sallyport(t, append([]string{"restore", archive, "--data", data}, args...)...); code != 0 {
		t.Fatalf("restore %v = %d:\n%s", args, code, out)
	}
	key, err := os.ReadFile(master)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	wantFine(t, "--data", data)
	return serveData(t, data)
}

// TestArchive kills a server that archives under load, and stops it cleanly.
// After the kills a full backup follows at once; after the stop everything
// that was acknowledged can be restored, and an earlier moment too.
func TestArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	recipient, identity := ageKey(t, dir)
	data, archive := filepath.Join(dir, "data"), filepath.Join(dir, "archive")
	flags := []string{"--archive", archive, "--archive-recipient", recipient}
	all := map[string]aws.Credentials{}
	for round := range 3 {
		s := serveData(t, data, flags...)
		awaitFull(t, archive, round+1)
		l := s.load(rootKey(t, data), "killed"+string(rune('a'+round)))
		l.await(t, 20)
		s.kill()
		l.end()
		maps.Copy(all, l.acknowledged())
	}
	s := serveData(t, data, flags...)
	awaitFull(t, archive, 4)
	early := s.load(rootKey(t, data), "early")
	early.await(t, 20)
	early.end()
	between := time.Now()
	late := s.load(rootKey(t, data), "late")
	late.await(t, 20)
	late.end()
	s.stop()
	s = serveData(t, data, flags...) // goes on without a gap
	last := s.load(rootKey(t, data), "last")
	last.await(t, 5)
	last.end()
	s.stop()
	if full, _ := filepath.Glob(filepath.Join(archive, "full-*")); len(full) != 4 {
		t.Errorf("the archive has %d full backups, want 4: the clean stop left a gap", len(full))
	}
	wantFine(t, archive, "--identity", identity)
	wantSealed(t, archive)

	maps.Copy(all, early.acknowledged())
	then := restoreArchive(t, archive, filepath.Join(dir, "then"), filepath.Join(data, "master.key"), "--identity", identity, "--at", between.Format(time.RFC3339Nano))
	for name, k := range all {
		if err := then.works(k); err != nil {
			t.Errorf("the key of %s was acknowledged before, and does not work: %v", name, err)
		}
	}
	for name, k := range late.acknowledged() {
		if then.works(k) == nil {
			t.Errorf("the key of %s was made later, and works", name)
		}
	}
	then.stop()
	maps.Copy(all, late.acknowledged())
	maps.Copy(all, last.acknowledged())
	newest := restoreArchive(t, archive, filepath.Join(dir, "newest"), filepath.Join(data, "master.key"), "--identity", identity)
	for name, k := range all {
		if err := newest.works(k); err != nil {
			t.Errorf("the key of %s was acknowledged, and does not work: %v", name, err)
		}
	}
}

// wantSealed checks that nothing in an archive is in plain text, and that only
// its owner may read it.
func wantSealed(t *testing.T, archive string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(archive, "*.age"))
	wantPrivate(t, paths...)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(b), "age-encryption.org/v1\n") || bytes.Contains(b, []byte("account")) {
			t.Errorf("%s is not sealed: %v", path, err)
		}
	}
}
