package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// A scan hands out records from pages: the bytes of many records in two
// allocations. A record that is kept keeps its page, so pages are small.
const (
	pageBytes   = 32 << 10
	pageRecords = 128
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
	err = v.scan(ctx, prefix, fn)
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

// scan calls fn with the records under the prefix for which the view was taken.
func (v *view) scan(ctx context.Context, prefix string, fn func(store.Record) error) (err error) {
	lower := append([]byte(recordPrefix), prefix...)
	it, err := v.snap.NewIterWithContext(ctx, &pebbledb.IterOptions{LowerBound: lower, UpperBound: prefixEnd(lower)})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, it.Close()) }()
	var p page
	for more := it.First(); more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = p.fill(it); err != nil {
			return err
		}
		if err := p.each(&v.past, fn); err != nil {
			return err
		}
	}
	if err := cmp.Or(it.Error(), ctx.Err()); err != nil {
		return err
	}
	return v.past.Merge(nil, fn)
}

// page is some records in a row.
type page struct {
	keys, values []byte // scratch
	ends         []end
}

// end is where a record ends in keys and values.
type end struct {
	key, value int
	rev        store.Revision
}

// fill reads from the iterator's record on, and reports whether there are more.
func (p *page) fill(it *pebbledb.Iterator) (bool, error) {
	p.keys, p.values, p.ends = p.keys[:0], p.values[:0], p.ends[:0]
	for len(p.ends) < pageRecords && len(p.keys)+len(p.values) < pageBytes {
		b, err := it.ValueAndErr()
		if err != nil {
			return false, err
		}
		rev, value, err := parseRecord(b)
		if err != nil {
			return false, fmt.Errorf("%w: key %q: %w", store.ErrDamaged, it.Key(), err)
		}
		p.keys = append(p.keys, it.Key()[len(recordPrefix):]...)
		p.values = append(p.values, value...)
		p.ends = append(p.ends, end{len(p.keys), len(p.values), rev})
		if !it.Next() {
			return false, nil
		}
	}
	return true, nil
}

// each calls fn with the records of the page, in memory that is theirs.
func (p *page) each(past *store.Past, fn func(store.Record) error) error {
	keys, values := string(p.keys), append([]byte(nil), p.values...)
	last := end{}
	for _, e := range p.ends {
		rec := store.Record{Key: keys[last.key:e.key], Value: values[last.value:e.value:e.value], Rev: e.rev}
		if err := past.Merge(&rec, fn); err != nil {
			return err
		}
		last = e
	}
	return nil
}
