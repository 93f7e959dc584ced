package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// node is an element of a parsed XML document.
type node struct {
	name  string // without its prefix
	attrs []xml.Attr
	text  []byte
	kids  []*node
}

// malformedXML is S3's text.
const malformedXML = "The XML you provided was not well-formed or did not validate against our published schema"

func errXML() error { return awsapi.Code("MalformedXML").New(malformedXML) }

// parseXML reads a document into memory. It takes no DOCTYPE and so no entities
// but XML's own.
func parseXML(body []byte) (*node, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	root := new(node)
	stack := []*node{root}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || len(stack) > maxDepth {
			return nil, errXML()
		}
		top := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &node{name: tok.Name.Local, attrs: tok.Attr}
			top.kids = append(top.kids, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text = append(top.text, tok...)
		case xml.Directive:
			return nil, errXML()
		}
	}
	if len(root.kids) != 1 || len(bytes.TrimSpace(root.text)) > 0 {
		return nil, errXML()
	}
	return root.kids[0], nil
}

// child returns the first element of a name.
func (n *node) child(name string) *node {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// children returns all elements of a name.
func (n *node) children(name string) []*node {
	var list []*node
	for _, k := range n.kids {
		if k.name == name {
			list = append(list, k)
		}
	}
	return list
}

// xmlDecoder fills values from elements.
type xmlDecoder struct {
	rest     bool // leave out members that stand elsewhere than in the body
	ec2      bool // elements of lists are called item
	presence Presence
}

func (d *xmlDecoder) members(s structure, shape *awsapi.Shape, n *node, depth int) error {
	for i := range shape.Members {
		m := &shape.Members[i]
		if d.rest && depth == 0 && m.Location != awsapi.InBody {
			continue
		}
		slot := s.field(i)
		found, err := d.member(slot, m, n, depth)
		if err != nil {
			return err
		}
		if found {
			s.put(m, slot, &d.presence)
		}
	}
	return nil
}

func (d *xmlDecoder) member(slot reflect.Value, m *awsapi.Member, n *node, depth int) (found bool, err error) {
	name := m.WireName()
	if m.XMLAttribute {
		local := name[strings.LastIndexByte(name, ':')+1:] // xsi:type
		for _, a := range n.attrs {
			if a.Name.Local == local {
				return true, set(slot, m.Shape, a.Value, true)
			}
		}
		return false, nil
	}
	flat := m.Flattened || m.Shape.Flattened
	if flat && (m.Shape.Type == awsapi.List || m.Shape.Type == awsapi.Map) {
		list := n.children(orName(m.Shape.MemberName, name))
		if len(list) == 0 {
			return false, nil
		}
		return true, d.collection(slot, m.Shape, list, depth)
	}
	switch kids := n.children(name); len(kids) {
	case 0:
		return false, nil
	case 1:
		return true, d.value(slot, m.Shape, kids[0], depth)
	}
	return false, errXML() // twice: see readJSON
}

func (d *xmlDecoder) value(slot reflect.Value, shape *awsapi.Shape, n *node, depth int) error {
	switch shape.Type {
	case awsapi.Structure:
		s, err := open(slot, shape)
		if err != nil {
			return err
		}
		return d.members(s, shape, n, depth+1)
	case awsapi.List:
		name := "member"
		if d.ec2 {
			name = "item"
		}
		return d.collection(slot, shape, n.children(orName(shape.MemberName, name)), depth)
	case awsapi.Map:
		return d.collection(slot, shape, n.children("entry"), depth)
	}
	text := string(n.text)
	if shape.Type != awsapi.String {
		text = strings.TrimSpace(text)
	}
	if len(n.kids) > 0 || !setText(slot, shape, text) {
		return errXML()
	}
	return nil
}

func (d *xmlDecoder) collection(slot reflect.Value, shape *awsapi.Shape, list []*node, depth int) error {
	if shape.Type == awsapi.List {
		out := openList(slot, len(list))
		for i, n := range list {
			if err := d.value(out.Index(i), shape.Member, n, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	out := openMap(slot)
	for _, n := range list {
		key, value := n.child(orName(shape.KeyName, "key")), n.child(orName(shape.ValueName, "value"))
		if key == nil || value == nil {
			return errXML()
		}
		v := out.value()
		if err := d.value(v, shape.Value, value, depth+1); err != nil {
			return err
		}
		out.put(string(key.text), v)
	}
	return nil
}
