package wire

import (
	"fmt"
	"reflect"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// maxDepth bounds how deep structures may nest in a request.
const maxDepth = 64

// Presence says which members of a decoded input were sent with the zero value
// of their Go type: an empty string isn't an absent one. It is part of what
// Decode returns and belongs to that input only.
type Presence struct {
	zero []any // pointers to fields
}

func (p *Presence) add(field reflect.Value) {
	if field.CanAddr() {
		p.zero = append(p.zero, field.Addr().Interface())
	}
}

func (p *Presence) has(field reflect.Value) bool {
	if len(p.zero) == 0 || !field.CanAddr() {
		return false
	}
	ptr := field.Addr().Interface()
	for _, z := range p.zero {
		if z == ptr {
			return true
		}
	}
	return false
}

var (
	anyType  = reflect.TypeFor[any]()
	timeType = reflect.TypeFor[time.Time]()
)

// structure is where a decoder puts members: the fields of a generated struct, or
// the entries of a Document.
type structure struct {
	v   reflect.Value // a struct; invalid for a Document
	doc Document
}

// openInput returns the structure behind the into of Decode.
func openInput(into any, shape *awsapi.Shape) (structure, error) {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return structure{}, fmt.Errorf("decode %s: %T is not a pointer", shape.Name, into)
	}
	return open(v.Elem(), shape)
}

// open makes the structure in slot: a struct, a pointer to one, an interface, or
// a Document.
func open(slot reflect.Value, shape *awsapi.Shape) (structure, error) {
	switch slot.Kind() {
	case reflect.Struct:
		if slot.NumField() != len(shape.Members) {
			return structure{}, fmt.Errorf("%s is not the type of shape %s", slot.Type(), shape.Name)
		}
		return structure{v: slot}, nil
	case reflect.Pointer:
		slot.Set(reflect.New(slot.Type().Elem()))
		return open(slot.Elem(), shape)
	case reflect.Interface, reflect.Map:
		doc := make(Document)
		slot.Set(reflect.ValueOf(doc))
		return structure{doc: doc}, nil
	}
	return structure{}, fmt.Errorf("%s is not the type of shape %s", slot.Type(), shape.Name)
}

// field returns the slot of member i, to be given to put when it is filled.
func (s structure) field(i int) reflect.Value {
	if s.doc == nil {
		return s.v.Field(i)
	}
	return reflect.New(anyType).Elem()
}

// put stores a filled slot. It notes a scalar that was sent as zero.
func (s structure) put(m *awsapi.Member, field reflect.Value, p *Presence) {
	if s.doc != nil {
		s.doc[m.Name] = field.Interface()
		return
	}
	switch field.Kind() {
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		if field.IsZero() {
			p.add(field)
		}
	}
}

// openList makes a list of n elements in slot and returns it, for Index.
func openList(slot reflect.Value, n int) reflect.Value {
	t := slot.Type()
	if slot.Kind() == reflect.Interface {
		t = reflect.TypeFor[[]any]()
	}
	list := reflect.MakeSlice(t, n, n)
	slot.Set(list)
	return list
}

// mapping is where a decoder puts the entries of a map.
type mapping struct{ v reflect.Value }

func openMap(slot reflect.Value) mapping {
	t := slot.Type()
	if slot.Kind() == reflect.Interface {
		t = reflect.TypeFor[map[string]any]()
	}
	m := reflect.MakeMap(t)
	slot.Set(m)
	return mapping{m}
}

// value returns a new slot for a value of the map.
func (m mapping) value() reflect.Value { return reflect.New(m.v.Type().Elem()).Elem() }

func (m mapping) put(key string, value reflect.Value) {
	m.v.SetMapIndex(reflect.ValueOf(key).Convert(m.v.Type().Key()), value)
}

// settle returns the place where a scalar goes: behind a pointer, a new value.
func settle(slot reflect.Value) reflect.Value {
	if slot.Kind() == reflect.Pointer {
		slot.Set(reflect.New(slot.Type().Elem()))
		return slot.Elem()
	}
	return slot
}

func setString(slot reflect.Value, s string) {
	if slot = settle(slot); slot.Kind() == reflect.String {
		slot.SetString(s)
	} else {
		slot.Set(reflect.ValueOf(s))
	}
}

func setBool(slot reflect.Value, b bool) {
	if slot = settle(slot); slot.Kind() == reflect.Bool {
		slot.SetBool(b)
	} else {
		slot.Set(reflect.ValueOf(b))
	}
}

// setInt reports whether the number fits.
func setInt(slot reflect.Value, n int64) bool {
	slot = settle(slot)
	switch slot.Kind() {
	case reflect.Int32, reflect.Int64:
		if slot.OverflowInt(n) {
			return false
		}
		slot.SetInt(n)
	default:
		slot.Set(reflect.ValueOf(n))
	}
	return true
}

func setFloat(slot reflect.Value, f float64) {
	slot = settle(slot)
	switch slot.Kind() {
	case reflect.Float32, reflect.Float64:
		slot.SetFloat(f)
	default:
		slot.Set(reflect.ValueOf(f))
	}
}

func setTime(slot reflect.Value, t time.Time) { settle(slot).Set(reflect.ValueOf(t)) }

func setBytes(slot reflect.Value, b []byte) {
	if b == nil {
		b = []byte{}
	}
	settle(slot).Set(reflect.ValueOf(b))
}
