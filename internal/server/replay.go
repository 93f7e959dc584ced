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
		if g := changes.compare(j, &e); g != nil {
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

// compare decides an event before and after the changes; nil where that is the same.
func (cs changes) compare(j *judgement, e *trail.Event) *ReplayGroup {
	before, after := true, true
	reason, on := "", ""
	for _, resource := range e.Own.Targets {
		req, in := j.on(resource)
		b := policy.Evaluate(req, in)
		a := policy.Evaluate(req, cs.apply(j, *in))
		if allowed := a.Allowed() && !cs.deactivates(e.UserIdentity.AccessKeyID); !allowed || on == "" {
			on, reason = resource, a.Message(req)
			if allowed {
				reason = "allowed"
			} else if a.Allowed() {
				reason = "the access key is inactive"
			}
			after = after && allowed
		}
		before = before && b.Allowed()
	}
	if before == after {
		return nil
	}
	g := &ReplayGroup{Outcome: "gained", Principal: j.principal.EntityARN(), Action: j.action, Resource: on, EventID: e.EventID, Reason: reason}
	if before {
		g.Outcome = "lost"
	}
	return g
}

func (cs changes) deactivates(key string) bool {
	return slices.ContainsFunc(cs, func(c change) bool { return c.Do == "deactivate" && c.Key == key })
}

// apply gives the policies as they would be after the changes.
func (cs changes) apply(j *judgement, in policy.Policies) *policy.Policies {
	identity := slices.Clone(in.Identity.Policies())
	for _, c := range cs {
		mine := c.Principal == j.principal.EntityARN() || j.inGroup(c.Principal)
		is := func(p *policy.Policy) bool {
			return c.Policy != "" && (p.Source().ARN == c.Policy || p.Source().ARN == "" && p.Source().Name == c.Policy)
		}
		switch {
		case c.Do == "attach" && mine:
			identity = append(identity, c.policy)
		case c.Do == "detach" && mine:
			identity = slices.DeleteFunc(identity, is)
		case c.Do == "version":
			for i, p := range identity {
				if is(p) {
					identity[i] = c.policy
				}
			}
			if in.Boundary != nil && is(in.Boundary) {
				in.Boundary = c.policy
			}
		case c.Do == "boundary" && mine:
			in.Boundary = c.policy
		case c.Do == "scp" && c.Account == j.principal.Account():
			in.SCPs = append(slices.Clone(in.SCPs), policy.NewSet(c.policy, allowRest))
		}
	}
	in.Identity = policy.NewSet(identity...)
	return &in
}

// allowRest stands beside a service control policy that is tried out, as
// FullAWSAccess stands beside those that only deny.
var allowRest = policy.Load(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, policy.SCP)

// inGroup reports whether the principal is a user in the group of that ARN.
func (j *judgement) inGroup(groupARN string) bool {
	u := j.principal.User
	if u == nil {
		return false
	}
	for _, id := range u.Groups {
		if g, err := j.snap.GroupByID(u.Account(), id); err == nil && g.ARN() == groupARN {
			return true
		}
	}
	return false
}
