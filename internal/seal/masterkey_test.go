package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestParseMasterKey(t *testing.T) {
	m := NewMasterKey(rand.Reader)
	text := m.Text().Reveal()
	sealed, _, err := m.NewRing(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseMasterKey("\n " + text + "\n")
	if err != nil {
		t.Fatalf("ParseMasterKey: %v", err)
	}
	if _, err := again.OpenRing(sealed); err != nil || !again.Text().Equal(m.Text()) {
		t.Errorf("the key read back opens the ring: %v", err)
	}
	for _, bad := range []string{"", "x", masterKeyPrefix, text[1:], text[:len(text)-1], text + "A", text + "=", text[:40] + "\n" + text[40:]} {
		if _, err := ParseMasterKey(bad); !errors.Is(err, ErrMasterKey) {
			t.Errorf("ParseMasterKey(%q) = %v, want ErrMasterKey", bad, err)
		}
	}
}

func FuzzParseMasterKey(f *testing.F) {
	f.Add(NewMasterKey(rand.Reader).Text().Reveal())
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := ParseMasterKey(text); err == nil && m.Text().Reveal() != strings.TrimSpace(text) {
			t.Errorf("ParseMasterKey(%q) reads as %q", text, m.Text().Reveal())
		}
	})
}

func TestLoadOrCreateMasterKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	m, created, err := LoadOrCreateMasterKey(path, rand.Reader)
	if err != nil || !created {
		t.Fatalf("first start: created %v, %v", created, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	again, created, err := LoadOrCreateMasterKey(path, rand.Reader)
	if err != nil || created || !again.Text().Equal(m.Text()) {
		t.Errorf("second start: created %v, %v, same key %v", created, err, again.Text().Equal(m.Text()))
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("folder holds %v, %v, want the key alone", left, err)
	}
}

func TestMasterKeyFileRefused(t *testing.T) {
	text := NewMasterKey(rand.Reader).Text().Reveal()
	for name, tt := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by all":   {text, 0o644, "mode 0644"},
		"writable by group": {text, 0o620, "mode 0620"},
		"empty":             {"", 0o600, ErrMasterKey.Error()},
		"cut":               {text[:50], 0o600, ErrMasterKey.Error()},
		"huge":              {strings.Repeat(" ", 2000) + text, 0o600, ErrMasterKey.Error()},
	} {
		path := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		_, created, err := LoadOrCreateMasterKey(path, rand.Reader)
		if created || err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), text[30:]) {
			t.Errorf("%s: created %v, error %v, want %q", name, created, err, tt.want)
		}
		if b, _ := os.ReadFile(path); string(b) != tt.text {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if _, _, err := LoadOrCreateMasterKey(t.TempDir(), rand.Reader); err == nil {
		t.Error("a folder was taken for a key")
	}
	if _, _, err := LoadOrCreateMasterKey(filepath.Join(t.TempDir(), "no", "k"), rand.Reader); err == nil {
		t.Error("a missing folder was no error")
	}
}

func TestManyStartersShareOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	const n = 16
	var wg sync.WaitGroup
	var keys [n]MasterKey
	var created [n]bool
	for i := range n {
		wg.Go(func() {
			var err error
			if keys[i], created[i], err = LoadOrCreateMasterKey(path, rand.Reader); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	makers := 0
	for i := range n {
		if created[i] {
			makers++
		}
		if !keys[i].Text().Equal(keys[0].Text()) {
			t.Error("starters have different keys")
		}
	}
	if makers != 1 {
		t.Errorf("%d starters made the key, want 1", makers)
	}
}

func TestRing(t *testing.T) {
	m, other := NewMasterKey(rand.Reader), NewMasterKey(rand.Reader)
	sealed, box, err := m.NewRing(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := box.Seal([]byte("s"), "key/a")
	if err != nil {
		t.Fatal(err)
	}
	rotated, newer, err := m.RotateRing(rand.Reader, sealed)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := newer.Seal([]byte("s"), "key/a")
	if err != nil {
		t.Fatal(err)
	}
	rewrapped, err := m.RewrapRing(rotated, other)
	if err != nil {
		t.Fatal(err)
	}
	last, err := other.OpenRing(rewrapped)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]Box{"rotated": newer, "rewrapped": last} {
		for _, s := range [][]byte{old, fresh} {
			if p, err := b.Open(s, "key/a"); err != nil || string(p) != "s" {
				t.Errorf("%s: Open = %q, %v", name, p, err)
			}
		}
	}
	if _, err := box.Open(fresh, "key/a"); !errors.Is(err, ErrSealed) {
		t.Errorf("the old ring opened the new key's text: %v", err)
	}
	if bytes.Equal(old[:5], fresh[:5]) {
		t.Error("the rotated ring still seals with the old key")
	}
	for name, b := range map[string][]byte{"other master": sealed, "empty": {}, "junk": []byte("junk"), "cut": sealed[:len(sealed)-1]} {
		if _, err := other.OpenRing(b); !errors.Is(err, ErrWrongMasterKey) {
			t.Errorf("%s: OpenRing = %v, want ErrWrongMasterKey", name, err)
		}
	}
	if _, err := (MasterKey{}).OpenRing(sealed); err == nil {
		t.Error("no master key opened the ring")
	}
	if _, _, err := (MasterKey{}).NewRing(rand.Reader); err == nil {
		t.Error("no master key sealed a ring")
	}
}

func BenchmarkStart(b *testing.B) {
	m := NewMasterKey(rand.Reader)
	sealed, _, err := m.NewRing(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	text := m.Text().Reveal()
	for b.Loop() {
		m, err := ParseMasterKey(text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.OpenRing(sealed); err != nil {
			b.Fatal(err)
		}
	}
}
