package policy

import (
	"errors"
	"strings"
	"testing"
)

// message returns what Parse says of a document, or nothing.
func message(text string, kind Kind) string {
	_, err := Parse(text, kind)
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}

// TestSyntaxRow is AWS's first check: each of these is a syntax error, in
// whichever kind of identity policy.
func TestSyntaxRow(t *testing.T) {
	const v, rest = `"Version":"2012-10-17",`, `"Effect":"Allow","Action":"s3:*","Resource":"*"`
	for _, text := range []string{
		``, `null`, `"x"`, `1`, `[]`, `{}`, "\ufeff{" + v + `"Statement":{` + rest + `}}`, `{` + v + `"Statement":{` + rest + `}},`, `{` + v + `"Statement":{` + rest + `},}`,
		`{` + v + `"Statement":[]}`, `{` + v + `"Statement":null}`, `{` + v + `"Statement":"x"}`, `{` + v + `"Statement":[[{` + rest + `}]]}`, `{` + v + `"Statement":["x"]}`,
		`{` + v + `"statement":{` + rest + `}}`, `{` + v + `"Statement":{` + rest + `},"Extra":1}`, `{` + v + v + `"Statement":{` + rest + `}}`,
		`{"Version":"2012-10-18","Statement":{` + rest + `}}`, `{"Version":"","Statement":{` + rest + `}}`, `{"Version":20121017,"Statement":{` + rest + `}}`, `{"Version":null,"Statement":{` + rest + `}}`,
		`{` + v + `"Id":1,"Statement":{` + rest + `}}`,
		with(`"Sid":1,` + rest), with(`"Sid":null,` + rest), with(`"sid":"a",` + rest), with(rest + `,"Extra":"x"`), with(rest + `,"Action":"s3:*"`),
		with(`"Action":"s3:*","Resource":"*"`), with(`"Effect":"","Action":"s3:*","Resource":"*"`), with(`"Effect":["Allow"],"Action":"s3:*","Resource":"*"`), with(`"Effect":"Permit","Action":"s3:*","Resource":"*"`),
		with(rest + `,"NotAction":"s3:*"`), with(rest + `,"NotAction":[]`), with(rest + `,"NotResource":[]`), with(`"Effect":"Allow","NotAction":[],"Action":[],"Resource":"*"`),
		with(`"Effect":"Allow","Action":1,"Resource":"*"`), with(`"Effect":"Allow","Action":null,"Resource":"*"`), with(`"Effect":"Allow","Action":{},"Resource":"*"`),
		with(`"Effect":"Allow","Action":["s3:*",1],"Resource":"*"`), with(`"Effect":"Allow","Action":[["s3:*"]],"Resource":"*"`), with(`"Effect":"Allow","Action":"s3:*","Resource":[["*"]]`), with(`"Effect":"Allow","Action":"s3:*","Resource":true`),
		with(rest + `,"Condition":[]`), with(rest + `,"Condition":"x"`), with(rest + `,"Condition":null`), with(rest + `,"Condition":{"StringEquals":"x"}`), with(rest + `,"Condition":{"StringEquals":[]}`),
		with(rest + `,"Condition":{"StringEquals":{"a":{}}}`), with(rest + `,"Condition":{"StringEquals":{"a":[null]}}`), with(rest + `,"Condition":{"StringEquals":{"a":[["b"]]}}`),
		with(rest + `,"Condition":{"StringEqual":{"a":"b"}}`), with(rest + `,"Condition":{"ForAnyValue:":{"a":"b"}}`), with(rest + `,"Condition":{"ForAnyValue:ForAllValues:StringEquals":{"a":"b"}}`), with(rest + `,"Condition":{"IfExists":{"a":"b"}}`),
		with(rest + `,"Condition":{"StringEquals":{"a":"b"},"StringEquals":{"c":"d"}}`), with(rest + `,"Condition":{"StringEquals":{"a":"b","a":"d"}}`), with(rest + `,"Condition":{"StringEqualsIfExistsIfExists":{"a":"b"}}`),
	} {
		for _, kind := range []Kind{Managed, Inline, Session, Boundary} {
			if got := message(text, kind); got != msgSyntax {
				t.Errorf("Parse(%s) = %q, want %q", text, got, msgSyntax)
			}
		}
	}
}

// TestAccepted holds what AWS saves, odd as some of it is.
func TestAccepted(t *testing.T) {
	const rest = `"Effect":"Allow","Action":"s3:*","Resource":"*"`
	for _, text := range []string{
		`{"Id":"x","Version":"2012-10-17","Statement":{` + rest + `}}`,
		with(rest + `,"Condition":{}`), with(rest + `,"Condition":{"a":{}}`), with(rest + `,"Condition":{"DateGreaterThan":{}}`), with(rest + `,"Condition":{"DateGreaterThan":{"a":[]}}`),
		with(rest + `,"Condition":{"StringEquals":{"a":[]}}`), with(rest + `,"Condition":{"StringEquals":{"":"b"}}`), with(rest + `,"Condition":{"StringEquals":{"a":[1,true,"x"]}}`),
		with(rest + `,"Condition":{"NullIfExists":{"a":"true"}}`), with(rest + `,"Condition":{"ForAllValues:StringLikeIfExists":{"a":"b"}}`), with(rest + `,"Condition":{"NumericEquals":{"a":"x"}}`),
		with(`"Sid":"",` + rest), `{"Version":"2012-10-17","Statement":[{"Sid":"",` + rest + `},{"Sid":"",` + rest + `}]}`,
		with(`"Effect":"Allow","Action":["fsx:ListBucket","aaaaaadsfdsafsadfsadfaaaaa:ListBucket","service-prefix:action-name","s3.s:ListBucket","iam: asdf safdsf af "],"Resource":"*"`),
		with(`"Effect":"Allow","NotAction":"*","NotResource":"arn:*:s3:::${aws:username}"`), with(`"Effect":"Allow","Action":"s3:*","Resource":"x:aws:s3:::b"`),
		with(`"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3","arn:aws:s3:*","arn:aws:s3:us-east-1","arn:aws:iam::1:root","arn:aws:iam:::*","arn:aws:s3:us-east-1:1:accesspoint/a"]`),
	} {
		if got := message(text, Managed); got != "" {
			t.Errorf("Parse(%s) = %q", text, got)
		}
	}
	for _, text := range []string{`{"Statement":{` + rest + `}}`, `{"Version":"2008-10-17","Statement":{` + rest + `}}`} {
		for kind, want := range map[Kind]string{Managed: msgVersion, SCP: msgVersion, Inline: "", Session: "", Boundary: ""} {
			if got := message(text, kind); got != want {
				t.Errorf("Parse(%s, %d) = %q, want %q", text, kind, got, want)
			}
		}
	}
}

// TestDatesAtSave: which values a Date operator may have.
func TestDatesAtSave(t *testing.T) {
	for date, want := range map[string]string{
		`"01T"`: "", `"-292275054"`: "", `"292278993"`: "", `"2019-07-01T13:20:15Z"`: "", `"2016-12-13T21:20:37.593194+00:00"`: "", `1717192800`: "", `"0"`: "",
		`"9223372036854775807"`: "", `"2024-05T"`: "", `"2024-05-01t1:02z"`: "", `["2024","2025"]`: "",
		`"234-13"`: msgLegacy, `"sdfdsf"`: msgLegacy, `"9223372036854775808"`: msgLegacy, `"-292275055"`: msgLegacy, `""`: msgLegacy, `true`: msgLegacy,
		`["2024","x"]`: msgLegacy, `"2024-01-01T00:00:00.1234567890Z"`: msgLegacy, `1.5`: msgLegacy, `"${aws:CurrentTime}"`: msgLegacy,
	} {
		for _, op := range []string{"DateEquals", "ForAnyValue:DateLessThanIfExists"} {
			if got := message(with(allowGet+`,"Condition":{"`+op+`":{"k":`+date+`}}`), Managed); got != want {
				t.Errorf("%s %s: %q, want %q", op, date, got, want)
			}
		}
	}
}

// TestOrderOfChecks: of two faults, AWS tells the one whose check comes first.
// Each fault stands in a statement of its own, the later check's first.
func TestOrderOfChecks(t *testing.T) {
	faults := []struct{ message, members string }{
		{msgSyntax, `"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"`},
		{msgLegacy, `"Effect":"allow","Action":"s3:*","Resource":"*"`},
		{msgSidTwice, `"Sid":"same","Effect":"Allow","Action":"s3:*","Resource":"*"`},
		{msgSidForm, `"Sid":"a b","Effect":"Allow","Action":"s3:*","Resource":"*"`},
		{msgPrincipal, `"Principal":"*","Effect":"Allow","Action":"s3:*","Resource":"*"`},
		{msgNoActions, `"Effect":"Allow","Resource":"*"`},
		{`Resource x must be in ARN format or "*".`, `"Effect":"Allow","Action":"s3:*","Resource":"x"`},
		{msgNoResources, `"Effect":"Allow","Action":"s3:*"`},
		{"Vendor * is not valid", `"Effect":"Allow","Action":"*:x","Resource":"*"`},
	}
	for i, first := range faults {
		for _, second := range faults[i+1:] {
			for _, version := range []string{`"Version":"2012-10-17",`, ``} {
				text := `{` + version + `"Statement":[{` + second.members + `},{"Sid":"same",` + allowGet + `},{` + first.members + `}]}`
				want := first.message
				if version == "" && i > 0 {
					want = msgVersion
				}
				if got := message(text, Managed); got != want {
					t.Errorf("%s with %s: %q\n%s", first.message, second.message, got, text)
				}
			}
		}
	}
}

// TestTrustRows is the table of trust policies' messages.
func TestTrustRows(t *testing.T) {
	const ec2, assume = `"Principal":{"Service":"ec2.amazonaws.com"},`, `"Action":"sts:AssumeRole"`
	for text, want := range map[string]string{
		`{"Version"`: "This policy contains invalid Json",
		`{"Version":"2012-10-17","Version":"2012-10-17"}`:                                          "This policy contains invalid Json",
		`{"Statement":[{"Effect":"Allow",` + ec2 + assume + `}]}`:                                  "",
		`{"Version":"2008-10-17","Statement":{"Effect":"Allow",` + ec2 + assume + `}}`:             "",
		`{"Version":"2012-10-17","Statement":[]}`:                                                  "Could not parse the policy: Statement is empty!",
		`{"Version":"2011-01-01","Statement":[{}]}`:                                                "The policy must contain a valid version string",
		with(`"Effect":"Allow",` + ec2 + `"Action":"s3:GetObject"`):                                "AssumeRole policy may only specify STS AssumeRole actions.",
		with(`"Effect":"Allow",` + ec2 + `"Action":["sts:AssumeRole","sts:GetCallerIdentity"]`):    "AssumeRole policy may only specify STS AssumeRole actions.",
		with(`"Effect":"Allow",` + ec2 + `"Action":"s*:AssumeRole"`):                               "AssumeRole policy may only specify STS AssumeRole actions.",
		with(`"Effect":"Deny",` + ec2 + `"NotAction":"sts:TagSession"`):                            "",
		with(`"Effect":"Deny",` + ec2 + `"NotAction":"s3:Get"`):                                    "AssumeRole policy may only specify STS AssumeRole actions.",
		with(`"Effect":"Allow",` + ec2 + `"Action":[]`):                                            "Missing required field Action",
		with(`"Effect":"Allow",` + ec2 + `"Action":"sts:*"`):                                       "",
		with(`"Effect":"Allow",` + ec2 + assume + `,"Resource":[]`):                                "Has prohibited field Resource",
		with(`"Effect":"Allow","Principal":{"AWS":[]},` + assume):                                  "Missing required field Principal cannot be empty!",
		with(`"Effect":"Allow","Principal":[],` + assume):                                          "Syntax error in policy.",
		with(`"Effect":"Allow","Principal":1,` + assume):                                           "Syntax error in policy.",
		with(`"Effect":"Allow","Principal":"arn:aws:iam::111111111111:root",` + assume):            "Principal must be a JSON object.",
		with(`"Effect":"Allow","Principal":{"AWS":"*"},` + assume):                                 "",
		with(`"Effect":"Allow","Principal":{"AWS":"111111111111"},` + assume):                      "",
		with(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:group/g"},` + assume): `Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:group/g"`,
		with(`"Effect":"Allow","Principal":{"AWS":"ann"},` + assume):                               `Invalid principal in policy: "AWS":"ann"`,
		with(`"Effect":"Allow","Principal":{"aws":"*"},` + assume):                                 `Invalid principal in policy: "aws"`,
		with(`"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","nobody"]},` + assume):  `Invalid principal in policy: "SERVICE":"nobody"`,
		with(`"Effect":"Deny","NotPrincipal":{"AWS":"111111111111"},` + assume):                    "AssumeRole policy must not contain NotPrincipal field.",
		with(`"Effect":"allow",` + ec2 + assume):                                                   "Invalid effect: allow",
		with(`"Effect":"Allow",` + ec2 + assume + `,"Comment":"x"`):                                "Unknown field Comment",
		`{"enabled":true,"Statement":[{"Efect":"Allow"}]}`:                                         "Unknown field enabled",
		`{"Statement":[{"Efect":"Allow"}],"enabled":true}`:                                         "Unknown field Efect",
		`{"Id":1,"enabled":true}`:                                                                  msgSyntax,
		with(`"Sid":"a b","Effect":"Allow",` + ec2 + assume):                                       msgSidForm,
		with(`"Effect":"Allow",` + ec2 + assume + `,"Condition":{"StringEqual":{"a":"b"}}`):        msgSyntax,
		with(`"Effect":"Allow",` + ec2 + assume + `,"Condition":{"DateEquals":{"a":"b"}}`):         msgLegacy,
	} {
		if got := message(text, Trust); got != want {
			t.Errorf("Parse(%s) = %q, want %q", text, got, want)
		}
	}
}

func TestCharacters(t *testing.T) {
	latin, wide := `{"Version":"2012-10-17","Id":"ÿé",`+"\n"+`"Statement":{`+allowGet+`}}`, "{\n"+`"Id":"é€","Version":"2012-10-17","Statement":{`+allowGet+`}}`
	for text, want := range map[string]string{latin: "", wide: msgSyntax, strings.ReplaceAll(wide, "€", `\u20ac`): ""} {
		if got := message(text, Managed); got != want {
			t.Errorf("Parse(%s) = %q, want %q", text, got, want)
		}
	}
	var e *Error
	if _, err := Parse(wide, Trust); !errors.As(err, &e) || e.Line != 2 || e.Column != 8 || e.Message != "This policy contains invalid Json" {
		t.Errorf("Parse = %+v", e)
	}
	if got := message(with(allowGet+`,"Principal":"*","Sid":"€"`), Resource); got != "" {
		t.Errorf("a bucket's policy with other characters: %q", got)
	}
}
