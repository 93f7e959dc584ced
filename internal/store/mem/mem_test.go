package mem_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return mem.New(mem.Options{}) })
}

// TestLinearizableWhenFailing: every third transaction is answered with an
// error, at each of the steps, so stored or not.
func TestLinearizableWhenFailing(t *testing.T) {
	storetest.Linearizable(t, mem.New(mem.Options{Hook: func(_ context.Context, step mem.Step, _ store.Txn) error {
		if step <= mem.BeforeAnswer && rand.IntN(9) == 0 {
			return errInjected
		}
		return nil
	}}))
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(*testing.B) (store.Store, func() store.Store) { return mem.New(mem.Options{}), nil })
}

var errInjected = errors.New("injected")

func put(key string) store.Txn { return store.Txn{Do: []store.Op{{Key: key, Value: []byte("v")}}} }

func contents(t *testing.T, s store.Store) (keys []string) {
	t.Helper()
	_, err := s.Scan(t.Context(), "", 0, func(r store.Record) error {
		keys = append(keys, r.Key)
		return nil
	})
	if err != nil {
		t.Fatalf("Scan() = %v", err)
	}
	return keys
}

func TestFailNext(t *testing.T) {
	for _, tt := range []struct {
		name    string
		step    mem.Step
		err     error
		unknown bool
		want    []string // what is stored
	}{
		{"not stored", mem.BeforeStore, errInjected, false, []string{"after"}},
		{"unknown and not stored", mem.BeforeStore, store.ErrUnknown, true, []string{"after"}},
		{"stored", mem.BeforePublish, errInjected, true, []string{"after", "k"}},
		{"stored and published", mem.BeforeAnswer, errInjected, true, []string{"after", "k"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := mem.New(mem.Options{})
			w, err := s.Watch(t.Context(), "", 0)
			if err != nil {
				t.Fatalf("Watch() = %v", err)
			}
			s.FailNext(tt.step, tt.err)
			_, err = s.Commit(t.Context(), put("k"))
			if !errors.Is(err, tt.err) || errors.Is(err, store.ErrUnknown) != tt.unknown {
				t.Errorf("Commit() = %v, want %v, unknown %v", err, tt.err, tt.unknown)
			}
			if _, err := s.Commit(t.Context(), put("after")); err != nil {
				t.Errorf("the next Commit() = %v", err)
			}
			if d := cmp.Diff(tt.want, contents(t, s)); d != "" {
				t.Errorf("stored (-want +got):\n%s", d)
			}
			events, err := w.Next(t.Context())
			if err != nil || len(events) != len(tt.want) {
				t.Errorf("Next() = %v, %v, want an event for each of %v", events, err, tt.want)
			}
		})
	}
}

func TestFailReads(t *testing.T) {
	s := mem.New(mem.Options{})
	s.FailNext(mem.OnScan, nil, errInjected)
	s.FailNext(mem.OnWatch, errInjected)
	contents(t, s)
	if _, err := s.Scan(t.Context(), "", 0, nil); !errors.Is(err, errInjected) {
		t.Errorf("Scan() = %v, want %v", err, errInjected)
	}
	if _, err := s.Watch(t.Context(), "", 0); !errors.Is(err, errInjected) {
		t.Errorf("Watch() = %v, want %v", err, errInjected)
	}
}

// TestHook holds a commit between storing and publishing: nobody sees it, and
// its caller may give up.
func TestHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := mem.New(mem.Options{Hook: func(ctx context.Context, step mem.Step, txn store.Txn) error {
			if step != mem.BeforePublish || txn.Do[0].Key != "held" {
				return nil
			}
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}})
		errs := make(chan error, 1)
		try := func(ctx context.Context) {
			_, err := s.Commit(ctx, put("held"))
			errs <- err
		}
		go try(t.Context())
		synctest.Wait()
		if keys := contents(t, s); len(keys) > 0 {
			t.Errorf("a scan sees %v before it is published", keys)
		}
		if head, err := s.Head(t.Context()); err != nil || head != 0 {
			t.Errorf("Head() = %d, %v, want 0", head, err)
		}
		close(release)
		if err := <-errs; err != nil || len(contents(t, s)) != 1 {
			t.Errorf("Commit() = %v, then there is %v", err, contents(t, s))
		}

		release = make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go try(ctx)
		if err := <-errs; !errors.Is(err, store.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Commit() = %v, want %v", err, store.ErrUnknown)
		}
		if st := s.Stats(); st.Head != 2 {
			t.Errorf("head %d, want 2: it was stored", st.Head)
		}
	})
}

// TestProgress runs on a clock that jumps.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		w, err := s.Watch(t.Context(), "", 0)
		if err != nil {
			t.Fatalf("Watch() = %v", err)
		}
		began := time.Now()
		for range 10 {
			if events, err := w.Next(t.Context()); err != nil || len(events) != 1 || len(events[0].Records) > 0 {
				t.Errorf("Next() = %v, %v, want a notice", events, err)
			}
		}
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("ten notices took %v", d)
		}
	})
}

func TestRestore(t *testing.T) {
	s := mem.New(mem.Options{})
	for _, k := range []string{"a", "b", "a"} {
		if _, err := s.Commit(t.Context(), put(k)); err != nil {
			t.Fatalf("Commit() = %v", err)
		}
	}
	var b bytes.Buffer
	if _, err := s.Backup(t.Context(), &b); err != nil {
		t.Fatalf("Backup() = %v", err)
	}
	r, err := mem.Restore(mem.Options{}, &b)
	if err != nil {
		t.Fatalf("Restore() = %v", err)
	}
	if rev, err := r.Commit(t.Context(), store.Txn{If: []store.Cond{{Key: "a", Rev: 3}, {Key: "b", Rev: 2}}, Do: put("c").Do}); err != nil || rev != 4 {
		t.Errorf("Commit() = %d, %v, want 4", rev, err)
	}
}
