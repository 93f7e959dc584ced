package test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// TestAssumeRoot: the management account becomes root of a member for one task.
func TestAssumeRoot(t *testing.T) {
	t.Parallel()
	c := anyCLI(t)
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	admin := root.user(t, s, "admin", allow("sts:AssumeRoot", "sts:AssumeRole"))
	h := newHome(t)
	h.profile("default", s.root())
	cli := session{t: t, cli: c, home: h, endpoint: s.endpoint}
	cli.ok("organizations", "create-organization")
	request := at(t, cli.json("organizations", "create-account", "--email", "member@example.com", "--account-name", "member"), "CreateAccountStatus", "Id").(string)
	member := at(t, cli.json("organizations", "describe-create-account-status", "--create-account-request-id", request), "CreateAccountStatus", "AccountId").(string)
	audit := func(by *clients, target, task string) (*clients, error) {
		out, err := by.sts.AssumeRoot(ctx, &sts.AssumeRootInput{TargetPrincipal: &target, TaskPolicyArn: &ststypes.PolicyDescriptorType{Arn: &task}})
		if err != nil {
			return nil, err
		}
		return s.as(credentialsOf(out.Credentials)), nil
	}
	const task = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
	_, err := audit(admin, member, task)
	wantCode(t, "AssumeRoot without the feature", err, "AccessDenied", "sts:AssumeRoot on resource: arn:aws:iam::"+member+":root")
	cli.ok("organizations", "enable-aws-service-access", "--service-principal", "iam.amazonaws.com")
	_, err = root.iam.EnableOrganizationsRootSessions(ctx, &iam.EnableOrganizationsRootSessionsInput{})
	must(t, err)
	as, err := audit(admin, member, task)
	must(t, err)
	if got, want := as.arn(t), "arn:aws:iam::"+member+":root"; got != want {
		t.Errorf("the session is %s, want %s", got, want)
	}
	_, err = as.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{})
	must(t, err)
	_, err = as.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("eve")})
	wantCode(t, "what the task doesn't need", err, "AccessDenied", "with an explicit deny in a session policy: "+task)
	_, err = audit(as, s.account, task)
	wantCode(t, "AssumeRoot by a member's root", err, "AccessDenied", "")
	_, err = audit(admin, s.account, task)
	wantCode(t, "AssumeRoot on the management account", err, "AccessDenied", "")
	_, err = audit(admin, "999988887777", task)
	wantCode(t, "AssumeRoot on another account", err, "AccessDenied", "")
	_, err = audit(admin, member, "arn:aws:iam::aws:policy/AdministratorAccess")
	wantCode(t, "AssumeRoot with another policy", err, "ValidationError", "is invalid")
	_, err = audit(root.user(t, s, "bob", ""), member, task)
	wantCode(t, "AssumeRoot without permission", err, "AccessDenied", "because no identity-based policy allows the sts:AssumeRoot action")
}
