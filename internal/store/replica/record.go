package replica

import (
	"encoding/binary"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// These stand in the database beside the records:
const (
	// headKey holds the copy's revision as an unsigned varint, then the key
	// that was changed last.
	headKey = "m/head"
	// asOfKey holds when the copy was last known to be the newest, in
	// nanoseconds of Unix time as an unsigned varint.
	asOfKey = "m/asof"
	// nameKey holds Config.Name.
	nameKey = "m/name"
)

// appendHead appends the stored form of the copy's revision; 0 is one too.
func appendHead(b []byte, rev store.Revision, last string) []byte {
	return append(binary.AppendUvarint(b, uint64(rev)), last...)
}

// parseHead reads what appendHead wrote.
func parseHead(b []byte) (store.Revision, string, error) {
	rev, n := store.Uvarint(b)
	if n == 0 {
		return 0, "", ondisk.ErrMalformed
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
		return time.Time{}, ondisk.ErrMalformed
	}
	return time.Unix(0, int64(nanos)), nil
}
