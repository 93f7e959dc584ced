package test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// paste pastes into the field of that name.
func (b *tab) paste(name string) {
	b.t.Helper()
	b.click("textbox", name)
	b.do("paste into "+name, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: "v", Code: "KeyV", Commands: []string{"paste"}})
		return chromedp.Void{}, err
	})
}

// TestConsolePlainHTTP: on plain http on a host that isn't localhost, where
// browsers have no digests, clipboard and passkeys for scripts, a person makes
// the first administrator's key all the same.
func TestConsolePlainHTTP(t *testing.T) {
	t.Parallel()
	s := serve(t)
	at, err := url.Parse(s.endpoint)
	must(t, err)
	b := openTab(t, s, "http://sally.example:"+at.Port()+"/console/#/users", chromedp.Flag("host-resolver-rules", "MAP sally.example 127.0.0.1"))
	b.expect("status of 404") // who has no password has no login profile
	b.see("IAM user sign in")
	b.asRoot()
	b.see("Create user")
	awaits[bool](b, "have neither digests nor a clipboard of the browser's", "!window.isSecureContext && !crypto.subtle && !('readText' in navigator.clipboard)")

	b.makeAdmin()

	b.click("link", "iam-admin")
	b.click("tab", "Security credentials")
	b.click("button", "Create access key")
	b.click("radio", "Command Line Interface (CLI)")
	b.click("checkbox", "I understand the above recommendation")
	b.click("button", "Next")
	b.click("button", "Create access key")
	b.see("This is the only time")
	b.click("button", "Copy access key")
	b.see("copied")
	b.click("button", "Download .csv file")
	m := keysCSV.FindStringSubmatch(b.file("iam-admin_accessKeys.csv"))
	if m == nil {
		t.Fatal("the downloaded file has not the form of AWS's")
	}
	b.click("button", "Done")
	h := newHome(t)
	h.profile("default", keys{ID: m[1], Secret: m[2]})
	aws := session{t: t, cli: anyCLI(t), home: h, endpoint: s.endpoint}
	if out := aws.ok("sts", "get-caller-identity"); !strings.Contains(out, "user/iam-admin") {
		t.Errorf("the key of the file is another's: %s", out)
	}
	b.click("button", "Refresh")
	b.see("less than a minute ago")

	b.click("button", "Assign MFA device")
	b.see("over TLS, or on localhost, only")
	b.accessible("the MFA dialog without passkeys")
	b.paste("Device name")
	awaits[bool](b, "paste the access key's id", "window.__find('textbox', 'Device name').value === "+quoted(m[1]))
	b.fill("Device name", "phone")
	b.click("button", "Next")
	b.see("Enter two consecutive codes")
	b.click("button", "Cancel")

	action := func(name string) {
		t.Helper()
		b.click("button", "Actions for "+m[1])
		b.click("menuitem", name)
	}
	action("Deactivate")
	b.click("button", "Deactivate")
	b.see("deactivated.")
	aws.refused("InvalidClientTokenId", "iam", "list-users")
	action("Delete")
	b.fill("Confirmation", m[1])
	b.click("button", "Delete")
	b.see("Access keys (0)")
}
