// Package service is what the operations of all services have in common: who
// calls, how a typed method becomes an operation, and on what an operation acts.
package service

import (
	"context"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/policy"
)

// Caller is who makes a request, as the gate has established it, and the state
// of the directory that the request sees.
type Caller struct {
	Snapshot *directory.Snapshot
	// Principal is who the credentials belong to. Its User is nil for sessions of
	// roles and of federated users.
	directory.Principal
	// Credential is the long-term access key that signed; its zero value where
	// Session is set.
	Credential directory.Credential
	// Region is that of the credential scope; for IAM always us-east-1.
	Region string
	// Decide authenticates and authorises the request again, on another state,
	// which becomes the caller's. Set for the length of Operation.Call.
	Decide func(*directory.Snapshot) error
	// Remember, where set, gives the event of the request, which is stored
	// together with what it changes, and the event's id.
	Remember func() (id string, event []byte)
	// Revision is that of the last change that the operation has stored; 0
	// where there is none.
	Revision directory.Revision
}

// StillMay says whether the request is allowed in the state that a transaction
// decides from. What the request names may be another thing there than it was
// when the gate decided; the transaction relies on what it names, so that an
// answer that was right when it was given is right when it commits.
//
// Where the transaction is stored, the caller's Revision says as what.
func (c *Caller) StillMay(tx *directory.Tx) error {
	tx.Report(&c.Revision)
	if c.Remember != nil {
		tx.Remember(c.Remember())
	}
	if s := tx.Snapshot(); s.Rev != c.Snapshot.Rev {
		return c.Decide(s)
	}
	return nil
}

// Target is a resource that a request acts on.
type Target struct {
	ARN  string          // or "*", where the action has no resource
	Said string          // what denials call it; empty means its ARN
	Tags []directory.Tag // as they are now
	// Owner is the account that the resource belongs to. Empty means the caller's.
	Owner string
	// Policy is the policy on the resource, or the role's trust policy; nil means none.
	Policy *policy.Policy
}

// Permission is a permission that a request needs besides that of its operation.
type Permission struct {
	Action string // as in iam:PassRole
	// Targets are the resources; nil means those of the operation.
	Targets []Target
	// Keys are condition keys with their values, which hold for this action alone.
	Keys map[string]string
}

// Operation is an operation that is carried out here.
type Operation struct {
	Name string
	// New makes an empty input for wire to fill.
	New func() any
	// Call carries the operation out. The caller has been authenticated and
	// authorised, and in is valid as the model has it.
	Call func(ctx context.Context, c *Caller, in any) (any, error)

	// Target resolves a resource type that the service authorization reference
	// gives for the operation's action. Nil where it gives none.
	Target func(kind string, c *Caller, in any) (Target, error)
	// Targets, where set, stands in place of Target: the operation acts on
	// something that the reference doesn't say. Each must be allowed.
	Targets func(c *Caller, in any) ([]Target, error)
	// Key gives the value of a condition key of the action, where the request
	// carries it. Nil gives none.
	Key func(key string, c *Caller, in any) (value string, ok bool)
	// Tags gives the tags that the request passes, and TagKeys the keys of the
	// tags that it passes or names. Nil gives none.
	Tags    func(in any) []directory.Tag
	TagKeys func(in any) []string
	// Invalid, where set, says in the service's words what is wrong with an input.
	Invalid func(err error) error
	// Context sets condition keys that neither Key nor Tags give. Nil sets none.
	Context func(c *Caller, in any, keys *policy.Context)
	// Also gives permissions that the caller needs as well for that input.
	Also func(c *Caller, in any) []Permission
	// Vouch says who asks, of an operation that takes no signature: it verifies
	// what stands in the request in place of one, and sets the caller's
	// Principal. Nil of all others.
	Vouch func(ctx context.Context, c *Caller, in any) error
	// NeedsNoPermission: anyone with valid credentials may call it, and no
	// policy can forbid it.
	NeedsNoPermission bool
}

// Op makes an operation of a typed method: what the model calls In and Out.
func Op[In, Out any](name string, f func(ctx context.Context, c *Caller, in *In) (*Out, error)) Operation {
	return Operation{
		Name: name,
		New:  func() any { return new(In) },
		Call: func(ctx context.Context, c *Caller, in any) (any, error) {
			out, err := f(ctx, c, in.(*In))
			if err != nil {
				return nil, err // not a nil *Out in an interface
			}
			return out, nil
		},
	}
}

// Set holds the operations of one service by name.
type Set map[string]*Operation

// NewSet makes a set of operations, each named once.
func NewSet(ops ...Operation) Set {
	s := make(Set, len(ops))
	for _, op := range ops {
		if s[op.Name] != nil {
			panic("operation " + op.Name + " is given twice")
		}
		s[op.Name] = &op
	}
	return s
}
