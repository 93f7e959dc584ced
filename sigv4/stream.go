package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const (
	// maxChunkHeader bounds a chunk's size line: 16 digits and a signature.
	maxChunkHeader = 128
	// maxTrailers bounds all trailers of a body together, in bytes.
	maxTrailers = 8 << 10
)

// VerifyStream says whether the request of sig was signed with the secret, and
// returns its body, decoded where it comes in chunks. r.Body must not have
// been read. What Read returns is certain only once Read has returned io.EOF:
// before that a wrong hash, chunk signature, length or trailer signature may
// still come, as an *Error from Read. Trailers are then in r.Trailer; what
// HTTP itself brought as trailers isn't signed and is removed.
//
// S3 alone may stream without a hash of the whole; for the other services a
// signed X-Amz-Content-Sha256 with the body's hash is needed.
func (v *Verifier) VerifyStream(r *http.Request, sig *Signature, secret string) (io.ReadCloser, error) {
	if err := checkStream(sig); err != nil {
		return nil, err
	}
	key, err := v.verify(r, sig, secret, []byte(sig.PayloadHash))
	if err != nil {
		return nil, err
	}
	src := r.Body
	if src == nil {
		src = http.NoBody
	}
	switch sig.PayloadHash {
	case UnsignedPayload:
		return &plainBody{r: r, src: src, sig: sig}, nil
	case StreamingPayload, StreamingPayloadTrailer, StreamingUnsignedTrailer:
		return newChunkReader(r, src, sig, key), nil
	}
	return &plainBody{r: r, src: src, sig: sig, hash: sha256.New()}, nil
}

func checkStream(sig *Signature) error {
	h := sig.PayloadHash
	switch h {
	case "":
		return refuse(MissingContentSHA256, sig, "Missing required header for this request: x-amz-content-sha256")
	case UnsignedPayload, StreamingPayload, StreamingPayloadTrailer, StreamingUnsignedTrailer:
		if sig.s3() {
			return nil
		}
	default:
		sum, err := hex.DecodeString(h)
		if err == nil && len(sum) == sha256.Size && strings.ToLower(h) == h {
			return nil
		}
	}
	return refuse(InvalidContentSHA256, sig, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 value.")
}

// plainBody is a body without chunks. hash is nil where it isn't signed.
type plainBody struct {
	r    *http.Request
	src  io.ReadCloser
	sig  *Signature
	hash hash.Hash
	err  error // what Read returns from now on
}

func (b *plainBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	if b.hash != nil {
		b.hash.Write(p[:n])
	}
	if errors.Is(err, io.EOF) {
		b.r.Trailer = nil
		err = b.atEnd()
	}
	b.err = err
	return n, err
}

func (b *plainBody) atEnd() error {
	if b.hash == nil {
		return io.EOF
	}
	sum := hex.EncodeToString(b.hash.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(sum), []byte(b.sig.PayloadHash)) != 1 {
		return refuse(ContentSHA256Mismatch, b.sig, msgSHA256)
	}
	return io.EOF
}

func (b *plainBody) Close() error { return b.src.Close() }

// chunkReader decodes a body of S3's chunks (aws-chunked).
type chunkReader struct {
	r    *http.Request
	src  io.ReadCloser
	in   *bufio.Reader
	sig  *Signature
	key  *signingKey
	hash hash.Hash // of the chunk so far; nil where chunks aren't signed

	previous []byte // signature in hex of what came before
	claimed  []byte // signature in hex that this chunk's header gives
	left     int64  // bytes of this chunk
	total    int64  // bytes decoded
	err      error  // what Read returns from now on
}

func newChunkReader(r *http.Request, src io.ReadCloser, sig *Signature, key *signingKey) *chunkReader {
	c := &chunkReader{r: r, src: src, in: bufio.NewReaderSize(src, 32<<10), sig: sig, key: key}
	if sig.PayloadHash != StreamingUnsignedTrailer {
		c.hash = sha256.New()
		c.previous = []byte(sig.sent)
	}
	return c
}

func (c *chunkReader) Close() error { return c.src.Close() }

func (c *chunkReader) Read(p []byte) (int, error) {
	if len(p) == 0 || c.err != nil {
		return 0, c.err
	}
	if c.left == 0 {
		if c.err = c.nextChunk(); c.err != nil {
			return 0, c.err
		}
	}
	n, err := c.in.Read(p[:min(int64(len(p)), c.left)])
	if c.hash != nil {
		c.hash.Write(p[:n])
	}
	c.left -= int64(n)
	c.total += int64(n)
	if err != nil {
		c.err = c.broken(err)
	} else if c.left == 0 {
		c.err = c.endChunk()
	}
	return n, c.err
}

// broken turns an early end into the refusal; other errors pass.
func (c *chunkReader) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return refuse(IncompleteBody, c.sig, msgBody)
	}
	return err
}

func (c *chunkReader) malformed() error { return refuse(MalformedBody, c.sig, msgChunks) }

// nextChunk reads a chunk's header. After the last chunk it reads the trailers
// and returns io.EOF if all was right.
func (c *chunkReader) nextChunk() error {
	line, err := c.line(maxChunkHeader)
	if err != nil {
		return err
	}
	size, ext, signed := bytes.Cut(line, []byte(";"))
	n, numErr := strconv.ParseUint(string(size), 16, 62)
	c.claimed = append(c.claimed[:0], bytes.TrimPrefix(ext, []byte("chunk-signature="))...)
	wellFormed := !signed
	if c.hash != nil {
		wellFormed = len(c.claimed) == 2*sha256.Size && len(ext) != len(c.claimed)
	}
	if numErr != nil || !isHex(size[0]) || !wellFormed {
		return c.malformed()
	}
	if int64(n) > c.sig.ContentLength-c.total {
		return refuse(IncompleteBody, c.sig, msgBody)
	}
	if c.left = int64(n); n > 0 {
		return nil
	}
	return c.lastChunk()
}

// endChunk reads the line end after a chunk's bytes and checks its signature.
func (c *chunkReader) endChunk() error {
	line, err := c.line(2)
	if err != nil {
		return err
	}
	if len(line) != 0 {
		return c.malformed()
	}
	return c.checkChunk()
}

func (c *chunkReader) checkChunk() error {
	if c.hash == nil {
		return nil
	}
	var sum [sha256.Size]byte
	c.hash.Sum(sum[:0])
	c.hash.Reset()
	text := c.stringToSign("AWS4-HMAC-SHA256-PAYLOAD")
	text = append(append(text, EmptyPayload...), '\n')
	return c.checkText(hex.AppendEncode(text, sum[:]), c.claimed)
}

// stringToSign begins the text that a chunk or the trailers are signed with.
func (c *chunkReader) stringToSign(kind string) []byte {
	return appendChunkHead(nil, kind, c.sig, c.previous)
}

func appendChunkHead(text []byte, kind string, sig *Signature, previous []byte) []byte {
	text = append(append(text, kind...), '\n')
	text = append(append(text, sig.timestamp...), '\n')
	text = append(appendScope(text, sig), '\n')
	return append(append(text, previous...), '\n')
}

func (c *chunkReader) checkText(text, claimed []byte) error {
	sum := c.key.sign(text)
	c.previous = hex.AppendEncode(c.previous[:0], sum[:])
	if subtle.ConstantTimeCompare(c.previous, claimed) != 1 {
		return refuse(SignatureDoesNotMatch, c.sig, msgMismatch)
	}
	return nil
}

func (c *chunkReader) lastChunk() error {
	if err := c.checkChunk(); err != nil {
		return err
	}
	if c.total != c.sig.ContentLength {
		return refuse(IncompleteBody, c.sig, msgBody)
	}
	trailers, err := c.trailers()
	if err != nil {
		return err
	}
	switch _, err := c.in.ReadByte(); {
	case err == nil:
		return c.malformed()
	case !errors.Is(err, io.EOF):
		return err
	}
	c.r.Trailer = trailers
	return io.EOF
}

// trailers reads what follows the last chunk: the announced trailers in any
// order, each once, the signature over them, and an empty line.
func (c *chunkReader) trailers() (http.Header, error) {
	announced := announcedTrailers(c.r, c.sig)
	got := make(http.Header, len(announced))
	var canonical []byte
	for left := maxTrailers; ; {
		line, err := c.line(left)
		if err != nil {
			return nil, err
		}
		left -= len(line) + 2
		if len(line) == 0 {
			break
		}
		name, value, ok := strings.Cut(string(line), ":")
		name = strings.ToLower(name)
		if name == "x-amz-trailer-signature" && c.sig.PayloadHash == StreamingPayloadTrailer {
			return got, c.endTrailers(canonical, strings.TrimSpace(value), len(got) == len(announced))
		}
		key := http.CanonicalHeaderKey(name)
		if !ok || !announced[key] || got[key] != nil {
			return nil, c.malformed()
		}
		if canonical, ok = appendTrimmed(append(append(canonical, name...), ':'), value); !ok {
			return nil, c.malformed()
		}
		got[key] = []string{string(canonical[len(canonical)-trimmedLen(value):])}
		canonical = append(canonical, '\n')
	}
	if len(got) != len(announced) || c.sig.PayloadHash == StreamingPayloadTrailer {
		return nil, c.malformed()
	}
	return got, nil
}

func trimmedLen(v string) int {
	b, _ := appendTrimmed(nil, v)
	return len(b)
}

// endTrailers checks the signature over the trailers and the empty line.
func (c *chunkReader) endTrailers(canonical []byte, claimed string, all bool) error {
	if line, err := c.line(2); err != nil {
		return err
	} else if len(line) != 0 || !all {
		return c.malformed()
	}
	sum := sha256.Sum256(canonical)
	text := hex.AppendEncode(c.stringToSign("AWS4-HMAC-SHA256-TRAILER"), sum[:])
	return c.checkText(text, []byte(claimed))
}

// announcedTrailers are the names in X-Amz-Trailer.
func announcedTrailers(r *http.Request, sig *Signature) map[string]bool {
	names := map[string]bool{}
	if sig.PayloadHash == StreamingPayload {
		return names
	}
	for name := range strings.SplitSeq(r.Header.Get(hdrTrailer), ",") {
		if name = strings.TrimSpace(name); name != "" {
			names[http.CanonicalHeaderKey(name)] = true
		}
	}
	return names
}

// line reads up to CR LF and returns what stands before, at most limit bytes.
// It is valid until the next read.
func (c *chunkReader) line(limit int) ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, c.malformed()
	case err != nil:
		return nil, c.broken(err)
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || len(line) > limit {
		return nil, c.malformed()
	}
	return line, nil
}
