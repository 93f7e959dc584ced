package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// generator makes policies and requests from small words, so that they often
// match.
type generator struct{ *rand.Rand }

func (g generator) pick(words ...string) string { return words[g.IntN(len(words))] }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g generator) some(most int, f func() string) []string {
	out := []string{f()}
	for range g.IntN(most) {
		out = append(out, f())
	}
	return out
}

const (
	annARN  = "arn:aws:iam::111111111111:user/ann"
	roleARN = "arn:aws:iam::111111111111:role/ops/deploy"
	sessARN = "arn:aws:sts::111111111111:assumed-role/deploy/ci"
	fedARN  = "arn:aws:sts::111111111111:federated-user/ann"
)

func (g generator) action() string {
	return g.pick("s3:GetObject", "s3:getobject", "s3:Get*", "s3:*", "*", "s3:?etObject", "kms:*", "kms:Decrypt", "sts:AssumeRole", "sts:*", "s3:*Object", "s3:PutObject")
}

func (g generator) resource() string {
	return g.pick("*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/b", "arn:aws:s3:::*", "arn:aws:s3:::a/${aws:username}/*",
		"arn:aws:s3:::a/${aws:PrincipalTag/team, 'none'}/?", "arn:aws:s3:*", "arn:aws:s3", "arn:*:s3:::?/b", "arn:aws:kms:*:111111111111:key/*",
		"arn:AWS:S3:::A/b", "arn:aws:s3:::a/${*}", "arn:aws:s3:::*${aws:TagKeys}*", "arn:aws:s3:::a/*/x", "arn:aws:iam::*:role/*", "arn:aws:s3:::*a*b*")
}

func (g generator) condition() refCondition {
	c := refCondition{}
	switch g.IntN(7) {
	case 0:
		c.Op = g.pick("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")
		c.Key = g.pick("aws:username", "AWS:UserName", "aws:PrincipalTag/team", "aws:TagKeys")
		c.Values = g.some(3, func() string {
			return g.pick("ann", "Ann", "a*", "blue", "?nn", "${aws:username}", "${aws:PrincipalTag/team}", "${aws:x, 'blue'}", "", "a${*}")
		})
	case 1:
		c.Op = g.pick("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals")
		c.Key, c.Values = "s3:max-keys", g.some(2, func() string { return g.pick("10", "10.0", "-3", "9.5", "+10", "many") })
	case 2:
		c.Op = g.pick("DateEquals", "DateNotEquals", "DateLessThan", "DateGreaterThanEquals", "DateLessThanEquals", "DateGreaterThan")
		c.Key, c.Values = "aws:CurrentTime", g.some(2, func() string {
			return g.pick("2024-05-01T12:00:00Z", "2024-05-01T14:00:00+02:00", "2023-01-01T00:00:00Z")
		})
	case 3:
		c.Op, c.Key, c.Values = "Bool", "aws:SecureTransport", g.some(1, func() string { return g.pick("true", "FALSE", "yes") })
	case 4:
		c.Op, c.Key = g.pick("IpAddress", "NotIpAddress"), "aws:SourceIp"
		c.Values = g.some(2, func() string {
			return g.pick("10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "2001:db8::/32", "10.1.2.255/24", "::/0", "x")
		})
	case 5:
		c.Op, c.Key = g.pick("ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals"), "aws:PrincipalArn"
		c.Values = g.some(2, func() string {
			return g.pick("arn:aws:iam::*:user/*", "*", "arn:aws:iam::111111111111:role/ops/deploy", "arn:aws:*", "arn:*:*:*:*:*", "arn:aws:iam::111111111111:user/${aws:username}")
		})
	default:
		return refCondition{"Null", g.pick("aws:TagKeys", "aws:username", "aws:SourceIp"), []string{g.pick("true", "false")}}
	}
	if g.chance(25) {
		c.Op += "IfExists"
	}
	if g.chance(30) {
		c.Op = g.pick("ForAllValues:", "ForAnyValue:") + c.Op
	}
	return c
}

func (g generator) statement(kind Kind) refStatement {
	s := refStatement{
		Effect: g.pick("Allow", "Allow", "Allow", "Allow", "Allow", "Deny"), NotAction: g.chance(10), NotResource: g.chance(10),
		Actions: g.some(2, g.action), Resources: g.some(2, g.resource),
	}
	seen := map[string]bool{} // an operator with a key stands only once
	for range g.IntN(3) {
		if c := g.condition(); !seen[c.Op] {
			seen[c.Op] = true
			s.Conditions = append(s.Conditions, c)
		}
	}
	if g.chance(10) { // enough for the index of actions
		for i := range fewActions {
			s.Actions = append(s.Actions, fmt.Sprint("s3:Get", i, "*"))
		}
	}
	if kind == Trust {
		s.Resources, s.NotResource = nil, false
	}
	if kind == Resource || kind == Trust {
		s.NotPrincipal = g.chance(15)
		s.Principal = map[string][]string{"AWS": g.some(3, func() string {
			return g.pick("*", "111111111111", "222222222222", "arn:aws:iam::111111111111:root", annARN, roleARN, sessARN, fedARN)
		})}
		if g.chance(30) {
			s.Principal["Service"] = []string{g.pick("s3.amazonaws.com", "ec2.amazonaws.com")}
		}
		if g.chance(10) {
			s.Principal = map[string][]string{"*": nil}
		}
	}
	return s
}

func (g generator) policy(kind Kind) *refPolicy {
	p := &refPolicy{Version: g.pick(version2012, version2012, version2012, version2008), Kind: kind}
	for range 1 + g.IntN(3) {
		p.Statements = append(p.Statements, g.statement(kind))
	}
	return p
}

// set is now and then large enough for the index.
func (g generator) set(kind Kind) []*refPolicy {
	n := g.IntN(4)
	if g.chance(15) {
		n = 15 + g.IntN(30)
	}
	ps := make([]*refPolicy, n)
	for i := range ps {
		ps[i] = g.policy(kind)
	}
	return ps
}

// text writes a policy as a document.
func (p *refPolicy) text() string {
	type object = map[string]any
	var statements []any
	for _, s := range p.Statements {
		o := object{"Effect": s.Effect}
		name := func(not bool, n string) string {
			if not {
				return "Not" + n
			}
			return n
		}
		o[name(s.NotAction, "Action")] = s.Actions
		if s.Resources != nil {
			o[name(s.NotResource, "Resource")] = s.Resources
		}
		if s.Principal != nil {
			o[name(s.NotPrincipal, "Principal")] = s.Principal
			if _, all := s.Principal["*"]; all {
				o[name(s.NotPrincipal, "Principal")] = "*"
			}
		}
		conditions := object{}
		for _, c := range s.Conditions {
			conditions[c.Op] = object{c.Key: c.Values}
		}
		o["Condition"] = conditions
		statements = append(statements, o)
	}
	b, err := json.Marshal(object{"Version": p.Version, "Statement": statements})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (g generator) request() *refRequest {
	r := &refRequest{Request: &Request{Context: &Context{}, ResourceAccount: "111111111111"}, keys: map[string][]string{}, multi: map[string]bool{}}
	r.Action = g.pick("s3:GetObject", "s3:PutObject", "kms:Decrypt", "sts:AssumeRole")
	r.Resource = g.pick("arn:aws:s3:::a/b", "arn:aws:s3:::a/ann/x", "arn:aws:s3:::a/none/y", "*", "arn:aws:s3:::A/*", "arn:aws:s3:::aab")
	if r.Action == "kms:Decrypt" {
		r.Resource = "arn:aws:kms:us-east-1:111111111111:key/k"
	}
	if r.Action == "sts:AssumeRole" {
		r.Resource = "arn:aws:iam::111111111111:role/x"
	}
	r.Principal = [...]Principal{
		{Type: User, ARN: annARN, Account: "111111111111"},
		{Type: User, ARN: "arn:aws:iam::222222222222:user/eve", Account: "222222222222"},
		{Type: AssumedRole, ARN: sessARN, RoleARN: roleARN, Account: "111111111111"},
		{Type: AssumedRole, ARN: sessARN, RoleARN: "arn:aws:iam::111111111111:role/aws-service-role/x/deploy", Account: "111111111111"},
		{Type: FederatedUser, ARN: fedARN, UserARN: annARN, Account: "111111111111"},
		{Type: Root, ARN: "arn:aws:iam::111111111111:root", Account: "111111111111"},
		{Type: Root, ARN: "arn:aws:iam::222222222222:root", Account: "222222222222"},
		{Type: Service, Service: "s3.amazonaws.com"},
		{},
	}[g.IntN(9)]
	set := func(key string, values ...string) {
		if g.chance(30) {
			return
		}
		r.keys[strings.ToLower(key)] = values
		if r.multi[strings.ToLower(key)] = key == "aws:TagKeys"; key == "aws:TagKeys" {
			r.Context.SetValues(key, values...)
		} else {
			r.Context.Set(key, values[0])
		}
	}
	set("aws:username", g.pick("ann", "Ann", "a*", ""))
	set("aws:PrincipalTag/team", g.pick("blue", "ann", "x"))
	set("aws:TagKeys", [][]string{{}, {"ann"}, {"ann", "blue"}, {"zed", "a*"}}[g.IntN(4)]...)
	set("s3:max-keys", g.pick("10", "9.50", "-3.0", "ten"))
	set("aws:CurrentTime", g.pick("2024-05-01T12:00:00Z", "2022-05-01T12:00:00Z", "now"))
	set("aws:SecureTransport", g.pick("true", "false", "True", "1"))
	set("aws:SourceIp", g.pick("10.1.2.3", "192.0.2.1", "2001:db8::1", "nowhere"))
	set("aws:PrincipalArn", g.pick(annARN, roleARN, "none"))
	return r
}

func (g generator) policies() *refPolicies {
	in := &refPolicies{identity: g.set(Inline)}
	if g.chance(30) {
		in.boundary = g.policy(Boundary)
	}
	if g.chance(30) {
		in.hasSession, in.session = true, g.set(Session)
	}
	if g.chance(50) {
		in.resource = g.policy(Resource)
	}
	for range max(0, g.IntN(5)-2) {
		in.scps = append(in.scps, g.set(SCP))
	}
	if g.chance(20) {
		in.rcps = append(in.rcps, g.set(RCP))
	}
	return in
}

func refSet(ps []*refPolicy) *Set {
	var out []*Policy
	for _, p := range ps {
		out = append(out, Load(p.text(), p.Kind))
	}
	return NewSet(out...)
}

func (in *refPolicies) compile() *Policies {
	out := &Policies{Identity: refSet(in.identity)}
	if in.boundary != nil {
		out.Boundary = Load(in.boundary.text(), Boundary)
	}
	if in.hasSession {
		out.Session = refSet(in.session)
	}
	if in.resource != nil {
		out.Resource = Load(in.resource.text(), in.resource.Kind)
	}
	for _, level := range in.scps {
		out.SCPs = append(out.SCPs, refSet(level))
	}
	for _, level := range in.rcps {
		out.RCPs = append(out.RCPs, refSet(level))
	}
	return out
}

// compare decides one generated case in both ways, and explains it.
func compare(t *testing.T, seed uint64) {
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	r, in := g.request(), g.policies()
	if r.Action == "sts:AssumeRole" && in.resource != nil {
		in.resource = g.policy(Trust)
	}
	compiled := in.compile()
	got, want := Evaluate(r.Request, compiled), refDecide(r, in)
	if got.Decision != want {
		t.Errorf("seed %d: Evaluate = %v (%v), reference %v\n%v\nkeys %v", seed, got.Decision, got.Type, want, Explain(r.Request, compiled), r.keys)
	}
	if again := Evaluate(r.Request, compiled); again != got {
		t.Errorf("seed %d: Evaluate = %v, then %v", seed, got, again)
	}
	agrees(t, fmt.Sprint("seed ", seed), r.Request, compiled)
	decidesAll(t, fmt.Sprint("seed ", seed), r.Request, compiled)
}

// agrees checks that an explanation and its decision tell the same.
func agrees(t *testing.T, name string, req *Request, in *Policies) {
	t.Helper()
	r, e := Evaluate(req, in), Explain(req, in)
	if e.Result != r || e.Decision != r.Decision || e.Type != r.Type {
		t.Errorf("%s: Explain = %v by %v, Evaluate = %v by %v", name, e.Decision, e.Type, r.Decision, r.Type)
	}
	if alwaysAllowed(req.Action) {
		return
	}
	denied, decided := false, r.Policy == nil
	for _, p := range e.Policies {
		denied = denied || p.Decision == ExplicitDeny
		for _, s := range p.Statements {
			if s.Applies == (s.Failed != nil) {
				t.Errorf("%s: a statement applies %v with failure %+v", name, s.Applies, s.Failed)
			}
			decided = decided || s.Applies && p.Type == r.Type && s.Number == r.Statement+1
		}
	}
	if denied != (r.Decision == ExplicitDeny) {
		t.Errorf("%s: Evaluate = %v, but a Deny applies: %v\n%v", name, r.Decision, denied, e)
	}
	if !decided {
		t.Errorf("%s: the deciding statement %d doesn't apply\n%v", name, r.Statement, e)
	}
}

func TestAgainstReference(t *testing.T) {
	for seed := range uint64(4000) {
		compare(t, seed)
		if t.Failed() {
			return
		}
	}
}

func TestExplainAgreesOnVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		req, in := v.build()
		agrees(t, v.Name, req, in)
	}
}

func FuzzAgainstReference(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compare(t, seed) })
}
