package policy

import "fmt"

// Answer is what Compare finds.
type Answer uint8

// The answers of a comparison. The zero value knows nothing.
const (
	Unknown Answer = iota // neither could be shown
	No                    // proven: the second allows nothing that the first doesn't
	Yes                   // shown by an example
)

// String returns the answer as a word in lower case.
func (a Answer) String() string { return [...]string{"unknown", "no", "yes"}[a] }

// MarshalText returns String.
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Comparison says whether one set of policies allows more than another.
type Comparison struct {
	Answer Answer
	// Example is a request that the second set allows and the first doesn't,
	// each taken alone; nil unless the answer is Yes. Its Context holds the keys
	// that matter and no others.
	Example *Request
	// Reason says in a sentence what was found, or what couldn't be decided.
	Reason string
	// Policy and Statement name the statement of the second set that allows
	// more, or that wasn't understood. Policy is nil if the answer is No.
	Policy    *Policy
	Statement int // number in its policy, from 0
}

// CompareOptions help a comparison. The zero value is ready.
type CompareOptions struct {
	// Actions are names of actions that exist, from which examples are taken
	// first. They don't bear on whether the answer is No.
	Actions []string
}

// Bounds of a comparison: pairs of patterns looked at, and parts of statements
// for which an example is sought.
const (
	maxPatternPairs = 20_000_000
	maxOpen         = 40
)

// Compare says whether b allows anything that a doesn't: a review of a change
// asks it with the old and the new policies, and the other way round for what
// the change takes away. Both are judged alone, whatever their kind; of
// resource policies an Allow that names only an account counts less than one
// that names everyone, the user or the role.
//
// No is a proof that holds for any request. It is found if each action and
// resource pattern of each Allow in b lies within one Allow in a, with
// conditions that are at least as narrow, and each Deny in a that could matter
// lies within one in b. Yes comes with an example, which has been evaluated.
// All else is Unknown: a pattern that only several statements cover together, a
// range of dates made of two conditions, more than some twenty million pairs
// of patterns.
func Compare(a, b *Set, opts CompareOptions) Comparison {
	c := newComparer(a, b, opts)
	open := c.open()
	if len(open) == 0 && !c.tooLarge {
		return Comparison{Answer: No, Reason: "each statement that allows lies within one that allowed before"}
	}
	for i := range open[:min(len(open), maxOpen)] {
		if req := c.example(&open[i]); req != nil {
			s := open[i].cell
			return Comparison{Yes, req, c.finding(req), s.policy, s.number}
		}
	}
	if c.tooLarge {
		return Comparison{Reason: fmt.Sprintf("more than %d pairs of patterns to compare", maxPatternPairs)}
	}
	s := open[0].cell
	return Comparison{Reason: open[0].reason(), Policy: s.policy, Statement: s.number}
}

// comparer holds both sides, taken apart.
type comparer struct {
	a, b             *Set
	aAllows, aDenies []*extent
	bAllows, bDenies []*extent
	opts             CompareOptions
	work, tried      int
	tooLarge         bool
	// known remembers what was found of the conditions of statements, which
	// have many cells each.
	known map[[3]*extent]bool
}

// remember returns f(), which is asked once for each three statements.
func (c *comparer) remember(e, d, x *extent, f func() bool) bool {
	key := [3]*extent{e, d, x}
	answer, has := c.known[key]
	if !has {
		answer = f()
		c.known[key] = answer
	}
	return answer
}

func newComparer(a, b *Set, opts CompareOptions) *comparer {
	c := &comparer{a: a, b: b, opts: opts, known: map[[3]*extent]bool{}}
	c.aAllows, c.aDenies = a.extents()
	c.bAllows, c.bDenies = b.extents()
	return c
}

func (s *Set) extents() (allows, denies []*extent) {
	for _, p := range s.Policies() {
		for _, st := range p.statements() {
			switch {
			case idle(st.conditions):
			case st.deny:
				denies = append(denies, newExtent(p, st))
			default:
				allows = append(allows, newExtent(p, st))
			}
		}
	}
	return allows, denies
}

// openCell is a part of a statement of b that isn't shown to be allowed by a.
type openCell struct {
	cell
	deny *extent // of a, which b doesn't have; nil: no Allow of a covers the cell
}

func (o *openCell) reason() string {
	where := fmt.Sprintf("the statement at %d:%d", o.raw.at.line, o.raw.at.col)
	if o.deny != nil {
		return where + fmt.Sprintf(" allows what the first may deny by its statement at %d:%d; no request was found that shows it", o.deny.raw.at.line, o.deny.raw.at.col)
	}
	return where + " isn't within any one statement of the first, and no request was found that only the second allows"
}

// open returns the cells of b's Allows that aren't shown to be allowed by a.
func (c *comparer) open() []openCell {
	var out []openCell
	for _, st := range c.bAllows {
		near := c.fitting(st)
		each := size(near) + size(c.bDenies) + size(c.aDenies)
		for _, x := range st.cells() {
			if c.spend(each); c.tooLarge {
				return out
			}
			if c.denied(&x) {
				continue
			}
			if !covered(&x, near) {
				out = append(out, openCell{cell: x})
				continue
			}
			for _, d := range c.aDenies {
				if c.matters(d, &x) {
					out = append(out, openCell{x, d})
				}
			}
		}
	}
	return out
}

func (c *comparer) spend(n int) {
	c.work += n
	c.tooLarge = c.tooLarge || c.work > maxPatternPairs
}

// size counts the patterns of statements.
func size(of []*extent) int {
	n := 1
	for _, e := range of {
		n += len(e.actions) + len(e.resources) + len(e.principals) + 1
	}
	return n
}

// fitting returns the Allows of a whose conditions hold where st applies.
func (c *comparer) fitting(st *extent) []*extent {
	var out []*extent
	for _, s := range c.aAllows {
		c.spend(1 + len(s.conditions)*len(st.conditions))
		if implied(s.conditions, st.conditions) {
			out = append(out, s)
		}
	}
	return out
}

func covered(x *cell, by []*extent) bool {
	for _, s := range by {
		if s.coversAction(x) && s.coversResource(x) && s.coversPrincipal(x) {
			return true
		}
	}
	return false
}

// denied says that b itself denies the whole cell.
func (c *comparer) denied(x *cell) bool {
	for _, d := range c.bDenies {
		if d.coversAction(x) && d.coversResource(x) && d.coversPrincipal(x) &&
			c.remember(d, nil, x.extent, func() bool { return implied(d.conditions, x.conditions) }) {
			return true
		}
	}
	return false
}

// matters says whether a Deny of a may take something away from the cell that
// no Deny of b takes away too.
func (c *comparer) matters(d *extent, x *cell) bool {
	if !d.meetsAction(x) || !d.meetsResource(x) || !d.meetsPrincipal(x) ||
		c.remember(nil, d, x.extent, func() bool { return excluded(d.conditions, x.conditions) }) {
		return false
	}
	for _, part := range d.cells() {
		if c.spend(2 * size(c.bDenies)); c.tooLarge {
			return true
		}
		if !c.alsoDenied(&part, x) {
			return true
		}
	}
	return false
}

// alsoDenied says that a Deny of b takes all that both cells have in common.
func (c *comparer) alsoDenied(d, x *cell) bool {
	for _, e := range c.bDenies {
		if (e.coversAction(d) || e.coversAction(x)) && (e.coversResource(d) || e.coversResource(x)) &&
			(e.coversPrincipal(d) || e.coversPrincipal(x)) &&
			c.remember(e, d.extent, x.extent, func() bool { return implied(e.conditions, d.conditions, x.conditions) }) {
			return true
		}
	}
	return false
}

// strength says how far a set, taken alone, allows a request: not at all, for
// those whom their account allows too, or wholly.
func (s *Set) strength(q *question) int {
	var granted grant
	for _, p := range s.Policies() {
		v := p.judge(q)
		if v.deny.found() {
			return 0
		}
		granted |= v.grant
	}
	switch granted {
	case 0:
		return 0
	case grantAccount:
		return 1
	}
	return 2
}

// shows says whether the request is allowed by b, and not as far by a.
func (c *comparer) shows(req *Request) bool {
	q := newQuestion(req, &Policies{})
	n := c.b.strength(&q)
	return n > 0 && n > c.a.strength(&q)
}

func (c *comparer) finding(req *Request) string {
	q := newQuestion(req, &Policies{})
	if c.a.strength(&q) > 0 {
		return "the second allows " + req.Action + " on " + req.Resource + " by itself, the first only together with an identity-based policy"
	}
	return "the second allows " + req.Action + " on " + req.Resource
}
