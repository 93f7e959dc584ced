package replica

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
	"github.com/sallyport-iam/sallyport/internal/store/storetest"
)

// generated is a store of n records of 400 bytes that costs nothing to read.
type generated struct {
	store.Store
	recs []store.Record // in the order of keys
}

func (g *generated) Head(context.Context) (store.Revision, error) {
	return store.Revision(len(g.recs)), nil
}

func (g *generated) Scan(_ context.Context, _ string, _ store.Revision, fn func(store.Record) error) (store.Revision, error) {
	for _, r := range g.recs {
		if err := fn(r); err != nil {
			return 0, err
		}
	}
	return store.Revision(len(g.recs)), nil
}
func (g *generated) Close() error { return nil }

// BenchmarkStart opens a copy of a million records, and reads it as a node does
// when it starts; and makes such a copy first.
func BenchmarkStart(b *testing.B) {
	const n = 1_000_000
	g := &generated{}
	for i := range n {
		key := []byte("123456789012/user/AIDA0000000000")
		for j, at := i, len(key)-1; j > 0; j, at = j/10, at-1 {
			key[at] = byte('0' + j%10)
		}
		g.recs = append(g.recs, store.Record{Key: string(key), Value: storetest.BenchTxn(int64(i)).Do[0].Value, Rev: store.Revision(i + 1)})
	}
	dir := b.TempDir()
	cfg := Config{Dir: dir, Remote: g, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	f, err := enter(dir)
	if err != nil {
		b.Fatal(err)
	}
	s := &Store{cfg: cfg, folder: f}
	s.log = newLogger(cfg, func() {})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			path, err := f.next()
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.fetch(b.Context(), path); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			c, err := openDB(b.Context(), f.path(f.last), s.log, "")
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			c.db.Close()
			b.StartTimer()
		}
	})
	b.Run("openAndScan", func(b *testing.B) {
		for b.Loop() {
			c, err := openDB(b.Context(), f.path(f.last), s.log, "")
			if err != nil {
				b.Fatal(err)
			}
			v := view{copy: c, snap: c.db.NewSnapshot(), rev: c.head}
			count := 0
			if err := ondisk.Scan(b.Context(), v.snap, "", &v.past, nil, func(store.Record) error { count++; return nil }); err != nil || count != n {
				b.Fatalf("%d records, %v", count, err)
			}
			b.StopTimer()
			v.snap.Close()
			c.db.Close()
			b.StartTimer()
		}
	})
}
