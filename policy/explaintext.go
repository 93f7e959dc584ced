package policy

import (
	"fmt"
	"strings"
)

// String returns the explanation for people to read: the decision, then each
// policy with its statements.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", e.Decision, e.Reason)
	fmt.Fprintf(&b, "  %s does %s on %s\n", e.Principal, e.Action, e.Resource)
	for i := range e.Policies {
		e.Policies[i].write(&b)
	}
	return b.String()
}

func (p *PolicyExplanation) write(b *strings.Builder) {
	b.WriteString(p.Type.String())
	for _, s := range []string{p.Name, p.ARN} {
		if s != "" {
			b.WriteString(" " + s)
		}
	}
	if p.Level > 0 {
		fmt.Fprintf(b, " (level %d)", p.Level)
	}
	fmt.Fprintf(b, ": %s\n", p.Decision)
	if p.Refusal != "" {
		fmt.Fprintf(b, "  the document can't be understood and denies everything: %s\n", p.Refusal)
		return
	}
	for i := range p.Statements {
		p.Statements[i].write(b)
	}
}

func (s *StatementExplanation) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %d:%d %s", s.Line, s.Column, s.Effect)
	if s.Sid != "" {
		fmt.Fprintf(b, " %s", s.Sid)
	}
	if s.Applies {
		b.WriteString(" applies\n")
	} else {
		b.WriteString(" doesn't apply: ")
		s.Failed.write(b)
	}
	for _, n := range s.Notes {
		fmt.Fprintf(b, "    note: %s\n", n)
	}
}

func (f *Failure) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s at %d:%d", f.Part, f.Line, f.Column)
	if f.Operator != "" {
		fmt.Fprintf(b, " (%s %s)", f.Operator, f.Key)
	}
	fmt.Fprintf(b, " wants %s, seen %s", list(f.Wanted), list(f.Seen))
	if f.Note != "" {
		fmt.Fprintf(b, "; %s", f.Note)
	}
	b.WriteByte('\n')
}

// list writes values between commas.
func list(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(values, ", ")
}
