package cloudtrail

import (
	"context"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

// maxListed is of how many resources tags are listed at once.
const maxListed = 20

// tagged gives the trail whose tags are asked for, which must be by its ARN.
func (s *Service) tagged(c *service.Caller, id string) (*directory.AuditTrail, error) {
	switch {
	case strings.HasPrefix(id, "arn:aws:cloudtrail:") && strings.Contains(id, ":eventdatastore/"):
		return nil, api.EventDataStoreNotFoundException.New("Event data store %s was not found.", id)
	case strings.HasPrefix(id, "arn:aws:cloudtrail:") && strings.Contains(id, ":channel/"):
		return nil, api.ChannelNotFoundException.New("Channel %s was not found.", id)
	case strings.HasPrefix(id, "arn:aws:cloudtrail:") && !strings.Contains(id, ":trail/"):
		return nil, api.ResourceTypeNotSupportedException.New("The type of resource %s does not support tags.", id)
	case !strings.HasPrefix(id, "arn:"):
		return nil, api.CloudTrailARNInvalidException.New("Trail ARN %s is not valid.", id)
	}
	region, name, err := resolve(c, id)
	if err != nil {
		return nil, err
	}
	t, err := c.Snapshot.AuditTrail(c.Account(), region, name)
	if err != nil || t.ARN() != id {
		return nil, api.ResourceNotFoundException.New("Unknown trail: %s for the user: %s", id, c.Account())
	}
	return t, nil
}

// AddTags adds tags to a trail.
func (s *Service) AddTags(ctx context.Context, c *service.Caller, in *api.AddTagsRequest) (*api.AddTagsResponse, error) {
	found, err := s.tagged(c, in.ResourceId)
	if err != nil {
		return nil, err
	}
	_, err = s.changed(ctx, c, found, func(tx *directory.Tx, t *directory.AuditTrail) error { return tx.TagAuditTrail(t, tagsIn(in.TagsList)) })
	return &api.AddTagsResponse{}, err
}

// RemoveTags takes tags from a trail, whatever their values.
func (s *Service) RemoveTags(ctx context.Context, c *service.Caller, in *api.RemoveTagsRequest) (*api.RemoveTagsResponse, error) {
	found, err := s.tagged(c, in.ResourceId)
	if err != nil {
		return nil, err
	}
	_, err = s.changed(ctx, c, found, func(tx *directory.Tx, t *directory.AuditTrail) error {
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
	if in.NextToken != "" { // there is one page
		return nil, api.InvalidTokenException.New("Invalid token specified.")
	}
	if len(in.ResourceIdList) > maxListed {
		return nil, api.OperationNotPermittedException.New("Tags of at most %d resources are listed at once.", maxListed)
	}
	out := &api.ListTagsResponse{ResourceTagList: []api.ResourceTag{}}
	for _, id := range in.ResourceIdList {
		t, err := s.tagged(c, id)
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

func tagsIn(tags []api.Tag) []directory.Tag {
	var out []directory.Tag
	for _, t := range tags {
		out = append(out, directory.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}
