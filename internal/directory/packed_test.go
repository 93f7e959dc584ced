package directory

import (
	"bytes"
	"cmp"
	"testing"
)

var packedSeeds = []string{
	"", "x", "\x00", "\x01abc", `{"v":1,"id":"AIDAQWERTYUIOPASDFGH2","name":"user-0000001","path":"/","created":"2026-11-22T04:10:00Z","keys":[{"id":"AKIAQWERTYUIOPASDFGH","created":"2026-11-22T04:10:00Z"}]}`,
	`{"v":1,"owner":"AIDAQWERTYUIOPASDFGH2","sealed":"AQIDBAUGBwg="}`, `{"v":1,"owner":"x","sealed":"AQIDBAUGBwh="}`, "AIDAQWERTYUIOPASDFGH2 /a/b/",
	"AKIAQWERTYUIOPASDFG", "AKIAqWERTYUIOPASDFGH", "AIDAQWERTYUIOPASDFGH", "2026-02-30T04:10:00Z", "2026-02-28T04:10:60Z", "1969-02-28T04:10:00Z", "2106-02-28T04:10:00Z", `","sealed":"`,
	"\"\u00e4\xff", `","sealed":"AA` + "\n" + `AA="`,
	"111122223333/user/AIDAQWERTYUIOPASDFGH2", "111122223333/user/111122223333", "111122223333/username/a", "111122223333/username/", "111122223333/key/AKIA\x01", "11112222333x/key/a", "deployment/alias/x",
}

// FuzzPacked: what is packed comes back as it was, as a value and as a key.
func FuzzPacked(f *testing.F) {
	for _, s := range packedSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		e := new(arena).pack(string(text), text, 1<<40)
		r := e.record()
		if r.Key != string(text) || !bytes.Equal(r.Value, text) || r.Rev != 1<<40 {
			t.Errorf("%q comes back as key %q, value %q, revision %d", text, r.Key, r.Value, r.Rev)
		}
		if e.record() != r || e.look() != r {
			t.Error("it is unpacked twice")
		}
	})
}

// FuzzPackedOrder: keys of a listed kind of one account stay in order, and
// what begins with the kind does so packed.
func FuzzPackedOrder(f *testing.F) {
	f.Add("a", "b")
	f.Add("AIDAQWERTYUIOPASDFGH2", "AIDAQWERTYUIOPASDFGH1")
	f.Add("", "a\x00")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, kind := range packedKinds[1:] {
			prefix := "111122223333/" + kind + "/"
			packed := packKey(nil, []byte(prefix))
			x, y := packKey(nil, []byte(prefix+a)), packKey(nil, []byte(prefix+b))
			if !listed(kind) {
				continue
			}
			if !bytes.HasPrefix(x, packed) {
				t.Errorf("%q does not begin with %q", x, packed)
			}
			if got, want := bytes.Compare(x, y), cmp.Compare(a, b); got != want {
				t.Errorf("%s: Compare(%q, %q) = %d packed, want %d", kind, a, b, got, want)
			}
		}
	})
}

// TestPackedSize: what most of the memory is for.
func TestPackedSize(t *testing.T) {
	size := 0
	for _, s := range []string{packedSeeds[4], packedSeeds[5], packedSeeds[7]} {
		size += len(packValue(nil, []byte(s)))
	}
	if size > 100 {
		t.Errorf("the records of a user are %d bytes packed, want at most 100", size)
	}
}
