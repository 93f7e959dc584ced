package federation

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
)

// issuer is an OpenID Connect provider. Its pages are set before it is asked.
type issuer struct {
	*httptest.Server
	pages map[string]http.HandlerFunc
	asked map[string]int
	key   *ecdsa.PrivateKey
}

func newIssuer(t testing.TB) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, asked: map[string]int{}}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked[r.URL.Path]++
		if page := i.pages[r.URL.Path]; page != nil {
			page(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(i.Close)
	i.pages = map[string]http.HandlerFunc{
		"/.well-known/openid-configuration": answer(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}),
		"/keys":                             answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}}),
	}
	return i
}

func answer(doc any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(doc) }
}

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// keysFor trusts the issuer's certificate. Its clock starts now, because that
// certificate is of now.
func (i *issuer) keysFor() (*Keys, *clock) {
	c := &clock{time.Now()}
	roots := x509.NewCertPool()
	if i.Certificate() != nil {
		roots.AddCert(i.Certificate())
	}
	return NewKeys(KeyOptions{Roots: roots, Now: c.Now, Log: slog.New(slog.DiscardHandler)}), c
}

func (i *issuer) token(t testing.TB, key any, id string, claims map[string]any) string {
	t.Helper()
	algorithm := jose.ES256
	if _, ok := key.(*rsa.PrivateKey); ok {
		algorithm = jose.RS256
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"iss": i.URL, "aud": "app", "sub": "ann", "iat": time.Now().Unix(), "exp": time.Now().Add(24 * time.Hour).Unix()}
	maps.Copy(all, claims)
	text, err := jwt.Signed(signer).Claims(all).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (i *issuer) provider() Provider {
	return Provider{URL: strings.TrimPrefix(strings.TrimPrefix(i.URL, "https://"), "http://"), ClientIDs: []string{"app"}}
}

func (i *issuer) verify(t testing.TB, k *Keys, text string) (*Identity, error) {
	t.Helper()
	token, err := ParseToken(text)
	if err != nil {
		return nil, err
	}
	return k.Verify(context.Background(), token, i.provider())
}

func TestKeysAreKept(t *testing.T) {
	i := newIssuer(t)
	k, c := i.keysFor()
	token := i.token(t, i.key, "k", nil)
	ok := func() {
		t.Helper()
		if _, err := i.verify(t, k, token); err != nil {
			t.Fatalf("Verify = %v (%v)", err, errors.Unwrap(err))
		}
	}
	ok()
	c.now = c.now.Add(59 * time.Minute)
	ok()
	if n := i.asked["/keys"]; n != 1 {
		t.Errorf("%d fetches within the hour, want 1", n)
	}
	i.pages["/keys"] = answer(jose.JSONWebKeySet{}) // the key is withdrawn
	c.now = c.now.Add(time.Minute)
	if _, err := i.verify(t, k, token); err == nil || err.Error() != msgNoKey {
		t.Errorf("a key that was withdrawn: %v, want %s", err, msgNoKey)
	}
	for range 3 {
		i.verify(t, k, token)
	}
	if n := i.asked["/keys"]; n != 2 {
		t.Errorf("%d fetches, want 2: a key that isn't there is asked for no more than every ten seconds", n)
	}
	i.pages["/keys"] = answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: "k"}}})
	c.now = c.now.Add(keySetRetry)
	ok()
}

func TestKeySetsAreBounded(t *testing.T) {
	i := newIssuer(t)
	k, c := i.keysFor()
	for n := range maxKeySets + 10 {
		c.now = c.now.Add(time.Second)
		k.set(fmt.Sprint(n), Provider{})
	}
	if len(k.sets) != maxKeySets || k.sets["0 "] != nil || k.sets[fmt.Sprint(maxKeySets)+" "] == nil {
		t.Errorf("%d sets are kept, want the %d used last", len(k.sets), maxKeySets)
	}
}

func TestFetchRefuses(t *testing.T) {
	elsewhere := newIssuer(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(i *issuer){
		"another issuer in the document": func(i *issuer) {
			i.pages["/.well-known/openid-configuration"] = answer(map[string]string{"issuer": i.URL + "/", "jwks_uri": i.URL + "/keys"})
		},
		"a redirect to another host": func(i *issuer) {
			i.pages["/keys"] = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+"/keys", http.StatusFound)
			}
		},
		"a redirect without end": func(i *issuer) {
			i.pages["/keys"] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) }
		},
		"keys without TLS": func(i *issuer) {
			plain := httptest.NewServer(i.pages["/keys"])
			t.Cleanup(plain.Close)
			i.pages["/.well-known/openid-configuration"] = answer(map[string]string{"issuer": i.URL, "jwks_uri": plain.URL})
		},
		"keys in a file": func(i *issuer) {
			i.pages["/.well-known/openid-configuration"] = answer(map[string]string{"issuer": i.URL, "jwks_uri": "file:///etc/passwd"})
		},
		"a huge document": func(i *issuer) {
			good := i.pages["/keys"]
			i.pages["/keys"] = func(w http.ResponseWriter, r *http.Request) {
				w.Write([]byte(strings.Repeat(" ", maxDocument)))
				good(w, r)
			}
		},
		"an error": func(i *issuer) {
			good := i.pages["/keys"]
			i.pages["/keys"] = func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				good(w, r)
			}
		},
		"no JSON": func(i *issuer) {
			i.pages["/keys"] = func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }
		},
		"a key that encrypts": func(i *issuer) {
			i.pages["/keys"] = answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: "k", Use: "enc"}}})
		},
		"a key for another algorithm": func(i *issuer) {
			i.pages["/keys"] = answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: "k", Algorithm: "ES384"}}})
		},
		"a shared secret": func(i *issuer) {
			i.pages["/keys"] = answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: []byte("secret"), KeyID: "k"}}})
		},
	} {
		i := newIssuer(t)
		change(i)
		k, _ := i.keysFor()
		if _, err := i.verify(t, k, i.token(t, i.key, "k", nil)); err == nil || err.Error() != msgNoKey {
			t.Errorf("%s: %v, want %s", name, err, msgNoKey)
		}
	}
	i := newIssuer(t)
	i.pages["/keys"] = answer(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: weak.Public(), KeyID: "k"}}})
	k, _ := i.keysFor()
	if _, err := i.verify(t, k, i.token(t, weak, "k", nil)); err == nil || err.Error() != msgNoKey {
		t.Errorf("a weak key: %v, want %s", err, msgNoKey)
	}
	// A redirect on the same host is followed.
	i = newIssuer(t)
	i.pages["/moved"] = i.pages["/keys"]
	i.pages["/keys"] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/moved", http.StatusFound) }
	k, _ = i.keysFor()
	if _, err := i.verify(t, k, i.token(t, i.key, "k", nil)); err != nil {
		t.Errorf("a redirect on the same host: %v (%v)", err, errors.Unwrap(err))
	}
}

func TestLoopbackHTTP(t *testing.T) {
	i := newIssuer(t)
	plain := httptest.NewServer(i.Config.Handler)
	t.Cleanup(plain.Close)
	i.Server = plain
	i.pages["/.well-known/openid-configuration"] = answer(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	for _, allowed := range []bool{false, true} {
		k := NewKeys(KeyOptions{LoopbackHTTP: allowed, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if _, err := i.verify(t, k, i.token(t, i.key, "k", nil)); (err == nil) != allowed {
			t.Errorf("with LoopbackHTTP %v: %v (%v)", allowed, err, errors.Unwrap(err))
		}
	}
}

func TestMayDial(t *testing.T) {
	for address, ok := range map[string]bool{
		"192.0.2.1:443": true, "10.0.0.1:443": true, "127.0.0.1:8443": true, "[2001:db8::1]:443": true,
		"169.254.169.254:443": false, "[::ffff:169.254.169.254]:443": false, "[fe80::1%eth0]:443": false, "0.0.0.0:443": false, "[::]:443": false, "224.0.0.1:443": false, "x": false,
	} {
		if err := mayDial(address); (err == nil) != ok {
			t.Errorf("mayDial(%s) = %v, want it to succeed: %v", address, err, ok)
		}
	}
	for address, ok := range map[string]bool{"127.0.0.1:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true, "192.0.2.1:80": false} {
		if err := mayDialPlain(address, true); (err == nil) != ok {
			t.Errorf("mayDialPlain(%s) = %v, want it to succeed: %v", address, err, ok)
		}
		if mayDialPlain(address, false) == nil {
			t.Errorf("mayDialPlain(%s) without LoopbackHTTP succeeds", address)
		}
	}
}

func TestClaimKeys(t *testing.T) {
	i := newIssuer(t)
	k, _ := i.keysFor()
	id, err := i.verify(t, k, i.token(t, i.key, "k", map[string]any{
		"repository": "a/b", "Ref_Protected": true, "project": 123456789012345, "amr": []string{"pwd", "mfa"},
		"groups": []string{}, "nested": map[string]any{"a": "b"}, "mixed": []any{"a", 1}, "https://aws.amazon.com/source_identity": "ann",
	}))
	if err != nil {
		t.Fatal(err)
	}
	p := strings.TrimPrefix(i.URL, "https://") + ":"
	for _, volatile := range []string{"iat", "exp"} {
		delete(id.Keys, p+volatile)
	}
	want := map[string][]string{
		p + "iss": {i.URL}, p + "aud": {"app"}, p + "sub": {"ann"}, p + "repository": {"a/b"}, p + "ref_protected": {"true"}, p + "project": {"123456789012345"}, p + "amr": {"pwd", "mfa"},
	}
	if diff := cmp.Diff(want, id.Keys); diff != "" || id.SourceIdentity != "ann" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	for url, want := range map[string][]string{
		// An issuer must not speak for AWS.
		"aws": {"aws:aud", "aws:sub"}, "saml": nil, "SAML": nil,
	} {
		token := &Token{claims: map[string]any{"aud": "app", "sub": "ann", "SourceVpc": "vpc-1"}}
		keys, err := token.keys(url, "app")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range want {
			delete(keys, key)
		}
		if len(keys) > 0 {
			t.Errorf("issuer %s has keys %v", url, keys)
		}
	}
}

// FuzzToken: nothing panics, and nothing is believed that wasn't signed.
func FuzzToken(f *testing.F) {
	i := newIssuer(f)
	k, _ := i.keysFor()
	good := i.token(f, i.key, "k", map[string]any{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"a": []string{"b"}}, "transitive_tag_keys": []string{"a"}}})
	f.Add(good)
	f.Add("e30.e30.")
	payload := strings.Split(good, ".")[1]
	f.Fuzz(func(t *testing.T, text string) {
		id, err := i.verify(t, k, text)
		if err != nil {
			if _, ok := errors.AsType[*Refused](err); !ok {
				t.Fatalf("Verify(%q) = %v, want a refusal", text, err)
			}
			return
		}
		if strings.Split(text, ".")[1] != payload || id.Subject != "ann" {
			t.Fatalf("Verify(%q) = %+v, which nobody has signed", text, id)
		}
	})
}
