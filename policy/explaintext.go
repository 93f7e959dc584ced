package policy

import (
	"strconv"
	"strings"
)

// String returns the explanation for people to read: the decision, the
// statement that came closest to allowing, then each policy with its
// statements.
func (e Explanation) String() string {
	b := &strings.Builder{}
	b.Grow(512)
	put(b, e.Decision.String(), ": ", e.Reason, "\n  ", e.Principal, " does ", e.Action, " on ", e.Resource, "\n")
	if c := e.Closest; c != nil {
		p := &e.Policies[c.Policy]
		s := &p.Statements[c.Statement-1]
		put(b, "  closest to allowing: ", p.Type.String())
		if p.Name != "" {
			put(b, " ", p.Name)
		}
		put(b, ", statement ", s.label(), "; its ", s.Failed.Part)
		s.Failed.writeWants(b)
		b.WriteByte('\n')
	}
	for i := range e.Policies {
		e.Policies[i].write(b)
	}
	for _, t := range e.Lacking {
		put(b, t.String(), ": there is none\n")
	}
	return b.String()
}

func put(b *strings.Builder, texts ...string) {
	for _, s := range texts {
		b.WriteString(s)
	}
}

func place(line, column int) string { return strconv.Itoa(line) + ":" + strconv.Itoa(column) }

func (p *PolicyExplanation) writeName(b *strings.Builder) {
	for _, s := range [...]string{p.Name, p.ARN} {
		if s != "" {
			put(b, " ", s)
		}
	}
}

func (p *PolicyExplanation) write(b *strings.Builder) {
	b.WriteString(p.Type.String())
	p.writeName(b)
	if p.Level > 0 {
		put(b, " (level ", strconv.Itoa(p.Level), ")")
	}
	put(b, ": ", p.Decision.String(), "\n")
	if p.Refusal != "" {
		put(b, "  the document can't be understood and denies everything: ", p.Refusal, "\n")
		return
	}
	for i := range p.Statements {
		p.Statements[i].write(b)
	}
}

// label names the statement by its place and Sid.
func (s *StatementExplanation) label() string {
	if s.Sid == "" {
		return place(s.Line, s.Column)
	}
	return place(s.Line, s.Column) + " " + s.Sid
}

func (s *StatementExplanation) write(b *strings.Builder) {
	put(b, "  ", place(s.Line, s.Column), " ", s.Effect)
	if s.Sid != "" {
		put(b, " ", s.Sid)
	}
	if s.Applies {
		b.WriteString(" applies\n")
	} else {
		put(b, " doesn't apply: at ", place(s.Failed.Line, s.Failed.Column), " ", s.Failed.Part)
		s.Failed.writeWants(b)
		b.WriteByte('\n')
	}
	for _, n := range s.Notes {
		put(b, "    note: ", n, "\n")
	}
}

// writeWants writes what the policy wants and what the request has.
func (f *Failure) writeWants(b *strings.Builder) {
	if f.Operator != "" {
		put(b, " ", f.Operator, " ", f.Key)
	}
	negated := strings.HasPrefix(f.Part, "Not")
	switch {
	case negated:
		b.WriteString(" leaves out ")
	case isNegated(f.Operator):
		b.WriteString(" wants other than ")
	default:
		b.WriteString(" wants ")
	}
	writeList(b, f.Wanted)
	b.WriteString("; seen ")
	writeList(b, f.Seen)
	if f.Note != "" {
		put(b, "; ", f.Note)
	}
}

func isNegated(operator string) bool { return operator != "" && findOperator(operator).negated }

// maxListed is how many values of a list are written out.
const maxListed = 8

// writeList writes values between commas.
func writeList(b *strings.Builder, values []string) {
	if len(values) == 0 {
		b.WriteString("nothing")
	}
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == maxListed {
			put(b, "and ", strconv.Itoa(len(values)-i), " more")
			return
		}
		if v == "" {
			v = `""`
		}
		b.WriteString(v)
	}
}
