package seal

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strconv"
	"time"
)

const (
	base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

	accountDigits = 12
	maxAccount    = 999_999_999_999
	keyIDLength   = 20
)

// AccessKeyID makes an access key id: prefix ("AKIA" or "ASIA") and 16
// characters of A-Z2-7. They are 80 bits: a one, the 40-bit number of the
// account, and 39 random bits, as AWS lays them out (docs/facts, 4). The
// account must be twelve digits; anything else is a mistake of the caller and
// panics.
func AccessKeyID(rand io.Reader, prefix, account string) string {
	return prefix + accountBlock(rand, account)
}

// UniqueID makes the unique id of an entity: prefix ("AIDA", "AGPA", "ANPA",
// …) and 17 characters of A-Z2-7. The first 16 hold the account as in
// AccessKeyID, whose rule for account holds here too.
func UniqueID(rand io.Reader, prefix, account string) string {
	var last [1]byte
	fill(rand, last[:])
	return prefix + accountBlock(rand, account) + string(base32Alphabet[last[0]%32])
}

// AccountOf reads the account out of an access key id that begins "AKIA" or
// "ASIA". ok is false where there is none: another prefix or length, a
// character outside A-Z2-7, a number that is no account, or an id of the
// older kind, without the leading one bit.
func AccountOf(keyID string) (account string, ok bool) {
	if len(keyID) != keyIDLength || keyID[:4] != "AKIA" && keyID[:4] != "ASIA" {
		return "", false
	}
	var head uint64 // the first ten of the sixteen characters: 50 bits
	for i, c := range []byte(keyID[4:]) {
		switch {
		case c >= 'A' && c <= 'Z':
			c -= 'A'
		case c >= '2' && c <= '7':
			c -= '2' - 26
		default:
			return "", false
		}
		if i < 10 {
			head = head<<5 | uint64(c)
		}
	}
	n := head >> 9 & (1<<40 - 1)
	if head>>49 == 0 || n > maxAccount {
		return "", false
	}
	var digits [accountDigits]byte
	for i := range digits {
		digits[accountDigits-1-i] = '0' + byte(n%10)
		n /= 10
	}
	return string(digits[:]), true
}

// AccountOfID reads the account out of a unique id that UniqueID made, as
// AccountOf does of access key ids.
func AccountOfID(id string) (account string, ok bool) {
	if len(id) != keyIDLength+1 {
		return "", false
	}
	return AccountOf("AKIA" + id[4:keyIDLength])
}

// AccountID makes a random account id: twelve digits, the first not 0.
func AccountID(rand io.Reader) string {
	const first = 100_000_000_000
	return strconv.FormatUint(first+uniform(rand, maxAccount+1-first), 10)
}

// SecretKey makes a secret access key: 40 characters of A-Za-z0-9+/ that hold
// 240 random bits.
func SecretKey(rand io.Reader) Secret {
	var b [30]byte
	fill(rand, b[:])
	return NewSecret(base64.StdEncoding.EncodeToString(b[:]))
}

// UUID makes a version 4 UUID (RFC 9562, 5.4).
func UUID(rand io.Reader) string {
	var b [16]byte
	fill(rand, b[:])
	b[6] = b[6]&0x0f | 0x40
	return printUUID(b)
}

// TimeUUID makes a version 7 UUID (RFC 9562, 5.7), which holds a time to the
// millisecond. Later ones sort behind earlier ones.
func TimeUUID(rand io.Reader, now time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(now.UnixMilli())<<16)
	fill(rand, b[6:])
	b[6] = b[6]&0x0f | 0x70
	return printUUID(b)
}

// printUUID gives a UUID its variant and prints it.
func printUUID(b [16]byte) string {
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// LowerText makes n random characters of a-z0-9.
func LowerText(rand io.Reader, n int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[uniform(rand, uint64(len(alphabet)))]
	}
	return string(b)
}

func accountBlock(rand io.Reader, account string) string {
	var b [10]byte
	fill(rand, b[:])
	head := 1<<47 | accountNumber(account)<<7 | uint64(b[5]&0x7f)
	tail := [4]byte(b[6:])
	binary.BigEndian.PutUint64(b[:8], head<<16)
	copy(b[6:], tail[:])
	return base32.StdEncoding.EncodeToString(b[:])
}

func accountNumber(account string) uint64 {
	n, err := strconv.ParseUint(account, 10, 64)
	if err != nil || len(account) != accountDigits {
		panic("seal: account id is not twelve digits: " + strconv.Quote(account))
	}
	return n
}

// uniform returns a number below n. Its bias is under n/2^64, which no one can
// measure for the small n here; in exchange no reader can make it loop.
func uniform(rand io.Reader, n uint64) uint64 {
	var b [8]byte
	fill(rand, b[:])
	return binary.BigEndian.Uint64(b[:]) % n
}

func fill(rand io.Reader, b []byte) {
	if _, err := io.ReadFull(rand, b); err != nil {
		panic("seal: no randomness: " + err.Error())
	}
}
