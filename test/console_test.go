package test

import (
	"regexp"
	"strings"
	"testing"
)

var keysCSV = regexp.MustCompile(`^\x{feff}Access key ID,Secret access key\r\n(AKIA[A-Z2-7]{16}),([A-Za-z0-9+/]{40})\r\n$`)

// makeAdmin makes the user iam-admin, on the page of the users.
func (b *tab) makeAdmin() {
	b.t.Helper()
	b.click("button", "Create user")
	b.fill("User name", "iam-admin")
	b.click("button", "Next")
	b.click("radio", "Attach policies directly")
	b.fill("Search permissions policies", "IAMFullAccess")
	b.click("checkbox", "Select IAMFullAccess")
	b.click("button", "Next")
	b.see("Permissions summary")
	b.click("button", "Create user")
	b.see("User iam-admin created.")
}

// TestConsoleSeedFlow is the way of an administrator's first key, by a person in
// a browser: root signs in, makes the user iam-admin and its key, and the real
// AWS CLI uses exactly what the downloaded file says.
func TestConsoleSeedFlow(t *testing.T) {
	t.Parallel()
	cli := anyCLI(t)
	s := serve(t)
	b := openTab(t, s, "/console/#/users")
	b.expect("status of 404") // browsers log it: who has no password has no login profile
	b.see("IAM user sign in")
	b.picture("sign-in")
	b.asRoot()
	b.see("Create user") // the page that was asked for first

	b.makeAdmin()
	awaits[bool](b, "the list", "[...document.querySelectorAll('table a')].some((a) => a.textContent === 'iam-admin')")
	b.picture("users")

	b.click("link", "iam-admin")
	b.click("tab", "Security credentials")
	b.click("button", "Create access key")
	b.click("radio", "Command Line Interface (CLI)")
	b.click("checkbox", "I understand the above recommendation")
	b.click("button", "Next")
	b.fill("Description tag value", "laptop of the administrator")
	b.click("button", "Create access key")
	b.see("This is the only time")
	b.picture("access-key")
	b.click("button", "Download .csv file")
	m := keysCSV.FindStringSubmatch(b.file("iam-admin_accessKeys.csv"))
	if m == nil {
		t.Fatal("the downloaded file has not the form of AWS's")
	}
	k := keys{ID: m[1], Secret: m[2]}
	b.click("button", "Show")
	b.see(k.Secret)
	b.click("button", "Done")
	b.see("laptop of the administrator")
	b.see("Never used")

	h := newHome(t)
	h.profile("default", k)
	aws := session{t: t, cli: cli, home: h, endpoint: s.endpoint}
	if out := aws.ok("sts", "get-caller-identity"); !strings.Contains(out, "user/iam-admin") {
		t.Errorf("the key of the file is another's: %s", out)
	}
	aws.ok("iam", "list-users")
	b.click("button", "Refresh")
	b.see("less than a minute ago")
	b.see("iam") // the service that was used last
	b.picture("user")

	action := func(name string) {
		t.Helper()
		b.click("button", "Actions for "+k.ID)
		b.click("menuitem", name)
	}
	action("Deactivate")
	b.see("In use: the last call was less than a minute ago.")
	b.see("Source IP address 127.0.0.1 2 2 2 User agent aws-cli/")
	b.click("button", "Deactivate")
	b.see("deactivated.")
	aws.refused("InvalidClientTokenId", "iam", "list-users")
	b.click("button", "Activate again")
	b.see("is active again.")
	aws.ok("iam", "list-users")

	action("Deactivate")
	b.click("button", "Deactivate")
	b.see("deactivated.")
	action("Activate")
	b.click("button", "Activate")
	b.see("activated.")
	aws.ok("iam", "list-users")

	action("Delete")
	b.see("The key is active")
	b.click("button", "Deactivate")
	b.see("The key is inactive")
	b.fill("Confirmation", k.ID)
	b.click("button", "Delete")
	b.see("Access keys (0)")
	aws.refused("InvalidClientTokenId", "iam", "list-users")
}
