package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// administrator makes a user who may do everything, with a password.
func (c *clients) administrator(t *testing.T, name, password string) {
	t.Helper()
	_, err := c.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: &name})
	must(t, err)
	_, err = c.iam.AttachUserPolicy(deadline(t), &iam.AttachUserPolicyInput{UserName: &name, PolicyArn: new("arn:aws:iam::aws:policy/AdministratorAccess")})
	must(t, err)
	_, err = c.iam.CreateLoginProfile(deadline(t), &iam.CreateLoginProfileInput{UserName: &name, Password: &password})
	must(t, err)
}

// TestConsoleRoles makes a role, changes it, acts as it, cuts its sessions off
// and deletes it: as a user, as root can't switch.
func TestConsoleRoles(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.as(s.root())
	c.administrator(t, "mary", "Correct-Horse-9")
	b := openTab(t, s, "/console/"+s.account+"#/roles/create")
	b.fill("IAM username", "mary")
	b.fill("Password", "Correct-Horse-9")
	b.click("button", "Sign in")

	b.see("This account (" + s.account + ")")
	b.click("button", "Next")
	b.fill("Search permissions policies", "AmazonS3ReadOnlyAccess")
	b.click("checkbox", "Select AmazonS3ReadOnlyAccess")
	b.click("button", "Next")
	b.click("button", "Create role")
	b.see("Enter a name for the role.")
	b.fill("Role name", "auditor")
	b.fill("Description - optional", "reads all")
	b.click("button", "Create role")
	b.see("Role auditor created.")

	b.click("link", "auditor")
	b.see("reads all")
	b.click("button", "Document of AmazonS3ReadOnlyAccess")
	b.see("s3-object-lambda:Get*")
	b.click("button", "Edit")
	b.click("button", "1 hour")
	b.click("option", "4 hours")
	b.click("button", "The same by command")
	b.see("--max-session-duration 14400")
	b.click("button", "Save changes")
	b.see("Role changed.")
	b.see("4 hours")

	b.click("tab", "Tags")
	b.click("button", "Manage tags")
	b.click("button", "Add new tag")
	b.fill("Key", "owner")
	b.fill("Value", "mary")
	b.click("button", "Save changes")
	b.closed()
	b.see("owner")

	b.click("tab", "Trust relationships")
	b.see("arn:aws:iam::" + s.account + ":root")
	b.click("tab", "Last Accessed")
	b.see("Not accessed in the tracking period")

	b.route("#/switch-role?account=" + s.account + "&roleName=auditor")
	b.click("radio", "Green")
	b.click("button", "Switch role")
	b.see("auditor @ " + s.account)
	b.expect("status of 403")
	b.route("#/users")
	b.see("You need permission for iam:ListUsers")
	b.route("#/groups/create")
	b.fill("User group name", "forbidden")
	b.click("button", "Create user group")
	b.see("You need permission for iam:CreateGroup")
	b.see("assumed-role/auditor/")
	b.choose("auditor @ "+s.account, "Switch back")
	b.see("mary @ " + s.account)

	b.route("#/roles/details/auditor?section=revoke_sessions")
	b.click("button", "Revoke active sessions")
	b.click("checkbox", "I acknowledge")
	b.click("button", "Revoke active sessions")
	b.see("Sessions that began before now are revoked.")
	policies, err := c.iam.ListRolePolicies(deadline(t), &iam.ListRolePoliciesInput{RoleName: new("auditor")})
	must(t, err)
	if len(policies.PolicyNames) != 1 || policies.PolicyNames[0] != "AWSRevokeOlderSessions" {
		t.Errorf("the role has the policies %q", policies.PolicyNames)
	}
	b.click("button", "Delete")
	b.see("Inline policy AWSRevokeOlderSessions")
	b.fill("Confirmation", "auditor")
	b.click("button", "Delete")
	b.see("The role auditor is deleted.")

	// Each kind of trusted entity has its own questions.
	b.route("#/roles/create")
	b.gone("The role auditor is deleted.")
	b.see("This account (" + s.account + ")")
	b.click("radio", "AWS service")
	b.see("Service or use case")
	b.click("button", "Next")
	b.see("Say whom the role trusts.")
	b.fill("Service or use case", "lambda.amazonaws.com")
	b.click("button", "Next")
	b.click("button", "Next")
	b.see(`"Service": "lambda.amazonaws.com"`)
	b.fill("Role name", "function")
	b.click("button", "Create role")
	b.see("Role function created.")
}

// scheduled runs what the page says for a scheduler, in a shell: it stores the
// report. The line for a crontab is the same, quoted for that.
func (b *tab) scheduled(s *server) {
	b.t.Helper()
	b.see("Scheduled download")
	texts := awaits[[]string](b, "the commands", "(c => c.length === 2 && c.map((e) => e.textContent))([...document.querySelectorAll('.code')].filter((e) => e.textContent.includes('get-credential-report')))")
	line, command := texts[0], texts[1]
	if rest, ok := strings.CutPrefix(line, "0 6 * * 1 "); !ok || strings.ReplaceAll(rest, `\%`, "%") != command {
		b.t.Errorf("the line for a crontab is %s, for the command %s", line, command)
	}
	h := newHome(b.t, "AWS_REGION=us-east-1")
	h.profile("default", s.root())
	shell := exec.CommandContext(deadline(b.t), "sh", "-c", command)
	shell.Env, shell.Dir = append(h.environ(), "PATH="+filepath.Dir(anyCLI(b.t).path)+":"+os.Getenv("PATH")), h.dir
	if out, err := shell.CombinedOutput(); err != nil {
		b.t.Fatalf("the command = %v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(h.dir, "credential-report-20*.csv"))
	if must(b.t, err); len(files) != 1 {
		b.t.Fatalf("the command stored %q", files)
	}
	report, err := os.ReadFile(files[0])
	if must(b.t, err); !strings.Contains(string(report), "\nann,arn:aws:iam::"+s.account+":user/ann,") {
		b.t.Errorf("the command stored\n%s", report)
	}
}

// TestConsoleAccount changes the account: its alias, password policy and identity
// providers; then it reads the credential report and what the trail has of it.
func TestConsoleAccount(t *testing.T) {
	t.Parallel()
	s := filled(t)
	c := s.as(s.root())
	b := rooted(t, s, "#/home")
	b.expect("status of 400") // outbound federation is disabled

	b.click("button", "Create")
	b.fill("Preferred alias", "acme-"+s.account)
	b.click("button", "Save changes")
	b.see("Alias saved.")
	b.see("/console/acme-" + s.account)
	b.click("button", "Delete")
	b.click("button", "Delete")
	b.see("Alias deleted.")

	b.route("#/account_settings")
	b.see("at least 8 characters")
	b.click("button", "Edit")
	b.click("radio", "Custom")
	b.fill("Password minimum length", "14")
	b.click("checkbox", "Require at least one number")
	b.click("button", "The same by command")
	b.see("aws iam update-account-password-policy --minimum-password-length 14")
	b.click("button", "Save changes")
	b.see("Minimum length is 14 characters")
	b.click("button", "Edit")
	b.click("radio", "IAM default")
	b.click("button", "Save changes")
	b.see("at least 8 characters")

	b.route("#/identity_providers/create")
	b.click("radio", "OpenID Connect")
	b.fill("Provider URL", "https://login.example.com")
	b.fill("Audience", "app")
	b.click("button", "Add provider")
	b.see("Provider login.example.com added.")
	b.click("link", "login.example.com")
	b.click("button", "Add audience")
	b.fill("Audiences", "second")
	b.click("button", "Add audience")
	b.closed()
	b.click("radio", "Select app")
	b.click("button", "Remove")
	b.click("button", "Remove")
	b.closed()
	arn := "arn:aws:iam::" + s.account + ":oidc-provider/login.example.com"
	provider, err := c.iam.GetOpenIDConnectProvider(deadline(t), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	must(t, err)
	if got := strings.Join(provider.ClientIDList, ","); got != "second" {
		t.Errorf("the provider's audiences are %s, want second", got)
	}
	b.click("button", "Delete")
	b.fill("Confirmation", "confirm")
	b.click("button", "Delete")
	b.see("Provider login.example.com deleted.")

	b.route("#/credential_report")
	b.click("button", "Download credentials report")
	b.see("1 user and root")
	if report := b.download(regexp.MustCompile(`^status_reports_.*\.csv$`)); !strings.Contains(report, "\nann,arn:aws:iam::"+s.account+":user/ann,") {
		t.Errorf("the report is\n%s", report)
	}
	b.route("#/health")
	b.see("ann")
	b.see("Never")
	b.picture("health")
	b.scheduled(s)

	b.route("#/simulator?action=s3:GetObject&principal=arn:aws:iam::" + s.account + ":user/ann")
	b.click("button", "The same by command")
	b.see("aws iam simulate-principal-policy --policy-source-arn arn:aws:iam::" + s.account + ":user/ann --action-names")
	b.click("button", "Run simulation")
	b.see("Allowed")

	b.route("#/events")
	b.click("button", "Read-only")
	b.click("option", "Event name")
	b.fill("Value", "CreateOpenIDConnectProvider")
	b.click("button", "Look up")
	b.see("Events (2)")
	b.gone("CreateRole")
	b.click("link", "CreateOpenIDConnectProvider")
	b.see("Resources referenced")
	b.see(`"eventName": "CreateOpenIDConnectProvider"`)
	b.accessible("an event")

	// The panel at the side has all that was done, as commands, Python and requests.
	b.click("button", "CLI")
	b.see("aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn " + arn + " --client-id second")
	b.click("button", "Python")
	b.see(`.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn="` + arn + `", ClientID="second")`)
	b.click("button", "Request")
	b.see("POST / HTTP/1.1")
	b.see("Action=AddClientIDToOpenIDConnectProvider")
	b.accessible("the commands")
}
