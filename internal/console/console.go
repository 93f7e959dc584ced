// Package console is the web console's own part of the server: the sign-in
// pages, which work without JavaScript, the browsers' sessions, and the built
// web app.
//
// It has no way to the identity data but these: after sign-in the web app gets
// short-lived credentials of the user and signs its own calls to the public
// APIs with them. What a user may not do there can't be done here. The one thing
// that no request of the APIs can say, what a new passkey proves itself by, is
// taken here and goes the way of EnableMFADevice all the same (Options.Enable).
package console

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/notices"
)

// Options are what a console needs. All but SignedIn and Event must be set.
type Options struct {
	Directory *directory.Directory
	// App is the built web app, with index.html at its root.
	App  fs.FS
	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger
	// Enable makes a passkey an MFA device, or says why not: it asks the policies
	// as EnableMFADevice does, and leaves its event.
	Enable func(r *http.Request, e Enabling) *Refusal
	// SignedIn, where set, is told of every attempt to sign in.
	SignedIn func(Attempt)
	// Event, where set, is the event of an attempt that changes something, which
	// is stored together with the change.
	Event func(Attempt) []byte
}

// Attempt is an attempt to sign in that came to its end, with a session or with
// a refusal, or a step of one.
type Attempt struct {
	ID      string // of its event
	What    What
	Time    time.Time
	Account string          // 12 digits; empty where the text named no account
	User    *directory.User // nil where there is none of that name
	MFA     bool            // a code or a passkey was given
	Device  string          // serial number of the MFA device, where it was right
	Refused string          // why, in a word or two; empty where it succeeded
	Address string          // the client's
	Agent   string          // what the browser calls itself
	URL     string          // of the console
	Stored  bool            // its event is stored with what it changed
}

// What says what was attempted, as CloudTrail names it.
type What string

// What can be attempted.
const (
	SignedIn        What = "ConsoleLogin"
	AskedForMFA     What = "CheckMfa" // the password was right, and there is an MFA device
	PasswordUpdated What = "PasswordUpdated"
)

const (
	// Path is where the console is.
	Path = "/console/"
	// own is where the console's own pages are. No account's alias has that form.
	own = Path + "-/"

	sessionLife    = 12 * time.Hour
	stepLife       = 10 * time.Minute // for a code or a new password
	credentialLife = 15 * time.Minute

	sessionCookie = "sallyport-session"
	accountCookie = "sallyport-account" // the account that the browser is to remember
	knownCookie   = "sallyport-known"   // shows that somebody was signed in in the browser

	aYear = 365 * 24 * 60 * 60 // seconds, of cookies

	maxForm = 64 << 10 // bytes
)

// policyHeader is the content security policy of all pages. No inline script,
// no inline style, nothing from elsewhere.
const policyHeader = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types default"

//go:embed pages
var pageFiles embed.FS

// Console is an http.Handler for all of Path.
type Console struct {
	opts   Options
	mux    *http.ServeMux
	pages  *template.Template
	app    *bundle
	origin *http.CrossOriginProtection

	accounts, addresses *limits
	decoy               func() string
}

// New makes a console. It fails where the app lacks its index.html.
func New(opts Options) (*Console, error) {
	app, err := newBundle(opts.App, own)
	if err != nil {
		return nil, err
	}
	c := &Console{
		opts: opts, mux: http.NewServeMux(), app: app, origin: http.NewCrossOriginProtection(),
		pages:    template.Must(template.ParseFS(pageFiles, "pages/*.html")),
		accounts: newLimits(perAccount), addresses: newLimits(perAddress),
		decoy: sync.OnceValue(opts.Directory.Decoy),
	}
	c.mux.HandleFunc("GET "+Path+"{$}", c.home)
	c.mux.HandleFunc("GET "+Path+"{account}", c.signInPage)
	c.mux.HandleFunc("GET "+own+"signin", c.signInPage)
	c.mux.HandleFunc("POST "+own+"signin", c.signIn)
	c.mux.HandleFunc("POST "+own+"mfa", c.giveCode)
	c.mux.HandleFunc("POST "+own+"passkey", c.askPasskey)
	c.mux.HandleFunc("POST "+own+"passkey/new", c.beginPasskey)
	c.mux.HandleFunc("POST "+own+"passkey/made", c.endPasskey)
	c.mux.HandleFunc("POST "+own+"password", c.givePassword)
	c.mux.HandleFunc("POST "+own+"session", c.session)
	c.mux.HandleFunc("POST "+own+"signout", c.signOut)
	for _, name := range []string{"signin.css", "signin.js", "passkey.js"} {
		c.mux.HandleFunc("GET "+own+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, pageFiles, "pages/"+name)
		})
	}
	c.mux.HandleFunc("GET "+own+"reference/{$}", c.reference)
	c.mux.HandleFunc("GET "+own+"reference/{prefix}", c.reference)
	c.mux.HandleFunc("GET "+own+"licenses.txt", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "licenses.txt", time.Time{}, strings.NewReader(notices.Text))
	})
	c.mux.Handle("GET "+app.path, app)
	return c, nil
}

// ServeHTTP answers one request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policyHeader)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// Not no-referrer: with that, forms are sent with the origin "null".
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if r.TLS != nil && hostOf(r) != "localhost" { // which other programs on the machine may use without TLS
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if r.Method == http.MethodPost && !c.sameOrigin(r) {
		http.Error(w, "This request did not come from the console's own pages.", http.StatusForbidden)
		return
	}
	if r.URL.Path == Path[:len(Path)-1] {
		http.Redirect(w, r, Path, http.StatusMovedPermanently)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	c.mux.ServeHTTP(w, r)
}

// sameOrigin reports whether a page of this origin sent the request. A request
// that doesn't say is refused too: every browser says.
func (c *Console) sameOrigin(r *http.Request) bool {
	if r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		return false
	}
	return c.origin.Check(r) == nil
}

// home is the web app, for who is signed in.
func (c *Console) home(w http.ResponseWriter, r *http.Request) {
	u, in := c.browser(r)
	switch {
	case u == nil:
		http.Redirect(w, r, own+"signin", http.StatusSeeOther)
	case in.Step != "":
		c.askStep(w, r, u, in.Step, "")
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if _, err := w.Write(c.app.index); err != nil {
			c.opts.Log.Debug("page not sent", "error", err)
		}
	}
}

// browser is who is signed in, or about to be; nil where nobody is.
func (c *Console) browser(r *http.Request) (*directory.User, *directory.SignIn) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, nil
	}
	u, in, err := c.opts.Directory.Snapshot().SignedIn(cookie.Value)
	if err != nil {
		if !errors.Is(err, directory.ErrSignedOut) {
			c.opts.Log.Error("console session not read", "error", err)
		}
		return nil, nil
	}
	return u, in
}

// credentials are what the web app is told of its session.
type credentials struct {
	Account         string    `json:"account"`
	Alias           string    `json:"alias,omitempty"`
	User            string    `json:"user,omitempty"` // empty for root
	ARN             string    `json:"arn"`
	MFA             bool      `json:"mfa"`
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	SessionToken    string    `json:"sessionToken"`
	Expiration      time.Time `json:"expiration"`
	SignedInUntil   time.Time `json:"signedInUntil"`
}

// session gives credentials for the session of the browser that asks: null,
// where there is none, as a browser logs any status but success as an error.
func (c *Console) session(w http.ResponseWriter, r *http.Request) {
	var out *credentials
	if u, in := c.browser(r); u != nil {
		cookie, _ := r.Cookie(sessionCookie)
		s, token, err := c.opts.Directory.ConsoleCredentials(cookie.Value, credentialLife)
		switch {
		case err == nil:
			out = &credentials{
				Account: u.Account(), User: u.Name, ARN: u.ARN(), MFA: !in.MFA.IsZero(),
				AccessKeyID: s.KeyID, SecretAccessKey: s.Secret, SessionToken: token, Expiration: s.Expires, SignedInUntil: in.Expires,
			}
			if u.Root() {
				out.User = ""
			}
			if a, err := c.opts.Directory.Snapshot().Account(u.Account()); err == nil && a != nil {
				out.Alias = a.Alias
			}
		case !errors.Is(err, directory.ErrSignedOut):
			c.opts.Log.Error("console credentials not made", "error", err)
			http.Error(w, "internal failure", http.StatusInternalServerError)
			return
		}
	}
	c.json(w, http.StatusOK, out)
}

// signOut ends the session of the browser that asks.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		if err := c.opts.Directory.SignOut(r.Context(), cookie.Value); err != nil {
			c.fail(w, err)
			return
		}
	}
	c.setCookie(w, r, sessionCookie, "", -1)
	http.Redirect(w, r, own+"signin", http.StatusSeeOther)
}

// setCookie sets a cookie that no script reads and no other site sends. maxAge
// is in seconds; negative means to forget it.
func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: Path, MaxAge: maxAge, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
}

// page writes one of the pages.
func (c *Console) page(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := c.pages.ExecuteTemplate(&b, name, data); err != nil {
		c.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := b.WriteTo(w); err != nil {
		c.opts.Log.Debug("page not sent", "error", err)
	}
}

// fail answers that something went wrong here, and logs what.
func (c *Console) fail(w http.ResponseWriter, err error) {
	c.opts.Log.Error("console request failed", "error", err)
	http.Error(w, "Something went wrong here. Please try again.", http.StatusInternalServerError)
}

// scheme is that of the console's address.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// client is the address of the client.
func client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
