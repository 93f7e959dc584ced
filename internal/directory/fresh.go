package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Revision numbers the states of the directory: the store's revisions.
type Revision = store.Revision

// freshness is what a node on a shared store knows of how new its state is.
type freshness struct {
	// at is when the state was last known to be the newest: nil where nobody
	// else changes the store, the zero time where it is not known at all.
	at        atomic.Pointer[time.Time]
	reachable atomic.Bool // the store answered when it was last asked

	mu      sync.Mutex // guards the fields below
	running bool       // askAll runs
	next    *question  // the one that is asked after the one in flight; nil where nobody waits for it
	asked   time.Time  // when the last one was begun
}

// question is one look at the store's head that any number of callers share.
type question struct {
	done chan struct{} // closed when it is answered
	err  error
}

const (
	// askEvery is how often a node asks the store whether its state is the newest.
	askEvery = time.Second
	// headWithin bounds how long it waits for the answer, and askWithin for that
	// and the feed.
	headWithin = time.Second
	askWithin  = 2 * time.Second
	// lostAfter is how long a store must have been silent for changes to be
	// refused without asking it. A cluster that elects a leader is silent for
	// less.
	lostAfter = 5 * time.Second
	// askAgain is the least time between two questions, so that requests with
	// keys that don't exist cost the store at most 200 look-ups a second a node.
	askAgain = 5 * time.Millisecond
)

// openCopy begins with what is known of the state that is about to be loaded.
func (d *Directory) openCopy(st store.Store) {
	if !d.opts.Shared {
		return
	}
	at := new(time.Time)
	if c, ok := st.(store.Copy); ok {
		now := d.opts.Now()
		// By its age, so that later steps of the clock change nothing; a time
		// that is yet to come says nothing.
		if asOf := c.AsOf(); !asOf.IsZero() && !asOf.After(now) {
			*at = now.Add(-now.Round(0).Sub(asOf.Round(0)))
		}
	}
	d.fresh.at.Store(at)
}

// Fresh is when the directory was last known to be the newest state: all that
// was acknowledged before, by any node, is in it. The zero time means that it
// is not known.
func (d *Directory) Fresh() time.Time {
	if at := d.fresh.at.Load(); at != nil {
		return *at
	}
	return d.opts.Now()
}

// Stale reports whether the directory must not be asked any more: its feed has
// ended, or it has not been known to be the newest state for MaxStaleness.
func (d *Directory) Stale(now time.Time) bool {
	at := d.fresh.at.Load()
	return at != nil && (at.IsZero() || d.opts.MaxStaleness > 0 && now.Sub(*at) > d.opts.MaxStaleness)
}

// Reachable reports whether the store answered when it was last asked, which is
// once a second where it is shared.
func (d *Directory) Reachable() bool { return !d.opts.Shared || d.fresh.reachable.Load() }

// ErrBehind: the store could not be asked for what this node has not seen yet.
var ErrBehind = errors.New("the store can't be reached, so what this node does not know may exist")

// CatchUp returns when the directory holds all that was acknowledged, by any
// node, before the call. Callers share their questions to the store: one at a
// time is in flight. ErrBehind, where the store does not answer.
func (d *Directory) CatchUp(ctx context.Context) error {
	if !d.opts.Shared {
		return nil // Update returns when its change is visible, and nobody else changes anything
	}
	if !d.fresh.reachable.Load() {
		return ErrBehind // rather than make everyone wait; keepFresh tries on
	}
	return d.catchUp(ctx)
}

// catchUp joins the next question.
func (d *Directory) catchUp(ctx context.Context) error {
	f := &d.fresh
	f.mu.Lock()
	if f.next == nil {
		f.next = &question{done: make(chan struct{})}
	}
	q := f.next
	if !f.running {
		f.running = true
		life := context.WithoutCancel(ctx) // others wait for the answer too
		d.running.Go(func() { d.askAll(life) })
	}
	f.mu.Unlock()
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// askAll asks as long as someone waits for an answer.
func (d *Directory) askAll(ctx context.Context) {
	f := &d.fresh
	for {
		f.mu.Lock()
		if f.next == nil {
			f.running = false
			f.mu.Unlock()
			return
		}
		again := time.Until(f.asked.Add(askAgain))
		f.mu.Unlock()
		if again > 0 {
			pause(ctx, again)
		}
		f.mu.Lock()
		q := f.next
		f.next, f.asked = nil, time.Now()
		f.mu.Unlock()
		if q.err = d.ask(ctx); q.err != nil {
			q.err = fmt.Errorf("%w: %w", ErrBehind, q.err)
		}
		close(q.done)
	}
}

// ask asks the store for its head, and returns when that is applied.
func (d *Directory) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	now, before := d.opts.Now(), d.Snapshot().Rev
	head, err := d.head(ctx)
	if err == nil && head < before {
		err = fmt.Errorf("its newest revision is %d, and this node has seen %d: it was replaced by an older one", head, before)
	}
	if err == nil {
		err = d.wait(ctx, head)
	}
	d.reached(err)
	if err != nil {
		return err
	}
	if d.Failed() == nil {
		d.fresh.at.Store(&now)
	}
	return nil
}

func (d *Directory) head(ctx context.Context) (Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, headWithin)
	defer cancel()
	return d.store.Head(ctx)
}

// lost refuses a change where the store has been silent for long.
func (d *Directory) lost() error {
	if d.Reachable() || d.opts.Now().Sub(d.Fresh()) < lostAfter {
		return nil
	}
	return fmt.Errorf("%w: it has not answered for %v", store.ErrUnavailable, lostAfter)
}

// reached notes whether the store answered, and says where that changed.
func (d *Directory) reached(err error) {
	if was := d.fresh.reachable.Swap(err == nil); was == (err == nil) {
		return
	}
	if err == nil {
		d.opts.Log.Info("the store is reached")
		return
	}
	d.opts.Log.Error("the store is lost: requests are answered from memory, changes are refused", "fresh", d.Fresh(), "bound", d.opts.MaxStaleness, "error", err)
}

// keepFresh asks the store once a second.
func (d *Directory) keepFresh(ctx context.Context) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = d.catchUp(ctx) // reached has said so
		case <-ctx.Done():
			return
		}
	}
}

// Unavailable reports whether an error of Update means that the store could not
// be reached. unknown means that the change may be stored all the same.
func Unavailable(err error) (unavailable, unknown bool) {
	unknown = errors.Is(err, store.ErrUnknown)
	return unknown || errors.Is(err, store.ErrUnavailable) || errors.Is(err, ErrBehind), unknown
}
