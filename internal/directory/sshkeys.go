package directory

import (
	"slices"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// SSHKey is an SSH public key of a user.
type SSHKey struct {
	ID          string    `json:"id"`          // APKA…
	Body        string    `json:"body"`        // as it was uploaded, one line or PEM
	Fingerprint string    `json:"fingerprint"` // MD5 of the key, in hexadecimal with colons
	Inactive    bool      `json:"inactive,omitempty"`
	Uploaded    time.Time `json:"uploaded"`
}

// SSHKey is the user's key of that id, or NotFound.
func (u *User) SSHKey(id string) (SSHKey, error) {
	if i := u.sshKeyIndex(id); i >= 0 {
		return u.SSHKeys[i], nil
	}
	return SSHKey{}, &NotFound{Kind: KindSSHKey, Name: id}
}

func (u *User) sshKeyIndex(id string) int {
	return slices.IndexFunc(u.SSHKeys, func(k SSHKey) bool { return k.ID == id })
}

// AddSSHKey gives the user an active key, whose body must have been parsed.
// LimitExceeded; Exists, where the user has the key.
func (tx *Tx) AddSSHKey(u *User, body, fingerprint string) (SSHKey, error) {
	if slices.ContainsFunc(u.SSHKeys, func(k SSHKey) bool { return k.Fingerprint == fingerprint }) {
		return SSHKey{}, &Exists{Kind: KindSSHKey, Name: u.Name}
	}
	if err := tx.within(QuotaSSHKeys, len(u.SSHKeys)+1); err != nil {
		return SSHKey{}, err
	}
	k := SSHKey{Body: body, Fingerprint: fingerprint, Uploaded: tx.created()}
	if k.ID = tx.originalID(); !isUniqueID(k.ID, "APKA") || u.sshKeyIndex(k.ID) >= 0 {
		k.ID = seal.AccessKeyID(tx.snap.d.opts.Rand, "APKA", tx.account) // as long as those of access keys
	}
	u.SSHKeys = append(slices.Clone(u.SSHKeys), k)
	tx.save(u)
	return k, nil
}

// SetSSHKeyStatus makes the user's key active or inactive. NotFound.
func (tx *Tx) SetSSHKeyStatus(u *User, id string, active bool) error {
	i := u.sshKeyIndex(id)
	if i < 0 {
		return &NotFound{Kind: KindSSHKey, Name: id}
	}
	u.SSHKeys = slices.Clone(u.SSHKeys)
	u.SSHKeys[i].Inactive = !active
	tx.save(u)
	return nil
}

// DeleteSSHKey deletes the user's key. NotFound.
func (tx *Tx) DeleteSSHKey(u *User, id string) error {
	i := u.sshKeyIndex(id)
	if i < 0 {
		return &NotFound{Kind: KindSSHKey, Name: id}
	}
	u.SSHKeys = slices.Delete(slices.Clone(u.SSHKeys), i, i+1)
	tx.save(u)
	return nil
}
