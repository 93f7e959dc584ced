// Package sigv4 verifies and makes AWS Signature Version 4.
//
// It accepts the Authorization header, the presigned query and the chunked
// bodies of S3. It decides nothing about keys or policy: between Parse, which
// says who claims to have signed, and Verify, which is given the secret, the
// caller looks the key up. Signatures are compared in constant time.
//
// Whatever could be read in two ways is refused: repeated parameters, both
// ways of authentication at once, percent-signs and semicolons in a query that
// decoders disagree about, signed headers that aren't there.
package sigv4

import (
	"net/http"
	"strings"
	"time"
)

// Algorithm is the only one that is accepted. The asymmetric one (SigV4A,
// AWS4-ECDSA-P256-SHA256) is refused as unsupported.
const Algorithm = "AWS4-HMAC-SHA256"

// What X-Amz-Content-Sha256 may hold besides the SHA-256 of the body in hex.
const (
	// UnsignedPayload leaves the body out of the signature. S3 only.
	UnsignedPayload = "UNSIGNED-PAYLOAD"
	// StreamingPayload is a body of chunks, each signed.
	StreamingPayload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	// StreamingPayloadTrailer adds signed trailers after the last chunk.
	StreamingPayloadTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	// StreamingUnsignedTrailer is a body of unsigned chunks and trailers.
	StreamingUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	// EmptyPayload is the SHA-256 of no bytes.
	EmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

const (
	terminator = "aws4_request"
	basicTime  = "20060102T150405Z" // ISO 8601 basic format
	basicDay   = "20060102"

	hdrAuthorization = "Authorization"
	hdrDate          = "X-Amz-Date"
	hdrToken         = "X-Amz-Security-Token"
	hdrContentSHA256 = "X-Amz-Content-Sha256"
	hdrDecodedLength = "X-Amz-Decoded-Content-Length"
	hdrTrailer       = "X-Amz-Trailer"

	defaultSkew = 15 * time.Minute
	maxExpires  = 604800 * time.Second // S3, one week
)

// Verifier checks signatures. Its zero value works. It must not change or be
// copied after first use, and may then be used by many goroutines.
//
// It keeps up to 1024 signing keys with their secrets in memory, each until
// another takes its place; one is used again only for the same secret and
// scope, and enters only after a signature was right.
type Verifier struct {
	// MaxSkew is how far a request's date may lie from now, either way.
	// Zero means 15 minutes, as IAM, STS and S3 have it.
	MaxSkew time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Scope says whether a request may be signed for the region and, if the
	// service is wrong, which one is right ("" means it is right). Nil accepts
	// all: then the caller must use Signature.Service as the service of the
	// request, because the rules for S3 follow from it.
	Scope func(r *http.Request, region, service string) (regionOK bool, wantService string)

	keys keyCache
}

func (v *Verifier) now() time.Time {
	if v.Now == nil {
		return time.Now()
	}
	return v.Now()
}

func (v *Verifier) skew() time.Duration {
	if v.MaxSkew == 0 {
		return defaultSkew
	}
	return v.MaxSkew
}

// Signature is what a request says about its signature. Nothing of it is true
// before Verify or VerifyStream has said so. It must not be changed.
type Signature struct {
	// KeyID is the access key id.
	KeyID string
	// Date (YYYYMMDD), Region and Service are the credential scope.
	Date, Region, Service string
	// Time is when the request says it was signed, to the second.
	Time time.Time
	// SignedHeaders are the names as sent: lower case, sorted, joined by ";".
	SignedHeaders string
	// SessionToken is "" where none was sent. It need not be signed: what it
	// says is sealed by whoever issued it, not by this signature.
	SessionToken string
	// Presigned is true where the signature is in the query.
	Presigned bool
	// Expires is X-Amz-Expires of a request presigned for S3; zero otherwise.
	Expires time.Duration
	// PayloadHash is X-Amz-Content-Sha256 as sent, or UnsignedPayload where a
	// request presigned for S3 has none. Otherwise it may be "".
	PayloadHash string
	// ContentLength is the length of the body after chunks are decoded, or -1
	// where the request doesn't say.
	ContentLength int64

	credential string // as sent
	timestamp  string // Time in the basic format
	sent       string // the signature in hex, as sent
}

// Signed says whether a header, named in lower case, was signed.
func (s *Signature) Signed(name string) bool {
	for rest := s.SignedHeaders; rest != ""; {
		var n string
		if n, rest, _ = strings.Cut(rest, ";"); n == name {
			return true
		}
	}
	return false
}

// s3 says whether S3's rules hold: the path is signed as sent, the payload is
// declared by a header, presigned requests expire when they say.
func (s *Signature) s3() bool {
	switch s.Service {
	case "s3", "s3express", "s3-outposts", "s3-object-lambda":
		return true
	}
	return false
}
