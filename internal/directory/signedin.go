package directory

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// ErrSignedOut: a token of a browser is none, or its session has ended.
var ErrSignedOut = errors.New("not signed in")

// SignIn is a browser in which a user is signed in to the console. It ends at
// its time, at sign-out, when the user's password changes or goes, and with the
// user; the credentials that were made from it (ConsoleSession) end with it.
type SignIn struct {
	ID      string    `json:"id"` // SHA-256 of the browser's token, in hex
	Expires time.Time `json:"expires"`
	MFA     time.Time `json:"mfa,omitzero"` // when a code was given, if one was
	// Device is the serial number of the MFA device that was used, if one was.
	Device string `json:"device,omitempty"`
	// Challenge is what the browser's user is to have signed, where one is asked.
	Challenge *Challenge `json:"challenge,omitempty"`
	// Step is what is still asked before the user is signed in, as whoever asks
	// it calls it. Empty means nothing: only then are there credentials.
	Step string `json:"step,omitempty"`
	// Password is a digest of the password's hash at sign-in.
	Password string `json:"password"`
}

// Challenge is a random text that an authenticator is to sign.
type Challenge struct {
	Text    string    `json:"text"`
	For     string    `json:"for"` // what the signature is good for, as whoever asks has it
	Expires time.Time `json:"expires"`
}

// signIns are the browsers of one user.
type signIns struct {
	Format   int      `json:"v"`
	Browsers []SignIn `json:"browsers"` // oldest first
}

// maxSignIns is how many browsers of a user are kept: the oldest gives way.
const maxSignIns = 32

// passwordSum is what a sign-in notes of the user's password. A sign-in ends
// when it differs, which needs no two clocks to agree.
func passwordSum(u *User) string {
	sum := sha256.Sum256([]byte(u.Password))
	return hex.EncodeToString(sum[:16])
}

func signInID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// SignIn notes that a browser is the user's for that long, and gives the token
// that the browser is to show. Step and MFA of in are kept. NotFound.
func (d *Directory) SignIn(ctx context.Context, u *User, in SignIn, life time.Duration) (token string, err error) {
	var b [32]byte
	if _, err := io.ReadFull(d.opts.Rand, b[:]); err != nil {
		panic("directory: no randomness: " + err.Error()) // as package seal does
	}
	token = u.account + "." + u.ID + "." + base64.RawURLEncoding.EncodeToString(b[:])
	in.ID, in.Password = signInID(token), passwordSum(u)
	err = d.Update(ctx, u.account, func(tx *Tx) error {
		if tx.read(recordKey(tx.account, kindUser, u.ID)) == nil {
			return &NotFound{Kind: KindUser, Name: u.Name}
		}
		in.Expires = tx.now.Add(life)
		all, err := tx.signIns(u.ID)
		if err != nil {
			return err
		}
		all.Browsers = append(all.Browsers, in)
		if n := len(all.Browsers) - maxSignIns; n > 0 {
			all.Browsers = slices.Delete(all.Browsers, 0, n)
		}
		tx.put(recordKey(tx.account, kindBrowsers, u.ID), encode(all))
		return nil
	})
	return token, err
}

// signIns gives the user's browsers to be changed, without those that ended.
func (tx *Tx) signIns(userID string) (signIns, error) {
	all := signIns{Format: recordFormat}
	r := tx.read(recordKey(tx.account, kindBrowsers, userID))
	if r == nil {
		return all, nil
	}
	old, err := decode[signIns](r)
	if err != nil {
		return all, err
	}
	for _, b := range old.Browsers {
		if tx.now.Before(b.Expires) {
			all.Browsers = append(all.Browsers, b)
		}
	}
	return all, nil
}

// SignOut ends a browser's session. Of a token that is none it says nothing.
func (d *Directory) SignOut(ctx context.Context, token string) error {
	account, userID, ok := tokenOwner(token)
	if !ok || d.Snapshot().get(account, kindBrowsers, userID) == nil {
		return nil
	}
	id := signInID(token)
	return d.Update(ctx, account, func(tx *Tx) error {
		all, err := tx.signIns(userID)
		if err != nil {
			return err
		}
		all.Browsers = slices.DeleteFunc(all.Browsers, func(b SignIn) bool { return b.ID == id })
		if len(all.Browsers) == 0 {
			tx.delete(recordKey(account, kindBrowsers, userID))
			return nil
		}
		tx.put(recordKey(account, kindBrowsers, userID), encode(all))
		return nil
	})
}

// SetChallenge notes a challenge for the browser of that token, which is good for
// that long, in place of one before. ErrSignedOut.
func (d *Directory) SetChallenge(ctx context.Context, token string, c Challenge, life time.Duration) error {
	return d.changeSignIn(ctx, token, func(tx *Tx, b *SignIn) {
		c.Expires = tx.now.Add(life)
		b.Challenge = &c
	})
}

// TakeChallenge gives the browser's challenge for that and forgets it, so that
// nobody answers one twice, on whatever node. ErrSignedOut, also where there is
// no such challenge, or it was too long ago.
func (d *Directory) TakeChallenge(ctx context.Context, token, purpose string) (text string, err error) {
	err = d.changeSignIn(ctx, token, func(tx *Tx, b *SignIn) {
		text = ""
		if c := b.Challenge; c != nil && c.For == purpose && tx.now.Before(c.Expires) {
			text = c.Text
		}
		b.Challenge = nil
	})
	if err == nil && text == "" {
		err = ErrSignedOut
	}
	return text, err
}

// changeSignIn is Update on the browser of that token. ErrSignedOut.
func (d *Directory) changeSignIn(ctx context.Context, token string, fn func(tx *Tx, b *SignIn)) error {
	account, userID, ok := tokenOwner(token)
	if !ok || d.Snapshot().get(account, kindBrowsers, userID) == nil {
		return ErrSignedOut
	}
	id := signInID(token)
	return d.Update(ctx, account, func(tx *Tx) error {
		all, err := tx.signIns(userID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all.Browsers, func(b SignIn) bool { return b.ID == id })
		if i < 0 {
			return ErrSignedOut
		}
		all.Browsers = slices.Clone(all.Browsers)
		fn(tx, &all.Browsers[i])
		tx.put(recordKey(account, kindBrowsers, userID), encode(all))
		return nil
	})
}

// tokenOwner reads whose token it says to be.
func tokenOwner(token string) (account, userID string, ok bool) {
	account, rest, ok1 := strings.Cut(token, ".")
	userID, _, ok2 := strings.Cut(rest, ".")
	return account, userID, ok1 && ok2 && len(token) < 256 && !strings.Contains(account+userID, "/")
}

// SignedIn finds who is signed in in the browser of that token, or ErrSignedOut.
func (s *Snapshot) SignedIn(token string) (*User, *SignIn, error) {
	account, userID, ok := tokenOwner(token)
	if !ok {
		return nil, nil, ErrSignedOut
	}
	return s.signedIn(account, userID, signInID(token))
}

func (s *Snapshot) signedIn(account, userID, id string) (*User, *SignIn, error) {
	r := s.get(account, kindBrowsers, userID)
	if r == nil {
		return nil, nil, ErrSignedOut
	}
	all, err := decode[signIns](r)
	if err != nil {
		return nil, nil, err
	}
	u, err := s.UserByID(account, userID)
	if err != nil {
		return nil, nil, ErrSignedOut
	}
	// The ids are digests of random tokens: comparing them tells nothing of one.
	i := slices.IndexFunc(all.Browsers, func(b SignIn) bool { return b.ID == id })
	if i < 0 || !s.d.Now().Before(all.Browsers[i].Expires) || u.Password == "" || all.Browsers[i].Password != passwordSum(u) {
		return nil, nil, ErrSignedOut
	}
	return u, &all.Browsers[i], nil
}

// ConsoleCredentials makes credentials of the browser's user that live for that
// long, or as long as the sign-in if that is less. ErrSignedOut, also while a
// step is still asked for.
func (d *Directory) ConsoleCredentials(token string, life time.Duration) (s *Session, sessionToken string, err error) {
	u, in, err := d.Snapshot().SignedIn(token)
	if err != nil {
		return nil, "", err
	}
	if in.Step != "" {
		return nil, "", ErrSignedOut
	}
	s = &Session{Kind: ConsoleSession, Account: u.account, Entity: u.ID, MFA: in.MFA, Issuer: u.arn, Browser: in.ID}
	sessionToken, err = d.NewSession(s, min(life, in.Expires.Sub(d.Now())))
	return s, sessionToken, err
}

// browserPurpose is what the tokens of browsers in which somebody was signed in
// are sealed for.
const browserPurpose = "browser"

// KnownBrowser makes a token by which a browser shows later that the user was
// signed in in it. It gives no rights.
func (d *Directory) KnownBrowser(u *User) string {
	return seal.SealToken(d.box, []byte(u.account+"/"+u.ID+"/"+randomText(d.opts.Rand, 10)), browserPurpose)
}

// Knows reads a token of KnownBrowser: it gives what no other browser has, and
// reports whether the token is of that user.
func (d *Directory) Knows(token string, u *User) (browser string, ok bool) {
	plain, err := seal.OpenToken(d.box, token, browserPurpose)
	if err != nil {
		return "", false
	}
	return string(plain), strings.HasPrefix(string(plain), u.account+"/"+u.ID+"/")
}

// AccountByAlias is the id of the account that has the alias, or empty.
func (s *Snapshot) AccountByAlias(alias string) string {
	if r := s.get(deployment, "alias", alias); r != nil {
		return string(r.Value)
	}
	return ""
}

// RootByEmail is the root user of the account of that address, or NotFound.
func (s *Snapshot) RootByEmail(email string) (*User, error) {
	for _, id := range s.Accounts() {
		a, err := s.Account(id)
		if err != nil {
			return nil, err
		}
		if a != nil && a.Email != "" && strings.EqualFold(a.Email, email) {
			return s.UserByID(id, id)
		}
	}
	return nil, &NotFound{Kind: "account", Name: email}
}

// Decoy is a password's hash that no password is behind, for sign-ins of users
// that don't exist: they are to take as long as others.
func (d *Directory) Decoy() string { return seal.Hash(d.opts.Rand, seal.Password(d.opts.Rand)) }
