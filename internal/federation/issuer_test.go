package federation

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// What is issued another library verifies by the documents, and Keys too.
func TestIssue(t *testing.T) {
	var keys []PublicKey
	private := map[string][]byte{}
	for _, algorithm := range IssuerAlgorithms() {
		secret, public, err := NewSigningKey(rand.Reader, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		private[algorithm] = secret
		keys = append(keys, PublicKey{ID: "key-" + algorithm, Algorithm: algorithm, Public: public})
	}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	issuer := srv.URL + "/oidc/111122223333"
	documents := map[string]func() ([]byte, error){
		DiscoveryPath: func() ([]byte, error) { return Discovery(issuer) },
		KeySetPath:    func() ([]byte, error) { return KeySet(keys) },
	}
	for path, document := range documents {
		body, err := document()
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc("/oidc/111122223333"+path, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	}
	provider, err := oidc.NewProvider(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	own := NewKeys(KeyOptions{LoopbackHTTP: true, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	for _, algorithm := range IssuerAlgorithms() {
		now := time.Now().Unix()
		text, err := Sign(private[algorithm], "key-"+algorithm, algorithm, map[string]any{"iss": issuer, "sub": "ann", "aud": "app", "iat": now, "exp": now + 60})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := provider.Verifier(&oidc.Config{ClientID: "app"}).Verify(t.Context(), text); err != nil {
			t.Errorf("%s: go-oidc says %v", algorithm, err)
		}
		token, err := ParseToken(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := own.Verify(context.Background(), token, Provider{URL: strings.TrimPrefix(issuer, "http://"), ClientIDs: []string{"app"}}); err != nil {
			t.Errorf("%s: Verify = %v (%v)", algorithm, err, errors.Unwrap(err))
		}
	}
	if _, err := Sign(private["RS256"], "k", "RS256", strings.Repeat("x", MaxPayload)); !errors.Is(err, ErrPayload) {
		t.Errorf("Sign of too much = %v, want ErrPayload", err)
	}
	if _, err := Sign(private["ES384"], "k", "RS256", "x"); err == nil {
		t.Error("Sign with a key of another algorithm succeeds")
	}
	if _, _, err := NewSigningKey(rand.Reader, "HS256"); err == nil {
		t.Error("NewSigningKey(HS256) succeeds")
	}
}

func BenchmarkSign(b *testing.B) {
	for _, algorithm := range IssuerAlgorithms() {
		private, _, err := NewSigningKey(rand.Reader, algorithm)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(algorithm, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Sign(private, "k", algorithm, map[string]any{"sub": "ann"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSAMLResponse(b *testing.B) {
	idp := newSAMLIDP()
	p, response := idp.provider(), encode(text(b, idp.respond(b, said(), nil)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Verify(response, Audience{}, start); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToken(b *testing.B) {
	i := newIssuer(b)
	k, _ := i.keysFor()
	good := i.token(b, i.key, "k", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.verify(b, k, good); err != nil {
			b.Fatal(err)
		}
	}
}
