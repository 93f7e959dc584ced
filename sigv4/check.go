package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (v *Verifier) check(r *http.Request, sig *Signature) *Error {
	fiveParts := sig.splitCredential() // judged later, but the error tells the key id
	if !sig.Signed("host") && !sig.Signed(":authority") {
		return refuse(SignatureDoesNotMatch, sig, msgNotHost)
	}
	if err := v.checkTime(sig); err != nil {
		return err
	}
	if !fiveParts {
		return refuse(IncompleteSignature, sig, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '"+sig.credential+"'")
	}
	if err := v.checkScope(r, sig); err != nil {
		return err
	}
	if !wellFormedNames(sig.SignedHeaders) {
		return mismatch(r, sig, nil)
	}
	if err := checkHeaders(r, sig); err != nil {
		return err
	}
	return sig.readPayloadHash(r)
}

// splitCredential is false, and leaves only the key id, unless the credential
// has exactly five parts. The terminator is checked with the scope.
func (s *Signature) splitCredential() bool {
	key, rest, ok1 := strings.Cut(s.credential, "/")
	date, rest, ok2 := strings.Cut(rest, "/")
	region, rest, ok3 := strings.Cut(rest, "/")
	service, last, ok4 := strings.Cut(rest, "/")
	s.KeyID = key
	if !ok1 || !ok2 || !ok3 || !ok4 || strings.Contains(last, "/") {
		return false
	}
	s.Date, s.Region, s.Service = date, region, service
	return true
}

func (v *Verifier) checkTime(sig *Signature) *Error {
	now, skew := v.now(), v.skew()
	stamp := func(t time.Time) string { return t.UTC().Format(basicTime) }
	minutes := func() string { return strconv.Itoa(int(skew/time.Minute)) + " min.)" }
	var err *Error
	switch {
	case sig.Presigned && sig.s3() && sig.Time.Add(sig.Expires).Before(now):
		err = refuse(RequestExpired, sig, "Request has expired")
	case sig.Time.Before(now.Add(-skew)) && !(sig.Presigned && sig.s3()):
		err = refuse(SignatureExpired, sig, "Signature expired: "+sig.timestamp+" is now earlier than "+
			stamp(now.Add(-skew))+" ("+stamp(now)+" - "+minutes())
	case sig.Time.After(now.Add(skew)):
		err = refuse(SignatureNotYetCurrent, sig, "Signature not yet current: "+sig.timestamp+" is still later than "+
			stamp(now.Add(skew))+" ("+stamp(now)+" + "+minutes())
	default:
		return nil
	}
	err.Now = now
	return err
}

// checkScope joins all that is wrong into one message, as AWS does. The first
// two texts end in a space.
func (v *Verifier) checkScope(r *http.Request, sig *Signature) *Error {
	regionOK, want := true, ""
	if v.Scope != nil {
		regionOK, want = v.Scope(r, sig.Region, sig.Service)
	}
	var b strings.Builder
	if !regionOK {
		b.WriteString("Credential should be scoped to a valid region. ")
	}
	if want != "" {
		b.WriteString("Credential should be scoped to correct service: '" + want + "'. ")
	}
	day := sig.timestamp[:len(basicDay)]
	last := sig.credential[strings.LastIndexByte(sig.credential, '/')+1:]
	if last != terminator {
		b.WriteString("Credential should be scoped with a valid terminator: '" + terminator + "', not '" + last + "'.")
		if sig.Date != day {
			b.WriteByte(' ')
		}
	}
	if sig.Date != day {
		b.WriteString("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			sig.Date + "' != '" + day + "', from '" + sig.timestamp + "'.")
	}
	if b.Len() == 0 {
		return nil
	}
	return refuse(BadScope, sig, b.String())
}

// wellFormedNames says whether a list of signed headers is as all signers
// write it: names of lower-case characters, sorted, none twice.
func wellFormedNames(list string) bool {
	before := ""
	for more := true; more; {
		var name string
		name, list, more = strings.Cut(list, ";")
		if name <= before || strings.ContainsFunc(strings.TrimPrefix(name, ":"), notNameRune) {
			return false
		}
		if name[0] == ':' && name != ":authority" {
			return false
		}
		before = name
	}
	return true
}

func notNameRune(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// checkHeaders refuses x-amz- headers that were not signed, and headers that
// come twice though they can have only one value: whoever reads the first
// would not read what was signed.
func checkHeaders(r *http.Request, sig *Signature) *Error {
	var unsigned []string
	for name, values := range r.Header {
		amz := len(name) > 6 && strings.EqualFold(name[:6], "x-amz-")
		switch {
		case len(values) > 1 && (name == "Content-Type" || amz && !mayRepeat(name)),
			name == "Host" && !slices.Equal(values, []string{host(r)}):
			return mismatch(r, sig, nil)
		case amz && !mayBeUnsigned(name, sig.s3()) && !sig.signedHeader(name):
			unsigned = append(unsigned, strings.ToLower(name))
		}
	}
	if len(unsigned) == 0 {
		return nil
	}
	slices.Sort(unsigned)
	err := refuse(HeadersNotSigned, sig, "There were headers present in the request which were not signed")
	err.NotSigned = slices.Compact(unsigned)
	return err
}

// signedHeader says whether a header, named as in http.Header, was signed and
// is the one that the signature was made of.
func (s *Signature) signedHeader(name string) bool {
	if name != http.CanonicalHeaderKey(name) {
		return false
	}
	for rest := s.SignedHeaders; rest != ""; {
		var n string
		if n, rest, _ = strings.Cut(rest, ";"); len(n) == len(name) && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// mayRepeat: lists that SDKs send as several headers, and the user's own.
func mayRepeat(name string) bool {
	return strings.HasPrefix(name, "X-Amz-Meta-") || name == "X-Amz-Object-Attributes" || name == "X-Amz-Optional-Object-Attributes"
}

// mayBeUnsigned: S3 wants every x-amz- header signed. For the other services
// the token proves itself, the date is in the string to sign, the hash is
// compared with the body, and CloudFront adds its id on the way.
func mayBeUnsigned(name string, s3 bool) bool {
	if s3 {
		return false
	}
	switch name {
	case hdrToken, hdrDate, hdrContentSHA256, "X-Amz-Cf-Id":
		return true
	}
	return false
}

// readPayloadHash finds what the request says of its body. Only S3 lets a
// request say instead of letting the body speak for itself.
func (s *Signature) readPayloadHash(r *http.Request) *Error {
	if h := r.Header[hdrContentSHA256]; len(h) > 0 {
		s.PayloadHash = h[0]
	}
	if s.PayloadHash == "" && s.s3() {
		if !s.Presigned {
			return refuse(MissingContentSHA256, s, "Missing required header for this request: x-amz-content-sha256")
		}
		s.PayloadHash = UnsignedPayload
	}
	switch s.PayloadHash {
	case StreamingPayload, StreamingPayloadTrailer, StreamingUnsignedTrailer:
		return s.readDecodedLength(r)
	}
	return nil
}

func (s *Signature) readDecodedLength(r *http.Request) *Error {
	n, err := strconv.ParseUint(r.Header.Get(hdrDecodedLength), 10, 63)
	if err != nil {
		return refuse(MissingContentLength, s, "You must provide the Content-Length HTTP header.")
	}
	s.ContentLength = int64(n)
	return nil
}
