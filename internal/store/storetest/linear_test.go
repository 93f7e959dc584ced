package storetest

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

// liar is a store that now and then does one thing wrong.
type liar struct {
	store.Store
	lie func(n int64, s store.Store) store.Store // what answers the nth call instead, or nil
	n   *atomic.Int64
}

func (l liar) teller() store.Store {
	if s := l.lie(l.n.Add(1), l.Store); s != nil {
		return s
	}
	return l.Store
}

func (l liar) Head(ctx context.Context) (store.Revision, error) { return l.teller().Head(ctx) }

func (l liar) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	return l.teller().Commit(ctx, txn)
}

func (l liar) Scan(ctx context.Context, prefix string, at store.Revision, fn func(store.Record) error) (store.Revision, error) {
	return l.teller().Scan(ctx, prefix, at, fn)
}

type staleScans struct{ store.Store }

func (s staleScans) Scan(ctx context.Context, prefix string, at store.Revision, fn func(store.Record) error) (store.Revision, error) {
	if head, err := s.Head(ctx); err == nil && at == 0 && head > 20 {
		at = head - 20
	}
	return s.Store.Scan(ctx, prefix, at, fn)
}

type staleHeads struct{ store.Store }

func (s staleHeads) Head(ctx context.Context) (store.Revision, error) {
	rev, err := s.Store.Head(ctx)
	return max(rev, 20) - 20, err
}

type ignoresConditions struct{ store.Store }

func (s ignoresConditions) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	return s.Store.Commit(ctx, store.Txn{Do: txn.Do})
}

type storesHalf struct{ store.Store }

func (s storesHalf) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	return s.Store.Commit(ctx, store.Txn{If: txn.If, Do: txn.Do[:1]})
}

type refusesAll struct{ store.Store }

func (s refusesAll) Commit(ctx context.Context, _ store.Txn) (store.Revision, error) {
	rev, _ := s.Head(ctx)
	return 0, &store.ConflictError{Rev: rev}
}

// TestLiesAreFound: a store that does wrong in one call of four fails the check.
func TestLiesAreFound(t *testing.T) {
	for name, lie := range map[string]func(store.Store) store.Store{
		"stale scans":           func(s store.Store) store.Store { return staleScans{s} },
		"stale heads":           func(s store.Store) store.Store { return staleHeads{s} },
		"ignores conditions":    func(s store.Store) store.Store { return ignoresConditions{s} },
		"stores half":           func(s store.Store) store.Store { return storesHalf{s} },
		"refuses for no reason": func(s store.Store) store.Store { return refusesAll{s} },
	} {
		t.Run(name, func(t *testing.T) {
			s := liar{mem.New(mem.Options{}), func(n int64, s store.Store) store.Store {
				if n%4 == 0 {
					return lie(s)
				}
				return nil
			}, new(atomic.Int64)}
			if err := recordLinear(t, s, rand.Uint64()).check(); err == nil {
				t.Error("the check found nothing")
			}
		})
	}
}
