package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// The keys of the history: a transaction and a scan stay within one group, so
// that the history of each group can be checked by itself.
const (
	linearGroups  = 4
	linearKeys    = 3 // of a group
	linearClients = 6
	linearSteps   = 120 // of a client
	linearPrefix  = "linear/"
)

// Linearizable runs random transactions, scans and looks at the head by several
// goroutines, and checks that there is one order of all of them, in keeping
// with the times at which they were called and answered, in which each answer
// is what a map would give. A transaction whose outcome was unknown is there
// or not as the feed has it. The store may fail as store.Store allows.
func Linearizable(t *testing.T, s store.Store) {
	t.Helper()
	if err := recordLinear(t, s, rand.Uint64()).check(); err != nil {
		t.Error(err)
	}
}

// groupState is what the keys of a group hold: the empty cell is an absent key.
type groupState struct {
	cells [linearKeys]cell
	last  store.Revision // of the newest transaction on the group
}

type cell struct {
	rev   store.Revision
	value string
}

// What was called, and what was answered.
type (
	commitCall struct {
		group int
		id    string // the value of all that it puts
		conds map[int]store.Revision
		puts  []int
		dels  []int
	}
	scanCall struct{ group int }
	headCall struct{}

	committed  struct{ rev store.Revision }
	conflicted struct{}
	scanned    struct {
		cells [linearKeys]cell
		rev   store.Revision
	}
)

// linearClient is a goroutine with what it believes each group to hold.
type linearClient struct {
	s     store.Store
	clock *atomic.Int64 // shared: orders calls and answers
	rng   *rand.Rand
	name  int
	known [linearGroups][linearKeys]cell
	log   []porcupine.Operation
	// doubtful are operations of log whose outcome is unknown.
	doubtful map[int]bool
}

// linearHistory is what some clients called and were answered.
type linearHistory struct {
	from store.Revision // before all of it
	ops  []porcupine.Operation
}

// recordLinear gives the history of some clients on a store without such keys.
func recordLinear(t *testing.T, s store.Store, seed uint64) linearHistory {
	t.Helper()
	t.Logf("seed %d", seed)
	from := head(t, s)
	w, err := s.Watch(t.Context(), linearPrefix, from)
	if err != nil {
		t.Fatalf("Watch() = %v", err)
	}
	defer w.Close()
	clients := make([]*linearClient, linearClients)
	var clock atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		c := &linearClient{s: s, clock: &clock, rng: rand.New(rand.NewPCG(seed, uint64(i))), name: i, doubtful: map[int]bool{}}
		clients[i] = c
		wg.Go(func() {
			for n := range linearSteps {
				if err := c.step(t.Context(), n); err != nil {
					t.Errorf("client %d, step %d: %v", i, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	stored := storedIn(t, s, w)
	history := linearHistory{from: from}
	for _, c := range clients {
		history.ops = append(history.ops, c.settled(stored)...)
	}
	return history
}

// storedIn follows the feed to what is written after all else, and gives the
// revision of each transaction by its id.
func storedIn(t *testing.T, s store.Store, w store.Watcher) map[string]store.Revision {
	t.Helper()
	var err error
	for range 100 { // a failing store fails here as well
		if _, err = s.Commit(t.Context(), store.Txn{Do: []store.Op{put(linearPrefix+"end", "end")}}); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("Commit() = %v", err)
	}
	stored := map[string]store.Revision{}
	for stored["end"] == 0 {
		events, err := w.Next(t.Context())
		if err != nil {
			t.Fatalf("Next() = %v", err)
		}
		for _, e := range events {
			for _, c := range e.Records {
				if !c.Deleted {
					stored[string(c.Value)] = e.Rev
				}
			}
		}
	}
	return stored
}

// settled is the client's history, without the doubtful transactions that came
// to nothing; the others may have taken effect at any time after their call.
func (c *linearClient) settled(stored map[string]store.Revision) []porcupine.Operation {
	var log []porcupine.Operation
	for i, op := range c.log {
		if c.doubtful[i] {
			rev := stored[op.Input.(commitCall).id]
			if rev == 0 {
				continue
			}
			op.Output, op.Return = committed{rev}, math.MaxInt64
		}
		log = append(log, op)
	}
	return log
}

func (c *linearClient) step(ctx context.Context, n int) error {
	group := c.rng.IntN(linearGroups)
	switch c.rng.IntN(10) {
	case 0:
		return c.head(ctx)
	case 1, 2, 3:
		return c.scan(ctx, group)
	}
	return c.commit(ctx, group, fmt.Sprintf("%d.%d", c.name, n))
}

func (c *linearClient) head(ctx context.Context) error {
	called := c.clock.Add(1)
	rev, err := c.s.Head(ctx)
	if err != nil {
		return fmt.Errorf("Head() = %w", err)
	}
	c.note(called, headCall{}, rev)
	return nil
}

func (c *linearClient) scan(ctx context.Context, group int) error {
	var got scanned
	called := c.clock.Add(1)
	rev, err := c.s.Scan(ctx, fmt.Sprintf("%s%d/", linearPrefix, group), 0, func(r store.Record) error {
		key := int(r.Key[len(r.Key)-1] - '0')
		got.cells[key] = cell{r.Rev, string(r.Value)}
		return nil
	})
	if err != nil {
		return fmt.Errorf("Scan() = %w", err)
	}
	got.rev = rev
	c.known[group] = got.cells
	c.note(called, scanCall{group}, got)
	return nil
}

// commit changes some keys on condition that some are as the client last saw them.
func (c *linearClient) commit(ctx context.Context, group int, id string) error {
	call := commitCall{group: group, id: id, conds: map[int]store.Revision{}}
	var txn store.Txn
	for _, key := range c.rng.Perm(linearKeys)[:c.rng.IntN(linearKeys+1)] {
		call.conds[key] = c.known[group][key].rev
		txn.If = append(txn.If, store.Cond{Key: linearKey(group, key), Rev: call.conds[key]})
	}
	for i, key := range c.rng.Perm(linearKeys)[:1+c.rng.IntN(linearKeys)] {
		// The first is a put, by which the feed tells the transaction.
		if i > 0 && c.rng.IntN(3) == 0 {
			call.dels = append(call.dels, key)
			txn.Do = append(txn.Do, del(linearKey(group, key)))
			continue
		}
		call.puts = append(call.puts, key)
		txn.Do = append(txn.Do, put(linearKey(group, key), id))
	}
	called := c.clock.Add(1)
	rev, err := c.s.Commit(ctx, txn)
	switch {
	case err == nil:
		c.note(called, call, committed{rev})
		if c.rng.IntN(3) > 0 { // else it goes on from what is no longer so
			c.learn(call, rev)
		}
		return nil
	case errors.Is(err, store.ErrConflict):
		c.note(called, call, conflicted{})
	case errors.Is(err, store.ErrUnknown):
		c.doubtful[len(c.log)] = true
		c.note(called, call, nil)
	default: // any other error says that nothing was stored
		return nil
	}
	return c.scan(ctx, group)
}

func (c *linearClient) note(called int64, in, out any) {
	c.log = append(c.log, porcupine.Operation{ClientId: c.name, Input: in, Output: out, Call: called, Return: c.clock.Add(1)})
}

// learn notes what a transaction of the client's own made of a group.
func (c *linearClient) learn(call commitCall, rev store.Revision) {
	c.known[call.group] = call.on(groupState{cells: c.known[call.group]}, rev).cells
}

func linearKey(group, key int) string { return fmt.Sprintf("%s%d/%d", linearPrefix, group, key) }

// on is the state after the transaction.
func (c commitCall) on(st groupState, rev store.Revision) groupState {
	for _, key := range c.puts {
		st.cells[key] = cell{rev, c.id}
	}
	for _, key := range c.dels {
		st.cells[key] = cell{}
	}
	st.last = rev
	return st
}

// holds reports whether the transaction's conditions hold.
func (c commitCall) holds(st groupState) bool {
	for key, rev := range c.conds {
		if st.cells[key].rev != rev {
			return false
		}
	}
	return true
}

// stepGroup is the model of one group: whether the answer fits the state, and
// the state after it.
func stepGroup(state, in, out any) (bool, any) {
	st := state.(groupState)
	switch in := in.(type) {
	case scanCall:
		return out.(scanned).cells == st.cells, st
	case commitCall:
		if done, ok := out.(committed); ok {
			return in.holds(st) && done.rev >= st.last, in.on(st, done.rev)
		}
		return !in.holds(st), st
	}
	return false, st
}

// stepRevisions is the model of the revision, over all groups. Transactions
// that run at the same time may share one.
func stepRevisions(state, in, out any) (bool, any) {
	now := state.(store.Revision)
	switch out := out.(type) {
	case committed:
		return out.rev >= now, out.rev
	case scanned:
		return out.rev == now, now
	case store.Revision:
		return out == now, now
	}
	return true, now // a conflict tells nothing of the revision here
}

// linearTimeout bounds the search for an order, which takes milliseconds.
const linearTimeout = time.Minute

// check says what is wrong with a history, or nil.
func (h linearHistory) check() error {
	var groups [linearGroups][]porcupine.Operation
	var revisions []porcupine.Operation
	for _, op := range h.ops {
		switch in := op.Input.(type) {
		case commitCall:
			groups[in.group] = append(groups[in.group], op)
		case scanCall:
			groups[in.group] = append(groups[in.group], op)
		}
		if _, refused := op.Output.(conflicted); !refused {
			revisions = append(revisions, op)
		}
	}
	var errs []error
	for i, ops := range groups {
		model := porcupine.Model{Init: func() any { return groupState{} }, Step: stepGroup}
		errs = append(errs, orderOf(fmt.Sprintf("group %d", i), model, ops))
	}
	model := porcupine.Model{Init: func() any { return h.from }, Step: stepRevisions}
	return errors.Join(append(errs, orderOf("revisions", model, revisions))...)
}

// orderOf is an error where no order of the operations explains their answers.
func orderOf(what string, model porcupine.Model, ops []porcupine.Operation) error {
	if got := porcupine.CheckOperationsTimeout(model, ops, linearTimeout); got != porcupine.Ok {
		return fmt.Errorf("%s: no order of the %d operations explains their answers (%s)", what, len(ops), got)
	}
	return nil
}
