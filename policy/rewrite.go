package policy

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// RewritePrincipals returns the document's text with each principal replaced
// by what f says for it. All else, also what f leaves alone, stays as it was
// written.
func (p *Policy) RewritePrincipals(f func(NamedPrincipal) string) string {
	named := p.principalItems()
	slices.SortFunc(named, func(a, b NamedPrincipal) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var out strings.Builder
	at := cursor{text: p.text, line: 1, col: 1}
	kept := 0 // up to where the text is in out
	for _, n := range named {
		to := f(n)
		if to == n.Value || n.Type == "*" || !at.seek(n.Line, n.Column) {
			continue
		}
		out.WriteString(p.text[kept:at.off])
		out.WriteString(quotedJSON(to))
		kept = at.off + stringLength(p.text[at.off:])
	}
	out.WriteString(p.text[kept:])
	return out.String()
}

// quotedJSON is s as a JSON string, which needs no escapes for HTML.
func quotedJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s) // into memory, and of a string: it can't fail
	return strings.TrimSuffix(b.String(), "\n")
}

func (p *Policy) principalItems() []NamedPrincipal {
	var out []NamedPrincipal
	for i := range p.doc.statements {
		for _, it := range p.doc.statements[i].principal.items {
			member, v, _ := strings.Cut(it.text, "\x00")
			out = append(out, NamedPrincipal{member, v, int(it.at.line), int(it.at.col)})
		}
	}
	return out
}

// cursor finds the byte that stands at a line and a column.
type cursor struct {
	text           string
	off, line, col int
}

// seek goes forward to a place. It reports whether the place is there.
func (c *cursor) seek(line, col int) bool {
	for c.off < len(c.text) && (c.line != line || c.col != col) {
		r, size := utf8.DecodeRuneInString(c.text[c.off:])
		c.off += size
		c.col++
		if r == '\n' {
			c.line, c.col = c.line+1, 1
		}
	}
	return c.off < len(c.text)
}

// stringLength is the length, in bytes, of the JSON string that begins here.
func stringLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}
