// Package ondisk is what the engines share that keep their records in a Pebble
// database: the form of a record, reading them in order, and how a database that
// fails ends the process.
package ondisk

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Prefix begins the keys of all records, and of nothing else: it and the record's
// key hold the modification revision as an unsigned varint, then the value.
const Prefix = "d/"

// ErrMalformed: something is not a record's stored form.
var ErrMalformed = errors.New("malformed record")

// Append appends a record's stored form.
func Append(b []byte, rev store.Revision, value []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(rev)), value...)
}

// Parse splits a record's stored form, or says ErrMalformed. The value lies
// within b.
func Parse(b []byte) (store.Revision, []byte, error) {
	rev, n := store.Uvarint(b)
	if rev == 0 {
		return 0, nil, ErrMalformed
	}
	return store.Revision(rev), b[n:], nil
}

// Range has the bounds of the records under a prefix of their keys.
func Range(prefix string) *pebbledb.IterOptions {
	lower := append([]byte(Prefix), prefix...)
	return &pebbledb.IterOptions{LowerBound: lower, UpperBound: prefixEnd(lower)}
}

// prefixEnd is the least key above all keys that begin with prefix, which
// begins with Prefix and therefore not with 0xff.
func prefixEnd(prefix []byte) []byte {
	n := len(prefix)
	for prefix[n-1] == 0xff {
		n--
	}
	end := append([]byte(nil), prefix[:n]...)
	end[n-1]++
	return end
}

// A scan hands out records from pages: the bytes of many records in two
// allocations. A record that is kept keeps its page, so pages are small.
const (
	pageBytes   = 32 << 10
	pageRecords = 128
)

// Scan calls fn with the records under a prefix, in the order of their keys, as
// they were in the past that is given. seen, where it isn't nil, gets the key of
// each that is in the database. What can't be read is a store.ErrDamaged.
func Scan(ctx context.Context, db pebbledb.Reader, prefix string, past *store.Past, seen func(key string), fn func(store.Record) error) (err error) {
	it, err := db.NewIterWithContext(ctx, Range(prefix))
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, it.Close()) }()
	p := page{seen: seen}
	for more := it.First(); more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = p.fill(it); err != nil {
			return err
		}
		if err := p.each(past, fn); err != nil {
			return err
		}
	}
	if err := cmp.Or(it.Error(), ctx.Err()); err != nil {
		return err
	}
	return past.Merge(nil, fn)
}

// page is some records in a row.
type page struct {
	keys, values []byte // scratch
	ends         []end
	seen         func(key string)
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
		rev, value, err := Parse(b)
		if err != nil {
			return false, fmt.Errorf("%w: key %q: %w", store.ErrDamaged, it.Key(), err)
		}
		p.keys = append(p.keys, it.Key()[len(Prefix):]...)
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
			p.seen(rec.Key)
		}
		if err := past.Merge(&rec, fn); err != nil {
			return err
		}
		last = e
	}
	return nil
}
