package policy

import (
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
)

// arnPattern is a value of an Arn operator. Without variables it is cut into
// six globs; with variables it is cut after they are filled in, for a variable
// may hold a whole ARN.
type arnPattern struct {
	template
	fields [arn.Fields]glob
}

// newARNPattern says false for a text that can't be an ARN of six fields.
func newARNPattern(text string, variables bool) (arnPattern, bool) {
	p := arnPattern{template: newTemplate(text, variables)}
	if p.parts != nil || p.broken {
		return p, true
	}
	f, n := arn.Split(text)
	for i := range f {
		p.fields[i] = newGlob(f[i])
	}
	return p, n == arn.Fields
}

// match compares field by field, with case. It is not ok if the pattern with
// its variables filled in isn't an ARN.
func (p *arnPattern) match(f *[arn.Fields]string, c *Context) (matched, ok bool) {
	if p.broken {
		return false, true
	}
	if p.parts != nil {
		return p.matchFilled(f, c)
	}
	for i := range f {
		if !p.fields[i].match(f[i]) {
			return false, true
		}
	}
	return true, true
}

func (p *arnPattern) matchFilled(f *[arn.Fields]string, c *Context) (matched, ok bool) {
	var filled [inlineParts]segment
	segs, has := p.fill(filled[:0], c)
	if !has {
		return false, true
	}
	var room [inlineParts + arn.Fields]segment
	cut := room[:0]
	var ends [arn.Fields]int // where in cut each field ends
	field := 0
	for _, seg := range segs {
		for field < arn.Fields-1 {
			i := strings.IndexByte(seg.text, ':')
			if i < 0 {
				break
			}
			cut = append(cut, segment{seg.text[:i], seg.plain})
			ends[field] = len(cut)
			field++
			seg.text = seg.text[i+1:]
		}
		cut = append(cut, seg)
	}
	if field != arn.Fields-1 {
		return false, false
	}
	ends[field] = len(cut)
	begin := 0
	for i := range f {
		if !matchSegments(cut[begin:ends[i]], f[i]) {
			return false, true
		}
		begin = ends[i]
	}
	return true, true
}
