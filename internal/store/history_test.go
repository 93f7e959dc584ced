package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entry is what a store publishes that changes keys at rev, and had none of
// them before.
func entry(rev Revision, keys ...string) Entry {
	e := Entry{Event: Event{Rev: rev}}
	for _, k := range keys {
		e.Records = append(e.Records, Change{Key: k, Value: []byte(fmt.Sprint(rev))})
		e.Before = append(e.Before, Record{Key: k})
	}
	return e
}

// TestHistoryModel publishes at random, with gaps between the revisions, and
// compares what watchers get with a list of everything.
func TestHistoryModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	h := NewHistory(0, 1<<30)
	prefixes := []string{"", "a", "a/", "b/", "none"}
	var watchers []Watcher
	for _, p := range prefixes {
		w, err := h.Watch(p, 0)
		if err != nil {
			t.Fatalf("Watch() = %v", err)
		}
		watchers = append(watchers, w)
	}
	var all []Event
	got := make([][]Event, len(watchers))
	rev := Revision(0)
	for range 300 {
		var es []Entry
		for range rng.IntN(100) { // sometimes more than a batch before anyone looks
			rev += Revision(1 + rng.IntN(3))
			var keys []string
			for k := range 1 + rng.IntN(3) {
				keys = append(keys, []string{"a", "a/", "b/", "c"}[rng.IntN(4)]+fmt.Sprint(k))
			}
			es = append(es, entry(rev, keys...))
			all = append(all, es[len(es)-1].Event)
		}
		h.Publish(es)
		if i := rng.IntN(len(watchers)); rng.IntN(3) == 0 {
			got[i] = append(got[i], drain(t, watchers[i], rev)...)
		}
	}
	for i, w := range watchers {
		got[i] = append(got[i], drain(t, w, rev)...)
		var want []Event
		for _, e := range all {
			e.Records = slices.DeleteFunc(slices.Clone(e.Records), func(c Change) bool { return !strings.HasPrefix(c.Key, prefixes[i]) })
			if len(e.Records) > 0 {
				want = append(want, e)
			}
		}
		if d := cmp.Diff(want, got[i]); d != "" {
			t.Errorf("events under %q (-want +got):\n%s", prefixes[i], d)
		}
	}
}

// drain reads up to rev, leaving out progress.
func drain(t *testing.T, w Watcher, rev Revision) (all []Event) {
	t.Helper()
	for {
		events, err := w.Next(t.Context())
		if err != nil || len(events) == 0 {
			t.Fatalf("Next() = %v, %v", events, err)
		}
		for _, e := range events {
			if len(e.Records) > 0 {
				all = append(all, e)
			}
		}
		if events[len(events)-1].Rev >= rev {
			return all
		}
	}
}

func TestHistoryLimit(t *testing.T) {
	h := NewHistory(5, 20*entryOverhead)
	for rev := Revision(6); rev < 1000; rev++ {
		h.Publish([]Entry{entry(rev, "k")})
		var s Stats
		if h.Stats(&s); s.History > 20*entryOverhead || s.Head != rev || s.Head-s.Oldest < min(7, rev-5) {
			t.Fatalf("after revision %d: %+v", rev, s)
		}
	}
	// What was published together stays together.
	var es []Entry
	for rev := Revision(1000); rev < 1100; rev++ {
		es = append(es, entry(rev, "k"))
	}
	h.Publish(es)
	w, err := h.Watch("", 999)
	if err != nil {
		t.Fatalf("Watch() = %v", err)
	}
	if n := len(drain(t, w, 1099)); n != 100 {
		t.Errorf("%d events, want 100", n)
	}
	if err := h.Compact(1050); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Watch("", 1049); !errors.Is(err, ErrCompacted) {
		t.Errorf("Watch() = %v, want %v", err, ErrCompacted)
	}
}

// TestPublishAllocates: watchers that don't wait cost the writer nothing.
func TestPublishAllocates(t *testing.T) {
	h := NewHistory(0, 1<<16)
	w, err := h.Watch("", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	es, rev := []Entry{entry(1, "k")}, Revision(0)
	for range 1000 { // so that the array has its size
		rev++
		es[0].Rev = rev
		h.Publish(es)
	}
	if n := testing.AllocsPerRun(1000, func() { rev++; es[0].Rev = rev; h.Publish(es) }); n > 0 {
		t.Errorf("Publish allocates %v times, want 0", n)
	}
}

func BenchmarkHistory(b *testing.B) {
	h := NewHistory(0, 16<<20)
	w, err := h.Watch("", 0)
	if err != nil {
		b.Fatal(err)
	}
	ctx, rev, es := context.Background(), Revision(0), []Entry{entry(1, "a", "b", "c")}
	b.ReportAllocs()
	for b.Loop() {
		rev++
		es[0].Rev = rev
		h.Publish(es)
		if events, err := w.Next(ctx); err != nil || events[0].Rev != rev {
			b.Fatal(events, err)
		}
	}
}

// TestHistoryAdvance: a head without events is progress to the watchers.
func TestHistoryAdvance(t *testing.T) {
	h := NewHistory(0, 1<<20)
	w, err := h.Watch("", 0)
	if err != nil {
		t.Fatalf("Watch() = %v", err)
	}
	h.Publish([]Entry{entry(2, "a")})
	h.Advance(5)
	h.Advance(4)
	if got := h.Head(); got != 5 {
		t.Errorf("Head() = %d, want 5", got)
	}
	want := []Event{{Rev: 2, Records: []Change{{Key: "a", Value: []byte("2")}}}}
	if d := cmp.Diff(want, drain(t, w, 2)); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if events, err := w.Next(t.Context()); err != nil || len(events) != 1 || events[0].Rev != 5 || len(events[0].Records) > 0 {
		t.Errorf("Next() = %v, %v, want a notice of 5", events, err)
	}
	h.Publish([]Entry{entry(7, "b")})
	if got := drain(t, w, 7); len(got) != 1 || got[0].Rev != 7 {
		t.Errorf("then %v, want the event of 7", got)
	}
	if past, err := h.Past("", 5); err != nil || len(past) != 1 || past[0].Key != "b" {
		t.Errorf("Past(5) = %v, %v, want b", past, err)
	}
}

// TestHistoryReset: watchers of what was before are told, wherever they were.
func TestHistoryReset(t *testing.T) {
	for _, head := range []Revision{1, 3, 9} {
		h := NewHistory(0, 1<<20)
		h.Publish([]Entry{entry(1, "a"), entry(2, "b"), entry(3, "c")})
		var old []Watcher
		for from := range Revision(4) {
			w, err := h.Watch("", from)
			if err != nil {
				t.Fatalf("Watch(%d) = %v", from, err)
			}
			old = append(old, w)
		}
		h.Reset(head)
		for i, w := range old {
			if events, err := w.Next(t.Context()); !errors.Is(err, ErrLagged) {
				t.Errorf("reset to %d: Next() of watcher %d = %v, %v, want %v", head, i, events, err, ErrLagged)
			}
		}
		w, err := h.Watch("", head)
		if err != nil {
			t.Fatalf("Watch(%d) = %v", head, err)
		}
		h.Publish([]Entry{entry(head+1, "d")})
		if got := drain(t, w, head+1); len(got) != 1 {
			t.Errorf("reset to %d: then %v, want one event", head, got)
		}
	}
}

// TestHistoryLose: who has not seen all is told, and who comes later goes on.
func TestHistoryLose(t *testing.T) {
	h := NewHistory(0, 1<<20)
	behind, err := h.Watch("", 0)
	if err != nil {
		t.Fatal(err)
	}
	h.Publish([]Entry{{Event: Event{Rev: 3, Records: []Change{{Key: "k"}}}}})
	h.Lose(9)
	if _, err := behind.Next(t.Context()); !errors.Is(err, ErrCompacted) {
		t.Errorf("Next() = %v, want %v", err, ErrCompacted)
	}
	w, err := h.Watch("", 9)
	if err != nil {
		t.Fatal(err)
	}
	h.Publish([]Entry{entry(12, "k")})
	if events := drain(t, w, 12); len(events) != 1 {
		t.Errorf("then %v, want one event", events)
	}
}
