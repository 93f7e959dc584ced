package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

const (
	account  = "111122223333"
	rootMail = "root@example.com"
	password = "Right-Horse-7"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type noPolicies struct{}

func (noPolicies) Lookup(string) (*directory.ManagedPolicy, bool) { return nil, false }
func (noPolicies) Document(string) string                         { return "" }
func (noPolicies) All() []*directory.ManagedPolicy                { return nil }

// fixture is a console with an account, its root user and the user "ann".
type fixture struct {
	*directory.Directory
	t        *testing.T
	clock    *clock
	server   *httptest.Server
	attempts []Attempt
	refuse   *Refusal // what Enable answers; nil for yes
}

func serve(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: &clock{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}}
	var err error
	f.Directory, err = directory.Open(t.Context(), mem.New(mem.Options{}), directory.Options{
		Master: seal.NewMasterKey(rand.Reader), AWSPolicies: noPolicies{}, Now: f.clock.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(context.Background()) })
	f.update(func(tx *directory.Tx) error {
		if err := tx.CreateAccount(rootMail, seal.HashGenerated(rand.Reader, seal.NewSecret(password))); err != nil {
			return err
		}
		u, err := tx.CreateUser("ann", "/", "", nil)
		if err != nil {
			return err
		}
		if err := tx.SetAlias("acme"); err != nil {
			return err
		}
		return tx.CreateLogin(t.Context(), u, f.Password(seal.NewSecret(password)), false)
	})
	app := fstest.MapFS{
		"index.html":     {Data: []byte(`<script src="./assets/app.js"></script>`)},
		"assets/app.js":  {Data: []byte(strings.Repeat("let x = 1;\n", 1000))},
		"assets/app.css": {Data: []byte("a{}")},
	}
	c, err := New(Options{
		Directory: f.Directory, App: app, Now: f.clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		SignedIn: func(a Attempt) { f.attempts = append(f.attempts, a) }, Enable: f.enable,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(c)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fixture) update(fn func(tx *directory.Tx) error) {
	f.t.Helper()
	if err := f.Update(f.t.Context(), account, fn); err != nil {
		f.t.Fatal(err)
	}
}

// onAnn changes the user ann.
func (f *fixture) onAnn(fn func(tx *directory.Tx, u *directory.User) error) {
	f.t.Helper()
	f.update(func(tx *directory.Tx) error {
		u, err := tx.User("ann")
		if err != nil {
			return err
		}
		return fn(tx, u)
	})
}

// ann is the user as she is now.
func (f *fixture) ann() *directory.User {
	f.t.Helper()
	u, err := f.Snapshot().User(account, "ann")
	if err != nil {
		f.t.Fatal(err)
	}
	return u
}

// enable stands for the gate.
func (f *fixture) enable(_ *http.Request, e Enabling) *Refusal {
	if f.refuse == nil && e.Credential != nil {
		f.onAnn(func(tx *directory.Tx, u *directory.User) error { return tx.AddPasskey(u, e.Serial, e.Credential) })
	}
	return f.refuse
}

// browser is a client with cookies, as a person's browser.
type browser struct {
	f      *fixture
	host   string // in its address bar; empty for the server's own address
	client *http.Client
	header http.Header
}

func (f *fixture) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return &browser{f: f, client: &http.Client{Jar: jar}, header: http.Header{"Origin": {f.server.URL}}}
}

func (b *browser) do(method, path string, form url.Values) (status int, body string) {
	b.f.t.Helper()
	r, err := http.NewRequestWithContext(b.f.t.Context(), method, b.f.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.f.t.Fatal(err)
	}
	r.Header, r.Host = b.header.Clone(), b.host
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.f.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.f.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func (b *browser) asAnn(pass string) (int, string) {
	b.f.t.Helper()
	return b.do("POST", own+"signin", url.Values{"as": {"user"}, "account": {account}, "username": {"Ann"}, "password": {pass}})
}

// credentials are what the app would get; nil where the browser isn't signed in.
func (b *browser) credentials() *credentials {
	b.f.t.Helper()
	status, body := b.do("POST", own+"session", nil)
	var c *credentials
	if err := json.Unmarshal([]byte(body), &c); err != nil || status != http.StatusOK {
		b.f.t.Fatalf("session = %d %s", status, body)
	}
	return c
}

func TestSignIn(t *testing.T) {
	f := serve(t)
	for _, tt := range []struct {
		name string
		form url.Values
		user string // ARN; empty where the sign-in is refused
	}{
		{"user by account id", url.Values{"as": {"user"}, "account": {account}, "username": {"ann"}, "password": {password}}, "arn:aws:iam::" + account + ":user/ann"},
		{"user by alias", url.Values{"as": {"user"}, "account": {" ACME "}, "username": {"ANN"}, "password": {password}}, "arn:aws:iam::" + account + ":user/ann"},
		{"root", url.Values{"as": {"root"}, "email": {"Root@Example.com"}, "password": {password}}, "arn:aws:iam::" + account + ":root"},
		{"wrong password", url.Values{"as": {"user"}, "account": {account}, "username": {"ann"}, "password": {"x"}}, ""},
		{"no such user", url.Values{"as": {"user"}, "account": {account}, "username": {"bob"}, "password": {password}}, ""},
		{"root by name", url.Values{"as": {"user"}, "account": {account}, "username": {directory.RootName}, "password": {password}}, ""},
		{"no such account", url.Values{"as": {"user"}, "account": {"999999999999"}, "username": {"ann"}, "password": {password}}, ""},
		{"no such address", url.Values{"as": {"root"}, "email": {"x@example.com"}, "password": {password}}, ""},
		{"nothing", url.Values{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := f.browser()
			status, body := b.do("POST", own+"signin", tt.form)
			c := b.credentials()
			last := f.attempts[len(f.attempts)-1]
			if tt.user == "" {
				if status != http.StatusUnauthorized || !strings.Contains(body, textWrong) || c != nil || last.Refused == "" {
					t.Errorf("sign in = %d, credentials %v, told %+v; want 401 with the one text", status, c != nil, last)
				}
				return
			}
			if status != http.StatusOK || c == nil || c.ARN != tt.user || c.Alias != "acme" || last.Refused != "" || last.User.ARN() != tt.user {
				t.Errorf("sign in = %d %s, credentials %+v; want those of %s", status, body, c, tt.user)
			}
			s, err := f.OpenSession(c.SessionToken)
			if err != nil || s.Kind != directory.ConsoleSession || s.Expires.Sub(s.Issued) != credentialLife {
				t.Errorf("session = %+v, %v", s, err)
			}
		})
	}
}

func TestSignOut(t *testing.T) {
	f := serve(t)
	b := f.browser()
	b.asAnn(password)
	s, err := f.OpenSession(b.credentials().SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := b.do("POST", own+"signout", nil); status != http.StatusOK || !strings.Contains(body, "IAM user sign in") {
		t.Errorf("sign out = %d %s", status, body)
	}
	if b.credentials() != nil {
		t.Error("credentials after sign-out")
	}
	if _, err := f.Snapshot().PrincipalOf(s); err == nil {
		t.Error("credentials outlive the sign-out")
	}
}

func TestMFA(t *testing.T) {
	f := serve(t)
	seed := directory.MFASeed(rand.Reader)
	code := func() string {
		text, err := totp.GenerateCode(seed.Reveal(), f.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := code()
	f.clock.add(30 * time.Second)
	f.onAnn(func(tx *directory.Tx, u *directory.User) error {
		d, err := tx.CreateMFADevice("/", "phone", seed, nil)
		if err != nil {
			return err
		}
		return tx.EnableMFA(u, d.Serial(), before, code())
	})
	f.clock.add(30 * time.Second)
	b := f.browser()
	if _, body := b.asAnn(password); !strings.Contains(body, "MFA code") || b.credentials() != nil {
		t.Fatalf("after the password: %s", body)
	}
	if status, body := b.do("POST", own+"mfa", url.Values{"code": {"000000"}}); status != http.StatusUnauthorized || !strings.Contains(body, textWrong) {
		t.Errorf("a wrong code = %d %s", status, body)
	}
	b.do("POST", own+"mfa", url.Values{"code": {code()}})
	c := b.credentials()
	if c == nil || !c.MFA || !f.attempts[len(f.attempts)-1].MFA {
		t.Fatalf("after the code: %+v", c)
	}
	again := f.browser()
	again.asAnn(password)
	if status, _ := again.do("POST", own+"mfa", url.Values{"code": {code()}}); status != http.StatusUnauthorized {
		t.Errorf("a code that was used = %d, want 401", status)
	}
}

func TestPasswordMustChange(t *testing.T) {
	f := serve(t)
	must := true
	f.onAnn(func(tx *directory.Tx, u *directory.User) error { return tx.UpdateLogin(t.Context(), u, nil, &must) })
	b := f.browser()
	if _, body := b.asAnn(password); !strings.Contains(body, "Retype new password") || b.credentials() != nil {
		t.Fatalf("after the password: %s", body)
	}
	for _, tt := range []struct{ name, old, next, again, want string }{
		{"wrong old", "x", "Next-Pass-88", "Next-Pass-88", textWrong},
		{"retyped wrong", password, "Next-Pass-88", "Next-Pass-89", textRetype},
		{"weak", password, "a", "a", "at least 8 characters"},
	} {
		if _, body := b.do("POST", own+"password", url.Values{"old": {tt.old}, "new": {tt.next}, "again": {tt.again}}); !strings.Contains(body, tt.want) {
			t.Errorf("%s = %s, want %q", tt.name, body, tt.want)
		}
	}
	b.do("POST", own+"password", url.Values{"old": {password}, "new": {"Next-Pass-88"}, "again": {"Next-Pass-88"}})
	if a := f.attempts[len(f.attempts)-2]; a.What != PasswordUpdated || a.User.Name != "ann" || a.Refused != "" {
		t.Errorf("told of the change: %+v", a)
	}
	if b.credentials() == nil {
		t.Error("no credentials after the change")
	}
	if status, _ := f.browser().asAnn(password); status != http.StatusUnauthorized {
		t.Errorf("the old password = %d, want 401", status)
	}
}

func TestPasswordExpired(t *testing.T) {
	f := serve(t)
	policy := &directory.PasswordPolicy{MinimumLength: 6, MaxAge: 1}
	f.update(func(tx *directory.Tx) error { return tx.SetPasswordPolicy(policy) })
	f.clock.add(25 * time.Hour)
	if _, body := f.browser().asAnn(password); !strings.Contains(body, "Retype new password") {
		t.Errorf("an expired password: %s", body)
	}
	f.update(func(tx *directory.Tx) error {
		return tx.SetPasswordPolicy(&directory.PasswordPolicy{MinimumLength: 6, MaxAge: 1, HardExpiry: true})
	})
	if status, body := f.browser().asAnn(password); status != http.StatusForbidden || !strings.Contains(body, "administrator") {
		t.Errorf("an expired password under hard expiry = %d %s", status, body)
	}
}

func TestOriginIsChecked(t *testing.T) {
	f := serve(t)
	for _, tt := range []struct {
		name   string
		header http.Header
		want   int
	}{
		{"own", http.Header{"Origin": {f.server.URL}}, http.StatusOK},
		{"another", http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
		{"null", http.Header{"Origin": {"null"}}, http.StatusForbidden},
		{"none", http.Header{}, http.StatusForbidden},
		{"same site", http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden},
		{"same origin", http.Header{"Sec-Fetch-Site": {"same-origin"}}, http.StatusOK},
	} {
		b := f.browser()
		b.header = tt.header
		if status, _ := b.do("POST", own+"session", nil); status != tt.want {
			t.Errorf("origin %s = %d, want %d", tt.name, status, tt.want)
		}
	}
}

func TestApp(t *testing.T) {
	f := serve(t)
	b := f.browser()
	if _, body := b.do("GET", Path, nil); !strings.Contains(body, "IAM user sign in") {
		t.Errorf("the app without sign-in: %s", body)
	}
	if _, body := b.do("GET", Path+"acme", nil); !strings.Contains(body, `value="acme"`) || !strings.Contains(body, "readonly") {
		t.Errorf("the account's own page: %s", body)
	}
	b.asAnn(password)
	_, index := b.do("GET", Path, nil)
	src, _, _ := strings.Cut(strings.TrimPrefix(index, `<script src="`), `"`)
	res, err := http.Get(f.server.URL + src)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.HasPrefix(string(text), "let x") || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("GET %s = %d, %.20q, %v", src, res.StatusCode, text, res.Header)
	}
	if res.Header.Get("Content-Security-Policy") != policyHeader || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers of the app: %v", res.Header)
	}
	if status, body := b.do("GET", own+"licenses.txt", nil); status != http.StatusOK || !strings.Contains(body, "Apache License") {
		t.Errorf("the licenses = %d %.50s", status, body)
	}
	if status, _ := b.do("GET", strings.TrimSuffix(src, "app.js")+"..%2f..%2fweb.go", nil); status != http.StatusNotFound {
		t.Errorf("a file outside = %d, want 404", status)
	}
}
