package directory

import (
	"errors"
	"testing"
)

func limit(n int) *int { return &n }

// An account's own quota goes before the deployment's, which goes before AWS's.
func TestQuota(t *testing.T) {
	f := open(t)
	f.opts.Quotas = map[string]int{QuotaGroups: 2}
	quota := func(name string) int { return f.Snapshot().Quota(account, name) }
	for _, tt := range []struct {
		name  string
		limit *int
		err   bool
		want  int
	}{
		{QuotaGroups, nil, false, 2},
		{QuotaGroups, limit(1), false, 1},
		{QuotaGroups, limit(-1), true, 1},
		{QuotaGroups, limit(MaxQuota(QuotaGroups) + 1), true, 1},
		{QuotaGroups, nil, false, 2},
		{QuotaRoles, nil, false, 1000},
		{"RolesPerHour", limit(1), true, 0},
	} {
		err := f.update(func(tx *Tx) error { return tx.SetQuota(tt.name, tt.limit) })
		if _, bad := errors.AsType[*BadQuota](err); bad != tt.err {
			t.Errorf("SetQuota(%s, %v) = %v", tt.name, tt.limit, err)
		}
		if got := quota(tt.name); got != tt.want {
			t.Errorf("Quota(%s) = %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Every quota that is set for the account is held, the users' too, whose
// default is not.
func TestQuotaIsHeld(t *testing.T) {
	f := open(t)
	f.must(t, func(tx *Tx) error { return tx.SetQuota(QuotaUsers, limit(1)) })
	f.must(t, func(tx *Tx) error { return tx.SetQuota(QuotaAccessKeys, limit(3)) })
	f.must(t, func(tx *Tx) error { return tx.SetQuota(QuotaUserPolicySize, limit(20)) })
	f.must(t, createUser("a"))
	if err := f.update(createUser("b")); !isLimit(err, QuotaUsers) {
		t.Errorf("a second user: %v", err)
	}
	for range 3 {
		f.must(t, withUser("a", func(tx *Tx, u *User) error { _, err := tx.AddAccessKey(u, testSecret()); return err }))
	}
	if err := f.update(withUser("a", func(tx *Tx, u *User) error { _, err := tx.AddAccessKey(u, testSecret()); return err })); !isLimit(err, QuotaAccessKeys) {
		t.Errorf("a fourth key: %v", err)
	}
	if err := f.update(withUser("a", func(tx *Tx, u *User) error { return tx.PutInline(u, "p", allow("s3:*")) })); !isLimit(err, QuotaUserPolicySize) {
		t.Errorf("a large policy: %v", err)
	}
	// What is there stays where the quota shrinks, and grows no more.
	f.must(t, func(tx *Tx) error { return tx.SetQuota(QuotaAccessKeys, limit(1)) })
	if n := len(f.user(t, "a").Keys); n != 3 {
		t.Errorf("%d keys are left", n)
	}
	f.reopen(t)
	if got := f.Snapshot().Quota(account, QuotaAccessKeys); got != 1 {
		t.Errorf("after a restart the quota is %d", got)
	}
}

// A quota that one node has set holds on the others.
func TestQuotaOnAllNodes(t *testing.T) {
	two(t, nil, func(t *testing.T, a, b *node) {
		if err := a.Update(t.Context(), account, func(tx *Tx) error { return tx.SetQuota(QuotaUsers, limit(1)) }); err != nil {
			t.Fatal(err)
		}
		a.create(t, "u")
		if err := b.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Update(t.Context(), account, createUser("v")); !isLimit(err, QuotaUsers) {
			t.Errorf("a second user on another node: %v", err)
		}
	})
}
