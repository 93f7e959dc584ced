package test

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCLI plays what a new user does with the aws command: from the root key in
// a file to an administrator of their own, keys, denials and sessions.
func TestCLI(t *testing.T) {
	t.Parallel()
	if len(awsCLIs()) == 0 {
		missing(t, "aws command (Debian: awscli)")
	}
	for _, c := range awsCLIs() {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			tour(t, c)
		})
	}
}

// tourist is one user's way through the tour.
type tourist struct {
	server *server
	root   session
	admin  session
	first  keys // the admin's first pair
}

func tour(t *testing.T, c awsCLI) {
	s := serve(t)
	h := newHome(t)
	p := &tourist{server: s, root: session{t: t, cli: c, home: h}}
	if c.readsEndpoint() {
		h.env = append(h.env, "AWS_ENDPOINT_URL="+s.endpoint)
	} else {
		p.root.endpoint = s.endpoint
	}
	p.configure(t)
	p.admin = p.root
	p.admin.profile = "admin"
	p.makeAdmin(t)
	p.outputs(t)
	p.endpoints(t)
	second := p.ownKeys(t)
	p.switchKey(t, second)
	p.denied(t)
	p.granted(t)
	p.session(t)
	p.rootKeys(t)
}

// configure answers aws configure's questions with the root key.
func (p *tourist) configure(t *testing.T) {
	root := p.server.root()
	cmd := exec.CommandContext(deadline(t), p.root.cli.path, "configure")
	cmd.Env, cmd.Dir = p.root.home.environ(), p.root.home.dir
	cmd.Stdin = strings.NewReader(root.ID + "\n" + root.Secret + "\nus-east-1\njson\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("aws configure = %v\n%s", err, out)
	}
}

func (p *tourist) makeAdmin(t *testing.T) {
	made := p.root.json("iam", "create-user", "--user-name", "iam-admin")
	wantARN := "arn:aws:iam::" + p.server.account + ":user/iam-admin"
	if got := at(t, made, "User", "Arn"); got != wantARN {
		t.Errorf("create-user's Arn = %v, want %s", got, wantARN)
	}
	p.root.ok("iam", "attach-user-policy", "--user-name", "iam-admin", "--policy-arn", "arn:aws:iam::aws:policy/IAMFullAccess")
	p.first = newKeys(t, p.root.json("iam", "create-access-key", "--user-name", "iam-admin"))
	p.admin.home.profile("admin", p.first)

	// The name follows from the key.
	if got := at(t, p.admin.json("iam", "get-user"), "User", "UserName"); got != "iam-admin" {
		t.Errorf("get-user = %v, want iam-admin", got)
	}
	who := p.admin.json("sts", "get-caller-identity")
	if who["Arn"] != wantARN || who["Account"] != p.server.account || !strings.HasPrefix(at(t, who, "UserId").(string), "AIDA") {
		t.Errorf("get-caller-identity = %v, want %s", who, wantARN)
	}
}

// outputs: every output format of the command reads the answers.
func (p *tourist) outputs(t *testing.T) {
	wants := map[string]string{
		"json":  `"UserName": "iam-admin"`,
		"text":  "(?m)^USERS\t.*\tiam-admin$",
		"table": `\| +iam-admin +\|`,
	}
	if p.admin.cli.major == 2 {
		wants["yaml"] = "UserName: iam-admin"
	}
	for format, want := range wants {
		out := p.admin.ok("iam", "list-users", "--output", format)
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("list-users --output %s doesn't show %s:\n%s", format, want, out)
		}
	}
}

// endpoints: the ways to name the endpoint that the tour doesn't use anyway.
func (p *tourist) endpoints(t *testing.T) {
	bare := newHome(t)
	bare.profile("default", p.first)
	s := session{t: t, cli: p.root.cli, home: bare, endpoint: p.server.endpoint}
	s.ok("sts", "get-caller-identity")
	if !p.root.cli.readsEndpoint() {
		return
	}
	bare.profile("named", p.first, "endpoint_url = "+p.server.endpoint)
	s.endpoint, s.profile = "", "named"
	s.ok("sts", "get-caller-identity")
}

// ownKeys: a second key of one's own, the list page by page, and no third.
func (p *tourist) ownKeys(t *testing.T) keys {
	second := newKeys(t, p.admin.json("iam", "create-access-key"))
	list := p.admin.json("iam", "list-access-keys", "--page-size", "1")
	if n := len(at(t, list, "AccessKeyMetadata").([]any)); n != 2 {
		t.Errorf("list-access-keys --page-size 1 lists %d keys, want 2", n)
	}
	list = p.admin.json("iam", "list-access-keys", "--max-items", "1")
	if n, token := len(at(t, list, "AccessKeyMetadata").([]any)), list["NextToken"]; n != 1 || token == nil {
		t.Errorf("list-access-keys --max-items 1 lists %d keys and token %v, want 1 key and a token", n, token)
	} else if rest := p.admin.json("iam", "list-access-keys", "--starting-token", token.(string)); len(at(t, rest, "AccessKeyMetadata").([]any)) != 1 {
		t.Errorf("the page after the first = %v, want 1 key", rest)
	}
	if out := p.admin.ok("iam", "list-access-keys"); strings.Contains(out, "Secret") || strings.Contains(out, second.Secret) {
		t.Error("list-access-keys shows a secret")
	}
	text := p.admin.refused("LimitExceeded", "iam", "create-access-key")
	if want := "Cannot exceed quota for AccessKeysPerUser: 2"; text != want {
		t.Errorf("a third key: %q, want %q", text, want)
	}
	return second
}

const badCredentials = "The security token included in the request is invalid"

// switchKey: an inactive key is refused at the next request, works at once when
// it is active again, and never more when it is deleted.
func (p *tourist) switchKey(t *testing.T, second keys) {
	p.admin.home.profile("second", second)
	user := p.admin
	user.profile = "second"
	used := func() map[string]any {
		return at(t, p.admin.json("iam", "get-access-key-last-used", "--access-key-id", second.ID), "AccessKeyLastUsed").(map[string]any)
	}
	if u := used(); u["ServiceName"] != "N/A" || u["Region"] != "N/A" || u["LastUsedDate"] != nil {
		t.Errorf("last use of a new key = %v, want N/A and no date", u)
	}
	user.ok("iam", "get-user")
	u := used()
	date, err := time.Parse(time.RFC3339, at(t, u, "LastUsedDate").(string))
	if u["ServiceName"] != "iam" || u["Region"] != "us-east-1" || err != nil || time.Since(date).Abs() > 5*time.Minute {
		t.Errorf("last use = %v, want now, iam, us-east-1", u)
	}
	p.admin.ok("iam", "update-access-key", "--access-key-id", second.ID, "--status", "Inactive")
	if text := user.refused("InvalidClientTokenId", "sts", "get-caller-identity"); strings.TrimSuffix(text, ".") != badCredentials {
		t.Errorf("an inactive key: %q, want %q", text, badCredentials)
	}
	p.admin.ok("iam", "update-access-key", "--access-key-id", second.ID, "--status", "Active")
	user.ok("sts", "get-caller-identity")
	p.admin.ok("iam", "delete-access-key", "--access-key-id", second.ID)
	if text := user.refused("InvalidClientTokenId", "iam", "get-user"); strings.TrimSuffix(text, ".") != badCredentials {
		t.Errorf("a deleted key: %q, want %q", text, badCredentials)
	}
}

// denied: the same permissions wherever the call goes to.
func (p *tourist) denied(t *testing.T) {
	text := p.admin.refused("UnauthorizedOperation", "ec2", "describe-instances")
	before, encoded, found := strings.Cut(text, " Encoded authorization failure message: ")
	want := "You are not authorized to perform this operation. User: arn:aws:iam::" + p.server.account +
		":user/iam-admin is not authorized to perform: ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action."
	if before != want || !found {
		t.Errorf("describe-instances: %q, want %q and an encoded message", text, want)
	}
	out := p.root.json("sts", "decode-authorization-message", "--encoded-message", strings.TrimSpace(encoded))
	var details map[string]any
	if err := json.Unmarshal([]byte(at(t, out, "DecodedMessage").(string)), &details); err != nil {
		t.Fatalf("decoded message: %v", err)
	}
	if details["allowed"] != false || details["explicitDeny"] != false || at(t, details, "context", "action") != "ec2:DescribeInstances" {
		t.Errorf("decoded message = %v", details)
	}
	text = p.admin.refused("AccessDenied", "s3", "ls")
	if want := "is not authorized to perform: s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action"; !strings.Contains(text, want) {
		t.Errorf("s3 ls: %q, want it to contain %q", text, want)
	}
}

// granted: with two policies more both answer that there is nothing.
func (p *tourist) granted(t *testing.T) {
	for _, policy := range []string{"AmazonEC2ReadOnlyAccess", "AmazonS3ReadOnlyAccess"} {
		p.admin.ok("iam", "attach-user-policy", "--user-name", "iam-admin", "--policy-arn", "arn:aws:iam::aws:policy/"+policy)
	}
	if list := at(t, p.admin.json("ec2", "describe-instances"), "Reservations").([]any); len(list) != 0 {
		t.Errorf("describe-instances = %v, want none", list)
	}
	if out := p.admin.ok("s3", "ls"); out != "" {
		t.Errorf("s3 ls = %q, want nothing", out)
	}
	text := p.admin.refused("DryRunOperation", "ec2", "describe-instances", "--dry-run")
	if want := "Request would have succeeded, but DryRun flag is set."; text != want {
		t.Errorf("dry run: %q, want %q", text, want)
	}
	p.admin.refused("UnauthorizedOperation", "ec2", "terminate-instances", "--instance-ids", "i-0123456789abcdef0", "--dry-run")
}

// session: temporary credentials in the environment do what the user may, but
// for IAM.
func (p *tourist) session(t *testing.T) {
	info := p.root.json("sts", "get-access-key-info", "--access-key-id", p.first.ID)
	if info["Account"] != p.server.account {
		t.Errorf("get-access-key-info = %v, want %s", info, p.server.account)
	}
	// The account stands in the id itself, of whoever's key it is.
	info = p.root.json("sts", "get-access-key-info", "--access-key-id", "AKIARZPUZDIKGB2VALC4")
	if info["Account"] != "123456789012" {
		t.Errorf("get-access-key-info of another account's key = %v, want 123456789012", info)
	}
	c := at(t, p.admin.json("sts", "get-session-token"), "Credentials")
	if id := at(t, c, "AccessKeyId").(string); !strings.HasPrefix(id, "ASIA") {
		t.Errorf("get-session-token's AccessKeyId = %s, want ASIA…", id)
	}
	h := newHome(t, append(p.admin.home.env,
		"AWS_ACCESS_KEY_ID="+at(t, c, "AccessKeyId").(string), "AWS_SECRET_ACCESS_KEY="+at(t, c, "SecretAccessKey").(string),
		"AWS_SESSION_TOKEN="+at(t, c, "SessionToken").(string), "AWS_DEFAULT_REGION=us-east-1")...)
	s := session{t: t, cli: p.admin.cli, home: h, endpoint: p.admin.endpoint}
	if who := s.json("sts", "get-caller-identity"); who["Arn"] != "arn:aws:iam::"+p.server.account+":user/iam-admin" {
		t.Errorf("with temporary credentials get-caller-identity = %v, want iam-admin", who)
	}
	s.ok("ec2", "describe-instances")
	s.ok("s3", "ls")
	if text := s.refused("InvalidClientTokenId", "iam", "list-users"); strings.TrimSuffix(text, ".") != badCredentials {
		t.Errorf("iam with temporary credentials: %q, want %q", text, badCredentials)
	}
}

// rootKeys: root manages its own keys through the same operations.
func (p *tourist) rootKeys(t *testing.T) {
	made := p.root.json("iam", "create-access-key")
	k := newKeys(t, made)
	p.root.ok("iam", "update-access-key", "--access-key-id", k.ID, "--status", "Inactive")
	list := at(t, p.root.json("iam", "list-access-keys"), "AccessKeyMetadata").([]any)
	if len(list) != 2 {
		t.Fatalf("root's list-access-keys = %v, want 2", list)
	}
	for _, item := range list {
		want := "Active"
		if at(t, item, "AccessKeyId") == k.ID {
			want = "Inactive"
		}
		if got := at(t, item, "Status"); got != want {
			t.Errorf("root's key %v, want status %s", item, want)
		}
	}
	p.root.ok("iam", "delete-access-key", "--access-key-id", k.ID)
	p.root.refused("NoSuchEntity", "iam", "delete-access-key", "--access-key-id", k.ID)
}
