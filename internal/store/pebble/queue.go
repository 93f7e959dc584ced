package pebble

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// request is a transaction on its way to the committer.
type request struct {
	txn   store.Txn
	taken atomic.Bool   // by the committer, or by a caller who no longer waits
	done  chan struct{} // receives one value when rev and err are set
	rev   store.Revision
	err   error
}

// requests are used again when they have been answered.
var requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

// queue is what waits for the committer.
type queue struct {
	wake chan struct{} // holds a value when the committer should look

	mu      *sync.Mutex // guards the fields below
	waiting []*request
	closed  bool
}

func newQueue() queue { return queue{wake: make(chan struct{}, 1), mu: new(sync.Mutex)} }

func (q *queue) put(r *request) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return store.ErrClosed
	}
	q.waiting = append(q.waiting, r)
	first := len(q.waiting) == 1
	q.mu.Unlock()
	if first {
		q.ring()
	}
	return nil
}

func (q *queue) ring() {
	select {
	case q.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// takeAll returns all that waits, leaving spare in its place, and whether the
// queue is closed: then nothing follows.
func (q *queue) takeAll(spare []*request) ([]*request, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting = spare[:0]
	return all, q.closed
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.ring()
}

// Commit implements store.Store. When ctx ends while the transaction is on its
// way to the disk, Commit does not wait for that and returns ErrUnknown.
func (s *Store) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if err := txn.Check(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r := requests.Get().(*request)
	r.txn, r.rev, r.err = txn, 0, nil
	r.taken.Store(false)
	if err := s.queue.put(r); err != nil {
		return 0, err
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return 0, ctx.Err()
		}
		return 0, fmt.Errorf("%w: %w", store.ErrUnknown, ctx.Err())
	}
	rev, err := r.rev, r.err
	r.txn = store.Txn{}
	requests.Put(r)
	return rev, err
}
