package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/policy"
)

// PolicyChange is a change that Replay tries out.
type PolicyChange struct {
	// Do is attach, detach, version, boundary, scp or deactivate.
	Do string `json:"do"`
	// Principal is the ARN of a user, group or role: for attach, detach and boundary.
	Principal string `json:"principal,omitempty"`
	// Policy is the ARN of a managed policy, or for detach the name of an inline one.
	Policy string `json:"policy,omitempty"`
	// Document is the text of the policy, for attach, boundary and scp in place
	// of Policy, and for version.
	Document json.RawMessage `json:"document,omitempty"`
	Account  string          `json:"account,omitempty"` // for scp
	Key      string          `json:"key,omitempty"`     // access key id, for deactivate
}

// Replay asks what the changes would have meant for the events since a time.
type Replay struct {
	Changes []PolicyChange `json:"changes"`
	Since   time.Time      `json:"since,omitzero"`
	Account string         `json:"account,omitempty"`
}

// Replayed is what they would have meant.
type Replayed struct {
	Events  int           `json:"events"`  // that were decided anew
	Skipped int           `json:"skipped"` // whose principal is gone, or which no policy decides
	Since   int           `json:"since"`   // that the policies of now decide otherwise than those of then
	Groups  []ReplayGroup `json:"groups"`
}

// ReplayGroup are events of one principal and action with one outcome.
type ReplayGroup struct {
	Outcome   string `json:"outcome"` // lost or gained
	Principal string `json:"principal"`
	Action    string `json:"action"`
	Count     int    `json:"count"`
	Resource  string `json:"resource"` // of the newest
	EventID   string `json:"eventId"`  // of the newest
	Reason    string `json:"reason"`   // of the decision after the change
}

// ReplayTrail asks the server that runs on the data folder.
func ReplayTrail(ctx context.Context, data string, r Replay) (out Replayed, err error) {
	err = askTrail(ctx, data, "/trail/replay", r, func(b []byte) error { return json.Unmarshal(b, &out) })
	if errors.Is(err, errNotRunning) {
		err = fmt.Errorf("no server runs on the data folder %s: start it to replay events against its policies", data)
	}
	return out, err
}

func (s *Server) replay(ctx context.Context, r Replay, part func([]byte) error) error {
	snap := s.data.dir.Snapshot()
	changes, err := readChanges(snap, r.Changes)
	if err != nil {
		return err
	}
	out := Replayed{Groups: []ReplayGroup{}}
	groups := map[[3]string]*ReplayGroup{}
	err = s.trail.log.Search(ctx, trail.Filter{Account: r.Account, Since: r.Since}, func(record []byte) error {
		var e trail.Event
		if err := json.Unmarshal(record, &e); err != nil {
			return err
		}
		j, err := judgementOf(snap, &e)
		if err != nil {
			out.Skipped++
			return nil
		}
		out.Events++
		before, g := changes.compare(j, &e)
		if before != (e.Own.Decision == "Allow") {
			out.Since++
		}
		if g != nil {
			key := [3]string{g.Outcome, g.Principal, g.Action}
			if groups[key] == nil {
				groups[key] = g
			}
			groups[key].Count++
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, *g)
	}
	slices.SortFunc(out.Groups, func(a, b ReplayGroup) int {
		return cmp.Or(-cmp.Compare(a.Outcome, b.Outcome), -cmp.Compare(a.Count, b.Count), cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Action, b.Action))
	})
	return marshalled(part, out)
}

// changes are PolicyChanges, compiled.
type changes []change

type change struct {
	PolicyChange
	policy *policy.Policy
}

var changeKinds = map[string]policy.Kind{
	"attach": policy.Managed, "version": policy.Managed, "boundary": policy.Boundary, "scp": policy.SCP, "detach": policy.Managed, "deactivate": policy.Managed,
}

func readChanges(snap *directory.Snapshot, all []PolicyChange) (changes, error) {
	var out changes
	for i, c := range all {
		kind, ok := changeKinds[c.Do]
		if !ok {
			return nil, fmt.Errorf("change %d: do is %q, not attach, detach, version, boundary, scp or deactivate", i+1, c.Do)
		}
		p, err := changedPolicy(snap, c, kind)
		if err != nil {
			return nil, fmt.Errorf("change %d: %w", i+1, err)
		}
		out = append(out, change{c, p})
	}
	return out, nil
}

// changedPolicy is the policy that a change is about, nil where it needs none.
func changedPolicy(snap *directory.Snapshot, c PolicyChange, kind policy.Kind) (*policy.Policy, error) {
	text := string(c.Document)
	if len(text) > 0 && text[0] == '"' {
		if err := json.Unmarshal(c.Document, &text); err != nil {
			return nil, err
		}
	}
	needed := c.Do == "attach" || c.Do == "version" || c.Do == "scp"
	if text == "" && c.Policy != "" && c.Do != "detach" && c.Do != "version" {
		p, err := principalAccount(snap, c)
		if err != nil {
			return nil, err
		}
		m, err := snap.Policy(p, c.Policy)
		if err != nil {
			return nil, err
		}
		if text, err = snap.PolicyDocument(m, m.Default); err != nil {
			return nil, err
		}
	}
	if text == "" {
		if needed {
			return nil, errors.New("a policy or a document is needed")
		}
		return nil, nil
	}
	p, err := policy.Parse(text, kind)
	if err != nil {
		return nil, err
	}
	return p.Named(policy.Source{ARN: c.Policy, Name: cmp.Or(c.Policy, "the change's document")}), nil
}

func principalAccount(snap *directory.Snapshot, c PolicyChange) (string, error) {
	if c.Account != "" {
		return c.Account, nil
	}
	p, err := principalByARN(snap, c.Principal)
	if err != nil {
		return "", err
	}
	return p.Account(), nil
}

// compare decides an event before and after the changes; g is nil where that is
// the same.
func (cs changes) compare(j *judgement, e *trail.Event) (before bool, g *ReplayGroup) {
	before, after := true, true
	g = &ReplayGroup{Principal: j.principal.EntityARN(), EventID: e.EventID, Reason: "allowed"}
	j.each(func(a *asked, resource string) {
		req, in := j.on(a, resource)
		if g.Resource == "" {
			g.Action, g.Resource = a.action, resource
		}
		before = before && isAllowed(req, in)
		now := policy.Evaluate(req, cs.apply(j, *in))
		if after && !now.Allowed() {
			g.Action, g.Resource, g.Reason = a.action, resource, now.Message(req)
		}
		after = after && now.Allowed()
	})
	if after && cs.deactivates(e.UserIdentity.AccessKeyID) {
		after, g.Reason = false, "the access key is inactive"
	}
	if before == after {
		return before, nil
	}
	if g.Outcome = "gained"; before {
		g.Outcome = "lost"
	}
	return before, g
}

func (cs changes) deactivates(key string) bool {
	return slices.ContainsFunc(cs, func(c change) bool { return c.Do == "deactivate" && c.Key == key })
}

func isAllowed(req *policy.Request, in *policy.Policies) bool {
	res := policy.Evaluate(req, in)
	return res.Allowed()
}

// is reports whether a policy is the one that a change names.
func (c *change) is(p *policy.Policy) bool {
	return c.Policy != "" && (p.Source().ARN == c.Policy || p.Source().ARN == "" && p.Source().Name == c.Policy)
}

// apply gives the policies as they would be after the changes.
func (cs changes) apply(j *judgement, in policy.Policies) *policy.Policies {
	held := j.holders(in.Identity.Policies())
	for i := range cs {
		c := &cs[i]
		mine := c.Principal == j.principal.EntityARN()
		switch h := holderOf(held, c.Principal); {
		case c.Do == "attach" && h != nil:
			h.policies = append(h.policies, c.policy)
		case c.Do == "detach" && h != nil:
			h.policies = slices.DeleteFunc(h.policies, c.is)
		case c.Do == "version":
			c.replace(held, &in)
		case c.Do == "boundary" && mine:
			in.Boundary = c.policy
		case c.Do == "scp" && c.Account == j.principal.Account():
			in.SCPs = append(slices.Clone(in.SCPs), policy.NewSet(c.policy, allowRest))
		}
	}
	var identity []*policy.Policy
	for _, h := range held {
		identity = append(identity, h.policies...)
	}
	in.Identity = policy.NewSet(identity...)
	return &in
}

// replace puts the new version in the place of the policy, wherever it is in play.
func (c *change) replace(held []*held, in *policy.Policies) {
	for _, h := range held {
		c.replaceIn(h.policies)
	}
	if in.Boundary != nil && c.is(in.Boundary) {
		in.Boundary = c.policy
	}
	if in.Session != nil {
		session := slices.Clone(in.Session.Policies())
		c.replaceIn(session)
		in.Session = policy.NewSet(session...)
	}
}

func (c *change) replaceIn(policies []*policy.Policy) {
	for i, p := range policies {
		if c.is(p) {
			policies[i] = c.policy
		}
	}
}

// held are policies that the principal has of its own, or by a group.
type held struct {
	by       string // ARN of the user, role or group
	policies []*policy.Policy
}

func holderOf(all []*held, by string) *held {
	for _, h := range all {
		if h.by == by {
			return h
		}
	}
	return nil
}

// holders tells apart whose the principal's policies are: they come in the order
// of its own, those of its groups, and others.
func (j *judgement) holders(all []*policy.Policy) []*held {
	var out []*held
	take := func(by string, n int) {
		n = min(n, len(all))
		out = append(out, &held{by, slices.Clone(all[:n])})
		all = all[n:]
	}
	count := func(p *directory.Policies) int { return len(p.Inline) + len(p.Attached) }
	p := j.principal
	switch u := cmp.Or(p.User, p.Federated); {
	case p.Role != nil:
		take(p.EntityARN(), count(&p.Role.Policies))
	case u != nil && !u.Root():
		take(u.ARN(), count(&u.Policies))
		for _, id := range u.Groups {
			if g, err := j.snap.GroupByID(u.Account(), id); err == nil {
				take(g.ARN(), count(&g.Policies))
			} else {
				take("", 1) // one that denies all stands for them
			}
		}
	default:
		take(p.EntityARN(), 0)
	}
	take("", len(all))
	return out
}

// allowRest stands beside a service control policy that is tried out, as
// FullAWSAccess stands beside those that only deny.
var allowRest = policy.Load(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, policy.SCP)
