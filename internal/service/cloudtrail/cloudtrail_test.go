package cloudtrail

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/delivery"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

const account = "111122223333"

// noPolicies are no policies of AWS's.
type noPolicies struct{}

func (noPolicies) Lookup(string) (*directory.ManagedPolicy, bool) { return nil, false }
func (noPolicies) Document(string) string                         { return "" }
func (noPolicies) All() []*directory.ManagedPolicy                { return nil }

// fixture is the service on a directory, a trail and a folder with the bucket logs.
type fixture struct {
	*Service
	t    *testing.T
	now  time.Time
	made time.Time // of the public key; zero where there is none
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, now: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)}
	now := func() time.Time { return f.now }
	dir, err := directory.Open(t.Context(), mem.New(mem.Options{}), directory.Options{
		Master: seal.NewMasterKey(rand.Reader), AWSPolicies: noPolicies{}, Now: now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close(context.WithoutCancel(t.Context())) })
	err = dir.Update(t.Context(), account, func(tx *directory.Tx) error {
		if err := tx.CreateAccount("root@localhost", ""); err != nil {
			return err
		}
		_, err := tx.CreateUser("u", "/", "", nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	log, err := trail.Open(filepath.Join(t.TempDir(), "trail"), trail.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	buckets := t.TempDir()
	if err := os.Mkdir(filepath.Join(buckets, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.Service = New(Options{
		Log: log, Directory: dir,
		Delivery: delivery.New(delivery.Config{To: buckets}, delivery.Options{
			Log: log, Directory: dir, Now: now, Rand: rand.Reader, Slog: slog.New(slog.DiscardHandler),
		}),
		PublicKey: func(context.Context) (*rsa.PublicKey, time.Time, error) {
			if f.made.IsZero() {
				return nil, f.made, nil
			}
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			return &key.PublicKey, f.made, err
		},
	})
	return f
}

// in is the user in a region, and the state of now.
func (f *fixture) in(region string) *service.Caller {
	f.t.Helper()
	snap := f.Directory.Snapshot()
	u, err := snap.User(account, "u")
	if err != nil {
		f.t.Fatal(err)
	}
	return &service.Caller{
		Snapshot: snap, Principal: directory.Principal{User: u}, Region: region,
		Decide: func(*directory.Snapshot) error { return nil },
	}
}

// call calls an operation in us-east-1.
func call[In, Out any](f *fixture, op func(context.Context, *service.Caller, *In) (*Out, error), in *In) (*Out, error) {
	f.t.Helper()
	return op(f.t.Context(), f.in("us-east-1"), in)
}

// ok is call, for what must succeed.
func ok[In, Out any](f *fixture, op func(context.Context, *service.Caller, *In) (*Out, error), in *In) *Out {
	f.t.Helper()
	out, err := call(f, op, in)
	if err != nil {
		f.t.Fatalf("%T: %v", in, err)
	}
	return out
}

func wants(t *testing.T, what string, err error, code awsapi.Code, text string) {
	t.Helper()
	if !errors.Is(err, code) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s = %v, want %s with %q", what, err, code, text)
	}
}

func TestNames(t *testing.T) {
	f := newFixture(t)
	for name, text := range map[string]string{
		"": "cannot be blank", "ab": "too short", strings.Repeat("a", 129): "too long", "_ab": "starts with", "ab_": "ends with",
		"a/b": "can only contain", "a._b": "adjacent", "10.0.0.1": "IP address",
	} {
		_, err := call(f, f.CreateTrail, &api.CreateTrailRequest{Name: name, S3BucketName: "logs"})
		wants(t, "CreateTrail of "+name, err, api.InvalidTrailNameException, text)
		_, err = call(f, f.StartLogging, &api.StartLoggingRequest{Name: name})
		wants(t, "StartLogging of "+name, err, api.InvalidTrailNameException, text)
	}
	for _, name := range []string{"abc", "A-b_c.9", strings.Repeat("a", 128)} {
		if err := checkName(name); err != nil {
			t.Errorf("checkName(%q) = %v", name, err)
		}
	}
	for _, arn := range []string{"arn:", "arn:aws:s3:::b", "arn:aws:cloudtrail:us-east-1:" + account + ":channel/x", "arn:aws:cloudtrail::" + account + ":trail/xyz"} {
		_, err := call(f, f.GetTrail, &api.GetTrailRequest{Name: arn})
		wants(t, "GetTrail of "+arn, err, api.CloudTrailARNInvalidException, "")
	}
	arn := directory.AuditTrailARN(account, "us-east-1", "none")
	_, err := call(f, f.DeleteTrail, &api.DeleteTrailRequest{Name: "none"})
	wants(t, "DeleteTrail of nothing", err, api.TrailNotFoundException, "Unknown trail: "+arn+" for the user: "+account)
}

// TestLogging starts and stops a trail: what GetTrailStatus says, each second time
// too.
func TestLogging(t *testing.T) {
	f := newFixture(t)
	arn := ok(f, f.CreateTrail, &api.CreateTrailRequest{Name: "all", S3BucketName: "logs"}).TrailARN
	status := func() *api.GetTrailStatusResponse {
		return ok(f, f.GetTrailStatus, &api.GetTrailStatusRequest{Name: arn})
	}
	if s := status(); *s.IsLogging || !s.StartLoggingTime.IsZero() || s.TimeLoggingStarted != "" {
		t.Errorf("status before: %+v", s)
	}
	started := f.now
	ok(f, f.StartLogging, &api.StartLoggingRequest{Name: "all"})
	f.now = f.now.Add(time.Minute)
	ok(f, f.StartLogging, &api.StartLoggingRequest{Name: arn})
	if s := status(); !*s.IsLogging || !s.StartLoggingTime.Equal(started) || s.TimeLoggingStarted != "2026-03-01T10:00:00Z" {
		t.Errorf("status while logging: %+v", s)
	}
	stopped := f.now
	ok(f, f.StopLogging, &api.StopLoggingRequest{Name: "all"})
	f.now = f.now.Add(time.Minute)
	ok(f, f.StopLogging, &api.StopLoggingRequest{Name: "all"})
	if s := status(); *s.IsLogging || !s.StopLoggingTime.Equal(stopped) {
		t.Errorf("status when stopped: %+v", s)
	}
}

// TestUpdate changes each setting of a trail, and leaves the others.
func TestUpdate(t *testing.T) {
	f := newFixture(t)
	yes, no, p, q := true, false, "p", "q"
	ok(f, f.CreateTrail, &api.CreateTrailRequest{Name: "all", S3BucketName: "logs", EnableLogFileValidation: &yes, TagsList: []api.Tag{{Key: "a", Value: "b"}}})
	for _, in := range []*api.UpdateTrailRequest{
		{S3KeyPrefix: &p}, {IsMultiRegionTrail: &yes}, {EnableLogFileValidation: &no}, {IsMultiRegionTrail: &no}, {IncludeGlobalServiceEvents: &no},
	} {
		in.Name = "all"
		ok(f, f.UpdateTrail, in)
	}
	got := ok(f, f.GetTrail, &api.GetTrailRequest{Name: "all"}).Trail
	want := &api.Trail{
		Name: "all", S3BucketName: "logs", S3KeyPrefix: "p", IncludeGlobalServiceEvents: &no, IsMultiRegionTrail: &no, HomeRegion: "us-east-1",
		TrailARN: directory.AuditTrailARN(account, "us-east-1", "all"), LogFileValidationEnabled: &no, HasCustomEventSelectors: &no,
		HasInsightSelectors: &no, IsOrganizationTrail: &no,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GetTrail (-want +got):\n%s", diff)
	}
	_, err := call(f, f.UpdateTrail, &api.UpdateTrailRequest{Name: "all", IsMultiRegionTrail: &yes})
	wants(t, "UpdateTrail to all regions without global events", err, api.InvalidParameterCombinationException, "")
	_, err = f.UpdateTrail(t.Context(), f.in("eu-west-1"), &api.UpdateTrailRequest{Name: "all", S3KeyPrefix: &q})
	wants(t, "UpdateTrail from another region", err, api.TrailNotFoundException, "eu-west-1")
	for _, in := range []*api.UpdateTrailRequest{{SnsTopicName: &p}, {KmsKeyId: &p}, {CloudWatchLogsRoleArn: &p}, {IsOrganizationTrail: &yes}} {
		in.Name = "all"
		_, err := call(f, f.UpdateTrail, in)
		wants(t, "UpdateTrail to what trails don't have", err, api.UnsupportedOperationException, "")
	}
}

func TestPublicKeys(t *testing.T) {
	f := newFixture(t)
	list := func(from, to time.Time) int {
		t.Helper()
		return len(ok(f, f.ListPublicKeys, &api.ListPublicKeysRequest{StartTime: from, EndTime: to}).PublicKeyList)
	}
	if got := list(time.Time{}, time.Time{}); got != 0 {
		t.Errorf("%d keys before the first digest", got)
	}
	f.made = f.now
	for _, tt := range []struct {
		from, to time.Time
		want     int
	}{
		{time.Time{}, time.Time{}, 1},
		{f.now.Add(-time.Hour), f.now.Add(time.Hour), 1},
		{f.now.Add(time.Hour), f.now.Add(2 * time.Hour), 1},
		{f.now.Add(-2 * time.Hour), f.now.Add(-time.Hour), 0},
	} {
		if got := list(tt.from, tt.to); got != tt.want {
			t.Errorf("%d keys between %v and %v, want %d", got, tt.from, tt.to, tt.want)
		}
	}
	_, err := call(f, f.ListPublicKeys, &api.ListPublicKeysRequest{StartTime: f.now, EndTime: f.now.Add(-time.Hour)})
	wants(t, "ListPublicKeys backwards", err, api.InvalidTimeRangeException, "")
}

// remember appends an event of now.
func (f *fixture) remember(name string, readOnly bool, category string) {
	f.t.Helper()
	e := &trail.Event{
		EventName: name, EventTime: f.now, EventID: seal.TimeUUID(rand.Reader, f.now), RecipientAccountID: account, ReadOnly: readOnly,
		EventCategory: category, ManagementEvent: category == trail.CategoryAPI, EventSource: "iam.amazonaws.com",
	}
	if err := f.Log.Append(f.t.Context(), e.Entry()); err != nil {
		f.t.Fatal(err)
	}
}

// TestLookup finds by pages, times and attributes, and no data events.
func TestLookup(t *testing.T) {
	f := newFixture(t)
	var all []string
	for i := range 7 {
		name := fmt.Sprint("E", i)
		f.remember(name, i%2 == 0, trail.CategoryAPI)
		f.remember("Data", i%2 == 0, trail.CategoryData)
		all = append(all, name)
		f.now = f.now.Add(time.Minute)
	}
	slices.Reverse(all)
	find := func(in *api.LookupEventsRequest) (names []string) {
		t.Helper()
		for {
			out := ok(f, f.LookupEvents, in)
			for _, e := range out.Events {
				names = append(names, e.EventName)
			}
			if in.NextToken = out.NextToken; in.NextToken == "" {
				return names
			}
		}
	}
	by := func(key, value string) []api.LookupAttribute {
		return []api.LookupAttribute{{AttributeKey: key, AttributeValue: value}}
	}
	three := int32(3)
	begin := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		in   api.LookupEventsRequest
		want []string
	}{
		{"all", api.LookupEventsRequest{}, all},
		{"in pages", api.LookupEventsRequest{MaxResults: &three}, all},
		{"of a time", api.LookupEventsRequest{StartTime: begin.Add(time.Minute), EndTime: begin.Add(3 * time.Minute)}, []string{"E3", "E2", "E1"}},
		{"by name", api.LookupEventsRequest{LookupAttributes: by("EventName", "E4")}, []string{"E4"}},
		{"data events by name", api.LookupEventsRequest{LookupAttributes: by("EventName", "Data")}, nil},
		{"reading", api.LookupEventsRequest{LookupAttributes: by("ReadOnly", "true")}, []string{"E6", "E4", "E2", "E0"}},
		{"changing", api.LookupEventsRequest{LookupAttributes: by("ReadOnly", "false")}, []string{"E5", "E3", "E1"}},
		{"insights", api.LookupEventsRequest{EventCategory: "insight"}, nil},
	} {
		if diff := cmp.Diff(tt.want, find(&tt.in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	zero := int32(0)
	for _, tt := range []struct {
		in   api.LookupEventsRequest
		code awsapi.Code
	}{
		{api.LookupEventsRequest{StartTime: f.now, EndTime: begin}, api.InvalidTimeRangeException},
		{api.LookupEventsRequest{MaxResults: &zero}, api.InvalidMaxResultsException},
		{api.LookupEventsRequest{NextToken: "x"}, api.InvalidNextTokenException},
		{api.LookupEventsRequest{EventCategory: "other"}, api.InvalidEventCategoryException},
		{api.LookupEventsRequest{LookupAttributes: by("ReadOnly", "perhaps")}, api.InvalidLookupAttributesException},
		{api.LookupEventsRequest{LookupAttributes: append(by("EventName", "a"), by("EventId", "b")...)}, api.InvalidLookupAttributesException},
	} {
		_, err := call(f, f.LookupEvents, &tt.in)
		wants(t, fmt.Sprintf("LookupEvents(%+v)", tt.in), err, tt.code, "")
	}
}
