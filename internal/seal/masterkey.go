package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

var (
	// ErrWrongMasterKey is returned where a ring does not open: it was sealed
	// under another master key, or it is damaged. The two can't be told apart.
	ErrWrongMasterKey = errors.New("the key ring does not open with this master key")
	// ErrMasterKey is returned for a text that is not a master key.
	ErrMasterKey = errors.New("not a master key")
)

const (
	masterKeyPrefix = "sallyport-master-key-v1:"
	keySize         = 32
	// XAES-256-GCM with 192-bit nonces: they may be random for as many messages
	// as one likes, so no key must be replaced for having sealed too much.
	saltBytes = 12
	ringLabel = "sallyport/ring/v1"
)

// MasterKey encrypts key rings and nothing else. It prints as "[redacted]".
// Its zero value opens and seals nothing. It may be used by many goroutines.
type MasterKey struct {
	text Secret
	aead tink.AEAD
}

// NewMasterKey makes a random master key.
func NewMasterKey(rand io.Reader) MasterKey {
	var b [keySize]byte
	fill(rand, b[:])
	m, err := newMasterKey(b[:])
	if err != nil {
		panic("seal: " + err.Error()) // 32 bytes always make a key
	}
	return m
}

// ParseMasterKey reads what Text gives; white space around it is ignored.
// The error is ErrMasterKey with what is wrong, and doesn't repeat the text.
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimSpace(text)
	b64, ok := strings.CutPrefix(text, masterKeyPrefix)
	switch length := len(masterKeyPrefix) + base64.RawStdEncoding.EncodedLen(keySize); {
	case text == "":
		return MasterKey{}, fmt.Errorf("%w: it is empty", ErrMasterKey)
	case !ok && !strings.HasPrefix(masterKeyPrefix, text):
		return MasterKey{}, fmt.Errorf("%w: it does not begin with %s", ErrMasterKey, masterKeyPrefix)
	case len(text) != length:
		return MasterKey{}, fmt.Errorf("%w: it has %d characters, not %d", ErrMasterKey, len(text), length)
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(b64)
	if err != nil || len(b) != keySize { // the decoder skips ends of lines
		return MasterKey{}, fmt.Errorf("%w: it has characters that no key has", ErrMasterKey)
	}
	return newMasterKey(b)
}

// Text returns the key in the form that ParseMasterKey reads: one line of
// printable characters, for a file or an environment variable.
func (m MasterKey) Text() Secret { return m.text }

// NewRing makes a key ring with one random key. sealed is the ring under the
// master key, to be kept in the store.
func (m MasterKey) NewRing(rand io.Reader) (sealed []byte, box Box, err error) {
	return m.addKey(rand, keyset.NewManager())
}

// OpenRing opens what NewRing or RotateRing sealed, or says ErrWrongMasterKey.
func (m MasterKey) OpenRing(sealed []byte) (Box, error) {
	h, err := m.openHandle(sealed)
	if err != nil {
		return Box{}, err
	}
	return newBox(h)
}

// RotateRing adds a random key to a ring. The new key seals from now on; what
// the older ones sealed opens still.
func (m MasterKey) RotateRing(rand io.Reader, sealed []byte) (rotated []byte, box Box, err error) {
	h, err := m.openHandle(sealed)
	if err != nil {
		return nil, Box{}, err
	}
	return m.addKey(rand, keyset.NewManagerFromHandle(h))
}

// RewrapRing seals a ring of m under another master key, so that the master
// key can be replaced without touching what the ring has sealed.
func (m MasterKey) RewrapRing(sealed []byte, to MasterKey) ([]byte, error) {
	h, err := m.openHandle(sealed)
	if err != nil {
		return nil, err
	}
	return to.sealHandle(h)
}

// Format writes "[redacted]" whatever the verb.
func (m MasterKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is "[redacted]".
func (m MasterKey) LogValue() slog.Value { return slog.StringValue(redacted) }

func newMasterKey(b []byte) (MasterKey, error) {
	k, err := newKey(b, 0, xaesgcm.VariantNoPrefix)
	if err != nil {
		return MasterKey{}, err
	}
	h, err := withPrimary(keyset.NewManager(), k)
	if err != nil {
		return MasterKey{}, err
	}
	a, err := aead.New(h)
	if err != nil {
		return MasterKey{}, fmt.Errorf("make master key: %w", err)
	}
	text := NewSecret(masterKeyPrefix + base64.RawStdEncoding.EncodeToString(b))
	return MasterKey{text: text, aead: a}, nil
}

func (m MasterKey) addKey(rand io.Reader, ring *keyset.Manager) ([]byte, Box, error) {
	var b [4 + keySize]byte
	fill(rand, b[:])
	id := binary.BigEndian.Uint32(b[:4]) | 1 // 0 is no id
	k, err := newKey(b[4:], id, xaesgcm.VariantTink)
	if err != nil {
		return nil, Box{}, err
	}
	h, err := withPrimary(ring, k)
	if err != nil {
		return nil, Box{}, err
	}
	sealed, err := m.sealHandle(h)
	if err != nil {
		return nil, Box{}, err
	}
	box, err := newBox(h)
	return sealed, box, err
}

func (m MasterKey) sealHandle(h *keyset.Handle) ([]byte, error) {
	if m.aead == nil {
		return nil, ErrMasterKey
	}
	var out bytes.Buffer
	err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&out), m.aead, []byte(ringLabel))
	if err != nil {
		return nil, fmt.Errorf("seal key ring: %w", err)
	}
	return out.Bytes(), nil
}

func (m MasterKey) openHandle(sealed []byte) (*keyset.Handle, error) {
	if m.aead == nil {
		return nil, ErrMasterKey
	}
	in := keyset.NewBinaryReader(bytes.NewReader(sealed))
	h, err := keyset.ReadWithAssociatedData(in, m.aead, []byte(ringLabel))
	if err != nil {
		return nil, ErrWrongMasterKey
	}
	return h, nil
}

func newKey(b []byte, id uint32, v xaesgcm.Variant) (*xaesgcm.Key, error) {
	p, err := xaesgcm.NewParameters(v, saltBytes)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return xaesgcm.NewKey(secretdata.NewBytesFromData(b, insecuresecretdataaccess.Token{}), id, p)
}

func withPrimary(ring *keyset.Manager, k *xaesgcm.Key) (*keyset.Handle, error) {
	id, err := ring.AddKey(k)
	if err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	if err := ring.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	return ring.Handle()
}
