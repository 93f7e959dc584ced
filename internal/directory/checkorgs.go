package directory

import "strings"

// checkOrg checks an organization's own record.
func (c *Checker) checkOrg(r *Record, account, _ string) {
	o := new(Organization)
	if !c.readable(r, o) {
		return
	}
	for _, id := range []string{o.Root, account} {
		if c.records[recordKey(account, kindOrgNode, id)] == nil {
			c.wrong(r.Key, "there is no node %s of the organization", id)
		}
	}
}

// checkOrgNode checks a root, an organizational unit or a member account.
func (c *Checker) checkOrgNode(r *Record, account, id string) {
	n := new(OrgNode)
	if !c.readable(r, n) {
		return
	}
	if n.ID != id {
		c.wrong(r.Key, "says to be %q", n.ID)
		return
	}
	c.orgOf(r, account)
	if n.Parent == "" != strings.HasPrefix(id, "r-") || n.Parent != "" && c.records[recordKey(account, kindOrgNode, n.Parent)] == nil {
		c.wrong(r.Key, "there is no parent %q for it", n.Parent)
	}
	if isAccountNode(n) {
		if a, ok := find[Account](c, accountKey(id)); !ok || a.Organization != account {
			c.wrong(r.Key, "account %s does not say that it is in the organization", id)
		}
	}
	o, _ := find[Organization](c, recordKey(account, kindOrg, orgRecord))
	for kind, at := range n.Attached {
		if o == nil || at.Generation != o.Generations[kind] {
			continue // from before the type was disabled
		}
		for _, p := range at.Policies {
			if awsOrgPolicy(p) == nil && c.records[recordKey(account, kindOrgPolicy, p)] == nil {
				c.wrong(r.Key, "there is no policy %s, which it has", p)
			}
		}
	}
}

// checkOrgPolicy checks a policy of an organization.
func (c *Checker) checkOrgPolicy(r *Record, account, id string) {
	p := new(OrgPolicy)
	if !c.readable(r, p) {
		return
	}
	if p.ID != id {
		c.wrong(r.Key, "says to be policy %q", p.ID)
	}
	c.orgOf(r, account)
	if err := p.compile(&Organization{}).Refusal(); err != nil {
		c.wrong(r.Key, "the document denies everything: %v", err)
	}
}

func (c *Checker) checkOrgRequest(r *Record, account, _ string) {
	c.readable(r, new(AccountRequest))
}

func (c *Checker) checkHandshake(r *Record, account, id string) {
	h := new(Handshake)
	if c.readable(r, h) && c.records[accountKey(h.Account)] != nil {
		c.value(r.Key, recordKey(h.Account, kindInvited, id), account)
	}
}

// checkInvited has nothing to check: the organization may be gone since.
func (c *Checker) checkInvited(*Record, string, string) {}

// orgOf notes a record of an organization that isn't there.
func (c *Checker) orgOf(r *Record, account string) {
	if c.records[recordKey(account, kindOrg, orgRecord)] == nil {
		c.wrong(r.Key, "the account has no organization")
	}
}
