package pebble

import (
	"fmt"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// headKey holds the last revision, in the form of a record without a value.
const headKey = "m/head"

// parseHead reads the stored form of the last revision.
func parseHead(b []byte) (store.Revision, error) {
	rev, rest, err := ondisk.Parse(b)
	if err != nil || len(rest) > 0 {
		return 0, fmt.Errorf("last revision %x: %w", b, ondisk.ErrMalformed)
	}
	return rev, nil
}
