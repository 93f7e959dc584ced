package directory

import (
	"strings"
	"time"
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
}

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

// CreateAccount makes the transaction's account and its root user, who signs
// in with the password of that hash.
func (tx *Tx) CreateAccount(email, passwordHash string) error {
	if tx.read(accountKey(tx.account)) != nil {
		return &Exists{Kind: "account", Name: tx.account}
	}
	tx.put(accountKey(tx.account), encode(Account{Format: recordFormat, ID: tx.account, Email: email, Created: tx.now}))
	tx.put(accountIndex+tx.account, nil)
	tx.save(&User{
		Format: recordFormat, ID: tx.account, Name: RootName, Path: "/",
		Created: tx.now, Password: passwordHash, PasswordChanged: tx.now,
	})
	return nil
}

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
		return Account{}, &NotFound{Kind: "account", Name: tx.account}
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
	tx.put(accountKey(tx.account), encode(a))
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
	tx.put(accountKey(tx.account), encode(a))
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
