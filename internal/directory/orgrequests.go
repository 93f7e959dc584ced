package directory

import (
	"cmp"
	"slices"
	"time"

	"github.com/sallyport-iam/sallyport/policy"
)

// AccountRequest is what became of a request to make an account in an
// organization.
type AccountRequest struct {
	Format    int       `json:"v"`
	ID        string    `json:"id"` // car-…
	Of        string    `json:"of"` // id of the organization
	Name      string    `json:"name"`
	State     string    `json:"state"` // RequestSucceeded or RequestFailed
	Requested time.Time `json:"requested"`
	Completed time.Time `json:"completed"`
	Account   string    `json:"account,omitempty"`
	Failure   string    `json:"failure,omitempty"` // AWS's reason
}

// States of requests, in AWS's words.
const (
	RequestSucceeded = "SUCCEEDED"
	RequestFailed    = "FAILED"
)

// CreateMember makes an account in the organization, with the role by which the
// management account gets into it (empty: AccessRole), and the note of it. That
// there can't be one is no error but what the note says.
func (tx *Tx) CreateMember(o *Organization, name, email, role string, tags []Tag) (*AccountRequest, error) {
	r := &AccountRequest{
		Format: recordFormat, ID: "car-" + tx.randomText(32), Of: o.ID, Name: name,
		State: RequestFailed, Requested: tx.now, Completed: tx.now,
	}
	failure, err := tx.createMember(o, r, email, cmp.Or(role, AccessRole), tags)
	if err != nil {
		return nil, err
	}
	if r.Failure = failure; failure == "" {
		r.State = RequestSucceeded
	}
	tx.put(recordKey(o.account, kindOrgRequest, r.ID), encode(r))
	tx.SaveOrganization(o)
	return r, nil
}

func (tx *Tx) createMember(o *Organization, r *AccountRequest, email, role string, tags []Tag) (failure string, err error) {
	if tx.within(QuotaOrgAccounts, tx.countNodes(isAccountNode)+1) != nil {
		return "ACCOUNT_LIMIT_EXCEEDED", nil
	}
	if tags, err = tx.mergeTags(nil, tags, false); err != nil {
		return "", err
	}
	if _, taken, err := tx.snap.AccountByEmail(email); err != nil || taken {
		return "EMAIL_ALREADY_EXISTS", err
	}
	id := tx.FreshAccountID()
	if err := tx.AddAccount(id, r.Name, email, ""); err != nil {
		return "", err
	}
	if err := tx.Enroll(o, id, JoinedCreated); err != nil {
		return "", err
	}
	n, err := tx.OrgNode(id)
	if err != nil {
		return "", err
	}
	n.Tags = tags
	tx.saveNode(n)
	r.Account = id
	return "", tx.as(id, func() error { return tx.createAccessRole(role, o.account) })
}

// AccessRole is what the role is called, where nothing else is said, by which
// the management account gets into an account that it made.
const AccessRole = "OrganizationAccountAccessRole"

// createAccessRole makes that role, which may do all and which the management
// account may let its users assume.
func (tx *Tx) createAccessRole(name, management string) error {
	trust, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+
		management+`:root"},"Action":"sts:AssumeRole"}]}`, policy.Trust)
	if err != nil {
		return err
	}
	r, err := tx.CreateRole(NewRole{Name: name, Path: "/", Trust: trust, MaxSession: DefaultMaxSession})
	if err != nil {
		return err
	}
	return tx.PutInline(r, "AdministratorAccess", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
}

// AccountRequest is the note of that id, or NotFound.
func (s *Snapshot) AccountRequest(o *Organization, id string) (*AccountRequest, error) {
	r := s.get(o.account, kindOrgRequest, id)
	if r == nil {
		return nil, &NotFound{Kind: KindAccountRequest, Name: id}
	}
	a, err := decode[AccountRequest](r)
	if err == nil && a.Of != o.ID { // of an organization before this one
		return nil, &NotFound{Kind: KindAccountRequest, Name: id}
	}
	return a, err
}

// AccountRequests are all notes, in the order of their ids.
func (s *Snapshot) AccountRequests(o *Organization) ([]*AccountRequest, error) {
	all, err := allUnder[AccountRequest](s, recordKey(o.account, kindOrgRequest, ""))
	return slices.DeleteFunc(all, func(r *AccountRequest) bool { return r.Of != o.ID }), err
}

// allUnder are the listed records under a prefix.
func allUnder[T any](s *Snapshot, prefix string) (all []*T, failed error) {
	s.scan(prefix, "", func(_ string, r *Record) bool {
		var v *T
		if v, failed = decode[T](r); failed != nil {
			return false
		}
		all = append(all, v)
		return true
	})
	return all, failed
}

// Handshake is an invitation of an account into an organization. It stands
// with the management account, and its id with the invited one.
type Handshake struct {
	Format    int       `json:"v"`
	ID        string    `json:"id"`      // h-…
	Of        string    `json:"of"`      // id of the organization
	Account   string    `json:"account"` // that is invited
	ByEmail   bool      `json:"byEmail,omitempty"`
	State     string    `json:"state"`
	Requested time.Time `json:"requested"`
	Expires   time.Time `json:"expires"`
	Notes     string    `json:"notes,omitempty"`
	Tags      []Tag     `json:"tags,omitempty"` // which the account gets
}

// States of handshakes, in AWS's words.
const (
	HandshakeOpen     = "OPEN"
	HandshakeAccepted = "ACCEPTED"
	HandshakeDeclined = "DECLINED"
	HandshakeCanceled = "CANCELED"
	HandshakeExpired  = "EXPIRED"
)

// handshakeLife is how long an invitation can be accepted.
const handshakeLife = 15 * 24 * time.Hour

// StateAt is the state at a time.
func (h *Handshake) StateAt(now time.Time) string {
	if h.State == HandshakeOpen && !now.Before(h.Expires) {
		return HandshakeExpired
	}
	return h.State
}

// Invite invites an account of the deployment. Exists, where it is in an
// organization (KindOrganization) or invited already (KindHandshake).
func (tx *Tx) Invite(o *Organization, account, notes string, byEmail bool, tags []Tag) (*Handshake, error) {
	open, err := tx.snap.Handshakes(o)
	if err != nil {
		return nil, err
	}
	for _, h := range open {
		if h.Account == account && h.StateAt(tx.now) == HandshakeOpen {
			return nil, &Exists{Kind: KindHandshake, Name: h.ID}
		}
	}
	if err := tx.as(account, func() error {
		a, err := tx.accountRecord()
		if err == nil && a.Organization != "" {
			err = &Exists{Kind: KindOrganization, Name: a.Organization}
		}
		return err
	}); err != nil {
		return nil, err
	}
	if tags, err = tx.mergeTags(nil, tags, false); err != nil {
		return nil, err
	}
	h := &Handshake{
		Format: recordFormat, ID: "h-" + tx.randomText(32), Of: o.ID, Account: account, ByEmail: byEmail, State: HandshakeOpen,
		Requested: tx.now, Expires: tx.now.Add(handshakeLife), Notes: notes, Tags: tags,
	}
	tx.put(recordKey(account, kindInvited, h.ID), []byte(o.account))
	tx.saveHandshake(o, h)
	return h, nil
}

func (tx *Tx) saveHandshake(o *Organization, h *Handshake) {
	tx.put(recordKey(o.account, kindHandshake, h.ID), encode(h))
	tx.SaveOrganization(o)
}

// Handshakes are all invitations of an organization, in the order of their ids.
func (s *Snapshot) Handshakes(o *Organization) ([]*Handshake, error) {
	all, err := allUnder[Handshake](s, recordKey(o.account, kindHandshake, ""))
	return slices.DeleteFunc(all, func(h *Handshake) bool { return h.Of != o.ID }), err
}

// Invitation is an invitation with the organization that it is from.
type Invitation struct {
	*Handshake
	From *Organization
}

// Invitations are those that the account got, in the order of their ids.
func (s *Snapshot) Invitations(account string) (all []Invitation, failed error) {
	s.scan(recordKey(account, kindInvited, ""), "", func(id string, r *Record) bool {
		o, err := s.Organization(string(r.Value))
		if err != nil || o == nil {
			failed = err
			return err == nil // the organization is gone
		}
		h, err := s.Handshake(o, id)
		if err != nil {
			return true
		}
		all = append(all, Invitation{h, o})
		return true
	})
	return all, failed
}

// Handshake is an organization's invitation of that id, or NotFound.
func (s *Snapshot) Handshake(o *Organization, id string) (*Handshake, error) {
	r := s.get(o.account, kindHandshake, id)
	if r == nil {
		return nil, &NotFound{Kind: KindHandshake, Name: id}
	}
	h, err := decode[Handshake](r)
	if err == nil && h.Of != o.ID {
		return nil, &NotFound{Kind: KindHandshake, Name: id}
	}
	return h, err
}

// EndHandshake gives an open invitation another state; accepting it puts the
// account into the organization. NotFound; InState, where it is not open; what
// Enroll refuses.
func (tx *Tx) EndHandshake(o *Organization, id, state string) (*Handshake, error) {
	r := tx.read(recordKey(o.account, kindHandshake, id))
	if r == nil {
		return nil, &NotFound{Kind: KindHandshake, Name: id}
	}
	found, err := decode[Handshake](r)
	if err != nil {
		return nil, err
	}
	h := *found
	if h.Of != o.ID {
		return nil, &NotFound{Kind: KindHandshake, Name: id}
	}
	if now := h.StateAt(tx.now); now != HandshakeOpen {
		return nil, &InState{State: now}
	}
	h.State = state
	if state == HandshakeAccepted {
		if err := tx.Enroll(o, h.Account, JoinedInvited); err != nil {
			return nil, err
		}
		n, err := tx.OrgNode(h.Account)
		if err != nil {
			return nil, err
		}
		n.Tags = h.Tags
		tx.saveNode(n)
	}
	tx.saveHandshake(o, &h)
	return &h, nil
}
