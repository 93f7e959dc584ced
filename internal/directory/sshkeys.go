package directory

import "time"

// SSHKey is an SSH public key of a user.
type SSHKey struct {
	ID          string    `json:"id"`   // APKA…
	Body        string    `json:"body"` // as it was uploaded, one line or PEM
	Fingerprint string    `json:"fingerprint"`
	Inactive    bool      `json:"inactive,omitempty"`
	Uploaded    time.Time `json:"uploaded"`
}
