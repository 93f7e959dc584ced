package wire

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
)

// TestHostileInputs: what is made to be slow is refused or read in a moment.
func TestHostileInputs(t *testing.T) {
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i+1)
		}
		return b.String()
	}
	for _, tt := range []struct{ name, service, op, body string }{
		{"long list", "iam", "CreateRole", many("&Tags.member.%d.Key=k", MaxPairs-10)},
		{"lists in a list", "ec2", "DescribeInstances", many("&Filter.%d.Value.1=k", MaxPairs-10)},
		{"one list in a list", "ec2", "DescribeInstances", many("&Filter.1.Value.%d=k", MaxPairs-10)},
		{"many unknown", "ec2", "RunInstances", many("&Nope.%d=k", MaxPairs-10)},
		{"long name", "iam", "CreateRole", "&Tags." + strings.Repeat("member.1.", 100_000) + "=x"},
		{"long number", "iam", "CreateRole", "&MaxSessionDuration=" + strings.Repeat("9", 1_000_000)},
		{"long value", "iam", "CreateRole", "&RoleName=" + strings.Repeat("%2e", 300_000)},
		{"deep JSON", "cloudtrail", "LookupEvents", `{"LookupAttributes":` + strings.Repeat("[", 200_000)},
		{"deep XML", "s3", "PutBucketTagging", strings.Repeat("<a>", 300_000)},
		{"XML in pieces", "s3", "PutBucketTagging", "<Tagging>" + strings.Repeat("a<!---->", 120_000) + "</Tagging>"},
		{"many elements", "s3", "PutBucketTagging", "<Tagging><TagSet>" + strings.Repeat("<Tag/>", 150_000) + "</TagSet></Tagging>"},
	} {
		op := awsapi.ByName(tt.service).Operation(tt.op)
		start := time.Now()
		var doc Document
		p, err := Decode(op, httptest.NewRequest(op.Method, "/b?tagging", nil), []byte(tt.body), &doc)
		if err == nil {
			err = Validate(op, &doc, p)
		}
		if d := time.Since(start); d > 30*time.Second { // against what grows with the square: it would take minutes
			t.Errorf("%s takes %v", tt.name, d)
		} else {
			t.Logf("%s: %v, %.100v", tt.name, d, err)
		}
	}
}
