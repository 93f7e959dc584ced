package directory

import (
	"slices"
	"time"
)

// Group is an IAM group. Groups of a snapshot are shared and must not be changed.
type Group struct {
	Format  int       `json:"v"`
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Path    string    `json:"path"`
	Created time.Time `json:"created"`
	Policies

	account string
	inline  compiledInline
}

func (g *Group) loaded(r *Record) { g.account, _ = splitKey(r.Key) }

// ARN is the group's ARN.
func (g *Group) ARN() string { return GroupARN(g.account, g.Path, g.Name) }

// GroupARN is the ARN of a group of that path and name.
func GroupARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":group" + path + name
}

// Group is the group of that name, without regard to case, or NotFound.
func (s *Snapshot) Group(account, name string) (*Group, error) {
	r := s.get(account, kindGroupName, fold(name))
	if r == nil {
		return nil, &NotFound{Kind: KindGroup, Name: name}
	}
	id := r.name().id
	return s.GroupByID(account, id)
}

// GroupByID is the group of that unique id, or NotFound.
func (s *Snapshot) GroupByID(account, id string) (*Group, error) {
	r := s.get(account, kindGroup, id)
	if r == nil {
		return nil, &NotFound{Kind: KindGroup, Name: id}
	}
	return decode[Group](r)
}

// Groups calls fn for the account's groups as Users does for users.
func (s *Snapshot) Groups(account, pathPrefix, after string, fn func(*Group) bool) error {
	return named(s, account, kindGroupName, kindGroup, pathPrefix, after, fn)
}

// Members calls fn for the group's users in the order of their ids, after the
// id given, until fn says no.
func (s *Snapshot) Members(g *Group, after string, fn func(*User) bool) error {
	var failed error
	s.scan(recordKey(g.account, kindMember, g.ID, ""), after, func(id string, _ *Record) bool {
		var u *User
		if u, failed = glance[User](s, recordKey(g.account, kindUser, id)); failed != nil {
			return false
		}
		return fn(u)
	})
	return failed
}

func (tx *Tx) saveGroup(g *Group) { tx.put(recordKey(tx.account, kindGroup, g.ID), encode(g)) }

// Group gives the group of that name to be read and changed, or NotFound.
func (tx *Tx) Group(name string) (*Group, error) {
	r := tx.read(recordKey(tx.account, kindGroupName, fold(name)))
	if r == nil {
		return nil, &NotFound{Kind: KindGroup, Name: name}
	}
	id := r.name().id
	r = tx.read(recordKey(tx.account, kindGroup, id))
	if r == nil {
		return nil, &NotFound{Kind: KindGroup, Name: name}
	}
	g, err := decode[Group](r)
	if err != nil {
		return nil, err
	}
	return &Group{Format: g.Format, ID: g.ID, Name: g.Name, Path: g.Path, Created: g.Created, Policies: g.Policies, account: g.account}, nil
}

// CreateGroup makes a group. Exists, LimitExceeded.
func (tx *Tx) CreateGroup(name, path string) (*Group, error) {
	if err := tx.roomFor(QuotaGroups, kindGroupName); err != nil {
		return nil, err
	}
	g := &Group{Format: recordFormat, Name: name, Path: path, Created: tx.created(), account: tx.account}
	var err error
	if g.ID, err = tx.claimName(KindGroup, kindGroupName, kindGroup, "AGPA", name, path); err != nil {
		return nil, err
	}
	tx.saveGroup(g)
	return g, nil
}

// RenameGroup changes a group's name, path or both; empty means unchanged.
func (tx *Tx) RenameGroup(g *Group, newName, newPath string) error {
	oldName := g.Name
	if newName != "" {
		g.Name = newName
	}
	if newPath != "" {
		g.Path = newPath
	}
	if err := tx.moveName(KindGroup, kindGroupName, g.ID, oldName, g.Name, g.Path); err != nil {
		return err
	}
	tx.saveGroup(g)
	return nil
}

// DeleteGroup deletes a group without members and policies, or says InUse.
func (tx *Tx) DeleteGroup(g *Group) error {
	use, err := tx.usage(recordKey(tx.account, kindGroupUse, g.ID))
	if err != nil {
		return err
	}
	switch {
	case use.Count > 0:
		return &InUse{KindGroup, UseMembers}
	case len(g.Attached) > 0:
		return &InUse{KindGroup, UseAttached}
	case len(g.Inline) > 0:
		return &InUse{KindGroup, UseInlinePolicies}
	}
	tx.delete(recordKey(tx.account, kindGroupName, fold(g.Name)))
	tx.forget(kindGroup, g.ID)
	return nil
}

// Join puts a user into a group; being in it already is no error.
func (tx *Tx) Join(u *User, g *Group) error {
	if u.HasGroup(g.ID) {
		return nil
	}
	if err := tx.within(QuotaGroupsPerUser, len(u.Groups)+1); err != nil {
		return err
	}
	u.Groups = append(slices.Clone(u.Groups), g.ID)
	tx.put(recordKey(tx.account, kindMember, g.ID, u.ID), nil)
	tx.save(u)
	return tx.count(recordKey(tx.account, kindGroupUse, g.ID), 1, 0)
}

// Leave takes a user out of a group; not being in it is no error.
func (tx *Tx) Leave(u *User, g *Group) error {
	i := slices.Index(u.Groups, g.ID)
	if i < 0 {
		return nil
	}
	u.Groups = slices.Delete(slices.Clone(u.Groups), i, i+1)
	tx.delete(recordKey(tx.account, kindMember, g.ID, u.ID))
	tx.save(u)
	return tx.count(recordKey(tx.account, kindGroupUse, g.ID), -1, 0)
}
