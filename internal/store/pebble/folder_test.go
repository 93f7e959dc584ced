package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

const lockEnv = "SALLYPORT_TEST_LOCKED_DIR"

func TestFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "store")
	open(t, dir, Options{})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder has mode %v, %v, want 0700", info.Mode(), err)
	}
}

// TestLocked opens a folder a second time, in this process and in another.
func TestLocked(t *testing.T) {
	dir := os.Getenv(lockEnv)
	other := dir != ""
	if !other {
		dir = t.TempDir()
		open(t, dir, Options{})
	}
	_, err := Open(dir, Options{})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open() = %v, want %v and the folder", err, store.ErrLocked)
	}
	if other {
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestLocked$")
	cmd.Env = append(os.Environ(), lockEnv+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("another process: %v\n%s", err, out)
	}
}

func TestFormat(t *testing.T) {
	for _, tt := range []struct {
		name, file, content, want string
	}{
		{"newer", formatName, "sallyport store 2\n", "has format 2, this program reads up to 1"},
		{"damaged", formatName, "sallyport store\n", "is not a format line"},
		{"empty", formatName, "", "is not a format line"},
		{"another's folder", "passwords.txt", "", "holds passwords.txt but no file FORMAT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir, Options{})
			if !errors.Is(err, store.ErrFormat) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open() = %v, want %v: %q and the folder", err, store.ErrFormat, tt.want)
			}
			// The lock is free again, and nothing was made.
			if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
				t.Errorf("the folder now holds %v, %v", names, err)
			}
			os.Remove(filepath.Join(dir, tt.file))
			open(t, dir, Options{})
		})
	}
}

// FuzzFormat: what is read as a format line is the one that would be written.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"", "sallyport store 1\n", "sallyport store 01\n", "sallyport store 1", "sallyport store -1\n", "sallyport store 99999999999999999999\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := parseFormat(s); err == nil && s != fmt.Sprintf("%s%d\n", formatLine, v) {
			t.Errorf("parseFormat(%q) = %d", s, v)
		}
	})
}

// FuzzHead: the last revision has one stored form, which reads back.
func FuzzHead(f *testing.F) {
	f.Add([]byte{})
	f.Add(ondisk.Append(nil, 1, []byte("value")))
	f.Add(ondisk.Append(nil, 1<<63, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if head, err := parseHead(b); err == nil && (head == 0 || !bytes.Equal(ondisk.Append(nil, head, nil), b)) {
			t.Errorf("parseHead(%x) = %d", b, head)
		}
	})
}

func records(t *testing.T, s store.Store, at store.Revision) ([]store.Record, store.Revision) {
	t.Helper()
	var recs []store.Record
	rev, err := s.Scan(t.Context(), "", at, func(r store.Record) error {
		recs = append(recs, r)
		return nil
	})
	if err != nil {
		t.Fatalf("Scan(%d) = %v", at, err)
	}
	return recs, rev
}

func commit(t *testing.T, s store.Store, txn store.Txn) store.Revision {
	t.Helper()
	rev, err := s.Commit(t.Context(), txn)
	if err != nil {
		t.Fatalf("Commit() = %v", err)
	}
	return rev
}

func TestRestore(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for i := range 300 { // more than restoreBatch
		commit(t, s, store.Txn{Do: []store.Op{{Key: fmt.Sprintf("k/%d", i), Value: bytes.Repeat([]byte{byte(i)}, i*30)}}})
	}
	commit(t, s, store.Txn{Do: []store.Op{{Key: "k/7", Delete: true}}})
	var b bytes.Buffer
	rev, err := s.Backup(t.Context(), &b)
	if err != nil {
		t.Fatalf("Backup() = %v", err)
	}
	want, _ := records(t, s, rev)

	parent := t.TempDir()
	dir := filepath.Join(parent, "new", "store")
	if err := Restore(dir, bytes.NewReader(b.Bytes())); err != nil {
		t.Fatalf("Restore() = %v", err)
	}
	restored := open(t, dir, Options{})
	got, at := records(t, restored, 0)
	if !reflect.DeepEqual(got, want) || at != rev { // cmp takes seconds for so many bytes
		t.Errorf("restored %d records at revision %d, want the %d records of %d", len(got), at, len(want), rev)
	}
	if next := commit(t, restored, store.Txn{If: []store.Cond{{Key: got[0].Key, Rev: got[0].Rev}}, Do: []store.Op{{Key: "x"}}}); next <= rev {
		t.Errorf("Commit() = %d, want more than %d", next, rev)
	}
	if err := Restore(dir, bytes.NewReader(b.Bytes())); err == nil {
		t.Error("Restore over a store = nil")
	}

	// A damaged backup leaves nothing behind.
	damaged := bytes.Clone(b.Bytes())
	damaged[len(damaged)/2] ^= 1
	for _, bad := range [][]byte{damaged, b.Bytes()[:b.Len()-1], append(bytes.Clone(b.Bytes()), 0)} {
		dir := filepath.Join(t.TempDir(), "store")
		if err := Restore(dir, bytes.NewReader(bad)); !errors.Is(err, store.ErrBackup) {
			t.Errorf("Restore of a damaged backup = %v, want %v", err, store.ErrBackup)
		}
		if names, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(names) > 0 {
			t.Errorf("it left %v, %v", names, err)
		}
	}
	if err := Restore(filepath.Join(parent, "x"), strings.NewReader("hello")); !errors.Is(err, store.ErrFormat) {
		t.Errorf("Restore of something else = %v, want %v", err, store.ErrFormat)
	}
}

func TestRestoreEmpty(t *testing.T) {
	var b bytes.Buffer
	if _, err := open(t, t.TempDir(), Options{}).Backup(t.Context(), &b); err != nil {
		t.Fatalf("Backup() = %v", err)
	}
	dir := t.TempDir() // exists, and is empty
	if err := Restore(dir, &b); err != nil {
		t.Fatalf("Restore() = %v", err)
	}
	s := open(t, dir, Options{})
	if rev := commit(t, s, store.Txn{Do: []store.Op{{Key: "a"}}}); rev != 1 {
		t.Errorf("Commit() = %d, want 1", rev)
	}
}
