package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// awsAccount has the shape of what the aws command prints for an account of some
// age: policies of AWS's that aren't known here, service-linked and reserved
// roles, trust in who is gone and in who is elsewhere, ids from before they told
// their account.
const awsAccount = "testdata/import/aws-account.json"

// TestImportAWSAccount imports what an account at AWS looks like into one of its
// id and into another one.
func TestImportAWSAccount(t *testing.T) {
	t.Parallel()
	s := start(t, command{args: []string{"--account-id", "123456789012"}})
	const tomorrow = "arn:aws:iam::aws:policy/AmazonOfTomorrow"
	leftOut := []string{
		"left out policy " + tomorrow + "FullAccess of user deploy: AWS's policy is not known here",
		"left out user bounded-by-tomorrow: its permissions boundary " + tomorrow + "Boundary is not known here",
		"left out role vendor: its trust policy names arn:aws:iam::555566667777:role/vendor-scanner, which does not exist here",
		"12 created, 0 changed, 0 unchanged, 3 left out",
	}
	wantLines := func(what, out string, lines []string) {
		t.Helper()
		for _, want := range lines {
			if !strings.Contains(out, want) {
				t.Errorf("%s says\n%s\nwant %s", what, out, want)
			}
		}
	}
	other := s.newAccount("other")
	wantLines("import", s.must("import", awsAccount), leftOut)
	wantLines("import again", s.must("import", awsAccount), []string{"0 created, 0 changed, 12 unchanged, 3 left out"})
	wantLines("import into another account", s.must("import", awsAccount, "--account", other), leftOut)

	var want map[string]any
	text, err := os.ReadFile(awsAccount)
	must(t, err)
	must(t, json.Unmarshal(text, &want))
	h := newHome(t)
	h.profile("default", s.root())
	cli := session2(t, s, h)
	args := []string{"iam", "get-account-authorization-details", "--filter", "User", "Role", "Group", "LocalManagedPolicy"}
	if diff := cmp.Diff(shownOf(t, want), shownOf(t, cli.json(args...))); diff != "" {
		t.Errorf("the account here differs from AWS's (-want +got):\n%s", diff)
	}
	// In the other account ids are taken, and the account's id is its own.
	got, err := s.rootOf(other).iam.GetRole(deadline(t), &iam.GetRoleInput{RoleName: aws.String("chained")})
	must(t, err)
	if trust := *got.Role.AssumeRolePolicyDocument; !strings.Contains(trust, other+"%3Auser%2Falice") || *got.Role.RoleId == "AROARZPUZDIKGB2VALC48" || strings.Contains(trust, "123456789012") {
		t.Errorf("role chained of the other account: id %s, trust %s", *got.Role.RoleId, trust)
	}
	decided(t, s)
	// What was imported goes as what was made here, and leaves nothing behind.
	root := s.as(s.root())
	_, err = root.iam.DeleteRole(deadline(t), &iam.DeleteRoleInput{RoleName: aws.String("chained")})
	must(t, err)
	s.must("account", "delete", other, "--yes")
	s.stop()
	s.must("check")
}

// decided asks the simulator about those who were imported.
func decided(t *testing.T, s *server) {
	t.Helper()
	root := s.as(s.root())
	for _, tt := range []struct {
		user, action, resource string
		want                   types.PolicyEvaluationDecisionType
	}{
		{"alice", "ec2:RunInstances", "*", types.PolicyEvaluationDecisionTypeAllowed}, // PowerUserAccess
		{"alice", "sts:AssumeRole", "arn:aws:iam::123456789012:role/chained", types.PolicyEvaluationDecisionTypeAllowed},
		{"alice", "iam:CreateUser", "*", types.PolicyEvaluationDecisionTypeImplicitDeny},
		{"service/deploy", "ecs:UpdateService", "*", types.PolicyEvaluationDecisionTypeAllowed},
		{"service/deploy", "tomorrow:Anything", "*", types.PolicyEvaluationDecisionTypeImplicitDeny},
	} {
		out, err := root.iam.SimulatePrincipalPolicy(deadline(t), &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: aws.String("arn:aws:iam::123456789012:user/" + tt.user), ActionNames: []string{tt.action}, ResourceArns: []string{tt.resource},
		})
		must(t, err)
		if got := out.EvaluationResults[0].EvalDecision; got != tt.want {
			t.Errorf("%s of %s on %s: %s, want %s", tt.action, tt.user, tt.resource, got, tt.want)
		}
	}
}

// shownOf is what an account's details must say the same after an import: what
// is left out is taken away, and lists are by name.
func shownOf(t *testing.T, doc map[string]any) string {
	t.Helper()
	out := map[string]any{}
	for _, list := range []struct{ name, key string }{{"UserDetailList", "UserName"}, {"GroupDetailList", "GroupName"}, {"RoleDetailList", "RoleName"}, {"Policies", "Arn"}} {
		items, _ := doc[list.name].([]any)
		for _, item := range items {
			m := item.(map[string]any)
			name := m[list.key].(string)
			if name == "bounded-by-tomorrow" || name == "vendor" || strings.HasPrefix(name, "arn:aws:iam::aws:") {
				continue
			}
			delete(m, "RoleLastUsed")       // is what happened here
			delete(m, "Description")        // comes back as it went
			delete(m, "AttachmentCount")    // follows from the rest
			if m["UserPolicyList"] == nil { // may be absent or empty
				m["UserPolicyList"] = []any{}
			}
			if attached, ok := m["AttachedManagedPolicies"].([]any); ok && name == "deploy" && len(attached) == 2 {
				m["AttachedManagedPolicies"] = attached[1:]
			}
			out[list.name+"/"+name] = m
		}
	}
	b, err := json.MarshalIndent(out, "", " ")
	must(t, err)
	return strings.ReplaceAll(string(b), "+00:00", "Z") // commands differ
}

// TestExportIsImported: what an account exports, a new deployment imports, and
// exports again as the same, but for credentials whose secrets no file holds.
func TestExportIsImported(t *testing.T) {
	t.Parallel()
	from := start(t, command{args: []string{"--account-id", "123456789012"}})
	root := from.as(from.root())
	from.must("import", awsAccount)
	root.user(t, from, "worker", "")
	must(t, equip(t, root, aws.String("worker")))
	from.must("account", "quota", from.account, "RolesPerAccount=2000")
	from.must("account", "key-max-age", from.account, "365")
	_, err := root.iam.CreateAccountAlias(deadline(t), &iam.CreateAccountAliasInput{AccountAlias: aws.String("moved")})
	must(t, err)
	file := filepath.Join(t.TempDir(), "own.json")
	from.must("export", file)

	for _, id := range []string{"123456789012", "888877776666"} {
		to := start(t, command{args: []string{"--account-id", id}})
		to.must("import", file)
		want, got := publicOf(t, from), publicOf(t, to)
		if diff := cmp.Diff(want, strings.ReplaceAll(got, id, from.account)); diff != "" {
			t.Errorf("the export of account %s differs (-want +got):\n%s", id, diff)
		}
		to.stop()
		to.must("check")
	}
}

// publicOf is an account's export without what no file can bring.
func publicOf(t *testing.T, s *server) string {
	t.Helper()
	var doc map[string]any
	must(t, json.Unmarshal([]byte(s.must("export", "-")), &doc))
	more := doc["Sallyport"].(map[string]any)
	delete(more, "AccessKeys")
	delete(more, "AccountName")
	b, err := json.MarshalIndent(doc, "", " ")
	must(t, err)
	return string(b)
}
