package directory

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// Session is what temporary credentials carry with them, sealed in their
// session token: nothing of it is stored.
type Session struct {
	Format  int       `json:"v"`
	KeyID   string    `json:"key"`    // ASIA…
	Secret  string    `json:"secret"` // of the temporary key
	Account string    `json:"account"`
	UserID  string    `json:"user"` // unique id of the user that the session acts as
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

const (
	sessionPurpose = "session"
	denialPurpose  = "authorization message"
)

// NewSession makes temporary credentials with which the user acts as itself
// (GetSessionToken), and their session token.
func (d *Directory) NewSession(u *User, life time.Duration) (Session, string, error) {
	now := wholeSeconds(d.opts.Now())
	s := Session{
		Format:  recordFormat,
		KeyID:   seal.AccessKeyID(d.opts.Rand, "ASIA", u.Account()),
		Secret:  seal.SecretKey(d.opts.Rand).Reveal(),
		Account: u.Account(),
		UserID:  u.ID,
		Issued:  now,
		Expires: now.Add(life),
	}
	claims, err := json.Marshal(s)
	if err != nil {
		return Session{}, "", fmt.Errorf("encode session: %w", err)
	}
	return s, seal.SealToken(d.box, claims, sessionPurpose), nil
}

// OpenSession reads a session token. The error, seal.ErrToken, says only that
// it isn't one of ours; whether it has expired is for the caller to judge.
func (d *Directory) OpenSession(token string) (Session, error) {
	claims, err := seal.OpenToken(d.box, token, sessionPurpose)
	if err != nil {
		return Session{}, err
	}
	var s Session
	if err := json.Unmarshal(claims, &s); err != nil || s.Format != recordFormat {
		return Session{}, seal.ErrToken
	}
	return s, nil
}

// SealDenial seals what an account's denied request was about: the encoded
// authorization message.
func (d *Directory) SealDenial(account, details string) string {
	return seal.SealToken(d.box, []byte(account+"/"+details), denialPurpose)
}

// OpenDenial gives back what SealDenial sealed, or seal.ErrToken.
func (d *Directory) OpenDenial(message string) (account, details string, err error) {
	plain, err := seal.OpenToken(d.box, message, denialPurpose)
	if err != nil {
		return "", "", err
	}
	account, details, _ = strings.Cut(string(plain), "/")
	return account, details, nil
}
