package policy

import (
	"fmt"
	"strings"
	"testing"
)

const (
	myAccount, otherAccount = "111111111111", "222222222222"
	allowAll                = `"Effect":"Allow","Action":"*","Resource":"*"`
)

func identity(documents ...string) *Set { return setOf(Inline, documents...) }

// TestGrants is the table of section "the decision": what a resource's Allow
// needs besides, by how it names the principal.
func TestGrants(t *testing.T) {
	user := Principal{Type: User, ARN: annARN, Account: myAccount, ID: "AIDAEXAMPLEEXAMPLE"}
	role := Principal{Type: AssumedRole, ARN: sessARN, RoleARN: roleARN, Account: myAccount, ID: "AROAEXAMPLEEXAMPLE:ci"}
	federated := Principal{Type: FederatedUser, ARN: fedARN, UserARN: annARN, Account: myAccount, ID: "AIDAEXAMPLEEXAMPLE"}
	aws := func(v string) string { return `{"AWS":"` + v + `"}` }
	const needed, free = true, false
	for _, tt := range []struct {
		p                           Principal
		entry                       string
		identity, boundary, session bool // must they allow?
	}{
		{user, aws(annARN), free, free, free},
		{user, aws("AIDAEXAMPLEEXAMPLE"), free, free, free},
		{user, `"*"`, free, free, free},
		{user, aws("*"), free, free, free},
		{role, aws(roleARN), free, needed, needed},
		{role, aws("AROAEXAMPLEEXAMPLE"), free, needed, needed},
		{role, aws(sessARN), free, free, free},
		{role, `"*"`, free, free, free},
		{federated, aws(fedARN), free, free, free},
		{federated, `"*"`, free, free, free},
		{federated, aws(annARN), free, needed, needed},
		{federated, aws("AIDAEXAMPLEEXAMPLE"), free, needed, needed},
		{user, aws(myAccount), needed, needed, free},
		{role, aws("arn:aws:iam::111111111111:root"), needed, needed, needed},
		{federated, aws(myAccount), needed, needed, needed},
	} {
		all, none := identity(with(allowAll)), identity(with(`"Effect":"Allow","Action":"ec2:*","Resource":"*"`))
		for missing := range 4 { // 1 identity, 2 boundary, 3 session; 0 nothing
			in := &Policies{Identity: all, Resource: Load(with(`"Principal":`+tt.entry+`,`+allowAll), Resource), Boundary: all.policies[0]}
			want := true
			if tt.p.Type != User {
				in.Session = all
			}
			switch missing {
			case 1:
				in.Identity, want = NewSet(), !tt.identity
			case 2:
				in.Boundary, want = none.policies[0], !tt.boundary
			case 3:
				if tt.p.Type != User {
					in.Session, want = none, !tt.session
				}
			}
			req := annGets("arn:aws:s3:::b/k")
			req.Principal = tt.p
			if got := Evaluate(req, in); got.Allowed() != want {
				t.Errorf("type %d by %s without %d: %v by %v, want allowed %v", tt.p.Type, tt.entry, missing, got.Decision, got.Type, want)
			}
			req.ResourceAccount = otherAccount // there all must allow
			if got := Evaluate(req, in); got.Allowed() != (missing == 0 || missing == 3 && tt.p.Type == User) {
				t.Errorf("type %d by %s across accounts without %d: %v by %v", tt.p.Type, tt.entry, missing, got.Decision, got.Type)
			}
		}
	}
}

// TestNamedType: of several policies that object, one is named, Denies first.
func TestNamedType(t *testing.T) {
	allow, deny := identity(with(allowAll)), identity(with(`"Effect":"Deny","Action":"*","Resource":"*"`))
	one := func(s *Set) *Policy { return s.policies[0] }
	resource := func(effect string) *Policy {
		return Load(with(`"Principal":"*","Effect":"`+effect+`","Action":"*","Resource":"*"`), Resource)
	}
	for _, tt := range []struct {
		name    string
		in      Policies
		account string
		want    PolicyType
		denies  bool
	}{
		{"all deny", Policies{deny, one(deny), deny, []*Set{deny}, []*Set{deny}, resource("Deny")}, "", ResourceControlPolicy, true},
		{"all but RCPs", Policies{deny, one(deny), deny, []*Set{deny}, nil, resource("Deny")}, "", ServiceControlPolicy, true},
		{"all but organizations", Policies{deny, one(deny), deny, nil, nil, resource("Deny")}, "", ResourcePolicy, true},
		{"the principal's", Policies{deny, one(deny), deny, nil, nil, nil}, "", IdentityPolicy, true},
		{"boundary and session", Policies{allow, one(deny), deny, nil, nil, nil}, "", PermissionsBoundary, true},
		{"session", Policies{allow, one(allow), deny, nil, nil, nil}, "", SessionPolicy, true},
		{"a Deny before a missing Allow", Policies{nil, nil, deny, []*Set{nil}, nil, nil}, "", SessionPolicy, true},
		{"nothing allows", Policies{SCPs: []*Set{nil}}, "", ServiceControlPolicy, false},
		{"no SCP, across accounts", Policies{SCPs: []*Set{allow, nil}}, otherAccount, ServiceControlPolicy, false},
		{"across accounts", Policies{}, otherAccount, ResourcePolicy, false},
		{"across accounts with consent", Policies{Resource: resource("Allow")}, otherAccount, IdentityPolicy, false},
		{"identity and boundary", Policies{Boundary: one(identity(with(`"Effect":"Allow","Action":"ec2:*","Resource":"*"`)))}, "", IdentityPolicy, false},
		{"boundary and session miss", Policies{Identity: allow, Boundary: one(identity(with(`"Effect":"Allow","Action":"ec2:*","Resource":"*"`))), Session: NewSet()}, "", PermissionsBoundary, false},
	} {
		req := annGets("arn:aws:s3:::b/k")
		if tt.account != "" {
			req.ResourceAccount = tt.account
		}
		got := Evaluate(req, &tt.in)
		if got.Type != tt.want || (got.Decision == ExplicitDeny) != tt.denies || got.Allowed() {
			t.Errorf("%s: %v by %v, want %v", tt.name, got.Decision, got.Type, tt.want)
		}
	}
}

// TestOrganizations: whom their policies bind.
func TestOrganizations(t *testing.T) {
	deny := setOf(SCP, with(`"Effect":"Deny","Action":"*","Resource":"*"`))
	linked := Principal{Type: AssumedRole, ARN: "arn:aws:sts::111111111111:assumed-role/AWSServiceRoleForX/s", RoleARN: "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX", Account: myAccount}
	resource := Load(with(`"Principal":{"AWS":"*","Service":"s3.amazonaws.com","Federated":"accounts.google.com"},`+allowAll), Resource)
	for _, tt := range []struct {
		name     string
		p        Principal
		scp, rcp bool // bound by them?
	}{
		{"user", Principal{Type: User, ARN: annARN, Account: myAccount}, true, true},
		{"role", Principal{Type: AssumedRole, ARN: sessARN, RoleARN: roleARN, Account: myAccount}, true, true},
		{"federated user", Principal{Type: FederatedUser, ARN: fedARN, UserARN: annARN, Account: myAccount}, true, true},
		{"root", Principal{Type: Root, ARN: "arn:aws:iam::111111111111:root", Account: myAccount}, true, true},
		{"service-linked role", linked, false, false},
		{"service", Principal{Type: Service, Service: "s3.amazonaws.com"}, false, true},
		{"web identity", Principal{Type: WebIdentity, Provider: "accounts.google.com"}, false, true},
		{"anonymous", Principal{}, false, true},
	} {
		for _, empty := range []*Set{deny, nil} { // an empty level denies as well, but only in SCPs
			req := annGets("arn:aws:s3:::b/k")
			req.Principal = tt.p
			if got := Evaluate(req, &Policies{Resource: resource, SCPs: []*Set{empty}}); got.Allowed() == tt.scp {
				t.Errorf("%s under SCPs: %v", tt.name, got.Decision)
			}
			if got := Evaluate(req, &Policies{Resource: resource, RCPs: []*Set{empty}}); got.Allowed() == (tt.rcp && empty != nil) {
				t.Errorf("%s under RCPs: %v", tt.name, got.Decision)
			}
		}
	}
}

// TestMatchingCorners asks one identity statement for one request.
func TestMatchingCorners(t *testing.T) {
	keys := &Context{}
	keys.Set("aws:username", "ann")
	keys.Set("aws:PrincipalTag/Path", "a:b/c*")
	keys.SetValues("aws:TagKeys", "one")
	for _, tt := range []struct {
		members          string
		action, resource string
		want             bool
	}{
		// Actions.
		{`"Action":"S3:GETOBJECT","Resource":"*"`, "s3:getobject", "*", true},
		{`"Action":"s3:Get?bject","Resource":"*"`, "s3:GetObject", "*", true},
		{`"Action":"s3:Get?","Resource":"*"`, "s3:Get", "*", false},
		{`"Action":" s3:GetObject","Resource":"*"`, "s3:GetObject", "*", false},
		{`"Action":"s3:","Resource":"*"`, "s3:GetObject", "*", false},
		{`"Action":"s3:*Object*","Resource":"*"`, "s3:Object", "*", true},
		{`"Action":"s3:\u002a","Resource":"\u002a"`, "s3:GetObject", "*", true},
		{`"NotAction":["iam:*","S3:get*"],"Resource":"*"`, "s3:GetObject", "*", false},
		{`"NotAction":"iam:*","Resource":"*"`, "ec2:RunInstances", "*", true},
		{`"NotAction":"*","Resource":"*"`, "ec2:RunInstances", "*", false},
		{`"Action":"${aws:username}:*","Resource":"*"`, "ann:Get", "*", false},
		// Resources.
		{`"Action":"*","Resource":"arn:aws:s3:::b"`, "s3:x", "arn:aws:s3:us-east-1:111111111111:b", false},
		{`"Action":"*","Resource":"arn:aws:s3:*:*:b"`, "s3:x", "arn:aws:s3:::b", true},
		{`"Action":"*","Resource":"arn:aws:s3:::B"`, "s3:x", "arn:aws:s3:::b", false},
		{`"Action":"*","Resource":"arn:aws:S3:::b"`, "s3:x", "arn:aws:s3:::b", true},
		{`"Action":"*","Resource":"arn:aws:sqs:us-*:q"`, "sqs:x", "arn:aws:sqs:us-east-1:111111111111:q", false},
		{`"Action":"*","Resource":"arn:aws:sqs:us-east-1*:111111111111:q"`, "sqs:x", "arn:aws:sqs:us-east-1:222222222222:111111111111:q", false},
		{`"Action":"*","Resource":"arn:aws:sqs:us-*"`, "sqs:x", "arn:aws:sqs:us-east-1:111111111111:q", true},
		{`"Action":"*","Resource":"arn:aws:logs:*:*:log-group:/a/*:log-stream:*"`, "logs:x", "arn:aws:logs:eu-west-1:1:log-group:/a/b/c:log-stream:d:e", true},
		{`"Action":"*","Resource":"arn:aws:s3:::b/a//../%2F"`, "s3:x", "arn:aws:s3:::b/a//../%2F", true},
		{`"Action":"*","Resource":"arn:aws:s3:::b/?"`, "s3:x", "arn:aws:s3:::b/é", true},
		{`"Action":"*","Resource":"arn:aws:s3:::b/?"`, "s3:x", "arn:aws:s3:::b/", false},
		{`"Action":"*","Resource":"arn:aws:s3:::*"`, "s3:ListAllMyBuckets", "*", false},
		{`"Action":"*","NotResource":"arn:aws:s3:::b"`, "s3:ListAllMyBuckets", "*", true},
		{`"Action":"*","NotResource":"*"`, "s3:ListAllMyBuckets", "*", false},
		{`"Action":"*","NotResource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]`, "s3:x", "arn:aws:s3:::b/k", false},
		// Variables: literal, once, in the last field only.
		{`"Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/path}"`, "s3:x", "arn:aws:s3:::a:b/c*", true},
		{`"Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/path}"`, "s3:x", "arn:aws:s3:::a:b/cd", false},
		{`"Action":"*","Resource":"arn:aws:s3:::${aws:TagKeys, 'none'}"`, "s3:x", "arn:aws:s3:::none", true},
		{`"Action":"*","Resource":"arn:aws:${aws:x, 's3'}:::b"`, "s3:x", "arn:aws:s3:::b", false},
		{`"Action":"*","NotResource":"arn:aws:${aws:x, 's3'}:::b"`, "s3:x", "arn:aws:s3:::c", false},
		{`"Action":"*","NotResource":"arn:aws:s3:::${aws:username}"`, "s3:x", "arn:aws:s3:::bob", true},
		{`"Action":"*","NotResource":["arn:aws:s3:::x","arn:aws:s3:::${aws:absent}"]`, "s3:x", "arn:aws:s3:::bob", false},
	} {
		p := Load(with(`"Effect":"Allow",`+tt.members), Inline)
		req := &Request{Action: tt.action, Resource: tt.resource, Context: keys, Principal: Principal{Type: User, Account: myAccount}, ResourceAccount: myAccount}
		if got := Evaluate(req, &Policies{Identity: NewSet(p)}).Allowed(); got != tt.want {
			t.Errorf("%s for %s on %s: %v, want %v", tt.members, tt.action, tt.resource, got, tt.want)
		}
	}
}

// TestOldVersion: a document of 2008, or without a version, has no variables;
// all else is the same.
func TestOldVersion(t *testing.T) {
	keys := &Context{}
	keys.Set("aws:username", "ann")
	keys.Set("t:plain", "${aws:username}")
	for _, version := range []string{`"Version":"2008-10-17",`, ``} {
		for members, want := range map[string]bool{
			`"Resource":"arn:aws:s3:::${aws:username}"`:                                         false,
			`"Resource":"arn:aws:s3:::${*}"`:                                                    false,
			`"Resource":"arn:aws:s3:::ann"`:                                                     true,
			`"Resource":"*","Condition":{"StringEquals":{"t:plain":"${aws:username}"}}`:         true,
			`"Resource":"*","Condition":{"StringLike":{"t:plain":"${*}"}}`:                      true, // a star
			`"Resource":"*","Condition":{"StringEquals":{"aws:username":"${aws:username}"}}`:    false,
			`"Resource":"*","Condition":{"StringEquals":{"aws:username":"${aws:x, 'ann'}"}}`:    false,
			`"Resource":"*","Condition":{"ForAnyValue:StringNotLike":{"aws:username":"b*"}}`:    true,
			`"NotResource":"arn:aws:s3:::${aws:absent}"`:                                        true,
			`"Resource":"*","Condition":{"StringNotEquals":{"aws:username":"${aws:username}"}}`: true,
		} {
			p := Load(`{`+version+`"Statement":{"Effect":"Allow","Action":"*",`+members+`}}`, Inline)
			req := &Request{Action: "s3:x", Resource: "arn:aws:s3:::ann", Context: keys, Principal: Principal{Type: User, Account: myAccount}, ResourceAccount: myAccount}
			if got := Evaluate(req, &Policies{Identity: NewSet(p)}).Allowed(); got != want {
				t.Errorf("%s%s: %v, want %v", version, members, got, want)
			}
			if p.Version() != version2008 {
				t.Errorf("Version = %s", p.Version())
			}
		}
	}
}

// TestMoreConditions holds corners that TestConditionRules doesn't.
func TestMoreConditions(t *testing.T) {
	c := &Context{}
	c.Set("t:v6", "2001:DB8:0:0::0001")
	c.Set("t:v4", "10.1.2.3")
	c.Set("t:date", "2024-06-01T00:00:00.9+02:00")
	c.Set("t:epoch", "1717192800")
	c.Set("t:big", "123456789012345678901234567890.10")
	c.Set("t:name", "Ärger")
	c.Set("t:empty", "")
	c.Set("aws:ResourceTag/Team", "Blue")
	c.Set("t:arn", "arn:aws:iam::111111111111:role/a/b:c")
	c.SetValues("t:one", "x")
	c.SetValues("t:two", "x", "y")
	for condition, want := range map[string]bool{
		`"IpAddress":{"t:v6":"2001:db8::1"}`:                                     true,
		`"IpAddress":{"t:v6":"2001:db8::ffff/32"}`:                               true,
		`"IpAddress":{"t:v6":"0.0.0.0/0"}`:                                       false,
		`"NotIpAddress":{"t:v6":"0.0.0.0/0"}`:                                    true,
		`"IpAddress":{"t:v4":"::/0"}`:                                            false,
		`"IpAddress":{"t:v4":["::/0","10.1.2.200/24"]}`:                          true,
		`"IpAddress":{"t:v4":"10.1.2"}`:                                          false,
		`"IpAddress":{"t:v4":"10.1.2.3/33"}`:                                     false,
		`"IpAddress":{"t:v4":"${t:v4}"}`:                                         false,
		`"DateEquals":{"t:date":"2024-05-31T22:00:00Z"}`:                         true,
		`"DateEquals":{"t:date":"1717192800"}`:                                   true,
		`"DateEquals":{"t:epoch":"2024-05-31T22Z"}`:                              true,
		`"DateEquals":{"t:epoch":"2024-05-31T22:00"}`:                            true,
		`"DateLessThan":{"t:epoch":"2024-06"}`:                                   true,
		`"DateGreaterThan":{"t:epoch":"2024"}`:                                   true,
		`"NumericEquals":{"t:big":"123456789012345678901234567890.1"}`:           true,
		`"NumericEquals":{"t:big":123456789012345678901234567890.100}`:           true,
		`"NumericGreaterThan":{"t:big":"123456789012345678901234567890.09999"}`:  true,
		`"NumericLessThan":{"t:big":"1e30"}`:                                     true,
		`"NumericLessThan":{"t:big":1e99999999999999}`:                           true,
		`"NumericLessThan":{"t:big":"1e99999999999999999999999999"}`:             false,
		`"NumericEqualsIfExists":{"t:name":"1"}`:                                 false,
		`"StringEquals":{"t:name":"ärger"}`:                                      false,
		`"StringEqualsIgnoreCase":{"t:name":"äRGER"}`:                            true,
		`"StringLike":{"t:name":"?rger"}`:                                        true,
		`"StringLike":{"t:empty":""}`:                                            true,
		`"StringLike":{"t:name":""}`:                                             false,
		`"StringLike":{"t:empty":"*"}`:                                           true,
		`"StringEquals":{"AWS:resourcetag/TEAM":"Blue"}`:                         true,
		`"StringEquals":{"aws:ResourceTag/Team":"blue"}`:                         false,
		`"StringEquals":{"t:absent":"x","aws:ResourceTag/Team":"Blue"}`:          false,
		`"StringEquals":{"aws:ResourceTag/Team":["Red","Blue"]}`:                 true,
		`"StringNotEquals":{"aws:ResourceTag/Team":["Red","Blue"]}`:              false,
		`"StringNotEqualsIfExists":{"t:absent":"x"}`:                             true,
		`"ArnLike":{"t:arn":"arn:aws:iam::*:role/*"}`:                            true,
		`"ArnEquals":{"t:arn":"arn:aws:*:role/a/b:c"}`:                           false,
		`"ArnEquals":{"t:arn":"arn:*:*:*:*:*"}`:                                  true,
		`"ArnLike":{"t:arn":"arn:aws:iam::111111111111:ROLE/*"}`:                 false,
		`"ArnNotEquals":{"t:absent":"arn:aws:iam::*:role/*"}`:                    true,
		`"ArnLike":{"t:name":"arn:*:*:*:*:*"}`:                                   false,
		`"StringEquals":{"t:one":"x"}`:                                           false, // a list of one is a list
		`"ForAnyValue:StringEquals":{"t:one":"x"}`:                               true,
		`"ForAllValues:StringEquals":{"t:two":"x"}`:                              false,
		`"ForAllValues:StringEquals":{"t:two":["x","y","z"]}`:                    true,
		`"ForAnyValue:StringNotEquals":{"t:two":"x"}`:                            true,
		`"ForAllValues:StringNotEquals":{"t:two":"z"}`:                           true,
		`"ForAllValues:StringNotEquals":{"t:two":"y"}`:                           false,
		`"ForAnyValue:StringNotEquals":{"t:absent":"x"}`:                         false,
		`"ForAllValues:StringNotEquals":{"t:absent":"x"}`:                        true,
		`"ForAnyValue:StringLike":{"t:name":"*ger"}`:                             true,
		`"ForAllValues:NumericEqualsIfExists":{"t:name":"1"}`:                    false,
		`"Null":{"t:absent":"true","t:name":"false"}`:                            true,
		`"Null":{"t:absent":["true","false"]}`:                                   true,
		`"Null":{"t:absent":true}`:                                               true,
		`"Null":{"T:NAME":"TRUE"}`:                                               false,
		`"BoolIfExists":{"t:absent":"true"}`:                                     true,
		`"Bool":{"t:absent":"false"}`:                                            false,
		`"BinaryEquals":{"t:name":"Ärger"}`:                                      true,
		`"BinaryEquals":{"t:name":"${t:name}"}`:                                  false,
		`"StringEquals":{"t:name":"Ärger"},"StringNotEquals":{"t:name":"Ärger"}`: false,
	} {
		p := Load(with(allowAll+`,"Condition":{`+condition+`}`), Inline)
		req := annGets("*")
		req.Context = c
		if got := Evaluate(req, &Policies{Identity: NewSet(p)}).Allowed(); got != want || p.Refusal() != nil {
			t.Errorf("%s holds %v, want %v (refusal %v)", condition, got, want, p.Refusal())
		}
	}
}

// TestNotPrincipal: who is left out of a Deny, and of an Allow.
func TestNotPrincipal(t *testing.T) {
	user := Principal{Type: User, ARN: annARN, Account: myAccount}
	role := Principal{Type: AssumedRole, ARN: sessARN, RoleARN: roleARN, Account: myAccount}
	root := Principal{Type: Root, ARN: "arn:aws:iam::111111111111:root", Account: myAccount}
	service := Principal{Type: Service, Service: "s3.amazonaws.com"}
	boundary := Load(with(allowAll), Boundary)
	aws := func(names ...string) string { return `{"AWS":["` + strings.Join(names, `","`) + `"]}` }
	for _, tt := range []struct {
		p       Principal
		entries string
		bounded bool
		left    bool // out of a Deny
	}{
		{user, aws(myAccount, annARN), false, true},
		{user, aws(annARN), false, false},
		{user, aws(myAccount), false, false},
		{user, aws(myAccount, annARN), true, false},
		{role, aws(myAccount, roleARN, sessARN), false, true},
		{role, aws(myAccount, roleARN), false, false},
		{root, aws(myAccount), false, true},
		{root, aws(otherAccount), false, false},
		{service, `{"Service":"s3.amazonaws.com"}`, false, true},
		{Principal{}, aws(myAccount), false, false},
	} {
		deny := Load(with(`"Effect":"Deny","Action":"*","Resource":"*","NotPrincipal":`+tt.entries), Resource)
		req := annGets("arn:aws:s3:::b/k")
		req.Principal = tt.p
		in := &Policies{Identity: identity(with(allowAll)), Resource: deny}
		if tt.bounded {
			in.Boundary = boundary
		}
		if got := Evaluate(req, in); (got.Decision != ExplicitDeny) != tt.left {
			t.Errorf("Deny NotPrincipal %s for type %d: %v", tt.entries, tt.p.Type, got.Decision)
		}
	}
	allow := Load(with(`"NotPrincipal":{"AWS":"222222222222"},`+allowAll), Resource)
	for name, p := range map[string]Principal{"anonymous": {}, "user": user} {
		req := annGets("arn:aws:s3:::b/k")
		req.Principal = p
		if !Evaluate(req, &Policies{Resource: allow}).Allowed() {
			t.Errorf("Allow with NotPrincipal leaves out %s", name)
		}
	}
}

// TestPathologicalPatterns takes seconds if matching goes back over what it
// has matched, and years if it does so for each star.
func TestPathologicalPatterns(t *testing.T) {
	stars, text := strings.Repeat("*a", 200)+"b", strings.Repeat("a", 20_000)
	keys := &Context{}
	keys.Set("t:text", text)
	keys.Set("t:stars", stars)
	for _, members := range []string{
		fmt.Sprintf(`"Action":"s3:%s","Resource":"*"`, stars),
		fmt.Sprintf(`"Action":"*","Resource":"arn:aws:s3:::%s"`, stars),
		fmt.Sprintf(`"Action":"*","Resource":"arn:aws:s3:::${t:stars}%s"`, stars),
		fmt.Sprintf(`"Action":"*","Resource":"*","Condition":{"StringLike":{"t:text":"%s"}}`, stars),
		fmt.Sprintf(`"Action":"*","Resource":"*","Condition":{"StringLike":{"t:text":"${*}%s"}}`, stars),
	} {
		p := Load(with(`"Effect":"Allow",`+members), Inline)
		req := annGets("arn:aws:s3:::" + text)
		req.Action, req.Context = "s3:"+text, keys
		if Evaluate(req, &Policies{Identity: NewSet(p)}).Allowed() {
			t.Errorf("%.60s… matches", members)
		}
	}
}
