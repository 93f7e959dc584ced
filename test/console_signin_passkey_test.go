package test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// withAuthenticator plugs a security key into the browser's machine, which is
// touched at once whenever it asks for that.
func (b *tab) withAuthenticator() {
	b.t.Helper()
	b.do("plug a security key in", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		if _, err := cdp.Call(ctx, t, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, t, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		return chromedp.Void{}, err
	})
}

// local is the address of a page by the name of the machine: browsers make no
// passkeys for IP addresses.
func (s *server) local(t *testing.T, path string) string {
	t.Helper()
	u, err := url.Parse(s.endpoint)
	must(t, err)
	return "http://localhost:" + u.Port() + path
}

// asUser signs in as a user on the account's sign-in page, which is open.
func (b *tab) asUser(name, password string) {
	b.t.Helper()
	b.see("IAM user sign in")
	b.fill("IAM username", name)
	b.fill("Password", password)
	b.click("button", "Sign in")
}

// withPassword gives a user, who has none, a password for the console.
func (c *clients) withPassword(t *testing.T, name, password string, mustChange bool) {
	t.Helper()
	_, err := c.iam.CreateLoginProfile(deadline(t), &iam.CreateLoginProfileInput{UserName: &name, Password: &password, PasswordResetRequired: mustChange})
	must(t, err)
}

// setPolicy replaces a user's inline policy.
func (c *clients) setPolicy(t *testing.T, name, document string) {
	t.Helper()
	policy := "own"
	_, err := c.iam.PutUserPolicy(deadline(t), &iam.PutUserPolicyInput{UserName: &name, PolicyName: &policy, PolicyDocument: &document})
	must(t, err)
}

// TestConsolePasskey: a user makes a security key an MFA device by the console,
// as far as the policies allow, and signs in with it; what is asked by API sees
// and removes it; the trail tells of all.
func TestConsolePasskey(t *testing.T) {
	t.Parallel()
	const name, password = "ann", "Correct-Horse-9"
	const may = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["iam:ListMFADevices","iam:ListAccessKeys","iam:GetLoginProfile"],"Resource":"*"},
		{"Effect":"Allow","Action":"iam:EnableMFADevice","Resource":"arn:aws:iam::*:user/${aws:username}","Condition":{"StringEquals":{"iam:RegisterSecurityKey":["Create",STATE]}}},
		{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}`
	s := serve(t)
	c := s.as(s.root())
	c.user(t, s, name, strings.Replace(may, `["Create",STATE]`, `"none"`, 1))
	c.withPassword(t, name, password, false)

	b := openTab(t, s, s.local(t, "/console/"+s.account+"#/security_credentials"))
	b.expect("status of 403") // what ann may not see, and what she may not do
	b.expect("status of 404")
	b.withAuthenticator()
	b.asUser(name, password)
	assign := func() {
		t.Helper()
		b.click("button", "Assign MFA device")
		b.fill("Device name", "yubi")
		b.click("button", "Next")
	}
	assign()
	b.see("You need permission for iam:EnableMFADevice")
	c.setPolicy(t, name, strings.Replace(may, `,STATE`, ``, 1))
	b.click("button", "Next")
	b.see("You need permission for iam:EnableMFADevice") // she may make one now, but not activate it
	b.click("button", "Cancel")
	c.setPolicy(t, name, strings.Replace(may, `STATE`, `"Activate"`, 1))
	assign()
	b.see("MFA device assigned.")
	b.see("Passkey or security key")
	b.accessible("the MFA devices")

	user := name
	out, err := c.iam.ListMFADevices(deadline(t), &iam.ListMFADevicesInput{UserName: &user})
	must(t, err)
	if len(out.MFADevices) != 1 {
		t.Fatalf("ListMFADevices = %v, want the security key", out.MFADevices)
	}
	serial := *out.MFADevices[0].SerialNumber
	if prefix := "arn:aws:iam::" + s.account + ":u2f/user/ann/yubi-"; !strings.HasPrefix(serial, prefix) || len(serial) != len(prefix)+26 {
		t.Errorf("serial number %s, want %s and 26 characters", serial, prefix)
	}
	one, err := c.iam.GetMFADevice(deadline(t), &iam.GetMFADeviceInput{SerialNumber: &serial, UserName: &user})
	must(t, err)
	if *one.SerialNumber != serial || one.EnableDate == nil {
		t.Errorf("GetMFADevice = %v", one)
	}

	// What the session was made without can't be done before the key is used.
	b.route("#/users")
	b.see("You need permission for iam:ListUsers")
	b.eval("fetch('/console/-/signout', {method: 'POST'}).then(() => location.assign('/console/" + s.account + "#/users'))")
	b.asUser(name, password)
	b.see("Multi-factor authentication")
	b.accessible("the MFA page")
	b.click("button", "Use passkey or security key")
	b.see("Create user") // the page that was asked for, with its list
	awaits[bool](b, "see the list of users", "!document.body.innerText.includes('You need permission for iam:ListUsers')")

	cli := s.rootCLI(t)
	for event, parts := range map[string][]string{
		"EnableMFADevice": {serial, `\"sessionCredentialFromConsole\":\"true\"`, "AccessDenied"},
		"ConsoleLogin":    {`\"MFAIdentifier\":\"` + serial + `\"`, `\"MFAUsed\":\"Yes\"`, `\"MFAUsed\":\"No\"`},
		"CheckMfa":        {`\"MfaType\":\"U2F MFA\"`},
	} {
		events := eventsOf(cli, event)
		for _, part := range parts {
			if !strings.Contains(events, part) {
				t.Errorf("the events %s lack %s: %s", event, part, events)
			}
		}
	}

	_, err = c.iam.DeactivateMFADevice(deadline(t), &iam.DeactivateMFADeviceInput{UserName: &user, SerialNumber: &serial})
	must(t, err)
	b.eval("fetch('/console/-/signout', {method: 'POST'}).then(() => location.assign('/console/" + s.account + "#/security_credentials'))")
	b.asUser(name, password)
	b.see("No MFA devices.")

	// Root's own.
	b.eval("fetch('/console/-/signout', {method: 'POST'}).then(() => location.assign('/console/-/signin#/security_credentials'))")
	b.see("IAM user sign in")
	b.asRoot()
	b.see("My security credentials (root user)")
	assign()
	b.see("arn:aws:iam::" + s.account + ":u2f/root/yubi-")
	b.eval("fetch('/console/-/signout', {method: 'POST'}).then(() => location.assign('/console/-/signin#/security_credentials'))")
	b.see("IAM user sign in")
	b.asRoot()
	b.click("button", "Use passkey or security key")
	b.see("My security credentials (root user)")
}
