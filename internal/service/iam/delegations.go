package iam

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/policy"
)

func (s *Service) delegationOperations() []service.Operation {
	return []service.Operation{
		op("CreateDelegationRequest", s.CreateDelegationRequest, actsOnNewDelegation),
		op("GetDelegationRequest", s.GetDelegationRequest, actsOnDelegation(func(in any) string { return in.(*api.GetDelegationRequestRequest).DelegationRequestId })),
		op("ListDelegationRequests", s.ListDelegationRequests, func(o *service.Operation) {
			o.Key = func(key string, _ *service.Caller, in any) (string, bool) {
				owner := in.(*api.ListDelegationRequestsRequest).OwnerId
				return owner, key == "iam:DelegationRequestOwner" && owner != ""
			}
		}),
		op("AssociateDelegationRequest", s.AssociateDelegationRequest, actsOnDelegation(func(in any) string { return in.(*api.AssociateDelegationRequestRequest).DelegationRequestId })),
		op("UpdateDelegationRequest", s.UpdateDelegationRequest, actsOnDelegation(func(in any) string { return in.(*api.UpdateDelegationRequestRequest).DelegationRequestId })),
		op("AcceptDelegationRequest", s.AcceptDelegationRequest, actsOnDelegation(func(in any) string { return in.(*api.AcceptDelegationRequestRequest).DelegationRequestId })),
		op("RejectDelegationRequest", s.RejectDelegationRequest, actsOnDelegation(func(in any) string { return in.(*api.RejectDelegationRequestRequest).DelegationRequestId })),
		op("SendDelegationToken", s.SendDelegationToken, actsOnDelegation(func(in any) string { return in.(*api.SendDelegationTokenRequest).DelegationRequestId })),
		op("GetHumanReadableSummary", s.GetHumanReadableSummary,
			actsOnDelegation(func(in any) string {
				arn := in.(*api.GetHumanReadableSummaryRequest).EntityArn
				return arn[strings.LastIndexByte(arn, '/')+1:]
			}),
			actsOnSource(func(in any) string { return in.(*api.GetHumanReadableSummaryRequest).EntityArn })),
	}
}

func delegationARN(account, id string) string {
	return "arn:aws:iam::" + account + ":delegation-request/" + id
}

// actsOnDelegation: the resource is the request, whose owner policies may ask about.
func actsOnDelegation(id func(in any) string) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
			return []service.Target{{ARN: delegationARN(c.Account(), id(in))}}, nil
		}
		o.Context = func(c *service.Caller, in any, keys *policy.Context) {
			if g, err := c.Snapshot.Delegation(c.Account(), id(in)); err == nil && g.Owner != "" {
				keys.Set("iam:DelegationRequestOwner", g.Owner)
			}
		}
	}
}

// actsOnNewDelegation: the resource is a request that has no id yet.
func actsOnNewDelegation(o *service.Operation) {
	o.Targets = func(c *service.Caller, _ any) ([]service.Target, error) {
		return []service.Target{{ARN: delegationARN(c.Account(), "*")}}, nil
	}
	o.Key = func(key string, _ *service.Caller, a any) (string, bool) {
		in := a.(*api.CreateDelegationRequestRequest)
		switch key {
		case "iam:DelegationDuration":
			return fmt.Sprint(in.SessionDuration), true
		case "iam:NotificationChannel":
			return in.NotificationChannel, true
		case "iam:TemplateArn":
			return in.Permissions.PolicyTemplateArn, in.Permissions.PolicyTemplateArn != ""
		}
		return "", false
	}
}

// CreateDelegationRequest asks to act in another account for a while. The policy
// template is a managed policy of AWS or of the account that asks.
func (s *Service) CreateDelegationRequest(ctx context.Context, c *service.Caller, in *api.CreateDelegationRequestRequest) (*api.CreateDelegationRequestResponse, error) {
	g := directory.Delegation{
		Account: in.OwnerAccountId, Workflow: in.RequestorWorkflowId, Channel: in.NotificationChannel, Redirect: in.RedirectUrl,
		Description: in.Description, Message: in.RequestMessage, Template: in.Permissions.PolicyTemplateArn,
		Seconds: int(in.SessionDuration), OnlyOwner: in.OnlySendByOwner != nil && *in.OnlySendByOwner,
	}
	if in.OwnerAccountId != "" {
		if a, err := c.Snapshot.Account(in.OwnerAccountId); err != nil || a == nil {
			return nil, cmp.Or(err, error(api.InvalidInput.New("The account %s does not exist.", in.OwnerAccountId)))
		}
	}
	for _, p := range in.Permissions.Parameters {
		g.Parameters = append(g.Parameters, directory.DelegationParameter{Name: p.Name, List: p.Type == "stringList", Values: p.Values})
	}
	a, err := c.Snapshot.Account(c.Account())
	if err != nil || a == nil {
		return nil, err
	}
	g.RequestorName = firstRunes(cmp.Or(a.Name, a.Alias), 30)
	if g.Policy, err = delegatedPolicy(c, g.Template, g.Parameters); err != nil {
		return nil, err
	}
	var made *directory.Delegation
	if err := s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateDelegation(g)
		return err
	}); err != nil {
		return nil, err
	}
	return &api.CreateDelegationRequestResponse{
		DelegationRequestId: made.ID, ConsoleDeepLink: "/console/#/delegation-requests/" + made.ID,
	}, nil
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// delegatedPolicy is the policy of a template with its parameters filled in:
// each @{NAME} in a string of it stands for the parameter's value; of one that
// has several, the string stands for as many of a list.
func delegatedPolicy(c *service.Caller, template string, parameters []directory.DelegationParameter) (string, error) {
	p, err := c.Snapshot.Policy(c.Account(), template)
	if err != nil {
		return "", api.InvalidInput.New("The policy template %s cannot be found.", template)
	}
	text, err := c.Snapshot.PolicyDocument(p, p.Default)
	if err != nil {
		return "", err
	}
	for _, par := range parameters {
		if len(par.Values) == 0 || !par.List && len(par.Values) != 1 {
			return "", api.InvalidInput.New("The parameter %s has %d values.", par.Name, len(par.Values))
		}
		text = filledIn(text, "@{"+par.Name+"}", par.Values)
	}
	if i := strings.Index(text, "@{"); i >= 0 {
		return "", api.InvalidInput.New("The policy template %s has a parameter that is not given: %s", template, firstRunes(text[i:], 40))
	}
	if _, err := policy.Parse(text, policy.Session); err != nil {
		return "", awsError(err)
	}
	return text, nil
}

// filledIn puts values in the place of a parameter, in the JSON strings that
// name it.
func filledIn(text, parameter string, values []string) string {
	for at := strings.Index(text, parameter); at >= 0; at = strings.Index(text, parameter) {
		from, to := strings.LastIndexByte(text[:at], '"'), at+strings.IndexByte(text[at:], '"')
		if from < 0 || to < at {
			return text // not in a string: the policy can't be read, and is refused
		}
		var all []string
		for _, v := range values {
			v, err := json.Marshal(v)
			if err != nil {
				panic(err) // a string always encodes
			}
			inner := strings.ReplaceAll(string(v[1:len(v)-1]), "@{", `\u0040{`) // no value is a parameter again
			all = append(all, strings.ReplaceAll(text[from:to+1], parameter, inner))
		}
		text = text[:from] + strings.Join(all, ",") + text[to+1:]
	}
	return text
}

// GetDelegationRequest describes a request and, where it is asked, says whether
// the caller's own permissions cover it.
func (s *Service) GetDelegationRequest(_ context.Context, c *service.Caller, in *api.GetDelegationRequestRequest) (*api.GetDelegationRequestResponse, error) {
	g, err := c.Snapshot.Delegation(c.Account(), in.DelegationRequestId)
	if err != nil {
		return nil, awsError(err)
	}
	one := s.delegationOut(g)
	out := &api.GetDelegationRequestResponse{DelegationRequest: &one}
	if in.DelegationPermissionCheck != nil && *in.DelegationPermissionCheck {
		out.PermissionCheckStatus, out.PermissionCheckResult = "COMPLETE", covers(c, g.Policy)
	}
	return out, nil
}

// covers says whether the caller may do all that a policy allows.
func covers(c *service.Caller, document string) string {
	own := c.Snapshot.PoliciesFor(&c.Principal)
	asked := policy.NewSet(policy.Load(document, policy.Inline))
	switch {
	case c.Root() && c.Session == nil:
		return "ALLOWED"
	case own.Boundary != nil || own.Session != nil:
		return "UNSURE"
	}
	switch policy.Compare(own.Identity, asked, policy.CompareOptions{}).Answer {
	case policy.No: // nothing that the caller may not
		return "ALLOWED"
	case policy.Yes:
		return "DENIED"
	}
	return "UNSURE"
}

func (s *Service) delegationOut(g *directory.Delegation) api.DelegationRequest {
	out := api.DelegationRequest{
		DelegationRequestId: g.ID, OwnerAccountId: g.Account, Description: g.Description, RequestMessage: g.Message,
		Permissions: &api.DelegationPermission{PolicyTemplateArn: g.Template}, PermissionPolicy: g.Policy,
		OwnerId: g.Owner, ApproverId: g.Approver, State: g.StateAt(s.dir.Now()), ExpirationTime: g.Expires,
		RequestorId: g.Requestor, RequestorName: g.RequestorName, CreateDate: g.Created, SessionDuration: ptr(int32(g.Seconds)),
		RedirectUrl: g.Redirect, Notes: g.Notes, RejectionReason: g.Rejection, OnlySendByOwner: ptr(g.OnlyOwner), UpdatedTime: g.Updated,
	}
	for _, p := range g.Parameters {
		kind := "string"
		if p.List {
			kind = "stringList"
		}
		out.Permissions.Parameters = append(out.Permissions.Parameters, api.PolicyParameter{Name: p.Name, Values: p.Values, Type: kind})
	}
	return out
}

// ListDelegationRequests lists the requests that somebody of the account took.
func (s *Service) ListDelegationRequests(_ context.Context, c *service.Caller, in *api.ListDelegationRequestsRequest) (*api.ListDelegationRequestsResponse, error) {
	if parts := strings.Split(in.OwnerId, ":"); in.OwnerId != "" && (len(parts) < 6 || parts[4] != c.Account()) {
		return nil, api.InvalidInput.New("The owner %s is not of account %s.", in.OwnerId, c.Account())
	}
	p, err := newPage[api.DelegationRequest]("ListDelegationRequests", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	err = c.Snapshot.Delegations(c.Account(), p.after, func(g *directory.Delegation) bool {
		return in.OwnerId != "" && in.OwnerId != g.Owner || p.add(g.ID, s.delegationOut(g))
	})
	if err != nil {
		return nil, err
	}
	return &api.ListDelegationRequestsResponse{DelegationRequests: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// withDelegation changes a request that is in one of the states.
func (s *Service) withDelegation(ctx context.Context, c *service.Caller, id string, states []string, fn func(tx *directory.Tx, g *directory.Delegation) error) (*nothing, error) {
	return nil, s.update(ctx, c, func(tx *directory.Tx) error {
		g, err := tx.Delegation(id)
		if err != nil {
			return err
		}
		if state := g.StateAt(tx.Now()); !slices.Contains(states, state) {
			return api.InvalidInput.New("The delegation request %s is %s.", id, state)
		}
		if err := fn(tx, g); err != nil {
			return err
		}
		tx.SaveDelegation(g)
		return nil
	})
}

// AssociateDelegationRequest makes the caller the owner of a request.
func (s *Service) AssociateDelegationRequest(ctx context.Context, c *service.Caller, in *api.AssociateDelegationRequestRequest) (*nothing, error) {
	return s.withDelegation(ctx, c, in.DelegationRequestId, []string{directory.DelegationUnassigned}, func(_ *directory.Tx, g *directory.Delegation) error {
		g.Account, g.Owner, g.State = c.Account(), c.ARN(), directory.DelegationAssigned
		return nil
	})
}

// UpdateDelegationRequest hands a request on to somebody who may accept it.
func (s *Service) UpdateDelegationRequest(ctx context.Context, c *service.Caller, in *api.UpdateDelegationRequestRequest) (*nothing, error) {
	return s.withDelegation(ctx, c, in.DelegationRequestId, []string{directory.DelegationAssigned, directory.DelegationPending}, func(_ *directory.Tx, g *directory.Delegation) error {
		g.State = directory.DelegationPending
		if in.Notes != nil {
			g.Notes = *in.Notes
		}
		return nil
	})
}

// AcceptDelegationRequest makes the caller the one as whom the requestor may act.
// It must be a user or role with all of its permissions.
func (s *Service) AcceptDelegationRequest(ctx context.Context, c *service.Caller, in *api.AcceptDelegationRequestRequest) (*nothing, error) {
	return s.withDelegation(ctx, c, in.DelegationRequestId, []string{directory.DelegationAssigned, directory.DelegationPending}, func(_ *directory.Tx, g *directory.Delegation) error {
		if c.Root() || c.Session != nil && (c.Session.Policy != "" || len(c.Session.PolicyARNs) > 0) {
			return awsapi.AccessDenied.New("A delegation request is accepted by a user or a role, in a session without session policies.")
		}
		g.Approver, g.State = c.ARN(), directory.DelegationAccepted
		if c.Role != nil {
			g.AsRole, g.AsName = c.Role.ID, c.Session.Name
		} else {
			g.AsUser = c.User.ID
		}
		return nil
	})
}

// RejectDelegationRequest refuses a request for good.
func (s *Service) RejectDelegationRequest(ctx context.Context, c *service.Caller, in *api.RejectDelegationRequestRequest) (*nothing, error) {
	open := []string{directory.DelegationUnassigned, directory.DelegationAssigned, directory.DelegationPending, directory.DelegationAccepted}
	return s.withDelegation(ctx, c, in.DelegationRequestId, open, func(_ *directory.Tx, g *directory.Delegation) error {
		g.Account, g.State, g.Rejection = c.Account(), directory.DelegationRejected, in.Notes
		return nil
	})
}

// SendDelegationToken lets the requestor have the token that is traded in for
// credentials.
func (s *Service) SendDelegationToken(ctx context.Context, c *service.Caller, in *api.SendDelegationTokenRequest) (*nothing, error) {
	return s.withDelegation(ctx, c, in.DelegationRequestId, []string{directory.DelegationAccepted}, func(tx *directory.Tx, g *directory.Delegation) error {
		if g.OnlyOwner && g.Owner != c.ARN() {
			return api.InvalidInput.New("Only its owner may send the token of the delegation request %s.", g.ID)
		}
		g.Sent, g.State = tx.Now(), directory.DelegationFinalized
		return nil
	})
}
