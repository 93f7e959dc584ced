// Package service is what the operations of all services have in common: who
// calls, how a typed method becomes an operation, and on what an operation acts.
package service

import (
	"context"

	"github.com/sallyport-iam/sallyport/internal/directory"
)

// Caller is who makes a request, as the gate has established it, and the state
// of the directory that the request sees.
type Caller struct {
	Snapshot *directory.Snapshot
	// User is the IAM user, or the root user, that the credentials belong to.
	User *directory.User
	// Credential is the long-term access key that signed; its zero value where
	// Session is set.
	Credential directory.Credential
	// Session holds the temporary credentials that signed, or is nil.
	Session *directory.Session
	// Region is that of the credential scope; for IAM always us-east-1.
	Region string
	// Decide authenticates and authorises the request again, on another state,
	// which becomes the caller's. Set for the length of Operation.Call.
	Decide func(*directory.Snapshot) error
}

// StillMay says whether the request is allowed in the state that a transaction
// decides from. What the request names may be another thing there than it was
// when the gate decided; the transaction relies on what it names, so that an
// answer that was right when it was given is right when it commits.
func (c *Caller) StillMay(tx *directory.Tx) error {
	if s := tx.Snapshot(); s.Rev != c.Snapshot.Rev {
		return c.Decide(s)
	}
	return nil
}

// Account is the caller's account.
func (c *Caller) Account() string { return c.User.Account() }

// ARN is the caller's ARN.
func (c *Caller) ARN() string { return c.User.ARN() }

// Root reports whether the caller is the account's root user.
func (c *Caller) Root() bool { return c.User.Root() }

// Target is a resource that a request acts on.
type Target struct {
	ARN  string          // or "*", where the action has no resource
	Tags []directory.Tag // as they are now
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
	// Also gives actions that the caller needs as well for that input.
	Also func(in any) []string
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
