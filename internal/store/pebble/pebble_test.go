package pebble

import (
	"testing"

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
