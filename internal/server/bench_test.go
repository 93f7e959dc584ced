package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/policy"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// The benchmarks time whole requests: signed, authenticated as an ordinary
// user, authorised by that user's policy of three statements, carried out.

const benchPolicy = `{"Version":"2012-10-17","Statement":[
	{"Sid":"Iam","Effect":"Allow","Action":["iam:Get*","iam:List*","iam:CreateAccessKey","iam:DeleteAccessKey"],"Resource":"*"},
	{"Sid":"Sts","Effect":"Allow","Action":["sts:*"],"Resource":"*"},
	{"Sid":"NoProd","Effect":"Deny","Action":"iam:*","Resource":"arn:aws:iam::*:user/prod/*"}]}`

// benchServer is a server with a caller of that policy and that many users.
type benchServer struct {
	*Server
	signer sigv4.Signer
}

func testConfig(data string) Config {
	return Config{
		Data: data, Listen: "127.0.0.1:0", RootEmail: "root@localhost", Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func openBench(b *testing.B, users int) *benchServer {
	b.Helper()
	s, err := Open(b.Context(), testConfig(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.release(context.Background()) })
	account := s.Started().AccountID
	var key directory.AccessKey
	secret := seal.SecretKey(rand.Reader)
	err = s.data.dir.Update(b.Context(), account, func(tx *directory.Tx) error {
		u, err := tx.CreateUser("caller", "/", "", nil)
		if err != nil {
			return err
		}
		if err := tx.PutInline(u, "load", benchPolicy); err != nil {
			return err
		}
		key, err = tx.AddAccessKey(u, secret)
		return err
	})
	for i := 0; err == nil && i < users; i++ {
		err = s.data.dir.Update(b.Context(), account, func(tx *directory.Tx) error {
			u, err := tx.CreateUser(fmt.Sprintf("user-%03d", i), "/bench/", "", nil)
			if err == nil {
				_, err = tx.AddAccessKey(u, secret)
			}
			return err
		})
	}
	if err != nil {
		b.Fatal(err)
	}
	return &benchServer{s, sigv4.Signer{KeyID: key.ID, Secret: secret.Reveal(), Region: "us-east-1"}}
}

func (s *benchServer) request(b testing.TB, service, form string) *http.Request {
	b.Helper()
	r, err := http.NewRequest(http.MethodPost, s.started.Endpoint+"/", strings.NewReader(form))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	signer := s.signer
	signer.Service = service
	sum := sha256.Sum256([]byte(form))
	if err := signer.Sign(r, hex.EncodeToString(sum[:]), time.Now()); err != nil {
		b.Fatal(err)
	}
	return r
}

// discard is a ResponseWriter that keeps the status only.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// body lets one request be served again and again.
type body struct{ bytes.Reader }

func (*body) Close() error { return nil }

var benchRequests = []struct{ name, service, form string }{
	{"GetCallerIdentity", "sts", "Action=GetCallerIdentity&Version=2011-06-15"},
	{"GetUser", "iam", "Action=GetUser&Version=2010-05-08&UserName=user-000"},
	{"ListAccessKeys", "iam", "Action=ListAccessKeys&Version=2010-05-08&UserName=user-000"},
	{"ListUsers100", "iam", "Action=ListUsers&Version=2010-05-08&PathPrefix=%2Fbench%2F&MaxItems=100"},
}

// BenchmarkHandler serves without a network: what the way of a request costs.
func BenchmarkHandler(b *testing.B) {
	s := openBench(b, 100)
	for _, bb := range benchRequests {
		b.Run(bb.name, func(b *testing.B) {
			r := s.request(b, bb.service, bb.form)
			r.RemoteAddr = "127.0.0.1:1234"
			w := &discard{header: http.Header{}}
			in := new(body)
			b.ReportAllocs()
			for b.Loop() {
				in.Reset([]byte(bb.form))
				r.Body = in
				clear(w.header)
				s.http.Handler.ServeHTTP(w, r)
				if w.status != http.StatusOK {
					b.Fatalf("status %d", w.status)
				}
			}
		})
	}
}

// BenchmarkRoleSession serves as BenchmarkHandler does, but for a session of a
// role of the same policy; with a session policy, and with a token that was
// not seen before.
func BenchmarkRoleSession(b *testing.B) {
	s := openBench(b, 1)
	account := s.Started().AccountID
	trust, err := policy.Parse(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"`+account+`"},"Action":"sts:AssumeRole"}}`, policy.Trust)
	if err != nil {
		b.Fatal(err)
	}
	var role *directory.Role
	err = s.data.dir.Update(b.Context(), account, func(tx *directory.Tx) error {
		if role, err = tx.CreateRole(directory.NewRole{Name: "r", Path: "/", Trust: trust, MaxSession: 3600}); err != nil {
			return err
		}
		return tx.PutInline(role, "load", benchPolicy)
	})
	if err != nil {
		b.Fatal(err)
	}
	session := func() {
		made := &directory.Session{Kind: directory.RoleSession, Account: account, Entity: role.ID, Name: "bench", Policy: benchPolicy}
		token, err := s.data.dir.NewSession(made, time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		s.signer.KeyID, s.signer.Secret, s.signer.SessionToken = made.KeyID, made.Secret, token
	}
	session()
	for _, bb := range benchRequests[:2] {
		b.Run(bb.name, func(b *testing.B) { s.serveAgain(b, bb.service, bb.form, func() {}) })
	}
	b.Run("new token", func(b *testing.B) { s.serveAgain(b, benchRequests[1].service, benchRequests[1].form, session) })
}

// serveAgain serves a request again and again; before each, outside of the
// measured time, it calls fresh.
func (s *benchServer) serveAgain(b *testing.B, service, form string, fresh func()) {
	r := s.request(b, service, form)
	id := s.signer.KeyID
	w := &discard{header: http.Header{}}
	in := new(body)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if fresh(); s.signer.KeyID != id {
			r = s.request(b, service, form)
		}
		r.RemoteAddr = "127.0.0.1:1234"
		in.Reset([]byte(form))
		r.Body = in
		clear(w.header)
		b.StartTimer()
		s.http.Handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
	}
}

// BenchmarkLoopback serves over loopback, beside a plain net/http server that
// answers as many bytes: what the network and net/http cost.
func BenchmarkLoopback(b *testing.B) {
	s := openBench(b, 100)
	go s.http.Serve(s.listener)
	hello := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, strings.Repeat("hello world ", 34))
	}))
	defer hello.Close()
	b.Run("hello", func(b *testing.B) {
		loop(b, s, func(r *http.Request) { r.URL.Host = hello.Listener.Addr().String() }, benchRequests[0].service, benchRequests[0].form)
	})
	for _, bb := range benchRequests {
		b.Run(bb.name, func(b *testing.B) { loop(b, s, func(*http.Request) {}, bb.service, bb.form) })
	}
}

func loop(b *testing.B, s *benchServer, change func(*http.Request), service, form string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := s.request(b, service, form)
			change(r)
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Errorf("status %d", res.StatusCode)
				return
			}
		}
	})
}

// BenchmarkCreateAccessKey makes durable keys with a number of clients at once,
// beside what the disk itself allows: small appends, each synced.
func BenchmarkCreateAccessKey(b *testing.B) {
	b.Run("disk", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		record := make([]byte, 600)
		for b.Loop() {
			if _, err := f.Write(record); err != nil {
				b.Fatal(err)
			}
			if err := syscall.Fdatasync(int(f.Fd())); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, clients := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s := openBench(b, clients)
			dir, account, secret := s.data.dir, s.started.AccountID, seal.SecretKey(rand.Reader)
			var next atomic.Int64
			b.SetParallelism((clients + 1) / 2) // times GOMAXPROCS
			b.RunParallel(func(pb *testing.PB) {
				name := fmt.Sprintf("user-%03d", (next.Add(1)-1)%int64(clients))
				for pb.Next() {
					err := dir.Update(b.Context(), account, func(tx *directory.Tx) error {
						u, err := tx.User(name)
						if err != nil {
							return err
						}
						if len(u.Keys) == 2 {
							if err := tx.DeleteKey(u, u.Keys[1].ID); err != nil {
								return err
							}
						}
						_, err = tx.AddAccessKey(u, secret)
						return err
					})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkStart starts on an empty folder, and on one with an account.
func BenchmarkStart(b *testing.B) {
	start := func(b *testing.B, dir string) {
		s, err := Open(b.Context(), testConfig(dir))
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.release(context.Background())
		b.StartTimer()
	}
	b.Run("empty", func(b *testing.B) {
		for b.Loop() {
			start(b, b.TempDir())
		}
	})
	b.Run("existing", func(b *testing.B) {
		dir := b.TempDir()
		start(b, dir)
		for b.Loop() {
			start(b, dir)
		}
	})
}

// BenchmarkAuthorizationDetails reads all pages of GetAccountAuthorizationDetails,
// of a thousand and of ten thousand users. Time for each user and memory for each
// page must not grow with their number.
func BenchmarkAuthorizationDetails(b *testing.B) {
	for _, users := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(users), func(b *testing.B) {
			s := openBench(b, users)
			pages := 0
			b.ReportAllocs()
			for b.Loop() {
				pages = 0
				for marker := ""; pages == 0 || marker != ""; pages++ {
					form := "Action=GetAccountAuthorizationDetails&Version=2010-05-08&MaxItems=1000"
					if marker != "" {
						form += "&Marker=" + marker
					}
					w := httptest.NewRecorder()
					s.http.Handler.ServeHTTP(w, s.request(b, "iam", form))
					if w.Code != http.StatusOK {
						b.Fatal(w.Body)
					}
					_, marker, _ = strings.Cut(w.Body.String(), "<Marker>")
					marker, _, _ = strings.Cut(marker, "</Marker>")
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(users)*1e9, "ns/user")
			b.ReportMetric(float64(pages), "pages")
		})
	}
}
