package test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// editor puts the cursor into the policy editor that is open, with that text and
// the cursor where it has a bar.
func (b *tab) editor(text string) {
	b.t.Helper()
	before, after, _ := strings.Cut(text, "|")
	b.eval("window.__editor = () => [...document.querySelectorAll('.ace_editor:not(.ace_autocomplete)')].at(-1)?.env?.editor")
	awaits[bool](b, "the editor", "window.__editor()?.getValue() !== undefined")
	b.eval("const e = window.__editor(); e.focus(); e.setValue(" + quoted(before+after) + ", -1); e.session.selection.moveCursorToPosition(e.session.doc.indexToPosition(" + quotedNumber(len(before)) + "))")
}

func quotedNumber(n int) string {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err) // numbers always encode
	}
	return string(b)
}

// edited is the text of the policy editor that is open.
func (b *tab) edited() string {
	b.t.Helper()
	return awaits[string](b, "the text of the editor", "window.__editor().getValue()")
}

// popup asks for suggestions, with Ctrl+Space, and waits for one.
func (b *tab) popup(text string) {
	b.t.Helper()
	// 2 is Ctrl.
	space := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeRawKeyDown, Key: " ", Code: "Space", WindowsVirtualKeyCode: 32, Modifiers: 2}
	b.do("press Ctrl+Space", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, space)
		space.Type = input.DispatchKeyEventTypeKeyUp
		if err == nil {
			_, err = cdp.Call(ctx, t, input.DispatchKeyEvent, space)
		}
		return chromedp.Void{}, err
	})
	awaits[bool](b, "the suggestion "+text, "[...document.querySelectorAll('.ace_autocomplete .ace_line')].some((l) => l.textContent.includes("+quoted(text)+"))")
}

// TestConsolePolicyEditor writes a policy in the editor: findings stand at their
// lines, actions, resources and conditions are completed by keyboard, the forms
// and the JSON are one, and the summary says what came of it.
func TestConsolePolicyEditor(t *testing.T) {
	t.Parallel()
	s := filled(t)
	b := openTab(t, s, "/console/#/policies/create")
	b.expect("status of 404")
	b.see("IAM user sign in")
	b.asRoot()
	b.see("Specify permissions")

	// What Access Analyzer says, at its lines.
	b.editor("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": {\n    \"Effect\": \"Allow\",\n    \"Action\": [\"s3:ListBuckets\", \"s3:GetObject\"],\n    \"Resource\": \"*\"\n  }\n}")
	b.see("Errors: 1")
	b.see("The action s3:ListBuckets does not exist. Did you mean s3:ListAllMyBuckets?")
	awaits[bool](b, "the error at line 5", "[...document.querySelectorAll('.ace_gutter-cell')].some((c) => c.textContent.trim().startsWith('5') && /ace_error/.test(c.className + c.innerHTML))")
	b.accessible("the editor with findings")
	b.picture("policy-editor")
	b.click("button", "Line 5, column 16")
	awaits[bool](b, "the cursor at the error", "(({ row, column }) => row === 4 && column === 15)(window.__editor().getCursorPosition())")
	b.editor(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}}`)
	b.see("Security: 1")
	b.see("Using the iam:PassRole action with wildcards (*) in the resource can be overly permissive")

	// Completion, by keyboard alone.
	b.editor(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["|"],"Resource":[]}]}`)
	b.write("s3:GetObjectL")
	b.popup("s3:GetObjectLegalHold")
	b.press(kb.Enter)
	awaits[bool](b, "the action", "window.__editor().getValue().includes('\"s3:GetObjectLegalHold\"')")
	b.editor(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["|"]}]}`)
	b.write("arn:aws:s3:::B")
	b.popup("arn:aws:s3:::BucketName/ObjectName")
	b.press(kb.Enter)
	awaits[bool](b, "the resource", "window.__editor().getValue().includes('\"arn:aws:s3:::BucketName/ObjectName\"')")
	b.editor(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["*"],"Condition":{"StringEquals":{"|":"x"}}}]}`)
	b.write("aws:SourceVpcA")
	b.popup("aws:SourceVpcArn")
	b.press(kb.Escape)

	// The same as forms.
	b.editor(`{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`)
	b.see("Security: 0")
	b.click("button", "Visual")
	b.see("Read: Allow")
	b.accessible("the visual editor")
	b.click("button", "Add more permissions")
	b.see("Statement2: Allow")
	b.fill("ARN for statement 1", "arn:aws:s3:::c/*")
	b.press(kb.Escape)
	b.click("button", "Add ARN to statement 1")
	b.see("arn:aws:s3:::c/*")
	b.fill("Condition key for statement 1", "aws:username")
	b.press(kb.Escape)
	b.fill("Values for statement 1", "ann")
	b.click("button", "Add condition to statement 1")
	b.see("aws:username StringEquals ann")
	b.click("button", "Remove statement 2")
	b.click("button", "JSON")
	var doc struct {
		Version   string
		Statement []struct {
			Sid, Effect, Action string
			Resource            []string
			Condition           map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(b.edited()), &doc); err != nil || len(doc.Statement) != 1 || doc.Statement[0].Sid != "Read" || doc.Statement[0].Action != "s3:GetObject" ||
		strings.Join(doc.Statement[0].Resource, " ") != "arn:aws:s3:::b/* arn:aws:s3:::c/*" || doc.Statement[0].Condition["StringEquals"]["aws:username"] != "ann" {
		t.Errorf("the forms made %s (%v)", b.edited(), err)
	}
	b.click("button", "Next")
	b.see("Permissions defined in this policy")
	b.see("Limited: Read")
	b.see("aws:username | StringEquals | ann")
	b.fill("Policy name", "read-two")
	b.click("button", "The same by command")
	b.see("aws iam create-policy --policy-name read-two --policy-document")
	b.click("button", "Terraform")
	b.see(`resource "aws_iam_policy" "read-two" { name = "read-two" policy = <<-EOT { "Version": "2012-10-17",`)
	b.click("button", "Create policy")
	b.see("Policy read-two created.")

	// The summary, with its actions.
	b.route("#/policies/details/" + "arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FIAMReadOnlyAccess")
	b.see("Allow (1 of ")
	b.click("button", "AWS Identity and Access Management (IAM)")
	b.see("allowed actions")
	b.see("GetUser")
	b.accessible("the summary of a service")
}

// TestConsolePolicyReplay changes a policy and sees which of the calls of the
// past would be denied, and what it is used for before it goes.
func TestConsolePolicyReplay(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c, ctx := s.as(s.root()), deadline(t)
	ann := c.user(t, s, "ann", "")
	name, user, document := "team", "ann", `{"Version":"2012-10-17","Statement":[{"Sid":"Look","Effect":"Allow","Action":["iam:ListUsers","iam:GetUser"],"Resource":"*"}]}`
	made, err := c.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document})
	must(t, err)
	_, err = c.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &user, PolicyArn: made.Policy.Arn})
	must(t, err)
	for range 3 {
		_, err = ann.iam.ListUsers(ctx, &iam.ListUsersInput{})
		must(t, err)
	}
	_, err = ann.iam.ListGroups(ctx, &iam.ListGroupsInput{})
	wantCode(t, "ListGroups", err, "AccessDenied", "")

	b := openTab(t, s, "/console/#/policies/details/arn%3Aaws%3Aiam%3A%3A"+s.account+"%3Apolicy%2Fteam")
	b.expect("status of 404") // ann has no password
	b.see("IAM user sign in")
	b.asRoot()
	b.see("Policy details")
	b.click("button", "Edit")
	b.editor(`{"Version":"2012-10-17","Statement":[{"Sid":"Look","Effect":"Allow","Action":["iam:ListGroups","iam:GetUser"],"Resource":"*"}]}`)
	b.see("Lines that come: 1; that go: 1")
	b.click("button", "The same by command")
	b.see("aws iam create-policy-version --policy-arn " + *made.Policy.Arn + " --policy-document")
	b.click("button", "Replay past calls")
	b.see("3 calls that were allowed would be denied, 1 that were denied would be allowed")
	b.see("Of 4 calls, 2 of them different, by 1 of those who have the policy.")
	b.accessible("the replay")
	b.eval("[...document.querySelectorAll('[role=dialog] table')].at(-1).scrollIntoView({block: 'end'})")
	b.picture("policy-replay")
	b.click("button", "Cancel")

	b.click("button", "Delete")
	b.see("In use: the last call was")
	b.see("Most often iam:ListUsers 3×. Of calls that this policy allowed or denied")
	b.click("button", "The same by command")
	b.see("aws iam detach-user-policy --user-name ann --policy-arn " + *made.Policy.Arn)
	b.fill("Confirmation", "team")
	b.click("button", "Delete")
	b.see("The policy team is deleted.")
	_, err = c.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: made.Policy.Arn})
	wantCode(t, "GetPolicy", err, "NoSuchEntity", "")
	b.route("#/users/details/ann?section=security_credentials")
	b.click("button", "Actions for "+ann.keys.ID)
	b.click("menuitem", "Deactivate")
	b.see("In use: the last call was")
	b.see("Service iam 4 4 4 Source IP address 127.0.0.1 4 4 4 User agent aws-sdk-go-v2/")
}
