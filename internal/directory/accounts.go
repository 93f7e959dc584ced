package directory

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// Account is one account of the deployment.
type Account struct {
	Format  int       `json:"v"`
	ID      string    `json:"id"` // 12 digits
	Email   string    `json:"email"`
	Alias   string    `json:"alias,omitempty"`
	Created time.Time `json:"created"`
	// TokenVersion is the version of the tokens of STS's global endpoint, which
	// the account summary shows. Zero means 1.
	TokenVersion int `json:"tokenVersion,omitempty"`
	// Passwords are the rules for the users' passwords; nil means AWS's defaults.
	Passwords *PasswordPolicy `json:"passwords,omitempty"`

	// KeyMaxAge is after how many days access keys of users expire; 0 means never.
	KeyMaxAge int `json:"keyMaxAge,omitempty"`
	// TrailDays is how many days the account's events are kept; 0 means as many
	// as the server's configuration says.
	TrailDays int `json:"trailDays,omitempty"`

	// Quotas are the limits that differ from the deployment's, by name.
	Quotas map[string]int `json:"quotas,omitempty"`

	Name string `json:"name,omitempty"`
	// Organization is the management account of the organization that the
	// account is in, or empty.
	Organization string    `json:"org,omitempty"`
	Closed       time.Time `json:"closed,omitzero"` // nobody of a closed account gets in

	controls *atomic.Pointer[Controls] // shared by copies
}

func (a *Account) loaded(*Record) { a.controls = new(atomic.Pointer[Controls]) }

// accountIndex lists the deployment's accounts.
const accountIndex = deployment + "/" + kindAccount + "/"

// Accounts are the ids of all accounts, in order.
func (s *Snapshot) Accounts() []string {
	var ids []string
	s.scan(accountIndex, "", func(id string, _ *Record) bool {
		ids = append(ids, id)
		return true
	})
	return ids
}

// Account is the account of that id, or nil.
func (s *Snapshot) Account(id string) (*Account, error) {
	r := s.get(id, kindAccount, "")
	if r == nil {
		return nil, nil
	}
	return decode[Account](r)
}

// AccountByEmail is the account whose root user has that email, without regard
// to case; ok is false where there is none.
func (s *Snapshot) AccountByEmail(email string) (a *Account, ok bool, err error) {
	for _, id := range s.Accounts() {
		if a, err = s.Account(id); err != nil {
			return nil, false, err
		}
		if a != nil && strings.EqualFold(a.Email, email) {
			return a, true, nil
		}
	}
	return nil, false, nil
}

// CreateAccount makes the transaction's account and its root user, who signs
// in with the password of that hash. Exists.
func (tx *Tx) CreateAccount(email, passwordHash string) error {
	if tx.read(accountKey(tx.account)) != nil {
		return &Exists{Kind: KindAccount, Name: tx.account}
	}
	first := tx.snap.FirstAccount()
	if r := tx.read(firstKey); r != nil {
		first = string(r.Value)
	}
	if first == "" {
		first = tx.account
	}
	// Written by every creation, so that no two go through side by side that
	// don't know of each other.
	tx.put(firstKey, []byte(first))
	tx.put(accountKey(tx.account), encode(&Account{Format: recordFormat, ID: tx.account, Email: email, Created: tx.now}))
	tx.put(accountIndex+tx.account, nil)
	tx.save(&User{
		Format: recordFormat, ID: tx.account, Name: RootName, Path: "/",
		Created: tx.now, Password: passwordHash, PasswordChanged: tx.now,
	})
	return nil
}

// AddAccount makes another account than the transaction's, with a root user
// that has no password (empty hash) or the one of that hash. Exists, for the id
// and for the email, which no two accounts share.
func (tx *Tx) AddAccount(id, name, email, passwordHash string) error {
	if _, taken, err := tx.snap.AccountByEmail(email); err != nil || taken {
		if err == nil {
			err = &Exists{Kind: KindEmail, Name: email}
		}
		return err
	}
	return tx.as(id, func() error {
		if err := tx.CreateAccount(email, passwordHash); err != nil {
			return err
		}
		a, err := tx.accountRecord()
		if err != nil {
			return err
		}
		a.Name = name
		tx.saveAccount(&a)
		return nil
	})
}

// as runs fn on the same transaction as one of another account.
func (tx *Tx) as(account string, fn func() error) error {
	own := tx.account
	tx.account = account
	defer func() { tx.account = own }()
	return fn()
}

// FreshAccountID is the id of no account yet.
func (tx *Tx) FreshAccountID() string {
	for {
		id := seal.AccountID(tx.snap.d.opts.Rand)
		if tx.read(accountKey(id)) == nil {
			return id
		}
	}
}

// RenameAccount gives the account a name.
func (tx *Tx) RenameAccount(name string) error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	a.Name = name
	tx.saveAccount(&a)
	return nil
}

// SetRootPassword sets the hash of the root user's password.
func (tx *Tx) SetRootPassword(hash string) error {
	root, err := tx.UserByID(tx.account)
	if err != nil {
		return err
	}
	root.Password, root.PasswordChanged = hash, tx.now
	tx.save(root)
	return nil
}

// ResetRootKeys takes all access keys from the root user.
func (tx *Tx) ResetRootKeys() error {
	root, err := tx.UserByID(tx.account)
	if err != nil {
		return err
	}
	for len(root.Keys) > 0 {
		tx.dropKey(root, 0)
	}
	tx.save(root)
	return nil
}

// CloseAccount shuts everyone of the account out. NotFound, Closed.
func (tx *Tx) CloseAccount() error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	if !a.Closed.IsZero() {
		return &Closed{Account: a.ID}
	}
	a.Closed = tx.now
	tx.saveAccount(&a)
	tx.put(recordKey(tx.account, kindClosed, "account"), encode(versioned{Format: recordFormat}))
	return nil
}

// DeleteAccount deletes an account with all that it has. It is closed first, so
// that nobody of it gets in while it goes; a deletion that was cut short is gone
// on with by calling it again. NotFound; InUse, for the first account and for one
// that is in an organization.
func (d *Directory) DeleteAccount(ctx context.Context, id string) error {
	err := d.Update(ctx, id, func(tx *Tx) error {
		a, err := tx.accountRecord()
		switch {
		case err != nil:
			return err
		case tx.snap.FirstAccount() == id:
			return &InUse{KindAccount, UseFirst}
		case a.Organization != "":
			return &InUse{KindAccount, UseOrganization}
		case !a.Closed.IsZero():
			return nil
		}
		return tx.CloseAccount()
	})
	if err != nil {
		return err
	}
	if err := d.deleteRecords(ctx, id); err != nil {
		return err
	}
	return d.Update(ctx, id, func(tx *Tx) error {
		a, err := tx.accountRecord()
		if err != nil {
			return err
		}
		if a.Alias != "" {
			tx.delete(aliasKey + a.Alias)
		}
		tx.delete(recordKey(id, kindClosed, "account"))
		tx.delete(accountIndex + id)
		tx.delete(accountKey(id))
		return nil
	})
}

// deleteRecords deletes all records of an account but those that say that it is
// there, and closed.
func (d *Directory) deleteRecords(ctx context.Context, account string) error {
	keep := []string{accountKey(account), recordKey(account, kindClosed, "account")}
	var ops []store.Op
	if _, err := d.store.Scan(ctx, account+"/", 0, func(r store.Record) error {
		if slices.Contains(keep, r.Key) {
			return nil
		}
		ops = append(ops, store.Op{Key: r.Key, Delete: true})
		if _, kind, id := checkParts(r.Key); slices.Contains(keptIDKinds, kind) && id != account && !tellsAccount(id, account) {
			ops = append(ops, store.Op{Key: keptIDKey(id), Delete: true})
		}
		keyID, isKey := strings.CutPrefix(r.Key, recordKey(account, kindKey, ""))
		if made, ok := seal.AccountOf(keyID); isKey && (!ok || made != account) {
			ops = append(ops, store.Op{Key: givenKey(keyID), Delete: true})
		}
		return nil
	}); err != nil {
		return err
	}
	for batch := range slices.Chunk(ops, store.MaxOps) {
		rev, err := d.store.Commit(ctx, store.Txn{Do: batch})
		if err != nil {
			return err
		}
		if err := d.wait(ctx, rev); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) saveAccount(a *Account) { tx.put(accountKey(a.ID), encode(a)) }

// CreateFirst is CreateAccount for the first account of the deployment. Exists,
// where another node has made it.
func (tx *Tx) CreateFirst(email, passwordHash string) error {
	if r := tx.read(firstKey); r != nil {
		return &Exists{Kind: "account", Name: string(r.Value)}
	}
	tx.put(firstKey, []byte(tx.account))
	return tx.CreateAccount(email, passwordHash)
}

// FirstAccount is the id of the account that the deployment's first start made,
// or empty before that.
func (s *Snapshot) FirstAccount() string {
	if r := s.get(deployment, firstKind, ""); r != nil {
		return string(r.Value)
	}
	if all := s.Accounts(); len(all) > 0 {
		return all[0] // made by a version that did not note it
	}
	return ""
}

func (tx *Tx) accountRecord() (Account, error) {
	r := tx.read(accountKey(tx.account))
	if r == nil {
		return Account{}, &NotFound{Kind: KindAccount, Name: tx.account}
	}
	a, err := decode[Account](r)
	if err != nil {
		return Account{}, err
	}
	return *a, nil
}

// SetAlias gives the account that alias, in place of the one that it has.
// Exists, where another account has it.
func (tx *Tx) SetAlias(alias string) error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	if a.Alias == alias {
		return &Exists{Kind: KindAlias, Name: alias}
	}
	if tx.read(aliasKey+alias) != nil {
		return &Exists{Kind: KindAlias, Name: alias}
	}
	if a.Alias != "" {
		tx.delete(aliasKey + a.Alias)
	}
	a.Alias = alias
	tx.put(aliasKey+alias, []byte(tx.account))
	tx.saveAccount(&a)
	return nil
}

// SetTokenVersion notes the version of the tokens of STS's global endpoint.
func (tx *Tx) SetTokenVersion(version int) error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	a.TokenVersion = version
	tx.put(accountKey(tx.account), encode(a))
	return nil
}

// DeleteAlias takes that alias from the account. NotFound, where it has another or none.
func (tx *Tx) DeleteAlias(alias string) error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	if a.Alias != alias {
		return &NotFound{Kind: KindAlias, Name: alias}
	}
	a.Alias = ""
	tx.delete(aliasKey + alias)
	tx.saveAccount(&a)
	return nil
}

// Counts are the sizes of an account, as its summary shows them.
type Counts struct {
	Users, Groups, Roles, InstanceProfiles, Policies, PolicyVersions int
	ServerCerts, MFADevices, MFAInUse                                int
	Providers                                                        int // of OpenID Connect and of SAML
}

// Counts counts the entities of an account.
func (s *Snapshot) Counts(account string) (Counts, error) {
	c := Counts{
		Users:            s.count(recordKey(account, kindUserName, "")),
		Groups:           s.count(recordKey(account, kindGroupName, "")),
		Roles:            s.count(recordKey(account, kindRoleName, "")),
		InstanceProfiles: s.count(recordKey(account, kindProfileName, "")),
	}
	var failed error
	s.scan(recordKey(account, kindPolicyName, ""), "", func(_ string, r *Record) bool {
		id := r.name().id
		p, err := s.policyByID(account, id)
		if err != nil {
			failed = err
			return false
		}
		c.Policies++
		c.PolicyVersions += len(p.Versions)
		return true
	})
	if failed != nil {
		return c, failed
	}
	c.Providers = s.count(recordKey(account, kindOIDC, "")) + s.count(recordKey(account, kindSAML, ""))
	c.ServerCerts = s.count(recordKey(account, kindServerCertName, ""))
	return c, s.MFADevices(account, "", func(v *MFADevice) bool {
		c.MFADevices++
		if v.Owner != "" {
			c.MFAInUse++
		}
		return true
	})
}

// fold is the form in which names are unique: case does not distinguish them.
func fold(name string) string { return strings.ToLower(name) }

// CloseMember closes another account than the transaction's.
func (tx *Tx) CloseMember(account string) error { return tx.as(account, tx.CloseAccount) }
