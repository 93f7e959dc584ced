package directory

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/policy"
)

const (
	oldUserID = "AIDAJ4TGTQ6Z8EXAMPLE0" // from before ids told their account
	otherID   = "AIDARZPUZDIKGB2VALC4X" // tells account 123456789012
)

// like makes a user as the original was.
func like(name, id string, created time.Time) func(*Tx) error {
	return func(tx *Tx) error {
		tx.Like(Original{ID: id, Created: created})
		_, err := tx.CreateUser(name, "/", "", nil)
		return err
	}
}

func TestLike(t *testing.T) {
	f := open(t)
	f.must(t, func(tx *Tx) error { return tx.AddAccount("999988887777", "other", "other@localhost", "") })
	then := time.Date(2017, 6, 5, 4, 3, 2, 1, time.UTC)
	own := seal.UniqueID(f.opts.Rand, "AIDA", account)
	for _, tt := range []struct {
		name, id string
		kept     bool
	}{
		{"own", own, true},
		{"old", oldUserID, true},
		{"other", otherID, true},
		{"own again", own, false},
		{"old again", oldUserID, false},
		{"of a role", "AROAJ4TGTQ6Z8EXAMPLE1", false},
		{"short", "AIDAJ4TGTQ6Z8EXAMPLE", false},
		{"lower case", "AIDAj4tgtq6z8example0", false},
		{"none", "", false},
	} {
		f.must(t, like(tt.name, tt.id, then))
		if u := f.user(t, tt.name); (u.ID == tt.id) != tt.kept || !isUniqueID(u.ID, "AIDA") || !u.Created.Equal(then.Truncate(time.Second)) {
			t.Errorf("%s: id %s, made %v; want %s kept: %v", tt.name, u.ID, u.Created, tt.id, tt.kept)
		}
	}
	f.must(t, like("future", "", f.clock.Now().Add(time.Hour)))
	if u := f.user(t, "future"); u.Created.After(f.clock.Now()) {
		t.Errorf("made in the future: %v", u.Created)
	}
	if err := f.Update(t.Context(), "999988887777", like("theirs", oldUserID, then)); err != nil {
		t.Fatal(err)
	}
	if u, err := f.Snapshot().User("999988887777", "theirs"); err != nil || u.ID == oldUserID {
		t.Errorf("an id that another account has: %v, %v", u, err)
	}
	f.checked(t)

	// An id is free again when its entity is gone, whatever account it tells.
	for _, name := range []string{"old", "other"} {
		f.must(t, withUser(name, func(tx *Tx, u *User) error { return tx.DeleteUser(u) }))
	}
	f.must(t, like("old", oldUserID, then))
	if u := f.user(t, "old"); u.ID != oldUserID {
		t.Errorf("the id of one who is gone: %s", u.ID)
	}
	f.checked(t)
}

// checked checks all records against each other.
func (f *fixture) checked(t *testing.T) {
	t.Helper()
	records := map[string][]byte{}
	if _, err := f.store.Scan(t.Context(), "", 0, func(r store.Record) error { records[r.Key] = r.Value; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, problem := range f.check(records, f.master) {
		t.Errorf("Check: %s", problem)
	}
}

// A trust policy holds users by their ids, also by kept ones; of those who are
// gone only what is restored does.
func TestTrustByKeptID(t *testing.T) {
	f := open(t)
	f.must(t, like("old", oldUserID, time.Time{}))
	trust := func(principal string) *policy.Policy {
		p, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+principal+`"},"Action":"sts:AssumeRole"}]}`, policy.Trust)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	create := func(name, principal string, restore bool) error {
		return f.update(func(tx *Tx) error {
			if restore {
				tx.Restore()
			}
			_, err := tx.CreateRole(NewRole{Name: name, Path: "/", Trust: trust(principal), MaxSession: DefaultMaxSession})
			return err
		})
	}
	const gone = "AROAJ4TGTQ6Z8EXAMPLE9"
	arn := UserARN(account, "/", "old")
	if err := create("by-arn", arn, false); err != nil {
		t.Fatal(err)
	}
	if err := create("by-gone", gone, false); err == nil {
		t.Error("a role that trusts nobody was made")
	}
	if err := create("by-gone", gone, true); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"by-arn": arn, "by-gone": gone} {
		r, err := f.Snapshot().Role(account, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Snapshot().TrustDocument(r); got != trust(want).Text() {
			t.Errorf("%s trusts %s, want %s", name, got, want)
		}
	}
	r, _ := f.Snapshot().Role(account, "by-arn")
	if want := trust(oldUserID).Text(); r.Trust != want {
		t.Errorf("stored as %s, want %s", r.Trust, want)
	}
	f.must(t, withUser("old", func(tx *Tx, u *User) error { return tx.Rename(u, "new", "") }))
	if got, want := f.Snapshot().TrustDocument(r), trust(UserARN(account, "/", "new")).Text(); got != want {
		t.Errorf("after a change of name it trusts %s, want %s", got, want)
	}
}

func TestRestorePolicy(t *testing.T) {
	f := open(t)
	day := func(n int) time.Time { return time.Date(2020, 1, n, 0, 0, 0, 0, time.UTC) }
	o := OriginalPolicy{
		Original: Original{ID: "ANPAJ4TGTQ6Z8EXAMPLE0", Created: day(1)}, Name: "p", Path: "/", Default: "v7", Updated: day(9),
		Versions: []OriginalVersion{{"v3", allow("s3:Get*"), day(2)}, {"v7", allow("s3:*"), day(3)}, {"odd", allow("s3:List*"), day(4)}, {"v4", allow("s3:Put*"), time.Time{}}},
	}
	f.must(t, func(tx *Tx) error { _, err := tx.RestorePolicy(o); return err })
	p, err := f.Snapshot().Policy(account, PolicyARN(account, "/", "p"))
	if err != nil {
		t.Fatal(err)
	}
	now := wholeSeconds(f.clock.Now())
	want := []PolicyVersion{{"v3", day(2)}, {"v7", day(3)}, {"v8", day(4)}, {"v9", now}}
	if diff := cmp.Diff(want, p.Versions); diff != "" || p.Default != "v7" || p.Last != 9 || p.ID != o.ID || !p.Created.Equal(day(1)) || !p.Updated.Equal(day(9)) {
		t.Errorf("policy %+v; versions (-want +got):\n%s", p, diff)
	}
	if text, err := f.Snapshot().PolicyDocument(p, "v9"); err != nil || text != allow("s3:Put*") {
		t.Errorf("document of v9 = %s, %v", text, err)
	}
	o.Name, o.Versions = "many", slices.Repeat(o.Versions, 2)
	if err := f.update(func(tx *Tx) error { _, err := tx.RestorePolicy(o); return err }); !isLimit(err, QuotaPolicyVersions) {
		t.Errorf("eight versions: %v", err)
	}
	f.checked(t)
}
