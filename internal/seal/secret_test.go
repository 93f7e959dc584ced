package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingPrintsSecrets(t *testing.T) {
	const text = "wJalrXUtnFEMIK7MDENG"
	key := NewMasterKey(rand.Reader)
	_, box, err := key.NewRing(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	type wrapped struct {
		A      Secret
		hidden Secret
		P      *Secret
		K      MasterKey
		k      MasterKey
		B      Box
	}
	s := NewSecret(text)
	w := wrapped{s, s, &s, key, key, box}
	keyText := strings.TrimPrefix(key.Text().Reveal(), masterKeyPrefix)
	var out bytes.Buffer
	for _, v := range []any{s, &s, w, &w, []Secret{s}, map[string]Secret{"a": s}, key, &key, box} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t", "%c"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		b, err := json.Marshal(v)
		if err != nil {
			t.Errorf("json.Marshal(%T): %v", v, err)
		}
		out.Write(b)
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v)
	}
	for _, leak := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), keyText} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("output holds the secret: %s", out.String())
		}
	}
	if got := fmt.Sprint(s); got != redacted {
		t.Errorf("Sprint(secret) = %q, want %q", got, redacted)
	}
	if w.hidden.Reveal() != text || w.k.Text().IsZero() {
		t.Error("hidden fields lost their text")
	}
}

func TestSecretEqual(t *testing.T) {
	for _, tt := range []struct {
		a, b Secret
		want bool
	}{
		{NewSecret("a"), NewSecret("a"), true},
		{NewSecret("a"), NewSecret("b"), false},
		{NewSecret("a"), NewSecret("aa"), false},
		{NewSecret("a"), Secret{}, false},
		{NewSecret(""), Secret{}, true},
	} {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("Equal(%q, %q) = %v, want %v", tt.a.Reveal(), tt.b.Reveal(), got, tt.want)
		}
	}
}
