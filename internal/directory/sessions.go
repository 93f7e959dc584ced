package directory

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// Session is what temporary credentials carry with them, sealed in their
// session token: nothing of it is stored.
type Session struct {
	Version int       `json:"v"`
	KeyID   string    `json:"key"`    // ASIA…
	Secret  string    `json:"secret"` // of the temporary key
	Account string    `json:"account"`
	UserID  string    `json:"user"` // unique id of the user that the session acts as
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	// Seen is the revision that it was issued in: whoever knows less does not
	// know yet what the session stands on.
	Seen Revision `json:"seen,omitempty"`
}

// Format writes which session it is, whatever the verb, and nothing of its secret.
func (s Session) Format(f fmt.State, _ rune) { io.WriteString(f, "session of "+s.KeyID) }

// LogValue is the key id.
func (s Session) LogValue() slog.Value { return slog.StringValue("session of " + s.KeyID) }

const (
	sessionPurpose = "session"
	denialPurpose  = "authorization message"
)

// NewSession makes temporary credentials with which the user acts as itself
// (GetSessionToken), and their session token.
func (d *Directory) NewSession(u *User, life time.Duration) (Session, string, error) {
	now := wholeSeconds(d.opts.Now())
	s := Session{
		Version: recordFormat,
		KeyID:   seal.AccessKeyID(d.opts.Rand, "ASIA", u.Account()),
		Secret:  seal.SecretKey(d.opts.Rand).Reveal(),
		Account: u.Account(),
		UserID:  u.ID,
		Issued:  now,
		Expires: now.Add(life),
		Seen:    d.Snapshot().Rev,
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
	if err := json.Unmarshal(claims, &s); err != nil || s.Version != recordFormat {
		return Session{}, seal.ErrToken
	}
	return s, nil
}

// SealDenial seals what an account's denied request was about: the encoded
// authorization message. The details are compressed.
func (d *Directory) SealDenial(account, details string) string {
	var b bytes.Buffer
	b.WriteString(account)
	z, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		panic(err) // only for a level that doesn't exist
	}
	z.Write([]byte(details)) // into memory: neither can fail
	z.Close()
	return seal.SealToken(d.box, b.Bytes(), denialPurpose)
}

// maxDetails bounds, in bytes, what a message can hold when it is opened.
const maxDetails = 1 << 20

// OpenDenial gives back what SealDenial sealed, or seal.ErrToken.
func (d *Directory) OpenDenial(message string) (account, details string, err error) {
	plain, err := seal.OpenToken(d.box, message, denialPurpose)
	if err != nil || len(plain) < 12 {
		return "", "", seal.ErrToken
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(plain[12:])), maxDetails))
	if err != nil {
		return "", "", seal.ErrToken
	}
	return string(plain[:12]), string(text), nil
}
