package main

import "encoding/binary"

// writer makes a block that awsapi's reader decodes: a table of strings, then
// numbers that refer to it.
type writer struct {
	index   map[string]int
	strings []string
	body    []byte
}

func newWriter() *writer { return &writer{index: map[string]int{"": 0}} }

func (w *writer) int(n int) { w.body = binary.AppendUvarint(w.body, uint64(n)) }

func (w *writer) signed(n int64) { w.body = binary.AppendVarint(w.body, n) }

func (w *writer) str(s string) {
	i, known := w.index[s]
	if !known {
		w.strings = append(w.strings, s)
		i = len(w.strings)
		w.index[s] = i
	}
	w.int(i)
}

func (w *writer) all(list ...string) {
	for _, s := range list {
		w.str(s)
	}
}

func (w *writer) strs(list []string) {
	w.int(len(list))
	w.all(list...)
}

// flags writes one bit for each, the first lowest.
func (w *writer) flags(list ...bool) {
	v := 0
	for i, set := range list {
		if set {
			v |= 1 << i
		}
	}
	w.int(v)
}

// bytes returns the finished block.
func (w *writer) bytes() []byte {
	out := binary.AppendUvarint(nil, uint64(len(w.strings)))
	for _, s := range w.strings {
		out = binary.AppendUvarint(out, uint64(len(s)))
	}
	for _, s := range w.strings {
		out = append(out, s...)
	}
	return append(out, w.body...)
}

// archive joins named blocks, in the order of names.
func archive(names []string, block func(string) []byte) []byte {
	out := binary.AppendUvarint(nil, uint64(len(names)))
	var body []byte
	for _, name := range names {
		b := block(name)
		out = binary.AppendUvarint(out, uint64(len(name)))
		out = append(out, name...)
		out = binary.AppendUvarint(out, uint64(len(b)))
		body = append(body, b...)
	}
	return append(out, body...)
}
