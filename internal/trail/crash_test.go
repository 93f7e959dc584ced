package trail

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	mathrand "math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestPowerCut cuts the power before each operation on the file system that
// appending, signing, expiring and pruning take, in turns: what was acknowledged
// is there, and the trail is as it was written.
func TestPowerCut(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rng := mathrand.New(mathrand.NewPCG(3, 4))
	for cut := int64(1); ; cut++ {
		disk := vfs.NewCrashableMem()
		var n atomic.Int64
		var left *vfs.MemFS // set before the operation with the number cut
		var acked, ackedThen atomic.Int64
		fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(errorfs.Op) error {
			if n.Add(1) == cut {
				ackedThen.Store(acked.Load())
				left = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * rng.IntN(2), RNG: rng})
			}
			return nil
		}))
		kept := liveThrough(t, fs, key, &acked)
		if left == nil {
			t.Logf("%d operations", cut-1)
			return
		}
		checkLeft(t, left, key, cut, ackedThen.Load(), kept)
	}
}

const livedDays = 4

// liveThrough is the life of a trail in which two days expire. It gives the time
// before whose day events have expired at the end.
func liveThrough(t *testing.T, fs vfs.FS, key *rsa.PrivateKey, acked *atomic.Int64) (kept time.Time) {
	t.Helper()
	ctx := context.Background()
	l, err := Open("/made/trail", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	for d := range livedDays {
		at := epoch.Add(time.Duration(d) * 24 * time.Hour)
		if err := l.Append(ctx, entry("1", at, Key{Username, fmt.Sprint("u", d)})); err != nil {
			t.Fatal(err)
		}
		acked.Add(1)
		if err := l.Digest(key, "1", at); err != nil {
			t.Fatal(err)
		}
	}
	kept = epoch.Add(2 * 24 * time.Hour)
	if err := l.Expire("1", kept); err != nil {
		t.Fatal(err)
	}
	if err := l.Prune(ctx, kept); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return kept
}

func checkLeft(t *testing.T, fs vfs.FS, key *rsa.PrivateKey, cut, acked int64, kept time.Time) {
	t.Helper()
	l, err := Open("/made/trail", Options{FS: fs})
	if err != nil {
		t.Fatalf("Open after a cut before operation %d = %v", cut, err)
	}
	defer l.Close()
	if head := int64(l.Head()); head < acked || head > livedDays {
		t.Errorf("after a cut before operation %d the newest event is %d, want at least %d", cut, head, acked)
	}
	for _, append := range []bool{false, true} {
		if append {
			if err := l.Append(context.Background(), entry("1", epoch.Add(livedDays*24*time.Hour), Key{Username, "after"})); err != nil {
				t.Fatal(err)
			}
		}
		v, err := l.Verify(context.Background(), keysOf(key), Kept{Since: kept})
		if err != nil || len(v.Problems) > 0 {
			t.Errorf("after a cut before operation %d Verify = %+v, %v", cut, v, err)
		}
	}
}

// TestClockJumpsBack: events whose time is earlier than that of those before are
// found by their time, followed in their order, signed and verified.
func TestClockJumpsBack(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	dir := t.TempDir()
	l := open(t, dir)
	times := []time.Duration{0, time.Hour, -72 * time.Hour, -71 * time.Hour, -200 * time.Hour, 2 * time.Hour}
	for i, d := range times {
		if err := l.Append(ctx, entry("1", epoch.Add(d), Key{Username, fmt.Sprint("u", i)})); err != nil {
			t.Fatal(err)
		}
		if err := l.Digest(key, "1", epoch.Add(d)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	if got := pages(t, l, Query{Account: "1", From: epoch.Add(-100 * time.Hour), To: epoch, Max: 2}); len(got) != 3 {
		t.Errorf("%d events are found in the time, want 3", len(got))
	}
	var order []uint64
	if _, err := l.Since(0, func(seq uint64, _ string, _ []byte) error { order = append(order, seq); return nil }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(order) != "[1 2 3 4 5 6]" {
		t.Errorf("the events come in the order %v", order)
	}
	if v := verified(t, l, key, epoch.Add(-300*time.Hour)); len(v.Problems) > 0 || v.Events != 6 || v.Digests != 6 {
		t.Errorf("Verify = %+v", v)
	}
	// What expires by its time goes alone; what came before it stays.
	kept := epoch.Add(-100 * time.Hour)
	if err := l.Expire("1", kept); err != nil {
		t.Fatal(err)
	}
	if err := l.Prune(ctx, kept); err != nil {
		t.Fatal(err)
	}
	if v := verified(t, l, key, kept); len(v.Problems) > 0 || v.Events != 5 || v.Expired != 1 {
		t.Errorf("Verify after the expiry = %+v", v)
	}
}
