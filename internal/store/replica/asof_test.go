package replica

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

// clock is set by hand.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time      { return time.Unix(0, c.nanos.Load()) }
func (c *clock) add(d time.Duration) { c.nanos.Add(int64(d)) }

// openAt is open with a clock.
func openAt(t *testing.T, dir string, r store.Store, c *clock) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: dir, Name: "test", Remote: r, Now: c.now})
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAsOf(t *testing.T) {
	dir, m, c := t.TempDir(), mem.New(mem.Options{}), newClock()
	r := newRemote(m)
	began := c.now()
	s := openAt(t, dir, r, c)
	eventually(t, "loaded", following(s))
	if got := s.AsOf(); !got.Equal(began) {
		t.Errorf("AsOf() = %v after loading, want %v", got, began)
	}
	c.add(time.Hour)
	eventually(t, "confirmed", func() bool { return s.AsOf().Equal(c.now()) })
	confirmed := c.now()

	r.fail(errCut)
	eventually(t, "down", func() bool { return s.state.now().down })
	c.add(time.Minute)
	s.confirmOnce(ended(t))
	if got := s.AsOf(); !got.Equal(confirmed) {
		t.Errorf("AsOf() = %v while the store is down, want %v", got, confirmed)
	}
	s.Close()
	s = openAt(t, dir, r, c)
	if got := s.AsOf(); !got.Equal(confirmed) {
		t.Errorf("AsOf() = %v after a start, want %v", got, confirmed)
	}

	// The clock is set back behind the last confirmation: that is unknown now.
	c.add(-2 * time.Hour)
	if got := s.AsOf(); !got.IsZero() {
		t.Errorf("AsOf() = %v although it is only %v, want zero", got, c.now())
	}
	s.Close()
	s = openAt(t, dir, r, c)
	if got := s.AsOf(); !got.IsZero() {
		t.Errorf("AsOf() = %v after a start although it is only %v, want zero", got, c.now())
	}
	r.fail(nil)
	eventually(t, "confirmed by the new clock", func() bool { return s.AsOf().Equal(c.now()) })
}

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// held is a store whose feed can be held up.
type held struct {
	*remote
	hold atomic.Bool
}

func (h *held) Watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	w, err := h.remote.Watch(ctx, prefix, from)
	return &heldWatcher{w, h}, err
}

type heldWatcher struct {
	store.Watcher
	h *held
}

func (w *heldWatcher) Next(ctx context.Context) ([]store.Event, error) {
	events, err := w.Watcher.Next(ctx)
	for w.h.hold.Load() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	return events, err
}

// TestAsOfWaitsForFeed: a store that answers while its feed hangs confirms nothing.
func TestAsOfWaitsForFeed(t *testing.T) {
	m, c := mem.New(mem.Options{}), newClock()
	h := &held{remote: newRemote(m)}
	s := openAt(t, t.TempDir(), h, c)
	put(t, s, "a", "1")
	eventually(t, "following", following(s))
	h.hold.Store(true)
	put(t, m, "a", "2")
	before := s.AsOf()
	c.add(time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s.confirmOnce(ctx)
	// The held watcher may have had the event, but it has not handed it out.
	if got := s.AsOf(); got.After(before) {
		t.Errorf("AsOf() = %v with a change outstanding, want %v", got, before)
	}
	h.hold.Store(false)
	eventually(t, "confirmed", func() bool { return s.AsOf().Equal(c.now()) })
}

// TestAsOfIsTrue: whatever happens to the feed, the copy has all that had been
// committed at the time of which it says that it was the newest then.
func TestAsOfIsTrue(t *testing.T) {
	const commits = 3000
	m, c := mem.New(mem.Options{History: 64 << 10}), newClock()
	r := newRemote(m)
	s := openAt(t, t.TempDir(), r, c)
	began := c.now()
	var done atomic.Bool
	// Revision n is committed in the nth second of the clock at the latest.
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer done.Store(true)
		for n := range commits {
			c.add(time.Second)
			if _, err := m.Commit(t.Context(), stormTxn(store.Revision(n+1))); err != nil {
				t.Errorf("Commit() = %v", err)
				return
			}
			switch n % 500 {
			case 250:
				r.fail(errCut)
			case 300:
				_ = m.Compact(t.Context(), store.Revision(n))
				r.fail(nil)
			}
		}
	}()
	var last time.Time
	check := func() {
		asOf := s.AsOf()
		_, head := contents(t, s, 0)
		if asOf.Before(last) {
			t.Errorf("AsOf() = %v after %v", asOf, last)
		}
		last = asOf
		// At began + n s revision n-1 was there, at least.
		if n := int64(asOf.Sub(began) / time.Second); !asOf.IsZero() && int64(head) < n-1 {
			t.Errorf("AsOf() = second %d, but the copy is at revision %d", n, head)
		}
	}
	eventually(t, "loaded", following(s))
	for !done.Load() {
		s.confirmOnce(t.Context())
		check()
	}
	<-finished
	eventually(t, "confirmed at the end", func() bool { check(); return s.AsOf().Equal(c.now()) })
	same(t, s, m)
}
