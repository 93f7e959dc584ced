package gate

import (
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/internal/wire"
	"github.com/sallyport-iam/sallyport/policy"
)

// Limits of what an event holds, in bytes.
const (
	maxEventText  = 1 << 10 // of the user agent, and of the operation's name
	maxEventValue = 8 << 10 // of a text in the parameters: a policy document is shorter
	maxExplained  = 4 << 10 // of the explanation of a denial
)

var errUnrecorded = errors.New("the trail can't be written")

// outcome is how a call ended.
type outcome struct {
	out any
	err *awsapi.Error // as the client is told, nil for success
}

// changes reports whether the call may have changed something, and succeeded:
// then its event must be on the disk before the answer leaves.
func (c *call) changes(o *outcome) bool { return o.err == nil && !c.readOnly() }

// readOnly reports whether the operation changes nothing. Temporary credentials
// are not stored, so making them changes nothing: CloudTrail says the same of
// STS. What isn't known is taken for a change.
func (c *call) readOnly() bool {
	op := c.target.Operation
	if op == nil {
		return false
	}
	if op.ReadOnly || op.Service.Name == "sts" {
		return true
	}
	if op.Action != nil && op.Action.Access != "" {
		return op.Action.Access == "Read" || op.Action.Access == "List"
	}
	for _, verb := range []string{"Get", "List", "Describe", "Head", "Lookup"} {
		if strings.HasPrefix(op.Name, verb) {
			return true
		}
	}
	return false
}

// record leaves the call's event in the trail. What it returns is why the
// answer may not leave.
//
// A change has stored its event together with itself, so that the event is on
// the disk; it goes into the trail with those that nobody waits for. What
// changed without a transaction waits for the trail.
func (c *call) record(o *outcome) error {
	log := c.g.opts.Trail
	if log == nil || c.asks && o.err == nil {
		return nil
	}
	c.setEventID()
	entry := c.entry(o)
	entry.Texts = c.noted.texts
	if c.caller.Revision == 0 && c.changes(o) {
		return log.Append(c.r.Context(), entry)
	}
	err := log.Note(entry)
	if err != nil && len(entry.Texts) > 0 {
		c.g.kept.forget()
	}
	if c.caller.Revision != 0 {
		c.g.opts.Remembered(c.eventID, err)
		return nil // the event is with the change, and finds its way from there
	}
	if err == nil && c.memory.event.SharedEventID != "" {
		err = log.Note(c.sharedEntry())
	}
	return err
}

// eventMemory is what an event is made in. It goes from call to call.
type eventMemory struct {
	event  trail.Event
	record []byte
	values []byte // its parameters
	keys   []trail.Key
	names  []trail.Name
	acted  []trail.ARNResource
}

// eventMemories are those of calls that are over.
var eventMemories = sync.Pool{New: func() any { return new(eventMemory) }}

// entry is the call's event for the trail, which copies it: its memory is the
// next call's when this one is released.
func (c *call) entry(o *outcome) trail.Entry { return c.encoded(c.event(o)) }

func (c *call) encoded(e *trail.Event) trail.Entry {
	m := c.memory
	m.record, m.keys = e.AppendJSON(m.record[:0]), e.AppendKeys(m.keys[:0])
	return trail.Entry{Account: e.RecipientAccountID, Time: e.EventTime, Record: m.record, Keys: m.keys}
}

// releaseEvent gives the memory of the call's event to the next one.
func (c *call) releaseEvent() {
	m := c.memory
	if m == nil || cap(m.record) > keptBuffer || cap(m.values) > keptBuffer {
		return
	}
	clear(m.keys[:cap(m.keys)])
	clear(m.names[:cap(m.names)])
	clear(m.acted[:cap(m.acted)])
	m.event = trail.Event{}
	eventMemories.Put(m)
}

// setEventID gives the call's event its id.
func (c *call) setEventID() {
	if c.eventID == "" {
		c.eventID = seal.TimeUUID(c.g.opts.Rand, c.now)
	}
}

// rememberWithChange is the event as it is stored with a change: complete but
// for what the answer says.
func (c *call) rememberWithChange() (id string, event []byte) {
	c.setEventID()
	return c.eventID, c.event(&outcome{}).AppendJSON(nil)
}

// unrecorded says why a call can't be carried out: what would not be remembered
// must not happen. Reading may, unless the configuration says otherwise.
func (c *call) unrecorded() error {
	log := c.g.opts.Trail
	if log == nil || log.Refuses() == nil || c.readOnly() && !c.g.opts.RecordAll {
		return nil
	}
	return errUnrecorded
}

// event is what the trail remembers of the call. It is good until the next.
func (c *call) event(o *outcome) *trail.Event {
	if c.memory == nil {
		c.memory = eventMemories.Get().(*eventMemory)
	}
	e := &c.memory.event
	*e = trail.Event{
		EventVersion: trail.Version, EventTime: c.now.UTC(), EventSource: c.eventSource(), EventName: c.eventName(),
		SourceIPAddress: sourceIP(c.r), UserAgent: shortened(c.r.UserAgent()),
		RequestID: c.id, EventID: c.eventID, ReadOnly: c.readOnly(),
		EventType: trail.TypeAPICall, ManagementEvent: true, EventCategory: trail.CategoryAPI,
	}
	if e.AWSRegion = unsignedRegion; c.sig != nil {
		e.AWSRegion = c.regionOf()
	}
	e.UserIdentity = c.identity()
	e.FromConsole = c.caller.Session != nil && c.caller.Session.Kind == directory.ConsoleSession
	if o.err != nil {
		e.ErrorCode, e.ErrorMessage = c.eventCode(o.err), o.err.Message
	}
	c.addParameters(e, o)
	if c.target.Service != nil && c.target.Service.Name == "sts" {
		c.memory.acted = acted(c.memory.acted[:0], e.Own.Named)
		e.Resources = c.memory.acted
	}
	e.RecipientAccountID = c.recipient(e)
	if o.err == nil && c.other(e) != "" {
		e.SharedEventID = seal.TimeUUID(c.g.opts.Rand, c.now)
	}
	if c.r.TLS != nil {
		e.TLS = tlsDetails(c.r)
	}
	c.addOwn(e, o)
	setData(e)
	return e
}

// recipient is the account in whose trail the event stands: the caller's, of who
// has none that of the role that they ask for, and else the deployment's first.
func (c *call) recipient(e *trail.Event) string {
	if p := &c.caller.Principal; p.Known() && p.External == nil || e.UserIdentity.Type == trail.IdentityUnknown && e.UserIdentity.AccountID != "" {
		return e.UserIdentity.AccountID
	}
	snap := c.g.opts.Directory.Snapshot()
	for _, r := range e.Resources {
		if a, err := snap.Account(r.AccountID); err == nil && a != nil {
			return r.AccountID
		}
	}
	return snap.FirstAccount()
}

// other is the account of the role that was assumed where it isn't the caller's:
// it gets an event of its own. Empty where there is none.
func (c *call) other(e *trail.Event) string {
	if len(e.Resources) == 0 || e.Resources[0].AccountID == e.RecipientAccountID {
		return ""
	}
	account := e.Resources[0].AccountID
	if a, err := c.g.opts.Directory.Snapshot().Account(account); err != nil || a == nil {
		return ""
	}
	return account
}

// sharedEntry is the event for that account. It tells whose account the caller
// is of, and nothing of why it was allowed there.
func (c *call) sharedEntry() trail.Entry {
	e := &c.memory.event
	e.RecipientAccountID = c.other(e)
	e.EventID = seal.TimeUUID(c.g.opts.Rand, c.now)
	e.UserIdentity = trail.Identity{Type: trail.IdentityAccount, PrincipalID: e.UserIdentity.PrincipalID, AccountID: e.UserIdentity.AccountID}
	e.Own = trail.Own{Micros: e.Own.Micros, Named: e.Own.Named}
	return c.encoded(e)
}

// shortened is a text of the client's, cut, and without what is no text.
func shortened(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxEventText)], "") }

func (c *call) eventSource() string {
	name := "unknown"
	switch {
	case c.target.Service != nil && c.target.Service.EndpointName != "":
		name = c.target.Service.EndpointName
	case c.sig != nil:
		name = shortened(c.sig.Service)
	}
	return name + ".amazonaws.com"
}

func (c *call) eventName() string {
	if c.target.Name != "" {
		return shortened(c.target.Name)
	}
	return "Unknown"
}

// eventCode is the error's name in the model, which is what CloudTrail records:
// NoSuchEntityException of IAM's NoSuchEntity.
func (c *call) eventCode(e *awsapi.Error) string {
	if op := c.target.Operation; op != nil {
		for _, shape := range op.Errors {
			if shape.Code == string(e.Code) {
				return shape.Name
			}
		}
	}
	return string(e.Code)
}

// identity is who called. Of credentials that were not proven only the key's id
// is told, which says whose account it is.
func (c *call) identity() trail.Identity {
	id := trail.Identity{Type: trail.IdentityUnknown}
	if c.sig != nil {
		id.AccessKeyID = shortened(c.sig.KeyID)
	}
	p := &c.caller.Principal
	if !p.Known() && c.sig == nil {
		return trail.Identity{Type: trail.IdentityAccount, AccountID: trail.Anonymous}
	}
	if !p.Known() {
		snap := c.g.opts.Directory.Snapshot()
		if account, ok := snap.AccountInKey(id.AccessKeyID); ok {
			if a, err := snap.Account(account); err == nil && a != nil {
				id.AccountID = account
			}
		}
		return id
	}
	id.PrincipalID, id.ARN, id.AccountID = p.ID(), p.ARN(), p.Account()
	switch {
	case p.External != nil:
		id.Type, id.UserName, id.IdentityProvider = trail.IdentityWebIdentity, p.External.Subject, p.External.Provider
		if p.External.Type == policy.SAML {
			id.Type = trail.IdentitySAML
		}
	case p.Role != nil:
		id.Type = trail.IdentityAssumedRole
	case p.Federated != nil:
		id.Type = trail.IdentityFederatedUser
	case p.Root():
		id.Type = trail.IdentityRoot
	default:
		id.Type, id.UserName = trail.IdentityUser, p.User.Name
	}
	if p.Session != nil {
		id.SessionContext = sessionContext(p)
	}
	return id
}

func sessionContext(p *directory.Principal) *trail.SessionContext {
	s := p.Session
	c := &trail.SessionContext{SourceIdentity: s.SourceIdentity, AssumedRoot: assumedRoot(s)}
	c.Attributes.CreationDate, c.Attributes.MFAAuthenticated = s.Issued, "false"
	if !s.MFA.IsZero() {
		c.Attributes.MFAAuthenticated = "true"
	}
	switch {
	case p.Role != nil:
		c.SessionIssuer = &trail.Issuer{Type: "Role", PrincipalID: p.Role.ID, ARN: p.Role.ARN(), AccountID: p.Account(), UserName: p.Role.Name}
	case p.Federated != nil:
		c.SessionIssuer = &trail.Issuer{Type: "IAMUser", PrincipalID: p.Federated.ID, ARN: p.Federated.ARN(), AccountID: p.Account(), UserName: p.Federated.Name}
	}
	if provider := s.Keys["aws:FederatedProvider"]; len(provider) > 0 {
		c.WebIDFederationData = &trail.WebIDFederation{FederatedProvider: provider[0]}
	}
	return c
}

// addParameters adds the input, and of what was changed or made the output.
func (c *call) addParameters(e *trail.Event, o *outcome) {
	op := c.target.Operation
	if op == nil {
		return
	}
	m := c.memory
	m.values = m.values[:0]
	if op.Input != nil && c.in != nil {
		e.RequestParameters = m.value(op.Input, c.in, false)
	}
	if o.err == nil && !reads(op) && op.Output != nil && o.out != nil {
		e.ResponseElements = m.value(op.Output, o.out, true)
	}
	m.names = appendNames(m.names[:0], c.in)
	if o.err == nil {
		m.names = appendNames(m.names, o.out)
	}
	e.Own.Named = m.names
}

// reads reports whether the answer is nothing but what was asked for: it isn't
// recorded. Credentials are made.
func reads(op *awsapi.Operation) bool {
	if op.Action == nil || op.Action.Access != "Read" && op.Action.Access != "List" {
		return false
	}
	if op.Output == nil {
		return true
	}
	made, _ := op.Output.MemberNamed("Credentials")
	return made == nil
}

// value is an input or an output as the event has it, nil where it is empty.
func (m *eventMemory) value(shape *awsapi.Shape, v any, answer bool) []byte {
	start := len(m.values)
	b, err := wire.Record(m.values, shape, v, answer, maxEventValue)
	if err != nil || len(b) <= start+len("{}") {
		return nil
	}
	m.values = b
	return slices.Clip(b[start:])
}

// addOwn adds what CloudTrail has no place for: the decision and how long it took.
func (c *call) addOwn(e *trail.Event, o *outcome) {
	e.Own.Micros = c.g.opts.Now().Sub(c.now).Microseconds()
	if c.caller.Snapshot != nil {
		e.Own.Revision = uint64(c.caller.Snapshot.Rev)
	}
	c.addDecision(&e.Own)
}

// reason says in a line which policy decided.
func reason(r *policy.Result) string {
	s := r.Decision.String()
	if r.Policy == nil {
		return s
	}
	name := r.Policy.Source().ARN
	if name == "" {
		name = r.Policy.Source().Name
	}
	return s + " by statement " + strconv.Itoa(r.Statement) + " of " + name
}

// tlsDetails are those of the request's connection.
func tlsDetails(r *http.Request) *trail.TLS {
	if r.TLS.Version == 0 { // it ended at a proxy
		return &trail.TLS{HostHeader: r.Host}
	}
	version := map[uint16]string{tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3"}[r.TLS.Version]
	return &trail.TLS{Version: version, CipherSuite: tls.CipherSuiteName(r.TLS.CipherSuite), HostHeader: r.Host}
}
