package test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// TestReportsByCommand: IAM's reports through the aws command, as its manual has
// them: ask for one, ask until it is there, read it.
func TestReportsByCommand(t *testing.T) {
	t.Parallel()
	s := serve(t)
	h := newHome(t)
	h.profile("default", s.root())
	aws := session2(t, s, h)
	aws.ok("iam", "create-user", "--user-name", "ann")
	aws.ok("iam", "wait", "user-exists", "--user-name", "ann")
	policy := at(t, aws.json("iam", "create-policy", "--policy-name", "reads", "--policy-document", allow("iam:List*", "s3:Get*")), "Policy", "Arn").(string)
	aws.ok("iam", "wait", "policy-exists", "--policy-arn", policy)
	aws.ok("iam", "attach-user-policy", "--user-name", "ann", "--policy-arn", policy)
	h.profile("ann", newKeys(t, aws.json("iam", "create-access-key", "--user-name", "ann")))
	aws.ok("iam", "list-users", "--profile", "ann")

	if got := at(t, aws.json("iam", "generate-credential-report"), "State"); got != "STARTED" {
		t.Errorf("the first generate-credential-report says %v", got)
	}
	aws.until("COMPLETE", "State", "iam", "generate-credential-report")
	report := aws.json("iam", "get-credential-report")
	text, err := base64.StdEncoding.DecodeString(at(t, report, "Content").(string))
	if err != nil || at(t, report, "ReportFormat") != "text/csv" || !strings.Contains(string(text), "\nann,arn:aws:iam::"+s.account+":user/ann,") {
		t.Errorf("get-credential-report = %v\n%s", report, text)
	}

	job := at(t, aws.json("iam", "generate-service-last-accessed-details", "--arn", policy, "--granularity", "ACTION_LEVEL"), "JobId").(string)
	aws.until("COMPLETED", "JobStatus", "iam", "get-service-last-accessed-details", "--job-id", job)
	details := aws.json("iam", "get-service-last-accessed-details", "--job-id", job, "--max-items", "1")
	if at(t, details, "ServicesLastAccessed", 0, "ServiceNamespace") != "iam" || at(t, details, "IsTruncated") != true || at(t, details, "JobType") != "ACTION_LEVEL" {
		t.Errorf("get-service-last-accessed-details = %v", details)
	}
	next := aws.json("iam", "get-service-last-accessed-details", "--job-id", job, "--marker", at(t, details, "Marker").(string))
	if at(t, next, "ServicesLastAccessed", 0, "ServiceNamespace") != "s3" || at(t, next, "IsTruncated") != false {
		t.Errorf("its second page = %v", next)
	}
	with := aws.json("iam", "get-service-last-accessed-details-with-entities", "--job-id", job, "--service-namespace", "iam")
	if at(t, with, "EntityDetailsList", 0, "EntityInfo", "Name") != "ann" || at(t, with, "EntityDetailsList", 0, "LastAuthenticated") == "" {
		t.Errorf("get-service-last-accessed-details-with-entities = %v", with)
	}

	org := at(t, aws.json("organizations", "create-organization"), "Organization", "Id").(string)
	root := at(t, aws.json("organizations", "list-roots"), "Roots", 0, "Id").(string)
	job = at(t, aws.json("iam", "generate-organizations-access-report", "--entity-path", org+"/"+root), "JobId").(string)
	aws.until("COMPLETED", "JobStatus", "iam", "get-organizations-access-report", "--job-id", job)
	access := aws.json("iam", "get-organizations-access-report", "--job-id", job, "--sort-key", "LAST_AUTHENTICATED_TIME_DESCENDING", "--max-items", "2")
	for i := range 2 { // this account has used these two
		if n := at(t, access, "AccessDetails", i, "ServiceNamespace"); n != "iam" && n != "organizations" {
			t.Errorf("get-organizations-access-report = %v", access)
		}
	}
	aws.refused("NoSuchEntity", "iam", "get-service-last-accessed-details", "--job-id", job)
	aws.refused("NoSuchEntity", "iam", "get-organizations-access-report", "--job-id", strings.Repeat("0", 36))
}

// until runs a command until a member of its answer has that value.
func (s session) until(want, member string, args ...string) {
	s.t.Helper()
	for late := time.Now().Add(patience); ; {
		got := at(s.t, s.json(args...), member)
		if got == want {
			return
		}
		if time.Now().After(late) {
			s.t.Fatalf("aws %s says %v, want %s", strings.Join(args, " "), got, want)
		}
	}
}

// resourceProgram goes through IAM with boto3's resources: objects for what is
// there, with collections and attributes that are loaded when they are asked for.
const resourceProgram = `
import boto3, json
from botocore.exceptions import ClientError
iam = boto3.resource('iam')
def gone(load):
    try:
        load()
    except ClientError as e:
        assert e.response['Error']['Code'] == 'NoSuchEntity', e
        return
    raise AssertionError('still there')
def doc(*actions):
    return json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': list(actions), 'Resource': '*'}]})
trust = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': {'Service': 'ec2.amazonaws.com'}, 'Action': 'sts:AssumeRole'}]})

me = iam.CurrentUser()
assert me.user_id == me.arn.split(':')[4] and me.arn.endswith(':root'), me.arn

user = iam.create_user(UserName='ann', Path='/team/', Tags=[{'Key': 'a', 'Value': 'b'}])
assert (user.name, user.path, user.tags) == ('ann', '/team/', [{'Key': 'a', 'Value': 'b'}])
user = user.update(NewUserName='anna', NewPath='/other/')
assert user.arn.endswith(':user/other/anna'), user.arn
group = iam.create_group(GroupName='staff')
user.add_group(GroupName='staff')
assert [g.name for g in user.groups.all()] == ['staff'] and [u.name for u in group.users.all()] == ['anna']
policy = iam.create_policy(PolicyName='reads', PolicyDocument=doc('s3:Get*'), Description='Reads.')
version = policy.create_version(PolicyDocument=doc('s3:*'))
version.set_as_default()
policy.reload()
assert (policy.default_version_id, policy.default_version.document['Statement'][0]['Action']) == ('v2', ['s3:*'])
assert sorted(v.version_id for v in policy.versions.all()) == ['v1', 'v2']
user.attach_policy(PolicyArn=policy.arn)
group.attach_policy(PolicyArn=policy.arn)
assert [p.arn for p in user.attached_policies.all()] == [policy.arn] and [u.name for u in policy.attached_users.all()] == ['anna']
assert [g.name for g in policy.attached_groups.all()] == ['staff'] and list(policy.attached_roles.all()) == []
own = user.create_policy(PolicyName='own', PolicyDocument=doc('iam:GetUser'))
assert own.policy_document['Statement'][0]['Action'] == ['iam:GetUser'] and [p.name for p in user.policies.all()] == ['own']
group.create_policy(PolicyName='own', PolicyDocument=doc('iam:GetUser'))

pair = user.create_access_key_pair()
assert len(pair.secret) == 40 and pair.status == 'Active'
pair.deactivate()
assert [k.status for k in user.access_keys.all()] == ['Inactive']
key = iam.AccessKey('anna', pair.id)
key.activate()
login = user.create_login_profile(Password='Sesame-12345', PasswordResetRequired=True)
login.update(PasswordResetRequired=False)
login.reload()
assert login.password_reset_required is False
rules = iam.create_account_password_policy(MinimumPasswordLength=10)
assert rules.minimum_password_length == 10
rules.update(MinimumPasswordLength=12)
rules.reload()
assert rules.minimum_password_length == 12
device = iam.create_virtual_mfa_device(VirtualMFADeviceName='phone')
assert device.serial_number in [d.serial_number for d in iam.virtual_mfa_devices.all()] and list(user.mfa_devices.all()) == []

role = iam.create_role(RoleName='worker', AssumeRolePolicyDocument=trust, MaxSessionDuration=7200)
role.AssumeRolePolicy().update(PolicyDocument=trust.replace('ec2', 'lambda'))
role.reload()
assert role.assume_role_policy_document['Statement'][0]['Principal'] == {'Service': 'lambda.amazonaws.com'} and role.max_session_duration == 7200
role.attach_policy(PolicyArn='arn:aws:iam::aws:policy/ReadOnlyAccess')
assert [p.policy_name for p in role.attached_policies.all()] == ['ReadOnlyAccess']
profile = iam.create_instance_profile(InstanceProfileName='worker')
profile.add_role(RoleName='worker')
profile.reload()
assert [r.name for r in profile.roles] == ['worker'] and [p.name for p in role.instance_profiles.all()] == ['worker']
iam.create_account_alias(AccountAlias='resources')

for n in range(25):
    iam.create_user(UserName='page-%02d' % n)
assert len(list(iam.users.page_size(10))) == 26 and len(list(iam.users.limit(7))) == 7
assert [u.name for u in iam.users.filter(PathPrefix='/other/')] == ['anna']
summary = iam.AccountSummary().summary_map
assert (summary['Users'], summary['Groups'], summary['Roles'], summary['Policies'], summary['InstanceProfiles']) == (26, 1, 1, 1, 1), summary
assert {p.arn for p in iam.policies.filter(Scope='Local')} == {policy.arn}
assert [r.name for r in iam.roles.all()] == ['worker'] and [g.name for g in iam.groups.all()] == ['staff']
assert [p.name for p in iam.instance_profiles.all()] == ['worker'] and list(iam.saml_providers.all()) == [] and list(iam.server_certificates.all()) == []

profile.remove_role(RoleName='worker'); profile.delete()
role.detach_policy(PolicyArn='arn:aws:iam::aws:policy/ReadOnlyAccess'); role.delete()
device.delete(); rules.delete(); login.delete(); key.delete()
user.detach_policy(PolicyArn=policy.arn); own.delete(); user.remove_group(GroupName='staff'); user.delete()
group.detach_policy(PolicyArn=policy.arn); group.Policy('own').delete(); group.delete()
iam.PolicyVersion(policy.arn, 'v1').delete(); policy.delete()
for load in (user.reload, role.reload, profile.reload, policy.load, group.load, login.load):
    gone(load)
print('well')
`

// TestBoto3Resources plays that program.
func TestBoto3Resources(t *testing.T) {
	t.Parallel()
	s := serve(t)
	h := newHome(t)
	h.profile("default", s.root())
	if got := strings.TrimSpace(h.python(t, s.endpoint, resourceProgram)); got != "well" {
		t.Errorf("the program printed %q", got)
	}
}
