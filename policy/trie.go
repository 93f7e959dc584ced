package policy

import "strings"

// trie finds the statements that may apply to a question. Its keys are the
// plain texts that patterns begin with: first of actions, and below each of
// resources. A walk along the action, and from each place that holds
// statements along the resource, passes all candidates and few others.
type trie struct {
	edge   string // the text between the parent and here
	first  string // the first bytes of the children's edges
	kids   []*trie
	deeper *trie   // by resource, in the trie of a set's actions
	rules  []*rule // in the trie of resources
	globs  []*glob // in the trie of a statement's actions
}

// maxPairs bounds how often one statement is entered: one entry for each pair
// of action and resource. Above it, its resources aren't indexed.
const maxPairs = 512

// add enters a rule under each of its actions and resources.
func (t *trie) add(r *rule) {
	resources := r.resourceKeys()
	actions := r.actionKeys()
	if len(actions)*len(resources) > maxPairs {
		resources = []string{""}
	}
	for _, a := range actions {
		at := t.place(a)
		if at.deeper == nil {
			at.deeper = &trie{}
		}
		for _, key := range resources {
			leaf := at.deeper.place(key)
			if n := len(leaf.rules); n == 0 || leaf.rules[n-1] != r {
				leaf.rules = append(leaf.rules, r)
			}
		}
	}
}

func (s *statement) actionKeys() []string {
	if s.notAction {
		return []string{""}
	}
	keys := make([]string, 0, len(s.actions))
	for i := range s.actions {
		keys = append(keys, s.actions[i].literal())
	}
	return keys
}

func (s *statement) resourceKeys() []string {
	if s.notResource || !s.raw.resource.present {
		return []string{""}
	}
	keys := make([]string, 0, len(s.resources))
	for i := range s.resources {
		if !s.resources[i].never {
			keys = append(keys, s.resources[i].literal())
		}
	}
	return keys
}

// place returns the node of a key, which it makes if it isn't there.
func (t *trie) place(key string) *trie {
	for key != "" {
		i := strings.IndexByte(t.first, key[0])
		if i < 0 {
			kid := &trie{edge: key}
			t.first += key[:1]
			t.kids = append(t.kids, kid)
			return kid
		}
		kid := t.kids[i]
		n := common(kid.edge, key)
		if n < len(kid.edge) {
			mid := &trie{edge: kid.edge[:n], first: kid.edge[n : n+1], kids: []*trie{kid}}
			kid.edge = kid.edge[n:]
			t.kids[i] = mid
			kid = mid
		}
		t, key = kid, key[n:]
	}
	return t
}

func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// next returns the child along s, whose first fold bytes compare without case.
func (t *trie) next(s string, fold int) *trie {
	if s == "" {
		return nil
	}
	c := s[0]
	if fold > 0 {
		c = lower(c)
	}
	i := strings.IndexByte(t.first, c)
	if i < 0 {
		return nil
	}
	kid := t.kids[i]
	if len(kid.edge) > len(s) {
		return nil
	}
	n := min(max(fold, 0), len(kid.edge))
	if kid.edge[n:] != s[n:len(kid.edge)] || !equalFold(kid.edge[:n], s[:n]) {
		return nil
	}
	return kid
}

// newActionTrie is an index of one statement's actions.
func newActionTrie(actions []glob) *trie {
	t := &trie{}
	for i := range actions {
		at := t.place(actions[i].literal())
		at.globs = append(at.globs, &actions[i])
	}
	return t
}

// matches says whether any of a statement's actions covers one.
func (t *trie) matches(action string) bool {
	for s := action; t != nil; {
		for _, g := range t.globs {
			if g.matchFold(action) {
				return true
			}
		}
		if t = t.next(s, len(s)); t != nil {
			s = s[len(t.edge):]
		}
	}
	return false
}

// find walks the trie of actions.
func (t *trie) find(q *question) rule {
	for s := q.action; ; {
		if t.deeper != nil {
			if r := t.deeper.findResource(q); r.found() {
				return r
			}
		}
		if t = t.next(s, len(s)); t == nil {
			return rule{}
		}
		s = s[len(t.edge):]
	}
}

func (t *trie) findResource(q *question) rule {
	fold := len(q.target.head)
	for s := q.target.text; ; {
		for _, r := range t.rules {
			if r.applies(q) != 0 {
				return *r
			}
		}
		if t = t.next(s, fold); t == nil {
			return rule{}
		}
		s = s[len(t.edge):]
		fold -= len(t.edge)
	}
}
