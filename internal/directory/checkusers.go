package directory

import (
	"strings"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

func (c *Checker) checkUser(r *Record, account, id string) {
	u := new(User)
	if !c.readable(r, u) {
		return
	}
	u.loaded(r)
	if u.ID != id {
		c.wrong(r.Key, "says to be user %q", u.ID)
	}
	if !u.Root() {
		c.checkKeptID(r, account, id)
		c.value(r.Key, recordKey(account, kindUserName, fold(u.Name)), string(nameRecord(id, u.Path)))
	}
	for _, k := range u.Keys {
		if key, ok := find[keyRecord](c, recordKey(account, kindKey, k.ID)); !ok || key.Owner != id {
			c.wrong(r.Key, "there is no record of its access key %s", k.ID)
		}
	}
	for _, g := range u.Groups {
		c.value(r.Key, recordKey(account, kindMember, g, id), "")
		if c.records[recordKey(account, kindGroup, g)] == nil {
			c.wrong(r.Key, "there is no group %s that it is in", g)
		}
	}
	c.checkPolicies(r, account, string(KindUser), id, &u.Policies)
	if u.Boundary != "" {
		c.checkAttachment(r, account, string(boundaryKind), id, u.Boundary)
	}
	c.checkCredentials(r, account, u)
}

func (c *Checker) checkUserName(r *Record, account, name string) {
	u, ok := find[User](c, recordKey(account, kindUser, r.name().id))
	if !ok || fold(u.Name) != name || u.Path != r.name().path {
		c.wrong(r.Key, "user %q does not have this name and path", r.name().id)
	}
}

func (c *Checker) checkKey(r *Record, account, id string) {
	k := new(keyRecord)
	if !c.readable(r, k) {
		return
	}
	if owner, ok := find[User](c, recordKey(account, kindUser, k.Owner)); !ok || owner.keyIndex(id) < 0 {
		c.wrong(r.Key, "its owner, user %q, does not have it", k.Owner)
	}
	if made, ok := seal.AccountOf(id); !ok || made != account {
		c.value(r.Key, givenKey(id), account)
	}
	if !c.opens {
		return
	}
	if _, err := c.box.Open(k.Sealed, keyContext(id)); err != nil {
		c.wrong(r.Key, "its secret does not open: it was changed, or sealed for another key or by another key ring")
	}
}

func (c *Checker) checkUsed(r *Record, account, id string) {
	c.readable(r, new(LastUsed))
	if c.records[recordKey(account, kindKey, id)] == nil && c.records[recordKey(account, kindRole, id)] == nil {
		c.wrong(r.Key, "there is no such access key or role")
	}
}

func (c *Checker) checkGroup(r *Record, account, id string) {
	g := new(Group)
	if !c.readable(r, g) {
		return
	}
	if g.ID != id {
		c.wrong(r.Key, "says to be group %q", g.ID)
	}
	c.checkKeptID(r, account, id)
	c.value(r.Key, recordKey(account, kindGroupName, fold(g.Name)), string(nameRecord(id, g.Path)))
	c.checkPolicies(r, account, string(KindGroup), id, &g.Policies)
	c.counted(r, recordKey(account, kindGroupUse, id))
}

func (c *Checker) checkGroupName(r *Record, account, name string) {
	g, ok := find[Group](c, recordKey(account, kindGroup, r.name().id))
	if !ok || fold(g.Name) != name || g.Path != r.name().path {
		c.wrong(r.Key, "group %q does not have this name and path", r.name().id)
	}
}

func (c *Checker) checkMember(r *Record, account, rest string) {
	group, user, _ := strings.Cut(rest, "/")
	if u, ok := find[User](c, recordKey(account, kindUser, user)); !ok || !u.HasGroup(group) {
		c.wrong(r.Key, "user %q is not in the group", user)
	}
	if c.records[recordKey(account, kindGroup, group)] == nil {
		c.wrong(r.Key, "there is no such group")
	}
	c.counted(r, recordKey(account, kindGroupUse, group))
}
