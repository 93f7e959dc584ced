package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Validation is what Validate needs to know besides the document.
type Validation struct {
	Kind    Kind
	Catalog Catalog // nil: services, actions and service keys are taken as they are
}

// Validate says what Access Analyzer's ValidatePolicy says of a document, in
// the order of the document. It goes on after an error: other than Parse, it
// tells all of them, up to 1000. A text that isn't JSON has one finding.
func Validate(text string, opts Validation) []Finding {
	s := newScanner(text)
	defer s.done()
	root := s.scan()
	v := &validator{text: text, Validation: opts, lines: lineOffsets(text)}
	if opts.Catalog != nil {
		v.Catalog = remembered(opts.Catalog)
	}
	if s.err != nil {
		at := position{int32(max(s.err.Line, 1)), int32(max(s.err.Column, 1))}
		p := v.place(at)
		v.report("JSON_SYNTAX_ERROR", []Location{{Start: p, End: p}}, p.Offset, p.Line, p.Column)
		return v.found
	}
	v.document(&root)
	v.size()
	slices.SortStableFunc(v.found, func(a, b Finding) int {
		return cmp.Compare(a.Locations[0].Start.Offset, b.Locations[0].Start.Offset)
	})
	return v.found
}

// remembered asks a catalog once for each service.
func remembered(catalog Catalog) Catalog {
	known := map[string]*Reference{}
	return func(prefix string) *Reference {
		ref, asked := known[prefix]
		if !asked {
			ref = catalog(prefix)
			known[prefix] = ref
		}
		return ref
	}
}

// validator looks at one document.
type validator struct {
	Validation
	text      string
	lines     []int // the offset of each line's first character
	variables bool  // the document's version has them
	compared  int   // pairs so far
	found     []Finding
}

// Limits that keep documents made to be slow from being that. No honest policy
// reaches them.
const (
	maxFindings    = 1000    // then no more are told
	maxComparisons = 1 << 20 // of actions and resources with each other, and of keys with actions
)

func (v *validator) full() bool { return len(v.found) >= maxFindings }

// mayCompare says whether n pairs more may be looked at.
func (v *validator) mayCompare(n int) bool {
	v.compared += n
	return v.compared <= maxComparisons
}

// lineOffsets are the offsets, in characters, at which lines begin.
func lineOffsets(text string) []int {
	lines := []int{0}
	n := 0
	for _, c := range text {
		n++
		if c == '\n' {
			lines = append(lines, n)
		}
	}
	return lines
}

func (v *validator) place(at position) Place {
	line := min(int(at.line), len(v.lines))
	return Place{Line: line, Column: int(at.col) - 1, Offset: v.lines[line-1] + int(at.col) - 1}
}

// span is a part of the document with its way there.
type span struct {
	path    []PathElement
	at, end position
}

func (v *validator) location(s span) Location {
	return Location{Path: s.path, Start: v.place(s.at), End: v.place(s.end)}
}

// report adds a finding with the text of its code.
func (v *validator) report(code string, at []Location, args ...any) {
	if v.full() {
		return
	}
	i := issues[code]
	details := i.text
	if len(args) > 0 {
		details = fmt.Sprintf(i.text, args...)
	}
	v.found = append(v.found, Finding{Type: i.kind, Code: code, Details: details, Locations: at})
}

// at reports a finding at one part.
func (v *validator) at(s span, code string, args ...any) {
	v.report(code, []Location{v.location(s)}, args...)
}

// child is the way to the value of a member, or to an item.
func child(path []PathElement, e PathElement) []PathElement {
	return append(slices.Clip(path), e)
}

// located is a value and its place.
type located struct {
	span
	*node
}

// member is the value of a member.
func (o located) member(m *member) located {
	return located{span{child(o.path, PathElement{Member: m.name}), m.value.at, m.value.end}, &m.value}
}

// item is an item of a list.
func (o located) item(i int) located {
	n := &o.members[i].value
	return located{span{child(o.path, PathElement{Index: i}), n.at, n.end}, n}
}

// name is the name of a member.
func (v *validator) name(o located, m *member) span {
	start := v.place(m.at)
	end := m.at
	if v.full() {
		return span{o.path, m.at, m.at} // nobody is told
	}
	if i := byteOffset(v.text, start.Offset); i < len(v.text) {
		end.col += int32(utf8.RuneCountInString(v.text[i : i+stringLength(v.text[i:])]))
	}
	return span{child(o.path, PathElement{Member: m.name, Name: true}), m.at, end}
}

// byteOffset is where the nth character begins.
func byteOffset(text string, n int) int {
	for i := range text {
		if n == 0 {
			return i
		}
		n--
	}
	return len(text)
}

// leaf is a text with its place.
type leaf struct {
	span
	text string
}

// string wants a string.
func (v *validator) string(o located) (leaf, bool) {
	if o.kind != nodeText {
		v.at(o.span, "DATA_TYPE_MISMATCH", "String")
		return leaf{}, false
	}
	return leaf{o.span, o.node.text}, true
}

// strings wants a string or a list of strings.
func (v *validator) strings(o located) []leaf {
	if o.kind != nodeList {
		l, ok := v.string(o)
		if !ok {
			return nil
		}
		return []leaf{l}
	}
	var all []leaf
	for i := range o.members {
		if l, ok := v.string(o.item(i)); ok {
			all = append(all, l)
		}
	}
	return all
}

func (v *validator) document(root *node) {
	doc := located{span{nil, root.at, root.end}, root}
	if root.kind != nodeObject {
		v.at(doc.span, "DATA_TYPE_MISMATCH", "Object")
		return
	}
	members := v.members(doc, "Version", "Id", "Statement")
	v.version(doc, members["Version"])
	if id := members["Id"]; id != nil {
		v.string(doc.member(id))
	}
	m := members["Statement"]
	if m == nil {
		v.at(doc.span, "MISSING_STATEMENT")
		return
	}
	v.statements(doc.member(m))
}

// members are an object's by name; it reports those that have no business there.
func (v *validator) members(o located, known ...string) map[string]*member {
	found := map[string]*member{}
	for i := range o.members {
		m := &o.members[i]
		if !slices.Contains(known, m.name) {
			v.at(v.name(o, m), "INVALID_POLICY_ELEMENT", m.name)
			continue
		}
		found[m.name] = m
	}
	return found
}

func (v *validator) version(doc located, m *member) {
	if m == nil {
		v.at(doc.span, "MISSING_VERSION")
		return
	}
	l, ok := v.string(doc.member(m))
	if ok && l.text != version2012 && l.text != version2008 {
		v.at(l.span, "INVALID_VERSION", l.text)
	}
	v.variables = l.text == version2012
}

func (v *validator) statements(o located) {
	var all []*validated
	switch {
	case o.kind == nodeObject:
		all = append(all, v.statement(o))
	case o.kind != nodeList:
		v.at(o.span, "DATA_TYPE_MISMATCH", "Object")
	case len(o.members) == 0:
		v.at(o.span, "MISSING_STATEMENT")
	}
	for i := 0; o.kind == nodeList && i < len(o.members); i++ {
		if one := o.item(i); one.kind == nodeObject {
			all = append(all, v.statement(one))
		} else {
			v.at(one.span, "DATA_TYPE_MISMATCH", "Object")
		}
	}
	v.sids(all)
	v.sameStatements(all)
}

// validated is a statement as far as it could be read.
type validated struct {
	located
	elements  map[string]*member
	sid       *leaf
	effect    string
	services  []string // that the actions name, each once
	action    either
	resource  either
	principal either
}

// either is Action, Resource or Principal, or its negated twin.
type either struct {
	located
	not    bool
	leaves []leaf
}

// present reports whether the element is there.
func (p *either) present() bool { return p.node != nil }

func (v *validator) statement(o located) *validated {
	s := &validated{located: o}
	s.elements = v.members(o, "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
	if m := s.elements["Sid"]; m != nil {
		if l, ok := v.string(o.member(m)); ok {
			s.sid = &l
		}
	}
	v.effect(s)
	s.action, s.resource, s.principal = v.element(s, "Action"), v.element(s, "Resource"), v.element(s, "Principal")
	v.actions(s)
	v.resources(s)
	v.principals(s)
	v.conditions(s)
	if s.effect == "Allow" && (v.Kind == Managed || v.Kind == Inline) {
		v.broad(s, "iam:PassRole", "iam:PassedToService", "PASS_ROLE_WITH_")
		v.broad(s, "iam:CreateServiceLinkedRole", "iam:AWSServiceName", "CREATE_SLR_WITH_")
	}
	return s
}

func (v *validator) effect(s *validated) {
	m := s.elements["Effect"]
	if m == nil {
		v.at(s.span, "MISSING_EFFECT")
		return
	}
	l, ok := v.string(s.member(m))
	if !ok {
		return
	}
	if s.effect = l.text; l.text != "Allow" && l.text != "Deny" {
		v.at(l.span, "INVALID_EFFECT", l.text)
	}
}

// element reads an element or its negated twin.
func (v *validator) element(s *validated, name string) either {
	yes, no := s.elements[name], s.elements["Not"+name]
	if yes != nil && no != nil {
		v.at(v.name(s.located, no), "UNSUPPORTED_ELEMENT_COMBINATION", name, "Not"+name)
	}
	if yes != nil {
		return either{located: s.member(yes)}
	}
	if no != nil {
		return either{located: s.member(no), not: true}
	}
	return either{}
}

// sids looks at the ids of all statements.
func (v *validator) sids(all []*validated) {
	seen := map[string]bool{}
	for _, s := range all {
		if s.sid == nil {
			continue
		}
		text := s.sid.text
		switch {
		case text == "":
			v.at(s.sid.span, "EMPTY_SID_VALUE")
		case v.Kind != Resource && strings.ContainsFunc(text, notSid):
			v.at(s.sid.span, "UNSUPPORTED_SID")
		case seen[text] && v.Kind == Resource:
			v.at(s.sid.span, "UNIQUE_SIDS_RECOMMENDED")
		case seen[text]:
			v.at(s.sid.span, "UNIQUE_SIDS_REQUIRED")
		}
		seen[text] = true
	}
}

// sameStatements finds statements that say the same.
func (v *validator) sameStatements(all []*validated) {
	by := map[string][]Location{}
	for _, s := range all {
		var b strings.Builder
		for _, name := range []string{"Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"} {
			if m := s.elements[name]; m != nil {
				b.WriteString(name)
				m.value.write(&b)
			}
		}
		by[b.String()] = append(by[b.String()], v.location(s.span))
	}
	for _, at := range by {
		if len(at) > 1 {
			v.report("REDUNDANT_STATEMENT", at)
		}
	}
}

// write puts a value down so that equal values read the same: the order of
// members and items, and a list of one, make no difference.
func (n *node) write(b *strings.Builder) {
	if n.kind != nodeObject && n.kind != nodeList {
		fmt.Fprintf(b, "%q", n.text)
		return
	}
	if n.kind == nodeList && len(n.members) == 1 {
		n.members[0].value.write(b)
		return
	}
	var texts []string
	for i := range n.members {
		var one strings.Builder
		fmt.Fprintf(&one, "%q:", n.members[i].name)
		n.members[i].value.write(&one)
		texts = append(texts, one.String())
	}
	slices.Sort(texts)
	fmt.Fprintf(b, "%d{%s}", n.kind, strings.Join(texts, ","))
}

// The quotas that sizes are held against: AWS's defaults.
const (
	quotaManaged      = 6144
	quotaTrust        = 2048
	quotaResource     = 20480
	quotaOrganization = 5120
)

func (v *validator) size() {
	whole := []Location{{Start: Place{Line: 1}, End: v.place(v.end())}}
	n := v.Kind.Size(v.text)
	switch {
	case v.Kind == SCP && n > quotaOrganization:
		v.report("POLICY_SIZE_EXCEEDS_SCP_QUOTA", whole, n, quotaOrganization)
	case v.Kind == RCP && n > quotaOrganization:
		v.report("POLICY_SIZE_EXCEEDS_RCP_QUOTA", whole, n, quotaOrganization)
	case v.Kind == Trust && n > quotaTrust:
		v.report("POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", whole)
	case v.Kind == Resource && n > quotaResource:
		v.report("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", whole, n, quotaResource)
	case (v.Kind == Managed || v.Kind == Inline) && n > quotaManaged:
		v.report("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", whole, n, quotaManaged)
	}
}

// end is the place behind the document's last character.
func (v *validator) end() position {
	last := len(v.lines)
	return position{int32(last), int32(utf8.RuneCountInString(v.text)-v.lines[last-1]) + 1}
}
