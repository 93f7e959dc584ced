package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// spoken are the secrets of the whole run of this package's tests: what any
// answer gave and any request carried, as far as the tests' clients saw it.
var spoken = newSecrets()

// secrets finds secrets in texts. It may be used by many goroutines.
type secrets struct {
	mu    sync.Mutex
	known map[string]string   // the member that it came in, by secret
	heads map[string][]string // by their first headSize bytes
}

const (
	headSize  = 8  // bytes
	leastSize = 10 // shorter ones are guesses that anything may hold
	// leastDistinct is how many different bytes a secret has: what tests fill
	// members with has fewer.
	leastDistinct = 5
	longest       = 96 // so much of a long one is looked for: events cut long texts
)

func newSecrets() *secrets {
	return &secrets{known: map[string]string{}, heads: map[string][]string{}}
}

// learn adds a secret, and says whether it is one.
func (s *secrets) learn(member, secret string) bool {
	secret = secret[:min(len(secret), longest)]
	if len(secret) < leastSize || strings.Trim(secret, "0123456789") == "" || distinct(secret) < leastDistinct {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[secret] == "" {
		s.known[secret] = member
		s.heads[secret[:headSize]] = append(s.heads[secret[:headSize]], secret)
	}
	return true
}

func distinct(text string) int {
	seen := map[byte]bool{}
	for i := range len(text) {
		seen[text[i]] = true
	}
	return len(seen)
}

// in names the members whose secrets stand in a text, each once.
func (s *secrets) in(text string) (members []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i+headSize <= len(text); i++ {
		for _, secret := range s.heads[text[i:i+headSize]] {
			if member := s.known[secret]; strings.HasPrefix(text[i:], secret) && !slices.Contains(members, member) {
				members = append(members, member)
			}
		}
	}
	return members
}

// secretMembers are the members of IAM's and STS's models that are secret: those
// that are marked sensitive, and those that the marks forget.
var secretMembers = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{"SessionToken": true, "SecretAccessKey": true, "SAMLAssertion": true, "WebIdentityToken": true, "ContextAssertion": true, "TradeInToken": true}
	seen := map[*awsapi.Shape]bool{}
	var walk func(s *awsapi.Shape)
	walk = func(s *awsapi.Shape) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		for i := range s.Members {
			if m := &s.Members[i]; m.Shape.Sensitive {
				names[m.Name] = true
			} else {
				walk(m.Shape)
			}
		}
		walk(s.Member)
		walk(s.Value)
	}
	for _, service := range []string{"iam", "sts"} {
		for op := range awsapi.ByName(service).Operations() {
			walk(op.Input)
			walk(op.Output)
		}
	}
	return names
})

var (
	xmlMember  = regexp.MustCompile(`<(\w+)>([^<]+)</`)
	jsonMember = regexp.MustCompile(`"(\w+)"\s*:\s*("(?:[^"\\]|\\.)*")`)
)

// learnAnswer adds the secrets in an answer, in XML or JSON.
func (s *secrets) learnAnswer(body []byte) {
	for _, m := range xmlMember.FindAllSubmatch(body, -1) {
		if name := string(m[1]); secretMembers()[name] {
			s.learn(name, html.UnescapeString(string(m[2])))
		}
	}
	for _, m := range jsonMember.FindAllSubmatch(body, -1) {
		var text string
		if name := string(m[1]); secretMembers()[name] && json.Unmarshal(m[2], &text) == nil {
			s.learn(name, text)
		}
	}
}

// learnRequest adds the secrets in a form.
func (s *secrets) learnRequest(body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return
	}
	for name, values := range form {
		if name = name[strings.LastIndexByte(name, '.')+1:]; secretMembers()[name] {
			for _, v := range values {
				s.learn(name, v)
			}
		}
	}
}

// listener is a transport that learns the secrets that go over it.
type listener struct{ *secrets }

// maxHeard is how much of a body is listened to, in bytes; secrets come in small ones.
const maxHeard = 1 << 20

func (l listener) RoundTrip(r *http.Request) (*http.Response, error) {
	var asked []byte
	if r.Body != nil && r.ContentLength > 0 && r.ContentLength < maxHeard {
		var err error
		asked, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(asked))
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || res.ContentLength >= maxHeard {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode == http.StatusOK { // what was refused is no secret: tests try anything
		l.learnRequest(asked)
		l.learnAnswer(body)
	}
	res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	return res, nil
}

// failing is a reader that ends, with the error if there is one.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// remembered is what the servers of all tests have remembered.
var remembered struct {
	mu      sync.Mutex
	folders map[string]bool // that were looked through
	events  *os.File        // all events, a line each; nil where the tests have not begun
	count   int
}

// sweep looks through all that a server has written when its test ends: its
// events are as CloudTrail's are, and no secret stands in an event, in what it
// has printed or, where it still runs, in its metrics.
func (s *server) sweep() {
	metrics := s.metrics()
	s.kill()
	if s.planted {
		return
	}
	for where, text := range map[string]string{"standard output": s.stdout.String(), "its log": s.stderr.String(), "its metrics": metrics} {
		if found := spoken.in(text); len(found) > 0 {
			s.t.Errorf("%s of the server holds secrets: %v", where, found)
		}
	}
	if s.data == "" || !s.first() {
		return
	}
	n := 0
	err := s.eachEvent(func(record []byte) {
		if err := checkRecord(record); err != nil && n < 5 {
			n++
			s.t.Errorf("an event is not as CloudTrail's are: %v\n%s", err, record)
		}
		if found := spoken.in(unescaped(record)); len(found) > 0 {
			s.t.Errorf("an event holds secrets: %v of %s", found, eventName(record))
		}
		keepRecord(record)
	})
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EIO):
	case err != nil:
		s.t.Errorf("the trail can't be looked through: %v", err)
	}
}

// first reports whether the folder was not looked through before.
func (s *server) first() bool {
	remembered.mu.Lock()
	defer remembered.mu.Unlock()
	if remembered.folders == nil {
		remembered.folders = map[string]bool{}
	}
	was := remembered.folders[s.data]
	remembered.folders[s.data] = true
	return !was
}

// metrics are those of the server, where it runs and has any.
func (s *server) metrics() string {
	if s.admin == "" {
		return ""
	}
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get(s.admin + "/metrics")
	if err != nil {
		return "" // it was stopped before
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return string(text)
}

// eachEvent calls fn for the events in the trail of a server that has ended.
func (s *server) eachEvent(fn func(record []byte)) error {
	dir := filepath.Join(s.data, "trail")
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	log, err := trail.Open(dir, trail.Options{})
	if err != nil {
		return err
	}
	err = log.Search(context.Background(), trail.Filter{}, func(record []byte) error { fn(record); return nil })
	return errors.Join(err, log.Close())
}

func keepRecord(record []byte) {
	remembered.mu.Lock()
	defer remembered.mu.Unlock()
	remembered.count++
	if remembered.events != nil {
		fmt.Fprintf(remembered.events, "%s\n", record)
	}
}

// unescaped is a record with all its texts as they are besides.
func unescaped(record []byte) string {
	var b strings.Builder
	b.Write(record)
	var doc any
	if json.Unmarshal(record, &doc) == nil {
		appendTexts(&b, doc)
	}
	return b.String()
}

func appendTexts(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, m := range v {
			appendTexts(b, m)
		}
	case []any:
		for _, e := range v {
			appendTexts(b, e)
		}
	case string:
		b.WriteByte('\n')
		b.WriteString(v)
	}
}

func eventName(record []byte) string {
	var e event
	_ = json.Unmarshal(record, &e)
	return e.EventName
}

// sweepAll looks for all secrets of the run in all events of the run: those too
// that came to light after the server's own sweep.
func sweepAll() (problems []string) {
	remembered.mu.Lock()
	defer remembered.mu.Unlock()
	f := remembered.events
	remembered.events = nil
	if f == nil {
		return nil
	}
	defer f.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return []string{err.Error()}
	}
	lines := bufio.NewReader(f)
	for n := 0; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && n == remembered.count {
			return problems
		}
		if err != nil {
			return append(problems, fmt.Sprintf("%d events of %d: %v", n, remembered.count, err))
		}
		if found := spoken.in(unescaped(line)); len(found) > 0 {
			problems = append(problems, fmt.Sprintf("an event of %s holds secrets: %v", eventName(line), found))
		}
	}
}

// TestSweepFinds plants a secret where each sweep must find it.
func TestSweepFinds(t *testing.T) {
	t.Parallel()
	s := start(t, command{args: []string{"--admin-listen", "127.0.0.1:0"}})
	s.planted = true // the sweep of all tests must not see it
	own := newSecrets()
	heard := &http.Client{Transport: listener{own}, Timeout: patience}
	root := s.asBy(s.root(), heard)
	k := root.user(t, s, "alice", allow("iam:*")).keys
	if members := own.in("x " + k.Secret + "y"); !slices.Equal(members, []string{"SecretAccessKey"}) {
		t.Fatalf("of an answer's secret it is known: %v", members)
	}
	for name, body := range map[string]string{
		"Password": "Action=CreateLoginProfile&UserName=alice&Password=Plus%2Band%22quote1", "SAMLAssertion": "SAMLAssertion=PHNhbWw%2BYQ%3D%3DAAAA",
		"PrivateKey": "Action=UploadServerCertificate&PrivateKey=-----BEGIN+PRIVATE+KEY-----%0AMIIEvQ",
	} {
		own.learnRequest([]byte(body))
		form, err := url.ParseQuery(body)
		must(t, err)
		planted, err := json.Marshal(map[string]any{"a": []any{form.Get(name)}})
		must(t, err)
		if members := own.in(unescaped(planted)); !slices.Equal(members, []string{name}) {
			t.Errorf("%s in an event is found as %v", name, members)
		}
	}
	own.learnAnswer([]byte(`{"Credentials": {"SessionToken": "IQoJb3JpZ2luX2Vj\/planted"}}`))
	if members := own.in("<IQoJb3JpZ2luX2Vj/planted>"); !slices.Equal(members, []string{"SessionToken"}) {
		t.Errorf("a session token of an answer in JSON is found as %v", members)
	}

	req, err := http.NewRequestWithContext(deadline(t), http.MethodGet, s.endpoint+"/", nil)
	must(t, err)
	req.Header.Set("User-Agent", "curl "+k.Secret)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	res.Body.Close()
	s.stop()
	leaks := 0
	must(t, s.eachEvent(func(record []byte) {
		leaks += len(own.in(unescaped(record)))
	}))
	if leaks != 1 {
		t.Errorf("%d leaks are found of 1 planted", leaks)
	}
}
