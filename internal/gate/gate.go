// Package gate is the way of every request: which service and operation, who
// asks, may they, do it, answer, remember it. Each step knows only the steps
// before it; whatever fails is answered in the words of the client's protocol.
package gate

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/internal/wire"
	"github.com/sallyport-iam/sallyport/policy"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// Options are what a gate needs. Directory, Services, Now, Rand and Log must be set.
type Options struct {
	Directory *directory.Directory
	// Services are the operations carried out here, by the service's model name.
	Services map[string]service.Set
	Now      func() time.Time
	// Rand is read for request ids.
	Rand io.Reader
	Log  *slog.Logger
	// MaxBody is how many bytes of a request's body are read where the service
	// needs the whole of it. Zero means 1 MiB.
	MaxBody int64
	// Trail gets an event of every call. Nil means that none is remembered.
	Trail *trail.Log
	// Remembered is told the ids of events that were stored with a change and
	// are on their way into the trail, or why they are not. Set where Trail is.
	Remembered func(eventID string, err error)
	// RecordAll has reading calls refused as well while the trail can't be written.
	RecordAll bool
	// Observe, where set, is told of every answer.
	Observe func(Observation)
}

// Observation is what is measured of a request. Service and Operation are
// empty where they are not known to the models, so that they can name metrics.
type Observation struct {
	Service, Operation string
	Status             int
	Duration           time.Duration
}

// Gate is an http.Handler for all services at once.
type Gate struct {
	opts     Options
	verifier *sigv4.Verifier
	kept     keptPolicies // what the trail has of them
}

// New makes a gate.
func New(opts Options) *Gate {
	if opts.MaxBody == 0 {
		opts.MaxBody = 1 << 20
	}
	return &Gate{opts: opts, verifier: &sigv4.Verifier{Now: opts.Now, Scope: scope}}
}

// call is one request on its way. It is owned by the goroutine that serves it.
type call struct {
	g  *Gate
	r  *http.Request
	id string // the request's id

	now time.Time // when it came in

	body   []byte
	sig    *sigv4.Signature
	target wire.Target
	caller service.Caller
	// controls are those of the caller's account, or nil.
	controls *directory.Controls
	unsigned bool               // the operation takes no signature
	op       *service.Operation // nil where the operation isn't carried out here
	action   string             // the IAM action that it needs
	in       any                // its input; a *wire.Document where op is nil
	keys     policy.Context     // the condition keys of the request
	resource bool               // keys hold the owner of a resource
	more     map[string]string  // keys of a further permission
	tagged   bool               // keys hold the tags of a resource
	asks     bool               // it is only asked whether the operation is allowed
	noted    noted              // of the decisions, for the event
	eventID  string             // of the event in the trail
	fields   []wire.Field       // what S3's errors say besides
	buf      []byte             // for the answer
	memory   *eventMemory       // of the call's event, or nil
}

// begin makes a call of a request.
func (g *Gate) begin(r *http.Request) *call {
	c := calls.Get().(*call)
	c.g, c.r, c.now = g, r, g.opts.Now()
	c.id = seal.TimeUUID(g.opts.Rand, c.now)
	return c
}

// ServeHTTP serves one request.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := g.begin(r)
	var o outcome
	res := c.answer(&o, c.serve)
	c.tellRevision(&res)
	body := res.Body
	if len(body) > largeAnswer {
		c.pack(&res)
		// A client that doesn't read must not hold the answer for ever. A small
		// one fits the connection's buffers.
		http.NewResponseController(w).SetWriteDeadline(c.now.Add(writeTimeout))
	}
	if err := res.Write(w); err != nil {
		g.opts.Log.Debug("answer not sent", "request", c.id, "error", err)
	}
	c.remember(res.Status)
	c.release(body)
}

// pack packs a large answer where the client says that it reads that, which
// browsers do: a list of all of AWS's policies is then a tenth as long.
func (c *call) pack(res *wire.Response) {
	if !strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip") || slices.ContainsFunc(res.Header, func(f wire.Field) bool { return f.Name == "Content-Length" }) {
		return
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return // of a level that there isn't
	}
	if _, err := z.Write(res.Body); err != nil || z.Close() != nil {
		return // a buffer takes all
	}
	n := len(res.Header)
	res.Header = append(res.Header[:n:n], wire.Field{Name: "Content-Encoding", Value: "gzip"}, wire.Field{Name: "Vary", Value: "Accept-Encoding"})
	res.Body = b.Bytes()
}

const (
	largeAnswer  = 16 << 10 // bytes
	writeTimeout = 30 * time.Second
)

// calls are calls that are over, kept for their memory.
var calls = sync.Pool{New: func() any { return new(call) }}

// keptBuffer is the largest buffer, in bytes, that is kept for the next request.
const keptBuffer = 64 << 10

// release gives the call's memory to the next one. Nothing of the request stays.
func (c *call) release(answer []byte) {
	keys := c.keys
	keys.Reset()
	buf := c.buf
	if cap(answer) > cap(buf) && cap(answer) <= keptBuffer {
		buf = answer[:0]
	}
	c.releaseEvent()
	*c = call{keys: keys, buf: buf}
	calls.Put(c)
}

// answer gives the response to the request, whatever happens on the way.
func (c *call) answer(o *outcome, serve func(context.Context) (any, error)) (res wire.Response) {
	defer c.recovered(o, &res)
	res = c.carry(o, serve)
	if err := c.record(o); err != nil { // remember it
		level := slog.LevelDebug // that events are lost is told once, and counted
		if c.changes(o) || c.g.opts.RecordAll {
			level = slog.LevelError
			res = c.refused(o, errUnrecorded)
		}
		c.g.opts.Log.Log(c.r.Context(), level, "event not remembered", "request", c.id, "error", err)
	}
	return res
}

// carry gives the response to the request but for its event, which a panic
// leaves as well.
func (c *call) carry(o *outcome, serve func(context.Context) (any, error)) (res wire.Response) {
	defer c.recovered(o, &res)
	out, err := serve(c.r.Context())
	if err == nil {
		o.out = out
		res, err = c.target.Encode(c.buf[:0], c.id, out)
	}
	if err != nil {
		res = c.refused(o, err)
	}
	return res
}

// recovered, deferred, makes an internal failure of a panic.
func (c *call) recovered(o *outcome, res *wire.Response) {
	if cause := recover(); cause != nil {
		c.g.opts.Log.Error("panic while serving a request", "request", c.id, "panic", cause, "stack", string(debug.Stack()))
		*res = c.refused(o, errors.New("panic"))
	}
}

// serve is the way of a request.
func (c *call) serve(ctx context.Context) (any, error) {
	err := c.detect()                     // which service and operation?
	if stale := c.stale(); stale != nil { // is what is known here new enough to answer at all?
		return nil, stale
	}
	if err != nil {
		return nil, err
	}
	if err := c.authenticate(); err != nil { // who is it?
		return nil, err
	}
	if err := c.decode(); err != nil { // what exactly do they ask for?
		return nil, err
	}
	if err := c.vouched(ctx); err != nil { // who is it, where that stands in what they ask for?
		return nil, err
	}
	if err := c.authorize(); err != nil { // may they?
		return nil, err
	}
	if err := c.unrecorded(); err != nil { // can it be remembered?
		return nil, err
	}
	return c.perform(ctx) // do it
}

// detect finds the signature, the service that it is for, and the operation.
// The service of the credential scope decides what is dispatched and authorised.
func (c *call) detect() error {
	sig, err := c.g.verifier.Parse(c.r)
	if err != nil {
		c.detectUnsigned(err)
		if c.takesNoSignature(err) {
			return nil
		}
		return err
	}
	c.sig = sig
	if !c.streams() {
		if err := c.readBody(); err != nil {
			c.target, _ = wire.Detect(c.routed(), sig.Service, nil)
			return err
		}
	}
	c.target, err = wire.Detect(c.routed(), sig.Service, c.body)
	if err != nil {
		// Nobody learns what exists before they have said who they are.
		if authErr := c.authenticate(); authErr != nil {
			return authErr
		}
		return err
	}
	if c.target.Service != nil && c.target.Operation != nil {
		c.op = c.g.opts.Services[c.target.Service.Name][c.target.Operation.Name]
		c.takesNoSignature(nil)
	}
	return nil
}

// detectUnsigned finds the protocol to refuse a request in.
func (c *call) detectUnsigned(err error) {
	name := ""
	if e, ok := errors.AsType[*sigv4.Error](err); ok && e.Claimed != nil {
		name = e.Claimed.Service
	}
	if c.readBody() != nil {
		c.body = nil
	}
	c.target, _ = wire.Detect(c.routed(), name, c.body)
}

// streams reports whether the body is left unread: S3's can be of any size.
func (c *call) streams() bool { return c.sig.Service == "s3" }

// decode reads and validates the operation's input.
func (c *call) decode() error {
	if c.op == nil || c.op.New == nil {
		doc := wire.Document{}
		c.in = &doc
		if c.target.Operation == nil || c.streams() {
			return nil
		}
		_, err := c.target.Decode(c.r, c.body, c.in)
		return err
	}
	c.in = c.op.New()
	presence, err := c.target.Decode(c.r, c.body, c.in)
	if err != nil {
		return err
	}
	err = wire.Validate(c.target.Operation, c.in, presence)
	if err != nil && c.op.Invalid != nil {
		return c.op.Invalid(err)
	}
	return err
}

// perform carries the operation out, or says that it isn't available here.
func (c *call) perform(ctx context.Context) (any, error) {
	if c.dryRun() {
		return nil, errDryRun
	}
	if c.op == nil {
		return nil, c.unavailable()
	}
	c.caller.Decide = c.decide
	if c.g.opts.Trail != nil {
		c.caller.Remember = c.rememberWithChange
	}
	return c.op.Call(ctx, &c.caller, c.in)
}

// decide authenticates and authorises the request again, on another state. The
// signature stays verified: a key's secret never changes.
func (c *call) decide(s *directory.Snapshot) error {
	c.caller.Snapshot = s
	if _, err := c.secret(); err != nil {
		return err
	}
	c.keys.Reset()
	c.resource, c.tagged, c.more, c.noted = false, false, nil, noted{}
	return c.authorize()
}

// refused puts an error into the client's protocol. What no one is meant to see
// is logged, and answered as the internal failure that it is.
func (c *call) refused(o *outcome, err error) wire.Response {
	c.fields = c.fields[:0] // of an error that this one stands in place of
	e := c.awsError(err)
	o.err = e
	if e.Reason != "" {
		c.field("Reason", e.Reason)
	}
	if e.Code == awsapi.InternalFailure && c.r.Context().Err() == nil {
		c.g.opts.Log.Error("request failed", "request", c.id, "service", c.serviceName(), "operation", c.target.Name, "error", err)
	}
	res := c.target.EncodeError(nil, c.id, e, c.fields...)
	if status := statuses[e.Code]; status != 0 {
		res.Status = status
	}
	return res
}

// remember notes what was answered.
func (c *call) remember(status int) {
	if c.g.opts.Observe != nil {
		o := Observation{Status: status, Duration: c.g.opts.Now().Sub(c.now)}
		if c.target.Operation != nil {
			o.Service, o.Operation = c.target.Service.Name, c.target.Operation.Name
		}
		c.g.opts.Observe(o)
	}
	if log := c.g.opts.Log; log.Enabled(context.Background(), slog.LevelDebug) {
		key := ""
		if c.sig != nil {
			key = c.sig.KeyID
		}
		log.Debug("request", "request", c.id, "from", c.r.RemoteAddr, "service", c.serviceName(), "operation", c.target.Name,
			"key", key, "status", status, "duration", c.g.opts.Now().Sub(c.now))
	}
}

func (c *call) serviceName() string {
	if c.sig != nil {
		return c.sig.Service
	}
	return ""
}
