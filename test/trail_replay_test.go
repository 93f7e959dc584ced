package test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// replayed is what trail replay --json prints.
type replayed struct {
	Events, Skipped, Since int
	Groups                 []struct {
		Outcome, Principal, Action, Resource, Reason string
		Count                                        int
	}
}

func (r *replayed) String() string {
	var lines []string
	for _, g := range r.Groups {
		lines = append(lines, fmt.Sprint(g.Outcome, " ", g.Count, " ", g.Principal[strings.LastIndexByte(g.Principal, ':')+1:], " ", g.Action))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// replay replays all events with the changes, which are JSON.
func (s *server) replay(changes ...string) (r replayed) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "changes.json")
	must(s.t, os.WriteFile(file, []byte(`{"changes":[`+strings.Join(changes, ",")+`]}`), 0o600))
	must(s.t, json.Unmarshal([]byte(s.must("trail", "replay", "--policy-change", file, "--json")), &r))
	return r
}

// TestReplay: each kind of change says who would have lost or gained what, with
// the session policies and the condition keys that the calls had.
func TestReplay(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	at := "arn:aws:iam::" + s.account + ":"
	tagged := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:CreateUser","iam:TagUser"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"blue"}}},
{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"blue"}}},
{"Effect":"Allow","Action":["sts:AssumeRole","iam:AddRoleToInstanceProfile","sts:GetFederationToken"],"Resource":"*"},
{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}]}`
	alice := root.user(t, s, "alice", tagged)
	policy := func(name string, actions ...string) string {
		out, err := root.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(allow(actions...))})
		must(t, err)
		return *out.Policy.Arn
	}
	lists, reads := policy("lists", "iam:ListUsers", "iam:ListRoles"), policy("reads", "iam:ListGroups")
	_, err := root.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("staff")})
	must(t, err)
	_, err = root.iam.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: aws.String("staff"), PolicyArn: &lists})
	must(t, err)
	_, err = root.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("alice"), PolicyArn: &reads})
	must(t, err)
	_, err = root.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: aws.String("alice"), GroupName: aws.String("staff")})
	must(t, err)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + at + `user/alice"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x1"}}}]}`
	reader := root.role(t, "reader", trust, allow("iam:ListUsers", "iam:ListGroups"))
	_, err = root.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("profile")})
	must(t, err)

	_, err = alice.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("made"), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}})
	must(t, err)
	_, err = alice.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("made")})
	must(t, err)
	_, err = alice.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("plain")})
	wantCode(t, "CreateUser without a tag", err, "AccessDenied", "")
	_, err = alice.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, err = alice.iam.ListGroups(ctx, &iam.ListGroupsInput{})
	must(t, err)
	_, err = alice.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("profile"), RoleName: aws.String("reader")})
	must(t, err)
	_, err = alice.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &reader, RoleSessionName: aws.String("none")})
	wantCode(t, "AssumeRole without the id", err, "AccessDenied", "")
	role, err := alice.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &reader, RoleSessionName: aws.String("narrow"), ExternalId: aws.String("x1"), Policy: aws.String(allow("iam:ListUsers"))})
	must(t, err)
	narrow := s.as(credentialsOf(role.Credentials))
	_, err = narrow.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	_, err = narrow.iam.ListGroups(ctx, &iam.ListGroupsInput{})
	wantCode(t, "ListGroups in a narrow session", err, "AccessDenied", "no session policy allows")
	s.awaitEvents(1, "--name", "ListGroups", "--errors")

	user, group := at+"user/alice", at+"group/staff"
	for _, tt := range []struct{ name, change, want string }{
		{"nothing", ``, ""},
		{"attach to a user", `{"do":"attach","principal":"` + user + `","document":` + allow("iam:CreateUser") + `}`, "gained 1 user/alice iam:CreateUser"},
		{"attach to a role does not widen its session", `{"do":"attach","principal":"` + reader + `","document":` + allow("iam:*") + `}`, ""},
		{"detach of a user", `{"do":"detach","principal":"` + user + `","policy":"` + reads + `"}`, "lost 1 user/alice iam:ListGroups"},
		{"detach of a group", `{"do":"detach","principal":"` + group + `","policy":"` + lists + `"}`, "lost 1 user/alice iam:ListUsers"},
		{"detach of what it has by a group", `{"do":"detach","principal":"` + user + `","policy":"` + lists + `"}`, ""},
		{"detach of an inline policy", `{"do":"detach","principal":"` + reader + `","policy":"own"}`, "lost 1 role/reader iam:ListUsers"},
		{"version", `{"do":"version","policy":"` + lists + `","document":` + statement("Deny", "iam:ListGroups") + `}`, "lost 1 user/alice iam:ListGroups; lost 1 user/alice iam:ListUsers"},
		{"boundary", `{"do":"boundary","principal":"` + user + `","document":` + allow("iam:List*", "iam:CreateUser", "iam:GetUser", "iam:TagUser", "sts:*", "iam:AddRoleToInstanceProfile") + `}`, "lost 1 user/alice iam:PassRole"},
		{"boundary of a role", `{"do":"boundary","principal":"` + reader + `","policy":"` + reads + `"}`, "lost 1 role/reader iam:ListUsers"},
		{"scp", `{"do":"scp","account":"` + s.account + `","document":` + statement("Deny", "sts:AssumeRole") + `}`, "lost 1 user/alice sts:AssumeRole"},
		{"deactivate", `{"do":"deactivate","key":"` + narrow.keys.ID + `"}`, "lost 1 role/reader iam:ListUsers"},
	} {
		r := s.replay(tt.change)
		if r.String() != tt.want || r.Since != 0 || r.Events < 20 {
			t.Errorf("%s: %d events, of which %d were decided otherwise: %s; want %s", tt.name, r.Events, r.Since, r.String(), tt.want)
		}
	}
	_, err = root.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: aws.String("alice"), PolicyArn: &reads})
	must(t, err)
	if r := s.replay(); r.Since != 1 || len(r.Groups) > 0 {
		t.Errorf("after a policy was detached: %d of %d events were decided otherwise then, %s; want 1", r.Since, r.Events, r.String())
	}
	asThen(t, s, root, lists)
	id := s.events("--name", "ListGroups", "--errors")[0].EventID
	if out := s.must("explain", id); !strings.Contains(out, "Now: implicitDeny") {
		t.Errorf("explain of a call in a session that is narrow:\n%s", out)
	}
}

// asThen changes and deletes the policy that allowed a call: its event is
// explained by the version that did, and the policies are held to their names.
func asThen(t *testing.T, s *server, root *clients, policy string) {
	t.Helper()
	ctx := deadline(t)
	_, err := root.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: &policy, PolicyDocument: aws.String(statement("Deny", "iam:ListUsers")), SetAsDefault: true})
	must(t, err)
	_, err = root.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &policy, VersionId: aws.String("v1")})
	must(t, err)
	var answer struct {
		Then, Now []struct {
			Decision string
			Policies []struct{ Source struct{ ARN string } }
		}
		Text string
	}
	id := s.events("--name", "ListUsers", "--user", "alice")[0].EventID
	must(t, json.Unmarshal([]byte(s.must("explain", id, "--json")), &answer))
	if len(answer.Then) != 1 || len(answer.Now) != 1 || answer.Then[0].Decision != "allowed" || answer.Now[0].Decision != "explicitDeny" || len(answer.Then[0].Policies) < 3 {
		t.Errorf("a call that a policy of then allowed is explained as %+v", answer)
	}
	if out := s.must("trail", "verify"); !strings.Contains(out, ", 0 are not signed yet") {
		t.Errorf("trail verify: %s", out)
	}
}

// TestReplayHistory makes a long history by random calls of random principals.
// The policies of now decide each event as it was decided, and the least policy
// of each principal allows all that it was allowed.
func TestReplayHistory(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	rnd := rand.New(rand.NewPCG(7, 11))
	h := &history{t: t, s: s, rnd: rnd}
	for i := range 4 {
		h.callers = append(h.callers, root.user(t, s, fmt.Sprint("caller", i), h.policy()))
		h.arns = append(h.arns, fmt.Sprint("arn:aws:iam::", s.account, ":user/caller", i))
	}
	for i := range 2 {
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + s.account + `"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`
		name := fmt.Sprint("role", i)
		arn := root.role(t, name, trust, h.policy())
		in := &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("work")}
		if i == 1 {
			in.Policy = aws.String(h.policy())
		}
		admin := root.user(t, s, "for"+name, allow("sts:*"))
		out, err := admin.sts.AssumeRole(deadline(t), in)
		must(t, err)
		h.callers, h.arns = append(h.callers, s.as(credentialsOf(out.Credentials))), append(h.arns, arn)
	}
	const calls = 1200
	for range calls {
		h.call()
	}
	if h.allowed < calls/10 || h.allowed > calls*9/10 {
		t.Fatalf("%d of %d calls were allowed: the history tests little", h.allowed, calls)
	}
	for late := time.Now().Add(patience); len(s.events("--principal", h.arns[0]))+len(s.events("--principal", h.arns[5])) < h.made[0]+h.made[5]; {
		if time.Now().After(late) {
			t.Fatal("not all events come")
		}
	}
	if r := s.replay(); r.Since != 0 || len(r.Groups) > 0 || r.Events < calls*9/10 {
		t.Errorf("%d events, %d were decided otherwise", r.Events, r.Since)
	}
	for _, arn := range h.arns {
		least := s.must("trail", "policy", "--principal", arn)
		document, _, _ := strings.Cut(least, "\n}\n")
		r := s.replay(`{"do":"detach","principal":"`+arn+`","policy":"own"}`, `{"do":"attach","principal":"`+arn+`","document":`+document+"}}")
		for _, g := range r.Groups {
			if g.Principal == arn && g.Outcome == "lost" {
				t.Errorf("with its least policy %s would have lost %d times %s on %s: %s\n%s", arn, g.Count, g.Action, g.Resource, g.Reason, document)
			}
		}
	}
}

type history struct {
	t       *testing.T
	s       *server
	rnd     *rand.Rand
	callers []*clients
	arns    []string
	made    [8]int // calls by each caller
	allowed int
	n       int
}

// policy is a policy of random statements, some of which have conditions.
func (h *history) policy() string {
	actions := []string{"iam:GetUser", "iam:CreateUser", "iam:TagUser", "iam:List*", "iam:DeleteUser", "iam:CreateRole", "iam:GetRole", "iam:PassRole", "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "sts:*"}
	conditions := []string{
		"", "", `,"Condition":{"StringEquals":{"aws:RequestTag/team":"blue"}}`, `,"Condition":{"StringEqualsIfExists":{"iam:ResourceTag/team":"blue"}}`,
		`,"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`, `,"Condition":{"StringLike":{"aws:userid":"A*"}}`, `,"Condition":{"Bool":{"aws:SecureTransport":"false"}}`,
	}
	all := []string{`{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}`} // nobody did nothing
	for range 3 + h.rnd.IntN(4) {
		effect := "Allow"
		if h.rnd.IntN(6) == 0 {
			effect = "Deny"
		}
		resource := []string{"*", "*", "arn:aws:iam::*:user/u1*", "arn:aws:iam::*:role/r*"}[h.rnd.IntN(4)]
		all = append(all, `{"Effect":"`+effect+`","Action":["`+actions[h.rnd.IntN(len(actions))]+`","`+actions[h.rnd.IntN(len(actions))]+`"],"Resource":"`+resource+`"`+conditions[h.rnd.IntN(len(conditions))]+`}`)
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(all, ",") + `]}`
}

// call makes a random call.
func (h *history) call() {
	h.t.Helper()
	i := h.rnd.IntN(len(h.callers))
	h.n++
	h.made[i]++
	ctx, c := deadline(h.t), h.callers[i]
	user, role, profile := fmt.Sprint("u", h.rnd.IntN(30)), fmt.Sprint("r", h.rnd.IntN(9)), fmt.Sprint("p", h.rnd.IntN(5))
	tags := []iamtypes.Tag{{Key: aws.String([]string{"team", "stage"}[h.rnd.IntN(2)]), Value: aws.String([]string{"blue", "red"}[h.rnd.IntN(2)])}}
	if h.rnd.IntN(3) == 0 {
		tags = nil
	}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	calls := []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := c.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &user, Tags: tags})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.GetUser(ctx, &iam.GetUserInput{UserName: &user})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.TagUser(ctx, &iam.TagUserInput{UserName: &user, Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String([]string{"blue", "red"}[h.rnd.IntN(2)])}}})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &user})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.ListUsers(ctx, &iam.ListUsersInput{})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &trust, Tags: tags})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &profile})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &profile, RoleName: &role})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.sts.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("guest")})
			return err
		},
	}
	if err := calls[h.rnd.IntN(len(calls))](ctx); codeOf(err) != "AccessDenied" {
		h.allowed++
	}
}
