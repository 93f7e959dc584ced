package iam

import (
	"context"
	"net/url"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) inlineOperations() []service.Operation {
	return []service.Operation{
		op("PutUserPolicy", s.PutUserPolicy),
		op("GetUserPolicy", s.GetUserPolicy),
		op("ListUserPolicies", s.ListUserPolicies),
		op("DeleteUserPolicy", s.DeleteUserPolicy),
		op("PutGroupPolicy", s.PutGroupPolicy),
		op("GetGroupPolicy", s.GetGroupPolicy),
		op("ListGroupPolicies", s.ListGroupPolicies),
		op("DeleteGroupPolicy", s.DeleteGroupPolicy),
	}
}

// documentOut is a policy document as replies carry it: percent-encoded as RFC
// 3986 has it, a space being %20.
func documentOut(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// parse checks a document that is to be saved.
func parse(document string, kind policy.Kind) error {
	_, err := policy.Parse(document, kind)
	return awsError(err)
}

// PutUserPolicy adds or replaces an inline policy of a user.
func (s *Service) PutUserPolicy(ctx context.Context, c *service.Caller, in *api.PutUserPolicyRequest) (*nothing, error) {
	if err := parse(in.PolicyDocument, policy.Inline); err != nil {
		return nil, err
	}
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		return tx.PutInline(u, in.PolicyName, in.PolicyDocument)
	})
}

// GetUserPolicy gives an inline policy of a user.
func (s *Service) GetUserPolicy(_ context.Context, c *service.Caller, in *api.GetUserPolicyRequest) (*api.GetUserPolicyResponse, error) {
	u, err := c.Snapshot.User(c.Account(), in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	p, ok := u.InlinePolicy(in.PolicyName)
	if !ok {
		return nil, awsError(&directory.NotFound{Kind: directory.KindUserPolicy, Name: in.PolicyName})
	}
	return &api.GetUserPolicyResponse{UserName: u.Name, PolicyName: p.Name, PolicyDocument: documentOut(p.Document)}, nil
}

// ListUserPolicies names the inline policies of a user.
func (s *Service) ListUserPolicies(_ context.Context, c *service.Caller, in *api.ListUserPoliciesRequest) (*api.ListUserPoliciesResponse, error) {
	u, err := c.Snapshot.User(c.Account(), in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := inlineNames("ListUserPolicies", in.Marker, in.MaxItems, &u.Policies)
	if err != nil {
		return nil, err
	}
	return &api.ListUserPoliciesResponse{PolicyNames: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

func inlineNames(list, marker string, maxItems *int32, of *directory.Policies) (*page[string], error) {
	name := func(p directory.InlinePolicy) string { return p.Name }
	return pageOf(list, marker, maxItems, of.Inline, name, name)
}

// DeleteUserPolicy deletes an inline policy of a user.
func (s *Service) DeleteUserPolicy(ctx context.Context, c *service.Caller, in *api.DeleteUserPolicyRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		return tx.DeleteInline(u, in.PolicyName)
	})
}

// PutGroupPolicy adds or replaces an inline policy of a group.
func (s *Service) PutGroupPolicy(ctx context.Context, c *service.Caller, in *api.PutGroupPolicyRequest) (*nothing, error) {
	if err := parse(in.PolicyDocument, policy.Inline); err != nil {
		return nil, err
	}
	return nil, s.withGroup(ctx, c, in.GroupName, func(tx *directory.Tx, g *directory.Group) error {
		return tx.PutInline(g, in.PolicyName, in.PolicyDocument)
	})
}

// GetGroupPolicy gives an inline policy of a group.
func (s *Service) GetGroupPolicy(_ context.Context, c *service.Caller, in *api.GetGroupPolicyRequest) (*api.GetGroupPolicyResponse, error) {
	g, err := c.Snapshot.Group(c.Account(), in.GroupName)
	if err != nil {
		return nil, awsError(err)
	}
	p, ok := g.InlinePolicy(in.PolicyName)
	if !ok {
		return nil, awsError(&directory.NotFound{Kind: directory.KindGroupPolicy, Name: in.PolicyName})
	}
	return &api.GetGroupPolicyResponse{GroupName: g.Name, PolicyName: p.Name, PolicyDocument: documentOut(p.Document)}, nil
}

// ListGroupPolicies names the inline policies of a group.
func (s *Service) ListGroupPolicies(_ context.Context, c *service.Caller, in *api.ListGroupPoliciesRequest) (*api.ListGroupPoliciesResponse, error) {
	g, err := c.Snapshot.Group(c.Account(), in.GroupName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := inlineNames("ListGroupPolicies", in.Marker, in.MaxItems, &g.Policies)
	if err != nil {
		return nil, err
	}
	return &api.ListGroupPoliciesResponse{PolicyNames: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// DeleteGroupPolicy deletes an inline policy of a group.
func (s *Service) DeleteGroupPolicy(ctx context.Context, c *service.Caller, in *api.DeleteGroupPolicyRequest) (*nothing, error) {
	return nil, s.withGroup(ctx, c, in.GroupName, func(tx *directory.Tx, g *directory.Group) error {
		return tx.DeleteInline(g, in.PolicyName)
	})
}
