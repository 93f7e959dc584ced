package test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/wire"
)

// pending are operations that are not carried out yet.
var pending = []string{}

// covered is what the script has shown of one operation.
type covered struct {
	op        *awsapi.Operation
	succeeded int
	codes     []string        // that it was refused with
	keys      map[string]bool // condition keys that a request carried
}

// coverage plays the script: as a user who may do nothing, then as one who may
// do just that.
type coverage struct {
	*scene
	nobody, examiner keys
	ops              map[string]*covered
}

// TestCoverage plays testdata/coverage.txt and fails for each operation of IAM
// and STS that isn't carried out, isn't authorised as the service authorization
// reference says, or has no example that succeeds and none that fails.
// docs/coverage.md says what was seen; UPDATE=1 writes it.
func TestCoverage(t *testing.T) {
	t.Parallel()
	sc, lines := coverageScene(t)
	c := &coverage{scene: sc, ops: map[string]*covered{}}
	c.nobody, c.examiner = c.user("nobody"), c.user("examiner")
	c.vars["examiner_key"], c.vars["examiner_secret"] = c.examiner.ID, c.examiner.Secret
	c.vars["denial"] = c.denial(c.nobody)
	for _, service := range []string{"iam", "sts"} {
		for op := range awsapi.ByName(service).Operations() {
			c.ops[op.Name] = &covered{op: op, keys: map[string]bool{}}
		}
	}
	for _, l := range lines {
		if !slices.Contains(pending, l.op.Name) {
			c.example(&l)
		}
	}
	c.judge()
	c.write()
	c.remembered()
}

// coverageScene is a server on which testdata/coverage.txt can be played, with
// providers whose users can sign in, and the script.
func coverageScene(t *testing.T, args ...string) (*scene, []line) {
	t.Helper()
	oidc, corp := newIDP(t), newSAMLIDP(t)
	sc := newScene(t, command{args: append(args, "--account-id", "111122223333", "--oidc-ca", oidc.ca(t))})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	oidc.add("one", key, jose.RS256)
	sc.vars["issuer"], sc.vars["token"] = oidc.issuer(), signToken(t, "one", key, jose.RS256, oidc.claims(nil))
	sc.vars["old_token"] = signToken(t, "one", key, jose.RS256, oidc.claims(map[string]any{"iat": time.Now().Unix() - 900, "exp": time.Now().Unix() - 600}))
	sc.vars["their_token"] = signToken(t, "one", key, jose.RS256, oidc.claims(map[string]any{"aud": "theirs"}))
	sc.vars["metadata"] = *corp.metadata(t)
	for name, ends := range map[string]time.Time{"response": time.Now().Add(time.Hour), "old_response": time.Now().Add(-time.Second)} {
		sc.vars[name] = corp.response(t, "https://signin.aws.amazon.com/saml", ends, samlAttributes{
			"Role": {"arn:aws:iam::111122223333:role/federated,arn:aws:iam::111122223333:saml-provider/idp"}, "RoleSessionName": {"ann"},
		}, nil)
	}
	return sc, script(t, "coverage.txt")
}

// denial is an encoded message of EC2's, for someone who may do nothing there.
func (sc *scene) denial(nobody keys) string {
	sc.t.Helper()
	op := awsapi.ByName("ec2").Operation("DescribeInstances")
	_, refused := sc.call(op, nil, nobody)
	if refused == nil {
		sc.t.Fatal("DescribeInstances succeeded for nobody")
	}
	_, encoded, _ := strings.Cut(refused.message, "Encoded authorization failure message: ")
	return encoded
}

// free are operations that need no permission.
var free = []string{"GetCallerIdentity", "GetSessionToken"}

// example plays one line. One that must succeed is played by a user who may do
// nothing, which tells what it needs, and then by one who may do just that.
func (c *coverage) example(l *line) {
	c.t.Helper()
	seen := c.ops[l.op.Name]
	if seen == nil { // of Organizations
		c.play(l)
		return
	}
	if l.code != "" {
		c.play(l)
		seen.codes = append(seen.codes, string(l.code))
		return
	}
	seen.succeeded++
	if slices.Contains(free, l.op.Name) || l.op.NoAuth {
		c.play(l)
		return
	}
	in := c.document(l)
	var statements []string
	for who := c.nobody; len(statements) < 8; who = c.examiner {
		out, refused := c.call(l.op, in, who)
		action, resource := denied(refused)
		if action == "" {
			c.check(l, out, refused)
			if len(statements) == 0 {
				c.t.Errorf("line %d: %s needs no permission", l.number, l.text)
			}
			return
		}
		if len(statements) == 0 {
			c.authorised(l, action, resource)
			c.probe(l, in, seen)
		}
		statements = append(statements, `{"Effect":"Allow","Action":"`+action+`","Resource":"`+resource+`"}`)
		c.grant(statements...)
	}
	c.t.Errorf("line %d: %s is denied with %v", l.number, l.text, statements)
}

var denial = regexp.MustCompile(`^User: \S+ is not authorized to perform: (\S+?)(?: on resource: (.+?))?(?: because no | with an explicit deny |$)`)

// denied is the action and the resource that were denied, or nothing. A name is
// told without its path, so the resource has any.
func denied(r *refusal) (action, resource string) {
	if r == nil || r.code != "AccessDenied" {
		return "", ""
	}
	m := denial.FindStringSubmatch(r.message)
	if m == nil {
		return "", ""
	}
	if m[2] == "" {
		return m[1], "*"
	}
	return m[1], resourceSaid(m[2])
}

// resourceSaid is the resource that a denial names by its ARN, or by its kind and
// name: then as an ARN under any path.
func resourceSaid(text string) string {
	i := strings.LastIndexByte(text, ' ')
	kind, name := text[:max(i, 0)], text[i+1:]
	if kind == "" || strings.HasPrefix(name, "arn:") {
		return name
	}
	return "arn:aws:iam::111122223333:" + strings.ReplaceAll(kind, " ", "-") + "/*" + name
}

// grant gives the examiner those statements and no others.
func (c *coverage) grant(statements ...string) {
	c.t.Helper()
	_, refused := c.call(operation("PutUserPolicy"), wire.Document{
		"UserName": "examiner", "PolicyName": "own",
		"PolicyDocument": `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`,
	}, c.root)
	if refused != nil {
		c.t.Fatalf("grant %v = %+v", statements, *refused)
	}
}

// unnamed are actions that the reference we have doesn't know.
var unnamed = []string{"UpdateDelegationRequest"}

// authorised holds an action and a resource that were asked for against the
// service authorization reference.
func (c *coverage) authorised(l *line, action, resource string) {
	c.t.Helper()
	if l.op.Action == nil {
		if !slices.Contains(unnamed, l.op.Name) {
			c.t.Errorf("%s has no action", l.op.Name)
		}
		return
	}
	if action != l.op.Action.String() {
		c.t.Errorf("line %d: %s needs %s, want %s", l.number, l.text, action, l.op.Action)
	}
	kinds := l.op.Action.Resources
	if len(kinds) == 0 && (resource == "*" || strings.HasSuffix(resource, "/*") || strings.HasPrefix(l.op.Name, "List") && strings.HasSuffix(resource, "*")) {
		return
	}
	for _, kind := range kinds {
		if form(kind.Type.ARN).MatchString(resource) {
			return
		}
	}
	c.t.Errorf("line %d: %s acts on %s, which has none of the forms that the reference gives", l.number, l.text, resource)
}

var placeholder = regexp.MustCompile(`\\\$\\\{\w+\\\}`)

// form matches what an ARN template of the reference stands for.
func form(template string) *regexp.Regexp {
	return regexp.MustCompile("^" + placeholder.ReplaceAllString(regexp.QuoteMeta(template), `.+`) + "$")
}

// probe finds out which condition keys of the reference the request carries: a
// user who may do nothing is denied it explicitly where a key is there.
func (c *coverage) probe(l *line, in wire.Document, seen *covered) {
	c.t.Helper()
	for _, key := range conditionKeys(l.op) {
		if seen.keys[key] {
			continue
		}
		c.grant(`{"Effect":"Deny","Action":"` + l.op.Action.String() + `","Resource":"*","Condition":{"Null":{"` + concrete(key, in) + `":"false"}}}`)
		_, refused := c.call(l.op, in, c.examiner)
		if action, _ := denied(refused); action == "" {
			c.t.Errorf("line %d: %s is not denied: %+v", l.number, l.text, refused)
			return
		}
		seen.keys[key] = strings.Contains(refused.message, " with an explicit deny ")
	}
}

// conditionKeys are the keys that the reference gives an operation's action and
// the resources that it acts on. Keys of other identity providers are theirs.
func conditionKeys(op *awsapi.Operation) []string {
	if op.Action == nil {
		return nil
	}
	keys := slices.Clone(op.Action.Keys)
	for _, r := range op.Action.Resources {
		keys = append(keys, r.Type.Keys...)
	}
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(key string) bool {
		return !strings.HasPrefix(key, "aws:") && !strings.HasPrefix(key, "iam:") && !strings.HasPrefix(key, "sts:")
	})
}

// concrete is a key with a tag's key in place of ${TagKey}: the request's own,
// or that of the things in the script.
func concrete(key string, in wire.Document) string {
	tag := "team"
	if tags, ok := in["Tags"].([]any); ok && strings.HasPrefix(key, "aws:RequestTag/") {
		tag = tags[0].(wire.Document)["Key"].(string)
	}
	return strings.ReplaceAll(key, "${TagKey}", tag)
}

// absent are condition keys of the reference that a request to an operation
// never carries, with the reason.
var absent = []struct{ operations, keys, why string }{
	{"^(Create|Upload)", "ResourceTag", "what is made has no tags yet"},
	{"^GetServiceLinkedRoleDeletionStatus$", "ResourceTag", "the role is gone, and its tags"},
	{"^(Create|Associate)DelegationRequest$", "^iam:DelegationRequestOwner$", "the request has no owner yet"},
	{"", "^iam:RoleTemplateARN$", "role templates belong to services of AWS's"},
	{"^EnableMFADevice$", "^iam:(FIDO|RegisterSecurityKey)", "security keys are registered in the console only"},
}

// judge fails the test for each operation that isn't wholly covered.
func (c *coverage) judge() {
	c.t.Helper()
	for name, seen := range c.ops {
		if slices.Contains(pending, name) {
			if _, refused := c.call(seen.op, nil, c.root); refused == nil || refused.code != "InvalidAction" {
				c.t.Errorf("%s is carried out, and no longer pending", name)
			}
			continue
		}
		if seen.succeeded == 0 {
			c.t.Errorf("%s has no example that succeeds", name)
		}
		c.judgeErrors(seen)
		for _, key := range conditionKeys(seen.op) {
			if !seen.keys[key] && !seen.op.NoAuth && !slices.Contains(free, name) && !isAbsent(name, key) {
				c.t.Errorf("%s: no example carries the condition key %s", name, key)
			}
		}
	}
}

func isAbsent(operation, key string) bool {
	for _, a := range absent {
		if regexp.MustCompile(a.operations).MatchString(operation) && regexp.MustCompile(a.keys).MatchString(key) {
			return true
		}
	}
	return false
}

// unprovoked are modelled errors that no single caller can cause: faults of the
// service, changes at the same time, and quotas that are large.
var unprovoked = []string{"ServiceFailure", "ConcurrentModification", "LimitExceeded", "RegionDisabledException", "ReportGenerationLimitExceeded"}

// infallible are operations whose modelled errors nothing that is sent causes,
// with the reason. An error common to all operations stands for them.
var infallible = map[string]string{
	"UpdateAccountPasswordPolicy": "it takes no document and needs nothing to exist",
	"ListOpenIDConnectProviders":  "it takes nothing",
	"ListSAMLProviders":           "it takes nothing",
	"GetAccountSummary":           "it takes nothing",
	"GetCallerIdentity":           "it takes nothing",
	"ListDelegationRequests":      "an owner without requests is no error",
	"AssumeRoot":                  "its errors are of regions and of tokens that expire",
}

// judgeErrors wants an example with an error of the operation's model.
func (c *coverage) judgeErrors(seen *covered) {
	c.t.Helper()
	var modelled []string
	for _, e := range seen.op.Errors {
		if code := string(e.ErrorCode()); !slices.Contains(unprovoked, code) || slices.Contains(seen.codes, code) {
			modelled = append(modelled, code)
		}
	}
	if seen.op.Input == nil || len(seen.op.Input.Members) == 0 {
		return // denied, as every operation is
	}
	switch {
	case len(seen.codes) == 0:
		c.t.Errorf("%s has no example that fails", seen.op.Name)
	case len(modelled) > 0 && infallible[seen.op.Name] == "" && !slices.ContainsFunc(seen.codes, func(code string) bool { return slices.Contains(modelled, code) }):
		c.t.Errorf("%s fails with %v only, want one of %v", seen.op.Name, seen.codes, modelled)
	}
}

// write makes docs/coverage.md, or compares it.
func (c *coverage) write() {
	c.t.Helper()
	var b strings.Builder
	b.WriteString(coverageHead)
	for _, service := range []string{"iam", "sts"} {
		s := awsapi.ByName(service)
		fmt.Fprintf(&b, "\n## %s\n\n| operation | acts on | condition keys | fails with |\n|---|---|---|---|\n", s.ID)
		for op := range s.Operations() {
			b.WriteString(c.row(c.ops[op.Name]))
		}
	}
	const file = "../docs/coverage.md"
	if os.Getenv("UPDATE") != "" {
		must(c.t, os.WriteFile(file, []byte(b.String()), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	must(c.t, err)
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		c.t.Errorf("docs/coverage.md is not what the examples show; write it with UPDATE=1 (-file +shown):\n%s", diff)
	}
}

const coverageHead = `# Coverage

Every operation of IAM's and STS's API models, what it is authorised on, the
condition keys that its requests were seen to carry, and the errors that its
examples show. Made by TestCoverage in test/coverage_test.go out of the examples in
test/testdata/coverage.txt, not by hand: ` + "`UPDATE=1 go test -run TestCoverage ./test`" + `.
`

// row is an operation's line in the table.
func (c *coverage) row(seen *covered) string {
	name := "`" + seen.op.Name + "`"
	if slices.Contains(pending, seen.op.Name) {
		return fmt.Sprintf("| %s | not yet | | |\n", name)
	}
	var kinds, keys []string
	if seen.op.Action != nil {
		for _, r := range seen.op.Action.Resources {
			kinds = append(kinds, r.Type.Name)
		}
	}
	if len(kinds) == 0 {
		kinds = []string{"*"}
	}
	if slices.Contains(free, seen.op.Name) {
		kinds = []string{"no permission needed"}
	}
	if seen.op.NoAuth {
		keys = []string{"those of the role's trust policy"}
	}
	for _, key := range conditionKeys(seen.op) {
		if seen.keys[key] {
			keys = append(keys, "`"+key+"`")
		}
	}
	codes := slices.Clone(seen.codes)
	slices.Sort(codes)
	if len(codes) == 0 {
		codes = []string{"AccessDenied"}
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", name, strings.Join(kinds, ", "), strings.Join(keys, " "), strings.Join(slices.Compact(codes), ", "))
}
