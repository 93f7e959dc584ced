package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/wire"
)

// example is a published example of an operation.
type example struct {
	Input, Output wire.Document
}

// unplayed are published examples that are not played here, with the reason.
var unplayed = map[string]string{
	"AssumeRoleWithSAML":                "its assertion is a sample: federationsaml_test.go",
	"AssumeRoleWithWebIdentity":         "its token is a sample: federation_test.go",
	"DecodeAuthorizationMessage":        "its message is a sample: coverage_test.go",
	"GenerateOrganizationsAccessReport": "it needs an organization: orgreport_test.go",
	"GetOrganizationsAccessReport":      "it needs an organization: orgreport_test.go",
}

// unanswered are members of published answers that ours don't have, with the
// reason.
var unanswered = map[string]string{
	"ListUsers.Users[].PasswordLastUsed":     "no password was used",
	"GetRole.Role.RoleLastUsed.LastUsedDate": "the role was not used",
	"GetRole.Role.RoleLastUsed.Region":       "the role was not used",
}

// TestPublishedExamples plays testdata/examples.txt: AWS's published examples
// succeed, and are answered in the shape that is published.
func TestPublishedExamples(t *testing.T) {
	t.Parallel()
	sc := newScene(t, command{args: []string{"--account-id", "123456789012"}})
	published := map[string][]example{}
	for _, file := range []string{"iam", "sts"} {
		text, err := os.ReadFile("testdata/examples/" + file + ".json")
		must(t, err)
		must(t, json.Unmarshal(text, &published))
	}
	played := map[string]bool{}
	for _, l := range script(t, "examples.txt") {
		if !l.published {
			sc.play(&l)
			continue
		}
		played[l.op.Name] = true
		e := published[l.op.Name][0]
		in, _ := whole(e.Input).(wire.Document)
		for name, v := range sc.document(&l) {
			in = with(in, name, v)
		}
		out, refused := sc.call(l.op, in, sc.keysOf(l.caller))
		sc.check(&l, out, refused)
		sc.shape(l.op.Name, e.Output, out)
	}
	for _, name := range slices.Sorted(maps.Keys(published)) {
		if !played[name] && unplayed[name] == "" {
			t.Errorf("the example of %s is not played", name)
		}
	}
}

// shape holds an answer against a published one: it has the same members, and
// lists with at least one element of the same members.
func (sc *scene) shape(at string, want, got any) {
	sc.t.Helper()
	switch want := want.(type) {
	case wire.Document:
		members, ok := got.(wire.Document)
		if !ok && len(want) > 0 {
			sc.t.Errorf("%s is %v, want %v", at, got, want)
		}
		for name := range want {
			if _, exempt := unanswered[at+"."+name]; exempt {
				continue
			}
			if members[name] == nil {
				sc.t.Errorf("the answer has no %s.%s", at, name)
				continue
			}
			sc.shape(at+"."+name, want[name], members[name])
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(want) > 0 && len(list) == 0 {
			sc.t.Errorf("%s is %v, want elements", at, got)
			return
		}
		if len(want) > 0 {
			sc.shape(at+"[]", want[0], list[0])
		}
	default:
		switch got.(type) {
		case wire.Document, []any:
			sc.t.Errorf("%s is %v, want %s", at, got, fmt.Sprint(want))
		}
	}
}
