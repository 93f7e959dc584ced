package policy

import (
	"slices"
	"strings"
)

// document is a policy as it is written: read, but not yet judged.
type document struct {
	version    item
	id         item
	statements []rawStatement
	hasStmts   bool // the member Statement is there
	at         position
}

// item is one text and where it stands. Not present means no place.
type item struct {
	text string
	at   position
}

func (i item) present() bool { return i.at.line != 0 }

// element is Action, Resource or Principal, or its negated twin.
type element struct {
	present, not bool
	both         bool // the twin is there as well
	items        []item
	at           position
}

type rawStatement struct {
	at, start, end            position
	sid, effect               item
	action, resource          element
	principal                 element // items are "TYPE\x00value", or "*"
	principalText, principals bool    // Principal is a plain text; is a map
	badPrincipal              item    // a member that no principal map has
	conditions                []rawCondition
}

type rawCondition struct {
	operator, key item
	values        []item
}

// reader turns JSON into a document and stops at the first wrong type, unknown
// member or nested list.
type reader struct {
	kind  Kind
	err   *Error
	items slab[item]
}

func (r *reader) fail(at position, format string, args ...any) {
	if r.err == nil {
		r.err = fault(at, msgSyntax, format, args...)
	}
}

// unknown refuses a member that an object, what, doesn't have. Of trust policies,
// AWS tells its name.
func (r *reader) unknown(m *member, what string) {
	if r.err != nil {
		return
	}
	r.fail(m.at, "%s has no member %q", what, m.name)
	if r.kind == Trust {
		r.err.Message = "Unknown field " + m.name
	}
}

// read returns the document. Its error has no message if the text isn't JSON,
// for the words depend on the kind of policy.
func read(text string, kind Kind) (*document, *Error) {
	s := newScanner(text)
	defer s.done()
	root := s.scan()
	if s.err != nil {
		return nil, s.err
	}
	r := &reader{kind: kind, items: newSlab[item](s.texts)}
	d := r.document(&root)
	return d, r.err
}

func (r *reader) document(n *node) *document {
	d := &document{at: n.at}
	if n.kind != nodeObject {
		r.fail(n.at, "a policy is a JSON object")
		return d
	}
	for i := range n.members {
		m := &n.members[i]
		switch m.name {
		case "Version":
			d.version = r.text(m)
		case "Id":
			d.id = r.text(m)
		case "Statement":
			d.hasStmts = true
			d.at = m.at
			r.statements(d, &m.value)
		default:
			r.unknown(m, "a policy")
		}
	}
	return d
}

func (r *reader) text(m *member) item {
	if m.value.kind != nodeText {
		r.fail(m.value.at, "%s must be a string", m.name)
	}
	return item{m.value.text, m.value.at}
}

func (r *reader) statements(d *document, n *node) {
	if n.kind != nodeList {
		n.after = position{n.at.line, n.at.col + 1}
		r.statement(d, n)
		return
	}
	d.statements = make([]rawStatement, 0, len(n.members))
	for i := range n.members {
		r.statement(d, &n.members[i].value)
	}
}

func (r *reader) statement(d *document, n *node) {
	if n.kind != nodeObject {
		r.fail(n.at, "a statement is a JSON object")
		return
	}
	st := rawStatement{at: n.at, start: n.after, end: n.end}
	for i := range n.members {
		m := &n.members[i]
		switch m.name {
		case "Sid":
			st.sid = r.text(m)
		case "Effect":
			st.effect = r.text(m)
		case "Action", "NotAction":
			r.element(&st.action, m)
		case "Resource", "NotResource":
			r.element(&st.resource, m)
		case "Principal", "NotPrincipal":
			r.principal(&st, m)
		case "Condition":
			r.conditions(&st, &m.value)
		default:
			r.unknown(m, "a statement")
		}
	}
	d.statements = append(d.statements, st)
}

// begin notes that an element is there, in the form of m's name.
func (e *element) begin(m *member) {
	e.both = e.present
	e.present, e.at = true, m.at
	e.not = strings.HasPrefix(m.name, "Not")
}

func (r *reader) element(e *element, m *member) {
	e.begin(m)
	e.items = r.texts(e.items, m.name, &m.value, "")
}

// grown returns the items with room for n more.
func (r *reader) grown(items []item, n int) []item {
	if len(items) > 0 {
		return slices.Grow(items, n)
	}
	return r.items.take(n)
}

// texts takes a string or a list of strings.
func (r *reader) texts(out []item, name string, n *node, prefix string) []item {
	switch n.kind {
	case nodeText:
		return append(r.grown(out, 1), item{prefix + n.text, n.at})
	case nodeList:
		out = r.grown(out, len(n.members))
		for i := range n.members {
			v := &n.members[i].value
			if v.kind != nodeText {
				r.fail(v.at, "%s takes a string or a list of strings", name)
				return out
			}
			out = append(out, item{prefix + v.text, v.at})
		}
		return out
	}
	r.fail(n.at, "%s takes a string or a list of strings", name)
	return out
}

// principal takes "*" or the map of principals.
func (r *reader) principal(st *rawStatement, m *member) {
	st.principal.begin(m)
	switch m.value.kind {
	case nodeText:
		st.principalText = true
		st.principal.items = append(st.principal.items, item{m.value.text, m.value.at})
	case nodeObject:
		st.principals = true
		for i := range m.value.members {
			pm := &m.value.members[i]
			switch pm.name {
			case "AWS", "Service", "Federated", "CanonicalUser":
				st.principal.items = r.texts(st.principal.items, pm.name, &pm.value, pm.name+"\x00")
			default:
				st.badPrincipal = item{pm.name, pm.at}
			}
		}
	}
}

// misplaced says whether Principal is neither a text nor a map. Its message
// depends on the kind of policy.
func (s *rawStatement) misplaced() bool {
	return s.principal.present && !s.principalText && !s.principals
}

func (r *reader) conditions(st *rawStatement, n *node) {
	if n.kind != nodeObject {
		r.fail(n.at, "Condition is a JSON object")
		return
	}
	keys := 0
	for i := range n.members {
		keys += len(n.members[i].value.members)
	}
	st.conditions = make([]rawCondition, 0, keys)
	for i := range n.members {
		op := &n.members[i]
		if op.value.kind != nodeObject {
			r.fail(op.value.at, "operator %s takes an object of keys", op.name)
			return
		}
		for j := range op.value.members {
			key := &op.value.members[j]
			st.conditions = append(st.conditions, rawCondition{
				operator: item{op.name, op.at},
				key:      item{key.name, key.at},
				values:   r.values(&key.value),
			})
		}
	}
}

// values takes a string, number or boolean, or a list of them.
func (r *reader) values(n *node) []item {
	switch n.kind {
	case nodeText, nodeNumber, nodeBool:
		return append(r.items.take(1), item{n.text, n.at})
	case nodeList:
		out := r.items.take(len(n.members))
		for i := range n.members {
			v := &n.members[i].value
			if v.kind != nodeText && v.kind != nodeNumber && v.kind != nodeBool {
				r.fail(v.at, "a condition value is a string, a number or a boolean")
				return out
			}
			out = append(out, item{v.text, v.at})
		}
		return out
	}
	r.fail(n.at, "a condition value is a string, a number or a boolean, or a list of them")
	return nil
}
