package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// scratch is the memory of one canonicalisation.
type scratch struct {
	out   []byte
	query []byte
	pairs []pair
}

// pair is a parameter in scratch.query: its name ends and its value begins at
// mid, both percent-encoded.
type pair struct{ start, mid, end int }

// maxScratch bounds what is kept for the next request.
const maxScratch = 64 << 10

// scratches is a cache of memory; it holds requests' bytes until reused.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) release() {
	if cap(s.out)+cap(s.query) <= maxScratch {
		scratches.Put(s)
	}
}

// canonicalRequest leaves the canonical request in s.out. It is false where
// there is none: a signed header is missing, or the query is malformed.
func (s *scratch) canonicalRequest(r *http.Request, sig *Signature, payload []byte) bool {
	b := s.out[:0]
	if r.Method == "" {
		b = append(b, "GET\n"...)
	} else {
		b = append(append(b, r.Method...), '\n')
	}
	b = append(appendPath(b, r.URL, sig.s3()), '\n')
	s.out = b
	if !s.appendQuery(r.URL.RawQuery, sig.Presigned) {
		return false
	}
	b = append(s.out, '\n')
	ok := true
	for rest := sig.SignedHeaders; rest != "" && ok; {
		var name string
		name, rest, _ = strings.Cut(rest, ";")
		b, ok = appendHeader(b, r, name)
	}
	b = append(b, '\n')
	b = append(append(b, sig.SignedHeaders...), '\n')
	s.out = append(b, payload...)
	return ok
}

func appendStringToSign(dst []byte, sig *Signature, canonical []byte) []byte {
	sum := sha256.Sum256(canonical)
	dst = append(append(dst, Algorithm...), '\n')
	dst = append(append(dst, sig.timestamp...), '\n')
	dst = append(appendScope(dst, sig), '\n')
	return hex.AppendEncode(dst, sum[:])
}

func appendScope(dst []byte, sig *Signature) []byte {
	dst = append(append(dst, sig.Date...), '/')
	dst = append(append(dst, sig.Region...), '/')
	dst = append(append(dst, sig.Service...), '/')
	return append(dst, terminator...)
}

// sentPath is the path as it is on the wire.
func sentPath(u *url.URL) string {
	p := u.RawPath
	if p != "" {
		// RawPath can hold characters that EscapedPath would encode anew. One
		// that isn't the path that will be used was set by hand: not trusted.
		if plain, err := url.PathUnescape(p); err != nil || plain != u.Path {
			p = ""
		}
	}
	if p == "" {
		p = u.EscapedPath()
	}
	if p == "" {
		p = "/"
	}
	return p
}

// appendPath appends the canonical path: for S3 as sent; for the others in
// normal form (RFC 3986, 5.2.4, empty segments removed) and encoded once more.
func appendPath(dst []byte, u *url.URL, s3 bool) []byte {
	p := sentPath(u)
	if s3 {
		return append(dst, p...)
	}
	root := len(dst)
	for rest, more := p, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		switch segment {
		case "", ".":
		case "..":
			dst = dst[:root+max(0, bytes.LastIndexByte(dst[root:], '/'))]
		default:
			dst = appendEncoded(append(dst, '/'), segment)
		}
	}
	if len(dst) == root || p[len(p)-1] == '/' {
		dst = append(dst, '/')
	}
	return dst
}

// appendQuery appends the canonical query to s.out: each name and value in
// its one percent-encoding, sorted by name and then value, without the
// signature of a presigned request.
func (s *scratch) appendQuery(raw string, presigned bool) bool {
	if raw == "" {
		return true
	}
	s.query, s.pairs = s.query[:0], s.pairs[:0]
	for raw != "" {
		var one string
		one, raw, _ = strings.Cut(raw, "&")
		if one == "" {
			continue // as the decoder of net/url does
		}
		if !s.addPair(one, presigned) {
			return false
		}
	}
	slices.SortFunc(s.pairs, func(a, b pair) int {
		if c := bytes.Compare(s.query[a.start:a.mid], s.query[b.start:b.mid]); c != 0 {
			return c
		}
		return bytes.Compare(s.query[a.mid:a.end], s.query[b.mid:b.end])
	})
	for i, p := range s.pairs {
		if i > 0 {
			s.out = append(s.out, '&')
		}
		s.out = append(append(s.out, s.query[p.start:p.mid]...), '=')
		s.out = append(s.out, s.query[p.mid:p.end]...)
	}
	return true
}

func (s *scratch) addPair(one string, presigned bool) bool {
	name, value, _ := strings.Cut(one, "=")
	p := pair{start: len(s.query)}
	var ok1, ok2 bool
	s.query, ok1 = appendReencoded(s.query, name)
	p.mid = len(s.query)
	if presigned && string(s.query[p.start:p.mid]) == "X-Amz-Signature" {
		s.query = s.query[:p.start]
		return ok1
	}
	s.query, ok2 = appendReencoded(s.query, value)
	p.end = len(s.query)
	s.pairs = append(s.pairs, p)
	return ok1 && ok2
}

// appendReencoded brings the encoding of a query's name or value into the one
// form that is signed. It is false for an incomplete escape and a bare
// semicolon: net/url drops such parameters, so that a signed one could be made
// to vanish by decoding it on the way.
func appendReencoded(dst []byte, s string) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case unreserved[c]:
			dst = append(dst, c)
		case c == '+':
			dst = append(dst, "%20"...)
		case c == ';':
			return dst, false
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return dst, false
			}
			dst = appendByte(dst, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			dst = appendByte(dst, c)
		}
	}
	return dst, true
}

func appendEncoded(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = appendByte(dst, s[i])
	}
	return dst
}

func appendByte(dst []byte, c byte) []byte {
	const upperHex = "0123456789ABCDEF"
	if unreserved[c] {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// unreserved are the characters of RFC 3986, 2.3.
var unreserved = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		t[c] = true
	}
	return t
}()

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// appendHeader appends one signed header, its values joined by commas in the
// order of the request. It is false where the request has no such header.
func appendHeader(dst []byte, r *http.Request, name string) ([]byte, bool) {
	dst = append(append(dst, name...), ':')
	var ok bool
	switch name {
	case "host", ":authority":
		dst, ok = appendTrimmed(dst, host(r))
	case "content-length":
		dst, ok = appendContentLength(dst, r)
	default:
		values := lookup(r.Header, name)
		ok = len(values) > 0
		for i, v := range values {
			if i > 0 {
				dst = append(dst, ',')
			}
			var clean bool
			dst, clean = appendTrimmed(dst, v)
			ok = ok && clean
		}
	}
	return append(dst, '\n'), ok
}

func host(r *http.Request) string {
	if r.Host == "" {
		return r.URL.Host
	}
	return r.Host
}

// appendContentLength takes the length that net/http has acted on; a header
// that says otherwise is refused.
func appendContentLength(dst []byte, r *http.Request) ([]byte, bool) {
	start := len(dst)
	dst = strconv.AppendInt(dst, r.ContentLength, 10)
	h := r.Header["Content-Length"]
	same := len(h) == 0 || len(h) == 1 && h[0] == string(dst[start:])
	return dst, r.ContentLength >= 0 && same
}

// lookup finds a header by its name in lower case, without making a string.
func lookup(h http.Header, name string) []string {
	var b [64]byte
	if len(name) > len(b) {
		return h.Values(name)
	}
	first := true
	for i := range len(name) {
		c := name[i]
		if first && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		b[i] = c
		first = c == '-'
	}
	return h[string(b[:len(name)])]
}

// appendTrimmed appends a header's value without white space at its ends and
// with one space for each run inside. It is false for characters that no
// header can hold.
func appendTrimmed(dst []byte, v string) ([]byte, bool) {
	start, gap := len(dst), false
	for i := 0; i < len(v); {
		switch c := v[i]; c {
		case ' ', '\t', '\v', '\f':
			gap = true
			i++
			continue
		case '\r', '\n', 0:
			return dst, false
		}
		if gap && len(dst) > start {
			dst = append(dst, ' ')
		}
		gap = false
		word := i
		for i < len(v) && v[i] > ' ' {
			i++
		}
		if i == word { // another control character
			i++
		}
		dst = append(dst, v[word:i]...)
	}
	return dst, true
}
