package test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// event is what these tests look at of a record.
type event struct {
	EventVersion, EventTime, EventSource, EventName, AWSRegion, SourceIPAddress, UserAgent string
	ErrorCode, ErrorMessage, RequestID, EventID, EventType, EventCategory                  string
	RecipientAccountID                                                                     string `json:"recipientAccountId"`
	ReadOnly, ManagementEvent                                                              bool
	UserIdentity                                                                           struct {
		Type, PrincipalID, ARN, AccountID, AccessKeyID, UserName string
		SessionContext                                           *struct {
			SessionIssuer *struct{ Type, ARN, UserName string }
			Attributes    struct{ CreationDate, MFAAuthenticated string }
		}
	}
	RequestParameters, ResponseElements map[string]any
	raw                                 string
}

// events are those that a search finds, the newest first.
func (s *server) events(args ...string) (all []event) {
	s.t.Helper()
	for line := range strings.Lines(s.must(append([]string{"trail", "search", "--json"}, args...)...)) {
		e := event{raw: line}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Fatalf("event %s: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

// awaitEvents waits until there are that many events: those of reading calls
// come later than their answers.
func (s *server) awaitEvents(n int, args ...string) (all []event) {
	s.t.Helper()
	for late := time.Now().Add(patience); time.Now().Before(late); time.Sleep(20 * time.Millisecond) {
		if all = s.events(args...); len(all) >= n {
			return all
		}
	}
	s.t.Fatalf("there are %d events of %v, want %d", len(all), args, n)
	return nil
}

// TestTrail: every kind of caller and of failure leaves one event, in
// CloudTrail's form, and none holds a secret.
func TestTrail(t *testing.T) {
	t.Parallel()
	s := serve(t)
	ctx := deadline(t)
	root := s.as(s.root())
	secrets := []string{s.root().Secret}
	issue := func(k keys) keys {
		secrets = append(secrets, k.Secret)
		if k.Token != "" {
			secrets = append(secrets, k.Token)
		}
		return k
	}
	alice := root.user(t, s, "alice", allow("iam:GetUser", "sts:AssumeRole", "sts:GetFederationToken", "iam:ChangePassword"))
	issue(alice.keys)
	password := "Pass-w0rd-of-alice!"
	secrets = append(secrets, password)
	_, err := root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: &password})
	must(t, err)
	device, err := root.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: aws.String("phone")})
	must(t, err)
	secrets = append(secrets, string(device.VirtualMFADevice.Base32StringSeed))
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + s.account + `"},"Action":"sts:AssumeRole"}]}`
	_, err = root.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("reader"), AssumeRolePolicyDocument: &trust})
	must(t, err)
	_, err = root.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allow("iam:ListUsers"))})
	must(t, err)
	role, err := alice.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + s.account + ":role/reader"), RoleSessionName: aws.String("work")})
	must(t, err)
	_, err = s.as(issue(keys{*role.Credentials.AccessKeyId, *role.Credentials.SecretAccessKey, *role.Credentials.SessionToken})).iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	fed, err := alice.sts.GetFederationToken(ctx, &sts.GetFederationTokenInput{Name: aws.String("guest")})
	must(t, err)
	must(t, s.as(issue(keys{*fed.Credentials.AccessKeyId, *fed.Credentials.SecretAccessKey, *fed.Credentials.SessionToken})).whoami(ctx))
	must(t, s.as(issue(alice.session(t))).whoami(ctx))
	_, err = alice.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("alice")})
	wantCode(t, "DeleteUser", err, "AccessDenied", "iam:DeleteUser")
	wrong := alice.keys
	wrong.Secret = strings.Repeat("x", 40)
	wantCode(t, "a wrong secret", s.as(wrong).whoami(ctx), "SignatureDoesNotMatch", "")
	wantCode(t, "an unknown key", s.as(keys{ID: "AKIAIOSFODNN7EXAMPLE", Secret: wrong.Secret}).whoami(ctx), "InvalidClientTokenId", "")
	_, err = root.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("nobody")})
	wantCode(t, "GetUser", err, "NoSuchEntity", "nobody")

	all := s.awaitEvents(17)
	for _, want := range []struct{ name, kind, code, user string }{
		{"CreateUser", "Root", "", ""},
		{"CreateAccessKey", "Root", "", ""},
		{"CreateLoginProfile", "Root", "", ""},
		{"CreateVirtualMFADevice", "Root", "", ""},
		{"AssumeRole", "IAMUser", "", "alice"},
		{"ListUsers", "AssumedRole", "", ""},
		{"GetFederationToken", "IAMUser", "", "alice"},
		{"GetCallerIdentity", "FederatedUser", "", ""},
		{"GetCallerIdentity", "IAMUser", "", "alice"},
		{"DeleteUser", "IAMUser", "AccessDenied", "alice"},
		{"GetCallerIdentity", "Unknown", "SignatureDoesNotMatch", ""},
		{"GetCallerIdentity", "Unknown", "InvalidClientTokenId", ""},
		{"GetUser", "Root", "NoSuchEntityException", ""},
	} {
		n := 0
		for _, e := range all {
			if e.EventName == want.name && e.UserIdentity.Type == want.kind && e.ErrorCode == want.code && e.UserIdentity.UserName == want.user {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d events of %+v, want 1", n, want)
		}
	}
	ids := map[string]bool{}
	for _, e := range all {
		checkEvent(t, s, &e)
		if ids[e.EventID] {
			t.Errorf("event %s stands twice", e.EventID)
		}
		ids[e.EventID] = true
		for i, secret := range secrets {
			if strings.Contains(e.raw, secret) {
				t.Errorf("an event of %s holds secret %d", e.EventName, i)
			}
		}
	}
	t.Run("look up", func(t *testing.T) { lookUp(t, s, all) })
	t.Run("commands", func(t *testing.T) { trailCommands(t, s, all) })
}

// checkEvent checks what every record of CloudTrail has.
func checkEvent(t *testing.T, s *server, e *event) {
	t.Helper()
	if _, err := time.Parse("2006-01-02T15:04:05Z", e.EventTime); err != nil {
		t.Errorf("eventTime of %s: %v", e.EventName, err)
	}
	if e.EventVersion != "1.11" || e.EventType != "AwsApiCall" || e.EventCategory != "Management" || !e.ManagementEvent ||
		e.RecipientAccountID != s.account || e.RequestID == "" || e.EventID == "" || e.SourceIPAddress != "127.0.0.1" ||
		!strings.HasSuffix(e.EventSource, ".amazonaws.com") || e.UserAgent == "" || e.AWSRegion == "" {
		t.Errorf("the event lacks something: %s", e.raw)
	}
	if id := e.UserIdentity; id.Type == "AssumedRole" && (id.SessionContext == nil || id.SessionContext.SessionIssuer == nil || id.SessionContext.SessionIssuer.UserName != "reader") {
		t.Errorf("the session of a role has no issuer: %s", e.raw)
	}
}

// lookUp asks as CloudTrail's users do.
func lookUp(t *testing.T, s *server, all []event) {
	root := s.root()
	h := newHome(t)
	h.profile("default", root)
	cli := session{t: t, cli: anyCLI(t), home: h, endpoint: s.endpoint}
	doc := cli.json("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=CreateUser")
	if name := at(t, doc, "Events", 0, "EventName"); name != "CreateUser" {
		t.Errorf("lookup-events by EventName gives %v", name)
	}
	if len(pythons()) == 0 {
		missing(t, "python3 with boto3 (Debian: python3-boto3)")
	}
	for _, python := range pythons() {
		out := s.boto3(t, python, `
for key, value in [("EventName", "CreateUser"), ("Username", "alice"), ("ResourceName", "alice"), ("ResourceType", "AWS::IAM::Role"),
                   ("EventId", "`+all[0].EventID+`"), ("ReadOnly", "false"), ("ReadOnly", "true"), ("EventSource", "sts.amazonaws.com"), ("AccessKeyId", "`+root.ID+`")]:
    assert c.lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])["Events"], key
ids = [e["EventId"] for p in c.get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 5}) for e in p["Events"]]
print(json.dumps(ids))`)
		var ids []string
		if err := json.Unmarshal(out, &ids); err != nil {
			t.Fatalf("boto3: %v\n%s", err, out)
		}
		for _, e := range all {
			if !slices.Contains(ids, e.EventID) {
				t.Errorf("boto3's pages do not hold event %s of %s", e.EventID, e.EventName)
			}
		}
	}
}

// trailCommands asks by the program's own commands, of a running server and of
// a stopped one.
func trailCommands(t *testing.T, s *server, all []event) {
	denied := all[slices.IndexFunc(all, func(e event) bool { return e.EventName == "DeleteUser" })]
	alice := "arn:aws:iam::" + s.account + ":user/alice"
	for _, id := range []string{denied.EventID, denied.RequestID} {
		out := s.must("explain", id)
		for _, want := range []string{"Then: Deny", "Now: implicitDeny", "iam:DeleteUser"} {
			if !strings.Contains(out, want) {
				t.Errorf("explain %s lacks %q:\n%s", id, want, out)
			}
		}
	}
	if out := s.must("explain", "--principal", alice, "--action", "iam:GetUser", "--resource", alice); !strings.HasPrefix(out, "allowed") {
		t.Errorf("explain of what is allowed:\n%s", out)
	}
	least := s.must("trail", "policy", "--principal", alice)
	for _, want := range []string{`"sts:AssumeRole"`, `"sts:GetFederationToken"`, ":role/reader"} {
		if !strings.Contains(least, want) {
			t.Errorf("trail policy lacks %s:\n%s", want, least)
		}
	}
	changes := filepath.Join(t.TempDir(), "changes.json")
	must(t, os.WriteFile(changes, []byte(`{"changes":[{"do":"detach","principal":"`+alice+`","policy":"own"}]}`), 0o600))
	if out := s.must("trail", "replay", "--policy-change", changes); !strings.Contains(out, "lost       1  "+alice+"  sts:AssumeRole") {
		t.Errorf("trail replay:\n%s", out)
	}
	for _, state := range []string{"running", "stopped"} {
		if out := s.must("trail", "verify"); !strings.Contains(out, ", 0 are not signed yet") {
			t.Errorf("trail verify, %s:\n%s", state, out)
		}
		if n := len(s.events("--errors")); n != 4 {
			t.Errorf("%s: %d failed calls, want 4", state, n)
		}
		if state == "running" {
			s.stop()
		}
	}
}

// TestTrailCrash kills the server while clients write: what was acknowledged has
// its event, and no event tells of a change that is not there.
func TestTrailCrash(t *testing.T) {
	t.Parallel()
	s := serve(t)
	all := newAcknowledged()
	for round := range 5 {
		root := s.root()
		known := []*acknowledged{newAcknowledged(), newAcknowledged(), newAcknowledged()}
		ctx, cancel := context.WithCancel(deadline(t))
		var wg sync.WaitGroup
		for i, k := range known {
			w := writer{s.as(root), k, fmt.Sprintf("r%dw%d", round, i), nil}
			wg.Go(func() { w.run(ctx) })
		}
		time.Sleep(time.Duration(60+round*30) * time.Millisecond) // of load; nothing is judged by it
		s.kill()
		wg.Wait()
		cancel()
		for _, k := range known {
			k.moveTo(all)
		}
		s = s.again(command{})
	}
	made := map[string]int{}
	for _, e := range s.events("--name", "CreateUser") {
		made[e.RequestParameters["userName"].(string)]++
	}
	for name := range all.users {
		if made[name] != 1 {
			t.Errorf("user %s was made, and has %d events", name, made[name])
		}
	}
	root := s.as(s.root())
	for name := range made {
		if _, err := root.iam.GetUser(deadline(t), &iam.GetUserInput{UserName: &name}); err != nil {
			t.Errorf("there is an event of user %s being made, who isn't there: %v", name, err)
		}
	}
	if len(all.users) < 5 {
		t.Errorf("only %d users before the kills: the test tests nothing", len(all.users))
	}
	if out := s.must("trail", "verify"); !strings.Contains(out, "are as they were written") {
		t.Errorf("trail verify after crashes: %s", out)
	}
	t.Logf("%d users, %d events of them", len(all.users), len(made))
}

// awaitMetric waits until /metrics says so.
func awaitMetric(t *testing.T, s *server, line string) {
	t.Helper()
	for late := time.Now().Add(patience); time.Now().Before(late); time.Sleep(50 * time.Millisecond) {
		res, err := http.Get(s.admin + "/metrics")
		must(t, err)
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		must(t, err)
		if strings.Contains(string(text), "\n"+line+"\n") {
			return
		}
	}
	t.Fatalf("/metrics never says %s", line)
}

// TestTrailDelivery has a trail deliver into a folder, with the real CLI, over a
// kill: every event of the time is there.
func TestTrailDelivery(t *testing.T) {
	t.Parallel()
	buckets := t.TempDir()
	must(t, os.Mkdir(filepath.Join(buckets, "logs"), 0o700))
	c := command{args: []string{"--trail-delivery", buckets, "--trail-delivery-every", "200ms"}}
	s := start(t, c)
	h := newHome(t)
	h.profile("default", s.root())
	cli := session{t: t, cli: anyCLI(t), home: h, endpoint: s.endpoint}
	cli.refused("S3BucketDoesNotExistException", "cloudtrail", "create-trail", "--name", "all", "--s3-bucket-name", "nowhere")
	cli.ok("cloudtrail", "create-trail", "--name", "all", "--s3-bucket-name", "logs", "--s3-key-prefix", "p", "--tags-list", "Key=a,Value=b")
	cli.refused("TrailAlreadyExistsException", "cloudtrail", "create-trail", "--name", "all", "--s3-bucket-name", "logs")
	cli.ok("cloudtrail", "start-logging", "--name", "all")
	root := s.as(s.root())
	for i := range 3 {
		_, err := root.iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String(fmt.Sprint("u", i))})
		must(t, err)
	}
	s.kill()
	s = s.again(c)
	cli.endpoint = s.endpoint
	_, err := s.as(s.root()).iam.CreateUser(deadline(t), &iam.CreateUserInput{UserName: aws.String("u3")})
	must(t, err)
	late := time.Now().Add(patience)
	for want := 4; ; time.Sleep(50 * time.Millisecond) {
		names := delivered(t, filepath.Join(buckets, "logs", "p", "AWSLogs", s.account, "CloudTrail", "us-east-1"))
		if len(names) == want {
			break
		}
		if time.Now().After(late) {
			t.Fatalf("delivered are %v, want %d users", names, want)
		}
	}
	for _, python := range pythons() {
		s.boto3(t, python, `
n = {"Name": "all"}
assert c.get_trail_status(**n)["IsLogging"]
c.put_event_selectors(TrailName="all", EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}])
assert c.get_event_selectors(TrailName="all")["EventSelectors"][0]["ReadWriteType"] == "WriteOnly"
assert c.describe_trails()["trailList"][0]["Name"] == "all"
arn = c.get_trail(**n)["Trail"]["TrailARN"]
assert c.list_trails()["Trails"][0]["TrailARN"] == arn
c.add_tags(ResourceId=arn, TagsList=[{"Key": "c", "Value": "d"}])
c.remove_tags(ResourceId=arn, TagsList=[{"Key": "a"}])
assert c.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"] == [{"Key": "c", "Value": "d"}]
assert c.update_trail(Name=arn, S3KeyPrefix="q")["S3KeyPrefix"] == "q"
c.stop_logging(**n)
c.delete_trail(Name=arn)
c.list_public_keys()
try:
    c.get_trail(**n)
    raise SystemExit("a deleted trail is there")
except c.exceptions.TrailNotFoundException:
    pass`)
		break // the trail is gone
	}
}

// boto3 runs a script with a client of CloudTrail, c, and gives what it prints.
func (s *server) boto3(t *testing.T, python, script string) []byte {
	t.Helper()
	root := s.root()
	cmd := exec.CommandContext(deadline(t), python, "-c", `
import boto3, json, os
c = boto3.client("cloudtrail", endpoint_url=os.environ["SALLYPORT_ENDPOINT"], region_name="us-east-1")
`+script)
	cmd.Env = newHome(t, "SALLYPORT_ENDPOINT="+s.endpoint, "AWS_ACCESS_KEY_ID="+root.ID, "AWS_SECRET_ACCESS_KEY="+root.Secret).environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("boto3: %v\n%s", err, out)
	}
	return out
}

// delivered are the users that events in a folder of log files tell of being made.
func delivered(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*_CloudTrail_us-east-1_*.json.gz"))
	must(t, err)
	for _, path := range files {
		f, err := os.Open(path)
		must(t, err)
		z, err := gzip.NewReader(f)
		must(t, err)
		var doc struct{ Records []event }
		if err := json.NewDecoder(z).Decode(&doc); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		f.Close()
		for _, e := range doc.Records {
			if e.EventName == "CreateUser" && e.ErrorCode == "" {
				names[e.RequestParameters["userName"].(string)] = true
			}
		}
	}
	return names
}
