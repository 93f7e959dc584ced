package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

func watch(t *testing.T, s store.Store, prefix string, from store.Revision) store.Watcher {
	t.Helper()
	w, err := s.Watch(t.Context(), prefix, from)
	if err != nil {
		t.Fatalf("Watch(%q, %d) = %v", prefix, from, err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// collect reads events up to the revision until, without progress notices, and
// checks that their revisions rise.
func collect(t *testing.T, w store.Watcher, until store.Revision) []store.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []store.Event
	var last store.Revision
	for last < until {
		events, err := w.Next(ctx)
		if err != nil || len(events) == 0 {
			t.Fatalf("Next() = %v, %v at revision %d of %d", events, err, last, until)
		}
		for _, e := range events {
			if e.Rev < last || e.Rev == last && len(e.Records) > 0 {
				t.Fatalf("event of revision %d after %d", e.Rev, last)
			}
			last = e.Rev
			if len(e.Records) > 0 {
				all = append(all, e)
			}
		}
	}
	return all
}

func testWatchReplays(t *testing.T, s store.Store) {
	from := do(t, s, put("before", "1"))
	w := watch(t, s, "", from)
	one := do(t, s, put("a", "1"), put("b", "1"))
	two := do(t, s, put("a", "2"), del("b"))
	three := do(t, s, del("before"))
	diff(t, "events", collect(t, w, three), []store.Event{
		{Rev: one, Records: []store.Change{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("1")}}},
		{Rev: two, Records: []store.Change{{Key: "a", Value: []byte("2")}, {Key: "b", Deleted: true}}},
		{Rev: three, Records: []store.Change{{Key: "before", Deleted: true}}},
	})
	diff(t, "events from the middle", len(collect(t, watch(t, s, "", two), three)), 1)
}

func testWatchPrefix(t *testing.T, s store.Store) {
	from := do(t, s, put("x", ""))
	w := watch(t, s, "a/", from)
	do(t, s, put("b/1", "1"))
	one := do(t, s, put("a/1", "1"), put("b/2", "1"))
	do(t, s, put("a", "1"), put("a0", "1"))
	last := do(t, s, put("b/1", "2"))
	// Progress up to what does not touch the prefix ends this.
	diff(t, "events", collect(t, w, last), []store.Event{{Rev: one, Records: []store.Change{{Key: "a/1", Value: []byte("1")}}}})
}

func testWatchFrom(t *testing.T, s store.Store) {
	rev := do(t, s, put("a", "1"))
	_, err := s.Watch(t.Context(), "", rev+1)
	wantErr(t, "Watch from a revision ahead", err, store.ErrFuture)
	recs, at := scan(t, s, "", 0)
	stop := write(t, s, 2, "p/")
	w := watch(t, s, "", at)
	for head(t, s) < at+20 { // some before and some after the watch began
	}
	stop()
	st := stateOf(recs)
	for _, e := range collect(t, w, head(t, s)) {
		st.apply(e)
	}
	want, _ := scan(t, s, "", 0)
	diff(t, "scan and what followed", st, stateOf(want))
}

// testWatchUnderLoad: several watchers see each revision that was acknowledged,
// once, and end with what a scan sees.
func testWatchUnderLoad(t *testing.T, s store.Store) {
	const writers, rounds = 8, 60
	from := do(t, s, put("start", ""))
	start, _ := scan(t, s, "", 0)
	watchers := []store.Watcher{watch(t, s, "", from), watch(t, s, "", from)}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		acked = map[store.Revision]bool{}
	)
	for g := range writers {
		wg.Go(func() {
			for i := range rounds {
				txn := store.Txn{Do: []store.Op{put(fmt.Sprintf("k/%d", (g+i)%10), fmt.Sprintf("%d.%d", g, i)), put(fmt.Sprintf("w/%d", g), fmt.Sprint(i))}}
				rev, err := s.Commit(t.Context(), txn)
				if err != nil {
					t.Errorf("Commit() = %v", err)
					return
				}
				mu.Lock()
				acked[rev] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	want, at := scan(t, s, "", 0)
	for i, w := range watchers {
		st, seen := stateOf(start), map[store.Revision]bool{}
		for _, e := range collect(t, w, at) {
			st.apply(e)
			seen[e.Rev] = true
		}
		diff(t, fmt.Sprintf("revisions of watcher %d", i), seen, acked)
		diff(t, fmt.Sprintf("state of watcher %d", i), st, stateOf(want))
	}
}

// testWatchAfterCommit: a writer that waits for its own revision gets it.
func testWatchAfterCommit(t *testing.T, s store.Store) {
	w := watch(t, s, "", head(t, s))
	for i := range 50 {
		rev := do(t, s, put("k", fmt.Sprint(i)))
		events := collect(t, w, rev)
		if n := len(events); n != 1 || string(events[0].Records[0].Value) != fmt.Sprint(i) {
			t.Fatalf("after commit %d: %v", i, events)
		}
	}
}

func testWatchProgress(t *testing.T, s store.Store) {
	rev := do(t, s, put("a", ""))
	w := watch(t, s, "", rev)
	for range 3 {
		began := time.Now()
		events, err := w.Next(t.Context())
		if err != nil || len(events) != 1 || events[0].Rev != rev || len(events[0].Records) != 0 {
			t.Fatalf("Next() = %v, %v, want a progress notice of %d", events, err, rev)
		}
		if d := time.Since(began); d > 1500*time.Millisecond { // some allowance for a busy machine
			t.Errorf("the notice took %v, want at most a second", d)
		}
	}
}

// testWatchSlow: a consumer that does not read for a long time loses nothing
// without being told, and nobody waits for it.
func testWatchSlow(t *testing.T, s store.Store) {
	w := watch(t, s, "", head(t, s))
	big := strings.Repeat("x", 400<<10)
	var revs []store.Revision
	for i := range 64 { // 25 MiB
		revs = append(revs, do(t, s, put(fmt.Sprintf("k%d", i%3), big)))
	}
	for len(revs) > 0 {
		events, err := w.Next(t.Context())
		if errors.Is(err, store.ErrLagged) {
			_, err = w.Next(t.Context())
			wantErr(t, "Next after it", err, store.ErrLagged)
			return
		}
		if err != nil {
			t.Fatalf("Next() = %v", err)
		}
		for _, e := range events {
			if e.Rev != revs[0] {
				t.Fatalf("event of revision %d, want %d or ErrLagged", e.Rev, revs[0])
			}
			revs = revs[1:]
		}
	}
}

// testWatchContext: an ended context ends Next, and no event is lost by it.
func testWatchContext(t *testing.T, s store.Store) {
	w := watch(t, s, "", head(t, s))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Next(ended)
	wantErr(t, "Next with an ended context", err, context.Canceled)
	short, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err = w.Next(short)
	wantErr(t, "Next with a deadline", err, context.DeadlineExceeded)
	rev := do(t, s, put("a", ""))
	if events := collect(t, w, rev); len(events) != 1 {
		t.Errorf("then %v, want the one event", events)
	}
	_, err = s.Watch(ended, "", 0)
	wantErr(t, "Watch with an ended context", err, context.Canceled)
	// Close ends a Next that waits.
	done := make(chan error)
	go func() {
		for {
			if _, err := w.Next(t.Context()); err != nil {
				done <- err
				return
			}
		}
	}()
	w.Close()
	wantErr(t, "Next of a closed watcher", <-done, store.ErrClosed)
	if err := w.Close(); err != nil {
		t.Errorf("second Close() = %v", err)
	}
	do(t, s, put("a", "")) // the others go on
}

func testCompact(t *testing.T, s store.Store) {
	one := do(t, s, put("a", "1"))
	behind := watch(t, s, "", one)
	do(t, s, put("a", "2"))
	do(t, s, put("a", "3"), put("b", "3"))
	want, at := scan(t, s, "", 0)
	last := do(t, s, put("a", "5"))
	if err := s.Compact(t.Context(), at); err != nil {
		t.Fatalf("Compact(%d) = %v", at, err)
	}
	if err := s.Compact(t.Context(), one); err != nil {
		t.Errorf("Compact of an earlier revision = %v", err)
	}
	wantErr(t, "Compact ahead", s.Compact(t.Context(), last+1), store.ErrFuture)
	got, _ := scan(t, s, "", at)
	diff(t, "the compacted revision", stateOf(got), stateOf(want))
	_, err := s.Scan(t.Context(), "", one, func(store.Record) error { return nil })
	wantErr(t, "Scan before it", err, store.ErrCompacted)
	_, err = s.Watch(t.Context(), "", one)
	wantErr(t, "Watch from before it", err, store.ErrCompacted)
	if events := collect(t, watch(t, s, "", at), last); len(events) != 1 {
		t.Errorf("watching from the compacted revision: %v, want one event", events)
	}
	// Who was behind is told, unless the engine had handed it over before.
	for {
		events, err := behind.Next(t.Context())
		if err != nil {
			if !errors.Is(err, store.ErrCompacted) && !errors.Is(err, store.ErrLagged) {
				t.Errorf("Next() = %v, want %v", err, store.ErrCompacted)
			}
			return
		}
		if events[len(events)-1].Rev >= last {
			return
		}
	}
}
