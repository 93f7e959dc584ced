package gate

import (
	"context"
	"errors"

	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// unsignedRegion is the region of requests that aren't signed for one.
const unsignedRegion = "us-east-1"

// takesNoSignature reports whether the operation is one that the model says
// takes no signature, and that is vouched for otherwise. unsigned is why there
// is no signature; nil where there is one, which is ignored then.
func (c *call) takesNoSignature(unsigned error) bool {
	if unsigned != nil {
		e, ok := errors.AsType[*sigv4.Error](unsigned)
		if !ok || e.Code != sigv4.MissingAuthenticationToken || e.Claimed != nil {
			return false
		}
	}
	if c.target.Service == nil || c.target.Operation == nil || !c.target.Operation.NoAuth || c.target.Service.Name != "sts" {
		return false
	}
	op := c.g.opts.Services[c.target.Service.Name][c.target.Operation.Name]
	if op == nil || op.Vouch == nil {
		return false
	}
	// Nothing that an unverified signature says is used.
	c.op, c.sig, c.unsigned = op, &sigv4.Signature{Service: "sts", Region: unsignedRegion}, true
	return true
}

// vouched finds out who asks where the request isn't signed. What isn't known
// here may be known to another node: before it says no, it sees what all nodes
// have been answered so far.
func (c *call) vouched(ctx context.Context) error {
	if !c.unsigned {
		return nil
	}
	snap, err := c.snapshot()
	if err != nil {
		return err
	}
	c.caller = service.Caller{Snapshot: snap, Region: unsignedRegion}
	err = c.op.Vouch(ctx, &c.caller, c.in)
	if err == nil {
		return c.mustBeKnown()
	}
	if behind := c.catchUp(); behind != nil {
		return behind
	}
	now := c.g.opts.Directory.Snapshot()
	if now == snap {
		return err
	}
	c.caller = service.Caller{Snapshot: now, Region: unsignedRegion}
	if err := c.op.Vouch(ctx, &c.caller, c.in); err != nil {
		return err
	}
	return c.mustBeKnown()
}

var errNobody = errors.New("the operation has vouched for nobody")

func (c *call) mustBeKnown() error {
	if c.caller.External == nil {
		return errNobody
	}
	return nil
}
