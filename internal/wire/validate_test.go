package wire

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/awsapi/sts"
)

// TestValidate holds the recorded texts of facts 5.1 against ours.
func TestValidate(t *testing.T) {
	long := strings.Repeat("a", 129)
	for _, tt := range []struct {
		name, service, op, params string
		want                      string
	}{
		{"sound", "iam", "CreateUser", "&UserName=bob&Path=/a/&Tags.member.1.Key=k&Tags.member.1.Value=", ""},
		{"nothing required", "iam", "GetUser", "", ""},
		{"missing", "iam", "CreateUser", "", "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must not be null"},
		{"missing, echo", "sts", "AssumeRole", "&RoleArn=arn:aws:iam::123456789012:role/r", "1 validation error detected: Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null"},
		{"empty is not absent", "iam", "GetUser", "&UserName=", "2 validation errors detected: Value at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+"},
		{"too long", "iam", "GetUser", "&UserName=" + long, "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"pattern, echo", "sts", "AssumeRole", "&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=Session1:2", "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"},
		{"range", "iam", "ListUsers", "&MaxItems=1001", "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"},
		{"zero is not absent", "iam", "ListUsers", "&MaxItems=0", "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"range, echo", "sts", "GetSessionToken", "&DurationSeconds=1", "1 validation error detected: Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{"enum", "iam", "UpdateAccessKey", "&AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=On", "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"},
		{"list of structures", "iam", "TagRole", "&RoleName=r&Tags.member.1.Key=" + long + "&Tags.member.1.Value=", "1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"missing in a list", "iam", "TagRole", "&RoleName=r&Tags.member.1.Key=a&Tags.member.1.Value=&Tags.member.2.Key=b", "1 validation error detected: Value at 'tags.2.member.value' failed to satisfy constraint: Member must not be null"},
		{"list of strings", "iam", "UntagRole", "&RoleName=r&TagKeys.member.1=" + long, "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+, Member must not be null]"},
		{"empty list", "iam", "UntagRole", "&RoleName=r&TagKeys=", ""},
		{"list too long", "iam", "UntagRole", "&RoleName=r" + numbered("TagKeys.member", 51), "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must have length less than or equal to 50"},
		{"several", "iam", "UpdateAccountPasswordPolicy", "&MinimumPasswordLength=5&MaxPasswordAge=1096&PasswordReusePrevention=25", "3 validation errors detected: Value at 'minimumPasswordLength' failed to satisfy constraint: Member must have value greater than or equal to 6; Value at 'passwordReusePrevention' failed to satisfy constraint: Member must have value less than or equal to 24; Value at 'maxPasswordAge' failed to satisfy constraint: Member must have value less than or equal to 1095"},
		{"several, a list among them", "iam", "CreateOpenIDConnectProvider", "&Url=" + strings.Repeat("u", 256) + "&ThumbprintList.member.1=x&ClientIDList.member.1=" + strings.Repeat("c", 256), "3 validation errors detected: Value at 'clientIDList' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1, Member must not be null]; Value at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 40, Member must have length greater than or equal to 40, Member must not be null]; Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255"},
		{"alias", "iam", "CreateAccountAlias", "&AccountAlias=a--b", "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$"},
		{"length counts characters", "iam", "TagRole", "&RoleName=r&Tags.member.1.Key=" + strings.Repeat("%C3%A9", 128) + "&Tags.member.1.Value=", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := awsapi.ByName(tt.service).Operation(tt.op)
			want := ""
			if tt.want != "" {
				want = "ValidationError: " + tt.want
			}
			r := httptest.NewRequest("POST", "/", nil)
			for _, into := range []any{newInput(tt.op), new(Document)} {
				p, err := Decode(op, r, []byte(tt.params), into)
				if err != nil {
					t.Fatal(err)
				}
				if got := errorText(Validate(op, into, p)); got != want {
					t.Errorf("%T: %q, want %q", into, got, want)
				}
			}
		})
	}
}

func numbered(name string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&%s.%d=k", name, i+1)
	}
	return b.String()
}

func newInput(op string) any {
	return map[string]any{
		"AssumeRole": &sts.AssumeRoleRequest{}, "GetSessionToken": &sts.GetSessionTokenRequest{},
		"CreateUser": &iam.CreateUserRequest{}, "GetUser": &iam.GetUserRequest{}, "ListUsers": &iam.ListUsersRequest{},
		"UpdateAccessKey": &iam.UpdateAccessKeyRequest{}, "TagRole": &iam.TagRoleRequest{}, "UntagRole": &iam.UntagRoleRequest{},
		"CreateOpenIDConnectProvider": &iam.CreateOpenIDConnectProviderRequest{}, "UpdateAccountPasswordPolicy": &iam.UpdateAccountPasswordPolicyRequest{}, "CreateAccountAlias": &iam.CreateAccountAliasRequest{},
	}[op]
}

func TestValidateJSONService(t *testing.T) {
	op := awsapi.ByName("secretsmanager").Operation("GetSecretValue")
	var in Document
	p, err := Decode(op, httptest.NewRequest("POST", "/", nil), []byte(`{"SecretId":""}`), &in)
	if err != nil {
		t.Fatal(err)
	}
	want := "ValidationException: 1 validation error detected: Value '' at 'secretId' failed to satisfy constraint: Member must have length greater than or equal to 1"
	if got := errorText(Validate(op, &in, p)); got != want {
		t.Errorf("Validate = %q, want %q", got, want)
	}
}
