package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPolicyAuthor plays what someone does who writes a policy: make a mistake
// and get AWS's text, be denied and learn why, ask the simulator.
func TestPolicyAuthor(t *testing.T) {
	t.Parallel()
	cli := anyCLI(t)
	s := serve(t)
	h := newHome(t)
	h.profile("default", s.root())
	root := session{t: t, cli: cli, home: h, endpoint: s.endpoint}
	root.ok("iam", "create-user", "--user-name", "author")

	mistake := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ListUsers","Resource":"*"}]}`
	if got, want := root.refused("MalformedPolicyDocument", "iam", "put-user-policy", "--user-name", "author", "--policy-name", "p", "--policy-document", mistake),
		"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."; got != want {
		t.Errorf("the mistake's text = %q, want %q", got, want)
	}
	document := `{"Version":"2012-10-17","Statement":[
  {"Sid":"Describe","Effect":"Allow","Action":"ec2:Describe*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}},
  {"Sid":"Never","Effect":"Deny","Action":"ec2:TerminateInstances","Resource":"*"}]}`
	root.ok("iam", "put-user-policy", "--user-name", "author", "--policy-name", "p", "--policy-document", document)

	h.profile("author", newKeys(t, root.json("iam", "create-access-key", "--user-name", "author")))
	author := root
	author.profile = "author"
	text := author.refused("UnauthorizedOperation", "ec2", "describe-instances")
	_, message, found := strings.Cut(text, "Encoded authorization failure message: ")
	if !found {
		t.Fatalf("no encoded message in %q", text)
	}
	decoded := root.ok("sts", "decode-authorization-message", "--encoded-message", message, "--query", "DecodedMessage", "--output", "text")
	for _, want := range []string{`"action":"ec2:DescribeInstances"`, `"part":"Condition"`, `"wanted":["eu-west-1"]`, `"seen":["us-east-1"]`} {
		if !strings.Contains(decoded, want) {
			t.Errorf("the decoded message lacks %s:\n%s", want, decoded)
		}
	}
	simulated(t, s, root)
}

// simulated asks the simulator about the author's policies.
func simulated(t *testing.T, s *server, root session) {
	arn := "arn:aws:iam::" + s.account + ":user/author"
	simulate := func(args ...string) []string {
		t.Helper()
		out := root.json(append([]string{"iam", "simulate-principal-policy", "--policy-source-arn", arn}, args...)...)
		var got []string
		for i := range at(t, out, "EvaluationResults").([]any) {
			r := at(t, out, "EvaluationResults", i)
			got = append(got, fmt.Sprint(at(t, r, "EvalActionName"), " ", at(t, r, "EvalDecision")))
		}
		return got
	}
	got := simulate("--action-names", "ec2:DescribeInstances", "ec2:TerminateInstances")
	if want := []string{"ec2:DescribeInstances implicitDeny", "ec2:TerminateInstances explicitDeny"}; !cmp.Equal(got, want) {
		t.Errorf("without a region: %q, want %q", got, want)
	}
	got = simulate("--action-names", "ec2:DescribeInstances",
		"--context-entries", "ContextKeyName=aws:RequestedRegion,ContextKeyType=string,ContextKeyValues=eu-west-1")
	if want := []string{"ec2:DescribeInstances allowed"}; !cmp.Equal(got, want) {
		t.Errorf("in the region: %q, want %q", got, want)
	}
	keys := root.json("iam", "get-context-keys-for-principal-policy", "--policy-source-arn", arn)
	if want := []any{"aws:RequestedRegion"}; !cmp.Equal(at(t, keys, "ContextKeyNames"), any(want)) {
		t.Errorf("context keys = %v, want %v", keys, want)
	}

	custom := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}/*"}]}`
	out := root.json("iam", "simulate-custom-policy", "--policy-input-list", custom, "--action-names", "s3:GetObject",
		"--resource-arns", "arn:aws:s3:::b/ann/k", "arn:aws:s3:::b/bob/k",
		"--context-entries", "ContextKeyName=aws:username,ContextKeyType=string,ContextKeyValues=ann")
	result := at(t, out, "EvaluationResults", 0)
	if got := at(t, result, "EvalDecision"); got != "implicitDeny" {
		t.Errorf("the strictest decision = %v, want implicitDeny", got)
	}
	if got := at(t, result, "ResourceSpecificResults", 0, "EvalResourceDecision"); got != "allowed" {
		t.Errorf("the first resource's decision = %v, want allowed", got)
	}
	match := at(t, result, "ResourceSpecificResults", 0, "MatchedStatements", 0)
	want := map[string]any{
		"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "IAM Policy",
		"StartPosition": map[string]any{"Line": 1.0, "Column": 38.0},
		"EndPosition":   map[string]any{"Line": 1.0, "Column": float64(len(custom) - 1)},
	}
	if diff := cmp.Diff(any(want), match); diff != "" {
		t.Errorf("matched statement (-want +got):\n%s", diff)
	}
	keys = root.json("iam", "get-context-keys-for-custom-policy", "--policy-input-list", custom)
	if want := []any{"aws:username"}; !cmp.Equal(at(t, keys, "ContextKeyNames"), any(want)) {
		t.Errorf("context keys = %v, want %v", keys, want)
	}
	root.refused("InvalidInput", "iam", "simulate-custom-policy", "--policy-input-list", custom, "--action-names", "s3:*")
	root.refused("NoSuchEntity", "iam", "simulate-principal-policy", "--policy-source-arn", arn+"x", "--action-names", "s3:GetObject")
}
