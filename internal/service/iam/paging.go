package iam

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// defaultPage is how many items a list operation answers where MaxItems is absent.
const defaultPage = 100

// page is a page of a list in the making.
type page[T any] struct {
	list  string // the operation, so that no other one takes its markers
	after string // the key that the page begins after
	max   int
	items []T
	last  string // the key of the last item
	more  bool
}

// newPage begins the page that a request's Marker and MaxItems ask for.
func newPage[T any](list, marker string, maxItems *int32) (*page[T], error) {
	p := &page[T]{list: list, max: defaultPage, items: []T{}}
	if maxItems != nil {
		p.max = int(*maxItems)
	}
	if marker == "" {
		return p, nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(marker)
	after, ok := strings.CutPrefix(string(plain), stamp(list))
	if err != nil || !ok || after == "" {
		return nil, awsapi.ValidationError.New("Invalid Marker.")
	}
	p.after = after
	return p, nil
}

// add takes an item, known by its key. It reports whether the page wants
// another one; where it is full, the item that was one too many is left out.
func (p *page[T]) add(key string, item T) bool {
	if len(p.items) == p.max {
		p.more = true
		return false
	}
	p.items, p.last = append(p.items, item), key
	return true
}

// marker asks for the page after this one; empty if this is the last.
func (p *page[T]) marker() string {
	if !p.more {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(stamp(p.list) + p.last))
}

// stamp is what the markers of an operation begin with: short, because the model
// bounds markers to 320 characters and some keys are long.
func stamp(list string) string {
	const size = 4
	sum := sha256.Sum256([]byte(list))
	return string(sum[:size])
}

// longestKey is how long, in bytes, a key may be that a marker holds in full.
const longestKey = 128

// short is a key that fits into a marker: itself, or its hash.
func short(key string) string {
	if len(key) <= longestKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// pageOf cuts a page out of a list that is at hand. Keys must be unique. Where
// the item that the page should follow is gone, the page begins at the start:
// an item may be seen twice then, but none is missed.
func pageOf[S, T any](list, marker string, maxItems *int32, all []S, key func(S) string, item func(S) T) (*page[T], error) {
	p, err := newPage[T](list, marker, maxItems)
	if err != nil {
		return nil, err
	}
	if p.after != "" {
		all = all[1+slices.IndexFunc(all, func(v S) bool { return short(key(v)) == p.after }):]
	}
	for _, v := range all {
		if !p.add(short(key(v)), item(v)) {
			break
		}
	}
	return p, nil
}
