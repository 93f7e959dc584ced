package wire

import (
	"cmp"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

const (
	hdrTarget    = "X-Amz-Target"
	hdrSmithy    = "Smithy-Protocol"
	hdrRequestID = "x-amzn-RequestId"
	formType     = "application/x-www-form-urlencoded"
)

// Detect says what a request asks for. The signing service is that of the
// credential scope, which decides; where it is empty (an unsigned request), only
// the query services whose version the request names are known.
//
// An error is an *awsapi.Error that the caller may see: a query request without
// Action, or one whose Action or Version doesn't exist. The Target is then good
// enough to encode that error. For the other protocols an unknown operation is
// no error: Operation is nil.
//
// A host-style S3 request must have its bucket in the path.
func Detect(r *http.Request, signingService string, body []byte) (Target, error) {
	t := Target{Service: awsapi.BySigningName(signingService)}
	if t.Service == nil {
		return t.detectByShape(r, signingService, body)
	}
	t.Protocol, t.JSONVersion = t.Service.Protocol, t.Service.JSONVersion
	switch t.Protocol {
	case awsapi.Query, awsapi.EC2:
		t.AcceptJSON = t.Service.Name == "sts" && acceptsJSON(r)
		t.Form = new(Form)
		if err := t.Form.parseRequest(r, body); err != nil {
			return t, err
		}
		err := t.queryOperation()
		if errors.Is(err, awsapi.InvalidAction) {
			err = cmp.Or(t.otherService(r), err)
		}
		return t, err
	case awsapi.JSON:
		t.jsonOperation(r)
	default:
		t.Operation, t.Params = t.Service.MatchHeader(r.Method, r.URL.EscapedPath(), r.URL.Query(), r.Header)
		if t.Operation != nil {
			t.Name = t.Operation.Name
		}
	}
	return t, nil
}

// queryOperation reads Action and Version (facts, 1.1).
func (t *Target) queryOperation() error {
	t.Name = t.Form.Get("Action")
	if t.Name == "" {
		return awsapi.MissingAction.New("The request is missing an action or a required parameter.")
	}
	version := t.Form.Get("Version")
	op := t.Service.Operation(t.Name)
	switch {
	case t.Protocol == awsapi.EC2 && op == nil:
		return awsapi.InvalidAction.New("The action %s is not valid for this web service.", t.Name)
	case t.Protocol == awsapi.EC2: // EC2 serves all its versions
	case version == "":
		version = "NO_VERSION_SPECIFIED"
		fallthrough
	case op == nil, version != t.Service.APIVersion:
		return awsapi.InvalidAction.New("Could not find operation %s for version %s", t.Name, version)
	}
	t.Operation = op
	return nil
}

func (t *Target) jsonOperation(r *http.Request) {
	target := r.Header.Get(hdrTarget)
	dot := strings.LastIndexByte(target, '.')
	t.Name = target[dot+1:]
	if dot >= 0 && !sameTarget(target[:dot], t.Service.TargetPrefix) {
		t.Name = "" // another service, or another version of this one
		return
	}
	t.Operation = t.Service.Operation(t.Name)
}

// sameTarget reports whether a request's prefix is the model's. The SDKs that are
// made of Smithy models (JavaScript 3, Go 2, Rust, Kotlin) send only the name of
// CloudTrail's, without the package before it, and AWS takes both.
func sameTarget(prefix, model string) bool {
	return prefix == model || prefix == model[strings.LastIndexByte(model, '.')+1:]
}

// detectByShape goes by what the request looks like.
func (t Target) detectByShape(r *http.Request, signingService string, body []byte) (Target, error) {
	contentType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch target := r.Header.Get(hdrTarget); {
	case target != "":
		t.Protocol, t.JSONVersion = awsapi.JSON, "1.1"
		if strings.HasSuffix(contentType, "-1.0") {
			t.JSONVersion = "1.0"
		}
		t.Name = target[strings.LastIndexByte(target, '.')+1:]
	case r.Header.Get(hdrSmithy) == awsapi.CBOR:
		t.Protocol = awsapi.CBOR
		_, t.Name, _ = strings.Cut(r.URL.Path, "/operation/")
	case contentType == formType, strings.Contains("&"+r.URL.RawQuery, "&Action="):
		return t.detectQuery(r, signingService, body)
	default:
		t.Protocol = awsapi.RESTJSON
	}
	return t, nil
}

func (t Target) detectQuery(r *http.Request, signingService string, body []byte) (Target, error) {
	t.Protocol, t.Form = awsapi.Query, new(Form)
	if err := t.Form.parseRequest(r, body); err != nil {
		return t, err
	}
	if t.Name = t.Form.Get("Action"); t.Name == "" {
		return t, awsapi.MissingAction.New("The request is missing an action or a required parameter.")
	}
	if signingService == "" {
		t.unsigned(r)
		return t, nil
	}
	return t, t.otherService(r)
}

// otherService refuses a query request that is signed for another service than
// the one whose operation and version it names (facts, 2.1).
func (t *Target) otherService(r *http.Request) error {
	if t.unsigned(r); t.Operation == nil {
		return nil
	}
	t.Operation = nil // it isn't to be carried out
	return awsapi.SignatureDoesNotMatch.New("Credential should be scoped to correct service: '%s'. ", t.Service.SigningName)
}

// unsigned finds the operation of a query request by its version, whatever it is
// signed for.
func (t *Target) unsigned(r *http.Request) {
	for _, name := range []string{"sts", "iam", "ec2"} {
		s := awsapi.ByName(name)
		if op := s.Operation(t.Name); op != nil && s.APIVersion == t.Form.Get("Version") {
			t.Service, t.Protocol, t.Operation = s, s.Protocol, op
			t.AcceptJSON = name == "sts" && acceptsJSON(r)
			return
		}
	}
}

// acceptsJSON reports whether a request asks for JSON. Of the query services only
// STS is known to grant it (facts, 1.1).
func acceptsJSON(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if t, _, err := mime.ParseMediaType(part); err == nil && t == "application/json" {
			return true
		}
	}
	return false
}
