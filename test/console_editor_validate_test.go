package test

import (
	"strings"
	"testing"
)

// validateProgram asks for findings as programs do, and for what is refused.
const validateProgram = `
import boto3, json
from botocore.exceptions import ClientError
a = boto3.client('accessanalyzer')
text = lambda *s: json.dumps({'Version': '2012-10-17', 'Statement': list(s)}, indent=4)
def refused(code, call, **args):
    try:
        call(**args)
    except ClientError as e:
        assert e.response['Error']['Code'] == code, (code, e)
        return e.response
    raise AssertionError('not refused: ' + code)

star = text({'Effect': 'Allow', 'Action': '*', 'Resource': '*'})
found = a.validate_policy(policyDocument=star, policyType='IDENTITY_POLICY')['findings']
assert [(f['findingType'], f['issueCode']) for f in found] == [
    ('SECURITY_WARNING', 'PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE'), ('WARNING', 'CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE')], found
where = found[0]['locations'][0]
assert where['path'] == [{'value': 'Statement'}, {'index': 0}, {'value': 'Action'}], where
assert where['span']['start'] == {'line': 6, 'column': 22, 'offset': star.index('"*"')}, where

wrong = text({'Effect': 'Permit', 'Action': ['s3:GetObjekt', 's4:GetObject', 's3:ListBuckets'], 'Resource': 'bucket',
              'Condition': {'StringEqual': {'aws:username': 'a'}}})
pages = list(a.get_paginator('validate_policy').paginate(policyDocument=wrong, policyType='IDENTITY_POLICY', PaginationConfig={'PageSize': 2}))
codes = [f['issueCode'] for p in pages for f in p['findings']]
assert len(pages) == 3 and codes == ['INVALID_EFFECT', 'INVALID_ACTION', 'INVALID_SERVICE_IN_ACTION', 'INVALID_ACTION', 'INVALID_ARN_PREFIX', 'INVALID_CONDITION_OPERATOR'], codes
by = {f['findingDetails']: f for p in pages for f in p['findings']}
f = by['The action s3:ListBuckets does not exist. Did you mean s3:ListAllMyBuckets? The API called ListBuckets authorizes against the IAM action s3:ListAllMyBuckets.']
assert f['learnMoreLink'] == 'https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-error-invalid-action', f
assert pages[2]['findings'][1]['locations'][0]['path'][-1] == {'key': 'StringEqual'}, pages[2]

trust = text({'Effect': 'Allow', 'Principal': {'AWS': '111122223333'}, 'Action': 'sts:AssumeRole'})
assert a.validate_policy(policyDocument=trust, policyType='RESOURCE_POLICY', validatePolicyResourceType='AWS::IAM::AssumeRolePolicyDocument')['findings'] == []
codes = [f['issueCode'] for f in a.validate_policy(policyDocument='{', policyType='IDENTITY_POLICY')['findings']]
assert codes == ['JSON_SYNTAX_ERROR'], codes

refused('ValidationException', a.validate_policy, policyDocument=trust, policyType='SOME_POLICY')
refused('ValidationException', a.validate_policy, policyDocument=trust, policyType='IDENTITY_POLICY', nextToken='x')
refused('ValidationException', a.validate_policy, policyDocument=trust, policyType='IDENTITY_POLICY', maxResults=1000)
print('well')
`

// TestValidatePolicy asks Access Analyzer's only operation that is here, by
// program and by command; it wants its permission, and is in the trail.
func TestValidatePolicy(t *testing.T) {
	t.Parallel()
	s := serve(t)
	h := newHome(t)
	h.profile("default", s.root())
	if got := strings.TrimSpace(h.python(t, s.endpoint, validateProgram)); got != "well" {
		t.Errorf("the program printed %q", got)
	}
	as := func(name, policy string) session {
		home := newHome(t)
		user := s.as(s.root()).user(t, s, name, policy)
		home.profile("default", user.keys)
		return session{t: t, cli: anyCLI(t), home: home, endpoint: s.endpoint}
	}
	validate := []string{"accessanalyzer", "validate-policy", "--policy-type", "IDENTITY_POLICY", "--policy-document", `{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`}
	if out := as("ann", allow("access-analyzer:ValidatePolicy")).ok(validate...); !strings.Contains(out, "MISSING_VERSION") {
		t.Errorf("the command says %s", out)
	}
	as("bob", allow("s3:*")).refused("AccessDeniedException", validate...)
	root := session{t: t, cli: anyCLI(t), home: h, endpoint: s.endpoint}
	root.refused("UnknownOperationException", "accessanalyzer", "list-analyzers")
	events := root.ok("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=ValidatePolicy")
	for _, want := range []string{"access-analyzer.amazonaws.com", "user/ann", "user/bob", "AccessDenied"} {
		if !strings.Contains(events, want) {
			t.Errorf("the trail does not tell of %s: %s", want, events)
		}
	}
}
