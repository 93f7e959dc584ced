package etcd

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
	"github.com/sallyport-iam/sallyport/internal/store/storetest"
)

func TestMain(m *testing.M) {
	etcdtest.Member()
	os.Exit(m.Run())
}

var prefixes atomic.Int64

// config is for a store of its own in the cluster.
func config(c *etcdtest.Cluster) Config {
	return Config{Endpoints: c.Endpoints, Prefix: fmt.Sprintf("test/%d", prefixes.Add(1)), Keep: -1}
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reopener is a store that the suite can open again.
type reopener struct{ *Store }

func (r reopener) Reopen(t *testing.T) store.Store {
	if err := r.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	return open(t, r.cfg)
}

func TestStore(t *testing.T) {
	t.Parallel()
	c := etcdtest.Start(t, 1)
	storetest.Run(t, func(t *testing.T) store.Store { return reopener{open(t, config(c))} })
}
