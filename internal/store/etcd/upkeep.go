package etcd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/sallyport-iam/sallyport/internal/store"
)

const (
	upkeepKey = "/upkeep" // after the prefix
	// sweepAtOnce is how many keys of settled batches one transaction deletes.
	sweepAtOnce = 100
)

// upkeeper gives up old history. All processes of a store do so together: the
// upkeep key is written once in half of Config.Keep, by whoever comes first,
// and its value is the revision at which it was written before. That revision
// is then as old as Config.Keep. Nobody's wall clock is believed: age is how
// long a process has itself seen the key unchanged.
type upkeeper struct {
	s     *Store
	rev   int64     // of the key, as seen last
	since time.Time // when it was first seen
}

// upkeep runs an upkeeper until the store closes.
func (s *Store) upkeep() {
	u := &upkeeper{s: s}
	t := time.NewTicker(max(s.cfg.Keep/20, 10*time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-s.ending:
			return
		}
		if err := u.step(s.life); err != nil && !errors.Is(err, store.ErrUnavailable) {
			s.cfg.Log.Warn("upkeep of etcd", "err", err)
		}
	}
}

// step looks at the key and compacts if it is time, and this process's turn.
func (u *upkeeper) step(ctx context.Context) error {
	key := []byte(u.s.cfg.Prefix + upkeepKey)
	resp, err := u.s.get(ctx, &pb.RangeRequest{Key: key})
	if err != nil {
		return err
	}
	if len(resp.Kvs) == 0 {
		_, err := u.mark(ctx, key, 0)
		return err
	}
	kv := resp.Kvs[0]
	if kv.ModRevision != u.rev {
		u.rev, u.since = kv.ModRevision, u.s.cfg.Now()
		return nil
	}
	if u.s.cfg.Now().Sub(u.since) < u.s.cfg.Keep/2 {
		return nil
	}
	before, err := strconv.ParseInt(string(kv.Value), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: the value of %s", store.ErrDamaged, key)
	}
	won, err := u.mark(ctx, key, kv.ModRevision)
	if err != nil || !won || before == 0 {
		return err
	}
	if err := u.s.sweep(ctx, before); err != nil {
		return err
	}
	return u.s.compact(ctx, before)
}

// mark writes the key if it still has the revision, and says whether it did.
func (u *upkeeper) mark(ctx context.Context, key []byte, rev int64) (bool, error) {
	resp, err := u.s.txn(ctx, "upkeep", &pb.TxnRequest{
		Compare: []*pb.Compare{compare(string(key), rev)},
		Success: []*pb.RequestOp{put(key, strconv.AppendInt(nil, rev, 10))},
	})
	return err == nil && resp.Succeeded, err
}

// sweep deletes the fences and marks of batches that were settled up to rev.
func (s *Store) sweep(ctx context.Context, rev int64) error {
	end := s.memo[:len(s.memo)-1] + "0" // what follows "/"
	for {
		resp, err := s.get(ctx, &pb.RangeRequest{
			Key: []byte(s.memo), RangeEnd: []byte(end), KeysOnly: true, MaxModRevision: rev, Limit: sweepAtOnce,
		})
		if err != nil || len(resp.Kvs) == 0 {
			return err
		}
		var req pb.TxnRequest
		for _, kv := range resp.Kvs {
			req.Success = append(req.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{
				RequestDeleteRange: &pb.DeleteRangeRequest{Key: kv.Key},
			}})
		}
		if _, err := s.txn(ctx, "sweep", &req); err != nil {
			return err
		}
	}
}

// txn sends a transaction that may be applied twice.
func (s *Store) txn(ctx context.Context, doing string, req *pb.TxnRequest) (resp *pb.TxnResponse, err error) {
	err = s.ask(ctx, doing, func(ctx context.Context, m *member) error {
		resp, err = m.kv.Txn(ctx, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.observe(resp.Header.Revision)
	return resp, nil
}
