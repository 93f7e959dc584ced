package policy

// Position is a place in a document: line and column from 1, the column in
// characters.
type Position struct{ Line, Column int }

// Match is a statement that applies to a request.
type Match struct {
	Policy    *Policy
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
	r := Evaluate(req, in)
	if r.Decision == ImplicitDeny {
		return nil
	}
	q := newQuestion(req, in)
	var out []Match
	add := func(t PolicyType, policies ...*Policy) {
		for _, p := range policies {
			for _, s := range p.statements() {
				if s.deny == (r.Decision == ExplicitDeny) && s.applies(&q) != 0 {
					out = append(out, Match{p, t, s.number, s.raw.start.public(), s.raw.end.public()})
				}
			}
		}
	}
	if in.Resource != nil {
		add(in.resourceType(req.Action), in.Resource)
	}
	if !req.Principal.hasPolicies() {
		return out
	}
	add(IdentityPolicy, in.Identity.Policies()...)
	if in.Boundary != nil {
		add(PermissionsBoundary, in.Boundary)
	}
	add(SessionPolicy, in.Session.Policies()...)
	return out
}

func (p position) public() Position { return Position{int(p.line), int(p.col)} }

// DecisionOf says what one set of policies, taken alone, decides. Simulations
// tell it of boundaries, organizations and, across accounts, of each side.
func DecisionOf(req *Request, in *Policies, s *Set) Decision {
	q := newQuestion(req, in)
	switch v := s.judge(&q); {
	case v.deny.found():
		return ExplicitDeny
	case v.allow.found():
		return Allowed
	}
	return ImplicitDeny
}
