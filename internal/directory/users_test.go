package directory

import (
	"crypto/rand"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

func TestNamesAreUniqueWithoutRegardToCase(t *testing.T) {
	f := open(t)
	f.must(t, createUser("Alice"))
	err := f.update(createUser("aLICE"))
	if e, ok := errors.AsType[*Exists](err); !ok || e.Name != "aLICE" {
		t.Errorf("CreateUser(aLICE) = %v, want Exists", err)
	}
	if got := f.user(t, "ALICE").Name; got != "Alice" {
		t.Errorf("User(ALICE).Name = %q, want it as created", got)
	}
	// A change of case only is a rename to a free name.
	f.must(t, withUser("alice", func(tx *Tx, u *User) error { return tx.Rename(u, "ALICE", "/x/") }))
	if got, want := f.user(t, "alice").ARN(), "arn:aws:iam::"+account+":user/x/ALICE"; got != want {
		t.Errorf("ARN after rename = %q, want %q", got, want)
	}
}

func TestRenameKeepsAllElse(t *testing.T) {
	f := open(t)
	f.must(t, createUser("old"))
	secret := seal.SecretKey(rand.Reader)
	f.must(t, withUser("old", func(tx *Tx, u *User) error {
		if err := tx.PutInline(u, "p", allow("iam:*")); err != nil {
			return err
		}
		_, err := tx.AddAccessKey(u, secret)
		return err
	}))
	before := f.user(t, "old")
	f.must(t, withUser("old", func(tx *Tx, u *User) error { return tx.Rename(u, "new", "") }))
	if _, err := f.Snapshot().User(account, "old"); err == nil {
		t.Error("the old name still finds a user")
	}
	after := f.user(t, "new")
	if after.ID != before.ID || !cmp.Equal(after.Keys, before.Keys) || !cmp.Equal(after.Policies, before.Policies) {
		t.Errorf("after rename: id %s, keys %v, policies %v; want those of before", after.ID, after.Keys, after.Policies)
	}
	c, ok, err := f.Snapshot().Credential(after.Keys[0].ID)
	if err != nil || !ok || c.Owner.Name != "new" {
		t.Errorf("Credential = %v, %v, %v; want the renamed user's", c.Owner, ok, err)
	}
	if got, err := c.Secret(); err != nil || got != secret.Reveal() {
		t.Errorf("Secret: %v, or not the one that was given", err)
	}
}

func TestDeleteRefusesWhileAnythingHangsOn(t *testing.T) {
	f := open(t)
	f.must(t, func(tx *Tx) error {
		u, err := tx.CreateUser("u", "/", "", nil)
		if err != nil {
			return err
		}
		g, err := tx.CreateGroup("g", "/")
		if err != nil {
			return err
		}
		if err := tx.Join(u, g); err != nil {
			return err
		}
		if _, err := tx.AddAccessKey(u, seal.SecretKey(rand.Reader)); err != nil {
			return err
		}
		if err := tx.Attach(u, awsPolicyARN); err != nil {
			return err
		}
		return tx.PutInline(u, "p", allow("s3:*"))
	})
	remove := func() error { return f.update(withUser("u", func(tx *Tx, u *User) error { return tx.DeleteUser(u) })) }
	steps := []struct {
		by   string
		undo func(tx *Tx, u *User) error
	}{
		{UseGroups, func(tx *Tx, u *User) error {
			g, err := tx.Group("g")
			if err != nil {
				return err
			}
			return tx.Leave(u, g)
		}},
		{UseAccessKeys, func(tx *Tx, u *User) error { return tx.DeleteKey(u, u.Keys[0].ID) }},
		{UseAttached, func(tx *Tx, u *User) error { return tx.Detach(u, awsPolicyARN) }},
		{UseInlinePolicies, func(tx *Tx, u *User) error { return tx.DeleteInline(u, "P") }},
	}
	for _, step := range steps {
		if e, ok := errors.AsType[*InUse](remove()); !ok || e.By != step.by {
			t.Fatalf("DeleteUser = %v, want InUse by %s", e, step.by)
		}
		f.must(t, withUser("u", step.undo))
	}
	if err := remove(); err != nil {
		t.Fatalf("DeleteUser = %v", err)
	}
	if _, _, err := f.Snapshot().PolicyUse(account, oneAWSPolicy{}.policy()); err != nil {
		t.Error(err)
	}
	var left []string
	f.Snapshot().ordered.Scan(func(e *entry) bool {
		r := e.record()
		if _, kind := splitKey(r.Key); kind != kindAccount {
			left = append(left, r.Key)
		}
		return true
	})
	if want := []string{account + "/groupname/g"}; !cmp.Equal(left, want) {
		t.Errorf("left in the index: %v, want %v", left, want)
	}
}
