package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// person is somebody with a browser that knows forms and cookies, and no scripts.
type person struct {
	t      *testing.T
	s      *server
	client *http.Client
}

func (s *server) person() *person {
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	return &person{s.t, s, &http.Client{Jar: jar, Timeout: patience}}
}

// get gives what a page shows.
func (p *person) get(path string) string { return p.send(http.MethodGet, path, nil) }

// submit sends a form of the console's and gives what the page after it shows.
func (p *person) submit(page string, fields ...string) string {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.send(http.MethodPost, "/console/-/"+page, form)
}

func (p *person) send(method, path string, form url.Values) string {
	p.t.Helper()
	r, err := http.NewRequestWithContext(deadline(p.t), method, p.s.endpoint+path, strings.NewReader(form.Encode()))
	must(p.t, err)
	r.Header.Set("Origin", p.s.endpoint)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.client.Do(r)
	must(p.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(p.t, err)
	return string(text)
}

// sees fails the test where a page lacks the text.
func (p *person) sees(page, text string) {
	p.t.Helper()
	if !strings.Contains(page, text) {
		p.t.Errorf("the page lacks %q: %s", text, page)
	}
}

// credentials are those that the app would sign its calls with; none, where
// nobody is signed in.
func (p *person) credentials() (k keys, mfa, ok bool) {
	p.t.Helper()
	var c *struct {
		AccessKeyID, SecretAccessKey, SessionToken string
		MFA                                        bool
	}
	must(p.t, json.Unmarshal([]byte(p.submit("session")), &c))
	if c == nil {
		return keys{}, false, false
	}
	return keys{c.AccessKeyID, c.SecretAccessKey, c.SessionToken}, c.MFA, true
}

// rootCLI is the AWS CLI with root's key.
func (s *server) rootCLI(t *testing.T) session {
	t.Helper()
	h := newHome(t)
	h.profile("default", s.root())
	return session{t: t, cli: anyCLI(t), home: h, endpoint: s.endpoint}
}

// eventsOf are the events of that name in the trail.
func eventsOf(cli session, name string) string {
	cli.t.Helper()
	return cli.ok("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue="+name)
}

// TestConsoleSignInForms: signing in takes no script: by the account's alias, with
// a code and a new password; whatever is wrong is said in one text; what a
// session gave ends with it, however it ends.
func TestConsoleSignInForms(t *testing.T) {
	t.Parallel()
	const name, first, second, third = "ann", "Correct-Horse-9", "Correct-Horse-10", "Correct-Horse-11"
	s := serve(t)
	c, ctx := s.as(s.root()), deadline(t)
	alias, user, device := "acme-corp", name, "phone"
	_, err := c.iam.CreateAccountAlias(ctx, &iam.CreateAccountAliasInput{AccountAlias: &alias})
	must(t, err)
	_, err = c.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &user})
	must(t, err)
	c.withPassword(t, name, first, true)
	made, err := c.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: &device})
	must(t, err)
	serial := *made.VirtualMFADevice.SerialNumber
	shown := func(step time.Duration) *string {
		return code(t, string(made.VirtualMFADevice.Base32StringSeed), time.Now().Add(step*30*time.Second))
	}
	_, err = c.iam.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{UserName: &user, SerialNumber: &serial, AuthenticationCode1: shown(-1), AuthenticationCode2: shown(0)})
	must(t, err)

	p := s.person()
	p.sees(p.get("/console/"+alias), `value="acme-corp"`)
	signIn := func(p *person, account, user, password string) string {
		return p.submit("signin", "as", "user", "account", account, "username", user, "password", password)
	}
	const wrong = "Your authentication information is incorrect. Please try again."
	for _, w := range [][3]string{{alias, name, "x"}, {alias, "bob", first}, {"other", name, first}, {s.account, name, "x"}} {
		p.sees(signIn(p, w[0], w[1], w[2]), wrong)
	}
	p.sees(signIn(p, alias, name, first), "MFA code")
	p.sees(p.submit("mfa", "code", "000000"), wrong)
	p.sees(p.submit("mfa", "code", *shown(1)), "Retype new password")
	if _, _, ok := p.credentials(); ok {
		t.Error("there are credentials before the password was changed")
	}
	p.sees(p.submit("password", "old", first, "new", second, "again", second), `<div id="app">`)
	session := func(p *person, wantMFA bool) *clients {
		t.Helper()
		k, mfa, ok := p.credentials()
		if !ok || mfa != wantMFA {
			t.Fatalf("signed in: %v, with MFA: %v; want true, %v", ok, mfa, wantMFA)
		}
		as := s.as(k)
		must(t, as.whoami(ctx))
		return as
	}
	ended := func(what string, p *person, as *clients) {
		t.Helper()
		wantCode(t, "GetCallerIdentity after "+what, as.whoami(ctx), "InvalidClientTokenId", "")
		if _, _, ok := p.credentials(); ok {
			t.Errorf("after %s there are credentials", what)
		}
		p.sees(p.get("/console/"), "IAM user sign in")
	}
	as := session(p, true)
	p.submit("signout")
	ended("sign-out", p, as)

	_, err = c.iam.DeactivateMFADevice(ctx, &iam.DeactivateMFADeviceInput{UserName: &user, SerialNumber: &serial})
	must(t, err)
	q := s.person()
	signIn(p, alias, name, second)
	signIn(q, s.account, name, second)
	as, other := session(p, false), session(q, false)
	next := third
	_, err = c.iam.UpdateLoginProfile(ctx, &iam.UpdateLoginProfileInput{UserName: &user, Password: &next})
	must(t, err)
	ended("another password", p, as)
	ended("another password", q, other)

	signIn(p, alias, name, third)
	as = session(p, false)
	_, err = c.iam.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: &user})
	must(t, err)
	_, err = c.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &user})
	must(t, err)
	ended("the user's end", p, as)

	cli := s.rootCLI(t)
	for event, parts := range map[string][]string{
		"ConsoleLogin": {
			`\"additionalEventData\":{\"LoginTo\":\"` + s.endpoint + `/console/\",\"MobileVersion\":\"No\",\"MFAIdentifier\":\"` + serial + `\",\"MFAUsed\":\"Yes\"}`,
			`\"errorMessage\":\"Failed authentication\",\"requestParameters\":null,\"responseElements\":{\"ConsoleLogin\":\"Failure\"}`,
			`HIDDEN_DUE_TO_SECURITY_REASONS`,
		},
		"CheckMfa":        {`\"MfaType\":\"Virtual MFA\"`},
		"PasswordUpdated": {`\"responseElements\":{\"PasswordUpdated\":\"Success\"}`},
	} {
		events := eventsOf(cli, event)
		for _, part := range parts {
			if !strings.Contains(events, part) {
				t.Errorf("the events %s lack %s: %s", event, part, events)
			}
		}
		if strings.Contains(events, "bob") {
			t.Errorf("the events %s name a user that there isn't: %s", event, events)
		}
	}
}
