package trail

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"
)

// FuzzOrderEntry: what is read as an order is written as the same.
func FuzzOrderEntry(f *testing.F) {
	o := order{account: "111122223333", place: place{1e18, 7}, events: 3}
	f.Add(orderKey(7), o.encode())
	f.Add([]byte("o/"), []byte("/"))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		got, err := orderEntry(key, value)
		if err != nil {
			return
		}
		if !bytes.Equal(got.encode(), value) {
			t.Errorf("orderEntry(%q, %q) is written as %q", key, value, got.encode())
		}
		if bytes.HasPrefix(key, []byte(orderPrefix)) && !bytes.Equal(orderKey(got.seq), key) {
			t.Errorf("orderEntry(%q) has the number %d", key, got.seq)
		}
	})
}

// FuzzReadDigest: what is read as a digest has all that verifying and pruning
// take from it.
func FuzzReadDigest(f *testing.F) {
	f.Add([]byte(`{"file":"{\"logFiles\":[{}]}","signature":"00"}`))
	f.Add([]byte(`{"file":"{}","signature":""}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		d, err := readDigest(value)
		if err == nil && len(d.Files) == 0 {
			t.Errorf("readDigest(%q) has no log file", value)
		}
	})
}

// TestDigestSigned: a signature is good for one digest in one place.
func TestDigestSigned(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	end, file := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC), []byte(`{"a":1}`)
	signature, err := SignDigest(key, end, "b/o", file, "ab")
	if err != nil {
		t.Fatal(err)
	}
	public := &key.PublicKey
	if !DigestSigned(public, end, "b/o", file, "ab", signature) {
		t.Error("a signature is not good")
	}
	for name, good := range map[string]bool{
		"another time":             DigestSigned(public, end.Add(time.Second), "b/o", file, "ab", signature),
		"another name":             DigestSigned(public, end, "b/p", file, "ab", signature),
		"another file":             DigestSigned(public, end, "b/o", []byte(`{"a":2}`), "ab", signature),
		"another one before":       DigestSigned(public, end, "b/o", file, "", signature),
		"no hexadecimal signature": DigestSigned(public, end, "b/o", file, "ab", "x"),
	} {
		if good {
			t.Errorf("a signature is good for %s", name)
		}
	}
}
