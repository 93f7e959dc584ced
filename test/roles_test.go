package test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// trust is a trust policy that trusts those principals with those actions.
func trust(actions string, principals ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` + strings.Join(principals, `","`) +
		`"]},"Action":[` + actions + `]}]}`
}

const assume = `"sts:AssumeRole"`

// role makes a role with that trust policy and, unless it is empty, that inline policy.
func (c *clients) role(t *testing.T, name, trust, policy string) (arn string) {
	t.Helper()
	ctx := deadline(t)
	out, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	must(t, err)
	if policy != "" {
		_, err := c.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("own"), PolicyDocument: &policy})
		must(t, err)
	}
	return *out.Role.Arn
}

// assume assumes a role; change alters the request before it is sent.
func (c *clients) assume(t *testing.T, s *server, role, session string, change ...func(*sts.AssumeRoleInput)) (*clients, *sts.AssumeRoleOutput, error) {
	t.Helper()
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session}
	for _, f := range change {
		f(in)
	}
	out, err := c.sts.AssumeRole(deadline(t), in)
	if err != nil {
		return nil, nil, err
	}
	return s.as(credentialsOf(out.Credentials)), out, nil
}

func credentialsOf(c *ststypes.Credentials) keys {
	return keys{ID: *c.AccessKeyId, Secret: *c.SecretAccessKey, Token: *c.SessionToken}
}

// mustAssume is assume where it must succeed.
func (c *clients) mustAssume(t *testing.T, s *server, role, session string, change ...func(*sts.AssumeRoleInput)) *clients {
	t.Helper()
	as, _, err := c.assume(t, s, role, session, change...)
	must(t, err)
	return as
}

func (c *clients) arn(t *testing.T) string {
	t.Helper()
	out, err := c.sts.GetCallerIdentity(deadline(t), &sts.GetCallerIdentityInput{})
	must(t, err)
	return *out.Arn
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", "")
	bob := root.user(t, s, "bob", allow("sts:AssumeRole"))
	role := root.role(t, "r", trust(assume, ann.arn(t)), allow("iam:ListUsers"))
	as, out, err := ann.assume(t, s, role, "one")
	must(t, err)
	if got, want := *out.AssumedRoleUser.Arn, "arn:aws:sts::"+s.account+":assumed-role/r/one"; got != want || as.arn(t) != want {
		t.Errorf("the session is %s, want %s", got, want)
	}
	if out.PackedPolicySize != nil || !strings.HasPrefix(*out.AssumedRoleUser.AssumedRoleId, "AROA") {
		t.Errorf("AssumeRole = %+v", out)
	}
	_, err = as.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, err = as.iam.ListRoles(ctx, &iam.ListRolesInput{})
	wantCode(t, "ListRoles", err, "AccessDenied", "User: "+as.arn(t)+" is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::"+s.account+
		":role/* because no identity-based policy allows the iam:ListRoles action")
	_, err = as.iam.GetUser(ctx, &iam.GetUserInput{})
	wantCode(t, "GetUser", err, "ValidationError", "Must specify userName when calling with non-User credentials")
	refusal := "User: " + bob.arn(t) + " is not authorized to perform: sts:AssumeRole on resource: " + role
	_, _, err = bob.assume(t, s, role, "xx")
	wantCode(t, "AssumeRole by one who isn't trusted", err, "AccessDenied", refusal)
	if strings.Contains(err.Error(), "because") {
		t.Errorf("a role that can't be assumed tells why: %v", err)
	}
	_, _, err = bob.assume(t, s, role+"x", "xx")
	wantCode(t, "AssumeRole of no role", err, "AccessDenied", refusal+"x")
	_, _, err = root.assume(t, s, role, "xx")
	wantCode(t, "AssumeRole by root", err, "AccessDenied", "Roles may not be assumed by root accounts.")
	_, _, err = bob.assume(t, s, "nothing-valid-in-here", "x1")
	wantCode(t, "AssumeRole of rubbish", err, "ValidationError", "nothing-valid-in-here is invalid")

	// A role that is made anew is another one, for its sessions and for those it trusts.
	got, err := root.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")})
	must(t, err)
	if got.Role.RoleLastUsed == nil || got.Role.RoleLastUsed.LastUsedDate == nil || *got.Role.RoleLastUsed.Region != "us-east-1" {
		t.Errorf("RoleLastUsed = %+v", got.Role.RoleLastUsed)
	}
	_, err = root.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("own")})
	must(t, err)
	_, err = root.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("r")})
	must(t, err)
	wantCode(t, "a session of a deleted role", as.whoami(ctx), "InvalidClientTokenId", "")
	root.role(t, "r", trust(assume, ann.arn(t)), allow("iam:*"))
	wantCode(t, "a session of a role made anew", as.whoami(ctx), "InvalidClientTokenId", "")
	document, err := root.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")})
	must(t, err)
	if text, _ := url.QueryUnescape(*document.Role.AssumeRolePolicyDocument); text != trust(assume, ann.arn(t)) {
		t.Errorf("the trust policy is %s", text)
	}
}
