package test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// requestID is that of a request that was refused.
func requestID(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok {
		t.Fatalf("not refused: %v", err)
	}
	return e.ServiceRequestID()
}

// marked waits until a text of the page is highlighted.
func (b *tab) marked(text string) {
	b.t.Helper()
	awaits[bool](b, "the mark on "+text, "[...document.querySelectorAll('mark')].some((m) => m.textContent.includes("+quoted(text)+"))")
}

// TestConsoleWhyDenied asks why calls were refused, by each of the ways to ask:
// the id of a request, of an event, an encoded message, an error's text, and the
// link of an error of the console's own.
func TestConsoleWhyDenied(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c, ctx := s.as(s.root()), deadline(t)
	ann := c.user(t, s, "ann", `{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/ann"},{"Sid":"Roles","Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}]}`)
	name, document := "no-roles", `{"Version":"2012-10-17","Statement":[{"Sid":"Other","Effect":"Allow","Action":"iam:ListGroups","Resource":"*"},{"Sid":"NoRoles","Effect":"Deny","Action":"iam:ListRoles","Resource":"*"}]}`
	group := "everyone"
	made, err := c.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document})
	must(t, err)
	_, err = c.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: &group})
	must(t, err)
	_, err = c.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: &group, UserName: aws.String("ann")})
	must(t, err)
	_, err = c.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: &group, PolicyArn: made.Policy.Arn})
	must(t, err)

	_, err = ann.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("bob")})
	absent := requestID(t, err)
	_, err = ann.iam.ListRoles(ctx, &iam.ListRolesInput{})
	denied := requestID(t, err)
	h := newHome(t)
	h.profile("default", ann.keys)
	_, stderr, _ := session{t: t, cli: anyCLI(t), home: h, endpoint: s.endpoint}.run("ec2", "describe-instances")
	if !strings.Contains(stderr, "Encoded authorization failure message: ") {
		t.Fatalf("describe-instances said %s", stderr)
	}

	b := openTab(t, s, "/console/#/why?request="+absent)
	b.expect("status of 404") // the user nobody, below
	b.see("IAM user sign in")
	b.asRoot()
	b.see("Own allows the action, but on arn:aws:iam::*:user/ann, not on arn:aws:iam::" + s.account + ":user/bob.")
	b.marked(`"Sid": "Own"`)
	b.see("The least that would allow it")
	b.see("Tested: with this policy added, the call would be allowed.")
	b.accessible("why nothing allows it")

	b.fill("Error text, request ID, event ID or encoded message", denied)
	b.click("button", "Explain")
	b.see("The statement in no-roles that denies it must go or be narrowed")
	b.see("NoRoles denies it.")
	b.marked(`"Sid": "NoRoles"`)
	b.see("attached through group everyone")
	b.accessible("why it is denied")
	b.picture("why-denied")

	root := newHome(t)
	root.profile("default", s.root())
	event := at(t, session{t: t, cli: anyCLI(t), home: root, endpoint: s.endpoint}.json("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=ListRoles"), "Events", 0, "EventId").(string)
	b.fill("Error text, request ID, event ID or encoded message", event)
	b.click("button", "Explain")
	b.see("Event ID " + event)
	b.see("NoRoles denies it.")

	_, message, _ := strings.Cut(stderr, "Encoded authorization failure message: ")
	b.fill("Error text, request ID, event ID or encoded message", strings.TrimSpace(message))
	b.click("button", "Explain")
	b.see("ec2:DescribeInstances")
	b.see("Denied: nothing allows it")
	b.see("Tested: with this policy added, the call would be allowed.")

	b.fill("Error text, request ID, event ID or encoded message", "User: arn:aws:iam::"+s.account+":user/ann is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::"+s.account+":role/ with an explicit deny in an identity-based policy")
	b.click("button", "Explain")
	b.see("A statement denies it: identity-based policy.")
	b.marked(`"Sid": "NoRoles"`)

	// Every error that the console shows leads there.
	b.route("#/users/details/nobody")
	b.see("The user with name nobody cannot be found.")
	b.click("link", "Why?")
	b.see("The policies allowed the call; the service refused it for what it was to do.")
}
