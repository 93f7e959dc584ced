package policy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDenialTexts(t *testing.T) {
	ann := annGets("arn:aws:s3:::b/k")
	deny := Load(with(`"Effect":"Deny","Action":"*","Resource":"*"`), Inline)
	named := deny.Named(Source{Name: "P", ARN: "arn:aws:iam::111111111111:policy/P"})
	allow := Load(with(`"Effect":"Allow","Action":"*","Resource":"*"`), Inline)
	trust := Load(with(`"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:*"`), Trust)
	onKey := Load(with(`"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"`), Resource)
	assume := *ann
	assume.Action, assume.Resource = "sts:AssumeRole", "arn:aws:iam::111111111111:role/r"
	anonymous, web, list := *ann, assume, *ann
	anonymous.Principal, web.Principal = Principal{}, Principal{Type: WebIdentity}
	web.Action = "sts:AssumeRoleWithWebIdentity"
	list.Resource = "*"
	const who = "User: arn:aws:iam::111111111111:user/ann is not authorized to perform: "
	const get = who + "s3:GetObject on resource: arn:aws:s3:::b/k "
	for _, tt := range []struct {
		name  string
		req   *Request
		in    *Policies
		style Style
		want  string
	}{
		{"nothing", ann, &Policies{}, Style{}, get + "because no identity-based policy allows the s3:GetObject action"},
		{"inline deny", ann, &Policies{Identity: NewSet(deny)}, Style{}, get + "with an explicit deny in an identity-based policy"},
		{"managed deny", ann, &Policies{Identity: NewSet(named)}, Style{}, get + "with an explicit deny in an identity-based policy: arn:aws:iam::111111111111:policy/P"},
		{"boundary", ann, &Policies{Identity: NewSet(allow), Boundary: named}, Style{}, get + "with an explicit deny in a permissions boundary: arn:aws:iam::111111111111:policy/P"},
		{"boundary omits", ann, &Policies{Identity: NewSet(allow), Boundary: Load(with(`"Effect":"Allow","Action":"ec2:*","Resource":"*"`), Boundary)}, Style{}, get + "because no permissions boundary allows the s3:GetObject action"},
		{"session", ann, &Policies{Identity: NewSet(allow), Session: NewSet()}, Style{}, get + "because no session policy allows the s3:GetObject action"},
		{"SCP", ann, &Policies{Identity: NewSet(allow), SCPs: []*Set{nil}}, Style{}, get + "because no service control policy allows the s3:GetObject action"},
		{"RCP", ann, &Policies{Identity: NewSet(allow), RCPs: []*Set{NewSet(deny)}}, Style{}, get + "with an explicit deny in a resource control policy"},
		{"resource", ann, &Policies{Identity: NewSet(allow), Resource: onKey}, Style{}, get + "with an explicit deny in a resource-based policy"},
		{"trust", &assume, &Policies{Identity: NewSet(allow)}, Style{}, who + "sts:AssumeRole on resource: arn:aws:iam::111111111111:role/r because no role trust policy allows the sts:AssumeRole action"},
		{"trust denies", &assume, &Policies{Resource: trust}, Style{}, who + "sts:AssumeRole on resource: arn:aws:iam::111111111111:role/r with an explicit deny in the role trust policy"},
		{"no reason", &assume, &Policies{}, Style{NoReason: true}, who + "sts:AssumeRole on resource: arn:aws:iam::111111111111:role/r"},
		{"star", &list, &Policies{}, Style{}, who + "s3:GetObject on resource: * because no identity-based policy allows the s3:GetObject action"},
		{"no resource", &list, &Policies{}, Style{NoResource: true}, who + "s3:GetObject because no identity-based policy allows the s3:GetObject action"},
		{"S3", ann, &Policies{}, Style{QuoteResource: true}, who + `s3:GetObject on resource: "arn:aws:s3:::b/k" because no identity-based policy allows the s3:GetObject action`},
		{"anonymous", &anonymous, &Policies{}, Style{}, "User: anonymous is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k"},
		{"web identity", &web, &Policies{}, Style{}, "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"allowed", ann, &Policies{Identity: NewSet(allow)}, Style{}, ""},
	} {
		if got := Evaluate(tt.req, tt.in).Denial(tt.req, tt.style); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestExplain(t *testing.T) {
	p := parsed(t, `{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Net", "Effect": "Deny", "Action": "s3:*", "Resource": "*",
     "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}},
    {"Sid": "Home", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/home}/*"},
    {"Effect": "Allow", "NotAction": ["s3:Get*", "iam:*"], "Resource": "*"},
    {"Effect": "Allow", "Action": "*", "Resource": "*",
     "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
  ]
}`, Managed).Named(Source{Name: "Team"})
	e := Explain(annGets("arn:aws:s3:::b/k"), &Policies{Identity: NewSet(p)})
	got := strings.Split(e.String(), "\n")
	want := []string{
		"explicitDeny: the statement at 4:5 of the identity-based policy Team denies s3:GetObject",
		"  arn:aws:iam::111111111111:user/ann does s3:GetObject on arn:aws:s3:::b/k",
		"identity-based policy Team: explicitDeny",
		"  4:5 Deny Net applies",
		"    note: StringNotEquals holds because the request has no aws:SourceVpce",
		"  6:5 Allow Home doesn't apply: at 6:58 Resource wants arn:aws:s3:::b/${aws:PrincipalTag/home}/*; seen arn:aws:s3:::b/k; the variable ${aws:PrincipalTag/home} has no value",
		"  7:5 Allow doesn't apply: at 7:25 NotAction leaves out s3:Get*, iam:*; seen s3:GetObject",
		"  8:5 Allow doesn't apply: at 9:29 Condition Bool aws:SecureTransport wants false; seen true",
		"",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Explain (-want +got):\n%s", d)
	}
	text, err := json.Marshal(e)
	if err != nil || !strings.HasPrefix(string(text), `{"decision":"explicitDeny","decidedBy":"identity-based policy","reason":`) {
		t.Errorf("Marshal = %s, %v", text, err)
	}
}

func TestExplainDelegation(t *testing.T) {
	p := Load(with(`"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"`), Resource)
	got := Explain(annGets("arn:aws:s3:::b/k"), &Policies{Resource: p}).String()
	want := `implicitDeny: no identity-based policy allows s3:GetObject
  arn:aws:iam::111111111111:user/ann does s3:GetObject on arn:aws:s3:::b/k
resource-based policy: allowed
  1:38 Allow applies
    note: it names only the account, so an identity-based policy must allow too
identity-based policy: there is none
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Explain (-want +got):\n%s", d)
	}
}

func TestMatchesPositions(t *testing.T) {
	const line = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	const pretty = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"*\", \"Resource\": \"*\"\n\n    }\n  ]\n}"
	const lone = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	for text, want := range map[string][]Position{
		line:   {{1, 38}, {1, 87}, {1, 88}, {1, 134}},
		pretty: {{3, 17}, {8, 6}},
		lone:   {{1, 38}, {1, 86}},
	} {
		var got []Position
		for _, m := range Matches(annGets("*"), &Policies{Identity: NewSet(parsed(t, text, Managed))}) {
			got = append(got, m.Start, m.End)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

func TestContextKeys(t *testing.T) {
	p := parsed(t, with(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/${aws:x, 'y'}",
		"Condition":{"StringLike":{"AWS:UserName":"${aws:PrincipalTag/a}*","s3:prefix":"${*}"},"Bool":{"aws:SecureTransport":"true"}}`), Managed)
	want := []string{"aws:username", "aws:x", "aws:PrincipalTag/a", "s3:prefix", "aws:SecureTransport"}
	if d := cmp.Diff(want, p.ContextKeys()); d != "" {
		t.Errorf("ContextKeys (-want +got):\n%s", d)
	}
	c := &Context{}
	fillContext(c)
	if d := cmp.Diff([]string{"aws:x", "aws:PrincipalTag/a", "s3:prefix"}, MissingKeys(c, p, p)); d != "" {
		t.Errorf("MissingKeys (-want +got):\n%s", d)
	}
}

func TestSizeCountsNoWhiteSpace(t *testing.T) {
	if n := Size("{ \"a\":\t\"é b\"\r\n}"); n != 10 {
		t.Errorf("Size = %d, want 10", n)
	}
	if n, m := SCP.Size("{ \"é\": 1 }"), Managed.Size("{ \"é\": 1 }"); n != 10 || m != 7 {
		t.Errorf("Size = %d with white space, %d without, want 10 and 7", n, m)
	}
}

func TestDecisionsAndTypesReadBack(t *testing.T) {
	for _, d := range []Decision{ImplicitDeny, ExplicitDeny, Allowed} {
		var got Decision
		if err := got.UnmarshalText([]byte(d.String())); err != nil || got != d {
			t.Errorf("UnmarshalText(%q) = %v, %v", d, got, err)
		}
	}
	for i := range typeNames {
		var got PolicyType
		if err := got.UnmarshalText([]byte(PolicyType(i).String())); err != nil || got != PolicyType(i) {
			t.Errorf("UnmarshalText(%q) = %v, %v", PolicyType(i), got, err)
		}
	}
	d, p := Allowed, IdentityPolicy
	if d.UnmarshalText([]byte("yes")) == nil || p.UnmarshalText([]byte("yes")) == nil {
		t.Error("what is not known is read")
	}
}
