package policy

import (
	"strings"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/arn"
)

// glob is a compiled pattern of *, ? and plain text.
type glob struct {
	text string
	mode globMode
}

type globMode uint8

const (
	globExact globMode = iota // text is plain
	globAll                   // matches everything
	globHead                  // plain text, then a star
	globOther                 // anything else
)

func newGlob(pattern string) glob {
	i := strings.IndexAny(pattern, "*?")
	switch {
	case i < 0:
		return glob{pattern, globExact}
	case pattern == "*":
		return glob{pattern, globAll}
	case i == len(pattern)-1 && pattern[i] == '*':
		return glob{pattern[:i], globHead}
	}
	return glob{pattern, globOther}
}

// match compares with case.
func (g *glob) match(s string) bool {
	switch g.mode {
	case globExact:
		return g.text == s
	case globAll:
		return true
	case globHead:
		return strings.HasPrefix(s, g.text)
	}
	return arn.Glob(g.text, s)
}

// matchFold compares without regard to the case of ASCII letters.
func (g *glob) matchFold(s string) bool {
	switch g.mode {
	case globExact:
		return equalFold(g.text, s)
	case globAll:
		return true
	case globHead:
		return len(s) >= len(g.text) && equalFold(g.text, s[:len(g.text)])
	}
	return arn.GlobFold(g.text, s)
}

// literal returns the plain text that every match begins with.
func (g *glob) literal() string {
	switch g.mode {
	case globAll:
		return ""
	case globOther:
		return g.text[:strings.IndexAny(g.text, "*?")]
	}
	return g.text
}

// segment is a piece of a pattern whose variables have been filled in. In a
// plain one * and ? are themselves.
type segment struct {
	text  string
	plain bool
}

// matchSegments is the two-pointer match over a pattern in pieces. A place in
// the pattern is a piece and an offset in it.
func matchSegments(segs []segment, s string) bool {
	pi, po := skip(segs, 0, 0)
	si, mark, starPi, starPo := 0, 0, -1, 0
	for si < len(s) {
		if pi < len(segs) {
			c := segs[pi].text[po]
			switch {
			case c == '*' && !segs[pi].plain:
				starPi, starPo = skip(segs, pi, po+1)
				pi, po, mark = starPi, starPo, si
				continue
			case c == '?' && !segs[pi].plain:
				_, n := utf8.DecodeRuneInString(s[si:])
				si += n
				pi, po = skip(segs, pi, po+1)
				continue
			case c == s[si]:
				si++
				pi, po = skip(segs, pi, po+1)
				continue
			}
		}
		if starPi < 0 {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[mark:])
		mark += n
		pi, po, si = starPi, starPo, mark
	}
	for pi < len(segs) && segs[pi].text[po] == '*' && !segs[pi].plain {
		pi, po = skip(segs, pi, po+1)
	}
	return pi == len(segs)
}

// skip moves a place that is past the end of its piece to the next piece that
// isn't empty.
func skip(segs []segment, pi, po int) (int, int) {
	for pi < len(segs) && po >= len(segs[pi].text) {
		pi, po = pi+1, 0
	}
	return pi, po
}
