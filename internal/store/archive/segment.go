package archive

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// segmentMagic begins every segment of the feed. The number is the version of
// the format:
//
//	the line "sallyport feed 1"
//	the line's id, and what the file's name says: from, to, time
//	for each event: revision, time, number of changes, and for each change
//	    length of the key, key, and 0 where it was deleted,
//	    or 1 + the length of the value, and the value
//	0
//
// where numbers are as in a backup (see store.BackupWriter) and times are
// milliseconds since 1970. Its seal tells whether it is whole and unchanged.
const segmentMagic = "sallyport feed 1\n"

const (
	lineLen = 8
	maxTime = 253402300799999 // the end of the year 9999
)

// event is what a revision changed, and when that was learned.
type event struct {
	store.Event
	at time.Time
}

// segment is a part of the feed.
type segment struct {
	name   name
	events []event
}

func appendMillis(b []byte, t time.Time) []byte {
	return binary.AppendUvarint(b, uint64(max(t.UnixMilli(), 0)))
}

// encode gives the segment's bytes.
func (s segment) encode() []byte {
	b := append([]byte(segmentMagic), s.name.line...)
	b = binary.AppendUvarint(b, uint64(s.name.from))
	b = binary.AppendUvarint(b, uint64(s.name.to))
	b = appendMillis(b, s.name.time)
	for _, e := range s.events {
		b = appendEvent(b, e)
	}
	return append(b, 0)
}

func appendEvent(b []byte, e event) []byte {
	b = binary.AppendUvarint(b, uint64(e.Rev))
	b = appendMillis(b, e.at)
	b = binary.AppendUvarint(b, uint64(len(e.Records)))
	for _, c := range e.Records {
		b = binary.AppendUvarint(b, uint64(len(c.Key)))
		b = append(b, c.Key...)
		if c.Deleted {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(c.Value))+1)
		b = append(b, c.Value...)
	}
	return b
}

// decode reads a segment: store.ErrFormat if it is none, or of a later version,
// store.ErrBackup if it is not as it was written.
func decode(b []byte) (segment, error) {
	rest, ok := strings.CutPrefix(string(b[:min(len(b), len(segmentMagic))]), segmentMagic)
	if !ok || rest != "" {
		return segment{}, fmt.Errorf("%w: not a segment of version 1", store.ErrFormat)
	}
	d := decoder{b: b[len(segmentMagic):]}
	s := segment{name: name{kind: kindFeed, line: string(d.bytes(lineLen))}}
	s.name.from, s.name.to, s.name.time = store.Revision(d.number()), store.Revision(d.number()), d.time()
	last := event{Event: store.Event{Rev: s.name.from}}
	for !d.bad {
		rev := store.Revision(d.number())
		if rev == 0 {
			break
		}
		e := d.event(rev)
		if e.Rev <= last.Rev || e.Rev > s.name.to || e.at.Before(last.at) {
			d.bad = true
		}
		s.events, last = append(s.events, e), e
	}
	if d.bad || len(d.b) > 0 {
		return segment{}, fmt.Errorf("%w: the segment is not as it was written", store.ErrBackup)
	}
	return s, nil
}

// decoder reads from the front of b; what can't be read makes it bad for good.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) number() uint64 {
	n, size := store.Uvarint(d.b)
	if size == 0 || d.bad {
		d.bad = true
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) bytes(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) time() time.Time {
	n := d.number()
	d.bad = d.bad || n > maxTime
	return time.UnixMilli(int64(min(n, maxTime))).UTC()
}

func (d *decoder) event(rev store.Revision) event {
	e := event{Event: store.Event{Rev: rev}, at: d.time()}
	for n := d.number(); n > 0 && !d.bad; n-- {
		c := store.Change{Key: string(d.bytes(d.number()))}
		d.bad = d.bad || c.Key == ""
		if n := d.number(); n == 0 {
			c.Deleted = true
		} else {
			c.Value = d.bytes(n - 1)
		}
		e.Records = append(e.Records, c)
	}
	return e
}
