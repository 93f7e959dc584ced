package wire

import (
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// faultNamespace is the XML namespace of an error that no service made
// (facts, 1.1).
const faultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"

// EncodeError appends the body of an error answer to dst and returns it with
// status and headers, in the request's protocol. The status is that of the code
// in the service's model or, for errors common to all services, AWS's usual one.
//
// Extra fields become elements beside the message in S3's errors and members in
// JSON; the other protocols have no room for them.
func (t *Target) EncodeError(dst []byte, requestID string, e *awsapi.Error, fields ...Field) Response {
	res := Response{Status: t.Status(e.Code), Header: t.header(requestID)}
	switch t.Protocol {
	case awsapi.Query:
		res.Body = t.appendQueryError(dst, requestID, e)
	case awsapi.EC2:
		res.Body = appendEC2Error(dst, requestID, e)
	case awsapi.RESTXML:
		res.Body = appendS3Error(dst, requestID, e, fields)
	case awsapi.JSON:
		dst = append(dst, `{"__type":`...)
		res.Body = t.appendErrorMembers(appendJSONString(dst, string(e.Code)), ",", e, fields)
	case awsapi.CBOR:
		res.Header = append(res.Header, Field{hdrSmithy, awsapi.CBOR})
		res.Body = appendCBORError(dst, e)
	default:
		res.Header = append(res.Header, Field{"x-amzn-ErrorType", string(e.Code)})
		res.Body = t.appendErrorMembers(append(dst, '{'), "", e, fields)
	}
	return res
}

// Status returns the HTTP status of an error code in the target's protocol.
func (t *Target) Status(code awsapi.Code) int {
	status := t.Service.Status(string(code))
	if t.Service == nil && (t.Protocol == awsapi.JSON || t.Protocol == awsapi.CBOR) && status < 500 {
		return 400
	}
	return status
}

func (t *Target) appendQueryError(dst []byte, requestID string, e *awsapi.Error) []byte {
	fault := "Sender"
	if t.Status(e.Code) >= 500 {
		fault = "Receiver"
	}
	if t.AcceptJSON {
		dst = append(dst, `{"Error":{"Type":"`...)
		dst = append(append(dst, fault...), `","Code":`...)
		dst = appendJSONString(dst, string(e.Code))
		if e.Message != "" {
			dst = appendJSONString(append(dst, `,"Message":`...), e.Message)
		}
		return append(appendJSONString(append(dst, `},"RequestId":`...), requestID), '}')
	}
	ns := faultNamespace
	if t.Service != nil && e.Code != awsapi.InvalidAction {
		ns = t.Service.Namespace
	}
	dst = append(append(append(dst, `<ErrorResponse xmlns="`...), ns...), `">`...)
	w := xmlWriter{dst: dst, indent: 2, level: 1}
	w.open("Error")
	w.text("Type", fault)
	w.text("Code", string(e.Code))
	if e.Message != "" { // facts, 1.2: ReportNotPresent has none
		w.text("Message", e.Message)
	}
	w.end("Error", 0)
	w.text("RequestId", requestID)
	return append(w.dst, "\n</ErrorResponse>\n"...)
}

// appendEC2Error writes EC2's shape (facts, 12).
func appendEC2Error(dst []byte, requestID string, e *awsapi.Error) []byte {
	w := xmlWriter{dst: append(append(dst, xmlDeclaration...), '\n'), indent: -1}
	for _, name := range []string{"Response", "Errors", "Error"} {
		w.open(name)
	}
	w.text("Code", string(e.Code))
	w.text("Message", e.Message)
	w.close("Error")
	w.close("Errors")
	w.text("RequestID", requestID)
	w.close("Response")
	return w.dst
}

// appendS3Error writes S3's shape (facts, 12): no namespace, no type.
func appendS3Error(dst []byte, requestID string, e *awsapi.Error, fields []Field) []byte {
	w := xmlWriter{dst: append(append(dst, xmlDeclaration...), '\n'), indent: -1}
	w.open("Error")
	w.text("Code", string(e.Code))
	w.text("Message", e.Message)
	hostID := ""
	for _, f := range fields {
		if f.Name == "HostId" { // stands last
			hostID = f.Value
			continue
		}
		w.text(f.Name, f.Value)
	}
	w.text("RequestId", requestID)
	if hostID != "" {
		w.text("HostId", hostID)
	}
	w.close("Error")
	return w.dst
}

// appendErrorMembers appends message and fields to a JSON object, and its end.
func (t *Target) appendErrorMembers(dst []byte, comma string, e *awsapi.Error, fields []Field) []byte {
	if e.Message != "" {
		fields = append([]Field{{t.messageName(e.Code), e.Message}}, fields...)
	}
	for _, f := range fields {
		dst = appendJSONString(append(dst, comma...), f.Name)
		dst = appendJSONString(append(dst, ':'), f.Value)
		comma = ","
	}
	return append(dst, '}')
}

// messageName is the member that holds an error's message: as the model spells
// it, else as recorded (facts, 12).
func (t *Target) messageName(code awsapi.Code) string {
	if t.Service != nil {
		if shape := t.Service.Error(string(code)); shape != nil {
			for _, m := range shape.Members {
				if strings.EqualFold(m.Name, "message") {
					return m.WireName()
				}
			}
		}
	}
	if code == awsapi.AccessDeniedException {
		return "Message"
	}
	return "message"
}

// appendCBORError writes a map of type and message (Smithy RPC v2 CBOR).
func appendCBORError(dst []byte, e *awsapi.Error) []byte {
	dst = append(dst, 0xa2)
	for _, s := range []string{"__type", string(e.Code), "message", e.Message} {
		dst = appendCBORText(dst, s)
	}
	return dst
}

func appendCBORText(dst []byte, s string) []byte {
	const text = 3 << 5
	switch n := len(s); {
	case n < 24:
		dst = append(dst, text|byte(n))
	case n < 1<<8:
		dst = append(dst, text|24, byte(n))
	case n < 1<<16:
		dst = append(dst, text|25, byte(n>>8), byte(n))
	default:
		dst = append(dst, text|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, s...)
}
