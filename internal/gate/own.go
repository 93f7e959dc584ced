package gate

import (
	"context"
	"net/http"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/wire"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// Own is what a page of the console's own asks for, where no request of the API
// can say it. It goes the way of the operation that it stands for: who may not
// call that may not do this, and it leaves that operation's event.
type Own struct {
	// KeyID and SessionToken are credentials of the browser's session, made for
	// this request.
	KeyID, SessionToken string
	// Service is the name of the model. Operation is what the model has under its
	// name, carried out otherwise, and In what the model takes for it.
	Service   string
	Operation service.Operation
	In        any
	// Ask: only whether it is allowed. Then it leaves an event only where not.
	Ask bool
}

// Own carries out what a page of the console's own asks for. What it returns is
// the request's id, and nil or an error that the user may see.
func (g *Gate) Own(r *http.Request, own Own) (id string, refused *awsapi.Error) {
	c := g.begin(r)
	model := awsapi.ByName(own.Service)
	c.target = wire.Target{Protocol: awsapi.Query, Service: model, Name: own.Operation.Name, Operation: model.Operation(own.Operation.Name)}
	c.sig = &sigv4.Signature{Service: own.Service, Region: unsignedRegion, KeyID: own.KeyID, SessionToken: own.SessionToken}
	c.op, c.in, c.asks = &own.Operation, own.In, own.Ask
	var o outcome
	res := c.answer(&o, c.serveOwn)
	c.remember(res.Status)
	id = c.id
	c.release(res.Body)
	return id, o.err
}

// serveOwn is the way of a request of the console's own: the credentials were
// made here, so there is no signature to verify.
func (c *call) serveOwn(ctx context.Context) (any, error) {
	if err := c.stale(); err != nil {
		return nil, err
	}
	c.caller = service.Caller{Snapshot: c.g.opts.Directory.Snapshot(), Region: unsignedRegion}
	if _, err := c.secretCaughtUp(); err != nil {
		return nil, err
	}
	c.noteAccess()
	if err := c.authorize(); err != nil {
		return nil, err
	}
	if err := c.unrecorded(); err != nil {
		return nil, err
	}
	return c.perform(ctx)
}
