package test

import (
	"strings"
	"testing"
)

// accessReportProgram makes an organization with a member, and reports about
// its parts, with boto3.
const accessReportProgram = `
import boto3, json, time
from botocore.exceptions import ClientError
o, i, sts = boto3.client('organizations'), boto3.client('iam'), boto3.client('sts')
def refused(code, call, **args):
    try:
        call(**args)
    except ClientError as e:
        assert e.response['Error']['Code'] == code, (code, e)
        return
    raise AssertionError('not refused: ' + code)
refused('AccessDenied', i.generate_organizations_access_report, EntityPath='o-a1b2c3d4e5/r-f6g7')
org = o.create_organization(FeatureSet='ALL')['Organization']
root = o.list_roots()['Roots'][0]['Id']
unit = o.create_organizational_unit(ParentId=root, Name='dev')['OrganizationalUnit']['Id']
status = o.create_account(Email='member@example.com', AccountName='member')['CreateAccountStatus']
member = o.describe_create_account_status(CreateAccountRequestId=status['Id'])['CreateAccountStatus']['AccountId']
o.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit)

i.create_user(UserName='admin')
i.attach_user_policy(UserName='admin', PolicyArn='arn:aws:iam::aws:policy/AdministratorAccess')
key = i.create_access_key(UserName='admin')['AccessKey']
admin = boto3.client('sts', aws_access_key_id=key['AccessKeyId'], aws_secret_access_key=key['SecretAccessKey'])
c = admin.assume_role(RoleArn='arn:aws:iam::%s:role/OrganizationAccountAccessRole' % member, RoleSessionName='session')['Credentials']
boto3.client('iam', aws_access_key_id=c['AccessKeyId'], aws_secret_access_key=c['SecretAccessKey'], aws_session_token=c['SessionToken']).list_users()

def report(path, policy=None, **args):
    more = {'OrganizationsPolicyId': policy} if policy else {}
    job = i.generate_organizations_access_report(EntityPath=path, **more)['JobId']
    for _ in range(600):
        out = i.get_organizations_access_report(JobId=job, MaxItems=1000, **args)
        if out['JobStatus'] != 'IN_PROGRESS':
            break
        time.sleep(0.1)
    assert out['JobStatus'] == 'COMPLETED', out
    return out, {d['ServiceNamespace']: d for d in out['AccessDetails']}
top = org['Id'] + '/' + root
at = top + '/' + unit
out, by = report(top + '/')
assert by['iam']['TotalAuthenticatedEntities'] == 2 and by['sts']['TotalAuthenticatedEntities'] == 1, by['iam']
assert by['organizations']['EntityPath'] == top + '/' + org['MasterAccountId'], by['organizations']
assert 'LastAuthenticatedTime' not in by['s3'] and by['s3']['TotalAuthenticatedEntities'] == 0
assert out['NumberOfServicesAccessible'] == len(by) and out['NumberOfServicesNotAccessed'] == len(by) - 3, out['NumberOfServicesNotAccessed']
_, by = report(at)
assert by['iam']['EntityPath'] == at + '/' + member and by['iam']['Region'] == 'us-east-1' and by['iam']['ServiceName'] == 'AWS Identity and Access Management', by['iam']
assert 'LastAuthenticatedTime' not in by['sts']
out, _ = report(at + '/' + member, SortKey='LAST_AUTHENTICATED_TIME_DESCENDING')
assert out['AccessDetails'][0]['ServiceNamespace'] == 'iam'

o.enable_policy_type(RootId=root, PolicyType='SERVICE_CONTROL_POLICY')
few = json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': ['iam:*', 's3:*'], 'Resource': '*'}]})
policy = o.create_policy(Type='SERVICE_CONTROL_POLICY', Name='few', Description='d', Content=few)['Policy']['PolicySummary']['Id']
o.attach_policy(PolicyId=policy, TargetId=unit)
o.detach_policy(PolicyId='p-FullAWSAccess', TargetId=unit)
_, by = report(at + '/' + member)
assert sorted(by) == ['iam', 's3'], by
_, by = report(top, policy)
assert sorted(by) == ['iam', 's3'] and by['iam']['TotalAuthenticatedEntities'] == 2, by
def scp(name, *statements):
    content = json.dumps({'Version': '2012-10-17', 'Statement': [dict(s, Effect='Deny') for s in statements]})
    id = o.create_policy(Type='SERVICE_CONTROL_POLICY', Name=name, Description='d', Content=content)['Policy']['PolicySummary']['Id']
    o.attach_policy(PolicyId=id, TargetId=unit)
    return id
scp('not outright', {'Action': 'iam:*', 'Resource': '*', 'Condition': {'Bool': {'aws:SecureTransport': 'false'}}}, {'Action': 's3:*', 'Resource': 'arn:aws:s3:::secret/*'},
    {'Action': 'iam:Delete*', 'Resource': '*'})
_, by = report(at)
assert sorted(by) == ['iam', 's3'], by
scp('no s3', {'NotAction': ['iam:*'], 'Resource': '*'})
_, by = report(at)
assert sorted(by) == ['iam'], by
_, by = report(top)
assert len(by) > 100, len(by)
changed = o.update_policy(PolicyId=policy, Name='fewer')['Policy']['PolicySummary']
assert changed['Description'] == 'd', changed
changed = o.update_policy(PolicyId=policy, Description='')['Policy']['PolicySummary']
assert changed['Name'] == 'fewer' and changed.get('Description', '') == '', changed
refused('InvalidInput', i.generate_organizations_access_report, EntityPath=top + '/ou-none-00000000')
refused('InvalidInput', i.generate_organizations_access_report, EntityPath=top, OrganizationsPolicyId='p-00000000')
refused('NoSuchEntity', i.get_organizations_access_report, JobId='0' * 36)
print('well')
`

func TestOrganizationsAccessReport(t *testing.T) {
	t.Parallel()
	s := serve(t)
	h := newHome(t)
	h.profile("default", s.root())
	if got := strings.TrimSpace(h.python(t, s.endpoint, accessReportProgram)); got != "well" {
		t.Errorf("the program printed %q", got)
	}
	s.stop()
	s.must("check")
}
