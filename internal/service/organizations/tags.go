package organizations

import (
	"context"
	"slices"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) tagOperations() []service.Operation {
	return []service.Operation{
		op("TagResource", s.TagResource),
		op("UntagResource", s.UntagResource),
		op("ListTagsForResource", s.ListTagsForResource),
	}
}

func sorted(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}

func noTarget() error {
	return api.TargetNotFoundException.New("You specified a target that doesn't exist.")
}

// tagged runs one of two functions on what takes tags: a policy or a node.
func (s *Service) tagged(ctx context.Context, c *service.Caller, id string,
	onPolicy func(*directory.Tx, *directory.Organization, *directory.OrgPolicy) error,
	onNode func(*directory.Tx, *directory.Organization, *directory.OrgNode) error,
) error {
	return s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		if strings.HasPrefix(id, "p-") {
			p, err := tx.OrgPolicy(id)
			if err != nil {
				return noTarget()
			}
			return onPolicy(tx, o, p)
		}
		n, err := tx.OrgNode(id)
		if err != nil {
			return noTarget()
		}
		return onNode(tx, o, n)
	})
}

// TagResource adds tags or replaces those of the same key.
func (s *Service) TagResource(ctx context.Context, c *service.Caller, in *api.TagResourceRequest) (*nothing, error) {
	tags := tagsIn(in.Tags)
	return nil, s.tagged(ctx, c, in.ResourceId,
		func(tx *directory.Tx, o *directory.Organization, p *directory.OrgPolicy) error {
			return tx.TagOrgPolicy(o, p, tags)
		},
		func(tx *directory.Tx, o *directory.Organization, n *directory.OrgNode) error {
			return tx.TagNode(o, n, tags)
		})
}

// UntagResource drops tags; keys that aren't there are no error.
func (s *Service) UntagResource(ctx context.Context, c *service.Caller, in *api.UntagResourceRequest) (*nothing, error) {
	return nil, s.tagged(ctx, c, in.ResourceId,
		func(tx *directory.Tx, o *directory.Organization, p *directory.OrgPolicy) error {
			return tx.UntagOrgPolicy(o, p, in.TagKeys)
		},
		func(tx *directory.Tx, o *directory.Organization, n *directory.OrgNode) error {
			tx.UntagNode(o, n, in.TagKeys)
			return nil
		})
}

// ListTagsForResource lists the tags of a root, a unit, an account or a policy.
func (s *Service) ListTagsForResource(_ context.Context, c *service.Caller, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	var tags []directory.Tag
	if strings.HasPrefix(in.ResourceId, "p-") {
		p, err := c.Snapshot.OrgPolicy(o, in.ResourceId)
		if err != nil {
			return nil, noTarget()
		}
		tags = p.Tags
	} else {
		n, err := c.Snapshot.OrgNode(o, in.ResourceId)
		if err != nil {
			return nil, noTarget()
		}
		tags = n.Tags
	}
	return &api.ListTagsForResourceResponse{Tags: tagsOut(tags)}, nil
}
