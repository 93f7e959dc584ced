package policy

import (
	"strconv"
	"strings"
)

// Explanation is a decision with all that led to it: each policy that takes
// part, and of each statement whether it applies or what kept it from that.
type Explanation struct {
	Result    Result     `json:"-"`
	Decision  Decision   `json:"decision"`
	Type      PolicyType `json:"decidedBy"`
	Reason    string     `json:"reason"`
	Principal string     `json:"principal"`
	Action    string     `json:"action"`
	Resource  string     `json:"resource"`
	// Closest is the Allow, of the type of policy that didn't allow, that matches
	// most of the request: all but its resource or a condition. Nil if there is
	// none.
	Closest  *Closest            `json:"closest,omitempty"`
	Policies []PolicyExplanation `json:"policies"`
	// Lacking is the type of policy that would have to allow and that the
	// request has none of.
	Lacking []PolicyType `json:"lacking,omitempty"`
}

// Closest points to a statement of an explanation.
type Closest struct {
	Policy    int `json:"policy"`    // in Explanation.Policies, from 0
	Statement int `json:"statement"` // in its policy, from 1
}

// PolicyExplanation is what one policy says to the request.
type PolicyExplanation struct {
	Type     PolicyType `json:"type"`
	Level    int        `json:"level,omitempty"` // of an organization policy, from 1 at the root
	Name     string     `json:"name,omitempty"`
	ARN      string     `json:"arn,omitempty"`
	Version  string     `json:"version"`
	Decision Decision   `json:"decision"`
	// Refusal says why a stored document, which can't be understood, denies all.
	Refusal    string                 `json:"refusal,omitempty"`
	Statements []StatementExplanation `json:"statements"`
}

// StatementExplanation is what one statement says to the request. Lines and
// columns count from 1.
type StatementExplanation struct {
	Number  int      `json:"number"` // in its policy, from 1
	Sid     string   `json:"sid,omitempty"`
	Effect  string   `json:"effect"`
	Line    int      `json:"line"`
	Column  int      `json:"column"`
	Applies bool     `json:"applies"`
	Failed  *Failure `json:"failed,omitempty"` // the first part that doesn't match
	// Notes tell what surprises most: conditions that hold for want of their key.
	Notes []string `json:"notes,omitempty"`
}

// Failure is the first part of a statement that doesn't match the request.
type Failure struct {
	Part     string   `json:"part"` // Principal, Action, Resource or a negation of them, or Condition
	Operator string   `json:"operator,omitempty"`
	Key      string   `json:"key,omitempty"`
	Wanted   []string `json:"wanted"` // by the policy
	Seen     []string `json:"seen"`   // in the request; empty if the key is absent
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Note     string   `json:"note,omitempty"`
}

// Explain decides as Evaluate does, with the same matchers, and says why.
func Explain(req *Request, in *Policies) Explanation {
	r := Evaluate(req, in)
	q := newQuestion(req, in)
	e := Explanation{
		Result: r, Decision: r.Decision, Type: r.Type, Reason: r.why(req),
		Principal: req.Principal.name(), Action: req.Action, Resource: req.Resource,
		Policies: []PolicyExplanation{},
	}
	p := &req.Principal
	if rcpsBind(p) {
		e.addLevels(&q, ResourceControlPolicy, in.RCPs)
	}
	if scpsBind(p) {
		e.addLevels(&q, ServiceControlPolicy, in.SCPs)
	}
	if in.Resource != nil {
		e.add(&q, in.resourceType(req.Action), 0, in.Resource)
	}
	if p.hasPolicies() {
		e.addSet(&q, IdentityPolicy, 0, in.Identity)
		if in.Boundary != nil {
			e.add(&q, PermissionsBoundary, 0, in.Boundary)
		}
		e.addSet(&q, SessionPolicy, 0, in.Session)
	}
	if r.Decision == ImplicitDeny {
		e.approach()
	}
	return e
}

// approach finds the statement that came closest to allowing, or notes that
// there is no policy of the type that had to allow.
func (e *Explanation) approach() {
	best, some := 0, e.Type == NoPolicy
	for i := range e.Policies {
		p := &e.Policies[i]
		if p.Type != e.Type || p.Level != e.Result.Level {
			continue
		}
		some = true
		for j := range p.Statements {
			s := &p.Statements[j]
			if s.Effect != "Allow" || s.Applies {
				continue
			}
			if n := s.Failed.distance(); n > best {
				best, e.Closest = n, &Closest{i, j + 1}
			}
		}
	}
	if !some {
		e.Lacking = []PolicyType{e.Type}
	}
}

// distance says how much of a statement matched before it failed; 0 is too
// little to speak of.
func (f *Failure) distance() int {
	switch f.Part {
	case "Resource", "NotResource":
		return 1
	case "Condition":
		return 2
	}
	return 0
}

func (e *Explanation) addLevels(q *question, t PolicyType, levels []*Set) {
	for i, set := range levels {
		e.addSet(q, t, i+1, set)
	}
}

func (e *Explanation) addSet(q *question, t PolicyType, level int, set *Set) {
	for _, p := range set.Policies() {
		e.add(q, t, level, p)
	}
}

func (e *Explanation) add(q *question, t PolicyType, level int, p *Policy) {
	x := PolicyExplanation{
		Type: t, Level: level, Name: p.source.Name, ARN: p.source.ARN, Version: p.Version(),
		Statements: make([]StatementExplanation, len(p.denies)+len(p.allows)),
	}
	if p.refusal != nil {
		x.Refusal = p.refusal.Detail
	}
	for i := range p.allows {
		s := &p.allows[i]
		x.Statements[s.number] = s.explain(q)
		if x.Statements[s.number].Applies {
			x.Decision = Allowed
		}
	}
	for i := range p.denies {
		s := &p.denies[i]
		x.Statements[s.number] = s.explain(q)
		if x.Statements[s.number].Applies {
			x.Decision = ExplicitDeny
		}
	}
	e.Policies = append(e.Policies, x)
}

// why says in a sentence what decided.
func (r Result) why(req *Request) string {
	switch {
	case r.Decision == ImplicitDeny && r.Type == TrustPolicy && req.Principal.Type == Root:
		return "the root user can't assume roles"
	case r.Decision == ImplicitDeny:
		return "no " + r.Type.String() + r.where() + " allows " + req.Action
	case r.Decision == ExplicitDeny:
		return r.decider() + " denies " + req.Action
	case r.Type != NoPolicy:
		return r.decider() + " allows " + req.Action
	case alwaysAllowed(req.Action):
		return req.Action + " is allowed to everyone and can't be denied"
	}
	return "the root user needs no policy in its own account"
}

// decider names the statement that decided.
func (r Result) decider() string {
	name := r.Type.String()
	if r.Policy == nil {
		return "the " + name
	}
	if r.Policy.source.Name != "" {
		name += " " + r.Policy.source.Name
	}
	for _, s := range r.Policy.statements() {
		if s.number == r.Statement && s.raw.at.line != 0 {
			name = "the statement at " + place(int(s.raw.at.line), int(s.raw.at.col)) + " of the " + name
		}
	}
	return name + r.where()
}

// where names the level of an organization policy.
func (r Result) where() string {
	if r.Level == 0 {
		return ""
	}
	return " at level " + strconv.Itoa(r.Level)
}

// explain says whether the statement applies, or finds the first part that
// doesn't match. It asks the same methods as applies.
func (s *statement) explain(q *question) StatementExplanation {
	x := StatementExplanation{
		Number: s.number + 1, Sid: s.raw.sid.text, Effect: s.raw.effect.text,
		Line: int(s.raw.at.line), Column: int(s.raw.at.col),
	}
	granted := s.matchPrincipal(q.principal, q.limited, q.ctx)
	switch {
	case granted == 0:
		x.Failed = s.failure("Principal", &s.raw.principal, q.principal.name())
	case !s.matchAction(q.action):
		x.Failed = s.failure("Action", &s.raw.action, q.action)
	case !s.matchResource(&q.target, q.ctx):
		x.Failed = s.failure("Resource", &s.raw.resource, q.target.text)
		if x.Failed.Note = s.unresolved(q.ctx); x.Failed.Note == "" {
			x.Failed.Note = s.misnamed(&q.target)
		}
	default:
		if c := s.matchConditions(q.ctx); c != nil {
			x.Failed = c.failure(q.ctx)
			break
		}
		x.Applies = true
		if !s.deny && granted == grantAccount && q.principal.hasPolicies() {
			x.Notes = append(x.Notes, "it names only the account, so an identity-based policy must allow too")
		}
		for i := range s.conditions {
			if note := s.conditions[i].surprise(q.ctx); note != "" {
				x.Notes = append(x.Notes, note)
			}
		}
	}
	return x
}

func (s *statement) failure(part string, e *element, seen string) *Failure {
	if e.not {
		part = "Not" + part
	}
	f := &Failure{Part: part, Seen: []string{seen}, Line: int(e.at.line), Column: int(e.at.col)}
	f.Wanted = make([]string, len(e.items))
	for i, it := range e.items {
		f.Wanted[i] = principalText(it.text)
	}
	return f
}

// principalText writes the entry of a principal map as TYPE:value.
func principalText(s string) string {
	for i := range len(s) {
		if s[i] == 0 {
			return s[:i] + ":" + s[i+1:]
		}
	}
	return s
}

// unresolved names the first variable of the resources that has no value.
func (s *statement) unresolved(ctx *Context) string {
	for i := range s.resources {
		if note := s.resources[i].tail.unresolved(ctx); note != "" {
			return note
		}
	}
	return ""
}

// misnamed tells of the commonest mistakes in naming a resource: a bucket for
// its objects or the other way round, and an ARN for an action without one.
func (s *statement) misnamed(t *target) string {
	if s.notResource {
		return ""
	}
	if t.text == "*" {
		return "the action has no resource, so only \"*\" matches"
	}
	for i := range s.resources {
		text := s.resources[i].text
		if container, ok := strings.CutSuffix(text, "/*"); ok && container == t.text {
			return text + " covers what is in " + container + ", but not that itself"
		}
		if strings.HasPrefix(t.text, text+"/") {
			return text + " doesn't cover what is in it; that is " + text + "/*"
		}
		if equalFold(text, t.text) {
			return "upper and lower case count in the last field"
		}
	}
	return ""
}

func (t *template) unresolved(ctx *Context) string {
	if t.broken {
		return "the variable in " + t.text + " can't be read"
	}
	for i := range t.parts {
		p := &t.parts[i]
		if !p.variable || p.hasDefault {
			continue
		}
		if v := ctx.find(p.key); v == nil || v.kind == valueMulti {
			return "the variable ${" + p.key.name + "} has no value"
		}
	}
	return ""
}

func (c *condition) failure(ctx *Context) *Failure {
	f := &Failure{
		Part: "Condition", Operator: c.raw.operator.text, Key: c.raw.key.text,
		Line: int(c.raw.key.at.line), Column: int(c.raw.key.at.col),
	}
	f.Wanted = make([]string, len(c.raw.values))
	for i, v := range c.raw.values {
		f.Wanted[i] = v.text
	}
	f.Seen, _ = ctx.Values(c.raw.key.text)
	if f.Seen == nil {
		f.Seen = []string{} // an empty list in JSON, not null
	}
	f.Note = c.note(ctx)
	return f
}

// note says what isn't plain from wanted and seen, of a condition that fails.
func (c *condition) note(ctx *Context) string {
	v := ctx.find(c.key)
	switch {
	case c.test == testUnknown:
		return "the operator isn't known, so the statement doesn't allow"
	case c.test == testNull && c.no:
		return "the key must be present"
	case c.test == testNull:
		return "the key must be absent"
	case v == nil:
		return "the request has no such key"
	case v.kind == valueMulti && c.operator.set == setNone:
		return "the key holds a list, which needs ForAllValues or ForAnyValue"
	case c.bad:
		return "a value in the policy isn't of the operator's type"
	case v.kind != valueMulti && !c.fits(v, ctx):
		return "the request's value isn't of the operator's type"
	}
	for i := range c.texts {
		if note := c.texts[i].unresolved(ctx); note != "" {
			return note
		}
	}
	for i := range c.patterns {
		if note := c.patterns[i].unresolved(ctx); note != "" {
			return note
		}
	}
	for i := range c.arns {
		if note := c.arns[i].unresolved(ctx); note != "" {
			return note
		}
	}
	return ""
}

// fits says whether a single value of the request is of the operator's type.
func (c *condition) fits(v *value, ctx *Context) bool {
	_, ok := c.matches(v, v.text(), ctx)
	return ok
}

// surprise says of a condition that holds if it does so for want of its key.
func (c *condition) surprise(ctx *Context) string {
	v := ctx.find(c.key)
	switch {
	case c.test == testUnknown:
		return c.raw.operator.text + " isn't a known operator, so the Deny applies"
	case c.test == testNull:
		return ""
	case v == nil:
		return c.raw.operator.text + " holds because the request has no " + c.raw.key.text
	case v.kind == valueMulti && len(v.many) == 0:
		return c.raw.operator.text + " holds because " + c.raw.key.text + " holds no value"
	}
	return ""
}
