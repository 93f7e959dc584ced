package organizations

import (
	"encoding/base64"
	"strings"
)

// defaultPage is how many items a list operation answers where MaxResults is
// absent; it is also the most that the model allows.
const defaultPage = 20

// page is a page of a list.
type page[T any] struct {
	items []T
	next  string // asks for the page after this one; empty if this is the last
}

// pageOf cuts a page out of a list that is in the order of its keys.
func pageOf[T any](list, token string, maxResults *int32, all []T, key func(T) string) (page[T], error) {
	limit := defaultPage
	if maxResults != nil {
		limit = int(*maxResults)
	}
	after := ""
	if token != "" {
		plain, err := base64.RawURLEncoding.DecodeString(token)
		of, last, ok := strings.Cut(string(plain), "\x00")
		if err != nil || !ok || of != list {
			return page[T]{}, invalid("INVALID_NEXT_TOKEN", "Invalid NextToken")
		}
		after = last
	}
	p := page[T]{items: []T{}}
	for _, v := range all {
		if after != "" && key(v) <= after {
			continue
		}
		if len(p.items) == limit {
			p.next = base64.RawURLEncoding.EncodeToString([]byte(list + "\x00" + key(p.items[limit-1])))
			break
		}
		p.items = append(p.items, v)
	}
	return p, nil
}
