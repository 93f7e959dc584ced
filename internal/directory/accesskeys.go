package directory

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// AccessKey is a long-term access key as its owner's record holds it.
type AccessKey struct {
	ID       string    `json:"id"`
	Inactive bool      `json:"inactive,omitempty"`
	Created  time.Time `json:"created"`
	Given    bool      `json:"given,omitempty"` // its id and secret came from outside
}

// keyRecord is what is found by an access key id: the owner and the sealed
// secret. It is written once, when the key is made.
type keyRecord struct {
	Format int    `json:"v"`
	Owner  string `json:"owner"`  // the user's unique id
	Sealed []byte `json:"sealed"` // for the context "key/ID"

	account string
	id      string
	secret  atomic.Pointer[seal.Secret] // opened on first use
	used    useCell
	did     lastAction
}

func (k *keyRecord) loaded(r *Record) {
	k.account, _ = splitKey(r.Key)
	k.id = strings.TrimPrefix(r.Key, recordKey(k.account, kindKey, ""))
}

// keyContext is what the secret of an access key is sealed for.
func keyContext(id string) string { return "key/" + id }

// Credential is a long-term access key with its owner.
type Credential struct {
	KeyID string
	Owner *User
	// Active is whether requests signed with the key are to be accepted.
	Active bool

	d   *Directory
	key *keyRecord
}

// Credential finds an access key of any account. ok is false where there is
// none of that id.
func (s *Snapshot) Credential(keyID string) (c Credential, ok bool, err error) {
	account, r := s.keyRecord(keyID)
	if r == nil {
		return c, false, nil
	}
	key, err := decode[keyRecord](r)
	if err != nil {
		return c, false, err
	}
	owner, err := s.UserByID(account, key.Owner)
	if err != nil {
		return c, false, err
	}
	i := owner.keyIndex(keyID)
	if i < 0 {
		return c, false, nil
	}
	return Credential{KeyID: keyID, Owner: owner, Active: !owner.Keys[i].Inactive, d: s.d, key: key}, true, nil
}

// Secret is the key's secret.
func (c *Credential) Secret() (string, error) {
	if s := c.key.secret.Load(); s != nil {
		return s.Reveal(), nil
	}
	plain, err := c.d.box.Open(c.key.Sealed, keyContext(c.KeyID))
	if err != nil {
		return "", err
	}
	s := seal.NewSecret(string(plain))
	c.key.secret.Store(&s)
	return s.Reveal(), nil
}

// AccountOfKey tells the account that an access key id belongs to: by the id
// itself or, for an id that was given rather than made, by the record of it.
func (s *Snapshot) AccountOfKey(keyID string) (string, bool) {
	if account, r := s.keyRecord(keyID); r != nil {
		return account, true
	}
	if account, ok := seal.AccountOf(keyID); ok && s.get(account, kindAccount, "") != nil {
		return account, true
	}
	return "", false
}

// keyRecord finds an access key of any account, or gives nil. A key whose id was
// given can have one that tells another account than its own.
func (s *Snapshot) keyRecord(keyID string) (string, *Record) {
	if account, ok := seal.AccountOf(keyID); ok {
		if r := s.get(account, kindKey, keyID); r != nil {
			return account, r
		}
	}
	if r := s.get(deployment, kindKey, keyID); r != nil {
		account := string(r.Value)
		return account, s.get(account, kindKey, keyID)
	}
	return "", nil
}

// AccountInKey tells the account of any access key id, of this deployment or not.
func (s *Snapshot) AccountInKey(keyID string) (string, bool) {
	if account, ok := s.AccountOfKey(keyID); ok {
		return account, true
	}
	return seal.AccountOf(keyID)
}

func (u *User) keyIndex(id string) int {
	for i := range u.Keys {
		if u.Keys[i].ID == id {
			return i
		}
	}
	return -1
}

// AddAccessKey makes an active key with that secret for the user.
// LimitExceeded, where the user has as many as allowed, active or not.
func (tx *Tx) AddAccessKey(u *User, secret seal.Secret) (AccessKey, error) {
	if err := tx.within(QuotaAccessKeys, len(u.Keys)+1); err != nil {
		return AccessKey{}, err
	}
	id := seal.AccessKeyID(tx.snap.d.opts.Rand, "AKIA", tx.account)
	for tx.read(recordKey(tx.account, kindKey, id)) != nil {
		id = seal.AccessKeyID(tx.snap.d.opts.Rand, "AKIA", tx.account)
	}
	return tx.addKey(u, AccessKey{ID: id, Created: tx.now}, secret)
}

func (tx *Tx) addKey(u *User, key AccessKey, secret seal.Secret) (AccessKey, error) {
	sealed, err := tx.snap.d.box.Seal([]byte(secret.Reveal()), keyContext(key.ID))
	if err != nil {
		return AccessKey{}, err
	}
	tx.put(recordKey(tx.account, kindKey, key.ID), encode(&keyRecord{Format: recordFormat, Owner: u.ID, Sealed: sealed}))
	u.Keys = append(slices.Clone(u.Keys), key)
	tx.save(u)
	return key, nil
}

// AddRootKey gives the root user its first key, which was made for this account.
func (tx *Tx) AddRootKey(id string, secret seal.Secret) error {
	root, err := tx.UserByID(tx.account)
	if err != nil {
		return err
	}
	_, err = tx.addKey(root, AccessKey{ID: id, Created: tx.now}, secret)
	return err
}

// SetGivenRootKey gives the root user a key whose id and secret come from
// outside, in place of the one that was given so before. It changes nothing
// where root has exactly this key already. LimitExceeded, Exists.
func (tx *Tx) SetGivenRootKey(id string, secret seal.Secret) error {
	root, err := tx.UserByID(tx.account)
	if err != nil {
		return err
	}
	if i := root.keyIndex(id); i >= 0 {
		same, err := tx.hasSecret(id, secret)
		if err != nil || same {
			return err
		}
		tx.dropKey(root, i)
	}
	if i := slices.IndexFunc(root.Keys, func(k AccessKey) bool { return k.Given }); i >= 0 {
		tx.dropKey(root, i)
	}
	return tx.giveKey(root, id, secret)
}

// GiveKey gives the user a key whose id and secret come from outside; had is
// true where the user has exactly this key already. LimitExceeded, Exists.
func (tx *Tx) GiveKey(u *User, id string, secret seal.Secret) (had bool, err error) {
	if u.keyIndex(id) >= 0 {
		same, err := tx.hasSecret(id, secret)
		if err == nil && !same {
			err = &Exists{Kind: KindAccessKey, Name: id}
		}
		return true, err
	}
	return false, tx.giveKey(u, id, secret)
}

func (tx *Tx) giveKey(u *User, id string, secret seal.Secret) error {
	if err := tx.within(QuotaAccessKeys, len(u.Keys)+1); err != nil {
		return err
	}
	if tx.read(recordKey(tx.account, kindKey, id)) != nil {
		return &Exists{Kind: KindAccessKey, Name: id}
	}
	if made, ok := seal.AccountOf(id); !ok || made != tx.account {
		if ok && tx.read(recordKey(made, kindKey, id)) != nil {
			return &Exists{Kind: KindAccessKey, Name: id}
		}
		index := givenKey(id)
		if r := tx.read(index); r != nil && string(r.Value) != tx.account {
			return &Exists{Kind: KindAccessKey, Name: id}
		}
		tx.put(index, []byte(tx.account))
	}
	_, err := tx.addKey(u, AccessKey{ID: id, Created: tx.now, Given: true}, secret)
	return err
}

// hasSecret reports whether the secret is that of the stored key.
func (tx *Tx) hasSecret(id string, secret seal.Secret) (bool, error) {
	c, ok, err := tx.snap.Credential(id)
	if err != nil || !ok {
		return false, err
	}
	old, err := c.Secret()
	return err == nil && seal.NewSecret(old).Equal(secret), err
}

// givenKey is where the account of an id stands that doesn't tell it by itself.
func givenKey(id string) string { return deployment + "/" + kindKey + "/" + id }

// dropKey removes the user's i-th key and what is kept about it.
func (tx *Tx) dropKey(u *User, i int) {
	id := u.Keys[i].ID
	u.Keys = slices.Delete(slices.Clone(u.Keys), i, i+1)
	tx.delete(recordKey(tx.account, kindKey, id))
	tx.delete(recordKey(tx.account, kindUsed, id))
	if account, ok := seal.AccountOf(id); !ok || account != tx.account {
		tx.delete(givenKey(id))
	}
}

// SetKeyStatus makes the user's key active or inactive, or says NotFound.
func (tx *Tx) SetKeyStatus(u *User, id string, active bool) error {
	i := u.keyIndex(id)
	if i < 0 {
		return &NotFound{Kind: KindAccessKey, Name: id}
	}
	u.Keys = slices.Clone(u.Keys)
	u.Keys[i].Inactive = !active
	tx.save(u)
	return nil
}

// DeleteKey deletes the user's key, or says NotFound.
func (tx *Tx) DeleteKey(u *User, id string) error {
	i := u.keyIndex(id)
	if i < 0 {
		return &NotFound{Kind: KindAccessKey, Name: id}
	}
	tx.dropKey(u, i)
	tx.save(u)
	return nil
}
