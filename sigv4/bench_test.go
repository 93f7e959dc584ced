package sigv4

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

var benchTime = time.Date(2026, 3, 1, 12, 30, 45, 0, time.UTC)

// iamPost is a request as the aws CLI sends it, with six signed headers.
func iamPost(tb testing.TB) (*http.Request, []byte) {
	tb.Helper()
	body := []byte("Action=GetUser&Version=2010-05-08&UserName=alice-in-wonderland")
	head := "POST / HTTP/1.1\r\nHost: iam.amazonaws.com\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n" +
		"X-Amz-Security-Token: " + strings.Repeat("IQoJb3Jp", 40) + "\r\nX-Amz-Meta: a\r\nAccept-Encoding: identity\r\n" +
		"User-Agent: aws-cli/2\r\nAmz-Sdk-Request: attempt=1\r\nContent-Length: 62\r\n\r\n"
	r := received(tb, head, string(body))
	s := Signer{KeyID: "ASIARZPUZDIKGB2VALC4", Secret: "secret", SessionToken: r.Header.Get(hdrToken), Region: "us-east-1", Service: "iam"}
	if err := s.Sign(r, UnsignedPayload, benchTime); err != nil {
		tb.Fatal(err)
	}
	r.Header.Del(hdrContentSHA256)
	sum := hexSum(body)
	if err := s.Sign(r, sum, benchTime); err != nil {
		tb.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, body
}

func BenchmarkVerifyHeader(b *testing.B) {
	r, body := iamPost(b)
	v := at(benchTime)
	b.ReportAllocs()
	for b.Loop() {
		sig, err := v.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := v.Verify(r, sig, "secret", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyPresigned(b *testing.B) {
	f, now := readVectors(b)
	for _, tt := range f.Vectors {
		if tt.Name != "presigned s3 get token" {
			continue
		}
		v, r := at(now), received(b, tt.Head, "")
		b.ReportAllocs()
		for b.Loop() {
			sig, err := v.Parse(r)
			if err != nil {
				b.Fatal(err)
			}
			if err := v.Verify(r, sig, f.Secret, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkVerifyNewKey(b *testing.B) {
	r, body := iamPost(b)
	b.ReportAllocs()
	v := at(benchTime)
	sig, err := v.Parse(r)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		v.keys.slot(sig).Store(nil)
		if err := v.Verify(r, sig, "secret", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChunks(b *testing.B) {
	plain := bytes.Repeat([]byte("a"), 1<<20)
	s := Signer{KeyID: "AKIARZPUZDIKGB2VALC4", Secret: "secret", Region: "us-east-1", Service: "s3"}
	r, err := http.NewRequest(http.MethodPut, "http://b.example/k", bytes.NewReader(plain))
	if err != nil {
		b.Fatal(err)
	}
	if err := s.SignStream(r, StreamingPayload, int64(len(plain)), benchTime); err != nil {
		b.Fatal(err)
	}
	encoded, err := io.ReadAll(r.Body)
	if err != nil {
		b.Fatal(err)
	}
	v := at(benchTime)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(encoded))
		sig, err := v.Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		body, err := v.VerifyStream(r, sig, "secret")
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, body); err != nil || n != int64(len(plain)) {
			b.Fatal(n, err)
		}
	}
}

func TestVerifyAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	r, body := iamPost(t)
	v := at(benchTime)
	n := testing.AllocsPerRun(200, func() {
		sig, err := v.Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(r, sig, "secret", body); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 { // the Signature
		t.Errorf("a header verification makes %v allocations, want 1", n)
	}
}
