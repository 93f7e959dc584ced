package directory

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Two versions may run side by side on one store. What the later one has added
// to a record, the earlier one doesn't know; when it rewrites the record, it
// takes over from the old bytes what it doesn't know: fields, at any depth, and
// those of list elements that it finds again by their identity.

// keepUnknown gives the value with what the old record has and its type, as it
// was decoded here, does not know. A record that wasn't decoded is replaced.
func (k *fieldNames) keepUnknown(old *Record, value []byte) []byte {
	t := reflect.TypeOf(old.decoded.Load())
	if t == nil || t.Kind() != reflect.Pointer || !isObject(old.Value) || !isObject(value) {
		return value
	}
	return k.keep(t.Elem(), old.Value, value)
}

func isObject(b []byte) bool { return len(b) > 0 && b[0] == '{' }

// keep merges what t doesn't know of the old JSON text into the new one.
func (k *fieldNames) keep(t reflect.Type, old, value json.RawMessage) json.RawMessage {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case bytes.Equal(old, value):
		return value
	case t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(marshaler):
		return k.keepFields(t, old, value)
	case t.Kind() == reflect.Map:
		return k.keepEntries(t.Elem(), old, value)
	case t.Kind() == reflect.Slice && k.identity(t.Elem()) != "":
		return k.keepElements(t.Elem(), old, value)
	}
	return value
}

var marshaler = reflect.TypeFor[json.Marshaler]()

// member is a name and a value of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// members reads an object, in order; ok is false where it is none. The text is
// valid JSON, as it comes from encoding/json.
func members(text json.RawMessage) (all []member, ok bool) {
	text = after(text, 0)
	if !isObject(text) {
		return nil, false
	}
	for text = after(text, 1); len(text) > 0 && text[0] == '"'; {
		n := valueLen(text)
		m := member{name: memberName(text[:n])}
		text = after(after(text, n), 1) // the colon
		n = valueLen(text)
		m.value = text[:n]
		all = append(all, m)
		if text = after(text, n); len(text) > 0 && text[0] == ',' {
			text = after(text, 1)
		}
	}
	return all, true
}

const jsonSpace = " \t\r\n"

// after is what follows the first n bytes of a text, and the space after them.
func after(text []byte, n int) []byte {
	for n < len(text) && strings.IndexByte(jsonSpace, text[n]) >= 0 {
		n++
	}
	return text[min(n, len(text)):]
}

// memberName reads a name in quotation marks.
func memberName(quoted []byte) (name string) {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return string(bytes.Trim(quoted, `"`))
	}
	_ = json.Unmarshal(quoted, &name) // it is valid
	return name
}

// valueLen is how long the JSON value at the beginning of a text is.
func valueLen(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch text[0] {
	case '"':
		return stringLen(text)
	case '{', '[':
		return nestedLen(text)
	}
	if n := bytes.IndexAny(text, ",]}"+jsonSpace); n >= 0 {
		return n
	}
	return len(text)
}

// nestedLen is how long an object or a list is.
func nestedLen(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringLen(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// stringLen is how long a text in quotation marks is, with them.
func stringLen(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// text writes an object.
func text(all []member) json.RawMessage {
	b := []byte{'{'}
	for i, m := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, encode(m.name)...), ':'), m.value...)
	}
	return append(b, '}')
}

func memberIndex(all []member, name string) int {
	return slices.IndexFunc(all, func(m member) bool { return m.name == name })
}

func (k *fieldNames) keepFields(t reflect.Type, old, value json.RawMessage) json.RawMessage {
	fields := k.of(t)
	return k.keepMembers(old, value, func(name string) (reflect.Type, bool) {
		f, known := fields[name]
		return f, known
	}, true)
}

// keepEntries merges a map: an entry that is gone was deleted.
func (k *fieldNames) keepEntries(t reflect.Type, old, value json.RawMessage) json.RawMessage {
	return k.keepMembers(old, value, func(string) (reflect.Type, bool) { return t, true }, false)
}

// keepMembers merges objects. typeOf gives the type of a member, and whether it
// is known; those that aren't are kept where unknown says so.
func (k *fieldNames) keepMembers(old, value json.RawMessage, typeOf func(string) (reflect.Type, bool), unknown bool) json.RawMessage {
	before, ok := members(old)
	if !ok {
		return value
	}
	after, ok := members(value)
	if !ok {
		return value
	}
	changed := false
	for _, m := range before {
		i := memberIndex(after, m.name)
		t, known := typeOf(m.name)
		switch {
		case !known && i < 0 && unknown:
			after = append(after, m)
			changed = true
		case known && i >= 0:
			if kept := k.keep(t, m.value, after[i].value); !bytes.Equal(kept, after[i].value) {
				after[i].value, changed = kept, true
			}
		}
	}
	if !changed {
		return value
	}
	return text(after)
}

// keepElements merges lists of structs: elements of the same identity are the same.
func (k *fieldNames) keepElements(t reflect.Type, old, value json.RawMessage) json.RawMessage {
	var before, after []json.RawMessage
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(value, &after) != nil {
		return value
	}
	id := k.identity(t)
	byID := map[string]json.RawMessage{}
	for _, e := range before {
		if name := elementID(e, id); name != "" {
			byID[name] = e
		}
	}
	changed := false
	for i, e := range after {
		was, ok := byID[elementID(e, id)]
		if !ok {
			continue
		}
		if kept := k.keep(t, was, e); !bytes.Equal(kept, e) {
			after[i], changed = kept, true
		}
	}
	if !changed {
		return value
	}
	return encode(after)
}

// elementID is the text of an element's identity, or empty.
func elementID(element json.RawMessage, field string) string {
	all, _ := members(element)
	if i := memberIndex(all, field); i >= 0 {
		return string(all[i].value)
	}
	return ""
}

// identities are the fields by which the elements of a list are told apart, the
// first that their type has.
var identities = []string{"id", "arn", "serial", "name", "k"}

// identity is the field that tells elements of type t apart, or empty.
func (k *fieldNames) identity(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return ""
	}
	fields := k.of(t)
	for _, name := range identities {
		if f, ok := fields[name]; ok && f.Kind() == reflect.String {
			return name
		}
	}
	return ""
}

// fieldNames remembers the fields of the types that it was asked about. Its zero
// value is ready.
type fieldNames struct{ types sync.Map } // of reflect.Type to map[string]reflect.Type

// of gives the names that encoding/json has for a struct's fields, with
// their types. Those of embedded structs are among them.
func (k *fieldNames) of(t reflect.Type) map[string]reflect.Type {
	if known, ok := k.types.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("json")
		name, _, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-":
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			for inner, t := range k.of(f.Type) {
				if _, outer := fields[inner]; !outer {
					fields[inner] = t
				}
			}
		case !f.IsExported():
		case tagged && name != "":
			fields[name] = f.Type
		default:
			fields[f.Name] = f.Type
		}
	}
	k.types.Store(t, fields)
	return fields
}
