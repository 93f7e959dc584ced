package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
)

// Verify says whether the request of sig, whose whole body is given, was
// signed with the secret. For all services but S3 the body is hashed, whatever
// a header says, and a header that says otherwise is ContentSHA256Mismatch;
// S3 may leave the body unsigned. The error is an *Error. An empty secret
// never verifies.
//
// What was signed of the path is, except for S3, its normal form: "/a/../b"
// was signed as "/b". Route by the normal form.
func (v *Verifier) Verify(r *http.Request, sig *Signature, secret string, body []byte) error {
	sum := sha256.Sum256(body)
	var digits [2 * sha256.Size]byte
	hex.Encode(digits[:], sum[:])
	payload := digits[:]
	switch {
	case sig.s3() && sig.PayloadHash == UnsignedPayload:
		payload = append(payload[:0], UnsignedPayload...)
	case sig.s3() || sig.PayloadHash != "":
		if subtle.ConstantTimeCompare(payload, []byte(sig.PayloadHash)) != 1 {
			return refuse(ContentSHA256Mismatch, sig, msgSHA256)
		}
	}
	if _, err := v.verify(r, sig, secret, payload); err != nil {
		return err
	}
	return nil
}

// verify compares the signature and returns the signing key.
func (v *Verifier) verify(r *http.Request, sig *Signature, secret string, payload []byte) (*signingKey, *Error) {
	if secret == "" || sig.KeyID == "" || sig.timestamp == "" {
		return nil, mismatch(r, sig, payload)
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	if !s.canonicalRequest(r, sig, payload) {
		return nil, mismatch(r, sig, payload)
	}
	s.query = appendStringToSign(s.query[:0], sig, s.out)
	key, cached := v.keys.find(sig, secret)
	sum := key.sign(s.query)
	var want [2 * sha256.Size]byte
	hex.Encode(want[:], sum[:])
	if subtle.ConstantTimeCompare(want[:], []byte(sig.sent)) != 1 {
		return nil, mismatch(r, sig, payload)
	}
	if !cached {
		v.keys.store(sig, key)
	}
	return key, nil
}
