package awsapi

import "iter"

// archive is an embedded file of named blocks: their number, then for each name
// and length, then the blocks themselves in the same order.
type archive string

func (a archive) blocks() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		r := reader{s: string(a)}
		n := r.int()
		names, sizes := make([]string, n), make([]int, n)
		for i := range n {
			names[i], sizes[i] = r.raw(), r.int()
		}
		for i := range n {
			if !yield(names[i], r.take(sizes[i])) {
				return
			}
		}
	}
}

// reader decodes what gen's writer makes. The data is our own and is tested
// against its sources, so damage is a bug and may panic.
type reader struct {
	s       string
	pos     int
	strings []string // index 0 is the empty string
}

// newReader reads the table of strings at the head of a block.
func newReader(block string) *reader {
	r := &reader{s: block}
	n := r.int()
	r.strings = make([]string, n+1)
	sizes := reader{s: block, pos: r.pos}
	for range n {
		r.int()
	}
	for i := range n {
		r.strings[i+1] = r.take(sizes.int())
	}
	return r
}

func (r *reader) uint() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		b := r.s[r.pos]
		r.pos++
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

func (r *reader) int() int { return int(r.uint()) }

// signed reads a zigzag number.
func (r *reader) signed() int64 {
	v := r.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *reader) take(n int) string {
	s := r.s[r.pos : r.pos+n]
	r.pos += n
	return s
}

// raw reads a string that isn't in the table.
func (r *reader) raw() string { return r.take(r.int()) }

func (r *reader) str() string { return r.strings[r.int()] }

func (r *reader) strs() []string {
	n := r.int()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.str()
	}
	return list
}
