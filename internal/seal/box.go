package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

var (
	// ErrSealed is returned by Box.Open: the bytes were changed, cut, sealed by
	// another ring, or sealed for another context.
	ErrSealed = errors.New("sealed bytes do not open")
	// ErrToken is returned by OpenToken for whatever SealToken didn't make for
	// this purpose with a key of this ring.
	ErrToken = errors.New("token does not open")
)

// Contexts of records and purposes of tokens are told apart, so that neither
// opens as the other whatever their names.
const (
	recordLabel = "sallyport/record/v1\x00"
	tokenLabel  = "sallyport/token/v1\x00"
)

// Box seals bytes with the newest key of its ring and opens them with any.
// Its zero value does neither. It may be used by many goroutines, and takes
// about a microsecond for a short text. It prints as "[redacted]".
//
// Sealing is XAES-256-GCM by Tink: a key's id (5 bytes), a random 192-bit
// nonce, the ciphertext and a tag of 16 bytes, 45 bytes more than the text.
// Setting up Tink's keysets costs a process start less than a millisecond.
//
// Copies of a Box are one: what Replace does to one it does to all.
type Box struct{ ring *atomic.Pointer[tink.AEAD] }

func newBox(h *keyset.Handle) (Box, error) {
	a, err := aead.New(h)
	if err != nil {
		return Box{}, fmt.Errorf("open key ring: %w", err)
	}
	b := Box{new(atomic.Pointer[tink.AEAD])}
	b.ring.Store(&a)
	return b, nil
}

// Replace makes this Box, and all copies of it, seal and open with the ring of
// another, such as the same ring with a newer key. Neither may be the zero value.
func (b Box) Replace(with Box) { b.ring.Store(with.ring.Load()) }

// Seal encrypts and authenticates plain. context is where the bytes belong,
// such as "key/AKIA…": they open only there. It is authenticated, not stored.
func (b Box) Seal(plain []byte, context string) ([]byte, error) {
	return b.seal(plain, recordLabel+context)
}

// Open returns what Seal was given, or ErrSealed.
func (b Box) Open(sealed []byte, context string) ([]byte, error) {
	return b.open(sealed, recordLabel+context)
}

// Format writes "[redacted]" whatever the verb.
func (b Box) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is "[redacted]".
func (b Box) LogValue() slog.Value { return slog.StringValue(redacted) }

func (b Box) seal(plain []byte, label string) ([]byte, error) {
	if b.ring == nil {
		return nil, ErrSealed
	}
	return (*b.ring.Load()).Encrypt(plain, []byte(label))
}

func (b Box) open(sealed []byte, label string) ([]byte, error) {
	if b.ring == nil {
		return nil, ErrSealed
	}
	plain, err := (*b.ring.Load()).Decrypt(sealed, []byte(label))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

const (
	// tokenHead makes a token begin with "IQoJ", as AWS's do; the last byte is
	// the version of what follows.
	tokenHead = "\x21\x0a\x09\x01"
	// maxToken bounds what is decoded. AWS documents under 4096 bytes as
	// typical; the header sizes of HTTP servers end well below this.
	maxToken = 64 << 10
)

// SealToken makes a token that holds claims and opens only for the purpose.
// It is base64 that begins "IQoJ", as AWS's session tokens do, and 4/3 as long
// as the claims and 49 bytes more. A Box of no ring panics.
func SealToken(b Box, claims []byte, purpose string) string {
	sealed, err := b.seal(claims, tokenLabel+purpose)
	if err != nil {
		panic("seal: token: " + err.Error())
	}
	return base64.StdEncoding.EncodeToString(append([]byte(tokenHead), sealed...))
}

// OpenToken returns the claims of a token of SealToken for the same purpose.
// Whatever else it is given is ErrToken. When the claims have expired is for
// the caller to say.
func OpenToken(b Box, token, purpose string) ([]byte, error) {
	// The decoder skips line ends, which would let one token have many forms.
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") {
		return nil, ErrToken
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < len(tokenHead) || string(raw[:len(tokenHead)]) != tokenHead {
		return nil, ErrToken
	}
	claims, err := b.open(raw[len(tokenHead):], tokenLabel+purpose)
	if err != nil {
		return nil, ErrToken
	}
	return claims, nil
}
