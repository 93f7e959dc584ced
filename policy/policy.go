package policy

import "unicode/utf8"

// Kind says what a document is for, and so which elements it may have and
// which of AWS's checks it must pass when it is saved.
type Kind uint8

// The kinds of policy documents.
const (
	// Managed is an identity policy as CreatePolicy takes it: its version must be 2012-10-17.
	Managed Kind = iota
	// Inline is an identity policy as PutUserPolicy and its like take it.
	Inline
	// Resource is a policy that stands on a resource and names principals.
	Resource
	// Trust is a role's trust policy (AssumeRolePolicyDocument).
	Trust
	// Boundary is a permissions boundary.
	Boundary
	// Session is a session policy, given when a session is made.
	Session
	// SCP is a service control policy of an organization.
	SCP
	// RCP is a resource control policy of an organization.
	RCP
)

// The versions of the policy language. A document without one is of 2008.
const (
	version2012 = "2012-10-17"
	version2008 = "2008-10-17"
)

// Policy is one document, parsed and compiled. It is immutable and may be
// shared by goroutines.
type Policy struct {
	*compiled
	source Source
}

// compiled is what all copies of a policy share.
type compiled struct {
	text    string
	kind    Kind
	doc     *document
	denies  []statement
	allows  []statement
	refusal *Error // why a stored document denies everything; nil if it doesn't
}

// Source says where a policy comes from, for messages and explanations.
type Source struct {
	Name string // the policy's name, or any other word for it
	ARN  string // empty for inline policies
}

// Named returns the policy with its source. The compiled form is shared.
func (p *Policy) Named(src Source) *Policy { return &Policy{p.compiled, src} }

// Source returns what Named was given.
func (p *Policy) Source() Source { return p.source }

// Text returns the document as it was given to Parse or Load.
func (p *Policy) Text() string { return p.text }

// Kind returns the kind that the document was parsed as.
func (p *Policy) Kind() Kind { return p.kind }

// Version returns the version of the language that the document is read in.
func (p *Policy) Version() string {
	if p.doc.version.text == version2012 {
		return version2012
	}
	return version2008
}

// Parse reads a document, checks it as AWS does when a policy of that kind is
// saved, and compiles it. Its error is an *Error that tells the first problem.
// The size of a document is not checked: see Size.
func Parse(text string, kind Kind) (*Policy, error) {
	doc, err := read(text, kind)
	if wide := checkCharacters(text, kind); wide != nil {
		err = wide
	}
	if err == nil {
		err = check(doc, kind)
	} else if err.Message == "" {
		err.Message = unreadable(kind)
	}
	if err != nil {
		return nil, err
	}
	return newPolicy(text, kind, doc), nil
}

// Load compiles a document that was saved before. It judges only what
// evaluation needs, and never fails: a document that can't be understood
// denies everything, and Refusal says why.
func Load(text string, kind Kind) *Policy {
	doc, err := read(text, kind)
	if err == nil {
		err = sound(doc, kind)
	}
	if err == nil {
		return newPolicy(text, kind, doc)
	}
	if err.Message == "" {
		err.Message = unreadable(kind)
	}
	p := newPolicy(text, kind, denyAll())
	p.refusal = err
	return p
}

// Refusal says why a loaded document denies everything, or nil if it was
// understood.
func (p *Policy) Refusal() error {
	if p.refusal == nil {
		return nil
	}
	return p.refusal
}

// denyAll is what stands in for a document that can't be understood.
func denyAll() *document {
	star := func() element { return element{present: true, items: []item{{text: "*"}}} }
	return &document{statements: []rawStatement{{effect: item{text: "Deny"}, action: star(), resource: star()}}}
}

func newPolicy(text string, kind Kind, doc *document) *Policy {
	c := &compiled{text: text, kind: kind, doc: doc}
	compiler := newCompiler(kind, doc)
	denies := 0
	for i := range doc.statements {
		if doc.statements[i].effect.text == "Deny" {
			denies++
		}
	}
	c.denies = make([]statement, 0, denies)
	c.allows = make([]statement, 0, len(doc.statements)-denies)
	for i := range doc.statements {
		s := compiler.statement(&doc.statements[i], i)
		if s.deny {
			c.denies = append(c.denies, s)
		} else {
			c.allows = append(c.allows, s)
		}
	}
	return &Policy{compiled: c}
}

// Size returns the number of characters of a document as AWS's quotas count
// them: without white space.
func Size(text string) int {
	n := 0
	for _, c := range text {
		switch c {
		case ' ', '\t', '\n', '\r':
		default:
			n++
		}
	}
	return n
}

// Size returns the number of characters of a document as AWS's quota for that
// kind counts them: of organization policies, white space too.
func (k Kind) Size(text string) int {
	if k == SCP || k == RCP {
		return utf8.RuneCountInString(text)
	}
	return Size(text)
}
