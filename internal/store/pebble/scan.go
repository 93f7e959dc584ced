package pebble

import (
	"cmp"
	"context"
	"fmt"
	"io"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// A scan hands out records from pages: the bytes of many records in two
// allocations. A record that is kept keeps its page, so pages are small.
const (
	pageBytes   = 32 << 10
	pageRecords = 128
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
func (v *view) scan(ctx context.Context, prefix string, fn func(store.Record) error) (err error) {
	lower := append([]byte(recordPrefix), prefix...)
	complete := false // also where fn panics
	if v.keys != nil {
		defer func() { v.keys.end(complete) }()
	}
	it, err := v.snap.NewIterWithContext(ctx, &pebbledb.IterOptions{LowerBound: lower, UpperBound: prefixEnd(lower)})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, it.Close()) }()
	err = v.read(ctx, it, fn)
	complete = err == nil
	return err
}

func (v *view) read(ctx context.Context, it *pebbledb.Iterator, fn func(store.Record) error) error {
	p := page{seen: v.keys}
	for more := it.First(); more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
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
	seen         *gatherer
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
			return false, fmt.Errorf("key %q: %w", it.Key(), err)
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
		if p.seen != nil {
			p.seen.add(rec.Key)
		}
		if err := past.Merge(&rec, fn); err != nil {
			return err
		}
		last = e
	}
	return nil
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
