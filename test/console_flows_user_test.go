package test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// rooted opens the console as root, on a page.
func rooted(t *testing.T, s *server, hash string) *tab {
	t.Helper()
	b := openTab(t, s, "/console/"+hash)
	b.expect("status of 404") // browsers log it: who has no password has no login profile
	b.see("IAM user sign in")
	b.asRoot()
	b.see("Identity and Access Management")
	return b
}

// choose opens a menu and takes one of its items.
func (b *tab) choose(menu, item string) {
	b.t.Helper()
	b.click("button", menu)
	b.click("menuitem", item)
}

// gone waits until the page no longer shows the text.
func (b *tab) gone(text string) {
	b.t.Helper()
	awaits[bool](b, "see no more "+text, "!document.body.innerText.includes("+quoted(text)+")")
}

// closed waits until no dialog is open.
func (b *tab) closed() {
	b.t.Helper()
	awaits[bool](b, "close the dialog", "![...document.querySelectorAll('[role=dialog]')].some((d) => d.getClientRects().length)")
}

// TestConsoleUser goes through the tabs of a user's page: groups, tags, password,
// SSH keys, credentials for services, last access; then the user is deleted in
// the list, with all that hangs on it.
func TestConsoleUser(t *testing.T) {
	t.Parallel()
	s := filled(t)
	c := s.as(s.root())
	ann := "ann"
	page := "#/users/details/ann?section="
	b := rooted(t, s, page+"groups")

	b.click("button", "Add user to groups")
	b.click("checkbox", "Select developers")
	b.see("The same by command")
	b.click("button", "The same by command")
	b.see("aws iam add-user-to-group --user-name ann --group-name developers")
	b.click("button", "Terraform")
	b.see(`resource "aws_iam_user_group_membership" "ann_developers" { user = "ann" groups = ["developers"] }`)
	b.click("button", "Add user to groups")
	b.see("Added to 1 group.")
	b.closed()
	b.click("checkbox", "Select developers")
	b.click("button", "Remove")
	b.click("button", "The same by command")
	b.see("aws iam remove-user-from-group")
	awaits[bool](b, "offer no Terraform", "!window.__find('button', 'Terraform')")
	b.click("button", "Remove")
	b.see("Removed from 1 group.")
	groups, err := c.iam.ListGroupsForUser(deadline(t), &iam.ListGroupsForUserInput{UserName: &ann})
	must(t, err)
	if len(groups.Groups) != 0 {
		t.Errorf("ann is still in %v", groups.Groups)
	}

	b.route(page + "tags")
	b.click("button", "Manage tags")
	b.click("button", "Add new tag")
	b.fill("Key", "team")
	b.fill("Value", "blue")
	b.click("button", "Save changes")
	b.closed()
	b.see("blue")

	b.route(page + "security_credentials")
	b.click("button", "Enable console access")
	b.click("button", "Enable console access")
	b.see("the only time that the password can be seen")
	b.click("button", "Download .csv file")
	if file := b.file("ann_credentials.csv"); !strings.HasPrefix(file, "\ufeffUser name,Password,Console sign-in URL\r\nann,") {
		t.Errorf("the file of the password is %q", file)
	}
	b.click("button", "Close")
	b.see("must be changed")

	b.click("button", "Upload SSH public key")
	b.fill("SSH public key", "rubbish")
	b.expect("status of 400")
	b.click("button", "Upload SSH public key")
	b.see("UnrecognizedPublicKeyEncoding · request ")
	b.see("Why?")
	b.fill("SSH public key", sshKey(t))
	b.click("button", "Upload SSH public key")
	b.closed()
	keys, err := c.iam.ListSSHPublicKeys(deadline(t), &iam.ListSSHPublicKeysInput{UserName: &ann})
	must(t, err)
	id := *keys.SSHPublicKeys[0].SSHPublicKeyId
	for _, step := range []string{"Deactivate", "Activate"} {
		b.click("radio", "Select "+id)
		b.choose("Actions for SSH public keys for CodeCommit", step)
		b.click("button", step)
		b.closed()
		b.see(id + " " + strings.ToLower(step) + "d.")
	}
	b.click("radio", "Select "+id)
	b.choose("Actions for SSH public keys for CodeCommit", "Delete")
	b.fill("Confirmation", id)
	b.click("button", "Delete")
	b.see("SSH public keys for CodeCommit (0)")

	b.click("button", "Generate credentials")
	b.click("button", "Generate credentials")
	b.see("Service credentials generated")
	b.click("button", "Show")
	b.click("button", "Close")
	b.see("HTTPS Git credentials for CodeCommit (1)")

	b.route(page + "access_advisor")
	b.see("Amazon S3")
	b.see("Not accessed in the tracking period")

	b.route("#/users")
	b.click("checkbox", "Select ann")
	b.click("button", "Delete")
	b.see("There are active access keys")
	b.click("button", "Deactivate")
	b.see("Deactivate 1 access key?")
	b.click("button", "Deactivate")
	b.see("Delete the user permanently?")
	b.fill("Confirmation", "ann")
	b.click("button", "Delete")
	b.see("The user ann is deleted.")
	_, err = c.iam.GetUser(deadline(t), &iam.GetUserInput{UserName: &ann})
	wantCode(t, "GetUser", err, "NoSuchEntity", "")
}

// TestConsoleRotation changes a key by the wizard while its clients work, and
// then many users at once.
func TestConsoleRotation(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.as(s.root())
	old := c.user(t, s, "robot", "")
	c.user(t, s, "other", "")
	group := "robots"
	_, err := c.iam.CreateGroup(deadline(t), &iam.CreateGroupInput{GroupName: &group})
	must(t, err)
	must(t, old.whoami(deadline(t)))
	b := rooted(t, s, "#/users/details/robot/rotate")
	b.see("There is no such key yet.")
	b.click("button", "Create the new key")
	b.click("button", "The same by command")
	b.see("aws iam create-access-key --user-name robot")
	b.click("button", "Create the new key")
	b.see("Access key created")
	b.click("button", "Download .csv file")
	m := keysCSV.FindStringSubmatch(b.file("robot_accessKeys.csv"))
	if m == nil {
		t.Fatal("the downloaded file has not the form of AWS's")
	}
	b.click("button", "Ready to use")
	b.click("button", "Check that the key works")
	b.see("The key works: arn:aws:iam::" + s.account + ":user/robot")
	b.click("button", "For aws configure import")
	if file := b.file("robot_import.csv"); !strings.HasPrefix(file, "\ufeffUser Name,Access key ID,Secret access key\r\nrobot,"+m[1]) {
		t.Errorf("the file to import is %q", file)
	}
	b.click("button", "Next: watch both keys")
	b.see("The new key was used after the old one.") // the check was a call of its
	b.picture("rotation")
	must(t, s.as(keys{ID: m[1], Secret: m[2]}).whoami(deadline(t)))
	b.click("button", "Deactivate the old key")
	b.click("button", "Deactivate")
	b.see("The old key is inactive.")
	wantCode(t, "the old key", old.whoami(deadline(t)), "InvalidClientTokenId", "")
	b.click("button", "Delete the old key")
	b.fill("Confirmation", old.keys.ID)
	b.click("button", "Delete")
	b.see("The rotation is complete.")

	// A key that is no more is still found, by what the trail remembers.
	b.expect("status of 403")
	b.route("#/find?key=" + old.keys.ID)
	b.see("Deleted")
	b.see("DeleteAccessKey")

	b.route("#/users")
	b.click("checkbox", "Select other")
	b.click("checkbox", "Select robot")
	b.click("button", "Change many")
	b.click("radio", "Add to a group")
	b.click("button", "Choose a group")
	b.click("option", group)
	b.click("button", "Dry run")
	b.see("Nothing is changed yet")
	members := func() int {
		out, err := c.iam.GetGroup(deadline(t), &iam.GetGroupInput{GroupName: &group})
		must(t, err)
		return len(out.Users)
	}
	if n := members(); n != 0 {
		t.Errorf("the dry run put %d users into the group", n)
	}
	b.click("button", "Change 2 users")
	b.see("2 changed, 0 failed.")
	b.picture("bulk")
	if n := members(); n != 2 {
		t.Errorf("%d users are in the group, want 2", n)
	}
	b.click("button", "Download report")
	if file := b.file("report.csv"); !strings.Contains(file, "robot,Add to robots,success") {
		t.Errorf("the report is %q", file)
	}
	b.click("button", "Close")
	b.closed()

	// What goes with the group, and with several users at once.
	document := allow("iam:ListRoles")
	_, err = c.iam.PutGroupPolicy(deadline(t), &iam.PutGroupPolicyInput{GroupName: &group, PolicyName: new("roles"), PolicyDocument: &document})
	must(t, err)
	_, err = s.as(keys{ID: m[1], Secret: m[2]}).iam.ListRoles(deadline(t), &iam.ListRolesInput{})
	must(t, err)
	b.route("#/groups/details/" + group)
	b.click("button", "Delete")
	b.see("In use: the last call was less than a minute ago. Calls in 1 day 7 days 90 days All 1 1 1")
	b.see("Most often iam:ListRoles 1×. Of calls of its 2 members that the policies of this group allowed or denied")
	b.click("button", "Cancel")
	b.closed()
	b.route("#/users")
	b.click("checkbox", "Select other")
	b.click("checkbox", "Select robot")
	b.click("button", "Delete")
	b.see("In use: the last call was")
	b.see("Of calls of these 2 users, in the trail of the last 90 days.")
	b.accessible("the impact on two users")
	b.click("button", "Cancel")
	b.closed()
	b.click("checkbox", "Select other")
	b.click("checkbox", "Select robot")

	// Requiring MFA takes hold at once.
	b.click("checkbox", "Select robot")
	b.click("button", "Change many")
	b.click("radio", "Require MFA")
	b.click("button", "Dry run")
	b.click("button", "Change 1 user")
	b.see("1 changed, 0 failed.")
	b.click("button", "Close")
	_, err = s.as(keys{ID: m[1], Secret: m[2]}).sts.GetCallerIdentity(deadline(t), &sts.GetCallerIdentityInput{})
	must(t, err) // it needs no permission
	policy, name := "RequireMFA", "robot"
	_, err = c.iam.GetUserPolicy(deadline(t), &iam.GetUserPolicyInput{UserName: &name, PolicyName: &policy})
	must(t, err)
}
