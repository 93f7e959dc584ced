package trail

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	// More are further keys that they must have.
	More []Key
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

// IDTime is the time that an id of an event or a request holds: its first 48
// bits are milliseconds (RFC 9562, 5.7, UUID version 7).
func IDTime(id string) (time.Time, bool) {
	hexed := strings.ReplaceAll(id, "-", "")
	b, err := hex.DecodeString(hexed)
	if err != nil || len(b) != 16 || b[6]>>4 != 7 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(b) >> 16)), true
}

// byID turns a question for an id into one for a time.
func (q *Query) byID() bool {
	if q.Key.Attribute != EventID && q.Key.Attribute != RequestID {
		return true
	}
	at, ok := IDTime(q.Key.Value)
	if !ok {
		return false
	}
	at = at.Truncate(time.Second)
	if q.From.IsZero() || q.From.Before(at) {
		q.From = at
	}
	if q.To.IsZero() || q.To.After(at) {
		q.To = at
	}
	if q.To.Before(q.From) {
		return false
	}
	field := `"requestID":"`
	if q.Key.Attribute == EventID {
		field = `"eventID":"`
	}
	want, keep := []byte(field+q.Key.Value+`"`), q.Keep
	q.Keep = func(record []byte) bool { return bytes.Contains(record, want) && (keep == nil || keep(record)) }
	q.Key = Key{}
	return true
}

// Lookup finds events. What was appended before it was called is found.
func (l *Log) Lookup(ctx context.Context, q Query) (Page, error) {
	if q.Max == 0 {
		q.Max = 50
	}
	q.Key.Value = cut(q.Key.Value)
	if !q.byID() {
		return Page{}, nil
	}
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
	from, to       int64  // nanoseconds, both included
	before         place  // only blocks up to it
	skip           uint32 // events of that block, from its end, that pages before gave
	oldest, newest uint32
	page           Page
	numbers        []int               // of the wanted keys in the block
	last           [placeSize + 4]byte // place of the block of the last event, and its number from the end
}

func newSearch(db *pebbledb.DB, q *Query) (*search, error) {
	s := &search{q: q, db: db, to: 1<<63 - 1}
	if !q.From.IsZero() {
		s.from = max(q.From.Truncate(time.Second).UnixNano(), 0)
	}
	if !q.To.IsZero() {
		s.to = q.To.Truncate(time.Second).UnixNano()
	}
	s.before = place{s.to, 1<<64 - 1}
	if q.Next != "" {
		b, err := base64.RawURLEncoding.DecodeString(q.Next)
		if err != nil || len(b) != len(s.last) {
			return nil, ErrNext
		}
		s.before, _ = placeAt(b[:placeSize])
		if s.before.nanos < 0 {
			return nil, ErrNext
		}
		s.skip = binary.BigEndian.Uint32(b[placeSize:])
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
	// The block of the place itself is among those before the key behind it.
	behind := append(s.before.append(bytes.Clone(prefix)), 0)
	for ok := s.it.SeekLT(behind); ok && bytes.HasPrefix(s.it.Key(), prefix); ok = s.it.Prev() {
		if len(s.it.Key()) != len(prefix)+placeSize {
			continue // a longer value that begins so
		}
		p, err := placeAt(s.it.Key())
		if err != nil {
			return false, err
		}
		if p.nanos < s.from {
			return false, nil
		}
		if has, err := s.indexed(p); err != nil || !has {
			if err != nil {
				return false, err
			}
			continue
		}
		if more, err := s.block(p); err != nil || !more {
			return more, err
		}
	}
	return true, s.it.Error()
}

// indexed reports whether the index has the block under the further keys too:
// asking it is cheaper than reading the block.
func (s *search) indexed(p place) (bool, error) {
	for _, k := range s.q.More {
		_, closer, err := s.db.Get(p.append(indexKey(s.q.Account, day(p.time()), k)))
		if errors.Is(err, pebbledb.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("search the trail: %w", err)
		}
		closer.Close()
	}
	return true, nil
}

// block adds the events of a block that are wanted to the page, the last first.
func (s *search) block(p place) (bool, error) {
	b, err := readBlock(s.db, s.q.Account, p)
	if err != nil || b == nil {
		return true, err
	}
	want, ok := s.wanted(b)
	if !ok {
		return true, nil
	}
	skip := 0
	if p == s.before {
		skip = int(s.skip)
	}
	for n := skip; n < len(b.events); n++ {
		e := &b.events[len(b.events)-1-n]
		if !hasAll(e.keys, want) || s.q.Keep != nil && !s.q.Keep(e.record) {
			continue
		}
		if len(s.page.Records) == s.q.Max {
			s.page.Next = base64.RawURLEncoding.EncodeToString(s.last[:])
			return false, nil
		}
		s.page.Records = append(s.page.Records, e.record)
		binary.BigEndian.AppendUint32(p.append(s.last[:0]), uint32(n+1))
	}
	return true, nil
}

// wanted are the positions of the wanted keys in a block; ok is false where the
// block doesn't have them all.
func (s *search) wanted(b *block) (numbers []int, ok bool) {
	numbers = s.numbers[:0]
	if s.q.Key.Attribute != "" {
		numbers = append(numbers, b.number(s.q.Key))
	}
	for _, k := range s.q.More {
		numbers = append(numbers, b.number(Key{k.Attribute, cut(k.Value)}))
	}
	s.numbers = numbers
	return numbers, !slices.Contains(numbers, -1)
}

func hasAll(numbers, want []int) bool {
	for _, n := range want {
		if !slices.Contains(numbers, n) {
			return false
		}
	}
	return true
}

// Follow calls fn for each event after a number, in the order in which they
// came, and then for those that come, until ctx ends or fn returns an error.
// Expired events are passed over.
func (l *Log) Follow(ctx context.Context, from uint64, fn func(seq uint64, account string, record []byte) error) error {
	for {
		news := *l.news.Load()
		next, err := l.Since(from, fn)
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

// Since calls fn as Follow does, for the events that there are now, and gives
// the number of the last.
func (l *Log) Since(from uint64, fn func(seq uint64, account string, record []byte) error) (last uint64, err error) {
	it, err := l.db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(orderPrefix), UpperBound: after(orderPrefix)})
	if err != nil {
		return from, fmt.Errorf("follow the trail: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	last = from
	ok := it.SeekLT(orderKey(from + 1)) // the block that may hold the next
	if !ok {
		ok = it.First()
	}
	for ; ok; ok = it.Next() {
		o, err := orderEntry(it.Key(), it.Value())
		if err != nil {
			return last, err
		}
		b, err := readBlock(l.db, o.account, o.place)
		if err != nil {
			return last, err
		}
		if b == nil {
			continue
		}
		for i, e := range b.events {
			seq := o.seq + uint64(i)
			if seq <= from {
				continue
			}
			if err := fn(seq, o.account, e.record); err != nil {
				return last, err
			}
			last = seq
		}
	}
	return last, it.Error()
}
