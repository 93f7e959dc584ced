package etcd

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

// lossy is a connection to a member that loses the next batch's answer, after
// (stored) or before the member has it; then the batch comes late, as one that
// lay in a queue of the network, when deliver is called.
type lossy struct {
	pb.KVClient
	mu      sync.Mutex
	lose    bool
	stored  bool
	err     error // what it says instead; nil means that the connection broke
	deliver func() (*pb.TxnResponse, error)
}

func (l *lossy) Txn(ctx context.Context, req *pb.TxnRequest, opts ...grpc.CallOption) (*pb.TxnResponse, error) {
	l.mu.Lock()
	lose := l.lose
	l.lose = false
	l.mu.Unlock()
	if !lose {
		return l.KVClient.Txn(ctx, req, opts...)
	}
	if l.stored {
		if _, err := l.KVClient.Txn(ctx, req, opts...); err != nil {
			return nil, err
		}
	}
	l.deliver = func() (*pb.TxnResponse, error) { return l.KVClient.Txn(context.WithoutCancel(ctx), req, opts...) }
	return nil, cmp.Or(l.err, status.Error(codes.Unavailable, "the connection broke"))
}

// lossyStore is a store that loses answers on demand.
func lossyStore(t *testing.T, c *etcdtest.Cluster) (*Store, *lossy) {
	s := open(t, config(c))
	l := &lossy{KVClient: s.write.all[0].kv}
	s.write.all[0].kv = l
	return s, l
}

// TestSettle: however an answer is lost, the transaction is stored once, and
// Commit says when.
func TestSettle(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	s, l := lossyStore(t, c)
	other := open(t, s.cfg)
	// Nobody else's writes, or rewrites of the same key, may confuse it.
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := other.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "noise", Value: []byte("x")}, {Key: "free", Value: []byte("1")}}}); err != nil {
				t.Errorf("Commit() = %v", err)
			}
		}
	})
	defer wg.Wait()
	defer cancel()
	for _, stored := range []bool{true, false} {
		rev, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "k"}, {Key: "gone"}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			txn  store.Txn
			want error
		}{
			{"put", store.Txn{If: []store.Cond{{Key: "k", Rev: rev}}, Do: []store.Op{{Key: "k", Value: []byte("1")}}}, nil},
			{"put without a condition", store.Txn{Do: []store.Op{{Key: "free", Value: []byte("1")}}}, nil},
			{"put and delete", store.Txn{Do: []store.Op{{Key: "never", Delete: true}, {Key: "p"}}}, nil},
			{"delete what is there", store.Txn{If: []store.Cond{{Key: "gone", Rev: rev}}, Do: []store.Op{{Key: "gone", Delete: true}}}, nil},
			{"conflict", store.Txn{If: []store.Cond{{Key: "k", Rev: rev}}, Do: []store.Op{{Key: "k", Value: []byte("2")}}}, store.ErrConflict},
			{"nothing", store.Txn{If: []store.Cond{{Key: "never"}}}, nil},
			{"delete what may not be there", store.Txn{Do: []store.Op{{Key: "p", Delete: true}}}, store.ErrUnknown},
		} {
			l.lose, l.stored = true, stored
			before := s.head.Load()
			got, err := s.Commit(t.Context(), tt.txn)
			if !errors.Is(err, tt.want) {
				t.Errorf("%s, stored %v: Commit() = %v, want %v", tt.name, stored, err, tt.want)
			}
			if err == nil && int64(got) <= before && len(tt.txn.Do) > 0 {
				t.Errorf("%s, stored %v: Commit() = %d, want more than %d", tt.name, stored, got, before)
			}
			if resp, err := l.deliver(); err != nil || resp.Succeeded {
				t.Errorf("%s, stored %v: the late batch was applied: %v, %v", tt.name, stored, resp, err)
			}
			if op := tt.txn.Do; err == nil && len(op) == 1 && !op[0].Delete && op[0].Key == "k" {
				if r, err := record(t, s, "k"); err != nil || r.Rev != got || string(r.Value) != "1" {
					t.Errorf("%s, stored %v: record %+v, %v, want 1 at %d", tt.name, stored, r, err, got)
				}
			}
		}
	}
}

// TestFull: a cluster without room refuses at once, and what took the last of
// the room is stored although etcd said that there was none.
func TestFull(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	s, l := lossyStore(t, c)
	l.err = rpctypes.ErrGRPCNoSpace
	commit(t, s, "a", "0")
	for _, stored := range []bool{false, true} {
		l.lose, l.stored = true, stored
		rev, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "a", Value: []byte("1")}}})
		if stored && err != nil || !stored && (!errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknown)) {
			t.Errorf("stored %v: Commit() = %v", stored, err)
		}
		if r, err := record(t, s, "a"); err != nil || stored != (string(r.Value) == "1") || stored && r.Rev != rev {
			t.Errorf("stored %v: Commit() = %d, then record %+v, %v", stored, rev, r, err)
		}
	}
	commit(t, s, "a", "2")
}

// TestUnknown: where etcd does not come back, Commit says that it doesn't know.
func TestUnknown(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	cfg := config(c)
	cfg.Patience, cfg.Timeout = 500*time.Millisecond, 200*time.Millisecond
	s := open(t, cfg)
	if _, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "a"}}}); err != nil {
		t.Fatal(err)
	}
	l := &lossy{KVClient: s.write.all[0].kv, lose: true, stored: true}
	s.write.all[0].kv = l
	c.Pause(0)
	if _, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "b"}}}); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("Commit to a member that is away = %v, want %v", err, store.ErrUnknown)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Commit(ctx, store.Txn{Do: []store.Op{{Key: "c"}}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Commit with a deadline = %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err := s.Head(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Head() = %v, want %v", err, store.ErrUnavailable)
	}
	c.Resume(0)
	for {
		if _, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "d"}}}); err == nil {
			break
		}
	}
}
