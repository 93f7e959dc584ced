package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// decodeJSON fills into from a JSON object. Members that the shape doesn't have
// are passed over; null is absence.
func decodeJSON(body []byte, shape *awsapi.Shape, into any) (Presence, error) {
	d := jsonDecoder{}
	s, err := openInput(into, shape)
	if err != nil {
		return Presence{}, err
	}
	tree, err := parseJSON(body)
	if err != nil {
		return Presence{}, err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return Presence{}, errSerialization("Unexpected value at the top of the document")
	}
	err = d.members(s, shape, object, 0)
	return d.presence, err
}

func errSerialization(message string) error {
	return awsapi.SerializationException.New("%s", message)
}

// parseJSON parses one JSON value; an empty body is an empty object.
func parseJSON(body []byte) (any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return map[string]any{}, nil
	}
	if !utf8.Valid(body) {
		return nil, errSerialization("Invalid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	tree, err := readJSON(dec, 0)
	if err != nil {
		if _, ours := errors.AsType[*awsapi.Error](err); ours {
			return nil, err
		}
		return nil, errSerialization("Could not parse the JSON document")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errSerialization("Unexpected content after the JSON document")
	}
	return tree, nil
}

// readJSON reads the next value. It refuses a name that occurs twice in an
// object: which of the two counts is a question that a server behind us might
// answer differently.
func readJSON(dec *json.Decoder, depth int) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := tok.(json.Delim)
	switch {
	case !ok:
		return tok, nil
	case depth > maxDepth:
		return nil, errSerialization(errTooDeep.Error())
	case delim == '[':
		list := []any{}
		for dec.More() {
			v, err := readJSON(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = dec.Token()
		return list, err
	}
	object := map[string]any{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if _, twice := object[key]; twice {
			return nil, errSerialization("A name occurs twice in an object")
		}
		if object[key], err = readJSON(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err = dec.Token()
	return object, err
}

type jsonDecoder struct {
	rest     bool // leave out members that stand elsewhere than in the body
	presence Presence
}

func (d *jsonDecoder) members(s structure, shape *awsapi.Shape, object map[string]any, depth int) error {
	if depth > maxDepth {
		return errSerialization(errTooDeep.Error())
	}
	for i := range shape.Members {
		m := &shape.Members[i]
		if d.rest && depth == 0 && m.Location != awsapi.InBody {
			continue
		}
		v := object[m.WireName()]
		if v == nil {
			continue
		}
		slot := s.field(i)
		if err := d.value(slot, m.Shape, v, depth); err != nil {
			return err
		}
		s.put(m, slot, &d.presence)
	}
	return nil
}

func (d *jsonDecoder) value(slot reflect.Value, shape *awsapi.Shape, v any, depth int) error {
	switch shape.Type {
	case awsapi.Structure:
		object, ok := v.(map[string]any)
		if !ok {
			return errJSONType(v, shape)
		}
		s, err := open(slot, shape)
		if err != nil {
			return err
		}
		return d.members(s, shape, object, depth+1)
	case awsapi.List:
		list, ok := v.([]any)
		if !ok {
			return errJSONType(v, shape)
		}
		return d.elements(slot, shape, list, depth)
	case awsapi.Map:
		object, ok := v.(map[string]any)
		if !ok {
			return errJSONType(v, shape)
		}
		return d.entries(slot, shape, object, depth)
	}
	if !setJSON(slot, shape, v) {
		return errJSONType(v, shape)
	}
	return nil
}

func (d *jsonDecoder) elements(slot reflect.Value, shape *awsapi.Shape, list []any, depth int) error {
	out := openList(slot, len(list))
	for i, v := range list {
		if v == nil {
			return errSerialization("A list may not hold null")
		}
		if err := d.value(out.Index(i), shape.Member, v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *jsonDecoder) entries(slot reflect.Value, shape *awsapi.Shape, object map[string]any, depth int) error {
	out := openMap(slot)
	for key, v := range object {
		if v == nil {
			continue
		}
		value := out.value()
		if err := d.value(value, shape.Value, v, depth+1); err != nil {
			return err
		}
		out.put(key, value)
	}
	return nil
}

// setJSON sets a scalar and reports whether v is one of the shape's type.
func setJSON(slot reflect.Value, shape *awsapi.Shape, v any) bool {
	switch v := v.(type) {
	case string:
		switch shape.Type {
		case awsapi.Boolean, awsapi.Integer, awsapi.Long:
			return false
		}
		return setText(slot, shape, v)
	case bool:
		if shape.Type != awsapi.Boolean {
			return false
		}
		setBool(slot, v)
		return true
	case json.Number:
		switch shape.Type {
		case awsapi.Integer, awsapi.Long, awsapi.Float, awsapi.Double, awsapi.Timestamp:
			return setNumber(slot, shape, v)
		}
	}
	return false
}

// setNumber takes 1e3 and 1.0 for integers too, as Java's parsers do.
func setNumber(slot reflect.Value, shape *awsapi.Shape, n json.Number) bool {
	if setText(slot, shape, n.String()) {
		return true
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return false
	}
	switch shape.Type {
	case awsapi.Integer, awsapi.Long:
		return setInt(slot, int64(f))
	}
	return false
}

// errJSONType says which kind of value was found where none such belongs, in the
// words of AWS's JSON services.
func errJSONType(v any, shape *awsapi.Shape) error {
	want := map[awsapi.Type]string{
		awsapi.String: "String", awsapi.Boolean: "a Boolean", awsapi.Integer: "an Integer", awsapi.Long: "a Long",
		awsapi.Float: "a Float", awsapi.Double: "a Double", awsapi.Timestamp: "a Timestamp", awsapi.Blob: "a Blob",
		awsapi.Structure: "a Structure", awsapi.List: "a List", awsapi.Map: "a Map",
	}[shape.Type]
	switch v := v.(type) {
	case []any:
		return errSerialization("Start of list found where not expected")
	case map[string]any:
		return errSerialization("Start of structure or map found where not expected.")
	case string:
		return errSerialization("STRING_VALUE can not be converted to " + want)
	case bool:
		if v {
			return errSerialization("TRUE_VALUE can not be converted to " + want)
		}
		return errSerialization("FALSE_VALUE can not be converted to " + want)
	}
	return errSerialization("NUMBER_VALUE can not be converted to " + want)
}

// appendJSON appends a value of the shape as JSON. In a structure, members that
// are absent are left out; an empty list that is present is [].
func appendJSON(dst []byte, v reflect.Value, shape *awsapi.Shape, format string) ([]byte, error) {
	var err error
	switch v = concrete(v); shape.Type {
	case awsapi.Structure:
		return appendJSONMembers(dst, v, shape, format, nil)
	case awsapi.List:
		if v.Kind() != reflect.Slice {
			return dst, errType(v, shape)
		}
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendJSON(dst, v.Index(i), shape.Member, format); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case awsapi.Map:
		return appendJSONEntries(dst, v, shape, format)
	case awsapi.String, awsapi.Blob:
		text, err := textOf(v, shape, format)
		if err != nil {
			return dst, err
		}
		return appendJSONString(dst, text), nil
	case awsapi.Timestamp:
		text, err := textOf(v, shape, format)
		if err != nil {
			return dst, err
		}
		if f := orName(shape.TimestampFormat, format); f != "unixTimestamp" {
			return appendJSONString(dst, text), nil
		}
		return append(dst, text...), nil
	}
	text, err := textOf(v, shape, format)
	if err == nil && (text == "NaN" || text == "Infinity" || text == "-Infinity") {
		return appendJSONString(dst, text), nil
	}
	return append(dst, text...), err
}

// appendJSONMembers appends a structure; only, where given, says which members.
func appendJSONMembers(dst []byte, v reflect.Value, shape *awsapi.Shape, format string, only func(*awsapi.Member) bool) ([]byte, error) {
	s, err := source(v, shape)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	first := true
	for i := range shape.Members {
		m := &shape.Members[i]
		field, ok := s.member(i, m)
		if !ok || only != nil && !only(m) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendJSONString(dst, m.WireName()), ':')
		if dst, err = appendJSON(dst, field, m.Shape, format); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func appendJSONEntries(dst []byte, v reflect.Value, shape *awsapi.Shape, format string) ([]byte, error) {
	if v.Kind() != reflect.Map {
		return dst, errType(v, shape)
	}
	var err error
	dst = append(dst, '{')
	for i, key := range sortedKeys(v) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSONString(dst, key.String()), ':')
		if dst, err = appendJSON(dst, v.MapIndex(key), shape.Value, format); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		switch x, y := a.String(), b.String(); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return keys
}

// appendJSONString quotes a string; what isn't UTF-8 becomes U+FFFD.
func appendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < 0x20 || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == 0x2028 || r == 0x2029 {
				dst = append(dst, "\\u"+strconv.FormatInt(int64(r), 16)...)
			} else {
				dst = utf8.AppendRune(dst, r)
			}
			i += size
			continue
		}
		i++
	}
	return append(dst, '"')
}

// textOf is a scalar's text, for where it has to be quoted.
func textOf(v reflect.Value, shape *awsapi.Shape, format string) (string, error) {
	if !scalarOf(v, shape) {
		return "", errType(v, shape)
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Slice:
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	}
	return string(appendScalar(nil, v, shape, format)), nil
}
