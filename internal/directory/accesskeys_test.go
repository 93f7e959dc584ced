package directory

import (
	"crypto/rand"
	"errors"
	"sync"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// The quota holds however many ask at once: each relies on the owner's record.
func TestAccessKeyQuotaUnderConcurrency(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	const clients = 32
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			errs[i] = f.update(withUser("u", func(tx *Tx, u *User) error {
				_, err := tx.AddAccessKey(u, seal.SecretKey(rand.Reader))
				return err
			}))
		})
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if e, ok := errors.AsType[*LimitExceeded](err); !ok || e.Quota != QuotaAccessKeys || e.Limit != 2 {
			t.Errorf("AddAccessKey = %v, want LimitExceeded of 2", err)
		}
	}
	if keys := f.user(t, "u").Keys; made != 2 || len(keys) != 2 {
		t.Errorf("%d made, %d there, want 2", made, len(keys))
	}
}

func TestGivenRootKeyReplacesTheOneBefore(t *testing.T) {
	f := open(t)
	secret := func(s string) seal.Secret { return seal.NewSecret(s) }
	f.must(t, func(tx *Tx) error {
		return tx.AddRootKey(seal.AccessKeyID(rand.Reader, "AKIA", account), secret("made"))
	})
	give := func(id, s string) {
		t.Helper()
		f.must(t, func(tx *Tx) error { return tx.SetGivenRootKey(id, secret(s)) })
	}
	find := func(id string) string {
		c, ok, err := f.Snapshot().Credential(id)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return ""
		}
		s, err := c.Secret()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	give("AKIAIOSFODNN7EXAMPLE", "one") // its id tells another account, or none
	if got := find("AKIAIOSFODNN7EXAMPLE"); got != "one" {
		t.Errorf("secret = %q, want one", got)
	}
	give("AKIAIOSFODNN7EXAMPLE", "two")
	if got := find("AKIAIOSFODNN7EXAMPLE"); got != "two" {
		t.Errorf("secret after a change = %q, want two", got)
	}
	give("another_root_key_id", "three")
	if old, now := find("AKIAIOSFODNN7EXAMPLE"), find("another_root_key_id"); old != "" || now != "three" {
		t.Errorf("after another id: old %q, new %q; want none and three", old, now)
	}
	root, err := f.Snapshot().UserByID(account, account)
	if err != nil || len(root.Keys) != 2 {
		t.Errorf("root has keys %v (%v), want the one made and the one given", root.Keys, err)
	}
}
