package directory

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

func TestPasswordRules(t *testing.T) {
	all := &PasswordPolicy{MinimumLength: 6, Symbols: true, Numbers: true, Uppercase: true, Lowercase: true}
	for _, tt := range []struct {
		name     string
		rules    *PasswordPolicy
		password string
		want     *WeakPassword
	}{
		{"default", nil, "Abcdefg1", nil},
		{"default, no upper case", nil, "abcdef-1", nil},
		{"default, two classes", nil, "abcdefg1", &WeakPassword{Lacks: []string{LacksUppercase, LacksSymbol}, Of: 1}},
		{"default, short", nil, "Abcde1-", &WeakPassword{MinimumLength: 8, Lacks: nil}},
		{"default, characters not bytes", nil, "Abcdé1-", &WeakPassword{MinimumLength: 8}},
		{"default, the e-mail address", nil, "Root1@localhost", &WeakPassword{AccountName: true}},
		{"all classes", all, "aB1-aB", nil},
		{"no class asked for", &PasswordPolicy{MinimumLength: 6}, "aaaaaa", nil},
		{"all classes missing but one", all, "aaaaaa", &WeakPassword{Lacks: []string{LacksUppercase, LacksNumber, LacksSymbol}, Of: 3}},
		{"a symbol that isn't one", all, "aB1~aB", &WeakPassword{Lacks: []string{LacksSymbol}, Of: 1}},
	} {
		a := Account{Passwords: tt.rules, Email: "root1@localhost"}
		got := a.check(tt.password)
		if got != nil && len(got.Lacks) > 0 && got.Of == 0 {
			got.Lacks = nil // may be said, isn't needed
		}
		if !cmp.Equal(got, tt.want) {
			t.Errorf("%s: check = %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// setPassword gives the user a password, as an administrator does.
func (f *fixture) setPassword(t *testing.T, user, password string) error {
	t.Helper()
	p := f.Password(seal.NewSecret(password))
	return f.update(withUser(user, func(tx *Tx, u *User) error {
		if u.Password == "" {
			return tx.CreateLogin(t.Context(), u, p, true)
		}
		return tx.UpdateLogin(t.Context(), u, p, nil)
	}))
}

func TestPasswordsAreNotUsedAgain(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	f.must(t, func(tx *Tx) error {
		return tx.SetPasswordPolicy(&PasswordPolicy{MinimumLength: 6, Reuse: 2, MaxAge: 10})
	})
	for _, password := range []string{"first1", "second2", "third3"} {
		if err := f.setPassword(t, "u", password); err != nil {
			t.Fatal(err)
		}
	}
	for _, password := range []string{"third3", "second2"} {
		err := f.setPassword(t, "u", password)
		if e, ok := errors.AsType[*WeakPassword](err); !ok || !e.Used {
			t.Errorf("%s again = %v, want WeakPassword that says Used", password, err)
		}
	}
	if err := f.setPassword(t, "u", "first1"); err != nil {
		t.Errorf("what was used three passwords ago = %v", err)
	}
	u := f.user(t, "u")
	for _, hash := range append([]string{u.Password}, u.PastPasswords...) {
		if !strings.HasPrefix(hash, "$argon2id$") {
			t.Errorf("a password is kept as %q", hash)
		}
	}
	at, ok, err := f.Snapshot().PasswordExpires(u)
	if want := u.PasswordChanged.Add(10 * day); err != nil || !ok || !at.Equal(want) {
		t.Errorf("PasswordExpires = %v, %v, %v, want %v", at, ok, err, want)
	}
}

func TestChangePassword(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	change := func(old, next string) error {
		o, n := f.Password(seal.NewSecret(old)), f.Password(seal.NewSecret(next))
		return f.update(withUser("u", func(tx *Tx, u *User) error { return tx.ChangePassword(t.Context(), u, o, n) }))
	}
	if _, ok := errors.AsType[*NotFound](change("a", "Secret-Word1")); !ok {
		t.Error("ChangePassword of a user without one isn't NotFound")
	}
	if err := f.setPassword(t, "u", "Secret-Word1"); err != nil {
		t.Fatal(err)
	}
	since := f.user(t, "u").LoginSince()
	f.clock.add(time.Hour)
	if err := change("Secret-Word2", "Secret-Word3"); !errors.Is(err, ErrOldPassword) {
		t.Errorf("ChangePassword with a wrong password = %v, want ErrOldPassword", err)
	}
	if err := change("Secret-Word1", "Secret-Word3"); err != nil {
		t.Fatal(err)
	}
	u := f.user(t, "u")
	if u.MustChange || !u.LoginSince().Equal(since) || !u.PasswordChanged.Equal(since.Add(time.Hour)) {
		t.Errorf("after ChangePassword: must change %v, since %v, changed %v", u.MustChange, u.LoginSince(), u.PasswordChanged)
	}
	if is, err := f.Password(seal.NewSecret("Secret-Word3")).Is(t.Context(), u.Password); !is || err != nil {
		t.Errorf("the new password is refused: %v", err)
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteLogin(u) }))
	if u := f.user(t, "u"); u.Password != "" || len(u.PastPasswords) > 0 {
		t.Error("DeleteLogin leaves passwords behind")
	}
}

func TestPasswordLastUsed(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	u := f.user(t, "u")
	if _, used, err := f.Snapshot().PasswordLastUsed(u); used || err != nil {
		t.Errorf("PasswordLastUsed before the first sign-in = %v, %v", used, err)
	}
	if err := f.NotePasswordUse(t.Context(), account, u.ID); err != nil {
		t.Fatal(err)
	}
	if at, used, err := f.Snapshot().PasswordLastUsed(u); !at.Equal(wholeSeconds(f.clock.Now())) || !used || err != nil {
		t.Errorf("PasswordLastUsed = %v, %v, %v, want now", at, used, err)
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteUser(u) }))
	if f.Snapshot().get(account, kindSignIn, u.ID) != nil {
		t.Error("DeleteUser leaves the time of sign-in behind")
	}
	if _, ok := errors.AsType[*NotFound](f.NotePasswordUse(t.Context(), account, u.ID)); !ok {
		t.Error("a deleted user signed in")
	}
}

func TestUsersMayChangeTheirPassword(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	allowed := func() bool {
		identity, _ := f.Snapshot().PoliciesOf(f.user(t, "u"))
		return len(identity.Policies()) > 0
	}
	if allowed() {
		t.Error("a user without policies has some")
	}
	f.must(t, func(tx *Tx) error {
		return tx.SetPasswordPolicy(&PasswordPolicy{MinimumLength: 6, UsersMayChange: true})
	})
	if !allowed() {
		t.Error("UsersMayChange grants nothing")
	}
	f.must(t, func(tx *Tx) error { return tx.SetPasswordPolicy(nil) })
	if allowed() {
		t.Error("what UsersMayChange grants outlives it")
	}
}
