package wire

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := map[string]any{}
		for k, x := range v {
			o[k] = plain(x)
		}
		return o
	case []any:
		o := []any{}
		for _, x := range v {
			o = append(o, plain(x))
		}
		return o
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case int64:
		return float64(v)
	}
	return v
}

func typedv(v any, sh *awsapi.Shape) any {
	switch sh.Type {
	case awsapi.Structure:
		o := Document{}
		for k, x := range v.(map[string]any) {
			m, _ := sh.MemberNamed(k)
			o[k] = typedv(x, m.Shape)
		}
		return o
	case awsapi.List:
		o := []any{}
		for _, x := range v.([]any) {
			o = append(o, typedv(x, sh.Member))
		}
		return o
	case awsapi.Map:
		o := map[string]any{}
		for k, x := range v.(map[string]any) {
			o[k] = typedv(x, sh.Value)
		}
		return o
	case awsapi.Integer, awsapi.Long:
		return int64(v.(float64))
	case awsapi.Timestamp:
		t, err := time.Parse(time.RFC3339, v.(string))
		if err != nil {
			panic(err)
		}
		return t
	case awsapi.Blob:
		b, _ := base64.StdEncoding.DecodeString(v.(string))
		return b
	}
	return v
}

func lines(t *testing.T, name string, f func([]byte)) {
	file, err := os.Open("/tmp/wiretest/" + name)
	if err != nil {
		t.Skip(err)
	}
	defer file.Close()
	sc := bufio.NewScanner(file)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		f(sc.Bytes())
	}
}

func TestDiffIn(t *testing.T) {
	bad, n := 0, 0
	lines(t, "in.jsonl", func(b []byte) {
		var c struct {
			Service, Signing, Op, Method, URL, Body string
			Headers                                 map[string]string
			Want                                    map[string]any
		}
		if err := json.Unmarshal(b, &c); err != nil {
			t.Fatal(err)
		}
		body, _ := base64.StdEncoding.DecodeString(c.Body)
		r, err := http.NewRequest(c.Method, c.URL, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.Headers {
			r.Header.Set(k, v)
		}
		n++
		fail := func(f string, a ...any) {
			if bad++; bad < 12 {
				t.Errorf("%s %s %s %s: %v", c.Service, c.Op, c.URL, string(body)[:min(len(body), 600)], a)
			}
		}
		tg, err := Detect(r, c.Signing, body)
		if err != nil {
			fail("%v", err)
			return
		}
		if tg.Name != c.Op {
			fail("detected %s", tg.Name)
			return
		}
		var doc Document
		if _, err := tg.Decode(r, body, &doc); err != nil {
			fail("%v", err)
			return
		}
		if doc == nil {
			doc = Document{}
		}
		if d := cmp.Diff(any(c.Want), plain(doc)); d != "" {
			fail("%s", d)
		}
	})
	t.Logf("%d requests, %d bad", n, bad)
}

func TestDiffOut(t *testing.T) {
	f, err := os.Create("/tmp/wiretest/encoded.jsonl")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	enc := json.NewEncoder(f)
	lines(t, "out.jsonl", func(b []byte) {
		var c struct {
			Service, Op string
			Out         map[string]any
		}
		if err := json.Unmarshal(b, &c); err != nil {
			t.Fatal(err)
		}
		s := awsapi.ByName(c.Service)
		op := s.Operation(c.Op)
		tg := Target{Protocol: s.Protocol, JSONVersion: s.JSONVersion, Service: s, Name: op.Name, Operation: op}
		res, err := tg.Encode(nil, "rid", typedv(c.Out, op.Output))
		if err != nil {
			t.Errorf("%s %s: %v", c.Service, c.Op, err)
			return
		}
		_ = enc.Encode(map[string]any{"service": c.Service, "op": c.Op, "out": c.Out, "status": res.Status, "headers": res.Header, "body": res.Body})
	})
}
