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
	"github.com/sallyport-iam/sallyport/policy"
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

// TestPolicyARNsDifferByCase: what policies say about is the ARN, so that a
// policy must not be reached by another spelling of it.
func TestPolicyARNsDifferByCase(t *testing.T) {
	f := open(t)
	f.must(t, func(tx *Tx) error {
		if _, err := tx.CreateUser("u", "/", "", nil); err != nil {
			return err
		}
		_, err := tx.CreatePolicy("Keeper", "/a/", "", allow("*"), nil)
		return err
	})
	if _, err := f.Snapshot().Policy(account, PolicyARN(account, "/a/", "Keeper")); err != nil {
		t.Errorf("its own ARN: %v", err)
	}
	for _, arn := range []string{
		PolicyARN(account, "/a/", "keeper"), PolicyARN(account, "/A/", "Keeper"), PolicyARN(account, "/a/", "\u212Aeeper"),
		PolicyARN("*", "/a/", "Keeper"), PolicyARN(account, "/a/", "*"), PolicyARN(account, "/a//", "Keeper"), PolicyARN(account, "/", "a/Keeper/"),
		"arn:aws:iam::aws:policy/readall",
	} {
		if p, err := f.Snapshot().Policy(account, arn); err == nil {
			t.Errorf("Policy(%q) = %v", arn, p)
		}
		err := f.update(func(tx *Tx) error {
			u, err := tx.User("u")
			if err != nil {
				return err
			}
			return tx.Attach(u, arn)
		})
		if _, none := errors.AsType[*NotFound](err); !none {
			t.Errorf("Attach(%q) = %v, want NotFound", arn, err)
		}
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

// A group is deleted or joined, never both.
func TestDeleteGroupAgainstJoin(t *testing.T) {
	f := open(t)
	for i := range 50 {
		name := fmt.Sprintf("g%d", i)
		f.must(t, func(tx *Tx) error {
			if _, err := tx.CreateGroup(name, "/"); err != nil {
				return err
			}
			_, err := tx.CreateUser(name, "/", "", nil)
			return err
		})
		var joined, deleted error
		var wg sync.WaitGroup
		wg.Go(func() {
			joined = f.update(withUser(name, func(tx *Tx, u *User) error {
				g, err := tx.Group(name)
				if err != nil {
					return err
				}
				return tx.Join(u, g)
			}))
		})
		wg.Go(func() {
			deleted = f.update(func(tx *Tx) error {
				g, err := tx.Group(name)
				if err != nil {
					return err
				}
				return tx.DeleteGroup(g)
			})
		})
		wg.Wait()
		if (joined == nil) == (deleted == nil) {
			t.Fatalf("join: %v, delete: %v; want exactly one to succeed", joined, deleted)
		}
		if _, err := f.Snapshot().Group(account, name); (err == nil) != (joined == nil) {
			t.Errorf("group after join %v and delete %v: %v", joined, deleted, err)
		}
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
	f.Snapshot().ordered.Scan(func(r *Record) bool {
		if _, kind := splitKey(r.Key); kind != kindAccount {
			left = append(left, r.Key)
		}
		return true
	})
	if want := []string{account + "/groupname/g"}; !cmp.Equal(left, want) {
		t.Errorf("left in the index: %v, want %v", left, want)
	}
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

func TestPoliciesOfFollowEveryChange(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	may := func(action string) bool {
		s := f.Snapshot()
		u, err := s.User(account, "u")
		if err != nil {
			t.Fatal(err)
		}
		identity, boundary := s.PoliciesOf(u)
		return policy.Evaluate(&policy.Request{
			Action: action, Resource: "*", ResourceAccount: account,
			Principal: policy.Principal{Type: policy.User, ARN: u.ARN(), Account: account},
		}, &policy.Policies{Identity: identity, Boundary: boundary}).Allowed()
	}
	check := func(when string, want bool) {
		t.Helper()
		if got := may("iam:GetUser"); got != want {
			t.Errorf("%s: allowed = %v, want %v", when, got, want)
		}
	}
	check("no policy", false)
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.Attach(u, awsPolicyARN) }))
	check("AWS's policy attached", true)
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.Detach(u, awsPolicyARN) }))
	check("detached", false)
	f.must(t, withUser("u", func(tx *Tx, u *User) error {
		g, err := tx.CreateGroup("g", "/")
		if err != nil {
			return err
		}
		return tx.Join(u, g)
	}))
	check("in a group without policies", false)
	inGroup := func(fn func(tx *Tx, g *Group) error) func(*Tx) error {
		return func(tx *Tx) error {
			g, err := tx.Group("g")
			if err != nil {
				return err
			}
			return fn(tx, g)
		}
	}
	f.must(t, inGroup(func(tx *Tx, g *Group) error { return tx.PutInline(g, "p", allow("iam:*")) }))
	check("the group's inline policy", true)
	f.must(t, inGroup(func(tx *Tx, g *Group) error { return tx.DeleteInline(g, "p") }))
	check("deleted", false)
	var arn string
	f.must(t, func(tx *Tx) error {
		p, err := tx.CreatePolicy("m", "/", "", allow("s3:*"), nil)
		if err != nil {
			return err
		}
		arn = p.ARN()
		g, err := tx.Group("g")
		if err != nil {
			return err
		}
		return tx.Attach(g, arn)
	})
	check("a managed policy about something else", false)
	f.must(t, func(tx *Tx) error {
		p, err := tx.Policy(arn)
		if err != nil {
			return err
		}
		_, err = tx.AddPolicyVersion(p, allow("iam:*"), true)
		return err
	})
	check("its new default version", true)
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.SetBoundary(u, arn) }))
	check("bounded by it", true)
	f.must(t, func(tx *Tx) error {
		p, err := tx.Policy(arn)
		if err != nil {
			return err
		}
		return tx.SetDefaultVersion(p, "v1")
	})
	check("back at the first version", false)
}

func TestPolicyVersionsAreNeverReused(t *testing.T) {
	f := open(t)
	var ids []string
	f.must(t, func(tx *Tx) error {
		p, err := tx.CreatePolicy("p", "/", "", allow("s3:*"), nil)
		if err != nil {
			return err
		}
		for range 4 {
			if _, err := tx.AddPolicyVersion(p, allow("s3:*"), false); err != nil {
				return err
			}
		}
		if _, err := tx.AddPolicyVersion(p, allow("s3:*"), false); !isLimit(err, QuotaPolicyVersions) {
			t.Errorf("a sixth version: %v, want LimitExceeded", err)
		}
		if err := tx.DeleteVersion(p, "v5"); err != nil {
			return err
		}
		if _, err := tx.AddPolicyVersion(p, allow("s3:*"), false); err != nil {
			return err
		}
		for _, v := range p.Versions {
			ids = append(ids, v.ID)
		}
		return nil
	})
	if want := []string{"v1", "v2", "v3", "v4", "v6"}; !cmp.Equal(ids, want) {
		t.Errorf("versions = %v, want %v", ids, want)
	}
}

func isLimit(err error, quota string) bool {
	e, ok := errors.AsType[*LimitExceeded](err)
	return ok && e.Quota == quota
}

func TestTags(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	tag := func(tags ...Tag) error {
		return f.update(withUser("u", func(tx *Tx, u *User) error { return tx.TagUser(u, tags) }))
	}
	if err := tag(Tag{"Environment", "dev"}, Tag{"Team", "blue"}); err != nil {
		t.Fatal(err)
	}
	if err := tag(Tag{"TEAM", "red"}, Tag{"empty", ""}); err != nil {
		t.Fatal(err)
	}
	want := []Tag{{"Environment", "dev"}, {"TEAM", "red"}, {"empty", ""}}
	if got := f.user(t, "u").Tags; !cmp.Equal(got, want) {
		t.Errorf("tags = %v, want %v", got, want)
	}
	if _, ok := errors.AsType[*DuplicateTags](tag(Tag{"a", ""}, Tag{"A", ""})); !ok {
		t.Error("two keys that differ in case are taken")
	}
	if _, ok := errors.AsType[*ReservedTag](tag(Tag{"AWS:x", ""})); !ok {
		t.Error("a reserved key is taken")
	}
	var many []Tag
	for i := range 48 {
		many = append(many, Tag{Key: fmt.Sprint(i)})
	}
	if err := tag(many...); !isLimit(err, QuotaTags) {
		t.Errorf("51 tags: %v, want LimitExceeded", err)
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { tx.UntagUser(u, []string{"team", "nosuch"}); return nil }))
	if got := f.user(t, "u").Tags; !cmp.Equal(got, []Tag{{"Environment", "dev"}, {"empty", ""}}) {
		t.Errorf("tags after untagging = %v", got)
	}
}

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

func TestSessions(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	s, token, err := f.NewSession(f.user(t, "u"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f.reopen(t) // another start, the same ring
	got, err := f.OpenSession(token)
	if err != nil || !cmp.Equal(got, s) {
		t.Errorf("OpenSession = %v, %v; want what was sealed", got.KeyID, err)
	}
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		if _, err := f.OpenSession(string(changed)); err == nil {
			t.Fatalf("a token changed at %d opens", i)
		}
	}
	if _, err := f.OpenSession(f.SealDenial(account, "x")); err == nil {
		t.Error("an authorization message opens as a session")
	}
}

func TestDenials(t *testing.T) {
	f := open(t)
	details := `{"allowed":false}`
	message := f.SealDenial(account, details)
	if a, d, err := f.OpenDenial(message); a != account || d != details || err != nil {
		t.Errorf("OpenDenial = %q, %q, %v; want what was sealed", a, d, err)
	}
	for _, bad := range []string{"", "x", message[:len(message)-4], message + "AAAA"} {
		if _, _, err := f.OpenDenial(bad); !errors.Is(err, seal.ErrToken) {
			t.Errorf("OpenDenial(%.10q…) = %v, want ErrToken", bad, err)
		}
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
