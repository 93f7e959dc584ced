package test

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/sallyport-iam/sallyport/web"
)

// filled makes an account in which each page has something to show.
func filled(t *testing.T) *server {
	t.Helper()
	s := serve(t)
	c, ctx := s.as(s.root()), deadline(t)
	c.user(t, s, "ann", allow("s3:GetObject"))
	group, role, policy := "developers", "deploy", "read-one"
	_, err := c.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: &group})
	must(t, err)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + s.account + `"},"Action":"sts:AssumeRole"}]}`
	_, err = c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &trust})
	must(t, err)
	_, err = c.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: new("https://id.example.com"), ClientIDList: []string{"app"}})
	must(t, err)
	document := allow("s3:ListBucket")
	_, err = c.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &policy, PolicyDocument: &document})
	must(t, err)
	return s
}

// TestConsolePages opens every page, wide in light and as wide as a telephone in
// the dark: each shows what it should, without a fault that axe or the browser
// finds, and without a bar to scroll to the side.
func TestConsolePages(t *testing.T) {
	t.Parallel()
	s := filled(t)
	b := openTab(t, s, "/console/#/home")
	b.expect("status of 404") // GetLoginProfile of who has no password
	b.expect("status of 400") // outbound federation, where it is disabled
	b.see("IAM user sign in")
	b.accessible("the sign-in page")
	b.dark(true)
	b.accessible("the dark sign-in page")
	b.dark(false)
	b.asRoot()
	b.see("Security recommendations")
	pages := []struct{ route, text string }{
		{"#/home", "Deactivate or delete access keys for root user"},
		{"#/users", "ann"},
		{"#/users/create", "Specify user details"},
		{"#/users/details/ann", "Permissions policies"},
		{"#/users/details/ann?section=groups", "User groups membership"},
		{"#/users/details/ann?section=tags", "Manage tags"},
		{"#/users/details/ann?section=security_credentials", "Access keys (1)"},
		{"#/users/details/ann?section=access_advisor", "Policies granting permissions"},
		{"#/users/details/ann/create-access-key", "Use case"},
		{"#/users/details/ann/rotate", "Create the new key"},
		{"#/groups", "developers"},
		{"#/groups/create", "Name the group"},
		{"#/groups/details/developers", "Users in this group"},
		{"#/groups/details/developers?section=permissions", "nothing is permitted"},
		{"#/roles", "deploy"},
		{"#/roles/create", "Trusted entity type"},
		{"#/roles/details/deploy", "Maximum session duration"},
		{"#/roles/details/deploy?section=trust_relationships", "Edit trust policy"},
		{"#/roles/details/deploy?section=revoke_sessions", "Revoke all active sessions"},
		{"#/policies", "read-one"},
		{"#/policies/create", "Statement1"},
		{"#/policies/details/arn%3Aaws%3Aiam%3A%3A" + s.account + "%3Apolicy%2Fread-one", "s3:ListBucket"},
		{"#/identity_providers", "Add provider"},
		{"#/identity_providers/create", "Configure provider"},
		{"#/identity_providers/details/arn%3Aaws%3Aiam%3A%3A" + s.account + "%3Aoidc-provider%2Fid.example.com", "Audiences"},
		{"#/account_settings", "Password policy"},
		{"#/security_credentials", "My security credentials (root user)"},
		{"#/security_credentials/create-access-key", "Alternatives to root user access keys"},
		{"#/credential_report", "Download credentials report"},
		{"#/events", "CreateRole"},
		{"#/health", "Active keys by age"},
		{"#/simulator", "Run simulation"},
		{"#/find", "Paste the id of an access key"},
		{"#/why?text=User%3A%20arn%3Aaws%3Aiam%3A%3A111122223333%3Auser%2Fann%20is%20not%20authorized%20to%20perform%3A%20iam%3AListUsers%20on%20resource%3A%20x", "The least that would allow it"},
		{"#/switch-role", "The root user can't switch roles"},
	}
	for _, p := range pages {
		b.route(p.route)
		b.see(p.text)
		b.accessible(p.route)
	}
	b.dark(true)
	b.route(pages[0].route)
	b.see(pages[0].text)
	b.accessible("the dark " + pages[0].route)
	b.do("be a telephone", chromedp.EmulateViewport(390, 844))
	for _, p := range pages {
		b.route(p.route)
		b.see(p.text)
		b.accessible(p.route + " on a telephone in the dark")
		awaits[bool](b, "fit "+p.route+" into 390 pixels", "document.scrollingElement.scrollWidth <= 390")
	}
}

// ending makes the console believe, from the next page on, that its session ends
// in nine minutes; or lets it see the truth again.
func (b *tab) ending(on bool) {
	b.t.Helper()
	if !on {
		b.eval("window.fetch = window.__fetch")
		return
	}
	source := `window.__fetch = window.fetch; window.fetch = async (...of) => {
  const answer = await window.__fetch(...of);
  if (!String(of[0]).endsWith('/session')) return answer;
  return Response.json({...await answer.json(), signedInUntil: new Date(Date.now() + 540e3)});
}`
	b.do("bring the end near", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return chromedp.Void{}, err
	})
}

// TestConsoleDeniesInWords: who may not do a thing sees which action is missing.
func TestConsoleDeniesInWords(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.as(s.root())
	c.user(t, s, "bob", "")
	name, password := "bob", "Correct-Horse-9"
	_, err := c.iam.CreateLoginProfile(deadline(t), &iam.CreateLoginProfileInput{UserName: &name, Password: &password, PasswordResetRequired: true})
	must(t, err)
	b := openTab(t, s, "/console/"+s.account+"#/users")
	b.expect("status of 403")
	b.fill("IAM username", name)
	b.fill("Password", password)
	b.click("button", "Sign in")
	b.see("Change your password")
	b.fill("Old password", password)
	b.fill("New password", "Correct-Horse-10")
	b.fill("Retype new password", "Correct-Horse-10")
	b.accessible("the page of a new password")
	b.click("button", "Confirm password change")
	b.see("You need permission for iam:ListUsers")

	h := newHome(t)
	h.profile("default", s.root())
	events := session{t: t, cli: anyCLI(t), home: h, endpoint: s.endpoint}.ok("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=ConsoleLogin")
	if !strings.Contains(events, "user/bob") || !strings.Contains(events, "Success") {
		t.Errorf("the trail does not tell of the sign-in: %s", events)
	}

	// A page that is shown in part says which actions would show the rest.
	c.setPolicy(t, name, allow("iam:GetUser", "iam:ListAccessKeys", "iam:ListMFADevices", "iam:GetLoginProfile"))
	b.route("#/users/details/bob?section=security_credentials")
	b.see("Not all of this page can be shown You need permission for ")
	b.see("iam:GetAccessKeyLastUsed")
	b.see("Last use not known")
	b.accessible("a page that is shown in part")

	// Before the session ends the page says so, and goes on under the next one.
	b.ending(true)
	b.visit("/console/")
	awaits[bool](b, "the dashboard", "document.title.startsWith('Dashboard') || document.querySelector('h1')?.textContent.includes('Dashboard')")
	b.see("Session ends in 8:")
	b.see("Your session ends soon")
	b.accessible("a session that ends soon")
	b.ending(false)
	b.eval(`fetch("/console/-/signin", {method: "POST", body: new URLSearchParams({as: "user", account: "` + s.account + `", username: "bob", password: "Correct-Horse-10"})}).then(() => window.dispatchEvent(new Event("focus")))`)
	b.gone("Session ends in")
	b.gone("Your session ends soon")
	b.route("#/policies")
	b.see("You need permission for iam:ListPolicies")

	// Whose password goes is signed out everywhere at once.
	_, err = c.iam.DeleteLoginProfile(deadline(t), &iam.DeleteLoginProfileInput{UserName: &name})
	must(t, err)
	b.visit("/console/")
	b.see("IAM user sign in")
}

// TestConsoleBundle builds the app anew: what is committed is what its sources give.
func TestConsoleBundle(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("../web/node_modules/vite"); err != nil {
		t.Skip("NOT TESTED: web/node_modules is missing: run web/build.sh")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(deadline(t), "node", "node_modules/vite/bin/vite.js", "build", "--outDir", dir, "--emptyOutDir", "--logLevel", "error")
	cmd.Dir = "../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("vite build: %v\n%s", err, out)
	}
	committed := map[string][]byte{}
	must(t, fs.WalkDir(web.Dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			committed[strings.TrimPrefix(name, "dist/")], err = fs.ReadFile(web.Dist, name)
		}
		return err
	}))
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if !bytes.Equal(text, committed[filepath.ToSlash(name)]) {
			t.Errorf("web/dist/%s is not what its sources give: run web/build.sh", name)
		}
		delete(committed, filepath.ToSlash(name))
		return err
	}))
	for name := range committed {
		t.Errorf("web/dist/%s comes of no source: run web/build.sh", name)
	}
}

// TestConsoleIsForBrowsers: the console answers what a browser asks; requests
// that are signed, or that ask for no page, are the APIs'.
func TestConsoleIsForBrowsers(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, tt := range []struct {
		path, accept, want string
	}{
		{"/", "text/html,*/*", "/console/"},
		{"/console", "text/html", "/console/"},
		{"/console/", "text/html", "/console/-/signin"},
		{"/", "*/*", ""},
	} {
		r, err := http.NewRequestWithContext(deadline(t), http.MethodGet, s.endpoint+tt.path, nil)
		must(t, err)
		r.Header.Set("Accept", tt.accept)
		res, err := http.DefaultTransport.RoundTrip(r)
		must(t, err)
		must(t, res.Body.Close())
		if got := res.Header.Get("Location"); got != tt.want {
			t.Errorf("GET %s leads to %q, want %q", tt.path, got, tt.want)
		}
	}
}
