package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The records of CloudTrail, version 1.11, as its user guide describes them
// ("CloudTrail record contents", "CloudTrail userIdentity element", "AWS
// Management Console sign-in events"), in a table.

// field says what may stand in a place of a record.
type field struct {
	kind     string           // text, bool, object, list, any; others may not be there
	required bool             // must be there
	null     bool             // may be null
	form     *regexp.Regexp   // of a text
	one      []string         // all values that a text may have
	members  map[string]field // of an object; nil for any
	item     *field           // of a list
}

var (
	accountForm = regexp.MustCompile(`^\d{12}$`)
	timeForm    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	uuidForm    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	arnForm     = regexp.MustCompile(`^arn:aws:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:.+`)
	sourceForm  = regexp.MustCompile(`^[a-z0-9.-]+\.amazonaws\.com$`)
	addressForm = regexp.MustCompile(`^([0-9.]+|[0-9a-f:.%a-z]+|[a-z0-9.-]+\.amazonaws\.com)$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+(-\d+)?$`)
)

func text(required bool) field { return field{kind: "text", required: required} }

func formed(required bool, form *regexp.Regexp) field {
	return field{kind: "text", required: required, form: form}
}

func oneOf(required bool, values ...string) field {
	return field{kind: "text", required: required, one: values}
}

// recordFields are the members of a record.
var recordFields = map[string]field{
	"eventVersion":        oneOf(true, "1.11"),
	"userIdentity":        {kind: "object", required: true, members: identityFields},
	"eventTime":           formed(true, timeForm),
	"eventSource":         formed(true, sourceForm),
	"eventName":           text(true),
	"awsRegion":           formed(true, regionForm),
	"sourceIPAddress":     formed(true, addressForm),
	"userAgent":           text(true),
	"errorCode":           text(false),
	"errorMessage":        text(false),
	"requestParameters":   {kind: "object", required: true, null: true},
	"responseElements":    {kind: "object", required: true, null: true},
	"additionalEventData": {kind: "object"},
	"requestID":           formed(true, uuidForm),
	"eventID":             formed(true, uuidForm),
	"eventType":           oneOf(true, "AwsApiCall", "AwsServiceEvent", "AwsConsoleAction", "AwsConsoleSignIn"),
	"apiVersion":          text(false),
	"managementEvent":     {kind: "bool", required: true},
	"readOnly":            {kind: "bool", required: true},
	"resources": {kind: "list", item: &field{kind: "object", members: map[string]field{
		"ARN": formed(true, arnForm), "accountId": formed(false, accountForm), "type": formed(false, regexp.MustCompile(`^AWS::\w+::\w+$`)),
	}}},
	"recipientAccountId":           formed(true, accountForm),
	"serviceEventDetails":          {kind: "object"},
	"sharedEventID":                formed(false, uuidForm),
	"vpcEndpointId":                text(false),
	"vpcEndpointAccountId":         formed(false, accountForm),
	"eventCategory":                oneOf(true, "Management", "Data", "NetworkActivity"),
	"sessionCredentialFromConsole": oneOf(false, "true"),
	// What isn't known, as where TLS ended at a proxy, is left out.
	"tlsDetails": {kind: "object", members: map[string]field{
		"tlsVersion": oneOf(false, "TLSv1.2", "TLSv1.3"), "cipherSuite": text(false), "clientProvidedHostHeader": text(true),
	}},
	"sallyport": {kind: "object", required: true}, // our own
}

var identityFields = map[string]field{
	"type":             oneOf(true, slices.Sorted(maps.Keys(identities))...),
	"principalId":      text(false),
	"arn":              formed(false, arnForm),
	"accountId":        formed(false, regexp.MustCompile(`^(\d{12}|ANONYMOUS_PRINCIPAL)$`)),
	"accessKeyId":      text(false),
	"userName":         text(false),
	"invokedBy":        text(false),
	"identityProvider": text(false),
	"sessionContext": {kind: "object", members: map[string]field{
		"sessionIssuer": {kind: "object", members: map[string]field{
			"type": oneOf(true, "Root", "IAMUser", "Role"), "principalId": text(true), "arn": formed(true, arnForm),
			"accountId": formed(true, accountForm), "userName": text(true),
		}},
		"webIdFederationData": {kind: "object", members: map[string]field{
			"federatedProvider": text(true), "attributes": {kind: "object"},
		}},
		"attributes": {kind: "object", required: true, members: map[string]field{
			"creationDate": formed(true, timeForm), "mfaAuthenticated": oneOf(true, "true", "false"),
		}},
		"sourceIdentity": text(false),
		"assumedRoot":    oneOf(false, "true"),
	}},
}

// identities are what each type of identity must have, and what it may have
// besides, or the members of a sign-in that failed.
var identities = map[string]struct{ must, may string }{
	"Root":            {"type principalId arn accountId", "accessKeyId sessionContext invokedBy"},
	"IAMUser":         {"type principalId arn accountId userName", "accessKeyId sessionContext invokedBy"},
	"AssumedRole":     {"type principalId arn accountId accessKeyId sessionContext", "invokedBy"},
	"FederatedUser":   {"type principalId arn accountId accessKeyId sessionContext", ""},
	"WebIdentityUser": {"type principalId userName identityProvider", ""},
	"SAMLUser":        {"type principalId userName identityProvider", ""},
	"AWSAccount":      {"type accountId", "principalId"},
	"AWSService":      {"type invokedBy", ""},
	"Unknown":         {"type", "accessKeyId accountId"},
}

// checkRecord says what of a record is not as CloudTrail's are.
func checkRecord(record []byte) error {
	var doc map[string]any
	if err := json.Unmarshal(record, &doc); err != nil {
		return err
	}
	whole := field{kind: "object", required: true, members: recordFields}
	if err := whole.check("record", doc); err != nil {
		return err
	}
	for _, check := range []func(map[string]any) error{checkIdentity, checkOutcome, checkNames} {
		if err := check(doc); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) check(at string, v any) error {
	var kind string
	switch v := v.(type) {
	case nil:
		if f.null {
			return nil
		}
		kind = "null"
	case string:
		kind = "text"
		if f.form != nil && !f.form.MatchString(v) || f.one != nil && !slices.Contains(f.one, v) {
			return fmt.Errorf("%s is %q", at, v)
		}
	case bool:
		kind = "bool"
	case []any:
		kind = "list"
		for i, e := range v {
			if err := f.item.check(fmt.Sprint(at, ".", i), e); err != nil {
				return err
			}
		}
	case map[string]any:
		kind = "object"
		if err := f.checkMembers(at, v); err != nil {
			return err
		}
	default:
		kind = fmt.Sprintf("%T", v)
	}
	if f.kind != kind {
		return fmt.Errorf("%s is %s, want %s", at, kind, f.kind)
	}
	return nil
}

func (f *field) checkMembers(at string, v map[string]any) error {
	if f.members == nil {
		return nil
	}
	for name, m := range v {
		known, ok := f.members[name]
		if !ok {
			return fmt.Errorf("%s has a member %s", at, name)
		}
		if err := known.check(at+"."+name, m); err != nil {
			return err
		}
	}
	for name, m := range f.members {
		if _, there := v[name]; m.required && !there {
			return fmt.Errorf("%s lacks %s", at, name)
		}
	}
	return nil
}

// checkIdentity holds an identity to its type.
func checkIdentity(doc map[string]any) error {
	id := doc["userIdentity"].(map[string]any)
	kind := id["type"].(string)
	must, may := strings.Fields(identities[kind].must), strings.Fields(identities[kind].may)
	if doc["eventType"] == "AwsConsoleSignIn" && id["arn"] == nil {
		must, may = []string{"type", "accountId", "userName"}, nil // nobody is signed in
	}
	for _, name := range must {
		if id[name] == nil {
			return fmt.Errorf("an identity of type %s lacks %s", kind, name)
		}
	}
	for name := range id {
		if !slices.Contains(must, name) && !slices.Contains(may, name) {
			return fmt.Errorf("an identity of type %s has %s", kind, name)
		}
	}
	s, _ := id["sessionContext"].(map[string]any)
	issuer, _ := s["sessionIssuer"].(map[string]any)
	switch {
	case kind == "AssumedRole" && issuer["type"] != "Role", kind == "FederatedUser" && issuer["type"] != "IAMUser" && issuer["type"] != "Root":
		return fmt.Errorf("a session of type %s was issued by %v", kind, issuer["type"])
	case (kind == "IAMUser" || kind == "Root") && issuer != nil:
		return fmt.Errorf("a session of type %s has an issuer", kind)
	}
	if key, ok := id["accessKeyId"].(string); ok && kind != "Unknown" && strings.HasPrefix(key, "ASIA") != (s != nil) {
		return fmt.Errorf("credentials %s with a session: %t", key, s != nil)
	}
	return nil
}

// checkOutcome holds what a record says of how the call ended together.
func checkOutcome(doc map[string]any) error {
	signIn := doc["eventType"] == "AwsConsoleSignIn"
	switch {
	case signIn != (doc["eventSource"] == "signin.amazonaws.com"):
		return fmt.Errorf("an event of type %v is from %v", doc["eventType"], doc["eventSource"])
	case !signIn && doc["errorCode"] == nil && doc["errorMessage"] != nil:
		return fmt.Errorf("an error message %v without a code", doc["errorMessage"])
	case !signIn && doc["errorCode"] != nil && doc["responseElements"] != nil:
		return fmt.Errorf("a call that failed has an answer")
	case doc["managementEvent"] != (doc["eventCategory"] == "Management"):
		return fmt.Errorf("category %v, management event %v", doc["eventCategory"], doc["managementEvent"])
	case doc["sharedEventID"] != nil && doc["resources"] == nil:
		return fmt.Errorf("an event that two accounts share names no resource")
	}
	return nil
}

// checkNames: members of inputs and outputs begin with a small letter.
func checkNames(doc map[string]any) error {
	for _, part := range []string{"requestParameters", "responseElements"} {
		top, _ := doc[part].(map[string]any)
		for name := range top {
			if doc["eventType"] == "AwsApiCall" && (name == "" || name[0] >= 'A' && name[0] <= 'Z') {
				return fmt.Errorf("%s has a member %s", part, name)
			}
		}
	}
	return nil
}

// remembered wants events of every operation that was called: of one that
// succeeded and, where one was refused, of one that failed.
func (c *coverage) remembered() {
	c.t.Helper()
	c.s.stop()
	well, ill := map[string]bool{}, map[string]bool{}
	must(c.t, c.s.eachEvent(func(record []byte) {
		var e event
		must(c.t, json.Unmarshal(record, &e))
		if e.ErrorCode == "" {
			well[e.EventName] = true
		} else {
			ill[e.EventName] = true
		}
	}))
	for name, seen := range c.ops {
		if seen.succeeded > 0 && !well[name] || len(seen.codes) > 0 && !ill[name] {
			c.t.Errorf("%s: an event of success: %t, of failure: %t", name, well[name], ill[name])
		}
	}
}

// TestSchemaFinds: the schema refuses what is not as it says.
func TestSchemaFinds(t *testing.T) {
	const good = `{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::111122223333:user/a","accountId":"111122223333","accessKeyId":"AKIAIOSFODNN7EXAMPLE","userName":"a"},
"eventTime":"2026-01-02T03:04:05Z","eventSource":"iam.amazonaws.com","eventName":"CreateUser","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","userAgent":"x","requestParameters":{"userName":"b"},
"responseElements":null,"requestID":"0190a0a0-0000-7000-8000-000000000000","eventID":"0190a0a0-0000-7000-8000-000000000001","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","sallyport":{}}`
	if err := checkRecord([]byte(good)); err != nil {
		t.Fatalf("a good record: %v", err)
	}
	for _, tt := range []struct{ old, new string }{
		{`"eventVersion":"1.11"`, `"eventVersion":"1.08"`},
		{`"eventVersion":"1.11",`, ``},
		{`"eventName":"CreateUser"`, `"eventName":7`},
		{`"readOnly":false`, `"readOnly":"false"`},
		{`"sallyport":{}`, `"sallyport":{},"more":1`},
		{`"2026-01-02T03:04:05Z"`, `"2026-01-02T03:04:05.5Z"`},
		{`"userName":"a"}`, `"invokedBy":"x"}`},
		{`"type":"IAMUser"`, `"type":"AssumedRole"`},
		{`"type":"IAMUser"`, `"type":"User"`},
		{`AKIAIOSFODNN7EXAMPLE`, `ASIAIOSFODNN7EXAMPLE`},
		{`"userName":"b"`, `"UserName":"b"`},
		{`"eventCategory":"Management"`, `"eventCategory":"Data"`},
		{`"requestID"`, `"errorMessage":"X","requestID"`},
		{`"eventType":"AwsApiCall"`, `"eventType":"AwsConsoleSignIn"`},
		{`"recipientAccountId":"111122223333"`, `"recipientAccountId":"1"`},
		{`"responseElements":null`, `"responseElements":[]`},
		{`"sallyport":{}`, `"sallyport":{},"resources":[{"accountId":"111122223333"}]`},
		{`"sallyport":{}`, `"sallyport":{},"tlsDetails":{"tlsVersion":"TLSv1.0","cipherSuite":"x","clientProvidedHostHeader":"h"}`},
	} {
		bad := strings.Replace(good, tt.old, tt.new, 1)
		if bad == good || checkRecord([]byte(bad)) == nil {
			t.Errorf("%s in place of %s is taken for good", tt.new, tt.old)
		}
	}
}
