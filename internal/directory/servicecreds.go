package directory

import (
	"slices"
	"strconv"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// ServiceCredential is a user's service-specific credential. Its secret can't
// be read back: only a hash of it is kept.
type ServiceCredential struct {
	ID       string    `json:"id"`      // ACCA…
	Service  string    `json:"service"` // such as "codecommit.amazonaws.com"
	Name     string    `json:"name"`    // the user name at the service, or the credential's alias
	Secret   string    `json:"secret"`  // its hash
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	Inactive bool      `json:"inactive,omitempty"`
}

// ServiceCredential is the user's credential of that id, or NotFound.
func (u *User) ServiceCredential(id string) (ServiceCredential, error) {
	if i := u.serviceIndex(id); i >= 0 {
		return u.Services[i], nil
	}
	return ServiceCredential{}, &NotFound{Kind: KindServiceCred, Name: id}
}

func (u *User) serviceIndex(id string) int {
	return slices.IndexFunc(u.Services, func(c ServiceCredential) bool { return c.ID == id })
}

// AddServiceCredential gives the user an active credential of that service.
// secret makes its secret, of its name; life 0 means for ever. LimitExceeded.
func (tx *Tx) AddServiceCredential(u *User, service string, life time.Duration, secret func(name string) seal.Secret) (ServiceCredential, seal.Secret, error) {
	var names []string
	for _, c := range u.Services {
		if c.Service == service {
			names = append(names, c.Name)
		}
	}
	if err := tx.within(QuotaServiceCreds, len(names)+1); err != nil {
		return ServiceCredential{}, seal.Secret{}, err
	}
	name := u.Name + "-at-" + tx.account
	for n := 1; slices.Contains(names, name); n++ {
		name = u.Name + "+" + strconv.Itoa(n) + "-at-" + tx.account
	}
	c := ServiceCredential{ID: tx.newID("ACCA"), Service: service, Name: name, Created: tx.now}
	if life > 0 {
		c.Expires = tx.now.Add(life)
	}
	plain := secret(name)
	c.Secret = seal.HashGenerated(tx.snap.d.opts.Rand, plain)
	u.Services = append(slices.Clone(u.Services), c)
	tx.save(u)
	return c, plain, nil
}

// ResetServiceCredential gives the user's credential a new secret. NotFound.
func (tx *Tx) ResetServiceCredential(u *User, id string, secret func(name string) seal.Secret) (ServiceCredential, seal.Secret, error) {
	i := u.serviceIndex(id)
	if i < 0 {
		return ServiceCredential{}, seal.Secret{}, &NotFound{Kind: KindServiceCred, Name: id}
	}
	u.Services = slices.Clone(u.Services)
	plain := secret(u.Services[i].Name)
	u.Services[i].Secret = seal.HashGenerated(tx.snap.d.opts.Rand, plain)
	tx.save(u)
	return u.Services[i], plain, nil
}

// SetServiceCredentialStatus makes the user's credential active or inactive. NotFound.
func (tx *Tx) SetServiceCredentialStatus(u *User, id string, active bool) error {
	i := u.serviceIndex(id)
	if i < 0 {
		return &NotFound{Kind: KindServiceCred, Name: id}
	}
	u.Services = slices.Clone(u.Services)
	u.Services[i].Inactive = !active
	tx.save(u)
	return nil
}

// DeleteServiceCredential deletes the user's credential. NotFound.
func (tx *Tx) DeleteServiceCredential(u *User, id string) error {
	i := u.serviceIndex(id)
	if i < 0 {
		return &NotFound{Kind: KindServiceCred, Name: id}
	}
	u.Services = slices.Delete(slices.Clone(u.Services), i, i+1)
	tx.save(u)
	return nil
}
