package cloudtrail

import (
	"context"
	"regexp"
	"slices"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// Limits of selectors (CloudTrail User Guide, "Quotas").
const (
	maxSelectors  = 5
	maxDataValues = 250 // of all data resources of a trail
	maxConditions = 500 // values of all conditions of a trail's advanced selectors
)

// GetEventSelectors tells what a trail delivers.
func (s *Service) GetEventSelectors(_ context.Context, c *service.Caller, in *api.GetEventSelectorsRequest) (*api.GetEventSelectorsResponse, error) {
	t, err := s.find(c, in.TrailName)
	if err != nil {
		return nil, err
	}
	return &api.GetEventSelectorsResponse{TrailARN: t.ARN(), EventSelectors: selectorsOut(t), AdvancedEventSelectors: advancedOut(t)}, nil
}

// PutEventSelectors says what a trail delivers, in place of what was said before.
func (s *Service) PutEventSelectors(ctx context.Context, c *service.Caller, in *api.PutEventSelectorsRequest) (*api.PutEventSelectorsResponse, error) {
	var selectors []directory.EventSelector
	var advanced []directory.AdvancedSelector
	var err error
	switch {
	case len(in.EventSelectors) > 0 && len(in.AdvancedEventSelectors) > 0:
		err = invalid("You can use either AdvancedEventSelectors or EventSelectors, but not both.")
	case len(in.AdvancedEventSelectors) > 0:
		advanced, err = advancedIn(in.AdvancedEventSelectors)
	default:
		selectors, err = selectorsIn(in.EventSelectors)
	}
	if err != nil {
		return nil, err
	}
	t, err := s.change(ctx, c, in.TrailName, func(tx *directory.Tx, t *directory.AuditTrail) error {
		t.Selectors, t.Advanced = selectors, advanced
		tx.SaveAuditTrail(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutEventSelectorsResponse{TrailARN: t.ARN(), EventSelectors: selectorsOut(t), AdvancedEventSelectors: advancedOut(t)}, nil
}

func invalid(format string, args ...any) error {
	return api.InvalidEventSelectorsException.New(format, args...)
}

func selectorsIn(in []api.EventSelector) (out []directory.EventSelector, err error) {
	if len(in) < 1 || len(in) > maxSelectors {
		return nil, invalid("Specify a valid number of selectors (1 to %d) for your trail.", maxSelectors)
	}
	values := 0
	for _, sel := range in {
		s := directory.EventSelector{Calls: sel.ReadWriteType, Management: sel.IncludeManagementEvents == nil || *sel.IncludeManagementEvents, Excluded: sel.ExcludeManagementEventSources}
		if s.Calls == "" {
			s.Calls = "All"
		}
		if !slices.Contains([]string{"All", "ReadOnly", "WriteOnly"}, s.Calls) {
			return nil, invalid("Value %s for ReadWriteType is invalid.", s.Calls)
		}
		for _, source := range s.Excluded {
			if !s.Management || source != "kms.amazonaws.com" && source != "rdsdata.amazonaws.com" {
				return nil, invalid("Value %s for ExcludeManagementEventSources is invalid.", source)
			}
		}
		for _, d := range sel.DataResources {
			if err := validData(&d); err != nil {
				return nil, err
			}
			s.Data = append(s.Data, directory.DataResource{Type: d.Type, Values: d.Values})
			values += len(d.Values)
		}
		out = append(out, s)
	}
	if values > maxDataValues {
		return nil, invalid("Specify a valid number of DataResources.Values (0 to %d) for all your selectors.", maxDataValues)
	}
	return out, nil
}

// dataValues are the forms of values of the types of data resources: all of a
// service, or one resource; of S3 what objects begin with (CloudTrail API
// reference, DataResource).
var dataValues = map[string]*regexp.Regexp{
	"AWS::S3::Object":       regexp.MustCompile(`^arn:aws:s3(?::::?|:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^*]*)?$`),
	"AWS::Lambda::Function": regexp.MustCompile(`^arn:aws:lambda(?::[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(?::[A-Za-z0-9_-]+)?)?$`),
	"AWS::DynamoDB::Table":  regexp.MustCompile(`^arn:aws:dynamodb(?::[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]+)?$`),
}

func validData(d *api.DataResource) error {
	form := dataValues[d.Type]
	if form == nil {
		return invalid("Value %s for DataResources.Type is invalid.", d.Type)
	}
	for _, v := range d.Values {
		if !form.MatchString(v) {
			return invalid("Value %s for DataResources.Values is invalid.", v)
		}
	}
	return nil
}

// fieldsOf are the fields that selectors of a category of events may have
// (CloudTrail API reference, AdvancedFieldSelector). Those of management events
// are the ones of event data stores: trails here can do as much.
var fieldsOf = map[string][]string{
	"Management":      {"eventCategory", "eventName", "eventSource", "eventType", "readOnly", "sessionCredentialFromConsole", "userIdentity.arn"},
	"Data":            {"eventCategory", "eventName", "eventSource", "eventType", "readOnly", "resources.ARN", "resources.type", "sessionCredentialFromConsole", "userIdentity.arn"},
	"NetworkActivity": {"errorCode", "eventCategory", "eventName", "eventSource", "vpcEndpointId"},
}

// requiredOf are those that they must have besides.
var requiredOf = map[string]string{"Data": "resources.type", "NetworkActivity": "eventSource"}

// onlyEquals are the fields that know no other operator, and take one value.
var onlyEquals = []string{"eventCategory", "readOnly", "resources.type", "sessionCredentialFromConsole"}

func advancedIn(in []api.AdvancedEventSelector) (out []directory.AdvancedSelector, err error) {
	values := 0
	for _, sel := range in {
		s := directory.AdvancedSelector{Name: sel.Name}
		for _, f := range sel.FieldSelectors {
			s.Fields = append(s.Fields, directory.FieldSelector(f))
			n := len(f.Equals) + len(f.StartsWith) + len(f.EndsWith) + len(f.NotEquals) + len(f.NotStartsWith) + len(f.NotEndsWith)
			if n == 0 {
				return nil, invalid("Specify at least one operator with a value for field %s.", f.Field)
			}
			values += n
		}
		if err := validAdvanced(s.Fields); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if values > maxConditions {
		return nil, invalid("Specify a valid number of values (1 to %d) for all conditions of your advanced event selectors.", maxConditions)
	}
	return out, nil
}

func validAdvanced(fields []directory.FieldSelector) error {
	byName := map[string]directory.FieldSelector{}
	for _, f := range fields {
		if _, again := byName[f.Field]; again {
			return invalid("Field %s is specified more than once in an advanced event selector.", f.Field)
		}
		byName[f.Field] = f
		if slices.Contains(onlyEquals, f.Field) && (len(f.Equals) != 1 || len(f.StartsWith)+len(f.EndsWith)+len(f.NotEquals)+len(f.NotStartsWith)+len(f.NotEndsWith) > 0) {
			return invalid("Field %s supports only the Equals operator, with one value.", f.Field)
		}
	}
	if len(byName["eventCategory"].Equals) != 1 {
		return invalid("Field eventCategory is required in an advanced event selector.")
	}
	category := byName["eventCategory"].Equals[0]
	if fieldsOf[category] == nil {
		return invalid("Value %s for eventCategory is invalid.", category)
	}
	for _, f := range fields {
		if !slices.Contains(fieldsOf[category], f.Field) {
			return invalid("Field %s is not supported for eventCategory %s.", f.Field, category)
		}
	}
	if need := requiredOf[category]; need != "" && byName[need].Field == "" {
		return invalid("Field %s is required for eventCategory %s.", need, category)
	}
	for _, field := range []string{"readOnly", "sessionCredentialFromConsole"} {
		if f, ok := byName[field]; ok && f.Equals[0] != "true" && f.Equals[0] != "false" {
			return invalid("Value %s for %s is invalid.", f.Equals[0], field)
		}
	}
	if f, ok := byName["resources.type"]; ok && strings.Count(f.Equals[0], "::") != 2 {
		return invalid("Value %s for resources.type is invalid.", f.Equals[0])
	}
	return nil
}

// selectorsOut are the trail's event selectors: all management events where
// none were put, and none where there are advanced ones.
func selectorsOut(t *directory.AuditTrail) []api.EventSelector {
	if len(t.Advanced) > 0 {
		return nil
	}
	selectors := t.Selectors
	if len(selectors) == 0 {
		selectors = []directory.EventSelector{{Calls: "All", Management: true}}
	}
	out := make([]api.EventSelector, 0, len(selectors))
	for _, s := range selectors {
		o := api.EventSelector{ReadWriteType: s.Calls, IncludeManagementEvents: &s.Management, DataResources: []api.DataResource{}, ExcludeManagementEventSources: s.Excluded}
		if o.ExcludeManagementEventSources == nil {
			o.ExcludeManagementEventSources = []string{}
		}
		for _, d := range s.Data {
			o.DataResources = append(o.DataResources, api.DataResource{Type: d.Type, Values: d.Values})
		}
		out = append(out, o)
	}
	return out
}

func advancedOut(t *directory.AuditTrail) (out []api.AdvancedEventSelector) {
	for _, s := range t.Advanced {
		o := api.AdvancedEventSelector{Name: s.Name}
		for _, f := range s.Fields {
			o.FieldSelectors = append(o.FieldSelectors, api.AdvancedFieldSelector(f))
		}
		out = append(out, o)
	}
	return out
}
