package directory

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// A later version's record is rewritten by real transactions, and keeps what
// this one doesn't know.
func TestUnknownFieldsSurvive(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.TagUser(u, []Tag{{"a", "1"}, {"b", "2"}}) }))
	var keyID string
	for range 2 {
		f.must(t, withUser("u", func(tx *Tx, u *User) error {
			k, err := tx.AddAccessKey(u, testSecret())
			keyID = k.ID
			return err
		}))
	}
	f.later(t, f.user(t, "u").ID, func(u map[string]any) {
		u["future"] = map[string]any{"x": []any{1.0, "<&>"}}
		for _, list := range []string{"keys", "tags"} {
			for _, e := range u[list].([]any) {
				e.(map[string]any)["added"] = "later"
			}
		}
	})
	f.must(t, withUser("u", func(tx *Tx, u *User) error { tx.UntagUser(u, []string{"a"}); return nil }))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.TagUser(u, []Tag{{"b", "3"}, {"c", "4"}}) }))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.SetKeyStatus(u, keyID, false) }))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteKey(u, u.Keys[0].ID) }))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.Rename(u, "v", "") }))
	u := f.user(t, "v")
	var got map[string]any
	if err := json.Unmarshal(f.Snapshot().get(account, kindUser, u.ID).Value, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"future": map[string]any{"x": []any{1.0, "<&>"}},
		"keys":   []any{map[string]any{"id": keyID, "inactive": true, "created": "2026-03-04T05:06:07Z", "added": "later"}},
		"tags":   []any{map[string]any{"k": "b", "v": "3", "added": "later"}, map[string]any{"k": "c", "v": "4"}},
	}
	for name := range want {
		if diff := cmp.Diff(want[name], got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// later changes a user's record as a later version would.
func (f *fixture) later(t *testing.T, id string, change func(map[string]any)) {
	t.Helper()
	key := recordKey(account, kindUser, id)
	var u map[string]any
	if err := json.Unmarshal(f.Snapshot().get(account, kindUser, id).Value, &u); err != nil {
		t.Fatal(err)
	}
	change(u)
	rev, err := f.store.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: key, Value: encode(u)}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.wait(t.Context(), rev); err != nil {
		t.Fatal(err)
	}
}

// Without anything unknown the bytes stay as they were encoded.
func TestNothingUnknown(t *testing.T) {
	var k fieldNames
	u := User{Format: 1, ID: "AIDA", Keys: []AccessKey{{ID: "AKIA"}}, Policies: Policies{Attached: []string{"a"}}}
	old := encode(&u)
	u.Keys, u.Name = nil, "n"
	value := encode(&u)
	if got := k.keep(reflect.TypeFor[User](), old, value); string(got) != string(value) {
		t.Errorf("keep() = %s, want %s", got, value)
	}
}

// FuzzMembers: an object is read as encoding/json reads it.
func FuzzMembers(f *testing.F) {
	f.Add(`{"a":1,"b":"x\\\"}","c":{"d":[1,"]",{}]},"e":null}`)
	f.Add(" { \"a\" : [ ] , \"\\u0061\xff\" : -1.5e3 } ")
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		var want map[string]json.RawMessage
		isObject := json.Unmarshal([]byte(text), &want) == nil && want != nil
		all, ok := members(json.RawMessage(text))
		if ok != isObject {
			t.Fatalf("members(%s) = %v, want %v", text, ok, isObject)
		}
		got := map[string]json.RawMessage{}
		for _, m := range all {
			got[m.name] = m.value
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("members(%s) (-want +got):\n%s", text, diff)
		}
	})
}

// grown has shapes that no record has yet.
type grown struct {
	ID    string           `json:"id"`
	Inner *grown           `json:"inner,omitempty"`
	List  []grown          `json:"list,omitempty"`
	Map   map[string]grown `json:"map,omitempty"`
	Any   any              `json:"any,omitempty"`
}

// FuzzKeep: what is known of the result is the new value, what isn't comes from
// the old one, and merging once more changes nothing.
func FuzzKeep(f *testing.F) {
	f.Add(`{"id":"a","x":1,"inner":{"y":2},"list":[{"id":"b","z":3},{"id":"c"}],"map":{"k":{"w":4}}}`, `{"id":"q","inner":{"id":"n"},"list":[{"id":"b"}],"map":{"k":{"id":""}}}`)
	f.Add(`{}`, `{"id":"a"}`)
	f.Add(`{"list":[1,null]}`, `{"id":"","list":[{"id":""}]}`)
	f.Add(`null`, `{"id":"a"}`)
	f.Fuzz(func(t *testing.T, old, text string) {
		var value grown
		if json.Unmarshal([]byte(text), &value) != nil || !json.Valid([]byte(old)) {
			return
		}
		var k fieldNames
		typ := reflect.TypeFor[grown]()
		after := encode(value)
		value = grown{}
		if err := json.Unmarshal(after, &value); err != nil { // empty lists are left out
			t.Fatal(err)
		}
		got := k.keep(typ, json.RawMessage(old), after)
		var back grown
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("keep(%s, %s) = %s: %v", old, after, got, err)
		}
		if folds(old) {
			return // encoding/json takes names without regard to case; records have no such two
		}
		if diff := cmp.Diff(value, back); diff != "" {
			t.Errorf("keep(%s, %s) = %s, decoded (-want +got):\n%s", old, after, got, diff)
		}
		if again := k.keep(typ, json.RawMessage(old), got); string(again) != string(got) {
			t.Errorf("keep(%s, %s) = %s, and once more %s", old, after, got, again)
		}
		before, _ := members(json.RawMessage(old))
		now, _ := members(got)
		for _, m := range before {
			if _, known := k.of(typ)[m.name]; !known && memberIndex(now, m.name) < 0 {
				t.Errorf("keep(%s, %s) = %s lost %q", old, after, got, m.name)
			}
		}
	})
}

// folds reports whether a text may hold a name that only case tells from a known one.
func folds(text string) bool {
	for _, name := range []string{"id", "inner", "list", "map", "any"} {
		if strings.Count(strings.ToLower(text), name) != strings.Count(text, name) {
			return true
		}
	}
	return strings.ContainsAny(text, "\\\u017f\u212a") // escapes, and letters that fold to ASCII ones
}
