package policy

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// symbol is one piece of a pattern when patterns are compared with each other
// instead of with a text.
type symbol struct {
	kind symbolKind
	char rune
	of   *part // the variable
}

type symbolKind uint8

const (
	symChar symbolKind = iota
	symOne             // ?
	symAny             // *
	symVariable
)

// shape is a pattern as symbols.
type shape struct {
	symbols []symbol
	never   bool // it matches nothing
}

// everything is the shape of a lone star.
var everything = shape{symbols: []symbol{{kind: symAny}}}

// newShape takes a template apart. wild says whether * and ? are wildcards.
func newShape(t *template, wild bool) shape {
	if t.broken {
		return shape{never: true}
	}
	var s shape
	if t.parts == nil {
		s.add(t.text, wild)
	}
	for i := range t.parts {
		if p := &t.parts[i]; p.variable {
			s.symbols = append(s.symbols, symbol{kind: symVariable, of: p})
		} else {
			s.add(p.text, wild && !p.plain)
		}
	}
	return s
}

// newGlobShape takes a glob apart. fold puts ASCII letters in lower case.
func newGlobShape(g *glob, fold bool) shape {
	text := g.text
	if fold {
		text = lowerASCII(text)
	}
	var s shape
	s.add(text, g.mode != globExact)
	if g.mode == globHead {
		s.symbols = append(s.symbols, symbol{kind: symAny})
	}
	return s
}

// add appends a text. Of neighbouring wildcards the stars become one and go
// last, so that equal patterns look equal.
func (s *shape) add(text string, wild bool) {
	for text != "" {
		c, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		star := len(s.symbols) > 0 && s.symbols[len(s.symbols)-1].kind == symAny
		switch {
		case !wild || c != '*' && c != '?':
			s.symbols = append(s.symbols, symbol{kind: symChar, char: c})
		case c == '*' && !star:
			s.symbols = append(s.symbols, symbol{kind: symAny})
		case c == '?' && star:
			s.symbols = slices.Insert(s.symbols, len(s.symbols)-1, symbol{kind: symOne})
		case c == '?':
			s.symbols = append(s.symbols, symbol{kind: symOne})
		}
	}
}

// fold puts the letters into a form that ignores case as strings.EqualFold does.
func (s shape) fold() shape {
	out := shape{slices.Clone(s.symbols), s.never}
	for i := range out.symbols {
		least := out.symbols[i].char
		for c := unicode.SimpleFold(least); c != out.symbols[i].char; c = unicode.SimpleFold(c) {
			least = min(least, c)
		}
		out.symbols[i].char = least
	}
	return out
}

func (s shape) hasVariable() bool {
	return slices.ContainsFunc(s.symbols, func(y symbol) bool { return y.kind == symVariable })
}

// covers says that every text that p matches, s matches too, whatever the
// variables hold. True is a proof; false may be a lack of one. It is the match
// of a glob against p's symbols: only a star takes a star.
func (s shape) covers(p shape) bool {
	if p.never || s.never {
		return p.never
	}
	q := s.symbols
	qi, pi, star, mark := 0, 0, -1, 0
	for pi < len(p.symbols) {
		switch {
		case qi < len(q) && q[qi].kind == symAny:
			qi++
			star, mark = qi, pi
		case qi < len(q) && q[qi].takes(&p.symbols[pi]):
			qi++
			pi++
		case star < 0:
			return false
		default:
			mark++
			qi, pi = star, mark
		}
	}
	for qi < len(q) && q[qi].kind == symAny {
		qi++
	}
	return qi == len(q)
}

func (q *symbol) takes(p *symbol) bool {
	switch q.kind {
	case symOne:
		return p.kind == symChar || p.kind == symOne
	case symChar:
		return p.kind == symChar && p.char == q.char
	}
	return p.kind == symVariable && equalFold(p.of.key.name, q.of.key.name) && p.of.hasDefault == q.of.hasDefault && p.of.text == q.of.text
}

// maxOverlap bounds the work of overlaps: above it two patterns are taken to
// have matches in common.
const maxOverlap = 1 << 20

// overlaps says whether a text may match both patterns. False is a proof: a
// variable may hold anything.
func (s shape) overlaps(p shape) bool {
	if s.never || p.never {
		return false
	}
	a, b := s.symbols, p.symbols
	if len(a)*len(b) > maxOverlap {
		return true
	}
	// next[j]: the rest of a from i+1 on and the rest of b from j on overlap.
	next, here := make([]bool, len(b)+1), make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				here[j] = true
			case i < len(a) && a[i].free():
				here[j] = next[j] || j < len(b) && here[j+1]
			case j < len(b) && b[j].free():
				here[j] = here[j+1] || i < len(a) && next[j]
			case i < len(a) && j < len(b):
				same := a[i].kind == symOne || b[j].kind == symOne || a[i].char == b[j].char
				here[j] = same && next[j+1]
			default:
				here[j] = false
			}
		}
		next, here = here, next
	}
	return next[0]
}

// free says whether the symbol stands for a run of any characters.
func (q *symbol) free() bool { return q.kind == symAny || q.kind == symVariable }
