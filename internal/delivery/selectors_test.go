package delivery

import (
	"testing"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

func TestInRegions(t *testing.T) {
	for _, tt := range []struct {
		home          string
		multi, global bool
		region        string
		source        string
		want          bool
	}{
		{"us-east-1", false, true, "us-east-1", "ec2.amazonaws.com", true},
		{"us-east-1", false, true, "eu-west-1", "ec2.amazonaws.com", false},
		{"us-east-1", true, true, "eu-west-1", "ec2.amazonaws.com", true},
		{"eu-west-1", false, true, "us-east-1", "iam.amazonaws.com", true},
		{"eu-west-1", false, false, "us-east-1", "iam.amazonaws.com", false},
		{"us-east-1", false, false, "us-east-1", "iam.amazonaws.com", false},
		{"eu-west-1", false, false, "eu-west-1", "sts.amazonaws.com", true},
		{"eu-west-1", false, true, "us-east-1", "ec2.amazonaws.com", false},
		{"eu-west-1", false, true, "", "unknown.amazonaws.com", true},
	} {
		at := &directory.AuditTrail{Region: tt.home, MultiRegion: tt.multi, Global: tt.global}
		r := &record{Event: trail.Event{AWSRegion: tt.region, EventSource: tt.source}}
		if got := inRegions(at, r); got != tt.want {
			t.Errorf("inRegions(home %s, multi %v, global %v; %s of %s) = %v, want %v", tt.home, tt.multi, tt.global, tt.source, tt.region, got, tt.want)
		}
	}
}

// management and data are events to select from.
func management(source, name string, readOnly bool) *record {
	return &record{Event: trail.Event{EventCategory: "Management", EventSource: source, EventName: name, ReadOnly: readOnly}}
}

func object(name, arn string, readOnly bool) *record {
	return &record{Event: trail.Event{
		EventCategory: "Data", EventSource: "s3.amazonaws.com", EventName: name, ReadOnly: readOnly,
		UserIdentity: trail.Identity{ARN: "arn:aws:iam::111122223333:user/alice"},
		Resources:    []trail.ARNResource{{ARN: arn, Type: "AWS::S3::Object"}, {ARN: "arn:aws:s3:::b", Type: "AWS::S3::Bucket"}},
	}}
}

type fields = []directory.FieldSelector

func TestSelected(t *testing.T) {
	is := func(field string, values ...string) directory.FieldSelector {
		return directory.FieldSelector{Field: field, Equals: values}
	}
	basic := func(calls string, management bool, excluded []string, data ...directory.DataResource) directory.AuditTrail {
		return directory.AuditTrail{Selectors: []directory.EventSelector{{Calls: calls, Management: management, Excluded: excluded, Data: data}}}
	}
	objects := func(values ...string) directory.DataResource {
		return directory.DataResource{Type: "AWS::S3::Object", Values: values}
	}
	data := func(more ...directory.FieldSelector) directory.AuditTrail {
		all := append(fields{is("eventCategory", "Data"), is("resources.type", "AWS::S3::Object")}, more...)
		return directory.AuditTrail{Advanced: []directory.AdvancedSelector{{Fields: all}}}
	}
	put, get := object("PutObject", "arn:aws:s3:::b/secret/x", false), object("GetObject", "arn:aws:s3:::b/pub/x", true)
	list, create, decrypt := management("iam.amazonaws.com", "ListUsers", true), management("iam.amazonaws.com", "CreateUser", false), management("kms.amazonaws.com", "Decrypt", true)
	for _, tt := range []struct {
		name  string
		trail directory.AuditTrail
		want  [5]bool // put, get, list, create, decrypt
	}{
		{"nothing put", directory.AuditTrail{}, [5]bool{false, false, true, true, true}},
		{"all management", basic("All", true, nil), [5]bool{false, false, true, true, true}},
		{"writes", basic("WriteOnly", true, nil, objects("arn:aws:s3")), [5]bool{true, false, false, true, false}},
		{"reads", basic("ReadOnly", true, nil, objects("arn:aws:s3:::")), [5]bool{false, true, true, false, true}},
		{"without kms", basic("All", true, []string{"kms.amazonaws.com"}), [5]bool{false, false, true, true, false}},
		{"prefix only", basic("All", false, nil, objects("arn:aws:s3:::b/secret/")), [5]bool{true, false, false, false, false}},
		{"another bucket", basic("All", false, nil, objects("arn:aws:s3:::bb/")), [5]bool{}},
		{"another type", basic("All", false, nil, directory.DataResource{Type: "AWS::Lambda::Function", Values: []string{"arn:aws:lambda"}}), [5]bool{}},
		{"all objects", data(), [5]bool{true, true, false, false, false}},
		{"objects written", data(is("readOnly", "false")), [5]bool{true, false, false, false, false}},
		{"by name", data(is("eventName", "GetObject", "HeadObject")), [5]bool{false, true, false, false, false}},
		{"by ARN", data(directory.FieldSelector{Field: "resources.ARN", StartsWith: []string{"arn:aws:s3:::b/"}, NotStartsWith: []string{"arn:aws:s3:::b/pub/"}}), [5]bool{true, false, false, false, false}},
		// The ARN of the bucket is another resource's than the object's.
		{"ARN and type of one resource", data(is("resources.ARN", "arn:aws:s3:::b")), [5]bool{}},
		{"by end", data(directory.FieldSelector{Field: "resources.ARN", EndsWith: []string{"/x"}, NotEquals: []string{"arn:aws:s3:::b/secret/x"}}), [5]bool{false, true, false, false, false}},
		{"by user", data(directory.FieldSelector{Field: "userIdentity.arn", NotEndsWith: []string{"/alice"}}), [5]bool{}},
		{
			"management without kms",
			directory.AuditTrail{Advanced: []directory.AdvancedSelector{{Fields: fields{
				is("eventCategory", "Management"), {Field: "eventSource", NotEquals: []string{"kms.amazonaws.com"}},
			}}}},
			[5]bool{false, false, true, true, false},
		},
	} {
		for i, r := range []*record{put, get, list, create, decrypt} {
			if got := selected(&tt.trail, r); got != tt.want[i] {
				t.Errorf("%s: selected(%s) = %v, want %v", tt.name, r.EventName, got, tt.want[i])
			}
		}
	}
}
