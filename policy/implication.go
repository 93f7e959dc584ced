package policy

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/sallyport-iam/sallyport/arn"
)

// implied says that all conditions hold whenever the premises do. True is a
// proof; false may be a lack of one.
func implied(conditions []condition, premises ...[]condition) bool {
	for i := range conditions {
		c := &conditions[i]
		holds := c.test == testUnknown && c.assume || c.test == testNull && c.yes && c.no
		for _, set := range premises {
			holds = holds || slices.ContainsFunc(set, func(p condition) bool { return p.implies(c) })
		}
		if !holds {
			return false
		}
	}
	return true
}

// excluded says that two of the conditions never hold together.
func excluded(a, b []condition) bool {
	for i := range a {
		for j := range b {
			if a[i].excludes(&b[j]) || b[j].excludes(&a[i]) {
				return true
			}
		}
	}
	return false
}

// idle says whether a statement with these conditions never applies.
func idle(conditions []condition) bool {
	return slices.ContainsFunc(conditions, func(c condition) bool { return c.test == testUnknown && !c.assume })
}

// implies: whenever p holds, so does c.
func (p *condition) implies(c *condition) bool {
	switch {
	case p.test == testUnknown || c.test == testUnknown || !equalFold(p.key.name, c.key.name):
		return false
	case p.test == testNull && c.test == testNull:
		return (!p.yes || c.yes) && (!p.no || c.no)
	case c.test == testNull:
		return c.no && p.needsKey()
	case p.test == testNull || p.operator.set != c.operator.set || p.passesAbsent() && !c.passesAbsent():
		return false
	}
	return p.narrower(c)
}

// needsKey says whether the condition only holds if the key has a value.
func (c *condition) needsKey() bool {
	return c.test != testUnknown && (c.operator.set == setAny || c.operator.set == setNone && !c.negated && !c.ifExists)
}

// passesAbsent says whether the condition holds without its key.
func (c *condition) passesAbsent() bool {
	return c.operator.set == setAll || c.operator.set == setNone && (c.negated || c.ifExists)
}

// narrower: every value that p passes, c passes.
func (p *condition) narrower(c *condition) bool {
	switch {
	case p.bad && p.negated:
		return true
	case c.bad && c.negated:
		return false
	case !p.negated && c.negated:
		return p.apart(c)
	case p.negated && !c.negated || family(p.test) != family(c.test):
		return false
	case p.negated:
		return c.inside(p)
	}
	return p.inside(c)
}

// family puts the tests of texts together.
func family(t test) test {
	if t == testStringFold || t == testStringLike {
		return testString
	}
	return t
}

// inside: every value that matches one of p's texts, matches one of c's. The
// negations are left aside.
func (p *condition) inside(c *condition) bool {
	if family(p.test) != family(c.test) {
		return false
	}
	switch family(p.test) {
	case testString:
		return each(p.shapes(), c.shapes(), func(a, b textShape) bool { return a.inside(b) })
	case testNumber:
		return each(p.numbers, c.numbers, func(a, b decimal) bool { return p.order.inside(c.order, a.compare(b)) })
	case testDate:
		return each(p.dates, c.dates, func(a, b int64) bool { return p.order.inside(c.order, cmp.Compare(a, b)) })
	case testBool:
		return (!p.yes || c.yes) && (!p.no || c.no)
	case testBinary:
		return each(p.binary, c.binary, func(a, b item) bool { return a.text == b.text })
	case testIP:
		return each(p.ranges, c.ranges, func(a, b netip.Prefix) bool { return b.Bits() <= a.Bits() && b.Contains(a.Addr()) })
	case testARN:
		return each(p.arns, c.arns, func(a, b arnPattern) bool { return a.inside(&b) })
	}
	return false
}

// each says that every one of as is inside one of bs.
func each[T any](as, bs []T, inside func(a, b T) bool) bool {
	for _, a := range as {
		if !slices.ContainsFunc(bs, func(b T) bool { return inside(a, b) }) {
			return false
		}
	}
	return true
}

// inside says that values in order o to a are in order q to b, where c
// compares a with b.
func (o order) inside(q order, c int) bool {
	switch {
	case c < 0:
		return q&orderLess != 0 && o&orderGreater == 0
	case c > 0:
		return q&orderGreater != 0 && o&orderLess == 0
	}
	return o&^q == 0
}

// textShape is one value of a String operator.
type textShape struct {
	shape
	folded bool
}

func (c *condition) shapes() []textShape {
	var out []textShape
	for i := range c.texts {
		s := newShape(&c.texts[i], false)
		if c.test == testStringFold {
			s = s.fold()
		}
		out = append(out, textShape{s, c.test == testStringFold})
	}
	for i := range c.patterns {
		out = append(out, textShape{shape: newShape(&c.patterns[i].template, true)})
	}
	return out
}

func (s textShape) inside(t textShape) bool {
	switch {
	case s.folded == t.folded:
		return t.covers(s.shape)
	case t.folded:
		return t.covers(s.fold())
	}
	return t.covers(everything)
}

// overlaps ignores case if either does.
func (s textShape) overlaps(t textShape) bool {
	if s.folded || t.folded {
		return s.fold().overlaps(t.fold())
	}
	return s.shape.overlaps(t.shape)
}

// inside compares patterns field by field. With variables, which may hold
// colons, only equal ones are.
func (p *arnPattern) inside(q *arnPattern) bool {
	switch {
	case p.broken || q.broken:
		return p.broken
	case p.parts != nil || q.parts != nil:
		return p.parts != nil && q.parts != nil && p.text == q.text
	}
	for i := range arn.Fields {
		if !newGlobShape(&q.fields[i], false).covers(newGlobShape(&p.fields[i], false)) {
			return false
		}
	}
	return true
}

// apart: no value that matches one of p's texts matches one of c's. Only texts
// and booleans are looked at.
func (p *condition) apart(c *condition) bool {
	if family(p.test) != testString || family(c.test) != testString {
		return p.test == testBool && c.test == testBool && !(p.yes && c.yes) && !(p.no && c.no)
	}
	theirs := c.shapes()
	for _, s := range p.shapes() {
		if slices.ContainsFunc(theirs, s.overlaps) {
			return false
		}
	}
	return true
}

// excludes: p never holds together with c.
func (p *condition) excludes(c *condition) bool {
	switch {
	case p.test == testUnknown || c.test == testUnknown || !equalFold(p.key.name, c.key.name):
		return false
	case p.test == testNull:
		return p.yes && !p.no && c.test != testNull && c.needsKey() || c.test == testNull && !(p.yes && c.yes) && !(p.no && c.no)
	case c.test == testNull || p.operator.set != setNone || c.operator.set != setNone || p.negated:
		return false
	case p.passesAbsent() && c.passesAbsent():
		return false
	case c.negated:
		return family(p.test) == testString && p.inside(c)
	}
	return p.apart(c)
}
