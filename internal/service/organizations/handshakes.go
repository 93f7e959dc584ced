package organizations

import (
	"context"
	"slices"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/organizations"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) handshakeOperations() []service.Operation {
	return []service.Operation{
		op("InviteAccountToOrganization", s.InviteAccountToOrganization),
		op("AcceptHandshake", s.AcceptHandshake),
		op("DeclineHandshake", s.DeclineHandshake),
		op("CancelHandshake", s.CancelHandshake),
		op("DescribeHandshake", s.DescribeHandshake),
		op("ListHandshakesForAccount", s.ListHandshakesForAccount),
		op("ListHandshakesForOrganization", s.ListHandshakesForOrganization),
	}
}

// handshakeOut describes an invitation as it stands at a time.
func handshakeOut(s *directory.Snapshot, o *directory.Organization, h *directory.Handshake, now time.Time) (*api.Handshake, error) {
	master, err := s.Account(o.Account())
	if err != nil {
		return nil, err
	}
	party := api.HandshakeParty{Id: h.Account, Type: "ACCOUNT"}
	if h.ByEmail {
		a, err := s.Account(h.Account)
		if err != nil {
			return nil, err
		}
		if a != nil {
			party = api.HandshakeParty{Id: a.Email, Type: "EMAIL"}
		}
	}
	out := &api.Handshake{
		Id: h.ID, Arn: o.HandshakeARN(h.ID), State: h.StateAt(now), Action: "INVITE",
		Parties:            []api.HandshakeParty{{Id: o.ID, Type: "ORGANIZATION"}, party},
		RequestedTimestamp: h.Requested, ExpirationTimestamp: h.Expires,
		Resources: []api.HandshakeResource{
			{Type: "ORGANIZATION", Value: o.ID, Resources: []api.HandshakeResource{
				{Type: "MASTER_EMAIL", Value: master.Email},
				{Type: "MASTER_NAME", Value: master.Name},
				{Type: "ORGANIZATION_FEATURE_SET", Value: o.Features},
			}},
			{Type: party.Type, Value: party.Id},
		},
	}
	if h.Notes != "" {
		out.Resources = append(out.Resources, api.HandshakeResource{Type: "NOTES", Value: h.Notes})
	}
	return out, nil
}

// InviteAccountToOrganization invites an account of the deployment, by its id or
// its root user's email.
func (s *Service) InviteAccountToOrganization(ctx context.Context, c *service.Caller, in *api.InviteAccountToOrganizationRequest) (*api.InviteAccountToOrganizationResponse, error) {
	account := in.Target.Id
	byEmail := in.Target.Type == "EMAIL"
	switch {
	case byEmail:
		a, ok, err := c.Snapshot.AccountByEmail(in.Target.Id)
		if err != nil {
			return nil, err
		}
		if account = ""; ok {
			account = a.ID
		}
	case in.Target.Type != "ACCOUNT":
		return nil, invalid("INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity (account, organization, or email) as a party.")
	}
	if a, err := c.Snapshot.Account(account); err != nil || a == nil || !a.Closed.IsZero() {
		return nil, noAccount()
	}
	var made *directory.Handshake
	err := s.update(ctx, c, func(tx *directory.Tx, o *directory.Organization) (err error) {
		made, err = tx.Invite(o, account, in.Notes, byEmail, tagsIn(in.Tags))
		if e, ok := err.(*directory.Exists); ok && e.Kind == directory.KindOrganization {
			return alreadyIn()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	out, err := handshakeOut(s.dir.Snapshot(), o, made, made.Requested)
	if err != nil {
		return nil, err
	}
	return &api.InviteAccountToOrganizationResponse{Handshake: out}, nil
}

// end ends an invitation: the invited account by accepting or declining it, the
// management account by canceling it.
func (s *Service) end(ctx context.Context, c *service.Caller, id, state string) (*api.Handshake, error) {
	o, err := s.inviter(c, id, state == directory.HandshakeCanceled)
	if err != nil {
		return nil, err
	}
	var ended *directory.Handshake
	err = s.change(ctx, c, o.Account(), func(tx *directory.Tx, o *directory.Organization) (err error) {
		ended, err = tx.EndHandshake(o, id, state)
		if e, ok := err.(*directory.Exists); ok && e.Kind == directory.KindOrganization {
			return alreadyIn()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return handshakeOut(s.dir.Snapshot(), o, ended, ended.Requested)
}

// inviter is the organization whose invitation it is, for whoever may end it.
func (s *Service) inviter(c *service.Caller, id string, own bool) (*directory.Organization, error) {
	if own {
		o, err := managed(c)
		if err != nil {
			return nil, err
		}
		_, err = c.Snapshot.Handshake(o, id)
		return o, awsError(err)
	}
	all, err := c.Snapshot.Invitations(c.Account())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(i directory.Invitation) bool { return i.ID == id })
	if i < 0 {
		return nil, notFound(&directory.NotFound{Kind: directory.KindHandshake, Name: id})
	}
	return all[i].From, nil
}

// AcceptHandshake puts the caller's account into the organization that invited it.
func (s *Service) AcceptHandshake(ctx context.Context, c *service.Caller, in *api.AcceptHandshakeRequest) (*api.AcceptHandshakeResponse, error) {
	h, err := s.end(ctx, c, in.HandshakeId, directory.HandshakeAccepted)
	if err != nil {
		return nil, err
	}
	return &api.AcceptHandshakeResponse{Handshake: h}, nil
}

// DeclineHandshake declines an invitation.
func (s *Service) DeclineHandshake(ctx context.Context, c *service.Caller, in *api.DeclineHandshakeRequest) (*api.DeclineHandshakeResponse, error) {
	h, err := s.end(ctx, c, in.HandshakeId, directory.HandshakeDeclined)
	if err != nil {
		return nil, err
	}
	return &api.DeclineHandshakeResponse{Handshake: h}, nil
}

// CancelHandshake takes an invitation back.
func (s *Service) CancelHandshake(ctx context.Context, c *service.Caller, in *api.CancelHandshakeRequest) (*api.CancelHandshakeResponse, error) {
	h, err := s.end(ctx, c, in.HandshakeId, directory.HandshakeCanceled)
	if err != nil {
		return nil, err
	}
	return &api.CancelHandshakeResponse{Handshake: h}, nil
}

// known are the invitations that the caller's account got, and with ofOrganization
// those of the organization that it manages.
func (s *Service) known(c *service.Caller, ofOrganization bool) ([]directory.Invitation, error) {
	if !ofOrganization {
		return c.Snapshot.Invitations(c.Account())
	}
	o, err := managed(c)
	if err != nil {
		return nil, err
	}
	all, err := c.Snapshot.Handshakes(o)
	var out []directory.Invitation
	for _, h := range all {
		out = append(out, directory.Invitation{Handshake: h, From: o})
	}
	return out, err
}

// DescribeHandshake describes an invitation of or to the caller's account.
func (s *Service) DescribeHandshake(_ context.Context, c *service.Caller, in *api.DescribeHandshakeRequest) (*api.DescribeHandshakeResponse, error) {
	for _, ofOrganization := range []bool{false, true} {
		all, err := s.known(c, ofOrganization)
		if err != nil {
			break // not the management account
		}
		for _, i := range all {
			if i.ID == in.HandshakeId {
				out, err := handshakeOut(c.Snapshot, i.From, i.Handshake, s.dir.Now())
				return &api.DescribeHandshakeResponse{Handshake: out}, err
			}
		}
	}
	return nil, notFound(&directory.NotFound{Kind: directory.KindHandshake, Name: in.HandshakeId})
}

// list is a page of invitations.
func (s *Service) list(c *service.Caller, name string, ofOrganization bool, filter *api.HandshakeFilter, token string, maxResults *int32) ([]api.Handshake, string, error) {
	all, err := s.known(c, ofOrganization)
	if err != nil {
		return nil, "", err
	}
	if filter != nil && (filter.ActionType != "" && filter.ActionType != "INVITE" || filter.ParentHandshakeId != "") {
		all = nil
	}
	p, err := pageOf(name, token, maxResults, all, func(i directory.Invitation) string { return i.ID })
	if err != nil {
		return nil, "", err
	}
	out := []api.Handshake{}
	for _, i := range p.items {
		h, err := handshakeOut(c.Snapshot, i.From, i.Handshake, s.dir.Now())
		if err != nil {
			return nil, "", err
		}
		out = append(out, *h)
	}
	return out, p.next, nil
}

// ListHandshakesForAccount lists the invitations that the caller's account got.
func (s *Service) ListHandshakesForAccount(_ context.Context, c *service.Caller, in *api.ListHandshakesForAccountRequest) (*api.ListHandshakesForAccountResponse, error) {
	all, next, err := s.list(c, "ListHandshakesForAccount", false, in.Filter, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListHandshakesForAccountResponse{Handshakes: all, NextToken: next}, nil
}

// ListHandshakesForOrganization lists the organization's invitations.
func (s *Service) ListHandshakesForOrganization(_ context.Context, c *service.Caller, in *api.ListHandshakesForOrganizationRequest) (*api.ListHandshakesForOrganizationResponse, error) {
	all, next, err := s.list(c, "ListHandshakesForOrganization", true, in.Filter, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &api.ListHandshakesForOrganizationResponse{Handshakes: all, NextToken: next}, nil
}
