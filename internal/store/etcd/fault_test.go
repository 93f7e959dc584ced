package etcd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

// rounds of each fault. By hand: go test -run Fault -rounds 100 -timeout 0.
var rounds = flag.Int("rounds", 1, "rounds of each fault")

// storm writes from several processes' worth of stores until it is stopped,
// and remembers what was acknowledged, refused and left unknown.
type storm struct {
	stop func()
	wg   sync.WaitGroup

	mu      sync.Mutex
	acked   map[string]store.Revision // key to revision
	refused []string                  // said not to be stored
	unknown map[string]bool
	last    time.Time     // of the last answer
	gap     time.Duration // the longest time without one
}

// brew starts a storm of writers, each on a store of its own turn.
func brew(t *testing.T, stores []*Store, writers int, name string) *storm {
	ctx, cancel := context.WithCancel(t.Context())
	st := &storm{stop: cancel, acked: map[string]store.Revision{}, unknown: map[string]bool{}, last: time.Now()}
	for g := range writers {
		s := stores[g%len(stores)]
		st.wg.Go(func() {
			rev := store.Revision(0) // of this writer's own key
			for i := 0; ctx.Err() == nil; i++ {
				rev = st.write(t, s, fmt.Sprintf("%s/%d", name, g), i, rev)
			}
		})
	}
	return st
}

// write commits a new record beside one of the writer that it relies on, so
// that a transaction stored twice, or a lost one, shows.
func (st *storm) write(t *testing.T, s *Store, own string, i int, rev store.Revision) store.Revision {
	key := fmt.Sprintf("%s/%06d", own, i)
	got, err := s.Commit(t.Context(), store.Txn{
		If: []store.Cond{{Key: own, Rev: rev}, {Key: key}},
		Do: []store.Op{{Key: own, Value: []byte(key)}, {Key: key, Value: []byte("v")}},
	})
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case err == nil:
		st.acked[key] = got
		st.gap = max(st.gap, time.Since(st.last))
		st.last = time.Now()
		return got
	case errors.Is(err, store.ErrUnknown):
		st.unknown[key] = true
		for { // start again from what is there
			found, err := record(t, s, own)
			if err == nil {
				return found.Rev
			}
		}
	case errors.Is(err, store.ErrUnavailable):
		st.refused = append(st.refused, key)
	default: // also a conflict: nobody else writes these keys
		t.Errorf("Commit(%s) = %v", key, err)
	}
	return rev
}

func record(t *testing.T, s *Store, key string) (got store.Record, err error) {
	_, err = s.Scan(t.Context(), key, 0, func(r store.Record) error {
		if r.Key == key {
			got = r
		}
		return nil
	})
	return got, err
}

// count is how many writes are acknowledged.
func (st *storm) count() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.acked)
}

// more waits until so many more writes are acknowledged.
func (st *storm) more(t *testing.T, n int) {
	t.Helper()
	want := st.count() + n
	deadline := time.Now().Add(time.Minute)
	for st.count() < want {
		if time.Now().After(deadline) {
			t.Fatalf("only %d writes within a minute, want %d", st.count(), want)
		}
		wait()
	}
}

// wait gives way between two looks at a condition.
func wait() { <-time.After(2 * time.Millisecond) }

// end stops the storm and compares its answers with the store and with what a
// watcher saw from the beginning.
func (st *storm) end(t *testing.T, s *Store, name string, w store.Watcher) {
	t.Helper()
	st.stop()
	st.wg.Wait()
	there := map[string]store.Revision{}
	at, err := s.Scan(t.Context(), name+"/", 0, func(r store.Record) error {
		there[r.Key] = r.Rev
		return nil
	})
	if err != nil {
		t.Fatalf("Scan() = %v", err)
	}
	lost, wrong := 0, 0
	for k, rev := range st.acked {
		if there[k] != rev {
			lost++
		}
	}
	for _, k := range st.refused {
		if there[k] != 0 {
			wrong++
		}
	}
	if lost > 0 || wrong > 0 {
		t.Errorf("of %d acknowledged writes %d are lost, of %d refused ones %d are stored", len(st.acked), lost, len(st.refused), wrong)
	}
	seen := watched(t, w, at)
	missing := 0
	for k, rev := range there {
		if strings.Count(k, "/") == 2 && seen[k] != rev {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("a watcher missed %d of %d records", missing, len(there))
	}
	t.Logf("%s: %d acknowledged, %d lost, %d refused, %d unknown; longest time without a write %v", name, len(st.acked), lost, len(st.refused), len(st.unknown), st.gap.Round(time.Millisecond))
}

// watched reads a watcher up to a revision and returns when keys were written.
func watched(t *testing.T, w store.Watcher, until store.Revision) map[string]store.Revision {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen, last := map[string]store.Revision{}, store.Revision(0)
	for last < until {
		events, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("Next() = %v at revision %d of %d", err, last, until)
		}
		for _, e := range events {
			if e.Rev < last || e.Rev == last && len(e.Records) > 0 {
				t.Fatalf("event of revision %d after %d", e.Rev, last)
			}
			last = e.Rev
			for _, c := range e.Records {
				seen[c.Key] = e.Rev
			}
		}
	}
	return seen
}

// TestFaults does to three members, in a storm of writes from two stores, what
// happens to them in earnest.
func TestFaults(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 3)
	cfg := config(c)
	cfg.Patience = 30 * time.Second
	cfg.History = 256 << 20
	if testing.Verbose() {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	stores := []*Store{open(t, cfg), open(t, cfg)}
	for round := range *rounds {
		for _, f := range []struct {
			name  string
			fault func(*storm)
		}{
			{"leader killed", func(st *storm) {
				i := c.Leader()
				c.Kill(i)
				st.more(t, 100)
				c.Restart(i)
			}},
			{"leader paused", func(st *storm) {
				i := c.Leader()
				c.Pause(i)
				st.more(t, 100)
				c.Resume(i)
			}},
			{"leader cut off", func(st *storm) {
				i := c.Leader()
				c.Partition(i)
				st.more(t, 100)
				c.Heal(i)
			}},
			{"follower killed", func(st *storm) {
				i := (c.Leader() + 1) % 3
				c.Kill(i)
				st.more(t, 100)
				c.Restart(i)
			}},
			{"all restarted", func(*storm) {
				for i := range 3 {
					c.Kill(i)
				}
				for i := range 3 {
					c.Restart(i)
				}
			}},
		} {
			t.Run(fmt.Sprintf("%s %d", f.name, round), func(t *testing.T) {
				name := fmt.Sprintf("%s %d", strings.ReplaceAll(f.name, " ", "-"), round)
				w, err := stores[0].Watch(t.Context(), name, store.Revision(stores[0].head.Load()))
				if err != nil {
					t.Fatalf("Watch() = %v", err)
				}
				defer w.Close()
				st := brew(t, stores, 8, name)
				defer st.stop()
				st.more(t, 100)
				f.fault(st)
				st.more(t, 100)
				st.end(t, stores[1], name, w)
			})
		}
	}
}
