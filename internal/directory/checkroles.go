package directory

import "slices"

func (c *Checker) checkRole(rec *Record, account, id string) {
	r := new(Role)
	if !c.readable(rec, r) {
		return
	}
	if r.ID != id {
		c.wrong(rec.Key, "says to be role %q", r.ID)
	}
	c.checkKeptID(rec, account, id)
	c.value(rec.Key, recordKey(account, kindRoleName, fold(r.Name)), string(nameRecord(id, r.Path)))
	if err := r.TrustPolicy().Refusal(); err != nil {
		c.wrong(rec.Key, "its trust policy denies everything: %v", err)
	}
	for _, profile := range r.Profiles {
		if p, ok := find[InstanceProfile](c, recordKey(account, kindProfile, profile)); !ok || p.Role != id {
			c.wrong(rec.Key, "instance profile %q does not hold it", profile)
		}
	}
	c.checkPolicies(rec, account, string(KindRole), id, &r.Policies)
	if r.Boundary != "" {
		c.checkAttachment(rec, account, string(roleBoundaryKind), id, r.Boundary)
	}
}

func (c *Checker) checkRoleName(rec *Record, account, name string) {
	r, ok := find[Role](c, recordKey(account, kindRole, rec.name().id))
	if !ok || fold(r.Name) != name || r.Path != rec.name().path {
		c.wrong(rec.Key, "role %q does not have this name and path", rec.name().id)
	}
}

func (c *Checker) checkProfile(rec *Record, account, id string) {
	p := new(InstanceProfile)
	if !c.readable(rec, p) {
		return
	}
	if p.ID != id {
		c.wrong(rec.Key, "says to be instance profile %q", p.ID)
	}
	c.checkKeptID(rec, account, id)
	c.value(rec.Key, recordKey(account, kindProfileName, fold(p.Name)), string(nameRecord(id, p.Path)))
	if p.Role == "" {
		return
	}
	if r, ok := find[Role](c, recordKey(account, kindRole, p.Role)); !ok || !slices.Contains(r.Profiles, id) {
		c.wrong(rec.Key, "role %q is not in it", p.Role)
	}
}

func (c *Checker) checkProfileName(rec *Record, account, name string) {
	p, ok := find[InstanceProfile](c, recordKey(account, kindProfile, rec.name().id))
	if !ok || fold(p.Name) != name || p.Path != rec.name().path {
		c.wrong(rec.Key, "instance profile %q does not have this name and path", rec.name().id)
	}
}
