package policy

import (
	"cmp"
	"slices"
)

// ContextKeys returns the condition keys that the policy asks for, in its
// conditions and its variables: each once, as it is first spelled.
func (p *Policy) ContextKeys() []string { return ContextKeys(p) }

// ContextKeys returns the condition keys that the policies ask for, in their
// order: what GetContextKeysForCustomPolicy answers. Each stands there once, in
// its first spelling. Nil policies are left out.
func ContextKeys(policies ...*Policy) []string {
	var keys keyList
	for _, p := range policies {
		if p != nil {
			p.eachKey(keys.add)
		}
	}
	return keys.names
}

// eachKey calls f for the keys in the order of the document.
func (c *compiled) eachKey(f func(name string)) {
	type place struct {
		at   position
		name string
	}
	var found []place
	for _, s := range c.statements() {
		for i := range s.resources {
			s.resources[i].tail.variables(func(name string) {
				found = append(found, place{s.raw.resource.items[i].at, name})
			})
		}
		for i := range s.conditions {
			s.conditions[i].keys(func(name string) {
				found = append(found, place{s.conditions[i].raw.key.at, name})
			})
		}
	}
	slices.SortStableFunc(found, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.at.line, b.at.line), cmp.Compare(a.at.col, b.at.col))
	})
	for _, x := range found {
		f(x.name)
	}
}

// MissingKeys returns the keys that any of the policies asks for and the
// context doesn't hold: each once, as it is first spelled.
func MissingKeys(c *Context, policies ...*Policy) []string {
	var keys keyList
	for _, name := range ContextKeys(policies...) {
		if c.find(newKey(name)) == nil {
			keys.add(name)
		}
	}
	return keys.names
}

// statements returns the statements in the order of the document.
func (c *compiled) statements() []*statement {
	out := make([]*statement, len(c.denies)+len(c.allows))
	for i := range c.denies {
		out[c.denies[i].number] = &c.denies[i]
	}
	for i := range c.allows {
		out[c.allows[i].number] = &c.allows[i]
	}
	return out
}

// keys calls f for the condition's key and the variables of its values.
func (c *condition) keys(f func(name string)) {
	f(c.key.name)
	for i := range c.texts {
		c.texts[i].variables(f)
	}
	for i := range c.patterns {
		c.patterns[i].variables(f)
	}
	for i := range c.arns {
		c.arns[i].variables(f)
	}
}

// keyList holds keys without regard to their case.
type keyList struct {
	names []string
	seen  map[string]bool
}

func (l *keyList) add(name string) {
	folded := lowerASCII(name)
	if l.seen[folded] {
		return
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	l.seen[folded] = true
	l.names = append(l.names, name)
}
