package wire

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// errTooDeep refuses what nests deeper than any model.
var errTooDeep = errors.New("nested too deeply")

// formDecoder reads the query and ec2 protocols.
type formDecoder struct {
	ec2      bool
	presence Presence
}

// decodeForm fills into from the parameters of a query or ec2 request.
// Parameters that the shape doesn't have are passed over, as AWS does.
func decodeForm(f *Form, shape *awsapi.Shape, into any, ec2 bool) (Presence, error) {
	s, err := openInput(into, shape)
	if err != nil {
		return Presence{}, err
	}
	d := formDecoder{ec2: ec2}
	err = d.members(s, shape, f.all(), 0)
	return d.presence, err
}

func (d *formDecoder) members(s structure, shape *awsapi.Shape, b branch, depth int) error {
	if depth > maxDepth {
		return errMalformed(errTooDeep.Error())
	}
	for i := range shape.Members {
		m := &shape.Members[i]
		name := formName(m, d.ec2)
		text, found := b.leaf(name)
		under := b.under(name)
		if !found && len(under.pairs) == 0 {
			continue
		}
		slot := s.field(i)
		if err := d.value(slot, m, m.Shape, text, found, under, depth); err != nil {
			return err
		}
		s.put(m, slot, &d.presence)
	}
	return nil
}

// formName is the member's name in a parameter.
func formName(m *awsapi.Member, ec2 bool) string {
	if ec2 {
		switch {
		case m.QueryName != "":
			return m.QueryName
		case m.LocationName != "":
			return strings.ToUpper(m.LocationName[:1]) + m.LocationName[1:]
		}
		return m.Name
	}
	if m.Shape.Type == awsapi.List && (m.Flattened || m.Shape.Flattened) && m.Shape.MemberName != "" {
		return m.Shape.MemberName
	}
	return m.WireName()
}

// value fills one slot: from text where there is such a parameter, from what is
// under its name otherwise. m is nil for elements.
func (d *formDecoder) value(slot reflect.Value, m *awsapi.Member, shape *awsapi.Shape, text string, found bool, under branch, depth int) error {
	switch shape.Type {
	case awsapi.Structure:
		s, err := open(slot, shape)
		if err != nil {
			return err
		}
		return d.members(s, shape, under, depth+1)
	case awsapi.List, awsapi.Map:
		if found && text != "" {
			return errMalformed("a value was found where a list was expected")
		}
		flat := d.ec2 || shape.Flattened || m != nil && m.Flattened
		if shape.Type == awsapi.Map {
			return d.entries(slot, shape, under, flat, depth)
		}
		return d.elements(slot, shape, under, flat, depth)
	}
	if len(under.pairs) > 0 {
		return errMalformed("a list or structure was found where a value was expected")
	}
	if !setText(slot, shape, text) {
		return errValue(shape)
	}
	return nil
}

func (d *formDecoder) elements(slot reflect.Value, shape *awsapi.Shape, b branch, flat bool, depth int) error {
	if !flat {
		name := shape.MemberName
		if name == "" {
			name = "member"
		}
		b = b.under(name)
	}
	list, ok := b.elements()
	if !ok {
		return errMalformed("a list has an index that is not a number")
	}
	out := openList(slot, len(list))
	for i, e := range list {
		text, found := e.value()
		if err := d.value(out.Index(i), nil, shape.Member, text, found, e.rest(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *formDecoder) entries(slot reflect.Value, shape *awsapi.Shape, b branch, flat bool, depth int) error {
	if !flat {
		b = b.under("entry")
	}
	list, ok := b.elements()
	if !ok {
		return errMalformed("a map has an index that is not a number")
	}
	out := openMap(slot)
	for _, e := range list {
		key, found := e.leaf(orName(shape.KeyName, "key"))
		if !found {
			return errMalformed("an entry of a map has no key")
		}
		name := orName(shape.ValueName, "value")
		text, found := e.leaf(name)
		value := out.value()
		if err := d.value(value, nil, shape.Value, text, found, e.under(name), depth+1); err != nil {
			return err
		}
		out.put(key, value)
	}
	return nil
}

func orName(name, otherwise string) string {
	if name != "" {
		return name
	}
	return otherwise
}

// errMalformed is the refusal of a request that can't be read. AWS's own words
// for these cases aren't known.
func errMalformed(why string) error {
	return awsapi.MalformedInput.New("The request could not be parsed: %s.", why)
}

// errValue is the refusal of a text that is no value of its type. It doesn't
// repeat the text, which may be a secret at the wrong place.
func errValue(shape *awsapi.Shape) error {
	return errMalformed(fmt.Sprintf("a value is not a valid %s", shape.Type))
}
