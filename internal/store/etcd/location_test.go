package etcd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURL(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Location
	}{
		{"etcd://a:2379/p", Location{[]string{"a:2379"}, "p"}},
		{"etcd://a,b:12,10.0.0.1:1/deep/prefix", Location{[]string{"a:2379", "b:12", "10.0.0.1:1"}, "deep/prefix"}},
		{"etcd://[::1]:9,[fe80::1]/p/", Location{[]string{"[::1]:9", "[fe80::1]:2379"}, "p"}},
		{"etcd://a", Location{[]string{"a:2379"}, "sallyport"}},
		{"etcd://a/", Location{[]string{"a:2379"}, "sallyport"}},
	} {
		got, err := ParseURL(tt.in)
		if d := cmp.Diff(tt.want, got); err != nil || d != "" {
			t.Errorf("ParseURL(%q) = %v, %v", tt.in, got, err)
		}
	}
	for _, in := range []string{
		"", "a:2379/p", "http://a/p", "etcd://", "etcd:///p", "etcd://a,/p", "etcd://a:0/p", "etcd://a:65536/p", "etcd://a:x/p",
		"etcd://a b/p", "etcd://a/p?x=1", "etcd://a/p#f", "etcd://a/p%20", "etcd://a/p q", "etcd://a/p//q", "etcd://a:1:2/p", "etcd://a/" + strings.Repeat("p", 129),
	} {
		if got, err := ParseURL(in); err == nil {
			t.Errorf("ParseURL(%q) = %v, want an error", in, got)
		}
	}
	if _, err := ParseURL("etcd://root:secret@a/p"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("ParseURL with a password = %v, want an error without it", err)
	}
}

// FuzzParseURL: what parses prints as what parses to the same.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"etcd://a:1,b/p", "etcd://[::1]:9/p/q", "etcd://", "etcd://a:01/p"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseURL(s)
		if err != nil {
			return
		}
		again, err := ParseURL(l.String())
		if d := cmp.Diff(l, again); err != nil || d != "" {
			t.Errorf("ParseURL(%q) = %v; its String %q parses as %v, %v", s, l, l.String(), again, err)
		}
	})
}

// FuzzDecode: what decodes is what a batch with its tag would encode.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(append([]byte{format}, "8 bytes.and more"...))
	f.Fuzz(func(t *testing.T, v []byte) {
		tag, value, err := decode(v)
		if err != nil {
			return
		}
		if again := (&batch{tag: tag}).encode(value); string(again) != string(v) {
			t.Errorf("decode(%x) encodes to %x", v, again)
		}
	})
}
