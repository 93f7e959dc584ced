package pebble

import (
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/storetest"
)

func open(t testing.TB, dir string, opts Options) *Store {
	t.Helper()
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reopener is a store that the suite can open again.
type reopener struct{ *Store }

func (r reopener) Reopen(t *testing.T) store.Store {
	if err := r.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	return open(t, r.dir, Options{})
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return reopener{open(t, t.TempDir(), Options{})} })
}

// TestDatabaseFormat: a new folder has the format that we mean, whether or not
// a crash came before the database was told.
func TestDatabaseFormat(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"new": func(string) error { return nil },
		"crashed": func(dir string) error {
			return writeFile(vfs.Default, filepath.Join(dir, formatName), formatLine+"1\n")
		},
	} {
		dir := t.TempDir()
		if err := prepare(dir); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, Options{})
		commit(t, s, store.Txn{Do: []store.Op{{Key: "a"}}})
		if got := s.db.FormatMajorVersion(); got != databaseFormat {
			t.Errorf("%s: database format %v, want %v", name, got, databaseFormat)
		}
		if err := s.db.Flush(); err != nil {
			t.Errorf("%s: Flush() = %v", name, err)
		}
	}
}
