package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// BenchRecords is how many records of 400 bytes the scan reads.
const BenchRecords = 400_000

// Bench runs the benchmarks: commits of one new record of 400 bytes with two
// index entries, each under the condition that it is absent, by 1, 16 and 256
// writers; updates by one; and a scan of BenchRecords records. open returns an
// empty store and what makes one again after it is closed, or nil.
func Bench(b *testing.B, open func(b *testing.B) (s store.Store, reopen func() store.Store)) {
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("Commit/writers=%d", writers), func(b *testing.B) {
			s, _ := open(b)
			defer s.Close()
			benchCommit(b, s, writers)
		})
	}
	b.Run("CommitAndWatch", func(b *testing.B) {
		s, _ := open(b)
		defer s.Close()
		benchCommitAndWatch(b, s)
	})
	b.Run("Scan", func(b *testing.B) {
		s, reopen := open(b)
		fill(b, s, BenchRecords)
		if reopen != nil {
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			s = reopen()
		}
		defer s.Close()
		benchScan(b, s)
	})
}

// BenchTxn is the transaction that creates record n.
func BenchTxn(n int64) store.Txn {
	id := fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15)
	keys := []string{"123456789012/user/AIDA" + id, "123456789012/name/user/" + id, "123456789012/arn/user/" + id}
	value := benchValue(uint64(n))
	return store.Txn{
		If: []store.Cond{{Key: keys[0]}, {Key: keys[1]}, {Key: keys[2]}},
		Do: []store.Op{{Key: keys[0], Value: value}, {Key: keys[1], Value: value[:20]}, {Key: keys[2], Value: value[:20]}},
	}
}

// benchValue is 400 bytes like those of a record: words that recur in all of
// them, and as much sealed or random text.
func benchValue(n uint64) []byte {
	v := append(make([]byte, 0, 400), `{"Version":1,"Kind":"User","Path":"/division/subdivision/","CreateDate":"2026-01-02T03:04:05Z","Groups":["developers","operators"],"Attached":["ReadOnlyAccess","PowerUserAccess"],"Sealed":"`...)
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for rng := rand.New(rand.NewPCG(n, 1)); len(v) < 398; {
		v = append(v, letters[rng.IntN(len(letters))])
	}
	return append(v, `"}`...)
}

func benchCommit(b *testing.B, s store.Store, writers int) {
	// As in a real start, where somebody reads everything before he writes.
	if _, err := s.Scan(b.Context(), "", 0, func(store.Record) error { return nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range writers {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if _, err := s.Commit(b.Context(), BenchTxn(n)); err != nil {
					b.Errorf("Commit() = %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

// benchCommitAndWatch is what a lone change takes until its watcher has it.
func benchCommitAndWatch(b *testing.B, s store.Store) {
	w, err := s.Watch(b.Context(), "", 0)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		n++
		rev, err := s.Commit(b.Context(), BenchTxn(n))
		if err != nil {
			b.Fatal(err)
		}
		for seen := store.Revision(0); seen < rev; {
			events, err := w.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			seen = events[len(events)-1].Rev
		}
	}
}

// fill stores n records of 400 bytes.
func fill(b *testing.B, s store.Store, n int) {
	b.Helper()
	const each = 50
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 16 {
		wg.Go(func() {
			for at := next.Add(each) - each; at < int64(n); at = next.Add(each) - each {
				var txn store.Txn
				for i := range int64(each) {
					txn.Do = append(txn.Do, BenchTxn(at + i).Do[0])
				}
				if _, err := s.Commit(b.Context(), txn); err != nil {
					b.Errorf("Commit() = %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func benchScan(b *testing.B, s store.Store) {
	b.ReportAllocs()
	n, bytes := 0, 0
	for b.Loop() {
		n, bytes = 0, 0
		_, err := s.Scan(b.Context(), "", 0, func(r store.Record) error {
			n++
			bytes += len(r.Value)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if n != BenchRecords || bytes != 400*BenchRecords {
		b.Fatalf("%d records with %d bytes, want %d of 400", n, bytes, BenchRecords)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Millisecond), "ms/scan")
}
