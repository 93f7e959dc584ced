package policy

// ContextKeys returns the condition keys that the policy asks for, in its
// conditions and its variables: each once, as it is first spelled.
func (p *Policy) ContextKeys() []string {
	var keys keyList
	for _, s := range p.statements() {
		for i := range s.resources {
			s.resources[i].tail.variables(keys.add)
		}
		for i := range s.conditions {
			s.conditions[i].keys(keys.add)
		}
	}
	return keys.names
}

// MissingKeys returns the keys that any of the policies asks for and the
// context doesn't hold: each once, as it is first spelled.
func MissingKeys(c *Context, policies ...*Policy) []string {
	var keys keyList
	for _, p := range policies {
		for _, name := range p.ContextKeys() {
			if c.find(newKey(name)) == nil {
				keys.add(name)
			}
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
