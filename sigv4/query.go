package sigv4

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The parameters of a presigned request, in the order in which AWS misses them.
const (
	algorithm = iota
	credential
	signature
	signedHeaders
	date
	expires
	token
	contentSHA256
	parameters
)

var parameterNames = [parameters]string{
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders",
	hdrDate, "X-Amz-Expires", hdrToken, hdrContentSHA256,
}

// queryAuth is the authentication in a query, decoded.
type queryAuth struct {
	values   [parameters]string
	seen     [parameters]bool
	repeated bool // one of them twice
}

// present says whether the request means to be authenticated by its query.
func (q *queryAuth) present() bool {
	return q.seen[algorithm] || q.seen[credential] || q.seen[signature] || q.seen[signedHeaders]
}

// read is false for a query that decoders disagree about; see appendReencoded.
func (q *queryAuth) read(raw string) bool {
	for raw != "" {
		var one string
		one, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(one, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || strings.IndexByte(one, ';') >= 0 {
			return false
		}
		q.set(name, value)
	}
	return true
}

func (q *queryAuth) set(name, value string) {
	if !strings.HasPrefix(name, "X-Amz-") {
		return
	}
	for i, n := range parameterNames {
		if n == name {
			q.repeated = q.repeated || q.seen[i]
			q.values[i], q.seen[i] = value, true
		}
	}
}

func (s *Signature) readQuery(r *http.Request, q *queryAuth) *Error {
	s.Presigned = true
	s.credential, s.SignedHeaders = q.values[credential], q.values[signedHeaders]
	s.sent, s.SessionToken = q.values[signature], q.values[token]
	tokens := r.Header[hdrToken]
	if q.repeated || q.seen[token] && len(tokens) > 0 {
		return refuse(MultipleAuthentication, s, msgBothAuth)
	}
	if a := q.values[algorithm]; strings.HasPrefix(a, "AWS4-") && a != Algorithm {
		return refuse(IncompleteSignature, s, msgAlgorithm(a))
	} else if a != "" && a != Algorithm {
		return refuse(MissingAuthenticationToken, s, "Missing Authentication Token")
	}
	for i := algorithm; i <= date; i++ {
		if q.values[i] == "" {
			return refuse(IncompleteSignature, s, msgParameter(parameterNames[i]))
		}
	}
	if d := q.values[date]; !s.readTime(d) {
		return refuse(IncompleteSignature, s, msgDate(d))
	}
	if len(tokens) > 0 {
		s.SessionToken = tokens[0]
	}
	if s.splitCredential(); s.s3() {
		s.PayloadHash = q.values[contentSHA256]
		return s.readExpires(q.values[expires])
	}
	return nil
}

func msgAlgorithm(name string) string { return "Unsupported AWS 'algorithm': '" + name + "'." }

func msgParameter(name string) string {
	return "AWS query-string parameters must include '" + name + "'. Re-examine the query-string parameters."
}

// readExpires is for S3; the other services ignore the parameter.
func (s *Signature) readExpires(text string) *Error {
	if text == "" {
		return refuse(IncompleteSignature, s, msgParameter("X-Amz-Expires"))
	}
	n, err := strconv.ParseInt(text, 10, 32)
	s.Expires = time.Duration(n) * time.Second
	switch {
	case err != nil:
		return refuse(InvalidExpires, s, "X-Amz-Expires should be a number")
	case n < 1:
		return refuse(InvalidExpires, s, "X-Amz-Expires must be non-negative")
	case s.Expires > maxExpires:
		return refuse(InvalidExpires, s, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	}
	return nil
}
