package test

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// fact is a row of docs/facts about requests of STS, callers and refusals: a
// request of the query protocol and what AWS answers. ACC stands for the account.
type fact struct {
	name    string // begins with the section
	who     string
	service string
	form    string // query-encoded, with Action
	status  int
	code    string
	message string // the whole of it
	holds   string // a part of the answer, without white space between elements
	lacks   string
}

const (
	invalidToken = "The security token included in the request is invalid"
	noUserName   = "Must specify userName when calling with non-User credentials"
	assumeR1     = "Action=AssumeRole&RoleSessionName=sess&RoleArn=arn:aws:iam::ACC:role/r1"
	assumeR3     = "Action=AssumeRole&RoleSessionName=sess&RoleArn=arn:aws:iam::ACC:role/r3"
	badMFA       = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
	badPath      = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
)

var stsFacts = []fact{
	{name: "1.1 unknown action", who: "admin", service: "iam", form: "Action=Foo", status: 400, code: "InvalidAction", message: "Could not find operation Foo for version 2010-05-08", holds: `xmlns="http://webservices.amazon.com/AWSFault/2005-15-09"`},
	{name: "1.1 unknown version", who: "admin", service: "iam", form: "Action=GetUser&Version=2009-01-01", status: 400, code: "InvalidAction", message: "Could not find operation GetUser for version 2009-01-01"},
	{name: "1.1 an empty list", who: "admin", service: "iam", form: "Action=UntagUser&UserName=admin&TagKeys=", status: 200, holds: "<UntagUserResponse"},
	{name: "1.2 an empty list is an empty element", who: "admin", service: "iam", form: "Action=ListMFADevices", status: 200, holds: "<MFADevices/><IsTruncated>false</IsTruncated></ListMFADevicesResult>", lacks: "<Marker>"},
	{name: "1.2 Sender", who: "admin", service: "iam", form: "Action=GetUser&UserName=nope", status: 404, code: "NoSuchEntity", message: "The user with name nope cannot be found.", holds: "<Type>Sender</Type>"},
	{name: "1.2 no Message", who: "admin", service: "iam", form: "Action=GetCredentialReport", status: 410, code: "ReportNotPresent", holds: "<Code>ReportNotPresent</Code></Error>"},
	{name: "1.3 a foreign marker", who: "admin", service: "iam", form: "Action=ListMFADevices&Marker=x", status: 400, code: "ValidationError", message: "Invalid Marker."},
	{name: "1.3 MaxItems", who: "admin", service: "iam", form: "Action=ListUsers&MaxItems=1001", status: 400, code: "ValidationError", message: "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"},

	{name: "2.1 the service of another scope", who: "admin", service: "sts", form: "Action=GetUser&Version=2010-05-08", status: 403, code: "SignatureDoesNotMatch", message: "Credential should be scoped to correct service: 'iam'. "},
	{name: "2.1 the service of an unknown scope", who: "admin", service: "foo", form: "Action=GetCallerIdentity&Version=2011-06-15", status: 403, code: "SignatureDoesNotMatch", message: "Credential should be scoped to correct service: 'sts'. ", holds: "https://sts.amazonaws.com/doc/2011-06-15/"},
	{name: "2.1 an inactive key", who: "asleep", service: "sts", form: "Action=GetCallerIdentity", status: 403, code: "InvalidClientTokenId", message: invalidToken},
	{name: "2.1 a session without its token", who: "tokenless", service: "iam", form: "Action=ListUsers", status: 403, code: "InvalidClientTokenId", message: invalidToken},
	{name: "2.1 a long-term key with a token", who: "overdone", service: "iam", form: "Action=ListUsers", status: 403, code: "InvalidClientTokenId", message: invalidToken},
	{name: "2.1 a session without MFA and IAM", who: "own session", service: "iam", form: "Action=ListUsers", status: 403, code: "InvalidClientTokenId", message: invalidToken},
	{name: "2.1 root and roles", who: "root", service: "sts", form: assumeR1, status: 403, code: "AccessDenied", message: "Roles may not be assumed by root accounts."},

	{name: "3.1 no identity policy", who: "plain", service: "iam", form: "Action=ListRoles", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::ACC:role/* because no identity-based policy allows the iam:ListRoles action"},
	{name: "3.1 the ARN that would be", who: "plain", service: "iam", form: "Action=CreateUser&UserName=new&Path=/q/", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::ACC:user/q/new because no identity-based policy allows the iam:CreateUser action"},
	{name: "3.1 an explicit deny of an inline policy", who: "plain", service: "iam", form: "Action=ListGroups", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:ListGroups on resource: arn:aws:iam::ACC:group/* with an explicit deny in an identity-based policy"},
	{name: "3.1 no boundary", who: "bounded", service: "iam", form: "Action=ListRoles", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/bounded is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::ACC:role/* because no permissions boundary allows the iam:ListRoles action"},
	{name: "3.1 an explicit deny of a boundary", who: "bounded", service: "iam", form: "Action=ListPolicies", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/bounded is not authorized to perform: iam:ListPolicies on resource: arn:aws:iam::ACC:policy/* with an explicit deny in a permissions boundary: arn:aws:iam::ACC:policy/bound"},
	{name: "3.1 no session policy", who: "narrow", service: "iam", form: "Action=ListRoles", status: 403, code: "AccessDenied", message: "User: arn:aws:sts::ACC:assumed-role/r1/sess is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::ACC:role/* because no session policy allows the iam:ListRoles action"},
	{name: "3.1 an unknown access key id", who: "admin", service: "iam", form: "Action=GetAccessKeyLastUsed&AccessKeyId=AKIAAAAAAAAAAAAAAAAA", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/admin is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key AKIAAAAAAAAAAAAAAAAA"},
	{name: "3.1 AssumeRole of a missing role", who: "admin", service: "sts", form: "Action=AssumeRole&RoleSessionName=sess&RoleArn=arn:aws:iam::ACC:role/nope", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/admin is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::ACC:role/nope"},
	{name: "3.1 AssumeRole refused", who: "plain", service: "sts", form: assumeR1, status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::ACC:role/r1"},
	{name: "3.1 tags without sts:TagSession", who: "admin", service: "sts", form: "Action=AssumeRole&RoleSessionName=sess&RoleArn=arn:aws:iam::ACC:role/r2&Tags.member.1.Key=a&Tags.member.1.Value=b", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/admin is not authorized to perform: sts:TagSession on resource: arn:aws:iam::ACC:role/r2"},
	{name: "3.1 an OIDC provider of another account", who: "admin", service: "iam", form: "Action=GetOpenIDConnectProvider&OpenIDConnectProviderArn=arn:aws:iam::111122223333:oidc-provider/idp.example.com", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/admin is not authorized to perform this action on resource: arn:aws:iam::111122223333:oidc-provider/idp.example.com"},
	{name: "3.1 AWS's policies: delete", who: "admin", service: "iam", form: "Action=DeletePolicy&PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess", status: 403, code: "AccessDenied", message: "Cannot delete policies outside your own account."},
	{name: "3.1 AWS's policies: default version", who: "admin", service: "iam", form: "Action=SetDefaultPolicyVersion&VersionId=v1&PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess", status: 403, code: "AccessDenied", message: "Cannot update policies outside your own account."},
	{name: "3.1 a role that is there", who: "plain", service: "iam", form: "Action=GetRole&RoleName=r1", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:GetRole on resource: role r1 because no identity-based policy allows the iam:GetRole action"},
	{name: "3.1 one's own user", who: "plain", service: "iam", form: "Action=CreateAccessKey", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:CreateAccessKey on resource: user plain because no identity-based policy allows the iam:CreateAccessKey action"},
	{name: "3.1 a policy", who: "plain", service: "iam", form: "Action=GetPolicy&PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:GetPolicy on resource: policy arn:aws:iam::aws:policy/ReadOnlyAccess because no identity-based policy allows the iam:GetPolicy action"},
	{name: "3.1 a policy that would be", who: "plain", service: "iam", form: "Action=CreatePolicy&PolicyName=new&PolicyDocument={}", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:CreatePolicy on resource: policy new because no identity-based policy allows the iam:CreatePolicy action"},
	{name: "3.1 an instance profile", who: "plain", service: "iam", form: "Action=GetInstanceProfile&InstanceProfileName=p", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:GetInstanceProfile on resource: instance profile p because no identity-based policy allows the iam:GetInstanceProfile action"},
	{name: "3.1 a simulation", who: "plain", service: "iam", form: "Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::ACC:role/r1&ActionNames.member.1=s3:GetObject", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:SimulatePrincipalPolicy on resource: arn:aws:iam::ACC:role/r1 because no identity-based policy allows the iam:SimulatePrincipalPolicy action"},
	{name: "3.2 what one may not read is not missing", who: "plain", service: "iam", form: "Action=GetUser&UserName=nobody", status: 403, code: "AccessDenied", message: "User: arn:aws:iam::ACC:user/plain is not authorized to perform: iam:GetUser on resource: user nobody because no identity-based policy allows the iam:GetUser action"},

	{name: "8.8 an unknown device", who: "admin", service: "iam", form: "Action=GetMFADevice&SerialNumber=arn:aws:iam::ACC:mfa/none", status: 404, code: "NoSuchEntity", message: "MFA Device with serial number arn:aws:iam::ACC:mfa/none does not exist."},
	{name: "8.8 a path without slashes", who: "admin", service: "iam", form: "Action=CreateVirtualMFADevice&VirtualMFADeviceName=m&Path=p", status: 400, code: "ValidationError", message: badPath},
	{name: "8.8 wrong codes", who: "admin", service: "iam", form: "Action=EnableMFADevice&UserName=admin&SerialNumber=arn:aws:iam::ACC:mfa/m1&AuthenticationCode1=000000&AuthenticationCode2=000000", status: 403, code: "InvalidAuthenticationCode", message: "Authentication code for device is not valid."},
	{name: "8.8 an unassigned device has a serial only", who: "admin", service: "iam", form: "Action=ListVirtualMFADevices&AssignmentStatus=Unassigned", status: 200, holds: "<VirtualMFADevices><member><SerialNumber>arn:aws:iam::ACC:mfa/m1</SerialNumber></member></VirtualMFADevices>"},

	{name: "8.10 EvalDecisionDetails is an empty map", who: "admin", service: "iam", form: "Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::ACC:user/plain&ActionNames.member.1=s3:GetObject", status: 200, holds: "<EvalDecision>implicitDeny</EvalDecision><MatchedStatements/><MissingContextValues/><EvalDecisionDetails/>"},
	{name: "8.10 the entity of a policy", who: "admin", service: "iam", form: "Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:sts::ACC:assumed-role/r1/s&ActionNames.member.1=s3:GetObject", status: 400, code: "InvalidInput", message: "Invalid Entity Arn: arn:aws:sts::ACC:assumed-role/r1/s"},
	{name: "8.10 lists that the filter leaves out", who: "admin", service: "iam", form: "Action=GetAccountAuthorizationDetails&Filter.member.1=Group", status: 200, holds: "<UserDetailList/>"},
	{name: "8.10 no inline policies", who: "admin", service: "iam", form: "Action=GetAccountAuthorizationDetails&Filter.member.1=User&MaxItems=1", status: 200, holds: "<UserName>admin</UserName>", lacks: "<UserPolicyList"},

	{name: "8.11 a URL without https", who: "admin", service: "iam", form: "Action=CreateOpenIDConnectProvider&Url=http://idp.example.com", status: 400, code: "ValidationError", message: "Invalid Open ID Connect Provider URL"},
	{name: "8.11 six thumbprints", who: "admin", service: "iam", form: "Action=CreateOpenIDConnectProvider&Url=https://idp.example.com" + strings.Repeat("&ThumbprintList.member.N="+strings.Repeat("a", 40), 6), status: 400, code: "InvalidInput", message: "Thumbprint list must contain fewer than 5 entries."},
	{name: "8.11 deleting a provider that is gone", who: "admin", service: "iam", form: "Action=DeleteOpenIDConnectProvider&OpenIDConnectProviderArn=arn:aws:iam::ACC:oidc-provider/gone.example.com", status: 404, code: "NoSuchEntity", message: "OpenId connect Provider arn:aws:iam::ACC:oidc-provider/gone.example.com cannot be found."},
	{name: "8.11 a SAML provider that is gone", who: "admin", service: "iam", form: "Action=GetSAMLProvider&SAMLProviderArn=arn:aws:iam::ACC:saml-provider/gone", status: 404, code: "NoSuchEntity", message: "Manifest not found for arn arn:aws:iam::ACC:saml-provider/gone"},

	{name: "9.1 DeleteAccessKey of a session", who: "wide", service: "iam", form: "Action=DeleteAccessKey&AccessKeyId=AKIAAAAAAAAAAAAAAAAA", status: 400, code: "ValidationError", message: noUserName},
	{name: "9.1 GetUser of a session", who: "wide", service: "iam", form: "Action=GetUser", status: 400, code: "ValidationError", message: noUserName},
	{name: "9.1 ListSSHPublicKeys of a session", who: "wide", service: "iam", form: "Action=ListSSHPublicKeys", status: 400, code: "ValidationError", message: noUserName},
	{name: "9.1 GetLoginProfile of the caller", who: "admin", service: "iam", form: "Action=GetLoginProfile", status: 404, code: "NoSuchEntity", message: "Login Profile for User admin cannot be found."},
	{name: "9.1 an empty name is no absent one", who: "admin", service: "iam", form: "Action=ListAccessKeys&UserName=", status: 400, code: "ValidationError"},
	{name: "9.2 GetUser of root", who: "root", service: "iam", form: "Action=GetUser", status: 200, holds: "<User><UserId>ACC</UserId><Arn>arn:aws:iam::ACC:root</Arn><CreateDate>", lacks: "<Path>"},
	{name: "9.2 root's own keys", who: "root", service: "iam", form: "Action=ListAccessKeys", status: 200, holds: "<AccessKeyId>AKIA", lacks: "<UserName>"},

	{name: "10.1 GetCallerIdentity in spite of a deny", who: "plain", service: "sts", form: "Action=GetCallerIdentity", status: 200, holds: "<Arn>arn:aws:iam::ACC:user/plain</Arn>"},
	{name: "10.1 GetSessionToken in spite of a deny", who: "plain", service: "sts", form: "Action=GetSessionToken", status: 200, holds: "<AccessKeyId>ASIA", lacks: "PackedPolicySize"},
	{name: "10.1 GetSessionToken of a session", who: "wide", service: "sts", form: "Action=GetSessionToken", status: 403, code: "AccessDenied", message: "Cannot call GetSessionToken with session credentials"},
	{name: "10.1 GetFederationToken of a session", who: "wide", service: "sts", form: "Action=GetFederationToken&Name=bob", status: 403, code: "AccessDenied", message: "Cannot call GetFederationToken with session credentials"},
	{name: "10.1 GetAccessKeyInfo of a session of one's own", who: "own session", service: "sts", form: "Action=GetAccessKeyInfo&AccessKeyId=AKIAAAAAAAAAAAAAAAAA", status: 403, code: "AccessDenied"},
	{name: "10.1 AssumeRole of a federated user", who: "federated", service: "sts", form: assumeR1, status: 403, code: "AccessDenied"},
	{name: "10.1 longer than the role allows", who: "admin", service: "sts", form: assumeR1 + "&DurationSeconds=3601", status: 400, code: "ValidationError", message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
	{name: "10.1 chained for longer than an hour", who: "wide", service: "sts", form: assumeR3 + "&DurationSeconds=3601", status: 400, code: "ValidationError", message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."},
	{name: "10.1 from one's own session for longer than an hour", who: "own session", service: "sts", form: assumeR3 + "&DurationSeconds=3601", status: 400, code: "ValidationError", message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."},
	{name: "10.1 too short", who: "admin", service: "sts", form: "Action=GetSessionToken&DurationSeconds=899", status: 400, code: "ValidationError", message: "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
	{name: "10.1 too long", who: "admin", service: "sts", form: "Action=GetFederationToken&Name=bob&DurationSeconds=129601", status: 400, code: "ValidationError", message: "1 validation error detected: Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 129600"},
	{name: "10.1 an unknown device", who: "admin", service: "sts", form: "Action=GetSessionToken&SerialNumber=arn:aws:iam::ACC:mfa/none&TokenCode=123456", status: 403, code: "AccessDenied", message: badMFA},
	{name: "10.1 a role session's device", who: "wide", service: "sts", form: assumeR3 + "&SerialNumber=arn:aws:iam::ACC:mfa/m1&TokenCode=123456", status: 403, code: "AccessDenied", message: badMFA},
	{name: "10.1 decoding rubbish", who: "admin", service: "sts", form: "Action=DecodeAuthorizationMessage&EncodedMessage=x", status: 400, code: "InvalidAuthorizationMessageException"},
	{name: "10.2 AssumeRole without policy and tags", who: "admin", service: "sts", form: assumeR1, status: 200, holds: ":sess</AssumedRoleId><Arn>arn:aws:sts::ACC:assumed-role/r1/sess</Arn>", lacks: "PackedPolicySize"},
	{name: "10.2 GetFederationToken without policy", who: "admin", service: "sts", form: "Action=GetFederationToken&Name=bob", status: 200, holds: "<FederatedUser><FederatedUserId>ACC:bob</FederatedUserId><Arn>arn:aws:sts::ACC:federated-user/bob</Arn></FederatedUser><PackedPolicySize>0</PackedPolicySize>"},
	{name: "10.2 a federated user's identity", who: "federated", service: "sts", form: "Action=GetCallerIdentity", status: 200, holds: "<UserId>ACC:bob</UserId><Account>ACC</Account><Arn>arn:aws:sts::ACC:federated-user/bob</Arn>"},
	{name: "10.3 a malformed role", who: "admin", service: "sts", form: "Action=AssumeRole&RoleSessionName=sess&RoleArn=nothing-valid-in-here", status: 400, code: "ValidationError", message: "nothing-valid-in-here is invalid"},
	{name: "10.3 a session name", who: "admin", service: "sts", form: "Action=AssumeRole&RoleSessionName=Session1:2&RoleArn=arn:aws:iam::ACC:role/r1", status: 400, code: "ValidationError", message: `1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
	{name: "10.3 keys that differ in case", who: "admin", service: "sts", form: assumeR1 + "&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=A&Tags.member.2.Value=2", status: 400, code: "InvalidParameterValue", message: "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
	{name: "10.3 a transitive key without tag", who: "admin", service: "sts", form: assumeR1 + "&Tags.member.1.Key=a&Tags.member.1.Value=1&TransitiveTagKeys.member.1=b", status: 400, code: "InvalidParameterValue", message: "The specified transitive tag key must be included in the requested tags."},
	{name: "10.3 a transitive key in another case", who: "admin", service: "sts", form: assumeR1 + "&Tags.member.1.Key=a&Tags.member.1.Value=1&TransitiveTagKeys.member.1=A", status: 200, holds: "<PackedPolicySize>"},
	{name: "10.3 a transitive tag set anew", who: "tagged", service: "sts", form: assumeR3 + "&Tags.member.1.Key=tEAM&Tags.member.1.Value=2", status: 400, code: "InvalidParameterValue", message: "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."},
	{name: "10.3 the source identity stays", who: "tagged", service: "sts", form: assumeR3, status: 200, holds: "<SourceIdentity>alice</SourceIdentity>"},
	{name: "10.3 the source identity can't change", who: "tagged", service: "sts", form: assumeR3 + "&SourceIdentity=bob", status: 403, code: "AccessDenied", message: "User: arn:aws:sts::ACC:assumed-role/r1/sess is not authorized to perform: sts:SetSourceIdentity on resource: arn:aws:iam::ACC:role/r3"},
	{name: "10.3 an external id that isn't asked for", who: "admin", service: "sts", form: assumeR1 + "&ExternalId=unneeded", status: 200, holds: "<Credentials>"},
}

// between is the white space between elements.
var between = regexp.MustCompile(`>\s+<`)

// factCallers are the identities that facts speak of, by name.
func factCallers(t *testing.T, s *server) map[string]keys {
	t.Helper()
	ctx := deadline(t)
	root := s.as(s.root())
	admin := root.user(t, s, "admin", "")
	_, err := root.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("admin"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	must(t, err)
	plain := root.user(t, s, "plain", statement("Deny", "iam:ListGroups", "sts:GetCallerIdentity", "sts:GetSessionToken"))
	bounded := root.user(t, s, "bounded", allow("*"))
	bound, err := root.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("bound"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"},{"Effect":"Deny","Action":"iam:ListPolicies","Resource":"*"}]}`,
	)})
	must(t, err)
	_, err = root.iam.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: aws.String("bounded"), PermissionsBoundary: bound.Policy.Arn})
	must(t, err)
	_, err = root.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: aws.String("m1")})
	must(t, err)

	account := "arn:aws:iam::" + s.account + ":root"
	all := `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`
	trusting := func(actions string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":` + actions + `}]}`
	}
	r1 := root.role(t, "r1", trusting(all), allow("*"))
	root.role(t, "r2", trusting(`"sts:AssumeRole"`), "")
	root.role(t, "r3", trusting(all), "")
	_, err = root.iam.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("r3"), MaxSessionDuration: aws.Int32(43200)})
	must(t, err)
	wide := admin.mustAssume(t, s, r1, "sess")
	narrow := admin.mustAssume(t, s, r1, "sess", func(in *sts.AssumeRoleInput) { in.Policy = aws.String(allow("iam:ListUsers", "sts:*")) })
	tagged := admin.mustAssume(t, s, r1, "sess", func(in *sts.AssumeRoleInput) {
		in.Tags = []ststypes.Tag{{Key: aws.String("Team"), Value: aws.String("1")}}
		in.TransitiveTagKeys, in.SourceIdentity = []string{"Team"}, aws.String("alice")
	})
	federated, err := admin.sts.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("bob"), Policy: aws.String(allow("*"))})
	must(t, err)
	asleep := root.newKey(t, "plain")
	_, err = root.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: aws.String("plain"), AccessKeyId: &asleep.ID, Status: "Inactive"})
	must(t, err)
	return map[string]keys{
		"root": root.keys, "admin": admin.keys, "plain": plain.keys, "bounded": bounded.keys, "wide": wide.keys, "narrow": narrow.keys,
		"tagged": tagged.keys, "federated": credentialsOf(federated.Credentials), "own session": admin.session(t), "asleep": asleep,
		"tokenless": {ID: wide.keys.ID, Secret: wide.keys.Secret},
		"overdone":  {ID: admin.keys.ID, Secret: admin.keys.Secret, Token: wide.keys.Token},
	}
}

// TestFactsOfSTS tries the rows of docs/facts, one by one.
func TestFactsOfSTS(t *testing.T) {
	t.Parallel()
	s := serve(t)
	who := factCallers(t, s)
	for _, tt := range stsFacts {
		t.Run(tt.name, func(t *testing.T) {
			text := func(in string) string { return strings.ReplaceAll(in, "ACC", s.account) }
			for n := byte('1'); strings.Contains(tt.form, ".N="); n++ {
				tt.form = strings.Replace(tt.form, ".N=", "."+string(n)+"=", 1)
			}
			form, err := url.ParseQuery(strings.ReplaceAll(text(tt.form), ";", "%3B"))
			must(t, err)
			got := send(t, s, formRequest(s, who[tt.who], tt.service, form).sign().wire())
			if got.status != tt.status || got.code != tt.code {
				t.Fatalf("%s = %d %s %q, want %d %s", tt.form, got.status, got.code, got.message, tt.status, tt.code)
			}
			if message := html.UnescapeString(got.message); tt.message != "" && message != text(tt.message) {
				t.Errorf("%s says\n%q, want\n%q", tt.form, message, text(tt.message))
			}
			body := between.ReplaceAllString(got.body, "><")
			if !strings.Contains(body, text(tt.holds)) || tt.lacks != "" && strings.Contains(body, tt.lacks) {
				t.Errorf("%s gives\n%s\nwant it with %q, without %q", tt.form, body, text(tt.holds), tt.lacks)
			}
		})
	}
}

// TestFactsOfOtherServices: how services behind the same gate refuse (12).
func TestFactsOfOtherServices(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	u := root.user(t, s, "plain", "")
	for _, tt := range []struct{ name, service, target, want string }{
		{"3.1 no resource", "rekognition", "RekognitionService.DetectLabels", `"Message":"User: arn:aws:iam::ACC:user/plain is not authorized to perform: rekognition:DetectLabels because no identity-based policy allows the rekognition:DetectLabels action"`},
		{"12 AccessDeniedException", "kms", "TrentService.ListKeys", `{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::ACC:user/plain is not authorized to perform: kms:ListKeys because`},
		{"12 an unknown key", "dynamodb", "DynamoDB_20120810.ListTables", `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := u.keys
			if strings.Contains(tt.name, "unknown key") {
				k.ID = "AKIAAAAAAAAAAAAAAAAA"
			}
			r := &rawRequest{
				method: "POST", target: "/", body: "{}", keys: k, service: tt.service, region: "us-east-1",
				headers: []rawHeader{{"Host", s.address()}, {"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", tt.target}},
			}
			got := send(t, s, r.sign().wire())
			if want := strings.ReplaceAll(tt.want, "ACC", s.account); got.status != 400 || !strings.Contains(got.body, want) {
				t.Errorf("%s = %d %s, want 400 with %s", tt.target, got.status, got.body, want)
			}
		})
	}
}

// TestPagesOfEntities: pages of one item hold what one page holds, each once,
// also what a policy both hangs on and bounds.
func TestPagesOfEntities(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	arn := aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")
	for _, name := range []string{"a", "b", "c"} {
		_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name, PermissionsBoundary: arn})
		must(t, err)
		_, err = root.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: &name})
		must(t, err)
		_, err = root.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: &name, PolicyArn: arn})
		must(t, err)
		root.role(t, name, trust(assume, s.account), "")
		_, err = root.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: arn})
		must(t, err)
		if name == "b" {
			continue
		}
		_, err = root.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &name, PolicyArn: arn})
		must(t, err)
		_, err = root.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &name, PermissionsBoundary: arn})
		must(t, err)
	}
	for usage, want := range map[iamtypes.PolicyUsageType]string{
		"": "group a,group b,group c,role a,role b,role c,user a,user b,user c", "PermissionsBoundary": "role a,role c,user a,user b,user c",
		"PermissionsPolicy": "group a,group b,group c,role a,role b,role c,user a,user c",
	} {
		var all []string
		in := &iam.ListEntitiesForPolicyInput{PolicyArn: arn, PolicyUsageFilter: usage, MaxItems: aws.Int32(1)}
		for more := true; more; {
			out, err := root.iam.ListEntitiesForPolicy(ctx, in)
			must(t, err)
			for _, g := range out.PolicyGroups {
				all = append(all, "group "+*g.GroupName)
			}
			for _, u := range out.PolicyUsers {
				all = append(all, "user "+*u.UserName)
			}
			for _, r := range out.PolicyRoles {
				all = append(all, "role "+*r.RoleName)
			}
			in.Marker, more = out.Marker, out.IsTruncated
		}
		slices.Sort(all)
		if got := strings.Join(all, ","); got != want {
			t.Errorf("entities of usage %q: %s, want %s", usage, got, want)
		}
	}

	_, err := root.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: aws.String("a"), PolicyArn: aws.String("arn:aws:iam::aws:policy/IAMFullAccess")})
	must(t, err)
	ofAWS := func(in *iam.GetAccountAuthorizationDetailsInput) (names []string) {
		for more := true; more; {
			out, err := root.iam.GetAccountAuthorizationDetails(ctx, in)
			must(t, err)
			for _, p := range out.Policies {
				if strings.HasPrefix(*p.Arn, "arn:aws:iam::aws:") {
					names = append(names, *p.PolicyName)
				}
			}
			in.Marker, more = out.Marker, out.IsTruncated
		}
		return names
	}
	if got, want := strings.Join(ofAWS(&iam.GetAccountAuthorizationDetailsInput{MaxItems: aws.Int32(1)}), ","), "IAMFullAccess,ReadOnlyAccess"; got != want {
		t.Errorf("AWS's policies in use: %s, want %s", got, want)
	}
	all := ofAWS(&iam.GetAccountAuthorizationDetailsInput{Filter: []iamtypes.EntityType{"AWSManagedPolicy"}})
	if len(all) < 1000 || !slices.IsSorted(all) || !slices.Contains(all, "AmazonS3FullAccess") {
		t.Errorf("AWS's policies where the filter asks for them: %d, want all", len(all))
	}
}
