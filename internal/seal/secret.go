// Package seal makes and keeps what must not be guessed or read: random
// identifiers and secrets, password hashes, envelope encryption of secrets at
// rest, and sealed session tokens.
//
// Randomness comes in as an io.Reader, which is crypto/rand.Reader outside
// tests. A reader that fails makes these functions panic: there is no safe
// way to go on without randomness. The nonces of encryption alone are taken
// by Tink from the operating system.
package seal

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a text that shows itself only through Reveal. It prints as
// "[redacted]" under every verb of fmt, in JSON, as text and in slog, and
// can't be compared by ==. The zero value is the empty secret.
type Secret struct {
	_ [0]func()
	// A pointer, because fmt walks unexported fields of a surrounding struct
	// without asking for methods; of a pointer it then shows only the address.
	text *string
}

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal returns the text. What is done with it is the caller's duty.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Equal says whether both hold the same text. It takes the same time wherever
// they differ; only their lengths show.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// IsZero says whether the secret is empty.
func (s Secret) IsZero() bool { return s.text == nil || *s.text == "" }

// Format writes "[redacted]" whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON writes "[redacted]".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText writes "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue is "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
