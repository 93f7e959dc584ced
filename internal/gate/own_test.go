package gate

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/internal/wire"
)

// TestOwn: what the console's own pages ask for goes the way of the operation
// that it stands for: by the policies, by the session, into the trail.
func TestOwn(t *testing.T) {
	const may = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:EnableMFADevice","Resource":"arn:aws:iam::` + account + `:user/u",
		"Condition":{"StringEquals":{"iam:RegisterSecurityKey":"Create"}}}}`
	f := serve(t, may)
	log, err := trail.Open("trail", trail.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	g := New(Options{Directory: f.dir, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Trail: log, Remembered: func(string, error) {}})
	var u *directory.User
	err = f.dir.Update(t.Context(), account, func(tx *directory.Tx) (err error) {
		if u, err = tx.User("u"); err != nil {
			return err
		}
		return tx.CreateLogin(t.Context(), u, f.dir.Password(seal.NewSecret("Some-Pass-1")), false)
	})
	if err != nil {
		t.Fatal(err)
	}
	browser, err := f.dir.SignIn(t.Context(), u, directory.SignIn{}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s, token, err := f.dir.ConsoleCredentials(browser, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	done := 0
	own := func(state string, ask bool) *awsapi.Error {
		t.Helper()
		id, refused := g.Own(httptest.NewRequest(http.MethodPost, "/", nil), Own{
			KeyID: s.KeyID, SessionToken: token, Service: "iam", Ask: ask, In: &struct{}{},
			Operation: service.Operation{
				Name: "EnableMFADevice",
				Call: func(context.Context, *service.Caller, any) (any, error) { done++; return nil, nil },
				Key: func(key string, _ *service.Caller, _ any) (string, bool) {
					return state, key == "iam:RegisterSecurityKey"
				},
				Targets: func(*service.Caller, any) ([]service.Target, error) { return []service.Target{{ARN: u.ARN()}}, nil },
			},
		})
		if id == "" {
			t.Error("no id of the request")
		}
		return refused
	}
	events := func() (n int) {
		t.Helper()
		if err := log.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := log.Search(t.Context(), trail.Filter{}, func([]byte) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := own("Create", true); err != nil || done != 1 || events() != 0 {
		t.Errorf("to ask = %v, carried out %d times, %d events; want none", err, done, events())
	}
	if err := own("Create", false); err != nil || done != 2 || events() != 1 {
		t.Errorf("what is allowed = %v, carried out %d times, %d events", err, done, events())
	}
	if e := lastEvent(t, log); e.EventName != "EnableMFADevice" || e.UserIdentity.ARN != u.ARN() || !e.FromConsole || e.Own.Decision != "Allow" {
		t.Errorf("event = %+v", e)
	}
	for _, ask := range []bool{true, false} {
		before := events()
		if err := own("Activate", ask); err == nil || err.Code != awsapi.AccessDenied || done != 2 || events() != before+1 {
			t.Errorf("what is not allowed = %v, carried out %d times, %d events", err, done, events()-before)
		}
	}
	if err := f.dir.SignOut(t.Context(), browser); err != nil {
		t.Fatal(err)
	}
	if err := own("Create", false); err == nil || err.Code != awsapi.InvalidClientTokenID || done != 2 {
		t.Errorf("after sign-out = %v, carried out %d times", err, done)
	}
}

// TestPack: a large answer is packed for who reads that, and for nobody else.
func TestPack(t *testing.T) {
	body := bytes.Repeat([]byte("<member/>"), largeAnswer)
	for _, tt := range []struct {
		accept string
		header []wire.Field
		packed bool
	}{
		{"gzip, deflate, br", nil, true},
		{"identity", nil, false},
		{"", nil, false},
		{"gzip", []wire.Field{{Name: "Content-Length", Value: "7"}}, false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Accept-Encoding", tt.accept)
		res := wire.Response{Status: http.StatusOK, Body: body, Header: tt.header}
		(&call{r: r}).pack(&res)
		if !tt.packed {
			if !bytes.Equal(res.Body, body) || len(res.Header) != len(tt.header) {
				t.Errorf("with %q the answer is changed", tt.accept)
			}
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(res.Body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(got, body) || len(res.Body) > len(body)/10 {
			t.Errorf("with %q: %d bytes of %d, %v", tt.accept, len(res.Body), len(body), err)
		}
	}
}
