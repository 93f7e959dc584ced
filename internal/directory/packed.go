package directory

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Records that nobody has asked for yet are held packed: a user with one key
// is some 200 bytes so, and over 600 as the store has it. What is packed is
// the text, whatever it says: unpacking gives back the same bytes always.

// entry is a record as a snapshot holds it: packed, until it is asked for.
type entry struct {
	packed string // length of the packed key, that key, revision, packed value
	warm   atomic.Pointer[Record]
}

// arena gives the records of one batch their memory. After the first few it
// does so from pages, which live as long as any of their records.
type arena struct {
	count   int
	scratch []byte
	page    []byte
	entries []entry
}

const (
	arenaAfter   = 64 // records of a batch that get memory each for itself
	arenaPage    = 32 << 10
	arenaEntries = 256
)

// pack makes the entry of a record.
func (a *arena) pack(key string, value []byte, rev store.Revision) *entry {
	return a.entry(a.encode(key, value, rev))
}

// encode packs a record, until the next one is.
func (a *arena) encode(key string, value []byte, rev store.Revision) []byte {
	var buf [96]byte
	k := packKey(buf[:0], []byte(key))
	b := binary.AppendUvarint(a.scratch[:0], uint64(len(k)))
	b = append(b, k...)
	b = binary.AppendUvarint(b, uint64(rev))
	b = packValue(b, value)
	a.scratch = b
	return b
}

// entry makes the entry of a packed record.
func (a *arena) entry(b []byte) *entry {
	if a.count++; a.count <= arenaAfter {
		return &entry{packed: string(b)}
	}
	if len(a.entries) == 0 {
		a.entries = make([]entry, arenaEntries)
	}
	e := &a.entries[0]
	a.entries = a.entries[1:]
	e.packed = a.keep(b)
	return e
}

func (a *arena) keep(b []byte) string {
	if len(b) > arenaPage/8 {
		return string(b)
	}
	if len(b) > cap(a.page)-len(a.page) {
		a.page = make([]byte, 0, arenaPage)
	}
	from := len(a.page)
	a.page = append(a.page, b...)
	return unsafe.String(&a.page[from], len(b)) // never written again
}

// key is the packed key.
func (e *entry) key() string {
	if n := e.packed[0]; n < 0x80 {
		return e.packed[1 : 1+n]
	}
	n, w := uvarint(e.packed)
	return e.packed[w : w+n]
}

// record is the record, unpacked once for all who ask.
func (e *entry) record() *Record {
	if r := e.warm.Load(); r != nil {
		return r
	}
	r := e.unpack()
	if !e.warm.CompareAndSwap(nil, r) {
		return e.warm.Load()
	}
	return r
}

// look is the record for one who doesn't keep it: it is not unpacked for
// others too.
func (e *entry) look() *Record {
	if r := e.warm.Load(); r != nil {
		return r
	}
	return e.unpack()
}

func (e *entry) unpack() *Record {
	n, w := uvarint(e.packed)
	key, rest := e.packed[w:w+n], e.packed[w+n:]
	rev, w := uvarint(rest)
	return &Record{Key: unpackKey(key), Value: unpackValue(rest[w:]), Rev: store.Revision(rev)}
}

// uvarint reads what binary.AppendUvarint wrote, and says how long that was.
func uvarint(s string) (n, width int) {
	for shift := uint(0); ; shift += 7 {
		b := s[width]
		width++
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			return n, width
		}
	}
}

// packedKinds are the kinds whose keys are packed as a byte for the kind, the
// account's number and the rest. The numbers are of this process only.
var packedKinds = [...]string{1: kindUser, 2: kindUserName, 3: kindKey, 4: kindUsed, 5: kindMember, 6: kindAttached}

const (
	rawKey        = 0 // a whole key follows
	accountLen    = 12
	packedKeyHead = 6 // kind and account
)

// packKey appends a key's packed form. Keys of one account and kind are in the
// same order packed, where the kind is one that is listed; a prefix that ends
// with the kind's slash, or later, is a prefix there too.
func packKey(dst, key []byte) []byte {
	if len(key) > accountLen && key[accountLen] == '/' {
		for kind := 1; kind < len(packedKinds); kind++ {
			name := packedKinds[kind]
			end := accountLen + 1 + len(name)
			if len(key) <= end || key[end] != '/' || string(key[accountLen+1:end]) != name {
				continue
			}
			rest := key[end+1:]
			if n, ok := accountNumber(key[:accountLen]); ok && (listed(name) || !control(rest)) {
				dst = append(dst, byte(kind), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
				if listed(name) {
					return append(dst, rest...)
				}
				return packID(dst, rest)
			}
		}
	}
	return append(append(dst, rawKey), key...)
}

// control reports whether text has bytes that mean something in packed text.
func control(text []byte) bool {
	for _, c := range text {
		if c < 0x20 {
			return true
		}
	}
	return false
}

func accountNumber(digits []byte) (n uint64, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

func unpackKey(packed string) string {
	if packed[0] == rawKey {
		return packed[1:]
	}
	var n uint64
	for i := 1; i < packedKeyHead; i++ {
		n = n<<8 | uint64(packed[i])
	}
	kind := packedKinds[packed[0]]
	b := make([]byte, accountLen, 64)
	for i := accountLen - 1; i >= 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	b = append(append(append(b, '/'), kind...), '/')
	if rest := packed[packedKeyHead:]; !listed(kind) {
		b = unpackText(b, rest)
	} else {
		b = append(b, rest...)
	}
	return string(b)
}

// Bytes below 0x20 never occur in a packed text but as what these say.
const (
	packedTime   = 1 + iota // a time, as the 4 bytes of its second
	packedKeyID             // an access key id, as the 10 bytes of its 16 characters
	packedUserID            // a user's id, as the 11 bytes of its 17 characters
	packedBase64            // base64 up to a quotation mark: length and bytes
	packedWord              // this and the following: packedWords
	packedRaw    = 0        // at the beginning only: all that follows is as it was
)

// packedWords are what the JSON of the records is mostly made of, the longer
// before what they begin with. Each begins with a quotation mark or a brace.
var packedWords = [...]string{
	`{"v":1,"id":"`, `{"v":1,"owner":"`, `{"v":1,"t":"`, `{"v":1,"n":`,
	`","path":"/","created":"`, `","path":"/`, `","name":"`, `","created":"`, `","sealed":"`, `","service":"`, `","region":"us-east-1"}`, `","region":"`,
	`","keys":[{"id":"`, `"}],"groups":["`, `","groups":["`, `"],"attached":["arn:aws:iam::`, `","attached":["arn:aws:iam::`, `"}],"attached":["arn:aws:iam::`,
	`","tags":[{"k":"`, `"},{"k":"`, `","v":"`, `","inline":[{"name":"`, `","doc":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":`,
	`"}]}`, `"}],"`, `"}`,
}

// packValue appends a value's packed form.
func packValue(dst, value []byte) []byte {
	if control(value) {
		return append(append(dst, packedRaw), value...)
	}
	for i := 0; i < len(value); {
		rest := value[i:]
		var n int
		switch c := rest[0]; {
		case c == '"' || c == '{':
			dst, n = packWord(dst, rest)
		case c == '2':
			dst, n = packTime(dst, rest)
		case c == 'A':
			dst, n = packIDAt(dst, rest)
		}
		if n == 0 {
			dst, n = append(dst, rest[0]), 1
		}
		i += n
	}
	return dst
}

// packWord packs a word at the beginning of text, and says how much that was.
func packWord(dst, text []byte) ([]byte, int) {
	for i, w := range packedWords {
		if len(text) < len(w) || string(text[:len(w)]) != w {
			continue
		}
		dst = append(dst, byte(packedWord+i))
		if w != `","sealed":"` {
			return dst, len(w)
		}
		dst, n := packBase64(dst, text[len(w):])
		return dst, len(w) + n
	}
	return dst, 0
}

// packBase64 packs base64 text that ends before a quotation mark.
func packBase64(dst, text []byte) ([]byte, int) {
	end := 0
	for end < len(text) && text[end] != '"' {
		end++
	}
	raw, err := base64.StdEncoding.Strict().AppendDecode(nil, text[:end])
	if err != nil || len(raw) == 0 || base64.StdEncoding.EncodedLen(len(raw)) != end {
		return dst, 0
	}
	return append(binary.AppendUvarint(append(dst, packedBase64), uint64(len(raw))), raw...), end
}

const secondsLen = len("2006-01-02T15:04:05Z")

// packTime packs a time of whole seconds in UTC.
func packTime(dst, text []byte) ([]byte, int) {
	if len(text) < secondsLen || text[4] != '-' || text[10] != 'T' || text[secondsLen-1] != 'Z' {
		return dst, 0
	}
	t, err := time.Parse(time.RFC3339, string(text[:secondsLen]))
	if err != nil || t.Unix() < 0 || t.Unix() > 1<<32-1 {
		return dst, 0
	}
	return binary.BigEndian.AppendUint32(append(dst, packedTime), uint32(t.Unix())), secondsLen
}

// packID packs the last part of a key, which may be an id.
func packID(dst, text []byte) []byte {
	if len(text) > 0 && text[0] == 'A' {
		if packed, n := packIDAt(dst, text); n == len(text) {
			return packed
		}
	}
	return append(dst, text...)
}

const (
	keyIDLen  = 20
	userIDLen = 21
)

// packIDAt packs an id at the beginning of text.
func packIDAt(dst, text []byte) ([]byte, int) {
	if len(text) < keyIDLen {
		return dst, 0
	}
	tag, n := byte(packedKeyID), keyIDLen
	switch string(text[:4]) {
	case "AKIA":
	case "AIDA":
		if tag, n = packedUserID, userIDLen; len(text) < n {
			return dst, 0
		}
	default:
		return dst, 0
	}
	var last byte
	if n == userIDLen {
		var ok bool
		if last, ok = base32Value(text[userIDLen-1]); !ok {
			return dst, 0
		}
	}
	var raw [10]byte
	var bits uint64
	for i, c := range text[4:keyIDLen] {
		v, ok := base32Value(c)
		if !ok {
			return dst, 0
		}
		bits = bits<<5 | uint64(v)
		if i%8 == 7 {
			raw[i/8*5], raw[i/8*5+1], raw[i/8*5+2], raw[i/8*5+3], raw[i/8*5+4] = byte(bits>>32), byte(bits>>24), byte(bits>>16), byte(bits>>8), byte(bits)
			bits = 0
		}
	}
	dst = append(append(dst, tag), raw[:]...)
	if n == userIDLen {
		dst = append(dst, last)
	}
	return dst, n
}

func base32Value(c byte) (byte, bool) {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A', true
	case c >= '2' && c <= '7':
		return c - '2' + 26, true
	}
	return 0, false
}

func unpackValue(packed string) []byte {
	if packed == "" {
		return nil
	}
	if packed[0] == packedRaw {
		return []byte(packed[1:])
	}
	return unpackText(make([]byte, 0, 3*len(packed)), packed)
}

// unpackText appends the text that was packed.
func unpackText(dst []byte, packed string) []byte {
	for i := 0; i < len(packed); i++ {
		c := packed[i]
		switch {
		case c >= 0x20:
			dst = append(dst, c)
		case c == packedTime:
			t := time.Unix(int64(binary.BigEndian.Uint32([]byte(packed[i+1:i+5]))), 0)
			dst = t.UTC().AppendFormat(dst, time.RFC3339)
			i += 4
		case c == packedKeyID || c == packedUserID:
			dst = append(dst, map[bool]string{true: "AKIA", false: "AIDA"}[c == packedKeyID]...)
			dst = base32.StdEncoding.AppendEncode(dst, []byte(packed[i+1:i+11]))
			i += 10
			if c == packedUserID {
				i++
				dst = append(dst, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[packed[i]])
			}
		case c == packedBase64:
			n, w := uvarint(packed[i+1:])
			i += 1 + w
			dst = base64.StdEncoding.AppendEncode(dst, []byte(packed[i:i+n]))
			i += n - 1
		default:
			dst = append(dst, packedWords[c-packedWord]...)
		}
	}
	return dst
}

// packedBefore orders entries as their packed keys are.
func packedBefore(a, b *entry) bool { return strings.Compare(a.key(), b.key()) < 0 }
