package seal

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPassword(t *testing.T) {
	if n := len(lower + upper + digits + symbols); n != 64 {
		t.Fatalf("alphabet has %d characters, want 64", n)
	}
	seen := map[string]bool{}
	for range 500 {
		p := Password(rand.Reader).Reveal()
		if len(p) != passwordLength || seen[p] {
			t.Errorf("Password() = %q: length %d, seen %v", p, len(p), seen[p])
		}
		seen[p] = true
		for _, class := range []string{lower, upper, digits, symbols} {
			if !strings.ContainsAny(p, class) {
				t.Errorf("Password() = %q has none of %q", p, class)
			}
		}
	}
}

func TestVerifyPassword(t *testing.T) {
	s := NewSecret("correct horse")
	for name, hash := range map[string]string{
		"human": Hash(rand.Reader, s), "generated": HashGenerated(rand.Reader, s),
	} {
		if ok, err := VerifyPassword(hash, s); !ok || err != nil {
			t.Errorf("%s: VerifyPassword(right) = %v, %v", name, ok, err)
		}
		for _, wrong := range []string{"", "correct horsf", "correct horse "} {
			if ok, err := VerifyPassword(hash, NewSecret(wrong)); ok || err != nil {
				t.Errorf("%s: VerifyPassword(%q) = %v, %v", name, wrong, ok, err)
			}
		}
	}
	if a, b := Hash(rand.Reader, s), Hash(rand.Reader, s); a == b {
		t.Error("two hashes of one password are the same")
	}
}

// The known answer is of the reference implementation's own tests.
func TestVerifyForeignHash(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := VerifyPassword(hash, NewSecret("password")); !ok || err != nil {
		t.Errorf("VerifyPassword(%q) = %v, %v", hash, ok, err)
	}
}

func TestVerifyBounds(t *testing.T) {
	const tail = "$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	start := time.Now()
	for _, hash := range []string{
		"", "$", "x",
		"$argon2i$v=19$m=64,t=1,p=1" + tail,
		"$argon2id$v=16$m=64,t=1,p=1" + tail,
		"$argon2id$v=19$m=4294967295,t=1,p=1" + tail,
		"$argon2id$v=19$m=99999999999999,t=1,p=1" + tail,
		"$argon2id$v=19$m=262145,t=1,p=1" + tail,
		"$argon2id$v=19$m=64,t=4294967295,p=1" + tail,
		"$argon2id$v=19$m=64,t=0,p=1" + tail,
		"$argon2id$v=19$m=64,t=1,p=0" + tail,
		"$argon2id$v=19$m=64,t=1,p=255" + tail,
		"$argon2id$v=19$m=7,t=1,p=1" + tail,
		"$argon2id$v=19$m=064,t=1,p=1" + tail,
		"$argon2id$v=19$m=+64,t=1,p=1" + tail,
		"$argon2id$v=19$t=1,m=64,p=1" + tail,
		"$argon2id$v=19$m=64,t=1,p=1,keyid=a" + tail,
		"$argon2id$v=19$m=64,t=1,p=1$$",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA",
		"$argon2id$v=19$m=64,t=1,p=1" + tail + "$",
		"$argon2id$v=19$m=64,t=1,p=1" + tail + "=",
		"$argon2id$v=19$m=64,t=1,p=1" + tail + "\n",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 1<<20),
	} {
		if ok, err := VerifyPassword(hash, NewSecret("p")); ok || !errors.Is(err, ErrHash) {
			t.Errorf("VerifyPassword(%.80q) = %v, %v, want false, ErrHash", hash, ok, err)
		}
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("refusals took %v", d)
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(HashGenerated(rand.Reader, NewSecret("p")))
	f.Add(Hash(rand.Reader, NewSecret("p")))
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, hash string) {
		c, salt, digest, err := parseHash(hash)
		if err != nil {
			return
		}
		if c.memory > most.memory || c.passes > most.passes || c.lanes > most.lanes || len(salt) > 64 || len(digest) > 64 {
			t.Errorf("parseHash(%q) = %+v: out of bounds", hash, c)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	s := NewSecret("correct horse")
	for b.Loop() {
		Hash(rand.Reader, s)
	}
}

func BenchmarkVerifyGenerated(b *testing.B) {
	s := Password(rand.Reader)
	hash := HashGenerated(rand.Reader, s)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := VerifyPassword(hash, s); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
