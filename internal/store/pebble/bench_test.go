package pebble

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/storetest"
)

func BenchmarkStore(b *testing.B) {
	b.Run("DiskAlone", benchSync)
	storetest.Bench(b, func(b *testing.B) (store.Store, func() store.Store) {
		dir := b.TempDir()
		return open(b, dir, Options{}), func() store.Store { return open(b, dir, Options{}) }
	})
}

// benchSync is how often a second the disk takes an append of one small
// transaction and makes it durable: what a lone writer could have at most. The
// file has its size beforehand, as the database's log has.
func benchSync(b *testing.B) {
	const size = 600
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.Write(make([]byte, 32<<20)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	p, n := make([]byte, size), int64(0)
	for b.Loop() {
		if _, err := f.WriteAt(p, n*size%(32<<20)); err != nil {
			b.Fatal(err)
		}
		n++
		err := raw.Control(func(fd uintptr) {
			if err := syscall.Fdatasync(int(fd)); err != nil {
				b.Error(err)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "syncs/s")
}

// BenchmarkOpen opens a store of some size, and with a write-ahead log to replay.
func BenchmarkOpen(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		dir, n := b.TempDir(), 0
		for b.Loop() {
			n++
			s, err := Open(filepath.Join(dir, fmt.Sprint(n)), Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			s.Close()
			b.StartTimer()
		}
	})
	for _, records := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			dir := b.TempDir()
			s := open(b, dir, Options{})
			for n := range records / 50 {
				var txn store.Txn
				for i := range 50 {
					txn.Do = append(txn.Do, storetest.BenchTxn(int64(n*50 + i)).Do[0])
				}
				if _, err := s.Commit(b.Context(), txn); err != nil {
					b.Fatal(err)
				}
			}
			s.Close()
			for b.Loop() {
				s, err := Open(dir, Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				s.Close()
				b.StartTimer()
			}
		})
	}
}
