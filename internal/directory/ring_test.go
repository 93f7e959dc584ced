package directory

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

const month = 30 * 24 * time.Hour

func (f *fixture) rotate(t *testing.T, want bool) {
	t.Helper()
	if done, err := f.RotateRing(t.Context(), f.master, month); err != nil || done != want {
		t.Errorf("RotateRing() = %v, %v, want %v", done, err, want)
	}
}

// TestRotateRing: a key of the ring seals for its life, and opens for ever.
func TestRotateRing(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	secret := seal.SecretKey(rand.Reader)
	f.must(t, withUser("u", func(tx *Tx, u *User) error {
		_, err := tx.AddAccessKey(u, secret)
		return err
	}))
	token, err := f.NewSession(sessionOf(f.user(t, "u")), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ring := func() string { return string(f.Snapshot().get(deployment, "ring", "").Value) }
	first := ring()
	f.rotate(t, false) // how old the ring is was not known
	f.clock.add(month)
	f.rotate(t, false)
	if ring() != first {
		t.Error("the ring changed before its time")
	}
	f.clock.add(time.Second)
	f.rotate(t, true)
	f.rotate(t, false)
	if ring() == first {
		t.Error("the ring did not change")
	}
	newer, err := f.NewSession(sessionOf(f.user(t, "u")), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "after a start"} {
		for what, token := range map[string]string{"an old": token, "a new": newer} {
			if _, err := f.OpenSession(token); err != nil {
				t.Errorf("%s, %s token = %v", when, what, err)
			}
		}
		c, ok, err := f.Snapshot().Credential(f.user(t, "u").Keys[0].ID)
		if err != nil || !ok {
			t.Fatalf("Credential() = %v, %v", ok, err)
		}
		if got, err := c.Secret(); err != nil || got != secret.Reveal() {
			t.Errorf("%s: the secret that was sealed before does not open: %v", when, err)
		}
		f.reopen(t)
	}
	if _, box, err := f.master.NewRing(rand.Reader); err != nil {
		t.Fatal(err)
	} else if _, err := seal.OpenToken(box, newer, sessionPurpose); err == nil {
		t.Error("another ring opens a token")
	}
}

// TestRewrapRing: afterwards the other master key opens the ring, and only it.
func TestRewrapRing(t *testing.T) {
	f := open(t)
	token, err := f.NewSession(&Session{Account: account, Entity: account}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	next := seal.NewMasterKey(rand.Reader)
	if err := f.RewrapRing(t.Context(), next, f.master); err == nil {
		t.Error("RewrapRing from a wrong key = nil")
	}
	if err := f.RewrapRing(t.Context(), f.master, next); err != nil {
		t.Fatalf("RewrapRing() = %v", err)
	}
	for name, tt := range map[string]struct {
		master seal.MasterKey
		want   bool
	}{"old": {f.master, false}, "new": {next, true}} {
		if opens, err := OpensRing(t.Context(), f.store, tt.master); err != nil || opens != tt.want {
			t.Errorf("OpensRing with the %s master key = %v, %v, want %v", name, opens, err, tt.want)
		}
	}
	f.master = next
	f.reopen(t)
	if _, err := f.OpenSession(token); err != nil {
		t.Errorf("a token from before = %v", err)
	}
}

// TestRotateRingWhileSealing: nothing that is sealed meanwhile is lost.
func TestRotateRingWhileSealing(t *testing.T) {
	f := open(t)
	f.rotate(t, false)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				token, err := f.NewSession(&Session{Account: account, Entity: account}, time.Hour)
				if err != nil {
					t.Error(err)
				} else if _, err := f.OpenSession(token); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		f.clock.add(month + time.Second)
		f.rotate(t, true)
	}
	wg.Wait()
}
