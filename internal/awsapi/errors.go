package awsapi

import "fmt"

// Code is an error code of a service model, as it goes on the wire. It is itself
// an error, so that errors.Is(err, iam.NoSuchEntity) asks for the kind.
type Code string

// Error returns the code.
func (c Code) Error() string { return string(c) }

// New returns an error of the code with a message, which the caller sees.
func (c Code) New(format string, args ...any) error {
	if len(args) == 0 {
		return &Error{Code: c, Message: format}
	}
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// Error is a refusal that the caller may see. The HTTP status and the fault of
// its code come from the model.
type Error struct {
	Code    Code
	Message string // AWS's own text; empty where AWS sends none
	Reason  string // what some services' errors say besides, in a member of that name
	Err     error  // the cause: logged, never sent
}

// Error returns code and message, and the cause where there is one.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool { return target == e.Code }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Codes that any service may answer with and no model names (IAM API reference,
// CommonErrors; facts, 1.5 and 2.1).
const (
	AccessDenied                Code = "AccessDenied"
	AccessDeniedException       Code = "AccessDeniedException"
	ExpiredToken                Code = "ExpiredToken"
	IncompleteSignature         Code = "IncompleteSignature"
	InternalFailure             Code = "InternalFailure"
	InvalidAction               Code = "InvalidAction"
	InvalidClientTokenID        Code = "InvalidClientTokenId"
	InvalidParameterCombination Code = "InvalidParameterCombination"
	InvalidParameterValue       Code = "InvalidParameterValue"
	MalformedInput              Code = "MalformedInput"
	MalformedQueryString        Code = "MalformedQueryString"
	MissingAction               Code = "MissingAction"
	MissingAuthenticationToken  Code = "MissingAuthenticationToken"
	MissingParameter            Code = "MissingParameter"
	OptInRequired               Code = "OptInRequired"
	RequestExpired              Code = "RequestExpired"
	SerializationException      Code = "SerializationException"
	ServiceUnavailable          Code = "ServiceUnavailable"
	SignatureDoesNotMatch       Code = "SignatureDoesNotMatch"
	Throttling                  Code = "Throttling"
	UnknownOperationException   Code = "UnknownOperationException"
	UnsupportedOperation        Code = "UnsupportedOperation"
	ValidationError             Code = "ValidationError"
	ValidationException         Code = "ValidationException"
)

// commonStatuses are the HTTP statuses, other than 400, of codes outside the
// models (facts, 1.5, 2.1 and 12; S3's list of error responses).
var commonStatuses = map[string]int{
	"AccessDenied":                        403,
	"AccessDeniedException":               403,
	"AuthFailure":                         401,
	"ExpiredToken":                        403,
	"ExpiredTokenException":               403,
	"InvalidAccessKeyId":                  403,
	"InvalidClientTokenId":                403,
	"InvalidSignatureException":           403,
	"MissingAuthenticationToken":          403,
	"MissingAuthenticationTokenException": 403,
	"IncompleteSignatureException":        403,
	"OptInRequired":                       403,
	"RequestTimeTooSkewed":                403,
	"SignatureDoesNotMatch":               403,
	"UnauthorizedOperation":               403,
	"UnrecognizedClientException":         403,
	"InvalidObjectState":                  403,
	"NoSuchBucket":                        404,
	"NoSuchBucketPolicy":                  404,
	"NoSuchKey":                           404,
	"NoSuchUpload":                        404,
	"UnknownOperationException":           404,
	"MethodNotAllowed":                    405,
	"BucketAlreadyExists":                 409,
	"BucketNotEmpty":                      409,
	"OperationAborted":                    409,
	"MissingContentLength":                411,
	"PreconditionFailed":                  412,
	"InvalidRange":                        416,
	"InternalFailure":                     500,
	"InternalError":                       500,
	"InternalServerError":                 500,
	"NotImplemented":                      501,
	"ServiceUnavailable":                  503,
	"ServiceUnavailableException":         503,
	"SlowDown":                            503,
	"Unavailable":                         503,
}

func commonStatus(code string) int {
	if status := commonStatuses[code]; status != 0 {
		return status
	}
	return 400
}

func serverFault(code string) bool { return commonStatus(code) >= 500 }
