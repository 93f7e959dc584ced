package trail

import (
	"context"
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// fullable is a trail in memory, on a disk that is full while set says so.
func fullable(t *testing.T) (l *Log, set func(full bool)) {
	t.Helper()
	var full atomic.Bool
	disk := vfs.NewMem()
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == errorfs.OpFileWrite {
			return syscall.ENOSPC
		}
		return nil
	}))
	set = func(is bool) {
		free := uint64(1 << 30)
		if is {
			free = 0
		}
		disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: free, TotalBytes: 2 << 30})
		full.Store(is)
	}
	set(false)
	l, err := Open("trail", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, set
}

// until waits until the condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for late := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("it never comes that %s", what)
		}
	}
}

// TestFullDisk: a full disk holds the trail up without losing anything, refuses
// meanwhile, answers look-ups, and ends by itself.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	l, set := fullable(t)
	if err := l.Append(ctx, entry("1", epoch, Key{Username, "before"})); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		set(true)
		if err := l.Append(ctx, entry("1", epoch, Key{Username, "meanwhile"})); !errors.Is(err, ErrRoom) {
			t.Fatalf("round %d: Append on a full disk = %v, want ErrRoom", round, err)
		}
		for name, err := range map[string]error{"Refuses": l.Refuses(), "Note": l.Note(entry("1", epoch)), "Append": l.Append(ctx, entry("1", epoch)), "Sync": l.Sync(ctx)} {
			if !errors.Is(err, ErrRoom) {
				t.Errorf("%s on a full disk = %v, want ErrRoom", name, err)
			}
		}
		if got := pages(t, l, Query{Account: "1", Key: Key{Username, "before"}, Max: 10}); len(got) != 1 {
			t.Errorf("a look-up on a full disk finds %d events, want 1", len(got))
		}
		set(false)
		until(t, "the trail takes events again", func() bool { return l.Refuses() == nil })
		if err := l.Append(ctx, entry("1", epoch, Key{Username, "after"})); err != nil {
			t.Fatal(err)
		}
		if got := pages(t, l, Query{Account: "1", Key: Key{Username, "meanwhile"}, Max: 10}); len(got) != round+1 {
			t.Errorf("%d of %d events are there that the full disk held up", len(got), round+1)
		}
	}
	if _, _, _, lost := l.Counts(); lost != 6 {
		t.Errorf("%d events are counted as not written, want 6", lost)
	}
}

// TestFullDiskAtTheEnd: a trail that waits for room can be closed, and says that
// it was not whole.
func TestFullDiskAtTheEnd(t *testing.T) {
	l, set := fullable(t)
	set(true)
	if err := l.Append(context.Background(), entry("1", epoch)); !errors.Is(err, ErrRoom) {
		t.Fatalf("Append = %v, want ErrRoom", err)
	}
	if err := l.Close(); !errors.Is(err, ErrFailed) {
		t.Errorf("Close on a full disk = %v, want ErrFailed", err)
	}
}

// TestReserve: with less room than is held back the trail refuses, with half of
// it takes nothing.
func TestReserve(t *testing.T) {
	disk := vfs.NewMem()
	l, err := Open("trail", Options{FS: disk, Reserve: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		free             uint64 // MiB
		changed          bool
		refuses, noteErr error
	}{{500, false, nil, nil}, {60, true, ErrRoom, nil}, {20, false, ErrRoom, ErrRoom}, {60, false, ErrRoom, nil}, {100, true, nil, nil}} {
		disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: tt.free << 20, TotalBytes: 2 << 30})
		changed, err := l.LookAtRoom()
		if err != nil || changed != tt.changed || !errors.Is(l.Refuses(), tt.refuses) {
			t.Errorf("with %d MiB: changed %t, %v, refuses %v", tt.free, changed, err, l.Refuses())
		}
		if err := l.Note(entry("1", epoch)); !errors.Is(err, tt.noteErr) {
			t.Errorf("with %d MiB: Note = %v, want %v", tt.free, err, tt.noteErr)
		}
	}
}

// TestDiskFails: after a failed write nothing more is taken, and whoever waits is told.
func TestDiskFails(t *testing.T) {
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind == errorfs.OpFileWrite {
			return syscall.EIO
		}
		return nil
	}))
	told := make(chan error, 2)
	l, err := Open("trail", Options{FS: fs, Failed: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if err := l.Append(context.Background(), entry("1", epoch)); !errors.Is(err, ErrFailed) {
		t.Errorf("Append = %v, want ErrFailed", err)
	}
	if err := <-told; !errors.Is(err, syscall.EIO) && !errors.Is(err, ErrFailed) {
		t.Errorf("Failed is told %v", err)
	}
	broken.Store(false)
	if err := l.Note(entry("1", epoch)); !errors.Is(err, ErrFailed) || !errors.Is(l.Refuses(), ErrFailed) {
		t.Errorf("after a failure Note = %v, Refuses = %v", err, l.Refuses())
	}
	if err := l.Close(); !errors.Is(err, ErrFailed) {
		t.Errorf("Close = %v, want ErrFailed", err)
	}
}
