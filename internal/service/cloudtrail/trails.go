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
	"github.com/sallyport-iam/sallyport/internal/delivery"
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
	region, name, err := resolve(c, id)
	if err != nil { // the operation itself refuses it, to who may call it at all
		return service.Target{ARN: directory.AuditTrailARN(c.Account(), c.Region, id)}
	}
	if t, err := c.Snapshot.AuditTrail(c.Account(), region, name); err == nil {
		return service.Target{ARN: t.ARN(), Tags: t.Tags}
	}
	return service.Target{ARN: directory.AuditTrailARN(c.Account(), region, name)}
}

// unknown is the refusal of a trail that isn't there, by its ARN.
func unknown(c *service.Caller, arn string) error {
	return api.TrailNotFoundException.New("Unknown trail: %s for the user: %s", arn, c.Account())
}

// awsError puts a refusal of the directory into CloudTrail's words.
func awsError(c *service.Caller, err error) error {
	if e, ok := errors.AsType[*directory.Exists](err); ok {
		return api.TrailAlreadyExistsException.New("Trail %s already exists for customer: %s", e.Name, c.Account())
	}
	if e, ok := errors.AsType[*directory.LimitExceeded](err); ok {
		if e.Quota == "trails" {
			return api.MaximumNumberOfTrailsExceededException.New("User: %s already has %d trails in %s.", c.Account(), e.Limit, c.Region)
		}
		return api.TagsLimitExceededException.New("The number of tags exceeds the limit of %d.", e.Limit)
	}
	if _, ok := errors.AsType[*directory.DuplicateTags](err); ok {
		return api.InvalidTagParameterException.New("Tag keys must be unique.")
	}
	if e, ok := errors.AsType[*directory.ReservedTag](err); ok {
		return api.InvalidTagParameterException.New("%s: tags that begin with aws: are reserved.", e.Text)
	}
	return err
}

// find gives a trail as it is seen from the caller's region: one of another
// region only if it is for all regions.
func (s *Service) find(c *service.Caller, id string) (*directory.AuditTrail, error) {
	region, name, err := resolve(c, id)
	if err != nil {
		return nil, err
	}
	t, err := c.Snapshot.AuditTrail(c.Account(), region, name)
	_, missing := errors.AsType[*directory.NotFound](err)
	arn := directory.AuditTrailARN(c.Account(), region, name)
	switch {
	case missing, err == nil && t.Region != c.Region && !t.MultiRegion, err == nil && id == arn && t.ARN() != arn:
		return nil, unknown(c, arn)
	}
	return t, err
}

// change runs a change of a trail, which must be asked of its home region.
func (s *Service) change(ctx context.Context, c *service.Caller, id string, fn func(tx *directory.Tx, t *directory.AuditTrail) error) (t *directory.AuditTrail, err error) {
	found, err := s.find(c, id)
	if err != nil {
		return nil, err
	}
	if found.Region != c.Region {
		return nil, api.InvalidHomeRegionException.New("Trail %s can only be changed in its home region, %s.", found.ARN(), found.Region)
	}
	return s.changed(ctx, c, found, fn)
}

// changed is change, from whichever region.
func (s *Service) changed(ctx context.Context, c *service.Caller, found *directory.AuditTrail, fn func(tx *directory.Tx, t *directory.AuditTrail) error) (t *directory.AuditTrail, err error) {
	err = s.Directory.Update(ctx, c.Account(), func(tx *directory.Tx) error {
		if err := c.StillMay(tx); err != nil {
			return err
		}
		if t, err = tx.AuditTrail(found.Region, found.Name); err != nil {
			return err
		}
		return fn(tx, t)
	})
	if _, missing := errors.AsType[*directory.NotFound](err); missing {
		return nil, unknown(c, found.ARN())
	}
	return t, awsError(c, err)
}

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
	err := s.Delivery.Bucket(ctx, bucket)
	switch {
	case err == nil:
		return nil
	case delivery.Code(err) == "NoSuchBucket":
		return api.S3BucketDoesNotExistException.New("S3 bucket %s does not exist!", bucket)
	case delivery.Code(err) == "AccessDenied":
		return api.InsufficientS3BucketPolicyException.New("Incorrect S3 bucket policy is detected for bucket: %s", bucket)
	}
	return api.S3BucketDoesNotExistException.New("S3 bucket %s can't be delivered to: %s", bucket, err)
}

// unsupported refuses what trails can't do here.
func unsupported(given ...bool) error {
	for i, what := range []string{"SNS", "CloudWatch Logs", "KMS keys", "organization trails"} {
		if given[i] {
			return api.UnsupportedOperationException.New("Trails here do not have %s.", what)
		}
	}
	return nil
}

// globalToo refuses a trail for all regions without global services.
func globalToo(t *directory.AuditTrail) error {
	if t.MultiRegion && !t.Global {
		return api.InvalidParameterCombinationException.New("Multi-Region trail must include global service events.")
	}
	return nil
}

// CreateTrail makes a trail, which delivers nothing before StartLogging.
func (s *Service) CreateTrail(ctx context.Context, c *service.Caller, in *api.CreateTrailRequest) (*api.CreateTrailResponse, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	if err := unsupported(in.SnsTopicName != "", in.CloudWatchLogsLogGroupArn+in.CloudWatchLogsRoleArn != "", in.KmsKeyId != "", is(in.IsOrganizationTrail)); err != nil {
		return nil, err
	}
	if err := s.where(ctx, in.S3BucketName, in.S3KeyPrefix); err != nil {
		return nil, err
	}
	t := &directory.AuditTrail{
		Name: in.Name, Region: c.Region, Bucket: in.S3BucketName, Prefix: in.S3KeyPrefix,
		Global: in.IncludeGlobalServiceEvents == nil || is(in.IncludeGlobalServiceEvents), MultiRegion: is(in.IsMultiRegionTrail),
		Validated: is(in.EnableLogFileValidation),
	}
	if err := globalToo(t); err != nil {
		return nil, err
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
	if err := unsupported(has(in.SnsTopicName), has(in.CloudWatchLogsLogGroupArn) || has(in.CloudWatchLogsRoleArn), has(in.KmsKeyId), is(in.IsOrganizationTrail)); err != nil {
		return nil, err
	}
	old, err := s.find(c, in.Name)
	if err != nil {
		return nil, err
	}
	if in.S3BucketName != nil || in.S3KeyPrefix != nil {
		bucket, prefix := old.Bucket, old.Prefix
		if has(in.S3BucketName) {
			bucket = *in.S3BucketName
		}
		if in.S3KeyPrefix != nil {
			prefix = *in.S3KeyPrefix
		}
		if err := s.where(ctx, bucket, prefix); err != nil {
			return nil, err
		}
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
		if is(in.IsMultiRegionTrail) {
			if err := tx.SpreadAuditTrail(t); err != nil {
				return err
			}
		} else if in.IsMultiRegionTrail != nil {
			t.MultiRegion = false
		}
		if in.EnableLogFileValidation != nil {
			t.Validated = *in.EnableLogFileValidation
		}
		if !t.Validated {
			t.Chains = nil // what is validated later begins anew
		}
		if err := globalToo(t); err != nil {
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

// DescribeTrails tells of the trails of the caller's region and, unless they are
// not wanted, of those of other regions that are for all. What is asked for and
// isn't there is left out.
func (s *Service) DescribeTrails(_ context.Context, c *service.Caller, in *api.DescribeTrailsRequest) (*api.DescribeTrailsResponse, error) {
	all, err := c.Snapshot.AuditTrails(c.Account())
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{} // ARNs
	for _, id := range in.TrailNameList {
		t, err := s.find(c, id)
		if err == nil {
			wanted[t.ARN()] = true
		} else if !errors.Is(err, api.TrailNotFoundException) {
			return nil, err
		}
	}
	out := &api.DescribeTrailsResponse{TrailList: []api.Trail{}}
	for _, t := range all {
		here := t.Region == c.Region || t.MultiRegion && (in.IncludeShadowTrails == nil || *in.IncludeShadowTrails)
		if here && (len(in.TrailNameList) == 0 || wanted[t.ARN()]) {
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
	d := s.Delivery.Status(t)
	return &api.GetTrailStatusResponse{
		IsLogging: &t.Logging, LatestDeliveryError: d.Error, LatestDeliveryTime: d.Delivered, StartLoggingTime: t.Started, StopLoggingTime: t.Stopped,
		LatestDigestDeliveryTime: d.Digested, LatestDigestDeliveryError: d.DigestError,
		LatestDeliveryAttemptTime: moment(d.Attempted), TimeLoggingStarted: moment(t.Started), TimeLoggingStopped: moment(t.Stopped),
		LatestDeliveryAttemptSucceeded: moment(d.Delivered),
	}, nil
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// keyLife is for how long a key is said to be good: it is until it is replaced.
const keyLife = 100 * 365 * 24 * time.Hour

// ListPublicKeys tells the key that the digests of the trail are signed with.
func (s *Service) ListPublicKeys(ctx context.Context, _ *service.Caller, in *api.ListPublicKeysRequest) (*api.ListPublicKeysResponse, error) {
	if !in.StartTime.IsZero() && !in.EndTime.IsZero() && in.StartTime.After(in.EndTime) {
		return nil, api.InvalidTimeRangeException.New("The start time must be before the end time.")
	}
	if in.NextToken != "" { // there is one page
		return nil, api.InvalidTokenException.New("Invalid token specified.")
	}
	out := &api.ListPublicKeysResponse{PublicKeyList: []api.PublicKey{}}
	key, made, err := s.PublicKey(ctx)
	if err != nil || key == nil || !in.EndTime.IsZero() && in.EndTime.Before(made.Truncate(time.Second)) {
		return out, err
	}
	out.PublicKeyList = append(out.PublicKeyList, api.PublicKey{
		Value: x509.MarshalPKCS1PublicKey(key), ValidityStartTime: made, ValidityEndTime: made.Add(keyLife), Fingerprint: trail.Fingerprint(key),
	})
	return out, nil
}

func trailOut(t *directory.AuditTrail) api.Trail {
	no, custom := false, len(t.Selectors)+len(t.Advanced) > 0
	return api.Trail{
		Name: t.Name, S3BucketName: t.Bucket, S3KeyPrefix: t.Prefix, IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion,
		HomeRegion: t.Region, TrailARN: t.ARN(), LogFileValidationEnabled: &t.Validated, HasCustomEventSelectors: &custom, HasInsightSelectors: &no, IsOrganizationTrail: &no,
	}
}

func is(b *bool) bool { return b != nil && *b }
