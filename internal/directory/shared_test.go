package directory

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

func testSecret() seal.Secret { return seal.SecretKey(rand.Reader) }

// remote is a store in memory as one node reaches it: it can be cut off, its
// feed can be held up, and it counts the questions for its head.
type remote struct {
	*mem.Store
	lost  atomic.Bool
	held  atomic.Bool
	heads atomic.Int64
	asOf  time.Time
}

func (r *remote) AsOf() time.Time { return r.asOf }

func (r *remote) Head(ctx context.Context) (store.Revision, error) {
	r.heads.Add(1)
	if r.lost.Load() {
		return 0, store.ErrUnavailable
	}
	return r.Store.Head(ctx)
}

func (r *remote) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if r.lost.Load() {
		return 0, store.ErrUnavailable
	}
	return r.Store.Commit(ctx, txn)
}

func (r *remote) Watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	w, err := r.Store.Watch(ctx, prefix, from)
	return &heldWatcher{w, r}, err
}

// heldWatcher hands out nothing while its node is cut off or held.
type heldWatcher struct {
	store.Watcher
	r *remote
}

func (w *heldWatcher) Next(ctx context.Context) ([]store.Event, error) {
	events, err := w.Watcher.Next(ctx)
	for w.r.lost.Load() || w.r.held.Load() {
		pause(ctx, 10*time.Millisecond)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return events, err
}

// logged is a log that may be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// node is a directory on a store that others share.
type node struct {
	*Directory
	remote *remote
	log    *logged
}

func openNode(t *testing.T, st *mem.Store, master seal.MasterKey, change func(*Options, *remote)) *node {
	t.Helper()
	n := &node{remote: &remote{Store: st}, log: new(logged)}
	opts := Options{
		Master: master, AWSPolicies: oneAWSPolicy{}, Now: time.Now, Rand: rand.Reader, Shared: true,
		MaxStaleness: 5 * time.Minute, Log: slog.New(slog.NewTextHandler(n.log, nil)),
	}
	if change != nil {
		change(&opts, n.remote)
	}
	d, err := Open(t.Context(), n.remote, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { d.Close(context.Background()) })
	n.Directory = d
	return n
}

// two makes two nodes on one store with one account, and runs test in a bubble
// of time of its own.
func two(t *testing.T, change func(*Options, *remote), test func(t *testing.T, a, b *node)) {
	synctest.Test(t, func(t *testing.T) {
		st, master := mem.New(mem.Options{}), seal.NewMasterKey(rand.Reader)
		a := openNode(t, st, master, change)
		if err := a.Update(t.Context(), account, func(tx *Tx) error { return tx.CreateFirst("root@localhost", "hash") }); err != nil {
			t.Fatal(err)
		}
		b := openNode(t, st, master, change)
		synctest.Wait() // until they know of each other
		test(t, a, b)
	})
}

func (n *node) create(t *testing.T, name string) {
	t.Helper()
	if err := n.Update(t.Context(), account, createUser(name)); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
}

func (n *node) has(name string) bool {
	_, err := n.Snapshot().User(account, name)
	return err == nil
}

// What one node was answered the other one knows after CatchUp, however slow
// its feed is.
func TestCatchUp(t *testing.T) {
	two(t, nil, func(t *testing.T, a, b *node) {
		b.remote.held.Store(true)
		a.create(t, "u")
		if b.has("u") {
			t.Fatal("the held node knows the user already")
		}
		time.AfterFunc(100*time.Millisecond, func() { b.remote.held.Store(false) })
		if err := b.CatchUp(t.Context()); err != nil || !b.has("u") {
			t.Errorf("CatchUp() = %v, and the user is known: %v", err, b.has("u"))
		}
		b.remote.held.Store(true)
		a.create(t, "v")
		if err := b.CatchUp(t.Context()); !errors.Is(err, ErrBehind) {
			t.Errorf("CatchUp of a feed that stands still = %v, want ErrBehind", err)
		}
	})
}

// Many that ask at once share the questions.
func TestCatchUpIsShared(t *testing.T) {
	two(t, nil, func(t *testing.T, _, b *node) {
		before, began := b.remote.heads.Load(), time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for range 100 {
					if err := b.CatchUp(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		asked, took := b.remote.heads.Load()-before, time.Since(began)
		if most := int64(took/askAgain) + 3; asked > most {
			t.Errorf("5000 callers asked the store %d times in %v, want at most %d", asked, took, most)
		}
	})
}

func TestStaleness(t *testing.T) {
	two(t, nil, func(t *testing.T, a, b *node) {
		time.Sleep(10*time.Second + askEvery/2) // between two questions and two heartbeats
		if age := time.Since(b.Fresh()); age > askEvery || b.Stale(time.Now()) || !b.Reachable() {
			t.Errorf("beside a store that answers: %v old, stale %v, reachable %v", age, b.Stale(time.Now()), b.Reachable())
		}
		lost := time.Now()
		b.remote.lost.Store(true)
		time.Sleep(askEvery + time.Millisecond)
		if b.Reachable() {
			t.Error("after a second the loss isn't noticed")
		}
		if err := b.CatchUp(t.Context()); !errors.Is(err, ErrBehind) || !time.Now().Equal(lost.Add(askEvery+time.Millisecond)) {
			t.Errorf("CatchUp without a store = %v, want ErrBehind at once", err)
		}
		if un, unknown := Unavailable(b.Update(t.Context(), account, createUser("x"))); !un || unknown {
			t.Errorf("Update without a store: unavailable %v, unknown %v", un, unknown)
		}
		time.Sleep(time.Until(lost.Add(5*time.Minute - time.Second)))
		if b.Stale(time.Now()) {
			t.Errorf("stale %v after the loss", time.Since(lost))
		}
		time.Sleep(2 * time.Second)
		if !b.Stale(time.Now()) || a.Stale(time.Now()) {
			t.Errorf("past the bound: stale %v, and the node that reaches the store %v", b.Stale(time.Now()), a.Stale(time.Now()))
		}
		b.remote.lost.Store(false)
		time.Sleep(2 * time.Second)
		if b.Stale(time.Now()) || !b.Reachable() {
			t.Error("still stale after the store's return")
		}
		if lost, back := b.log.count("the store is lost"), b.log.count("the store is reached"); lost != 1 || back != 2 {
			t.Errorf("the log says %d times that the store is lost and %d times that it is reached, want 1 and 2", lost, back)
		}
	})
}

// A node that starts without its store is as fresh as its copy.
func TestFreshOfCopy(t *testing.T) {
	for name, tt := range map[string]struct {
		age   time.Duration // of the copy; negative: in the future
		stale bool
	}{
		"new": {time.Minute, false}, "old": {10 * time.Minute, true}, "ahead of the clock": {-time.Minute, true}, "unknown": {time.Since(time.Time{}), true},
	} {
		two(t, nil, func(t *testing.T, a, _ *node) {
			c := openNode(t, a.remote.Store, a.opts.Master, func(_ *Options, r *remote) {
				r.lost.Store(true)
				if r.asOf = time.Now().Add(-tt.age); name == "unknown" {
					r.asOf = time.Time{}
				}
			})
			if got := c.Stale(time.Now()); got != tt.stale {
				t.Errorf("%s: stale = %v, want %v", name, got, tt.stale)
			}
			time.Sleep(5 * time.Minute)
			if !c.Stale(time.Now()) {
				t.Errorf("%s: not stale five minutes later", name)
			}
		})
	}
}

// The feed loses events, and the store its history: everything is loaded again.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, master := mem.New(mem.Options{History: 1}), seal.NewMasterKey(rand.Reader)
		a, b := openNode(t, st, master, nil), openNode(t, st, master, nil)
		if err := a.Update(t.Context(), account, func(tx *Tx) error { return tx.CreateFirst("root@localhost", "hash") }); err != nil {
			t.Fatal(err)
		}
		if err := b.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for round, lose := range []func(){func() {}, func() { b.remote.FailNext(mem.OnScan, errors.New("broken"), store.ErrUnavailable) }, func() { st.Compact(t.Context(), a.Snapshot().Rev) }} {
			same := b.Snapshot().get(account, kindAccount, "")
			b.remote.held.Store(true)
			for i := range 20 {
				a.create(t, fmt.Sprint("r", round, "-", i))
			}
			if _, err := a.RotateRing(t.Context(), master, month); err != nil {
				t.Fatal(err)
			}
			lose()
			b.remote.held.Store(false)
			time.Sleep(5 * time.Second)
			if !b.has(fmt.Sprint("r", round, "-19")) || b.Snapshot().get(account, kindAccount, "") != same {
				t.Errorf("round %d: not loaded again, or what didn't change isn't shared", round)
			}
			if b.Failed() != nil || b.Snapshot().policyEpoch < b.Snapshot().Rev-10 {
				t.Errorf("round %d: failed: %v; policies as of %d, of %d", round, b.Failed(), b.Snapshot().policyEpoch, b.Snapshot().Rev)
			}
			a.create(t, fmt.Sprint("next", round))
			if err := b.CatchUp(t.Context()); err != nil || !b.has(fmt.Sprint("next", round)) {
				t.Errorf("round %d: the feed does not go on: %v", round, err)
			}
		}
	})
}

// The key ring is followed: also one that another node rotated, or sealed under
// a master key that this one doesn't have.
func TestRingIsFollowed(t *testing.T) {
	two(t, nil, func(t *testing.T, a, b *node) {
		opens := func(what string) {
			t.Helper()
			token, err := a.NewSession(&Session{Account: account, Entity: account}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := b.OpenSession(token); err != nil {
				t.Errorf("%s: a token of the other node = %v", what, err)
			}
		}
		opens("at first")
		rotate := func() {
			for range 2 { // the first notes the ring's age
				time.Sleep(2 * time.Second)
				if _, err := a.RotateRing(t.Context(), a.opts.Master, time.Second); err != nil {
					t.Fatal(err)
				}
			}
		}
		rotate()
		opens("rotated")
		next := seal.NewMasterKey(rand.Reader)
		if err := a.RewrapRing(t.Context(), a.opts.Master, next); err != nil {
			t.Fatal(err)
		}
		opens("under a new master key")
		if n, mine := b.log.count("that this node does not have"), a.log.count("that this node does not have"); n != 1 || mine != 0 {
			t.Errorf("the log speaks of the master key %d times, and that of the node that changed it %d times, want 1 and 0", n, mine)
		}
		if b.Adopt(seal.NewMasterKey(rand.Reader)) || !b.Adopt(next) {
			t.Error("a foreign master key is adopted, or the new one isn't")
		}
		time.Sleep(2 * time.Second)
		if done, err := a.RotateRing(t.Context(), next, time.Second); err != nil || !done {
			t.Fatalf("RotateRing() = %v, %v", done, err)
		}
		opens("with a new key of the ring, under the new master key")
	})
}

func confirming(o *Options, _ *remote) { o.ConfirmRevocations = true }

// A change that takes away is answered when the other node has it.
func TestConfirm(t *testing.T) {
	two(t, confirming, func(t *testing.T, a, b *node) {
		a.create(t, "u")
		b.remote.held.Store(true)
		began := time.Now()
		a.create(t, "v") // adds only
		if took := time.Since(began); took != 0 {
			t.Errorf("a creation waited %v", took)
		}
		time.AfterFunc(time.Second, func() { b.remote.held.Store(false) })
		if err := a.Update(t.Context(), account, withUser("u", func(tx *Tx, u *User) error { return tx.DeleteUser(u) })); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); b.has("u") || took < time.Second {
			t.Errorf("answered after %v, and the user is known to the other node: %v", took, b.has("u"))
		}
	})
}

// A node that is gone is waited for until three of its heartbeats are missing;
// one that lives and applies nothing is told of.
func TestConfirmWithoutNode(t *testing.T) {
	two(t, confirming, func(t *testing.T, a, b *node) {
		if a.Nodes() != 2 || b.Nodes() != 2 {
			t.Errorf("%d and %d nodes, want 2", a.Nodes(), b.Nodes())
		}
		a.create(t, "u")
		b.remote.lost.Store(true)
		began := time.Now()
		remove := func(name string) error {
			return a.Update(t.Context(), account, withUser(name, func(tx *Tx, u *User) error { return tx.DeleteUser(u) }))
		}
		if err := remove("u"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > liveFor {
			t.Errorf("waited %v for a node that is gone", took)
		}
		if a.Nodes() != 1 {
			t.Errorf("%d nodes, want 1", a.Nodes())
		}
		a.nodes.mu.Lock()
		gone := a.nodes.known[b.nodes.id]
		gone.at = gone.at.Add(-deadAfter)
		a.nodes.known[b.nodes.id] = gone
		a.nodes.mu.Unlock()
		time.Sleep(2 * beatEvery)
		if n := a.Snapshot().count(nodeKey("")); n != 1 {
			t.Errorf("%d records of nodes after a day, want 1", n)
		}
		b.remote.lost.Store(false)
		time.Sleep(3 * time.Second)
		a.create(t, "w")
		// Alive by its record, which someone else writes, and without the feed.
		b.remote.held.Store(true)
		stop := time.NewTicker(time.Second)
		defer stop.Stop()
		done := make(chan error)
		go func() { done <- remove("w") }()
		for {
			select {
			case <-stop.C:
				if _, err := b.writeNode(t.Context()); err != nil {
					t.Error(err)
				}
				continue
			case err := <-done:
				if _, ok := errors.AsType[*NotConfirmed](err); !ok || a.has("w") {
					t.Errorf("Update = %v, want NotConfirmed and the change stored", err)
				}
			}
			return
		}
	})
}

// A node leaves when it is closed, so that nobody waits for it.
func TestLeave(t *testing.T) {
	two(t, confirming, func(t *testing.T, a, b *node) {
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if a.Nodes() != 1 {
			t.Errorf("%d nodes after one left, want 1", a.Nodes())
		}
	})
}

// Both nodes start on an empty store: one ring, one account.
func TestStartTogether(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			st, master := mem.New(mem.Options{}), seal.NewMasterKey(rand.Reader)
			var nodes [3]*node
			var made atomic.Int32
			var wg sync.WaitGroup
			for i := range nodes {
				wg.Go(func() {
					if err := CurrentFormat().Bring(t.Context(), st, func(int) error { return errors.New("nothing to back up") }); err != nil {
						t.Error(err)
					}
					n := openNode(t, st, master, nil)
					err := n.Update(t.Context(), fmt.Sprint(account[:11], i), func(tx *Tx) error { return tx.CreateFirst("root@localhost", "hash") })
					if _, exists := errors.AsType[*Exists](err); err == nil {
						made.Add(1)
					} else if !exists {
						t.Error(err)
					}
					nodes[i] = n
				})
			}
			wg.Wait()
			if n := len(nodes[0].Snapshot().Accounts()); n != 1 || made.Load() != 1 {
				t.Errorf("%d accounts, made by %d nodes, want 1 and 1", n, made.Load())
			}
			token, err := nodes[0].NewSession(&Session{Account: account, Entity: account}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range nodes {
				if _, err := n.OpenSession(token); err != nil {
					t.Errorf("node %d has another key ring: %v", i, err)
				}
			}
		})
	}
}

// A later version raises the format: this one ends rather than misread.
func TestNewerFormatEnds(t *testing.T) {
	two(t, nil, func(t *testing.T, a, _ *node) {
		if _, err := a.remote.Store.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: formatKey, Value: encode(versioned{Format: recordFormat + 1})}}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !isNewer(a.Failed()) || !a.Stale(time.Now()) {
			t.Errorf("Failed() = %v, stale %v", a.Failed(), a.Stale(time.Now()))
		}
	})
}

// Clocks that differ: nobody believes another node's clock. What one node does
// the other sees, waits for and confirms; a node is alive or gone, and its own
// state fresh or stale, by the clock of the node that judges.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-25 * time.Hour, -10 * time.Minute, 10 * time.Minute, 25 * time.Hour} {
		opened := 0
		two(t, func(o *Options, _ *remote) {
			o.ConfirmRevocations = true
			if opened++; opened == 2 {
				o.Now = func() time.Time { return time.Now().Add(skew) }
			}
		}, func(t *testing.T, a, b *node) {
			for range 3 {
				time.Sleep(10 * time.Second)
				if a.Nodes() != 2 || b.Nodes() != 2 {
					t.Fatalf("skew %v: %d and %d nodes, want 2", skew, a.Nodes(), b.Nodes())
				}
			}
			for _, n := range []*node{a, b} {
				if now := n.opts.Now(); n.Stale(now) || !n.Reachable() || now.Sub(n.Fresh()) > askEvery {
					t.Errorf("skew %v: stale %v, reachable %v, %v old", skew, n.Stale(now), n.Reachable(), now.Sub(n.Fresh()))
				}
			}
			for i, n := range []*node{a, b} {
				name, other := fmt.Sprint("u", i), []*node{b, a}[i]
				n.create(t, name)
				if err := other.CatchUp(t.Context()); err != nil || !other.has(name) {
					t.Errorf("skew %v: a new user, on the other node: %v, %v", skew, other.has(name), err)
				}
				other.remote.held.Store(true)
				time.AfterFunc(time.Second, func() { other.remote.held.Store(false) })
				began := time.Now()
				if err := n.Update(t.Context(), account, withUser(name, func(tx *Tx, u *User) error { return tx.DeleteUser(u) })); err != nil {
					t.Errorf("skew %v: %v", skew, err)
				}
				if took := time.Since(began); other.has(name) || took < time.Second || took > liveFor {
					t.Errorf("skew %v: answered after %v, and the other node has the user: %v", skew, took, other.has(name))
				}
			}
			b.remote.lost.Store(true)
			time.Sleep(5*time.Minute + 2*time.Second)
			if !b.Stale(b.opts.Now()) || a.Stale(a.opts.Now()) {
				t.Errorf("skew %v: five minutes without the store: stale %v; with it: %v", skew, b.Stale(b.opts.Now()), a.Stale(a.opts.Now()))
			}
			if a.Nodes() != 1 {
				t.Errorf("skew %v: %d nodes beside one that is gone", skew, a.Nodes())
			}
		})
	}
}
