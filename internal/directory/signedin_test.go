package directory

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// TestSignedIn takes each way in which a browser's session ends.
func TestSignedIn(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, f *fixture, token string)
	}{
		{"sign-out", func(t *testing.T, f *fixture, token string) {
			if err := f.SignOut(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}},
		{"its time", func(_ *testing.T, f *fixture, _ string) { f.clock.add(time.Hour) }},
		{"another password", func(t *testing.T, f *fixture, _ string) {
			f.must(t, withUser("u", func(tx *Tx, u *User) error {
				return tx.UpdateLogin(t.Context(), u, f.Password(seal.NewSecret("Another-Pass-2")), nil)
			}))
		}},
		{"no password", func(t *testing.T, f *fixture, _ string) {
			f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteLogin(u) }))
		}},
		{"no user", func(t *testing.T, f *fixture, _ string) {
			f.must(t, withUser("u", func(tx *Tx, u *User) error {
				if err := tx.DeleteLogin(u); err != nil {
					return err
				}
				return tx.DeleteUser(u)
			}))
		}},
		{"newer ones", func(t *testing.T, f *fixture, _ string) {
			for range maxSignIns {
				if _, err := f.SignIn(t.Context(), f.user(t, "u"), SignIn{}, time.Hour); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t)
			f.must(t, createUser("u"))
			f.must(t, withUser("u", func(tx *Tx, u *User) error {
				return tx.CreateLogin(t.Context(), u, f.Password(seal.NewSecret("Some-Pass-1")), false)
			}))
			token, err := f.SignIn(t.Context(), f.user(t, "u"), SignIn{MFA: f.clock.Now()}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			s, _, err := f.ConsoleCredentials(token, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			p, err := f.Snapshot().PrincipalOf(s)
			if err != nil || p.User == nil || p.User.Name != "u" || p.Session.MFA.IsZero() {
				t.Fatalf("PrincipalOf(console session) = %+v, %v", p, err)
			}
			tt.end(t, f, token)
			if u, _, err := f.Snapshot().SignedIn(token); !errors.Is(err, ErrSignedOut) {
				t.Errorf("SignedIn = %v, %v, want ErrSignedOut", u, err)
			}
			if _, _, err := f.ConsoleCredentials(token, time.Minute); !errors.Is(err, ErrSignedOut) {
				t.Errorf("ConsoleCredentials: %v, want ErrSignedOut", err)
			}
			if p, err := f.Snapshot().PrincipalOf(s); err == nil {
				t.Errorf("credentials made before still are %v's", p.ARN())
			}
		})
	}
}

func TestSignInStep(t *testing.T) {
	f := open(t)
	root, err := f.Snapshot().RootByEmail("ROOT@localhost")
	if err != nil {
		t.Fatal(err)
	}
	token, err := f.SignIn(t.Context(), root, SignIn{Step: "mfa"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.ConsoleCredentials(token, time.Minute); !errors.Is(err, ErrSignedOut) {
		t.Errorf("credentials before the last step: %v, want ErrSignedOut", err)
	}
}

// FuzzSignedIn: no text but the token itself is anybody's.
func FuzzSignedIn(f *testing.F) {
	for _, seed := range []string{"", ".", "..", account + "." + account + ".", account + "/../x." + account + ".x", strings.Repeat("1", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := open(t)
		root, err := d.Snapshot().UserByID(account, account)
		if err != nil {
			t.Fatal(err)
		}
		token, err := d.SignIn(t.Context(), root, SignIn{}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []string{text, token + text, text + token} {
			if _, _, err := d.Snapshot().SignedIn(in); (err == nil) != (in == token) {
				t.Errorf("SignedIn(%q): %v", in, err)
			}
		}
	})
}

// TestChallenge: a challenge is one browser's, for one purpose, for a while, once.
func TestChallenge(t *testing.T) {
	f := open(t)
	root, err := f.Snapshot().UserByID(account, account)
	if err != nil {
		t.Fatal(err)
	}
	var tokens [2]string
	for i := range tokens {
		if tokens[i], err = f.SignIn(t.Context(), root, SignIn{Step: "mfa"}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	set := func() {
		t.Helper()
		if err := f.SetChallenge(t.Context(), tokens[0], Challenge{Text: "c", For: "this"}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	take := func(what, token, purpose string, right bool) {
		t.Helper()
		text, err := f.TakeChallenge(t.Context(), token, purpose)
		if right && (text != "c" || err != nil) || !right && !errors.Is(err, ErrSignedOut) {
			t.Errorf("%s: TakeChallenge = %q, %v", what, text, err)
		}
	}
	set()
	take("another browser", tokens[1], "this", false)
	take("right", tokens[0], "this", true)
	take("again", tokens[0], "this", false)
	set()
	take("another purpose", tokens[0], "that", false)
	take("after another purpose", tokens[0], "this", false)
	set()
	f.clock.add(time.Minute)
	take("late", tokens[0], "this", false)
	if err := f.SetChallenge(t.Context(), account+".x.y", Challenge{}, time.Minute); !errors.Is(err, ErrSignedOut) {
		t.Errorf("SetChallenge of no browser: %v, want ErrSignedOut", err)
	}
}

func TestKnownBrowser(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	f.must(t, createUser("other"))
	u := f.user(t, "u")
	one, two := f.KnownBrowser(u), f.KnownBrowser(u)
	id1, ok1 := f.Knows(one, u)
	id2, ok2 := f.Knows(two, u)
	if !ok1 || !ok2 || id1 == id2 {
		t.Errorf("Knows = %q, %v and %q, %v; want two browsers", id1, ok1, id2, ok2)
	}
	for what, token := range map[string]string{"another user's": f.KnownBrowser(f.user(t, "other")), "no token": "x", "a part": one[:len(one)-4]} {
		if _, ok := f.Knows(token, u); ok {
			t.Errorf("%s is taken for the user's", what)
		}
	}
}
