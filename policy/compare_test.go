package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func setOf(kind Kind, documents ...string) *Set {
	var ps []*Policy
	for _, d := range documents {
		ps = append(ps, Load(d, kind))
	}
	return NewSet(ps...)
}

const getIt = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`

// TestCompare holds everyday changes: the answer for what the second adds.
func TestCompare(t *testing.T) {
	stmts := func(s ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(s, ",") + `]}`
	}
	if_ := func(c string) string { return getIt + `,"Condition":{` + c + `}}` }
	deny := func(rest string) string { return `{"Effect":"Deny",` + rest + `}` }
	allow := func(action, resource string) string {
		return `{"Effect":"Allow","Action":` + action + `,"Resource":` + resource + `}`
	}
	get := getIt + `}`
	all := allow(`"*"`, `"*"`)
	insecure := deny(`"Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}`)
	for _, tt := range []struct {
		name, a, b string
		want, back Answer
	}{
		{"equal", stmts(get), stmts(get), No, No},
		{"nothing", stmts(insecure), stmts(insecure), No, No},
		{"other spelling", stmts(get), stmts(`{"Resource":["arn:AWS:s3:::b/*"],"Action":["S3:getobject"],"Effect":"Allow","Sid":"x"}`), No, No},
		{"an action added", stmts(get), stmts(allow(`["s3:GetObject","s3:PutObject"]`, `"arn:aws:s3:::b/*"`)), Yes, No},
		{"a resource widened", stmts(get), stmts(allow(`"s3:GetObject"`, `"arn:aws:s3:::*"`)), Yes, No},
		{"all resources", stmts(get), stmts(allow(`"s3:GetObject"`, `"*"`)), Yes, No},
		{"an action widened", stmts(get), stmts(allow(`"s3:Get*"`, `"arn:aws:s3:::b/*"`)), Yes, No},
		{"all but some", stmts(get), stmts(`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`), Yes, No},
		{"less left out", stmts(`{"Effect":"Allow","NotAction":["iam:*","sts:*"],"Resource":"*"}`), stmts(`{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`), Yes, No},
		{"NotResource", stmts(`{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::secret/*"}`), stmts(get), No, Yes},
		{"inside NotResource", stmts(`{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::b/secret/*"}`), stmts(get), Yes, Yes},
		{
			"split in two", stmts(allow(`["s3:GetObject","s3:PutObject"]`, `["arn:aws:s3:::b/*","arn:aws:s3:::c/*"]`)),
			stmts(allow(`"s3:GetObject"`, `["arn:aws:s3:::b/*","arn:aws:s3:::c/*"]`), allow(`"s3:PutObject"`, `["arn:aws:s3:::c/*","arn:aws:s3:::b/*"]`)), No, No,
		},
		{"reordered", stmts(get, insecure, allow(`"ec2:*"`, `"*"`)), stmts(allow(`"ec2:*"`, `"*"`), insecure, get), No, No},
		{"a Deny added", stmts(get), stmts(get, insecure), No, Yes},
		{"a Deny of nothing allowed", stmts(get), stmts(get, deny(`"Action":"ec2:*","Resource":"*"`)), No, No},
		{"a Deny without its condition", stmts(all, insecure), stmts(all, deny(`"Action":"s3:*","Resource":"*"`)), No, Yes},
		{"a Deny narrowed", stmts(all, deny(`"Action":"s3:*","Resource":"*"`)), stmts(all, deny(`"Action":"s3:Put*","Resource":"*"`)), Yes, No},
		{"a Deny that covers all", stmts(get), stmts(get, all, deny(`"Action":"*","Resource":"*"`)), No, Yes},
		{"a condition dropped", stmts(if_(`"StringEquals":{"aws:username":"ann"}`)), stmts(get), Yes, No},
		{"a negated condition dropped", stmts(if_(`"StringNotEquals":{"aws:username":"ann"}`)), stmts(get), Yes, No},
		{"a value added", stmts(if_(`"StringEquals":{"aws:username":"ann"}`)), stmts(if_(`"StringEquals":{"aws:username":["ann","bob"]}`)), Yes, No},
		{"a pattern for a value", stmts(if_(`"StringEquals":{"aws:username":"ann"}`)), stmts(if_(`"StringLike":{"aws:username":"a*"}`)), Yes, No},
		{"case ignored", stmts(if_(`"StringEquals":{"aws:username":"ann"}`)), stmts(if_(`"StringEqualsIgnoreCase":{"AWS:UserName":"ANN"}`)), Yes, No},
		{"another key", stmts(if_(`"StringEquals":{"aws:username":"ann"}`)), stmts(if_(`"StringEquals":{"aws:userid":"ann"}`)), Yes, Yes},
		{"IfExists", stmts(if_(`"StringEquals":{"aws:username":"ann"}`)), stmts(if_(`"StringEqualsIfExists":{"aws:username":"ann"}`)), Yes, No},
		{"a network widened", stmts(if_(`"IpAddress":{"aws:SourceIp":"10.1.0.0/16"}`)), stmts(if_(`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`)), Yes, No},
		{"a network left out", stmts(if_(`"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}`)), stmts(if_(`"NotIpAddress":{"aws:SourceIp":"10.1.0.0/16"}`)), Yes, No},
		{"a number raised", stmts(if_(`"NumericLessThan":{"s3:max-keys":"10"}`)), stmts(if_(`"NumericLessThanEquals":{"s3:max-keys":"10.0"}`)), Yes, No},
		{"a date later", stmts(if_(`"DateLessThan":{"aws:CurrentTime":"2026-01-01"}`)), stmts(if_(`"DateLessThan":{"aws:CurrentTime":"2027-01-01"}`)), Yes, No},
		{"a presence demanded", stmts(if_(`"Null":{"aws:username":"false"}`)), stmts(if_(`"StringLike":{"aws:username":"*"}`)), No, Unknown},
		{"MFA", stmts(if_(`"Bool":{"aws:MultiFactorAuthPresent":"true"}`)), stmts(if_(`"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}`)), Yes, No},
		{
			"a Deny that a condition rules out", stmts(if_(`"StringEquals":{"aws:RequestedRegion":"eu-west-1"}`), deny(`"Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","eu-north-1"]}}`)),
			stmts(if_(`"StringEquals":{"aws:RequestedRegion":"eu-west-1"}`)), No, No,
		},
		{"tags", stmts(if_(`"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}`)), stmts(if_(`"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}`)), Yes, No},
		{"a role's pattern", stmts(if_(`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/ops/*"}`)), stmts(if_(`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}`)), Yes, No},
		{"a variable for a star", stmts(allow(`"s3:GetObject"`, `"arn:aws:s3:::b/*"`)), stmts(allow(`"s3:GetObject"`, `"arn:aws:s3:::b/${aws:username}/*"`)), No, Yes},
		{"the same variable", stmts(allow(`"s3:*"`, `"arn:aws:s3:::b/${aws:username}/*"`)), stmts(allow(`"s3:GetObject"`, `"arn:aws:s3:::b/${AWS:UserName}/x"`)), No, Yes},
		{"a short ARN", stmts(allow(`"s3:*"`, `"arn:aws:s3:*"`)), stmts(get), No, Yes},
		{"an older version", stmts(allow(`"s3:*"`, `"arn:aws:s3:::b/${aws:username}"`)), `{"Statement":` + allow(`"s3:*"`, `"arn:aws:s3:::b/${aws:username}"`) + `}`, Yes, Yes},
		{"two halves", stmts(allow(`"s3:*"`, `"*"`)), stmts(allow(`["s3:*"]`, `["arn:aws:s3:::a*","arn:aws:s3:::b*"]`)), No, Yes},
	} {
		a, b := setOf(Inline, tt.a), setOf(Inline, tt.b)
		for _, side := range []struct {
			a, b *Set
			want Answer
		}{{a, b, tt.want}, {b, a, tt.back}} {
			got := Compare(side.a, side.b, CompareOptions{})
			if got.Answer != side.want {
				t.Errorf("%s: Compare = %v (%s), want %v", tt.name, got.Answer, got.Reason, side.want)
			}
			checkComparison(t, tt.name, got, side.a, side.b)
		}
	}
}

// checkComparison evaluates the example of a Yes.
func checkComparison(t *testing.T, name string, got Comparison, a, b *Set) {
	t.Helper()
	if (got.Answer == Yes) != (got.Example != nil) || got.Reason == "" || (got.Answer == No) != (got.Policy == nil) && got.Policy != nil {
		t.Errorf("%s: Compare = %+v", name, got)
	}
	if got.Example == nil {
		return
	}
	in := &Policies{}
	if inB, inA := DecisionOf(got.Example, in, b), DecisionOf(got.Example, in, a); inB != Allowed || inA == Allowed && !strings.Contains(got.Reason, "by itself") {
		t.Errorf("%s: the example %+v is %v by the second and %v by the first", name, got.Example, inB, inA)
	}
}

func TestCompareResourcePolicies(t *testing.T) {
	names := func(principal string) *Set {
		return setOf(Resource, with(`"Effect":"Allow","Principal":`+principal+`,"Action":"s3:GetObject","Resource":"*"`))
	}
	const user, account = `{"AWS":"arn:aws:iam::111122223333:user/ann"}`, `{"AWS":"111122223333"}`
	for _, tt := range []struct {
		a, b string
		want Answer
	}{
		{`"*"`, `{"AWS":"*"}`, No},
		{`"*"`, user, No},
		{user, `"*"`, Yes},
		{account, user, Yes}, // by itself
		{user, account, Yes},
		{account, `{"AWS":"arn:aws:iam::111122223333:root"}`, No},
		{account, `{"AWS":["111122223333","444455556666"]}`, Yes},
		{account, `{"Service":"s3.amazonaws.com"}`, Yes},
		{user, `{"AWS":"arn:aws:iam::111122223333:role/r"}`, Yes},
		{`{"AWS":"AIDAEXAMPLEEXAMPLE1"}`, `{"AWS":"AROAEXAMPLEEXAMPLE1"}`, Yes},
	} {
		a, b := names(tt.a), names(tt.b)
		got := Compare(a, b, CompareOptions{})
		if got.Answer != tt.want {
			t.Errorf("from %s to %s: Compare = %v (%s), want %v", tt.a, tt.b, got.Answer, got.Reason, tt.want)
		}
		checkComparison(t, tt.b, got, a, b)
	}
}

func TestCompareTakesKnownActions(t *testing.T) {
	a := setOf(Inline, with(`"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`))
	b := setOf(Inline, with(`"Effect":"Allow","Action":"s3:Get*","Resource":"*"`))
	got := Compare(a, b, CompareOptions{Actions: []string{"s3:GetObject", "s3:GetObjectAcl"}})
	if got.Answer != Yes || got.Example.Action != "s3:GetObjectAcl" {
		t.Errorf("Compare = %v with %+v, want an example of s3:GetObjectAcl", got.Answer, got.Example)
	}
	if got := Compare(nil, nil, CompareOptions{}); got.Answer != No {
		t.Errorf("Compare of nothing = %v", got.Answer)
	}
	if got := Compare(nil, a, CompareOptions{}); got.Answer != Yes {
		t.Errorf("Compare with nothing = %v", got.Answer)
	}
}

// changed returns the policies with a small change.
func (g generator) changed(ps []*refPolicy, kind Kind) []*refPolicy {
	out := make([]*refPolicy, len(ps))
	for i, p := range ps {
		q := *p
		q.Statements = slices.Clone(p.Statements)
		out[i] = &q
	}
	if len(out) == 0 {
		return []*refPolicy{g.policy(kind)}
	}
	p := out[g.IntN(len(out))]
	s := &p.Statements[g.IntN(len(p.Statements))]
	switch g.IntN(9) {
	case 0:
		s.Actions = g.some(2, g.action)
	case 1:
		s.Resources = g.some(2, g.resource)
	case 2:
		s.Conditions = nil
	case 3:
		s.Conditions = slices.Clone(s.Conditions)
		for i := range s.Conditions {
			if c := g.condition(); c.Key == s.Conditions[i].Key { // values of another type the reference can't read
				s.Conditions[i].Values = c.Values
			}
		}
	case 4:
		p.Statements = append(p.Statements, g.statement(kind))
	case 5:
		p.Statements = append(p.Statements[:0:0], p.Statements[1:]...)
		p.Statements = append(p.Statements, g.statement(kind))
	case 6:
		s.Actions = append(slices.Clone(s.Actions), g.action())
	case 7:
		slices.Reverse(p.Statements)
	case 8:
		s.Conditions = append(slices.Clone(s.Conditions[:0]), g.condition())
	}
	return out
}

// refStrength is strength by the reference evaluator.
func refStrength(r *refRequest, ps []*refPolicy) int {
	deny, grants := refAsk(r, ps, false)
	switch {
	case deny || grants == 0:
		return 0
	case grants == grantAccount:
		return 1
	}
	return 2
}

// compareSound compares two generated sets: a No is held against requests, a
// Yes against the reference evaluator.
func compareSound(t *testing.T, seed uint64) Answer {
	g := generator{rand.New(rand.NewPCG(seed, 2))}
	kind := Inline
	if g.chance(30) {
		kind = Resource
	}
	small := func() []*refPolicy {
		var ps []*refPolicy
		for range 1 + g.IntN(2) {
			ps = append(ps, g.policy(kind))
		}
		return ps
	}
	pa := small()
	pb := g.changed(pa, kind)
	if g.chance(20) {
		pb = small()
	}
	a, b := refSet(pa), refSet(pb)
	got := Compare(a, b, CompareOptions{})
	checkComparison(t, fmt.Sprint("seed ", seed), got, a, b)
	switch got.Answer {
	case No:
		for range 60 {
			if r := g.request(); refStrength(r, pb) > refStrength(r, pa) {
				t.Errorf("seed %d: Compare = no, but %+v with %v is allowed more\n%s\n%s", seed, r.Request, r.keys, texts(pa), texts(pb))
				break
			}
		}
	case Yes:
		r := &refRequest{Request: got.Example, keys: map[string][]string{}, multi: map[string]bool{}}
		for i := range got.Example.Context.values {
			v := &got.Example.Context.values[i]
			values, _ := got.Example.Context.Values(v.name)
			r.keys[strings.ToLower(v.name)], r.multi[strings.ToLower(v.name)] = values, v.kind == valueMulti
		}
		if refStrength(r, pb) <= refStrength(r, pa) {
			t.Errorf("seed %d: the example %+v with %v isn't allowed more\n%s\n%s", seed, r.Request, r.keys, texts(pa), texts(pb))
		}
	}
	return got.Answer
}

func texts(ps []*refPolicy) string {
	var out []string
	for _, p := range ps {
		out = append(out, p.text())
	}
	return strings.Join(out, "\n  ")
}

func TestCompareIsSound(t *testing.T) {
	count := map[Answer]int{}
	for seed := range uint64(600) {
		count[compareSound(t, seed)]++
		if t.Failed() {
			return
		}
	}
	t.Logf("no %d, yes %d, unknown %d", count[No], count[Yes], count[Unknown])
	if count[Unknown] > 120 {
		t.Errorf("%d of 600 comparisons are unknown", count[Unknown])
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compareSound(t, seed) })
}

// TestSymbols compares containment and overlap of patterns with matching texts.
func TestSymbols(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(3, 3))}
	word := func(n int, letters ...string) string {
		var b strings.Builder
		for range g.IntN(n) {
			b.WriteString(g.pick(letters...))
		}
		return b.String()
	}
	for range 3000 {
		p, q := newGlob(word(5, "a", "b", "*", "?")), newGlob(word(5, "a", "b", "*", "?"))
		sp, sq := newGlobShape(&p, false), newGlobShape(&q, false)
		covers, overlaps := sp.covers(sq), sp.overlaps(sq)
		for range 40 {
			s := word(7, "a", "b")
			if covers && q.match(s) && !p.match(s) {
				t.Fatalf("%+v covers %+v, but for %q", p, q, s)
			}
			if !overlaps && q.match(s) && p.match(s) {
				t.Fatalf("%+v and %+v are apart, but for %q", p, q, s)
			}
		}
	}
	p, q := newGlob("?*a"), newGlob("*?a")
	if !newGlobShape(&p, false).covers(newGlobShape(&q, false)) {
		t.Error("?* is not taken for *?")
	}
}

// TestCompareLarge: large policies take no more than a moment, and what is too
// large is unknown.
func TestCompareLarge(t *testing.T) {
	actions := func(n int, suffix string) *Set {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(`"svc%d:Describe%d%s"`, i/20, i, suffix)
		}
		return setOf(Inline, with(`"Effect":"Allow","Action":[`+strings.Join(names, ",")+`],"Resource":"*"`))
	}
	if got := Compare(actions(2000, "*"), actions(2000, ""), CompareOptions{}); got.Answer != No {
		t.Errorf("Compare = %v (%s), want no", got.Answer, got.Reason)
	}
	if got := Compare(actions(6000, "*"), actions(6000, ""), CompareOptions{}); got.Answer != Unknown || !strings.Contains(got.Reason, "pairs of patterns") {
		t.Errorf("Compare = %v (%s), want unknown", got.Answer, got.Reason)
	}
}

func BenchmarkCompare(b *testing.B) {
	_, ten := referenceTask(b)
	other := NewSet(parsed(b, strings.Replace(tenStatements(), "bucket-8", "bucket-x", 1), Managed))
	b.Run("no", func(b *testing.B) {
		for b.Loop() {
			if Compare(ten.Identity, ten.Identity, CompareOptions{}).Answer != No {
				b.Fatal("not no")
			}
		}
	})
	b.Run("yes", func(b *testing.B) {
		for b.Loop() {
			if Compare(ten.Identity, other, CompareOptions{}).Answer != Yes {
				b.Fatal("not yes")
			}
		}
	})
}
