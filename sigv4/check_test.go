package sigv4

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	goodCredential = "AKIA/20260301/us-east-1/iam/aws4_request"
	goodAuth       = Algorithm + " Credential=" + goodCredential + ", SignedHeaders=host;x-amz-date, Signature=00"
	goodDate       = "20260301T123045Z"
)

func getRequest(query string, header http.Header) *http.Request {
	return &http.Request{Method: "GET", Host: "h", URL: &url.URL{Path: "/", RawQuery: query}, Header: header}
}

func scopedTo(region, service string) *Verifier {
	v := at(benchTime)
	v.Scope = func(_ *http.Request, r, s string) (bool, string) {
		if s == service {
			return r == region, ""
		}
		return r == region, service
	}
	return v
}

// The texts of AWS, in AWS's order of checks.
func TestParseRefuses(t *testing.T) {
	auth := func(text string) http.Header {
		return http.Header{"Authorization": {text}, "X-Amz-Date": {goodDate}}
	}
	swap := func(from, to string) http.Header { return auth(strings.Replace(goodAuth, from, to, 1)) }
	dated := func(date string) http.Header {
		return http.Header{"Authorization": {goodAuth}, "X-Amz-Date": {date}}
	}
	hashed := func(h string) string { return "(Hashed with SHA-256 and encoded with Base64) Authorization=" + h }
	for _, tt := range []struct {
		name    string
		header  http.Header
		code    Code
		message string
	}{
		{"unsigned", http.Header{}, MissingAuthenticationToken, "Request is missing Authentication Token"},
		{"two headers", http.Header{"Authorization": {goodAuth, goodAuth}}, MultipleAuthentication, msgBothAuth},
		{"asymmetric", swap(Algorithm, "AWS4-ECDSA-P256-SHA256"), IncompleteSignature, "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."},
		{
			"another scheme",
			http.Header{"Authorization": {"Bearer secret"}},
			IncompleteSignature,
			"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " + hashed("v/3iBBM0e3oA4TY94/l8pp5BncCupV9KSnUBj6s6Do4="),
		},
		{"no signature", swap(", Signature=00", ""), IncompleteSignature, "Authorization header requires 'Signature' parameter. (Hashed"},
		{"repeated part", auth(goodAuth + ", Signature=01"), IncompleteSignature, "Authorization header requires 'Credential' parameter. Auth"},
		{"unknown part", auth(goodAuth + ", X=1"), IncompleteSignature, "Authorization header requires 'Credential' parameter. Auth"},
		{"no date", http.Header{"Authorization": {goodAuth}}, IncompleteSignature, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"},
		{"two dates", http.Header{"Authorization": {goodAuth}, "X-Amz-Date": {goodDate, goodDate}}, IncompleteSignature, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed"},
		{"bad date", dated("2026-03-01"), IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got '2026-03-01'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"HTTP date in the wrong header", dated("Sun, 01 Mar 2026 12:30:45 GMT"), IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got 'Sun"},
		{"date of no day", dated("20260231T123045Z"), IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got '20260231T123045Z'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"date with a fraction", dated("20260301T12304.5Z"), IncompleteSignature, "Date must be"},
		{"host unsigned", swap("host;x-amz-date", "x-amz-date"), SignatureDoesNotMatch, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"expired", dated("20260301T121544Z"), SignatureExpired, "Signature expired: 20260301T121544Z is now earlier than 20260301T121545Z (20260301T123045Z - 15 min.)"},
		{"in the future", dated("20260301T124546Z"), SignatureNotYetCurrent, "Signature not yet current: 20260301T124546Z is still later than 20260301T124545Z (20260301T123045Z + 15 min.)"},
		{"four parts", swap("/aws4_request", ""), IncompleteSignature, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIA/20260301/us-east-1/iam'"},
		{"six parts", swap("/aws4_request", "/aws4_request/x"), IncompleteSignature, "Credential must have exactly 5"},
		{"region", swap("us-east-1", "eu-west-1"), BadScope, "Credential should be scoped to a valid region. "},
		{"service", swap("/iam/", "/sts/"), BadScope, "Credential should be scoped to correct service: 'iam'. "},
		{"terminator", swap("aws4_request", "aws4"), BadScope, "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws4'."},
		{"scope date", swap("20260301", "20260302"), BadScope, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260302' != '20260301', from '20260301T123045Z'."},
		{
			"all of the scope", swap(goodCredential, "AKIA/x/r/s/t"), BadScope,
			"Credential should be scoped to a valid region. Credential should be scoped to correct service: 'iam'. Credential should be scoped with a valid terminator: 'aws4_request', not 't'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'x' != '20260301', from '20260301T123045Z'.",
		},
		{"names not sorted", swap("host;x-amz-date", "x-amz-date;host"), SignatureDoesNotMatch, msgMismatch},
		{"name twice", swap("host;", "host;host;"), SignatureDoesNotMatch, msgMismatch},
		{"name in capitals", swap("host;x-amz-date", "X-Amz-Date;host"), SignatureDoesNotMatch, msgMismatch},
		{"empty name", swap("host;x", ";host;x"), SignatureDoesNotMatch, msgMismatch},
		{"empty name at the end", swap("date,", "date;,"), SignatureDoesNotMatch, msgMismatch},
		{"unknown pseudo-header", swap("host;", ":path;host;"), SignatureDoesNotMatch, msgMismatch},
	} {
		_, err := scopedTo("us-east-1", "iam").Parse(getRequest("", tt.header))
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, tt.code) || !strings.HasPrefix(e.Message, tt.message) {
			t.Errorf("%s: Parse = %v, want %s: %s", tt.name, err, tt.code, tt.message)
		}
	}
	for _, date := range []string{goodDate, "20260301T121545Z", "20260301T124545Z"} {
		if _, err := scopedTo("us-east-1", "iam").Parse(getRequest("", dated(date))); err != nil {
			t.Errorf("date %s: %v", date, err)
		}
	}
}

func TestParsePresignedRefuses(t *testing.T) {
	good := url.Values{
		"X-Amz-Algorithm": {Algorithm}, "X-Amz-Credential": {goodCredential}, "X-Amz-Date": {goodDate},
		"X-Amz-SignedHeaders": {"host"}, "X-Amz-Signature": {"00"}, "X-Amz-Expires": {"60"},
	}
	with := func(name, value string) string {
		q := url.Values{}
		for k, v := range good {
			q[k] = v
		}
		if value == "" {
			q.Del(name)
		} else {
			q.Set(name, value)
		}
		return q.Encode()
	}
	s3 := func(name, value string) string {
		return strings.Replace(with(name, value), "%2Fiam%2F", "%2Fs3%2F", 1)
	}
	missing := func(name string) string {
		return "AWS query-string parameters must include '" + name + "'. Re-examine the query-string parameters."
	}
	for _, tt := range []struct {
		name, query string
		header      http.Header
		code        Code
		message     string
	}{
		{"no algorithm", with("X-Amz-Algorithm", ""), nil, IncompleteSignature, missing("X-Amz-Algorithm")},
		{"no credential", with("X-Amz-Credential", ""), nil, IncompleteSignature, missing("X-Amz-Credential")},
		{"no signature", with("X-Amz-Signature", ""), nil, IncompleteSignature, missing("X-Amz-Signature")},
		{"no signed headers", with("X-Amz-SignedHeaders", ""), nil, IncompleteSignature, missing("X-Amz-SignedHeaders")},
		{"no date", with("X-Amz-Date", ""), nil, IncompleteSignature, missing("X-Amz-Date")},
		{"asymmetric", with("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256"), nil, IncompleteSignature, "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."},
		{"unknown algorithm", with("X-Amz-Algorithm", "x"), nil, MissingAuthenticationToken, "Missing Authentication Token"},
		{"header too", with("", ""), http.Header{"Authorization": {goodAuth}}, MultipleAuthentication, msgBothAuth},
		{"bearer too", with("", ""), http.Header{"Authorization": {"Bearer x"}}, MultipleAuthentication, msgBothAuth},
		{"signature twice", with("", "") + "&X-Amz-Signature=01", nil, MultipleAuthentication, msgBothAuth},
		{"signature twice, once escaped", with("", "") + "&X%2DAmz-Signature=", nil, MultipleAuthentication, msgBothAuth},
		{"credential twice, first empty", "X-Amz-Credential=&" + with("", ""), nil, MultipleAuthentication, msgBothAuth},
		{"token in both", with("", "") + "&X-Amz-Security-Token=", http.Header{"X-Amz-Security-Token": {"t"}}, MultipleAuthentication, msgBothAuth},
		{"HTTP date", with("X-Amz-Date", "Sun, 01 Mar 2026 12:30:45 GMT"), nil, IncompleteSignature, "Date must be"},
		{"expired", with("X-Amz-Date", "20260301T121544Z"), nil, SignatureExpired, "Signature expired: "},
		{"bad escape", with("", "") + "&a=%zz", nil, MalformedQuery, msgQuery},
		{"cut escape", with("", "") + "&a%2", nil, MalformedQuery, msgQuery},
		{"semicolon", with("", "") + "&a=b;c=d", nil, MalformedQuery, msgQuery},
		{"s3 without expiry", s3("X-Amz-Expires", ""), nil, IncompleteSignature, missing("X-Amz-Expires")},
		{"s3 expiry no number", s3("X-Amz-Expires", "1e3"), nil, InvalidExpires, "X-Amz-Expires should be a number"},
		{"s3 expiry zero", s3("X-Amz-Expires", "0"), nil, InvalidExpires, "X-Amz-Expires must be non-negative"},
		{"s3 expiry negative", s3("X-Amz-Expires", "-1"), nil, InvalidExpires, "X-Amz-Expires must be non-negative"},
		{"s3 expiry over a week", s3("X-Amz-Expires", "604801"), nil, InvalidExpires, "X-Amz-Expires must be less than a week"},
		{"s3 expiry huge", s3("X-Amz-Expires", "99999999999999999999"), nil, InvalidExpires, "X-Amz-Expires should be a number"},
		{"s3 expired", s3("X-Amz-Date", "20260301T122944Z"), nil, RequestExpired, "Request has expired"},
		{"s3 in the future", s3("X-Amz-Date", "20260301T124546Z"), nil, SignatureNotYetCurrent, "Signature not yet current"},
		{"s3 unsigned header", s3("", ""), http.Header{"X-Amz-Acl": {"public-read"}}, HeadersNotSigned, "There were headers present in the request which were not signed"},
	} {
		_, err := at(benchTime).Parse(getRequest(tt.query, tt.header))
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, tt.code) || !strings.HasPrefix(e.Message, tt.message) {
			t.Errorf("%s: Parse = %v, want %s: %s", tt.name, err, tt.code, tt.message)
		}
	}
	for name, query := range map[string]string{
		"ignored expiry": with("X-Amz-Expires", "junk"), "no expiry": with("X-Amz-Expires", ""),
		"s3 a week ago": strings.ReplaceAll(strings.Replace(s3("X-Amz-Expires", "604800"), "20260301T123045Z", "20260222T123045Z", 1), "20260301", "20260222"),
	} {
		if _, err := at(benchTime).Parse(getRequest(query, nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each change to a rightly signed request must be refused.
func TestSmuggling(t *testing.T) {
	body := []byte("{}")
	for _, service := range []string{"dynamodb", "s3"} {
		for name, change := range map[string]func(r *http.Request){
			"second target":   func(r *http.Request) { r.Header.Add("X-Amz-Target", "Other") },
			"another target":  func(r *http.Request) { r.Header.Set("X-Amz-Target", "Other") },
			"unsigned header": func(r *http.Request) { r.Header.Set("X-Amz-New", "1") },
			"lower-case twin": func(r *http.Request) { r.Header["x-amz-target"] = []string{"Other"} },
			"lower-case only": func(r *http.Request) {
				r.Header["x-amz-target"] = r.Header["X-Amz-Target"]
				r.Header.Del("X-Amz-Target")
			},
			"signed header gone":     func(r *http.Request) { r.Header.Del("X-Amz-Target") },
			"second content type":    func(r *http.Request) { r.Header.Add("Content-Type", "x") },
			"host":                   func(r *http.Request) { r.Host = "other" },
			"host with a port":       func(r *http.Request) { r.Host += ":80" },
			"header named host":      func(r *http.Request) { r.Header.Set("Host", "other") },
			"method":                 func(r *http.Request) { r.Method = "PUT" },
			"method in lower case":   func(r *http.Request) { r.Method = "post" },
			"path":                   func(r *http.Request) { r.URL.Path += "x" },
			"parameter":              func(r *http.Request) { r.URL.RawQuery += "&x=1" },
			"parameter repeated":     func(r *http.Request) { r.URL.RawQuery += "&a=1" },
			"parameter made bare":    func(r *http.Request) { r.URL.RawQuery = "a=1;b=2" },
			"parameters joined":      func(r *http.Request) { r.URL.RawQuery = "a=1%26b=2" },
			"line end in a value":    func(r *http.Request) { r.Header.Set("X-Amz-Target", "T\r\n") },
			"list made one":          func(r *http.Request) { r.Header["X-Amz-Meta-L"] = []string{"b,a"} },
			"content length":         func(r *http.Request) { r.ContentLength = 7; r.Header.Set("Content-Length", "2") },
			"content length header":  func(r *http.Request) { r.Header.Set("Content-Length", "02") },
			"date":                   func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260301T123046Z") },
			"hash":                   func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", EmptyPayload) },
			"unsigned payload":       func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", UnsignedPayload) },
			"second authorization":   func(r *http.Request) { r.Header.Add("Authorization", "Bearer x") },
			"signature in capitals":  func(r *http.Request) { editSignature(r, strings.ToUpper) },
			"signature with a space": func(r *http.Request) { editSignature(r, func(s string) string { return s + " x" }) },
			"signature cut":          func(r *http.Request) { editSignature(r, func(s string) string { return s[:60] }) },
			"presigned beside":       func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Signature=00" },
			"path through raw path":  func(r *http.Request) { r.URL.Path = "/other"; r.URL.RawPath = "/p" },
			"one more signed header": func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ";host;", ";host;via;", 1))
			},
			"one less signed header": func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "content-type;", "", 1))
			},
			"order of repeated lists": func(r *http.Request) { r.Header["X-Amz-Meta-L"] = []string{"b", "a"} },
		} {
			r := newRequest(t, http.MethodPost, "https://h.example/p?a=1&b=2", body)
			r.Header = http.Header{"Content-Type": {"x/y"}, "X-Amz-Target": {"T.Op"}, "X-Amz-Meta-L": {"a", "b"}, "Content-Length": {"2"}}
			signWithLength(t, r, service, body)
			v := at(benchTime)
			if sig, err := v.Parse(r); err != nil {
				t.Fatal(err)
			} else if err := v.Verify(r, sig, "secret", body); err != nil {
				t.Fatal(err)
			}
			change(r)
			sig, err := v.Parse(r)
			if err == nil {
				err = v.Verify(r, sig, "secret", body)
			}
			if e := (*Error)(nil); !errors.As(err, &e) {
				t.Errorf("%s: %s: accepted (%v)", service, name, err)
			}
		}
	}
}

// signWithLength signs as Sign does, and Content-Length too.
func signWithLength(t *testing.T, r *http.Request, service string, body []byte) {
	t.Helper()
	s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: service}
	sig, err := s.begin(r, benchTime)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Date", sig.timestamp)
	r.Header.Set("X-Amz-Content-Sha256", hexSum(body))
	sig.SignedHeaders = strings.Replace(namesToSign(r.Header), "content-type;", "content-length;content-type;", 1)
	if _, err := s.finish(r, sig, hexSum(body)); err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", Algorithm+" Credential=AKIA/20260301/r/"+service+"/aws4_request,SignedHeaders="+sig.SignedHeaders+",Signature="+sig.sent)
}

func editSignature(r *http.Request, edit func(string) string) {
	before, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	r.Header.Set("Authorization", before+"Signature="+edit(s))
}

func TestErrorDetails(t *testing.T) {
	r := newRequest(t, http.MethodGet, "https://h.example/a?b=1", nil)
	s := Signer{KeyID: "AKIA", Secret: "secret", Region: "r", Service: "s3"}
	if err := s.Sign(r, EmptyPayload, benchTime); err != nil {
		t.Fatal(err)
	}
	v := at(benchTime)
	sig, err := v.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if !errors.As(v.Verify(r, sig, "another", nil), &e) {
		t.Fatal("accepted with another secret")
	}
	want := "GET\n/a\nb=1\nhost:h.example\nx-amz-content-sha256:" + EmptyPayload + "\nx-amz-date:20260301T123045Z\n\nhost;x-amz-content-sha256;x-amz-date\n" + EmptyPayload
	if diff := cmp.Diff(want, e.CanonicalRequest()); diff != "" {
		t.Errorf("CanonicalRequest (-want +got):\n%s", diff)
	}
	want = Algorithm + "\n20260301T123045Z\n20260301/r/s3/aws4_request\n" + hexSum([]byte(want))
	if diff := cmp.Diff(want, e.StringToSign()); diff != "" {
		t.Errorf("StringToSign (-want +got):\n%s", diff)
	}
	if e.SignatureProvided() != sig.sent || e.Claimed.KeyID != "AKIA" {
		t.Errorf("error tells %q by %q", e.SignatureProvided(), e.Claimed.KeyID)
	}

	r.Header.Set("X-Amz-Zeta", "1")
	r.Header.Set("X-Amz-Acl", "1")
	if _, err := v.Parse(r); !errors.As(err, &e) || !cmp.Equal(e.NotSigned, []string{"x-amz-acl", "x-amz-zeta"}) {
		t.Errorf("unsigned headers: %v, %v", err, e.NotSigned)
	}
	late := at(benchTime.Add(time.Hour))
	if _, err := late.Parse(r); !errors.As(err, &e) || !e.Now.Equal(benchTime.Add(time.Hour)) {
		t.Errorf("late: %v at %v", err, e.Now)
	}
}

// A key in the cache is of no use to who doesn't have the secret.
func TestCacheKeepsSecretsApart(t *testing.T) {
	r, body := iamPost(t)
	v := at(benchTime)
	for _, tt := range []struct {
		secret string
		ok     bool
	}{{"secret", true}, {"secret", true}, {"Secret", false}, {"", false}, {"secret", true}} {
		sig, err := v.Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(r, sig, tt.secret, body); (err == nil) != tt.ok {
			t.Errorf("Verify with %q = %v", tt.secret, err)
		}
	}
	if err := (&Verifier{}).Verify(r, &Signature{}, "secret", body); err == nil {
		t.Error("the zero Signature was verified")
	}
}
