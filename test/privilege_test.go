package test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestPrivileges: three users, admin, plain and attacker. Nobody gets more than
// they were given, and what is taken away is gone at the next request.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	admin := root.user(t, s, "admin", allow("*"))
	plain := root.user(t, s, "plain", "")
	attacker := root.user(t, s, "attacker", allow("iam:Get*", "iam:List*"))
	for name, test := range map[string]func(t *testing.T, s *server, admin, plain, attacker *clients){
		"escalation": escalation, "own keys only": ownKeysOnly, "boundary": boundaryHolds,
		"deny": denyBeatsAllow, "group": groupMembership, "removed": removedAtOnce,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, admin, plain, attacker) })
	}
}

// escalation: every known way from reading IAM to more is refused.
func escalation(t *testing.T, s *server, _, _, attacker *clients) {
	ctx := deadline(t)
	me, victim := aws.String("attacker"), aws.String("admin")
	adminARN := aws.String("arn:aws:iam::aws:policy/AdministratorAccess")
	own := "arn:aws:iam::" + s.account + ":user/attacker"
	for action, call := range map[string]func() error{
		"PutUserPolicy": func() error {
			_, err := attacker.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: me, PolicyName: aws.String("own"), PolicyDocument: aws.String(allow("*"))})
			return err
		},
		"AttachUserPolicy": func() error {
			_, err := attacker.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: me, PolicyArn: adminARN})
			return err
		},
		"CreateAccessKey": func() error {
			_, err := attacker.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: victim})
			return err
		},
		"UpdateAccessKey": func() error {
			_, err := attacker.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: victim, AccessKeyId: aws.String("AKIAAAAAAAAAAAAAAAAA"), Status: "Inactive"})
			return err
		},
		"AddUserToGroup": func() error {
			_, err := attacker.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: me, GroupName: aws.String("admins")})
			return err
		},
		"UpdateUser": func() error {
			_, err := attacker.iam.UpdateUser(ctx, &iam.UpdateUserInput{UserName: me, NewUserName: aws.String("admin2")})
			return err
		},
		"CreatePolicyVersion": func() error {
			_, err := attacker.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: adminARN, PolicyDocument: aws.String(allow("*")), SetAsDefault: true})
			return err
		},
		"DeleteUserPermissionsBoundary": func() error {
			_, err := attacker.iam.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: me})
			return err
		},
		"TagUser": func() error {
			_, err := attacker.iam.TagUser(ctx, &iam.TagUserInput{UserName: me, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("admins")}}})
			return err
		},
	} {
		wantCode(t, action, call(), "AccessDenied", "User: "+own+" is not authorized to perform: iam:"+action+" on resource: ")
	}
	_, err := attacker.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("other"), Path: aws.String("/x/")})
	wantCode(t, "CreateUser", err, "AccessDenied", "iam:CreateUser on resource: arn:aws:iam::"+s.account+":user/x/other because")
	// What may not be read can't be told from what isn't there.
	_, err = attacker.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("nobody")})
	wantCode(t, "DeleteUser of nobody", err, "AccessDenied", "user nobody because no identity-based policy allows the iam:DeleteUser action")
}

// ownKeysOnly: the usual policy for managing one's own keys, by a variable.
func ownKeysOnly(t *testing.T, _ *server, admin, plain, _ *clients) {
	ctx := deadline(t)
	put(t, admin, "plain", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::*:user/${aws:username}"}}`)
	_, err := plain.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{})
	must(t, err)
	_, err = plain.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("PLAIN")})
	must(t, err)
	for _, name := range []string{"admin", "*", "plain2"} {
		_, err = plain.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &name})
		if err == nil {
			t.Errorf("plain lists the keys of %q", name)
		}
	}
	_, err = plain.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("admin")})
	wantCode(t, "CreateAccessKey for another", err, "AccessDenied", "user admin because")
}

// boundaryHolds: all is allowed, but only what the boundary allows as well works.
func boundaryHolds(t *testing.T, _ *server, admin, plain, _ *clients) {
	ctx := deadline(t)
	put(t, admin, "plain", allow("*"))
	policy, err := admin.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("boundary"), PolicyDocument: aws.String(allow("iam:Get*"))})
	must(t, err)
	_, err = admin.iam.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: aws.String("plain"), PermissionsBoundary: policy.Policy.Arn})
	must(t, err)
	wantReads(t, plain, "")
	_, err = plain.iam.ListUsers(ctx, &iam.ListUsersInput{})
	wantCode(t, "ListUsers", err, "AccessDenied", "because no permissions boundary allows the iam:ListUsers action")
	_, err = plain.iam.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: aws.String("plain")})
	wantCode(t, "DeleteUserPermissionsBoundary", err, "AccessDenied", "because no permissions boundary allows")
	_, err = admin.iam.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: aws.String("plain")})
	must(t, err)
	_, err = plain.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
}

// denyBeatsAllow, wherever the two stand.
func denyBeatsAllow(t *testing.T, _ *server, admin, plain, _ *clients) {
	ctx := deadline(t)
	put(t, admin, "plain", allow("*"))
	_, err := admin.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("plain"), PolicyName: aws.String("deny"), PolicyDocument: aws.String(statement("Deny", "iam:GetUser"))})
	must(t, err)
	wantReads(t, plain, "with an explicit deny in an identity-based policy")
	_, err = admin.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: aws.String("plain"), PolicyName: aws.String("deny")})
	must(t, err)
	wantReads(t, plain, "")
}

// groupMembership is in force at the next request, both ways.
func groupMembership(t *testing.T, _ *server, admin, plain, _ *clients) {
	ctx := deadline(t)
	put(t, admin, "plain", allow("s3:*"))
	readers := aws.String("readers")
	_, err := admin.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: readers})
	must(t, err)
	_, err = admin.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: readers, PolicyArn: aws.String("arn:aws:iam::aws:policy/IAMReadOnlyAccess")})
	must(t, err)
	wantReads(t, plain, "because no identity-based policy allows")
	for range 3 {
		_, err = admin.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: readers, UserName: aws.String("plain")})
		must(t, err)
		wantReads(t, plain, "")
		_, err = admin.iam.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: readers, UserName: aws.String("plain")})
		must(t, err)
		wantReads(t, plain, "because no identity-based policy allows")
	}
}

// removedAtOnce: a policy that is replaced, detached, or has another default
// version is out of force at the next request, in sessions too.
func removedAtOnce(t *testing.T, s *server, admin, plain, _ *clients) {
	ctx := deadline(t)
	session := s.as(plain.session(t))
	for range 3 {
		put(t, admin, "plain", allow("iam:GetUser"))
		wantReads(t, plain, "")
		_, err := session.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
		wantCode(t, "ListBuckets in a session", err, "AccessDenied", "s3:ListAllMyBuckets")
		put(t, admin, "plain", allow("s3:*"))
		wantReads(t, plain, "because no identity-based policy allows")
		_, err = session.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
		must(t, err)
	}
	p, err := admin.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("versions"), PolicyDocument: aws.String(allow("iam:GetUser"))})
	must(t, err)
	_, err = admin.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("plain"), PolicyArn: p.Policy.Arn})
	must(t, err)
	wantReads(t, plain, "")
	_, err = admin.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: p.Policy.Arn, PolicyDocument: aws.String(allow("s3:*")), SetAsDefault: true})
	must(t, err)
	wantReads(t, plain, "because no identity-based policy allows")
	_, err = admin.iam.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: p.Policy.Arn, VersionId: aws.String("v1")})
	must(t, err)
	wantReads(t, plain, "")
	_, err = admin.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: aws.String("plain"), PolicyArn: p.Policy.Arn})
	must(t, err)
	wantReads(t, plain, "because no identity-based policy allows")
}

// put gives the user one inline policy in place of the one they have.
func put(t *testing.T, c *clients, name, policy string) {
	t.Helper()
	_, err := c.iam.PutUserPolicy(deadline(t), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("own"), PolicyDocument: &policy})
	must(t, err)
}

// wantReads checks that the user may call GetUser, or is denied it for that reason.
func wantReads(t *testing.T, c *clients, denied string) {
	t.Helper()
	_, err := c.iam.GetUser(deadline(t), &iam.GetUserInput{})
	if denied == "" {
		must(t, err)
		return
	}
	wantCode(t, "GetUser", err, "AccessDenied", denied)
}
