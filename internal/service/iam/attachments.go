package iam

import (
	"context"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) attachmentOperations() []service.Operation {
	return []service.Operation{
		op("AttachUserPolicy", s.AttachUserPolicy),
		op("DetachUserPolicy", s.DetachUserPolicy),
		op("ListAttachedUserPolicies", s.ListAttachedUserPolicies),
		op("AttachGroupPolicy", s.AttachGroupPolicy),
		op("DetachGroupPolicy", s.DetachGroupPolicy),
		op("ListAttachedGroupPolicies", s.ListAttachedGroupPolicies),
	}
}

// checkPolicyARN refuses what is no ARN at all, and the ARN of something else
// than a policy.
func checkPolicyARN(arn string) error {
	if strings.Count(arn, ":") < 5 || !strings.HasPrefix(arn, "arn:") {
		return awsapi.ValidationError.New("ARN %s is not valid.", arn)
	}
	if !isPolicyARN(arn) {
		return api.InvalidInput.New("ARN %s is not valid.", arn)
	}
	return nil
}

// isPolicyARN reports whether each element of an ARN is as in a managed
// policy's: partition, service, no region, resource type, no white space around.
func isPolicyARN(arn string) bool {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	_, name, isPolicy := strings.Cut(rest, ":policy/")
	return ok && isPolicy && name != "" && strings.TrimSpace(name) == name
}

// ofPolicy is an operation on the policy that a member of its input names.
func ofPolicy[In, Out any](m *members, f func(context.Context, *service.Caller, *In) (*Out, error)) func(context.Context, *service.Caller, *In) (*Out, error) {
	return func(ctx context.Context, c *service.Caller, in *In) (*Out, error) {
		if err := checkPolicyARN(text(in, m.policyArn)); err != nil {
			return nil, err
		}
		return f(ctx, c, in)
	}
}

// AttachUserPolicy attaches a managed policy to a user.
func (s *Service) AttachUserPolicy(ctx context.Context, c *service.Caller, in *api.AttachUserPolicyRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		return tx.Attach(u, in.PolicyArn)
	})
}

// DetachUserPolicy takes a managed policy off a user.
func (s *Service) DetachUserPolicy(ctx context.Context, c *service.Caller, in *api.DetachUserPolicyRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		u, err := tx.User(in.UserName)
		if err != nil {
			return err
		}
		return tx.Detach(u, in.PolicyArn)
	})
}

// ListAttachedUserPolicies lists the managed policies attached to a user.
func (s *Service) ListAttachedUserPolicies(_ context.Context, c *service.Caller, in *api.ListAttachedUserPoliciesRequest) (*api.ListAttachedUserPoliciesResponse, error) {
	u, err := c.Snapshot.User(c.Account(), in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := attached("ListAttachedUserPolicies", c, in.Marker, in.PathPrefix, in.MaxItems, &u.Policies)
	if err != nil {
		return nil, err
	}
	return &api.ListAttachedUserPoliciesResponse{AttachedPolicies: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

func attached(list string, c *service.Caller, marker, pathPrefix string, maxItems *int32, of *directory.Policies) (*page[api.AttachedPolicy], error) {
	var policies []*directory.ManagedPolicy
	for _, arn := range of.Attached {
		p, err := c.Snapshot.Policy(c.Account(), arn)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(p.Path, pathOf(pathPrefix)) {
			policies = append(policies, p)
		}
	}
	return pageOf(list, marker, maxItems, policies, (*directory.ManagedPolicy).ARN, func(p *directory.ManagedPolicy) api.AttachedPolicy {
		return api.AttachedPolicy{PolicyName: p.Name, PolicyArn: p.ARN()}
	})
}

// AttachGroupPolicy attaches a managed policy to a group.
func (s *Service) AttachGroupPolicy(ctx context.Context, c *service.Caller, in *api.AttachGroupPolicyRequest) (*nothing, error) {
	return nil, s.withGroup(ctx, c, in.GroupName, func(tx *directory.Tx, g *directory.Group) error {
		return tx.Attach(g, in.PolicyArn)
	})
}

// DetachGroupPolicy takes a managed policy off a group.
func (s *Service) DetachGroupPolicy(ctx context.Context, c *service.Caller, in *api.DetachGroupPolicyRequest) (*nothing, error) {
	return nil, s.withGroup(ctx, c, in.GroupName, func(tx *directory.Tx, g *directory.Group) error {
		return tx.Detach(g, in.PolicyArn)
	})
}

// ListAttachedGroupPolicies lists the managed policies attached to a group.
func (s *Service) ListAttachedGroupPolicies(_ context.Context, c *service.Caller, in *api.ListAttachedGroupPoliciesRequest) (*api.ListAttachedGroupPoliciesResponse, error) {
	g, err := c.Snapshot.Group(c.Account(), in.GroupName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := attached("ListAttachedGroupPolicies", c, in.Marker, in.PathPrefix, in.MaxItems, &g.Policies)
	if err != nil {
		return nil, err
	}
	return &api.ListAttachedGroupPoliciesResponse{AttachedPolicies: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
