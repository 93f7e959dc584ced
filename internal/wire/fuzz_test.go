package wire

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/awsapi/iam"
)

func canonical(name string) string { return http.CanonicalHeaderKey(name) }

// FuzzForm: what the form holds is what net/url reads, and what it refuses has a
// name twice, a bad escape, or bytes that aren't UTF-8.
func FuzzForm(f *testing.F) {
	for _, c := range recordings(f) {
		if strings.Contains(c.Body, "Action=") {
			f.Add(c.Body)
		}
	}
	f.Add("a=%zz")
	f.Add("a&b=&=c&&a.b=+")
	f.Fuzz(func(t *testing.T, s string) {
		var form Form
		err := form.Parse(s)
		if strings.Contains(s, ";") {
			return // which net/url refuses
		}
		want, urlErr := url.ParseQuery(s)
		if err != nil {
			if urlErr != nil || !utf8.ValidString(s) || strings.Contains(s, "%") || strings.Count(s, "&") >= MaxPairs {
				return
			}
			for _, values := range want {
				if len(values) > 1 {
					return
				}
			}
			t.Fatalf("Parse(%q): %v", s, err)
		}
		if urlErr != nil {
			t.Fatalf("Parse(%q) succeeds, net/url says %v", s, urlErr)
		}
		got := url.Values{}
		for key, value := range form.All {
			got.Add(key, value)
			if v, ok := form.Lookup(key); !ok || v != value {
				t.Errorf("Lookup(%q) = %q, %v; want %q", key, v, ok, value)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q): %s", s, diff)
		}
	})
}

// FuzzDecodeQuery: nothing panics; a struct and a Document get the same; what was
// decoded can be validated, and written and read again is the same.
func FuzzDecodeQuery(f *testing.F) {
	f.Add("RoleName=r&Tags.member.1.Key=k&Tags.member.1.Value=")
	f.Add("Tags.member.01.Key=k&Tags=")
	f.Add("Tags.member.1=x&Tags.member.1.Key=y")
	f.Add("Tags.member.3.Key=c&Tags.member.20.Key=a&MaxSessionDuration=7200")
	op := awsapi.ByName("iam").Operation("CreateRole")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", nil)
		var typed iam.CreateRoleRequest
		p, err := Decode(op, r, []byte(body), &typed)
		doc := Document{}
		p2, err2 := Decode(op, r, []byte(body), &doc)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%q: into a struct %v, into a Document %v", body, err, err2)
		}
		if err != nil {
			return
		}
		if a, b := errorText(Validate(op, &typed, p)), errorText(Validate(op, &doc, p2)); a != b {
			t.Errorf("%q: the struct is %q, the Document %q", body, a, b)
		}
		req, err := EncodeRequest(op, doc)
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		again := Document{}
		if _, err := Decode(op, r, req.Body, &again); err != nil {
			t.Fatalf("%q, written as %q: %v", body, req.Body, err)
		}
		if diff := cmp.Diff(doc, again); diff != "" && !hasEmpty(doc) {
			t.Errorf("%q, written as %q: %s", body, req.Body, diff)
		}
	})
}

// hasEmpty reports whether a list holds an empty structure, which a form can't.
func hasEmpty(v any) bool {
	switch v := v.(type) {
	case Document:
		for _, x := range v {
			if hasEmpty(x) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if d, ok := x.(Document); ok && len(d) == 0 || hasEmpty(x) {
				return true
			}
		}
	}
	return false
}

// FuzzDecodeJSON: nothing panics, and what was decoded is written as JSON that
// decodes to the same.
func FuzzDecodeJSON(f *testing.F) {
	f.Add(`{"MaxResults":5,"StartTime":1.5e9,"LookupAttributes":[{"AttributeKey":"EventId","AttributeValue":"\u00e9\u2028\u007f"}]}`)
	f.Add(`{"NextToken":null}`)
	op := awsapi.ByName("cloudtrail").Operation("LookupEvents")
	f.Fuzz(func(t *testing.T, body string) {
		doc, again := Document{}, Document{}
		if _, err := decodeJSON([]byte(body), op.Input, &doc); err != nil {
			return
		}
		out, err := appendJSON(nil, reflect.ValueOf(doc), op.Input, "unixTimestamp")
		if err != nil || !json.Valid(out) {
			t.Fatalf("%q is written as %q: %v", body, out, err)
		}
		if _, err := decodeJSON(out, op.Input, &again); err != nil {
			t.Fatalf("%q, written as %q: %v", body, out, err)
		}
		if diff := cmp.Diff(doc, again); diff != "" {
			t.Errorf("%q, written as %q: %s", body, out, diff)
		}
	})
}

// FuzzDecodeXML: nothing panics, and what was decoded is written as well-formed
// XML that decodes to the same.
func FuzzDecodeXML(f *testing.F) {
	f.Add(`<Tagging><TagSet><Tag><Key>a</Key><Value>&lt;b&#13;</Value></Tag></TagSet></Tagging>`)
	f.Add(`<Tagging xmlns="u"><TagSet/></Tagging>`)
	f.Add(`<!DOCTYPE a><a/>`)
	shape := awsapi.ByName("s3").Shape("Tagging")
	f.Fuzz(func(t *testing.T, body string) {
		decode := func(body []byte) (Document, error) {
			doc := Document{}
			root, err := parseXML(body)
			if err != nil {
				return nil, err
			}
			d := xmlDecoder{}
			return doc, d.members(structure{doc: doc}, shape, root, 0)
		}
		doc, err := decode([]byte(body))
		if err != nil {
			return
		}
		out, err := appendRoot(nil, "Tagging", "", reflect.ValueOf(doc), shape, nil)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, out)
		again, err := decode(out)
		if err != nil {
			t.Fatalf("%q, written as %q: %v", body, out, err)
		}
		if diff := cmp.Diff(doc, again); diff != "" {
			t.Errorf("%q, written as %q: %s", body, out, diff)
		}
	})
}

// FuzzXMLText: whatever a string holds, it is well-formed, and what XML can hold
// comes back unchanged.
func FuzzXMLText(f *testing.F) {
	f.Add("a<b>&\"'\r\n\t\x00\x1f\ufffe\xff\U0001F600]]>")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseXML(append(appendXMLText([]byte("<a>"), s), "</a>"...))
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		want := []rune(s)
		for i, r := range want {
			if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
				want[i] = utf8.RuneError
			}
		}
		if string(n.text) != string(want) {
			t.Errorf("%q comes back as %q, want %q", s, n.text, string(want))
		}
	})
}
