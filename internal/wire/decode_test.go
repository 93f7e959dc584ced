package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/awsapi/iam"
)

// plain turns a Document into what its JSON would be: times and bytes as text,
// numbers as float64.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := map[string]any{}
		for k, x := range v {
			o[k] = plain(x)
		}
		return o
	case []any:
		o := []any{}
		for _, x := range v {
			o = append(o, plain(x))
		}
		return o
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case int64:
		return float64(v)
	}
	return v
}

// recorded is a request as botocore 1.43.11 sends it, of AWS's published example
// inputs (iam, sts) and of random inputs in all protocols.
type recorded struct {
	Service, Operation, Method, URL, Body string
	Header                                map[string]string
	Input                                 map[string]any
}

func recordings(t testing.TB) []recorded {
	data, err := os.ReadFile("testdata/requests.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []recorded
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDecodeRecordedRequests(t *testing.T) {
	for i, c := range recordings(t) {
		t.Run(fmt.Sprint(i, c.Service, c.Operation), func(t *testing.T) {
			r := httptest.NewRequest(c.Method, c.URL, nil)
			for name, value := range c.Header {
				r.Header.Set(name, value)
			}
			target, err := Detect(r, c.Service, []byte(c.Body))
			if err != nil || target.Name != c.Operation {
				t.Fatalf("Detect = %q, %v; want %s", target.Name, err, c.Operation)
			}
			got := Document{}
			if _, err := target.Decode(r, []byte(c.Body), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(any(c.Input), plain(got)); diff != "" {
				t.Errorf("%s %s\n%s\ndecodes wrongly (-want +got):\n%s", c.Method, c.URL, c.Body, diff)
			}
		})
	}
}

func decodeIAM(t *testing.T, op, params string, into any) (Presence, error) {
	t.Helper()
	r := httptest.NewRequest("POST", "/", nil)
	return Decode(awsapi.ByName("iam").Operation(op), r, []byte("Action="+op+"&Version=2010-05-08"+params), into)
}

func TestDecodeQuery(t *testing.T) {
	for _, tt := range []struct {
		name, params string
		want         iam.CreateRoleRequest
		err          string
	}{
		{"nothing", "", iam.CreateRoleRequest{}, ""},
		{"scalars", "&RoleName=a%20b+c&MaxSessionDuration=3600", iam.CreateRoleRequest{RoleName: "a b c", MaxSessionDuration: new(int32(3600))}, ""},
		{"list of structures", "&Tags.member.1.Key=k&Tags.member.1.Value=&Tags.member.2.Value=v", iam.CreateRoleRequest{Tags: []iam.Tag{{Key: "k"}, {Value: "v"}}}, ""},
		{"order by number, gaps close", "&Tags.member.10.Key=c&Tags.member.9.Key=b&Tags.member.2.Key=a", iam.CreateRoleRequest{Tags: []iam.Tag{{Key: "a"}, {Key: "b"}, {Key: "c"}}}, ""},
		{"empty list", "&Tags=", iam.CreateRoleRequest{Tags: []iam.Tag{}}, ""},
		{"unknown parameters", "&Nope=1&Tags.member.1.Nope=1&Tags.member.1.Key=k", iam.CreateRoleRequest{Tags: []iam.Tag{{Key: "k"}}}, ""},
		{"names that begin alike", "&RoleNameX=1&RoleName-=2&RoleName=r&Tags.members.1.Key=x", iam.CreateRoleRequest{RoleName: "r", Tags: []iam.Tag{}}, ""},
		{"huge index", "&Tags.member.999999999.Key=k", iam.CreateRoleRequest{Tags: []iam.Tag{{Key: "k"}}}, ""},
		{"index too large", "&Tags.member.9999999999.Key=k", iam.CreateRoleRequest{}, "MalformedInput: The request could not be parsed: a list has an index that is not a number."},
		{"negative index", "&Tags.member.-1.Key=k", iam.CreateRoleRequest{}, "MalformedInput: The request could not be parsed: a list has an index that is not a number."},
		{"leading zero", "&Tags.member.1.Key=k&Tags.member.01.Key=k", iam.CreateRoleRequest{}, "MalformedInput: The request could not be parsed: a list has an index that is not a number."},
		{"no index", "&Tags.member..Key=k", iam.CreateRoleRequest{}, "MalformedInput: The request could not be parsed: a list has an index that is not a number."},
		{"value for a list", "&Tags=x", iam.CreateRoleRequest{}, "MalformedInput: The request could not be parsed: a value was found where a list was expected."},
		{"list for a value", "&RoleName.member.1=x", iam.CreateRoleRequest{}, "MalformedInput: The request could not be parsed: a list or structure was found where a value was expected."},
		{"not an integer", "&MaxSessionDuration=1h", iam.CreateRoleRequest{}, "MalformedInput: The request could not be parsed: a value is not a valid integer."},
		{"an integer too large", "&MaxSessionDuration=2147483648", iam.CreateRoleRequest{}, "MalformedInput: The request could not be parsed: a value is not a valid integer."},
		{"twice", "&RoleName=a&RoleName=b", iam.CreateRoleRequest{}, "MalformedQueryString: The query string contains a syntax error: a parameter occurs more than once."},
		{"not UTF-8", "&RoleName=%ff", iam.CreateRoleRequest{}, "MalformedQueryString: The query string contains a syntax error: a parameter is not properly encoded."},
		{"too many", strings.Repeat("&", MaxPairs), iam.CreateRoleRequest{}, "MalformedQueryString: The query string contains a syntax error: too many parameters."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got iam.CreateRoleRequest
			_, err := decodeIAM(t, "CreateRole", tt.params, &got)
			if text := errorText(err); text != tt.err {
				t.Fatalf("error %q, want %q", text, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.params, diff)
			}
		})
	}
}

func TestDecodeIntoTheWrongType(t *testing.T) {
	for _, into := range []any{nil, iam.GetUserRequest{}, &iam.CreateUserRequest{}, new(int), (*iam.GetUserRequest)(nil)} {
		if _, err := decodeIAM(t, "GetUser", "&UserName=a", into); err == nil {
			t.Errorf("decoding GetUser into %T: no error", into)
		}
	}
}

func TestDecodeJSON(t *testing.T) {
	op := awsapi.ByName("cloudtrail").Operation("LookupEvents")
	for _, tt := range []struct {
		body string
		want Document
		err  string
	}{
		{``, Document{}, ""},
		{`{}`, Document{}, ""},
		{`{"MaxResults":5,"StartTime":1.5e9,"NextToken":"","Nope":1,"EventCategory":null}`, Document{"MaxResults": int64(5), "StartTime": time.Unix(15e8, 0).UTC(), "NextToken": ""}, ""},
		{`{"LookupAttributes":[{"AttributeKey":"EventId","AttributeValue":"é"}]}`, Document{"LookupAttributes": []any{Document{"AttributeKey": "EventId", "AttributeValue": "é"}}}, ""},
		{`{"MaxResults":5.0}`, Document{"MaxResults": int64(5)}, ""},
		{`{"MaxResults":5.5}`, nil, "SerializationException: NUMBER_VALUE can not be converted to an Integer"},
		{`{"MaxResults":"5"}`, nil, "SerializationException: STRING_VALUE can not be converted to an Integer"},
		{`{"NextToken":5}`, nil, "SerializationException: NUMBER_VALUE can not be converted to String"},
		{`{"NextToken":true}`, nil, "SerializationException: TRUE_VALUE can not be converted to String"},
		{`{"NextToken":[]}`, nil, "SerializationException: Start of list found where not expected"},
		{`{"LookupAttributes":{}}`, nil, "SerializationException: Start of structure or map found where not expected."},
		{`{"LookupAttributes":[null]}`, nil, "SerializationException: A list may not hold null"},
		{`{"NextToken":"a","NextToken":"b"}`, nil, "SerializationException: A name occurs twice in an object"},
		{strings.Repeat("[", 100), nil, "SerializationException: nested too deeply"},
		{`{"NextToken":"a",}`, nil, "SerializationException: Could not parse the JSON document"},
		{`{"NextToken" "a"}`, nil, "SerializationException: Could not parse the JSON document"},
		{`[1}`, nil, "SerializationException: Could not parse the JSON document"},
		{`[]`, nil, "SerializationException: Unexpected value at the top of the document"},
		{`{`, nil, "SerializationException: Could not parse the JSON document"},
		{`{} {}`, nil, "SerializationException: Unexpected content after the JSON document"},
		{"{\"NextToken\":\"\xff\"}", nil, "SerializationException: Invalid UTF-8"},
		{`{"StartTime":1e300}`, nil, "SerializationException: NUMBER_VALUE can not be converted to a Timestamp"},
	} {
		var got Document
		_, err := Decode(op, httptest.NewRequest("POST", "/", nil), []byte(tt.body), &got)
		if text := errorText(err); text != tt.err {
			t.Errorf("%s: error %q, want %q", tt.body, text, tt.err)
		} else if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.body, diff)
		}
	}
}

func TestDecodeREST(t *testing.T) {
	for _, tt := range []struct {
		op, method, target, body string
		want                     Document
		err                      string
	}{
		{"GetObject", "GET", "/b/a%2Fb?versionId=3&partNumber=2", "", Document{"Bucket": "b", "Key": "a/b", "VersionId": "3", "PartNumber": int64(2)}, ""},
		{"GetObject", "GET", "/b/k?partNumber=x", "", nil, "MalformedInput: The request could not be parsed: a value is not a valid integer."},
		{"GetObject", "GET", "/b/k?versionId=1&versionId=2", "", nil, "MalformedInput: The request could not be parsed: a query parameter occurs more than once."},
		{"PutBucketTagging", "PUT", "/b?tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value> v </Value></Tag></TagSet></Tagging>", Document{"Bucket": "b", "Tagging": Document{"TagSet": []any{Document{"Key": "k", "Value": " v "}}}}, ""},
		{"PutBucketTagging", "PUT", "/b?tagging", "<Tagging><TagSet><Tag><Key>k</Key><Key>l</Key></Tag></TagSet></Tagging>", nil, "MalformedXML: " + malformedXML},
		{"PutBucketTagging", "PUT", "/b?tagging", "<Tagging><TagSet><Tag><Key><a/></Key></Tag></TagSet></Tagging>", nil, "MalformedXML: " + malformedXML},
		{"PutObject", "PUT", "/b/k", "\x00\xff", Document{"Bucket": "b", "Key": "k", "Body": []byte("\x00\xff")}, ""},
	} {
		var got Document
		_, err := Decode(awsapi.ByName("s3").Operation(tt.op), httptest.NewRequest(tt.method, tt.target, nil), []byte(tt.body), &got)
		if text := errorText(err); text != tt.err {
			t.Errorf("%s %s: error %q, want %q", tt.target, tt.body, text, tt.err)
		} else if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.target, tt.body, diff)
		}
	}
}

func TestParseXML(t *testing.T) {
	for in, ok := range map[string]bool{
		`<a/>`: true, `<?xml version="1.0"?><a x="1"><b>t</b></a>`: true, `<x:a xmlns:x="u"/>`: true,
		``: false, `text`: false, `<a>`: false, `<a/><b/>`: false, `<a></b>`: false,
		`<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>`:               false,
		strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100): false,
	} {
		if _, err := parseXML([]byte(in)); (err == nil) != ok {
			t.Errorf("parseXML(%q): %v, want success %v", in, err, ok)
		}
	}
}
