package pebble

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// TestPowerCutWhileMade cuts the power at every operation of making a store,
// with different parts of what was not synced on the disk. Each folder that
// this leaves opens, and works.
func TestPowerCutWhileMade(t *testing.T) {
	var clones []*vfs.MemFS
	mem := vfs.NewCrashableMem()
	rng := rand.New(rand.NewPCG(1, 2))
	fsys := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			for _, percent := range []int{0, 30, 70, 100} {
				clones = append(clones, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}))
			}
		}
		return nil
	}))
	s, err := Open("/data/store", Options{FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	made := len(clones)
	clones = append(clones, mem.CrashClone(vfs.CrashCloneCfg{}))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i, fsys := range clones[:made+1] {
		for range 2 { // what was made on the ruins is sound itself
			again, err := Open("/data/store", Options{FS: fsys})
			if err != nil {
				t.Errorf("after the cut %d of %d: Open() = %v", i, made, err)
				break
			}
			commit(t, again, store.Txn{Do: []store.Op{{Key: "a", Value: []byte("1")}}})
			if err := again.Close(); err != nil {
				t.Errorf("after the cut %d of %d: Close() = %v", i, made, err)
			}
		}
	}
	t.Logf("%d cuts", made)
}

// TestOthersFolder: a folder is taken for a store that was cut short only if
// it says so.
func TestOthersFolder(t *testing.T) {
	fsys := vfs.NewMem()
	if err := fsys.MkdirAll("/store", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(fsys, "/store/letters.txt", "dear"); err != nil {
		t.Fatal(err)
	}
	if s, err := Open("/store", Options{FS: fsys}); err == nil {
		s.Close()
		t.Error("Open() of another's folder = nil")
	}
	if text, err := readFile(fsys, "/store/letters.txt"); text != "dear" {
		t.Errorf("another's file is now %q, %v", text, err)
	}
}
