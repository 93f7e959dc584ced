package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// The values that AWS publishes with its test suite for Signature Version 4.
func TestPublishedSignature(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "https://example.amazonaws.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := Signer{KeyID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Region: "us-east-1", Service: "service"}
	if err := s.Sign(r, EmptyPayload, time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	const want = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("Authorization = %s, want %s", got, want)
	}
}

var oddURLs = []string{
	"http://h.example/", "http://h.example", "http://h.example:8080/a?b", "http://h.example/a%20b/%E6%97%A5?x=%20+%2B&y=&x=2&x=1",
	"http://h.example/a*b(c)'d!?q='()*!~", "http://h.example/%2F%2e?a=b=c&&d", "http://h.example/x:y@z,w;v$?k=$,:@/?",
	"http://h.example/a%25b?%C3%A9=%C3%BC",
}

// What the AWS SDK for Go signs is accepted.
func TestSDK(t *testing.T) {
	cred := aws.Credentials{AccessKeyID: "ASIARZPUZDIKGB2VALC4", SecretAccessKey: "secret", SessionToken: "IQoJ/+=="}
	v := at(benchTime)
	body := []byte("Action=GetUser&Version=2010-05-08")
	for _, service := range []string{"iam", "s3"} {
		signer := sdk.NewSigner(func(o *sdk.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
		for _, target := range oddURLs {
			r := newRequest(t, http.MethodPost, target, body)
			r.Header.Set("Content-Type", "text/plain;  charset=x")
			r.Header["X-Amz-Meta-List"] = []string{"b", " a  c "}
			r.Header.Set("X-Amz-Content-Sha256", hexSum(body))
			if err := signer.SignHTTP(context.Background(), cred, r, hexSum(body), service, "eu-west-1", benchTime); err != nil {
				t.Fatal(err)
			}
			if _, _, err := accept(v, sent(t, r), "secret"); err != nil {
				t.Errorf("%s %s: header: %v", service, target, err)
			}
			testSDKPresigned(t, signer, cred, service, target)
		}
	}
}

func testSDKPresigned(t *testing.T, signer *sdk.Signer, cred aws.Credentials, service, target string) {
	payload := EmptyPayload
	if service == "s3" {
		payload = UnsignedPayload
		target += map[bool]string{true: "&", false: "?"}[strings.Contains(target, "?")] + "X-Amz-Expires=60"
	}
	r := newRequest(t, http.MethodGet, target, nil)
	signed, header, err := signer.PresignHTTP(context.Background(), cred, r, payload, service, "eu-west-1", benchTime)
	if err != nil {
		t.Fatal(err)
	}
	again := newRequest(t, http.MethodGet, signed, nil)
	again.Header = header.Clone()
	again.Header.Del("Host")
	sig, _, err := accept(at(benchTime), sent(t, again), "secret")
	if err != nil || sig.SessionToken != cred.SessionToken || !sig.Presigned {
		t.Errorf("%s %s: presigned: %v", service, target, err)
	}
}

func newRequest(tb testing.TB, method, target string, body []byte) *http.Request {
	tb.Helper()
	r, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// sent is the request as it arrives after net/http has written it.
func sent(tb testing.TB, r *http.Request) *http.Request {
	tb.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		tb.Fatal(err)
	}
	return received(tb, wire.String(), "")
}

func TestSignAndVerify(t *testing.T) {
	body := []byte("Action=GetUser")
	for _, service := range []string{"iam", "s3"} {
		for _, token := range []string{"", "IQoJ+/=="} {
			s := Signer{KeyID: "AKIA", Secret: "secret", SessionToken: token, Region: "r", Service: service}
			for _, target := range oddURLs {
				r := newRequest(t, http.MethodPost, target, body)
				r.Header.Set("Content-Type", "a/b")
				r.Header.Set("Authorization", "Basic x")
				r.Header.Set("X-Amz-Security-Token", "of another")
				if err := s.Sign(r, hexSum(body), benchTime); err != nil {
					t.Errorf("Sign(%s): %v", target, err)
					continue
				}
				sig, plain, err := accept(at(benchTime), sent(t, r), "secret")
				if err != nil || sig.SessionToken != token || !bytes.Equal(plain, body) {
					t.Errorf("%s %s: %v", service, target, err)
				}
				// Signed once more, by presigning what was signed before.
				payload := map[string]string{"iam": EmptyPayload, "s3": UnsignedPayload}[service]
				p := newRequest(t, http.MethodGet, target, nil)
				for range 2 {
					if err := s.Presign(p, payload, time.Minute, benchTime); err != nil {
						t.Fatal(err)
					}
				}
				sig, _, err = accept(at(benchTime), sent(t, p), "secret")
				if err != nil || !sig.Presigned || sig.SessionToken != token {
					t.Errorf("%s %s: presigned: %v", service, target, err)
				}
			}
		}
	}
}

func TestSignRefuses(t *testing.T) {
	s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: "s3"}
	r := newRequest(t, http.MethodGet, "http://h/", nil)
	if err := (Signer{}).Sign(r, EmptyPayload, benchTime); err == nil {
		t.Error("an empty Signer signed")
	}
	for _, d := range []time.Duration{0, -time.Second, 8 * 24 * time.Hour} {
		if err := s.Presign(r, UnsignedPayload, d, benchTime); err == nil {
			t.Errorf("presigned for %v", d)
		}
	}
	r.URL.RawQuery = "a=%zz"
	if err := s.Sign(r, EmptyPayload, benchTime); err == nil {
		t.Error("signed a malformed query")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, s); strings.Contains(got, "secret") {
			t.Errorf("Sprintf(%q, signer) = %s", verb, got)
		}
	}
}

// What is signed is accepted, and a change of the path, query, body or a
// signed header is not.
func FuzzSignVerify(f *testing.F) {
	for _, u := range oddURLs {
		parsed, _ := url.Parse(u)
		f.Add("POST", parsed.EscapedPath(), parsed.RawQuery, "a  b", []byte("body"), true)
	}
	f.Fuzz(func(t *testing.T, method, path, query, header string, body []byte, s3 bool) {
		r, err := http.NewRequest(method, "http://h.example/"+path+"?"+query, bytes.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("X-Amz-Meta-A", header)
		s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: "iam"}
		if s3 {
			s.Service = "s3"
		}
		if s.Sign(r, hexSum(body), benchTime) != nil {
			return
		}
		check := func(r *http.Request, body []byte) error {
			v := at(benchTime)
			sig, err := v.Parse(r)
			if err != nil {
				return err
			}
			return v.Verify(r, sig, "secret", body)
		}
		if err := check(r, body); err != nil {
			t.Fatalf("%s %s: %v", method, r.URL, err)
		}
		if check(r, append(bytes.Clone(body), 0)) == nil {
			t.Error("accepted another body")
		}
		changed := r.Clone(context.Background())
		changed.URL.RawQuery += "&zz=1"
		if check(changed, body) == nil {
			t.Error("accepted another query")
		}
		changed = r.Clone(context.Background())
		changed.Header.Set("X-Amz-Meta-A", header+"x")
		if check(changed, body) == nil {
			t.Error("accepted another header")
		}
		changed = r.Clone(context.Background())
		changed.URL.Path += "x"
		changed.URL.RawPath = ""
		if check(changed, body) == nil {
			t.Errorf("accepted another path %q for %q", changed.URL, r.URL)
		}
	})
}

// Nothing panics, and whatever is accepted was signed: the secret is random.
func FuzzHeaders(f *testing.F) {
	vectors, now := readVectors(f)
	for _, v := range vectors.Vectors {
		r := received(f, v.Head, v.body())
		f.Add(r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Authorization"), "X-Amz-Date", r.Header.Get("X-Amz-Date"), []byte(v.body()))
	}
	f.Fuzz(func(t *testing.T, path, query, auth, name, value string, body []byte) {
		r := &http.Request{Method: "POST", Host: "h", URL: &url.URL{Path: path, RawPath: path, RawQuery: query}, Header: http.Header{}}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if auth != "" {
			r.Header["Authorization"] = []string{auth}
		}
		r.Header[name] = []string{value}
		_, _, err := accept(at(now), r, "a secret of nobody")
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("accepted, or refused without an *Error: %v", err)
		}
		_, _ = e.CanonicalRequest(), e.StringToSign()
	})
}
