package etcd

import (
	"context"
	"errors"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// settle finds out what became of a batch whose answer is missing: its leader
// died, the connection broke, a member did not answer in time.
//
// First it puts the batch's fence. From that revision on the batch can't be
// applied any more, wherever in the cluster it may still be. Then it reads the
// history between a revision from before the batch was sent and the fence:
// where the batch was applied, its tag is in what it wrote. Requests that were
// not stored are sent again.
func (c *committer) settle(b *batch, cause error) {
	s := c.s
	ctx, cancel := context.WithTimeout(s.life, s.cfg.Patience)
	defer cancel()
	var found written
	var err error
	if full(cause) {
		found, err = s.inFull(ctx, b)
	} else {
		found, err = s.outcome(ctx, b)
	}
	if err != nil {
		s.cfg.Log.Warn("etcd did not come back: the outcome of a batch stays unknown", "transactions", len(b.reqs), "err", err)
		b.answerAll(fmt.Errorf("%w: %w", store.ErrUnknown, unavailable("commit", cause)))
		return
	}
	var again []*request
	for i, r := range b.reqs {
		switch rev, ok := found.of(b, i); {
		case rev != 0:
			s.commits.Add(1)
			r.answer(store.Revision(rev), nil)
		case ok:
			again = append(again, r)
		default:
			r.answer(0, fmt.Errorf("%w: %w", store.ErrUnknown, unavailable("commit", cause)))
		}
	}
	if full(cause) { // it won't go better before somebody makes room
		for _, r := range again {
			r.answer(0, unavailable("commit", cause))
		}
		return
	}
	s.cfg.Log.Info("settled a batch", "stored", len(b.reqs)-len(again), "sent again", len(again))
	c.handBack(again, unavailable("commit", cause))
}

// written says at which revision a batch wrote a key, of those in etcd.
type written map[string]int64

// of returns the revision at which a request of the batch was stored, 0 where
// it was not, and false if that can't be known: it leaves no trace.
func (w written) of(b *batch, i int) (int64, bool) {
	if m := b.marks[i]; m != "" {
		return w[m], true
	}
	for _, op := range b.reqs[i].txn.Do {
		if !op.Delete {
			return w[b.s.data+op.Key], true
		}
	}
	// It deletes nothing, or what may have been absent. Without operations
	// there is nothing that could be stored.
	return 0, len(b.reqs[i].txn.Do) == 0
}

// outcome fences a batch and reads what it wrote.
func (s *Store) outcome(ctx context.Context, b *batch) (written, error) {
	for try := 0; ; try++ {
		fenced, err := s.fence(ctx, b)
		if err == nil {
			var w written
			w, err = s.readHistory(ctx, b, fenced)
			if err == nil || errors.Is(err, store.ErrCompacted) {
				return w, err
			}
		}
		if ctx.Err() != nil {
			return nil, err
		}
		pause(ctx, try)
	}
}

// fence puts the fence of a batch, and returns its revision.
func (s *Store) fence(ctx context.Context, b *batch) (int64, error) {
	key := b.fence()
	req := &pb.TxnRequest{
		Compare: []*pb.Compare{absent(key)},
		Success: []*pb.RequestOp{put([]byte(key), nil)},
		// An earlier try may have done it and not been answered.
		Failure: []*pb.RequestOp{{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte(key)}}}},
	}
	resp, err := s.txn(ctx, "settle a batch", req)
	if err != nil {
		return 0, err
	}
	if resp.Succeeded {
		return resp.Header.Revision, nil
	}
	kvs := resp.Responses[0].GetResponseRange().GetKvs()
	if len(kvs) != 1 {
		return 0, fmt.Errorf("%w: the fence of a batch vanished", store.ErrUnavailable)
	}
	return kvs[0].ModRevision, nil
}

// readHistory reads all events of the store from after the batch's since up to
// its fence, which is the last of them.
func (s *Store) readHistory(ctx context.Context, b *batch, fenced int64) (written, error) {
	m, err := s.write.pick(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*s.cfg.Timeout)
	defer cancel()
	prefix := s.cfg.Prefix + "/"
	events := m.client.Watch(clientv3.WithRequireLeader(ctx), prefix,
		clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)), clientv3.WithRev(b.since+1), clientv3.WithFragment())
	w := written{}
	for resp := range events {
		if resp.CompactRevision != 0 {
			return nil, store.ErrCompacted
		}
		if err := resp.Err(); err != nil {
			s.write.failed(m)
			return nil, err
		}
		for _, e := range resp.Events {
			if e.Kv.ModRevision > fenced {
				return w, nil
			}
			if b.wrote(e) {
				w[string(e.Kv.Key)] = e.Kv.ModRevision
			}
			if e.Kv.ModRevision == fenced {
				return w, nil
			}
		}
	}
	s.write.failed(m)
	return nil, errors.New("the history broke off before the fence") // and says nothing about the batch
}

// full reports that the cluster has no room. etcd says so before it does
// anything, except for the transaction that takes the last of it.
func full(err error) bool { return errors.Is(rpctypes.Error(err), rpctypes.ErrNoSpace) }

// inFull is the outcome of a batch in a cluster that has no room for a fence.
// None is needed: etcd has answered and is through with the batch.
func (s *Store) inFull(ctx context.Context, b *batch) (written, error) {
	w := written{}
	head, err := s.askHead(ctx)
	if err != nil || head == b.since { // nobody has written anything
		return w, err
	}
	for i, r := range b.reqs {
		if b.marks[i] != "" {
			return nil, errors.New("others write to a full cluster too")
		}
		for _, op := range r.txn.Do {
			if op.Delete {
				continue
			}
			key := s.data + op.Key
			resp, err := s.get(ctx, &pb.RangeRequest{Key: []byte(key), Revision: head})
			if err != nil {
				return nil, err
			}
			if len(resp.Kvs) == 0 || resp.Kvs[0].ModRevision > b.since && !b.tagged(resp.Kvs[0].Value) {
				return nil, errors.New("others write to a full cluster too")
			}
			if b.tagged(resp.Kvs[0].Value) {
				w[key] = resp.Kvs[0].ModRevision
			}
		}
	}
	return w, nil
}

// tagged reports whether the batch wrote a value.
func (b *batch) tagged(value []byte) bool {
	tag, _, err := decode(value)
	return err == nil && tag == b.tag
}

// wrote reports whether an event is the batch's own.
func (b *batch) wrote(e *clientv3.Event) bool {
	if e.Type != clientv3.EventTypePut {
		return false
	}
	for _, m := range b.marks {
		if m != "" && m == string(e.Kv.Key) {
			return true
		}
	}
	return b.tagged(e.Kv.Value)
}
