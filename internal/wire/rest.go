package wire

import (
	"bytes"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// restDecoder reads what stands outside the body of a message of REST-JSON or
// REST-XML. A request has no status, a response no path and no query.
type restDecoder struct {
	params awsapi.Params
	query  url.Values
	header http.Header
	status int
}

func (t *Target) decodeREST(r *http.Request, body []byte, into any) (Presence, error) {
	d := restDecoder{params: t.Params, query: r.URL.Query(), header: r.Header}
	return d.decode(t.Protocol, t.Operation.Input, body, into)
}

func (d *restDecoder) decode(protocol string, shape *awsapi.Shape, body []byte, into any) (Presence, error) {
	var p Presence
	s, err := openInput(into, shape)
	if err != nil {
		return p, err
	}
	for i := range shape.Members {
		m := &shape.Members[i]
		slot := s.field(i)
		found, err := d.member(slot, m)
		if err != nil {
			return p, err
		}
		if found {
			s.put(m, slot, &p)
		}
	}
	return p, decodeBody(protocol, s, shape, body, &p)
}

// member fills a slot from path, query or headers; found says whether it did.
func (d *restDecoder) member(slot reflect.Value, m *awsapi.Member) (found bool, err error) {
	switch m.Location {
	case awsapi.InURI:
		text, found := d.params.Lookup(m.WireName())
		return found, set(slot, m.Shape, text, found)
	case awsapi.InQuery:
		return d.queryMember(slot, m)
	case awsapi.InHeader:
		text := d.header.Get(m.WireName())
		if m.Shape.Type == awsapi.List && text != "" {
			return true, setList(slot, m.Shape, splitHeader(text))
		}
		return text != "", set(slot, m.Shape, text, text != "")
	case awsapi.InHeaders:
		return d.prefixed(slot, m)
	case awsapi.InStatus:
		return d.status != 0, set(slot, m.Shape, strconv.Itoa(d.status), d.status != 0)
	}
	return false, nil
}

func set(slot reflect.Value, shape *awsapi.Shape, text string, found bool) error {
	if found && !setText(slot, shape, text) {
		return errValue(shape)
	}
	return nil
}

func setList(slot reflect.Value, shape *awsapi.Shape, texts []string) error {
	out := openList(slot, len(texts))
	for i, text := range texts {
		if err := set(out.Index(i), shape.Member, text, true); err != nil {
			return err
		}
	}
	return nil
}

func splitHeader(text string) []string {
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func (d *restDecoder) queryMember(slot reflect.Value, m *awsapi.Member) (bool, error) {
	texts, found := d.query[m.WireName()]
	switch {
	case m.Shape.Type == awsapi.Map:
		out := openMap(slot)
		for key, values := range d.query {
			value := out.value()
			if err := set(value, m.Shape.Value, values[0], m.Shape.Value.Type != awsapi.List); err != nil {
				return false, err
			}
			out.put(key, value)
		}
		return true, nil
	case !found:
		return false, nil
	case m.Shape.Type == awsapi.List:
		return true, setList(slot, m.Shape, texts)
	}
	if len(texts) > 1 { // twice: see readJSON
		return false, errMalformed("a query parameter occurs more than once")
	}
	return true, set(slot, m.Shape, texts[0], true)
}

// prefixed collects the headers that begin with the member's name: metadata.
func (d *restDecoder) prefixed(slot reflect.Value, m *awsapi.Member) (bool, error) {
	var out mapping
	found := false
	prefix := http.CanonicalHeaderKey(m.LocationName + "x")
	prefix = prefix[:len(prefix)-1]
	for name, values := range d.header {
		if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
			continue
		}
		if !found {
			out, found = openMap(slot), true
		}
		value := out.value()
		if err := set(value, m.Shape.Value, values[0], true); err != nil {
			return false, err
		}
		out.put(strings.ToLower(name[len(prefix):]), value)
	}
	return found, nil
}

// decodeBody fills the payload member, or the members that stand in the body.
func decodeBody(protocol string, s structure, shape *awsapi.Shape, body []byte, p *Presence) error {
	if shape.Payload == "" {
		if len(body) == 0 || !hasBody(shape) {
			return nil
		}
		return decodeMembers(protocol, s, shape, body, true, p)
	}
	m, i := shape.MemberNamed(shape.Payload)
	if m == nil || len(body) == 0 || m.Shape.EventStream {
		return nil
	}
	slot := s.field(i)
	switch m.Shape.Type {
	case awsapi.Blob:
		setBytes(slot, bytes.Clone(body))
	case awsapi.String:
		setString(slot, string(body))
	default:
		inner, err := open(slot, m.Shape)
		if err != nil {
			return err
		}
		if err := decodeMembers(protocol, inner, m.Shape, body, false, p); err != nil {
			return err
		}
	}
	s.put(m, slot, p)
	return nil
}

func hasBody(shape *awsapi.Shape) bool {
	for i := range shape.Members {
		if shape.Members[i].Location == awsapi.InBody {
			return true
		}
	}
	return false
}

func decodeMembers(protocol string, s structure, shape *awsapi.Shape, body []byte, top bool, p *Presence) error {
	if protocol == awsapi.RESTXML {
		root, err := parseXML(body)
		if err != nil {
			return err
		}
		d := xmlDecoder{rest: top}
		err = d.members(s, shape, root, 0)
		p.zero = append(p.zero, d.presence.zero...)
		return err
	}
	tree, err := parseJSON(body)
	if err != nil {
		return err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return errSerialization("Unexpected value at the top of the document")
	}
	d := jsonDecoder{rest: top}
	err = d.members(s, shape, object, 0)
	p.zero = append(p.zero, d.presence.zero...)
	return err
}

// encodeREST spreads the members of the output over status, headers and body.
func (t *Target) encodeREST(dst []byte, requestID string, v reflect.Value) (Response, error) {
	op := t.Operation
	res := Response{Status: op.ResponseCode, Header: t.header(requestID), Body: dst}
	shape := op.Output
	if shape == nil {
		if t.Protocol == awsapi.RESTJSON && res.Status != http.StatusNoContent {
			res.Body = append(res.Body, '{', '}')
		} else {
			res.Header = res.Header[1:]
		}
		return res, nil
	}
	s, err := source(v, shape)
	if err != nil {
		return Response{}, err
	}
	for i := range shape.Members {
		m := &shape.Members[i]
		if field, ok := s.member(i, m); ok {
			if err := res.spread(m, concrete(field)); err != nil {
				return Response{}, err
			}
		}
	}
	res.Body, err = t.appendBody(res.Body, s, v, &res)
	if len(res.Body) == len(dst) && res.Header[0].Value == t.contentType() {
		res.Header = res.Header[1:] // nothing has no type
	}
	return res, err
}

// spread puts a member that doesn't stand in the body where it belongs.
func (res *Response) spread(m *awsapi.Member, v reflect.Value) error {
	switch m.Location {
	case awsapi.InStatus:
		if code := int(v.Int()); code >= 100 && code <= 599 {
			res.Status = code
		}
	case awsapi.InHeader:
		text, err := headerText(v, m.Shape)
		if err != nil {
			return err
		}
		res.setHeader(m.WireName(), text)
	case awsapi.InHeaders:
		if v.Kind() != reflect.Map {
			return errType(v, m.Shape)
		}
		for _, key := range sortedKeys(v) {
			res.setHeader(m.LocationName+key.String(), concrete(v.MapIndex(key)).String())
		}
	}
	return nil
}

func (res *Response) setHeader(name, value string) {
	for i := range res.Header {
		if strings.EqualFold(res.Header[i].Name, name) {
			res.Header[i].Value = value
			return
		}
	}
	res.Header = append(res.Header, Field{name, value})
}

func headerText(v reflect.Value, shape *awsapi.Shape) (string, error) {
	if shape.Type != awsapi.List {
		return textOf(v, shape, "rfc822")
	}
	var texts []string
	for i := range v.Len() {
		text, err := textOf(concrete(v.Index(i)), shape.Member, "rfc822")
		if err != nil {
			return "", err
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", "), nil
}

func inBody(m *awsapi.Member) bool { return m.Location == awsapi.InBody }

func (t *Target) appendBody(dst []byte, s values, v reflect.Value, res *Response) ([]byte, error) {
	shape := t.Operation.Output
	if shape.Payload == "" {
		if t.Protocol == awsapi.RESTJSON {
			if res.Status == http.StatusNoContent {
				return dst, nil
			}
			return appendJSONMembers(dst, v, shape, "unixTimestamp", inBody)
		}
		if !hasBody(shape) {
			return dst, nil
		}
		return appendRoot(dst, rootName(t.Operation), namespaceOf(t.Service), v, shape, inBody)
	}
	m, i := shape.MemberNamed(shape.Payload)
	field, ok := s.member(i, m)
	if !ok {
		return dst, nil
	}
	field = concrete(field)
	switch {
	case m.Shape.Type == awsapi.Blob && scalarOf(field, m.Shape):
		res.payloadType()
		return append(dst, field.Bytes()...), nil
	case m.Shape.Type == awsapi.String && scalarOf(field, m.Shape):
		res.payloadType()
		return append(dst, field.String()...), nil
	case t.Protocol == awsapi.RESTJSON:
		return appendJSON(dst, field, m.Shape, "unixTimestamp")
	}
	return appendRoot(dst, orName(m.LocationName, m.Shape.Name), namespaceOf(t.Service), field, m.Shape, nil)
}

// payloadType replaces the protocol's content type for bytes of any kind, unless
// the operation has set another.
func (res *Response) payloadType() {
	switch res.Header[0].Value {
	case "application/xml", "application/json":
		res.Header[0].Value = "application/octet-stream"
	}
}

// rootName is the root element of an answer: S3 has names of its own, which no
// client looks at.
func rootName(op *awsapi.Operation) string {
	if op.Output.LocationName != "" {
		return op.Output.LocationName
	}
	return strings.TrimSuffix(op.Output.Name, "Output") + "Result"
}

// namespaceOf is that of the service's documents; the model of S3 doesn't say.
func namespaceOf(s *awsapi.Service) string {
	if s.Namespace == "" && s.Name == "s3" {
		return "http://s3.amazonaws.com/doc/2006-03-01/"
	}
	return s.Namespace
}

// appendRoot appends an XML document; only, where given, says which members.
func appendRoot(dst []byte, root, ns string, v reflect.Value, shape *awsapi.Shape, only func(*awsapi.Member) bool) ([]byte, error) {
	w := xmlWriter{dst: append(append(dst, xmlDeclaration...), '\n'), indent: -1, format: "iso8601ms"}
	w.open(root)
	w.dst = w.dst[:len(w.dst)-1]
	w.namespace(ns, "")
	w.dst = append(w.dst, '>')
	mark := len(w.dst)
	if err := w.members(v, shape, only); err != nil {
		return nil, err
	}
	w.end(root, mark)
	return w.dst, nil
}
