package etcd

import (
	"sync"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
	"github.com/sallyport-iam/sallyport/internal/store/storetest"
)

// BenchmarkStore is the suite's on three members, whose processes share the
// machine with the benchmark.
func BenchmarkStore(b *testing.B) {
	c := etcdtest.Start(b, 3)
	storetest.Bench(b, func(b *testing.B) (store.Store, func() store.Store) {
		s := open(b, config(c))
		return s, func() store.Store { return open(b, s.cfg) }
	})
}

// BenchmarkScan compares the two ways of loading: the stream of etcd 3.7, and
// pages for members that don't have it.
func BenchmarkScan(b *testing.B) {
	c := etcdtest.Start(b, 1)
	s := open(b, config(c))
	const keys = 100_000
	fill(b, s, keys)
	for name, streams := range map[string]bool{"stream": true, "pages": false} {
		b.Run(name, func(b *testing.B) {
			s.write.all[0].streams.Store(streams)
			for b.Loop() {
				n := 0
				if _, err := s.Scan(b.Context(), "", 0, func(store.Record) error { n++; return nil }); err != nil || n != keys {
					b.Fatalf("Scan() = %v after %d records, want %d", err, n, keys)
				}
			}
			b.ReportMetric(float64(keys*b.N)/b.Elapsed().Seconds(), "keys/s")
		})
	}
}

// fill stores n records of accounts of different sizes.
func fill(tb testing.TB, s *Store, n int) {
	tb.Helper()
	var wg sync.WaitGroup
	defer wg.Wait()
	busy := make(chan struct{}, 16)
	for at := 0; at < n; at += 50 {
		var txn store.Txn
		for i := at; i < min(at+50, n); i++ {
			op := storetest.BenchTxn(int64(i)).Do[0]
			if i%2 == 0 { // half of them in a thousand small accounts
				op.Key = account(i) + op.Key[12:]
			}
			txn.Do = append(txn.Do, op)
		}
		busy <- struct{}{}
		wg.Go(func() {
			defer func() { <-busy }()
			if _, err := s.Commit(tb.Context(), txn); err != nil {
				tb.Errorf("Commit() = %v", err)
			}
		})
	}
}

// account is one of a thousand account ids.
func account(i int) string {
	id := []byte("000000000000")
	n := uint64(i%1000) * 6364136223846793 % 1_000_000_000_000
	for k := len(id) - 1; n > 0; k-- {
		id[k] = byte('0' + n%10)
		n /= 10
	}
	return string(id)
}
