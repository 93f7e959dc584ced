package trail

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// Query asks for events of one account, the newest first.
type Query struct {
	Account string
	// From and To bound the time of the events, both included, to the second.
	// A zero From means the oldest, a zero To the newest.
	From, To time.Time
	// Key, where it has an attribute, is what the events must have.
	Key Key
	// Keep, where set, is asked for each event; it must not keep the bytes.
	Keep func(record []byte) bool
	Max  int    // events on a page; 0 means 50
	Next string // of the page before, or empty
}

// Page is a part of an answer.
type Page struct {
	Records [][]byte
	Next    string // empty on the last page
}

// ErrNext: the token for the next page is not one of ours.
var ErrNext = errors.New("token for the next page is not valid")

// Lookup finds events. What was appended before it was called is found.
func (l *Log) Lookup(ctx context.Context, q Query) (Page, error) {
	s, err := newSearch(l.db, &q)
	if err != nil {
		return Page{}, err
	}
	defer s.it.Close()
	for d := int64(s.newest); d >= int64(s.oldest); d-- {
		if err := ctx.Err(); err != nil {
			return Page{}, err
		}
		more, err := s.day(uint32(d))
		if err != nil || !more {
			return s.page, err
		}
	}
	return s.page, nil
}

// search is a look-up under way.
type search struct {
	q              *Query
	db             *pebbledb.DB
	it             *pebbledb.Iterator
	from, to       int64 // nanoseconds, both included
	before         place // only events before it, where set
	oldest, newest uint32
	page           Page
	last           place
}

func newSearch(db *pebbledb.DB, q *Query) (*search, error) {
	s := &search{q: q, db: db, to: 1<<63 - 1}
	if q.Max == 0 {
		q.Max = 50
	}
	if !q.From.IsZero() {
		s.from = max(q.From.Truncate(time.Second).UnixNano(), 0)
	}
	if !q.To.IsZero() {
		s.to = q.To.Truncate(time.Second).Add(time.Second - 1).UnixNano()
	}
	s.before = place{s.to, 1<<64 - 1}
	if q.Next != "" {
		b, err := base64.RawURLEncoding.DecodeString(q.Next)
		if err != nil || len(b) != placeSize {
			return nil, ErrNext
		}
		s.before, _ = placeAt(b)
	}
	var err error
	if s.it, err = db.NewIter(nil); err != nil {
		return nil, fmt.Errorf("search the trail: %w", err)
	}
	if err := s.bounds(); err != nil {
		s.it.Close()
		return nil, err
	}
	return s, nil
}

// bounds finds the days in which there are events of the account.
func (s *search) bounds() error {
	prefix := eventPrefix + s.q.Account + "/"
	s.oldest, s.newest = 1, 0 // none
	if !s.it.SeekGE([]byte(prefix)) || !bytes.HasPrefix(s.it.Key(), []byte(prefix)) {
		return s.it.Error()
	}
	s.oldest = max(dayOf(s.it.Key(), prefix), day(time.Unix(0, s.from)))
	if s.it.SeekLT(after(prefix)) {
		s.newest = min(dayOf(s.it.Key(), prefix), day(time.Unix(0, min(s.to, s.before.nanos))))
	}
	return s.it.Error()
}

func dayOf(key []byte, prefix string) uint32 { return binary.BigEndian.Uint32(key[len(prefix):]) }

// day collects the events of a day, and says whether there is room for more.
func (s *search) day(d uint32) (bool, error) {
	var prefix []byte
	if s.q.Key.Attribute == "" {
		prefix = dayKey(eventPrefix, s.q.Account, d)
	} else {
		prefix = indexKey(s.q.Account, d, s.q.Key)
	}
	for ok := s.it.SeekLT(s.before.append(bytes.Clone(prefix))); ok && bytes.HasPrefix(s.it.Key(), prefix); ok = s.it.Prev() {
		p, err := placeAt(s.it.Key())
		if err != nil {
			return false, err
		}
		if p.nanos < s.from {
			return false, nil
		}
		if len(s.it.Key()) != len(prefix)+placeSize {
			continue // a longer value that begins so
		}
		if more, err := s.take(p); err != nil || !more {
			return more, err
		}
	}
	return true, s.it.Error()
}

// take adds the event at a place to the page if it is wanted.
func (s *search) take(p place) (bool, error) {
	record, closer, err := s.db.Get(eventKey(s.q.Account, p))
	if errors.Is(err, pebbledb.ErrNotFound) {
		return true, nil // expired meanwhile
	}
	if err != nil {
		return false, fmt.Errorf("read event %d: %w", p.seq, err)
	}
	defer closer.Close()
	if s.q.Keep != nil && !s.q.Keep(record) {
		return true, nil
	}
	if len(s.page.Records) == s.q.Max {
		s.page.Next = base64.RawURLEncoding.EncodeToString(s.last.append(nil))
		return false, nil
	}
	s.page.Records = append(s.page.Records, bytes.Clone(record))
	s.last = p
	return true, nil
}

// Expire gives up an account's events of whole days before a time. It costs no
// pause: three range deletions for all of them.
func (l *Log) Expire(account string, before time.Time) error {
	b := l.db.NewBatch()
	defer b.Close()
	for _, prefix := range []string{eventPrefix, indexPrefix} {
		if err := b.DeleteRange([]byte(prefix+account+"/"), dayKey(prefix, account, day(before)), nil); err != nil {
			return fmt.Errorf("expire the trail: %w", err)
		}
	}
	if err := b.Commit(pebbledb.Sync); err != nil {
		return fmt.Errorf("expire the trail: %w", err)
	}
	return nil
}

// Follow calls fn for each event after a number, in the order in which they
// came, and then for those that come, until ctx ends or fn returns an error.
// Expired events are passed over.
func (l *Log) Follow(ctx context.Context, from uint64, fn func(seq uint64, account string, record []byte) error) error {
	for {
		news := *l.news.Load()
		next, err := l.since(from, fn)
		if err != nil {
			return err
		}
		from = next
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.dead:
			return l.Err()
		case <-news:
		}
	}
}

// Since calls fn as Follow does, for the events that there are now.
func (l *Log) Since(from uint64, fn func(seq uint64, account string, record []byte) error) error {
	_, err := l.since(from, fn)
	return err
}

func (l *Log) since(from uint64, fn func(seq uint64, account string, record []byte) error) (last uint64, err error) {
	it, err := l.db.NewIter(&pebbledb.IterOptions{LowerBound: orderKey(from + 1), UpperBound: after(orderPrefix)})
	if err != nil {
		return from, fmt.Errorf("follow the trail: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	last = from
	for ok := it.First(); ok; ok = it.Next() {
		seq := binary.BigEndian.Uint64(it.Key()[len(orderPrefix):])
		account, nanos, ok := bytes.Cut(it.Value(), []byte("/"))
		if !ok || len(nanos) != 8 {
			return last, fmt.Errorf("event %d has no place in the trail", seq)
		}
		last = seq
		record, closer, err := l.db.Get(eventKey(string(account), place{int64(binary.BigEndian.Uint64(nanos)), seq}))
		if errors.Is(err, pebbledb.ErrNotFound) {
			continue
		}
		if err != nil {
			return last, fmt.Errorf("read event %d: %w", seq, err)
		}
		err = fn(seq, string(account), record)
		closer.Close()
		if err != nil {
			return last, err
		}
	}
	return last, it.Error()
}
