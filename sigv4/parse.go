package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// Parse reads the signature of a request and checks all that needs no secret,
// in AWS's order: the parts are there, Host is signed, the time is right, the
// scope is right, and no header is unsigned that must be. The error is an
// *Error. Afterwards look up the key of KeyID and call Verify or VerifyStream
// with the same, unchanged request.
func (v *Verifier) Parse(r *http.Request) (*Signature, error) {
	var q queryAuth
	if !q.read(r.URL.RawQuery) {
		return nil, refuse(MalformedQuery, nil, msgQuery)
	}
	sig := &Signature{ContentLength: r.ContentLength}
	headers := r.Header[hdrAuthorization]
	var err *Error
	switch {
	case len(headers) == 0 && !q.present():
		return nil, refuse(MissingAuthenticationToken, nil, "Request is missing Authentication Token")
	case len(headers) > 1 || len(headers) == 1 && q.present():
		return nil, refuse(MultipleAuthentication, nil, msgBothAuth)
	case q.present():
		err = sig.readQuery(r, &q)
	default:
		err = sig.readHeader(r, headers[0])
	}
	if err == nil {
		err = v.check(r, sig)
	}
	if err != nil { // not returned directly: a nil *Error is no nil error
		return nil, err
	}
	return sig, nil
}

// readHeader reads an Authorization header. Its parts may come in any order.
func (s *Signature) readHeader(r *http.Request, auth string) *Error {
	scheme, rest, _ := strings.Cut(strings.Trim(auth, " \t"), " ")
	if scheme != Algorithm && strings.HasPrefix(scheme, "AWS4-") {
		return refuse(IncompleteSignature, s, msgAlgorithm(scheme))
	}
	if scheme == Algorithm && !s.readParts(rest) {
		s.credential, s.sent, s.SignedHeaders = "", "", ""
	}
	date, dated := requestDate(r)
	if s.credential == "" || s.sent == "" || s.SignedHeaders == "" || !dated {
		return refuse(IncompleteSignature, s, missingParts(s, dated, auth))
	}
	if !s.readTime(date) && (len(r.Header[hdrDate]) > 0 || !s.readHTTPTime(date)) {
		return refuse(IncompleteSignature, s, msgDate(date))
	}
	if tokens := r.Header[hdrToken]; len(tokens) > 0 {
		s.SessionToken = tokens[0] // checkHeaders refuses a second
	}
	return nil
}

// readParts is false for a part that is repeated or unknown.
func (s *Signature) readParts(rest string) bool {
	for more := true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(strings.Trim(part, " \t"), "=")
		var to *string
		switch name {
		case "Credential":
			to = &s.credential
		case "SignedHeaders":
			to = &s.SignedHeaders
		case "Signature":
			to = &s.sent
		default:
			return false
		}
		if *to != "" {
			return false
		}
		*to = value
	}
	return true
}

// requestDate is X-Amz-Date or, without one, Date. Of two neither counts.
func requestDate(r *http.Request) (date string, dated bool) {
	values := r.Header[hdrDate]
	if len(values) == 0 {
		values = r.Header["Date"]
	}
	if len(values) != 1 {
		return "", false
	}
	return values[0], values[0] != ""
}

// missingParts names what an Authorization header lacks. The header isn't
// repeated, only its hash, as AWS does since it may hold another's secret.
func missingParts(s *Signature, dated bool, auth string) string {
	var b strings.Builder
	for _, p := range [...]struct {
		there bool
		text  string
	}{
		{s.credential != "", "Authorization header requires 'Credential' parameter. "},
		{s.sent != "", "Authorization header requires 'Signature' parameter. "},
		{s.SignedHeaders != "", "Authorization header requires 'SignedHeaders' parameter. "},
		{dated, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "},
	} {
		if !p.there {
			b.WriteString(p.text)
		}
	}
	sum := sha256.Sum256([]byte(auth))
	b.WriteString("(Hashed with SHA-256 and encoded with Base64) Authorization=")
	b.WriteString(base64.StdEncoding.EncodeToString(sum[:]))
	return b.String()
}

func msgDate(date string) string {
	return "Date must be in ISO-8601 'basic format'. Got '" + date + "'. See http://en.wikipedia.org/wiki/ISO_8601"
}

// readTime reads the basic format.
func (s *Signature) readTime(date string) bool {
	if len(date) != len(basicTime) { // time.Parse would take fractions
		return false
	}
	t, err := time.Parse(basicTime, date)
	s.Time, s.timestamp = t, date
	return err == nil
}

// readHTTPTime reads the formats of a Date header. It is signed in the basic
// format all the same.
func (s *Signature) readHTTPTime(date string) bool {
	for _, layout := range [...]string{http.TimeFormat, time.RFC1123Z} {
		if t, err := time.Parse(layout, date); err == nil {
			s.Time, s.timestamp = t.UTC(), t.UTC().Format(basicTime)
			return true
		}
	}
	return false
}
