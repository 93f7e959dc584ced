package sigv4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// The example of AWS's documentation, "Signature Calculations for the
// Authorization Header: Transferring Payload in Multiple Chunks" and the page
// on trailing headers: 66560 letters a in two chunks.
var (
	docTime   = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	docSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	docChunks = []string{
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
	}
	docTrailerChunks = []string{
		"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
		"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
		"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
	}
)

const (
	docSeed             = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
	docTrailerSeed      = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
	docTrailerSignature = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
)

func docRequest(tb testing.TB, kind, seed, names, body string) *http.Request {
	tb.Helper()
	head := "PUT /examplebucket/chunkObject.txt HTTP/1.1\r\nHost: s3.amazonaws.com\r\nx-amz-date: 20130524T000000Z\r\n" +
		"x-amz-storage-class: REDUCED_REDUNDANCY\r\nx-amz-content-sha256: " + kind + "\r\nContent-Encoding: aws-chunked\r\n" +
		"x-amz-decoded-content-length: 66560\r\n"
	if kind == StreamingPayloadTrailer {
		head += "x-amz-trailer: x-amz-checksum-crc32c\r\n"
	}
	head += fmt.Sprintf("Content-Length: %d\r\nAuthorization: %s Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=%s,Signature=%s\r\n\r\n",
		len(body), Algorithm, names, seed)
	return received(tb, head, body)
}

func docBody(chunks []string, end string) string {
	a := strings.Repeat("a", 65536)
	return "10000;chunk-signature=" + chunks[0] + "\r\n" + a + "\r\n400;chunk-signature=" + chunks[1] + "\r\n" + a[:1024] +
		"\r\n0;chunk-signature=" + chunks[2] + "\r\n" + end
}

func TestDocumentedChunks(t *testing.T) {
	const names = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class"
	r := docRequest(t, StreamingPayload, docSeed, names, docBody(docChunks, "\r\n"))
	_, plain, err := accept(at(docTime), r, docSecret)
	if err != nil || string(plain) != strings.Repeat("a", 66560) {
		t.Errorf("read %d bytes, %v", len(plain), err)
	}
}

// The page on trailers leaves open which headers its seed covers, so the seed
// is taken as given and the chunks and the trailer are judged.
func TestDocumentedTrailer(t *testing.T) {
	r := docRequest(t, StreamingPayloadTrailer, docTrailerSeed, "host", "")
	sig := &Signature{
		KeyID: "AKIAIOSFODNN7EXAMPLE", Date: "20130524", Region: "us-east-1", Service: "s3", timestamp: "20130524T000000Z",
		PayloadHash: StreamingPayloadTrailer, ContentLength: 66560, sent: docTrailerSeed,
	}
	end := "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:" + docTrailerSignature + "\r\n\r\n"
	src := io.NopCloser(strings.NewReader(docBody(docTrailerChunks, end)))
	plain, err := io.ReadAll(newChunkReader(r, src, sig, deriveKey(sig, docSecret)))
	if err != nil || len(plain) != 66560 || r.Trailer.Get("X-Amz-Checksum-Crc32c") != "sOO8/Q==" {
		t.Errorf("read %d bytes, trailer %v, %v", len(plain), r.Trailer, err)
	}
}

var streamKinds = []string{StreamingPayload, StreamingPayloadTrailer, StreamingUnsignedTrailer}

// stream signs a body as a stream and returns the request and its encoded body.
func stream(tb testing.TB, kind string, plain []byte, trailer http.Header) (*http.Request, []byte) {
	tb.Helper()
	r := newRequest(tb, http.MethodPut, "https://b.example/k", plain)
	r.Trailer = trailer
	s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: "s3"}
	if err := s.SignStream(r, kind, int64(len(plain)), benchTime); err != nil {
		tb.Fatal(err)
	}
	encoded, err := io.ReadAll(r.Body)
	if err != nil {
		tb.Fatal(err)
	}
	if r.ContentLength >= 0 && r.ContentLength != int64(len(encoded)) {
		tb.Errorf("%s: ContentLength = %d, want %d", kind, r.ContentLength, len(encoded))
	}
	return r, encoded
}

func readStream(r *http.Request, src io.Reader) ([]byte, error) {
	r.Body = io.NopCloser(src)
	v := at(benchTime)
	sig, err := v.Parse(r)
	if err != nil {
		return nil, err
	}
	body, err := v.VerifyStream(r, sig, "secret")
	if err != nil {
		return nil, err
	}
	return io.ReadAll(body)
}

func checksums(kind string) http.Header {
	if kind == StreamingPayload {
		return nil
	}
	return http.Header{"X-Amz-Checksum-Crc32": {"/gcRcQ=="}, "X-Amz-Checksum-Sha256": {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}}
}

func TestStreams(t *testing.T) {
	for _, kind := range streamKinds {
		for _, size := range []int{0, 1, 8192, chunkSize, chunkSize + 1, 3*chunkSize - 1} {
			plain := bytes.Repeat([]byte("x"), size)
			r, encoded := stream(t, kind, plain, checksums(kind))
			for name, src := range map[string]io.Reader{
				"whole": bytes.NewReader(encoded), "halves": iotest.HalfReader(bytes.NewReader(encoded)),
				"with the end": iotest.DataErrReader(bytes.NewReader(encoded)),
			} {
				r.Trailer = http.Header{"X-Http": {"unsigned"}}
				got, err := readStream(r, src)
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%s, %d bytes, %s: read %d bytes, %v", kind, size, name, len(got), err)
				}
				if len(r.Trailer) != len(checksums(kind)) || r.Trailer.Get("X-Amz-Checksum-Crc32") != checksums(kind).Get("X-Amz-Checksum-Crc32") {
					t.Errorf("%s: trailers %v", kind, r.Trailer)
				}
			}
		}
	}
}

// A stream that is cut or changed anywhere never reads as whole.
func TestStreamsDamaged(t *testing.T) {
	for _, kind := range streamKinds {
		r, encoded := stream(t, kind, []byte("hello, stream"), checksums(kind))
		for i := range encoded {
			if _, err := readStream(r, bytes.NewReader(encoded[:i])); err == nil {
				t.Errorf("%s: cut to %d of %d bytes: accepted", kind, i, len(encoded))
			}
			bad := bytes.Clone(encoded)
			bad[i] ^= 1
			_, err := readStream(r, bytes.NewReader(bad))
			if e := (*Error)(nil); kind != StreamingUnsignedTrailer && !errors.As(err, &e) {
				t.Errorf("%s: byte %d changed: %v", kind, i, err)
			}
		}
		if _, err := readStream(r, io.MultiReader(bytes.NewReader(encoded), strings.NewReader("x"))); !errors.Is(err, MalformedBody) {
			t.Errorf("%s: more after the end: %v", kind, err)
		}
		want := errors.New("connection lost")
		if _, err := readStream(r, io.MultiReader(bytes.NewReader(encoded[:9]), iotest.ErrReader(want))); !errors.Is(err, want) {
			t.Errorf("%s: source failed: %v", kind, err)
		}
	}
}

func TestStreamsMalformed(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		code       Code
	}{
		{"right", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32: AAAAAA== \r\n\r\n", ""},
		{"trailer name in capitals", "5\r\nhello\r\n0\r\nX-Amz-Checksum-CRC32:AAAAAA==\r\n\r\n", ""},
		{"empty", "", IncompleteBody},
		{"shorter than declared", "4\r\nhell\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", IncompleteBody},
		{"longer than declared", "6\r\nhello!\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", IncompleteBody},
		{"size too long", strings.Repeat("0", 200) + "5\r\nhello\r\n", MalformedBody},
		{"line without end", strings.Repeat("0", 1<<20), MalformedBody},
		{"size overflows", "ffffffffffffffffff\r\n", MalformedBody},
		{"size is negative", "-5\r\nhello\r\n", MalformedBody},
		{"size with a sign", "+5\r\nhello\r\n", MalformedBody},
		{"size with 0x", "0x5\r\nhello\r\n", MalformedBody},
		{"no size", "\r\nhello\r\n", MalformedBody},
		{"extension", "5;a=b\r\nhello\r\n", MalformedBody},
		{"bare line feed", "5\nhello\n", MalformedBody},
		{"no line end after chunk", "5\r\nhello0\r\n\r\n", MalformedBody},
		{"no trailer", "5\r\nhello\r\n0\r\n\r\n", MalformedBody},
		{"no empty line", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n", IncompleteBody},
		{"trailer twice", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:A\r\nx-amz-checksum-crc32:B\r\n\r\n", MalformedBody},
		{"trailer not announced", "5\r\nhello\r\n0\r\nx-amz-meta-a:A\r\n\r\n", MalformedBody},
		{"trailer without colon", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32\r\n\r\n", MalformedBody},
		{"trailer too long", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + strings.Repeat("A", maxTrailers) + "\r\n\r\n", MalformedBody},
		{"signature nobody asked for", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:A\r\nx-amz-trailer-signature:00\r\n\r\n", MalformedBody},
	} {
		r, _ := stream(t, StreamingUnsignedTrailer, []byte("hello"), http.Header{"X-Amz-Checksum-Crc32": {"AAAAAA=="}})
		got, err := readStream(r, strings.NewReader(tt.body))
		switch {
		case tt.code == "" && (err != nil || string(got) != "hello" || r.Trailer.Get("X-Amz-Checksum-Crc32") != "AAAAAA=="):
			t.Errorf("%s: read %q, %v, trailers %v", tt.name, got, err, r.Trailer)
		case tt.code != "" && !errors.Is(err, tt.code):
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.code)
		}
	}
}

func TestHashedStream(t *testing.T) {
	s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: "s3"}
	for _, tt := range []struct {
		name, hash, body string
		code             Code
	}{
		{"hash", hexSum([]byte("hello")), "hello", ""},
		{"empty", EmptyPayload, "", ""},
		{"unsigned", UnsignedPayload, "anything", ""},
		{"another body", hexSum([]byte("hello")), "hellp", ContentSHA256Mismatch},
		{"cut body", hexSum([]byte("hello")), "hell", ContentSHA256Mismatch},
		{"hash in capitals", strings.ToUpper(EmptyPayload), "", InvalidContentSHA256},
		{"events", "STREAMING-AWS4-HMAC-SHA256-EVENTS", "", InvalidContentSHA256},
		{"asymmetric", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "", InvalidContentSHA256},
		{"no hash", "x", "", InvalidContentSHA256},
	} {
		r := newRequest(t, http.MethodPut, "https://b.example/k", nil)
		if err := s.Sign(r, tt.hash, benchTime); err != nil {
			t.Fatal(err)
		}
		_, err := readStream(r, iotest.OneByteReader(strings.NewReader(tt.body)))
		if tt.code == "" && err != nil || tt.code != "" && !errors.Is(err, tt.code) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.code)
		}
	}
}

// Only S3 may leave its body out of the signature or in chunks.
func TestPayloadOfOtherServices(t *testing.T) {
	s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: "iam"}
	for _, kind := range append(streamKinds, UnsignedPayload) {
		r := newRequest(t, http.MethodPost, "https://iam.example/", nil)
		r.Header.Set(hdrDecodedLength, "5")
		if err := s.Sign(r, kind, benchTime); err != nil {
			t.Fatal(err)
		}
		r.Header.Set(hdrContentSHA256, kind)
		if _, err := readStream(r, strings.NewReader("hello")); !errors.Is(err, InvalidContentSHA256) {
			t.Errorf("%s: VerifyStream = %v, want InvalidContentSHA256", kind, err)
		}
		v := at(benchTime)
		sig, err := v.Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(r, sig, "secret", []byte("hello")); !errors.Is(err, ContentSHA256Mismatch) {
			t.Errorf("%s: Verify = %v, want ContentSHA256Mismatch", kind, err)
		}
	}
	r := newRequest(t, http.MethodPost, "https://iam.example/", nil)
	if err := s.Sign(r, hexSum([]byte("a")), benchTime); err != nil {
		t.Fatal(err)
	}
	if _, err := readStream(r, strings.NewReader("a")); !errors.Is(err, MissingContentSHA256) {
		t.Errorf("no hash: VerifyStream = %v, want MissingContentSHA256", err)
	}
}

func TestS3NeedsItsHeaders(t *testing.T) {
	for name, tt := range map[string]struct {
		drop string
		code Code
	}{
		"hash":   {hdrContentSHA256, MissingContentSHA256},
		"length": {hdrDecodedLength, MissingContentLength},
	} {
		r, _ := stream(t, StreamingPayload, []byte("a"), nil)
		r.Header.Del(tt.drop)
		if _, err := readStream(r, strings.NewReader("")); !errors.Is(err, tt.code) {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}

func TestSignStreamRefuses(t *testing.T) {
	s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: "s3"}
	for name, length := range map[string]int64{"longer": 4, "shorter": 6} {
		r := newRequest(t, http.MethodPut, "https://b.example/k", []byte("hello"))
		if err := s.SignStream(r, StreamingPayload, length, benchTime); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("%s body than its length: no error", name)
		}
	}
	r := newRequest(t, http.MethodPut, "https://b.example/k", nil)
	if err := s.SignStream(r, UnsignedPayload, 0, benchTime); err == nil {
		t.Error("an unknown kind was signed")
	}
	if err := s.SignStream(r, StreamingPayload, -1, benchTime); err == nil {
		t.Error("a negative length was signed")
	}
}

// Whatever chunks come, no panic, never more than declared, and a stream that
// reads to its end is one that the signer made.
func FuzzChunks(f *testing.F) {
	plain := []byte("hello, stream")
	var requests []*http.Request
	for i, kind := range streamKinds {
		r, encoded := stream(f, kind, plain, checksums(kind))
		requests = append(requests, r)
		f.Add(i, encoded)
		f.Add(i, encoded[:len(encoded)/2])
	}
	f.Fuzz(func(t *testing.T, i int, encoded []byte) {
		if i < 0 || i >= len(requests) {
			return
		}
		r := requests[i]
		got, err := readStream(r, bytes.NewReader(encoded))
		if len(got) > len(plain) {
			t.Errorf("read %d bytes, %d declared", len(got), len(plain))
		}
		signed := r.Header.Get(hdrContentSHA256) != StreamingUnsignedTrailer
		if err == nil && (len(got) != len(plain) || signed && !bytes.Equal(got, plain)) {
			t.Errorf("read %q to the end", got)
		}
	})
}
