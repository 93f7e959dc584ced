package directory

import (
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// ServerCert is a server certificate of an account with its private key,
// which nobody can read back.
type ServerCert struct {
	Format   int       `json:"v"`
	ID       string    `json:"id"` // ASCA…
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Uploaded time.Time `json:"uploaded"`
	Expires  time.Time `json:"expires"`
	Body     string    `json:"body"`            // PEM, as it was uploaded, trimmed
	Chain    string    `json:"chain,omitempty"` // PEM, as it was uploaded, trimmed
	Sealed   []byte    `json:"sealed"`          // the private key, for the context "servercert/ID"
	Tags     []Tag     `json:"tags,omitempty"`

	account string
}

func (c *ServerCert) loaded(r *Record) { c.account, _ = splitKey(r.Key) }

// serverCertContext is what the private key of a certificate is sealed for.
func serverCertContext(id string) string { return "servercert/" + id }

// ARN is the certificate's ARN.
func (c *ServerCert) ARN() string { return ServerCertARN(c.account, c.Path, c.Name) }

// ServerCertARN is the ARN of a server certificate of that path and name.
func ServerCertARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":server-certificate" + path + name
}

// ServerCert is the server certificate of that name, or NotFound.
func (s *Snapshot) ServerCert(account, name string) (*ServerCert, error) {
	r := s.get(account, kindServerCertName, fold(name))
	if r == nil {
		return nil, &NotFound{Kind: KindServerCert, Name: name}
	}
	return s.serverCertByID(account, r.name().id)
}

func (s *Snapshot) serverCertByID(account, id string) (*ServerCert, error) {
	r := s.get(account, kindServerCert, id)
	if r == nil {
		return nil, &NotFound{Kind: KindServerCert, Name: id}
	}
	return decode[ServerCert](r)
}

// ServerCerts calls fn for the account's server certificates as Users does for users.
func (s *Snapshot) ServerCerts(account, pathPrefix, after string, fn func(*ServerCert) bool) error {
	return named(s, account, kindServerCertName, kindServerCert, pathPrefix, after, fn)
}

// ServerCert gives the certificate of that name to be read and changed, or NotFound.
func (tx *Tx) ServerCert(name string) (*ServerCert, error) {
	r := tx.read(recordKey(tx.account, kindServerCertName, fold(name)))
	if r == nil {
		return nil, &NotFound{Kind: KindServerCert, Name: name}
	}
	if r = tx.read(recordKey(tx.account, kindServerCert, r.name().id)); r == nil {
		return nil, &NotFound{Kind: KindServerCert, Name: name}
	}
	c, err := decode[ServerCert](r)
	if err != nil {
		return nil, err
	}
	editable := *c
	return &editable, nil
}

func (tx *Tx) saveServerCert(c *ServerCert) {
	tx.put(recordKey(tx.account, kindServerCert, c.ID), encode(c))
}

// CreateServerCert stores a server certificate with its private key, both of
// which must have been verified; c has Path, Name, Body, Chain, Expires and
// Tags. Exists, LimitExceeded.
func (tx *Tx) CreateServerCert(c ServerCert, key seal.Secret) (*ServerCert, error) {
	if err := tx.roomFor(QuotaServerCerts, kindServerCertName); err != nil {
		return nil, err
	}
	c.Format, c.Uploaded, c.account = recordFormat, tx.now, tx.account
	var err error
	if c.Tags, err = tx.mergeTags(nil, c.Tags, false); err != nil {
		return nil, err
	}
	if c.ID, err = tx.claimName(KindServerCert, kindServerCertName, kindServerCert, "ASCA", c.Name, c.Path); err != nil {
		return nil, err
	}
	if c.Sealed, err = tx.snap.d.box.Seal([]byte(key.Reveal()), serverCertContext(c.ID)); err != nil {
		return nil, err
	}
	tx.saveServerCert(&c)
	return &c, nil
}

// RenameServerCert changes a certificate's name, path or both; empty means
// unchanged. Exists, where the name is taken.
func (tx *Tx) RenameServerCert(c *ServerCert, newName, newPath string) error {
	oldName := c.Name
	if newName != "" {
		c.Name = newName
	}
	if newPath != "" {
		c.Path = newPath
	}
	if err := tx.moveName(KindServerCert, kindServerCertName, c.ID, oldName, c.Name, c.Path); err != nil {
		return err
	}
	tx.saveServerCert(c)
	return nil
}

// DeleteServerCert deletes a certificate and its private key.
func (tx *Tx) DeleteServerCert(c *ServerCert) {
	tx.delete(recordKey(tx.account, kindServerCertName, fold(c.Name)))
	tx.forget(kindServerCert, c.ID)
}

// TagServerCert adds tags or replaces those of the same key.
func (tx *Tx) TagServerCert(c *ServerCert, tags []Tag) error {
	merged, err := tx.mergeTags(c.Tags, tags, false)
	if err != nil {
		return err
	}
	c.Tags = merged
	tx.saveServerCert(c)
	return nil
}

// UntagServerCert drops tags; keys that aren't there are no error.
func (tx *Tx) UntagServerCert(c *ServerCert, keys []string) {
	c.Tags = withoutTags(c.Tags, keys, false)
	tx.saveServerCert(c)
}
