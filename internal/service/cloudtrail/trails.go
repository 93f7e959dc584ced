package cloudtrail

import (
	"context"
	"crypto/x509"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

func (s *Service) trailOperations() []service.Operation {
	all := []service.Operation{
		service.Op("CreateTrail", s.CreateTrail),
		service.Op("UpdateTrail", s.UpdateTrail),
		service.Op("DeleteTrail", s.DeleteTrail),
		service.Op("GetTrail", s.GetTrail),
		service.Op("GetTrailStatus", s.GetTrailStatus),
		service.Op("StartLogging", s.StartLogging),
		service.Op("StopLogging", s.StopLogging),
		service.Op("GetEventSelectors", s.GetEventSelectors),
		service.Op("PutEventSelectors", s.PutEventSelectors),
		service.Op("AddTags", s.AddTags),
		service.Op("RemoveTags", s.RemoveTags),
	}
	for i := range all {
		all[i].Targets = actsOnTrail
	}
	listTags := service.Op("ListTags", s.ListTags)
	listTags.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
		var targets []service.Target
		for _, id := range in.(*api.ListTagsRequest).ResourceIdList {
			targets = append(targets, target(c, id))
		}
		return targets, nil
	}
	return append(all, listTags, onAll("DescribeTrails", s.DescribeTrails), onAll("ListTrails", s.ListTrails), onAll("ListPublicKeys", s.ListPublicKeys))
}

// onAll is an operation that acts on no single trail.
func onAll[In, Out any](name string, f func(context.Context, *service.Caller, *In) (*Out, error)) service.Operation {
	o := service.Op(name, f)
	o.Targets = func(*service.Caller, any) ([]service.Target, error) { return []service.Target{{ARN: "*"}}, nil }
	return o
}

// actsOnTrail: the resource is the trail that the input names.
func actsOnTrail(c *service.Caller, in any) ([]service.Target, error) {
	v := reflect.ValueOf(in).Elem()
	for _, member := range []string{"Name", "TrailName", "ResourceId"} {
		if f := v.FieldByName(member); f.IsValid() {
			return []service.Target{target(c, f.String())}, nil
		}
	}
	return []service.Target{{ARN: "*"}}, nil
}

func target(c *service.Caller, id string) service.Target {
	if t, err := c.Snapshot.AuditTrail(c.Account(), nameOf(id)); err == nil {
		return service.Target{ARN: t.ARN(), Tags: t.Tags}
	}
	return service.Target{ARN: directory.AuditTrailARN(c.Account(), c.Region, nameOf(id))}
}

// nameOf is the name in a trail's ARN, or the name itself.
func nameOf(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// awsError puts a refusal of the directory into CloudTrail's words.
func awsError(c *service.Caller, err error) error {
	if e, ok := errors.AsType[*directory.NotFound](err); ok {
		return api.TrailNotFoundException.New("Unknown trail: %s for the user: %s", e.Name, c.Account())
	}
	if e, ok := errors.AsType[*directory.Exists](err); ok {
		return api.TrailAlreadyExistsException.New("Trail %s already exists for customer: %s", e.Name, c.Account())
	}
	if e, ok := errors.AsType[*directory.LimitExceeded](err); ok {
		if e.Quota == "trails" {
			return api.MaximumNumberOfTrailsExceededException.New("User: %s already has %d trails.", c.Account(), e.Limit)
		}
		return api.TagsLimitExceededException.New("The number of tags exceeds the limit.")
	}
	return err
}

// change runs a change of a trail.
func (s *Service) change(ctx context.Context, c *service.Caller, id string, fn func(tx *directory.Tx, t *directory.AuditTrail) error) (t *directory.AuditTrail, err error) {
	err = s.Directory.Update(ctx, c.Account(), func(tx *directory.Tx) error {
		if err := c.StillMay(tx); err != nil {
			return err
		}
		if t, err = tx.AuditTrail(nameOf(id)); err != nil {
			return err
		}
		if strings.HasPrefix(id, "arn:") && t.ARN() != id {
			return &directory.NotFound{Kind: directory.KindAuditTrail, Name: id}
		}
		return fn(tx, t)
	})
	return t, awsError(c, err)
}

func (s *Service) find(c *service.Caller, id string) (*directory.AuditTrail, error) {
	t, err := c.Snapshot.AuditTrail(c.Account(), nameOf(id))
	if err == nil && strings.HasPrefix(id, "arn:") && t.ARN() != id {
		err = &directory.NotFound{Kind: directory.KindAuditTrail, Name: id}
	}
	return t, awsError(c, err)
}

// trailName is the form of a name (CloudTrail API reference, CreateTrail).
var trailName = regexp.MustCompile(`^[A-Za-z0-9](?:[._-]?[A-Za-z0-9])+$`)

// bucketName is the form of a bucket's name, which becomes that of a folder.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// where checks where a trail is to be delivered.
func (s *Service) where(ctx context.Context, bucket, prefix string) error {
	if !bucketName.MatchString(bucket) || strings.Contains(bucket, "..") {
		return api.InvalidS3BucketNameException.New("Bucket name %s is invalid.", bucket)
	}
	if len(prefix) > 200 || strings.HasPrefix(prefix, "/") || strings.Contains(prefix, "..") || strings.ContainsAny(prefix, "\\\x00") {
		return api.InvalidS3PrefixException.New("Prefix %s is invalid.", prefix)
	}
	if err := s.Bucket(ctx, bucket); err != nil {
		return api.S3BucketDoesNotExistException.New("S3 bucket %s can't be delivered to: %s", bucket, err)
	}
	return nil
}

// unsupported refuses what trails can't do here.
func unsupported(given ...bool) error {
	for i, what := range []string{"log file validation (sallyport trail verify checks the trail itself)", "SNS", "CloudWatch Logs", "KMS keys", "organization trails"} {
		if given[i] {
			return api.UnsupportedOperationException.New("Trails here do not have %s.", what)
		}
	}
	return nil
}

// CreateTrail makes a trail, which delivers nothing before StartLogging.
func (s *Service) CreateTrail(ctx context.Context, c *service.Caller, in *api.CreateTrailRequest) (*api.CreateTrailResponse, error) {
	if len(in.Name) < 3 || len(in.Name) > 128 || !trailName.MatchString(in.Name) {
		return nil, api.InvalidTrailNameException.New("Trail name or ARN %s is not valid.", in.Name)
	}
	if err := unsupported(is(in.EnableLogFileValidation), in.SnsTopicName != "", in.CloudWatchLogsLogGroupArn+in.CloudWatchLogsRoleArn != "", in.KmsKeyId != "", is(in.IsOrganizationTrail)); err != nil {
		return nil, err
	}
	if err := s.where(ctx, in.S3BucketName, in.S3KeyPrefix); err != nil {
		return nil, err
	}
	t := &directory.AuditTrail{
		Name: in.Name, Region: c.Region, Bucket: in.S3BucketName, Prefix: in.S3KeyPrefix,
		Global: in.IncludeGlobalServiceEvents == nil || is(in.IncludeGlobalServiceEvents), MultiRegion: is(in.IsMultiRegionTrail),
	}
	err := s.Directory.Update(ctx, c.Account(), func(tx *directory.Tx) error {
		if err := c.StillMay(tx); err != nil {
			return err
		}
		return tx.CreateAuditTrail(t, tagsIn(in.TagsList))
	})
	if err != nil {
		return nil, awsError(c, err)
	}
	o := trailOut(t)
	return &api.CreateTrailResponse{
		Name: o.Name, S3BucketName: o.S3BucketName, S3KeyPrefix: o.S3KeyPrefix, IncludeGlobalServiceEvents: o.IncludeGlobalServiceEvents,
		IsMultiRegionTrail: o.IsMultiRegionTrail, TrailARN: o.TrailARN, LogFileValidationEnabled: o.LogFileValidationEnabled, IsOrganizationTrail: o.IsOrganizationTrail,
	}, nil
}

func has(text *string) bool { return text != nil && *text != "" }

// UpdateTrail changes where and what a trail delivers.
func (s *Service) UpdateTrail(ctx context.Context, c *service.Caller, in *api.UpdateTrailRequest) (*api.UpdateTrailResponse, error) {
	if err := unsupported(is(in.EnableLogFileValidation), has(in.SnsTopicName), has(in.CloudWatchLogsLogGroupArn) || has(in.CloudWatchLogsRoleArn), has(in.KmsKeyId), is(in.IsOrganizationTrail)); err != nil {
		return nil, err
	}
	t, err := s.change(ctx, c, in.Name, func(tx *directory.Tx, t *directory.AuditTrail) error {
		if has(in.S3BucketName) {
			t.Bucket = *in.S3BucketName
		}
		if in.S3KeyPrefix != nil {
			t.Prefix = *in.S3KeyPrefix
		}
		if in.IncludeGlobalServiceEvents != nil {
			t.Global = *in.IncludeGlobalServiceEvents
		}
		if in.IsMultiRegionTrail != nil {
			t.MultiRegion = *in.IsMultiRegionTrail
		}
		if err := s.where(ctx, t.Bucket, t.Prefix); err != nil {
			return err
		}
		tx.SaveAuditTrail(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	o := trailOut(t)
	return &api.UpdateTrailResponse{
		Name: o.Name, S3BucketName: o.S3BucketName, S3KeyPrefix: o.S3KeyPrefix, IncludeGlobalServiceEvents: o.IncludeGlobalServiceEvents,
		IsMultiRegionTrail: o.IsMultiRegionTrail, TrailARN: o.TrailARN, LogFileValidationEnabled: o.LogFileValidationEnabled, IsOrganizationTrail: o.IsOrganizationTrail,
	}, nil
}

// DeleteTrail deletes a trail. What it has delivered stays.
func (s *Service) DeleteTrail(ctx context.Context, c *service.Caller, in *api.DeleteTrailRequest) (*api.DeleteTrailResponse, error) {
	_, err := s.change(ctx, c, in.Name, func(tx *directory.Tx, t *directory.AuditTrail) error { tx.DeleteAuditTrail(t); return nil })
	return &api.DeleteTrailResponse{}, err
}

// StartLogging has a trail deliver from now on.
func (s *Service) StartLogging(ctx context.Context, c *service.Caller, in *api.StartLoggingRequest) (*api.StartLoggingResponse, error) {
	_, err := s.change(ctx, c, in.Name, func(tx *directory.Tx, t *directory.AuditTrail) error { tx.StartAuditTrail(t); return nil })
	return &api.StartLoggingResponse{}, err
}

// StopLogging has a trail deliver no more.
func (s *Service) StopLogging(ctx context.Context, c *service.Caller, in *api.StopLoggingRequest) (*api.StopLoggingResponse, error) {
	_, err := s.change(ctx, c, in.Name, func(tx *directory.Tx, t *directory.AuditTrail) error { tx.StopAuditTrail(t); return nil })
	return &api.StopLoggingResponse{}, err
}

// GetTrail tells of one trail.
func (s *Service) GetTrail(_ context.Context, c *service.Caller, in *api.GetTrailRequest) (*api.GetTrailResponse, error) {
	t, err := s.find(c, in.Name)
	if err != nil {
		return nil, err
	}
	o := trailOut(t)
	return &api.GetTrailResponse{Trail: &o}, nil
}

// DescribeTrails tells of trails; those that aren't there are left out.
func (s *Service) DescribeTrails(_ context.Context, c *service.Caller, in *api.DescribeTrailsRequest) (*api.DescribeTrailsResponse, error) {
	all, err := c.Snapshot.AuditTrails(c.Account())
	if err != nil {
		return nil, err
	}
	out := &api.DescribeTrailsResponse{TrailList: []api.Trail{}}
	for _, t := range all {
		wanted := len(in.TrailNameList) == 0
		for _, id := range in.TrailNameList {
			wanted = wanted || id == t.Name || id == t.ARN()
		}
		if wanted {
			out.TrailList = append(out.TrailList, trailOut(t))
		}
	}
	return out, nil
}

// ListTrails names all trails of the account.
func (s *Service) ListTrails(_ context.Context, c *service.Caller, _ *api.ListTrailsRequest) (*api.ListTrailsResponse, error) {
	all, err := c.Snapshot.AuditTrails(c.Account())
	if err != nil {
		return nil, err
	}
	out := &api.ListTrailsResponse{Trails: []api.TrailInfo{}}
	for _, t := range all {
		out.Trails = append(out.Trails, api.TrailInfo{TrailARN: t.ARN(), Name: t.Name, HomeRegion: t.Region})
	}
	return out, nil
}

// GetTrailStatus tells how delivery goes, from the node that is asked.
func (s *Service) GetTrailStatus(_ context.Context, c *service.Caller, in *api.GetTrailStatusRequest) (*api.GetTrailStatusResponse, error) {
	t, err := s.find(c, in.Name)
	if err != nil {
		return nil, err
	}
	d := s.Delivered(t.Account(), t.Name)
	return &api.GetTrailStatusResponse{
		IsLogging: &t.Logging, LatestDeliveryError: d.Error, LatestDeliveryTime: d.Latest, StartLoggingTime: t.Started, StopLoggingTime: t.Stopped,
		LatestDeliveryAttemptTime: moment(d.Attempt), TimeLoggingStarted: moment(t.Started), TimeLoggingStopped: moment(t.Stopped),
		LatestDeliveryAttemptSucceeded: moment(d.Latest),
	}, nil
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// GetEventSelectors tells what a trail delivers.
func (s *Service) GetEventSelectors(_ context.Context, c *service.Caller, in *api.GetEventSelectorsRequest) (*api.GetEventSelectorsResponse, error) {
	t, err := s.find(c, in.TrailName)
	if err != nil {
		return nil, err
	}
	return &api.GetEventSelectorsResponse{TrailARN: t.ARN(), EventSelectors: selectorsOut(t)}, nil
}

// PutEventSelectors says what a trail delivers: one selector, of management events.
func (s *Service) PutEventSelectors(ctx context.Context, c *service.Caller, in *api.PutEventSelectorsRequest) (*api.PutEventSelectorsResponse, error) {
	if len(in.AdvancedEventSelectors) > 0 || len(in.EventSelectors) != 1 || len(in.EventSelectors[0].DataResources) > 0 {
		return nil, api.InvalidEventSelectorsException.New("A trail here has one event selector, of management events.")
	}
	sel := in.EventSelectors[0]
	t, err := s.change(ctx, c, in.TrailName, func(tx *directory.Tx, t *directory.AuditTrail) error {
		t.Selected, t.Calls, t.Excluded = true, sel.ReadWriteType, sel.ExcludeManagementEventSources
		if sel.IncludeManagementEvents != nil && !*sel.IncludeManagementEvents {
			t.Calls = "None"
		}
		tx.SaveAuditTrail(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutEventSelectorsResponse{TrailARN: t.ARN(), EventSelectors: selectorsOut(t)}, nil
}

func selectorsOut(t *directory.AuditTrail) []api.EventSelector {
	include, calls := t.Calls != "None", t.Calls
	if calls == "" || !include {
		calls = "All"
	}
	excluded := t.Excluded
	if excluded == nil {
		excluded = []string{}
	}
	return []api.EventSelector{{ReadWriteType: calls, IncludeManagementEvents: &include, DataResources: []api.DataResource{}, ExcludeManagementEventSources: excluded}}
}

// AddTags adds tags to a trail.
func (s *Service) AddTags(ctx context.Context, c *service.Caller, in *api.AddTagsRequest) (*api.AddTagsResponse, error) {
	_, err := s.change(ctx, c, in.ResourceId, func(tx *directory.Tx, t *directory.AuditTrail) error { return tx.TagAuditTrail(t, tagsIn(in.TagsList)) })
	return &api.AddTagsResponse{}, err
}

// RemoveTags takes tags from a trail, whatever their values.
func (s *Service) RemoveTags(ctx context.Context, c *service.Caller, in *api.RemoveTagsRequest) (*api.RemoveTagsResponse, error) {
	_, err := s.change(ctx, c, in.ResourceId, func(tx *directory.Tx, t *directory.AuditTrail) error {
		var keys []string
		for _, tag := range in.TagsList {
			keys = append(keys, tag.Key)
		}
		tx.UntagAuditTrail(t, keys)
		return nil
	})
	return &api.RemoveTagsResponse{}, err
}

// ListTags tells the tags of trails.
func (s *Service) ListTags(_ context.Context, c *service.Caller, in *api.ListTagsRequest) (*api.ListTagsResponse, error) {
	out := &api.ListTagsResponse{ResourceTagList: []api.ResourceTag{}}
	for _, id := range in.ResourceIdList {
		t, err := s.find(c, id)
		if err != nil {
			return nil, err
		}
		r := api.ResourceTag{ResourceId: id, TagsList: []api.Tag{}}
		for _, tag := range t.Tags {
			r.TagsList = append(r.TagsList, api.Tag{Key: tag.Key, Value: tag.Value})
		}
		out.ResourceTagList = append(out.ResourceTagList, r)
	}
	return out, nil
}

// keyLife is for how long a key is said to be good: it is until it is replaced.
const keyLife = 100 * 365 * 24 * time.Hour

// ListPublicKeys tells the key that the digests of the trail are signed with.
func (s *Service) ListPublicKeys(ctx context.Context, _ *service.Caller, _ *api.ListPublicKeysRequest) (*api.ListPublicKeysResponse, error) {
	out := &api.ListPublicKeysResponse{PublicKeyList: []api.PublicKey{}}
	key, made, err := s.PublicKey(ctx)
	if err != nil || key == nil {
		return out, err
	}
	out.PublicKeyList = append(out.PublicKeyList, api.PublicKey{
		Value: x509.MarshalPKCS1PublicKey(key), ValidityStartTime: made, ValidityEndTime: made.Add(keyLife), Fingerprint: trail.Fingerprint(key),
	})
	return out, nil
}

func trailOut(t *directory.AuditTrail) api.Trail {
	no := false
	return api.Trail{
		Name: t.Name, S3BucketName: t.Bucket, S3KeyPrefix: t.Prefix, IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion,
		HomeRegion: t.Region, TrailARN: t.ARN(), LogFileValidationEnabled: &no, HasCustomEventSelectors: &t.Selected, HasInsightSelectors: &no, IsOrganizationTrail: &no,
	}
}

func tagsIn(tags []api.Tag) []directory.Tag {
	var out []directory.Tag
	for _, t := range tags {
		out = append(out, directory.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

func is(b *bool) bool { return b != nil && *b }
