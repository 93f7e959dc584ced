package organizations

import (
	"cmp"
	"context"
	"slices"
	"strings"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) accountOperations() []service.Operation {
	return []service.Operation{
		op("CreateAccount", s.CreateAccount),
		op("DescribeCreateAccountStatus", s.DescribeCreateAccountStatus),
		op("ListCreateAccountStatus", s.ListCreateAccountStatus),
		op("DescribeAccount", s.DescribeAccount),
		op("ListAccounts", s.ListAccounts),
		op("ListAccountsForParent", s.ListAccountsForParent),
		op("MoveAccount", s.MoveAccount),
		op("CloseAccount", s.CloseAccount),
		op("RemoveAccountFromOrganization", s.RemoveAccountFromOrganization),
		op("LeaveOrganization", s.LeaveOrganization),
	}
}

func requestOut(r *directory.AccountRequest) api.CreateAccountStatus {
	return api.CreateAccountStatus{
		Id: r.ID, AccountName: r.Name, State: r.State, RequestedTimestamp: r.Requested,
		CompletedTimestamp: r.Completed, AccountId: r.Account, FailureReason: r.Failure,
	}
}

// CreateAccount makes an account in the organization. Its root user has no
// password and no key. It is made at once, but told as AWS tells it, which
// takes a while: DescribeCreateAccountStatus says what became of it.
func (s *Service) CreateAccount(ctx context.Context, c *service.Caller, in *api.CreateAccountRequest) (*api.CreateAccountResponse, error) {
	var made *directory.AccountRequest
	err := s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) (err error) {
		made, err = tx.CreateMember(o, in.AccountName, in.Email, in.RoleName, tagsIn(in.Tags))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateAccountResponse{CreateAccountStatus: &api.CreateAccountStatus{
		Id: made.ID, AccountName: made.Name, State: "IN_PROGRESS", RequestedTimestamp: made.Requested,
	}}, nil
}

// DescribeCreateAccountStatus tells what became of a CreateAccount.
func (s *Service) DescribeCreateAccountStatus(_ context.Context, c *service.Caller, in *api.DescribeCreateAccountStatusRequest) (*api.DescribeCreateAccountStatusResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	r, err := c.Snapshot.AccountRequest(o, in.CreateAccountRequestId)
	if err != nil {
		return nil, awsError(err)
	}
	out := requestOut(r)
	return &api.DescribeCreateAccountStatusResponse{CreateAccountStatus: &out}, nil
}

// ListCreateAccountStatus lists what became of all.
func (s *Service) ListCreateAccountStatus(_ context.Context, c *service.Caller, in *api.ListCreateAccountStatusRequest) (*api.ListCreateAccountStatusResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	found, err := c.Snapshot.AccountRequests(o)
	if err != nil {
		return nil, err
	}
	var all []api.CreateAccountStatus
	for _, r := range found {
		if len(in.States) == 0 || slices.Contains(in.States, r.State) {
			all = append(all, requestOut(r))
		}
	}
	p, err := pageOf("ListCreateAccountStatus", in.NextToken, in.MaxResults, all, func(r api.CreateAccountStatus) string { return r.Id })
	if err != nil {
		return nil, err
	}
	return &api.ListCreateAccountStatusResponse{CreateAccountStatuses: p.items, NextToken: p.next}, nil
}

// isAccount reports whether the node is an account.
func isAccount(n *directory.OrgNode) bool { return !isUnit(n) && !strings.HasPrefix(n.ID, "r-") }

func isUnit(n *directory.OrgNode) bool { return strings.HasPrefix(n.ID, "ou-") }

func accountOut(s *directory.Snapshot, o *directory.Organization, n *directory.OrgNode) (api.Account, error) {
	a, err := s.Account(n.ID)
	if err != nil || a == nil {
		return api.Account{}, cmp.Or(err, error(&directory.NotFound{Kind: directory.KindAccount, Name: n.ID}))
	}
	path, err := s.OrgPath(o, n.ID)
	if err != nil {
		return api.Account{}, err
	}
	out := api.Account{
		Id: n.ID, Arn: o.NodeARN(n.ID), Email: a.Email, Name: cmp.Or(a.Name, a.Alias, a.ID), Status: "ACTIVE", State: "ACTIVE",
		Paths: []string{path + n.ID + "/"}, JoinedMethod: n.Method, JoinedTimestamp: n.Joined,
	}
	if !a.Closed.IsZero() {
		out.Status, out.State = "SUSPENDED", "CLOSED"
	}
	return out, nil
}

// DescribeAccount describes a member account.
func (s *Service) DescribeAccount(_ context.Context, c *service.Caller, in *api.DescribeAccountRequest) (*api.DescribeAccountResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	n, err := c.Snapshot.OrgNode(o, in.AccountId)
	if err != nil {
		return nil, noAccount()
	}
	out, err := accountOut(c.Snapshot, o, n)
	if err != nil {
		return nil, awsError(err)
	}
	return &api.DescribeAccountResponse{Account: &out}, nil
}

func noAccount() error {
	return api.AccountNotFoundException.New("You specified an account that doesn't exist.")
}

// accounts are the accounts under a parent, or all where that is empty.
func accounts(c *service.Caller, o *directory.Organization, parent string) ([]api.Account, error) {
	var all []api.Account
	var failed error
	err := c.Snapshot.OrgNodes(o, "", func(n *directory.OrgNode) bool {
		if !isAccount(n) || parent != "" && n.Parent != parent {
			return true
		}
		var a api.Account
		a, failed = accountOut(c.Snapshot, o, n)
		all = append(all, a)
		return failed == nil
	})
	return all, cmp.Or(err, failed)
}

func accountKey(a api.Account) string { return a.Id }

// ListAccounts lists all accounts of the organization.
func (s *Service) ListAccounts(_ context.Context, c *service.Caller, in *api.ListAccountsRequest) (*api.ListAccountsResponse, error) {
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	all, err := accounts(c, o, "")
	if err != nil {
		return nil, err
	}
	p, err := pageOf("ListAccounts", in.NextToken, in.MaxResults, all, accountKey)
	if err != nil {
		return nil, err
	}
	return &api.ListAccountsResponse{Accounts: p.items, NextToken: p.next}, nil
}

// ListAccountsForParent lists the accounts right under a root or a unit.
func (s *Service) ListAccountsForParent(_ context.Context, c *service.Caller, in *api.ListAccountsForParentRequest) (*api.ListAccountsForParentResponse, error) {
	o, err := parentOf(c, in.ParentId)
	if err != nil {
		return nil, err
	}
	all, err := accounts(c, o, in.ParentId)
	if err != nil {
		return nil, err
	}
	p, err := pageOf("ListAccountsForParent", in.NextToken, in.MaxResults, all, accountKey)
	if err != nil {
		return nil, err
	}
	return &api.ListAccountsForParentResponse{Accounts: p.items, NextToken: p.next}, nil
}

// MoveAccount puts an account under another parent.
func (s *Service) MoveAccount(ctx context.Context, c *service.Caller, in *api.MoveAccountRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		n, err := tx.OrgNode(in.AccountId)
		if err != nil {
			return noAccount()
		}
		if _, err := tx.OrgNode(in.SourceParentId); err != nil || n.Parent != in.SourceParentId && n.Parent != in.DestinationParentId {
			return api.SourceParentNotFoundException.New("You specified a source parent that doesn't exist.")
		}
		if _, err := tx.OrgNode(in.DestinationParentId); err != nil {
			return api.DestinationParentNotFoundException.New("You specified a destination parent that doesn't exist.")
		}
		if n.Parent == in.DestinationParentId {
			return api.DuplicateAccountException.New("The account is already present in the destination.")
		}
		tx.MoveAccount(o, n, in.DestinationParentId)
		return nil
	})
}

// CloseAccount shuts everyone of a member account out.
func (s *Service) CloseAccount(ctx context.Context, c *service.Caller, in *api.CloseAccountRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		if in.AccountId == o.Account() {
			return constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account. To close the management account for the organization, you must first either remove or close all member accounts in the organization.")
		}
		if _, err := tx.OrgNode(in.AccountId); err != nil {
			return noAccount()
		}
		tx.SaveOrganization(o)
		return tx.CloseMember(in.AccountId)
	})
}

// RemoveAccountFromOrganization takes a member account out.
func (s *Service) RemoveAccountFromOrganization(ctx context.Context, c *service.Caller, in *api.RemoveAccountFromOrganizationRequest) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) error {
		if _, err := tx.OrgNode(in.AccountId); err != nil {
			return noAccount()
		}
		return tx.Expel(o, in.AccountId)
	})
}

// LeaveOrganization takes the caller's account out.
func (s *Service) LeaveOrganization(ctx context.Context, c *service.Caller, _ *api.LeaveOrganizationRequest) (*nothing, error) {
	o, err := organizationOf(c)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, c, o.Account(), func(tx *directory.Tx, o *directory.Organization) error {
		if c.Account() == o.Account() {
			return api.MasterCannotLeaveOrganizationException.New("You can't remove a management account from an organization. If you want the management account to become a member account in another organization, you must first delete the current organization of the management account.")
		}
		if _, err := tx.OrgNode(c.Account()); err != nil {
			return api.AWSOrganizationsNotInUseException.New("Your account is not a member of an organization.")
		}
		return tx.Expel(o, c.Account())
	})
}
