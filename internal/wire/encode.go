package wire

import (
	"fmt"
	"reflect"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// Encode appends the body of the operation's answer to dst, which may be nil, and
// returns it with status and headers. out is a generated struct, a Document or a
// pointer to one; nil is an answer without members. An error means that out isn't
// of the operation's output type: a bug of the operation.
func (t *Target) Encode(dst []byte, requestID string, out any) (Response, error) {
	if t.Operation == nil {
		return Response{}, fmt.Errorf("encode: operation %q has no model", t.Name)
	}
	v := reflect.ValueOf(out)
	var err error
	switch t.Protocol {
	case awsapi.Query:
		if t.AcceptJSON {
			dst, err = t.appendQueryJSON(dst, requestID, v)
		} else {
			dst, err = t.appendQuery(dst, requestID, v)
		}
	case awsapi.EC2:
		dst, err = t.appendEC2(dst, requestID, v)
	case awsapi.JSON:
		if t.Operation.Output != nil {
			dst, err = appendJSON(dst, v, t.Operation.Output, "unixTimestamp")
		} else {
			dst = append(dst, '{', '}')
		}
	case awsapi.RESTJSON, awsapi.RESTXML:
		return t.encodeREST(dst, requestID, v)
	default:
		err = fmt.Errorf("encode: no encoder for %s", t.Protocol)
	}
	if err != nil {
		return Response{}, fmt.Errorf("encode the answer of %s: %w", t.Name, err)
	}
	return Response{Status: t.Operation.ResponseCode, Header: t.header(requestID), Body: dst}, nil
}

// header returns the content type of the protocol's bodies and the request id.
func (t *Target) header(requestID string) []Field {
	name := hdrRequestID
	if t.Service != nil && t.Service.Name == "s3" {
		name = "x-amz-request-id"
	}
	return []Field{{"Content-Type", t.contentType()}, {name, requestID}}
}

func (t *Target) contentType() string {
	switch t.Protocol {
	case awsapi.Query:
		if t.AcceptJSON {
			return "application/json"
		}
		return "text/xml"
	case awsapi.EC2:
		return "text/xml;charset=UTF-8"
	case awsapi.JSON:
		if t.JSONVersion == "1.0" {
			return "application/x-amz-json-1.0"
		}
		return "application/x-amz-json-1.1"
	case awsapi.RESTXML:
		return "application/xml"
	case awsapi.CBOR:
		return "application/cbor"
	}
	return "application/json"
}

// appendQuery writes the answer of a query service (facts, 1.2).
func (t *Target) appendQuery(dst []byte, requestID string, v reflect.Value) ([]byte, error) {
	op := t.Operation
	dst = append(append(append(dst, '<'), op.Name...), `Response xmlns="`...)
	dst = append(append(dst, op.Service.Namespace...), `">`...)
	w := xmlWriter{dst: dst, indent: 2, level: 1}
	if op.Output != nil {
		w.open(op.ResultWrapper)
		mark := len(w.dst)
		if err := w.members(v, op.Output, nil); err != nil {
			return nil, err
		}
		w.end(op.ResultWrapper, mark)
	}
	w.open("ResponseMetadata")
	w.text("RequestId", requestID)
	w.end("ResponseMetadata", 0)
	return append(append(append(w.dst, "\n</"...), op.Name...), "Response>\n"...), nil
}

// appendQueryJSON writes the same as JSON (facts, 1.1): times are numbers.
func (t *Target) appendQueryJSON(dst []byte, requestID string, v reflect.Value) ([]byte, error) {
	op := t.Operation
	dst = append(append(append(dst, `{"`...), op.Name...), `Response":{`...)
	if op.Output != nil {
		dst = append(append(append(dst, '"'), op.ResultWrapper...), `":`...)
		var err error
		if dst, err = appendJSON(dst, v, op.Output, "unixTimestamp"); err != nil {
			return nil, err
		}
		dst = append(dst, ',')
	}
	dst = append(dst, `"ResponseMetadata":{"RequestId":`...)
	return append(appendJSONString(dst, requestID), `}}}`...), nil
}

// appendEC2 writes the answer of EC2: the request id first, no result element.
func (t *Target) appendEC2(dst []byte, requestID string, v reflect.Value) ([]byte, error) {
	op := t.Operation
	dst = append(append(dst, xmlDeclaration...), "\n<"...)
	dst = append(append(dst, op.Name...), `Response xmlns="`...)
	dst = append(append(dst, op.Service.Namespace...), `/">`...)
	w := xmlWriter{dst: dst, indent: 4, level: 1, format: "iso8601ms", ec2: true}
	w.text("requestId", requestID)
	if op.Output != nil {
		if err := w.members(v, op.Output, nil); err != nil {
			return nil, err
		}
	} else {
		w.text("return", "true") // as EC2 does where the model has no output
	}
	return append(append(append(w.dst, "\n</"...), op.Name...), "Response>"...), nil
}
