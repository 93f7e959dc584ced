package test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/wire"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// scene is a server that plays a script of calls, written as data in testdata.
// A line is a call and its input in JSON:
//
//	CreateUser {"UserName":"ann"} id=User.UserId
//	! EntityAlreadyExists CreateUser {"UserName":"ann"}
//
// The first must succeed; the answer's members named after the input become
// variables, which later lines write as $id. The second must be refused with
// that code. A line that begins with a name and a colon ("ann: ") is called with the
// keys that the variables NAME_key, NAME_secret and perhaps NAME_token hold;
// all others are root's; those of anyone are not signed. Empty lines and those that begin with # say nothing.
type scene struct {
	t    *testing.T
	s    *server
	root keys
	vars map[string]string
	http *http.Client
	// requestID is that of the last call.
	requestID string
}

func newScene(t *testing.T, c command) *scene {
	t.Helper()
	s := start(t, c)
	sc := &scene{t: t, s: s, root: s.root(), http: &http.Client{Transport: listener{spoken}, Timeout: patience}, vars: map[string]string{"account": s.account}}
	sc.vars["cert"], sc.vars["certkey"] = selfSigned(t, "site.example.com")
	sc.vars["cert2"], _ = selfSigned(t, "other.example.com")
	sc.vars["saml"] = samlMetadata(t, sc.vars["cert"])
	sc.vars["ssh"], sc.vars["ssh2"] = sshKey(t), sshKey(t)
	t.Cleanup(sc.http.CloseIdleConnections)
	return sc
}

// sshKey makes a public key as it stands in authorized_keys.
func sshKey(t *testing.T) string {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	public, err := ssh.NewPublicKey(k.Public())
	must(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
}

// line is a line of a script.
type line struct {
	number  int
	text    string
	caller  string // empty for root
	code    awsapi.Code
	op      *awsapi.Operation
	input   string // JSON with variables
	capture map[string]string
	// published: the input is that of AWS's published example, changed by this one.
	published bool
}

var scriptLine = regexp.MustCompile(`^(?:(\w+): )?(?:! (\w+) |(> ))?(\w+) (\{.*\})((?: \w+=[\w.]+)*)$`)

// script reads a file of testdata.
func script(t *testing.T, file string) []line {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	must(t, err)
	var lines []line
	for i, s := range strings.Split(string(text), "\n") {
		if s == "" || strings.HasPrefix(s, "#") {
			continue
		}
		l := parseLine(t, s)
		l.number = i + 1
		lines = append(lines, *l)
	}
	return lines
}

// parseLine reads a line of a script.
func parseLine(t *testing.T, s string) *line {
	t.Helper()
	m := scriptLine.FindStringSubmatch(s)
	if m == nil {
		t.Fatalf("not a line of a script: %s", s)
	}
	l := line{text: s, caller: m[1], code: awsapi.Code(m[2]), op: operation(m[4]), input: m[5], published: m[3] != "", capture: map[string]string{}}
	if l.op == nil {
		t.Fatalf("no operation %s", m[4])
	}
	for pair := range strings.FieldsSeq(m[6]) {
		name, path, _ := strings.Cut(pair, "=")
		l.capture[name] = path
	}
	return &l
}

// run plays lines one after the other.
func (sc *scene) run(lines ...string) {
	sc.t.Helper()
	for i, s := range lines {
		l := parseLine(sc.t, s)
		l.number = i + 1
		sc.play(l)
	}
}

// operation is the operation of that name, of IAM, STS or Organizations.
func operation(name string) *awsapi.Operation {
	for _, service := range []string{"iam", "sts", "organizations"} {
		if op := awsapi.ByName(service).Operation(name); op != nil {
			return op
		}
	}
	return nil
}

var variable = regexp.MustCompile(`\$(\w+)(?:\((-?\d+)\))?`)

// tokenOf begins the name of a variable that is a delegation request's token, of
// the request whose id is in the variable that the rest names.
const tokenOf = "token_of_"

// document is a line's input. $name is a variable; $seed(120) is what the
// device of that seed shows 120 seconds from now.
func (sc *scene) document(l *line) wire.Document {
	sc.t.Helper()
	text := variable.ReplaceAllStringFunc(l.input, func(s string) string {
		m := variable.FindStringSubmatch(s)
		value, ok := sc.vars[m[1]]
		if request, is := strings.CutPrefix(m[1], tokenOf); is {
			value, ok = strings.TrimSpace(sc.s.must("delegation", "token", sc.vars[request])), true
		}
		if !ok {
			sc.t.Fatalf("line %d: no variable %s", l.number, m[1])
		}
		if m[2] != "" {
			seconds, _ := strconv.Atoi(m[2])
			value = *code(sc.t, value, time.Now().Add(time.Duration(seconds)*time.Second))
		}
		quoted, _ := json.Marshal(value)
		return string(quoted[1 : len(quoted)-1])
	})
	var doc wire.Document
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		sc.t.Fatalf("line %d: %v in %s", l.number, err, text)
	}
	return whole(doc).(wire.Document)
}

// whole makes integers of the numbers in decoded JSON.
func whole(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case float64:
		return int64(v)
	}
	return v
}

// refusal is how a call was refused.
type refusal struct {
	status        int
	code, message string
}

// call sends one call and gives its answer, or how it was refused. It waits for
// reports that are being made.
func (sc *scene) call(op *awsapi.Operation, in wire.Document, k keys) (wire.Document, *refusal) {
	sc.t.Helper()
	encoded, err := wire.EncodeRequest(op, in)
	if err != nil {
		sc.t.Fatalf("%s %v: %v", op.Name, in, err)
	}
	out, refused := sc.send(op, encoded, k)
	for late := time.Now().Add(patience); inProgress(out, refused) && time.Now().Before(late); {
		out, refused = sc.send(op, encoded, k)
	}
	return out, refused
}

// inProgress reports whether a report is still being made.
func inProgress(out wire.Document, refused *refusal) bool {
	return refused != nil && refused.code == "ReportInProgress" || out["JobStatus"] == "IN_PROGRESS"
}

// send sends one call. Without a key id it isn't signed.
func (sc *scene) send(op *awsapi.Operation, call *wire.Request, k keys) (wire.Document, *refusal) {
	sc.t.Helper()
	req, err := http.NewRequestWithContext(deadline(sc.t), call.Method, sc.s.endpoint+call.Path, bytes.NewReader(call.Body))
	must(sc.t, err)
	for _, h := range call.Header {
		req.Header.Set(h.Name, h.Value)
	}
	if k.ID != "" {
		signer := sigv4.Signer{KeyID: k.ID, Secret: k.Secret, SessionToken: k.Token, Region: "us-east-1", Service: op.Service.SigningName}
		must(sc.t, signer.Sign(req, hash(string(call.Body)), time.Now()))
	}
	res, err := sc.http.Do(req)
	must(sc.t, err)
	defer res.Body.Close()
	sc.requestID = res.Header.Get("X-Amzn-Requestid")
	body, err := io.ReadAll(res.Body)
	must(sc.t, err)
	out := wire.Document{}
	err = wire.DecodeResponse(op, res.StatusCode, res.Header, body, &out)
	if err == nil {
		return out, nil
	}
	e, ok := err.(*awsapi.Error)
	if !ok {
		sc.t.Fatalf("%s: %v in\n%s", op.Name, err, body)
	}
	return nil, &refusal{res.StatusCode, string(e.Code), e.Message}
}

// keysOf are the keys of a line's caller.
func (sc *scene) keysOf(caller string) keys {
	if caller == "" {
		return sc.root
	}
	return keys{ID: sc.vars[caller+"_key"], Secret: sc.vars[caller+"_secret"], Token: sc.vars[caller+"_token"]}
}

// play plays one line and gives the answer; nil where it was refused as it must be.
func (sc *scene) play(l *line) wire.Document {
	sc.t.Helper()
	out, refused := sc.call(l.op, sc.document(l), sc.keysOf(l.caller))
	sc.check(l, out, refused)
	return out
}

// check holds what was answered against the line.
func (sc *scene) check(l *line, out wire.Document, refused *refusal) {
	sc.t.Helper()
	switch {
	case refused == nil && l.code == "":
		sc.capture(l, out)
	case refused == nil:
		sc.t.Errorf("line %d: %s succeeded", l.number, l.text)
	case l.code == "":
		sc.t.Fatalf("line %d: %s = %+v", l.number, l.text, *refused)
	case refused.code != string(l.code) || refused.status != l.op.Service.Status(string(l.code)):
		sc.t.Errorf("line %d: %s = %+v, want status %d", l.number, l.text, *refused, l.op.Service.Status(string(l.code)))
	}
}

func (sc *scene) capture(l *line, out wire.Document) {
	sc.t.Helper()
	for name, path := range l.capture {
		var v any = out
		for part := range strings.SplitSeq(path, ".") {
			i, err := strconv.Atoi(part)
			if list, ok := v.([]any); ok && err == nil && i < len(list) {
				v = list[i]
			} else if m, ok := v.(map[string]any); ok {
				v = m[part]
			}
		}
		switch v := v.(type) {
		case []byte:
			sc.vars[name] = string(v)
		case nil:
			sc.t.Fatalf("line %d: the answer has no %s: %v", l.number, path, out)
		default:
			sc.vars[name] = fmt.Sprint(v)
		}
	}
}

// user makes a user with a key for the scene.
func (sc *scene) user(name string) keys {
	sc.t.Helper()
	_, refused := sc.call(operation("CreateUser"), wire.Document{
		"UserName": name, "Tags": []any{wire.Document{"Key": "team", "Value": "blue"}},
	}, sc.root)
	if refused != nil {
		sc.t.Fatalf("CreateUser %s = %+v", name, *refused)
	}
	out, refused := sc.call(operation("CreateAccessKey"), wire.Document{"UserName": name}, sc.root)
	if refused != nil {
		sc.t.Fatalf("CreateAccessKey of %s = %+v", name, *refused)
	}
	k := out["AccessKey"].(wire.Document)
	return keys{ID: k["AccessKeyId"].(string), Secret: k["SecretAccessKey"].(string)}
}

// with is a copy of a document with one member changed, or without it where
// value is nil.
func with(doc wire.Document, member string, value any) wire.Document {
	changed := maps.Clone(doc)
	if changed == nil {
		changed = wire.Document{}
	}
	if value == nil {
		delete(changed, member)
	} else {
		changed[member] = value
	}
	return changed
}
