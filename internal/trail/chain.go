package trail

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// link ties a block to all that came before: it is the SHA-256 of the link
// before it and of where the block stands, how many events it has and what its
// SHA-256 is.
type link [sha256.Size]byte

// order is a block in the order in which events came.
type order struct {
	place
	account string
	events  int
	block   [sha256.Size]byte // SHA-256 of the block as it is kept
	chain   link              // up to and with this block
}

// after is the link of a block that follows another.
func (o *order) after(before link) link {
	b := append(make([]byte, 0, 128), before[:]...)
	b = o.place.append(b)
	b = binary.BigEndian.AppendUint32(b, uint32(o.events))
	b = append(b, o.block[:]...)
	return sha256.Sum256(append(b, o.account...))
}

// encode is the value of an order key: the account, a slash, the time, the
// number of events, the block's hash and the link.
func (o *order) encode() []byte {
	b := append(append(make([]byte, 0, 96), o.account...), '/')
	b = binary.BigEndian.AppendUint64(b, uint64(o.nanos))
	b = binary.BigEndian.AppendUint32(b, uint32(o.events))
	b = append(b, o.block[:]...)
	return append(b, o.chain[:]...)
}

// orderEntry reads an order key and its value.
func orderEntry(key, value []byte) (o order, err error) {
	account, rest, ok := bytes.Cut(value, []byte("/"))
	if !ok || len(rest) != 8+4+2*sha256.Size || len(key) != len(orderPrefix)+8 {
		return o, fmt.Errorf("key %q of the trail has no place", key)
	}
	o.account = string(account)
	o.place = place{int64(binary.BigEndian.Uint64(rest)), binary.BigEndian.Uint64(key[len(orderPrefix):])}
	o.events = int(binary.BigEndian.Uint32(rest[8:]))
	copy(o.block[:], rest[12:])
	copy(o.chain[:], rest[12+sha256.Size:])
	return o, nil
}
