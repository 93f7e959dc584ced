package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

const account = "111122223333"

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// oneAWSPolicy is the list of AWS's managed policies, for tests.
type oneAWSPolicy struct{}

const awsPolicyARN = "arn:aws:iam::aws:policy/ReadAll"

func (oneAWSPolicy) policy() *ManagedPolicy {
	return ManagedPolicy{ID: "ANPAREADALL", Name: "ReadAll", Path: "/", Default: "v3", Versions: []PolicyVersion{{ID: "v3"}}}.OwnedByAWS()
}

func (o oneAWSPolicy) Lookup(arn string) (*ManagedPolicy, bool) {
	return o.policy(), arn == awsPolicyARN
}

func (oneAWSPolicy) Document(string) string { return allow("iam:Get*") }

func (o oneAWSPolicy) All() []*ManagedPolicy { return []*ManagedPolicy{o.policy()} }

func allow(action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
}

type fixture struct {
	*Directory
	store  *mem.Store
	clock  *clock
	master seal.MasterKey
}

func (f *fixture) reopen(t *testing.T) {
	t.Helper()
	d, err := Open(t.Context(), f.store, Options{Master: f.master, AWSPolicies: oneAWSPolicy{}, Now: f.clock.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { d.Close(context.Background()) })
	f.Directory = d
}

// open makes a directory with one account on a store in memory.
func open(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{store: mem.New(mem.Options{}), clock: &clock{now: time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)}, master: seal.NewMasterKey(rand.Reader)}
	f.reopen(t)
	f.must(t, func(tx *Tx) error { return tx.CreateAccount("root@localhost", "hash") })
	return f
}

func (f *fixture) update(fn func(tx *Tx) error) error {
	return f.Update(context.Background(), account, fn)
}

func (f *fixture) must(t *testing.T, fn func(tx *Tx) error) {
	t.Helper()
	if err := f.update(fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// withUser runs fn on the named user.
func withUser(name string, fn func(tx *Tx, u *User) error) func(*Tx) error {
	return func(tx *Tx) error {
		u, err := tx.User(name)
		if err != nil {
			return err
		}
		return fn(tx, u)
	}
}

func createUser(name string) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.CreateUser(name, "/", "", nil)
		return err
	}
}

func (f *fixture) user(t *testing.T, name string) *User {
	t.Helper()
	u, err := f.Snapshot().User(account, name)
	if err != nil {
		t.Fatalf("User(%q): %v", name, err)
	}
	return u
}

// What memory holds is what a restart reads.
func TestReopenGivesTheSame(t *testing.T) {
	f := open(t)
	for i := range 30 {
		name := fmt.Sprintf("user-%02d", i)
		f.must(t, createUser(name))
		if i%3 == 0 {
			f.must(t, withUser(name, func(tx *Tx, u *User) error { return tx.DeleteUser(u) }))
		}
	}
	before := f.Snapshot()
	f.reopen(t)
	after := f.Snapshot()
	if before.Rev != after.Rev || before.records.len != after.records.len {
		t.Fatalf("reopened at revision %d with %d records, want %d with %d", after.Rev, after.records.len, before.Rev, before.records.len)
	}
	names := func(s *Snapshot) (names []string) {
		if err := s.Users(account, "/", "", func(u *User) bool { names = append(names, u.Name); return true }); err != nil {
			t.Fatal(err)
		}
		return names
	}
	if diff := cmp.Diff(names(before), names(after)); diff != "" {
		t.Errorf("users (-before +after):\n%s", diff)
	}
}

// A snapshot shows one state, whatever happens later.
func TestSnapshotsDoNotChange(t *testing.T) {
	f := open(t)
	f.must(t, createUser("a"))
	old := f.Snapshot()
	f.must(t, createUser("b"))
	f.must(t, withUser("a", func(tx *Tx, u *User) error { return tx.DeleteUser(u) }))
	var names []string
	if err := old.Users(account, "/", "", func(u *User) bool { names = append(names, u.Name); return true }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a"}; !cmp.Equal(names, want) {
		t.Errorf("the old snapshot lists %v, want %v", names, want)
	}
	if _, err := old.User(account, "a"); err != nil {
		t.Errorf("the old snapshot lost its user: %v", err)
	}
}

// A transaction that is not stored leaves no trace in memory; one that is
// stored but answered with an error is not acknowledged, yet shows later.
func TestFaultsOfTheStore(t *testing.T) {
	f := open(t)
	broken := errors.New("broken")
	f.store.FailNext(mem.BeforeStore, broken)
	if err := f.update(createUser("lost")); !errors.Is(err, broken) {
		t.Errorf("Update with a failing store = %v", err)
	}
	if _, err := f.Snapshot().User(account, "lost"); err == nil {
		t.Error("a change that was not stored is in memory")
	}
	f.store.FailNext(mem.BeforeAnswer, broken)
	if err := f.update(createUser("unknown")); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("Update with an unknown outcome = %v, want ErrUnknown", err)
	}
	f.must(t, createUser("next"))
	f.user(t, "unknown") // memory follows the store, not the writer
}

func isLimit(err error, quota string) bool {
	e, ok := errors.AsType[*LimitExceeded](err)
	return ok && e.Quota == quota
}
