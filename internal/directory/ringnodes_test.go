package directory

import (
	"crypto/rand"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// agree checks that each node opens what the other seals now.
func agree(t *testing.T, what string, a, b *node) {
	t.Helper()
	for _, pair := range [][2]*node{{a, b}, {b, a}} {
		token, err := pair[0].NewSession(&Session{Account: account, Entity: account}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := pair[1].CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := pair[1].OpenSession(token); err != nil {
			t.Fatalf("%s: a token of the other node = %v", what, err)
		}
	}
}

// TestAdoptWhileRotated: a node that takes over a master key while a newer ring
// arrives ends with the newer one, however the two meet.
func TestAdoptWhileRotated(t *testing.T) {
	two(t, nil, func(t *testing.T, a, b *node) {
		next := seal.NewMasterKey(rand.Reader)
		if err := a.RewrapRing(t.Context(), a.opts.Master, next); err != nil {
			t.Fatal(err)
		}
		if _, err := a.RotateRing(t.Context(), next, time.Second); err != nil { // notes the ring's age
			t.Fatal(err)
		}
		synctest.Wait()
		var wg sync.WaitGroup
		for range 30 {
			time.Sleep(2 * time.Second)
			wg.Go(func() {
				if done, err := a.RotateRing(t.Context(), next, time.Second); err != nil || !done {
					t.Errorf("RotateRing() = %v, %v", done, err)
				}
			})
			for range 4 {
				wg.Go(func() {
					if !b.Adopt(next) {
						t.Error("the new master key is not adopted")
					}
				})
			}
			wg.Wait()
			synctest.Wait()
			agree(t, "rotated while adopted", a, b)
		}
	})
}

// TestNewestRingStays: a ring that comes while an older one is put to use waits.
func TestNewestRingStays(t *testing.T) {
	master := seal.NewMasterKey(rand.Reader)
	first, box, err := master.NewRing(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	newer, newest, err := master.RotateRing(rand.Reader, first)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := newest.Seal([]byte("s"), "a")
	if err != nil {
		t.Fatal(err)
	}
	r := ring{masters: []seal.MasterKey{master}}
	if err := r.open(first, box.Replace); err != nil {
		t.Fatal(err)
	}
	var feed sync.WaitGroup
	adopted := r.adopt(master, func(b seal.Box) {
		feed.Go(func() {
			if err := r.open(newer, box.Replace); err != nil {
				t.Error(err)
			}
		})
		for range 1000 { // room for the other to come first
			runtime.Gosched()
		}
		box.Replace(b)
	})
	feed.Wait()
	if _, err := box.Open(sealed, "a"); err != nil || !adopted {
		t.Errorf("adopted %v; what the newest key sealed: %v", adopted, err)
	}
}

// TestRotateOnTwoNodes: the ring gets one new key where two nodes give it one at
// once, and of two new master keys one is that of the ring: the other node is
// told, and goes on with it when it has it.
func TestRotateOnTwoNodes(t *testing.T) {
	two(t, nil, func(t *testing.T, a, b *node) {
		both := func(do func(i int, n *node)) {
			var wg sync.WaitGroup
			for i, n := range []*node{a, b} {
				wg.Go(func() { do(i, n) })
			}
			wg.Wait()
			synctest.Wait()
		}
		if _, err := a.RotateRing(t.Context(), a.opts.Master, time.Minute); err != nil { // notes the ring's age
			t.Fatal(err)
		}
		master := a.opts.Master
		for range 5 {
			time.Sleep(2 * time.Minute)
			var done [2]bool
			both(func(i int, n *node) {
				var err error
				if done[i], err = n.RotateRing(t.Context(), master, time.Minute); err != nil {
					t.Errorf("RotateRing() = %v", err)
				}
			})
			if done[0] == done[1] {
				t.Errorf("RotateRing on two nodes at once = %v, want it done by one", done)
			}
			agree(t, "both rotated the ring", a, b)

			next := [2]seal.MasterKey{seal.NewMasterKey(rand.Reader), seal.NewMasterKey(rand.Reader)}
			var errs [2]error
			both(func(i int, n *node) { errs[i] = n.RewrapRing(t.Context(), master, next[i]) })
			winner := 0
			if errs[0] != nil {
				winner = 1
			}
			if errs[winner] != nil || !errors.Is(errs[1-winner], seal.ErrWrongMasterKey) {
				t.Fatalf("RewrapRing on two nodes at once = %v, want it done by one, and %v", errs, seal.ErrWrongMasterKey)
			}
			agree(t, "both rotated the master key", a, b)
			loser := []*node{a, b}[1-winner]
			if loser.Adopt(next[1-winner]) || !loser.Adopt(next[winner]) {
				t.Fatal("the node that was late adopts its own master key, or not the other's")
			}
			master = next[winner]
		}
	})
}
