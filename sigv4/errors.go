package sigv4

import (
	"net/http"
	"time"
)

// Code is a kind of refusal. It is itself an error, so that errors.Is(err,
// sigv4.SignatureExpired) asks for the kind. The services have names of their
// own for most kinds; the caller knows which service it speaks for.
type Code string

// The kinds of refusal.
const (
	// MissingAuthenticationToken: the request isn't signed.
	MissingAuthenticationToken Code = "MissingAuthenticationToken"
	// MultipleAuthentication: signed in the header and in the query at once.
	MultipleAuthentication Code = "MultipleAuthentication"
	// IncompleteSignature: parts are missing, malformed, or of an algorithm
	// that isn't supported.
	IncompleteSignature Code = "IncompleteSignature"
	// InvalidExpires: X-Amz-Expires of an S3 request is no number of 1 to 604800.
	InvalidExpires Code = "InvalidExpires"
	// MalformedQuery: decoders disagree about the query.
	MalformedQuery Code = "MalformedQueryString"
	// SignatureDoesNotMatch: the bytes were not signed with this secret.
	SignatureDoesNotMatch Code = "SignatureDoesNotMatch"
	// SignatureExpired: signed too long ago.
	SignatureExpired Code = "SignatureExpired"
	// SignatureNotYetCurrent: signed in the future.
	SignatureNotYetCurrent Code = "SignatureNotYetCurrent"
	// RequestExpired: a request presigned for S3 has passed its own end.
	RequestExpired Code = "RequestExpired"
	// BadScope: signed for another region, service or date.
	BadScope Code = "BadScope"
	// HeadersNotSigned: x-amz- headers are present that were not signed.
	HeadersNotSigned Code = "HeadersNotSigned"
	// MissingContentSHA256: S3 and streams need X-Amz-Content-Sha256.
	MissingContentSHA256 Code = "MissingContentSHA256"
	// InvalidContentSHA256: X-Amz-Content-Sha256 is nothing that is known here.
	InvalidContentSHA256 Code = "InvalidContentSHA256"
	// ContentSHA256Mismatch: the body isn't the one that was signed.
	ContentSHA256Mismatch Code = "ContentSHA256Mismatch"
	// MissingContentLength: a stream needs X-Amz-Decoded-Content-Length.
	MissingContentLength Code = "MissingContentLength"
	// IncompleteBody: a stream ends early or is longer or shorter than declared.
	IncompleteBody Code = "IncompleteBody"
	// MalformedBody: the chunks or trailers of a stream can't be read.
	MalformedBody Code = "MalformedBody"
)

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Error is a refusal. It holds nothing secret: the signer knows all of it.
type Error struct {
	Code Code
	// Message is the text that IAM and STS send; for kinds that only S3 has,
	// S3's. It repeats what the client sent only where AWS does.
	Message string
	// Claimed is what had been read of the signature, unverified; or nil.
	Claimed *Signature
	// NotSigned are the headers of HeadersNotSigned, in lower case and sorted.
	NotSigned []string
	// Now is the time of the check, for the kinds that speak of time.
	Now time.Time

	r       *http.Request // of SignatureDoesNotMatch
	payload string
}

// Error returns code and message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Is says whether target is the code.
func (e *Error) Is(target error) bool { return target == e.Code }

// CanonicalRequest is what should have been signed, of SignatureDoesNotMatch
// by Verify or VerifyStream; "" otherwise. It is made when asked for, from the
// request, which must not have changed. S3 sends it to the client.
func (e *Error) CanonicalRequest() string {
	if e.r == nil || e.Claimed == nil {
		return ""
	}
	var s scratch
	if !s.canonicalRequest(e.r, e.Claimed, []byte(e.payload)) {
		return ""
	}
	return string(s.out)
}

// StringToSign is the text that the signature should have been made of, under
// the conditions of CanonicalRequest.
func (e *Error) StringToSign() string {
	canonical := e.CanonicalRequest()
	if canonical == "" {
		return ""
	}
	return string(appendStringToSign(nil, e.Claimed, []byte(canonical)))
}

// SignatureProvided is the signature as the client sent it, for S3's error; ""
// where none was read.
func (e *Error) SignatureProvided() string {
	if e.Claimed == nil {
		return ""
	}
	return e.Claimed.sent
}

const (
	msgMismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	msgNotHost  = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
	msgBothAuth = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"
	msgSHA256   = "The provided 'x-amz-content-sha256' header does not match what was computed."
	msgBody     = "The request body terminated unexpectedly"
	msgChunks   = "The chunks of the request body are malformed."
	msgQuery    = "The query string contains a syntax error."
)

func refuse(c Code, sig *Signature, message string) *Error {
	return &Error{Code: c, Message: message, Claimed: sig}
}

func mismatch(r *http.Request, sig *Signature, payload []byte) *Error {
	return &Error{Code: SignatureDoesNotMatch, Message: msgMismatch, Claimed: sig, r: r, payload: string(payload)}
}
