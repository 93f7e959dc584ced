package test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// manageOwn lets users manage their own credentials and nobody else's, and do
// anything else only with MFA.
const manageOwn = `{"Version": "2012-10-17", "Statement": [
	{"Sid": "Own", "Effect": "Allow",
	 "Action": ["iam:*LoginProfile", "iam:*AccessKey*", "iam:*SSHPublicKey*", "iam:*SigningCertificate*", "iam:*ServiceSpecificCredential*",
	            "iam:EnableMFADevice", "iam:ResyncMFADevice", "iam:ListMFADevices", "iam:GetMFADevice"],
	 "Resource": "arn:aws:iam::*:user/${aws:username}"},
	{"Sid": "OwnDevice", "Effect": "Allow", "Action": ["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"],
	 "Resource": "arn:aws:iam::*:mfa/${aws:username}"},
	{"Sid": "Rest", "Effect": "Allow", "Action": ["iam:List*", "iam:DeactivateMFADevice"], "Resource": "*"},
	{"Sid": "OnlyWithMFA", "Effect": "Deny",
	 "NotAction": ["iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:ListMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken"],
	 "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}]}`

// TestUsersManageTheirOwnCredentials: the policy that most accounts give to all
// users works as it does at AWS, from the first MFA device on.
func TestUsersManageTheirOwnCredentials(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	alice := root.user(t, s, "alice", manageOwn)
	root.user(t, s, "bob", "")
	create := func(c *clients, name string) (*iam.CreateVirtualMFADeviceOutput, error) {
		return c.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: &name})
	}
	_, err := create(alice, "bob")
	wantCode(t, "another user's device", err, "AccessDenied", "is not authorized to perform: iam:CreateVirtualMFADevice on resource: arn:aws:iam::"+s.account+":mfa/bob")
	made, err := create(alice, "alice")
	must(t, err)
	serial, seed, now := made.VirtualMFADevice.SerialNumber, string(made.VirtualMFADevice.Base32StringSeed), time.Now()
	enable := func(user string) error {
		_, err := alice.iam.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{
			UserName: &user, SerialNumber: serial, AuthenticationCode1: code(t, seed, now.Add(-30*time.Second)), AuthenticationCode2: code(t, seed, now),
		})
		return err
	}
	wantCode(t, "a device for another user", enable("bob"), "AccessDenied", "iam:EnableMFADevice")
	must(t, enable("alice"))

	next := code(t, seed, now.Add(30*time.Second))
	open := func(serial, code *string) (*sts.GetSessionTokenOutput, error) {
		return alice.sts.GetSessionToken(ctx, &sts.GetSessionTokenInput{SerialNumber: serial, TokenCode: code})
	}
	_, err = open(serial, code(t, seed, now))
	wantCode(t, "a code that enabled the device", err, "AccessDenied", "MultiFactorAuthentication failed")
	_, err = open(aws.String(*serial+"x"), next)
	wantCode(t, "a device that isn't there", err, "AccessDenied", "MultiFactorAuthentication failed")
	out, err := open(serial, next)
	must(t, err)
	_, err = open(serial, next)
	wantCode(t, "a code for the second time", err, "AccessDenied", "MultiFactorAuthentication failed")

	with := s.as(keys{ID: *out.Credentials.AccessKeyId, Secret: *out.Credentials.SecretAccessKey, Token: *out.Credentials.SessionToken})
	_, err = with.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, err = with.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: aws.String("bob"), Password: aws.String("Secret-Word1")})
	wantCode(t, "another user's password", err, "AccessDenied", "iam:CreateLoginProfile")
	_, err = with.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{Password: aws.String("Secret-Word1")})
	must(t, err)
	without := s.as(alice.session(t))
	_, err = without.iam.ListUsers(ctx, &iam.ListUsersInput{})
	wantCode(t, "a session without MFA", err, "InvalidClientTokenId", "")
}
