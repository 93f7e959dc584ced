package wire

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// DecodeResponse reads the answer to a request of EncodeRequest into a generated
// struct or a *Document. For a status of 300 or more it returns what the service
// says is wrong, an *awsapi.Error; other errors say that the answer is not one.
func DecodeResponse(op *awsapi.Operation, status int, header http.Header, body []byte, out any) error {
	protocol, shape := op.Service.Protocol, op.Output
	if status >= 300 {
		return decodeError(protocol, status, header, body)
	}
	if shape == nil {
		return nil
	}
	var err error
	switch protocol {
	case awsapi.JSON:
		_, err = decodeJSON(body, shape, out)
	case awsapi.Query, awsapi.EC2:
		err = decodeXMLAnswer(op, body, out)
	default:
		d := restDecoder{header: header, status: status}
		_, err = d.decode(protocol, shape, body, out)
	}
	if err != nil {
		return fmt.Errorf("the answer to %s can't be read: %w", op.Name, err)
	}
	return nil
}

func decodeXMLAnswer(op *awsapi.Operation, body []byte, out any) error {
	root, err := parseXML(body)
	if err != nil {
		return err
	}
	d := xmlDecoder{ec2: op.Service.Protocol == awsapi.EC2}
	if op.ResultWrapper != "" {
		if root = root.child(op.ResultWrapper); root == nil {
			return fmt.Errorf("it has no %s", op.ResultWrapper)
		}
	}
	s, err := openInput(out, op.Output)
	if err != nil {
		return err
	}
	return d.members(s, op.Output, root, 0)
}

// decodeError reads an error answer; where it has no code, the status is one.
func decodeError(protocol string, status int, header http.Header, body []byte) error {
	var code, message string
	switch protocol {
	case awsapi.JSON, awsapi.RESTJSON:
		code, message = jsonError(header, body)
	default:
		code, message = xmlError(body)
	}
	if code == "" {
		code = strings.ReplaceAll(http.StatusText(status), " ", "")
	}
	return &awsapi.Error{Code: awsapi.Code(code), Message: message}
}

func xmlError(body []byte) (code, message string) {
	n, err := parseXML(body)
	if err != nil {
		return "", ""
	}
	for _, name := range []string{"Errors", "Error"} { // ec2 has both, query one, S3 none
		if kid := n.child(name); kid != nil {
			n = kid
		}
	}
	if c := n.child("Code"); c != nil {
		code = string(c.text)
	}
	if m := n.child("Message"); m != nil {
		message = string(m.text)
	}
	return code, message
}

func jsonError(header http.Header, body []byte) (code, message string) {
	tree, _ := parseJSON(body)
	object, _ := tree.(map[string]any)
	code = header.Get("x-amzn-ErrorType")
	for _, name := range []string{"__type", "code"} {
		if s, ok := object[name].(string); ok && code == "" {
			code = s
		}
	}
	code = code[strings.LastIndexByte(code, '#')+1:] // com.amazon.coral.service#…
	code, _, _ = strings.Cut(code, ":")              // …:http://internal.amazon.com/…
	for _, name := range []string{"message", "Message"} {
		if s, ok := object[name].(string); ok {
			message = s
		}
	}
	return code, message
}
