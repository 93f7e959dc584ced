package test

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestAccountQuotas: an operator sets an account's quotas while the server runs;
// the summary shows them, refusals name them, other accounts don't have them, and
// an export takes them along.
func TestAccountQuotas(t *testing.T) {
	t.Parallel()
	s := start(t, command{args: []string{"--quota", "GroupsPerUser=4"}})
	other := s.newAccount("other")
	root, ctx := s.as(s.root()), deadline(t)
	summary := func(c *clients) map[string]int32 {
		t.Helper()
		out, err := c.iam.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
		must(t, err)
		return out.SummaryMap
	}
	out := s.must("account", "quota", s.account, "UsersPerAccount=1", "GroupsPerAccount=1", "RolesPerAccount=1", "PoliciesPerAccount=1",
		"InstanceProfilesPerAccount=1", "ServerCertificatesPerAccount=1", "OpenIDConnectProvidersPerAccount=0", "SAMLProvidersPerAccount=0",
		"PoliciesPerUser=1", "PoliciesPerGroup=1", "PoliciesPerRole=1", "AccessKeysPerUser=3", "ACLSizePerRole=300", "UserPolicySize=100")
	for _, want := range []string{"RolesPerAccount 1 1000 this account", "GroupsPerUser 4 10 the deployment", "TagsPerEntity 50 50"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("account quota = %s\nwant %s", out, want)
		}
	}
	for key, want := range map[string]int32{
		"UsersQuota": 1, "GroupsQuota": 1, "RolesQuota": 1, "PoliciesQuota": 1, "InstanceProfilesQuota": 1, "ServerCertificatesQuota": 1,
		"AttachedPoliciesPerUserQuota": 1, "AttachedPoliciesPerGroupQuota": 1, "AttachedPoliciesPerRoleQuota": 1,
		"AccessKeysPerUserQuota": 3, "AssumeRolePolicySizeQuota": 300, "UserPolicySizeQuota": 100, "GroupsPerUserQuota": 4,
	} {
		if got := summary(root)[key]; got != want {
			t.Errorf("%s = %d, want %d", key, got, want)
		}
	}
	if got := summary(s.rootOf(other)); got["RolesQuota"] != 1000 || got["UsersQuota"] != 5000 || got["GroupsPerUserQuota"] != 4 {
		t.Errorf("the other account has quotas of %v", got)
	}
	atQuota(t, root)

	// Names and numbers that are none change nothing, on no line of several.
	for _, bad := range [][]string{{"UsersPerAccount=2", "Users=1"}, {"UsersPerAccount=2", "RolesPerAccount=-1"}, {"TagsPerEntity=1000000"}, {"UsersPerAccount"}, {"UsersPerAccount=few"}} {
		if out, err := s.sallyport("", append([]string{"account", "quota", s.account}, bad...)...); err == nil {
			t.Errorf("account quota %v: %s", bad, out)
		}
	}
	if out, err := s.sallyport("", "account", "quota", "999988887777"); err == nil || !strings.Contains(out, "there is no account") {
		t.Errorf("account quota of no account = %v, %s", err, out)
	}
	if out, err := s.sallyport("", "account", "quota"); exitCode(err) != 2 {
		t.Errorf("account quota without an account = %v, %s", err, out)
	}
	file := filepath.Join(t.TempDir(), "own.json")
	s.must("export", file)
	s.must("account", "quota", s.account, "UsersPerAccount=", "AccessKeysPerUser=")
	if got := summary(root); got["UsersQuota"] != 5000 || got["AccessKeysPerUserQuota"] != 2 || got["RolesQuota"] != 1 {
		t.Errorf("quotas after some were taken back: %v", got)
	}
	s.must("import", file, "--account", other)
	if got := summary(s.rootOf(other)); got["UsersQuota"] != 1 || got["AccessKeysPerUserQuota"] != 3 {
		t.Errorf("quotas after an import: %v", got)
	}
}

// exitCode is that of a command that failed.
func exitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return 0
}

// atQuota makes one of each where the quota is one, and expects another one to
// be refused.
func atQuota(t *testing.T, root *clients) {
	t.Helper()
	ctx := deadline(t)
	name, doc := aws.String("a"), allow("s3:*")
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	pol, err := root.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: numbered(0), PolicyDocument: &doc})
	must(t, err)
	_, err = root.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: name, PolicyDocument: &doc})
	wantCode(t, "a second policy", err, "LimitExceeded", "Cannot exceed quota for PoliciesPerAccount: 1")
	cert, key := selfSigned(t, "tls")
	readOnly := aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")
	for _, tt := range []struct {
		quota string
		limit int
		make  func(n int) error
	}{
		{"UsersPerAccount", 1, func(n int) error {
			_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: numbered(n)})
			return err
		}},
		{"GroupsPerAccount", 1, func(n int) error {
			_, err := root.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: numbered(n)})
			return err
		}},
		{"RolesPerAccount", 1, func(n int) error {
			_, err := root.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: numbered(n), AssumeRolePolicyDocument: &trust})
			return err
		}},
		{"InstanceProfilesPerAccount", 1, func(n int) error {
			_, err := root.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: numbered(n)})
			return err
		}},
		{"ServerCertificatesPerAccount", 1, func(n int) error {
			_, err := root.iam.UploadServerCertificate(ctx, &iam.UploadServerCertificateInput{ServerCertificateName: numbered(n), CertificateBody: &cert, PrivateKey: &key})
			return err
		}},
		{"OpenIDConnectProvidersPerAccount", 0, func(n int) error {
			_, err := root.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://" + *numbered(n) + ".example.com")})
			return err
		}},
		{"SAMLProvidersPerAccount", 0, func(n int) error {
			document := samlMetadata(t, cert)
			_, err := root.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: numbered(n), SAMLMetadataDocument: &document})
			return err
		}},
		{"PoliciesPerUser", 1, func(n int) error {
			_, err := root.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: numbered(0), PolicyArn: []*string{pol.Policy.Arn, readOnly}[n]})
			return err
		}},
		{"PoliciesPerGroup", 1, func(n int) error {
			_, err := root.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: numbered(0), PolicyArn: []*string{pol.Policy.Arn, readOnly}[n]})
			return err
		}},
		{"PoliciesPerRole", 1, func(n int) error {
			_, err := root.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: numbered(0), PolicyArn: []*string{pol.Policy.Arn, readOnly}[n]})
			return err
		}},
		{"AccessKeysPerUser", 3, func(int) error {
			_, err := root.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: numbered(0)})
			return err
		}},
	} {
		want := fmt.Sprintf("Cannot exceed quota for %s: %d", tt.quota, tt.limit)
		for n := range tt.limit {
			must(t, tt.make(n))
		}
		wantCode(t, "one more of "+tt.quota, tt.make(tt.limit), "LimitExceeded", want)
	}
	long := strings.Replace(trust, `"ec2.amazonaws.com"`, `["ec2.amazonaws.com"`+strings.Repeat(`,"ec2.amazonaws.com"`, 20)+`]`, 1)
	_, err = root.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: numbered(0), PolicyDocument: &long})
	wantCode(t, "a long trust policy", err, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 300")
	_, err = root.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: numbered(0), PolicyName: name, PolicyDocument: aws.String(allow("s3:GetObject", "s3:PutObject"))})
	wantCode(t, "a large inline policy", err, "LimitExceeded", "Maximum policy size of 100 bytes exceeded for user n0")
}

// numbered is the name of the n-th thing.
func numbered(n int) *string { return aws.String(fmt.Sprint("n", n)) }
