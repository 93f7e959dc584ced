package policy

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestExplainEveryday holds the words for denials that happen daily.
func TestExplainEveryday(t *testing.T) {
	team := NewSet(parsed(t, `{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::docs/*"},
    {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "arn:aws:s3:::docs"},
    {"Sid": "Write", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::docs/${aws:username}/*",
     "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red", "green"]}}},
    {"Sid": "Mfa", "Effect": "Deny", "Action": "iam:*", "Resource": "*",
     "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}},
    {"Effect": "Allow", "Action": "ec2:*", "Resource": "*",
     "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}},
    {"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:q",
     "Condition": {"Null": {"aws:username": "true"}}},
    {"Effect": "Allow", "Action": "sns:*", "Resource": "*", "Condition": {"NumericLessThan": {"aws:username": "5"}}}
  ]
}`, Managed).Named(Source{Name: "Team", ARN: "arn:aws:iam::111111111111:policy/Team"}))
	trust := Load(with(`"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"`), Trust)
	for _, tt := range []struct {
		action, resource string
		in               *Policies
		want             string
	}{
		{"s3:GetObject", "arn:aws:s3:::docs/a", &Policies{Identity: team}, "closest to allowing: identity-based policy Team, statement 5:5 Read; its Resource wants arn:aws:s3:::docs; seen arn:aws:s3:::docs/a; arn:aws:s3:::docs doesn't cover what is in it; that is arn:aws:s3:::docs/*\n"},
		{"s3:ListBucket", "arn:aws:s3:::docs", &Policies{Identity: team}, "arn:aws:s3:::docs/* covers what is in arn:aws:s3:::docs, but not that itself\n"},
		{"s3:ListBucket", "*", &Policies{Identity: team}, "the action has no resource, so only \"*\" matches\n"},
		{"s3:PutObject", "arn:aws:s3:::docs/ann/a", &Policies{Identity: team}, "statement 6:5 Write; its Condition StringEquals aws:PrincipalTag/team wants red, green; seen blue\n"},
		{"iam:CreateUser", "*", &Policies{Identity: team}, "explicitDeny: the statement at 8:5 of the identity-based policy Team denies iam:CreateUser\n"},
		{"iam:CreateUser", "*", &Policies{Identity: team}, "note: BoolIfExists holds because the request has no aws:MultiFactorAuthPresent\n"},
		{"ec2:RunInstances", "*", &Policies{Identity: team}, "its Condition StringNotEquals aws:RequestedRegion wants other than eu-west-1, us-east-1; seen us-east-1\n"},
		{"sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:q", &Policies{Identity: team}, "its Condition Null aws:username wants true; seen ann; the key must be absent\n"},
		{"sns:Publish", "*", &Policies{Identity: team}, "wants 5; seen ann; the request's value isn't of the operator's type\n"},
		{"s3:GetObject", "arn:aws:s3:::docs/a", &Policies{}, "identity-based policy: there is none\n"},
		{"sts:AssumeRole", "arn:aws:iam::111111111111:role/r", &Policies{Resource: trust}, "1:38 Allow doesn't apply: at 1:56 Principal wants Service:ec2.amazonaws.com; seen " + annARN + "\n"},
		{"s3:GetObject", "arn:aws:s3:::docs/a", &Policies{Identity: identity(with(allowAll)), SCPs: []*Set{nil}}, "no service control policy at level 1 allows s3:GetObject\n"},
	} {
		req := annGets(tt.resource)
		req.Action = tt.action
		e := Explain(req, tt.in)
		if got := e.String(); !strings.Contains(got, tt.want) {
			t.Errorf("%s: Explain =\n%swant in it\n%s", tt.action, got, tt.want)
		}
		if text, err := json.Marshal(e); err != nil || strings.Contains(string(text), "null") {
			t.Errorf("%s: Marshal = %s, %v", tt.action, text, err)
		}
	}
}

func TestExplainCutsLongLists(t *testing.T) {
	p := Load(with(`"Effect":"Allow","Action":["s3:a","s3:b","s3:c","s3:d","s3:e","s3:f","s3:g","s3:h","s3:i","s3:j"],"Resource":"*"`), Inline)
	e := Explain(annGets("*"), &Policies{Identity: NewSet(p)})
	if got := e.String(); !strings.Contains(got, "s3:h, and 2 more; seen s3:GetObject\n") {
		t.Errorf("Explain = %s", got)
	}
	if got := e.Policies[0].Statements[0].Failed.Wanted; len(got) != 10 {
		t.Errorf("the explanation holds %d actions, want 10", len(got))
	}
}
