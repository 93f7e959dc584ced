package pebble

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// TestLag: with little history a slow watcher is told, and a scan of what is
// no longer there is refused.
func TestLag(t *testing.T) {
	s := open(t, t.TempDir(), Options{History: 10 << 10})
	first := commit(t, s, store.Txn{Do: []store.Op{{Key: "a"}}})
	w, err := s.Watch(t.Context(), "", first)
	if err != nil {
		t.Fatalf("Watch() = %v", err)
	}
	var last store.Revision
	for range 50 {
		last = commit(t, s, store.Txn{Do: []store.Op{{Key: "a", Value: make([]byte, 1000)}}})
	}
	if _, err := w.Next(t.Context()); !errors.Is(err, store.ErrLagged) {
		t.Errorf("Next() = %v, want %v", err, store.ErrLagged)
	}
	if _, err := s.Watch(t.Context(), "", first); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("Watch() = %v, want %v", err, store.ErrCompacted)
	}
	if _, err := s.Scan(t.Context(), "", first, func(store.Record) error { return nil }); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("Scan() = %v, want %v", err, store.ErrCompacted)
	}
	if st := s.Stats(); st.History > 10<<10 || st.Head != last || st.Oldest >= last || st.Watchers != 1 || st.Disk == 0 || st.Memory == 0 {
		t.Errorf("Stats() = %+v, want at most 10 KiB of history up to %d, one watcher, disk and memory", st, last)
	}
}

// TestReopenedHistory: what happened before the start can't be watched.
func TestReopenedHistory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	commit(t, s, store.Txn{Do: []store.Op{{Key: "a"}}})
	rev := commit(t, s, store.Txn{Do: []store.Op{{Key: "a"}}})
	s.Close()
	s = open(t, dir, Options{})
	if _, err := s.Watch(t.Context(), "", rev-1); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("Watch(%d) = %v, want %v", rev-1, err, store.ErrCompacted)
	}
	if _, err := s.Watch(t.Context(), "", rev); err != nil {
		t.Errorf("Watch(%d) = %v", rev, err)
	}
}

// TestBatch gives the committer many transactions at once that depend on each
// other, and compares with applying them one by one.
func TestBatch(t *testing.T) {
	for _, scanned := range []bool{false, true} { // with and without knowing what is absent
		t.Run(fmt.Sprintf("scanned=%v", scanned), func(t *testing.T) {
			s := open(t, t.TempDir(), Options{})
			if scanned {
				records(t, s, 0)
			}
			rng := rand.New(rand.NewPCG(7, 7))
			model, head := map[string]store.Revision{}, store.Revision(0)
			for range 40 {
				head = checkBatch(t, s, rng, model, head)
			}
			recs, rev := records(t, s, 0)
			if rev != head || len(recs) != len(model) {
				t.Errorf("%d records at revision %d, want %d at %d", len(recs), rev, len(model), head)
			}
			for _, r := range recs {
				if model[r.Key] != r.Rev {
					t.Errorf("%s has revision %d, want %d", r.Key, r.Rev, model[r.Key])
				}
			}
		})
	}
}

// checkBatch queues transactions while the committer is held up, so that they
// arrive together and in this order.
func checkBatch(t *testing.T, s *Store, rng *rand.Rand, model map[string]store.Revision, head store.Revision) store.Revision {
	t.Helper()
	s.queue.mu.Lock()
	var queued []*request
	for range 1 + rng.IntN(20) {
		r := &request{done: make(chan struct{}, 1)}
		for range rng.IntN(3) {
			key := fmt.Sprint("k", rng.IntN(8))
			r.txn.If = append(r.txn.If, store.Cond{Key: key, Rev: model[key]})
		}
		for _, k := range rng.Perm(8)[:rng.IntN(4)] {
			r.txn.Do = append(r.txn.Do, store.Op{Key: fmt.Sprint("k", k), Delete: rng.IntN(3) == 0})
		}
		queued = append(queued, r)
	}
	s.queue.waiting = append(s.queue.waiting, queued...)
	s.queue.mu.Unlock()
	s.queue.ring()
	for _, r := range queued {
		<-r.done
		if slices.ContainsFunc(r.txn.If, func(c store.Cond) bool { return model[c.Key] != c.Rev }) {
			if conflict, ok := errors.AsType[*store.ConflictError](r.err); !ok || conflict.Rev != head {
				t.Errorf("answer %d, %v, want a conflict as of %d", r.rev, r.err, head)
			}
			continue
		}
		changed := false
		for _, op := range r.txn.Do {
			if _, there := model[op.Key]; !op.Delete || there {
				changed = true
			}
		}
		if changed {
			head++
		}
		for _, op := range r.txn.Do {
			if op.Delete {
				delete(model, op.Key)
			} else {
				model[op.Key] = head
			}
		}
		if r.err != nil || r.rev != head {
			t.Errorf("answer %d, %v, want %d", r.rev, r.err, head)
		}
	}
	return head
}

// TestWithdrawn: who gives up before the committer has begun stored nothing.
func TestWithdrawn(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	s.visible.RLock() // the committer stops at the first one
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		n := len(s.queueAll())
		wg.Go(func() {
			_, errs[i] = s.Commit(ctx, store.Txn{Do: []store.Op{{Key: fmt.Sprint(i)}}})
		})
		if i == 0 {
			for s.batchesBegun() == 0 {
			}
		} else {
			for len(s.queueAll()) == n {
			}
		}
	}
	cancel()
	wg.Wait()
	s.visible.RUnlock()
	if !errors.Is(errs[0], store.ErrUnknown) || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("on its way to the disk: %v, want %v", errs[0], store.ErrUnknown)
	}
	if errors.Is(errs[1], store.ErrUnknown) || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("still waiting: %v, want %v alone", errs[1], context.Canceled)
	}
	commit(t, s, store.Txn{Do: []store.Op{{Key: "2"}}})
	if recs, _ := records(t, s, 0); len(recs) != 2 || recs[0].Key != "0" || recs[1].Key != "2" {
		t.Errorf("then there are %v, want 0 and 2", recs)
	}
}

func (s *Store) queueAll() []*request {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return slices.Clone(s.queue.waiting)
}

// batchesBegun is 1 when the committer waits to make its first batch visible.
func (s *Store) batchesBegun() int {
	if s.visible.TryRLock() { // fails while a writer waits
		s.visible.RUnlock()
		return 0
	}
	return 1
}

// TestPresence: what is said to be absent is, also for changes during the scan
// that gathers, and a scan that fails gathers nothing.
func TestPresence(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for i := range 300 {
		commit(t, s, store.Txn{Do: []store.Op{{Key: fmt.Sprint("old/", i)}}})
	}
	stop := errors.New("stop")
	if _, err := s.Scan(t.Context(), "", 0, func(store.Record) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("Scan() = %v", err)
	}
	if s.present.absent("nowhere") {
		t.Error("a scan that failed was taken for whole")
	}
	n := 0
	_, err := s.Scan(t.Context(), "", 0, func(r store.Record) error {
		n++
		_, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: fmt.Sprint("new/", n)}, {Key: r.Key, Delete: n%2 == 0}}})
		return err
	})
	if err != nil {
		t.Fatalf("Scan() = %v", err)
	}
	for i := range 100 {
		commit(t, s, store.Txn{Do: []store.Op{{Key: fmt.Sprint("later/", i)}, {Key: fmt.Sprint("new/", i+1), Delete: i%2 == 0}}})
	}
	recs, _ := records(t, s, 0)
	for _, r := range recs {
		if s.present.absent(r.Key) {
			t.Errorf("%s is said to be absent", r.Key)
		}
	}
	if !s.present.absent("nowhere") {
		t.Error("nothing is known to be absent")
	}
	if got := len(s.present.counts); got > len(recs) {
		t.Errorf("%d hashes for %d records", got, len(recs))
	}
}
