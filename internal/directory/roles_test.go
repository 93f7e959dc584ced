package directory

import (
	"errors"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/policy"
)

// trusts is a trust policy that trusts those principals.
func trusts(t testing.TB, principals string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":`+principals+`},"Action":"sts:AssumeRole"}]}`, policy.Trust)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func createRole(name string, trust *policy.Policy) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.CreateRole(NewRole{Name: name, Path: "/", Trust: trust, MaxSession: DefaultMaxSession})
		return err
	}
}

// withRole runs fn on the named role.
func withRole(name string, fn func(tx *Tx, r *Role) error) func(*Tx) error {
	return func(tx *Tx) error {
		r, err := tx.Role(name)
		if err != nil {
			return err
		}
		return fn(tx, r)
	}
}

func (f *fixture) role(t *testing.T, name string) *Role {
	t.Helper()
	r, err := f.Snapshot().Role(account, name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTrustNamesEntitiesByID(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	arn := UserARN(account, "/", "u")
	trust := trusts(t, `["`+arn+`", "arn:aws:iam::999988887777:root", "*"]`)
	f.must(t, createRole("r", trust))
	r, u := f.role(t, "R"), f.user(t, "u")
	asUser := func(u *User) bool {
		req := policy.Request{Action: "sts:AssumeRole", Resource: r.ARN(), Principal: (&Principal{User: u}).AsPolicy()}
		only := policy.Load(trusts(t, `"`+r.TrustPolicy().Principals()[0].Value+`"`).Text(), policy.Trust)
		return policy.Evaluate(&req, &policy.Policies{Resource: only}).Allowed()
	}
	if got := r.TrustPolicy().Principals()[0].Value; got != u.ID {
		t.Errorf("the trust policy names %q, want %q", got, u.ID)
	}
	if got := f.Snapshot().TrustDocument(r); got != trust.Text() || !asUser(u) {
		t.Errorf("TrustDocument = %s, want %s", got, trust.Text())
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteUser(u) }))
	f.must(t, createUser("u"))
	if got := f.Snapshot().TrustDocument(f.role(t, "r")); got == trust.Text() || asUser(f.user(t, "u")) {
		t.Errorf("a user made anew is trusted: %s", got)
	}
	for _, bad := range []string{`"arn:aws:iam::` + account + `:user/none"`, `"arn:aws:iam::` + account + `:user/U"`, `"` + u.ID + `"`, `"arn:aws:iam::999988887777:role/r"`} {
		err := f.update(createRole("bad", trusts(t, bad)))
		if _, ok := errors.AsType[*InvalidPrincipal](err); !ok {
			t.Errorf("CreateRole that trusts %s = %v, want InvalidPrincipal", bad, err)
		}
	}
}

func TestRoleUseIsStoredAndFollowsItsRole(t *testing.T) {
	f := open(t)
	f.must(t, createRole("r", trusts(t, `"`+account+`"`)))
	used := func() (LastUsed, bool) {
		t.Helper()
		use, ok, err := f.Snapshot().RoleLastUsed(f.role(t, "r"))
		if err != nil {
			t.Fatal(err)
		}
		return use, ok
	}
	if _, ok := used(); ok {
		t.Error("a role that was never used has a last use")
	}
	f.Touch(&Principal{Role: f.role(t, "r"), Session: new(Session)}, f.clock.Now(), "s3", "eu-west-1")
	f.must(t, withRole("r", func(tx *Tx, r *Role) error { return tx.TagRole(r, []Tag{{Key: "a"}}) }))
	want := LastUsed{Format: recordFormat, Time: wholeSeconds(f.clock.Now()), Service: "s3", Region: "eu-west-1"}
	if got, _ := used(); got != want {
		t.Errorf("last use = %+v, want %+v", got, want)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.reopen(t)
	if got, _ := used(); got != want {
		t.Errorf("last use after a restart = %+v, want %+v", got, want)
	}
	// A role that is deleted while its use waits to be stored leaves nothing.
	r := f.role(t, "r")
	f.Touch(&Principal{Role: r, Session: new(Session)}, f.clock.Now().Add(time.Hour), "s3", "eu-west-1")
	f.must(t, withRole("r", func(tx *Tx, r *Role) error { return tx.DeleteRole(r) }))
	if err := f.FlushLastUsed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rec := f.Snapshot().get(account, kindUsed, r.ID); rec != nil {
		t.Error("the last use of a deleted role was stored")
	}
}

func TestInstanceProfileHoldsOneRole(t *testing.T) {
	f := open(t)
	for _, name := range []string{"a", "b"} {
		f.must(t, createRole(name, trusts(t, `"`+account+`"`)))
	}
	f.must(t, func(tx *Tx) error { _, err := tx.CreateInstanceProfile("p", "/", nil); return err })
	add := func(role string) error {
		return f.update(withRole(role, func(tx *Tx, r *Role) error {
			p, err := tx.InstanceProfile("P")
			if err != nil {
				return err
			}
			return tx.AddRole(p, r)
		}))
	}
	if err := add("a"); err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"a", "b"} {
		if e, ok := errors.AsType[*LimitExceeded](add(role)); !ok || e.Limit != 1 {
			t.Errorf("a second role %s = %v, want LimitExceeded", role, e)
		}
	}
	err := f.update(withRole("a", func(tx *Tx, r *Role) error { return tx.DeleteRole(r) }))
	if e, ok := errors.AsType[*InUse](err); !ok || e.By != UseProfiles {
		t.Errorf("DeleteRole = %v, want InUse", err)
	}
}

// TestSessionCacheIsBounded: however many tokens are opened, a shard keeps at
// most two generations, and each still opens.
func TestSessionCacheIsBounded(t *testing.T) {
	var o openSessions
	for i := range 20 * sessionsKept * len(o.shards) {
		token := string(rune(i)) + "x"
		o.put(token, new(Session))
		if o.get(token) == nil {
			t.Fatal("what was put is not there")
		}
	}
	for i := range o.shards {
		if n := len(o.shards[i].now) + len(o.shards[i].last); n > 2*sessionsKept {
			t.Errorf("shard %d holds %d sessions", i, n)
		}
	}
}

func TestPrincipalTags(t *testing.T) {
	p := Principal{Role: &Role{Tags: []Tag{{"Team", "role"}, {"own", "role"}}}, Session: &Session{Tags: []Tag{{"TEAM", "session"}}}}
	got := ""
	p.EachTag(func(tag Tag) { got += tag.Key + "=" + tag.Value + " " })
	if want := "own=role TEAM=session "; got != want {
		t.Errorf("EachTag = %q, want %q", got, want)
	}
}
