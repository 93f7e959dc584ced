package directory

import (
	"context"
	"encoding/base32"
	"io"
	"slices"
	"strings"
	"time"
)

// Passkey is a FIDO authenticator of a user: a passkey or a security key. IAM's
// API has no operation that registers one; the console does.
type Passkey struct {
	Format  int       `json:"v"`
	Serial  string    `json:"serial"` // an ARN: see PasskeySerial
	Owner   string    `json:"owner"`  // the user's unique id
	Enabled time.Time `json:"enabled"`
	// Credential is the public part, as who registered it keeps it.
	Credential []byte `json:"credential"`
}

func passkeyPrefix(account string) string { return "arn:aws:iam::" + account + ":u2f/" }

// IsPasskey reports whether a serial number is that of an authenticator.
func IsPasskey(serial string) bool {
	_, rest, ok := strings.Cut(serial, "arn:aws:iam::")
	_, rest, ours := strings.Cut(rest, ":")
	return ok && ours && strings.HasPrefix(rest, "u2f/")
}

// PasskeySerial makes a serial number for an authenticator that the user gives
// that name, of letters, digits and +=,.@_- only: the name, and 26 characters
// of rand, as AWS has them.
func PasskeySerial(rand io.Reader, u *User, name string) string {
	return passkeyOwner(u) + name + "-" + randomText(rand, 16)
}

// passkeyOwner is what the serial numbers of the user's authenticators begin with.
func passkeyOwner(u *User) string {
	if u.Root() {
		return passkeyPrefix(u.account) + "root/"
	}
	return passkeyPrefix(u.account) + "user/" + u.Name + "/"
}

// randomText is so many bytes of rand in base32.
func randomText(rand io.Reader, bytes int) string {
	b := make([]byte, bytes)
	if _, err := io.ReadFull(rand, b); err != nil {
		panic("directory: no randomness: " + err.Error()) // as package seal does
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

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

// AddPasskey gives the user an authenticator, which must have proved itself,
// under a serial number that was made for the user. LimitExceeded, Exists.
func (tx *Tx) AddPasskey(u *User, serial string, credential []byte) error {
	if err := tx.within(QuotaMFA, len(u.MFA)+1); err != nil {
		return err
	}
	// Another user, renamed since the serial number was made, must not get it.
	if !strings.HasPrefix(serial, passkeyOwner(u)) {
		return &NotFound{Kind: KindUser, Name: u.Name}
	}
	if tx.read(tx.passkeyKey(serial)) != nil {
		return &Exists{Kind: KindMFA, Name: serial}
	}
	p := &Passkey{Format: recordFormat, Serial: serial, Owner: u.ID, Enabled: tx.now, Credential: credential}
	tx.put(tx.passkeyKey(serial), encode(p))
	u.MFA = append(slices.Clone(u.MFA), EnabledMFA{Serial: serial, Enabled: tx.now})
	tx.save(u)
	return nil
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

// UsePasskey has the user's authenticator of that serial number verified, and
// keeps what verify makes of its credential, such as the number of its last
// signature: no two verifications see the same, on whatever node. verify may be
// called again. NotFound, or the error of verify.
func (d *Directory) UsePasskey(ctx context.Context, account, userID, serial string, verify func(credential []byte) ([]byte, error)) error {
	return d.Update(ctx, account, func(tx *Tx) error {
		u, err := tx.UserByID(userID)
		if err != nil {
			return err
		}
		p, err := tx.passkeyOf(u, serial)
		if err != nil {
			return err
		}
		if p.Credential, err = verify(p.Credential); err != nil {
			return err
		}
		tx.put(tx.passkeyKey(serial), encode(p))
		return nil
	})
}
