package wire

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// Validate holds a decoded input against the constraints of op's model. All that
// is wrong is told in one *awsapi.Error in AWS's words (facts, 5.1): its code is
// ValidationError for the query protocols, ValidationException for the others.
//
// Errors stand in the order of their members' buckets (see bucket); for one
// member: too long, too short, pattern, values.
func Validate(op *awsapi.Operation, in any, p Presence) error {
	if op.Input == nil {
		return nil
	}
	v := validator{echo: op.Service.Name != "iam", presence: p}
	v.structure(reflect.ValueOf(in), op.Input, nil)
	return v.err(op.Service.Protocol)
}

// validator collects what is wrong with one input.
type validator struct {
	echo     bool // repeat values and list an enum's: all services but IAM do
	presence Presence
	found    []failure
	own      string // what IAM says of the value in words of its own, or ""
}

func (v *validator) err(protocol string) error {
	switch {
	case len(v.found) == 0 && v.own == "":
		return nil
	case len(v.found) == 0:
		return awsapi.ValidationError.New("%s", v.own)
	}
	noun := "errors"
	if len(v.found) == 1 {
		noun = "error"
	}
	code := awsapi.ValidationException
	if protocol == awsapi.Query || protocol == awsapi.EC2 {
		code = awsapi.ValidationError
	}
	slices.SortStableFunc(v.found, func(a, b failure) int { return cmp.Compare(a.bucket, b.bucket) })
	texts := make([]string, len(v.found))
	for i, f := range v.found {
		texts[i] = f.text
	}
	return code.New("%d validation %s detected: %s", len(v.found), noun, strings.Join(texts, "; "))
}

// failure is one constraint that the input breaks.
type failure struct {
	bucket int // of the member of the input in which it is
	text   string
}

// bucket is where a Java hash map of 16 buckets keeps a name. Both recorded
// replies with several errors have them in this order (facts, 5.1), which is
// neither the model's nor the alphabet's.
func bucket(name string) int {
	const buckets = 16
	var h uint32
	for _, r := range name {
		h = 31*h + uint32(r)
	}
	return int((h ^ h>>16) % buckets)
}

// maxErrors bounds the length of a refusal.
const maxErrors = 100

// path is where a value stands: tags.1.member.key.
type path struct {
	parent *path
	member string // of a structure; else an element
	index  int
}

// root is the member of the input in which p is, in AWS's words.
func (p *path) root() string {
	for p != nil && p.parent != nil {
		p = p.parent
	}
	return p.String()
}

// String returns the path in AWS's words: tags.1.member.key.
func (p *path) String() string {
	if p == nil {
		return ""
	}
	s := p.parent.String()
	if s != "" {
		s += "."
	}
	if p.member == "" {
		return s + strconv.Itoa(p.index) + ".member"
	}
	r, size := utf8.DecodeRuneInString(p.member)
	return s + string(unicode.ToLower(r)) + p.member[size:]
}

func (v *validator) fail(at *path, shape *awsapi.Shape, value reflect.Value, constraint string) {
	if len(v.found) == maxErrors {
		return
	}
	v.found = append(v.found, failure{
		bucket: bucket(at.root()),
		text:   "Value " + v.echoed(shape, value) + "at '" + at.String() + "' failed to satisfy constraint: " + constraint,
	})
}

// echoed is the value as the refusal repeats it, with a space after it, or "".
// Secrets and structures are not repeated.
func (v *validator) echoed(shape *awsapi.Shape, value reflect.Value) string {
	switch {
	case !v.echo:
		return ""
	case !value.IsValid():
		return "null "
	case shape.Sensitive:
		return ""
	}
	switch shape.Type {
	case awsapi.String, awsapi.Boolean, awsapi.Integer, awsapi.Long, awsapi.Float, awsapi.Double:
		return "'" + string(appendScalar(nil, value, shape, "")) + "' "
	case awsapi.List:
		if shape.Member.Type != awsapi.String || shape.Member.Sensitive {
			return ""
		}
		var list []string
		for i := range value.Len() {
			list = append(list, concrete(value.Index(i)).String())
		}
		return "'[" + strings.Join(list, ", ") + "]' "
	}
	return ""
}

func (v *validator) structure(value reflect.Value, shape *awsapi.Shape, at *path) {
	s, err := source(value, shape)
	if err != nil {
		v.fail(at, shape, reflect.Value{}, "Member has the wrong type")
		return
	}
	for i := range shape.Members {
		m := &shape.Members[i]
		field := s.field(i, m)
		if !v.present(s, field, m) {
			if m.Required {
				v.fail(&path{parent: at, member: m.Name}, m.Shape, reflect.Value{}, "Member must not be null")
			}
			continue
		}
		v.value(concrete(field), m.Shape, &path{parent: at, member: m.Name})
	}
}

// present reports whether a member was sent.
func (v *validator) present(s values, field reflect.Value, m *awsapi.Member) bool {
	switch field.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return !field.IsNil()
	case reflect.Struct:
		return field.Type() != timeType || !timeOf(field).IsZero()
	}
	return s.doc || !field.IsZero() || v.presence.has(field)
}

func (v *validator) value(value reflect.Value, shape *awsapi.Shape, at *path) {
	switch shape.Type {
	case awsapi.Structure:
		v.structure(value, shape, at)
		return
	case awsapi.List:
		if value.Kind() == reflect.Slice {
			v.list(value, shape, at)
			return
		}
	case awsapi.Map:
		if value.Kind() == reflect.Map {
			v.mapping(value, shape, at)
			return
		}
	default:
		if scalarOf(value, shape) {
			v.scalar(value, shape, at)
			return
		}
	}
	v.fail(at, shape, reflect.Value{}, "Member has the wrong type")
}

func (v *validator) scalar(value reflect.Value, shape *awsapi.Shape, at *path) {
	if v.satisfies(value, shape) {
		return
	}
	switch shape.Type {
	case awsapi.Integer, awsapi.Long, awsapi.Float, awsapi.Double:
		if aboveMax(value, shape) {
			v.fail(at, shape, value, "Member must have value less than or equal to "+strconv.FormatInt(shape.Max, 10))
		}
		if belowMin(value, shape) {
			v.fail(at, shape, value, "Member must have value greater than or equal to "+strconv.FormatInt(shape.Min, 10))
		}
		return
	}
	v.length(value, lengthOf(value), shape, at)
	if shape.Type != awsapi.String {
		return
	}
	switch own := ownText(at, shape); {
	case shape.MatchPattern(value.String()):
	case own != "" && !v.echo && value.Len() > 0:
		v.own = cmp.Or(v.own, own) // it is checked after the model's constraints
	default:
		v.fail(at, shape, value, "Member must satisfy regular expression pattern: "+shape.Pattern)
	}
	if len(shape.Enum) > 0 && !slices.Contains(shape.Enum, value.String()) {
		v.fail(at, shape, value, v.enum(shape))
	}
}

// ownText is what IAM says of a name or path that breaks its pattern, or ""
// where it uses the generic words (facts, 5.2).
func ownText(at *path, shape *awsapi.Shape) string {
	switch {
	case at.parent != nil:
		return ""
	case at.member == "Path", at.member == "NewPath":
		return "The specified value for " + at.String() + " is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
	case at.member == "PathPrefix":
		return "The specified value for pathPrefix is invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters."
	case at.member == "AccessKeyId":
		return "The specified value for accessKeyId is invalid. It must contain only alphanumeric characters."
	case at.member == "PolicyDocument":
		return "The specified value for policyDocument is invalid. It must contain only printable ASCII characters."
	case shape.Pattern == `[\w+=,.@-]+`:
		return "The specified value for " + at.String() + " is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
	}
	return ""
}

func (v *validator) enum(shape *awsapi.Shape) string {
	if !v.echo {
		return "Member must satisfy enum value set"
	}
	return fmt.Sprintf("Member must satisfy enum value set: [%s]", strings.Join(shape.Enum, ", "))
}

// length checks the size of a string, blob, list or map.
func (v *validator) length(value reflect.Value, n int64, shape *awsapi.Shape, at *path) {
	if shape.HasMax && n > shape.Max {
		v.fail(at, shape, value, "Member must have length less than or equal to "+strconv.FormatInt(shape.Max, 10))
	}
	if shape.HasMin && n < shape.Min {
		v.fail(at, shape, value, "Member must have length greater than or equal to "+strconv.FormatInt(shape.Min, 10))
	}
}

// satisfies reports whether a scalar keeps all constraints of its shape.
func (v *validator) satisfies(value reflect.Value, shape *awsapi.Shape) bool {
	switch shape.Type {
	case awsapi.Integer, awsapi.Long, awsapi.Float, awsapi.Double:
		return !aboveMax(value, shape) && !belowMin(value, shape)
	case awsapi.String, awsapi.Blob:
		n := lengthOf(value)
		if shape.HasMax && n > shape.Max || shape.HasMin && n < shape.Min {
			return false
		}
	}
	if shape.Type != awsapi.String {
		return true
	}
	return shape.MatchPattern(value.String()) && (len(shape.Enum) == 0 || slices.Contains(shape.Enum, value.String()))
}

func lengthOf(value reflect.Value) int64 {
	if value.Kind() == reflect.String {
		return int64(utf8.RuneCountInString(value.String()))
	}
	if value.Kind() == reflect.Slice {
		return int64(value.Len())
	}
	return 0
}

func aboveMax(value reflect.Value, shape *awsapi.Shape) bool {
	if value.CanInt() {
		return shape.HasMax && value.Int() > shape.Max
	}
	return shape.HasMax && value.Float() > float64(shape.Max)
}

func belowMin(value reflect.Value, shape *awsapi.Shape) bool {
	if value.CanInt() {
		return shape.HasMin && value.Int() < shape.Min
	}
	return shape.HasMin && value.Float() < float64(shape.Min)
}

// list checks a list. Of a list of scalars the whole is refused, once, with all
// the constraints of an element.
func (v *validator) list(value reflect.Value, shape *awsapi.Shape, at *path) {
	v.length(value, int64(value.Len()), shape, at)
	for i := range value.Len() {
		e := concrete(value.Index(i))
		switch shape.Member.Type {
		case awsapi.Structure, awsapi.List, awsapi.Map:
			v.value(e, shape.Member, &path{parent: at, index: i + 1})
		default:
			if !scalarOf(e, shape.Member) || !v.satisfies(e, shape.Member) {
				v.fail(at, shape, value, "Member must satisfy constraint: "+v.constraints(shape.Member))
				return
			}
		}
	}
}

// mapping checks a map, as lists.
func (v *validator) mapping(value reflect.Value, shape *awsapi.Shape, at *path) {
	v.length(value, int64(value.Len()), shape, at)
	badKey, badValue := false, false
	for _, key := range sortedKeys(value) {
		badKey = badKey || !v.satisfies(key, shape.Key)
		e := concrete(value.MapIndex(key))
		switch shape.Value.Type {
		case awsapi.Structure, awsapi.List, awsapi.Map:
			v.value(e, shape.Value, &path{parent: at, member: key.String()})
		default:
			badValue = badValue || !scalarOf(e, shape.Value) || !v.satisfies(e, shape.Value)
		}
	}
	if badKey {
		v.fail(at, shape, value, "Map keys must satisfy constraint: "+v.constraints(shape.Key))
	}
	if badValue {
		v.fail(at, shape, value, "Map value must satisfy constraint: "+v.constraints(shape.Value))
	}
}

// constraints lists all constraints of an element, broken or not.
func (v *validator) constraints(shape *awsapi.Shape) string {
	var list []string
	noun := "length"
	if shape.Type != awsapi.String && shape.Type != awsapi.Blob {
		noun = "value"
	}
	if shape.HasMax {
		list = append(list, fmt.Sprintf("Member must have %s less than or equal to %d", noun, shape.Max))
	}
	if shape.HasMin {
		list = append(list, fmt.Sprintf("Member must have %s greater than or equal to %d", noun, shape.Min))
	}
	if shape.Pattern != "" {
		list = append(list, "Member must satisfy regular expression pattern: "+shape.Pattern)
	}
	if len(shape.Enum) > 0 {
		list = append(list, v.enum(shape))
	}
	return "[" + strings.Join(append(list, "Member must not be null"), ", ") + "]"
}
