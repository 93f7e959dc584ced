package wire

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// MaxPairs is the largest number of parameters of a query or ec2 request.
const MaxPairs = 10_000

// Form holds the parameters of a query or ec2 request. The zero Form is empty.
// It may be used again for another request; what was read from it stays valid.
type Form struct {
	pairs []pair // sorted by key, no key twice
}

type pair struct{ key, value string }

// parseRequest reads the parameters from the body, or from the URL where the
// body is empty. Parameters in both are refused, as one that occurs twice is;
// those of a presigned URL are none of the operation's.
func (f *Form) parseRequest(r *http.Request, body []byte) error {
	if len(body) == 0 {
		return f.Parse(r.URL.RawQuery)
	}
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if part != "" && !strings.HasPrefix(part, "X-Amz-") {
			return malformedQuery("parameters stand in the URL and in the body")
		}
	}
	return f.Parse(string(body))
}

// Parse replaces the form by the urlencoded parameters in s.
//
// It refuses bad escapes, more than MaxPairs, and text that isn't UTF-8. It also
// refuses a name that occurs twice: no AWS client sends one, and which of the two
// counts is a question that a server behind us might answer differently.
func (f *Form) Parse(s string) error {
	f.pairs = f.pairs[:0]
	n := strings.Count(s, "&") + 1
	if n > MaxPairs {
		return malformedQuery("too many parameters")
	}
	f.pairs = slices.Grow(f.pairs, n)
	for len(s) > 0 {
		var part string
		part, s, _ = strings.Cut(s, "&")
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		key, okKey := unescape(key)
		value, okValue := unescape(value)
		if !okKey || !okValue {
			return malformedQuery("a parameter is not properly encoded")
		}
		f.pairs = append(f.pairs, pair{key, value})
	}
	return f.sort()
}

func (f *Form) sort() error {
	slices.SortFunc(f.pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	for i := 1; i < len(f.pairs); i++ {
		if f.pairs[i].key == f.pairs[i-1].key {
			return malformedQuery("a parameter occurs more than once")
		}
	}
	return nil
}

func malformedQuery(why string) error {
	return awsapi.MalformedQueryString.New("The query string contains a syntax error: %s.", why)
}

// Get returns a parameter, or "" where it is absent.
func (f *Form) Get(key string) string {
	v, _ := f.Lookup(key)
	return v
}

// Lookup returns a parameter and whether it is there.
func (f *Form) Lookup(key string) (string, bool) {
	lo, hi := f.all().exact(key)
	if lo == hi {
		return "", false
	}
	return f.pairs[lo].value, true
}

// Len returns the number of parameters.
func (f *Form) Len() int { return len(f.pairs) }

// All calls yield for each parameter in the order of names.
func (f *Form) All(yield func(key, value string) bool) {
	for _, p := range f.pairs {
		if !yield(p.key, p.value) {
			return
		}
	}
}

// unescape decodes %XX and +; ok is false for bad escapes and bad UTF-8.
func unescape(s string) (_ string, ok bool) {
	i := strings.IndexAny(s, "%+")
	if i < 0 {
		return s, utf8.ValidString(s)
	}
	b := make([]byte, i, len(s))
	copy(b, s)
	for ; i < len(s); i++ {
		switch s[i] {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			b = append(b, byte(hi<<4|lo))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b), utf8.Valid(b)
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// branch is the run of parameters whose names share their first off bytes: as a
// tree's branch, but without the tree.
type branch struct {
	pairs []pair
	off   int
}

func (f *Form) all() branch { return branch{f.pairs, 0} }

// exact returns the bounds, of length 0 or 1, of the parameter that ends with name.
func (b branch) exact(name string) (lo, hi int) {
	i, found := slices.BinarySearchFunc(b.pairs, name, func(p pair, name string) int {
		return strings.Compare(p.key[b.off:], name)
	})
	if found {
		return i, i + 1
	}
	return i, i
}

// value returns the parameter that is this branch itself, nothing following.
func (b branch) value() (string, bool) {
	if len(b.pairs) > 0 && len(b.pairs[0].key) == b.off {
		return b.pairs[0].value, true
	}
	return "", false
}

// rest returns the branch without the parameter that value returns.
func (b branch) rest() branch {
	if _, found := b.value(); found {
		return branch{}
	}
	return b
}

// leaf returns the value of the parameter that ends with name.
func (b branch) leaf(name string) (string, bool) {
	lo, hi := b.exact(name)
	if lo == hi {
		return "", false
	}
	return b.pairs[lo].value, true
}

// under returns the parameters that continue with name and a dot.
func (b branch) under(name string) branch {
	lo, _ := slices.BinarySearchFunc(b.pairs, name, func(p pair, name string) int {
		return compareDotted(p.key[b.off:], name)
	})
	n, _ := slices.BinarySearchFunc(b.pairs[lo:], name, func(p pair, name string) int {
		if compareDotted(p.key[b.off:], name) == 0 {
			return -1
		}
		return 1
	})
	return branch{b.pairs[lo : lo+n], b.off + len(name) + 1}
}

// compareDotted compares as much of key as name and a dot are long with them.
func compareDotted(key, name string) int {
	if len(key) <= len(name) {
		if c := strings.Compare(key, name); c != 0 {
			return c
		}
		return -1
	}
	if c := strings.Compare(key[:len(name)], name); c != 0 {
		return c
	}
	return int(key[len(name)]) - '.'
}

// element is one element of a list: its index and its parameters.
type element struct {
	index int
	branch
}

// elements takes the branch apart by its next part, which must be a number, and
// returns it in the order of the numbers. Gaps close. Leading zeros are refused:
// 1 and 01 would be two elements of one index.
func (b branch) elements() ([]element, bool) {
	var list []element
	for i := 0; i < len(b.pairs); {
		part, _, _ := strings.Cut(b.pairs[i].key[b.off:], ".")
		index, ok := parseIndex(part)
		if !ok {
			return nil, false
		}
		j := i + 1
		for j < len(b.pairs) && sameElement(b.pairs[j].key[b.off:], part) {
			j++
		}
		off := b.off + len(part)
		e := element{index, branch{b.pairs[i:j], off}}
		if len(b.pairs[i].key) > off { // not a value but a structure: skip its dot
			e.off++
		} else if j-i > 1 {
			return nil, false // both
		}
		list = append(list, e)
		i = j
	}
	slices.SortFunc(list, func(a, b element) int { return a.index - b.index })
	return list, true
}

func sameElement(key, part string) bool {
	return strings.HasPrefix(key, part) && (len(key) == len(part) || key[len(part)] == '.')
}

func parseIndex(s string) (int, bool) {
	if s == "" || len(s) > 9 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
