package gate

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/wire"
	"github.com/sallyport-iam/sallyport/policy"
	"github.com/sallyport-iam/sallyport/sigv4"
)

var errDryRun = awsapi.Code("DryRunOperation").New("Request would have succeeded, but DryRun flag is set.")

// statuses are the HTTP statuses of codes that no model has.
var statuses = map[awsapi.Code]int{
	"AuthFailure":               http.StatusUnauthorized, // EC2's; docs/facts, 12
	"DryRunOperation":           http.StatusPreconditionFailed,
	"NotImplemented":            http.StatusNotImplemented,
	"RequestEntityTooLarge":     http.StatusRequestEntityTooLarge,
	"RequestTimeTooSkewed":      http.StatusForbidden,
	"InvalidAccessKeyId":        http.StatusForbidden,
	"UnauthorizedOperation":     http.StatusForbidden,
	"XAmzContentSHA256Mismatch": http.StatusBadRequest,
}

// awsError puts any error into the code and text that the client's service
// uses for it (docs/facts, 2, 3 and 12). What isn't known is an internal failure.
func (c *call) awsError(err error) *awsapi.Error {
	if d, ok := errors.AsType[*denied](err); ok {
		return c.denial(d)
	}
	if e, ok := errors.AsType[*sigv4.Error](err); ok {
		return c.signatureError(e)
	}
	for _, known := range []error{errUnknownKey, errBadToken, errExpiredToken} {
		if errors.Is(err, known) {
			return c.credentialError(known)
		}
	}
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		return c.localized(e)
	}
	if e := unavailableNow(err); e != nil {
		return c.localized(e)
	}
	return &awsapi.Error{Code: awsapi.InternalFailure, Message: "The request processing has failed because of an unknown error, exception or failure.", Err: err}
}

// localized gives an error of common code the name that JSON services have for it.
func (c *call) localized(e *awsapi.Error) *awsapi.Error {
	code := e.Code
	switch {
	case !c.json():
	case code == awsapi.AccessDenied:
		code = awsapi.AccessDeniedException
	case code == awsapi.ServiceUnavailable:
		code = "ServiceUnavailableException"
	}
	if code == e.Code {
		return e
	}
	return &awsapi.Error{Code: code, Message: e.Message, Err: e.Err}
}

func (c *call) json() bool {
	switch c.target.Protocol {
	case awsapi.JSON, awsapi.RESTJSON, awsapi.CBOR:
		return true
	}
	return false
}

func (c *call) field(name, value string) {
	c.fields = append(c.fields, wire.Field{Name: name, Value: value})
}

// credentialError is how a service says that it doesn't accept the credentials.
func (c *call) credentialError(err error) *awsapi.Error {
	expired := err == errExpiredToken
	say := func(code awsapi.Code, message string) *awsapi.Error {
		return &awsapi.Error{Code: code, Message: message, Err: err}
	}
	switch {
	case c.target.Protocol == awsapi.EC2 && expired:
		return say("RequestExpired", "Request has expired.")
	case c.target.Protocol == awsapi.EC2:
		return say("AuthFailure", authFailure)
	case c.target.Protocol == awsapi.RESTXML && expired:
		return say(awsapi.ExpiredToken, "The provided token has expired.")
	case c.target.Protocol == awsapi.RESTXML && err == errBadToken:
		return say("InvalidToken", "The provided token is malformed or otherwise invalid.")
	case c.target.Protocol == awsapi.RESTXML:
		c.field("AWSAccessKeyId", c.sig.KeyID)
		return say("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	case c.json() && expired:
		return say("ExpiredTokenException", "The security token included in the request is expired")
	case c.json():
		return say("UnrecognizedClientException", "The security token included in the request is invalid.")
	case expired:
		return say(awsapi.ExpiredToken, "The security token included in the request is expired")
	}
	return say(awsapi.InvalidClientTokenID, "The security token included in the request is invalid")
}

const authFailure = "AWS was not able to validate the provided access credentials"

// signatureError is how a service says what is wrong with a signature.
func (c *call) signatureError(e *sigv4.Error) *awsapi.Error {
	switch {
	case c.target.Protocol == awsapi.RESTXML:
		return c.s3SignatureError(e)
	case c.target.Protocol == awsapi.EC2:
		return ec2SignatureError(e)
	case c.json():
		return jsonSignatureError(e)
	}
	code := awsapi.Code(e.Code)
	switch e.Code {
	case sigv4.SignatureExpired, sigv4.SignatureNotYetCurrent, sigv4.BadScope, sigv4.ContentSHA256Mismatch, sigv4.HeadersNotSigned:
		code = awsapi.SignatureDoesNotMatch
	case sigv4.MultipleAuthentication, sigv4.InvalidContentSHA256, sigv4.MissingContentSHA256:
		code = awsapi.IncompleteSignature
	}
	return &awsapi.Error{Code: code, Message: e.Message, Err: e}
}

func ec2SignatureError(e *sigv4.Error) *awsapi.Error {
	code, message := awsapi.Code("AuthFailure"), authFailure
	switch e.Code {
	case sigv4.SignatureExpired, sigv4.SignatureNotYetCurrent:
		code, message = "RequestExpired", "Request has expired."
	case sigv4.MalformedQuery, sigv4.IncompleteSignature, sigv4.MultipleAuthentication:
		message = e.Message
	}
	return &awsapi.Error{Code: code, Message: message, Err: e}
}

func jsonSignatureError(e *sigv4.Error) *awsapi.Error {
	code, message := awsapi.Code("InvalidSignatureException"), e.Message
	switch e.Code {
	case sigv4.MissingAuthenticationToken:
		code, message = "MissingAuthenticationTokenException", "Missing Authentication Token"
	case sigv4.IncompleteSignature, sigv4.MultipleAuthentication:
		code = "IncompleteSignatureException"
	}
	return &awsapi.Error{Code: code, Message: message, Err: e}
}

// s3Time is how S3's errors write a time.
const s3Time = "2006-01-02T15:04:05Z"

func (c *call) s3SignatureError(e *sigv4.Error) *awsapi.Error {
	say := func(code awsapi.Code, message string) *awsapi.Error {
		return &awsapi.Error{Code: code, Message: message, Err: e}
	}
	switch e.Code {
	case sigv4.MissingAuthenticationToken:
		return say(awsapi.AccessDenied, "Access Denied")
	case sigv4.SignatureDoesNotMatch:
		c.s3Mismatch(e)
		return say(awsapi.SignatureDoesNotMatch, "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
	case sigv4.SignatureExpired, sigv4.SignatureNotYetCurrent:
		if e.Claimed != nil {
			c.field("RequestTime", e.Claimed.Time.UTC().Format("20060102T150405Z"))
		}
		c.field("ServerTime", e.Now.UTC().Format(s3Time))
		c.field("MaxAllowedSkewMilliseconds", "900000")
		return say("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	case sigv4.RequestExpired:
		if s := e.Claimed; s != nil {
			c.field("X-Amz-Expires", strconv.Itoa(int(s.Expires/time.Second)))
			c.field("Expires", s.Time.Add(s.Expires).UTC().Format(s3Time))
		}
		c.field("ServerTime", e.Now.UTC().Format(s3Time))
		return say(awsapi.AccessDenied, "Request has expired")
	case sigv4.HeadersNotSigned:
		c.field("HeadersNotSigned", strings.Join(e.NotSigned, ", "))
		return say(awsapi.AccessDenied, "There were headers present in the request which were not signed")
	case sigv4.BadScope:
		return c.s3BadScope(e)
	case sigv4.IncompleteSignature, sigv4.MultipleAuthentication:
		if c.r.URL.Query().Has("X-Amz-Algorithm") {
			return say("AuthorizationQueryParametersError", e.Message)
		}
		return say("AuthorizationHeaderMalformed", e.Message)
	case sigv4.InvalidExpires:
		return say("AuthorizationQueryParametersError", e.Message)
	case sigv4.ContentSHA256Mismatch:
		return say("XAmzContentSHA256Mismatch", e.Message)
	case sigv4.MissingContentSHA256, sigv4.InvalidContentSHA256, sigv4.MalformedQuery, sigv4.MalformedBody:
		return say("InvalidRequest", e.Message)
	}
	return say(awsapi.Code(e.Code), e.Message)
}

func (c *call) s3BadScope(e *sigv4.Error) *awsapi.Error {
	if e.Claimed == nil || knownRegions[e.Claimed.Region] {
		return &awsapi.Error{Code: "AuthorizationHeaderMalformed", Message: "The authorization header is malformed; " + e.Message, Err: e}
	}
	c.field("Region", "us-east-1")
	return &awsapi.Error{
		Code:    "AuthorizationHeaderMalformed",
		Message: fmt.Sprintf("The authorization header is malformed; the region '%s' is wrong; expecting 'us-east-1'", e.Claimed.Region),
		Err:     e,
	}
}

// s3Mismatch adds what S3 tells of a signature that doesn't match: all of it
// is known to whoever signed.
func (c *call) s3Mismatch(e *sigv4.Error) {
	stringToSign, canonical := e.StringToSign(), e.CanonicalRequest()
	if c.sig != nil {
		c.field("AWSAccessKeyId", c.sig.KeyID)
	}
	c.field("StringToSign", stringToSign)
	c.field("SignatureProvided", e.SignatureProvided())
	c.field("StringToSignBytes", hexBytes(stringToSign))
	c.field("CanonicalRequest", canonical)
	c.field("CanonicalRequestBytes", hexBytes(canonical))
}

// hexBytes is the bytes of s in hex, with blanks between them.
func hexBytes(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hex.EncodeToString([]byte{s[i]}))
	}
	return b.String()
}

// denial is how a service says that policies don't allow the request.
func (c *call) denial(d *denied) *awsapi.Error {
	switch {
	case c.unsigned:
		return &awsapi.Error{Code: awsapi.AccessDenied, Message: "Not authorized to perform " + d.request.Action, Err: d}
	case c.target.Protocol == awsapi.EC2:
		noResource := d.request.Resource == "*"
		return &awsapi.Error{
			Code: "UnauthorizedOperation",
			Message: "You are not authorized to perform this operation. " + d.result.Denial(&d.request, policy.Style{NoResource: noResource}) +
				". Encoded authorization failure message: " + c.encodedDenial(d),
			Err: d,
		}
	case c.target.Protocol == awsapi.RESTXML:
		style := policy.Style{QuoteResource: true, NoResource: d.request.Resource == "*"}
		return &awsapi.Error{Code: awsapi.AccessDenied, Message: d.result.Denial(&d.request, style), Err: d}
	case c.json():
		// Those that name an action of no resource name none (docs/facts, 3.1);
		// of REST services' denials on record some do, as "*".
		style := policy.Style{NoResource: d.request.Resource == "*" && c.target.Protocol != awsapi.RESTJSON}
		return &awsapi.Error{Code: awsapi.AccessDeniedException, Message: d.result.Denial(&d.request, style), Err: d}
	}
	style := policy.Style{NoReason: d.aboutRole() && d.result.Decision == policy.ImplicitDeny, Resource: d.resource}
	return &awsapi.Error{Code: awsapi.AccessDenied, Message: d.result.Denial(&d.request, style), Err: d}
}
