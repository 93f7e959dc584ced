package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestKeysRetireWaits: a key that is used on and on stays active, and so does one
// about whose use nothing can be learned.
func TestKeysRetireWaits(t *testing.T) {
	var used, changed atomic.Int64
	refuses := false
	iam := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := func(op, result string) {
			fmt.Fprintf(w, `<%[1]sResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`, op, result)
		}
		switch op := r.FormValue("Action"); {
		case op == "ListAccessKeys":
			answer(op, "<AccessKeyMetadata><member><UserName>app</UserName><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId><Status>Active</Status></member></AccessKeyMetadata><IsTruncated>false</IsTruncated>")
		case op == "GetAccessKeyLastUsed" && !refuses:
			at := time.Unix(60*used.Add(1), 0).UTC().Format(time.RFC3339)
			answer(op, "<UserName>app</UserName><AccessKeyLastUsed><LastUsedDate>"+at+"</LastUsedDate><ServiceName>iam</ServiceName><Region>us-east-1</Region></AccessKeyLastUsed>")
		case refuses:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>No.</Message></Error></ErrorResponse>`)
		default:
			changed.Add(1)
		}
	}))
	defer iam.Close()
	t.Setenv("AWS_ENDPOINT_URL", iam.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAI44QH8DHBEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	retire := []string{"keys", "retire", "--user", "app", "--key", "AKIAIOSFODNN7EXAMPLE", "--idle", "200ms", "--wait", "300ms", "--poll", "10ms"}
	code, out := sallyport(t, retire...)
	if code != 1 || !strings.Contains(out, "AKIAIOSFODNN7EXAMPLE is still used after 300ms") || !strings.Contains(out, "is as it was. To go on: sallyport keys retire") {
		t.Errorf("of a key in use: %d\n%s", code, out)
	}
	refuses = true
	if code, out = sallyport(t, retire...); code != 1 || !strings.Contains(out, "sallyport: AccessDenied: No.; AKIAIOSFODNN7EXAMPLE is as it was") {
		t.Errorf("of a key whose use is not told: %d\n%s", code, out)
	}
	if changed.Load() != 0 {
		t.Error("a key was changed")
	}
	if code, out = sallyport(t, append(retire, "--wait", "100ms")...); code != 2 || !strings.Contains(out, "shorter than --idle") {
		t.Errorf("of too short a wait: %d\n%s", code, out)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if code, out = sallyport(t, retire...); code != 1 || !strings.Contains(out, "no AWS credentials of yours are found (aws configure") {
		t.Errorf("without credentials: %d\n%s", code, out)
	}
}
