package policy

import (
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// Limits of the scanner. AWS's API takes no document of more than 131,072
// characters, but one of AWS's own managed policies is longer. No policy nests
// deeper than a handful of levels.
const (
	maxBytes = 1 << 20
	maxDepth = 32
)

// position is a place in a document: line and column from 1, the column in
// characters. The zero value is no place.
type position struct{ line, col int32 }

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeObject
	nodeList
	nodeText
	nodeNumber
	nodeBool
)

// node is one JSON value. Numbers and booleans keep their text.
type node struct {
	kind    nodeKind
	text    string
	members []member // of an object, or the items of a list, which have no name
	at      position // where the value begins
	after   position // just past the bracket or comma before it
	end     position // just past its end
}

type member struct {
	name  string
	at    position
	value node
}

// scanner reads JSON (RFC 8259) and nothing more lenient: no byte order mark,
// no comments, no trailing commas, no member twice in one object. Go's own
// decoder takes the last of two members silently, which would let a policy say
// one thing to its reader and another to the engine.
type scanner struct {
	text  string
	off   int
	line  int32
	start int      // offset at which the line starts
	wide  int      // bytes since then that begin no character
	open  []member // of the objects and lists that aren't closed yet
	room  []member // for those that are
	texts int      // values that aren't objects, lists or null
	err   *Error
}

// closed takes the members since base off the open ones, in a slice of their
// own. Collecting them in one place first spares growing many small slices.
func (s *scanner) closed(base int) []member {
	found := s.open[base:]
	s.open = s.open[:base]
	if len(found) > cap(s.room)-len(s.room) {
		s.room = make([]member, 0, max(len(found), 2*cap(s.room), 64)) // next time it is enough
	}
	n := len(s.room)
	s.room = append(s.room, found...)
	clear(found)
	return s.room[n:len(s.room):len(s.room)]
}

// scanners keeps the memory of earlier scans. It holds nothing of their texts.
var scanners = sync.Pool{New: func() any { return new(scanner) }}

// maxKept is up to how many members a scanner's memory is kept.
const maxKept = 4096

// newScanner returns a scanner of a text. What it reads is good until done.
func newScanner(text string) *scanner {
	s := scanners.Get().(*scanner)
	s.text, s.line = text, 1
	return s
}

func (s *scanner) done() {
	if max(cap(s.open), cap(s.room)) > maxKept {
		return
	}
	clear(s.open)
	clear(s.room)
	*s = scanner{open: s.open[:0], room: s.room[:0]}
	scanners.Put(s)
}

// scan reads the whole text as one value.
func (s *scanner) scan() node {
	if len(s.text) > maxBytes {
		s.fail("longer than %d bytes", maxBytes)
		return node{}
	}
	s.blanks()
	n := s.value(0)
	s.blanks()
	if s.err == nil && s.off < len(s.text) {
		s.fail("text after the end of the document")
	}
	return n
}

func (s *scanner) here() position {
	return position{s.line, int32(s.off-s.start-s.wide) + 1}
}

// fail keeps the first error only, and stops the scanner.
func (s *scanner) fail(format string, args ...any) { s.failAt(s.here(), format, args...) }

func (s *scanner) failAt(at position, format string, args ...any) {
	if s.err == nil {
		s.err = fault(at, "", format, args...)
	}
}

// peek returns the next byte, or 0 at the end or after an error. A document
// never holds a plain zero byte outside a string, where it is an error too.
func (s *scanner) peek() byte {
	if s.err != nil || s.off >= len(s.text) {
		return 0
	}
	return s.text[s.off]
}

func (s *scanner) blanks() {
	for s.off < len(s.text) {
		switch s.text[s.off] {
		case ' ', '\t', '\r':
			s.off++
		case '\n':
			s.off++
			s.line, s.start, s.wide = s.line+1, s.off, 0
		default:
			return
		}
	}
}

func (s *scanner) value(depth int) node {
	n := node{at: s.here()}
	if depth > maxDepth {
		s.fail("nested deeper than %d levels", maxDepth)
	}
	switch c := s.peek(); {
	case c == '{':
		n.kind, n.members = nodeObject, s.object(depth)
	case c == '[':
		n.kind, n.members = nodeList, s.list(depth)
	case c == '"':
		n.kind, n.text = nodeText, s.string()
	case c == '-' || '0' <= c && c <= '9':
		n.kind, n.text = nodeNumber, s.number()
	case c == 't' || c == 'f' || c == 'n':
		n.kind, n.text = s.word()
	case s.off >= len(s.text):
		s.fail("the document ends too early")
	default:
		s.fail("want a JSON value")
	}
	if n.kind >= nodeText {
		s.texts++
	}
	n.end = s.here()
	return n
}

func (s *scanner) object(depth int) []member {
	s.off++
	s.blanks()
	if s.peek() == '}' {
		s.off++
		return nil
	}
	base := len(s.open)
	var names nameSet
	for s.err == nil {
		m := member{at: s.here()}
		if s.peek() != '"' {
			s.fail("want a member name in double quotes")
			break
		}
		m.name = s.string()
		if names.twice(s.open[base:], m.name) {
			s.failAt(m.at, "member %q stands twice in one object", m.name)
		}
		s.blanks()
		s.take(':')
		s.blanks()
		m.value = s.value(depth + 1)
		s.open = append(s.open, m)
		if s.close('}') {
			break
		}
		s.blanks()
	}
	return s.closed(base)
}

// nameSet finds names that stand twice. It is made only for objects of many
// members, which no honest policy has.
type nameSet map[string]bool

const fewMembers = 32

func (n *nameSet) twice(earlier []member, name string) bool {
	if len(earlier) < fewMembers {
		return slices.ContainsFunc(earlier, func(m member) bool { return m.name == name })
	}
	if *n == nil {
		*n = make(nameSet)
		for i := range earlier {
			(*n)[earlier[i].name] = true
		}
	}
	twice := (*n)[name]
	(*n)[name] = true
	return twice
}

func (s *scanner) list(depth int) []member {
	s.off++
	after := s.here()
	s.blanks()
	if s.peek() == ']' {
		s.off++
		return nil
	}
	base := len(s.open)
	for s.err == nil {
		n := s.value(depth + 1)
		n.after = after
		s.open = append(s.open, member{value: n})
		if s.close(']') {
			break
		}
		after = s.here()
		s.blanks()
	}
	return s.closed(base)
}

// close takes the bracket that ends a list or object, or the comma before a
// further item. It says whether the end is reached.
func (s *scanner) close(end byte) bool {
	s.blanks()
	switch s.peek() {
	case end:
		s.off++
		return true
	case ',':
		s.off++
	default:
		s.fail("want a comma or %q", end)
	}
	return false
}

func (s *scanner) take(c byte) {
	if s.peek() != c {
		s.fail("want %q", c)
		return
	}
	s.off++
}

func (s *scanner) word() (nodeKind, string) {
	for _, w := range [...]string{"true", "false", "null"} {
		if len(s.text)-s.off >= len(w) && s.text[s.off:s.off+len(w)] == w {
			s.off += len(w)
			if w == "null" {
				return nodeNull, w
			}
			return nodeBool, w
		}
	}
	s.fail("want a JSON value")
	return nodeNull, ""
}

// number takes a JSON number and keeps its text: 1.0 stays 1.0.
func (s *scanner) number() string {
	begin := s.off
	if s.peek() == '-' {
		s.off++
	}
	if s.peek() == '0' {
		s.off++
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.off++
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.off++
		if c := s.peek(); c == '+' || c == '-' {
			s.off++
		}
		s.digits()
	}
	return s.text[begin:s.off]
}

func (s *scanner) digits() {
	begin := s.off
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.off++
	}
	if s.off == begin {
		s.fail("want a digit")
	}
}

// string takes a string and decodes it. Most hold no escape and are a part of
// the document's text.
func (s *scanner) string() string {
	s.off++
	begin := s.off
	var out []byte
	for s.off < len(s.text) && s.err == nil {
		switch c := s.text[s.off]; {
		case c == '"':
			s.off++
			if out != nil {
				return string(append(out, s.text[begin:s.off-1]...))
			}
			return s.text[begin : s.off-1]
		case c == '\\':
			out = append(out, s.text[begin:s.off]...)
			out = s.escape(out)
			begin = s.off
		case c < 0x20:
			s.fail("a control character must be escaped")
		case c < utf8.RuneSelf:
			s.off++
		default:
			s.wideRune()
		}
	}
	s.fail("the document ends inside a string")
	return ""
}

func (s *scanner) wideRune() {
	r, n := utf8.DecodeRuneInString(s.text[s.off:])
	if r == utf8.RuneError && n == 1 {
		s.fail("not UTF-8")
		return
	}
	s.off += n
	s.wide += n - 1
}

// escape decodes the escape at s.off. It never returns a nil slice.
func (s *scanner) escape(out []byte) []byte {
	if out == nil {
		out = []byte{}
	}
	s.off++
	c := s.peek()
	if c != 'u' {
		for i, from := range `"\/bfnrt` {
			if byte(from) == c {
				s.off++
				return append(out, "\"\\/\b\f\n\r\t"[i])
			}
		}
		s.fail("unknown escape")
		return out
	}
	s.off--
	r := s.hex4()
	if 0xdc00 <= r && r < 0xe000 {
		s.fail("half of a surrogate pair")
	}
	if 0xd800 <= r && r < 0xdc00 {
		low := s.hex4()
		if low < 0xdc00 || low > 0xdfff {
			s.fail("half of a surrogate pair")
		}
		r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
	}
	return utf8.AppendRune(out, r)
}

// hex4 takes one \uXXXX.
func (s *scanner) hex4() rune {
	if len(s.text)-s.off < 6 || s.text[s.off:s.off+2] != `\u` {
		s.fail("want \\u and four hexadecimal digits")
		return 0
	}
	v, err := strconv.ParseUint(s.text[s.off+2:s.off+6], 16, 16)
	if err != nil {
		s.fail("want four hexadecimal digits")
		return 0
	}
	s.off += 6
	return rune(v)
}
