package pebble

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sallyport-iam/sallyport/internal/store"
)

var errDisk = errors.New("the disk is on fire")

// TestDiskFails: when the log can't be written or synced, Fatal is called once
// and no commit gets an answer, neither the one in hand nor a later one.
func TestDiskFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		kinds []errorfs.OpKind
		err   error
		size  int // of what is written then; a large one fails before it is synced
	}{
		{"sync", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo, errorfs.OpFileFlush}, errDisk, 1},
		{"write", []errorfs.OpKind{errorfs.OpFileWrite}, errDisk, 1},
		{"write of much", []errorfs.OpKind{errorfs.OpFileWrite}, errDisk, 100 << 10},
		{"no room", []errorfs.OpKind{errorfs.OpFileWrite}, syscall.ENOSPC, 1},
		{"no room for a new log", []errorfs.OpKind{errorfs.OpFileWrite}, syscall.ENOSPC, 500 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var broken atomic.Bool
			fsys := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if !broken.Load() || !strings.HasSuffix(op.Path, ".log") {
					return nil
				}
				for _, k := range tt.kinds {
					if k == op.Kind {
						return tt.err
					}
				}
				return nil
			}))
			fatal := make(chan error, 10)
			s, err := Open("/store", Options{FS: fsys, Fatal: func(err error) { fatal <- err }})
			if err != nil {
				t.Fatalf("Open() = %v", err)
			}
			txn := store.Txn{Do: []store.Op{{Key: "a", Value: []byte("1")}}}
			rev, err := s.Commit(t.Context(), txn)
			if err != nil {
				t.Fatalf("Commit() = %v", err)
			}
			w, err := s.Watch(t.Context(), "", rev)
			if err != nil {
				t.Fatalf("Watch() = %v", err)
			}
			broken.Store(true)
			large := store.Txn{Do: []store.Op{{Key: "a", Value: bytes.Repeat([]byte("1"), tt.size)}}}
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				rev, err := s.Commit(ctx, large)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Commit() = %d, %v, want no answer", rev, err)
				}
				cancel()
			}
			if err := <-fatal; !strings.Contains(err.Error(), tt.err.Error()) {
				t.Errorf("Fatal(%v), want %v", err, tt.err)
			}
			if len(fatal) > 0 {
				t.Errorf("Fatal was called again: %v", <-fatal)
			}
			if head, err := s.Head(t.Context()); err != nil || head != rev {
				t.Errorf("Head() = %d, %v, want %d", head, err, rev)
			}
			if events, err := w.Next(t.Context()); err != nil || len(events[0].Records) > 0 {
				t.Errorf("Next() = %v, %v, want no more than progress", events, err)
			}
			if err := s.Close(); err == nil {
				t.Error("Close() = nil, want to hear of the failure")
			}
		})
	}
}

// TestFatalPanics: without a handler the process ends.
func TestFatalPanics(t *testing.T) {
	defer func() {
		if r := recover(); r == nil {
			t.Error("fatal returned")
		}
	}()
	newLogger(Options{}).Fatal(errDisk)
}

// TestDamageIsFound: a scan reads every block and verifies it.
func TestDamageIsFound(t *testing.T) {
	fsys := vfs.NewMem()
	fatal := make(chan error, 10)
	opts := Options{FS: fsys, Fatal: func(err error) { fatal <- err }}
	s, err := Open("/store", opts)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	for i := range 200 {
		if _, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "k" + strings.Repeat("x", i), Value: make([]byte, 1000)}}}); err != nil {
			t.Fatalf("Commit() = %v", err)
		}
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	flipTables(t, fsys, "/store")
	if s, err = Open("/store", opts); err != nil {
		return // found even earlier
	}
	done := make(chan error, 1)
	ctx := t.Context()
	go func() {
		_, err := s.Scan(ctx, "", 0, func(store.Record) error { return nil })
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("Scan() = %v, want no answer", err)
	case err := <-fatal:
		t.Logf("Fatal(%v)", err)
	}
}

// flipTables changes a byte in the middle of the first block of every table.
func flipTables(t *testing.T, fsys vfs.FS, dir string) {
	t.Helper()
	names, err := fsys.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		f, err := fsys.OpenReadWrite(filepath.Join(dir, name), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1)
		if _, err := f.ReadAt(b, 100); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 1
		if _, err := f.WriteAt(b, 100); err != nil {
			t.Fatal(err)
		}
		f.Close()
		n++
	}
	if n == 0 {
		t.Fatal("no tables to damage")
	}
}
