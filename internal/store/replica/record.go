package replica

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// In the database, "d/" + key holds a record: its modification revision as an
// unsigned varint, then the value. These stand beside them:
const (
	recordPrefix = "d/"
	// headKey holds the copy's revision as an unsigned varint, then the key
	// that was changed last.
	headKey = "m/head"
	// asOfKey holds when the copy was last known to be the newest, in
	// nanoseconds of Unix time as an unsigned varint.
	asOfKey = "m/asof"
	// nameKey holds Config.Name.
	nameKey = "m/name"
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

// appendHead appends the stored form of the copy's revision; 0 is one too.
func appendHead(b []byte, rev store.Revision, last string) []byte {
	return append(binary.AppendUvarint(b, uint64(rev)), last...)
}

// parseHead reads what appendHead wrote.
func parseHead(b []byte) (store.Revision, string, error) {
	rev, n := store.Uvarint(b)
	if n == 0 {
		return 0, "", errRecord
	}
	return store.Revision(rev), string(b[n:]), nil
}

// appendAsOf appends the stored form of a time after 1970.
func appendAsOf(b []byte, at time.Time) []byte {
	return binary.AppendUvarint(b, uint64(at.UnixNano()))
}

// parseAsOf reads what appendAsOf wrote.
func parseAsOf(b []byte) (time.Time, error) {
	nanos, n := store.Uvarint(b)
	if n == 0 || n != len(b) || nanos > 1<<63-1 {
		return time.Time{}, errRecord
	}
	return time.Unix(0, int64(nanos)), nil
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
