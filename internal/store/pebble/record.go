package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// In the database, "d/" + key holds a record: its modification revision as an
// unsigned varint, then the value. "m/head" holds the last revision, likewise.
const (
	recordPrefix = "d/"
	headKey      = "m/head"
)

var errRecord = errors.New("malformed record")

// appendRecord appends a record's stored form.
func appendRecord(b []byte, rev store.Revision, value []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(rev)), value...)
}

// parseRecord splits a record's stored form. The value lies within b.
func parseRecord(b []byte) (store.Revision, []byte, error) {
	rev, n := store.Uvarint(b)
	if rev == 0 {
		return 0, nil, errRecord
	}
	return store.Revision(rev), b[n:], nil
}

// parseHead reads the stored form of the last revision.
func parseHead(b []byte) (store.Revision, error) {
	rev, rest, err := parseRecord(b)
	if err != nil || len(rest) > 0 {
		return 0, fmt.Errorf("last revision %x: %w", b, errRecord)
	}
	return rev, nil
}

// prefixEnd is the least key above all keys that begin with prefix, which
// begins with recordPrefix and therefore not with 0xff.
func prefixEnd(prefix []byte) []byte {
	n := len(prefix)
	for prefix[n-1] == 0xff {
		n--
	}
	end := append([]byte(nil), prefix[:n]...)
	end[n-1]++
	return end
}
