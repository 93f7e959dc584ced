package test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const hookSecret = "a secret of the receiver"

// hook is a receiver of batches that refuses the first of them.
type hook struct {
	t *testing.T

	mu      sync.Mutex // guards the fields below
	refused bool
	events  map[string]int // by id
	names   map[string]bool
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	io.WriteString(mac, r.Header.Get("Webhook-Id")+"."+r.Header.Get("Webhook-Timestamp")+"."+string(body))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !hmac.Equal([]byte(want), []byte(r.Header.Get("Webhook-Signature"))) {
		h.t.Errorf("a batch is signed %q, want %q", r.Header.Get("Webhook-Signature"), want)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.refused {
		h.refused = true
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var doc struct{ Records []event }
	if err := json.Unmarshal(body, &doc); err != nil {
		h.t.Errorf("a batch: %v", err)
	}
	for _, e := range doc.Records {
		h.events[e.EventID]++
		h.names[e.EventName] = true
	}
}

func (h *hook) has(names ...string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !slices.ContainsFunc(names, func(n string) bool { return !h.names[n] })
}

// printed starts a server whose standard output has events, and nothing else.
func printed(t *testing.T, c command) *server {
	t.Helper()
	s := c.launch(t)
	if !s.stderr.await(func(text string) bool { return strings.Contains(text, "get-caller-identity\n") }) {
		t.Fatalf("the server is not ready: %s", s.stderr)
	}
	s.endpoint, s.account = group(endpointLine, s.stderr.String()), group(accountLine, s.stderr.String())
	return s
}

// lines are the names of the events on standard output.
func (s *server) lines() map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(s.stdout.String()) {
		var e event
		if !strings.HasSuffix(line, "\n") {
			break // on its way
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Errorf("standard output has %q", line)
		}
		names[e.EventName] = true
	}
	return names
}

// TestTrailTargets delivers to a webhook, to standard output and to folders that
// different selectors fill, over a kill.
func TestTrailTargets(t *testing.T) {
	t.Parallel()
	h := &hook{t: t, events: map[string]int{}, names: map[string]bool{}}
	receiver := httptest.NewServer(h)
	defer receiver.Close()
	buckets := t.TempDir()
	for _, name := range []string{"data", "writes", "all"} {
		must(t, os.Mkdir(filepath.Join(buckets, name), 0o700))
	}
	c := command{
		data: filepath.Join(t.TempDir(), "data"),
		args: []string{
			"--trail-webhook", receiver.URL, "--trail-stdout", "--trail-delivery", buckets, "--trail-delivery-every", "200ms", "--trail-digest-every", "1s",
		},
		env: []string{"SALLYPORT_TRAIL_WEBHOOK_SECRET=" + hookSecret},
	}
	s := printed(t, c)
	home := newHome(t)
	home.profile("default", s.root())
	cli := session{t: t, cli: anyCLI(t), home: home, endpoint: s.endpoint}
	for _, name := range []string{"data", "writes", "all"} {
		cli.ok("cloudtrail", "create-trail", "--name", name, "--s3-bucket-name", name, "--enable-log-file-validation")
	}
	cli.ok("cloudtrail", "put-event-selectors", "--trail-name", "data", "--advanced-event-selectors", `[{"Name":"secrets","FieldSelectors":[
		{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::S3::Object"]},
		{"Field":"resources.ARN","StartsWith":["arn:aws:s3:::bbb/"],"NotStartsWith":["arn:aws:s3:::bbb/public/"]}]}]`)
	cli.ok("cloudtrail", "put-event-selectors", "--trail-name", "writes", "--event-selectors",
		`[{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true,"DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3:::ccc/"]}]}]`)
	for _, name := range []string{"data", "writes", "all"} {
		cli.ok("cloudtrail", "start-logging", "--name", name)
	}
	root := s.as(s.root())
	for _, object := range []string{"bbb/secret", "bbb/public/x", "ccc/x"} {
		bucket, key, _ := strings.Cut(object, "/")
		_, err := root.s3.GetObject(deadline(t), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err == nil {
			t.Error("there is an object")
		}
		_, err = root.s3.PutObject(deadline(t), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")})
		if err == nil {
			t.Error("an object was put")
		}
	}
	cli.ok("iam", "list-users")
	cli.ok("iam", "create-user", "--user-name", "before")
	comesTrue(t, "the webhook has what was done", func() bool { return h.has("CreateUser", "ListUsers", "GetObject") })
	s.kill()
	first := s.lines()
	s = printed(t, c)
	cli.endpoint = s.endpoint
	cli.ok("iam", "create-group", "--group-name", "after")
	comesTrue(t, "the webhook goes on", func() bool { return h.has("CreateGroup") })
	comesTrue(t, "standard output has what was done", func() bool {
		all := s.lines()
		maps.Copy(all, first)
		return all["CreateUser"] && all["CreateGroup"] && all["PutObject"]
	})
	for name, want := range map[string][]string{
		"data":   {"GetObject arn:aws:s3:::bbb/secret", "PutObject arn:aws:s3:::bbb/secret"},
		"writes": {"CreateGroup", "CreateUser", "PutObject arn:aws:s3:::ccc/x", "StartLogging"},
		"all":    {"CreateGroup", "CreateUser", "ListUsers"},
	} {
		var got []string
		comesTrue(t, "events in the bucket "+name, func() bool { got = deliveredTo(t, filepath.Join(buckets, name)); return len(got) >= len(want) })
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: delivered are %v, want %v", name, got, want)
				break
			}
		}
		if slices.ContainsFunc(got, func(g string) bool {
			return name == "data" && !slices.Contains(want, g) || name == "all" && strings.Contains(g, "Object") || name == "writes" && strings.HasPrefix(g, "List")
		}) {
			t.Errorf("%s: delivered are %v, want only %v", name, got, want)
		}
	}
	if found := cli.json("cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=GetObject"); len(found["Events"].([]any)) > 0 {
		t.Errorf("LookupEvents finds data events: %v", found)
	}
	if found := s.events("--name", "GetObject"); len(found) != 3 {
		t.Errorf("trail search finds %d events of GetObject, want 3", len(found))
	}
	comesTrue(t, "digests beside their signatures", func() bool {
		found, err := filepath.Glob(filepath.Join(buckets, "all", "AWSLogs", "*", "CloudTrail-Digest", "us-east-1", "*", "*", "*", "*.json.gz.metadata.json"))
		return err == nil && len(found) > 0
	})
	s.validated(t, filepath.Join(buckets, "all"), cli.ok("cloudtrail", "list-public-keys", "--output", "json"))
}

// validated has sallyport trail validate look at a folder, as it is and with a
// log file changed.
func (s *server) validated(t *testing.T, folder, publicKeys string) {
	t.Helper()
	keysFile := filepath.Join(t.TempDir(), "keys.json")
	must(t, os.WriteFile(keysFile, []byte(publicKeys), 0o600))
	validate := func() (string, error) {
		out, err := exec.CommandContext(deadline(t), binary, "trail", "validate", folder, "--public-keys", keysFile).CombinedOutput()
		return string(out), err
	}
	if out, err := validate(); err != nil || !strings.Contains(out, "are as they were delivered") {
		t.Errorf("trail validate = %v, %s", err, out)
	}
	logs, err := filepath.Glob(filepath.Join(folder, "AWSLogs", "*", "CloudTrail", "*", "*", "*", "*", "*.json.gz"))
	must(t, err)
	comesTrue(t, "a digest about the first log file", func() bool {
		must(t, spaced(logs[0]))
		out, err := validate()
		return err != nil && strings.Contains(out, "has been changed")
	})
}

// deliveredTo are the names of the events in a bucket, those of data events with
// their object, each once, in order.
func deliveredTo(t *testing.T, dir string) []string {
	t.Helper()
	found := map[string]bool{}
	paths, err := filepath.Glob(filepath.Join(dir, "AWSLogs", "*", "CloudTrail", "*", "*", "*", "*", "*.json.gz"))
	must(t, err)
	for _, path := range paths {
		var doc struct {
			Records []struct {
				EventName, EventCategory string
				ManagementEvent          bool
				Resources                []struct{ ARN, Type string }
			}
		}
		must(t, json.Unmarshal(gunzip(t, path), &doc))
		for _, e := range doc.Records {
			name := e.EventName
			if e.EventCategory == "Data" {
				if e.ManagementEvent || len(e.Resources) != 2 || e.Resources[0].Type != "AWS::S3::Object" || e.Resources[1].Type != "AWS::S3::Bucket" {
					t.Errorf("a data event is %+v", e)
					continue
				}
				name += " " + e.Resources[0].ARN
			}
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// TestTrailRefusals has boto3 get each of CloudTrail's refusals from trails of
// two regions.
func TestTrailRefusals(t *testing.T) {
	t.Parallel()
	buckets := t.TempDir()
	must(t, os.Mkdir(filepath.Join(buckets, "logs"), 0o700))
	s := start(t, command{args: []string{"--trail-delivery", buckets}})
	for _, python := range pythons() {
		out := s.boto3(t, python, `
from botocore.exceptions import ClientError
west = boto3.client("cloudtrail", endpoint_url=os.environ["SALLYPORT_ENDPOINT"], region_name="us-west-2")
def refused(code, text, f, **args):
    try:
        f(**args)
    except ClientError as e:
        if e.response["Error"]["Code"] != code or text not in e.response["Error"]["Message"]:
            print(f.__name__, args, e)
        return
    print("no", code, f.__name__, args)
account = boto3.client("sts", endpoint_url=os.environ["SALLYPORT_ENDPOINT"], region_name="us-east-1").get_caller_identity()["Account"]
for name, text in [("ab", "too short"), ("a" * 129, "too long"), ("-abc", "must starts"), ("abc-", "must ends"), ("a b c", "can only contain"), ("a..b", "adjacent"), ("192.168.5.4", "IP address")]:
    refused("InvalidTrailNameException", text, c.create_trail, Name=name, S3BucketName="logs")
    refused("InvalidTrailNameException", text, c.get_trail, Name=name)
refused("InvalidS3BucketNameException", "", c.create_trail, Name="one", S3BucketName="Logs!")
refused("S3BucketDoesNotExistException", "S3 bucket other does not exist!", c.create_trail, Name="one", S3BucketName="other")
refused("InvalidS3PrefixException", "", c.create_trail, Name="one", S3BucketName="logs", S3KeyPrefix="x" * 201)
refused("InvalidParameterCombinationException", "Multi-Region trail must include global service events.", c.create_trail, Name="one", S3BucketName="logs", IsMultiRegionTrail=True, IncludeGlobalServiceEvents=False)
refused("UnsupportedOperationException", "", c.create_trail, Name="one", S3BucketName="logs", KmsKeyId="alias/x")
refused("InvalidTagParameterException", "", c.create_trail, Name="one", S3BucketName="logs", TagsList=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
one = c.create_trail(Name="one", S3BucketName="logs")["TrailARN"]
refused("TrailAlreadyExistsException", "Trail one already exists for customer: " + account, c.create_trail, Name="one", S3BucketName="logs")
two = west.create_trail(Name="one", S3BucketName="logs")["TrailARN"]
everywhere = c.create_trail(Name="everywhere", S3BucketName="logs", IsMultiRegionTrail=True)["TrailARN"]
refused("TrailAlreadyExistsException", "", west.create_trail, Name="everywhere", S3BucketName="logs")
refused("TrailAlreadyExistsException", "", c.update_trail, Name="one", IsMultiRegionTrail=True)
for i in range(3):
    c.create_trail(Name="more%d" % i, S3BucketName="logs")
refused("MaximumNumberOfTrailsExceededException", "already has 5 trails", c.create_trail, Name="more9", S3BucketName="logs")
refused("MaximumNumberOfTrailsExceededException", "", west.create_trail, Name="more9", S3BucketName="logs", IsMultiRegionTrail=True)
west.create_trail(Name="more9", S3BucketName="logs")
# What a region sees: its own trails, and those for all regions.
assert [t["Name"] for t in west.describe_trails()["trailList"]] == ["everywhere", "more9", "one"], west.describe_trails()
assert [t["Name"] for t in west.describe_trails(includeShadowTrails=False)["trailList"]] == ["more9", "one"]
assert [t["HomeRegion"] for t in west.describe_trails(trailNameList=["everywhere", "nothing"])["trailList"]] == ["us-east-1"]
assert len(c.list_trails()["Trails"]) == 7
assert west.get_trail(Name="everywhere")["Trail"]["TrailARN"] == everywhere
assert west.get_trail(Name=everywhere)["Trail"]["HomeRegion"] == "us-east-1"
assert west.get_trail_status(Name="everywhere")["IsLogging"] is False
refused("InvalidHomeRegionException", "us-east-1", west.start_logging, Name="everywhere")
refused("InvalidHomeRegionException", "", west.delete_trail, Name=everywhere)
refused("InvalidHomeRegionException", "", west.put_event_selectors, TrailName="everywhere", EventSelectors=[{"ReadWriteType": "All"}])
refused("TrailNotFoundException", "Unknown trail: arn:aws:cloudtrail:us-west-2:%s:trail/more0 for the user: %s" % (account, account), west.get_trail, Name="more0")
refused("TrailNotFoundException", "", west.get_trail, Name=one)
refused("CloudTrailARNInvalidException", "", c.get_trail, Name="arn:aws:cloudtrail:us-east-1:1:trail/x")
refused("TrailNotFoundException", "", c.stop_logging, Name=one.replace(account, "999999999999"))
refused("CloudTrailARNInvalidException", "", c.add_tags, ResourceId="one", TagsList=[{"Key": "a"}])
refused("ResourceNotFoundException", "", c.list_tags, ResourceIdList=[one + "x"])
refused("ResourceTypeNotSupportedException", "", c.add_tags, ResourceId=one.replace("trail/", "dashboard/"), TagsList=[{"Key": "a"}])
refused("EventDataStoreNotFoundException", "", c.list_tags, ResourceIdList=[one.replace("trail/", "eventdatastore/")])
refused("TagsLimitExceededException", "", c.add_tags, ResourceId=one, TagsList=[{"Key": "k%d" % i} for i in range(51)])
refused("InvalidTagParameterException", "aws:", c.add_tags, ResourceId=one, TagsList=[{"Key": "aws:x"}])
refused("InvalidTokenException", "", c.list_tags, ResourceIdList=[one], NextToken="x")
refused("InvalidTimeRangeException", "", c.list_public_keys, StartTime=2, EndTime=1)
refused("InvalidTimeRangeException", "", c.lookup_events, StartTime=2, EndTime=1)
refused("InvalidNextTokenException", "", c.lookup_events, NextToken="x")
def selectors(*all, **more):
    return dict(TrailName="one", EventSelectors=list(all), **more)
def advanced(*fields):
    return dict(TrailName="one", AdvancedEventSelectors=[{"FieldSelectors": list(fields)}])
def f(field, **operators):
    return dict(Field=field, **operators)
data = f("eventCategory", Equals=["Data"])
for text, args in [
    ("Specify a valid number of selectors (1 to 5) for your trail.", selectors()),
    ("Specify a valid number of selectors (1 to 5) for your trail.", selectors(*[{"ReadWriteType": "All"}] * 6)),
    ("Value arn:aws:s3:::* for DataResources.Values is invalid.", selectors({"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::*"]}]})),
    ("Value arn:aws:s3:::bucket for DataResources.Values is invalid.", selectors({"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::bucket"]}]})),
    ("Value arn:aws:lambda:* for DataResources.Values is invalid.", selectors({"DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda:*"]}]})),
    ("DataResources.Type", selectors({"DataResources": [{"Type": "AWS::EC2::Instance", "Values": []}]})),
    ("Specify a valid number of DataResources.Values (0 to 250) for all your selectors.", selectors({"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::bucket/%d" % i for i in range(251)]}]})),
    ("ExcludeManagementEventSources", selectors({"ExcludeManagementEventSources": ["iam.amazonaws.com"]})),
    ("but not both", selectors({"ReadWriteType": "All"}, AdvancedEventSelectors=[{"FieldSelectors": [data]}])),
    ("eventCategory is required", advanced(f("readOnly", Equals=["true"]))),
    ("resources.type is required", advanced(data)),
    ("only the Equals operator", advanced(f("eventCategory", NotEquals=["Data"]))),
    ("for eventCategory is invalid", advanced(f("eventCategory", Equals=["Insight"]))),
    ("not supported for eventCategory Management", advanced(f("eventCategory", Equals=["Management"]), f("resources.ARN", Equals=["x"]))),
    ("more than once", advanced(data, data)),
    ("at least one operator", advanced(data, f("eventName"))),
    ("for readOnly is invalid", advanced(data, f("resources.type", Equals=["AWS::S3::Object"]), f("readOnly", Equals=["yes"]))),
    ("for resources.type is invalid", advanced(data, f("resources.type", Equals=["x"]))),
    ("(1 to 500)", advanced(data, f("resources.type", Equals=["AWS::S3::Object"]), f("eventName", Equals=["x%d" % i for i in range(500)]))),
]:
    refused("InvalidEventSelectorsException", text, c.put_event_selectors, **args)
assert c.get_event_selectors(TrailName="one")["EventSelectors"] == [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [], "ExcludeManagementEventSources": []}]
assert c.get_trail(Name="one")["Trail"]["HasCustomEventSelectors"] is False
want = [{"Name": "n", "FieldSelectors": [data, f("resources.type", Equals=["AWS::S3::Object"]), f("eventName", NotEquals=["PutObject"])]}]
got = c.put_event_selectors(TrailName=one, AdvancedEventSelectors=want)
assert got["TrailARN"] == one and got["AdvancedEventSelectors"] == want, got
got = c.get_event_selectors(TrailName="one")
assert got["AdvancedEventSelectors"] == want and "EventSelectors" not in got, got
assert c.get_trail(Name="one")["Trail"]["HasCustomEventSelectors"] is True
c.put_event_selectors(**selectors({"ReadWriteType": "ReadOnly", "IncludeManagementEvents": False, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::bucket/"]}]}))
got = c.get_event_selectors(TrailName="one")
assert "AdvancedEventSelectors" not in got and got["EventSelectors"][0]["DataResources"][0]["Values"] == ["arn:aws:s3:::bucket/"], got
got = c.update_trail(Name="one", EnableLogFileValidation=True)
assert got["LogFileValidationEnabled"] and c.get_trail(Name="one")["Trail"]["LogFileValidationEnabled"], got
refused("InvalidParameterCombinationException", "", c.update_trail, Name="everywhere", IncludeGlobalServiceEvents=False)
refused("S3BucketDoesNotExistException", "", c.update_trail, Name="one", S3BucketName="other")
c.delete_trail(Name="one")
refused("TrailNotFoundException", "", c.get_trail, Name="one")
assert west.get_trail(Name="one")["Trail"]["TrailARN"] == two
c.create_trail(Name="one", S3BucketName="logs")
`)
		if len(strings.TrimSpace(string(out))) > 0 {
			t.Errorf("boto3 found:\n%s", out)
		}
		return // the trails are there now
	}
	missing(t, "Python with boto3")
}
