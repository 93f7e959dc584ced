package seal

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrHash is returned for a text that is not an argon2id hash of this package:
// another algorithm, a damaged text, or parameters outside the bounds.
var ErrHash = errors.New("not an argon2id hash within bounds")

// The classes of characters that passwords are made of. The ones that are
// easily taken for each other (I l 1, O o 0) are left out; the symbols need no
// quoting in most places. All four together are 64 characters.
const (
	lower   = "abcdefghijkmnpqrstuvwxyz"
	upper   = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits  = "23456789"
	symbols = "-_=+@%^#"

	passwordLength = 24
)

// Password makes a console password of 24 characters with lower case, upper
// case, digits and symbols: 135 bits before its characters are shuffled.
func Password(rand io.Reader) Secret {
	const all = lower + upper + digits + symbols
	var p [passwordLength]byte
	for i, class := range [...]string{lower, upper, digits, symbols} {
		p[i] = class[uniform(rand, uint64(len(class)))]
	}
	for i := 4; i < len(p); i++ {
		p[i] = all[uniform(rand, uint64(len(all)))]
	}
	for i := len(p) - 1; i > 0; i-- {
		j := uniform(rand, uint64(i+1))
		p[i], p[j] = p[j], p[i]
	}
	return NewSecret(string(p[:]))
}

// cost is argon2id's parameters: passes, memory in KiB, and lanes.
type cost struct {
	passes, memory uint32
	lanes          uint8
}

var (
	// human is OWASP's first choice of memory against passes (Password Storage
	// Cheat Sheet, 2024): 19 MiB, so that many sign-ins at once fit in memory.
	human = cost{passes: 2, memory: 19 * 1024, lanes: 1}
	// generated needs no stretching: 135 random bits are out of reach.
	generated = cost{passes: 1, memory: 64, lanes: 1}
	// most bounds what a stored hash may ask for, whoever wrote it.
	most = cost{passes: 10, memory: 256 * 1024, lanes: 16}
)

const (
	saltSize   = 16
	digestSize = 32
	phcPrefix  = "$argon2id$v=19$"
)

// Hash hashes a password that a human chose, with argon2id (RFC 9106) in the
// PHC string format. It takes tens of milliseconds and 19 MiB: limit how many
// run at once.
func Hash(rand io.Reader, s Secret) string { return human.hash(rand, s) }

// HashGenerated hashes a password that Password made, in well under a
// millisecond. It must not be used for a password that a human chose.
func HashGenerated(rand io.Reader, s Secret) string { return generated.hash(rand, s) }

func (c cost) hash(rand io.Reader, s Secret) string {
	var salt [saltSize]byte
	fill(rand, salt[:])
	digest := argon2.IDKey([]byte(s.Reveal()), salt[:], c.passes, c.memory, c.lanes, digestSize)
	return phcPrefix + "m=" + strconv.FormatUint(uint64(c.memory), 10) +
		",t=" + strconv.FormatUint(uint64(c.passes), 10) +
		",p=" + strconv.FormatUint(uint64(c.lanes), 10) +
		"$" + base64.RawStdEncoding.EncodeToString(salt[:]) +
		"$" + base64.RawStdEncoding.EncodeToString(digest)
}

// VerifyPassword says whether s is the password behind a hash of Hash or
// HashGenerated; digests are compared in constant time. The error is ErrHash:
// a hash that asks for over 256 MiB, 10 passes or 16 lanes is one, so that a
// planted hash can't exhaust the machine.
func VerifyPassword(hash string, s Secret) (bool, error) {
	c, salt, want, err := parseHash(hash)
	if err != nil {
		return false, err
	}
	got := argon2.IDKey([]byte(s.Reveal()), salt, c.passes, c.memory, c.lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func parseHash(hash string) (c cost, salt, digest []byte, err error) {
	rest, ok := strings.CutPrefix(hash, phcPrefix)
	parts := strings.Split(rest, "$")
	if !ok || len(parts) != 3 {
		return cost{}, nil, nil, ErrHash
	}
	c, ok = parseCost(parts[0])
	salt, saltOK := decodeField(parts[1], 8, 64)
	digest, digestOK := decodeField(parts[2], 16, 64)
	if !ok || !saltOK || !digestOK {
		return cost{}, nil, nil, ErrHash
	}
	return c, salt, digest, nil
}

func parseCost(s string) (cost, bool) {
	m, rest, ok1 := strings.Cut(s, ",t=")
	t, p, ok2 := strings.Cut(rest, ",p=")
	m, ok3 := strings.CutPrefix(m, "m=")
	if !ok1 || !ok2 || !ok3 {
		return cost{}, false
	}
	lanes, okP := boundedNumber(p, 1, uint64(most.lanes))
	passes, okT := boundedNumber(t, 1, uint64(most.passes))
	memory, okM := boundedNumber(m, 8*lanes, uint64(most.memory))
	return cost{uint32(passes), uint32(memory), uint8(lanes)}, okM && okT && okP
}

func boundedNumber(s string, low, high uint64) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return n, err == nil && n >= low && n <= high && strconv.FormatUint(n, 10) == s
}

func decodeField(s string, low, high int) ([]byte, bool) {
	if len(s) > 2*high || strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return nil, false
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) >= low && len(b) <= high
}
