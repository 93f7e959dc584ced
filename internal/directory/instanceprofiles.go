package directory

import "time"

// InstanceProfile is what hands a role to EC2 instances. Those of a snapshot
// are shared and must not be changed.
type InstanceProfile struct {
	Format  int       `json:"v"`
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Path    string    `json:"path"`
	Created time.Time `json:"created"`
	Tags    []Tag     `json:"tags,omitempty"`
	Role    string    `json:"role,omitempty"` // id of the role in it

	account string
}

func (p *InstanceProfile) loaded(r *Record) { p.account, _ = splitKey(r.Key) }

// ARN is the instance profile's ARN.
func (p *InstanceProfile) ARN() string { return InstanceProfileARN(p.account, p.Path, p.Name) }

// InstanceProfileARN is the ARN of an instance profile of that path and name.
func InstanceProfileARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":instance-profile" + path + name
}

// InstanceProfile is the instance profile of that name, without regard to case, or NotFound.
func (s *Snapshot) InstanceProfile(account, name string) (*InstanceProfile, error) {
	r := s.get(account, kindProfileName, fold(name))
	if r == nil {
		return nil, &NotFound{Kind: KindInstanceProfile, Name: name}
	}
	return s.InstanceProfileByID(account, r.name().id)
}

// InstanceProfileByID is the instance profile of that unique id, or NotFound.
func (s *Snapshot) InstanceProfileByID(account, id string) (*InstanceProfile, error) {
	r := s.get(account, kindProfile, id)
	if r == nil {
		return nil, &NotFound{Kind: KindInstanceProfile, Name: id}
	}
	return decode[InstanceProfile](r)
}

// InstanceProfiles calls fn for the account's instance profiles as Users does for users.
func (s *Snapshot) InstanceProfiles(account, pathPrefix, after string, fn func(*InstanceProfile) bool) error {
	return named(s, account, kindProfileName, kindProfile, pathPrefix, after, fn)
}

func (tx *Tx) saveProfile(p *InstanceProfile) {
	tx.put(recordKey(tx.account, kindProfile, p.ID), encode(p))
}

// InstanceProfile gives the instance profile of that name to be read and
// changed, or NotFound.
func (tx *Tx) InstanceProfile(name string) (*InstanceProfile, error) {
	r := tx.read(recordKey(tx.account, kindProfileName, fold(name)))
	if r == nil {
		return nil, &NotFound{Kind: KindInstanceProfile, Name: name}
	}
	if r = tx.read(recordKey(tx.account, kindProfile, r.name().id)); r == nil {
		return nil, &NotFound{Kind: KindInstanceProfile, Name: name}
	}
	p, err := decode[InstanceProfile](r)
	if err != nil {
		return nil, err
	}
	editable := *p
	return &editable, nil
}

// CreateInstanceProfile makes an empty instance profile. Exists, LimitExceeded.
func (tx *Tx) CreateInstanceProfile(name, path string, tags []Tag) (*InstanceProfile, error) {
	if err := tx.roomFor(QuotaInstanceProfiles, kindProfileName); err != nil {
		return nil, err
	}
	p := &InstanceProfile{Format: recordFormat, Name: name, Path: path, Created: tx.created(), account: tx.account}
	var err error
	if p.Tags, err = tx.mergeTags(nil, tags, false); err != nil {
		return nil, err
	}
	if p.ID, err = tx.claimName(KindInstanceProfile, kindProfileName, kindProfile, "AIPA", name, path); err != nil {
		return nil, err
	}
	tx.saveProfile(p)
	return p, nil
}

// AddRole puts a role into an instance profile, which holds one at most:
// LimitExceeded, also for the role that is in it.
func (tx *Tx) AddRole(p *InstanceProfile, r *Role) error {
	if p.Role != "" {
		return &LimitExceeded{Quota: QuotaRolesPerProfile, Limit: 1}
	}
	p.Role = r.ID
	tx.saveProfile(p)
	tx.inProfile(r, p.ID, true)
	return nil
}

// RemoveRole takes a role out of an instance profile. NotFound, where it isn't in it.
func (tx *Tx) RemoveRole(p *InstanceProfile, r *Role) error {
	if p.Role != r.ID {
		return &NotFound{Kind: KindRoleInProfile, Name: r.Name, Version: p.Name}
	}
	p.Role = ""
	tx.saveProfile(p)
	tx.inProfile(r, p.ID, false)
	return nil
}

// DeleteInstanceProfile deletes an instance profile that holds no role, or says InUse.
func (tx *Tx) DeleteInstanceProfile(p *InstanceProfile) error {
	if p.Role != "" {
		return &InUse{KindInstanceProfile, UseProfiles}
	}
	tx.delete(recordKey(tx.account, kindProfileName, fold(p.Name)))
	tx.forget(kindProfile, p.ID)
	return nil
}

// TagInstanceProfile adds tags or replaces those of the same key.
func (tx *Tx) TagInstanceProfile(p *InstanceProfile, tags []Tag) error {
	merged, err := tx.mergeTags(p.Tags, tags, false)
	if err != nil {
		return err
	}
	p.Tags = merged
	tx.saveProfile(p)
	return nil
}

// UntagInstanceProfile drops tags; keys that aren't there are no error.
func (tx *Tx) UntagInstanceProfile(p *InstanceProfile, keys []string) {
	p.Tags = withoutTags(p.Tags, keys, false)
	tx.saveProfile(p)
}
