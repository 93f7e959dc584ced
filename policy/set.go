package policy

// Set is an index over many policies. It is immutable and may be shared by
// goroutines. A nil Set holds no policies.
type Set struct {
	policies []*Policy
	denies   group
	allows   group
}

// group is the statements of one effect. Few are looked at one by one; many
// are found through an index of actions and resources.
type group struct {
	rules []rule
	index *trie // nil: few
}

// rule is a statement with the policy that it stands in. The zero value is none.
type rule struct {
	*statement
	policy *Policy
}

// fewRules is up to how many statements looking at each is quicker than the
// index, and memory better spent.
const fewRules = 12

// NewSet makes a Set. Nil policies are left out.
func NewSet(policies ...*Policy) *Set {
	s := &Set{}
	for _, p := range policies {
		if p == nil {
			continue
		}
		s.policies = append(s.policies, p)
		s.denies.add(p, p.denies)
		s.allows.add(p, p.allows)
	}
	s.denies.build()
	s.allows.build()
	return s
}

// Policies returns the policies of the set in their order.
func (s *Set) Policies() []*Policy {
	if s == nil {
		return nil
	}
	return s.policies
}

func (g *group) add(p *Policy, statements []statement) {
	for i := range statements {
		g.rules = append(g.rules, rule{&statements[i], p})
	}
}

func (g *group) build() {
	if len(g.rules) <= fewRules {
		return
	}
	g.index = &trie{}
	for i := range g.rules {
		g.index.add(&g.rules[i])
	}
}

// find returns a rule that applies to the question.
func (g *group) find(q *question) rule {
	if g.index != nil {
		return g.index.find(q)
	}
	for i := range g.rules {
		if g.rules[i].applies(q) != 0 {
			return g.rules[i]
		}
	}
	return rule{}
}

func (r rule) found() bool { return r.statement != nil }

// verdict is what policies say to a question.
type verdict struct {
	deny, allow rule
	grant       grant // by which kinds of entry a resource policy allows
}

// judge asks for Denies first: a Deny makes all else irrelevant.
func (s *Set) judge(q *question) verdict {
	if s == nil {
		return verdict{}
	}
	if r := s.denies.find(q); r.found() {
		return verdict{deny: r}
	}
	return verdict{allow: s.allows.find(q)}
}

// judge asks one policy. Of a resource's policy all Allows count, for each may
// name the principal in another way; one that only names its account is told
// last.
func (p *Policy) judge(q *question) verdict {
	if p == nil {
		return verdict{}
	}
	for i := range p.denies {
		if p.denies[i].applies(q) != 0 {
			return verdict{deny: rule{&p.denies[i], p}}
		}
	}
	var v verdict
	for i := range p.allows {
		g := p.allows[i].applies(q)
		if g == 0 {
			continue
		}
		if v.grant == 0 || v.grant == grantAccount && g != grantAccount {
			v.allow = rule{&p.allows[i], p}
		}
		v.grant |= g
	}
	return v
}
