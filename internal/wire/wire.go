// Package wire speaks the protocols of AWS's APIs, for a server and driven by
// the models of awsapi: query, ec2, JSON 1.0 and 1.1, REST-JSON and REST-XML.
//
// Detect says what a request asks for, Decode reads its input, Validate holds it
// against the model's constraints, Encode writes the answer or the error. None of
// them knows who asks or whether they may.
//
// Inputs and outputs are generated structs, whose field i is member i of the
// shape, or Documents for services without generated types. A Document holds
// string, bool, int64, float64, time.Time, []byte, []any, map[string]any (maps)
// and Document (structures), by the member names of the model.
package wire

import (
	"net/http"
	"strconv"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// Document is a structure of a service without generated types.
type Document = map[string]any

// Field is a named value: a header, or an extra element of an error.
type Field struct{ Name, Value string }

// Target is what a request asks for. Its methods read and write in the request's
// own protocol.
type Target struct {
	Protocol    string            // one of awsapi's protocol names
	JSONVersion string            // "1.0" or "1.1", where Protocol is awsapi.JSON
	Service     *awsapi.Service   // nil where there is no model
	Name        string            // of the operation; "" where it can't be known
	Operation   *awsapi.Operation // nil where the model has none of that name, or there is no model
	Params      awsapi.Params     // labels of a REST path
	Form        *Form             // the parameters of a query or ec2 request
	AcceptJSON  bool              // answer in JSON although the protocol is query: STS can (facts, 1.1)
}

// Response is an answer ready to be sent.
type Response struct {
	Status int
	Header []Field // Content-Type, the request id, and those of the operation
	Body   []byte
}

// Write sends the response. Where the operation has set the length (HeadObject),
// that is kept. Header names go out in AWS's spelling, not in Go's.
func (r *Response) Write(w http.ResponseWriter) error {
	h := w.Header()
	values := make([]string, 0, len(r.Header)+1)
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if r.Status != http.StatusNoContent {
		set("Content-Length", strconv.Itoa(len(r.Body)))
	}
	for _, f := range r.Header {
		set(f.Name, f.Value)
	}
	w.WriteHeader(r.Status)
	if len(r.Body) == 0 {
		return nil
	}
	_, err := w.Write(r.Body)
	return err
}

// Decode reads the input of a request for op into a generated struct or a
// *Document. For errors and Presence see Target.Decode, which doesn't parse the
// form again.
func Decode(op *awsapi.Operation, r *http.Request, body []byte, into any) (Presence, error) {
	t := Target{Protocol: op.Service.Protocol, Service: op.Service, Name: op.Name, Operation: op}
	switch t.Protocol {
	case awsapi.Query, awsapi.EC2:
		t.Form = new(Form)
		if err := t.Form.parseRequest(r, body); err != nil {
			return Presence{}, err
		}
	case awsapi.RESTJSON, awsapi.RESTXML:
		_, t.Params = op.Service.MatchHeader(r.Method, r.URL.EscapedPath(), r.URL.Query(), r.Header)
	}
	return t.Decode(r, body, into)
}

// Encode appends the body of op's answer, in the protocol of its service.
func Encode(op *awsapi.Operation, requestID string, out any, dst []byte) ([]byte, error) {
	t := Target{
		Protocol: op.Service.Protocol, JSONVersion: op.Service.JSONVersion,
		Service: op.Service, Name: op.Name, Operation: op,
	}
	res, err := t.Encode(dst, requestID, out)
	return res.Body, err
}
