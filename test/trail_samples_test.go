package test

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shape is what AWS's published sample events of a call hold: the type of the
// identity, and in the record's changing parts the members, by their path.
type shape struct {
	line     string // of a script, as in scene_test.go
	identity string
	request  string
	answer   string
	more     string // errorCode, resources, sharedEventID, additionalEventData
}

const signedIn = "accessKeyId accountId arn principalId type userName"

// shapes are of well-known calls, in this order on one account (CloudTrail user
// guide, "CloudTrail record contents", "Logging IAM and AWS STS API calls" of the
// IAM user guide). AWS shows a session's token too; it stands in no event here.
var shapes = []shape{
	{`CreateUser {"UserName":"bob"}`, "IAMUser", "userName", "user.arn user.createDate user.path user.userId user.userName", ""},
	{`! EntityAlreadyExists CreateUser {"UserName":"bob"}`, "IAMUser", "userName", "", "errorCode=EntityAlreadyExistsException"},
	{`CreateAccessKey {"UserName":"bob"} bob_key=AccessKey.AccessKeyId bob_secret=AccessKey.SecretAccessKey`, "IAMUser", "userName", "accessKey.accessKeyId accessKey.createDate accessKey.status accessKey.userName", ""},
	{`UpdateAccessKey {"UserName":"bob","AccessKeyId":"$bob_key","Status":"Active"}`, "IAMUser", "accessKeyId status userName", "", ""},
	{`CreateLoginProfile {"UserName":"bob","Password":"$password","PasswordResetRequired":false}`, "IAMUser", "password passwordResetRequired userName", "loginProfile.createDate loginProfile.passwordResetRequired loginProfile.userName", ""},
	{`CreateGroup {"GroupName":"admins"}`, "IAMUser", "groupName", "group.arn group.createDate group.groupId group.groupName group.path", ""},
	{`AddUserToGroup {"UserName":"bob","GroupName":"admins"}`, "IAMUser", "groupName userName", "", ""},
	{`PutUserPolicy {"UserName":"bob","PolicyName":"p","PolicyDocument":"$allow"}`, "IAMUser", "policyDocument policyName userName", "", ""},
	{`CreatePolicy {"PolicyName":"managed","PolicyDocument":"$allow"} policy=Policy.Arn`, "IAMUser", "policyDocument policyName", "policy.arn policy.attachmentCount policy.createDate policy.defaultVersionId policy.isAttachable policy.path policy.permissionsBoundaryUsageCount policy.policyId policy.policyName policy.updateDate", ""},
	{`AttachUserPolicy {"UserName":"bob","PolicyArn":"$policy"}`, "IAMUser", "policyArn userName", "", ""},
	{`CreateRole {"RoleName":"reader","AssumeRolePolicyDocument":"$trust"}`, "IAMUser", "assumeRolePolicyDocument roleName", "role.arn role.assumeRolePolicyDocument role.createDate role.path role.roleId role.roleName", ""},
	{`CreateVirtualMFADevice {"VirtualMFADeviceName":"bob"} serial=VirtualMFADevice.SerialNumber seed=VirtualMFADevice.Base32StringSeed`, "IAMUser", "virtualMFADeviceName", "virtualMFADevice.serialNumber", ""},
	{`bob: EnableMFADevice {"UserName":"bob","SerialNumber":"$serial","AuthenticationCode1":"$seed(-60)","AuthenticationCode2":"$seed(-30)"}`, "IAMUser", "authenticationCode1 authenticationCode2 serialNumber userName", "", ""},
	{`ListUsers {}`, "IAMUser", "", "", ""},
	{`GetCallerIdentity {}`, "IAMUser", "", "", ""},
	{`GetSessionToken {"DurationSeconds":900}`, "IAMUser", "durationSeconds", "credentials.accessKeyId credentials.expiration", ""},
	{`GetFederationToken {"Name":"guest","DurationSeconds":900}`, "IAMUser", "durationSeconds name", "credentials.accessKeyId credentials.expiration federatedUser.arn federatedUser.federatedUserId packedPolicySize", ""},
	{`bob: AssumeRole {"RoleArn":"arn:aws:iam::$account:role/reader","RoleSessionName":"work","DurationSeconds":900} work_key=Credentials.AccessKeyId work_secret=Credentials.SecretAccessKey work_token=Credentials.SessionToken`, "IAMUser", "durationSeconds roleArn roleSessionName", "assumedRoleUser.arn assumedRoleUser.assumedRoleId credentials.accessKeyId credentials.expiration", "resources"},
	{`bob: AssumeRole {"RoleArn":"$other","RoleSessionName":"work"}`, "IAMUser", "roleArn roleSessionName", "assumedRoleUser.arn assumedRoleUser.assumedRoleId credentials.accessKeyId credentials.expiration", "resources sharedEventID"},
	{`work: ! AccessDenied CreateUser {"UserName":"eve"}`, "AssumedRole", "userName", "", "errorCode=AccessDenied"},
	{`DeleteAccessKey {"UserName":"bob","AccessKeyId":"$bob_key"}`, "IAMUser", "accessKeyId userName", "", ""},
	{`anyone: AssumeRoleWithWebIdentity {"RoleArn":"arn:aws:iam::$account:role/web","RoleSessionName":"web","WebIdentityToken":"$token","DurationSeconds":900}`, "WebIdentityUser", "durationSeconds roleArn roleSessionName webIdentityToken", "assumedRoleUser.arn assumedRoleUser.assumedRoleId audience credentials.accessKeyId credentials.expiration provider subjectFromWebIdentityToken", "resources"},
	{`anyone: AssumeRoleWithSAML {"RoleArn":"arn:aws:iam::$account:role/federated","PrincipalArn":"arn:aws:iam::$account:saml-provider/idp","SAMLAssertion":"$response"}`, "SAMLUser", "principalArn roleArn sAMLAssertion", "assumedRoleUser.arn assumedRoleUser.assumedRoleId audience credentials.accessKeyId credentials.expiration issuer nameQualifier subject subjectType", "resources"},
	{`root: UpdateAccountPasswordPolicy {"MinimumPasswordLength":12}`, "Root", "minimumPasswordLength", "", ""},
}

// TestSampleEvents: the events of well-known calls have the members of AWS's
// published samples.
func TestSampleEvents(t *testing.T) {
	t.Parallel()
	sc, _ := coverageScene(t)
	sampleScene(sc)
	for _, want := range shapes {
		l := parseLine(t, want.line)
		sc.play(l)
		own := sc.event(sc.s.account)
		checkShape(t, own, want)
		if own["sharedEventID"] == nil {
			continue
		}
		shared := sc.event(sc.vars["other_account"])
		if id := shared["userIdentity"].(map[string]any); paths(id) != "accountId principalId type" || id["type"] != "AWSAccount" || id["accountId"] != sc.s.account ||
			shared["sharedEventID"] != own["sharedEventID"] || shared["eventID"] == own["eventID"] {
			t.Errorf("the event of the role's account = %v", shared)
		}
	}
	sc.signIns()
}

// sampleScene makes what the calls are about.
func sampleScene(sc *scene) {
	sc.t.Helper()
	sc.vars["password"], sc.vars["allow"] = "Pass-w0rd-of-bob!", allow("*")
	sc.vars["trust"] = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + sc.s.account + `"},"Action":"sts:AssumeRole"}]}`
	other := sc.s.newAccount("other")
	sc.vars["other_account"] = other
	made := sc.s.rootOf(other).role(sc.t, "shared", sc.vars["trust"], allow("iam:ListUsers"))
	sc.vars["other"] = made
	k := sc.user("admin")
	sc.vars["root_key"], sc.vars["root_secret"] = sc.root.ID, sc.root.Secret
	for _, line := range []string{
		`PutUserPolicy {"UserName":"admin","PolicyName":"p","PolicyDocument":"$allow"}`,
		`CreateOpenIDConnectProvider {"Url":"$issuer","ClientIDList":["app"]} provider=OpenIDConnectProviderArn`,
		`CreateSAMLProvider {"Name":"idp","SAMLMetadataDocument":"$metadata"} saml=SAMLProviderArn`,
	} {
		sc.play(parseLine(sc.t, line))
	}
	_, host, _ := strings.Cut(sc.vars["issuer"], "://")
	as := sc.s.as(sc.root)
	as.role(sc.t, "web", trustProvider(sc.vars["provider"], withToken, `"StringEquals":{"`+host+`:aud":"app"}`), "")
	as.role(sc.t, "federated", trustProvider(sc.vars["saml"], `"sts:AssumeRoleWithSAML"`, `"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}`), "")
	sc.root = k // of all lines that name nobody
}

// event is that of the last call, in the trail of an account.
func (sc *scene) event(account string) map[string]any {
	sc.t.Helper()
	e := sc.s.awaitEvents(1, "--id", sc.requestID, "--account", account)[0]
	if err := checkRecord([]byte(e.raw)); err != nil {
		sc.t.Errorf("%s: %v", e.EventName, err)
	}
	var doc map[string]any
	must(sc.t, json.Unmarshal([]byte(e.raw), &doc))
	return doc
}

// checkShape holds an event against the shape that it must have.
func checkShape(t *testing.T, doc map[string]any, want shape) {
	t.Helper()
	var more []string
	if code, ok := doc["errorCode"].(string); ok {
		more = append(more, "errorCode="+code)
	}
	for _, name := range []string{"resources", "sharedEventID"} {
		if doc[name] != nil {
			more = append(more, name)
		}
	}
	got := shape{want.line, doc["userIdentity"].(map[string]any)["type"].(string), paths(doc["requestParameters"]), paths(doc["responseElements"]), strings.Join(more, " ")}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(shape{})); diff != "" {
		t.Errorf("the event of %s is not as AWS's samples are (-sample +here):\n%s", want.line, diff)
	}
	if id := doc["userIdentity"]; want.identity == "IAMUser" && paths(id) != signedIn {
		t.Errorf("the identity of %s has %s", want.line, paths(id))
	}
}

// paths are the paths to all values in decoded JSON.
func paths(v any) string {
	var all []string
	var walk func(at string, v any)
	walk = func(at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			if v != nil {
				all = append(all, strings.TrimPrefix(at, "."))
			}
			return
		}
		for name, e := range m {
			walk(at+"."+name, e)
		}
	}
	walk("", v)
	slices.Sort(all)
	return strings.Join(all, " ")
}

// signIns signs in on the console in vain, with a password, and with a code.
func (sc *scene) signIns() {
	sc.t.Helper()
	for _, want := range []struct {
		name, password, code, message, answer, mfa string
		identity                                   string
	}{
		{"bob", "wrong", "", "Failed authentication", "Failure", "No", "accountId arn principalId type userName"},
		{"nobody", "wrong", "", "Failed authentication", "Failure", "No", "accountId type userName"},
		{"bob", sc.vars["password"], sc.vars["seed"], "", "Success", "Yes", "accountId arn principalId type userName"},
		{"plain", sc.vars["password"], "", "", "Success", "No", "accountId arn principalId type userName"},
	} {
		if want.name == "plain" {
			sc.user("plain")
			sc.play(parseLine(sc.t, `CreateLoginProfile {"UserName":"plain","Password":"$password"}`))
		}
		sc.signIn(want.name, want.password, want.code)
		doc := sc.newestSignIn()
		message, _ := doc["errorMessage"].(string)
		answer := doc["responseElements"].(map[string]any)["ConsoleLogin"]
		more := doc["additionalEventData"].(map[string]any)
		if message != want.message || answer != want.answer || more["MFAUsed"] != want.mfa || more["MobileVersion"] != "No" || more["LoginTo"] == nil ||
			paths(doc["userIdentity"]) != want.identity || doc["requestParameters"] != nil || doc["errorCode"] != nil {
			sc.t.Errorf("the event of a sign-in by %s = %v", want.name, doc)
		}
	}
}

func (sc *scene) newestSignIn() map[string]any {
	sc.t.Helper()
	sc.vars["signins"] += "x"
	all := sc.s.awaitEvents(len(sc.vars["signins"]), "--name", "ConsoleLogin")
	var doc map[string]any
	must(sc.t, json.Unmarshal([]byte(all[0].raw), &doc))
	if err := checkRecord([]byte(all[0].raw)); err != nil {
		sc.t.Errorf("ConsoleLogin: %v", err)
	}
	return doc
}

// signIn posts the forms that a browser would.
func (sc *scene) signIn(name, password, seed string) {
	sc.t.Helper()
	jar, err := cookiejar.New(nil)
	must(sc.t, err)
	client := &http.Client{Jar: jar, Timeout: patience}
	forms := []url.Values{{"as": {"user"}, "account": {sc.s.account}, "username": {name}, "password": {password}}}
	paths := []string{"signin", "mfa"}
	if seed != "" {
		forms = append(forms, url.Values{"device": {sc.vars["serial"]}, "code": {*code(sc.t, seed, time.Now())}})
	}
	for i, form := range forms {
		req, err := http.NewRequestWithContext(deadline(sc.t), http.MethodPost, sc.s.endpoint+"/console/-/"+paths[i], strings.NewReader(form.Encode()))
		must(sc.t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", sc.s.endpoint)
		res, err := client.Do(req)
		must(sc.t, err)
		res.Body.Close()
	}
}
