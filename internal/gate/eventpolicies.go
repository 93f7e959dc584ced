package gate

import (
	"encoding/json"
	"sync"

	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/policy"
)

// maxRemembered bounds how many combinations of policies are known to be kept.
const maxRemembered = 2000

// keptPolicies knows which policies the trail has been given of a day, so that
// each is given once.
type keptPolicies struct {
	mu    sync.RWMutex // guards the fields below
	day   int64
	names map[deciding]string
	texts map[keptText]bool
}

// deciding are policies that decide together. They are the same where their
// compiled forms are.
type deciding struct {
	account            string
	identity, session  *policy.Set
	boundary, resource *policy.Policy
	scps, rcps         **policy.Set // the first levels
}

type keptText struct{ account, sum string }

// notePolicies notes for the event which policies take part.
func (c *call) notePolicies(in *policy.Policies) {
	d := deciding{account: c.caller.Account(), identity: in.Identity, boundary: in.Boundary, resource: in.Resource}
	if c.caller.External != nil {
		return
	}
	if s := c.caller.Session; s != nil && len(s.PolicyARNs) > 0 {
		d.session = in.Session
	}
	if len(in.SCPs) > 0 {
		d.scps = &in.SCPs[0]
	}
	if len(in.RCPs) > 0 {
		d.rcps = &in.RCPs[0]
	}
	c.noted.policies, c.noted.texts = c.g.kept.name(d, in, c.now.Unix()/(24*60*60))
}

// name is the name of policies that decide together, and the texts of the day
// that the trail has not been given yet.
func (k *keptPolicies) name(d deciding, in *policy.Policies, day int64) (name string, texts []trail.Text) {
	k.mu.RLock()
	name, known := k.names[d]
	known = known && k.day == day
	k.mu.RUnlock()
	if known {
		return name, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.day != day || len(k.names) >= maxRemembered {
		k.day, k.names, k.texts = day, map[deciding]string{}, map[keptText]bool{}
	}
	give := func(body []byte) string {
		t := trail.NewText(body)
		sum := t.Sum()
		if id := (keptText{d.account, sum}); !k.texts[id] {
			k.texts[id] = true
			texts = append(texts, t)
		}
		return sum
	}
	k.names[d] = give(describe(d, in, give))
	return k.names[d], texts
}

// forget is called when an event has not reached the trail: what came with it is
// given again.
func (k *keptPolicies) forget() {
	k.mu.Lock()
	k.day, k.names, k.texts = 0, nil, nil
	k.mu.Unlock()
}

// describe is which policies there are, as the trail keeps it.
func describe(d deciding, in *policy.Policies, give func([]byte) string) []byte {
	one := func(p *policy.Policy) trail.KeptPolicy {
		return trail.KeptPolicy{Name: p.Source().Name, ARN: p.Source().ARN, Kind: uint8(p.Kind()), Sum: give([]byte(p.Text()))}
	}
	optional := func(p *policy.Policy) *trail.KeptPolicy {
		if p == nil {
			return nil
		}
		kept := one(p)
		return &kept
	}
	all := func(s *policy.Set) (list []trail.KeptPolicy) {
		for _, p := range s.Policies() {
			list = append(list, one(p))
		}
		return list
	}
	levels := func(sets []*policy.Set) (lists [][]trail.KeptPolicy) {
		for _, s := range sets {
			lists = append(lists, all(s))
		}
		return lists
	}
	out := trail.Deciding{Identity: all(in.Identity), Boundary: optional(in.Boundary), SCPs: levels(in.SCPs), RCPs: levels(in.RCPs), Resource: optional(in.Resource)}
	for _, p := range d.session.Policies() {
		if p.Source().ARN != "" {
			out.Session = append(out.Session, one(p))
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err) // it is all text
	}
	return b
}
