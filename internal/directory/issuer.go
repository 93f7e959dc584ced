package directory

import (
	"errors"
	"slices"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// Issuer is an account as the issuer of tokens for services elsewhere. It stays
// when it is disabled, so that tokens that were issued can still be verified.
type Issuer struct {
	Format  int         `json:"v"`
	Enabled bool        `json:"enabled"`
	Keys    []IssuerKey `json:"keys"` // oldest first

	account string
}

// IssuerKey is a key that signs tokens.
type IssuerKey struct {
	ID        string    `json:"id"`
	Algorithm string    `json:"alg"` // RS256 or ES384
	Created   time.Time `json:"created"`
	Public    []byte    `json:"public"` // in the form of X.509
	Sealed    []byte    `json:"sealed"` // PKCS #8, for the context "issuer/ACCOUNT/ID"
}

func issuerKey(account string) string { return account + "/" + kindIssuer }

func issuerContext(account, id string) string { return "issuer/" + account + "/" + id }

func (i *Issuer) loaded(r *Record) { i.account, _ = splitKey(r.Key) }

const (
	// issuerKeyLife is for how long a key signs.
	issuerKeyLife = 30 * 24 * time.Hour
	// issuerKeyLead is how long a key can be seen before it signs, so that who
	// keeps the key set for a while knows it in time.
	issuerKeyLead = 24 * time.Hour
	// issuerKeyRest is how long a key can be seen after it has signed the last
	// token: longer than a token's life.
	issuerKeyRest = 2 * time.Hour
)

// Refusals of an issuer's being enabled and disabled.
var (
	ErrIssuerEnabled  = errors.New("the account is enabled as an issuer of tokens")
	ErrIssuerDisabled = errors.New("the account is not enabled as an issuer of tokens")
)

// IssuerURL is what identifies an account as an issuer.
func (d *Directory) IssuerURL(account string) string { return d.opts.Endpoint + "/oidc/" + account }

// TokenID makes the id of a token at random.
func (d *Directory) TokenID() string { return seal.UUID(d.opts.Rand) }

// Issuer is the account as an issuer; nil where it never was one.
func (s *Snapshot) Issuer(account string) (*Issuer, error) {
	r := s.get(account, kindIssuer, "")
	if r == nil {
		return nil, nil
	}
	return decode[Issuer](r)
}

// signing gives the key that signs at that time with that algorithm: the newest
// that could be seen for long enough, or else the oldest there is.
func (i *Issuer) signing(algorithm string, now time.Time) *IssuerKey {
	var found *IssuerKey
	for n := range i.Keys {
		k := &i.Keys[n]
		if k.Algorithm == algorithm && (found == nil || now.Sub(k.Created) >= issuerKeyLead) {
			found = k
		}
	}
	return found
}

// SigningKey opens the key that signs now with that algorithm: its id, and the
// private key as PKCS #8.
func (d *Directory) SigningKey(i *Issuer, algorithm string) (id string, private seal.Secret, err error) {
	k := i.signing(algorithm, d.opts.Now())
	if k == nil {
		return "", private, errors.New("there is no key for " + algorithm)
	}
	plain, err := d.box.Open(k.Sealed, issuerContext(i.account, k.ID))
	if err != nil {
		return "", private, err
	}
	return k.ID, seal.NewSecret(string(plain)), nil
}

// Due are the algorithms of which the issuer should get a new key.
func (i *Issuer) Due(algorithms []string, now time.Time) []string {
	var due []string
	for _, a := range algorithms {
		newest := -1
		for n, k := range i.Keys {
			if k.Algorithm == a {
				newest = n
			}
		}
		if newest < 0 || now.Sub(i.Keys[newest].Created) >= issuerKeyLife {
			due = append(due, a)
		}
	}
	return due
}

// NewIssuerKey is a key that was made for an issuer.
type NewIssuerKey struct {
	Algorithm string
	Public    []byte      // in the form of X.509
	Private   seal.Secret // PKCS #8
}

// issuer gives the account's issuer to be changed; one without keys where it
// never was one.
func (tx *Tx) issuer() (*Issuer, error) {
	r := tx.read(issuerKey(tx.account))
	if r == nil {
		return &Issuer{Format: recordFormat, account: tx.account}, nil
	}
	i, err := decode[Issuer](r)
	if err != nil {
		return nil, err
	}
	editable := *i
	editable.Keys = slices.Clone(i.Keys)
	return &editable, nil
}

func (tx *Tx) saveIssuer(i *Issuer) { tx.put(issuerKey(tx.account), encode(i)) }

// EnableIssuer makes the account an issuer, with those keys as far as it has
// none that are young enough. ErrIssuerEnabled.
func (tx *Tx) EnableIssuer(keys []NewIssuerKey) error {
	i, err := tx.issuer()
	if err != nil {
		return err
	}
	if i.Enabled {
		return ErrIssuerEnabled
	}
	i.Enabled = true
	if err := tx.addIssuerKeys(i, keys); err != nil {
		return err
	}
	tx.saveIssuer(i)
	return nil
}

// DisableIssuer lets the account issue no more tokens. ErrIssuerDisabled.
func (tx *Tx) DisableIssuer() error {
	i, err := tx.issuer()
	if err != nil {
		return err
	}
	if !i.Enabled {
		return ErrIssuerDisabled
	}
	i.Enabled = false
	tx.saveIssuer(i)
	return nil
}

// RotateIssuer gives the issuer those of the keys that are due, and drops those
// that nobody needs any more.
func (tx *Tx) RotateIssuer(keys []NewIssuerKey) error {
	i, err := tx.issuer()
	if err != nil || !i.Enabled {
		return err
	}
	before := len(i.Keys)
	if err := tx.addIssuerKeys(i, keys); err != nil {
		return err
	}
	added := len(i.Keys) > before
	i.Keys = slices.DeleteFunc(i.Keys, func(k IssuerKey) bool { return i.replaced(k, tx.now) })
	if added || len(i.Keys) != before {
		tx.saveIssuer(i)
	}
	return nil
}

// replaced reports whether another key has signed in a key's place for so long
// that no token of the key is left.
func (i *Issuer) replaced(k IssuerKey, now time.Time) bool {
	return slices.ContainsFunc(i.Keys, func(next IssuerKey) bool {
		return next.Algorithm == k.Algorithm && next.Created.After(k.Created) && now.Sub(next.Created) >= issuerKeyLead+issuerKeyRest
	})
}

func (tx *Tx) addIssuerKeys(i *Issuer, keys []NewIssuerKey) error {
	for _, n := range keys {
		if len(i.Due([]string{n.Algorithm}, tx.now)) == 0 {
			continue // another node was first
		}
		k := IssuerKey{ID: tx.randomID(), Algorithm: n.Algorithm, Created: tx.now, Public: n.Public}
		var err error
		if k.Sealed, err = tx.snap.d.box.Seal([]byte(n.Private.Reveal()), issuerContext(tx.account, k.ID)); err != nil {
			return err
		}
		i.Keys = append(i.Keys, k)
	}
	return nil
}

func (c *Checker) checkIssuer(r *Record, account, _ string) {
	i := new(Issuer)
	if !c.readable(r, i) {
		return
	}
	for _, k := range i.Keys {
		c.opensFor(r, k.Sealed, issuerContext(account, k.ID))
	}
}
