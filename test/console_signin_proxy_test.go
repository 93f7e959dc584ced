package test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// behind is a reverse proxy with TLS in front of the server, and a client of it
// that trusts its certificate and keeps cookies.
func behind(t *testing.T, s *server) (*httptest.Server, *http.Client) {
	t.Helper()
	to, err := url.Parse(s.endpoint)
	must(t, err)
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
		r.SetXForwarded() // appends whom it heard from
	}})
	t.Cleanup(proxy.Close)
	client := proxy.Client()
	client.Jar, err = cookiejar.New(nil)
	must(t, err)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return proxy, client
}

// said is a transport that says to ask for somebody else.
type said struct {
	next http.RoundTripper
	from string
}

func (c said) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", c.from)
	return c.next.RoundTrip(r)
}

// TestTrustedProxies: a proxy that is trusted tells policies, trail and console
// where requests come from and whether over TLS; no one else does.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	// The proxies' own network is not in the policies: what they see is.
	const may = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*",
		"Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"},"Bool":{"aws:SecureTransport":"true"}}}}`
	for _, tt := range []struct {
		name    string
		trusted string
		from    string // what the client claims; a second proxy's word where that is trusted
		want    string // the address that the trail has
		tls     bool
	}{
		{"trusted, with another before it", "127.0.0.0/8,203.0.113.9", "198.51.100.7, 203.0.113.9", "198.51.100.7", true},
		{"trusted, and the client lies", "127.0.0.1", "198.51.100.7, 192.0.2.66", "192.0.2.66", true},
		{"not trusted", "10.0.0.0/8", "198.51.100.7", "127.0.0.1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, command{args: []string{"--trusted-proxies", tt.trusted}})
			root := s.as(s.root())
			ann := root.user(t, s, "ann", may)
			root.withPassword(t, "ann", "Correct-Horse-9", false)
			proxy, browser := behind(t, s)
			browser.Transport = said{browser.Transport, tt.from}

			_, err := ann.iam.ListUsers(deadline(t), &iam.ListUsersInput{}, func(o *iam.Options) { o.BaseEndpoint, o.HTTPClient = &proxy.URL, browser })
			if allowed := err == nil; allowed != (tt.want == "198.51.100.7" && tt.tls) {
				t.Errorf("ListUsers = %v", err)
			}

			form := url.Values{"as": {"user"}, "account": {s.account}, "username": {"ann"}, "password": {"Correct-Horse-9"}}
			r, err := http.NewRequestWithContext(deadline(t), http.MethodPost, proxy.URL+"/console/-/signin", strings.NewReader(form.Encode()))
			must(t, err)
			r.Header = http.Header{"Origin": {proxy.URL}, "Content-Type": {"application/x-www-form-urlencoded"}}
			res, err := browser.Do(r)
			must(t, err)
			must(t, res.Body.Close())
			var secure bool
			for _, c := range res.Cookies() {
				secure = secure || c.Name == "sallyport-session" && c.Secure
			}
			if res.StatusCode != http.StatusSeeOther || secure != tt.tls || (res.Header.Get("Strict-Transport-Security") != "") != tt.tls {
				t.Errorf("sign in = %d with %v; want Secure and HSTS: %v", res.StatusCode, res.Header, tt.tls)
			}

			cli := s.rootCLI(t)
			for _, event := range []string{"ListUsers", "ConsoleLogin"} {
				events := eventsOf(cli, event)
				if !strings.Contains(events, `\"sourceIPAddress\":\"`+tt.want+`\"`) {
					t.Errorf("%s is not from %s: %s", event, tt.want, events)
				}
			}
		})
	}
	if code, stderr := (command{args: []string{"--trusted-proxies", "10.0.0.0/8,proxy"}}).refused(t); code != 2 || !strings.Contains(stderr, `"proxy"`) {
		t.Errorf("serve with a proxy's name = %d: %s", code, stderr)
	}
}
