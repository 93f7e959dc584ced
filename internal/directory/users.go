package directory

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/policy"
)

// RootName is what the root user is called where a name is shown. It holds
// characters that no user's name can.
const RootName = "<root_account>"

// User is an IAM user, or the root user of an account, whose id is the
// account's. Users of a snapshot are shared and must not be changed.
type User struct {
	Format          int         `json:"v"`
	ID              string      `json:"id"`
	Name            string      `json:"name"`
	Path            string      `json:"path"`
	Created         time.Time   `json:"created"`
	Tags            []Tag       `json:"tags,omitempty"`
	Boundary        string      `json:"boundary,omitempty"` // ARN
	Keys            []AccessKey `json:"keys,omitempty"`     // oldest first
	Groups          []string    `json:"groups,omitempty"`   // ids, in order of joining
	Password        string      `json:"password,omitempty"` // its hash
	PasswordChanged time.Time   `json:"passwordChanged,omitzero"`
	Credentials
	Policies

	account string
	arn     string
	inline  compiledInline
	set     atomic.Pointer[cachedSet]

	expiries map[string]time.Time // of access keys, as the tags say; usually nil
}

// Credentials are what a user has besides access keys and the password itself.
type Credentials struct {
	LoginCreated  time.Time           `json:"loginCreated,omitzero"`   // when the login profile was made
	MustChange    bool                `json:"mustChange,omitempty"`    // the password, at the next sign-in
	PastPasswords []string            `json:"pastPasswords,omitempty"` // hashes, newest first
	MFA           []EnabledMFA        `json:"mfa,omitempty"`           // in order of enabling
	SSHKeys       []SSHKey            `json:"sshKeys,omitempty"`       // oldest first, as the lists below
	Certificates  []SigningCert       `json:"certificates,omitempty"`
	Services      []ServiceCredential `json:"services,omitempty"`
}

// cachedSet is what was compiled of a user's policies as of an epoch.
type cachedSet struct {
	epoch    store.Revision
	identity *policy.Set
	boundary *policy.Policy
}

// compiledInline holds compiled inline policies, made on first use.
type compiledInline struct {
	once     sync.Once
	policies []*policy.Policy
}

func (c *compiledInline) of(inline []InlinePolicy) []*policy.Policy {
	c.once.Do(func() {
		for _, p := range inline {
			c.policies = append(c.policies, policy.Load(p.Document, policy.Inline).Named(policy.Source{Name: p.Name}))
		}
	})
	return c.policies
}

// loaded completes a user that was decoded.
func (u *User) loaded(r *Record) {
	u.account, _ = splitKey(r.Key)
	u.arn = UserARN(u.account, u.Path, u.Name)
	u.expiries = taggedExpiries(u.Tags)
	if u.Root() {
		u.arn = "arn:aws:iam::" + u.account + ":root"
	}
}

// UserARN is the ARN of a user of that path and name.
func UserARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":user" + path + name
}

// Root reports whether this is the account's root user.
func (u *User) Root() bool { return u.ID == u.account }

// Account is the id of the user's account.
func (u *User) Account() string { return u.account }

// ARN is the user's ARN.
func (u *User) ARN() string { return u.arn }

// User is the user of that name, without regard to case, or NotFound.
func (s *Snapshot) User(account, name string) (*User, error) {
	r := s.get(account, kindUserName, fold(name))
	if r == nil {
		return nil, &NotFound{Kind: KindUser, Name: name}
	}
	id := r.name().id
	return s.UserByID(account, id)
}

// UserByID is the user of that unique id, or NotFound. The root user's is the account's id.
func (s *Snapshot) UserByID(account, id string) (*User, error) {
	r := s.get(account, kindUser, id)
	if r == nil {
		return nil, &NotFound{Kind: KindUser, Name: id}
	}
	return decode[User](r)
}

// Users calls fn for the account's users under a path prefix, in the order of
// their names without regard to case, after the name given, until fn says no.
func (s *Snapshot) Users(account, pathPrefix, after string, fn func(*User) bool) error {
	return named(s, account, kindUserName, kindUser, pathPrefix, after, fn)
}

// named walks an index of names and hands out what the names stand for, without
// keeping it in memory: a list may be of all that there is.
func named[T any](s *Snapshot, account, nameKind, kind, pathPrefix, after string, fn func(*T) bool) error {
	var failed error
	s.scan(recordKey(account, nameKind, ""), fold(after), func(_ string, r *Record) bool {
		name := r.name()
		if !strings.HasPrefix(name.path, pathPrefix) {
			return true
		}
		var v *T
		if v, failed = glance[T](s, recordKey(account, kind, name.id)); failed != nil {
			return false
		}
		return fn(v)
	})
	return failed
}

// save writes a user's record.
func (tx *Tx) save(u *User) { tx.put(recordKey(tx.account, kindUser, u.ID), encode(u)) }

// User gives the user of that name to be read and changed, or NotFound.
func (tx *Tx) User(name string) (*User, error) {
	r := tx.read(recordKey(tx.account, kindUserName, fold(name)))
	if r == nil {
		return nil, &NotFound{Kind: KindUser, Name: name}
	}
	id := r.name().id
	return tx.UserByID(id)
}

// UserByID gives the user of that unique id to be read and changed, or NotFound.
func (tx *Tx) UserByID(id string) (*User, error) {
	r := tx.read(recordKey(tx.account, kindUser, id))
	if r == nil {
		return nil, &NotFound{Kind: KindUser, Name: id}
	}
	u, err := decode[User](r)
	if err != nil {
		return nil, err
	}
	return u.editable(), nil
}

// editable copies what is stored of a user; its lists are still shared, and
// replaced rather than changed.
func (u *User) editable() *User {
	return &User{
		Format: u.Format, ID: u.ID, Name: u.Name, Path: u.Path, Created: u.Created, Tags: u.Tags,
		Boundary: u.Boundary, Keys: u.Keys, Groups: u.Groups, Password: u.Password,
		PasswordChanged: u.PasswordChanged, Credentials: u.Credentials, Policies: u.Policies, account: u.account, arn: u.arn,
	}
}

// CreateUser makes a user. The boundary is the ARN of a managed policy, or
// empty. Exists, LimitExceeded, NotFound for the boundary.
func (tx *Tx) CreateUser(name, path, boundary string, tags []Tag) (*User, error) {
	if err := tx.roomFor(QuotaUsers, kindUserName); err != nil {
		return nil, err
	}
	u := &User{Format: recordFormat, Name: name, Path: path, Created: tx.created(), account: tx.account, arn: UserARN(tx.account, path, name)}
	var err error
	if u.Tags, err = tx.mergeTags(nil, tags, true); err != nil {
		return nil, err
	}
	if u.ID, err = tx.claimName(KindUser, kindUserName, kindUser, "AIDA", name, path); err != nil {
		return nil, err
	}
	if boundary != "" {
		if err := tx.setBoundary(u, boundary); err != nil {
			return nil, err
		}
	}
	tx.save(u)
	return u, nil
}

// claimName takes a free name for a new entity and gives the entity's id: that
// of the original, where there is one and it can be had.
func (tx *Tx) claimName(kind Kind, nameKind, idKind, prefix, name, path string) (string, error) {
	index := recordKey(tx.account, nameKind, fold(name))
	if tx.read(index) != nil {
		return "", &Exists{Kind: kind, Name: name}
	}
	if id, ok := tx.keepID(idKind, prefix); ok {
		tx.put(index, nameRecord(id, path))
		return id, nil
	}
	for {
		id := tx.newID(prefix)
		if tx.read(recordKey(tx.account, idKind, id)) == nil {
			tx.put(index, nameRecord(id, path))
			return id, nil
		}
	}
}

// moveName changes an entity's name and path in the index of names.
func (tx *Tx) moveName(kind Kind, nameKind, id, oldName, newName, newPath string) error {
	from, to := recordKey(tx.account, nameKind, fold(oldName)), recordKey(tx.account, nameKind, fold(newName))
	if from != to {
		if tx.read(to) != nil {
			return &Exists{Kind: kind, Name: newName}
		}
		tx.delete(from)
	}
	tx.put(to, nameRecord(id, newPath))
	return nil
}

// Rename changes a user's name, path or both; empty means unchanged. Its id,
// keys and policies stay. Exists, where the name is taken.
func (tx *Tx) Rename(u *User, newName, newPath string) error {
	oldName := u.Name
	if newName != "" {
		u.Name = newName
	}
	if newPath != "" {
		u.Path = newPath
	}
	if err := tx.moveName(KindUser, kindUserName, u.ID, oldName, u.Name, u.Path); err != nil {
		return err
	}
	u.arn = UserARN(tx.account, u.Path, u.Name)
	tx.save(u)
	return nil
}

// DeleteUser deletes a user on whom nothing hangs any more, or says InUse.
func (tx *Tx) DeleteUser(u *User) error {
	switch {
	case len(u.Groups) > 0:
		return &InUse{KindUser, UseGroups}
	case len(u.Keys) > 0:
		return &InUse{KindUser, UseAccessKeys}
	case u.Password != "":
		return &InUse{KindUser, UseLogin}
	case len(u.MFA) > 0:
		return &InUse{KindUser, UseMFA}
	case len(u.SSHKeys)+len(u.Services) > 0:
		return &InUse{KindUser, UseReferences}
	case len(u.Certificates) > 0:
		return &InUse{KindUser, UseCertificates}
	case len(u.Attached) > 0:
		return &InUse{KindUser, UseAttached}
	case len(u.Inline) > 0:
		return &InUse{KindUser, UseInlinePolicies}
	}
	if err := tx.clearBoundary(u); err != nil {
		return err
	}
	tx.delete(recordKey(tx.account, kindUserName, fold(u.Name)))
	tx.forget(kindUser, u.ID)
	tx.delete(recordKey(tx.account, kindSignIn, u.ID))
	tx.delete(recordKey(tx.account, kindAccess, u.ID))
	tx.delete(recordKey(tx.account, kindBrowsers, u.ID))
	return nil
}

// TagUser adds tags or replaces those of the same key.
func (tx *Tx) TagUser(u *User, tags []Tag) error {
	merged, err := tx.mergeTags(u.Tags, tags, true)
	if err != nil {
		return err
	}
	u.Tags = merged
	tx.save(u)
	return nil
}

// UntagUser drops tags; keys that aren't there are no error.
func (tx *Tx) UntagUser(u *User, keys []string) {
	u.Tags = withoutTags(u.Tags, keys, true)
	tx.save(u)
}

// HasGroup reports whether the user is in the group of that id.
func (u *User) HasGroup(id string) bool { return slices.Contains(u.Groups, id) }
