package storetest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
)

func testClose(t *testing.T, s store.Store) {
	do(t, s, put("a", ""))
	w := watch(t, s, "", head(t, s))
	waiting := make(chan error)
	go func() {
		for {
			if _, err := w.Next(t.Context()); err != nil {
				waiting <- err
				return
			}
		}
	}()
	if err := s.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	wantErr(t, "Next that waited", <-waiting, store.ErrClosed)
	ctx := t.Context()
	_, err := s.Head(ctx)
	wantErr(t, "Head", err, store.ErrClosed)
	_, err = s.Commit(ctx, store.Txn{Do: []store.Op{put("a", "")}})
	wantErr(t, "Commit", err, store.ErrClosed)
	_, err = s.Scan(ctx, "", 0, func(store.Record) error { return nil })
	wantErr(t, "Scan", err, store.ErrClosed)
	_, err = s.Watch(ctx, "", 0)
	wantErr(t, "Watch", err, store.ErrClosed)
	wantErr(t, "Compact", s.Compact(ctx, 0), store.ErrClosed)
	_, err = s.Backup(ctx, io.Discard)
	wantErr(t, "Backup", err, store.ErrClosed)
	_, err = w.Next(ctx)
	wantErr(t, "Next", err, store.ErrClosed)
	s.Stats()
	if err := s.Close(); err != nil {
		t.Errorf("second Close() = %v", err)
	}
}

// testCloseUnderWriters: each commit beside a Close is either stored or refused.
func testCloseUnderWriters(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := state{}
	enough := make(chan struct{})
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("w%d/%d", g, i)
				rev, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{put(key, "v")}})
				if err != nil {
					if !errors.Is(err, store.ErrClosed) && !errors.Is(err, store.ErrUnknown) {
						t.Errorf("Commit() = %v, want %v", err, store.ErrClosed)
					}
					return
				}
				mu.Lock()
				acked[key] = fmt.Sprintf("v@%d", rev)
				if len(acked) == 100 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	wg.Wait()
	r, durable := s.(Reopener)
	if !durable {
		return
	}
	s = r.Reopen(t)
	defer s.Close()
	recs, _ := scan(t, s, "", 0)
	there := stateOf(recs)
	for k, v := range acked {
		if there[k] != v {
			t.Errorf("acknowledged %s = %s, after the close %q", k, v, there[k])
		}
	}
}

func testReopen(t *testing.T, s store.Store) {
	r, durable := s.(Reopener)
	if !durable {
		t.Skip("not a durable engine")
	}
	do(t, s, put("a", "1"), put("b", "1"))
	rev := do(t, s, put("a", "2"), del("b"), put("c", "2"))
	want, _ := scan(t, s, "", 0)
	s = r.Reopen(t)
	defer s.Close()
	got, at := scan(t, s, "", 0)
	diff(t, "records", stateOf(got), stateOf(want))
	if at != rev {
		t.Errorf("Scan() = %d, want %d", at, rev)
	}
	w := watch(t, s, "", at)
	next, err := s.Commit(t.Context(), store.Txn{If: []store.Cond{{Key: "a", Rev: rev}, {Key: "b"}}, Do: []store.Op{put("b", "3")}})
	if err != nil || next <= rev {
		t.Fatalf("Commit() = %d, %v, want more than %d", next, err, rev)
	}
	if events := collect(t, w, next); len(events) != 1 {
		t.Errorf("events %v, want the one", events)
	}
}
