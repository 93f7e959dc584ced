package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
)

func testBox(tb testing.TB) Box {
	tb.Helper()
	_, box, err := NewMasterKey(rand.Reader).NewRing(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return box
}

func TestBox(t *testing.T) {
	box := testBox(t)
	plain := []byte("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	sealed, err := box.Seal(plain, "key/AKIA1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := box.Open(sealed, "key/AKIA1"); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("Open = %q, %v", got, err)
	}
	if len(sealed) != len(plain)+45 || bytes.Contains(sealed, plain[:8]) {
		t.Errorf("sealed to %d bytes, want %d without the text", len(sealed), len(plain)+45)
	}
	again, _ := box.Seal(plain, "key/AKIA1")
	if bytes.Equal(again, sealed) {
		t.Error("the same text sealed twice is the same")
	}
	if _, err := box.Open(sealed, "key/AKIA2"); !errors.Is(err, ErrSealed) {
		t.Errorf("opened in another context: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := box.Open(bad, "key/AKIA1"); !errors.Is(err, ErrSealed) {
			t.Errorf("opened with byte %d changed: %v", i, err)
		}
		if _, err := box.Open(sealed[:i], "key/AKIA1"); !errors.Is(err, ErrSealed) {
			t.Errorf("opened when cut to %d bytes: %v", i, err)
		}
	}
	if _, err := (Box{}).Seal(plain, ""); err == nil {
		t.Error("the zero Box sealed")
	}
	if _, err := (Box{}).Open(sealed, "key/AKIA1"); err == nil {
		t.Error("the zero Box opened")
	}
}

func TestBoxConcurrently(t *testing.T) {
	box := testBox(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				s, err := box.Seal([]byte("a"), "c")
				if err != nil {
					t.Error(err)
				}
				if p, err := box.Open(s, "c"); err != nil || string(p) != "a" {
					t.Error(string(p), err)
				}
			}
		})
	}
	wg.Wait()
}

func TestToken(t *testing.T) {
	box := testBox(t)
	claims := []byte(`{"a":"123456789012"}`)
	token := SealToken(box, claims, "session")
	if !strings.HasPrefix(token, "IQoJ") {
		t.Errorf("token %q doesn't begin with IQoJ", token)
	}
	if got, err := OpenToken(box, token, "session"); err != nil || !bytes.Equal(got, claims) {
		t.Errorf("OpenToken = %q, %v", got, err)
	}
	sealed, err := box.Seal(claims, "session")
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty": "", "head alone": "IQoJAQ==", "line end": token[:8] + "\n" + token[8:], "line end at the end": token + "\r\n",
		"doubled": token + token, "no padding": strings.TrimRight(token, "=") + "A", "huge": strings.Repeat("A", maxToken+4),
		"record as token": base64.StdEncoding.EncodeToString(append([]byte(tokenHead), sealed...)),
		"other ring":      SealToken(testBox(t), claims, "session"),
		"other purpose":   SealToken(box, claims, "authorization-message"),
	} {
		if _, err := OpenToken(box, bad, "session"); !errors.Is(err, ErrToken) {
			t.Errorf("%s: OpenToken = %v, want ErrToken", name, err)
		}
	}
	for i := range token {
		for _, c := range []byte("A=b/\x00") {
			if bad := token[:i] + string(c) + token[i+1:]; bad != token {
				if _, err := OpenToken(box, bad, "session"); !errors.Is(err, ErrToken) {
					t.Errorf("opened with character %d changed to %q: %v", i, c, err)
				}
			}
		}
		if _, err := OpenToken(box, token[:i], "session"); !errors.Is(err, ErrToken) {
			t.Errorf("opened when cut to %d: %v", i, err)
		}
	}
	raw, _ := base64.StdEncoding.DecodeString(token)
	if _, err := box.Open(raw[len(tokenHead):], "session"); !errors.Is(err, ErrSealed) {
		t.Errorf("a token opened as a record: %v", err)
	}
}

func FuzzOpenToken(f *testing.F) {
	box := testBox(f)
	token := SealToken(box, []byte("claims"), "p")
	f.Add(token)
	f.Add("IQoJAQ==")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := OpenToken(box, s, "p"); err == nil && s != token {
			t.Errorf("OpenToken(%q) opened", s)
		}
	})
}

func BenchmarkBoxOpen(b *testing.B) {
	box := testBox(b)
	sealed, err := box.Seal(make([]byte, 40), "key/AKIARZPUZDIKGB2VALC4")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := box.Open(sealed, "key/AKIARZPUZDIKGB2VALC4"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenToken(b *testing.B) {
	box := testBox(b)
	token := SealToken(box, make([]byte, 300), "session")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenToken(box, token, "session"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealToken(b *testing.B) {
	box := testBox(b)
	claims := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		SealToken(box, claims, "session")
	}
}

// TestReplace: what one copy of a box is replaced with, all are.
func TestReplace(t *testing.T) {
	m := NewMasterKey(rand.Reader)
	ring, box, err := m.NewRing(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	duplicate := box
	old, err := box.Seal([]byte("old"), "c")
	if err != nil {
		t.Fatal(err)
	}
	_, newer, err := m.RotateRing(rand.Reader, ring)
	if err != nil {
		t.Fatal(err)
	}
	duplicate.Replace(newer)
	sealed, err := box.Seal([]byte("new"), "c")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(sealed[:5], old[:5]) {
		t.Error("Seal after Replace uses the old key")
	}
	for text, b := range map[string][]byte{"old": old, "new": sealed} {
		if got, err := box.Open(b, "c"); err != nil || string(got) != text {
			t.Errorf("Open of %s after Replace = %q, %v", text, got, err)
		}
	}
}
