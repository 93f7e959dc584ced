package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// prepared fills an account with an entity of each kind.
func prepared(t *testing.T, s *server, c *clients) {
	t.Helper()
	ctx := deadline(t)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + s.account + `:user/dev/alice"},"Action":"sts:AssumeRole"}]}`
	pol, err := c.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(allow("s3:Get*")), Description: aws.String("first")})
	must(t, err)
	_, err = c.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: pol.Policy.Arn, PolicyDocument: aws.String(allow("s3:*")), SetAsDefault: true})
	must(t, err)
	_, err = c.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("devs")})
	must(t, err)
	_, err = c.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: aws.String("devs"), PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")})
	must(t, err)
	_, err = c.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice"), Path: aws.String("/dev/"), PermissionsBoundary: pol.Policy.Arn})
	must(t, err)
	_, err = c.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: aws.String("alice"), GroupName: aws.String("devs")})
	must(t, err)
	_, err = c.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("own"), PolicyDocument: aws.String(allow("iam:GetUser"))})
	must(t, err)
	_, err = c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: &trust, Description: aws.String("a role"), MaxSessionDuration: aws.Int32(7200)})
	must(t, err)
	_, err = c.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: pol.Policy.Arn})
	must(t, err)
	_, err = c.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("ip")})
	must(t, err)
	_, err = c.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("ip"), RoleName: aws.String("r")})
	must(t, err)
}

// TestExportImport moves an account's state into another one, by sallyport's own
// file and by what the aws command prints; both give the same.
func TestExportImport(t *testing.T) {
	s := serve(t)
	c := s.as(s.root())
	prepared(t, s, c)
	c.newKey(t, "alice")
	own := filepath.Join(t.TempDir(), "own.json")
	s.must("export", own)
	if out, err := s.sallyport("", "export", own); err == nil {
		t.Errorf("export over a file that exists: %s", out)
	}
	h := newHome(t)
	h.profile("default", c.keys)
	details := filepath.Join(t.TempDir(), "aws.json")
	must(t, os.WriteFile(details, []byte(session2(t, s, h).ok("iam", "get-account-authorization-details", "--page-size", "1", "--output", "json")), 0o600))

	for _, tt := range []struct{ name, file string }{{"own", own}, {"aws", details}} {
		into := s.newAccount(tt.name)
		out := s.must("import", tt.file, "--account", into, "--dry-run")
		if !strings.Contains(out, "Account "+s.account+" of the file stands for account "+into+" here.") || !strings.Contains(out, "5 would be created") {
			t.Errorf("import --dry-run of %s = %s", tt.name, out)
		}
		root := s.rootOf(into)
		if users, err := root.iam.ListUsers(deadline(t), &iam.ListUsersInput{}); err != nil || len(users.Users) != 0 {
			t.Errorf("users after a dry run: %v, %v", users, err)
		}
		s.must("import", tt.file, "--account", into)
		if out := s.must("import", tt.file, "--account", into); !strings.Contains(out, "0 created, 0 changed, 5 unchanged") {
			t.Errorf("import of %s again = %s", tt.name, out)
		}
		want, got := entities(t, s, s.account), entities(t, s, into)
		if want != strings.ReplaceAll(got, into, s.account) {
			t.Errorf("what was imported of %s:\n%s\nwant\n%s", tt.name, got, want)
		}
	}

	// A file with anything wrong changes nothing, and says what.
	b, err := os.ReadFile(own)
	must(t, err)
	bad := filepath.Join(t.TempDir(), "bad.json")
	must(t, os.WriteFile(bad, []byte(strings.Replace(string(b), "iam:GetUser", "GetUser", 1)), 0o600))
	into := s.newAccount("bad")
	out, err := s.sallyport("", "import", bad, "--account", into)
	if err == nil || !strings.Contains(out, "user alice: policy own:") || !strings.Contains(out, "nothing was imported") {
		t.Errorf("import of a malformed policy = %v, %s", err, out)
	}
	if groups, err := s.rootOf(into).iam.ListGroups(deadline(t), &iam.ListGroupsInput{}); err != nil || len(groups.Groups) != 0 {
		t.Errorf("groups after an import that failed: %v, %v", groups, err)
	}

	// Access keys that exist elsewhere come from standard input.
	const line = "alice,AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"
	if out, err := s.sallyport(line, "import", "-", "--access-keys"); err != nil || strings.Contains(out, "wJalr") {
		t.Errorf("import of an access key = %v, %s", err, out)
	}
	must(t, s.as(keys{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}).whoami(deadline(t)))
	if out, err := s.sallyport("nobody,AKIAIOSFODNN7EXAMPL2,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n", "import", "-", "--access-keys"); err == nil || strings.Contains(out, "wJalr") {
		t.Errorf("import of an access key of nobody = %v, %s", err, out)
	}
	s.stop()
	s.must("check")
}

// entities is what an account has, without ids and times.
func entities(t *testing.T, s *server, account string) string {
	t.Helper()
	out := s.must("export", "-", "--account", account)
	var doc map[string]any
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	delete(doc, "Sallyport") // the aws command doesn't print what it says
	strip(doc)
	b, err := json.MarshalIndent(doc, "", " ")
	must(t, err)
	return string(b)
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if strings.HasSuffix(name, "Id") && name != "VersionId" || strings.HasSuffix(name, "Date") {
				delete(v, name)
			}
		}
		for _, member := range v {
			strip(member)
		}
	case []any:
		for _, item := range v {
			strip(item)
		}
	}
}
