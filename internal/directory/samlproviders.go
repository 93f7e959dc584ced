package directory

import (
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// SAMLProvider is a SAML identity provider that an account trusts. Its metadata
// document stands apart.
type SAMLProvider struct {
	Format     int       `json:"v"`
	Name       string    `json:"name"`
	UUID       string    `json:"uuid"`
	Created    time.Time `json:"created"`
	ValidUntil time.Time `json:"validUntil"`
	Sum        string    `json:"sum"` // SHA-256 of the metadata document, in hexadecimal
	// MustEncrypt: assertions that aren't encrypted are refused.
	MustEncrypt bool      `json:"mustEncrypt,omitempty"`
	Keys        []SAMLKey `json:"keys,omitempty"` // that decrypt assertions, oldest first
	Tags        []Tag     `json:"tags,omitempty"`

	account string
}

// SAMLKey is a private key that decrypts a provider's assertions.
type SAMLKey struct {
	ID     string    `json:"id"`
	Added  time.Time `json:"added"`
	Sealed []byte    `json:"sealed"` // PEM, for the context "saml/NAME/ID"
}

func samlContext(name, id string) string { return "saml/" + name + "/" + id }

func (p *SAMLProvider) loaded(r *Record) { p.account, _ = splitKey(r.Key) }

// ARN is the provider's ARN.
func (p *SAMLProvider) ARN() string { return SAMLProviderARN(p.account, p.Name) }

// SAMLProviderARN is the ARN of the provider of that name.
func SAMLProviderARN(account, name string) string {
	return "arn:aws:iam::" + account + ":saml-provider/" + name
}

// SAMLProvider is the account's provider of that ARN, or NotFound.
func (s *Snapshot) SAMLProvider(account, arn string) (*SAMLProvider, error) {
	if name, ours := strings.CutPrefix(arn, SAMLProviderARN(account, "")); ours {
		if r := s.get(account, kindSAML, name); r != nil {
			return decode[SAMLProvider](r)
		}
	}
	return nil, &NotFound{Kind: KindSAML, Name: arn}
}

// SAMLProviders are all of the account's, in the order of their names.
func (s *Snapshot) SAMLProviders(account string) ([]*SAMLProvider, error) {
	return allOf[SAMLProvider](s, account, kindSAML)
}

// SAMLMetadata is the metadata document of a provider, or NotFound.
func (s *Snapshot) SAMLMetadata(p *SAMLProvider) (string, error) {
	r := s.get(p.account, kindSAMLDoc, p.Name)
	if r == nil {
		return "", &NotFound{Kind: KindSAML, Name: p.ARN()}
	}
	return string(r.Value), nil
}

// SAMLKeys are the private keys, in PEM, that decrypt the provider's assertions.
func (d *Directory) SAMLKeys(p *SAMLProvider) ([]seal.Secret, error) {
	var keys []seal.Secret
	for _, k := range p.Keys {
		plain, err := d.box.Open(k.Sealed, samlContext(p.Name, k.ID))
		if err != nil {
			return nil, err
		}
		keys = append(keys, seal.NewSecret(string(plain)))
	}
	return keys, nil
}

// SAMLProvider gives the provider of that ARN to be read and changed, or NotFound.
func (tx *Tx) SAMLProvider(arn string) (*SAMLProvider, error) {
	if name, ours := strings.CutPrefix(arn, SAMLProviderARN(tx.account, "")); ours {
		if r := tx.read(recordKey(tx.account, kindSAML, name)); r != nil {
			p, err := decode[SAMLProvider](r)
			if err != nil {
				return nil, err
			}
			editable := *p
			return &editable, nil
		}
	}
	return nil, &NotFound{Kind: KindSAML, Name: arn}
}

// SaveSAMLProvider writes what was changed of a provider.
func (tx *Tx) SaveSAMLProvider(p *SAMLProvider) {
	tx.put(recordKey(tx.account, kindSAML, p.Name), encode(p))
}

// CreateSAMLProvider makes a provider of a metadata document, which must have
// been parsed. Exists, LimitExceeded.
func (tx *Tx) CreateSAMLProvider(name, metadata string, validUntil time.Time, tags []Tag) (*SAMLProvider, error) {
	if tx.read(recordKey(tx.account, kindSAML, name)) != nil {
		return nil, &Exists{Kind: KindSAML, Name: name}
	}
	if err := tx.roomFor(QuotaSAMLProviders, kindSAML); err != nil {
		return nil, err
	}
	p := &SAMLProvider{Format: recordFormat, Name: name, UUID: tx.randomID(), Created: tx.created(), account: tx.account}
	var err error
	if p.Tags, err = tx.mergeTags(nil, tags, false); err != nil {
		return nil, err
	}
	tx.SetSAMLMetadata(p, metadata, validUntil)
	return p, nil
}

// samlLife is for how long a provider is valid whose metadata doesn't say it.
const samlLife = 100 // years

// SetSAMLMetadata replaces a provider's metadata document. The zero time means
// that the document doesn't say until when it is valid.
func (tx *Tx) SetSAMLMetadata(p *SAMLProvider, metadata string, validUntil time.Time) {
	if validUntil.IsZero() {
		validUntil = p.Created.AddDate(samlLife, 0, 0)
	}
	p.ValidUntil, p.Sum = wholeSeconds(validUntil), sumOf([]byte(metadata))
	tx.put(recordKey(tx.account, kindSAMLDoc, p.Name), []byte(metadata))
	tx.SaveSAMLProvider(p)
}

// AddSAMLKey gives the provider a private key in PEM, which must have been
// parsed. LimitExceeded.
func (tx *Tx) AddSAMLKey(p *SAMLProvider, key seal.Secret) error {
	if err := tx.within(QuotaSAMLKeys, len(p.Keys)+1); err != nil {
		return err
	}
	k := SAMLKey{ID: tx.randomID(), Added: tx.now}
	var err error
	if k.Sealed, err = tx.snap.d.box.Seal([]byte(key.Reveal()), samlContext(p.Name, k.ID)); err != nil {
		return err
	}
	p.Keys = append(slices.Clone(p.Keys), k)
	tx.SaveSAMLProvider(p)
	return nil
}

// RemoveSAMLKey takes a private key from the provider. NotFound.
func (tx *Tx) RemoveSAMLKey(p *SAMLProvider, id string) error {
	i := slices.IndexFunc(p.Keys, func(k SAMLKey) bool { return k.ID == id })
	if i < 0 {
		return &NotFound{Kind: KindSAMLKey, Name: id}
	}
	p.Keys = slices.Delete(slices.Clone(p.Keys), i, i+1)
	tx.SaveSAMLProvider(p)
	return nil
}

// DeleteSAMLProvider deletes a provider, its document and its keys.
func (tx *Tx) DeleteSAMLProvider(p *SAMLProvider) {
	tx.delete(recordKey(tx.account, kindSAML, p.Name))
	tx.delete(recordKey(tx.account, kindSAMLDoc, p.Name))
}

// TagSAMLProvider adds tags or replaces those of the same key.
func (tx *Tx) TagSAMLProvider(p *SAMLProvider, tags []Tag) error {
	merged, err := tx.mergeTags(p.Tags, tags, false)
	if err != nil {
		return err
	}
	p.Tags = merged
	tx.SaveSAMLProvider(p)
	return nil
}

// UntagSAMLProvider drops tags; keys that aren't there are no error.
func (tx *Tx) UntagSAMLProvider(p *SAMLProvider, keys []string) {
	p.Tags = withoutTags(p.Tags, keys, false)
	tx.SaveSAMLProvider(p)
}
