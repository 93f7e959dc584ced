package wire

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/awsapi/iam"
)

const requestID = "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE"

func someUser(i int) iam.User {
	return iam.User{
		Path: "/division_abc/", UserName: fmt.Sprintf("user-%d", i), UserId: "AIDACKCEVSQ6C2EXAMPLE",
		Arn:        fmt.Sprintf("arn:aws:iam::123456789012:user/division_abc/user-%d", i),
		CreateDate: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
	}
}

func BenchmarkEncodeGetUser(b *testing.B) {
	op := awsapi.ByName("iam").Operation("GetUser")
	u := someUser(1)
	out := &iam.GetUserResponse{User: &u}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(op, requestID, out, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeListUsers100(b *testing.B) {
	op := awsapi.ByName("iam").Operation("ListUsers")
	out := &iam.ListUsersResponse{IsTruncated: new(false)}
	for i := range 100 {
		out.Users = append(out.Users, someUser(i))
	}
	buf := make([]byte, 0, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(op, requestID, out, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeGetUser(b *testing.B) {
	body := []byte("Action=GetUser&Version=2010-05-08&UserName=bob")
	r := httptest.NewRequest("POST", "/", nil)
	awsapi.ByName("iam")
	b.ReportAllocs()
	for b.Loop() {
		t, err := Detect(r, "iam", body)
		if err != nil {
			b.Fatal(err)
		}
		var in iam.GetUserRequest
		p, err := t.Decode(r, body, &in)
		if err != nil {
			b.Fatal(err)
		}
		if err := Validate(t.Operation, &in, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeError(b *testing.B) {
	t := Target{Protocol: awsapi.Query, Service: awsapi.ByName("iam")}
	e := &awsapi.Error{Code: iam.NoSuchEntity, Message: "The user with name bob cannot be found."}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		t.EncodeError(buf, requestID, e)
	}
}

func TestHotPathAllocations(t *testing.T) {
	op := awsapi.ByName("iam").Operation("GetUser")
	u := someUser(1)
	out := &iam.GetUserResponse{User: &u}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { _, _ = Encode(op, requestID, out, buf) }); n > 2 {
		t.Errorf("encoding GetUser's answer takes %v allocations, want at most 2", n)
	}
}
