package iam

import (
	"context"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) tagOperations() []service.Operation {
	return []service.Operation{
		op("TagUser", s.TagUser),
		op("UntagUser", s.UntagUser),
		op("ListUserTags", s.ListUserTags),
		op("TagPolicy", s.TagPolicy),
		op("UntagPolicy", s.UntagPolicy),
		op("ListPolicyTags", s.ListPolicyTags),
	}
}

// TagUser adds or replaces tags of a user.
func (s *Service) TagUser(ctx context.Context, c *service.Caller, in *api.TagUserRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		return tx.TagUser(u, tagsIn(in.Tags))
	})
}

// UntagUser drops tags of a user.
func (s *Service) UntagUser(ctx context.Context, c *service.Caller, in *api.UntagUserRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		tx.UntagUser(u, in.TagKeys)
		return nil
	})
}

func tagPage(list, marker string, maxItems *int32, tags []directory.Tag) (*page[api.Tag], error) {
	return pageOf(list, marker, maxItems, tags,
		func(t directory.Tag) string { return t.Key },
		func(t directory.Tag) api.Tag { return api.Tag{Key: t.Key, Value: t.Value} })
}

// ListUserTags lists the tags of a user.
func (s *Service) ListUserTags(_ context.Context, c *service.Caller, in *api.ListUserTagsRequest) (*api.ListUserTagsResponse, error) {
	u, err := c.Snapshot.User(c.Account(), in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := tagPage("ListUserTags", in.Marker, in.MaxItems, c.Snapshot.ShownTags(u))
	if err != nil {
		return nil, err
	}
	return &api.ListUserTagsResponse{Tags: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

const foreignPolicyTags = "Cannot tag or untag policies outside your own account."

// TagPolicy adds or replaces tags of a managed policy.
func (s *Service) TagPolicy(ctx context.Context, c *service.Caller, in *api.TagPolicyRequest) (*nothing, error) {
	return nil, s.withPolicy(ctx, c, in.PolicyArn, foreignPolicyTags, func(tx *directory.Tx, p *directory.ManagedPolicy) error {
		return tx.TagPolicy(p, tagsIn(in.Tags))
	})
}

// UntagPolicy drops tags of a managed policy.
func (s *Service) UntagPolicy(ctx context.Context, c *service.Caller, in *api.UntagPolicyRequest) (*nothing, error) {
	return nil, s.withPolicy(ctx, c, in.PolicyArn, foreignPolicyTags, func(tx *directory.Tx, p *directory.ManagedPolicy) error {
		return tx.UntagPolicy(p, in.TagKeys)
	})
}

// ListPolicyTags lists the tags of a managed policy.
func (s *Service) ListPolicyTags(_ context.Context, c *service.Caller, in *api.ListPolicyTagsRequest) (*api.ListPolicyTagsResponse, error) {
	pol, err := c.Snapshot.Policy(c.Account(), in.PolicyArn)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := tagPage("ListPolicyTags", in.Marker, in.MaxItems, pol.Tags)
	if err != nil {
		return nil, err
	}
	return &api.ListPolicyTagsResponse{Tags: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
