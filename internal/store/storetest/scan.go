package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
)

func testScanOrderAndPrefix(t *testing.T, s store.Store) {
	all := []string{"a", "a/", "a/1", "a/10", "a/2", "a/\xff", "a/\xff\xff1", "a0", "aé", "b", "é", "\xff", "\xff\xff"}
	for _, k := range slices.Backward(all) {
		do(t, s, put(k, k))
	}
	slices.Sort(all)
	for _, prefix := range []string{"", "a", "a/", "a/1", "a/\xff", "a0", "b", "c", "\xff", "\xff\xff", "\xff\xff\xff"} {
		var want, got []string
		for _, k := range all {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		recs, _ := scan(t, s, prefix, 0)
		for _, r := range recs {
			got = append(got, r.Key)
		}
		diff(t, fmt.Sprintf("Scan(%q)", prefix), got, want)
	}
}

func testScanStops(t *testing.T, s store.Store) {
	rev := do(t, s, put("a", ""), put("b", ""), put("c", ""))
	stop, n := errors.New("enough"), 0
	_, err := s.Scan(t.Context(), "", 0, func(store.Record) error {
		n++
		if n == 2 {
			return stop
		}
		return nil
	})
	if err != stop || n != 2 { // as it is, not wrapped
		t.Errorf("Scan() = %v after %d records, want %v after 2", err, n, stop)
	}
	_, err = s.Scan(t.Context(), "", rev+1, func(store.Record) error { return nil })
	wantErr(t, "Scan of a revision ahead", err, store.ErrFuture)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Scan(ctx, "", 0, func(store.Record) error { return nil })
	wantErr(t, "Scan with an ended context", err, context.Canceled)
}

func testScanMayUseStore(t *testing.T, s store.Store) {
	do(t, s, put("a/1", ""), put("a/2", ""))
	n := 0
	at, err := s.Scan(t.Context(), "a/", 0, func(r store.Record) error {
		n++
		do(t, s, put(r.Key+"/copy", ""), del(r.Key))
		return nil
	})
	if err != nil || n != 2 || head(t, s) <= at {
		t.Errorf("Scan() = %d, %v with %d records, want 2 and a later head", at, err, n)
	}
	if recs, _ := scan(t, s, "a/", 0); len(recs) != 2 {
		t.Errorf("then %d records, want the 2 copies", len(recs))
	}
}

// testScanEarlier compares scans of every revision with what was there.
func testScanEarlier(t *testing.T, s store.Store) {
	past := map[store.Revision]state{}
	for i := range 120 {
		ops := []store.Op{put(fmt.Sprintf("a/%d", i*7%13), fmt.Sprint(i)), put(fmt.Sprintf("b/%d", i*5%11), fmt.Sprint(i))}
		if i%3 == 0 {
			ops[0] = del(ops[0].Key)
		}
		if i%4 == 0 {
			ops = append(ops, del(fmt.Sprintf("b/%d", (i*5+3)%11)))
		}
		rev := do(t, s, ops...)
		recs, at := scan(t, s, "", 0)
		if at != rev {
			t.Fatalf("Scan() = %d, want %d", at, rev)
		}
		past[rev] = stateOf(recs)
	}
	for rev, want := range past {
		recs, at := scan(t, s, "", rev)
		if at != rev || !slices.IsSortedFunc(recs, func(a, b store.Record) int { return strings.Compare(a.Key, b.Key) }) {
			t.Errorf("Scan(%d) = %d, %v, want the revision and sorted keys", rev, at, recs)
		}
		diff(t, fmt.Sprintf("Scan at %d", rev), stateOf(recs), want)
		some, _ := scan(t, s, "b/", rev)
		for k := range want {
			if !strings.HasPrefix(k, "b/") {
				delete(want, k)
			}
		}
		diff(t, fmt.Sprintf("Scan of b/ at %d", rev), stateOf(some), want)
	}
}

// write runs writers that always change two keys under prefix alike, and
// returns the function that ends them and checks that they had no error.
func write(t *testing.T, s store.Store, writers int, prefix string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				k, v := fmt.Sprintf("%s%d", prefix, i%20), fmt.Sprintf("%d.%d", g, i)
				ops := []store.Op{put(k+"/x", v), put(k+"/y", v)}
				if i%17 == 0 {
					ops = []store.Op{del(k + "/x"), del(k + "/y")}
				}
				if _, err := s.Commit(t.Context(), store.Txn{Do: ops}); err != nil {
					t.Errorf("Commit() = %v", err)
					return
				}
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// testScanUnderWriters: no scan sees half a transaction, and later scans see
// later revisions.
func testScanUnderWriters(t *testing.T, s store.Store) {
	do(t, s, put("z", ""))
	stop := write(t, s, 4, "p/")
	var last store.Revision
	for range 60 {
		recs, rev := scan(t, s, "p/", 0)
		if rev < last {
			t.Errorf("Scan() = %d after %d", rev, last)
		}
		last = rev
		x, y := state{}, state{}
		for _, r := range recs {
			v := fmt.Sprintf("%s@%d", r.Value, r.Rev)
			if pair, isX := strings.CutSuffix(r.Key, "/x"); isX {
				x[pair] = v
			} else {
				y[strings.TrimSuffix(r.Key, "/y")] = v
			}
			if r.Rev > rev {
				t.Errorf("a scan of %d has a record of %d", rev, r.Rev)
			}
		}
		diff(t, "halves of the pairs", x, y)
		again, _ := scan(t, s, "p/", rev)
		diff(t, "the same revision again", stateOf(again), stateOf(recs))
	}
	stop()
}

// testBytesAreKept: what a scan or a watcher handed out does not change.
func testBytesAreKept(t *testing.T, s store.Store) {
	const n = 500
	w := watch(t, s, "", head(t, s))
	var last store.Revision
	for i := range n {
		last = do(t, s, put(fmt.Sprintf("k/%03d", i), strings.Repeat("a", i)))
	}
	recs, _ := scan(t, s, "", 0)
	events := collect(t, w, last)
	for i := range n {
		last = do(t, s, put(fmt.Sprintf("k/%03d", i), strings.Repeat("b", n-i)))
	}
	scan(t, s, "", 0)
	collect(t, w, last)
	replayed := state{}
	for _, e := range events {
		replayed.apply(e)
	}
	for i, r := range recs {
		if want := strings.Repeat("a", i); r.Key != fmt.Sprintf("k/%03d", i) || string(r.Value) != want {
			t.Fatalf("record %d became %s = %.20q", i, r.Key, r.Value)
		}
	}
	diff(t, "events against records", replayed, stateOf(recs))
}
