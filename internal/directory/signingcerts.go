package directory

import "time"

// SigningCert is an X.509 signing certificate of a user.
type SigningCert struct {
	ID       string    `json:"id"`
	Body     string    `json:"body"`   // PEM, as it was uploaded
	SHA256   string    `json:"sha256"` // of the certificate, in hexadecimal
	Inactive bool      `json:"inactive,omitempty"`
	Uploaded time.Time `json:"uploaded"`
}
