package wire

import (
	"fmt"
	"net/http"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// Decode reads the request's input into a generated struct or a *Document, which
// must be empty. It checks no constraint: that is Validate's, which needs the
// Presence.
//
// An error is an *awsapi.Error that the caller may see (what can't be read, or
// has another type than the model's), or one that says that into has the wrong
// type. The operation must be known.
func (t *Target) Decode(r *http.Request, body []byte, into any) (Presence, error) {
	if t.Operation == nil {
		return Presence{}, fmt.Errorf("decode: operation %q has no model", t.Name)
	}
	shape := t.Operation.Input
	if shape == nil {
		return Presence{}, nil
	}
	switch t.Protocol {
	case awsapi.Query:
		return decodeForm(t.Form, shape, into, false)
	case awsapi.EC2:
		return decodeForm(t.Form, shape, into, true)
	case awsapi.JSON:
		return decodeJSON(body, shape, into)
	case awsapi.RESTJSON, awsapi.RESTXML:
		return t.decodeREST(r, body, into)
	}
	return Presence{}, fmt.Errorf("decode: no decoder for %s", t.Protocol)
}
