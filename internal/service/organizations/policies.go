package organizations

import (
	"cmp"
	"context"
	"errors"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) policyOperations() []service.Operation {
	return []service.Operation{
		op("CreatePolicy", s.CreatePolicy),
		op("DescribePolicy", s.DescribePolicy),
		op("UpdatePolicy", s.UpdatePolicy),
		op("DeletePolicy", s.DeletePolicy),
		op("ListPolicies", s.ListPolicies),
		op("DescribeEffectivePolicy", s.DescribeEffectivePolicy),
	}
}

func summaryOut(o *directory.Organization, p *directory.OrgPolicy) api.PolicySummary {
	return api.PolicySummary{Id: p.ID, Arn: o.PolicyARN(p.Type, p.ID), Name: p.Name, Description: p.Description, Type: p.Type, AwsManaged: &p.AWS}
}

func policyOut(o *directory.Organization, p *directory.OrgPolicy) *api.Policy {
	summary := summaryOut(o, p)
	return &api.Policy{PolicySummary: &summary, Content: p.Content}
}

// checkContent refuses a document that can't be a policy of the type.
func checkContent(c *service.Caller, policyType, content string) error {
	if len(content) > c.Snapshot.Quota(c.Account(), directory.QuotaOrgPolicySize) {
		return constraint("POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum size of a policy document.")
	}
	_, err := policy.Parse(content, directory.PolicyKind(policyType))
	if e, ok := errors.AsType[*policy.Error](err); ok {
		return &awsapi.Error{
			Code:    api.MalformedPolicyDocumentException,
			Message: "The provided policy document does not meet the requirements of the specified policy type.",
			Err:     errors.New(cmp.Or(e.Detail, e.Message)),
		}
	}
	return err
}

// CreatePolicy makes a service or resource control policy, attached nowhere.
func (s *Service) CreatePolicy(ctx context.Context, c *service.Caller, in *api.CreatePolicyRequest) (*api.CreatePolicyResponse, error) {
	var out *api.Policy
	err := s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		if err := available(o, in.Type); err != nil {
			return err
		}
		if err := checkContent(c, in.Type, in.Content); err != nil {
			return err
		}
		p, err := tx.CreateOrgPolicy(o, in.Type, in.Name, in.Description, in.Content, tagsIn(in.Tags))
		if err == nil {
			out = policyOut(o, p)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.CreatePolicyResponse{Policy: out}, nil
}

// DescribePolicy gives a policy with its document.
func (s *Service) DescribePolicy(_ context.Context, c *service.Caller, in *api.DescribePolicyRequest) (*api.DescribePolicyResponse, error) {
	o, p, err := policyNamed(c, in.PolicyId)
	if err != nil {
		return nil, err
	}
	return &api.DescribePolicyResponse{Policy: policyOut(o, p)}, nil
}

func policyNamed(c *service.Caller, id string) (*directory.Organization, *directory.OrgPolicy, error) {
	o, err := managed(c)
	if err != nil {
		return nil, nil, err
	}
	p, err := c.Snapshot.OrgPolicy(o, id)
	return o, p, awsError(err)
}

// UpdatePolicy changes a policy's name, description or document.
func (s *Service) UpdatePolicy(ctx context.Context, c *service.Caller, in *api.UpdatePolicyRequest) (*api.UpdatePolicyResponse, error) {
	var out *api.Policy
	err := s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		p, err := tx.OrgPolicy(in.PolicyId)
		if err != nil {
			return err
		}
		if in.Content != "" {
			if err := checkContent(c, p.Type, in.Content); err != nil {
				return err
			}
		}
		p.Name, p.Content = cmp.Or(in.Name, p.Name), cmp.Or(in.Content, p.Content)
		if in.Description != nil {
			p.Description = *in.Description
		}
		out = policyOut(o, p)
		return tx.UpdateOrgPolicy(o, p)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdatePolicyResponse{Policy: out}, nil
}

// DeletePolicy deletes a policy that is attached nowhere.
func (s *Service) DeletePolicy(ctx context.Context, c *service.Caller, in *api.DeletePolicyRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		p, err := tx.OrgPolicy(in.PolicyId)
		if err != nil {
			return err
		}
		return tx.DeleteOrgPolicy(o, p)
	})
}

func policyID(p *directory.OrgPolicy) string {
	if p.AWS {
		return "p" // stands first
	}
	return p.ID
}

// ListPolicies lists the policies of a type.
func (s *Service) ListPolicies(_ context.Context, c *service.Caller, in *api.ListPoliciesRequest) (*api.ListPoliciesResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	out := &api.ListPoliciesResponse{Policies: []api.PolicySummary{}}
	if available(o, in.Filter) != nil {
		return out, nil // of other types there are none
	}
	all, err := c.Snapshot.OrgPolicies(o, in.Filter)
	if err != nil {
		return nil, err
	}
	p, err := pageOf("ListPolicies", in.NextToken, in.MaxResults, all, policyID)
	if err != nil {
		return nil, err
	}
	for _, pol := range p.items {
		out.Policies = append(out.Policies, summaryOut(o, pol))
	}
	out.NextToken = p.next
	return out, nil
}

// DescribeEffectivePolicy is for the types of policies that are merged: the model
// lets no service or resource control policy be asked for, and of others there
// are none here.
func (s *Service) DescribeEffectivePolicy(_ context.Context, c *service.Caller, in *api.DescribeEffectivePolicyRequest) (*api.DescribeEffectivePolicyResponse, error) {
	o, err := organizationOf(c)
	if err != nil {
		return nil, err
	}
	if in.TargetId != "" && in.TargetId != c.Account() {
		if _, err := managed(c); err != nil {
			return nil, err
		}
		if n, err := c.Snapshot.OrgNode(o, in.TargetId); err != nil || !isAccount(n) {
			return nil, api.TargetNotFoundException.New("You specified a target that doesn't exist.")
		}
	}
	return nil, api.EffectivePolicyNotFoundException.New("If you ran this action on the management account, this policy type is not enabled. If you ran the action on a member account, the account doesn't have an effective policy of this type.")
}
