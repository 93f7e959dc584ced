package gate

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/wire"
)

// The header that carries a revision. In the answer to a change it is that of
// the change; in a request it is one that the answer must have seen, whatever
// node gives it. net/http has it in the second spelling.
const (
	hdrRevision       = "x-sallyport-revision"
	hdrRevisionServed = "X-Sallyport-Revision"
)

// catchUpWithin bounds how long a request waits for what this node has not seen.
const catchUpWithin = 2 * time.Second

var (
	errStale  = errors.New("the node has been without its store for too long")
	errBehind = errors.New("the node has not seen the revision that the request asks for")
)

// stale refuses a request that nothing can be said about: what is known here
// may have been revoked long ago.
func (c *call) stale() error {
	if c.g.opts.Directory.Stale(c.now) {
		return errStale
	}
	return nil
}

// snapshot is the state that the request sees: the newest, or at least of the
// revision that it asks for.
func (c *call) snapshot() (*directory.Snapshot, error) {
	dir := c.g.opts.Directory
	asked := c.r.Header[hdrRevisionServed]
	if len(asked) == 0 {
		return dir.Snapshot(), nil
	}
	n, err := strconv.ParseUint(asked[0], 10, 64)
	if err != nil || len(asked) > 1 {
		return nil, awsapi.ValidationError.New("The header %s must be one decimal number.", hdrRevision)
	}
	if s := dir.Snapshot(); s.Rev >= directory.Revision(n) {
		return s, nil
	}
	err = c.catchUp()
	if s := dir.Snapshot(); s.Rev >= directory.Revision(n) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, errBehind
}

func (c *call) catchUp() error {
	ctx, cancel := context.WithTimeout(c.r.Context(), catchUpWithin)
	defer cancel()
	err := c.g.opts.Directory.CatchUp(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return directory.ErrBehind
	}
	return err
}

// secretCaughtUp is secret, but what isn't known here may be known to another
// node: before it says no, it sees what all nodes have been answered so far.
func (c *call) secretCaughtUp() (string, error) {
	before := c.caller
	secret, err := c.secret()
	unknown := errors.Is(err, errUnknownKey) || errors.Is(err, errBadToken)
	newer := err == nil && c.caller.Session != nil && c.caller.Session.Rev > before.Snapshot.Rev
	if !unknown && !newer {
		return secret, err
	}
	behind := c.catchUp()
	now := c.g.opts.Directory.Snapshot()
	if now == before.Snapshot {
		if unknown && behind != nil {
			return "", behind
		}
		return secret, err
	}
	c.caller = service.Caller{Snapshot: now, Region: before.Region}
	secret, err = c.secret()
	if behind != nil && (errors.Is(err, errUnknownKey) || errors.Is(err, errBadToken)) {
		return "", behind
	}
	return secret, err
}

// tellRevision says in the answer to a change what revision it has.
func (c *call) tellRevision(res *wire.Response) {
	if rev := c.caller.Revision; rev > 0 {
		n := len(res.Header)
		res.Header = append(res.Header[:n:n], wire.Field{Name: hdrRevision, Value: strconv.FormatUint(uint64(rev), 10)})
	}
}

// unavailableNow is what a client is told while the store can't be reached, or
// nil where err says something else.
func unavailableNow(err error) *awsapi.Error {
	say := func(message string) *awsapi.Error {
		return &awsapi.Error{Code: awsapi.ServiceUnavailable, Message: message, Err: err}
	}
	if e, ok := errors.AsType[*directory.NotConfirmed](err); ok {
		return say("The change is stored and in effect on this node, but nodes that are alive have not confirmed it yet: " + e.Error())
	}
	unavailable, unknown := directory.Unavailable(err)
	switch {
	case errors.Is(err, errUnrecorded):
		return say("The audit trail can't be written, so nothing may be changed. Ask the operator of this server.")
	case errors.Is(err, errStale):
		return say("This node has not reached its store for longer than it may answer without it. Try again later, or ask another node.")
	case errors.Is(err, errBehind):
		return say("This node has not seen the revision that the request asks for. Try again later, or ask another node.")
	case errors.Is(err, directory.ErrBehind):
		return say("This node can't reach its store, and what the request names is not known here. Try again later, or ask another node.")
	case unknown:
		return say("The store did not answer in time, so the change may or may not have been made. Look before you try again.")
	case unavailable:
		return say("This node can't reach its store, so the change was not made. Try again later, or ask another node.")
	}
	return nil
}
