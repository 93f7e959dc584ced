package replica

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd"
	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
	"github.com/sallyport-iam/sallyport/internal/store/storetest"
)

func TestMain(m *testing.M) {
	etcdtest.Member()
	os.Exit(m.Run())
}

var (
	whole    = flag.Bool("whole", false, "run the whole suite over etcd too")
	prefixes atomic.Int64
)

func openEtcd(t *testing.T, c *etcdtest.Cluster, prefix string) *etcd.Store {
	t.Helper()
	s, err := etcd.Open(t.Context(), etcd.Config{Endpoints: c.Endpoints, Prefix: prefix, Keep: -1, Timeout: time.Second, Patience: 2 * time.Second})
	if err != nil {
		t.Fatalf("etcd.Open() = %v", err)
	}
	return s
}

// overEtcd is a replica that can be opened again.
type overEtcd struct {
	*Store
	c           *etcdtest.Cluster
	dir, prefix string
}

func (o overEtcd) Reopen(t *testing.T) store.Store {
	if err := o.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	s := open(t, o.dir, openEtcd(t, o.c, o.prefix), nil)
	caughtUp(t, s)
	return s
}

// caughtUp waits until a replica has all that the store has now.
func caughtUp(t *testing.T, s *Store) {
	t.Helper()
	eventually(t, "caught up", func() bool {
		head, err := s.Head(t.Context())
		return err == nil && s.state.now().following && s.state.now().head >= head
	})
}

func TestStoreOverEtcd(t *testing.T) {
	if !*whole {
		t.Skip("only with -whole")
	}
	c := etcdtest.Start(t, 1)
	storetest.Run(t, func(t *testing.T) store.Store {
		dir, prefix := t.TempDir(), fmt.Sprint("test/", prefixes.Add(1))
		return overEtcd{open(t, dir, openEtcd(t, c, prefix), nil), c, dir, prefix}
	})
}

// TestEtcdDown: etcd dies under a replica, which starts without it, and goes on
// when it is back, also where etcd no longer has what came between.
func TestEtcdDown(t *testing.T) {
	c := etcdtest.Start(t, 1)
	dir, log := t.TempDir(), &logbook{}
	s := open(t, dir, openEtcd(t, c, "a"), log)
	put(t, s, "k", "1", "gone", "1")
	other := openEtcd(t, c, "a")
	defer other.Close()
	stranger := openEtcd(t, c, "b")
	defer stranger.Close()
	put(t, stranger, "not", "ours")
	caughtUp(t, s)
	eventually(t, "confirmed", func() bool { return !s.AsOf().IsZero() })

	c.Kill(0)
	if all, _ := contents(t, s, 0); len(all) != 2 {
		t.Errorf("the copy holds %v", all)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	s = open(t, dir, openEtcd(t, c, "a"), log)
	all, rev := contents(t, s, 0)
	if len(all) != 2 || s.AsOf().IsZero() {
		t.Errorf("the copy holds %v as of %v", all, s.AsOf())
	}
	w, err := s.Watch(t.Context(), "", rev)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "k", Value: []byte("x")}}}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Commit() = %v, want %v", err, store.ErrUnavailable)
	}
	c.Restart(0)
	caughtUp(t, s)
	next := put(t, other, "k", "2")
	for seen := store.Revision(0); seen < next; {
		events, err := w.Next(t.Context())
		if err != nil {
			t.Fatalf("Next() = %v", err)
		}
		seen = events[len(events)-1].Rev
	}
	if log.has("thrown away") || log.has("loaded anew") {
		t.Errorf("the replica was loaded again:\n%s", log)
	}
	s.Close()

	if _, err := other.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: "gone", Delete: true}}}); err != nil {
		t.Fatal(err)
	}
	rev = put(t, other, "k", "3")
	if err := other.Compact(t.Context(), rev); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, openEtcd(t, c, "a"), log)
	caughtUp(t, s)
	eventually(t, "the newest", func() bool {
		all, _ := contents(t, s, 0)
		return len(all) == 1 && all["k"] == fmt.Sprintf("3@%d", rev)
	})
	if !log.has("loaded anew") {
		t.Errorf("the log does not tell:\n%s", log)
	}
}
