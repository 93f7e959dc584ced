package wire

import (
	"encoding/base64"
	"reflect"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

const xmlDeclaration = `<?xml version="1.0" encoding="UTF-8"?>`

// xmlWriter appends XML of the model's shapes.
type xmlWriter struct {
	dst    []byte
	indent int    // spaces for each level; negative means no line breaks at all
	level  int    // of the element that is written next
	format string // of timestamps
	ec2    bool
}

func (w *xmlWriter) newline() {
	if w.indent < 0 {
		return
	}
	const spaces = "                                                                "
	w.dst = append(w.dst, '\n')
	for n := w.level * w.indent; n > 0; n -= len(spaces) {
		w.dst = append(w.dst, spaces[:min(n, len(spaces))]...)
	}
}

// open begins an element on a line of its own.
func (w *xmlWriter) open(name string) {
	w.newline()
	w.dst = append(w.dst, '<')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '>')
	w.level++
}

// end ends an element that holds elements; mark is the length of dst after open.
// An element that got no content becomes an empty one.
func (w *xmlWriter) end(name string, mark int) {
	w.level--
	if len(w.dst) == mark {
		w.dst = append(w.dst[:mark-1], '/', '>')
		return
	}
	w.newline()
	w.close(name)
}

func (w *xmlWriter) close(name string) {
	w.dst = append(w.dst, '<', '/')
	w.dst = append(w.dst, name...)
	w.dst = append(w.dst, '>')
}

// text writes an element that holds text.
func (w *xmlWriter) text(name, value string) {
	w.open(name)
	w.level--
	if value == "" {
		w.dst = append(w.dst[:len(w.dst)-1], '/', '>')
		return
	}
	w.dst = appendXMLText(w.dst, value)
	w.close(name)
}

// members writes the members of a structure; only, where given, says which.
func (w *xmlWriter) members(v reflect.Value, shape *awsapi.Shape, only func(*awsapi.Member) bool) error {
	s, err := source(v, shape)
	if err != nil {
		return err
	}
	for i := range shape.Members {
		m := &shape.Members[i]
		field, ok := s.member(i, m)
		if !ok || m.XMLAttribute || only != nil && !only(m) {
			continue
		}
		if err := w.value(m.WireName(), m, field, m.Shape); err != nil {
			return err
		}
	}
	return nil
}

// value writes an element of a shape; m is nil for what is no member.
func (w *xmlWriter) value(name string, m *awsapi.Member, v reflect.Value, shape *awsapi.Shape) error {
	v = concrete(v)
	flat := shape.Flattened || m != nil && m.Flattened
	switch shape.Type {
	case awsapi.List:
		if v.Kind() != reflect.Slice {
			return errType(v, shape)
		}
		if flat {
			return w.elements(orName(shape.MemberName, name), v, shape)
		}
		return w.wrapped(name, func() error { return w.elements(orName(shape.MemberName, w.member()), v, shape) })
	case awsapi.Map:
		if v.Kind() != reflect.Map {
			return errType(v, shape)
		}
		if flat {
			return w.entries(name, v, shape)
		}
		return w.wrapped(name, func() error { return w.entries("entry", v, shape) })
	case awsapi.Structure:
		return w.structure(name, m, v, shape)
	}
	return w.scalar(name, v, shape)
}

// member is the name of a list's elements where the model has none.
func (w *xmlWriter) member() string {
	if w.ec2 {
		return "item"
	}
	return "member"
}

func (w *xmlWriter) wrapped(name string, content func() error) error {
	w.open(name)
	mark := len(w.dst)
	if err := content(); err != nil {
		return err
	}
	w.end(name, mark)
	return nil
}

func (w *xmlWriter) elements(name string, v reflect.Value, shape *awsapi.Shape) error {
	for i := range v.Len() {
		if err := w.value(name, nil, v.Index(i), shape.Member); err != nil {
			return err
		}
	}
	return nil
}

func (w *xmlWriter) entries(name string, v reflect.Value, shape *awsapi.Shape) error {
	for _, key := range sortedKeys(v) {
		err := w.wrapped(name, func() error {
			if err := w.scalar(orName(shape.KeyName, "key"), key, shape.Key); err != nil {
				return err
			}
			return w.value(orName(shape.ValueName, "value"), nil, v.MapIndex(key), shape.Value)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// structure writes an element with members; an attribute needs a namespace too
// (S3's Grantee is the only case).
func (w *xmlWriter) structure(name string, m *awsapi.Member, v reflect.Value, shape *awsapi.Shape) error {
	w.open(name)
	w.dst = w.dst[:len(w.dst)-1]
	ns, prefix := shape.Namespace, shape.NSPrefix
	if m != nil && m.Namespace != "" {
		ns, prefix = m.Namespace, m.NSPrefix
	}
	w.namespace(ns, prefix)
	if err := w.attributes(v, shape); err != nil {
		return err
	}
	w.dst = append(w.dst, '>')
	mark := len(w.dst)
	if err := w.members(v, shape, nil); err != nil {
		return err
	}
	w.end(name, mark)
	return nil
}

func (w *xmlWriter) namespace(uri, prefix string) {
	if uri == "" {
		return
	}
	w.dst = append(w.dst, " xmlns"...)
	if prefix != "" {
		w.dst = append(append(w.dst, ':'), prefix...)
	}
	w.dst = append(w.dst, '=', '"')
	w.dst = appendXMLText(w.dst, uri)
	w.dst = append(w.dst, '"')
}

func (w *xmlWriter) attributes(v reflect.Value, shape *awsapi.Shape) error {
	for i := range shape.Members {
		m := &shape.Members[i]
		if !m.XMLAttribute {
			continue
		}
		s, err := source(v, shape)
		if err != nil {
			return err
		}
		if field, ok := s.member(i, m); ok {
			w.dst = append(append(append(w.dst, ' '), m.WireName()...), '=', '"')
			w.dst = appendXMLText(w.dst, concrete(field).String())
			w.dst = append(w.dst, '"')
		}
	}
	return nil
}

func (w *xmlWriter) scalar(name string, v reflect.Value, shape *awsapi.Shape) error {
	if !scalarOf(v, shape) {
		return errType(v, shape)
	}
	switch v.Kind() {
	case reflect.String:
		w.text(name, v.String())
		return nil
	case reflect.Slice:
		w.text(name, base64.StdEncoding.EncodeToString(v.Bytes()))
		return nil
	}
	w.open(name)
	w.level--
	w.dst = appendScalar(w.dst, v, shape, w.format)
	w.close(name)
	return nil
}

// plainXML marks the bytes that stand for themselves in XML.
var plainXML = func() (t [256]bool) {
	for c := range utf8.RuneSelf {
		t[c] = c >= 0x20 && c != '&' && c != '<' && c != '>' && c != '"' || c == '\t' || c == '\n'
	}
	return t
}()

// appendXMLText escapes s for text and for attributes in double quotes. A
// carriage return is written as a reference, for XML readers would make a line
// feed of it; what XML can't hold becomes U+FFFD.
func appendXMLText(dst []byte, s string) []byte {
	last := 0
	for i := 0; i < len(s); {
		if plainXML[s[i]] {
			i++
			continue
		}
		var esc string
		size := 1
		switch c := s[i]; {
		case c == '&':
			esc = "&amp;"
		case c == '<':
			esc = "&lt;"
		case c == '>':
			esc = "&gt;"
		case c == '"':
			esc = "&quot;"
		case c == '\r':
			esc = "&#13;"
		case c < 0x20:
			esc = "\uFFFD"
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || size > 1) && r != 0xFFFE && r != 0xFFFF {
				i += size
				continue
			}
			esc = "\uFFFD"
		}
		dst = append(append(dst, s[last:i]...), esc...)
		i += size
		last = i
	}
	return append(dst, s[last:]...)
}
