package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/arn"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/gate"
	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/policy"
)

// Question asks why a request would be allowed or denied: that of an event or
// of an encoded authorization message, or one by a principal.
type Question struct {
	ID        string `json:"id,omitempty"`      // of an event or a request
	Message   string `json:"message,omitempty"` // an encoded authorization message
	Principal string `json:"principal,omitempty"`
	Action    string `json:"action,omitempty"`
	Resource  string `json:"resource,omitempty"` // empty means *
	// Context are condition keys besides those of the principal and the time.
	Context map[string][]string `json:"context,omitempty"`
}

// Answer is why. Event is the record of what was asked about, where there is one.
type Answer struct {
	Event json.RawMessage `json:"event,omitempty"`
	// Details are those that an encoded message holds: with the policies as they
	// were then.
	Details json.RawMessage `json:"details,omitempty"`
	// Then are the decisions of an event by the policies as they were.
	Then []policy.Explanation `json:"then,omitempty"`
	// Now are the decisions by the policies as they are now, one for each resource.
	Now []policy.Explanation `json:"now,omitempty"`
	// Text is the whole for a person to read.
	Text string `json:"text"`
}

// Explain answers a question by the server that runs on the data folder.
func Explain(ctx context.Context, data string, q Question) (a Answer, err error) {
	err = askTrail(ctx, data, "/explain", q, func(b []byte) error { return json.Unmarshal(b, &a) })
	if errors.Is(err, errNotRunning) {
		err = fmt.Errorf("no server runs on the data folder %s: start it to explain what its policies say", data)
	}
	return a, err
}

func (s *Server) explain(ctx context.Context, q Question, part func([]byte) error) error {
	var a Answer
	var err error
	switch {
	case q.ID != "":
		a, err = s.explainEvent(ctx, q.ID)
	case q.Message != "":
		a, err = s.explainMessage(q.Message)
	default:
		a, err = s.explainNow(q)
	}
	if err != nil {
		return err
	}
	return marshalled(part, a)
}

func (s *Server) explainMessage(message string) (Answer, error) {
	_, details, err := s.data.dir.OpenDenial(strings.TrimSpace(message))
	if err != nil {
		return Answer{}, errors.New("the message was not encoded here, or is not whole")
	}
	var d struct {
		Explanation policy.Explanation `json:"explanation"`
	}
	if err := json.Unmarshal([]byte(details), &d); err != nil {
		return Answer{}, fmt.Errorf("what the message holds can't be read: %w", err)
	}
	return Answer{Details: json.RawMessage(details), Text: d.Explanation.String()}, nil
}

func (s *Server) explainNow(q Question) (Answer, error) {
	snap := s.data.dir.Snapshot()
	p, err := principalByARN(snap, q.Principal)
	if err != nil {
		return Answer{}, err
	}
	if q.Resource == "" {
		q.Resource = "*"
	}
	j := judgement{snap: snap, principal: p, keys: q.Context, at: s.cfg.Now()}
	e := policy.Explain(j.on(&asked{action: q.Action}, q.Resource))
	return Answer{Now: []policy.Explanation{e}, Text: e.String()}, nil
}

// explainEvent tells what was decided then, and what would be now.
func (s *Server) explainEvent(ctx context.Context, id string) (a Answer, err error) {
	err = s.trail.log.Search(ctx, trail.Filter{ID: id, Max: 1}, func(record []byte) error {
		a.Event = append(json.RawMessage(nil), record...)
		return nil
	})
	if err != nil {
		return a, err
	}
	if a.Event == nil {
		return a, fmt.Errorf("there is no event or request %s in the trail", id)
	}
	var e trail.Event
	if err := json.Unmarshal(a.Event, &e); err != nil {
		return a, err
	}
	var b strings.Builder
	b.WriteString(e.Line() + "\n")
	switch {
	case e.Own.Decision != "":
		fmt.Fprintf(&b, "Then: %s: %s\n", e.Own.Decision, e.Own.Reason)
	case e.ErrorCode != "":
		fmt.Fprintf(&b, "Then: refused before anything was decided by policies: %s: %s\n", e.ErrorCode, e.ErrorMessage)
	default:
		b.WriteString("Then: the operation needs no permission\n")
	}
	j, err := judgementOf(s.data.dir.Snapshot(), &e)
	switch then, thenErr := s.then(j, &e); {
	case e.Own.Explanation != "":
		b.WriteString(e.Own.Explanation)
	case thenErr == nil:
		a.Then = then
		for _, x := range then {
			fmt.Fprintf(&b, "%s\n", strings.TrimRight(x.String(), "\n"))
		}
	case !errors.Is(thenErr, trail.ErrNotKept):
		return a, thenErr
	}
	if err != nil {
		fmt.Fprintf(&b, "Now: can't be decided: %v\n", err)
	} else {
		j.each(func(ask *asked, resource string) {
			x := policy.Explain(j.on(ask, resource))
			a.Now = append(a.Now, x)
			fmt.Fprintf(&b, "Now: %s\n", strings.TrimRight(x.String(), "\n"))
		})
	}
	a.Text = b.String()
	return a, nil
}

// then decides an event by the policies that decided it.
func (s *Server) then(j *judgement, e *trail.Event) (all []policy.Explanation, err error) {
	if j == nil || e.Own.Policies == "" {
		return nil, trail.ErrNotKept
	}
	d, err := s.trail.log.Deciding(e)
	if err != nil {
		return nil, err
	}
	r := keptReader{s.trail.log, e, nil}
	j.each(func(a *asked, resource string) {
		req, now := j.on(a, resource)
		all = append(all, policy.Explain(req, r.policies(d, now)))
	})
	return all, r.err
}

// keptReader reads the policies of an event. The first error stays.
type keptReader struct {
	log *trail.Log
	e   *trail.Event
	err error
}

// policies are those that decided. The session's own document is that of now: it
// stands in the event.
func (r *keptReader) policies(d *trail.Deciding, now *policy.Policies) *policy.Policies {
	in := &policy.Policies{Identity: r.set(d.Identity), SCPs: r.sets(d.SCPs), RCPs: r.sets(d.RCPs), Session: now.Session}
	if d.Boundary != nil {
		in.Boundary = r.policy(*d.Boundary)
	}
	if d.Resource != nil {
		in.Resource = r.policy(*d.Resource)
	}
	if len(d.Session) > 0 {
		var session []*policy.Policy
		for _, p := range now.Session.Policies() {
			if p.Source().ARN == "" {
				session = append(session, p)
			}
		}
		in.Session = policy.NewSet(append(session, r.set(d.Session).Policies()...)...)
	}
	return in
}

func (r *keptReader) sets(levels [][]trail.KeptPolicy) (sets []*policy.Set) {
	for _, l := range levels {
		sets = append(sets, r.set(l))
	}
	return sets
}

func (r *keptReader) set(kept []trail.KeptPolicy) *policy.Set {
	var all []*policy.Policy
	for _, k := range kept {
		all = append(all, r.policy(k))
	}
	return policy.NewSet(all...)
}

func (r *keptReader) policy(k trail.KeptPolicy) *policy.Policy {
	text, err := r.log.Kept(r.e.RecipientAccountID, r.e.EventTime, k.Sum)
	r.err = cmp.Or(r.err, err)
	return policy.Load(string(text), policy.Kind(k.Kind)).Named(policy.Source{Name: k.Name, ARN: k.ARN})
}

// judgement is a request that is decided outside of the gate.
type judgement struct {
	snap      *directory.Snapshot
	principal *directory.Principal
	at        time.Time
	keys      map[string][]string
	asks      []asked
	// past: the tags of resources are those that asks have, not those of now.
	past bool
}

// asked is an action that a request needs.
type asked struct {
	action  string
	targets []string
	keys    map[string]string // for this action alone
	tags    map[string]map[string]string
}

var errUndecidable = errors.New("there is nothing to decide by policies")

// judgementOf makes the request of an event anew: by the policies of now, with
// the session policies and the condition keys that it had.
func judgementOf(snap *directory.Snapshot, e *trail.Event) (*judgement, error) {
	own := &e.Own
	if own.Action == "" || len(own.Targets) == 0 {
		return nil, errUndecidable
	}
	p, err := principalOf(snap, e)
	if err != nil {
		return nil, err
	}
	j := &judgement{snap: snap, principal: p, at: e.EventTime, past: true, keys: map[string][]string{
		"aws:SourceIp": {e.SourceIPAddress}, "aws:UserAgent": {e.UserAgent}, "aws:RequestedRegion": {e.AWSRegion},
		"aws:SecureTransport": {fmt.Sprint(e.TLS != nil)},
	}}
	if s := e.UserIdentity.SessionContext; s != nil {
		j.keys["aws:MultiFactorAuthPresent"] = []string{s.Attributes.MFAAuthenticated}
		j.keys["aws:TokenIssueTime"] = []string{s.Attributes.CreationDate.UTC().Format(time.RFC3339)}
		j.keys["aws:SourceIdentity"] = []string{s.SourceIdentity}
		j.keys["aws:AssumedRoot"] = []string{s.AssumedRoot}
	}
	maps.Copy(j.keys, own.Keys)
	j.asks = append(j.asks, asked{action: own.Action, targets: own.Targets, tags: own.Tags})
	for _, f := range own.Also {
		j.asks = append(j.asks, asked{f.Action, f.Targets, f.Keys, f.Tags})
	}
	return j, nil
}

// principalOf is who made the call of an event, as they are now, in a session
// that is narrowed as the one then was.
func principalOf(snap *directory.Snapshot, e *trail.Event) (*directory.Principal, error) {
	id := &e.UserIdentity
	name := e.User()
	from := id.ARN
	switch {
	case id.Type == trail.IdentityFederatedUser && id.SessionContext != nil && id.SessionContext.SessionIssuer != nil:
		from = id.SessionContext.SessionIssuer.ARN
	case id.ARN == "":
		return nil, fmt.Errorf("a caller of type %s is not of this directory", id.Type)
	}
	p, err := principalByARN(snap, from)
	if err != nil || id.SessionContext == nil {
		return p, err
	}
	s := &directory.Session{Kind: directory.UserSession, Name: name}
	switch {
	case p.Role != nil:
		s.Kind = directory.RoleSession
	case id.Type == trail.IdentityFederatedUser:
		s.Kind, p.Federated, p.User = directory.FederatedSession, p.User, nil
	case id.SessionContext.AssumedRoot != "":
		s.Kind = directory.RootSession
	}
	if n := e.Own.Session; n != nil {
		s.Policy, s.PolicyARNs = n.Document, n.ARNs
	}
	p.Session = s
	return p, nil
}

// on is the request for a resource, and the policies that take part.
func (j *judgement) on(a *asked, resource string) (*policy.Request, *policy.Policies) {
	p := j.principal
	keys := new(policy.Context)
	keys.Set("aws:PrincipalArn", p.EntityARN())
	keys.Set("aws:PrincipalAccount", p.Account())
	keys.Set("aws:userid", p.ID())
	keys.Set("aws:PrincipalType", p.Type())
	keys.Set("aws:PrincipalIsAWSService", "false")
	keys.Set("aws:ViaAWSService", "false")
	if p.User != nil && !p.Root() {
		keys.Set("aws:username", p.User.Name)
	}
	keys.SetTime("aws:CurrentTime", j.at)
	keys.SetTime("aws:EpochTime", j.at)
	p.EachTag(func(t directory.Tag) { keys.SetTag("aws:PrincipalTag", t.Key, t.Value) })
	for name, values := range j.keys {
		switch {
		case len(values) == 1 && values[0] == "":
		case len(values) == 1 && !policy.Multivalued(name):
			keys.Set(name, values[0])
		default:
			keys.SetValues(name, values...)
		}
	}
	for name, v := range a.keys {
		keys.Set(name, v)
	}
	in := j.snap.PoliciesFor(p)
	if c := j.snap.Controls(p.Account()); c != nil {
		in.SCPs = c.SCPs
		if c.Organization != "" {
			keys.Set("aws:PrincipalOrgID", c.Organization)
			keys.SetValues("aws:PrincipalOrgPaths", c.Path)
		}
	}
	req := &policy.Request{Action: a.action, Resource: resource, Principal: p.AsPolicy(), Context: keys}
	j.setResource(a, req, &in)
	return req, &in
}

// setResource adds what belongs to the resource: its owner, its tags, its policy.
func (j *judgement) setResource(a *asked, req *policy.Request, in *policy.Policies) {
	if req.Resource == "*" {
		return
	}
	req.ResourceAccount = j.principal.Account()
	if r, err := arn.Parse(req.Resource); err == nil && len(r.Account) == len("111122223333") {
		req.ResourceAccount = r.Account
	}
	req.Context.Set("aws:ResourceAccount", req.ResourceAccount)
	if c := j.snap.Controls(req.ResourceAccount); c != nil && c.Organization != "" {
		req.Context.Set("aws:ResourceOrgID", c.Organization)
		req.Context.SetValues("aws:ResourceOrgPaths", c.Path)
	}
	in.RCPs = gate.RCPs(j.snap, a.action, req.ResourceAccount)
	for name, v := range j.tagsOf(a, req.Resource) {
		req.Context.SetTag("aws:ResourceTag", name, v)
		if strings.HasPrefix(a.action, "iam:") || strings.HasPrefix(a.action, "sts:") {
			req.Context.SetTag("iam:ResourceTag", name, v)
		}
	}
	if r, err := j.snap.RoleByARN(req.Resource); err == nil && strings.HasPrefix(a.action, "sts:") {
		in.Resource = r.TrustPolicy()
	}
}

// each calls fn for all that the request needs.
func (j *judgement) each(fn func(a *asked, resource string)) {
	for i := range j.asks {
		for _, resource := range j.asks[i].targets {
			fn(&j.asks[i], resource)
		}
	}
}

// tagsOf are the tags of a resource: as they were, or of users and roles as they are.
func (j *judgement) tagsOf(a *asked, resource string) map[string]string {
	if j.past {
		return a.tags[resource]
	}
	p, err := principalByARN(j.snap, resource)
	if err != nil || p.Root() {
		return nil
	}
	tags := map[string]string{}
	p.EachTag(func(t directory.Tag) { tags[t.Key] = t.Value })
	return tags
}

// principalByARN finds a user, a role or the root user, also by the ARN of a
// session of a role.
func principalByARN(snap *directory.Snapshot, text string) (*directory.Principal, error) {
	a, err := arn.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not the ARN of a principal", text)
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	name := rest[strings.LastIndexByte(rest, '/')+1:]
	switch {
	case a.Service == "iam" && kind == "root":
		u, err := snap.UserByID(a.Account, a.Account)
		return &directory.Principal{User: u}, err
	case a.Service == "iam" && kind == "user":
		u, err := snap.User(a.Account, name)
		return &directory.Principal{User: u}, err
	case a.Service == "iam" && kind == "role":
		r, err := snap.Role(a.Account, name)
		return &directory.Principal{Role: r, Session: &directory.Session{Kind: directory.RoleSession, Name: "explain"}}, err
	case a.Service == "sts" && kind == "assumed-role":
		name, session, _ := strings.Cut(rest, "/")
		r, err := snap.Role(a.Account, name)
		return &directory.Principal{Role: r, Session: &directory.Session{Kind: directory.RoleSession, Name: session}}, err
	}
	return nil, fmt.Errorf("%q is not the ARN of a user, role or session of a role", text)
}
