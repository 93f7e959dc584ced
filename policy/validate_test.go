package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reference is a small catalog.
func reference(prefix string) *Reference {
	switch prefix {
	case "s3":
		return &Reference{
			Actions: []string{"GetObject", "GetObjectAcl", "ListAllMyBuckets", "ListBucket", "PutObject"},
			Keys:    map[string]string{"s3:prefix": "String", "s3:max-keys": "Numeric", "s3:ExistingObjectTag/<key>": "String", "s3:DataAccessPointArn": "ARN", "aws:ResourceTag/${TagKey}": "String"},
			ARNs:    []string{"arn:${Partition}:s3:::${BucketName}", "arn:${Partition}:s3:::${BucketName}/${ObjectName}", "arn:${Partition}:s3:${Region}:${Account}:accesspoint/${Name}"},
			KeysOf: func(action string) []string {
				if equalFold(action, "ListBucket") {
					return []string{"s3:prefix", "s3:max-keys"}
				}
				return []string{"s3:ExistingObjectTag/<key>"}
			},
			Renamed: func(operation string) string {
				return map[string]string{"ListBuckets": "s3:ListAllMyBuckets"}[operation]
			},
		}
	case "iam":
		return &Reference{
			Actions: []string{"CreateServiceLinkedRole", "GetUser", "PassRole"}, Keys: map[string]string{"iam:PassedToService": "String"},
			ARNs: []string{"arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}", "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"},
		}
	case "sqs":
		return &Reference{Actions: []string{"SendMessage"}, ARNs: []string{"arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"}}
	}
	return nil
}

func codes(found []Finding) []string {
	var all []string
	for _, f := range found {
		all = append(all, f.Code)
	}
	slices.Sort(all)
	return all
}

// TestValidate has a document for each issue code that Validate knows.
func TestValidate(t *testing.T) {
	statement := func(members string) string { return `{"Version":"2012-10-17","Statement":[{` + members + `}]}` }
	action := func(a string) string { return statement(`"Effect":"Allow","Action":` + a + `,"Resource":"*"`) }
	resource := func(r string) string { return statement(`"Effect":"Allow","Action":"s3:GetObject","Resource":` + r) }
	condition := func(c string) string { return statement(allowGet + `,"Condition":` + c) }
	trust := func(p, a, c string) string {
		return statement(`"Effect":"Allow","Principal":` + p + `,"Action":"sts:` + a + `"` + c)
	}
	tested := map[string]bool{}
	for _, tt := range []struct {
		kind Kind
		text string
		want string // codes, in the order of the alphabet
	}{
		{Managed, statement(allowGet), ""},
		{Managed, `{"Version":`, "JSON_SYNTAX_ERROR"},
		{Managed, `[]`, "DATA_TYPE_MISMATCH"},
		{Managed, `{"Version":"2012-10-17"}`, "MISSING_STATEMENT"},
		{Managed, `{"Version":"2012-10-17","Statement":[]}`, "MISSING_STATEMENT"},
		{Managed, `{"Version":"2012-10-17","Statement":["x"],"Extra":1}`, "DATA_TYPE_MISMATCH INVALID_POLICY_ELEMENT"},
		{Managed, `{"Version":"2013-10-17","Statement":{` + allowGet + `}}`, "INVALID_VERSION"},
		{Managed, `{"Statement":{` + allowGet + `}}`, "MISSING_VERSION"},
		{Managed, statement(`"Action":"s3:GetObject","Resource":"*"`), "MISSING_EFFECT"},
		{Managed, statement(`"Effect":"Permit","Action":"s3:GetObject","Resource":"*"`), "INVALID_EFFECT"},
		{Managed, statement(`"Effect":"Allow","Resource":"*"`), "MISSING_ACTION"},
		{Managed, statement(`"Effect":"Allow","Action":"s3:GetObject"`), "MISSING_RESOURCE"},
		{Managed, statement(allowGet + `,"NotAction":"s3:*"`), "UNSUPPORTED_ELEMENT_COMBINATION"},
		{Managed, statement(allowGet + `,"Efect":"Allow"`), "INVALID_POLICY_ELEMENT"},
		{Managed, statement(allowGet + `,"Principal":"*"`), "UNSUPPORTED_PRINCIPAL"},
		{Managed, statement(`"Sid":"",` + allowGet), "EMPTY_SID_VALUE"},
		{Managed, statement(`"Sid":"a b",` + allowGet), "UNSUPPORTED_SID"},
		{Managed, statement(`"Sid":"a",` + allowGet + `},{"Sid":"a","Effect":"Deny","Action":"s3:PutObject","Resource":"*"`), "UNIQUE_SIDS_REQUIRED"},
		{Resource, statement(`"Sid":"a","Principal":"*",` + allowGet + `},{"Sid":"a","Principal":"*","Effect":"Deny","Action":"s3:PutObject","Resource":"*"`), "UNIQUE_SIDS_RECOMMENDED"},
		{Managed, statement(allowGet + `},{"Resource":["*"],"Action":["s3:GetObject"],"Sid":"b","Effect":"Allow"`), "REDUNDANT_STATEMENT"},

		{Managed, action(`"s3:GetObject*"`), ""},
		{Managed, action(`[]`), "EMPTY_ARRAY_ACTION"},
		{Managed, action(`1`), "DATA_TYPE_MISMATCH"},
		{Managed, action(`"s3:Fly*"`), "INVALID_ACTION"},
		{Managed, action(`"s4:GetObject"`), "INVALID_SERVICE_IN_ACTION"},
		{Managed, action(`"s3:${aws:username}"`), "VARIABLE_UNSUPPORTED_IN_ELEMENT"},
		{Managed, action(`["s3:Get*","s3:GetObject","S3:getobject"]`), "REDUNDANT_ACTION"},
		{SCP, action(`"s3:*Object"`), "SCP_SYNTAX_ERROR_ACTION_WILDCARD"},

		{Managed, resource(`[]`), "EMPTY_ARRAY_RESOURCE"},
		{Managed, resource(`"bucket"`), "INVALID_ARN_PREFIX"},
		{Managed, resource(`"arn:aws:s3:b"`), "MISSING_ARN_FIELD"},
		{Managed, resource(`"arn:awz:s3:::b"`), "INVALID_PARTITION"},
		{Managed, resource(`"arn:aws:s*:::b"`), "WILDCARD_IN_SERVICE_NAME"},
		{Managed, resource(`"arn:aws:S3:::b"`), "INVALID_ARN_SERVICE_CASE"},
		{Managed, resource(`"arn:aws:s4:::b"`), "INVALID_SERVICE"},
		{Managed, resource(`"arn:aws:iam::12:user/x"`), "INVALID_ARN_ACCOUNT"},
		{Managed, resource(`"arn:aws:s3:us-east-1::b"`), "ARN_REGION_NOT_ALLOWED"},
		{Managed, resource(`"arn:aws:s3:us-east-1:111111111111:accesspoint/a"`), ""},
		{Managed, resource(`"arn:aws:s3::111111111111:b"`), "ARN_ACCOUNT_NOT_ALLOWED"},
		{Managed, resource(`"arn:aws:iam:us-east-1:111111111111:user/x"`), "ARN_REGION_NOT_ALLOWED"},
		{Managed, resource(`"arn:aws:iam::111111111111:usr/x"`), "INVALID_ARN_RESOURCE"},
		{Managed, resource(`"arn:aws:sqs::111111111111:q"`), "MISSING_ARN_REGION"},
		{Managed, resource(`"arn:aws:s3:::${aws:username"`), "MISSING_BRACE_IN_VARIABLE"},
		{Managed, resource(`"arn:aws:s3:::${}"`), "EMPTY_VARIABLE"},
		{Managed, resource(`"arn:aws:s3:::${aws username}"`), "UNSUPPORTED_SPACE_IN_VARIABLE"},
		{Managed, resource(`"arn:aws:s3:::${aws:username, 'x}"`), "MISSING_QUOTE_IN_VARIABLE"},
		{Managed, resource(`"arn:aws:s3:::${aws:username, 'x'}/${a}"`), ""},
		{Managed, resource(`["arn:aws:s3:::b/*","arn:aws:s3:::b/c"]`), "REDUNDANT_RESOURCE"},
		{Inline, `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::${aws:username}"}}`, "VARIABLE_UNSUPPORTED_IN_VERSION"},

		{Managed, action(`"*"`), "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE"},
		{Managed, action(`"iam:PassRole"`), "PASS_ROLE_WITH_STAR_IN_RESOURCE"},
		{Managed, action(`"iam:CreateServiceLinkedRole"`), "CREATE_SLR_WITH_STAR_IN_RESOURCE"},
		{Managed, statement(`"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}`), ""},
		{Managed, statement(`"Effect":"Allow","NotAction":"s3:*","Resource":"*"`), "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION"},
		{Managed, statement(`"Effect":"Allow","NotAction":"s3:*","NotResource":"arn:aws:s3:::b"`), "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE"},
		{Managed, statement(`"Effect":"Allow","Action":"iam:PassRole","NotResource":"arn:aws:s3:::b"`), "PASS_ROLE_WITH_NOT_RESOURCE"},
		{Managed, statement(`"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","NotResource":"arn:aws:s3:::b"`), "CREATE_SLR_WITH_NOT_RESOURCE"},
		{Managed, statement(`"Effect":"Allow","Action":"iam:*","NotResource":"arn:aws:s3:::b"`), "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"},
		{Managed, statement(`"Effect":"Deny","Action":"*","Resource":"*"`), ""},

		{Managed, condition(`{}`), "EMPTY_OBJECT_CONDITION"},
		{Managed, condition(`[]`), "DATA_TYPE_MISMATCH"},
		{Managed, condition(`{"StringEqual":{"aws:username":"a"}}`), "INVALID_CONDITION_OPERATOR"},
		{Managed, condition(`{"NullIfExists":{"aws:username":"true"}}`), "NULL_WITH_IF_EXISTS"},
		{Managed, condition(`{"ForAnyValue:Null":{"aws:username":"true"}}`), "NULL_WITH_QUALIFIER"},
		{Managed, condition(`{"StringEquals":{"username":"a"}}`), "INVALID_CONDITION_KEY_FORMAT"},
		{Managed, condition(`{"StringEquals":{"aws:usrname":"a"}}`), "INVALID_GLOBAL_CONDITION_KEY"},
		{Managed, condition(`{"StringEquals":{"aws:ARN":"a"}}`), "UNSUPPORTED_GLOBAL_CONDITION_KEY"},
		{Managed, condition(`{"StringEquals":{"aws:ResourceTag":"a"}}`), "MISSING_TAG_KEY_IN_CONDITION"},
		{Managed, condition(`{"StringEquals":{"aws:ResourceTag/team":"a"}}`), ""},
		{Managed, condition(`{"StringEquals":{"s3:ExistingObjectTag/team":"a"}}`), ""},
		{Managed, condition(`{"StringEquals":{"s3:nokey":"a"}}`), "INVALID_SERVICE_CONDITION_KEY"},
		{Managed, condition(`{"StringEquals":{"s4:key":"a"}}`), "INVALID_SERVICE"},
		{Managed, condition(`{"StringEquals":{"s3:prefix":"a"}}`), "UNSUPPORTED_ACTION_FOR_CONDITION_KEY"},
		{Managed, condition(`{"StringEquals":{"aws:username":"a","AWS:username":"a"}}`), "DUPLICATE_KEYS_WITH_DIFFERENT_CASE"},
		{Managed, condition(`{"StringEquals":{"aws:TagKeys":"a"}}`), "MISSING_QUALIFIER"},
		{Managed, condition(`{"ForAllValues:StringEquals":{"aws:username":"a"}}`), "FORALLVALUES_WITH_SINGLE_VALUED_KEY"},
		{Managed, condition(`{"StringEquals":{"aws:SecureTransport":"true"}}`), "TYPE_MISMATCH"},
		{Managed, condition(`{"StringLike":{"aws:SourceArn":"arn:aws:s3:::*"}}`), "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS"},
		{Managed, condition(`{"Bool":{"aws:SecureTransport":"maybe"}}`), "TYPE_MISMATCH_BOOLEAN"},
		{Managed, condition(`{"Bool":{"aws:SecureTransport":["true","false"]}}`), "INVALID_CONDITION_MULTIPLE_BOOLEAN"},
		{Managed, condition(`{"DateLessThan":{"aws:CurrentTime":"soon"}}`), "TYPE_MISMATCH_DATE"},
		{Managed, condition(`{"DateLessThan":{"aws:CurrentTime":"1700000000"}}`), "INVALID_DATE_VALUE"},
		{Managed, condition(`{"NumericLessThan":{"aws:MultiFactorAuthAge":"x"}}`), "TYPE_MISMATCH_NUMBER"},
		{Managed, condition(`{"NumericLessThan":{"aws:MultiFactorAuthAge":["1","2"]}}`), "REDUNDANT_CONDITION_VALUE_NUM"},
		{Managed, condition(`{"BinaryEquals":{"aws:username":"?"}}`), "TYPE_MISMATCH_STRING"},
		{Managed, condition(`{"IpAddress":{"aws:SourceIp":"203.0.113.0/40"}}`), "TYPE_MISMATCH_IP_RANGE"},
		{Managed, condition(`{"IpAddress":{"aws:SourceIp":"203.0.113.7/24"}}`), "IMPROVE_IP_RANGE"},
		{Managed, condition(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), "PRIVATE_IP_ADDRESS"},
		{Managed, condition(`{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}`), "PRIVATE_IP_ADDRESS_SUBSET"},
		{Managed, condition(`{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), "PRIVATE_NOT_IP_ADDRESS"},
		{Managed, condition(`{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}`), "PRIVATE_NOT_IP_ADDRESS_SUBSET"},
		{Managed, condition(`{"NumericEquals":{"aws:MultiFactorAuthAge":"${aws:x}"}}`), "INVALID_VARIABLE_FOR_OPERATOR"},
		{Managed, condition(`{"StringEquals":{"aws:username":"a*"}}`), "WILDCARD_WITHOUT_LIKE_OPERATOR"},
		{Managed, condition(`{"StringEquals":{"aws:SourceVpc":"vpc1"}}`), "INVALID_VPC_FORMAT"},
		{Managed, condition(`{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`), "INVALID_VPCE_FORMAT"},
		{Managed, condition(`{"StringEquals":{"aws:username":["a",1]}}`), "INVALID_CONDITION_DATA_TYPE"},
		{Managed, condition(`{"StringEquals":{"aws:username":[]}}`), "EMPTY_ARRAY_CONDITION"},
		{Managed, condition(`{"StringEqualsIfExists":{"aws:username":[]}}`), "EMPTY_ARRAY_CONDITION_IFEXISTS"},
		{Managed, condition(`{"ForAllValues:StringEquals":{"aws:TagKeys":[]}}`), "EMPTY_ARRAY_CONDITION_FORALLVALUES"},
		{Managed, condition(`{"ForAnyValue:StringEquals":{"aws:TagKeys":[]}}`), "EMPTY_ARRAY_CONDITION_FORANYVALUE"},

		{Resource, statement(allowGet), "MISSING_PRINCIPAL"},
		{Resource, statement(`"NotPrincipal":{"AWS":"111111111111"},` + allowGet), "ALLOW_WITH_NOT_PRINCIPAL"},
		{Resource, statement(`"Principal":"x",` + allowGet), "INVALID_PRINCIPAL_FORMAT"},
		{Resource, statement(`"Principal":[],` + allowGet), "EMPTY_ARRAY_PRINCIPAL"},
		{Resource, statement(`"Principal":{},` + allowGet), "EMPTY_OBJECT_PRINCIPAL"},
		{Resource, statement(`"Principal":{"Aws":"*"},` + allowGet), "INVALID_PRINCIPAL_KEY"},
		{Resource, statement(`"Principal":{"AWS":"arn:aws:iam::111111111111:user/*"},` + allowGet), "UNSUPPORTED_WILDCARD_IN_PRINCIPAL"},
		{Resource, statement(`"Principal":{"Service":"ec2"},` + allowGet), "INVALID_SERVICE_PRINCIPAL_FORMAT"},
		{Resource, statement(`"Principal":{"AWS":"AROAAAAAAAAAAAAAAAAAA"},` + allowGet), "INVALID_ROLE_REFERENCE"},
		{Resource, statement(`"Principal":{"AWS":"AIDAAAAAAAAAAAAAAAAAA"},` + allowGet), "INVALID_USER_REFERENCE"},
		{Trust, trust(`{"AWS":"111111111111"}`, "AssumeRole", ""), ""},
		{Resource, trust(`{"AWS":"111111111111"}`, "AssumeRole", ""), "INVALID_SERVICE_IN_ACTION"},
		{Trust, trust(`"*"`, "AssumeRole", ""), "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL"},
		{Trust, trust(`{"AWS":"111111111111"}`, "AssumeRole", `,"Resource":"*"`), "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE"},
		{Trust, statement(`"Effect":"Deny","NotPrincipal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"`), "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL"},
		{Trust, trust(`{"Federated":"arn:aws:iam::111111111111:user/x"}`, "AssumeRoleWithSAML", ""), "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY"},
		{Trust, trust(`{"Federated":"arn:aws:iam::111111111111:saml-provider/x"}`, "AssumeRoleWithWebIdentity", ""), "MISMATCHED_ACTION_FOR_PRINCIPAL"},
		{Trust, trust(`{"Federated":"arn:aws:iam::111111111111:oidc-provider/idp.example.com"}`, "AssumeRoleWithWebIdentity", ""), "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL"},
		{Trust, trust(`{"Federated":"arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"}`, "AssumeRoleWithWebIdentity", `,"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"x"}}`), "MISSING_GITHUB_REPO_CONDITION_KEY"},
		{SCP, statement(`"Principal":"*",` + allowGet), "SCP_SYNTAX_ERROR_PRINCIPAL"},
		{RCP, statement(`"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"`), ""},
		{RCP, statement(`"Effect":"Deny","Principal":{"AWS":"*"},"NotAction":"s3:GetObject","Resource":"*"`), "RCP_SYNTAX_ERROR_NOTACTION RCP_SYNTAX_ERROR_PRINCIPAL"},
		{RCP, statement(`"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`), "RCP_SYNTAX_ERROR_ALLOW"},

		{Managed, statement(allowGet + `,"Sid":"` + strings.Repeat("a", quotaManaged) + `"`), "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"},
		{SCP, statement(allowGet + `,"Sid":"` + strings.Repeat("a", quotaOrganization) + `"`), "POLICY_SIZE_EXCEEDS_SCP_QUOTA"},
		{RCP, statement(`"Principal":"*","Effect":"Deny","Action":"s3:GetObject","Resource":"*","Sid":"` + strings.Repeat("a", quotaOrganization) + `"`), "POLICY_SIZE_EXCEEDS_RCP_QUOTA"},
		{Resource, statement(allowGet + `,"Principal":"*","Sid":"` + strings.Repeat("a", quotaResource) + `"`), "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA"},
		{Trust, trust(`{"AWS":"111111111111"}`, "AssumeRole", `,"Sid":"`+strings.Repeat("a", quotaTrust)+`"`), "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA"},
	} {
		catalog := reference
		if tt.kind == Trust {
			catalog = nil
		}
		found := Validate(tt.text, Validation{tt.kind, catalog})
		if got := strings.Join(codes(found), " "); got != tt.want {
			t.Errorf("Validate(%.300s) = %s, want %s", tt.text, got, tt.want)
		}
		for _, f := range found {
			tested[f.Code] = true
			if strings.Contains(f.Details, "%!") || f.Details == "" || f.Type == "" {
				t.Errorf("%s: details %q, type %q", f.Code, f.Details, f.Type)
			}
		}
	}
	for code := range issues {
		if !tested[code] {
			t.Errorf("no document has %s", code)
		}
	}
}

// TestValidateTellsWhere: paths and spans are as Access Analyzer has them. The
// place and the text of the action are those of a published answer.
func TestValidateTellsWhere(t *testing.T) {
	text := "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": {\n        \"Sid\": \"ListBucket\",\n        \"Effect\": \"Allow\",\n        \"Action\": \"s3:ListBuckets\",\n        \"Resource\": \"*\",\n        \"Condition\": {\"StringEqual\": {}}\n    }\n}"
	want := []Finding{
		{
			Type: FindingError, Code: "INVALID_ACTION",
			Details: "The action s3:ListBuckets does not exist. Did you mean s3:ListAllMyBuckets? The API called ListBuckets authorizes against the IAM action s3:ListAllMyBuckets.",
			Locations: []Location{{
				Path:  []PathElement{{Member: "Statement"}, {Member: "Action"}},
				Start: Place{6, 18, 124}, End: Place{6, 34, 140},
			}},
		},
		{
			Type: FindingError, Code: "INVALID_CONDITION_OPERATOR", Details: "The condition operator StringEqual is not valid. Use a valid condition operator.",
			Locations: []Location{{
				Path:  []PathElement{{Member: "Statement"}, {Member: "Condition"}, {Member: "StringEqual", Name: true}},
				Start: Place{8, 22, 189}, End: Place{8, 35, 202},
			}},
		},
	}
	if diff := cmp.Diff(want, Validate(text, Validation{Managed, reference})); diff != "" {
		t.Errorf("Validate (-want +got):\n%s", diff)
	}
	for in, want := range map[string]string{"PutObjekt": " Did you mean s3:PutObject?", "Fly": "", "getobjec": " Did you mean s3:GetObject?"} {
		if got := reference("s3").meant("s3", in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// TestValidateIsBounded: documents that are made to be slow, of the size that the
// API takes, end with the most findings that there can be.
func TestValidateIsBounded(t *testing.T) {
	const size = 131072
	many := func(head, item, tail string) string {
		return head + strings.Repeat(item+",", (size-len(head)-len(tail))/(len(item)+1)-1) + item + tail
	}
	for name, text := range map[string]string{
		"actions":   many(`{"Statement":{"Effect":"Allow","Resource":"*","Action":[`, `"s3:GetObjekt"`, `]}}`),
		"resources": many(`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":[`, `"arn:aws:s3:::*a*b*c*"`, `]}}`),
		"elements":  many(`{"Statement":[`, `{"ä":1}`, `]}`),
	} {
		found := Validate(text, Validation{Managed, reference})
		if len(found) > maxFindings {
			t.Errorf("%s: %d findings", name, len(found))
		}
	}
}

// FuzzValidate: every finding lies in the document, and what Parse refuses has
// one.
func FuzzValidate(f *testing.F) {
	f.Add(with(allowGet), uint8(Managed))
	f.Add(tenStatements(), uint8(Inline))
	f.Add(with(`"Principal":{"AWS":["*","x"]},"Sid":"ä",`+allowGet+`,"Condition":{"ForAnyValue:ArnLike":{"k:x":["${aws:x, 'y'}",1,true]}}`), uint8(Resource))
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"Federated":"a.b"},"Action":"sts:*"}}`, uint8(Trust))
	f.Fuzz(func(t *testing.T, text string, kind uint8) {
		k := Kind(kind % 8)
		found := Validate(text, Validation{k, reference})
		offsets := lineOffsets(text)
		for _, f := range found {
			for _, l := range f.Locations {
				for _, p := range []Place{l.Start, l.End} {
					if p.Line < 1 || p.Line > len(offsets) || p.Column < 0 || p.Offset != offsets[p.Line-1]+p.Column || p.Offset > len(text) {
						t.Fatalf("%s of %q lies at %+v", f.Code, text, p)
					}
				}
				if l.Start.Offset > l.End.Offset {
					t.Fatalf("%s of %q: %+v ends before it begins", f.Code, text, l)
				}
			}
		}
		_, err := Parse(text, k)
		if e, ok := errors.AsType[*Error](err); ok && len(found) == 0 && !strings.Contains(e.Detail, "can't stand in a policy") {
			t.Errorf("Parse refuses %q as %s: %v (%s)", text, e.Message, err, e.Detail)
		}
	})
}
