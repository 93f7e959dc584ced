package wire

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// Request is a request ready to be signed and sent to a service's endpoint.
type Request struct {
	Method string
	Path   string // escaped, begins with a slash
	Query  string // escaped, without the question mark
	Header []Field
	Body   []byte
}

// EncodeRequest makes a request for op in its service's protocol. in is a
// generated struct, a Document, or a pointer to one; nil has no members. An S3
// bucket is put into the path. An error says what in in doesn't fit the model.
func EncodeRequest(op *awsapi.Operation, in any) (*Request, error) {
	req := &Request{Method: op.Method, Path: "/"}
	var err error
	switch s := op.Service; s.Protocol {
	case awsapi.Query, awsapi.EC2:
		req.Header = []Field{{"Content-Type", formType + "; charset=utf-8"}}
		req.Body, err = encodeForm(op, reflect.ValueOf(in))
	case awsapi.JSON:
		t := Target{Protocol: s.Protocol, JSONVersion: s.JSONVersion}
		req.Header = []Field{{"Content-Type", t.contentType()}, {hdrTarget, s.TargetPrefix + "." + op.Name}}
		req.Body = []byte("{}")
		if op.Input != nil {
			req.Body, err = appendJSON(nil, reflect.ValueOf(in), op.Input, "unixTimestamp")
		}
	default:
		err = req.rest(op, reflect.ValueOf(in))
	}
	if err != nil {
		return nil, fmt.Errorf("encode the request for %s: %w", op.Name, err)
	}
	return req, nil
}

// formWriter appends parameters of the query and ec2 protocols.
type formWriter struct {
	dst []byte
	ec2 bool
}

func encodeForm(op *awsapi.Operation, v reflect.Value) ([]byte, error) {
	w := formWriter{ec2: op.Service.Protocol == awsapi.EC2}
	w.pair("Action", op.Name)
	w.pair("Version", op.Service.APIVersion)
	if op.Input == nil {
		return w.dst, nil
	}
	return w.dst, w.members("", v, op.Input)
}

func (w *formWriter) pair(key, value string) {
	if len(w.dst) > 0 {
		w.dst = append(w.dst, '&')
	}
	w.dst = append(append(w.dst, url.QueryEscape(key)...), '=')
	w.dst = append(w.dst, url.QueryEscape(value)...)
}

func (w *formWriter) members(prefix string, v reflect.Value, shape *awsapi.Shape) error {
	s, err := source(v, shape)
	if err != nil {
		return err
	}
	for i := range shape.Members {
		m := &shape.Members[i]
		field, ok := s.member(i, m)
		if !ok {
			continue
		}
		flat := w.ec2 || m.Flattened || m.Shape.Flattened
		if err := w.value(prefix+formName(m, w.ec2), concrete(field), m.Shape, flat); err != nil {
			return err
		}
	}
	return nil
}

func (w *formWriter) value(name string, v reflect.Value, shape *awsapi.Shape, flat bool) error {
	switch shape.Type {
	case awsapi.Structure:
		return w.members(name+".", v, shape)
	case awsapi.List:
		if v.Kind() != reflect.Slice {
			return errType(v, shape)
		}
		if v.Len() == 0 && !w.ec2 { // facts, 1.1; EC2 has no empty lists
			w.pair(name, "")
		}
		if !flat {
			name += "." + orName(shape.MemberName, "member")
		}
		for i := range v.Len() {
			if err := w.value(name+"."+strconv.Itoa(i+1), concrete(v.Index(i)), shape.Member, w.ec2); err != nil {
				return err
			}
		}
		return nil
	case awsapi.Map:
		return w.entries(name, v, shape, flat)
	}
	text, err := textOf(v, shape, "iso8601")
	if err == nil {
		w.pair(name, text)
	}
	return err
}

func (w *formWriter) entries(name string, v reflect.Value, shape *awsapi.Shape, flat bool) error {
	if v.Kind() != reflect.Map {
		return errType(v, shape)
	}
	if !flat {
		name += ".entry"
	}
	for i, key := range sortedKeys(v) {
		entry := name + "." + strconv.Itoa(i+1) + "."
		w.pair(entry+orName(shape.KeyName, "key"), key.String())
		err := w.value(entry+orName(shape.ValueName, "value"), concrete(v.MapIndex(key)), shape.Value, w.ec2)
		if err != nil {
			return err
		}
	}
	return nil
}

// rest spreads the members of the input over path, query, headers and body.
func (req *Request) rest(op *awsapi.Operation, v reflect.Value) error {
	path, query, _ := strings.Cut(op.URI, "?")
	req.Path, req.Query = path, query
	if op.Input == nil {
		return nil
	}
	s, err := source(v, op.Input)
	if err != nil {
		return err
	}
	for i := range op.Input.Members {
		m := &op.Input.Members[i]
		field, ok := s.member(i, m)
		if !ok {
			if m.Location == awsapi.InURI {
				return fmt.Errorf("%s is required", m.Name)
			}
			continue
		}
		if err := req.spread(m, concrete(field)); err != nil {
			return err
		}
	}
	return req.restBody(op, s, v)
}

func (req *Request) spread(m *awsapi.Member, v reflect.Value) error {
	switch m.Location {
	case awsapi.InURI:
		text, err := textOf(v, m.Shape, "iso8601")
		if err == nil && text == "" {
			err = fmt.Errorf("%s must not be empty", m.Name)
		}
		greedy := "{" + m.WireName() + "+}"
		if strings.Contains(req.Path, greedy) {
			req.Path = strings.Replace(req.Path, greedy, escapePath(text, true), 1)
		} else {
			req.Path = strings.Replace(req.Path, "{"+m.WireName()+"}", escapePath(text, false), 1)
		}
		return err
	case awsapi.InQuery:
		return req.queryMember(m, v)
	case awsapi.InHeader, awsapi.InHeaders:
		var res Response
		err := res.spread(m, v)
		req.Header = append(req.Header, res.Header...)
		return err
	}
	return nil
}

func (req *Request) queryMember(m *awsapi.Member, v reflect.Value) error {
	switch m.Shape.Type {
	case awsapi.List:
		for i := range v.Len() {
			if err := req.param(m.WireName(), concrete(v.Index(i)), m.Shape.Member); err != nil {
				return err
			}
		}
		return nil
	case awsapi.Map:
		for _, key := range sortedKeys(v) {
			if err := req.param(key.String(), concrete(v.MapIndex(key)), m.Shape.Value); err != nil {
				return err
			}
		}
		return nil
	}
	return req.param(m.WireName(), v, m.Shape)
}

func (req *Request) param(name string, v reflect.Value, shape *awsapi.Shape) error {
	text, err := textOf(v, shape, "iso8601")
	if req.Query != "" {
		req.Query += "&"
	}
	req.Query += escapePath(name, false) + "=" + escapePath(text, false)
	return err
}

// restBody makes the body: the payload, or the members that stand there.
func (req *Request) restBody(op *awsapi.Operation, s values, v reflect.Value) error {
	shape, xml := op.Input, op.Service.Protocol == awsapi.RESTXML
	var err error
	switch {
	case shape.Payload != "":
		m, i := shape.MemberNamed(shape.Payload)
		field, ok := s.member(i, m)
		switch field = concrete(field); {
		case !ok:
		case m.Shape.Type == awsapi.Blob && scalarOf(field, m.Shape):
			req.Body = field.Bytes()
		case m.Shape.Type == awsapi.String && scalarOf(field, m.Shape):
			req.Body = []byte(field.String())
		case xml:
			req.Body, err = appendRoot(nil, orName(m.LocationName, m.Shape.Name), orName(m.Namespace, op.Service.Namespace), field, m.Shape, nil)
		default:
			req.json()
			req.Body, err = appendJSON(nil, field, m.Shape, "unixTimestamp")
		}
	case !hasBody(shape):
	case xml:
		req.Body, err = appendRoot(nil, orName(op.InputName, shape.Name), op.InputNamespace, v, shape, inBody)
	default:
		req.json()
		req.Body, err = appendJSONMembers(nil, v, shape, "unixTimestamp", inBody)
	}
	return err
}

func (req *Request) json() {
	req.Header = append(req.Header, Field{"Content-Type", "application/json"})
}

// escapePath escapes all but RFC 3986's unreserved characters, and slashes where
// keepSlash.
func escapePath(s string, keepSlash bool) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0,
			c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
