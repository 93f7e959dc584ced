package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/awsapi/sts"
)

func TestRecord(t *testing.T) {
	at := time.Date(2026, 3, 24, 21, 11, 59, 0, time.UTC)
	for _, tt := range []struct {
		name, service, operation string
		answer                   bool
		v                        any
		want                     string
	}{
		{
			"request", "iam", "CreateUser", false, &iam.CreateUserRequest{UserName: "Bob", Tags: []iam.Tag{{Key: "a"}}},
			`{"userName":"Bob","tags":[{"key":"a","value":""}]}`,
		},
		{
			"answer", "iam", "CreateUser", true, &iam.CreateUserResponse{User: &iam.User{UserName: "Bob", Path: "/", UserId: "AIDA1", Arn: "arn:aws:iam::1:user/Bob", CreateDate: at}},
			`{"user":{"path":"/","userName":"Bob","userId":"AIDA1","arn":"arn:aws:iam::1:user/Bob","createDate":"Mar 24, 2026 9:11:59 PM"}}`,
		},
		{
			"secret of an answer", "iam", "CreateAccessKey", true, &iam.CreateAccessKeyResponse{AccessKey: &iam.AccessKey{UserName: "Bob", AccessKeyId: "AKIA1", Status: "Active", SecretAccessKey: "shh"}},
			`{"accessKey":{"userName":"Bob","accessKeyId":"AKIA1","status":"Active"}}`,
		},
		{
			"secret of a request", "iam", "CreateLoginProfile", false, &iam.CreateLoginProfileRequest{UserName: "Bob", Password: "shh"},
			`{"userName":"Bob","password":"HIDDEN_DUE_TO_SECURITY_REASONS"}`,
		},
		{
			"session token", "sts", "GetSessionToken", true, &sts.GetSessionTokenResponse{Credentials: &sts.Credentials{AccessKeyId: "ASIA1", SecretAccessKey: "shh", SessionToken: "shh", Expiration: at}},
			`{"credentials":{"accessKeyId":"ASIA1","expiration":"Mar 24, 2026 9:11:59 PM"}}`,
		},
		{"document", "iam", "GetUser", false, &Document{"UserName": "Bob"}, `{"userName":"Bob"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := awsapi.ByName(tt.service).Operation(tt.operation)
			shape := op.Input
			if tt.answer {
				shape = op.Output
			}
			got, err := Record(nil, shape, tt.v, tt.answer, 1000)
			if err != nil || string(got) != tt.want {
				t.Errorf("Record = %s, %v\nwant     %s", got, err, tt.want)
			}
		})
	}
}

// TestRecordHidesEverySecret fills every member of every operation with a mark
// and looks for it where the models say that it is secret.
func TestRecordHidesEverySecret(t *testing.T) {
	for _, service := range []string{"iam", "sts", "secretsmanager"} {
		for op := range awsapi.ByName(service).Operations() {
			for _, shape := range []*awsapi.Shape{op.Input, op.Output} {
				if shape == nil {
					continue
				}
				v := filled(shape, false, 0)
				out, err := Record(nil, shape, v, shape == op.Output, 0)
				if err != nil {
					t.Fatalf("%s: %v", op.Name, err)
				}
				if !json.Valid(out) {
					t.Fatalf("%s: record is not JSON: %s", op.Name, out)
				}
				if strings.Contains(string(out), "s3cret") {
					t.Errorf("%s records a secret: %s", op.Name, out)
				}
			}
		}
	}
}

// filled is a value of the shape in which all that is secret says so.
func filled(shape *awsapi.Shape, hide bool, depth int) any {
	hide = hide || shape.Sensitive
	switch shape.Type {
	case awsapi.Structure:
		doc := Document{}
		for i := range shape.Members {
			if depth < 5 {
				doc[shape.Members[i].Name] = filled(shape.Members[i].Shape, hide, depth+1)
			}
		}
		return doc
	case awsapi.List:
		return []any{filled(shape.Member, hide, depth+1)}
	case awsapi.Map:
		return map[string]any{"k": filled(shape.Value, hide, depth+1)}
	case awsapi.Boolean:
		return true
	case awsapi.Integer, awsapi.Long:
		return int64(1)
	case awsapi.Float, awsapi.Double:
		return 1.5
	case awsapi.Timestamp:
		return time.Unix(0, 0)
	case awsapi.Blob:
		if hide {
			return []byte("s3cret")
		}
		return []byte("open")
	}
	if hide {
		return "s3cret"
	}
	return "open"
}
