package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/internal/store/storetest"
)

// remote is a store that outlives those who close it, and that can be cut off.
type remote struct {
	store.Store
	mu  sync.Mutex // guards the fields below
	err error      // what every call answers; nil where it works
	cut chan struct{}
}

func newRemote(s store.Store) *remote { return &remote{Store: s, cut: make(chan struct{})} }

// fail makes every call fail, and running watchers too, until err is nil.
func (r *remote) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && err != nil {
		close(r.cut)
	} else if r.err != nil && err == nil {
		r.cut = make(chan struct{})
	}
	r.err = err
}

// replace puts another store in its place.
func (r *remote) replace(s store.Store) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Store = s
}

func (r *remote) state() (store.Store, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Store, r.cut, r.err
}

func (r *remote) Close() error { return nil }

func (r *remote) Stats() store.Stats {
	s, _, _ := r.state()
	return s.Stats()
}

func (r *remote) Head(ctx context.Context) (store.Revision, error) {
	s, _, err := r.state()
	if err != nil {
		return 0, err
	}
	return s.Head(ctx)
}

func (r *remote) Scan(ctx context.Context, prefix string, at store.Revision, fn func(store.Record) error) (store.Revision, error) {
	s, _, err := r.state()
	if err != nil {
		return 0, err
	}
	return s.Scan(ctx, prefix, at, fn)
}

func (r *remote) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	s, _, err := r.state()
	if err != nil {
		return 0, err
	}
	return s.Commit(ctx, txn)
}

func (r *remote) Watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	s, cut, err := r.state()
	if err != nil {
		return nil, err
	}
	w, err := s.Watch(ctx, prefix, from)
	return &cutWatcher{w, cut}, err
}

// cutWatcher breaks when cut is closed.
type cutWatcher struct {
	store.Watcher
	cut <-chan struct{}
}

func (w *cutWatcher) Next(ctx context.Context) ([]store.Event, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-w.cut:
			cancel(errCut)
		case <-ctx.Done():
		}
	}()
	events, err := w.Watcher.Next(ctx)
	if errors.Is(context.Cause(ctx), errCut) {
		return nil, errCut
	}
	return events, err
}

var errCut = errors.New("the network is down")

// logbook keeps what is logged.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func open(t testing.TB, dir string, r store.Store, log *logbook) *Store {
	t.Helper()
	cfg := Config{Dir: dir, Remote: r, Now: time.Now, Name: "test"}
	if log != nil {
		cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// eventually waits for what happens elsewhere.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func put(t testing.TB, s store.Store, keysAndValues ...string) store.Revision {
	t.Helper()
	var txn store.Txn
	for i := 0; i < len(keysAndValues); i += 2 {
		txn.Do = append(txn.Do, store.Op{Key: keysAndValues[i], Value: []byte(keysAndValues[i+1])})
	}
	rev, err := s.Commit(t.Context(), txn)
	if err != nil {
		t.Fatalf("Commit(%v) = %v", keysAndValues, err)
	}
	return rev
}

// contents is key to "value@revision".
func contents(t testing.TB, s store.Store, at store.Revision) (map[string]string, store.Revision) {
	t.Helper()
	all := map[string]string{}
	rev, err := s.Scan(t.Context(), "", at, func(r store.Record) error {
		all[r.Key] = fmt.Sprintf("%s@%d", r.Value, r.Rev)
		return nil
	})
	if err != nil {
		t.Fatalf("Scan() = %v", err)
	}
	return all, rev
}

// same checks that two stores hold the same.
func same(t testing.TB, got, want store.Store) {
	t.Helper()
	g, gotRev := contents(t, got, 0)
	w, wantRev := contents(t, want, 0)
	if d := cmp.Diff(w, g); d != "" || gotRev != wantRev {
		t.Errorf("at revision %d, want %d (-want +got):\n%s", gotRev, wantRev, d)
	}
}

func following(s *Store) func() bool { return func() bool { return s.state.now().following } }

// reopener is a replica whose remote store outlives it.
type reopener struct {
	*Store
	dir string
	r   *remote
}

func (r reopener) Reopen(t *testing.T) store.Store {
	if err := r.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	s := open(t, r.dir, r.r, nil)
	head, err := r.r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// It answers from what it had, which is what this suite does not want to see.
	eventually(t, "caught up", func() bool { return s.state.now().head >= head })
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		dir, r := t.TempDir(), newRemote(mem.New(mem.Options{}))
		return reopener{open(t, dir, r, nil), dir, r}
	})
}

// TestRemoteDown: the copy answers while the remote store does not, changes
// are refused, and all goes on when it is back.
func TestRemoteDown(t *testing.T) {
	dir, m, log := t.TempDir(), mem.New(mem.Options{}), &logbook{}
	r := newRemote(m)
	s := open(t, dir, r, log)
	put(t, s, "a", "1", "b", "1")
	eventually(t, "confirmed", func() bool { return !s.AsOf().IsZero() })
	asOf := s.AsOf()
	if err := s.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	put(t, m, "a", "2", "c", "2")

	r.fail(errCut)
	s = open(t, dir, r, log)
	got, rev := contents(t, s, 0)
	if d := cmp.Diff(map[string]string{"a": "1@1", "b": "1@1"}, got); d != "" || rev != 1 {
		t.Errorf("the copy at revision %d, want 1 (-want +got):\n%s", rev, d)
	}
	if got := s.AsOf(); got.Before(asOf) || got.After(time.Now()) {
		t.Errorf("AsOf() = %v, want %v or somewhat later", got, asOf)
	}
	asOf = s.AsOf()
	w, err := s.Watch(t.Context(), "", rev)
	if err != nil {
		t.Fatalf("Watch() = %v", err)
	}
	if _, err := s.Head(t.Context()); !errors.Is(err, errCut) {
		t.Errorf("Head() = %v, want %v", err, errCut)
	}
	if _, err := s.Commit(t.Context(), store.Txn{}); !errors.Is(err, errCut) {
		t.Errorf("Commit() = %v, want %v", err, errCut)
	}
	eventually(t, "told", func() bool { return log.has("feed of the store is broken") })
	if got := s.AsOf(); !got.Equal(asOf) {
		t.Errorf("AsOf() = %v while the remote store is down, want %v", got, asOf)
	}
	r.fail(nil)
	for seen := store.Revision(0); seen < 2; {
		events, err := w.Next(t.Context())
		if err != nil {
			t.Fatalf("Next() = %v", err)
		}
		seen = events[len(events)-1].Rev
	}
	same(t, s, m)
	eventually(t, "confirmed again", func() bool { return s.AsOf().After(asOf) })
}

// TestNothingToStartFrom: without a copy and a remote store there is an error,
// and later there is neither.
func TestNothingToStartFrom(t *testing.T) {
	m := mem.New(mem.Options{})
	put(t, m, "a", "1")
	r := newRemote(m)
	r.fail(errCut)
	s := open(t, t.TempDir(), r, nil)
	if _, err := s.Scan(t.Context(), "", 0, nil); !errors.Is(err, errCut) {
		t.Errorf("Scan() = %v, want %v", err, errCut)
	}
	if _, err := s.Watch(t.Context(), "", 0); !errors.Is(err, errCut) {
		t.Errorf("Watch() = %v, want %v", err, errCut)
	}
	if got := s.AsOf(); !got.IsZero() {
		t.Errorf("AsOf() = %v, want zero", got)
	}
	r.fail(nil)
	eventually(t, "loaded", following(s))
	same(t, s, m)
}

// TestFeedBreaks: whatever the remote store does to its watchers, those of the
// replica see every revision.
func TestFeedBreaks(t *testing.T) {
	m := mem.New(mem.Options{})
	r := newRemote(m)
	s := open(t, t.TempDir(), r, nil)
	eventually(t, "following", following(s))
	w, err := s.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatalf("Watch() = %v", err)
	}
	const rounds = 20
	for i := range rounds {
		if i%5 == 0 {
			m.FailNext(mem.OnWatch, errCut, store.ErrLagged)
			m.FailNext(mem.OnScan, errCut)
			r.fail(errCut)
			put(t, m, "while", fmt.Sprint(i))
			r.fail(nil)
		}
		put(t, m, fmt.Sprint("k", i%3), fmt.Sprint(i))
	}
	head, _ := m.Head(t.Context())
	next := store.Revision(1)
	for next <= head {
		events, err := w.Next(t.Context())
		if err != nil {
			t.Fatalf("Next() = %v", err)
		}
		for _, e := range events {
			if len(e.Records) == 0 {
				continue
			}
			if e.Rev != next {
				t.Fatalf("event of revision %d, want %d", e.Rev, next)
			}
			next++
		}
	}
	for range rounds { // uses up the faults that are left
		_, _ = m.Scan(t.Context(), "none", 0, nil)
	}
	same(t, s, m)
}

// TestCompactedAway: what the remote store no longer has is loaded anew, and
// watchers are told.
func TestCompactedAway(t *testing.T) {
	dir, m, log := t.TempDir(), mem.New(mem.Options{}), &logbook{}
	r := newRemote(m)
	s := open(t, dir, r, log)
	put(t, s, "a", "1", "gone", "1")
	w, err := s.Watch(t.Context(), "", 1)
	if err != nil {
		t.Fatalf("Watch() = %v", err)
	}
	r.fail(errCut)
	eventually(t, "down", func() bool { return s.state.now().down })
	if _, err := m.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "gone", Delete: true}}}); err != nil {
		t.Fatal(err)
	}
	rev := put(t, m, "a", "2")
	if err := m.Compact(t.Context(), rev); err != nil {
		t.Fatal(err)
	}
	held := s.acquire() // somebody still reads the old copy
	r.fail(nil)
	for {
		if _, err = w.Next(t.Context()); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrLagged) {
		t.Errorf("Next() = %v, want %v", err, store.ErrLagged)
	}
	same(t, s, m)
	if rec, err := held.record("gone"); err != nil || rec.Rev != 1 {
		t.Errorf("the old copy has %v, %v, want it readable", rec, err)
	}
	held.readers.Done()
	if !log.has("loaded anew") {
		t.Errorf("the log does not tell:\n%s", log)
	}
	s.Close()
	put(t, m, "b", "3")
	s = open(t, dir, r, log)
	eventually(t, "following", following(s))
	put(t, s, "c", "4")
	same(t, s, m)
}

// TestAnotherStore: a copy is of one store; one with another past, be it longer
// or shorter, replaces it.
func TestAnotherStore(t *testing.T) {
	for _, tt := range []struct {
		name  string
		other func(t *testing.T, m *mem.Store)
	}{
		{"shorter", func(t *testing.T, m *mem.Store) { put(t, m, "other", "1") }},
		{"other last", func(t *testing.T, m *mem.Store) {
			put(t, m, "a", "1")
			put(t, m, "b", "x")
			put(t, m, "c", "x")
		}},
		{"other first", func(t *testing.T, m *mem.Store) {
			put(t, m, "a", "x")
			put(t, m, "b", "2")
			put(t, m, "c", "x")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, first, log := t.TempDir(), mem.New(mem.Options{}), &logbook{}
			s := open(t, dir, newRemote(first), log)
			put(t, s, "a", "1")
			put(t, s, "b", "2")
			s.Close()
			other := mem.New(mem.Options{})
			tt.other(t, other)
			r := newRemote(other)
			s = open(t, dir, r, log)
			eventually(t, "following", following(s))
			same(t, s, other)
			if !log.has("another past") {
				t.Errorf("the log does not tell:\n%s", log)
			}
			// Likewise while it runs.
			r.fail(errCut)
			r.replace(first)
			eventually(t, "down", func() bool { return s.state.now().down })
			r.fail(nil)
			eventually(t, "following", following(s))
			same(t, s, first)
		})
	}
}

// TestWentBack: a store that is behind the copy although its feed goes on does
// not confirm it.
func TestWentBack(t *testing.T) {
	m := mem.New(mem.Options{})
	r := newRemote(m)
	s := open(t, t.TempDir(), r, nil)
	put(t, s, "a", "1")
	put(t, s, "a", "2")
	other := mem.New(mem.Options{})
	put(t, other, "b", "1")
	r.replace(other)
	eventually(t, "loaded from the other", func() bool {
		all, _ := contents(t, s, 0)
		return all["b"] == "1@1" && len(all) == 1
	})
}

func TestOtherName(t *testing.T) {
	dir, m, log := t.TempDir(), mem.New(mem.Options{}), &logbook{}
	r := newRemote(m)
	put(t, m, "a", "1")
	s := open(t, dir, r, log)
	eventually(t, "following", following(s))
	s.Close()
	r.fail(errCut)
	s, err := Open(t.Context(), Config{Dir: dir, Name: "other", Remote: r, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	defer s.Close()
	if _, err := s.Scan(t.Context(), "", 0, nil); !errors.Is(err, errCut) {
		t.Errorf("Scan() = %v, want %v: the copy is of another store", err, errCut)
	}
	if !log.has("thrown away") {
		t.Errorf("the log does not tell:\n%s", log)
	}
}

func TestLocked(t *testing.T) {
	dir, r := t.TempDir(), newRemote(mem.New(mem.Options{}))
	open(t, dir, r, nil)
	if _, err := Open(t.Context(), Config{Dir: dir, Remote: r, Now: time.Now}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second Open() = %v, want %v", err, store.ErrLocked)
	}
}
