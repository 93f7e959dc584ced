package etcd

import (
	"errors"
	"fmt"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

func commit(t *testing.T, s *Store, key, value string) store.Revision {
	t.Helper()
	rev, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: key, Value: []byte(value)}}})
	if err != nil {
		t.Fatalf("Commit(%s) = %v", key, err)
	}
	return rev
}

func watch(t *testing.T, s *Store, from store.Revision) store.Watcher {
	t.Helper()
	w, err := s.Watch(t.Context(), "", from)
	if err != nil {
		t.Fatalf("Watch(%d) = %v", from, err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// TestFeeds: watchers share one watch; one from the distant past has its own,
// as long as it lives.
func TestFeeds(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	cfg := config(c)
	cfg.History = 1 << 10
	s, elsewhere := open(t, cfg), open(t, config(c))
	first := commit(t, s, "k", "0")
	for range 5 {
		watch(t, s, first)
	}
	if n := len(s.allFeeds()); n != 1 {
		t.Errorf("%d feeds for 5 watchers, want 1", n)
	}
	last := first
	for i := range 50 {
		last = commit(t, s, "k", fmt.Sprint(i))
	}
	watched(t, watch(t, s, last-1), last) // so that the feed has them, and forgot most
	w := watch(t, s, first)
	watched(t, w, last)
	if n := len(s.allFeeds()); n != 2 {
		t.Errorf("%d feeds with a watcher from the past, want 2", n)
	}
	w.Close()
	if n := len(s.allFeeds()); n != 1 {
		t.Errorf("%d feeds after it, want 1", n)
	}
	// What others write is progress for all, at once after a Head.
	other := commit(t, elsewhere, "k", "x")
	w = watch(t, s, last)
	if head, err := s.Head(t.Context()); err != nil || head < other {
		t.Errorf("Head() = %d, %v, want %d", head, err, other)
	}
	if seen := watched(t, w, other); len(seen) != 0 {
		t.Errorf("a store sees the records %v of another", seen)
	}
}

// TestCompactedAway: a feed that was cut off for longer than the others keep
// history tells its watchers, and goes on after a new scan.
func TestCompactedAway(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	cfg := config(c)
	near, cut := open(t, cfg), open(t, cfg)
	first := commit(t, near, "a", "0")
	for i := range 20 {
		commit(t, near, "a", fmt.Sprint(i))
	}
	last := commit(t, near, "b", "")
	if err := near.Compact(t.Context(), last); err != nil {
		t.Fatalf("Compact() = %v", err)
	}
	// As after the break: what it saw last is compacted by now.
	f := cut.feedFrom(first)
	w, err := f.watch(t.Context(), "", first)
	if err != nil {
		t.Fatal(err)
	}
	for {
		events, err := w.Next(t.Context())
		if errors.Is(err, store.ErrCompacted) {
			break
		}
		if err != nil || len(events[0].Records) > 0 || events[0].Rev > first {
			t.Fatalf("Next() = %v, %v, want %v", events, err, store.ErrCompacted)
		}
	}
	n := 0
	at, err := cut.Scan(t.Context(), "", 0, func(store.Record) error { n++; return nil })
	if err != nil || n != 2 || at < last {
		t.Fatalf("Scan() = %d, %v with %d records", at, err, n)
	}
	rev := commit(t, near, "c", "")
	if seen := watched(t, watch(t, cut, at), rev); seen["c"] != rev {
		t.Errorf("after a new scan the watcher saw %v", seen)
	}
}

// TestUpkeep: of several processes one compacts at a time, never what is
// younger than Keep, and sweeps what settling left.
func TestUpkeep(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	cfg := config(c)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cfg.Now = func() time.Time { return now }
	cfg.Keep = -1 // no goroutine
	s := open(t, cfg)
	s.cfg.Keep = time.Hour
	if _, err := s.fence(t.Context(), &batch{s: s}); err != nil {
		t.Fatal(err)
	}
	old := commit(t, s, "k", "old")
	type change struct {
		rev store.Revision
		at  time.Time
	}
	var changes []change
	ups := []*upkeeper{{s: s}, {s: s}}
	for range 60 { // five hours
		now = now.Add(5 * time.Minute)
		changes = append(changes, change{commit(t, s, "k", "v"), now})
		for _, u := range ups {
			if err := u.step(t.Context()); err != nil {
				t.Fatalf("step() = %v", err)
			}
		}
		for _, ch := range changes {
			_, err := s.Scan(t.Context(), "", ch.rev, func(store.Record) error { return nil })
			if age := now.Sub(ch.at); err != nil && age < time.Hour || err == nil && age > 2*time.Hour {
				t.Fatalf("Scan of a revision of %v ago = %v", age, err)
			}
		}
	}
	if _, err := s.Scan(t.Context(), "", old, func(store.Record) error { return nil }); !errors.Is(err, store.ErrCompacted) {
		t.Errorf("Scan of five hours ago = %v, want %v", err, store.ErrCompacted)
	}
	resp, err := s.get(t.Context(), &pb.RangeRequest{Key: []byte(s.memo), RangeEnd: []byte(s.memo[:len(s.memo)-1] + "0"), CountOnly: true})
	if err != nil || resp.Count != 0 {
		t.Errorf("%d fences are left, %v", resp.Count, err)
	}
}
