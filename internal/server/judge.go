package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/arn"
	"github.com/sallyport-iam/sallyport/internal/directory"
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
	j := judgement{snap: snap, principal: p, action: q.Action, keys: q.Context, at: s.cfg.Now()}
	e := policy.Explain(j.on(q.Resource))
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
	if e.Own.Explanation != "" {
		b.WriteString(e.Own.Explanation)
	}
	j, err := judgementOf(s.data.dir.Snapshot(), &e)
	if err != nil {
		fmt.Fprintf(&b, "Now: can't be decided: %v\n", err)
	} else {
		for _, resource := range e.Own.Targets {
			x := policy.Explain(j.on(resource))
			a.Now = append(a.Now, x)
			fmt.Fprintf(&b, "Now: %s\n", strings.TrimRight(x.String(), "\n"))
		}
	}
	a.Text = b.String()
	return a, nil
}

// judgement is a request that is decided outside of the gate.
type judgement struct {
	snap      *directory.Snapshot
	principal *directory.Principal
	action    string
	keys      map[string][]string
	at        time.Time
}

var errUndecidable = errors.New("there is nothing to decide by policies")

// judgementOf makes the request of an event anew, as far as the event tells: by
// the policies of now, without session policies and the keys of the action.
func judgementOf(snap *directory.Snapshot, e *trail.Event) (*judgement, error) {
	if e.Own.Action == "" || len(e.Own.Targets) == 0 {
		return nil, errUndecidable
	}
	if e.UserIdentity.Type == trail.IdentityFederatedUser {
		return nil, errors.New("the policies of a federated user's session are not known any more")
	}
	p, err := principalByARN(snap, e.UserIdentity.ARN)
	if err != nil {
		return nil, err
	}
	j := &judgement{snap: snap, principal: p, action: e.Own.Action, at: e.EventTime, keys: map[string][]string{
		"aws:SourceIp": {e.SourceIPAddress}, "aws:UserAgent": {e.UserAgent}, "aws:RequestedRegion": {e.AWSRegion},
		"aws:SecureTransport": {fmt.Sprint(e.TLS != nil)},
	}}
	if s := e.UserIdentity.SessionContext; s != nil {
		j.keys["aws:MultiFactorAuthPresent"] = []string{s.Attributes.MFAAuthenticated}
		if s.SourceIdentity != "" {
			j.keys["aws:SourceIdentity"] = []string{s.SourceIdentity}
		}
	}
	return j, nil
}

// on is the request for a resource, and the policies that take part.
func (j *judgement) on(resource string) (*policy.Request, *policy.Policies) {
	p := j.principal
	keys := new(policy.Context)
	keys.Set("aws:PrincipalArn", p.EntityARN())
	keys.Set("aws:PrincipalAccount", p.Account())
	keys.Set("aws:userid", p.ID())
	keys.Set("aws:PrincipalType", p.Type())
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
	in := j.snap.PoliciesFor(p)
	if c := j.snap.Controls(p.Account()); c != nil {
		in.SCPs = c.SCPs
	}
	req := &policy.Request{Action: j.action, Resource: resource, Principal: p.AsPolicy(), Context: keys}
	if a, err := arn.Parse(resource); err == nil && a.Account != "" {
		req.ResourceAccount = a.Account
		keys.Set("aws:ResourceAccount", a.Account)
	}
	if r, err := j.snap.RoleByARN(resource); err == nil {
		for _, t := range r.Tags {
			keys.SetTag("aws:ResourceTag", t.Key, t.Value)
			keys.SetTag("iam:ResourceTag", t.Key, t.Value)
		}
		if strings.HasPrefix(j.action, "sts:") {
			in.Resource = r.TrustPolicy()
		}
	}
	return req, &in
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
