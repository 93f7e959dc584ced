package test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/wire"
)

// fault is an input with one thing wrong with it.
type fault struct {
	what string
	in   wire.Document
	code string // that it must be refused with; empty for any refusal
	text string // part of the message

	as         keys   // who calls, where it isn't who calls with the right input
	name, form string // the member whose text in the request is replaced, and by what
}

// badInput tries an operation with everything that can be wrong with an input
// that is right.
type badInput struct {
	*scene
	admin keys
	over  keys   // of a session that has expired
	twin  *scene // another account of the deployment, in which the same is done
}

// TestBadInput plays testdata/coverage.txt. Before an operation's first example
// that succeeds, it is called with that example's input made wrong in every way
// that the models give (a member missing, too long, too short, of another
// pattern, out of range, no value of its enumeration, no number, no Boolean), and
// with unknown names, ids and ARNs of another account in which there are the same
// things, documents that are none, and tokens and sessions that have expired. All
// must be refused, and leave the directory at its revision.
func TestBadInput(t *testing.T) {
	t.Parallel()
	sc, lines := coverageScene(t, "--admin-listen", "127.0.0.1:0")
	twin := sc.elsewhere("999988887777")
	b := &badInput{scene: sc, admin: sc.examiner(), twin: twin, over: sc.expired()}
	twin.examiner()
	tried, faults := map[string]bool{}, 0
	for _, l := range lines {
		if slices.Contains(pending, l.op.Name) || l.code != "" {
			continue
		}
		if l.caller == "" {
			l.caller = "examiner"
		}
		if !tried[l.op.Name] && l.op.Service.Name != "organizations" {
			tried[l.op.Name] = true
			faults += b.try(&l)
		}
		b.play(&l)
		b.twin.follow(&l)
	}
	if len(tried) < 185 || faults < 2400 {
		t.Errorf("only %d operations tried with %d wrong inputs", len(tried), faults)
	}
	t.Logf("%d operations tried with %d wrong inputs", len(tried), faults)
}

// examiner makes a user who may do everything and one who may do nothing.
func (sc *scene) examiner() keys {
	sc.t.Helper()
	k, nobody := sc.user("examiner"), sc.user("nobody")
	sc.vars["examiner_key"], sc.vars["examiner_secret"] = k.ID, k.Secret
	_, refused := sc.call(operation("AttachUserPolicy"), wire.Document{"UserName": "examiner", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, sc.root)
	if refused != nil {
		sc.t.Fatalf("AttachUserPolicy = %+v", *refused)
	}
	sc.vars["denial"] = sc.denial(nobody)
	return k
}

// elsewhere is the same scene in another account of that id.
func (sc *scene) elsewhere(id string) *scene {
	sc.t.Helper()
	sc.s.newAccount("elsewhere", "--id", id)
	other := &scene{t: sc.t, s: sc.s, root: sc.s.rootOf(id).keys, http: sc.http, vars: maps.Clone(sc.vars)}
	other.vars["account"], other.vars["issuer"] = id, "https://id.example.com/realm" // who knows our users may let them in
	return other
}

// follow plays a line as far as it can be played here.
func (sc *scene) follow(l *line) {
	sc.t.Helper()
	if !sc.knows(l) {
		return
	}
	if out, refused := sc.call(l.op, sc.document(l), sc.keysOf(l.caller)); refused == nil {
		sc.capture(l, out)
	}
}

// knows reports whether all variables of a line are there.
func (sc *scene) knows(l *line) bool {
	for _, m := range variable.FindAllStringSubmatch(l.input, -1) {
		if _, ok := sc.vars[m[1]]; !ok {
			return false
		}
	}
	return true
}

// expired makes a session of a role and waits until it is over: the shortest
// that there is, which ends with that of its identity provider.
func (sc *scene) expired() keys {
	sc.t.Helper()
	const role, provider = "arn:aws:iam::111122223333:role/brief", "arn:aws:iam::111122223333:saml-provider/brief"
	corp := newSAMLIDP(sc.t)
	for op, in := range map[string]wire.Document{
		"CreateSAMLProvider": {"Name": "brief", "SAMLMetadataDocument": *corp.metadata(sc.t)},
		"CreateRole":         {"RoleName": "brief", "AssumeRolePolicyDocument": trustProvider(provider, `"sts:AssumeRoleWithSAML"`, "")},
	} {
		if _, refused := sc.call(operation(op), in, sc.root); refused != nil {
			sc.t.Fatalf("%s = %+v", op, *refused)
		}
	}
	response := corp.response(sc.t, "https://signin.aws.amazon.com/saml", time.Now().Add(2*time.Second), samlAttributes{"Role": {role + "," + provider}, "RoleSessionName": {"ann"}}, nil)
	out, refused := sc.call(operation("AssumeRoleWithSAML"), wire.Document{"RoleArn": role, "PrincipalArn": provider, "SAMLAssertion": response}, keys{})
	if refused != nil {
		sc.t.Fatalf("AssumeRoleWithSAML = %+v", *refused)
	}
	c := out["Credentials"].(wire.Document)
	k := keys{c["AccessKeyId"].(string), c["SecretAccessKey"].(string), c["SessionToken"].(string)}
	eventually(sc.t, "the end of a session", func(context.Context) error {
		_, refused := sc.call(operation("GetCallerIdentity"), nil, k)
		return yet(refused != nil && refused.code == "ExpiredToken")
	})
	return k
}

// try makes the line's input wrong in every way, and gives how many there are.
func (b *badInput) try(l *line) int {
	b.t.Helper()
	good, caller := b.document(l), b.keysOf(l.caller)
	faults := slices.Concat(modelFaults(l.op.Input, good, nil), stateFaults(l.op, good), b.foreign(l, good), b.late(l, good))
	before := b.revision()
	for _, f := range faults {
		b.refused(l, &f, caller)
	}
	if b.revision() == before {
		return len(faults)
	}
	// Last use is stored once a minute, reports when they are made; or was it one
	// of these?
	for _, f := range faults {
		if !b.harmless(l, &f, caller) {
			b.t.Errorf("%s with %s changes something", l.op.Name, f.what)
		}
	}
	return len(faults)
}

// harmless reports whether the wrong input changes nothing.
func (b *badInput) harmless(l *line, f *fault, caller keys) bool {
	b.t.Helper()
	for range 5 {
		before := b.revision()
		b.refused(l, f, caller)
		if b.revision() == before {
			return true
		}
	}
	return false
}

func (b *badInput) refused(l *line, f *fault, caller keys) {
	b.t.Helper()
	if f.as != (keys{}) {
		caller = f.as
	}
	encoded, err := wire.EncodeRequest(l.op, f.in)
	must(b.t, err)
	if f.name != "" {
		encoded.Body = replaced(b.t, encoded.Body, f.name, f.form)
	}
	_, refused := b.send(l.op, encoded, caller)
	switch {
	case refused == nil:
		b.t.Errorf("%s with %s succeeded: %v", l.op.Name, f.what, f.in)
	case refused.status < 400 || refused.status >= 500 || refused.message == "" || f.code != "" && refused.code != f.code:
		b.t.Errorf("%s with %s = %+v, want %s", l.op.Name, f.what, *refused, f.code)
	case !strings.Contains(refused.message, f.text) && !strings.HasPrefix(refused.message, "The specified value for "):
		b.t.Errorf("%s with %s says %.200q, want %q", l.op.Name, f.what, refused.message, f.text)
	}
}

// replaced is a form with another text for the parameter that is a member of
// that name, at whatever depth.
func replaced(t *testing.T, form []byte, member, text string) []byte {
	t.Helper()
	values, err := url.ParseQuery(string(form))
	must(t, err)
	for name := range values {
		if name == member || strings.HasSuffix(name, "."+member) {
			values.Set(name, text)
			return []byte(values.Encode())
		}
	}
	t.Fatalf("no %s in %s", member, form)
	return nil
}

// outsiders are members that may name what is not of the account.
var outsiders = regexp.MustCompile(`(PolicyDocument|PolicyInputList|NotificationChannel|OwnerAccountId|ResourceArns|AuthenticationCode\d)$`)

// foreign are inputs in which a name, an id or an ARN is that of the same thing
// in the other account.
func (b *badInput) foreign(l *line, good wire.Document) (faults []fault) {
	b.t.Helper()
	if !b.twin.knows(l) || l.op.Name == "GetAccessKeyInfo" { // which tells of any
		return nil
	}
	theirs := b.twin.document(l)
	for _, name := range slices.Sorted(maps.Keys(good)) {
		if !outsiders.MatchString(name) && !cmp.Equal(good[name], theirs[name]) {
			faults = append(faults, fault{what: fmt.Sprintf("another account's %s (%v)", name, theirs[name]), in: with(good, name, theirs[name])})
		}
	}
	return faults
}

// late are right inputs whose time is over.
func (b *badInput) late(l *line, good wire.Document) (faults []fault) {
	if !l.op.NoAuth {
		faults = append(faults, fault{what: "a session that has expired", in: good, as: b.over, code: "ExpiredToken", text: "is expired"})
	}
	for member, expired := range map[string]string{"WebIdentityToken": "old_token", "SAMLAssertion": "old_response"} {
		if good[member] != nil {
			faults = append(faults, fault{what: "an expired " + member, in: with(good, member, b.vars[expired]), code: "ExpiredTokenException"})
		}
	}
	if good["WebIdentityToken"] != nil {
		faults = append(faults, fault{what: "a token for others", in: with(good, "WebIdentityToken", b.vars["their_token"]), code: "InvalidIdentityToken"})
	}
	return faults
}

var revisionLine = regexp.MustCompile(`(?m)^sallyport_store_revision (\S+)$`)

// revision is that of the store.
func (b *badInput) revision() string {
	b.t.Helper()
	res, err := b.http.Get(b.s.admin + "/metrics")
	must(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	if res.StatusCode != http.StatusOK {
		b.t.Fatalf("/metrics = %d", res.StatusCode)
	}
	return group(revisionLine, string(text))
}

// modelFaults breaks each constraint of a structure, one at a time. rebuild
// makes the whole input of the changed structure; nil where it is the input.
func modelFaults(shape *awsapi.Shape, good wire.Document, rebuild func(wire.Document) wire.Document) []fault {
	if shape == nil {
		return nil
	}
	if rebuild == nil {
		rebuild = func(d wire.Document) wire.Document { return d }
	}
	var faults []fault
	for i := range shape.Members {
		m := &shape.Members[i]
		put := func(v any) wire.Document { return rebuild(with(good, m.Name, v)) }
		if m.Required && good[m.Name] != nil {
			faults = append(faults, fault{what: "no " + m.Name, in: put(nil), code: "ValidationError", text: "Member must not be null"})
		}
		for what, v := range wrongValues(m.Shape) {
			faults = append(faults, fault{what: m.Name + " " + what.what, in: put(v), code: "ValidationError", text: what.text})
		}
		for _, form := range wrongForms(m.Shape) {
			faults = append(faults, fault{what: m.Name + " " + strconv.Quote(form), in: put(placeholderOf(m.Shape)), name: m.Name, form: form, code: "MalformedInput", text: "a value is not a valid"})
		}
		faults = append(faults, nestedFaults(m, good[m.Name], put)...)
	}
	return faults
}

// nestedFaults are those inside a member that is there.
func nestedFaults(m *awsapi.Member, value any, put func(any) wire.Document) []fault {
	switch value := value.(type) {
	case wire.Document:
		if m.Shape.Type == awsapi.Structure {
			return modelFaults(m.Shape, value, func(d wire.Document) wire.Document { return put(d) })
		}
	case []any:
		var faults []fault
		if m.Shape.HasMax && m.Shape.Max < 1000 && len(value) > 0 {
			faults = append(faults, fault{
				what: "too many " + m.Name, in: put(slices.Repeat(value, int(m.Shape.Max)+1)), code: "ValidationError", text: fmt.Sprintf("length less than or equal to %d", m.Shape.Max),
			})
		}
		if len(value) == 0 {
			return faults
		}
		if first, ok := value[0].(wire.Document); ok {
			return append(faults, modelFaults(m.Shape.Member, first, func(d wire.Document) wire.Document { return put([]any{d}) })...)
		}
		for what, v := range wrongValues(m.Shape.Member) {
			faults = append(faults, fault{what: "an element of " + m.Name + " " + what.what, in: put([]any{v}), code: "ValidationError", text: what.text})
		}
		return faults
	}
	return nil
}

// wrong says what is wrong with a value, and what the refusal says of it.
type wrong struct{ what, text string }

// maxTried is the longest text that is tried to be too long.
const maxTried = 200_000

// wrongValues are values that break a scalar's constraints.
func wrongValues(shape *awsapi.Shape) map[wrong]any {
	values := map[wrong]any{}
	switch shape.Type {
	case awsapi.String:
		if shape.HasMax && shape.Max < maxTried && len(shape.Enum) == 0 {
			values[wrong{"too long", fmt.Sprintf("Member must have length less than or equal to %d", shape.Max)}] = strings.Repeat("a", int(shape.Max)+1)
		}
		if shape.HasMin && shape.Min > 0 && len(shape.Enum) == 0 {
			values[wrong{"too short", fmt.Sprintf("Member must have length greater than or equal to %d", shape.Min)}] = strings.Repeat("a", int(shape.Min)-1)
		}
		if v, ok := unlike(shape); ok && len(shape.Enum) == 0 {
			values[wrong{"of another pattern", "Member must satisfy regular expression pattern: "}] = v
		}
		if len(shape.Enum) > 0 {
			values[wrong{"of no known value", "Member must satisfy enum value set"}] = "Unheard-of"
			values[wrong{"that is empty", ""}] = ""
		}
	case awsapi.Integer, awsapi.Long:
		if shape.HasMax {
			values[wrong{"too large", fmt.Sprintf("Member must have value less than or equal to %d", shape.Max)}] = shape.Max + 1
		}
		if shape.HasMin {
			values[wrong{"too small", fmt.Sprintf("Member must have value greater than or equal to %d", shape.Min)}] = shape.Min - 1
		}
	}
	return values
}

// wrongForms are texts that are no values of a shape's type.
func wrongForms(shape *awsapi.Shape) []string {
	switch shape.Type {
	case awsapi.Boolean:
		return []string{"yes", "1", "", "truefalse"}
	case awsapi.Integer, awsapi.Long:
		return []string{"many", "1.5", "0x10", "", "99999999999999999999"}
	case awsapi.Blob:
		return []string{"no base64!"}
	}
	return nil
}

// placeholderOf is a value of a shape's type, to be replaced.
func placeholderOf(shape *awsapi.Shape) any {
	switch shape.Type {
	case awsapi.Boolean:
		return true
	case awsapi.Blob:
		return []byte("x")
	}
	return int64(1)
}

// unlike is a text of the right length that doesn't match the shape's pattern.
func unlike(shape *awsapi.Shape) (string, bool) {
	if shape.Pattern == "" {
		return "", false
	}
	for _, c := range []string{"?", "\u0007", "é", " "} {
		v := strings.Repeat(c, max(1, int(shape.Min)))
		if !shape.MatchPattern(v) {
			return v, true
		}
	}
	return "", false
}

// references are members that name what must be there, and a value that is of
// the right form but unknown.
var references = map[string]string{
	"UserName": "unknown", "GroupName": "unknown", "RoleName": "unknown", "InstanceProfileName": "unknown", "ServerCertificateName": "unknown",
	"PolicyName": "unknown", "VersionId": "v99", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SSHPublicKeyId": "APKAAAAAAAAAAAAAAAAA",
	"CertificateId": "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "ServiceSpecificCredentialId": "ACCAAAAAAAAAAAAAAAAAA", "JobId": "00000000-0000-0000-0000-000000000000",
	"SerialNumber": "arn:aws:iam::111122223333:mfa/unknown", "DeletionTaskId": "task/aws-service-role/autoscaling.amazonaws.com/unknown/00000000-0000-0000-0000-000000000000",
}

// makes are operations whose name members name what they make.
var makes = regexp.MustCompile(`^(CreateUser|CreateGroup|CreateRole|CreatePolicy|CreateInstanceProfile|UploadServerCertificate)$`)

// documents are members that hold a document, by the end of their names.
var documents = regexp.MustCompile(`(PolicyDocument|MetadataDocument|PolicyInputList|CertificateBody|PrivateKey|SSHPublicKeyBody)$`)

// stateFaults are right by the model but not by what there is.
func stateFaults(op *awsapi.Operation, good wire.Document) []fault {
	var faults []fault
	for _, name := range slices.Sorted(maps.Keys(good)) {
		value, text := good[name], ""
		if s, ok := value.(string); ok {
			text = s
		}
		if unknown, ok := references[name]; ok && text != "" && !(makes.MatchString(op.Name) || name == "PolicyName" && strings.HasPrefix(op.Name, "Put") || op.Name == "GetAccessKeyInfo") {
			faults = append(faults, fault{what: "an unknown " + name, in: with(good, name, unknown)})
		}
		if strings.HasPrefix(text, "arn:aws:iam::111122223333:") && name != "OwnerId" { // by which lists are filtered
			faults = append(faults,
				fault{what: "another account's " + name, in: with(good, name, strings.Replace(text, "111122223333", "999988887777", 1))},
				fault{what: "an unknown " + name, in: with(good, name, text+"-unknown")},
				fault{what: "another service's " + name, in: with(good, name, "arn:aws:s3:::some-bucket-of-theirs")},
				fault{what: name + " that is no ARN", in: with(good, name, strings.Repeat("rubbish-", 4))})
		}
		if documents.MatchString(name) {
			for _, document := range []string{"rubbish", "{", "null", "[]", `"text"`, `{"Version":"2012-10-17"}`, `{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps","Action":"*","Resource":"*"}]}`} {
				var v any = document
				if _, list := value.([]any); list {
					v = []any{document}
				}
				if strings.HasSuffix(name, "MetadataDocument") {
					v = strings.Repeat(document, 1000)
				}
				faults = append(faults, fault{what: name + " " + document, in: with(good, name, v)})
			}
		}
	}
	return faults
}
