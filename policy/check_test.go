package policy

import (
	"errors"
	"strings"
	"testing"
)

// with makes a document of one statement, with members in place of the usual.
func with(members string) string {
	return `{"Version":"2012-10-17","Statement":[{` + members + `}]}`
}

const allowGet = `"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`

// TestMessages holds AWS's texts and the order of its checks.
func TestMessages(t *testing.T) {
	resource := func(r string) string { return with(`"Effect":"Allow","Action":"s3:*","Resource":"` + r + `"`) }
	action := func(a string) string { return with(`"Effect":"Allow","Action":"` + a + `","Resource":"*"`) }
	trust := func(members string) string { return with(`"Effect":"Allow",` + members) }
	ec2 := `"Principal":{"Service":"ec2.amazonaws.com"},`
	for _, tt := range []struct {
		kind Kind
		text string
		want string
	}{
		{Managed, `x`, msgSyntax},
		{Managed, `[]`, msgSyntax},
		{Managed, `{"Version":"2012-10-17","Statement":[{` + allowGet + `,"Condition":{"StringEquals ":{"a":"b"}}}]}`, msgSyntax},
		{Managed, with(allowGet + `,"Condition":{"a":{}}`), ""},
		{Managed, with(allowGet + `,"Condition":{"ForAnyValue::StringEquals":{"a":"b"}}`), msgSyntax},
		{Managed, with(allowGet + `,"Condition":{"stringequals":{"a":"b"}}`), msgSyntax},
		{Managed, with(allowGet + `,"Condition":{"StringEquals":{"a":null}}`), msgSyntax},
		{Managed, with(allowGet + `,"Condition":{"StringEquals":{"a":["b",["c"]]}}`), msgSyntax},
		{Managed, with(allowGet + `,"Condition":{"DateEquals":{"a":[]}}`), ""},
		{Managed, with(`"Effect":"Permit","Action":"s3:*","Resource":"*"`), msgSyntax},
		{Managed, with(`"Effect":"Allow","Action":"s3:*","NotAction":[],"Resource":"*"`), msgSyntax},
		// A missing version comes before a bad date, a bad date before a missing action.
		{Managed, `{"Statement":{"Effect":"Allow","Condition":{"DateEquals":{"a":"x"}}}}`, msgVersion},
		{Managed, with(`"Effect":"Allow","Condition":{"DateEquals":{"a":"x"}}`), msgLegacy},
		{Managed, with(`"Effect":"Allow","Resource":"arn:aws:s3::example_bucket"`), msgLegacy},
		{Managed, `{"Version":"2012-10-17","Statement":[{"Sid":"a",` + allowGet + `},{"Sid":"a","Effect":"Allow"}]}`, msgSidTwice},
		{Managed, with(`"Sid":"a b",` + allowGet), msgSidForm},
		{Managed, with(allowGet + `,"Principal":"*"`), msgPrincipal},
		{Managed, with(`"Effect":"Allow"`), msgNoActions},
		{Managed, with(`"Effect":"Allow","Action":[]`), msgNoActions},
		{Managed, with(`"Effect":"Allow","Action":"invalid"`), msgNoResources},
		{Managed, with(`"Effect":"allow","Action":"s3:*","Resource":"*"`), msgLegacy},
		{Managed, resource(``), `Resource  must be in ARN format or "*".`},
		{Managed, resource(`bucket`), `Resource bucket must be in ARN format or "*".`},
		{Managed, resource(`a:bsdfdsafsad`), `Partition "bsdfdsafsad" is not valid for resource "arn:bsdfdsafsad:*:*:*:*".`},
		{Managed, resource(`a:b:c:d:e:f:g:h`), `Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".`},
		{Managed, with(`"Effect":"Allow","Action":"s3:*","Resource":["arn:error:s3:::example_bucket","arn:error:s3::example_bucket"]`), `Partition "error" is not valid for resource "arn:error:s3::example_bucket:*".`},
		{Managed, resource(`arn:aws`), "Resource vendor must be fully qualified and cannot contain regexes."},
		{Managed, resource(`arn:aws:*`), "Resource vendor must be fully qualified and cannot contain regexes."},
		{Managed, resource(`arn:aws:fdsasf`), ""},
		{Managed, resource(`arn:aws:s3:*`), ""},
		{Managed, resource(`arn:aws::fdsasf`), msgLegacy},
		{Managed, resource(`arn:aws::::example_bucket`), msgLegacy},
		{Managed, resource(`arn:aws:iam:us-east-1::example_bucket`), "IAM resource arn:aws:iam:us-east-1::example_bucket cannot contain region information."},
		{Managed, resource(`arn:aws:s3:us-east-1::example_bucket`), "Resource arn:aws:s3:us-east-1::example_bucket can not contain region information."},
		{Managed, resource(`arn:aws:s3:us-east-1:1:accesspoint/a`), ""},
		{Managed, resource(`arn:aws:iam:::example_bucket`), msgIAMPath},
		{Managed, resource(`arn:aws:cloudwatch:us-east-1::x`), ""},
		{Managed, action(`invalid`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{Managed, action(`a:b:c`), "Actions/Condition can contain only one colon."},
		{Managed, action(`s_3:x`), "Vendor s_3 is not valid"},
		{Managed, action(`*:x`), "Vendor * is not valid"},
		{Managed, action(`iam: asdf safdsf af `), ""},
		{Managed, action(`iam:`), ""},
		{Inline, `{"Version":"2008-10-17","Statement":{` + allowGet + `}}`, ""},
		{Resource, with(allowGet), msgNoPrincipal},
		{Resource, with(allowGet + `,"Principal":{}`), msgNoPrincipals},
		{Resource, with(allowGet + `,"Sid":"with blanks","Principal":{"AWS":["111111111111","arn:aws:iam::111111111111:role/a/b","arn:aws:sts::111111111111:assumed-role/r/s","AIDAEXAMPLEEXAMPLEEX"],"CanonicalUser":"` + strings.Repeat("0a", 32) + `"}`), ""},
		{Resource, with(allowGet + `,"Principal":{"AWS":"arn:aws:iam::111111111111:user/*"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:user/*"`},
		{Resource, with(allowGet + `,"Principal":{"AWS":"arn:aws:iam::111111111111:group/g"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:group/g"`},
		{SCP, `{"Statement":{` + allowGet + `}}`, msgVersion},
		{SCP, with(`"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3"`), msgSyntax},
		{RCP, with(`"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"`), ""},
		{RCP, with(`"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*"`), msgSyntax},
		{RCP, with(`"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"`), msgSyntax},
		{RCP, with(`"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"`), msgSyntax},
		{RCP, with(`"Effect":"Deny","Principal":"*","NotAction":"s3:*","Resource":"*"`), msgSyntax},
		{Trust, `x`, "This policy contains invalid Json"},
		{Trust, `{"Version":"2012-10-17"}`, "Could not parse the policy: Statement is empty!"},
		{Trust, `{"Version":"2011-10-17","Statement":[]}`, "The policy must contain a valid version string"},
		{Trust, with(ec2 + `"Action":"sts:AssumeRole"`), "Missing required field Effect"},
		{Trust, with(`"Effect":"permit",` + ec2 + `"Action":"sts:AssumeRole"`), "Invalid effect: permit"},
		{Trust, trust(ec2 + `"Action":"sts:AssumeRole","Resource":"*"`), "Has prohibited field Resource"},
		{Trust, trust(ec2 + `"Action":"sts:AssumeRole","NotResource":"*"`), "AssumeRole policy must not contain resources."},
		{Trust, trust(`"Action":"sts:AssumeRole"`), msgNoPrincipal},
		{Trust, trust(`"Action":"sts:AssumeRole","Principal":{}`), msgNoPrincipals},
		{Trust, trust(`"Action":"sts:AssumeRole","Principal":"*"`), "Principal must be a JSON object."},
		{Trust, trust(`"Action":"sts:AssumeRole","Principal":["x"]`), "Syntax error in policy."},
		{Trust, trust(`"Action":"sts:AssumeRole","Principal":{"Service":"x"}`), `Invalid principal in policy: "SERVICE":"x"`},
		{Trust, trust(`"Action":"sts:AssumeRole","Principal":{"User":"x"}`), `Invalid principal in policy: "User"`},
		{Trust, trust(`"Action":"sts:AssumeRole","NotPrincipal":{"AWS":"*"}`), "Allow with NotPrincipal is not allowed."},
		{Trust, with(`"Effect":"Deny","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"*"}`), "AssumeRole policy must not contain NotPrincipal field."},
		{Trust, trust(ec2 + `"Condition":{}`), "Missing required field Action"},
		{Trust, trust(ec2 + `"Action":"sts:InvalidAction"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{Trust, trust(ec2 + `"Action":"*"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{Trust, trust(ec2 + `"Action":["sts:*","sts:Assume*","sts:SetContext"]`), ""},
		{Trust, trust(`"Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"accounts.google.com"}`), ""},
		{Trust, `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow",` + ec2 + `"Action":"sts:AssumeRole"},{"Sid":"a","Effect":"Allow",` + ec2 + `"Action":"sts:AssumeRole"}]}`, "The Statement Ids in the policy are not unique"},
	} {
		_, err := Parse(tt.text, tt.kind)
		var e *Error
		if errors.As(err, &e); e == nil {
			e = &Error{}
		}
		if e.Message != tt.want || tt.want != "" && (e.Code != "MalformedPolicyDocument" || e.Line < 1) {
			t.Errorf("Parse(%q) = %+v, want message %q", tt.text, e, tt.want)
		}
	}
}

func TestErrorTellsThePlace(t *testing.T) {
	_, err := Parse("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\"Effect\": \"Nö\", \"Action\": 1}]\n}", Managed)
	var e *Error
	if !errors.As(err, &e) || e.Line != 3 || e.Column != 44 {
		t.Errorf("Parse = %+v, want an error at 3:44", err)
	}
}

func TestCognitoNeedsAnAudience(t *testing.T) {
	text := `"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"`
	if _, err := Parse(with(text), Trust); err == nil {
		t.Error("a trust policy for Cognito without an identity pool parses")
	}
	if _, err := Parse(with(text+`,"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"pool"}}`), Trust); err != nil {
		t.Error(err)
	}
}

// TestLoadFailsClosed: what can't be understood denies everything.
func TestLoadFailsClosed(t *testing.T) {
	everyone := `"Principal":"*",`
	for _, tt := range []struct {
		kind Kind
		text string
	}{
		{Inline, ``},
		{Inline, `{"Version":"2030-01-01","Statement":{` + allowGet + `}}`},
		{Inline, with(`"Effect":"allow","Action":"*","Resource":"*"`)},
		{Inline, with(`"Effect":"Allow","NotAction":[],"Resource":"*"`)},
		{Inline, with(`"Effect":"Allow","Action":"*"`)},
		{Inline, with(`"Effect":"Allow","Action":"*","NotAction":"a:b","Resource":"*"`)},
		{Inline, with(everyone + allowGet)},
		{Inline, with(allowGet + `,"Condition":{"StringEquals":"x"}`)},
		{Resource, with(allowGet)},
		{Resource, with(`"Principal":"ann",` + allowGet)},
		{Resource, with(`"Principal":{"User":"ann"},` + allowGet)},
	} {
		p := Load(tt.text, tt.kind)
		in := &Policies{Identity: NewSet(Load(with(`"Effect":"Allow","Action":"*","Resource":"*"`), Inline), p)}
		if tt.kind == Resource {
			in.Resource = p
		}
		r := Evaluate(annGets("arn:aws:s3:::b/k"), in)
		if p.Refusal() == nil || r.Decision != ExplicitDeny {
			t.Errorf("Load(%q) refuses %v and decides %v, want a refusal and an explicit deny", tt.text, p.Refusal(), r.Decision)
		}
	}
	if p := Load(with(everyone+`"Effect":"Allow","Action":"ecr:*"`), Resource); p.Refusal() != nil {
		t.Errorf("a resource's policy without Resource is refused: %v", p.Refusal())
	}
}

// FuzzParse: nothing panics, what parses can be loaded, what is saved says the
// same when it is read again.
func FuzzParse(f *testing.F) {
	f.Add(with(allowGet), uint8(Managed))
	f.Add(tenStatements(), uint8(Inline))
	f.Add(with(`"Principal":"*","Sid":"x",`+allowGet+`,"Condition":{"ForAnyValue:ArnLike":{"k":["${aws:x, 'y'}",1,true]}}`), uint8(Resource))
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:*"}}`, uint8(Trust))
	f.Fuzz(func(t *testing.T, text string, kind uint8) {
		k := Kind(kind % 8)
		req := annGets("arn:aws:s3:::b/k")
		loaded := Load(text, k)
		Explain(req, &Policies{Identity: NewSet(loaded), Resource: loaded})
		p, err := Parse(text, k)
		if err != nil {
			return
		}
		p.Warnings()
		set := NewSet(p)
		if c := Compare(set, set, CompareOptions{}); c.Answer == Yes {
			t.Errorf("Compare(%q) with itself = %v: %+v", text, c.Answer, c.Example)
		}
		Simulate(&Simulation{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::b/k"}, Policies: Policies{Identity: set}})
		decidesAll(t, text, req, &Policies{Identity: set})
		if _, err := Parse(p.Text(), k); err != nil {
			t.Errorf("Parse(%q) once, then %v", text, err)
		}
		if loaded.Refusal() != nil {
			t.Errorf("Parse takes %q, Load says %v", text, loaded.Refusal())
		}
		in, again := &Policies{Identity: NewSet(p), Resource: p}, &Policies{Identity: NewSet(loaded), Resource: loaded}
		if a, b := Evaluate(req, in), Evaluate(req, again); a.Decision != b.Decision {
			t.Errorf("parsed %v, loaded %v: %q", a.Decision, b.Decision, text)
		}
	})
}
