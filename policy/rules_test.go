package policy

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestConditionRules holds what the vectors don't say: one statement on
// everything, with a condition, for one context.
func TestConditionRules(t *testing.T) {
	c := &Context{}
	fillContext(c)
	c.Set("t:number", "10")
	c.Set("t:word", "ten")
	c.Set("t:empty", "")
	c.Set("t:zone", "fe80::1%eth0")
	c.Set("t:mapped", "::ffff:10.0.0.1")
	c.SetValues("t:none")
	c.SetValues("t:numbers", "9", "10", "x")
	var long []string
	for i := range 20 {
		long = append(long, fmt.Sprintf(`"name%d"`, i))
	}
	names := strings.Join(long, ",")
	for _, tt := range []struct {
		condition string
		want      bool
	}{
		// Stored operators in any case, and unknown ones.
		{`"foranyvalue:stringlikeIFEXISTS":{"aws:username":"a*"}`, true},
		{`"STRINGEQUALS":{"aws:username":"ann"}`, true},
		{`"StringMatches":{"aws:username":"ann"}`, false},
		{`"StringMatches":{}`, true},
		// Long lists.
		{`"StringEquals":{"aws:username":[` + names + `]}`, false},
		{`"StringEquals":{"aws:username":[` + names + `,"ann"]}`, true},
		{`"StringNotEquals":{"aws:username":[` + names + `,"ann"]}`, false},
		{`"StringEquals":{"aws:username":[` + names + `,"${aws:username}"]}`, true},
		// Empty lists of values: nothing matches.
		{`"StringEquals":{"aws:username":[]}`, false},
		{`"StringNotEquals":{"aws:username":[]}`, true},
		// Values of the wrong type fail the negated test too, on either side.
		{`"NumericNotEquals":{"t:word":"10"}`, false},
		{`"NumericNotEquals":{"t:number":"ten"}`, false},
		{`"NumericNotEquals":{"t:number":["11","ten"]}`, false},
		{`"NumericEquals":{"t:number":["ten","10"]}`, true},
		{`"NumericEquals":{"t:word":"ten"}`, false},
		{`"NumericEquals":{"t:number":"1e1"}`, true},
		{`"DateNotEquals":{"t:word":"2024-01-01"}`, false},
		{`"NotIpAddress":{"t:word":"10.0.0.0/8"}`, false},
		{`"NotIpAddress":{"t:zone":"10.0.0.0/8"}`, false},
		{`"IpAddress":{"t:mapped":"10.0.0.0/8"}`, true},
		{`"NotIpAddress":{"aws:SourceIp":"10.0.0.0/99"}`, false},
		{`"ArnNotLike":{"aws:username":"arn:aws:iam::*:user/*"}`, false},
		{`"ArnNotLike":{"aws:PrincipalArn":"*"}`, false},
		{`"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam:*"}`, false},
		{`"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}`, true},
		// Variables in ARNs: whole, in parts, absent, and not an ARN.
		{`"ArnEquals":{"aws:PrincipalArn":"${aws:PrincipalArn}"}`, true},
		{`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}"}`, true},
		{`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalAccount}:*/${t:absent}"}`, false},
		{`"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::${t:absent}:user/x"}`, true},
		{`"ArnNotEquals":{"aws:PrincipalArn":"${aws:username}"}`, false},
		// Variables without value or that can't be read.
		{`"StringNotEquals":{"aws:username":"${t:absent}"}`, true},
		{`"StringNotLike":{"aws:username":"${a b}"}`, true},
		{`"StringLike":{"aws:username":["${a b}","a*"]}`, true},
		{`"StringEqualsIgnoreCase":{"aws:username":"A${t:empty}N${t:empty}N"}`, true},
		{`"StringEqualsIgnoreCase":{"t:empty":"${t:empty}"}`, true},
		// Null, also on a key that holds no value.
		{`"Null":{"t:empty":"false"}`, true},
		{`"Null":{"t:none":"true"}`, true},
		{`"Null":{"t:none":"false"}`, false},
		{`"NullIfExists":{"t:absent":"false"}`, false},
		{`"Null":{"t:absent":"yes"}`, false},
		// Sets.
		{`"ForAllValues:NumericLessThan":{"t:numbers":"11"}`, false},
		{`"ForAnyValue:NumericLessThan":{"t:numbers":"10"}`, true},
		{`"ForAnyValue:NumericNotEquals":{"t:none":"10"}`, false},
		{`"ForAnyValue:StringEqualsIfExists":{"t:absent":"x"}`, false},
		{`"ForAllValues:StringEqualsIfExists":{"t:absent":"x"}`, true},
		{`"StringNotEquals":{"t:numbers":"x"}`, false},
		{`"StringEqualsIfExists":{"t:numbers":"9"}`, false},
		{`"ForAnyValue:DateEquals":{"aws:CurrentTime":"1790000000"}`, true},
		// Points in time.
		{`"DateEquals":{"aws:CurrentTime":"2026-09-21T14:13:20Z"}`, true},
		{`"DateEquals":{"aws:EpochTime":"2026-09-21T16:13:20.9+02:00"}`, true},
		{`"NumericEquals":{"aws:EpochTime":"1790000000.0"}`, true},
		{`"NumericEquals":{"aws:CurrentTime":"1790000000"}`, false},
		{`"StringEquals":{"aws:EpochTime":"1790000000"}`, true},
		{`"StringLike":{"aws:CurrentTime":"2026-09-21T*"}`, true},
		// Other types take texts as they are.
		{`"BinaryEquals":{"t:word":"ten"}`, true},
		{`"Bool":{"aws:SecureTransport":["no","TRUE"]}`, true},
		{`"Bool":{"t:word":"true"}`, false},
	} {
		p := Load(with(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+tt.condition+`}`), Inline)
		req := annGets("*")
		req.Context = c
		if got := Evaluate(req, &Policies{Identity: NewSet(p)}).Allowed(); got != tt.want || p.Refusal() != nil {
			t.Errorf("%s holds %v, want %v (refusal %v)", tt.condition, got, tt.want, p.Refusal())
		}
	}
	deny := Load(with(`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringMatches":{"a":"b"}}`), Inline)
	if r := Evaluate(annGets("*"), &Policies{Identity: NewSet(deny)}); r.Decision != ExplicitDeny {
		t.Errorf("a Deny with an unknown operator decides %v", r.Decision)
	}
}

func TestNotResourceWithoutValue(t *testing.T) {
	for effect, want := range map[string]Decision{"Allow": ImplicitDeny, "Deny": ExplicitDeny} {
		for _, resource := range []string{"arn:aws:s3:::b/${t:absent}", "arn:aws:s3:::b/${a b}"} {
			p := Load(with(`"Effect":"`+effect+`","Action":"*","NotResource":["arn:aws:s3:::x","`+resource+`"]`), Inline)
			if r := Evaluate(annGets("arn:aws:s3:::b/k"), &Policies{Identity: NewSet(p)}); r.Decision != want {
				t.Errorf("%s NotResource %s decides %v, want %v", effect, resource, r.Decision, want)
			}
		}
	}
}

// TestPrincipalRules asks a resource's policy of one Allow.
func TestPrincipalRules(t *testing.T) {
	const acct = "111111111111"
	user := Principal{Type: User, ARN: annARN, Account: acct, ID: "AIDAEXAMPLE", CanonicalID: strings.Repeat("ab", 32)}
	role := Principal{Type: AssumedRole, ARN: sessARN, RoleARN: roleARN, Account: acct, ID: "AROAEXAMPLE:ci"}
	fed := Principal{Type: FederatedUser, ARN: fedARN, UserARN: annARN, Account: acct}
	saml := Principal{Type: SAML, Provider: "arn:aws:iam::111111111111:saml-provider/idp"}
	root := Principal{Type: Root, ARN: "arn:aws:iam::111111111111:root", Account: acct}
	for _, tt := range []struct {
		principal string
		p         Principal
		want      bool
	}{
		{`{"AWS":"AIDAEXAMPLE"}`, user, true},
		{`{"AWS":"AIDAOTHER"}`, user, false},
		{`{"AWS":"AROAEXAMPLE"}`, role, true},
		{`{"AWS":"AIDAEXAMPLE"}`, Principal{Type: User, ARN: annARN, Account: acct}, false},
		{`{"AWS":"AIDAEXAMPLEEXAMPLEEX1"}`, Principal{Type: User, ARN: annARN, Account: acct}, true}, // by aws:userid
		{`{"AWS":"AIDAEXAMPLE"}`, fed, false},
		{`{"AWS":""}`, user, false},
		{`{"CanonicalUser":"` + strings.Repeat("ab", 32) + `"}`, user, false}, // an account: delegates
		{`{"AWS":"` + fedARN + `"}`, fed, true},
		{`{"AWS":"` + annARN + `"}`, fed, false}, // no session policy, so it may do nothing
		{`"*"`, fed, true},
		{`{"Federated":"arn:aws:iam::111111111111:saml-provider/idp"}`, saml, true},
		{`{"Federated":"accounts.google.com"}`, saml, false},
		{`{"AWS":"222222222222"}`, root, true}, // root needs no grant
		{`{"Service":"s3.amazonaws.com"}`, user, false},
	} {
		p := Load(with(`"Effect":"Allow","Principal":`+tt.principal+`,"Action":"*","Resource":"*"`), Resource)
		req := annGets("arn:aws:s3:::b/k")
		req.Principal = tt.p
		if got := Evaluate(req, &Policies{Resource: p}); got.Allowed() != tt.want {
			t.Errorf("%s for %s: %v, want allowed %v", tt.principal, tt.p.ARN, got.Decision, tt.want)
		}
	}
}

// TestNamedResources: keys and roles must name their users, others needn't.
func TestNamedResources(t *testing.T) {
	const acct = "111111111111"
	root := Principal{Type: Root, ARN: "arn:aws:iam::111111111111:root", Account: acct}
	user := Principal{Type: User, ARN: annARN, Account: acct}
	all := NewSet(Load(with(`"Effect":"Allow","Action":"*","Resource":"*"`), Inline))
	toAccount := Load(with(`"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"`), Resource)
	const keyARN, otherKey = "arn:aws:kms:us-east-1:111111111111:key/k", "arn:aws:kms:us-east-1:222222222222:key/k"
	for _, tt := range []struct {
		p                Principal
		action, resource string
		policy           *Policy
		want             bool
	}{
		{user, "kms:Decrypt", keyARN, nil, false},
		{user, "kms:Decrypt", keyARN, toAccount, true},
		{user, "kms:Decrypt", otherKey, nil, false},
		{user, "kms:Decrypt", otherKey, toAccount, true},
		{user, "kms:CreateKey", "*", nil, true},
		{user, "kms:CreateAlias", "arn:aws:kms:us-east-1:111111111111:alias/a", nil, true},
		{root, "kms:Decrypt", keyARN, nil, false},
		{root, "kms:Decrypt", keyARN, toAccount, true},
		{root, "s3:GetObject", "arn:aws:sqs:us-east-1:222222222222:q", nil, false},
		{root, "s3:GetObject", "arn:aws:sqs:us-east-1:222222222222:q", toAccount, true},
		{root, "sts:AssumeRole", "arn:aws:iam::111111111111:role/r", toAccount, false},
		{user, "sts:AssumeRole", "arn:aws:iam::111111111111:role/r", nil, false},
		{user, "sts:TagSession", "arn:aws:iam::111111111111:role/r", nil, false},
		{user, "sts:TagSession", "arn:aws:sts::111111111111:federated-user/f", nil, true},
		{user, "sts:GetFederationToken", "arn:aws:sts::111111111111:federated-user/f", nil, true},
		{Principal{}, "sts:GetCallerIdentity", "*", nil, true},
	} {
		req := &Request{Action: tt.action, Resource: tt.resource, Principal: tt.p}
		if got := Evaluate(req, &Policies{Identity: all, Resource: tt.policy}); got.Allowed() != tt.want {
			t.Errorf("type %d, %s on %s: %v by %v, want allowed %v", tt.p.Type, tt.action, tt.resource, got.Decision, got.Type, tt.want)
		}
	}
}

func TestPrincipals(t *testing.T) {
	p := parsed(t, `{"Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111","`+annARN+`"],"Service":"s3.amazonaws.com"},"Action":"*","Resource":"*"},
{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`, Resource)
	want := []NamedPrincipal{
		{"AWS", "111111111111", 1, 53}, {"AWS", annARN, 1, 68}, {"Service", "s3.amazonaws.com", 1, 116}, {"*", "", 2, 30},
	}
	if d := cmp.Diff(want, p.Principals()); d != "" {
		t.Errorf("Principals (-want +got):\n%s", d)
	}
}

func TestLevelsAreNamed(t *testing.T) {
	all := NewSet(Load(with(`"Effect":"Allow","Action":"*","Resource":"*"`), SCP))
	in := &Policies{Identity: all, SCPs: []*Set{all, NewSet(), all}}
	e := Explain(annGets("*"), in)
	if e.Result.Level != 2 || e.Reason != "no service control policy at level 2 allows s3:GetObject" {
		t.Errorf("Explain = level %d, %q", e.Result.Level, e.Reason)
	}
	if DecisionOf(annGets("*"), in, all) != Allowed || DecisionOf(annGets("*"), in, nil) != ImplicitDeny {
		t.Error("DecisionOf takes one set for another")
	}
}

// TestShortARNs: what lacks fields depends on the kind of policy.
func TestShortARNs(t *testing.T) {
	for _, tt := range []struct {
		kind     Kind
		effect   string
		resource string
		want     bool
	}{
		{Inline, "Allow", "arn:aws:s3", true},
		{Session, "Allow", "arn:aws:s3:::", false},
		{Inline, "Allow", "arn:aws:s3:us-*", false},
		{Resource, "Allow", "arn:aws:s3", false},
		{Resource, "Allow", "arn:aws:s3:*", true},
		{SCP, "Allow", "arn:aws:s3", false},
		{SCP, "Deny", "arn:aws:s3", true},
		{Inline, "Allow", "*:*", true},
		{Inline, "Allow", "arn:aws:s3:::b/k:*", false},
	} {
		raw := rawStatement{effect: item{text: tt.effect}, resource: element{present: true, items: []item{{text: tt.resource}}}}
		c := &compiler{kind: tt.kind, variables: true}
		s := c.statement(&raw, 0)
		target := newTarget("arn:aws:s3:::b/k")
		if got := s.matchResource(&target, nil); got != tt.want {
			t.Errorf("kind %d, %s on %s: matches %v, want %v", tt.kind, tt.effect, tt.resource, got, tt.want)
		}
	}
}

// TestSharedByGoroutines is for the race detector.
func TestSharedByGoroutines(t *testing.T) {
	req, in := referenceTask(t)
	req.Context.SetTime("aws:TokenIssueTime", time.Unix(1, 0))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if !Evaluate(req, in).Allowed() || Explain(req, in).Decision != Allowed {
					t.Error("denied")
				}
			}
		})
	}
	wg.Wait()
}

func TestMultivalued(t *testing.T) {
	for key, want := range map[string]bool{
		"aws:TagKeys": true, "AWS:CALLEDVIA": true, "dynamodb:LeadingKeys": true, "s3:RequestObjectTagKeys": true, "kms:EncryptionContextKeys": true,
		"saml:cn": true, "accounts.google.com:amr": true, "aws:username": false, "saml:aud": false, "aws:PrincipalTag/TagKeys": false,
		"s3:prefix": false, "dynamodb:": false, "tagkeys": false, "": false, "aws:TagKeys ": false,
	} {
		if got := Multivalued(key); got != want {
			t.Errorf("Multivalued(%q) = %v, want %v", key, got, want)
		}
	}
}
