package etcd

import (
	"context"
	"fmt"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// inFlight is how many batches are on their way at once. More are smaller, and
// cost the cluster more.
const inFlight = 2

// committer sends what waits in the queue. It is owned by run, but for what
// the batches in flight hand back.
type committer struct {
	s    *Store
	free chan struct{} // holds a token for each batch that may be sent
	sent sync.WaitGroup

	mu   sync.Mutex // guards the fields below
	back []*request // to be sent again: they were not stored
}

func newCommitter(s *Store) *committer {
	c := &committer{s: s, free: make(chan struct{}, inFlight)}
	for range inFlight {
		c.free <- struct{}{}
	}
	return c
}

// run sends until the queue is closed and everything is answered.
func (c *committer) run() {
	defer close(c.s.queue.drained)
	var reqs []*request
	for {
		if len(reqs) == 0 {
			<-c.s.queue.wake
		}
		<-c.free
		var closed bool
		reqs, closed = c.s.queue.takeAll(c.takeBack(reqs))
		reqs = c.start(reqs)
		if closed && len(reqs) == 0 {
			c.sent.Wait()
			if reqs = c.takeBack(nil); len(reqs) == 0 {
				return
			}
		}
	}
}

func (c *committer) takeBack(reqs []*request) []*request {
	c.mu.Lock()
	defer c.mu.Unlock()
	reqs = append(c.back, reqs...)
	c.back = nil
	return reqs
}

// handBack puts requests that are not stored in front of all others, or ends
// them if they have waited for long enough.
func (c *committer) handBack(reqs []*request, why error) {
	var again []*request
	for _, r := range reqs {
		switch {
		case time.Now().After(r.until):
			r.answer(0, why)
		case r.state.CompareAndSwap(taken, waiting):
			again = append(again, r)
		}
	}
	c.mu.Lock()
	c.back = append(c.back, again...)
	c.mu.Unlock()
	c.s.queue.ring()
}

// start sends a batch of reqs, for which the caller took a token, and returns
// the others.
func (c *committer) start(reqs []*request) []*request {
	if len(reqs) == 0 {
		c.free <- struct{}{}
		return nil
	}
	b, err := c.s.newBatch()
	if err != nil {
		for _, r := range reqs {
			r.answer(0, fmt.Errorf("%w: %w", store.ErrUnavailable, err))
		}
		c.free <- struct{}{}
		return nil
	}
	var rest []*request
	for _, r := range reqs {
		if !b.add(r) {
			rest = append(rest, r)
		}
	}
	if len(b.reqs) == 0 {
		c.free <- struct{}{}
		return rest
	}
	c.sent.Go(func() {
		c.send(b)
		c.free <- struct{}{}
	})
	return rest
}

// send stores a batch and answers its requests.
func (c *committer) send(b *batch) {
	s := c.s
	connecting, cancel := context.WithTimeout(s.life, s.cfg.Patience)
	defer cancel()
	m, err := s.write.pick(connecting)
	if err != nil { // for longer than an election takes: let the callers know
		b.answerAll(err)
		return
	}
	ctx, cancel := context.WithTimeout(s.life, s.cfg.Timeout)
	defer cancel()
	b.since = s.head.Load()
	resp, err := m.kv.Txn(ctx, b.request())
	switch {
	case err == nil && resp.Succeeded:
		s.applied(b, resp)
	case err == nil: // only we put its fence, and not before it was sent
		b.answerAll(fmt.Errorf("%w: a batch met its fence before it was sent", store.ErrUnknown))
	case stale(err):
		m.checked.Store(false)
		c.handBack(b.reqs, storeError("commit", err))
	case refused(err):
		b.answerAll(storeError("commit", err))
	default:
		s.write.failed(m)
		s.cfg.Log.Warn("etcd did not say whether it stored a batch: asking", "member", m.endpoint, "transactions", len(b.reqs), "err", err)
		c.settle(b, err)
	}
}

func (b *batch) answerAll(err error) {
	for _, r := range b.reqs {
		r.answer(0, err)
	}
}

// applied answers the requests of a batch as etcd says.
func (s *Store) applied(b *batch, resp *pb.TxnResponse) {
	rev := resp.Header.Revision
	s.observe(rev)
	changed := 0
	for _, one := range resp.Responses {
		if changes(one.GetResponseTxn()) {
			changed++
		}
	}
	before := rev
	if changed > 0 {
		s.batches.Add(1)
		s.commits.Add(uint64(changed))
		before-- // the revision at which the conditions were checked
	}
	for i, r := range b.reqs {
		if resp.Responses[i].GetResponseTxn().Succeeded {
			r.answer(store.Revision(rev), nil)
			continue
		}
		s.refused.Add(1)
		r.answer(0, &store.ConflictError{Rev: store.Revision(before)})
	}
}

// changes reports whether a transaction did something.
func changes(resp *pb.TxnResponse) bool {
	if !resp.Succeeded {
		return false
	}
	for _, op := range resp.Responses {
		if op.GetResponsePut() != nil || op.GetResponseDeleteRange().GetDeleted() > 0 {
			return true
		}
	}
	return false
}

// explain finds the key of a conflict, which etcd does not say. It stays empty
// where it can't be found any more.
func (s *Store) explain(ctx context.Context, txn store.Txn, conflict *store.ConflictError) error {
	if len(txn.If) == 1 {
		conflict.Key = txn.If[0].Key
		return conflict
	}
	req := &pb.TxnRequest{}
	for _, c := range txn.If {
		req.Success = append(req.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestRange{
			RequestRange: &pb.RangeRequest{Key: []byte(s.data + c.Key), KeysOnly: true, Revision: int64(conflict.Rev)},
		}})
	}
	resp, err := s.txn(ctx, "look at a conflict", req)
	if err != nil {
		return conflict
	}
	for i, c := range txn.If {
		rev := int64(0)
		if kvs := resp.Responses[i].GetResponseRange().GetKvs(); len(kvs) > 0 {
			rev = kvs[0].ModRevision
		}
		if store.Revision(rev) != c.Rev {
			conflict.Key = c.Key
			break
		}
	}
	return conflict
}
