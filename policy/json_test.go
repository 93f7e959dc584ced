package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func scan(text string) (node, *Error) {
	s := newScanner(text)
	return s.scan(), s.err
}

func TestScanRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, in     string
		line, column int
	}{
		{"empty", "", 1, 1},
		{"byte order mark", "\ufeff{}", 1, 1},
		{"comment", "{\n  // no\n}", 2, 3},
		{"trailing comma in object", `{"a":1,}`, 1, 8},
		{"trailing comma in list", `[1,]`, 1, 4},
		{"member twice", `{"a":1,"b":2,"a":3}`, 1, 14},
		{"member twice by escape", `{"a":1,"\u0061":3}`, 1, 8},
		{"member twice among many", manyMembers(100) + `,"m7":0}`, 1, 792},
		{"text after the end", `{} {}`, 1, 4},
		{"control character", "[\"a\x01\"]", 1, 4},
		{"unknown escape", `["\x"]`, 1, 4},
		{"half a pair", `["\ud800"]`, 1, 9},
		{"other half", `["\udc00"]`, 1, 9},
		{"not UTF-8", "[\"\xff\"]", 1, 3},
		{"leading zero", `[01]`, 1, 3},
		{"plus", `[+1]`, 1, 2},
		{"no digit after the point", `[1.]`, 1, 4},
		{"open string", `["abc`, 1, 6},
		{"word", `[True]`, 1, 2},
		{"column counts characters", `{"é" 1}`, 1, 6},
		{"too deep", strings.Repeat("[", maxDepth+2), 1, maxDepth + 2},
	} {
		_, err := scan(tt.in)
		if err == nil || err.Line != tt.line || err.Column != tt.column {
			t.Errorf("%s: scan(%q) = %+v, want an error at %d:%d", tt.name, tt.in, err, tt.line, tt.column)
		}
	}
}

// manyMembers opens an object of n members, eight characters each on average.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":0`, i)
	}
	return "{" + b.String()[1:]
}

func TestScanDecodes(t *testing.T) {
	for in, want := range map[string]string{
		`"a\u002ab"`:      "a*b",
		`"\ud83d\ude00"`:  "😀",
		`"\"\\\/\b\f\n"`:  "\"\\/\b\f\n",
		`"\u0000"`:        "\x00",
		` "é" `:           "é",
		`1.0`:             "1.0",
		`-0.50e+3`:        "-0.50e+3",
		"\t\r\n true\n\n": "true",
	} {
		n, err := scan(in)
		if err != nil || n.text != want {
			t.Errorf("scan(%q) = %q, %v, want %q", in, n.text, err, want)
		}
	}
}

// FuzzScan: what the scanner takes, encoding/json takes too, and the texts are
// the same.
func FuzzScan(f *testing.F) {
	f.Add(`{"a":["b\u00e9",1.5,true,null],"c":{}}`)
	f.Add(`"\ud83d\ude00"`)
	f.Fuzz(func(t *testing.T, text string) {
		n, err := scan(text)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("scan takes %q, encoding/json doesn't", text)
		}
		var s string
		if n.kind == nodeText && (json.Unmarshal([]byte(text), &s) != nil || s != n.text) {
			t.Errorf("scan(%q) = %q, want %q", text, n.text, s)
		}
	})
}
