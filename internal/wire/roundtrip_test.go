package wire

import (
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/awsapi/sts"
)

// maker makes random values of shapes that every protocol can carry.
type maker struct {
	*rand.Rand
	answer bool // also what only answers have
	sound  bool // all that is required
}

func (r maker) document(shape *awsapi.Shape, depth int) Document {
	doc := Document{}
	for i := range shape.Members {
		m := &shape.Members[i]
		skip := depth > 6 || r.IntN(3) == 0
		if m.Location == awsapi.InURI || m.Location == awsapi.InStatus || m.Required && m.Location != awsapi.InBody ||
			m.Name == shape.Payload || m.Required && r.sound {
			skip = false // a payload that is absent is sometimes an empty one
		}
		if !skip && !m.Shape.EventStream && (m.Location != awsapi.InStatus || r.answer) {
			doc[m.Name] = r.value(m.Shape, m.Location, depth+1)
		}
		if m.Location == awsapi.InURI && m.Name == "Bucket" { // may hold no slash
			doc[m.Name] = r.text(awsapi.InHeader)
		}
		if shape.Union && len(doc) == 1 {
			break
		}
	}
	if len(doc) == 0 && depth > 0 { // forms can't carry an empty structure
		for i := range shape.Members {
			if m := &shape.Members[i]; depth < 12 || m.Shape.Type > awsapi.Map {
				doc[m.Name] = r.value(m.Shape, m.Location, depth+1)
				break
			}
		}
	}
	return doc
}

func (r maker) value(shape *awsapi.Shape, at awsapi.Location, depth int) any {
	switch shape.Type {
	case awsapi.Structure:
		return r.document(shape, depth)
	case awsapi.List:
		list := []any{}
		for range 1 + r.IntN(3) {
			list = append(list, r.value(shape.Member, at, depth+1))
		}
		return list
	case awsapi.Map:
		m := map[string]any{}
		for range 1 + r.IntN(2) {
			m["k"+strings.ToLower(r.text(awsapi.InHeader))] = r.value(shape.Value, at, depth+1)
		}
		return m
	case awsapi.Boolean:
		return r.IntN(2) == 0
	case awsapi.Integer:
		if at == awsapi.InStatus {
			return int64(200 + r.IntN(100))
		}
		return int64(r.Int32())
	case awsapi.Long:
		return r.Int64()
	case awsapi.Float, awsapi.Double:
		return float64(r.IntN(1000)) / 4
	case awsapi.Timestamp:
		return time.Unix(int64(r.Int32()), 0).UTC()
	case awsapi.Blob:
		return []byte(r.text(awsapi.InBody))
	}
	if len(shape.Enum) > 0 {
		return shape.Enum[r.IntN(len(shape.Enum))]
	}
	return r.text(at)
}

func (r maker) text(at awsapi.Location) string {
	alphabet := []rune("aZ09 é€\U0001F600&<>\"'%+=~/._-:;,\r\n\t\\\u2028")
	if at == awsapi.InHeader || at == awsapi.InHeaders {
		alphabet = []rune("aZ09._-")
	}
	var b strings.Builder
	b.WriteByte('x')
	for range r.IntN(8) {
		b.WriteRune(alphabet[r.IntN(len(alphabet))])
	}
	b.WriteByte('y')
	return b.String()
}

// TestRoundTrips sends random values through every operation of every service:
// what one side writes the other reads, and all XML is well formed.
func TestRoundTrips(t *testing.T) {
	for _, name := range awsapi.Names() {
		s := awsapi.ByName(name)
		r := maker{Rand: rand.New(rand.NewPCG(1, 2))}
		for op := range s.Operations() {
			requestRoundTrip(t, r, op)
			r.answer = true
			answerRoundTrip(t, r, op)
			r.answer = false
		}
	}
}

func requestRoundTrip(t *testing.T, r maker, op *awsapi.Operation) {
	if op.Input == nil {
		return
	}
	s := op.Service
	in := r.document(op.Input, 0)
	req, err := EncodeRequest(op, in)
	if err != nil {
		t.Errorf("%s %s: %v", s.Name, op.Name, err)
		return
	}
	hr := httptest.NewRequest(req.Method, req.Path+"?"+req.Query, nil)
	for _, f := range req.Header {
		hr.Header.Set(f.Name, f.Value)
	}
	target, err := Detect(hr, s.SigningName, req.Body)
	if err != nil || target.Operation == nil {
		t.Errorf("%s %s: Detect: %v", s.Name, op.Name, err)
		return
	}
	if target.Operation != op { // S3 has pairs that only time tells apart
		if target.Operation.URI != op.URI {
			t.Errorf("%s: %s %s?%s is detected as %s, want %s", s.Name, req.Method, req.Path, req.Query, target.Name, op.Name)
		}
		return
	}
	got := Document{}
	if _, err := target.Decode(hr, req.Body, &got); err != nil {
		t.Errorf("%s %s: %v", s.Name, op.Name, err)
		return
	}
	if diff := cmp.Diff(in, got); diff != "" {
		t.Errorf("%s %s: %s?%s\n%s\n%s", s.Name, op.Name, req.Path, req.Query, req.Body, diff)
	}
}

func answerRoundTrip(t *testing.T, r maker, op *awsapi.Operation) {
	s := op.Service
	if op.Output == nil || op.Name == "GetBucketNotification" { // whose two members share an element
		return
	}
	out := r.document(op.Output, 0)
	target := Target{Protocol: s.Protocol, JSONVersion: s.JSONVersion, Service: s, Name: op.Name, Operation: op}
	res, err := target.Encode(nil, requestID, out)
	if err != nil {
		t.Errorf("%s %s: %v", s.Name, op.Name, err)
		return
	}
	header := http.Header{}
	for _, f := range res.Header {
		header.Set(f.Name, f.Value)
	}
	if strings.Contains(header.Get("Content-Type"), "xml") && op.Output.Payload == "" {
		wellFormed(t, res.Body)
	}
	got := Document{}
	if err := DecodeResponse(op, res.Status, header, res.Body, &got); err != nil {
		t.Errorf("%s %s: %v\n%s", s.Name, op.Name, err, res.Body)
		return
	}
	delete(got, "ContentType")
	delete(out, "ContentType")
	if diff := cmp.Diff(out, got); diff != "" {
		t.Errorf("%s %s: %v\n%s\n%s", s.Name, op.Name, res.Header, res.Body, diff)
	}
}

// TestTypedRoundTrips: generated structs and Documents are read and written alike.
func TestTypedRoundTrips(t *testing.T) {
	r := maker{Rand: rand.New(rand.NewPCG(3, 4)), sound: true}
	for name, types := range map[string]func(string) (in, out any){"iam": iam.New, "sts": sts.New} {
		for op := range awsapi.ByName(name).Operations() {
			in, out := types(op.Name)
			if op.Input != nil {
				want, err := EncodeRequest(op, r.document(op.Input, 0))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := Decode(op, httptest.NewRequest("POST", "/", nil), want.Body, in); err != nil {
					t.Errorf("%s: %v", op.Name, err)
				}
				if got, err := EncodeRequest(op, in); err != nil || string(got.Body) != string(want.Body) {
					t.Errorf("%s: the struct is sent as %s, the Document as %s; %v", op.Name, got.Body, want.Body, err)
				}
			}
			if op.Output != nil {
				want, err := Encode(op, requestID, r.document(op.Output, 0), nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := DecodeResponse(op, 200, nil, want, out); err != nil {
					t.Errorf("%s: %v", op.Name, err)
				}
				if got, err := Encode(op, requestID, out, nil); err != nil || string(got) != string(want) {
					t.Errorf("%s: the struct is %s, the Document %s; %v", op.Name, got, want, err)
				}
			}
		}
	}
}

func wellFormed(t *testing.T, body []byte) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(string(body)))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("not well-formed: %v\n%s", err, body)
			return
		}
	}
}
