package directory

import "time"

// ServiceCredential is a user's service-specific credential. Its secret can't
// be read back.
type ServiceCredential struct {
	ID       string    `json:"id"`      // ACCA…
	Service  string    `json:"service"` // such as "codecommit.amazonaws.com"
	Name     string    `json:"name"`    // the service's user name, or the credential's alias
	Secret   string    `json:"secret"`  // its hash
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	Inactive bool      `json:"inactive,omitempty"`
}
