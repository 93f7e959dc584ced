package console

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/sallyport-iam/sallyport/internal/directory"
)

const (
	testHost   = "sally.example"
	testOrigin = "https://" + testHost
)

// authenticator is a security key of software, with one credential: what a
// browser and a key would do (Web Authentication Level 3).
type authenticator struct {
	t      testing.TB
	id     []byte
	key    *ecdsa.PrivateKey
	count  uint32
	origin string
}

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &authenticator{t: t, id: id, key: key, origin: testOrigin}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *authenticator) client(kind, challenge string) []byte {
	a.t.Helper()
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

// data is the authenticator data: user present and verified.
func (a *authenticator) data(flags byte) []byte {
	host := sha256.Sum256([]byte(testHost))
	a.count++
	return binary.BigEndian.AppendUint32(append(host[:], flags|0x05), a.count)
}

func (a *authenticator) cbor(v any) []byte {
	a.t.Helper()
	b, err := webauthncbor.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

// make answers the options of beginPasskey.
func (a *authenticator) make(challenge string) string {
	a.t.Helper()
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	public := a.cbor(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	data := append(a.data(0x40), make([]byte, 16)...) // attested, of no known make
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), public...)
	object := a.cbor(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	return a.credential(map[string]any{"clientDataJSON": b64(a.client("webauthn.create", challenge)), "attestationObject": b64(object)})
}

// sign answers the options of askPasskey.
func (a *authenticator) sign(challenge string) string {
	a.t.Helper()
	client, data := a.client("webauthn.get", challenge), a.data(0)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return a.credential(map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)})
}

func (a *authenticator) credential(response map[string]any) string {
	a.t.Helper()
	b, err := json.Marshal(map[string]any{
		"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return string(b)
}

// options asks for the options of a passkey and gives the challenge; empty,
// where there are none.
func (b *browser) options(path string, form url.Values) string {
	b.f.t.Helper()
	status, body := b.do("POST", own+path, form)
	var o struct {
		Challenge string `json:"challenge"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		RPID string `json:"rpId"`
	}
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		b.f.t.Fatalf("%s = %d %s", path, status, body)
	}
	if o.Challenge != "" && o.RP.ID+o.RPID != testHost {
		b.f.t.Errorf("%s is for the host %q", path, o.RP.ID+o.RPID)
	}
	return o.Challenge
}

// secure is a browser that has the console at testOrigin.
func (f *fixture) secure() *browser {
	b := f.browser()
	b.host, b.header = testHost, http.Header{"Origin": {testOrigin}}
	return b
}

// register makes a passkey of ann's in her own session.
func (f *fixture) register(a *authenticator) {
	f.t.Helper()
	b := f.secure()
	b.asAnn(password)
	status, body := b.do("POST", own+"passkey/made", url.Values{"name": {"key"}, "credential": {a.make(b.options("passkey/new", nil))}})
	if status != http.StatusOK {
		f.t.Fatalf("passkey/made = %d %s", status, body)
	}
}

func TestPasskey(t *testing.T) {
	f, a := serve(t), newAuthenticator(t)
	f.register(a)
	device := f.ann().MFA[0].Serial
	if !strings.HasPrefix(device, "arn:aws:iam::"+account+":u2f/user/ann/key-") || len(device) != len("arn:aws:iam::111122223333:u2f/user/ann/key-")+26 {
		t.Errorf("serial number %s", device)
	}

	b := f.secure()
	if _, body := b.asAnn(password); !strings.Contains(body, "use-passkey") || strings.Contains(body, "MFA code") || b.credentials() != nil {
		t.Fatalf("after the password: %s", body)
	}
	answer := a.sign(b.options("passkey", nil))
	b.do("POST", own+"mfa", url.Values{"passkey": {answer}})
	c := b.credentials()
	if last := f.attempts[len(f.attempts)-1]; c == nil || !c.MFA || last.Device != device || !last.MFA || last.Refused != "" {
		t.Fatalf("after the passkey: %+v, told %+v", c, last)
	}
	again := f.secure()
	again.asAnn(password)
	again.options("passkey", nil)
	if status, _ := again.do("POST", own+"mfa", url.Values{"passkey": {answer}}); status != http.StatusUnauthorized {
		t.Errorf("the answer to another browser's challenge = %d, want 401", status)
	}

	// At another host the browser would offer nothing: the page says so.
	elsewhere := f.browser()
	if _, body := elsewhere.asAnn(password); strings.Contains(body, "use-passkey") || !strings.Contains(body, testHost) {
		t.Errorf("at another host: %s", body)
	}
	if challenge := elsewhere.options("passkey", nil); challenge != "" {
		t.Errorf("at another host there is a challenge")
	}
}

// TestPasskeyMustProveItself takes each part of an answer that can be wrong.
func TestPasskeyMustProveItself(t *testing.T) {
	f, a := serve(t), newAuthenticator(t)
	f.register(a)
	for _, tt := range []struct {
		name   string
		answer func(a *authenticator, challenge string) string
		right  bool
	}{
		{"right", (*authenticator).sign, true},
		{"another key's signature", func(a *authenticator, challenge string) string {
			a.key = newAuthenticator(t).key
			return a.sign(challenge)
		}, false},
		{"an unknown credential", func(a *authenticator, challenge string) string {
			a.id = []byte("unknown")
			return a.sign(challenge)
		}, false},
		{"another origin", func(a *authenticator, challenge string) string {
			a.origin = "https://evil.example"
			return a.sign(challenge)
		}, false},
		{"without TLS", func(a *authenticator, challenge string) string {
			a.origin = "http://" + testHost
			return a.sign(challenge)
		}, false},
		{"another challenge", func(a *authenticator, _ string) string { return a.sign(b64(make([]byte, 32))) }, false},
		{"a counter that stands still", func(a *authenticator, challenge string) string {
			a.count = 0
			return a.sign(challenge)
		}, false},
		{"made instead of signed", (*authenticator).make, false},
		{"no JSON", func(*authenticator, string) string { return "{" }, false},
		{"right, after all these", func(a *authenticator, challenge string) string {
			a.count += 10
			return a.sign(challenge)
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.clock.add(10 * perAccount.every) // so that attempts aren't too many
			b, copied := f.secure(), *a
			b.asAnn(password)
			answer := tt.answer(&copied, b.options("passkey", nil))
			status, body := b.do("POST", own+"mfa", url.Values{"passkey": {answer}})
			if signedIn := b.credentials() != nil; signedIn != tt.right || !tt.right && (status != http.StatusUnauthorized || !strings.Contains(body, textWrong)) {
				t.Errorf("sign in = %d %s, signed in: %v", status, body, signedIn)
			}
			if tt.right {
				a.count = copied.count
			}
		})
	}
}

// TestPasskeyChallenge: a challenge is good once, for a while, for one purpose.
func TestPasskeyChallenge(t *testing.T) {
	f, a := serve(t), newAuthenticator(t)
	f.register(a)
	b := f.secure()
	b.asAnn(password)
	wrong := func(what, answer string) {
		t.Helper()
		if status, _ := b.do("POST", own+"mfa", url.Values{"passkey": {answer}}); status != http.StatusUnauthorized || b.credentials() != nil {
			t.Errorf("%s = %d", what, status)
		}
	}
	wrong("an answer without a challenge", a.sign(""))
	challenge := b.options("passkey", nil)
	wrong("a wrong answer", newAuthenticator(t).sign(challenge))
	wrong("the right answer to a challenge that was answered", a.sign(challenge))
	challenge = b.options("passkey", nil)
	f.clock.add(challengeLife)
	wrong("an answer that is late", a.sign(challenge))
	b.do("POST", own+"mfa", url.Values{"passkey": {a.sign(b.options("passkey", nil))}})
	if b.credentials() == nil {
		t.Error("the right answer is refused")
	}
}

func TestEnablePasskey(t *testing.T) {
	f := serve(t)
	b := f.secure()
	made := func(form url.Values) (int, string) {
		t.Helper()
		return b.do("POST", own+"passkey/made", form)
	}
	if status, _ := made(url.Values{"name": {"key"}}); status != http.StatusForbidden {
		t.Errorf("without sign-in = %d, want 403", status)
	}
	b.asAnn(password)
	a := newAuthenticator(t)
	challenge := b.options("passkey/new", nil)
	if status, _ := made(url.Values{"name": {"a b"}, "credential": {a.make(challenge)}}); status != http.StatusBadRequest {
		t.Errorf("a name with a blank = %d, want 400", status)
	}
	if status, _ := made(url.Values{"name": {"key"}, "credential": {a.sign(challenge)}}); status != http.StatusBadRequest {
		t.Errorf("signed instead of made = %d, want 400", status)
	}
	if status, _ := made(url.Values{"name": {"key"}, "credential": {a.make(challenge)}}); status != http.StatusBadRequest {
		t.Errorf("a challenge that was answered = %d, want 400", status)
	}
	f.update(func(tx *directory.Tx) error {
		_, err := tx.CreateUser("bob", "/", "", nil)
		return err
	})
	challenge = b.options("passkey/new", url.Values{"user": {"bob"}})
	if status, _ := made(url.Values{"name": {"key"}, "credential": {a.make(challenge)}}); status != http.StatusBadRequest {
		t.Errorf("a challenge for another user's = %d, want 400", status)
	}
	if status, body := made(url.Values{"user": {"nobody"}, "name": {"key"}}); status != http.StatusNotFound || !strings.Contains(body, "NoSuchEntity") {
		t.Errorf("a user that there isn't = %d %s", status, body)
	}
	f.refuse = &Refusal{Code: "AccessDenied", Message: "no", Status: http.StatusForbidden}
	if status, body := b.do("POST", own+"passkey/new", nil); status != http.StatusForbidden || !strings.Contains(body, "AccessDenied") {
		t.Errorf("who may not = %d %s", status, body)
	}
	if len(f.ann().MFA) > 0 {
		t.Error("one of these was enabled")
	}
	f.refuse, b = nil, f.browser()
	b.asAnn(password)
	if status, body := b.do("POST", own+"passkey/new", nil); status != http.StatusBadRequest || !strings.Contains(body, "localhost") {
		t.Errorf("at an IP address = %d %s", status, body)
	}
}

// FuzzPasskey: of all answers, only what the key has signed is its own; and
// nothing that a browser sends panics.
func FuzzPasskey(f *testing.F) {
	a := newAuthenticator(f)
	challenge := b64(make([]byte, 32))
	r := httptest.NewRequest(http.MethodPost, testOrigin+"/console/-/mfa", nil)
	u := &directory.User{ID: "AIDAEXAMPLE", Name: "ann"}
	kept, err := made(r, u, challenge, a.make(challenge))
	if err != nil {
		f.Fatal(err)
	}
	right := a.sign(challenge)
	f.Add(right)
	f.Add(a.make(challenge))
	f.Add(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		if _, err := made(r, u, challenge, answer); err == nil && !strings.Contains(answer, "attestationObject") {
			t.Errorf("made(%q) is a passkey", answer)
		}
		next, err := answered(r, u, challenge, kept, answer)
		if (err == nil) != (next != nil) {
			t.Errorf("answered(%q) = %q, %v", answer, next, err)
		}
		if err == nil && !sameSignature(answer, right) {
			t.Errorf("answered(%q): not what the key signed", answer)
		}
	})
}

// sameSignature reports whether two answers hold the same signature.
func sameSignature(a, b string) bool {
	type credential struct {
		Response struct {
			Signature string `json:"signature"`
		} `json:"response"`
	}
	var x, y credential
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && x.Response.Signature == y.Response.Signature
}
