package policy

import (
	"slices"
	"strings"
)

// template is a text that may hold variables.
type template struct {
	text   string // as written
	parts  []part // nil: no variable
	broken bool   // a variable that can't be read: never has a value
}

// part is plain text with wildcards, an escaped character, or a variable.
type part struct {
	segment
	variable   bool
	key        key
	hasDefault bool // then segment.text is what stands for an absent key
}

// newTemplate reads a text. With variables off, as in documents of 2008, "${"
// is plain text.
func newTemplate(text string, variables bool) template {
	t := template{text: text}
	if !variables || !strings.Contains(text, "${") {
		return t
	}
	rest := text
	for rest != "" {
		i := strings.Index(rest, "${")
		if i < 0 {
			i = len(rest)
		}
		if i > 0 {
			t.parts = append(t.parts, part{segment: segment{text: rest[:i]}})
		}
		rest = rest[i:]
		if rest == "" {
			break
		}
		p, n, ok := readVariable(rest)
		if !ok {
			return template{text: text, broken: true}
		}
		t.parts = append(t.parts, p)
		rest = rest[n:]
	}
	return t
}

// readVariable reads "${…}" at the start of s and returns its length.
func readVariable(s string) (part, int, bool) {
	body := s[2:]
	if len(body) >= 2 && body[1] == '}' && strings.IndexByte("*?$", body[0]) >= 0 {
		return part{segment: segment{text: body[:1], plain: true}}, 4, true
	}
	n := strings.IndexAny(body, "}, '${")
	if n <= 0 {
		return part{}, 0, false
	}
	p := part{segment: segment{plain: true}, variable: true, key: newKey(body[:n])}
	rest := strings.TrimLeft(body[n:], " ")
	if strings.HasPrefix(rest, ",") {
		rest = strings.TrimLeft(rest[1:], " ")
		end := -1
		if strings.HasPrefix(rest, "'") {
			end = strings.IndexByte(rest[1:], '\'')
		}
		if end < 0 {
			return part{}, 0, false
		}
		p.text, p.hasDefault = rest[1:1+end], true
		rest = strings.TrimLeft(rest[end+2:], " ")
	} else if len(rest) != len(body)-n {
		return part{}, 0, false // a blank inside the name
	}
	if !strings.HasPrefix(rest, "}") {
		return part{}, 0, false
	}
	return p, len(s) - len(rest) + 1, true
}

// variables calls f for each variable's key.
func (t *template) variables(f func(name string)) {
	for i := range t.parts {
		if t.parts[i].variable {
			f(t.parts[i].key.name)
		}
	}
}

// inlineParts is how many parts are filled in without allocating.
const inlineParts = 12

// fill appends the parts with their values. It reports false if a variable has
// no value: the key is absent or multivalued, and there is no default.
func (t *template) fill(out []segment, c *Context) ([]segment, bool) {
	if t.broken {
		return nil, false
	}
	for i := range t.parts {
		p := &t.parts[i]
		seg := p.segment
		if p.variable {
			v := c.find(p.key)
			switch {
			case v != nil && v.kind != valueMulti:
				seg.text = v.text()
			case !p.hasDefault:
				return nil, false
			}
		}
		out = append(out, seg)
	}
	return out, true
}

// equal says whether s is the text with its variables filled in; wildcards are
// plain characters. fold ignores case.
func (t *template) equal(s string, fold bool, c *Context) bool {
	if t.broken {
		return false
	}
	if t.parts == nil {
		return t.text == s || fold && strings.EqualFold(t.text, s)
	}
	var buf [inlineParts]segment
	segs, ok := t.fill(buf[:0], c)
	if !ok {
		return false
	}
	if fold {
		return equalFoldSegments(segs, s)
	}
	for _, seg := range segs {
		if !strings.HasPrefix(s, seg.text) {
			return false
		}
		s = s[len(seg.text):]
	}
	return s == ""
}

// equalFoldSegments joins the pieces: folding may change the number of bytes,
// so they can't be cut off one by one. Texts of one piece need no joining.
func equalFoldSegments(segs []segment, s string) bool {
	segs = slices.DeleteFunc(segs, func(seg segment) bool { return seg.text == "" })
	switch len(segs) {
	case 0:
		return s == ""
	case 1:
		return strings.EqualFold(segs[0].text, s)
	}
	var b strings.Builder
	for _, seg := range segs {
		b.WriteString(seg.text)
	}
	return strings.EqualFold(b.String(), s)
}

// pattern is a template with wildcards.
type pattern struct {
	template
	glob glob // if there is no variable
}

func newPattern(text string, variables bool) pattern {
	p := pattern{template: newTemplate(text, variables)}
	if p.parts == nil {
		p.glob = newGlob(text)
	}
	return p
}

func (p *pattern) match(s string, c *Context) bool {
	if p.broken {
		return false
	}
	if p.parts == nil {
		return p.glob.match(s)
	}
	var buf [inlineParts]segment
	segs, ok := p.fill(buf[:0], c)
	return ok && matchSegments(segs, s)
}

// literal returns the plain text that every match begins with.
func (p *pattern) literal() string {
	if p.parts == nil {
		return p.glob.literal()
	}
	first := p.parts[0]
	if first.variable {
		return ""
	}
	if first.plain {
		return first.text
	}
	g := newGlob(first.text)
	return g.literal()
}
