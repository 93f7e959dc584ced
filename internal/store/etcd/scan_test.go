package etcd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

// TestPages: pages and streams see the same, also across many levels of keys.
func TestPages(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	s := open(t, config(c))
	fill(t, s, 1500)
	var got [2][]store.Record
	for i, streams := range []bool{true, false} {
		s.write.all[0].streams.Store(streams)
		if _, err := s.Scan(t.Context(), "", 0, func(r store.Record) error { got[i] = append(got[i], r); return nil }); err != nil {
			t.Fatalf("Scan() = %v", err)
		}
	}
	if d := cmp.Diff(got[0], got[1]); d != "" || len(got[0]) != 1500 {
		t.Errorf("%d records by stream, %d by pages (-stream +pages):\n%.2000s", len(got[0]), len(got[1]), d)
	}
}

// fakeRange answers ranges from sorted keys as etcd does, and counts what etcd
// would go through.
type fakeRange struct {
	keys    []string
	visited int
	pages   int
}

func (f *fakeRange) get(from, end string, limit int64) *pb.RangeResponse {
	lo, hi := sort.SearchStrings(f.keys, from), sort.SearchStrings(f.keys, end)
	f.visited += hi - lo
	f.pages++
	resp := &pb.RangeResponse{Count: int64(hi - lo)}
	for _, k := range f.keys[lo:min(hi, lo+int(limit))] {
		resp.Kvs = append(resp.Kvs, &mvccpb.KeyValue{Key: []byte(k), Value: make([]byte, 400)})
	}
	resp.More = resp.Count > limit
	return resp
}

// TestPagerCost: every key once, in order, and each counted a bounded number of
// times, however the keys are spread.
func TestPagerCost(t *testing.T) {
	t.Parallel()
	const n = 50_000
	rng := rand.New(rand.NewPCG(1, 2))
	for name, key := range map[string]func(i int) string{
		"one account":       func(int) string { return fmt.Sprintf("123456789012/user/AIDA%016x", rng.Uint64()) },
		"many accounts":     func(i int) string { return fmt.Sprintf("%012d/user/%016x", rng.Uint64N(1e12), i) },
		"thousand accounts": func(i int) string { return fmt.Sprintf("%s/user/%016x", account(i), rng.Uint64()) },
		"one large, others": func(i int) string {
			if i%2 == 0 {
				return fmt.Sprintf("500000000000/%x", rng.Uint64())
			}
			return fmt.Sprintf("%012d/a", rng.Uint64N(1e12))
		},
		"counted": func(i int) string { return fmt.Sprintf("a/%d", i) },
		"deep":    func(i int) string { return strings.Repeat("x", rng.IntN(200)) + fmt.Sprint(i) },
	} {
		f := &fakeRange{}
		for i := range n {
			f.keys = append(f.keys, "p/d/"+key(i))
		}
		slices.Sort(f.keys)
		f.keys = slices.Compact(f.keys)
		var got []string
		p := newPager("p/d/", "p/d0")
		p.each = func(kv *mvccpb.KeyValue) bool { got = append(got, string(kv.Key)); return true }
		for p.more() {
			p.page(f.get(p.next, p.end(), p.limit))
		}
		if !slices.Equal(got, f.keys) {
			t.Errorf("%s: %d keys, want %d", name, len(got), len(f.keys))
		}
		t.Logf("%s: each key counted %d times, %d pages", name, f.visited/len(f.keys), f.pages)
		if f.visited > 60*len(f.keys) || f.pages > len(f.keys)/100 {
			t.Errorf("%s: %d keys were counted %d times on %d pages", name, len(f.keys), f.visited, f.pages)
		}
	}
}
