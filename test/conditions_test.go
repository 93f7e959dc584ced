package test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// TestConditions: what a request carries decides, not what it claims.
func TestConditions(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	u := root.user(t, s, "delegate", "")
	for name, test := range map[string]func(t *testing.T, s *server, root, u *clients){
		"source address": sourceAddress, "names": namesAndCase, "rename": renameNeedsBoth, "tags on creation": tagsOnCreation,
		"only with a boundary": onlyWithBoundary, "only that policy": onlyThatPolicy, "a user made anew": userMadeAnew,
	} {
		t.Run(name, func(t *testing.T) { test(t, s, root, u) })
	}
}

// policyOf is a policy of one statement, its members given as JSON.
func policyOf(members ...string) string {
	return `{"Version":"2012-10-17","Statement":[{` + strings.Join(members, ",") + `}]}`
}

// sourceAddress: a header that claims another address changes nothing.
func sourceAddress(t *testing.T, s *server, root, u *clients) {
	for _, tt := range []struct {
		network string
		status  int
	}{{"127.0.0.0/8", 200}, {"10.0.0.0/8", 403}} {
		put(t, root, "delegate", policyOf(`"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"`+tt.network+`"}}`))
		r := formRequest(s, u.keys, "iam", url.Values{"Action": {"GetUser"}})
		for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip"} {
			r.add(name, "10.0.0.1")
		}
		if got := send(t, s, r.sign().wire()); got.status != tt.status {
			t.Errorf("from 127.0.0.1, with headers that claim 10.0.0.1, and %s allowed = %d %s, want %d", tt.network, got.status, got.code, tt.status)
		}
	}
}

// namesAndCase: a name in another case is the same user, for a Deny as well.
func namesAndCase(t *testing.T, s *server, root, u *clients) {
	root.user(t, s, "Protected", "")
	put(t, root, "delegate", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},
		{"Effect":"Deny","Action":"iam:*","Resource":"arn:aws:iam::*:user/Protected"}]}`)
	for _, name := range []string{"Protected", "PROTECTED", "protected"} {
		_, err := u.iam.CreateAccessKey(deadline(t), &iam.CreateAccessKeyInput{UserName: &name})
		wantCode(t, "CreateAccessKey for "+name, err, "AccessDenied", "with an explicit deny in an identity-based policy")
	}
	_, err := u.iam.ListAccessKeys(deadline(t), &iam.ListAccessKeysInput{UserName: aws.String("delegate")})
	must(t, err)
}

// renameNeedsBoth: the old name and the new one must be allowed.
func renameNeedsBoth(t *testing.T, s *server, root, u *clients) {
	root.user(t, s, "mine-a", "")
	root.user(t, s, "theirs", "")
	put(t, root, "delegate", policyOf(`"Effect":"Allow","Action":"iam:UpdateUser","Resource":"arn:aws:iam::*:user/mine-*"`))
	rename := func(from, to string) error {
		_, err := u.iam.UpdateUser(deadline(t), &iam.UpdateUserInput{UserName: &from, NewUserName: &to})
		return err
	}
	wantCode(t, "a rename to another's name", rename("mine-a", "admin"), "AccessDenied", "user/admin")
	wantCode(t, "a rename of another", rename("theirs", "mine-b"), "AccessDenied", "user theirs")
	must(t, rename("mine-a", "mine-b"))
	_, err := u.iam.UpdateUser(deadline(t), &iam.UpdateUserInput{UserName: aws.String("mine-b"), NewPath: aws.String("/admins/")})
	wantCode(t, "a move to another path", err, "AccessDenied", "user/admins/mine-b")
}

// tagsOnCreation need the permission to tag.
func tagsOnCreation(t *testing.T, _ *server, root, u *clients) {
	put(t, root, "delegate", allow("iam:CreateUser"))
	tags := []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}
	_, err := u.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("tagged"), Tags: tags})
	wantCode(t, "CreateUser with tags", err, "AccessDenied", "iam:TagUser")
	put(t, root, "delegate", policyOf(`"Effect":"Allow","Action":["iam:CreateUser","iam:TagUser"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"blue"}}`))
	_, err = u.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("untagged")})
	wantCode(t, "CreateUser without the tag", err, "AccessDenied", "iam:CreateUser")
	_, err = u.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("tagged"), Tags: tags})
	must(t, err)
	put(t, root, "delegate", policyOf(`"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}`))
	_, err = u.iam.GetUser(deadline(t), &iam.GetUserInput{UserName: aws.String("tagged")})
	must(t, err)
	_, err = u.iam.GetUser(deadline(t), &iam.GetUserInput{UserName: aws.String("delegate")})
	wantCode(t, "GetUser of a user without the tag", err, "AccessDenied", "")
}

// onlyWithBoundary: whom a delegate makes is bounded.
func onlyWithBoundary(t *testing.T, _ *server, root, u *clients) {
	boundary := aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")
	put(t, root, "delegate", policyOf(`"Effect":"Allow","Action":"iam:CreateUser","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+*boundary+`"}}`))
	_, err := u.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("unbounded")})
	wantCode(t, "CreateUser without a boundary", err, "AccessDenied", "iam:CreateUser")
	_, err = u.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("unbounded"), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	wantCode(t, "CreateUser with another boundary", err, "AccessDenied", "iam:CreateUser")
	_, err = u.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("bounded"), PermissionsBoundary: boundary})
	must(t, err)
}

// onlyThatPolicy: a delegate may attach one policy only.
func onlyThatPolicy(t *testing.T, _ *server, root, u *clients) {
	may := "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
	put(t, root, "delegate", policyOf(`"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"`+may+`"}}`))
	attach := func(arn string) error {
		_, err := u.iam.AttachUserPolicy(deadline(t), &iam.AttachUserPolicyInput{UserName: aws.String("delegate"), PolicyArn: &arn})
		return err
	}
	wantCode(t, "another policy", attach("arn:aws:iam::aws:policy/AdministratorAccess"), "AccessDenied", "iam:AttachUserPolicy")
	must(t, attach(may))
}

// userMadeAnew: a user with the name of one who is gone inherits nothing.
func userMadeAnew(t *testing.T, s *server, root, _ *clients) {
	ctx := deadline(t)
	old := root.user(t, s, "phoenix", "")
	session := s.as(old.session(t))
	must(t, session.whoami(ctx))
	_, err := root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("phoenix"), AccessKeyId: &old.keys.ID})
	must(t, err)
	_, err = root.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("phoenix")})
	must(t, err)
	root.user(t, s, "phoenix", allow("*"))
	wantCode(t, "the old key", old.whoami(ctx), "InvalidClientTokenId", badCredentials)
	wantCode(t, "the old session", session.whoami(ctx), "InvalidClientTokenId", badCredentials)
}
