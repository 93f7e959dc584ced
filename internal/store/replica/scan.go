package replica

import (
	"cmp"
	"context"
	"errors"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// Scan implements store.Store: the head is that of the copy, and where there is
// none yet, the scan waits for one attempt to load it. What the copy no longer
// has is asked of the remote store.
func (s *Store) Scan(ctx context.Context, prefix string, at store.Revision, fn func(store.Record) error) (store.Revision, error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	v, err := s.view(prefix, at)
	if errors.Is(err, store.ErrFuture) {
		if err := s.reach(ctx, at); err != nil {
			return 0, err
		}
		v, err = s.view(prefix, at)
	}
	if errors.Is(err, store.ErrCompacted) {
		return s.cfg.Remote.Scan(ctx, prefix, at, fn)
	}
	if err != nil {
		return 0, err
	}
	defer v.copy.readers.Done()
	err = ondisk.Scan(ctx, v.snap, prefix, &v.past, nil, fn)
	err = cmp.Or(err, v.snap.Close())
	if err != nil {
		if isDamage(err) {
			s.reportDamage()
		}
		return 0, err
	}
	return v.rev, nil
}

// view is the copy at a moment, and how it was at rev.
type view struct {
	copy *dbCopy // to be given back
	snap *pebbledb.Snapshot
	past store.Past
	rev  store.Revision
}

func (s *Store) view(prefix string, at store.Revision) (v view, err error) {
	s.visible.RLock()
	defer s.visible.RUnlock()
	if s.state.closed() {
		return v, store.ErrClosed
	}
	v.copy, v.rev = s.copy, s.copy.head
	if at != 0 && at != v.rev {
		v.rev = at
		if v.past, err = s.hist.Past(prefix, at); err != nil {
			return v, err
		}
	}
	v.snap = v.copy.db.NewSnapshot()
	v.copy.readers.Add(1)
	return v, nil
}
