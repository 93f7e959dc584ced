package wire

import (
	"fmt"
	"reflect"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// values is where an encoder and the validator find members: a generated struct,
// or a Document.
type values struct {
	v   reflect.Value // a struct, or a map keyed by member name
	doc bool
}

// source returns the members of v, which may be behind pointers and interfaces.
func source(v reflect.Value, shape *awsapi.Shape) (values, error) {
	v = concrete(v)
	switch {
	case v.Kind() == reflect.Struct && v.NumField() == len(shape.Members) && v.Type() != timeType:
		return values{v: v}, nil
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		return values{v: v, doc: true}, nil
	case !v.IsValid(): // nil: all absent
		return values{v: reflect.ValueOf(Document{}), doc: true}, nil
	}
	return values{}, errType(v, shape)
}

// errType says that our own code passed a value that isn't of the model's type.
func errType(v reflect.Value, shape *awsapi.Shape) error {
	if !v.IsValid() {
		return fmt.Errorf("nil is no value of shape %s", shape.Name)
	}
	return fmt.Errorf("%s is not the type of shape %s", v.Type(), shape.Name)
}

// field returns member i as it is; the zero Value where a Document lacks it.
func (s values) field(i int, m *awsapi.Member) reflect.Value {
	if s.doc {
		return s.v.MapIndex(reflect.ValueOf(m.Name))
	}
	return s.v.Field(i)
}

// member returns member i and whether an answer holds it: the rules are those of
// the generated packages' doc comments.
func (s values) member(i int, m *awsapi.Member) (reflect.Value, bool) {
	f := s.field(i, m)
	switch f.Kind() {
	case reflect.Invalid:
		return f, false
	case reflect.String:
		// A required text that may not be empty is absent when it is: the root
		// user has neither a name nor a path.
		return f, s.doc || f.Len() > 0 || m.Required && m.Shape.Min == 0
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return f, !f.IsNil()
	case reflect.Struct:
		return f, f.Type() != timeType || !timeOf(f).IsZero()
	}
	return f, true
}

// scalarOf reports whether a concrete value can stand for a scalar of the shape.
func scalarOf(v reflect.Value, shape *awsapi.Shape) bool {
	switch v.Kind() {
	case reflect.String:
		return shape.Type == awsapi.String
	case reflect.Bool:
		return shape.Type == awsapi.Boolean
	case reflect.Int, reflect.Int32, reflect.Int64:
		return shape.Type == awsapi.Integer || shape.Type == awsapi.Long ||
			shape.Type == awsapi.Float || shape.Type == awsapi.Double
	case reflect.Float32, reflect.Float64:
		return shape.Type == awsapi.Float || shape.Type == awsapi.Double
	case reflect.Slice:
		return shape.Type == awsapi.Blob && v.Type().Elem().Kind() == reflect.Uint8
	case reflect.Struct:
		return shape.Type == awsapi.Timestamp && v.Type() == timeType
	}
	return false
}
