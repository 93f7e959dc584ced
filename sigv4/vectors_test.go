package sigv4

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// vectorFile is what testdata/vectors.py writes.
type vectorFile struct {
	Now, Key, Secret string
	Vectors          []vector
}

type vector struct{ Name, Service, Token, Head, Body string }

func readVectors(tb testing.TB) (vectorFile, time.Time) {
	tb.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	var f vectorFile
	if err := json.Unmarshal(text, &f); err != nil {
		tb.Fatal(err)
	}
	now, err := time.Parse(basicTime, f.Now)
	if err != nil {
		tb.Fatal(err)
	}
	return f, now
}

// received is the request as a server gets it.
func received(tb testing.TB, head, body string) *http.Request {
	tb.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + body)))
	if err != nil {
		tb.Fatalf("ReadRequest(%q): %v", head, err)
	}
	return r
}

// body holds the bytes of a vector: one character stands for one byte.
func (v vector) body() string {
	b := make([]byte, 0, len(v.Body))
	for _, c := range v.Body {
		b = append(b, byte(c))
	}
	return string(b)
}

func at(now time.Time) *Verifier {
	return &Verifier{Now: func() time.Time { return now }}
}

// accept parses and verifies as a server does: S3 as a stream, others whole.
func accept(v *Verifier, r *http.Request, secret string) (*Signature, []byte, error) {
	sig, err := v.Parse(r)
	if err != nil {
		return nil, nil, err
	}
	if sig.s3() {
		body, err := v.VerifyStream(r, sig, secret)
		if err != nil {
			return sig, nil, err
		}
		defer body.Close()
		plain, err := io.ReadAll(body)
		return sig, plain, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return sig, nil, err
	}
	return sig, body, v.Verify(r, sig, secret, body)
}

func TestBotocore(t *testing.T) {
	f, now := readVectors(t)
	v := at(now)
	for _, tt := range f.Vectors {
		t.Run(tt.Name, func(t *testing.T) {
			sig, _, err := accept(v, received(t, tt.Head, tt.body()), f.Secret)
			if err != nil {
				var e *Error
				if errors.As(err, &e) {
					t.Log(e.CanonicalRequest())
				}
				t.Fatalf("refused: %v\n%s", err, tt.Head)
			}
			if sig.KeyID != f.Key || sig.Service != tt.Service || sig.Region != "us-east-1" || sig.SessionToken != tt.Token {
				t.Errorf("signature = %+v, want key %s, service %s, token %q", sig, f.Key, tt.Service, tt.Token)
			}
			if _, _, err := accept(v, received(t, tt.Head, tt.body()), f.Secret+"x"); !errors.Is(err, SignatureDoesNotMatch) {
				t.Errorf("with another secret: %v, want SignatureDoesNotMatch", err)
			}
			if _, _, err := accept(v, received(t, tt.Head, tt.body()), ""); !errors.Is(err, SignatureDoesNotMatch) {
				t.Errorf("without a secret: %v, want SignatureDoesNotMatch", err)
			}
		})
	}
}

// One changed bit in anything that is signed is refused. Left alone is what
// may change unharmed: unsigned headers, and letters whose case doesn't count.
func TestBotocoreFlipped(t *testing.T) {
	f, now := readVectors(t)
	v := at(now)
	for _, tt := range f.Vectors {
		signed := signedBytes(tt.Head)
		for i, yes := range signed {
			if !yes {
				continue
			}
			head := []byte(tt.Head)
			head[i] ^= 1
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(head) + tt.body())))
			if err != nil {
				continue
			}
			// Another key id would have another secret, and "/./a" is "//a".
			sig, _, err := accept(v, r, f.Secret)
			if err == nil && sig.KeyID == f.Key && (sig.s3() || !strings.HasPrefix(tt.Name, "path ") || i > strings.Index(tt.Head, " HTTP")) {
				t.Errorf("%s: accepted with byte %d changed: %q", tt.Name, i, head[max(0, i-20):min(len(head), i+20)])
			}
		}
	}
}

// signedBytes marks the method, the target, the Authorization header and the
// values of the other signed headers.
func signedBytes(head string) []bool {
	marks := make([]bool, len(head))
	lower := strings.ToLower(head)
	names := lower[strings.Index(lower, "signedheaders=")+len("signedheaders="):]
	names = strings.ReplaceAll(names[:strings.IndexAny(names, ",& ")], "%3b", ";")
	mark := func(from, to int) {
		for i := from; i < to; i++ {
			marks[i] = head[i] != ' ' && head[i] != '\t'
		}
	}
	end := strings.Index(head, " HTTP/1.1\r\n")
	mark(0, end)
	for start := end + len(" HTTP/1.1\r\n"); start < len(head)-2; {
		line, _, _ := strings.Cut(head[start:], "\r\n")
		name, _, _ := strings.Cut(strings.ToLower(line), ":")
		if name == "authorization" || strings.Contains(";"+names+";", ";"+name+";") {
			mark(start+len(name)+1, start+len(line))
		}
		start += len(line) + 2
	}
	return marks
}
