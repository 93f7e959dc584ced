package directory

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// ErrOldPassword: the password that was to be changed is another one.
var ErrOldPassword = errors.New("old password is wrong")

// keptPasswords is how many past passwords are kept, as hashes: as many as a
// password policy can forbid.
const keptPasswords = 24

// Password is a password that somebody gave, with what has been found out about
// it. Hashing takes tens of milliseconds; a transaction, which may run more
// than once, should find it done. It belongs to one goroutine.
type Password struct {
	d    *Directory
	text seal.Secret
	hash string          // of the text, once made
	is   map[string]bool // hashes that it was compared with
}

// Password begins the use of a password that was given.
func (d *Directory) Password(text seal.Secret) *Password {
	return &Password{d: d, text: text, is: map[string]bool{}}
}

// slowly runs fn, which hashes: not more at once than there are processors, as
// each takes 19 MiB.
func (d *Directory) slowly(ctx context.Context, fn func()) error {
	select {
	case d.hashing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.hashing }()
	fn()
	return nil
}

// Is says whether this is the password behind the hash.
func (p *Password) Is(ctx context.Context, hash string) (bool, error) {
	if is, known := p.is[hash]; known {
		return is, nil
	}
	var is bool
	var err error
	if slow := p.d.slowly(ctx, func() { is, err = seal.VerifyPassword(hash, p.text) }); slow != nil {
		return false, slow
	}
	if err == nil {
		p.is[hash] = is
	}
	return is, err
}

func (p *Password) hashed(ctx context.Context) (string, error) {
	if p.hash != "" {
		return p.hash, nil
	}
	err := p.d.slowly(ctx, func() { p.hash = seal.Hash(p.d.opts.Rand, p.text) })
	return p.hash, err
}

// fits refuses the password where it can't be the user's next one: WeakPassword.
func (p *Password) fits(ctx context.Context, a *Account, u *User) error {
	if u.Root() {
		return nil
	}
	if weak := a.check(p.text.Reveal()); weak != nil {
		return weak
	}
	if a.Passwords == nil || a.Passwords.Reuse == 0 || u.Password == "" {
		return nil
	}
	last := append([]string{u.Password}, u.PastPasswords...)
	for _, hash := range last[:min(len(last), a.Passwords.Reuse)] {
		used, err := p.Is(ctx, hash)
		if err != nil {
			return err
		}
		if used {
			return &WeakPassword{Used: true}
		}
	}
	return nil
}

// Prepare does the slow part of making this the password of the user, so that
// a transaction finds it done. Whether the password fits the transaction says.
func (p *Password) Prepare(ctx context.Context, s *Snapshot, u *User) error {
	a, err := s.Account(u.account)
	if err != nil || a == nil {
		return err
	}
	if err := p.fits(ctx, a, u); err != nil {
		if _, weak := err.(*WeakPassword); weak {
			return nil
		}
		return err
	}
	_, err = p.hashed(ctx)
	return err
}

// LoginSince is when the user's login profile was made.
func (u *User) LoginSince() time.Time {
	if u.LoginCreated.IsZero() { // the root user's is as old as its password
		return u.PasswordChanged
	}
	return u.LoginCreated
}

// CreateLogin gives the user a first password. Exists, WeakPassword.
func (tx *Tx) CreateLogin(ctx context.Context, u *User, p *Password, mustChange bool) error {
	if u.Password != "" {
		return &Exists{Kind: KindLogin, Name: u.Name}
	}
	u.LoginCreated, u.MustChange = tx.now, mustChange
	return tx.setPassword(ctx, u, p)
}

// setPassword makes p the user's password.
func (tx *Tx) setPassword(ctx context.Context, u *User, p *Password) error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	if err := p.fits(ctx, &a, u); err != nil {
		return err
	}
	hash, err := p.hashed(ctx)
	if err != nil {
		return err
	}
	if u.Password != "" && !u.Root() {
		past := append([]string{u.Password}, u.PastPasswords...)
		u.PastPasswords = past[:min(len(past), keptPasswords)]
	}
	u.Password, u.PasswordChanged = hash, tx.now
	tx.save(u)
	return nil
}

// login refuses a user who has no password, with NotFound.
func (u *User) login() error {
	if u.Password == "" {
		return &NotFound{Kind: KindLogin, Name: u.Name}
	}
	return nil
}

// UpdateLogin changes what isn't nil: the user's password, and whether it must
// be changed at the next sign-in. NotFound, WeakPassword.
func (tx *Tx) UpdateLogin(ctx context.Context, u *User, p *Password, mustChange *bool) error {
	if err := u.login(); err != nil {
		return err
	}
	if mustChange != nil {
		u.MustChange = *mustChange
	}
	if p != nil {
		return tx.setPassword(ctx, u, p)
	}
	tx.save(u)
	return nil
}

// ChangePassword puts next in the place of the password that old must be.
// NotFound, ErrOldPassword, WeakPassword.
func (tx *Tx) ChangePassword(ctx context.Context, u *User, old, next *Password) error {
	if err := u.login(); err != nil {
		return err
	}
	right, err := old.Is(ctx, u.Password)
	if err != nil {
		return err
	}
	if !right {
		return ErrOldPassword
	}
	u.MustChange = false
	return tx.setPassword(ctx, u, next)
}

// DeleteLogin takes the user's password away. NotFound.
func (tx *Tx) DeleteLogin(u *User) error {
	if err := u.login(); err != nil {
		return err
	}
	u.Password, u.PasswordChanged, u.LoginCreated, u.MustChange, u.PastPasswords = "", time.Time{}, time.Time{}, false, nil
	tx.save(u)
	return nil
}

// passwordUse tells when a user last signed in with the password.
type passwordUse struct {
	Format int       `json:"v"`
	Time   time.Time `json:"t"`
}

// NotePasswordUse notes that the user signs in with the password now. NotFound.
func (d *Directory) NotePasswordUse(ctx context.Context, account, userID string) error {
	return d.Update(ctx, account, func(tx *Tx) error {
		if tx.read(recordKey(account, kindUser, userID)) == nil {
			return &NotFound{Kind: KindUser, Name: userID}
		}
		tx.put(recordKey(account, kindSignIn, userID), encode(passwordUse{Format: recordFormat, Time: tx.now}))
		return nil
	})
}

// PasswordLastUsed is when the user last signed in with a password; ok is false
// where it never did.
func (s *Snapshot) PasswordLastUsed(u *User) (at time.Time, ok bool, err error) {
	r := s.get(u.account, kindSignIn, u.ID)
	if r == nil {
		return time.Time{}, false, nil
	}
	use, err := decode[passwordUse](r)
	if err != nil {
		return time.Time{}, false, err
	}
	return use.Time, true, nil
}
