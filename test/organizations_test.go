package test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// python runs a program with a boto3 that knows of AWS_ENDPOINT_URL, as the
// default profile's user.
func (h *home) python(t *testing.T, endpoint, program string) string {
	t.Helper()
	path := ""
	for version, p := range pythons() {
		var major, minor int
		if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err == nil && major == 1 && minor >= 36 {
			path = p
		}
	}
	if path == "" {
		missing(t, "Python with boto3 1.36 or later")
	}
	cmd := exec.CommandContext(deadline(t), path, "-c", program)
	cmd.Env = append(h.environ(), "AWS_ENDPOINT_URL="+endpoint)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("python = %v\n%s", err, out)
	}
	return string(out)
}

// organizationProgram goes through an organization with boto3, and checks what
// it reads and which errors it gets.
const organizationProgram = `
import boto3, json
from botocore.exceptions import ClientError
o = boto3.client('organizations')
def refused(code, call, reason=None, **args):
    try:
        call(**args)
    except ClientError as e:
        assert e.response['Error']['Code'] == code, (code, e)
        assert reason is None or e.response.get('Reason') == reason, (reason, e.response)
        return e.response['Error']['Message']
    raise AssertionError('not refused: ' + code)

refused('AWSOrganizationsNotInUseException', o.describe_organization)
org = o.create_organization(FeatureSet='ALL')['Organization']
assert org['Id'].startswith('o-') and len(org['Id']) == 12, org
refused('AlreadyInOrganizationException', o.create_organization)
assert o.describe_organization()['Organization'] == org
root = o.list_roots()['Roots'][0]['Id']

dev = o.create_organizational_unit(ParentId=root, Name='dev', Tags=[{'Key': 'k', 'Value': 'v'}])['OrganizationalUnit']
refused('DuplicateOrganizationalUnitException', o.create_organizational_unit, ParentId=root, Name='dev')
refused('ParentNotFoundException', o.create_organizational_unit, ParentId='r-zzzz', Name='x')
parent = dev['Id']
for n in range(4):
    parent = o.create_organizational_unit(ParentId=parent, Name='deep')['OrganizationalUnit']['Id']
refused('ConstraintViolationException', o.create_organizational_unit, 'OU_DEPTH_LIMIT_EXCEEDED', ParentId=parent, Name='deeper')
refused('OrganizationalUnitNotEmptyException', o.delete_organizational_unit, OrganizationalUnitId=dev['Id'])
assert o.update_organizational_unit(OrganizationalUnitId=dev['Id'], Name='dev2')['OrganizationalUnit']['Name'] == 'dev2'
assert o.describe_organizational_unit(OrganizationalUnitId=dev['Id'])['OrganizationalUnit']['Path'] == org['Id'] + '/' + root + '/' + dev['Id'] + '/'
for i in range(21):
    o.create_organizational_unit(ParentId=root, Name='many%d' % i)
ous = [u for p in o.get_paginator('list_organizational_units_for_parent').paginate(ParentId=root) for u in p['OrganizationalUnits']]
assert len({u['Id'] for u in ous}) == 22, len(ous)

status = o.create_account(Email='member@example.com', AccountName='member', Tags=[{'Key': 'team', 'Value': 'x'}])['CreateAccountStatus']
assert status['State'] == 'IN_PROGRESS' and status['Id'].startswith('car-'), status
status = o.describe_create_account_status(CreateAccountRequestId=status['Id'])['CreateAccountStatus']
assert status['State'] == 'SUCCEEDED', status
member = status['AccountId']
again = o.create_account(Email='member@example.com', AccountName='member')['CreateAccountStatus']['Id']
again = o.describe_create_account_status(CreateAccountRequestId=again)['CreateAccountStatus']
assert (again['State'], again['FailureReason']) == ('FAILED', 'EMAIL_ALREADY_EXISTS'), again
assert o.list_tags_for_resource(ResourceId=member)['Tags'] == [{'Key': 'team', 'Value': 'x'}]
o.tag_resource(ResourceId=member, Tags=[{'Key': 'a', 'Value': 'b'}])
o.untag_resource(ResourceId=member, TagKeys=['team'])
assert o.list_tags_for_resource(ResourceId=member)['Tags'] == [{'Key': 'a', 'Value': 'b'}]
refused('SourceParentNotFoundException', o.move_account, AccountId=member, SourceParentId=ous[0]['Id'] if ous[0]['Id'] != dev['Id'] else ous[1]['Id'], DestinationParentId=dev['Id'])
o.move_account(AccountId=member, SourceParentId=root, DestinationParentId=dev['Id'])
refused('DuplicateAccountException', o.move_account, AccountId=member, SourceParentId=dev['Id'], DestinationParentId=dev['Id'])
assert o.list_parents(ChildId=member)['Parents'] == [{'Id': dev['Id'], 'Type': 'ORGANIZATIONAL_UNIT'}]
assert o.list_children(ParentId=dev['Id'], ChildType='ACCOUNT')['Children'] == [{'Id': member, 'Type': 'ACCOUNT'}]
assert [a['Id'] for a in o.list_accounts_for_parent(ParentId=dev['Id'])['Accounts']] == [member]
assert {a['Id'] for a in o.list_accounts()['Accounts']} == {member, org['MasterAccountId']}
refused('AccountNotFoundException', o.describe_account, AccountId='000000000000')

deny = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Deny', 'Action': 'iam:CreateUser', 'Resource': '*'}]})
policy = o.create_policy(Type='SERVICE_CONTROL_POLICY', Name='no users', Description='d', Content=deny)['Policy']['PolicySummary']
refused('DuplicatePolicyException', o.create_policy, Type='SERVICE_CONTROL_POLICY', Name='no users', Description='d', Content=deny)
refused('MalformedPolicyDocumentException', o.create_policy, Type='SERVICE_CONTROL_POLICY', Name='bad', Description='d', Content='{}')
refused('PolicyTypeNotAvailableForOrganizationException', o.create_policy, Type='TAG_POLICY', Name='tags', Description='d', Content='{}')
refused('PolicyTypeNotEnabledException', o.attach_policy, PolicyId=policy['Id'], TargetId=dev['Id'])
o.enable_policy_type(RootId=root, PolicyType='SERVICE_CONTROL_POLICY')
refused('PolicyTypeAlreadyEnabledException', o.enable_policy_type, RootId=root, PolicyType='SERVICE_CONTROL_POLICY')
o.attach_policy(PolicyId=policy['Id'], TargetId=dev['Id'])
refused('DuplicatePolicyAttachmentException', o.attach_policy, PolicyId=policy['Id'], TargetId=dev['Id'])
refused('PolicyInUseException', o.delete_policy, PolicyId=policy['Id'])
refused('ConstraintViolationException', o.detach_policy, 'MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED', PolicyId='p-FullAWSAccess', TargetId=root)
refused('InvalidInputException', o.update_policy, 'IMMUTABLE_POLICY', PolicyId='p-FullAWSAccess', Name='x')
refused('InvalidInputException', o.describe_policy, 'INVALID_PATTERN', PolicyId='nonsense')
refused('InvalidInputException', o.describe_effective_policy, 'INVALID_ENUM', PolicyType='SERVICE_CONTROL_POLICY')
assert [p['Name'] for p in o.list_policies(Filter='SERVICE_CONTROL_POLICY')['Policies']] == ['FullAWSAccess', 'no users']
assert {p['Id'] for p in o.list_policies_for_target(TargetId=dev['Id'], Filter='SERVICE_CONTROL_POLICY')['Policies']} == {'p-FullAWSAccess', policy['Id']}
assert o.list_targets_for_policy(PolicyId=policy['Id'])['Targets'] == [{'TargetId': dev['Id'], 'Arn': dev['Arn'], 'Name': 'dev2', 'Type': 'ORGANIZATIONAL_UNIT'}]
o.enable_policy_type(RootId=root, PolicyType='RESOURCE_CONTROL_POLICY')
refused('InvalidInputException', o.detach_policy, 'NON_DETACHABLE_POLICY', PolicyId='p-RCPFullAWSAccess', TargetId=root)

o.enable_aws_service_access(ServicePrincipal='iam.amazonaws.com')
assert [s['ServicePrincipal'] for s in o.list_aws_service_access_for_organization()['EnabledServicePrincipals']] == ['iam.amazonaws.com']
i = boto3.client('iam')
assert i.list_organizations_features()['EnabledFeatures'] == []
i.enable_organizations_root_sessions()
assert i.enable_organizations_root_credentials_management()['EnabledFeatures'] == ['RootCredentialsManagement', 'RootSessions']
assert i.disable_organizations_root_sessions()['EnabledFeatures'] == ['RootCredentialsManagement']
o.disable_aws_service_access(ServicePrincipal='iam.amazonaws.com')
assert o.list_aws_service_access_for_organization()['EnabledServicePrincipals'] == []
refused('ServiceAccessNotEnabledException', i.list_organizations_features)

refused('UnknownOperationException', o.list_delegated_administrators)
refused('OrganizationNotEmptyException', o.delete_organization)
refused('ConstraintViolationException', o.close_account, 'CANNOT_CLOSE_MANAGEMENT_ACCOUNT', AccountId=org['MasterAccountId'])
print(member, org['Id'], root, dev['Id'], policy['Arn'])
`

// TestOrganization goes through an organization with boto3, and then through
// what its policies let a member do.
func TestOrganization(t *testing.T) {
	s := serve(t)
	h := newHome(t)
	h.profile("default", s.root())
	made := strings.Fields(h.python(t, s.endpoint, organizationProgram))
	if len(made) != 5 {
		t.Fatalf("the program printed %q", made)
	}
	member, org, root, unit, policyARN := made[0], made[1], made[2], made[3], made[4]
	first := s.as(s.root())
	admin := first.user(t, s, "admin", allow("*"))

	// The management account gets into the member that it made.
	in, err := admin.sts.AssumeRole(deadline(t), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + member + ":role/OrganizationAccountAccessRole"), RoleSessionName: aws.String("session"),
	})
	must(t, err)
	session := s.as(keys{*in.Credentials.AccessKeyId, *in.Credentials.SecretAccessKey, *in.Credentials.SessionToken})
	_, err = session.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("u")})
	wantCode(t, "CreateUser against a service control policy", err, "AccessDenied",
		"with an explicit deny in a service control policy: "+policyARN)
	_, err = session.iam.CreateGroup(deadline(t), &iam.CreateGroupInput{GroupName: aws.String("g")})
	must(t, err)
	// Also the root user; but not the management account.
	s.must("account", "reset-root", member)
	memberRoot := s.rootOf(member)
	_, err = memberRoot.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("u")})
	wantCode(t, "CreateUser of the member's root user", err, "AccessDenied", "service control policy")
	_, err = first.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("u")})
	must(t, err)

	// Condition keys of the organization.
	for path, want := range map[string]string{org + "/" + root + "/" + unit + "/*": "", org + "/r-none/*": "AccessDenied"} {
		pol := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetGroup","Resource":"*","Condition":{
			"StringEquals":{"aws:PrincipalOrgID":"` + org + `","aws:ResourceOrgID":"${aws:PrincipalOrgID}"},
			"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"` + path + `"}}}]}`
		_, err = session.iam.PutRolePolicy(deadline(t), &iam.PutRolePolicyInput{RoleName: aws.String("OrganizationAccountAccessRole"), PolicyName: aws.String("AdministratorAccess"), PolicyDocument: aws.String(allow("iam:*"))})
		must(t, err)
		_, err = session.iam.PutRolePolicy(deadline(t), &iam.PutRolePolicyInput{RoleName: aws.String("OrganizationAccountAccessRole"), PolicyName: aws.String("AdministratorAccess"), PolicyDocument: &pol})
		must(t, err)
		_, err = session.iam.GetGroup(deadline(t), &iam.GetGroupInput{GroupName: aws.String("g")})
		if want == "" {
			must(t, err)
		} else {
			wantCode(t, "GetGroup from another path", err, want, "")
		}
		_, err = memberRoot.iam.PutRolePolicy(deadline(t), &iam.PutRolePolicyInput{RoleName: aws.String("OrganizationAccountAccessRole"), PolicyName: aws.String("AdministratorAccess"), PolicyDocument: aws.String(allow("*"))})
		must(t, err)
	}

	// A resource control policy on the member's roles.
	out := h.python(t, s.endpoint, `
import boto3, json
o = boto3.client('organizations')
p = o.create_policy(Type='RESOURCE_CONTROL_POLICY', Name='rcp', Description='d', Content=json.dumps({'Version': '2012-10-17', 'Statement': [
    {'Effect': 'Deny', 'Principal': '*', 'Action': 'sts:AssumeRole', 'Resource': '*'}]}))['Policy']['PolicySummary']['Id']
o.attach_policy(PolicyId=p, TargetId='`+member+`')
print('attached')
`)
	if strings.TrimSpace(out) != "attached" {
		t.Fatal(out)
	}
	_, err = admin.sts.AssumeRole(deadline(t), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + member + ":role/OrganizationAccountAccessRole"), RoleSessionName: aws.String("session"),
	})
	wantCode(t, "AssumeRole against a resource control policy", err, "AccessDenied", "with an explicit deny in a resource control policy")

	// A member leaves, is invited, and is closed.
	hm := newHome(t)
	hm.profile("default", memberRoot.keys)
	cli := session2(t, s, hm)
	cli.refused("AccessDeniedException", "organizations", "list-roots")
	cli.ok("organizations", "leave-organization")
	_, err = memberRoot.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("free")})
	must(t, err)
	own := session2(t, s, h)
	id := at(t, own.json("organizations", "invite-account-to-organization", "--target", "Id="+member+",Type=ACCOUNT"), "Handshake", "Id").(string)
	own.refused("DuplicateHandshakeException", "organizations", "invite-account-to-organization", "--target", "Id=member@example.com,Type=EMAIL")
	if got := at(t, cli.json("organizations", "list-handshakes-for-account"), "Handshakes", 0, "State"); got != "OPEN" {
		t.Errorf("the invitation is %v", got)
	}
	if got := at(t, cli.json("organizations", "accept-handshake", "--handshake-id", id), "Handshake", "State"); got != "ACCEPTED" {
		t.Errorf("the accepted invitation is %v", got)
	}
	own.refused("MasterCannotLeaveOrganizationException", "organizations", "leave-organization")
	own.ok("organizations", "close-account", "--account-id", member)
	own.refused("AccountAlreadyClosedException", "organizations", "close-account", "--account-id", member)
	wantCode(t, "whoami in a closed account", memberRoot.whoami(deadline(t)), "AccessDenied", "closed")
	if got := at(t, own.json("organizations", "describe-account", "--account-id", member), "Account", "Status"); got != "SUSPENDED" {
		t.Errorf("the closed account is %v", got)
	}
	s.stop()
	s.must("check")
}

// session2 runs aws commands as the default profile's user.
func session2(t *testing.T, s *server, h *home) session {
	t.Helper()
	return session{t: t, cli: anyCLI(t), home: h, endpoint: s.endpoint}
}
