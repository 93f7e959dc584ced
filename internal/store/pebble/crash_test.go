package pebble

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/sallyport-iam/sallyport/internal/store"
)

const (
	crashEnv     = "SALLYPORT_TEST_CRASH_DIR"
	crashWriters = 8
)

// For longer by hand: go test -run 'Crash|PowerCut' -timeout 0 ./internal/store/pebble -rounds 1000
var rounds = flag.Int("rounds", 20, "how often the crash tests kill, and cut the power")

// TestCrashWriter is the process that TestCrash kills: writers that each write
// three records alike in every transaction, and say so when it is acknowledged.
func TestCrashWriter(t *testing.T) {
	dir := os.Getenv(crashEnv)
	if dir == "" {
		t.Skip("only as a process of TestCrash")
	}
	s := open(t, dir, Options{})
	var wg sync.WaitGroup
	for g := range crashWriters {
		wg.Go(func() {
			for n := 1; ; n++ {
				rev, err := s.Commit(t.Context(), crashTxn(g, n))
				if err != nil {
					t.Errorf("Commit() = %v", err)
					return
				}
				fmt.Printf("ack %d %d\n", g, rev)
			}
		})
	}
	wg.Wait()
}

// crashTxn is the nth transaction of a writer, which checkCrashed knows.
func crashTxn(g, n int) store.Txn {
	value := []byte(fmt.Sprintf("%d.%d %s", os.Getpid(), n, strings.Repeat("x", n*37%2000)))
	return store.Txn{Do: []store.Op{
		{Key: fmt.Sprintf("w%d/a", g), Value: value},
		{Key: fmt.Sprintf("w%d/b", g), Value: value},
		{Key: fmt.Sprintf("w%d/n%d", g, n%50), Value: value},
	}}
}

// TestCrash kills a writing process at random moments, on the same folder again
// and again: nothing acknowledged is lost and no transaction is there by half.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	acks := 0
	for round := range *rounds {
		acked := runUntil(t, dir, time.Duration(rng.IntN(150))*time.Millisecond, func(w *crashWriting) { w.process.Kill() })
		s := open(t, dir, Options{})
		checkCrashed(t, s, acked)
		if err := s.Close(); err != nil {
			t.Fatalf("Close() = %v", err)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
		acks += len(acked)
	}
	t.Logf("%d writers had acknowledgements in %d rounds", acks, *rounds)
}

// crashWriting is the process of TestCrashWriter.
type crashWriting struct {
	process *os.Process
	mu      sync.Mutex
	acked   map[int]store.Revision // guarded by mu: the last acknowledgement of each writer
}

// known is what has been acknowledged by now.
func (w *crashWriting) known() map[int]store.Revision {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.acked)
}

func (w *crashWriting) note(g int, rev store.Revision) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked[g] = max(w.acked[g], rev)
}

// runUntil lets the writers run for some time after the first acknowledgement,
// then does what ends the process, and returns the last acknowledgement of each.
func runUntil(t *testing.T, dir string, after time.Duration, end func(*crashWriting)) map[int]store.Revision {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashWriter$")
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &crashWriting{process: cmd.Process, acked: map[int]store.Revision{}}
	var timer *time.Timer
	for in := bufio.NewReader(stdout); ; {
		line, err := in.ReadString('\n')
		if err == io.EOF || err != nil {
			break // a line that was cut off is no acknowledgement
		}
		var g int
		var rev store.Revision
		if _, err := fmt.Sscanf(line, "ack %d %d\n", &g, &rev); err != nil {
			t.Errorf("the process says %q", line)
			break
		}
		w.note(g, rev)
		if timer == nil {
			timer = time.AfterFunc(after, func() { end(w) })
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if len(w.acked) == 0 {
		t.Fatalf("the process committed nothing: %s", stderr.String())
	}
	return w.acked
}

// TestPowerCut takes copies of a file system under load as a power cut might
// leave it: what was not synced is there, or not, or in part. From the folder's
// making on, each of them opens with all that had been acknowledged.
func TestPowerCut(t *testing.T) {
	cuts := 2 * *rounds
	fsys := vfs.NewCrashableMem()
	rng := rand.New(rand.NewPCG(5, 6))
	s := open(t, "/made/store", Options{FS: fsys})
	var acked [crashWriters]atomic.Uint64
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for g := range crashWriters {
		wg.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				rev, err := s.Commit(t.Context(), crashTxn(g, n))
				if err != nil {
					t.Errorf("Commit() = %v", err)
					return
				}
				acked[g].Store(uint64(rev))
			}
		})
	}
	for range cuts {
		before := map[int]store.Revision{}
		for g := range acked {
			before[g] = store.Revision(acked[g].Load())
		}
		left := fsys.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		again, err := Open("/made/store", Options{FS: left})
		if err != nil {
			t.Errorf("Open() after the cut = %v", err)
			break
		}
		checkCrashed(t, again, before)
		if err := again.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	cancel()
	wg.Wait()
}

// TestPowerCutWhileOpening cuts the power before each operation on the file
// system that making a store and its first commit take: it opens afterwards.
// What was not synced is lost or kept as a whole, as a journal keeps the order
// of the entries of a folder. Where a file system does not, the database can't
// open when its first manifest is lost and the marker that names it is not.
func TestPowerCutWhileOpening(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	txn := crashTxn(0, 1)
	for cut := 1; ; cut++ {
		disk := vfs.NewCrashableMem()
		var n atomic.Int64
		var left *vfs.MemFS // set before the operation with the number cut
		fsys := errorfs.Wrap(disk, errorfs.InjectorFunc(func(errorfs.Op) error {
			if n.Add(1) == int64(cut) {
				left = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * rng.IntN(2), RNG: rng})
			}
			return nil
		}))
		s, err := Open("/made/store", Options{FS: fsys})
		if err != nil {
			t.Fatalf("Open() = %v", err)
		}
		commit(t, s, txn)
		if err := s.Close(); err != nil {
			t.Fatalf("Close() = %v", err)
		}
		if left == nil {
			t.Logf("%d operations", cut-1)
			return
		}
		again, err := Open("/made/store", Options{FS: left})
		if err != nil {
			t.Fatalf("Open() after a cut before operation %d = %v", cut, err)
		}
		checkCrashed(t, again, nil)
		commit(t, again, txn)
		if err := again.Close(); err != nil {
			t.Fatalf("Close() = %v", err)
		}
	}
}

func checkCrashed(t *testing.T, s *Store, acked map[int]store.Revision) {
	t.Helper()
	recs := map[string]store.Record{}
	head, err := s.Scan(t.Context(), "", 0, func(r store.Record) error {
		recs[r.Key] = r
		return nil
	})
	if err != nil {
		t.Fatalf("Scan() = %v", err)
	}
	var newest store.Revision
	for g := range crashWriters {
		a, b := recs[fmt.Sprintf("w%d/a", g)], recs[fmt.Sprintf("w%d/b", g)]
		if a.Rev != b.Rev || !bytes.Equal(a.Value, b.Value) {
			t.Errorf("writer %d: half a transaction, revisions %d and %d", g, a.Rev, b.Rev)
		}
		if a.Rev < acked[g] {
			t.Errorf("writer %d: revision %d was acknowledged, %d is there", g, acked[g], a.Rev)
		}
		third := false
		for n := range 50 {
			r := recs[fmt.Sprintf("w%d/n%d", g, n)]
			third = third || r.Rev == a.Rev && bytes.Equal(r.Value, a.Value)
		}
		if a.Rev > 0 && !third {
			t.Errorf("writer %d: the third record of revision %d is missing", g, a.Rev)
		}
	}
	for _, r := range recs {
		newest = max(newest, r.Rev)
	}
	if newest != head {
		t.Errorf("the newest record is of revision %d, the head is %d", newest, head)
	}
}
