package seal

import (
	"bytes"
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
)

func TestAccountOf(t *testing.T) {
	for _, tt := range []struct {
		id, want string
		ok       bool
	}{
		{"AKIARZPUZDIKGB2VALC4", "123456789012", true},
		{"ASIAQNZGKIQY56JQ7WML", "029608264753", true},
		{"ASIAQAAAAAAAGMKEM7X5", "000000000000", true},
		{"AKIAIOSFODNN7EXAMPLE", "", false}, // top bit 0
		{"AKIA7777777777777777", "", false}, // beyond 999999999999
		{"AIDARZPUZDIKGB2VALC4", "", false},
		{"AKIARZPUZDIKGB2VALC", "", false},
		{"AKIARZPUZDIKGB2VALC44", "", false},
		{"AKIARZPUZDIKGB2VALc4", "", false},
		{"AKIARZPUZDIKGB2VALC1", "", false},
		{"AKIARZPUZDIKGB2VALC=", "", false},
		{"AKIARZPUZDIKGB2VAL\r\n", "", false},
		{"", "", false},
	} {
		if got, ok := AccountOf(tt.id); got != tt.want || ok != tt.ok {
			t.Errorf("AccountOf(%q) = %q, %v, want %q, %v", tt.id, got, ok, tt.want, tt.ok)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	keyID := regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`)
	uniqueID := regexp.MustCompile(`^AIDA[A-Z2-7]{17}$`)
	account := regexp.MustCompile(`^[1-9][0-9]{11}$`)
	secret := regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`)
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 500 {
		a := AccountID(rand.Reader)
		k, u := AccessKeyID(rand.Reader, "AKIA", a), UniqueID(rand.Reader, "AIDA", a)
		s, id := SecretKey(rand.Reader).Reveal(), UUID(rand.Reader)
		for _, tt := range []struct {
			re  *regexp.Regexp
			got string
		}{{keyID, k}, {uniqueID, u}, {account, a}, {secret, s}, {uuid, id}} {
			if !tt.re.MatchString(tt.got) {
				t.Errorf("%q does not match %v", tt.got, tt.re)
			}
			if seen[tt.got] {
				t.Errorf("%q came twice", tt.got)
			}
			seen[tt.got] = true
		}
		if got, ok := AccountOf(k); got != a || !ok {
			t.Errorf("AccountOf(%q) = %q, %v, want %q", k, got, ok, a)
		}
		if got, _ := AccountOf("AKIA" + u[4:20]); got != a {
			t.Errorf("account in %q = %q, want %q", u, got, a)
		}
	}
}

// The 39 bits after the account are all taken from the reader.
func TestAccessKeyIDRandomBits(t *testing.T) {
	ones := bytes.Repeat([]byte{0xff}, 10)
	zeros := make([]byte, 10)
	const a = "000000000000"
	if got, want := AccessKeyID(bytes.NewReader(zeros), "ASIA", a), "ASIAQAAAAAAAAAAAAAAA"; got != want {
		t.Errorf("all zero bits: %q, want %q", got, want)
	}
	if got, want := AccessKeyID(bytes.NewReader(ones), "ASIA", a), "ASIAQAAAAAAAP7777777"; got != want {
		t.Errorf("all one bits: %q, want %q", got, want)
	}
}

func TestMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"short account": func() { AccessKeyID(rand.Reader, "AKIA", "123") },
		"signed":        func() { UniqueID(rand.Reader, "AIDA", "+12345678901") },
		"no randomness": func() { UUID(strings.NewReader("")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func FuzzAccountOf(f *testing.F) {
	f.Add("AKIARZPUZDIKGB2VALC4")
	f.Add("AKIAIOSFODNN7EXAMPLE")
	f.Fuzz(func(t *testing.T, id string) {
		a, ok := AccountOf(id)
		if !ok {
			return
		}
		// The same account again gives the same first eight characters.
		again := AccessKeyID(rand.Reader, id[:4], a)
		if again[:12] != id[:12] {
			t.Errorf("AccountOf(%q) = %q, which makes %q", id, a, again)
		}
	})
}
