package policy

import (
	"strconv"
	"time"
)

// Context holds the condition keys of one request. Keys are found without
// regard to the case of ASCII letters. The zero value is empty and ready;
// Reset makes it so again and keeps its memory, so that a used context takes
// new keys without allocating. Many goroutines may read it, none while it is
// written.
type Context struct {
	hashes []uint32 // of the keys; searched in order, for they are few
	values []value
}

// value is one key and what it holds.
type value struct {
	prefix, name string // the key is name, or prefix/name
	kind         valueKind
	one          string
	many         []string
	sec          int64 // kind valueInstant: seconds since 1970
}

type valueKind uint8

const (
	valueSingle valueKind = iota
	valueMulti
	valueInstant
)

// Reset removes all keys and keeps the memory.
func (c *Context) Reset() {
	clear(c.values)
	c.hashes, c.values = c.hashes[:0], c.values[:0]
}

// Set gives a single-valued key its value; an earlier value is replaced.
func (c *Context) Set(key, v string) {
	c.put("", key).one = v
}

// SetValues gives a multivalued key its values, maybe none. The slice is kept
// and must not change while the context is in use.
func (c *Context) SetValues(key string, values ...string) {
	v := c.put("", key)
	v.kind, v.many = valueMulti, values
}

// SetTime gives a key a point in time, with a resolution of seconds. Date
// operators compare it as it is, without a detour over text. Other operators
// and variables see it in ISO 8601, or for aws:EpochTime as seconds since
// 1970; writing that text is the one thing in a decision that allocates.
func (c *Context) SetTime(key string, t time.Time) {
	v := c.put("", key)
	v.kind, v.sec = valueInstant, t.Unix()
}

// SetTag gives the key "prefix/name" its value without joining the two:
// SetTag("aws:PrincipalTag", "team", "blue").
func (c *Context) SetTag(prefix, name, v string) {
	c.put(prefix, name).one = v
}

// Value returns the text of a single-valued key.
func (c *Context) Value(key string) (string, bool) {
	v := c.find(newKey(key))
	if v == nil || v.kind == valueMulti {
		return "", false
	}
	return v.text(), true
}

// Values returns the values of a key of either sort, and whether it is there.
func (c *Context) Values(key string) ([]string, bool) {
	v := c.find(newKey(key))
	switch {
	case v == nil:
		return nil, false
	case v.kind == valueMulti:
		return v.many, true
	}
	return []string{v.text()}, true
}

// Keys returns the keys that want says yes to, with their values, or nil where
// there is none. A key that SetTag has set is asked for by its two parts.
func (c *Context) Keys(want func(prefix, name string) bool) map[string][]string {
	var all map[string][]string
	for i := range c.values {
		v := &c.values[i]
		if !want(v.prefix, v.name) {
			continue
		}
		if all == nil {
			all = map[string][]string{}
		}
		name := v.name
		if v.prefix != "" {
			name = v.prefix + "/" + name
		}
		if all[name] = v.many; v.kind != valueMulti {
			all[name] = []string{v.text()}
		}
	}
	return all
}

// put returns the empty place of a key.
func (c *Context) put(prefix, name string) *value {
	h := hash(prefix, name)
	for i, other := range c.hashes {
		if other == h && sameKey(&c.values[i], prefix, name) {
			c.values[i] = value{prefix: prefix, name: name}
			return &c.values[i]
		}
	}
	c.hashes = append(c.hashes, h)
	c.values = append(c.values, value{prefix: prefix, name: name})
	return &c.values[len(c.values)-1]
}

// find returns nil for a key that isn't there. A nil context has none.
func (c *Context) find(k key) *value {
	if c == nil {
		return nil
	}
	for i, h := range c.hashes {
		if h == k.hash && c.values[i].is(k.name) {
			return &c.values[i]
		}
	}
	return nil
}

// key is a condition key as a policy names it, with its hash made once.
type key struct {
	name string
	hash uint32
}

func newKey(name string) key { return key{name, hash("", name)} }

func (v *value) is(name string) bool {
	if v.prefix == "" {
		return equalFold(v.name, name)
	}
	n := len(v.prefix)
	return len(name) == n+1+len(v.name) && name[n] == '/' &&
		equalFold(v.prefix, name[:n]) && equalFold(v.name, name[n+1:])
}

func sameKey(v *value, prefix, name string) bool {
	if prefix == v.prefix {
		return equalFold(v.name, name)
	}
	if prefix == "" {
		return v.is(name)
	}
	return v.is(prefix + "/" + name) // the same tag in another spelling: rare
}

func (v *value) text() string {
	if v.kind != valueInstant {
		return v.one
	}
	if v.isEpoch() {
		return strconv.FormatInt(v.sec, 10)
	}
	return time.Unix(v.sec, 0).UTC().Format(time.RFC3339)
}

func (v *value) isEpoch() bool { return v.is("aws:EpochTime") }

// hash mixes a key's length with its first and last eight bytes without their
// case. Keys differ there, and reading sixteen bytes is cheaper than all.
func hash(prefix, name string) uint32 {
	n := len(name)
	if prefix != "" {
		n += len(prefix) + 1
	}
	at := func(i int) uint64 {
		switch p := len(prefix); {
		case p == 0:
		case i < p:
			return uint64(prefix[i] | 0x20)
		case i == p:
			return '/' | 0x20
		default:
			i -= p + 1
		}
		return uint64(name[i] | 0x20)
	}
	h := uint64(n)
	for i := range min(n, 8) {
		h = (h<<8 | h>>56) ^ at(i)
	}
	h *= 0x9e3779b97f4a7c15
	for i := max(n-8, 0); i < n; i++ {
		h = (h<<8 | h>>56) ^ at(i)
	}
	h *= 0x9e3779b97f4a7c15
	return uint32(h >> 32)
}

// equalFold compares without regard to the case of ASCII letters.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerASCII leaves other letters as they are, unlike strings.ToLower, for so
// do the comparisons here.
func lowerASCII(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			return lowered(s)
		}
	}
	return s
}

func lowered(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b)
}
