package wire

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

func TestDetect(t *testing.T) {
	form := "Content-Type: application/x-www-form-urlencoded; charset=utf-8"
	for _, tt := range []struct {
		name, signing, method, target, header, body string
		protocol, op                                string
		known                                       bool // the operation has a model
		err                                         string
	}{
		{"post form", "iam", "POST", "/", form, "Action=GetUser&Version=2010-05-08", "query", "GetUser", true, ""},
		{"get query", "sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "", "", "query", "GetCallerIdentity", true, ""},
		{"unknown action", "iam", "POST", "/", form, "Action=Nope&Version=2010-05-08", "query", "Nope", false, "InvalidAction: Could not find operation Nope for version 2010-05-08"},
		{"unknown version", "iam", "POST", "/", form, "Action=GetUser&Version=2011-06-15", "query", "GetUser", false, "InvalidAction: Could not find operation GetUser for version 2011-06-15"},
		{"no version", "iam", "POST", "/", form, "Action=GetUser", "query", "GetUser", false, "InvalidAction: Could not find operation GetUser for version NO_VERSION_SPECIFIED"},
		{"no action", "iam", "POST", "/", form, "Version=2010-05-08", "query", "", false, "MissingAction: The request is missing an action or a required parameter."},
		{"nothing", "iam", "GET", "/", "", "", "query", "", false, "MissingAction: The request is missing an action or a required parameter."},
		{"bad escape", "iam", "POST", "/", form, "Action=%zz", "query", "", false, "MalformedQueryString: The query string contains a syntax error: a parameter is not properly encoded."},
		{"action twice", "iam", "POST", "/", form, "Action=GetUser&Action=DeleteUser&Version=2010-05-08", "query", "", false, "MalformedQueryString: The query string contains a syntax error: a parameter occurs more than once."},
		{"another service's action", "sts", "POST", "/", form, "Action=GetUser&Version=2010-05-08", "query", "GetUser", false, "SignatureDoesNotMatch: Credential should be scoped to correct service: 'iam'. "},
		{"ec2", "ec2", "POST", "/", form, "Action=DescribeInstances&Version=2016-11-15", "ec2", "DescribeInstances", true, ""},
		{"ec2, old version", "ec2", "POST", "/", form, "Action=DescribeInstances&Version=2013-10-15", "ec2", "DescribeInstances", true, ""},
		{"ec2, unknown", "ec2", "POST", "/", form, "Action=Nope", "ec2", "Nope", false, "InvalidAction: The action Nope is not valid for this web service."},
		{"json", "cloudtrail", "POST", "/", "X-Amz-Target: com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", "{}", "json", "LookupEvents", true, ""},
		{"json, the target of newer SDKs", "cloudtrail", "POST", "/", "X-Amz-Target: CloudTrail_20131101.LookupEvents", "{}", "json", "LookupEvents", true, ""},
		{"json, unknown", "secretsmanager", "POST", "/", "X-Amz-Target: secretsmanager.Nope", "{}", "json", "Nope", false, ""},
		{"json, another service's target", "secretsmanager", "POST", "/", "X-Amz-Target: DynamoDB.GetSecretValue", "{}", "json", "", false, ""},
		{"json, no target", "secretsmanager", "POST", "/", "", "{}", "json", "", false, ""},
		{"s3", "s3", "GET", "/b?list-type=2", "", "", "rest-xml", "ListObjectsV2", true, ""},
		{"s3 copy", "s3", "PUT", "/b/k", "X-Amz-Copy-Source: /b/k2", "", "rest-xml", "CopyObject", true, ""},
		{"s3, nothing such", "s3", "PATCH", "/b", "", "", "rest-xml", "", false, ""},
		{"lambda", "lambda", "POST", "/2015-03-31/functions/f/invocations", "", "{}", "rest-json", "Invoke", true, ""},
		{"no model, json 1.0", "dynamodb", "POST", "/", "X-Amz-Target: DynamoDB_20120810.GetItem; Content-Type: application/x-amz-json-1.0", "{}", "json", "GetItem", false, ""},
		{"no model, query", "sns", "POST", "/", form, "Action=Publish&Version=2010-03-31", "query", "Publish", false, ""},
		{"no model, query in the URL", "sns", "GET", "/?Version=1&Action=Publish", "", "", "query", "Publish", false, ""},
		{"no model, cbor", "monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "Smithy-Protocol: rpc-v2-cbor", "", "rpc-v2-cbor", "PutMetricData", false, ""},
		{"no model, rest", "eks", "GET", "/clusters", "", "", "rest-json", "", false, ""},
		{"unsigned sts", "", "POST", "/", form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "query", "AssumeRoleWithWebIdentity", true, ""},
		{"unsigned, unknown", "", "POST", "/", form, "Action=Nope&Version=2011-06-15", "query", "Nope", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.method, tt.target, tt.header)
			got, err := Detect(r, tt.signing, []byte(tt.body))
			if text := errorText(err); text != tt.err {
				t.Errorf("error %q, want %q", text, tt.err)
			}
			if got.Protocol != tt.protocol || got.Name != tt.op || (got.Operation != nil) != tt.known {
				t.Errorf("protocol %s, operation %q, model %v; want %s, %q, %v",
					got.Protocol, got.Name, got.Operation != nil, tt.protocol, tt.op, tt.known)
			}
			if res := got.EncodeError(nil, "id", awsapi.AccessDenied.New("x").(*awsapi.Error)); res.Status < 400 {
				t.Errorf("the target can't say no: %+v", res)
			}
		})
	}
}

// request makes one whose headers stand in a line, separated by "; " before a
// capital letter.
func request(method, target, header string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for header != "" {
		name, value, _ := strings.Cut(header, ": ")
		value, rest, more := strings.Cut(value, "; C")
		if header = ""; more {
			header = "C" + rest
		}
		r.Header.Set(name, value)
	}
	return r
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*awsapi.Error](err); !ok || e.Err != nil {
		return "not for callers: " + err.Error()
	}
	return err.Error()
}

func TestOnlySTSAnswersInJSON(t *testing.T) {
	for _, tt := range []struct {
		signing, form string
		want          bool
	}{
		{"sts", "Action=GetCallerIdentity&Version=2011-06-15", true},
		{"", "Action=AssumeRoleWithSAML&Version=2011-06-15", true},
		{"iam", "Action=GetUser&Version=2010-05-08", false},
		{"sns", "Action=Publish", false},
	} {
		r := request("POST", "/", "Content-Type: "+formType)
		r.Header.Set("Accept", "application/json")
		if got, err := Detect(r, tt.signing, []byte(tt.form)); err != nil || got.AcceptJSON != tt.want {
			t.Errorf("%s %s: AcceptJSON = %v, %v; want %v", tt.signing, tt.form, got.AcceptJSON, err, tt.want)
		}
	}
}

func TestAcceptsJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": true, "text/xml, application/json; q=0.5": true, "application/jsonp": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		if got := acceptsJSON(r); got != want {
			t.Errorf("acceptsJSON(%q) = %v, want %v", accept, got, want)
		}
	}
}
