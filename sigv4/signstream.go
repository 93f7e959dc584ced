package sigv4

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// chunkSize is what SDKs use; S3 takes no chunk under 8 KiB but the last.
const chunkSize = 64 << 10

// SignStream signs a request for S3 whose body is sent in chunks while it is
// read: kind is StreamingPayload, StreamingPayloadTrailer or
// StreamingUnsignedTrailer. r.Body is the plain body of length bytes; it is
// replaced by the encoded one, and reading that fails if the length is wrong.
//
// For the kinds with trailers the keys of r.Trailer are announced, and their
// values are sent as they are when the body has been read to its end, as
// net/http has it for trailers; r.Trailer itself is taken away.
func (s Signer) SignStream(r *http.Request, kind string, length int64, t time.Time) error {
	if kind != StreamingPayload && kind != StreamingPayloadTrailer && kind != StreamingUnsignedTrailer {
		return fmt.Errorf("sign stream: unknown kind %q", kind)
	}
	if length < 0 || r.Body == nil {
		return errors.New("sign stream: a body of known length is needed")
	}
	w := &chunkWriter{kind: kind, body: r.Body, in: bufio.NewReaderSize(r.Body, chunkSize), left: length, trailer: r.Trailer}
	if kind == StreamingPayload {
		w.trailer = nil
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	setStreamHeaders(r.Header, w.names(), length)
	sig, key, err := s.signHeader(r, kind, t)
	if err != nil {
		return err
	}
	w.sig, w.key, w.previous = sig, key, []byte(sig.sent)
	r.Trailer = nil
	r.Body, r.GetBody = w, nil
	r.ContentLength = w.encodedLength(length)
	return nil
}

func setStreamHeaders(h http.Header, trailers []string, length int64) {
	h.Set(hdrDecodedLength, strconv.FormatInt(length, 10))
	h.Del(hdrTrailer)
	if len(trailers) > 0 {
		h.Set(hdrTrailer, strings.ToLower(strings.Join(trailers, ",")))
	}
	switch encoding := h.Get("Content-Encoding"); {
	case encoding == "":
		h.Set("Content-Encoding", "aws-chunked")
	case !strings.HasPrefix(encoding, "aws-chunked"):
		h.Set("Content-Encoding", "aws-chunked,"+encoding)
	}
}

// chunkWriter is the encoded body, made as it is read.
type chunkWriter struct {
	kind     string
	body     io.Closer
	in       *bufio.Reader
	left     int64 // plain bytes still to come
	trailer  http.Header
	sig      *Signature
	key      *signingKey
	previous []byte // signature in hex

	out  []byte // encoded, not yet read
	next int    // index of out
	done bool
	err  error
}

func (w *chunkWriter) Close() error { return w.body.Close() }

func (w *chunkWriter) Read(p []byte) (int, error) {
	for w.next == len(w.out) && w.err == nil {
		w.fill()
	}
	if w.next == len(w.out) {
		return 0, w.err
	}
	n := copy(p, w.out[w.next:])
	w.next += n
	return n, nil
}

func (w *chunkWriter) fill() {
	w.out, w.next = w.out[:0], 0
	if w.done {
		w.err = io.EOF
		return
	}
	plain := make([]byte, min(chunkSize, w.left))
	if _, err := io.ReadFull(w.in, plain); err != nil {
		w.err = fmt.Errorf("read body to sign: %w", err)
		return
	}
	w.left -= int64(len(plain))
	w.chunk(plain)
	if len(plain) > 0 {
		return
	}
	w.done = true
	if _, err := w.in.ReadByte(); !errors.Is(err, io.EOF) {
		w.out, w.err = nil, errors.New("sign stream: the body is longer than its length")
		return
	}
	w.trailers()
}

// chunk appends a chunk; the empty one, which is the last, has no line end of
// its own.
func (w *chunkWriter) chunk(plain []byte) {
	w.out = strconv.AppendInt(w.out, int64(len(plain)), 16)
	if w.kind != StreamingUnsignedTrailer {
		sum := sha256.Sum256(plain)
		text := appendChunkHead(nil, "AWS4-HMAC-SHA256-PAYLOAD", w.sig, w.previous)
		text = append(append(text, EmptyPayload...), '\n')
		w.sign(hex.AppendEncode(text, sum[:]))
		w.out = append(append(w.out, ";chunk-signature="...), w.previous...)
	}
	w.out = append(w.out, "\r\n"...)
	if len(plain) > 0 {
		w.out = append(append(w.out, plain...), "\r\n"...)
	}
}

func (w *chunkWriter) sign(text []byte) {
	sum := w.key.sign(text)
	w.previous = hex.AppendEncode(w.previous[:0], sum[:])
}

func (w *chunkWriter) trailers() {
	var canonical []byte
	for _, name := range w.names() {
		line := strings.ToLower(name) + ":" + strings.TrimSpace(w.trailer.Get(name))
		canonical = append(append(canonical, line...), '\n')
		w.out = append(append(w.out, line...), "\r\n"...)
	}
	if w.kind == StreamingPayloadTrailer {
		sum := sha256.Sum256(canonical)
		w.sign(hex.AppendEncode(appendChunkHead(nil, "AWS4-HMAC-SHA256-TRAILER", w.sig, w.previous), sum[:]))
		w.out = append(append(w.out, "x-amz-trailer-signature:"...), w.previous...)
		w.out = append(w.out, "\r\n"...)
	}
	w.out = append(w.out, "\r\n"...)
}

func (w *chunkWriter) names() []string {
	names := make([]string, 0, len(w.trailer))
	for name := range w.trailer {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// checksumLengths are the lengths of S3's checksum trailers in base64.
var checksumLengths = map[string]int64{
	"x-amz-checksum-crc32": 8, "x-amz-checksum-crc32c": 8, "x-amz-checksum-crc64nvme": 12,
	"x-amz-checksum-sha1": 28, "x-amz-checksum-sha256": 44,
}

// encodedLength is the length of the encoded body, or -1 where it depends on a
// trailer that is no checksum.
func (w *chunkWriter) encodedLength(length int64) int64 {
	extra := len("\r\n\r\n")
	if w.kind != StreamingUnsignedTrailer {
		extra += len(";chunk-signature=") + 2*sha256.Size
	}
	one := func(n int64) int64 { return int64(len(strconv.FormatInt(n, 16))+extra) + n }
	total := length / chunkSize * one(chunkSize)
	if rest := length % chunkSize; rest > 0 {
		total += one(rest)
	}
	total += one(0)
	if w.kind == StreamingPayloadTrailer {
		total += int64(len("x-amz-trailer-signature:\r\n") + 2*sha256.Size)
	}
	for name := range w.trailer {
		n, known := checksumLengths[strings.ToLower(name)]
		if !known {
			return -1
		}
		total += int64(len(name)+len(":\r\n")) + n
	}
	return total
}
