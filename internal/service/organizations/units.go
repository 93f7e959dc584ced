package organizations

import (
	"context"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) unitOperations() []service.Operation {
	return []service.Operation{
		op("CreateOrganizationalUnit", s.CreateOrganizationalUnit),
		op("DescribeOrganizationalUnit", s.DescribeOrganizationalUnit),
		op("UpdateOrganizationalUnit", s.UpdateOrganizationalUnit),
		op("DeleteOrganizationalUnit", s.DeleteOrganizationalUnit),
		op("ListOrganizationalUnitsForParent", s.ListOrganizationalUnitsForParent),
		op("ListParents", s.ListParents),
		op("ListChildren", s.ListChildren),
	}
}

func noParent() error {
	return api.ParentNotFoundException.New("You specified parent that doesn't exist.")
}

func noUnit() error {
	return api.OrganizationalUnitNotFoundException.New("You specified an organizational unit that doesn't exist.")
}

// parentOf is the organization that the caller manages, which has that parent.
func parentOf(c *service.Caller, id string) (*directory.Organization, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	if n, err := c.Snapshot.OrgNode(o, id); err != nil || isAccount(n) {
		return nil, noParent()
	}
	return o, nil
}

func unitOut(s *directory.Snapshot, o *directory.Organization, n *directory.OrgNode) (*api.OrganizationalUnit, error) {
	path, err := s.OrgPath(o, n.ID)
	if err != nil {
		return nil, err
	}
	return &api.OrganizationalUnit{Id: n.ID, Arn: o.NodeARN(n.ID), Name: n.Name, Path: path}, nil
}

// CreateOrganizationalUnit makes a unit under a root or another unit.
func (s *Service) CreateOrganizationalUnit(ctx context.Context, c *service.Caller, in *api.CreateOrganizationalUnitRequest) (*api.CreateOrganizationalUnitResponse, error) {
	var id string
	var of *directory.Organization
	err := s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		if _, err := tx.OrgNode(in.ParentId); err != nil {
			return noParent()
		}
		n, err := tx.CreateUnit(o, in.ParentId, in.Name, tagsIn(in.Tags))
		if err == nil {
			id, of = n.ID, o
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := s.unit(of, id)
	if err != nil {
		return nil, err
	}
	return &api.CreateOrganizationalUnitResponse{OrganizationalUnit: out}, nil
}

// unit is a unit as it was just written.
func (s *Service) unit(o *directory.Organization, id string) (*api.OrganizationalUnit, error) {
	snap := s.dir.Snapshot()
	n, err := snap.OrgNode(o, id)
	if err != nil {
		return nil, noUnit()
	}
	return unitOut(snap, o, n)
}

// DescribeOrganizationalUnit describes a unit.
func (s *Service) DescribeOrganizationalUnit(_ context.Context, c *service.Caller, in *api.DescribeOrganizationalUnitRequest) (*api.DescribeOrganizationalUnitResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	n, err := c.Snapshot.OrgNode(o, in.OrganizationalUnitId)
	if err != nil {
		return nil, noUnit()
	}
	out, err := unitOut(c.Snapshot, o, n)
	if err != nil {
		return nil, err
	}
	return &api.DescribeOrganizationalUnitResponse{OrganizationalUnit: out}, nil
}

// UpdateOrganizationalUnit gives a unit another name.
func (s *Service) UpdateOrganizationalUnit(ctx context.Context, c *service.Caller, in *api.UpdateOrganizationalUnitRequest) (*api.UpdateOrganizationalUnitResponse, error) {
	var of *directory.Organization
	err := s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		of = o
		n, err := tx.OrgNode(in.OrganizationalUnitId)
		if err != nil {
			return noUnit()
		}
		if in.Name == "" || in.Name == n.Name {
			return nil
		}
		return tx.RenameUnit(o, n, in.Name)
	})
	if err != nil {
		return nil, err
	}
	out, err := s.unit(of, in.OrganizationalUnitId)
	if err != nil {
		return nil, err
	}
	return &api.UpdateOrganizationalUnitResponse{OrganizationalUnit: out}, nil
}

// DeleteOrganizationalUnit deletes an empty unit.
func (s *Service) DeleteOrganizationalUnit(ctx context.Context, c *service.Caller, in *api.DeleteOrganizationalUnitRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		n, err := tx.OrgNode(in.OrganizationalUnitId)
		if err != nil {
			return noUnit()
		}
		return tx.DeleteUnit(o, n)
	})
}

// ListOrganizationalUnitsForParent lists the units right under a parent.
func (s *Service) ListOrganizationalUnitsForParent(_ context.Context, c *service.Caller, in *api.ListOrganizationalUnitsForParentRequest) (*api.ListOrganizationalUnitsForParentResponse, error) {
	o, err := parentOf(c, in.ParentId)
	if err != nil {
		return nil, err
	}
	all, err := children(c, o, in.ParentId, isUnit)
	if err != nil {
		return nil, err
	}
	p, err := pageOf("ListOrganizationalUnitsForParent", in.NextToken, in.MaxResults, all, nodeID)
	if err != nil {
		return nil, err
	}
	out := &api.ListOrganizationalUnitsForParentResponse{OrganizationalUnits: []api.OrganizationalUnit{}, NextToken: p.next}
	for _, n := range p.items {
		u, err := unitOut(c.Snapshot, o, n)
		if err != nil {
			return nil, err
		}
		out.OrganizationalUnits = append(out.OrganizationalUnits, *u)
	}
	return out, nil
}

func nodeID(n *directory.OrgNode) string { return n.ID }

// children are the nodes right under a parent.
func children(c *service.Caller, o *directory.Organization, parent string, which func(*directory.OrgNode) bool) ([]*directory.OrgNode, error) {
	var all []*directory.OrgNode
	err := c.Snapshot.OrgNodes(o, "", func(n *directory.OrgNode) bool {
		if n.Parent == parent && which(n) {
			all = append(all, n)
		}
		return true
	})
	return all, err
}

const (
	typeAccount = "ACCOUNT"
	typeUnit    = "ORGANIZATIONAL_UNIT"
	typeRoot    = "ROOT"
)

func typeOf(id string) string {
	switch {
	case strings.HasPrefix(id, "ou-"):
		return typeUnit
	case strings.HasPrefix(id, "r-"):
		return typeRoot
	}
	return typeAccount
}

// ListParents lists the one parent of an account or a unit.
func (s *Service) ListParents(_ context.Context, c *service.Caller, in *api.ListParentsRequest) (*api.ListParentsResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	n, err := c.Snapshot.OrgNode(o, in.ChildId)
	if err != nil || n.Parent == "" {
		return nil, api.ChildNotFoundException.New("You specified a child that doesn't exist.")
	}
	p, err := pageOf("ListParents", in.NextToken, in.MaxResults, []api.Parent{{Id: n.Parent, Type: typeOf(n.Parent)}}, func(p api.Parent) string { return p.Id })
	if err != nil {
		return nil, err
	}
	return &api.ListParentsResponse{Parents: p.items, NextToken: p.next}, nil
}

// ListChildren lists the accounts, or the units, right under a parent.
func (s *Service) ListChildren(_ context.Context, c *service.Caller, in *api.ListChildrenRequest) (*api.ListChildrenResponse, error) {
	o, err := parentOf(c, in.ParentId)
	if err != nil {
		return nil, err
	}
	found, err := children(c, o, in.ParentId, func(n *directory.OrgNode) bool { return typeOf(n.ID) == in.ChildType })
	if err != nil {
		return nil, err
	}
	p, err := pageOf("ListChildren/"+in.ChildType, in.NextToken, in.MaxResults, found, nodeID)
	if err != nil {
		return nil, err
	}
	out := &api.ListChildrenResponse{Children: []api.Child{}, NextToken: p.next}
	for _, n := range p.items {
		out.Children = append(out.Children, api.Child{Id: n.ID, Type: in.ChildType})
	}
	return out, nil
}
