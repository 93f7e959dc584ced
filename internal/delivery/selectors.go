package delivery

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// globalRegion is the one that events of global services are said to be of.
const globalRegion = "us-east-1"

// globalSources are the services whose events in globalRegion are global.
var globalSources = []string{
	"iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com", "route53.amazonaws.com", "organizations.amazonaws.com",
}

// inRegions reports whether a trail is for the region that an event is of. What
// has no region, because it had no valid signature, counts as of the trail's own.
func inRegions(t *directory.AuditTrail, r *record) bool {
	if (r.AWSRegion == globalRegion || r.AWSRegion == "aws-global") && slices.Contains(globalSources, r.EventSource) {
		return t.Global
	}
	return t.MultiRegion || r.AWSRegion == "" || r.AWSRegion == t.Region
}

// selected reports whether any of the trail's selectors matches an event.
func selected(t *directory.AuditTrail, r *record) bool {
	switch {
	case len(t.Advanced) > 0:
		return slices.ContainsFunc(t.Advanced, func(s directory.AdvancedSelector) bool { return advanced(&s, r) })
	case len(t.Selectors) > 0:
		return slices.ContainsFunc(t.Selectors, func(s directory.EventSelector) bool { return basic(&s, r) })
	}
	return r.EventCategory == trail.CategoryAPI
}

func basic(s *directory.EventSelector, r *record) bool {
	if s.Calls == "ReadOnly" && !r.ReadOnly || s.Calls == "WriteOnly" && r.ReadOnly {
		return false
	}
	if r.EventCategory == trail.CategoryAPI {
		return s.Management && !slices.Contains(s.Excluded, r.EventSource)
	}
	for _, data := range s.Data {
		for _, res := range r.Resources {
			if res.Type == data.Type && slices.ContainsFunc(data.Values, func(v string) bool { return covers(v, res.ARN) }) {
				return true
			}
		}
	}
	return false
}

// covers reports whether a value of a data resource is about an ARN: arn:aws:s3
// and its like about all, arn:aws:s3:::bucket/prefix about what begins so, and
// that of anything else about itself (CloudTrail API reference, DataResource).
func covers(value, arn string) bool {
	switch {
	case strings.Count(value, ":") == 2:
		return strings.HasPrefix(arn, value+":")
	case strings.HasPrefix(value, "arn:aws:s3:::"):
		return strings.HasPrefix(arn, value)
	}
	return arn == value
}

func advanced(s *directory.AdvancedSelector, r *record) bool {
	var ofResource []directory.FieldSelector
	for _, f := range s.Fields {
		var value string
		switch f.Field {
		case "eventCategory":
			value = r.EventCategory
		case "eventSource":
			value = r.EventSource
		case "eventName":
			value = r.EventName
		case "eventType":
			value = r.EventType
		case "errorCode":
			value = r.ErrorCode
		case "userIdentity.arn":
			value = r.UserIdentity.ARN
		case "readOnly":
			value = strconv.FormatBool(r.ReadOnly)
		case "sessionCredentialFromConsole":
			value = strconv.FormatBool(r.Console == "true")
		case "resources.type", "resources.ARN":
			ofResource = append(ofResource, f)
			continue
		}
		if !f.Matches(value) {
			return false
		}
	}
	return len(ofResource) == 0 || slices.ContainsFunc(r.Resources, func(res trail.ARNResource) bool { return resource(ofResource, &res) })
}

// resource reports whether one resource fulfils all conditions on resources.
func resource(fields []directory.FieldSelector, res *trail.ARNResource) bool {
	for _, f := range fields {
		value := res.ARN
		if f.Field == "resources.type" {
			value = res.Type
		}
		if !f.Matches(value) {
			return false
		}
	}
	return true
}
