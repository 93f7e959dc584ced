package directory

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

func TestLastUsedIsStoredAndFollowsItsKey(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	f.must(t, withUser("u", func(tx *Tx, u *User) error { _, err := tx.AddAccessKey(u, seal.SecretKey(rand.Reader)); return err }))
	id := f.user(t, "u").Keys[0].ID
	lastUsed := func() (LastUsed, bool) {
		t.Helper()
		s := f.Snapshot()
		c, ok, err := s.Credential(id)
		if err != nil || !ok {
			t.Fatalf("Credential: %v, %v", ok, err)
		}
		use, used, err := c.LastUsed(s)
		if err != nil {
			t.Fatal(err)
		}
		return use, used
	}
	if _, used := lastUsed(); used {
		t.Error("a key that was never used has a last use")
	}
	touch := func(service string) {
		c, _, _ := f.Snapshot().Credential(id)
		c.Touch(f.clock.Now(), service, "us-east-1")
	}
	touch("sts")
	f.clock.add(time.Second)
	touch("iam")
	want := LastUsed{Format: recordFormat, Time: wholeSeconds(f.clock.Now()), Service: "iam", Region: "us-east-1"}
	if got, _ := lastUsed(); got != want {
		t.Errorf("last use = %+v, want %+v", got, want)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.reopen(t)
	if got, _ := lastUsed(); got != want {
		t.Errorf("last use after a restart = %+v, want %+v", got, want)
	}
	// A key that is deleted while its use waits to be stored leaves nothing.
	f.clock.add(time.Hour)
	touch("s3")
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteKey(u, id) }))
	if err := f.FlushLastUsed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := f.Snapshot().get(account, kindUsed, id); r != nil {
		t.Error("the last use of a deleted key was stored")
	}
}
