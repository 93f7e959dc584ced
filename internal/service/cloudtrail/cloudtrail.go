// Package cloudtrail is AWS CloudTrail: the events of the caller's account,
// looked up, and the trails that deliver them. Operations that are not here are
// answered as not available.
package cloudtrail

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/delivery"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// Options are what the service needs.
type Options struct {
	Log       *trail.Log
	Directory *directory.Directory
	Delivery  *delivery.Deliverer
	// PublicKey is the key that signs digests, and when it was made; nil where
	// there is none yet.
	PublicKey func(ctx context.Context) (*rsa.PublicKey, time.Time, error)
}

// Service carries out CloudTrail's operations on a trail.
type Service struct {
	Options
	log *trail.Log
}

// New makes the service.
func New(opts Options) *Service { return &Service{opts, opts.Log} }

// Operations are the operations that this service carries out.
func (s *Service) Operations() service.Set {
	return service.NewSet(append(s.trailOperations(), service.Op("LookupEvents", s.LookupEvents))...)
}

// LookupEvents finds events of the caller's account, the newest first, by at
// most one attribute. Events of all regions are found, whatever the region of
// the request.
func (s *Service) LookupEvents(ctx context.Context, c *service.Caller, in *api.LookupEventsRequest) (*api.LookupEventsResponse, error) {
	q, err := query(c.Account(), in)
	if err != nil {
		return nil, err
	}
	out := &api.LookupEventsResponse{Events: []api.Event{}}
	if in.EventCategory != "" && in.EventCategory != "insight" {
		return nil, api.InvalidEventCategoryException.New("Event category %s is not valid.", in.EventCategory)
	}
	if in.EventCategory != "" { // there are no insights
		return out, nil
	}
	page, err := s.log.Lookup(ctx, q)
	if errors.Is(err, trail.ErrNext) {
		return nil, api.InvalidNextTokenException.New("Invalid token specified.")
	}
	if err != nil {
		return nil, err
	}
	for _, record := range page.Records {
		e, err := eventOut(record)
		if err != nil {
			return nil, err
		}
		out.Events = append(out.Events, e)
	}
	out.NextToken = page.Next
	return out, nil
}

func query(account string, in *api.LookupEventsRequest) (trail.Query, error) {
	q := trail.Query{Account: account, From: in.StartTime, To: in.EndTime, Next: in.NextToken, Keep: management}
	if !in.StartTime.IsZero() && !in.EndTime.IsZero() && in.StartTime.After(in.EndTime) {
		return q, api.InvalidTimeRangeException.New("The start time must be before the end time.")
	}
	if in.MaxResults != nil {
		if *in.MaxResults < 1 || *in.MaxResults > 50 {
			return q, api.InvalidMaxResultsException.New("The value for MaxResults must be between 1 and 50.")
		}
		q.Max = int(*in.MaxResults)
	}
	if len(in.LookupAttributes) > 1 {
		return q, api.InvalidLookupAttributesException.New("You can specify only one lookup attribute.")
	}
	for _, a := range in.LookupAttributes {
		q.Key = trail.Key{Attribute: trail.Attribute(a.AttributeKey), Value: a.AttributeValue}
		if q.Key.Attribute == trail.ReadOnly {
			return readOnly(q)
		}
	}
	return q, nil
}

// readOnly looks for changing calls by their index, and for reading ones, of
// which there are more, by passing the others over.
func readOnly(q trail.Query) (trail.Query, error) {
	want, err := strconv.ParseBool(q.Key.Value)
	if err != nil {
		return q, api.InvalidLookupAttributesException.New("The value of the attribute ReadOnly must be true or false.")
	}
	q.Key.Value = "false"
	if want {
		q.Key = trail.Key{}
		q.Keep = func(record []byte) bool {
			var e struct {
				ReadOnly bool `json:"readOnly"`
			}
			return json.Unmarshal(record, &e) == nil && e.ReadOnly && management(record)
		}
	}
	return q, nil
}

// management reports whether a record is of a management event. Data events are
// delivered to trails that select them, and not found here, as with AWS.
func management(record []byte) bool {
	return !bytes.Contains(record, []byte(`"managementEvent":false`)) // text in a record has its quotes escaped
}

// eventOut is an event as LookupEvents shows it.
func eventOut(record []byte) (api.Event, error) {
	var e trail.Event
	if err := json.Unmarshal(record, &e); err != nil {
		return api.Event{}, fmt.Errorf("event in the trail: %w", err)
	}
	out := api.Event{
		EventId: e.EventID, EventName: e.EventName, ReadOnly: strconv.FormatBool(e.ReadOnly), AccessKeyId: e.UserIdentity.AccessKeyID,
		EventTime: e.EventTime.Truncate(time.Second), EventSource: e.EventSource, Username: e.User(),
		Resources: []api.Resource{}, CloudTrailEvent: string(record),
	}
	for _, n := range e.Own.Named {
		out.Resources = append(out.Resources, api.Resource{ResourceType: n.Type, ResourceName: n.Name})
	}
	return out, nil
}
