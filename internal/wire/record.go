package wire

import (
	"reflect"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// Hidden stands in a record for a value that is secret, as in CloudTrail's.
const Hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// secretMembers are members that are secret though the models don't say so.
var secretMembers = map[string]bool{
	"SessionToken": true, "TokenCode": true, "AuthenticationCode1": true, "AuthenticationCode2": true,
	"ContextAssertion": true,
}

// recordTime is how CloudTrail writes times of requests and answers.
const recordTime = "Jan 2, 2006 3:04:05 PM"

// Record appends an input or an output as CloudTrail records it: JSON, the names
// of members beginning with a small letter, secrets in a request Hidden and in
// an answer left out. Documents longer than limit bytes are cut to that.
func Record(dst []byte, shape *awsapi.Shape, v any, answer bool, limit int) ([]byte, error) {
	r := recorder{answer, limit}
	return r.value(dst, reflect.ValueOf(v), shape)
}

type recorder struct {
	answer bool
	limit  int // bytes of a text
}

func (r recorder) value(dst []byte, v reflect.Value, shape *awsapi.Shape) ([]byte, error) {
	var err error
	switch v = concrete(v); shape.Type {
	case awsapi.Structure:
		return r.members(dst, v, shape)
	case awsapi.List:
		if v.Kind() != reflect.Slice {
			return dst, errType(v, shape)
		}
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = r.value(dst, v.Index(i), shape.Member); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case awsapi.Map:
		return r.entries(dst, v, shape)
	case awsapi.Timestamp:
		if !scalarOf(v, shape) {
			return dst, errType(v, shape)
		}
		return appendJSONString(dst, timeOf(v).UTC().Format(recordTime)), nil
	case awsapi.String, awsapi.Blob:
		text, err := textOf(v, shape, "")
		if err != nil {
			return dst, err
		}
		return appendJSONString(dst, r.cut(text)), nil
	}
	return appendJSON(dst, v, shape, "")
}

func (r recorder) members(dst []byte, v reflect.Value, shape *awsapi.Shape) ([]byte, error) {
	s, err := source(v, shape)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	first := true
	for i := range shape.Members {
		m := &shape.Members[i]
		field, ok := s.member(i, m)
		hide := secret(m)
		if !ok || hide && r.answer || m.Streaming || m.Shape.Streaming || absent(field, m) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendJSONString(dst, lowerFirst(m.Name)), ':')
		if hide {
			dst = append(dst, `"`+Hidden+`"`...)
			continue
		}
		if dst, err = r.value(dst, field, m.Shape); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// absent: an optional text that is empty was not given.
func absent(field reflect.Value, m *awsapi.Member) bool {
	return !m.Required && field.Kind() == reflect.String && field.Len() == 0
}

// secret reports whether a member may not be recorded. A list or a map of
// secrets is one.
func secret(m *awsapi.Member) bool {
	if secretMembers[m.Name] {
		return true
	}
	for s := m.Shape; s != nil; {
		if s.Sensitive {
			return true
		}
		switch s.Type {
		case awsapi.List:
			s = s.Member
		case awsapi.Map:
			s = s.Value
		default:
			return false
		}
	}
	return false
}

func (r recorder) entries(dst []byte, v reflect.Value, shape *awsapi.Shape) ([]byte, error) {
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
		if dst, err = r.value(dst, v.MapIndex(key), shape.Value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// cut bounds a text, at the beginning of a character.
func (r recorder) cut(text string) string {
	if r.limit <= 0 || len(text) <= r.limit {
		return text
	}
	end := r.limit
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// lowerFirst is a member's name as CloudTrail spells it: userName, sSHPublicKeyBody.
func lowerFirst(name string) string {
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return name
	}
	return string(name[0]+'a'-'A') + name[1:]
}
