package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// SigningCert is an X.509 signing certificate of a user.
type SigningCert struct {
	ID       string    `json:"id"`
	Body     string    `json:"body"`   // PEM, as it was uploaded
	SHA256   string    `json:"sha256"` // of the certificate, in hexadecimal
	Inactive bool      `json:"inactive,omitempty"`
	Uploaded time.Time `json:"uploaded"`
}

// sumOf is the SHA-256 of b in hexadecimal.
func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// randomID makes an id of 32 characters that no other thing has.
func (tx *Tx) randomID() string { return randomText(tx.snap.d.opts.Rand, 20) }

// leastCertID is how many characters the id of a certificate has at least
// (certificateIdType in IAM's model).
const leastCertID = 24

// AddSigningCert gives the user an active certificate: PEM that has been
// parsed, and its DER. LimitExceeded; Exists, where a user of the account has it.
func (tx *Tx) AddSigningCert(u *User, body string, der []byte) (SigningCert, error) {
	c := SigningCert{Body: body, SHA256: sumOf(der), Uploaded: tx.created()}
	index := recordKey(tx.account, kindSigningCert, c.SHA256)
	if tx.read(index) != nil {
		return SigningCert{}, &Exists{Kind: KindSigningCert}
	}
	if err := tx.within(QuotaCertificates, len(u.Certificates)+1); err != nil {
		return SigningCert{}, err
	}
	if c.ID = tx.originalID(); len(c.ID) < leastCertID || len(c.ID) > 128 || !isUpperText(c.ID) || u.certIndex(c.ID) >= 0 {
		c.ID = tx.randomID()
	}
	tx.put(index, []byte(u.ID))
	u.Certificates = append(slices.Clone(u.Certificates), c)
	tx.save(u)
	return c, nil
}

func (u *User) certIndex(id string) int {
	return slices.IndexFunc(u.Certificates, func(c SigningCert) bool { return c.ID == id })
}

// SetSigningCertStatus makes the user's certificate active or inactive. NotFound.
func (tx *Tx) SetSigningCertStatus(u *User, id string, active bool) error {
	i := u.certIndex(id)
	if i < 0 {
		return &NotFound{Kind: KindSigningCert, Name: id}
	}
	u.Certificates = slices.Clone(u.Certificates)
	u.Certificates[i].Inactive = !active
	tx.save(u)
	return nil
}

// DeleteSigningCert deletes the user's certificate. NotFound.
func (tx *Tx) DeleteSigningCert(u *User, id string) error {
	i := u.certIndex(id)
	if i < 0 {
		return &NotFound{Kind: KindSigningCert, Name: id}
	}
	tx.delete(recordKey(tx.account, kindSigningCert, u.Certificates[i].SHA256))
	u.Certificates = slices.Delete(slices.Clone(u.Certificates), i, i+1)
	tx.save(u)
	return nil
}
