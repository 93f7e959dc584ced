package policy

import (
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
)

// target is the resource of a request, cut into its fields once.
type target struct {
	text   string
	isARN  bool
	fields [arn.Fields]string
	head   string // up to and with the fifth colon
}

func newTarget(s string) target {
	t := target{text: s}
	n := 0
	t.fields, n = arn.Split(s)
	if t.isARN = n == arn.Fields; t.isARN {
		t.head = s[:len(s)-len(t.fields[5])]
	}
	return t
}

// resourcePattern is one entry of Resource or NotResource.
type resourcePattern struct {
	text  string
	any   bool // "*"
	never bool // an entry that can't match
	n     int  // fields present; those that are missing match anything
	// head is the text of the first five fields if they hold no wildcard.
	head    string
	isPlain bool
	fields  [arn.Fields - 1]glob
	tail    pattern // the sixth field
}

// newResourcePattern compiles an entry. short says whether missing fields of
// an ARN without a star at its end count as stars.
func newResourcePattern(text string, variables, short bool) resourcePattern {
	p := resourcePattern{text: text}
	if text == "*" {
		p.any = true
		return p
	}
	f, n := arn.Split(text)
	p.n = n
	if n < arn.Fields && !short && !strings.HasSuffix(text, "*") {
		p.never = true
		return p
	}
	p.isPlain = n == arn.Fields
	for i := range min(n, arn.Fields-1) {
		p.fields[i] = newGlob(f[i])
		p.isPlain = p.isPlain && p.fields[i].mode == globExact
	}
	if n == arn.Fields {
		p.tail = newPattern(f[5], variables)
		p.head = text[:len(text)-len(f[5])]
		p.never = p.tail.broken
	}
	// Variables don't stand in the other fields: such an entry never matches,
	// and a NotResource with it is treated as one without a value.
	if variables && strings.Contains(text[:len(text)-len(p.tail.text)], "${") {
		p.never, p.tail = true, pattern{template: template{text: text, broken: true}}
	}
	return p
}

func (p *resourcePattern) match(t *target, c *Context) bool {
	switch {
	case p.any:
		return true
	case p.never || !t.isARN:
		return false
	case p.isPlain:
		return equalFold(p.head, t.head) && p.tail.match(t.fields[5], c)
	}
	for i := range min(p.n, arn.Fields-1) {
		if !p.fields[i].matchFold(t.fields[i]) {
			return false
		}
	}
	return p.n < arn.Fields || p.tail.match(t.fields[5], c)
}

// literal returns what every matching resource begins with; the first five
// fields in lower case.
func (p *resourcePattern) literal() string {
	if p.any || p.never {
		return ""
	}
	var b strings.Builder
	for i := range min(p.n, arn.Fields-1) {
		b.WriteString(lowerASCII(p.fields[i].literal()))
		if p.fields[i].mode != globExact {
			return b.String()
		}
		if i < p.n-1 {
			b.WriteByte(':')
		}
	}
	if p.n == arn.Fields {
		b.WriteString(p.tail.literal())
	}
	return b.String()
}
