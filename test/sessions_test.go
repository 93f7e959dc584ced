package test

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/pquerna/otp/totp"
)

// withTags makes a request for a role pass tags.
func withTags(transitive []string, pairs ...string) func(*sts.AssumeRoleInput) {
	return func(in *sts.AssumeRoleInput) {
		in.TransitiveTagKeys = transitive
		for i := 0; i < len(pairs); i += 2 {
			in.Tags = append(in.Tags, ststypes.Tag{Key: &pairs[i], Value: &pairs[i+1]})
		}
	}
}

func withPolicy(policy string, arns ...string) func(*sts.AssumeRoleInput) {
	return func(in *sts.AssumeRoleInput) {
		if policy != "" {
			in.Policy = &policy
		}
		for _, arn := range arns {
			in.PolicyArns = append(in.PolicyArns, ststypes.PolicyDescriptorType{Arn: aws.String(arn)})
		}
	}
}

func TestSessionPolicies(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", "")
	role := root.role(t, "r", trust(assume, ann.arn(t)), allow("iam:List*"))
	listUsers := func(c *clients) error { _, err := c.iam.ListUsers(ctx, &iam.ListUsersInput{}); return err }
	listRoles := func(c *clients) error { _, err := c.iam.ListRoles(ctx, &iam.ListRolesInput{}); return err }

	as, out, err := ann.assume(t, s, role, "inline", withPolicy(allow("iam:ListUsers", "iam:GetUser")))
	must(t, err)
	//lint:ignore SA1019 the member that replaces it is not in the model yet
	if out.PackedPolicySize == nil || *out.PackedPolicySize < 1 || *out.PackedPolicySize > 40 {
		t.Errorf("AssumeRole = %+v", out)
	}
	must(t, listUsers(as))
	wantCode(t, "beyond the session policy", listRoles(as), "AccessDenied", "because no session policy allows the iam:ListRoles action")
	_, err = as.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("ann")})
	wantCode(t, "beyond the role", err, "AccessDenied", "because no identity-based policy allows the iam:GetUser action")

	as = ann.mustAssume(t, s, role, "denies", withPolicy(strings.TrimSuffix(allow("*"), "]}")+`,{"Effect":"Deny","Action":"iam:ListUsers","Resource":"*"}]}`))
	must(t, listRoles(as))
	wantCode(t, "denied by the session policy", listUsers(as), "AccessDenied", "with an explicit deny in a session policy")

	made, err := root.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("m"), PolicyDocument: aws.String(allow("iam:ListRoles"))})
	must(t, err)
	as = ann.mustAssume(t, s, role, "managed", withPolicy(allow("iam:ListUsers"), *made.Policy.Arn))
	must(t, listUsers(as))
	must(t, listRoles(as))
	_, err = root.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: made.Policy.Arn})
	must(t, err)
	if listUsers(as) == nil {
		t.Error("a session whose managed policy is gone goes on")
	}
	_, _, err = ann.assume(t, s, role, "none", withPolicy("", *made.Policy.Arn))
	wantCode(t, "AssumeRole with no such policy", err, "MalformedPolicyDocument", *made.Policy.Arn)
	_, _, err = ann.assume(t, s, role, "bad", withPolicy(`{"Statement":{}}`))
	wantCode(t, "AssumeRole with a malformed policy", err, "MalformedPolicyDocument", "")
	_, _, err = ann.assume(t, s, role, "long", withPolicy(allow(strings.Repeat("a", 2000)+":x")))
	wantCode(t, "AssumeRole with a long policy", err, "ValidationError", "Member must have length less than or equal to 2048")
	var tags []string
	for range 30 {
		tags = append(tags, "k"+rand.Text(), rand.Text()+rand.Text())
	}
	sessionTags := root.role(t, "t", trust(assume+`,"sts:TagSession"`, ann.arn(t)), "")
	_, _, err = ann.assume(t, s, sessionTags, "packed", withTags(nil, tags...))
	wantCode(t, "AssumeRole with many tags", err, "PackedPolicyTooLarge", "% of allotted space.")
}

func TestSessionTags(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", "")
	const both = assume + `,"sts:TagSession"`
	second := "arn:aws:iam::" + s.account + ":role/second"
	tagged := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"red","aws:PrincipalTag/own":"role"}}},
		{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Resource":"` + second + `"}]}`
	role := root.role(t, "first", trust(both, ann.arn(t)), tagged)
	untagged := root.role(t, "untagged", trust(assume, ann.arn(t)), "")
	_, err := root.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String("first"), Tags: iamTags("own", "role", "team", "blue")})
	must(t, err)
	root.role(t, "second", trust(both, role), tagged)
	_, err = root.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String("second"), Tags: iamTags("own", "role")})
	must(t, err)
	getUser := func(c *clients) error {
		_, err := c.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("ann")})
		return err
	}

	as := ann.mustAssume(t, s, role, "plain")
	wantCode(t, "with the role's own tags", getUser(as), "AccessDenied", "")
	as = ann.mustAssume(t, s, role, "red", withTags([]string{"TEAM"}, "Team", "red", "x", "y"))
	must(t, getUser(as)) // the session's tag wins over the role's, whatever its case
	chained := as.mustAssume(t, s, second, "chained")
	must(t, getUser(chained))
	_, _, err = as.assume(t, s, second, "again", withTags(nil, "tEAM", "green"))
	wantCode(t, "setting a transitive tag", err, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
	plain := ann.mustAssume(t, s, role, "not-passed-on", withTags(nil, "Team", "red"))
	wantCode(t, "a tag that isn't transitive", getUser(plain.mustAssume(t, s, second, "chained")), "AccessDenied", "")

	_, _, err = ann.assume(t, s, untagged, "tags", withTags(nil, "a", "b"))
	wantCode(t, "tags without sts:TagSession", err, "AccessDenied", "User: "+ann.arn(t)+" is not authorized to perform: sts:TagSession on resource: "+untagged)
	_, _, err = ann.assume(t, s, role, "twice", withTags(nil, "a", "b", "A", "c"))
	wantCode(t, "tags that differ in case", err, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	_, _, err = ann.assume(t, s, role, "missing", withTags([]string{"b"}, "a", "b"))
	wantCode(t, "a transitive key without its tag", err, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
}

func TestTrustConditions(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", "")
	conditional := func(condition string) string {
		return strings.Replace(trust(assume+`,"sts:SetSourceIdentity"`, ann.arn(t)), `"Action"`, `"Condition":`+condition+`,"Action"`, 1)
	}
	role := root.role(t, "external", conditional(`{"StringEquals":{"sts:ExternalId":"secret/1"}}`), "")
	_, _, err := ann.assume(t, s, role, "none")
	wantCode(t, "no external id", err, "AccessDenied", "")
	external := func(id string) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) { in.ExternalId = &id }
	}
	_, _, err = ann.assume(t, s, role, "wrong", external("secret/2"))
	wantCode(t, "another external id", err, "AccessDenied", "")
	ann.mustAssume(t, s, role, "right", external("secret/1"))

	named := root.role(t, "named", conditional(`{"StringLike":{"sts:RoleSessionName":"ann-*"}}`), "")
	ann.mustAssume(t, s, named, "ann-1")
	_, _, err = ann.assume(t, s, named, "bob-1")
	wantCode(t, "another session name", err, "AccessDenied", "")

	mfa := root.role(t, "mfa", conditional(`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`), "")
	_, _, err = ann.assume(t, s, mfa, "none")
	wantCode(t, "no MFA", err, "AccessDenied", "")
	_, _, err = ann.assume(t, s, mfa, "wrong", func(in *sts.AssumeRoleInput) {
		in.SerialNumber, in.TokenCode = aws.String("arn:aws:iam::"+s.account+":mfa/none"), aws.String("123456")
	})
	wantCode(t, "no such device", err, "AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify")
}

func TestSourceIdentity(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", "")
	const both = assume + `,"sts:SetSourceIdentity"`
	own := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Resource":"*"},
		{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:SourceIdentity":"ann@corp"}}}]}`
	first := root.role(t, "first", trust(both, ann.arn(t)), own)
	second := root.role(t, "second", trust(both, first), own)
	deaf := root.role(t, "deaf", trust(assume, ann.arn(t), first), own)
	source := func(id string) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) { in.SourceIdentity = &id }
	}
	as, out, err := ann.assume(t, s, first, "one", source("ann@corp"))
	must(t, err)
	if out.SourceIdentity == nil || *out.SourceIdentity != "ann@corp" {
		t.Errorf("SourceIdentity = %v", out.SourceIdentity)
	}
	_, err = as.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	chained, out, err := as.assume(t, s, second, "two")
	must(t, err)
	if out.SourceIdentity == nil || *out.SourceIdentity != "ann@corp" {
		t.Errorf("SourceIdentity in a chain = %v", out.SourceIdentity)
	}
	_, err = chained.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, _, err = as.assume(t, s, second, "two", source("eve@corp"))
	wantCode(t, "another source identity in a chain", err, "AccessDenied", "sts:SetSourceIdentity")
	_, _, err = ann.assume(t, s, deaf, "one", source("ann@corp"))
	wantCode(t, "a source identity that the role doesn't take", err, "AccessDenied", "is not authorized to perform: sts:SetSourceIdentity on resource: "+deaf)
	_, _, err = as.assume(t, s, deaf, "one")
	wantCode(t, "an inherited one that the role doesn't take", err, "AccessDenied", "sts:SetSourceIdentity")
	_, _, err = ann.assume(t, s, deaf, "one")
	must(t, err)
}

func TestSessionDurations(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", allow("sts:*"))
	role := root.role(t, "r", trust(assume, s.account), allow("sts:AssumeRole"))
	lasting := func(seconds int32) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) { in.DurationSeconds = &seconds }
	}
	_, _, err := ann.assume(t, s, role, "long", lasting(3601))
	wantCode(t, "longer than the role allows", err, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	_, err = root.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("r"), MaxSessionDuration: aws.Int32(43200)})
	must(t, err)
	as, out, err := ann.assume(t, s, role, "long", lasting(43200))
	must(t, err)
	if left := time.Until(*out.Credentials.Expiration); left < 11*time.Hour || left > 13*time.Hour {
		t.Errorf("the session lasts %v", left)
	}
	for what, c := range map[string]*clients{"a role's session": as, "a user's session": s.as(ann.session(t))} {
		_, _, err = c.assume(t, s, role, "chained", lasting(3601))
		wantCode(t, what, err, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
		c.mustAssume(t, s, role, "chained", lasting(3600))
		_, err = c.sts.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
		wantCode(t, what, err, "AccessDenied", "Cannot call GetSessionToken with session credentials")
		_, err = c.sts.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("fed")})
		wantCode(t, what, err, "AccessDenied", "Cannot call GetFederationToken with session credentials")
	}
}

// TestRevokeOlderSessions does what AWS's console does to revoke sessions.
func TestRevokeOlderSessions(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", "")
	role := root.role(t, "r", trust(assume, ann.arn(t)), allow("iam:ListUsers"))
	as := ann.mustAssume(t, s, role, "old")
	list := func(c *clients) error { _, err := c.iam.ListUsers(ctx, &iam.ListUsersInput{}); return err }
	must(t, list(as))
	revoke := func(before time.Time) {
		_, err := root.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: aws.String("r"), PolicyName: aws.String("AWSRevokeOlderSessions"),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"` +
				before.UTC().Format("2006-01-02T15:04:05.000Z") + `"}}}]}`),
		})
		must(t, err)
	}
	revoke(time.Now().Add(time.Minute))
	wantCode(t, "an older session", list(as), "AccessDenied", "with an explicit deny in an identity-based policy")
	must(t, as.whoami(ctx))
	revoke(time.Now().Add(-time.Minute))
	must(t, list(ann.mustAssume(t, s, role, "new")))
}

func TestRoleBoundary(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", "")
	role := root.role(t, "r", trust(assume, ann.arn(t)), allow("iam:List*"))
	made, err := root.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("limit"), PolicyDocument: aws.String(allow("iam:ListUsers"))})
	must(t, err)
	_, err = root.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("r"), PermissionsBoundary: made.Policy.Arn})
	must(t, err)
	as := ann.mustAssume(t, s, role, "one")
	_, err = as.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, err = as.iam.ListRoles(ctx, &iam.ListRolesInput{})
	wantCode(t, "beyond the boundary", err, "AccessDenied", "because no permissions boundary allows the iam:ListRoles action")
	_, err = root.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: made.Policy.Arn})
	wantCode(t, "deleting a boundary", err, "DeleteConflict", "Cannot delete a policy attached to entities.")
	entities, err := root.iam.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: made.Policy.Arn})
	must(t, err)
	if len(entities.PolicyRoles) != 1 || *entities.PolicyRoles[0].RoleName != "r" {
		t.Errorf("ListEntitiesForPolicy = %+v", entities.PolicyRoles)
	}
	_, err = root.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("r")})
	must(t, err)
	_, err = as.iam.ListRoles(ctx, &iam.ListRolesInput{})
	must(t, err)
}

// TestFederatedUser: a federated user may do what both the user's policies and
// the session's allow, and never call IAM.
func TestFederatedUser(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", allow("sts:GetFederationToken", "sts:TagSession", "sts:GetAccessKeyInfo", "ec2:*"))
	federate := func(c *clients, policy *string, tags ...ststypes.Tag) (*clients, *sts.GetFederationTokenOutput) {
		out, err := c.sts.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("fed"), Policy: policy, Tags: tags})
		must(t, err)
		return s.as(credentialsOf(out.Credentials)), out
	}
	fed, out := federate(ann, nil)
	//lint:ignore SA1019 the member that replaces it is not in the model yet
	if *out.FederatedUser.FederatedUserId != s.account+":fed" || out.PackedPolicySize == nil || *out.PackedPolicySize != 0 {
		t.Errorf("GetFederationToken = %+v", out)
	}
	want := "arn:aws:sts::" + s.account + ":federated-user/fed"
	if fed.arn(t) != want || *out.FederatedUser.Arn != want {
		t.Errorf("the federated user is %s", fed.arn(t))
	}
	_, err := fed.iam.ListUsers(ctx, &iam.ListUsersInput{})
	wantCode(t, "a federated user calls IAM", err, "InvalidClientTokenId", "")
	_, _, err = fed.assume(t, s, "arn:aws:iam::"+s.account+":role/r", "one")
	wantCode(t, "a federated user assumes a role", err, "AccessDenied", "Cannot call AssumeRole with session credentials")
	if code := ec2Code(t, s, fed.keys); code != "UnauthorizedOperation" {
		t.Errorf("a federated user without a session policy gets %q", code)
	}
	fed, _ = federate(ann, aws.String(allow("ec2:DescribeInstances")), ststypes.Tag{Key: aws.String("a"), Value: aws.String("b")})
	if code := ec2Code(t, s, fed.keys); code != "" {
		t.Errorf("a federated user whose policies allow it gets %q", code)
	}
	bob := root.user(t, s, "bob", "")
	_, err = bob.sts.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("fed")})
	wantCode(t, "GetFederationToken without permission", err, "AccessDenied", "sts:GetFederationToken on resource: "+want)
	fed, _ = federate(root, aws.String(allow("ec2:*")))
	if code := ec2Code(t, s, fed.keys); code != "" {
		t.Errorf("a federated user of root's gets %q", code)
	}
}

// TestMFASession: credentials made with a code may call IAM, and say so.
func TestMFASession(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	ann := root.user(t, s, "ann", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*",
		"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}}]}`)
	device, err := root.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: aws.String("ann")})
	must(t, err)
	serial, seed := device.VirtualMFADevice.SerialNumber, string(device.VirtualMFADevice.Base32StringSeed)
	code := func(steps int) *string {
		c, err := totp.GenerateCode(seed, time.Now().Add(time.Duration(steps)*30*time.Second))
		must(t, err)
		return &c
	}
	_, err = root.iam.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{UserName: aws.String("ann"), SerialNumber: serial, AuthenticationCode1: code(-1), AuthenticationCode2: code(0)})
	must(t, err)
	role := root.role(t, "mfa", strings.Replace(trust(assume, ann.arn(t)), `"Action"`, `"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}},"Action"`, 1),
		strings.Replace(allow("iam:ListUsers"), `"Resource"`, `"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}},"Resource"`, 1))
	withMFA := func(in *sts.AssumeRoleInput) { in.SerialNumber, in.TokenCode = serial, code(1) }
	as := ann.mustAssume(t, s, role, "one", withMFA)
	_, err = as.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, _, err = ann.assume(t, s, role, "two", withMFA)
	wantCode(t, "a code used twice", err, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.")
	_, err = ann.iam.ListUsers(ctx, &iam.ListUsersInput{})
	wantCode(t, "a user without MFA", err, "AccessDenied", "")
}

func iamTags(pairs ...string) []iamtypes.Tag {
	var tags []iamtypes.Tag
	for i := 0; i < len(pairs); i += 2 {
		tags = append(tags, iamtypes.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return tags
}

// ec2Code calls ec2:DescribeInstances and gives the code of the refusal, or "".
func ec2Code(t *testing.T, s *server, k keys) string {
	t.Helper()
	return send(t, s, formRequest(s, k, "ec2", url.Values{"Action": {"DescribeInstances"}}).sign().wire()).code
}
