package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// TestRemoteErrors has a store refuse in many ways: GetTrailStatus will say S3's
// code, and the log no more than what the store has said.
func TestRemoteErrors(t *testing.T) {
	xml := func(code string) string {
		return `<?xml version="1.0"?><Error><Code>` + code + `</Code><Message>m</Message></Error>`
	}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"kept", 200, "", ""},
		{"created", 201, "", ""},
		{"no bucket", 404, xml("NoSuchBucket"), "NoSuchBucket"},
		{"wrong secret", 403, xml("SignatureDoesNotMatch"), "SignatureDoesNotMatch"},
		{"overload", 503, xml("SlowDown"), "SlowDown"},
		{"no text", 403, "", "AccessDenied"},
		{"a page", 502, "<html>bad gateway</html>", "InternalError"},
		{"elsewhere", 307, xml("TemporaryRedirect"), "TemporaryRedirect"},
		{"a code that is none", 500, xml(strings.Repeat("x", 65)), "InternalError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/") // must not be gone to
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			defer srv.Close()
			r := newRemote(&Config{To: srv.URL, KeyID: "k", Secret: seal.NewSecret("s")}, time.Now)
			if got := Code(r.put(t.Context(), "b", "k", nil, nil)); got != tt.want {
				t.Errorf("put = %q, want %q", got, tt.want)
			}
		})
	}
	dead := newRemote(&Config{To: "http://127.0.0.1:1", KeyID: "k", Secret: seal.NewSecret("s")}, time.Now)
	if got := Code(dead.check(t.Context(), "b")); got != "ServiceUnavailable" {
		t.Errorf("check of a dead store = %q, want ServiceUnavailable", got)
	}
	if got := Code(newRemote(&Config{To: "http://127.0.0.1:1"}, time.Now).check(t.Context(), "b")); got != "InvalidAccessKeyId" {
		t.Errorf("check without credentials = %q, want InvalidAccessKeyId", got)
	}
}

// TestRemoteRequest looks at what a store is sent: the names that S3 has for it,
// a signature that verifies, and a key with characters that must be escaped.
func TestRemoteRequest(t *testing.T) {
	const key = "p +%?#é/AWSLogs/x.json.gz"
	var v sigv4.Verifier
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/b/"+key || r.Method != http.MethodPut || string(body) != "body" {
			t.Errorf("the store got %s %q %q", r.Method, r.URL.Path, body)
		}
		for name, want := range map[string]string{
			"X-Amz-Meta-Signature": "ab", "X-Amz-Meta-Signature-Algorithm": "SHA256withRSA", "Content-Encoding": "gzip", "Content-Type": "application/json",
			"Content-Md5": "hBotaJrYa9FhFEdFPCLG/A==",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		sig, err := v.Parse(r)
		if err == nil {
			err = v.Verify(r, sig, "s", body)
		}
		if err != nil {
			t.Errorf("the signature: %v", err)
		}
	}))
	defer srv.Close()
	r := newRemote(&Config{To: srv.URL + "/", KeyID: "k", Secret: seal.NewSecret("s")}, time.Now)
	if err := r.put(t.Context(), "b", key, []byte("body"), map[string]string{"signature": "ab", "signature-algorithm": "SHA256withRSA"}); err != nil {
		t.Error(err)
	}
}

// TestSlowTarget has a store that never answers: the attempt ends by itself.
func TestSlowTarget(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer srv.Close()
	defer close(hang)
	n.again(Config{To: srv.URL, KeyID: "k", Secret: seal.NewSecret("s"), Timeout: 20 * time.Millisecond})
	n.d.to = newRemote(&n.d.cfg, time.Now)
	w.create(nil)
	n.event("E")
	n.d.Round(t.Context())
	if s := n.d.Status(mustTrail(w)); s.Error != "RequestTimeout" {
		t.Errorf("status = %+v, want RequestTimeout", s)
	}
	if _, failures, failing, behind := n.d.Counts(); failures != 1 || failing != 1 || behind == 0 {
		t.Errorf("Counts = %d failures, %d failing, %d behind; want 1, 1 and some", failures, failing, behind)
	}
	if log := n.out.String(); !strings.Contains(log, "events not delivered; it is tried again") || !strings.Contains(log, "trail=all") {
		t.Errorf("the log says %q", log)
	}
	if got := Code(n.d.Bucket(t.Context(), "b")); got != "RequestTimeout" {
		t.Errorf("Bucket = %q, want RequestTimeout", got)
	}
	n.d.to = w.to
	n.d.Round(t.Context())
	w.want("afterwards", "E")
	if !strings.Contains(n.out.String(), "events are delivered again") {
		t.Errorf("the log does not say that it is over: %q", n.out.String())
	}
}

func TestLocalBuckets(t *testing.T) {
	dir := t.TempDir()
	l := localBuckets(dir)
	if got := Code(l.check(t.Context(), "b")); got != "NoSuchBucket" {
		t.Errorf("check of nothing = %q, want NoSuchBucket", got)
	}
	if got := Code(l.put(t.Context(), "b", "k", nil, nil)); got != "NoSuchBucket" {
		t.Errorf("put into nothing = %q, want NoSuchBucket", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := Code(l.check(t.Context(), "f")); got != "NoSuchBucket" {
		t.Errorf("check of a file = %q, want NoSuchBucket", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.put(t.Context(), "b", "../../x", nil, nil); err == nil {
		t.Error("put beyond the bucket succeeded")
	}
	for range 2 { // again over itself
		if err := l.put(t.Context(), "b", "x/y.json.gz", []byte("body"), map[string]string{"signature": "s"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"y.json.gz": "body", "y.json.gz.metadata.json": `{"signature":"s"}` + "\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, "b", "x", name)); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v; want %q", name, got, err, want)
		}
	}
}

// receiver is a webhook's receiver, which refuses on demand.
type receiver struct {
	t   *testing.T
	key []byte

	mu      sync.Mutex // guards the fields below
	refuse  int        // times
	status  int
	names   []string // of the events that came
	batches map[string]int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	id := req.Header.Get("Webhook-Id")
	signature := "v1," + webhookSignature(r.key, id, req.Header.Get("Webhook-Timestamp"), body)
	if !hmac.Equal([]byte(signature), []byte(req.Header.Get("Webhook-Signature"))) || req.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("a batch is signed wrongly: %v", req.Header)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse > 0 {
		r.refuse--
		w.WriteHeader(r.status)
		return
	}
	var doc struct{ Records []trail.Event }
	if err := json.Unmarshal(body, &doc); err != nil {
		r.t.Errorf("a batch: %v", err)
	}
	r.batches[id]++
	for _, e := range doc.Records {
		r.names = append(r.names, e.EventName)
	}
}

// TestWebhook delivers over refusals and a restart, each event in order.
func TestWebhook(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	r := &receiver{t: t, key: []byte("0123456789abcdef"), refuse: 2, status: 500, batches: map[string]int{}}
	srv := httptest.NewServer(r)
	defer srv.Close()
	cfg := Config{Webhook: srv.URL, WebhookSecret: seal.NewSecret("whsec_MDEyMzQ1Njc4OWFiY2RlZg==")}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	n.event("BeforeTheFirstRun")
	n.again(cfg)
	step := func(want bool) {
		t.Helper()
		if _, err := n.d.streams()[0].step(t.Context()); (err == nil) != want {
			t.Errorf("step = %v, want success %v", err, want)
		}
	}
	step(true)
	var want []string
	for i := range maxBatch + 2 {
		want = append(want, fmt.Sprint("E", i))
		n.event(want[i])
	}
	step(false)
	n.again(cfg)
	step(false)
	step(true)
	n.again(cfg)
	step(true)
	step(true) // nothing is left
	if diff := cmp.Diff(want, r.names); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	if len(r.batches) != 2 {
		t.Errorf("batches are %v, want 2 of different ids", r.batches)
	}
}

func TestWebhookConfig(t *testing.T) {
	for _, tt := range []struct {
		url, secret string
		ok          bool
	}{
		{"https://x/", "0123456789abcdef", true},
		{"https://x/", "0123456789abcde", false},
		{"https://x/", "", false},
		{"https://x/", "whsec_!", false},
		{"ftp://x/", "0123456789abcdef", false},
		{"", "", true},
	} {
		cfg := Config{Webhook: tt.url, WebhookSecret: seal.NewSecret(tt.secret)}
		if err := cfg.Check(); (err == nil) != tt.ok {
			t.Errorf("Check(%q, %q) = %v, want success %v", tt.url, tt.secret, err, tt.ok)
		}
	}
}

// TestBackoff: a stream that fails waits longer each time, and no longer than
// maxRetry.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for _, pause := range []time.Duration{time.Second, maxRetry} {
			sleep(t.Context(), pause)
		}
		if got := time.Since(began); got != time.Second+maxRetry {
			t.Errorf("slept %v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		sleep(ctx, time.Hour)
		if got := time.Since(began); got != time.Second+maxRetry {
			t.Errorf("slept %v though it was to end", got)
		}
	})
}

// tearing is a reader of lines that takes half of what comes, and then breaks.
type tearing struct {
	bytes.Buffer
	broken bool
}

func (w *tearing) Write(p []byte) (int, error) {
	if w.broken {
		w.broken = false
		n, _ := w.Buffer.Write(p[:len(p)/2])
		return n, errors.New("broken pipe")
	}
	return w.Buffer.Write(p)
}

// TestLines writes lines over a break: every event has a whole line.
func TestLines(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	to := &tearing{}
	n.again(Config{Lines: to})
	s := n.d.streams()[0]
	steps := func() {
		t.Helper()
		if _, err := s.step(t.Context()); err != nil {
			t.Error(err)
		}
	}
	steps()
	n.event("A")
	n.event("B")
	steps()
	n.event("C")
	to.broken = true
	if _, err := s.step(t.Context()); err == nil {
		t.Error("a broken write is no error")
	}
	steps()
	var names []string
	for line := range strings.Lines(to.String()) {
		var e trail.Event
		if json.Unmarshal([]byte(line), &e) == nil {
			names = append(names, e.EventName)
		}
	}
	if diff := cmp.Diff([]string{"A", "B", "C"}, names); diff != "" {
		t.Errorf("lines (-want +got):\n%s in %s", diff, to)
	}
}

// TestBlockedLines: a reader that does not read holds up neither the end of the
// server nor anything else, and the event comes after the next start.
func TestBlockedLines(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	r, pipe := io.Pipe()
	n.again(Config{Lines: pipe})
	if _, err := n.d.streams()[0].step(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.event("A")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.d.Run(ctx) }()
	if _, err := r.Read(make([]byte, 1)); err != nil { // it has begun, and gets no further
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	r.Close()
	var out bytes.Buffer
	n.again(Config{Lines: &out})
	if _, err := n.d.streams()[0].step(t.Context()); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("after the start: %v, %q", err, out.String())
	}
}
