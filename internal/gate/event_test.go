package gate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// traced is a gate with a trail, on a file system in memory.
func traced(t *testing.T, policy string, ops ...service.Operation) (*fixture, *trail.Log) {
	t.Helper()
	f := serve(t, policy)
	log, err := trail.Open("trail", trail.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	srv := httptest.NewServer(New(Options{
		Directory: f.dir, Services: map[string]service.Set{"sts": service.NewSet(ops...)}, Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(f.log, nil)), Trail: log, Remembered: func(string, error) {},
	}))
	t.Cleanup(srv.Close)
	return &fixture{srv, f.dir, f.log, f.signer}, log
}

// lastEvent is the newest event of the trail.
func lastEvent(t *testing.T, log *trail.Log) (e trail.Event) {
	t.Helper()
	if err := log.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	found := errors.New("found")
	err := log.Search(context.Background(), trail.Filter{Max: 1}, func(record []byte) error {
		if err := json.Unmarshal(record, &e); err != nil {
			return err
		}
		again, err := json.Marshal(&e)
		if err != nil || string(again) != string(record) {
			t.Errorf("event read and written again = %s, %v\nwant %s", again, err, record)
		}
		return found
	})
	if !errors.Is(err, found) {
		t.Fatalf("no event: %v", err)
	}
	return e
}

// TestEvents: who, what and how it ended, of calls that end in different ways.
func TestEvents(t *testing.T) {
	for _, tt := range []struct {
		name, policy, secret      string
		kind, code, decision, why string
	}{
		{"not built", allowAll, "", "IAMUser", "", "Allow", "allowed"},
		{"denied", allowNone, "", "IAMUser", "AccessDenied", "Deny", "implicitDeny"},
		{"wrong secret", allowAll, "not the secret", "Unknown", "SignatureDoesNotMatch", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, log := traced(t, tt.policy)
			signer := f.signer
			if tt.secret != "" {
				signer.Secret = tt.secret
			}
			form := "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=900"
			r, err := http.NewRequest(http.MethodPost, f.URL+"/", strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("User-Agent", `a "quoted" agent`)
			sum := sha256.Sum256([]byte(form))
			if err := signer.Sign(r, hex.EncodeToString(sum[:]), time.Now()); err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			e := lastEvent(t, log)
			if e.EventName != "GetSessionToken" || e.EventSource != "sts.amazonaws.com" || !e.ReadOnly || e.RecipientAccountID != account ||
				e.UserIdentity.Type != tt.kind || e.UserIdentity.AccessKeyID != signer.KeyID || tt.code != "" && e.ErrorCode != tt.code {
				t.Errorf("event = %+v", e)
			}
			if e.Own.Decision != tt.decision || !strings.HasPrefix(e.Own.Reason, tt.why) || (e.Own.Explanation != "") != (tt.decision == "Deny") {
				t.Errorf("decision = %+v", e.Own)
			}
			if tt.kind == "IAMUser" && string(e.RequestParameters) != `{"durationSeconds":900}` {
				t.Errorf("requestParameters = %s", e.RequestParameters)
			}
		})
	}
}

// TestEventNeedsLittleMemory: events go into memory that is used again.
func TestEventNeedsLittleMemory(t *testing.T) {
	c := &call{g: New(Options{Directory: openDirectory(t), Now: time.Now, Rand: rand.Reader}), r: httptest.NewRequest(http.MethodPost, "/", nil)}
	var o outcome
	if n := testing.AllocsPerRun(100, func() { c.entry(&o) }); n > 8 {
		t.Errorf("an event takes %v allocations, want at most 8", n)
	}
}

// TestEventsTellTheConnection: the client's address and agent, and over TLS the
// version, the cipher and the host that it asked for.
func TestEventsTellTheConnection(t *testing.T) {
	f, log := traced(t, allowAll)
	handler := f.Config.Handler
	for _, tt := range []struct {
		name, remote, agent, host string
		version, cipher           uint16
		wantIP, wantAgent         string
		wantTLS                   *trail.TLS
	}{
		{"plain", "192.0.2.7:41000", "aws-cli/2", "here", 0, 0, "192.0.2.7", "aws-cli/2", nil},
		{"IPv6", "[2001:db8::7]:41000", "", "here", 0, 0, "2001:db8::7", "", nil},
		{"IPv4 on IPv6", "[::ffff:192.0.2.8]:41000", "a", "here", 0, 0, "192.0.2.8", "a", nil},
		{
			"TLS 1.3", "192.0.2.7:1", "a", "iam.example.com", tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, "192.0.2.7", "a",
			&trail.TLS{Version: "TLSv1.3", CipherSuite: "TLS_AES_128_GCM_SHA256", HostHeader: "iam.example.com"},
		},
		{
			"TLS 1.2", "192.0.2.7:1", "a", "iam.example.com:8443", tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "192.0.2.7", "a",
			&trail.TLS{Version: "TLSv1.2", CipherSuite: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", HostHeader: "iam.example.com:8443"},
		},
		{"a long agent that is no text", "192.0.2.7:1", strings.Repeat("a\xff", maxEventText), "here", 0, 0, "192.0.2.7", strings.Repeat("a", maxEventText/2), nil},
		{"forwarded by nobody who is trusted", "192.0.2.9:1", "a", "here", 0, 0, "192.0.2.9", "a", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const form = "Action=GetSessionToken&Version=2011-06-15"
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form))
			r.RemoteAddr, r.Host = tt.remote, tt.host
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("User-Agent", tt.agent)
			r.Header.Set("X-Forwarded-For", "198.51.100.1")
			if tt.version != 0 {
				r.TLS = &tls.ConnectionState{Version: tt.version, CipherSuite: tt.cipher}
			}
			sum := sha256.Sum256([]byte(form))
			if err := f.signer.Sign(r, hex.EncodeToString(sum[:]), time.Now()); err != nil {
				t.Fatal(err)
			}
			handler.ServeHTTP(httptest.NewRecorder(), r)
			e := lastEvent(t, log)
			if diff := cmp.Diff(tt.wantTLS, e.TLS); diff != "" || e.SourceIPAddress != tt.wantIP || e.UserAgent != tt.wantAgent {
				t.Errorf("address %q, agent %.20q (%d bytes), TLS (-want +got):\n%s", e.SourceIPAddress, e.UserAgent, len(e.UserAgent), diff)
			}
		})
	}
}
