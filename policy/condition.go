package policy

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sallyport-iam/sallyport/arn"
)

// condition is one operator on one key, compiled. Only the values of its own
// operator's type are filled.
type condition struct {
	operator
	key    key
	raw    *rawCondition
	bad    bool // a value that isn't of the operator's type
	assume bool // what an unknown operator counts as

	texts    []template
	patterns []pattern
	set      map[string]struct{} // instead of texts, where there are many
	numbers  []decimal
	dates    []int64
	ranges   []netip.Prefix
	arns     []arnPattern
	yes, no  bool // Bool and Null: true, or false, is among the values
	binary   []item
}

// manyTexts is from how many values on a set is quicker than looking at each.
const manyTexts = 8

// newCondition compiles. An operator that isn't known makes an Allow not apply
// and a Deny apply: the safe side of not understanding.
func newCondition(raw *rawCondition, variables, deny bool) condition {
	c := condition{operator: findOperator(raw.operator.text), key: newKey(raw.key.text), raw: raw, assume: deny}
	for _, v := range raw.values {
		if !c.add(v.text, variables) {
			c.bad = true
		}
	}
	if c.test == testBinary {
		c.binary = raw.values
	}
	c.collect()
	return c
}

// add compiles one value and says whether it is of the operator's type.
func (c *condition) add(v string, variables bool) (ok bool) {
	switch c.test {
	case testString, testStringFold:
		c.texts = append(c.texts, newTemplate(v, variables))
	case testStringLike:
		c.patterns = append(c.patterns, newPattern(v, variables))
	case testNumber:
		d, ok := parseDecimal(v)
		if ok {
			c.numbers = append(c.numbers, d)
		}
		return ok
	case testDate:
		sec, ok := parseDate(v)
		if ok {
			c.dates = append(c.dates, sec)
		}
		return ok
	case testBool, testNull:
		yes, ok := parseBool(v)
		c.yes = c.yes || ok && yes
		c.no = c.no || ok && !yes
		return ok
	case testIP:
		r, ok := parseRange(v)
		if ok {
			c.ranges = append(c.ranges, r)
		}
		return ok
	case testARN:
		p, ok := newARNPattern(v, variables)
		if ok {
			c.arns = append(c.arns, p)
		}
		return ok
	}
	return true
}

// collect puts many plain texts into a set.
func (c *condition) collect() {
	if c.test != testString || len(c.texts) < manyTexts {
		return
	}
	for i := range c.texts {
		if c.texts[i].parts != nil || c.texts[i].broken {
			return
		}
	}
	c.set = make(map[string]struct{}, len(c.texts))
	for i := range c.texts {
		c.set[c.texts[i].text] = struct{}{}
	}
}

// holds says whether the request passes the condition.
func (c *condition) holds(ctx *Context) bool {
	if c.test == testUnknown {
		return c.assume
	}
	v := ctx.find(c.key)
	empty := v == nil || v.kind == valueMulti && len(v.many) == 0
	switch {
	case c.test == testNull:
		return empty && c.yes || !empty && c.no
	case c.operator.set == setAll:
		return empty || c.every(v, ctx)
	case c.operator.set == setAny:
		return !empty && c.some(v, ctx)
	case v == nil:
		return c.negated || c.ifExists
	case v.kind == valueMulti:
		return false // a list wants ForAllValues or ForAnyValue
	}
	return c.passes(v, v.one, ctx)
}

func (c *condition) every(v *value, ctx *Context) bool {
	if v.kind != valueMulti {
		return c.passes(v, v.one, ctx)
	}
	for _, s := range v.many {
		if !c.passes(v, s, ctx) {
			return false
		}
	}
	return true
}

func (c *condition) some(v *value, ctx *Context) bool {
	if v.kind != valueMulti {
		return c.passes(v, v.one, ctx)
	}
	for _, s := range v.many {
		if c.passes(v, s, ctx) {
			return true
		}
	}
	return false
}

// passes tests one value s of the request, held by v, against all values of
// the policy. A value of the wrong type on either side fails the test, the
// negated one too.
func (c *condition) passes(v *value, s string, ctx *Context) bool {
	if v.kind == valueInstant && c.test != testDate && c.test != testNumber {
		s = v.text()
	}
	matched, ok := c.matches(v, s, ctx)
	if c.negated {
		return ok && !c.bad && !matched
	}
	return ok && matched
}

// matches is passes without negation. It is not ok if s isn't of the type.
func (c *condition) matches(v *value, s string, ctx *Context) (matched, ok bool) {
	switch c.test {
	case testString, testStringFold:
		return c.matchesText(s, ctx), true
	case testStringLike:
		for i := range c.patterns {
			if c.patterns[i].match(s, ctx) {
				return true, true
			}
		}
		return false, true
	case testNumber:
		return c.matchesNumber(v, s)
	case testDate:
		return c.matchesDate(v, s)
	case testBool:
		yes, ok := parseBool(s)
		return yes && c.yes || !yes && c.no, ok
	case testBinary:
		for _, b := range c.binary {
			if b.text == s {
				return true, true
			}
		}
		return false, true
	case testIP:
		return c.matchesIP(s)
	case testARN:
		return c.matchesARN(s, ctx)
	}
	return false, false
}

func (c *condition) matchesText(s string, ctx *Context) bool {
	if c.set != nil {
		_, in := c.set[s]
		return in
	}
	for i := range c.texts {
		if c.texts[i].equal(s, c.test == testStringFold, ctx) {
			return true
		}
	}
	return false
}

func (c *condition) matchesNumber(v *value, s string) (matched, ok bool) {
	if v.kind == valueInstant {
		if !v.isEpoch() {
			return false, false
		}
		var buf [20]byte
		s = string(strconv.AppendInt(buf[:0], v.sec, 10))
	}
	d, ok := parseDecimal(s)
	if !ok {
		return false, false
	}
	for _, n := range c.numbers {
		if c.order.accepts(d.compare(n)) {
			return true, true
		}
	}
	return false, true
}

func (c *condition) matchesDate(v *value, s string) (matched, ok bool) {
	sec := v.sec
	if v.kind != valueInstant {
		if sec, ok = parseDate(s); !ok {
			return false, false
		}
	}
	for _, d := range c.dates {
		if c.order.accepts(cmp.Compare(sec, d)) {
			return true, true
		}
	}
	return false, true
}

func (c *condition) matchesIP(s string) (matched, ok bool) {
	addr, ok := parseAddr(s)
	if !ok {
		return false, false
	}
	for _, r := range c.ranges {
		if r.Contains(addr) {
			return true, true
		}
	}
	return false, true
}

func (c *condition) matchesARN(s string, ctx *Context) (matched, ok bool) {
	f, n := arn.Split(s)
	if n != arn.Fields || f[0] != "arn" {
		return false, false
	}
	for i := range c.arns {
		m, ok := c.arns[i].match(&f, ctx)
		if !ok && c.negated {
			return false, false
		}
		if m {
			return true, true
		}
	}
	return false, true
}

func parseBool(s string) (yes, ok bool) {
	switch {
	case equalFold(s, "true"):
		return true, true
	case equalFold(s, "false"):
		return false, true
	}
	return false, false
}

// parseAddr reads an address. One of IPv4 that is written in IPv6 is of IPv4.
func parseAddr(s string) (netip.Addr, bool) {
	if strings.IndexByte(s, '%') >= 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// parseRange reads an address or a CIDR range; its host bits are ignored.
func parseRange(s string) (netip.Prefix, bool) {
	if strings.IndexByte(s, '/') < 0 {
		a, ok := parseAddr(s)
		return netip.PrefixFrom(a, a.BitLen()), ok
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}
