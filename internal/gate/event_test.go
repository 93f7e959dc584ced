package gate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
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
		Log: slog.New(slog.NewTextHandler(f.log, nil)), Trail: log, Remembered: func(string) {},
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
