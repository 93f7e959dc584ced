package directory

import (
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/policy"
)

// checkPolicies checks the policies of a user or a group.
func (c *Checker) checkPolicies(r *Record, account, kind, id string, p *Policies) {
	for _, i := range p.Inline {
		if err := policy.Load(i.Document, policy.Inline).Refusal(); err != nil {
			c.wrong(r.Key, "the document of its policy %q denies everything: %v", i.Name, err)
		}
	}
	for _, arn := range p.Attached {
		c.checkAttachment(r, account, kind, id, arn)
	}
}

// checkAttachment checks that a policy is there and lists who has it.
func (c *Checker) checkAttachment(r *Record, account, kind, id, arn string) {
	policyID, ok := c.policyID(account, arn)
	if !ok {
		c.wrong(r.Key, "there is no policy %s, which it has", arn)
		return
	}
	c.value(r.Key, recordKey(account, kindAttached, policyID, kind, id), arn)
}

// policyID finds a managed policy by its ARN.
func (c *Checker) policyID(account, arn string) (string, bool) {
	owner, path, name, ok := splitPolicyARN(arn)
	switch {
	case !ok:
		return "", false
	case owner == AWSAccount:
		p, ok := c.AWSPolicies.Lookup(arn)
		if !ok {
			return "", false
		}
		return p.ID, true
	}
	r := c.records[recordKey(account, kindPolicyName, fold(name))]
	if owner != account || r == nil || r.name().path != path {
		return "", false
	}
	return r.name().id, true
}

// checkCount checks a counter of members or attachments.
func (c *Checker) checkCount(r *Record, _, _ string) {
	u := new(usage)
	if !c.readable(r, u) {
		return
	}
	if count, boundary := c.counts[r.Key], c.boundary[r.Key]; u.Count != count || u.Boundary != boundary {
		c.wrong(r.Key, "counts %d uses and %d as a boundary, there are %d and %d", u.Count, u.Boundary, count, boundary)
	}
}

// counted checks that there is a counter where there is something to count.
func (c *Checker) counted(r *Record, counter string) {
	if c.records[counter] == nil && c.counts[counter]+c.boundary[counter] > 0 {
		c.wrong(r.Key, "there is no counter %s for it", counter)
	}
}

func (c *Checker) checkPolicy(r *Record, account, id string) {
	p := new(ManagedPolicy)
	if !c.readable(r, p) {
		return
	}
	if p.ID != id {
		c.wrong(r.Key, "says to be policy %q", p.ID)
	}
	c.checkKeptID(r, account, id)
	c.value(r.Key, recordKey(account, kindPolicyName, fold(p.Name)), string(nameRecord(id, p.Path)))
	for _, v := range p.Versions {
		if c.records[recordKey(account, kindPolicyDoc, id, v.ID)] == nil {
			c.wrong(r.Key, "there is no document of its version %s", v.ID)
		}
	}
	if p.versionIndex(p.Default) < 0 {
		c.wrong(r.Key, "its default version %q is none of its versions", p.Default)
	}
}

func (c *Checker) checkPolicyName(r *Record, account, name string) {
	p, ok := find[ManagedPolicy](c, recordKey(account, kindPolicy, r.name().id))
	if !ok || fold(p.Name) != name || p.Path != r.name().path {
		c.wrong(r.Key, "policy %q does not have this name and path", r.name().id)
	}
}

func (c *Checker) checkPolicyDoc(r *Record, account, rest string) {
	id, version, _ := strings.Cut(rest, "/")
	if p, ok := find[ManagedPolicy](c, recordKey(account, kindPolicy, id)); !ok || p.versionIndex(version) < 0 {
		c.wrong(r.Key, "policy %q has no such version", id)
	}
	if err := policy.Load(string(r.Value), policy.Managed).Refusal(); err != nil {
		c.wrong(r.Key, "the document denies everything: %v", err)
	}
}

func (c *Checker) checkAttached(r *Record, account, rest string) {
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) != 3 {
		c.wrong(r.Key, "there is no such kind of record")
		return
	}
	arn := string(r.Value)
	if id, ok := c.policyID(account, arn); !ok || id != parts[0] {
		c.wrong(r.Key, "there is no policy %q with this id", arn)
	}
	if !c.has(account, parts[1], parts[2], arn) {
		c.wrong(r.Key, "%s %q does not have policy %q", parts[1], parts[2], arn)
	}
	c.counted(r, recordKey(account, kindPolicyUse, parts[0]))
}

// has reports whether a user or a group has the policy.
func (c *Checker) has(account, kind, id, arn string) bool {
	switch kind {
	case string(KindGroup):
		g, ok := find[Group](c, recordKey(account, kindGroup, id))
		return ok && slices.Contains(g.Attached, arn)
	case string(KindUser):
		u, ok := find[User](c, recordKey(account, kindUser, id))
		return ok && slices.Contains(u.Attached, arn)
	case string(KindRole):
		role, ok := find[Role](c, recordKey(account, kindRole, id))
		return ok && slices.Contains(role.Attached, arn)
	case string(roleBoundaryKind):
		role, ok := find[Role](c, recordKey(account, kindRole, id))
		return ok && role.Boundary == arn
	case string(boundaryKind):
		u, ok := find[User](c, recordKey(account, kindUser, id))
		return ok && u.Boundary == arn
	}
	return false
}
