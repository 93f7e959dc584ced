package policy

// Position is a place in a document: line and column from 1, the column in
// characters.
type Position struct{ Line, Column int }

func (p position) public() Position { return Position{int(p.line), int(p.col)} }

// Match is a statement that applies to a request.
type Match struct {
	Policy    *Policy // its Source names it: simulations call that SourcePolicyId
	Type      PolicyType
	Statement int // number in its policy, from 0
	// Start and End are what simulations answer: the place just past the
	// bracket or comma before the statement, and the place just past its end.
	Start, End Position
}

// Matches returns the statements that made the decision, as simulations list
// them: the denying ones of an explicit deny, the allowing ones of an allowed
// request, and none of an implicit deny. Organization policies are left out.
func Matches(req *Request, in *Policies) []Match {
	q := newQuestion(req, in)
	return matches(Evaluate(req, in).Decision, &q, in)
}

// matches lists the statements of the effect that made the decision d.
func matches(d Decision, q *question, in *Policies) []Match {
	if d == ImplicitDeny {
		return nil
	}
	var out []Match
	add := func(t PolicyType, policies ...*Policy) {
		for _, p := range policies {
			for _, s := range p.statements() {
				if s.deny == (d == ExplicitDeny) && s.applies(q) != 0 {
					out = append(out, Match{p, t, s.number, s.raw.start.public(), s.raw.end.public()})
				}
			}
		}
	}
	if q.principal.hasPolicies() {
		add(IdentityPolicy, in.Identity.Policies()...)
		if in.Boundary != nil {
			add(PermissionsBoundary, in.Boundary)
		}
		add(SessionPolicy, in.Session.Policies()...)
	}
	if in.Resource != nil {
		add(in.resourceType(q.action), in.Resource)
	}
	return out
}
