package trail

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Events are kept in blocks: those of one account and one second that were
// written together. A block is compressed as a whole, and indexed by the keys
// that any of its events has.
//
// It holds, before compression: the number of its keys, and each as attribute,
// length and value; the number of its events; and of each event the number of
// its keys, their positions, the length of its record and the record. Numbers
// are unsigned varints.
type block struct {
	keys    []Key
	numbers map[Key]int // position in keys
	events  []blockEvent
	size    int // bytes of the records
}

type blockEvent struct {
	keys   []int
	record []byte
}

// Limits of a block: what a look-up of a single event has to read.
const (
	maxBlockEvents = 256
	maxBlockSize   = 256 << 10 // bytes of records; one event may be larger
	maxBlockPlain  = 64 << 20  // bytes that a block may have when it is read
)

var errBlock = errors.New("block of events is damaged")

func newBlock() *block { return &block{numbers: map[Key]int{}} }

func (b *block) full() bool { return len(b.events) >= maxBlockEvents || b.size >= maxBlockSize }

func (b *block) add(e *Entry) {
	ev := blockEvent{record: e.Record, keys: make([]int, 0, len(e.Keys))}
	for _, k := range e.Keys {
		if k.Value == "" {
			continue
		}
		k.Value = cut(k.Value)
		n, known := b.numbers[k]
		if !known {
			n = len(b.keys)
			b.numbers[k] = n
			b.keys = append(b.keys, k)
		}
		ev.keys = append(ev.keys, n)
	}
	b.events = append(b.events, ev)
	b.size += len(e.Record)
}

// encoding is memory that blocks are encoded in, one after the other.
type encoding struct{ plain, packed []byte }

// encode gives the block as the database holds it, until the next.
func (m *encoding) encode(b *block) []byte {
	p := binary.AppendUvarint(m.plain[:0], uint64(len(b.keys)))
	for _, k := range b.keys {
		p = append(p, short[k.Attribute])
		p = binary.AppendUvarint(p, uint64(len(k.Value)))
		p = append(p, k.Value...)
	}
	p = binary.AppendUvarint(p, uint64(len(b.events)))
	for _, e := range b.events {
		p = binary.AppendUvarint(p, uint64(len(e.keys)))
		for _, n := range e.keys {
			p = binary.AppendUvarint(p, uint64(n))
		}
		p = binary.AppendUvarint(p, uint64(len(e.record)))
		p = append(p, e.record...)
	}
	m.plain, m.packed = p, encoder().EncodeAll(p, m.packed[:0])
	return m.packed
}

// encoder and decoder are used by many goroutines at once.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err) // only for options that contradict each other
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlockPlain))
		if err != nil {
			panic(err)
		}
		return d
	})
)

// decodeBlock reads a block. Its records are parts of one new piece of memory.
func decodeBlock(value []byte) (*block, error) {
	plain, err := decoder().DecodeAll(value, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	return decodePlain(plain)
}

// decodePlain reads a block that is not compressed.
func decodePlain(plain []byte) (*block, error) {
	r := reader{rest: plain}
	b := &block{}
	for range r.count() {
		attr := r.bytes(1)
		b.keys = append(b.keys, Key{attributes[attr[0]], string(r.bytes(r.count()))})
		if r.bad {
			return nil, errBlock
		}
	}
	for range r.count() {
		ev := blockEvent{}
		for range r.count() {
			n := r.count()
			if n >= len(b.keys) {
				return nil, errBlock
			}
			ev.keys = append(ev.keys, n)
		}
		ev.record = r.bytes(r.count())
		if r.bad {
			return nil, errBlock
		}
		b.events = append(b.events, ev)
	}
	if r.bad || len(r.rest) > 0 {
		return nil, errBlock
	}
	return b, nil
}

// reader reads the parts of a block. Once it is bad it gives nothing but zeros.
type reader struct {
	rest []byte
	bad  bool
}

// count reads a number that says how much follows: never more than there is.
func (r *reader) count() int {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.bad, r.rest = true, nil
		return make([]byte, min(n, 1))
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// number is the position of a key in the block, or -1.
func (b *block) number(k Key) int {
	for i := range b.keys {
		if b.keys[i] == k {
			return i
		}
	}
	return -1
}
