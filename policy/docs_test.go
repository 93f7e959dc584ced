package policy

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocs holds docs/policy.md against the package: it names each code of a
// finding and of a warning, and its explanation is one that the package writes.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("warnings.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`= "([A-Z_]+)"`).FindAllSubmatch(source, -1)
	for _, code := range codes {
		if !strings.Contains(string(page), "`"+string(code[1])+"`") {
			t.Errorf("docs/policy.md doesn't tell of %s", code[1])
		}
	}
	for code := range issues {
		if !strings.Contains(string(page), "`"+code+"`") {
			t.Errorf("docs/policy.md doesn't tell of %s", code)
		}
	}
	team := parsed(t, `{
  "Version": "2012-10-17",
  "Id": "Team",
  "Statement": [
    {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
    {"Sid": "Write", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
     "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red", "green"]}}},
    {"Sid": "Mfa", "Effect": "Deny", "Action": "iam:*", "Resource": "*"}
  ]
}`, Managed).Named(Source{Name: "Team"})
	req := annGets("arn:aws:s3:::docs/ann/a")
	req.Action, req.Principal.ARN = "s3:PutObject", "arn:aws:iam::111122223333:user/ann"
	for line := range strings.Lines(Explain(req, &Policies{Identity: NewSet(team)}).String()) {
		if !strings.Contains(string(page), "    "+line) {
			t.Errorf("docs/policy.md lacks the line\n%s", line)
		}
	}
}
