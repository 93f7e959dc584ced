package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
)

func testReadBack(t *testing.T, s store.Store) {
	if recs, _ := scan(t, s, "", 0); len(recs) != 0 {
		t.Fatalf("a new store holds %v", recs)
	}
	first := do(t, s, put("a/1", "x"), put("a/2", ""), put("b/1", "y"))
	second := do(t, s, put("a/1", "z"), del("b/1"))
	recs, rev := scan(t, s, "", 0)
	if rev != second || head(t, s) != second {
		t.Errorf("Scan() = %d, Head() = %d, want %d", rev, head(t, s), second)
	}
	diff(t, "records", stateOf(recs), state{"a/1": fmt.Sprintf("z@%d", second), "a/2": fmt.Sprintf("@%d", first)})
}

func testConditions(t *testing.T, s store.Store) {
	old := do(t, s, put("there", "1"), put("other", "1"))
	rev := do(t, s, put("there", "2"))
	gone := do(t, s, put("gone", "1"))
	do(t, s, del("gone"))
	for _, tt := range []struct {
		name  string
		conds []store.Cond
		ok    bool
	}{
		{"none", nil, true},
		{"present", []store.Cond{{Key: "there", Rev: rev}}, true},
		{"earlier revision", []store.Cond{{Key: "there", Rev: old}}, false},
		{"later revision", []store.Cond{{Key: "there", Rev: rev + 100}}, false},
		{"absent, but is present", []store.Cond{{Key: "there"}}, false},
		{"absent", []store.Cond{{Key: "never"}}, true},
		{"absent after delete", []store.Cond{{Key: "gone"}}, true},
		{"deleted revision", []store.Cond{{Key: "gone", Rev: gone}}, false},
		{"prefix of a key is absent", []store.Cond{{Key: "ther"}}, true},
		{"several", []store.Cond{{Key: "there", Rev: rev}, {Key: "other", Rev: old}, {Key: "never"}}, true},
		{"last of several fails", []store.Cond{{Key: "there", Rev: rev}, {Key: "never"}, {Key: "other", Rev: rev}}, false},
		{"the same twice", []store.Cond{{Key: "there", Rev: rev}, {Key: "there", Rev: rev}}, true},
		{"contradiction", []store.Cond{{Key: "there", Rev: rev}, {Key: "there"}}, false},
	} {
		_, err := s.Commit(t.Context(), store.Txn{If: tt.conds, Do: []store.Op{put("result", tt.name)}})
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: Commit() = %v, want success %v", tt.name, err, tt.ok)
		}
	}
}

func testConflictChangesNothing(t *testing.T, s store.Store) {
	rev := do(t, s, put("a", "1"), put("b", "1"))
	_, err := s.Commit(t.Context(), store.Txn{
		If: []store.Cond{{Key: "a", Rev: rev}, {Key: "b", Rev: 0}},
		Do: []store.Op{put("a", "2"), del("b"), put("c", "2")},
	})
	wantErr(t, "Commit", err, store.ErrConflict)
	conflict, ok := errors.AsType[*store.ConflictError](err)
	if !ok || conflict.Rev != rev || conflict.Key != "b" {
		t.Errorf("conflict = %+v, want key b as of revision %d", conflict, rev)
	}
	recs, now := scan(t, s, "", 0)
	diff(t, "records", stateOf(recs), state{"a": fmt.Sprintf("1@%d", rev), "b": fmt.Sprintf("1@%d", rev)})
	if now != rev {
		t.Errorf("Scan() = %d, want %d as before", now, rev)
	}
}

func testRefused(t *testing.T, s store.Store) {
	rev := do(t, s, put("a", "1"))
	many := func(n int) (ops []store.Op) {
		for i := range n {
			ops = append(ops, put(fmt.Sprintf("k%d", i), ""))
		}
		return ops
	}
	large := strings.Repeat("x", store.MaxTxnSize)
	for _, tt := range []struct {
		name string
		txn  store.Txn
		want error
	}{
		{"operations", store.Txn{Do: many(store.MaxOps + 1)}, store.ErrTooLarge},
		{"conditions", store.Txn{If: make([]store.Cond, store.MaxConds+1)}, store.ErrTooLarge},
		{"one value", store.Txn{Do: []store.Op{put("k", large)}}, store.ErrTooLarge},
		{"all values", store.Txn{Do: []store.Op{put("k", large[:len(large)/2]), put("l", large[:len(large)/2])}}, store.ErrTooLarge},
		{"long key", store.Txn{If: []store.Cond{{Key: large + "x"}}}, store.ErrTooLarge},
		{"key twice", store.Txn{Do: []store.Op{put("k", "1"), put("l", "1"), put("k", "2")}}, store.ErrDuplicateKey},
		{"put and delete", store.Txn{Do: []store.Op{put("k", "1"), del("k")}}, store.ErrDuplicateKey},
		{"empty key", store.Txn{Do: []store.Op{put("", "1")}}, store.ErrInvalidKey},
		{"empty key in a condition", store.Txn{If: []store.Cond{{}}}, store.ErrInvalidKey},
	} {
		_, err := s.Commit(t.Context(), tt.txn)
		wantErr(t, tt.name+": Commit", err, tt.want)
	}
	if recs, now := scan(t, s, "", 0); len(recs) != 1 || now != rev {
		t.Errorf("after refusals %d records at revision %d, want 1 at %d", len(recs), now, rev)
	}
}

func testAtTheLimits(t *testing.T, s store.Store) {
	var ops []store.Op
	var conds []store.Cond
	for i := range store.MaxOps {
		ops = append(ops, put(fmt.Sprintf("k%02d", i), fmt.Sprint(i)))
	}
	for i := range store.MaxConds {
		conds = append(conds, store.Cond{Key: fmt.Sprintf("k%03d", i)})
	}
	if _, err := s.Commit(t.Context(), store.Txn{If: conds, Do: ops}); err != nil {
		t.Errorf("Commit(%d conditions, %d operations) = %v", len(conds), len(ops), err)
	}
	large := put("large", strings.Repeat("x", store.MaxTxnSize-len("large")))
	do(t, s, large)
	recs, _ := scan(t, s, "", 0)
	if len(recs) != store.MaxOps+1 || len(recs[store.MaxOps].Value) != len(large.Value) {
		t.Errorf("%d records, want %d and the last with %d bytes", len(recs), store.MaxOps+1, len(large.Value))
	}
}

// testChangesNothing: such a transaction may or may not make a revision, but
// it checks, and nobody sees a change.
func testChangesNothing(t *testing.T, s store.Store) {
	rev := do(t, s, put("a", "1"))
	for _, txn := range []store.Txn{
		{},
		{If: []store.Cond{{Key: "a", Rev: rev}}},
		{Do: []store.Op{del("absent")}},
		{If: []store.Cond{{Key: "a", Rev: rev}, {Key: "absent"}}, Do: []store.Op{del("absent")}},
	} {
		if got, err := s.Commit(t.Context(), txn); err != nil || got < rev {
			t.Errorf("Commit(%v) = %d, %v, want at least %d", txn, got, err, rev)
		}
	}
	_, err := s.Commit(t.Context(), store.Txn{If: []store.Cond{{Key: "a"}}})
	wantErr(t, "Commit of a condition that fails", err, store.ErrConflict)
	w := watch(t, s, "", rev)
	last := do(t, s, put("b", "1"), del("absent"))
	events := collect(t, w, last)
	want := []store.Event{{Rev: last, Records: []store.Change{{Key: "b", Value: []byte("1")}}}}
	diff(t, "events", events, want)
}

// testRevisionsRise: a commit's revision is higher than that of all that had
// returned before it began, with many writers at once.
func testRevisionsRise(t *testing.T, s store.Store) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		last store.Revision
	)
	for g := range 8 {
		wg.Go(func() {
			for i := range 30 {
				mu.Lock()
				before := last
				mu.Unlock()
				rev, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{put(fmt.Sprintf("w%d/%d", g, i), "")}})
				if err != nil || rev <= before {
					t.Errorf("Commit() = %d, %v, want more than %d", rev, err, before)
					return
				}
				if now, err := s.Head(t.Context()); err != nil || now < rev {
					t.Errorf("Head() = %d, %v, want at least %d", now, err, rev)
				}
				mu.Lock()
				last = max(last, rev)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// testCounters: many add to the same few counters; no addition is lost.
func testCounters(t *testing.T, s store.Store) {
	const writers, rounds, counters = 16, 20, 3
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range rounds {
				if err := increment(t.Context(), s, fmt.Sprintf("counter/%d", (g+i)%counters)); err != nil {
					t.Errorf("increment: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	recs, _ := scan(t, s, "counter/", 0)
	for _, r := range recs {
		n, _ := strconv.Atoi(string(r.Value))
		sum += n
	}
	if sum != writers*rounds {
		t.Errorf("the counters add up to %d, want %d", sum, writers*rounds)
	}
}

// increment reads a counter and writes it if nobody else did meanwhile.
func increment(ctx context.Context, s store.Store, key string) error {
	for {
		r, err := one(ctx, s, key)
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(r.Value)) // 0 where it is absent
		_, err = s.Commit(ctx, store.Txn{
			If: []store.Cond{{Key: key, Rev: r.Rev}},
			Do: []store.Op{put(key, strconv.Itoa(n+1))},
		})
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// testNoWriteSkew: two transactions that each rely on what the other changes
// can't both be stored, also when they arrive together.
func testNoWriteSkew(t *testing.T, s store.Store) {
	for range 100 {
		rev := do(t, s, put("x", "0"), put("y", "0"))
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i, keys := range [][2]string{{"x", "y"}, {"y", "x"}} {
			wg.Go(func() {
				_, errs[i] = s.Commit(t.Context(), store.Txn{
					If: []store.Cond{{Key: keys[0], Rev: rev}},
					Do: []store.Op{put(keys[1], "1")},
				})
			})
		}
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("two that exclude each other: %v", errs)
		}
	}
}

// testConflictTellsWhen: a scan of the revision that a conflict names shows why.
func testConflictTellsWhen(t *testing.T, s store.Store) {
	do(t, s, put("k", "0"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				seen, err := one(t.Context(), s, "k")
				if err != nil {
					t.Errorf("Scan() = %v", err)
					return
				}
				_, err = s.Commit(t.Context(), store.Txn{If: []store.Cond{{Key: "k", Rev: seen.Rev}}, Do: []store.Op{put("k", "1")}})
				conflict, ok := errors.AsType[*store.ConflictError](err)
				if !ok {
					continue
				}
				at, err := one(t.Context(), s, "k")
				if err != nil || at.Rev == seen.Rev || conflict.Rev <= seen.Rev {
					t.Errorf("conflict %v after having seen revision %d, then %d, %v", conflict, seen.Rev, at.Rev, err)
				}
				if now, err := s.Head(t.Context()); err != nil || now < conflict.Rev {
					t.Errorf("Head() = %d, %v, want at least the conflict's %d", now, err, conflict.Rev)
				}
			}
		})
	}
	wg.Wait()
}

// testCommitContext: a context that has ended stores nothing; one that ends
// while many commits run gives answers that agree with what is stored.
func testCommitContext(t *testing.T, s store.Store) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Commit(ended, store.Txn{Do: []store.Op{put("never", "")}})
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnknown) {
		t.Errorf("Commit() = %v, want %v alone", err, context.Canceled)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var (
		wg             sync.WaitGroup
		mu             sync.Mutex
		stored, failed []string
	)
	for g := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("w%02d/%05d", g, i)
				_, err := s.Commit(ctx, store.Txn{Do: []store.Op{put(key, "")}})
				mu.Lock()
				switch {
				case err == nil:
					stored = append(stored, key)
				case !errors.Is(err, store.ErrUnknown):
					failed = append(failed, key)
				}
				enough := len(stored) == 500
				mu.Unlock()
				if enough {
					cancel()
				}
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("Commit() = %v, want %v", err, context.Canceled)
					}
					return
				}
			}
		})
	}
	wg.Wait()
	cancel()
	do(t, s, put("after", "")) // whatever was on its way is now decided
	recs, _ := scan(t, s, "", 0)
	there := map[string]bool{}
	for _, r := range recs {
		there[r.Key] = true
	}
	if i := slices.IndexFunc(stored, func(k string) bool { return !there[k] }); i >= 0 {
		t.Errorf("%s was acknowledged and is not there", stored[i])
	}
	if i := slices.IndexFunc(append(failed, "never"), func(k string) bool { return there[k] }); i >= 0 {
		t.Errorf("%s was refused and is there", append(failed, "never")[i])
	}
}
