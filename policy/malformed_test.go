package policy

import (
	"encoding/json"
	"os"
	"testing"
)

func TestMalformed(t *testing.T) {
	text, err := os.ReadFile("testdata/policy-malformed.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Kind, Document, Expect, Why string
		Inline                            bool
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 72 {
		t.Fatalf("only %d documents", len(cases))
	}
	kinds := map[string]Kind{"identity": Managed, "resource": Resource, "trust": Trust, "scp": SCP}
	for _, c := range cases {
		kind := kinds[c.Kind]
		if c.Inline {
			kind = Inline
		}
		_, err := Parse(c.Document, kind)
		if got := err == nil; got != (c.Expect == "valid") {
			t.Errorf("%s: Parse = %v, want %s: %s", c.Name, err, c.Expect, c.Why)
		}
	}
}
