package pebble

import (
	"cmp"
	"context"
	"fmt"
	"io"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// Scan implements store.Store. It does not hold up writers; it waits for the
// transactions that are on their way to the disk when it begins.
func (s *Store) Scan(ctx context.Context, prefix string, at store.Revision, fn func(store.Record) error) (store.Revision, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.readers.Done()
	v, err := s.view(prefix, at)
	if err != nil {
		return 0, err
	}
	err = v.scan(ctx, prefix, fn)
	if err := cmp.Or(err, v.snap.Close()); err != nil {
		return 0, err
	}
	return v.rev, nil
}

// view is the database at a moment, and how it was at rev.
type view struct {
	snap *pebbledb.Snapshot
	past store.Past
	rev  store.Revision
	keys *gatherer // nil unless this scan is to count the keys
}

func (s *Store) view(prefix string, at store.Revision) (v view, err error) {
	s.visible.RLock()
	defer s.visible.RUnlock()
	v.rev = store.Revision(s.head.Load())
	if at != 0 && at != v.rev {
		v.rev = at
		if v.past, err = s.hist.Past(prefix, at); err != nil {
			return v, err
		}
	}
	v.snap = s.db.NewSnapshot()
	if prefix == "" && at == 0 {
		v.keys = s.present.gather()
	}
	return v, nil
}

// scan calls fn with the records under the prefix for which the view was taken.
func (v *view) scan(ctx context.Context, prefix string, fn func(store.Record) error) error {
	if v.keys == nil {
		return ondisk.Scan(ctx, v.snap, prefix, &v.past, nil, fn)
	}
	complete := false // also where fn panics
	defer func() { v.keys.end(complete) }()
	err := ondisk.Scan(ctx, v.snap, prefix, &v.past, v.keys.add, fn)
	complete = err == nil
	return err
}

// Backup implements store.Store.
func (s *Store) Backup(ctx context.Context, w io.Writer) (store.Revision, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.readers.Done()
	v, err := s.view("", 0)
	if err != nil {
		return 0, err
	}
	b := store.NewBackupWriter(w, v.rev)
	err = v.scan(ctx, "", b.Put)
	if err = cmp.Or(err, v.snap.Close()); err != nil {
		return 0, fmt.Errorf("back up store: %w", err)
	}
	return v.rev, b.Close()
}
