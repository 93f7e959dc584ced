package etcd

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// The states of a request.
const (
	waiting int32 = iota // nothing of it is or will be stored, unless somebody takes it
	taken                // it may be on its way to etcd
	gone                 // its caller no longer waits
)

// request is a transaction on its way to etcd.
type request struct {
	txn   store.Txn
	size  int       // bytes that it takes in an etcd transaction, about
	until time.Time // when it is given up
	state atomic.Int32
	done  chan struct{} // receives one value when rev and err are set
	rev   store.Revision
	err   error
}

// answer ends a request.
func (r *request) answer(rev store.Revision, err error) {
	r.rev, r.err = rev, err
	r.done <- struct{}{}
}

// queue is what waits for the committer.
type queue struct {
	wake    chan struct{} // holds a value when the committer should look
	drained chan struct{} // closed when it is closed and everything is answered

	mu     *sync.Mutex // guards the fields below
	reqs   []*request
	closed bool
}

func newQueue() queue {
	return queue{wake: make(chan struct{}, 1), drained: make(chan struct{}), mu: new(sync.Mutex)}
}

func (q *queue) put(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return store.ErrClosed
	}
	q.reqs = append(q.reqs, r)
	q.ring()
	return nil
}

func (q *queue) ring() {
	select {
	case q.wake <- struct{}{}:
	default: // the committer will look anyway
	}
}

// takeAll appends all that waits to reqs, and says whether nothing follows.
func (q *queue) takeAll(reqs []*request) ([]*request, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	reqs = append(reqs, q.reqs...)
	q.reqs = nil
	return reqs, q.closed
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.ring()
}

// Commit implements store.Store. It gives up with store.ErrUnavailable where
// etcd is away for longer than Config.Patience, and with store.ErrUnknown where
// it went away with the transaction and does not come back in that time.
func (s *Store) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if err := txn.Check(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r := &request{txn: txn, size: s.sizeOf(txn), until: time.Now().Add(s.cfg.Patience), done: make(chan struct{}, 1)}
	if err := s.queue.put(r); err != nil {
		return 0, err
	}
	late := time.NewTimer(s.cfg.Patience)
	defer late.Stop()
	for {
		select {
		case <-r.done:
			if conflict, ok := r.err.(*store.ConflictError); ok && conflict.Key == "" {
				return 0, s.explain(ctx, txn, conflict)
			}
			return r.rev, r.err
		case <-late.C:
			if r.state.CompareAndSwap(waiting, gone) {
				return 0, fmt.Errorf("%w: the transaction was not taken for %v", store.ErrUnavailable, s.cfg.Patience)
			}
		case <-ctx.Done():
			if r.state.CompareAndSwap(waiting, gone) {
				return 0, ctx.Err()
			}
			if r.state.CompareAndSwap(taken, gone) {
				return 0, fmt.Errorf("%w: %w", store.ErrUnknown, ctx.Err())
			}
			// The committer hands it back at this moment: look again.
		}
	}
}
