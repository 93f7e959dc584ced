package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/wire"
)

// update is an operation that updates something: what names it, how it is shown,
// and steps with further members and what changes by them.
type update struct {
	op, names, show string
	steps           [][2]string
}

// TestUpdatesKeepWhatIsAbsent: what an update doesn't name stays, and an empty
// text that it names replaces the old one.
func TestUpdatesKeepWhatIsAbsent(t *testing.T) {
	t.Parallel()
	sc := newScene(t, command{})
	sc.run(
		`CreateRole {"RoleName":"r","Description":"first","AssumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}}","MaxSessionDuration":7200}`,
		`CreateUser {"UserName":"u","Path":"/a/"}`,
		`CreateGroup {"GroupName":"g","Path":"/a/"}`,
		`CreateLoginProfile {"UserName":"u","Password":"Sesame-12345","PasswordResetRequired":true}`,
		`UploadServerCertificate {"ServerCertificateName":"c","Path":"/a/","CertificateBody":"$cert","PrivateKey":"$certkey"}`,
		`CreateSAMLProvider {"Name":"s","SAMLMetadataDocument":"$saml"} provider=SAMLProviderArn`,
		`CreateDelegationRequest {"OwnerAccountId":"$account","Description":"d","Permissions":{"PolicyTemplateArn":"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"},"RequestorWorkflowId":"workflow","NotificationChannel":"arn:aws:sns:us-east-1:$account:t","SessionDuration":3600} request=DelegationRequestId`,
		`AssociateDelegationRequest {"DelegationRequestId":"$request"}`,
		`UpdateDelegationRequest {"DelegationRequestId":"$request","Notes":"first"}`,
	)
	for _, u := range []update{
		{`UpdateRole`, `"RoleName":"r"`, `GetRole`, [][2]string{
			{``, ``},
			{`,"MaxSessionDuration":3600`, `Role.MaxSessionDuration`},
			{`,"Description":"second"`, `Role.Description`},
			{``, ``},
			{`,"Description":""`, `Role.Description`},
		}},
		{`UpdateRoleDescription`, `"RoleName":"r"`, `GetRole`, [][2]string{{`,"Description":"third"`, `Role.Description`}, {`,"Description":""`, `Role.Description`}}},
		{`UpdateUser`, `"UserName":"u"`, `GetUser`, [][2]string{{``, ``}, {`,"NewPath":"/b/"`, `User.Arn User.Path`}, {`,"NewUserName":"U"`, `User.Arn User.UserName`}}},
		{`UpdateGroup`, `"GroupName":"g"`, `GetGroup`, [][2]string{{``, ``}, {`,"NewPath":"/b/"`, `Group.Arn Group.Path`}, {`,"NewGroupName":"G"`, `Group.Arn Group.GroupName`}}},
		{`UpdateLoginProfile`, `"UserName":"u"`, `GetLoginProfile`, [][2]string{{``, ``}, {`,"PasswordResetRequired":false`, `LoginProfile.PasswordResetRequired`}, {`,"Password":"Sesame-54321"`, ``}}},
		{`UpdateServerCertificate`, `"ServerCertificateName":"c"`, `GetServerCertificate`, [][2]string{
			{``, ``}, {`,"NewPath":"/b/"`, `ServerCertificate.ServerCertificateMetadata.Arn ServerCertificate.ServerCertificateMetadata.Path`},
		}},
		{`UpdateSAMLProvider`, `"SAMLProviderArn":"$provider"`, `GetSAMLProvider`, [][2]string{
			{`,"AddPrivateKey":"$certkey"`, `PrivateKeyList`}, {`,"AssertionEncryptionMode":"Required"`, `AssertionEncryptionMode`}, {`,"SAMLMetadataDocument":"$saml"`, ``},
		}},
		{`UpdateDelegationRequest`, `"DelegationRequestId":"$request"`, `GetDelegationRequest`, [][2]string{
			{``, ``}, {`,"Notes":"second"`, `DelegationRequest.Notes`}, {`,"Notes":""`, `DelegationRequest.Notes`},
		}},
	} {
		for _, step := range u.steps {
			before := sc.shown(u)
			sc.run(u.op + " {" + u.names + step[0] + "}")
			if got := difference(before, sc.shown(u)); got != step[1] {
				t.Errorf("%s with %q changes %q, want %q", u.op, step[0], got, step[1])
			}
		}
	}
}

// shown is what an operation says of something, by the names of its members.
func (sc *scene) shown(u update) map[string]string {
	sc.t.Helper()
	l := parseLine(sc.t, u.show+" {"+u.names+"}")
	out := map[string]string{}
	flatten(out, "", sc.play(l))
	return out
}

func flatten(into map[string]string, name string, v any) {
	doc, ok := v.(wire.Document)
	if !ok {
		into[strings.TrimPrefix(name, ".")] = fmt.Sprint(v)
		return
	}
	for member, value := range doc {
		flatten(into, name+"."+member, value)
	}
}

// difference names the members that differ.
func difference(a, b map[string]string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if a[name] != b[name] {
			names = append(names, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	return strings.Join(slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "UpdatedTime") }), " ")
}
