package replica

import (
	"bytes"
	"fmt"
	"testing"
)

// FuzzRecords: what parses is what its parts make again.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte{0})
	f.Add([]byte{0x80, 0x00})
	f.Add([]byte("\x85\x01value"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if rev, last, err := parseHead(b); err == nil && !bytes.Equal(appendHead(nil, rev, last), b) {
			t.Errorf("parseHead(%x) = %d, %q", b, rev, last)
		}
		if at, err := parseAsOf(b); err == nil && !bytes.Equal(appendAsOf(nil, at), b) {
			t.Errorf("parseAsOf(%x) = %v", b, at)
		}
	})
}

// FuzzCurrent: a name has one number, and a number one name.
func FuzzCurrent(f *testing.F) {
	for _, seed := range []string{"copy-1\n", "copy-01\n", "copy-0\n", "copy-1", "copy-\n", "copy--1\n", "copy-1\n\n", "../copy-1\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		if n, err := parseCurrent(content); err == nil && (n < 1 || fmt.Sprintf("copy-%d\n", n) != content) {
			t.Errorf("parseCurrent(%q) = %d", content, n)
		}
	})
}
