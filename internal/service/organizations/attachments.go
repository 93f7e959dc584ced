package organizations

import (
	"context"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) attachmentOperations() []service.Operation {
	return []service.Operation{
		op("AttachPolicy", s.AttachPolicy),
		op("DetachPolicy", s.DetachPolicy),
		op("ListPoliciesForTarget", s.ListPoliciesForTarget),
		op("ListTargetsForPolicy", s.ListTargetsForPolicy),
	}
}

// attach runs fn on a policy of a type that is in force, and a node.
func (s *Service) attach(ctx context.Context, c *service.Caller, policyID, target string, fn func(tx *directory.Tx, o *directory.Organization, p *directory.OrgPolicy, n *directory.OrgNode) error) error {
	return s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		p, err := tx.OrgPolicy(policyID)
		if err != nil {
			return err
		}
		n, err := tx.OrgNode(target)
		if err != nil {
			return err
		}
		if !o.Has(p.Type) {
			return &directory.NotFound{Kind: directory.KindOrgPolicyType, Name: p.Type}
		}
		return fn(tx, o, p, n)
	})
}

// AttachPolicy attaches a policy to a root, a unit or an account.
func (s *Service) AttachPolicy(ctx context.Context, c *service.Caller, in *api.AttachPolicyRequest) (*nothing, error) {
	return nil, s.attach(ctx, c, in.PolicyId, in.TargetId, func(tx *directory.Tx, o *directory.Organization, p *directory.OrgPolicy, n *directory.OrgNode) error {
		return tx.AttachOrgPolicy(o, p, n)
	})
}

// DetachPolicy takes a policy off.
func (s *Service) DetachPolicy(ctx context.Context, c *service.Caller, in *api.DetachPolicyRequest) (*nothing, error) {
	return nil, s.attach(ctx, c, in.PolicyId, in.TargetId, func(tx *directory.Tx, o *directory.Organization, p *directory.OrgPolicy, n *directory.OrgNode) error {
		if p.AWS && p.Type == directory.RCP {
			return invalid("NON_DETACHABLE_POLICY", "You can't detach this AWS managed policy.")
		}
		return tx.DetachOrgPolicy(o, p, n)
	})
}

// ListPoliciesForTarget lists the policies of a type that are attached to a node itself.
func (s *Service) ListPoliciesForTarget(_ context.Context, c *service.Caller, in *api.ListPoliciesForTargetRequest) (*api.ListPoliciesForTargetResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	n, err := c.Snapshot.OrgNode(o, in.TargetId)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := pageOf("ListPoliciesForTarget", in.NextToken, in.MaxResults, sorted(o.Policies(n, in.Filter)), func(id string) string { return id })
	if err != nil {
		return nil, err
	}
	out := &api.ListPoliciesForTargetResponse{Policies: []api.PolicySummary{}, NextToken: p.next}
	for _, id := range p.items {
		pol, err := c.Snapshot.OrgPolicy(o, id)
		if err != nil {
			return nil, awsError(err)
		}
		out.Policies = append(out.Policies, summaryOut(o, pol))
	}
	return out, nil
}

// ListTargetsForPolicy lists what a policy is attached to.
func (s *Service) ListTargetsForPolicy(_ context.Context, c *service.Caller, in *api.ListTargetsForPolicyRequest) (*api.ListTargetsForPolicyResponse, error) {
	o, pol, err := policyNamed(c, in.PolicyId)
	if err != nil {
		return nil, err
	}
	all, err := c.Snapshot.OrgTargets(o, pol)
	if err != nil {
		return nil, err
	}
	p, err := pageOf("ListTargetsForPolicy", in.NextToken, in.MaxResults, all, nodeID)
	if err != nil {
		return nil, err
	}
	out := &api.ListTargetsForPolicyResponse{Targets: []api.PolicyTargetSummary{}, NextToken: p.next}
	for _, n := range p.items {
		name := n.Name
		if isAccount(n) {
			a, err := accountOut(c.Snapshot, o, n)
			if err != nil {
				return nil, err
			}
			name = a.Name
		}
		out.Targets = append(out.Targets, api.PolicyTargetSummary{TargetId: n.ID, Arn: o.NodeARN(n.ID), Name: name, Type: typeOf(n.ID)})
	}
	return out, nil
}
