package ondisk

import (
	"bytes"
	"testing"
)

// FuzzRecord: a record has one stored form, which reads back.
func FuzzRecord(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{0x80, 0})
	f.Add(Append(nil, 1, []byte("value")))
	f.Add(Append(nil, 1<<63, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		rev, value, err := Parse(b)
		if err != nil {
			return
		}
		if again := Append(nil, rev, value); rev == 0 || !bytes.Equal(again, b) {
			t.Errorf("Parse(%x) = %d, %x, which is stored as %x", b, rev, value, again)
		}
	})
}

// FuzzRange: the bounds enclose what begins with the prefix, and nothing else.
func FuzzRange(f *testing.F) {
	f.Add("", "a")
	f.Add("a\xff", "a\xff\xff")
	f.Add("a/", "a0")
	f.Fuzz(func(t *testing.T, prefix, key string) {
		bounds, stored := Range(prefix), []byte(Prefix+key)
		within := bytes.Compare(stored, bounds.LowerBound) >= 0 && bytes.Compare(stored, bounds.UpperBound) < 0
		if begins := bytes.HasPrefix([]byte(key), []byte(prefix)); within != begins {
			t.Errorf("%q is within the bounds of prefix %q: %v, want %v", key, prefix, within, begins)
		}
	})
}
