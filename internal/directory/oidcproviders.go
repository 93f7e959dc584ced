package directory

import (
	"slices"
	"strings"
	"time"
)

// OIDCProvider is an OpenID Connect identity provider that an account trusts.
type OIDCProvider struct {
	Format      int       `json:"v"`
	URL         string    `json:"url"` // without https://
	ClientIDs   []string  `json:"clients,omitempty"`
	Thumbprints []string  `json:"thumbprints,omitempty"` // SHA-1 of certificates, in hexadecimal
	Created     time.Time `json:"created"`
	Tags        []Tag     `json:"tags,omitempty"`

	account string
}

func (p *OIDCProvider) loaded(r *Record) { p.account, _ = splitKey(r.Key) }

// ARN is the provider's ARN.
func (p *OIDCProvider) ARN() string { return OIDCProviderARN(p.account, p.URL) }

// OIDCProviderARN is the ARN of the provider of that URL, with or without https://.
func OIDCProviderARN(account, url string) string {
	return "arn:aws:iam::" + account + ":oidc-provider/" + strings.TrimPrefix(url, "https://")
}

// OIDCProvider is the account's provider of that ARN, or NotFound.
func (s *Snapshot) OIDCProvider(account, arn string) (*OIDCProvider, error) {
	if url, ours := strings.CutPrefix(arn, OIDCProviderARN(account, "")); ours {
		if r := s.get(account, kindOIDC, url); r != nil {
			return decode[OIDCProvider](r)
		}
	}
	return nil, &NotFound{Kind: KindOIDC, Name: arn}
}

// OIDCProviders are all of the account's, in the order of their URLs.
func (s *Snapshot) OIDCProviders(account string) ([]*OIDCProvider, error) {
	return allOf[OIDCProvider](s, account, kindOIDC)
}

// allOf are all records of a listed kind, in order.
func allOf[T any](s *Snapshot, account, kind string) (all []*T, err error) {
	s.scan(recordKey(account, kind, ""), "", func(_ string, r *Record) bool {
		var v *T
		if v, err = decode[T](r); err != nil {
			return false
		}
		all = append(all, v)
		return true
	})
	return all, err
}

// OIDCProvider gives the provider of that ARN to be read and changed, or NotFound.
func (tx *Tx) OIDCProvider(arn string) (*OIDCProvider, error) {
	if url, ours := strings.CutPrefix(arn, OIDCProviderARN(tx.account, "")); ours {
		if r := tx.read(recordKey(tx.account, kindOIDC, url)); r != nil {
			p, err := decode[OIDCProvider](r)
			if err != nil {
				return nil, err
			}
			editable := *p
			return &editable, nil
		}
	}
	return nil, &NotFound{Kind: KindOIDC, Name: arn}
}

func (tx *Tx) saveOIDC(p *OIDCProvider) { tx.put(recordKey(tx.account, kindOIDC, p.URL), encode(p)) }

// CreateOIDCProvider makes a provider of that URL, with or without https://.
// Exists, LimitExceeded.
func (tx *Tx) CreateOIDCProvider(url string, clientIDs, thumbprints []string, tags []Tag) (*OIDCProvider, error) {
	p := &OIDCProvider{Format: recordFormat, URL: strings.TrimPrefix(url, "https://"), Thumbprints: thumbprints, Created: tx.created(), account: tx.account}
	if tx.read(recordKey(tx.account, kindOIDC, p.URL)) != nil {
		return nil, &Exists{Kind: KindOIDC, Name: "https://" + p.URL}
	}
	if err := tx.roomFor(QuotaOIDCProviders, kindOIDC); err != nil {
		return nil, err
	}
	for _, id := range clientIDs {
		if !slices.Contains(p.ClientIDs, id) {
			p.ClientIDs = append(p.ClientIDs, id)
		}
	}
	if err := tx.within(QuotaClientIDs, len(p.ClientIDs)); err != nil {
		return nil, err
	}
	var err error
	if p.Tags, err = tx.mergeTags(nil, tags, false); err != nil {
		return nil, err
	}
	tx.saveOIDC(p)
	return p, nil
}

// AddClientID lets tokens for that client in; one that is there is no error.
// LimitExceeded.
func (tx *Tx) AddClientID(p *OIDCProvider, id string) error {
	if slices.Contains(p.ClientIDs, id) {
		return nil
	}
	if err := tx.within(QuotaClientIDs, len(p.ClientIDs)+1); err != nil {
		return err
	}
	p.ClientIDs = append(slices.Clone(p.ClientIDs), id)
	tx.saveOIDC(p)
	return nil
}

// RemoveClientID takes a client out; one that isn't there is no error.
func (tx *Tx) RemoveClientID(p *OIDCProvider, id string) {
	p.ClientIDs = slices.DeleteFunc(slices.Clone(p.ClientIDs), func(c string) bool { return c == id })
	tx.saveOIDC(p)
}

// SetThumbprints replaces a provider's thumbprints.
func (tx *Tx) SetThumbprints(p *OIDCProvider, thumbprints []string) {
	p.Thumbprints = thumbprints
	tx.saveOIDC(p)
}

// DeleteOIDCProvider deletes a provider.
func (tx *Tx) DeleteOIDCProvider(p *OIDCProvider) { tx.delete(recordKey(tx.account, kindOIDC, p.URL)) }

// TagOIDCProvider adds tags or replaces those of the same key.
func (tx *Tx) TagOIDCProvider(p *OIDCProvider, tags []Tag) error {
	merged, err := tx.mergeTags(p.Tags, tags, false)
	if err != nil {
		return err
	}
	p.Tags = merged
	tx.saveOIDC(p)
	return nil
}

// UntagOIDCProvider drops tags; keys that aren't there are no error.
func (tx *Tx) UntagOIDCProvider(p *OIDCProvider, keys []string) {
	p.Tags = withoutTags(p.Tags, keys, false)
	tx.saveOIDC(p)
}
