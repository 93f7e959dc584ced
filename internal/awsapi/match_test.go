package awsapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		service, method, target string
		header                  string
		want                    string // operation and labels
	}{
		{"s3", "GET", "/", "", "ListBuckets"},
		{"s3", "PUT", "/b", "", "CreateBucket Bucket=b"},
		{"s3", "PUT", "/b/", "", "CreateBucket Bucket=b"},
		{"s3", "HEAD", "/b", "", "HeadBucket Bucket=b"},
		{"s3", "GET", "/b", "", "ListObjects Bucket=b"},
		{"s3", "GET", "/b?prefix=a&delimiter=%2F", "", "ListObjects Bucket=b"},
		{"s3", "GET", "/b?list-type=2&prefix=a", "", "ListObjectsV2 Bucket=b"},
		{"s3", "GET", "/b?versions", "", "ListObjectVersions Bucket=b"},
		{"s3", "GET", "/b?versions=", "", "ListObjectVersions Bucket=b"},
		{"s3", "GET", "/b?uploads", "", "ListMultipartUploads Bucket=b"},
		{"s3", "GET", "/b?lifecycle", "", "GetBucketLifecycleConfiguration Bucket=b"},
		{"s3", "PUT", "/b?notification", "", "PutBucketNotificationConfiguration Bucket=b"},
		{"s3", "GET", "/b?analytics", "", "ListBucketAnalyticsConfigurations Bucket=b"},
		{"s3", "GET", "/b?analytics&id=1", "", "GetBucketAnalyticsConfiguration Bucket=b"},
		{"s3", "POST", "/b?delete", "", "DeleteObjects Bucket=b"},
		{"s3", "GET", "/b/k", "", "GetObject Bucket=b Key=k"},
		{"s3", "GET", "/b/a/b%20c//d", "", "GetObject Bucket=b Key=a/b c//d"},
		{"s3", "GET", "/b/%2e%2e/x", "", "GetObject Bucket=b Key=../x"},
		{"s3", "GET", "/b/k?versionId=3", "", "GetObject Bucket=b Key=k"},
		{"s3", "GET", "/b/k?acl", "", "GetObjectAcl Bucket=b Key=k"},
		{"s3", "GET", "/b/k?uploadId=u", "", "ListParts Bucket=b Key=k"},
		{"s3", "PUT", "/b/k", "", "PutObject Bucket=b Key=k"},
		{"s3", "PUT", "/b/k", "x-amz-copy-source", "CopyObject Bucket=b Key=k"},
		{"s3", "PUT", "/b/k?partNumber=1&uploadId=u", "", "UploadPart Bucket=b Key=k"},
		{"s3", "PUT", "/b/k?partNumber=1&uploadId=u", "x-amz-copy-source", "UploadPartCopy Bucket=b Key=k"},
		{"s3", "POST", "/b/k?uploads", "", "CreateMultipartUpload Bucket=b Key=k"},
		{"s3", "POST", "/b/k?uploadId=u", "", "CompleteMultipartUpload Bucket=b Key=k"},
		{"s3", "POST", "/b/k?select&select-type=2", "", "SelectObjectContent Bucket=b Key=k"},
		{"s3", "DELETE", "/b/k", "", "DeleteObject Bucket=b Key=k"},
		{"s3", "DELETE", "/b/k?uploadId=u", "", "AbortMultipartUpload Bucket=b Key=k"},
		{"s3", "DELETE", "/b?policy", "", "DeleteBucketPolicy Bucket=b"},
		{"s3", "GET", "/b?acl&policy", "", ""},       // two things at once
		{"s3", "PUT", "/b/k?acl&tagging", "", ""},    // likewise
		{"s3", "GET", "/b/k?acl&uploadId=u", "", ""}, // likewise
		{"s3", "GET", "/b/%zz", "", ""},
		{"s3", "GET", "/b%2Fk", "", ""},
		{"accessanalyzer", "GET", "/tags/arn%3Aa%2Fb", "", "ListTagsForResource resourceArn=arn:a/b"},
		{"s3", "PATCH", "/b/k", "", ""},
		{"s3", "GET", "//", "", ""},
		{"lambda", "GET", "/2015-03-31/functions", "", "ListFunctions"},
		{"lambda", "GET", "/2015-03-31/functions/", "", "ListFunctions"},
		{"lambda", "POST", "/2015-03-31/functions/f/invocations", "", "Invoke FunctionName=f"},
		{"lambda", "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af/invocations", "", "Invoke FunctionName=arn:aws:lambda:us-east-1:1:function:f"},
		{"lambda", "GET", "/2018-10-31/layers?find=LayerVersion&Arn=a", "", "GetLayerVersionByArn"},
		{"lambda", "GET", "/2018-10-31/layers", "", "ListLayers"},
		{"lambda", "GET", "/2019-09-30/functions/f/provisioned-concurrency?List=ALL", "", "ListProvisionedConcurrencyConfigs FunctionName=f"},
		{"lambda", "GET", "/2019-09-25/functions/f/event-invoke-config/list", "", "ListFunctionEventInvokeConfigs FunctionName=f"},
		{"lambda", "POST", "/2014-11-13/functions/f/invoke-async", "", "InvokeAsync FunctionName=f"},
		{"lambda", "GET", "/elsewhere", "", ""},
		{"accessanalyzer", "GET", "/analyzer/a", "", "GetAnalyzer analyzerName=a"},
	} {
		path, rawQuery, _ := strings.Cut(tt.target, "?")
		header := http.Header{}
		if tt.header != "" {
			header.Set(tt.header, "x")
		}
		op, params := ByName(tt.service).MatchHeader(tt.method, path, parseQuery(rawQuery), header)
		got := ""
		if op != nil {
			got = op.Name
			for _, p := range params {
				got += " " + p.Name + "=" + p.Value
			}
		}
		if got != tt.want {
			t.Errorf("%s %s %s = %q, want %q", tt.service, tt.method, tt.target, got, tt.want)
		}
	}
}

// TestEveryRESTOperationMatchesItself builds the least request for each operation
// from its binding, and finds the operation again.
func TestEveryRESTOperationMatchesItself(t *testing.T) {
	same := map[string]string{"ListDirectoryBuckets": "ListBuckets"}
	for _, name := range Names() {
		s := ByName(name)
		if s.Protocol != RESTJSON && s.Protocol != RESTXML {
			continue
		}
		for op := range s.Operations() {
			if op.Deprecated && s.succeeded(op) {
				continue
			}
			path, rawQuery, _ := strings.Cut(op.URI, "?")
			path = strings.NewReplacer("{", "x", "}", "", "+", "").Replace(path)
			query, header := parseQuery(rawQuery), http.Header{}
			rt := newRoute(op)
			for _, p := range rt.params {
				query.Set(p, "1")
			}
			for _, h := range rt.headers {
				header.Set(h, "1")
			}
			want := op.Name
			if same[want] != "" {
				want = same[want]
			}
			if got, _ := s.MatchHeader(op.Method, path, query, header); got == nil || got.Name != want {
				t.Errorf("%s %s: %s %s?%s = %v", name, op.Name, op.Method, path, query.Encode(), got)
			}
		}
	}
}

func parseQuery(raw string) url.Values {
	q, err := url.ParseQuery(raw)
	if err != nil {
		panic(err)
	}
	return q
}

// FuzzMatch: nothing panics, and labels put back into the template give a path
// that matches the same operation.
func FuzzMatch(f *testing.F) {
	f.Add("GET", "/b/k/%2F", "acl")
	f.Add("PUT", "/b//", "partNumber=1&uploadId=")
	f.Add("POST", "", "")
	s3 := ByName("s3")
	f.Fuzz(func(t *testing.T, method, path, rawQuery string) {
		query, err := url.ParseQuery(rawQuery)
		if err != nil {
			return
		}
		op, params := s3.Match(method, path, query)
		if op == nil {
			return
		}
		again, _, _ := strings.Cut(op.URI, "?")
		for _, p := range params {
			again = strings.Replace(again, "{"+p.Name+"+}", url.PathEscape(p.Value), 1)
			again = strings.Replace(again, "{"+p.Name+"}", url.PathEscape(p.Value), 1)
		}
		op2, params2 := s3.Match(method, again, query)
		if op2 != op {
			t.Fatalf("Match(%q, %q) = %s; rebuilt as %q it is %v", method, path, op.Name, again, op2)
		}
		if diff := cmp.Diff(params, params2); diff != "" {
			t.Errorf("labels of %q and %q differ: %s", path, again, diff)
		}
	})
}
