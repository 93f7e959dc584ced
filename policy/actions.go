package policy

import (
	"cmp"
	"slices"
	"strings"
)

// Actions is a list of action names, ready to be decided all at once. It is
// immutable and may be shared by goroutines.
type Actions struct {
	names  []string // as given
	folded []string // in lower case and in order
	at     []int32  // where in names each of folded stands
	class  []actionClass
	whole  bitset // all of them
}

// actionClass tells apart the actions that Evaluate treats in ways of their own.
type actionClass uint8

const (
	classPlain actionClass = iota
	classAlways
	classAssume
	classRole
	classKey
)

func classOf(action string) actionClass {
	switch {
	case alwaysAllowed(action):
		return classAlways
	case isAssumeRole(action):
		return classAssume
	case isRoleAction(action):
		return classRole
	case foldPrefix(action, "kms:"):
		return classKey
	}
	return classPlain
}

// NewActions makes a list of names as in s3:GetObject, without wildcards: the
// actions of one service, or any others.
func NewActions(names ...string) *Actions {
	n := len(names)
	a := &Actions{
		names: slices.Clone(names), folded: make([]string, n), at: make([]int32, n),
		class: make([]actionClass, n), whole: newBitset(n),
	}
	lowered := make([]string, n)
	for i, name := range names {
		lowered[i], a.at[i] = lowerASCII(name), int32(i)
	}
	slices.SortStableFunc(a.at, func(i, j int32) int { return cmp.Compare(lowered[i], lowered[j]) })
	for i, from := range a.at {
		a.folded[i] = lowered[from]
		a.class[i] = classOf(lowered[from])
		a.whole.set(i)
	}
	return a
}

// bitset holds numbers of actions in their order.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }

func (b bitset) or(c bitset) {
	for i := range b {
		b[i] |= c[i]
	}
}

// fill sets the numbers from i up to but not j.
func (b bitset) fill(i, j int) {
	for i < j {
		n := min(j-i, 64-i%64)
		b[i/64] |= (^uint64(0) >> (64 - n)) << (i % 64)
		i += n
	}
}

// covers says whether b holds all numbers of c.
func (b bitset) covers(c bitset) bool {
	for i := range b {
		if c[i]&^b[i] != 0 {
			return false
		}
	}
	return true
}

// mark sets the actions that the pattern covers.
func (a *Actions) mark(out bitset, g *glob) {
	if g.mode == globAll {
		out.or(a.whole)
		return
	}
	head := g.literal()
	i, _ := slices.BinarySearch(a.folded, head)
	for ; i < len(a.folded) && strings.HasPrefix(a.folded[i], head); i++ {
		switch {
		case g.mode == globHead:
			j := i + prefixEnd(a.folded[i:], head)
			out.fill(i, j)
			return
		case g.match(a.folded[i]):
			out.set(i)
		case g.mode == globExact:
			return
		}
	}
}

// prefixEnd returns how many of the sorted names, from the first on, begin
// with head.
func prefixEnd(names []string, head string) int {
	n, _ := slices.BinarySearchFunc(names, head, func(name, head string) int {
		if strings.HasPrefix(name, head) {
			return -1
		}
		return 1
	})
	return n
}

// allowance is what policies of one type say to each of the actions.
type allowance struct {
	denied  bitset
	allowed bitset
	room    bitset // for one statement
	// onResource says to note in grants by which kinds of principal entry the
	// statements allow.
	onResource bool
	grants     [8]bitset
}

func (a *Actions) newAllowance() *allowance {
	n := len(a.names)
	return &allowance{denied: newBitset(n), allowed: newBitset(n), room: newBitset(n)}
}

// ask adds what one statement says. What it asks first is cheapest.
func (w *allowance) ask(a *Actions, s *statement, q *question) {
	if !s.matchResource(&q.target, q.ctx) {
		return
	}
	done := w.allowed
	if s.deny {
		done = w.denied
	}
	clear(w.room)
	for i := range s.actions {
		a.mark(w.room, &s.actions[i])
	}
	if s.notAction {
		for i := range w.room {
			w.room[i] = a.whole[i] &^ w.room[i]
		}
	}
	if !w.onResource && done.covers(w.room) {
		return
	}
	g := s.matchPrincipal(q.principal, q.limited, q.ctx)
	if g == 0 || s.matchConditions(q.ctx) != nil {
		return
	}
	done.or(w.room)
	if s.deny || !w.onResource {
		return
	}
	for kind := range w.grants {
		if g>>kind&1 == 0 {
			continue
		}
		if w.grants[kind] == nil {
			w.grants[kind] = newBitset(len(a.names))
		}
		w.grants[kind].or(w.room)
	}
}

func (w *allowance) askSet(a *Actions, s *Set, q *question) {
	for _, p := range s.Policies() {
		w.askPolicy(a, p, q)
	}
}

func (w *allowance) askPolicy(a *Actions, p *Policy, q *question) {
	if p == nil {
		return
	}
	for i := range p.denies {
		w.ask(a, &p.denies[i], q)
	}
	for i := range p.allows {
		w.ask(a, &p.allows[i], q)
	}
}

// AllowedActions returns those of the actions that Evaluate would allow in the
// request, in the order in which they were given to NewActions. The request's
// own Action is ignored. Each statement is compared with the request once, not
// once for each action.
func AllowedActions(req *Request, in *Policies, actions *Actions) []string {
	s := newSurvey(req, in, actions)
	allowed := make([]bool, len(actions.names))
	for i, at := range actions.at {
		allowed[at] = s.allows(i)
	}
	out := make([]string, 0, len(allowed))
	for i, ok := range allowed {
		if ok {
			out = append(out, actions.names[i])
		}
	}
	return out
}

// survey is what all policies say to all actions.
type survey struct {
	req                                   Request
	in                                    *Policies
	actions                               *Actions
	denied                                bitset
	scp                                   []bitset // by level
	resource, identity, boundary, session *allowance
	last                                  outlook // what was decided last
	answer                                bool
}

// outlook is all that a decision depends on. Most actions have the same.
type outlook struct {
	known, scp, identity, boundary, session bool
	grant                                   grant
	class                                   actionClass
}

func newSurvey(req *Request, in *Policies, a *Actions) *survey {
	s := &survey{req: *req, in: in, actions: a, denied: newBitset(len(a.names))}
	q := newQuestion(req, in)
	p := q.principal
	ask := func(set *Set, one *Policy) *allowance {
		w := a.newAllowance()
		w.onResource = one != nil && one == in.Resource
		w.askSet(a, set, &q)
		w.askPolicy(a, one, &q)
		s.denied.or(w.denied)
		return w
	}
	if rcpsBind(p) {
		for _, level := range in.RCPs {
			ask(level, nil)
		}
	}
	if scpsBind(p) {
		for _, level := range in.SCPs {
			s.scp = append(s.scp, ask(level, nil).allowed)
		}
	}
	s.resource = ask(nil, in.Resource)
	if p.hasPolicies() {
		s.identity, s.boundary, s.session = ask(in.Identity, nil), ask(nil, in.Boundary), ask(in.Session, nil)
	}
	return s
}

// allows decides one action by its number in order.
func (s *survey) allows(i int) bool {
	class := s.actions.class[i]
	switch {
	case class == classAlways:
		return true
	case s.denied.has(i):
		return false
	}
	one := outlook{known: true, class: class}
	for _, level := range s.scp {
		one.scp = one.scp || !level.has(i)
	}
	for kind, b := range s.resource.grants {
		if b != nil && b.has(i) {
			one.grant |= 1 << kind
		}
	}
	if s.identity != nil {
		one.identity, one.boundary, one.session = s.identity.allowed.has(i), s.boundary.allowed.has(i), s.session.allowed.has(i)
	}
	if one != s.last {
		s.last = one
		s.answer = s.decide(&one, i)
	}
	return s.answer
}

// decide asks the same function as Evaluate.
func (s *survey) decide(one *outlook, i int) bool {
	some := rule{&statement{}, nil}
	says := func(allows bool) verdict {
		if allows {
			return verdict{allow: some}
		}
		return verdict{}
	}
	v := verdicts{identity: says(one.identity), boundary: says(one.boundary), session: says(one.session), resource: says(one.grant != 0)}
	v.resource.grant = one.grant
	if one.scp {
		v.scp = 1
	}
	s.req.Action = s.actions.folded[i]
	return v.decide(&s.req, s.in).Allowed()
}
