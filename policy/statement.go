package policy

// statement is one compiled statement. It is immutable.
type statement struct {
	deny         bool
	notAction    bool
	notResource  bool
	notPrincipal bool
	hasPrincipal bool
	actions      []glob
	manyActions  *trie             // an index of actions, where they are many
	resources    []resourcePattern // nil: the resource that the policy stands on
	principals   []principalEntry
	conditions   []condition
	number       int // in its policy, from 0
	raw          *rawStatement
}

// fewActions is up to how many actions looking at each is quick: AWS's
// ReadOnlyAccess has some 2,000.
const fewActions = 24

// compiler makes statements of a document that is known to be sound. The zero
// value is ready.
type compiler struct {
	kind       Kind
	variables  bool // the document's version has them
	globs      slab[glob]
	resources  slab[resourcePattern]
	conditions slab[condition]
}

func newCompiler(kind Kind, doc *document) *compiler {
	actions, resources, conditions := 0, 0, 0
	for i := range doc.statements {
		actions += len(doc.statements[i].action.items)
		resources += len(doc.statements[i].resource.items)
		conditions += len(doc.statements[i].conditions)
	}
	return &compiler{
		kind, doc.version.text == version2012,
		newSlab[glob](actions), newSlab[resourcePattern](resources), newSlab[condition](conditions),
	}
}

func (c *compiler) statement(raw *rawStatement, number int) statement {
	s := statement{
		deny:         raw.effect.text == "Deny",
		notAction:    raw.action.not,
		notResource:  raw.resource.not,
		notPrincipal: raw.principal.not,
		hasPrincipal: raw.principal.present,
		number:       number,
		raw:          raw,
	}
	s.actions = c.globs.take(len(raw.action.items))
	for _, a := range raw.action.items {
		s.actions = append(s.actions, newGlob(lowerASCII(a.text)))
	}
	if len(s.actions) > fewActions {
		s.manyActions = newActionTrie(s.actions)
	}
	short := shortARNs(c.kind, s.deny)
	s.resources = c.resources.take(len(raw.resource.items))
	for _, r := range raw.resource.items {
		s.resources = append(s.resources, newResourcePattern(r.text, c.variables, short))
	}
	for _, p := range raw.principal.items {
		s.principals = append(s.principals, newPrincipalEntry(p.text))
	}
	s.conditions = c.conditions.take(len(raw.conditions))
	for i := range raw.conditions {
		s.conditions = append(s.conditions, newCondition(&raw.conditions[i], c.variables, s.deny))
	}
	return s
}

// shortARNs says whether an ARN that lacks fields, and has no star at its end,
// stands for all that begins with it. AWS saves such ARNs in identity policies
// only. In organization policies, which should have none, they only deny.
func shortARNs(kind Kind, deny bool) bool {
	switch kind {
	case Resource, Trust:
		return false
	case SCP, RCP:
		return deny
	}
	return true
}

// matchAction compares an action with Action or NotAction.
func (s *statement) matchAction(action string) bool {
	if s.manyActions != nil {
		return s.manyActions.matches(action) != s.notAction
	}
	for i := range s.actions {
		if s.actions[i].matchFold(action) {
			return !s.notAction
		}
	}
	return s.notAction
}

// matchResource compares a resource with Resource or NotResource.
func (s *statement) matchResource(t *target, ctx *Context) bool {
	if !s.raw.resource.present {
		return true
	}
	for i := range s.resources {
		if s.resources[i].match(t, ctx) {
			return !s.notResource
		}
	}
	return s.notResource && (s.deny || s.resolves(ctx))
}

// resolves says whether all variables of the entries have values. A
// NotResource with one that hasn't would, in an Allow, allow what it was
// written to leave out.
func (s *statement) resolves(ctx *Context) bool {
	for i := range s.resources {
		t := &s.resources[i].tail.template
		if t.broken {
			return false
		}
		if t.parts != nil {
			var buf [inlineParts]segment
			if _, ok := t.fill(buf[:0], ctx); !ok {
				return false
			}
		}
	}
	return true
}

// matchConditions returns the first condition that doesn't hold, or nil.
func (s *statement) matchConditions(ctx *Context) *condition {
	for i := range s.conditions {
		if !s.conditions[i].holds(ctx) {
			return &s.conditions[i]
		}
	}
	return nil
}

// applies says whether the statement speaks of the request, and by which kind
// of principal entry. 0 means it doesn't.
func (s *statement) applies(q *question) grant {
	if !s.matchAction(q.action) || !s.matchResource(&q.target, q.ctx) {
		return 0
	}
	g := s.matchPrincipal(q.principal, q.limited, q.ctx)
	if g == 0 || s.matchConditions(q.ctx) != nil {
		return 0
	}
	return g
}

// question is a request, made ready for matching.
type question struct {
	action    string
	target    target
	principal *Principal
	limited   bool // the principal has a permissions boundary
	ctx       *Context
}
