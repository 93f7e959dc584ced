package test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// rawRequest is a request as it goes onto the wire, byte by byte, so that a
// test can bend it in any way before and after it is signed. The signer below
// is written apart from the project's, after AWS's description.
type rawRequest struct {
	method, target string // target as in the request line
	headers        []rawHeader
	body           string
	chunked        bool // the body is sent as it stands, no Content-Length is added

	// What is signed. Zero values mean what an honest client does.
	keys    keys
	at      time.Time // X-Amz-Date; zero means now
	service string
	region  string
	day     string   // of the scope
	last    string   // the scope's terminator
	only    []string // sign these headers only, in lower case
}

type rawHeader struct{ name, value string }

// formRequest is an honest query-protocol request of the service to the server.
func formRequest(s *server, k keys, service string, form url.Values) *rawRequest {
	versions := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15", "ec2": "2016-11-15"}
	if !form.Has("Version") {
		form.Set("Version", versions[service])
	}
	return &rawRequest{
		method: "POST", target: "/", body: form.Encode(), keys: k, service: service, region: "us-east-1",
		headers: []rawHeader{{"Host", s.address()}, {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
	}
}

// add adds a header, at the end.
func (r *rawRequest) add(name, value string) { r.headers = append(r.headers, rawHeader{name, value}) }

// set replaces the header's value.
func (r *rawRequest) set(name, value string) {
	for i, h := range r.headers {
		if h.name == name {
			r.headers[i].value = value
		}
	}
}

func (r *rawRequest) get(name string) string {
	for _, h := range r.headers {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

func (r *rawRequest) scope() string {
	day, last := r.at.UTC().Format("20060102"), "aws4_request"
	if r.day != "" {
		day = r.day
	}
	if r.last != "" {
		last = r.last
	}
	return strings.Join([]string{day, r.region, r.service, last}, "/")
}

// sign signs the request as it stands and adds the headers that this takes.
func (r *rawRequest) sign() *rawRequest {
	if r.at.IsZero() {
		r.at = time.Now()
	}
	r.add("X-Amz-Date", r.at.UTC().Format("20060102T150405Z"))
	if r.keys.Token != "" {
		r.add("X-Amz-Security-Token", r.keys.Token)
	}
	names := r.signedNames()
	r.add("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		r.keys.ID, r.scope(), strings.Join(names, ";"), r.signature(names)))
	return r
}

func (r *rawRequest) signedNames() []string {
	if r.only != nil {
		return r.only
	}
	var names []string
	for _, h := range r.headers {
		names = append(names, strings.ToLower(h.name))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (r *rawRequest) signature(names []string) string {
	stringToSign := "AWS4-HMAC-SHA256\n" + r.at.UTC().Format("20060102T150405Z") + "\n" + r.scope() + "\n" + hash(r.canonical(names))
	key := []byte("AWS4" + r.keys.Secret)
	for part := range strings.SplitSeq(r.scope(), "/") {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, stringToSign))
}

// canonical is the canonical request. The target must be in normal form. What
// the request says of its payload is believed.
func (r *rawRequest) canonical(names []string) string {
	path, query, _ := strings.Cut(r.target, "?")
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		if p != "" && !strings.Contains(p, "=") {
			pairs[i] += "="
		}
	}
	slices.Sort(pairs)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n", r.method, path, strings.Join(pairs, "&"))
	for _, name := range names {
		var values []string
		for _, h := range r.headers {
			if strings.EqualFold(h.name, name) {
				values = append(values, strings.TrimSpace(h.value))
			}
		}
		fmt.Fprintf(&b, "%s:%s\n", name, strings.Join(values, ","))
	}
	payload := r.get("X-Amz-Content-Sha256")
	if payload == "" {
		payload = hash(r.body)
	}
	fmt.Fprintf(&b, "\n%s\n%s", strings.Join(names, ";"), payload)
	return b.String()
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// wire is the request's bytes.
func (r *rawRequest) wire() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.method, r.target)
	for _, h := range r.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h.name, h.value)
	}
	if !r.chunked {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	return b.String() + "Connection: close\r\n\r\n" + r.body
}

// answer is what the server says to a raw request.
type answer struct {
	status        int
	code, message string // of an error
	body          string
}

var (
	errorCode    = regexp.MustCompile(`<Code>([^<]*)</Code>|"__type": ?"([^"]*)"`)
	errorMessage = regexp.MustCompile(`(?s)<Message>([^<]*)</Message>|"[mM]essage": ?"([^"]*)"`)
)

// send sends bytes to the server on a connection of their own and reads the
// answer. An answer that isn't HTTP, or none, fails the test.
func send(t *testing.T, s *server, bytes string) answer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.address(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	// The server may answer and close before it has read everything.
	go func() { _, _ = io.WriteString(conn, bytes) }()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer to %.200q: %v", bytes, err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return answer{res.StatusCode, either(errorCode, body), either(errorMessage, body), string(body)}
}

// either is what the first or the second group of re matches.
func either(re *regexp.Regexp, text []byte) string {
	m := re.FindSubmatch(text)
	if m == nil {
		return ""
	}
	return string(m[1]) + string(m[2])
}
