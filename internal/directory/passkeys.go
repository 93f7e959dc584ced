package directory

import (
	"slices"
	"strings"
	"time"
)

// Passkey is a FIDO authenticator of a user: a passkey or a security key. IAM's
// API has no operation that registers one; the console's sign-in does.
type Passkey struct {
	Format  int       `json:"v"`
	Serial  string    `json:"serial"` // an ARN
	Owner   string    `json:"owner"`  // the user's unique id
	Enabled time.Time `json:"enabled"`
	// Credential is the public part, as who registered it keeps it.
	Credential []byte `json:"credential"`
	// Certifications are those of the authenticator, such as FIDO-L1.
	Certifications map[string]string `json:"certifications,omitempty"`
}

func passkeyPrefix(account string) string { return "arn:aws:iam::" + account + ":u2f/" }

// Passkey is the account's authenticator of that serial number, or NotFound.
func (s *Snapshot) Passkey(account, serial string) (*Passkey, error) {
	if rest, ours := strings.CutPrefix(serial, passkeyPrefix(account)); ours {
		if r := s.get(account, kindPasskey, rest); r != nil {
			return decode[Passkey](r)
		}
	}
	return nil, &NotFound{Kind: KindMFA, Name: serial}
}

// Passkeys are the user's authenticators, in order of registration.
func (s *Snapshot) Passkeys(u *User) ([]*Passkey, error) {
	var all []*Passkey
	for _, m := range u.MFA {
		if !strings.HasPrefix(m.Serial, passkeyPrefix(u.account)) {
			continue
		}
		p, err := s.Passkey(u.account, m.Serial)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func (tx *Tx) passkeyKey(serial string) string {
	return recordKey(tx.account, kindPasskey, strings.TrimPrefix(serial, passkeyPrefix(tx.account)))
}

// AddPasskey registers an authenticator, which must have proved itself, under a
// name of the user's choice: letters, digits and +=,.@_- only. LimitExceeded.
func (tx *Tx) AddPasskey(u *User, name string, credential []byte, certifications map[string]string) (*Passkey, error) {
	if err := tx.within(QuotaMFA, len(u.MFA)+1); err != nil {
		return nil, err
	}
	of := "user/" + u.Name
	if u.Root() {
		of = "root-account"
	}
	p := &Passkey{
		Format: recordFormat, Serial: passkeyPrefix(tx.account) + of + "/" + name + "-" + tx.randomID(),
		Owner: u.ID, Enabled: tx.now, Credential: credential, Certifications: certifications,
	}
	tx.put(tx.passkeyKey(p.Serial), encode(p))
	u.MFA = append(slices.Clone(u.MFA), EnabledMFA{Serial: p.Serial, Enabled: tx.now})
	tx.save(u)
	return p, nil
}

// passkeyOf is the user's authenticator of that serial number, or NotFound.
func (tx *Tx) passkeyOf(u *User, serial string) (*Passkey, error) {
	if strings.HasPrefix(serial, passkeyPrefix(tx.account)) {
		if r := tx.read(tx.passkeyKey(serial)); r != nil {
			p, err := decode[Passkey](r)
			if err == nil && p.Owner == u.ID {
				editable := *p
				return &editable, nil
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return nil, &NotFound{Kind: KindMFA, Name: serial}
}

// SetPasskeyCredential replaces what is kept of the user's authenticator, such
// as the number of its last signature. NotFound.
func (tx *Tx) SetPasskeyCredential(u *User, serial string, credential []byte) error {
	p, err := tx.passkeyOf(u, serial)
	if err != nil {
		return err
	}
	p.Credential = credential
	tx.put(tx.passkeyKey(serial), encode(p))
	return nil
}
