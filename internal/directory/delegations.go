package directory

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// The states of a delegation request (IAM's model, stateType).
const (
	DelegationUnassigned = "UNASSIGNED"
	DelegationAssigned   = "ASSIGNED"
	DelegationPending    = "PENDING_APPROVAL"
	DelegationAccepted   = "ACCEPTED"
	DelegationFinalized  = "FINALIZED"
	DelegationRejected   = "REJECTED"
	DelegationExpired    = "EXPIRED"
)

// Delegation is a request to act in another account for a while, within what
// somebody there may do and a policy allows. It is no account's: until somebody
// takes it, anybody may who knows its id.
type Delegation struct {
	Format  int       `json:"v"`
	ID      string    `json:"id"`
	State   string    `json:"state"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Expires time.Time `json:"expires"` // when it is forgotten, and undecided ones expire

	Account  string `json:"account,omitempty"`  // whom it is for; empty until somebody takes it
	Owner    string `json:"owner,omitempty"`    // ARN of who took it
	Approver string `json:"approver,omitempty"` // ARN of who accepted it
	// AsUser and AsRole are the unique id of the approver's user or role, and
	// AsName the name of the role's session: whom the requestor acts as.
	AsUser string `json:"asUser,omitempty"`
	AsRole string `json:"asRole,omitempty"`
	AsName string `json:"asName,omitempty"`

	Requestor     string                `json:"requestor"` // the account that asks
	RequestorName string                `json:"requestorName,omitempty"`
	Workflow      string                `json:"workflow"`
	Channel       string                `json:"channel"`
	Redirect      string                `json:"redirect,omitempty"`
	Description   string                `json:"description"`
	Message       string                `json:"message,omitempty"`
	Template      string                `json:"template,omitempty"` // ARN
	Parameters    []DelegationParameter `json:"parameters,omitempty"`
	Policy        string                `json:"policy"`
	Seconds       int                   `json:"seconds"`             // how long the requestor may act
	OnlyOwner     bool                  `json:"onlyOwner,omitempty"` // alone may send the token
	Notes         string                `json:"notes,omitempty"`
	Rejection     string                `json:"rejection,omitempty"`
	Sent          time.Time             `json:"sent,omitzero"` // when the token was
}

// DelegationParameter is a value that a policy template is filled in with.
type DelegationParameter struct {
	Name   string   `json:"name"`
	List   bool     `json:"list,omitempty"`
	Values []string `json:"values,omitempty"`
}

// DelegationFor is how long delegation requests are kept.
const DelegationFor = 7 * 24 * time.Hour

// delegationsKept is how many requests one account may have made at a time.
const (
	delegationsKept          = 1000
	delegationsDroppedAtOnce = 20
)

func delegationKey(id string) string { return recordKey(deployment, kindDelegation, id) }

// StateAt is the request's state at a time: one that nobody decided in time has expired.
func (g *Delegation) StateAt(now time.Time) string {
	if !now.Before(g.Expires) && g.State != DelegationFinalized && g.State != DelegationRejected {
		return DelegationExpired
	}
	return g.State
}

// Until is when what the requestor was given ends.
func (g *Delegation) Until() time.Time { return g.Sent.Add(time.Duration(g.Seconds) * time.Second) }

// Delegation is the request of that id as an account sees it, or NotFound: one
// that is for another account is not there.
func (s *Snapshot) Delegation(account, id string) (*Delegation, error) {
	g, err := s.anyDelegation(id)
	if err == nil && g.Account != "" && g.Account != account {
		return nil, &NotFound{Kind: KindDelegation, Name: id}
	}
	return g, err
}

func (s *Snapshot) anyDelegation(id string) (*Delegation, error) {
	r := s.get(deployment, kindDelegation, id)
	if r == nil {
		return nil, &NotFound{Kind: KindDelegation, Name: id}
	}
	return decode[Delegation](r)
}

// Delegations calls fn for the requests that somebody of the account took, in
// the order of their ids, after the id given, until fn says no.
func (s *Snapshot) Delegations(account, after string, fn func(*Delegation) bool) error {
	var failed error
	s.scan(delegationKey(""), after, func(_ string, r *Record) bool {
		var g *Delegation
		if g, failed = decode[Delegation](r); failed != nil {
			return false
		}
		return g.Account != account || g.Owner == "" || fn(g)
	})
	return failed
}

// CreateDelegation makes a request of the transaction's account. LimitExceeded.
func (tx *Tx) CreateDelegation(g Delegation) (*Delegation, error) {
	if err := tx.dropDelegations(); err != nil {
		return nil, err
	}
	g.Format, g.ID, g.State = recordFormat, "dr-"+seal.UUID(tx.snap.d.opts.Rand), DelegationUnassigned
	g.Requestor, g.Created, g.Updated, g.Expires = tx.account, tx.now, tx.now, tx.now.Add(DelegationFor)
	tx.write(store.Op{Key: delegationKey(g.ID), Value: encode(&g)})
	return &g, nil
}

// dropDelegations deletes some requests that are over.
func (tx *Tx) dropDelegations() error {
	var failed error
	own, dropped := 0, 0
	tx.snap.scan(delegationKey(""), "", func(_ string, r *Record) bool {
		var g *Delegation
		if g, failed = decode[Delegation](r); failed != nil {
			return false
		}
		switch {
		case !tx.now.Before(g.Expires) && !tx.now.Before(g.Until()):
			if dropped++; dropped <= delegationsDroppedAtOnce {
				tx.write(store.Op{Key: r.Key, Delete: true})
			}
		case g.Requestor == tx.account:
			own++
		}
		return true
	})
	if failed == nil && own >= delegationsKept {
		failed = &LimitExceeded{Quota: "DelegationRequestsPerAccount", Limit: delegationsKept}
	}
	return failed
}

// Delegation gives the request of that id, as the transaction's account sees it,
// to be read and changed, or NotFound.
func (tx *Tx) Delegation(id string) (*Delegation, error) {
	r := tx.read(delegationKey(id))
	if r == nil {
		return nil, &NotFound{Kind: KindDelegation, Name: id}
	}
	g, err := decode[Delegation](r)
	if err != nil {
		return nil, err
	}
	if g.Account != "" && g.Account != tx.account {
		return nil, &NotFound{Kind: KindDelegation, Name: id}
	}
	changed := *g
	changed.Parameters = slices.Clone(g.Parameters)
	return &changed, nil
}

// SaveDelegation stores a changed request.
func (tx *Tx) SaveDelegation(g *Delegation) {
	g.Updated = tx.now
	tx.put(delegationKey(g.ID), encode(g))
}

const tradeInPurpose = "delegation"

// tradeIn is what a trade-in token carries.
type tradeIn struct {
	ID   string    `json:"id"`
	Sent time.Time `json:"sent"`
}

// ErrNotSent: there is no token of a delegation request that has not been sent.
var ErrNotSent = errors.New("the token of the delegation request has not been sent")

// TradeInToken is the token of a request that has been sent: whoever has it, in
// the account that asked, may trade it in for credentials.
func (d *Directory) TradeInToken(id string) (string, error) {
	g, err := d.Snapshot().anyDelegation(id)
	if err != nil {
		return "", err
	}
	if g.State != DelegationFinalized {
		return "", ErrNotSent
	}
	return seal.SealToken(d.box, encode(tradeIn{g.ID, g.Sent}), tradeInPurpose), nil
}

// TradedIn is the request that a token is of, or seal.ErrToken.
func (d *Directory) TradedIn(s *Snapshot, token string) (*Delegation, error) {
	claims, err := seal.OpenToken(d.box, token, tradeInPurpose)
	if err != nil {
		return nil, seal.ErrToken
	}
	var t tradeIn
	if json.Unmarshal(claims, &t) != nil {
		return nil, seal.ErrToken
	}
	g, err := s.anyDelegation(t.ID)
	if err != nil || g.State != DelegationFinalized || !g.Sent.Equal(t.Sent) {
		return nil, seal.ErrToken
	}
	return g, nil
}
