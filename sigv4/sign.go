package sigv4

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signer signs requests. All but SessionToken must be set. It prints without
// its secret. It may be used by many goroutines, each with a request of its own.
type Signer struct {
	KeyID, Secret string
	// SessionToken goes with temporary credentials.
	SessionToken string
	// Region and Service are the credential scope. For "s3" and its kin the
	// path is signed as it is sent.
	Region, Service string
}

var errSigner = errors.New("sign request: key id, secret, region or service is missing")

// Format writes the key id and the scope.
func (s Signer) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "sigv4.Signer("+s.KeyID+"/"+s.Region+"/"+s.Service+")")
}

// Sign signs a request as of the time t by an Authorization header, replacing
// what authentication it had. payloadHash is the SHA-256 of the body in hex or
// UnsignedPayload; for S3 it is sent along. Signed are Host, Content-Type,
// Content-Md5 and all x-amz- headers, which must not change afterwards.
func (s Signer) Sign(r *http.Request, payloadHash string, t time.Time) error {
	_, _, err := s.signHeader(r, payloadHash, t)
	return err
}

func (s Signer) signHeader(r *http.Request, payloadHash string, t time.Time) (*Signature, *signingKey, error) {
	sig, err := s.begin(r, t)
	if err != nil {
		return nil, nil, err
	}
	removeQueryAuth(r.URL)
	r.Header.Set(hdrDate, sig.timestamp)
	if s.SessionToken != "" {
		r.Header.Set(hdrToken, s.SessionToken)
	}
	if sig.s3() || payloadHash == UnsignedPayload {
		r.Header.Set(hdrContentSHA256, payloadHash)
	}
	sig.SignedHeaders = namesToSign(r.Header)
	key, err := s.finish(r, sig, payloadHash)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set(hdrAuthorization, Algorithm+" Credential="+s.KeyID+"/"+string(appendScope(nil, sig))+
		", SignedHeaders="+sig.SignedHeaders+", Signature="+sig.sent)
	return sig, key, nil
}

// Presign signs a request as of the time t by parameters of its URL, so that
// the URL alone can be given away. For S3 it is good for the time expires
// (whole seconds, 1 s to 7 days), payloadHash is UnsignedPayload as a rule; other
// services ignore expires and want the hash of the body, EmptyPayload for GET.
// Headers that the request has are signed as Sign does and must be sent along.
func (s Signer) Presign(r *http.Request, payloadHash string, expires time.Duration, t time.Time) error {
	sig, err := s.begin(r, t)
	if err != nil {
		return err
	}
	if expires < time.Second || expires > maxExpires {
		return fmt.Errorf("presign request: expiry %v is not between 1 s and 7 days", expires)
	}
	removeQueryAuth(r.URL)
	sig.Presigned = true
	sig.SignedHeaders = namesToSign(r.Header)
	add := func(name, value string) {
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&"
		}
		r.URL.RawQuery += name + "=" + string(appendEncoded(nil, value))
	}
	add("X-Amz-Algorithm", Algorithm)
	add("X-Amz-Credential", s.KeyID+"/"+string(appendScope(nil, sig)))
	add(hdrDate, sig.timestamp)
	add("X-Amz-Expires", strconv.FormatInt(int64(expires/time.Second), 10))
	if s.SessionToken != "" {
		add(hdrToken, s.SessionToken)
	}
	if sig.s3() && payloadHash != UnsignedPayload {
		add(hdrContentSHA256, payloadHash)
	}
	add("X-Amz-SignedHeaders", sig.SignedHeaders)
	if _, err := s.finish(r, sig, payloadHash); err != nil {
		return err
	}
	add("X-Amz-Signature", sig.sent)
	return nil
}

// begin removes earlier authentication and sets what both ways share.
func (s Signer) begin(r *http.Request, t time.Time) (*Signature, error) {
	if s.KeyID == "" || s.Secret == "" || s.Region == "" || s.Service == "" {
		return nil, errSigner
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	for _, name := range [...]string{hdrAuthorization, hdrDate, hdrToken, hdrContentSHA256} {
		r.Header.Del(name)
	}
	stamp := t.UTC().Format(basicTime)
	return &Signature{
		KeyID: s.KeyID, Date: stamp[:len(basicDay)], Region: s.Region, Service: s.Service,
		Time: t.UTC().Truncate(time.Second), timestamp: stamp, SessionToken: s.SessionToken,
	}, nil
}

func (s Signer) finish(r *http.Request, sig *Signature, payloadHash string) (*signingKey, error) {
	mem := scratches.Get().(*scratch)
	defer mem.release()
	if !mem.canonicalRequest(r, sig, []byte(payloadHash)) {
		return nil, errors.New("sign request: the query or a header is malformed")
	}
	key := deriveKey(sig, s.Secret)
	sum := key.sign(appendStringToSign(nil, sig, mem.out))
	sig.sent = hex.EncodeToString(sum[:])
	return key, nil
}

// namesToSign leaves out what proxies change on the way.
func namesToSign(h http.Header) string {
	names := []string{"host"}
	for name, values := range h {
		lower := strings.ToLower(name)
		if len(values) > 0 && (lower == "content-type" || lower == "content-md5" || strings.HasPrefix(lower, "x-amz-")) {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ";")
}

// removeQueryAuth takes the parameters of an earlier presigning out.
func removeQueryAuth(u *url.URL) {
	if !strings.Contains(u.RawQuery, "X-Amz-") {
		return
	}
	var keep []string
	for one := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(one, "=")
		if !slices.Contains(parameterNames[:], name) {
			keep = append(keep, one)
		}
	}
	u.RawQuery = strings.Join(keep, "&")
}
