package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/awsapi/sts"
)

// golden compares a response with testdata/golden/NAME; UPDATE=1 rewrites it.
func golden(t *testing.T, name string, res Response) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n", res.Status)
	for _, f := range res.Header {
		fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
	}
	fmt.Fprintf(&b, "\n%s", res.Body)
	path := filepath.Join("testdata", "golden", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func targetOf(service, op string) *Target {
	s := awsapi.ByName(service)
	return &Target{Protocol: s.Protocol, JSONVersion: s.JSONVersion, Service: s, Name: op, Operation: s.Operation(op)}
}

func TestEncodeGolden(t *testing.T) {
	created := time.Date(2015, 9, 28, 21, 37, 56, 789, time.FixedZone("", 3600))
	user := iam.User{Path: "/", UserName: "bob", UserId: "AIDACKCEVSQ6C2EXAMPLE", Arn: "arn:aws:iam::123456789012:user/bob", CreateDate: created}
	tagged := user
	tagged.Tags = []iam.Tag{{Key: "a", Value: ""}, {Key: "b", Value: "<&>\"\r\n\x01é"}}
	expires := sts.GetSessionTokenResponse{Credentials: &sts.Credentials{
		AccessKeyId: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret/+", SessionToken: "token==", Expiration: created,
	}}
	json1 := targetOf("sts", "GetSessionToken")
	json1.AcceptJSON = true
	for _, tt := range []struct {
		name   string
		target *Target
		out    any
	}{
		{"GetUser", targetOf("iam", "GetUser"), &iam.GetUserResponse{User: &tagged}},
		{"ListUsers", targetOf("iam", "ListUsers"), &iam.ListUsersResponse{Users: []iam.User{user, tagged}, IsTruncated: new(true), Marker: "m"}},
		{"ListUsers-none", targetOf("iam", "ListUsers"), &iam.ListUsersResponse{Users: []iam.User{}, IsTruncated: new(false)}},
		{"GetRole-never-used", targetOf("iam", "GetRole"), &iam.GetRoleResponse{Role: &iam.Role{RoleName: "r", CreateDate: created, RoleLastUsed: &iam.RoleLastUsed{}}}},
		{"GetAccountSummary", targetOf("iam", "GetAccountSummary"), &iam.GetAccountSummaryResponse{SummaryMap: map[string]int32{"Users": 27, "Groups": 0}}},
		{"GetCredentialReport", targetOf("iam", "GetCredentialReport"), &iam.GetCredentialReportResponse{Content: []byte("user,arn\n"), ReportFormat: "text/csv", GeneratedTime: created}},
		{"DeleteUser", targetOf("iam", "DeleteUser"), nil},
		{"DeleteUser-typed", targetOf("iam", "DeleteUser"), &iam.DeleteUserResponse{}},
		{"GetSessionToken", targetOf("sts", "GetSessionToken"), expires},
		{"GetSessionToken-json", json1, &expires},
		{"DescribeRegions", targetOf("ec2", "DescribeRegions"), Document{"Regions": []any{Document{"RegionName": "eu-west-1", "Endpoint": "ec2.eu-west-1.amazonaws.com"}}}},
		{"DeleteVpc", targetOf("ec2", "DeleteVpc"), nil},
		{"LookupEvents", targetOf("cloudtrail", "LookupEvents"), Document{"Events": []any{Document{"EventId": "e\"", "EventTime": created, "Resources": []any{}}}}},
		{"ListBuckets", targetOf("s3", "ListBuckets"), Document{"Buckets": []any{Document{"Name": "b", "CreationDate": created}}, "Owner": Document{"ID": "o"}}},
		{"GetBucketAcl", targetOf("s3", "GetBucketAcl"), Document{"Grants": []any{Document{"Grantee": Document{"Type": "CanonicalUser", "ID": "i"}, "Permission": "READ"}}}},
		{"HeadObject", targetOf("s3", "HeadObject"), Document{"ContentLength": int64(3), "ETag": "\"e\"", "LastModified": created, "Metadata": map[string]any{"a": "b"}}},
		{"ListFunctions", targetOf("lambda", "ListFunctions"), Document{"Functions": []any{Document{"FunctionName": "f", "MemorySize": int64(128)}}}},
		{"DeleteFunctionConcurrency", targetOf("lambda", "DeleteFunctionConcurrency"), nil},
	} {
		res, err := tt.target.Encode(nil, requestID, tt.out)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		golden(t, tt.name, res)
	}
}

func TestEncodeRefusesWrongTypes(t *testing.T) {
	for _, out := range []any{
		1, &iam.GetUserRequest{}, Document{"User": "x"}, Document{"User": Document{"UserName": 1}}, Document{"User": Document{"Tags": 1}},
	} {
		if res, err := targetOf("iam", "GetUser").Encode(nil, requestID, out); err == nil {
			t.Errorf("encoding %#v as GetUser's answer: %s", out, res.Body)
		}
	}
}

func TestEncodeErrorGolden(t *testing.T) {
	noSuch := &awsapi.Error{Code: iam.NoSuchEntity, Message: "The user with name <bob> cannot be found."}
	denied := &awsapi.Error{Code: awsapi.AccessDeniedException, Message: "User: a is not authorized"}
	asJSON := targetOf("sts", "GetSessionToken")
	asJSON.AcceptJSON = true
	for _, tt := range []struct {
		name   string
		target *Target
		err    *awsapi.Error
		fields []Field
	}{
		{"error-NoSuchEntity", targetOf("iam", "GetUser"), noSuch, nil},
		{"error-no-message", targetOf("iam", "GetCredentialReport"), &awsapi.Error{Code: iam.ReportNotPresent}, nil},
		{"error-InternalFailure", targetOf("iam", "GetUser"), &awsapi.Error{Code: awsapi.InternalFailure, Message: "x"}, nil},
		{"error-InvalidAction", targetOf("iam", "GetUser"), &awsapi.Error{Code: awsapi.InvalidAction, Message: "Could not find operation A for version B"}, nil},
		{"error-query-json", asJSON, &awsapi.Error{Code: awsapi.AccessDenied, Message: "no"}, nil},
		{"error-query-unknown-service", &Target{Protocol: awsapi.Query}, &awsapi.Error{Code: awsapi.AccessDenied, Message: "no"}, nil},
		{"error-ec2", targetOf("ec2", "RunInstances"), &awsapi.Error{Code: "UnauthorizedOperation", Message: "You are not authorized"}, nil},
		{"error-s3", targetOf("s3", "GetObject"), &awsapi.Error{Code: "NoSuchKey", Message: "The specified key does not exist."}, []Field{{"Key", "a&b"}, {"HostId", "h"}}},
		{"error-json11", targetOf("cloudtrail", "LookupEvents"), denied, nil},
		{"error-json10", &Target{Protocol: awsapi.JSON, JSONVersion: "1.0"}, &awsapi.Error{Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid."}, nil},
		{"error-rest-json", targetOf("lambda", "Invoke"), &awsapi.Error{Code: "ResourceNotFoundException", Message: "no"}, []Field{{"Type", "User"}}},
		{"error-rest-json-denied", &Target{Protocol: awsapi.RESTJSON}, denied, nil},
		{"error-cbor", &Target{Protocol: awsapi.CBOR}, denied, nil},
	} {
		golden(t, tt.name, tt.target.EncodeError(nil, requestID, tt.err, tt.fields...))
	}
}

// TestDecodeError reads what EncodeError writes.
func TestDecodeError(t *testing.T) {
	for _, service := range []string{"iam", "sts", "ec2", "s3", "cloudtrail", "lambda", "accessanalyzer"} {
		s := awsapi.ByName(service)
		for op := range s.Operations() {
			e := &awsapi.Error{Code: awsapi.AccessDenied, Message: "<no> & \"never\""}
			res := targetOf(service, op.Name).EncodeError(nil, requestID, e)
			header := make(map[string][]string)
			for _, f := range res.Header {
				header[canonical(f.Name)] = []string{f.Value}
			}
			var out Document
			got := DecodeResponse(op, res.Status, header, res.Body, &out)
			if errorText(got) != e.Error() {
				t.Errorf("%s %s: %v, want %v", service, op.Name, got, e)
			}
			break
		}
	}
}

// TestPublishedExamples encodes AWS's example answers and reads them back, and
// sends its example inputs there and back.
func TestPublishedExamples(t *testing.T) {
	for _, name := range []string{"iam", "sts"} {
		data, err := os.ReadFile(filepath.Join("testdata", "examples", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var examples map[string][]struct{ Input, Output json.RawMessage }
		if err := json.Unmarshal(data, &examples); err != nil {
			t.Fatal(err)
		}
		for opName, list := range examples {
			op := awsapi.ByName(name).Operation(opName)
			for _, ex := range list {
				if op.Output == nil || len(ex.Output) == 0 {
					continue
				}
				var out, got Document
				if _, err := decodeJSON(ex.Output, op.Output, &out); err != nil {
					t.Errorf("%s: %v", opName, err)
					continue
				}
				body, err := Encode(op, requestID, out, nil)
				if err != nil {
					t.Errorf("%s: %v", opName, err)
					continue
				}
				wellFormed(t, body)
				if err := DecodeResponse(op, 200, nil, body, &got); err != nil {
					t.Errorf("%s: %v", opName, err)
				}
				if diff := cmp.Diff(secondsOf(out), secondsOf(got)); diff != "" {
					t.Errorf("%s: %s", opName, diff)
				}
			}
		}
	}
}

// secondsOf cuts times to whole seconds, as the query protocol does.
func secondsOf(v any) any {
	switch v := v.(type) {
	case Document:
		for k, x := range v {
			v[k] = secondsOf(x)
		}
	case []any:
		for i, x := range v {
			v[i] = secondsOf(x)
		}
	case time.Time:
		return v.Truncate(time.Second)
	}
	return v
}

func TestResponseWrite(t *testing.T) {
	for _, tt := range []struct {
		res    Response
		length string
	}{
		{Response{Status: 200, Body: []byte("abc")}, "3"},
		{Response{Status: 200, Header: []Field{{"Content-Length", "7"}}}, "7"},
		{Response{Status: 204}, ""},
	} {
		w := httptest.NewRecorder()
		if err := tt.res.Write(w); err != nil {
			t.Fatal(err)
		}
		if w.Code != tt.res.Status || w.Body.String() != string(tt.res.Body) || w.Header().Get("Content-Length") != tt.length {
			t.Errorf("%+v is sent as %+v", tt.res, w)
		}
	}
}
