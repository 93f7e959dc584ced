//go:build cluster

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// Built reports whether this program has the cluster inside.
const Built = true

// quota is how large etcd's database may grow: what etcd is tested with at most.
const quota = 8 << 30

// Node is a member of the cluster.
type Node struct {
	cfg    Config // read-only
	etcd   *embed.Etcd
	told   *told
	failed chan error // gets at most one
	stop   chan struct{}
	task   sync.WaitGroup
	once   sync.Once
}

// Start starts the member. It does not wait for the others: until enough of
// them are there, the store can't be reached. It takes some seconds where the
// folder is new and others don't answer. The member lives until it is closed.
func Start(ctx context.Context, cfg Config) (_ *Node, err error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := prepare(cfg.Dir); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	self, _ := cfg.Peers.named(cfg.Name)
	if !self.secure() && !self.loopback() {
		cfg.Log.Warn("the members of the cluster talk plain http: whoever reaches their port can read and change everything; use https", "url", self.URL)
	}
	said := &told{at: map[string]time.Time{}}
	ec, err := etcdConfig(cfg, self, said)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	e, err := startEtcd(ec)
	if err != nil {
		said.closing.Store(true) // what it has started may run on for a while
		return nil, fmt.Errorf("cluster: start member %s: %w", cfg.Name, explain(cfg, err))
	}
	n := &Node{cfg: cfg, etcd: e, told: said, failed: make(chan error, 1), stop: make(chan struct{})}
	n.task.Go(n.watch)
	return n, nil
}

// loopback reports whether no other machine reaches the peer.
func (p Peer) loopback() bool {
	ip := net.ParseIP(p.host())
	return p.host() == "localhost" || ip != nil && ip.IsLoopback()
}

// prepare makes the folder, for its owner only, and takes away the socket that
// a crash left.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// The folder is what keeps others from the socket.
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	// Whoever still has it answers.
	if c, err := net.Dial("unix", socket(dir)); err == nil {
		return errors.Join(fmt.Errorf("another process runs the member in %s", dir), c.Close())
	}
	if err := os.Remove(socket(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func etcdConfig(cfg Config, self Peer, said *told) (*embed.Config, error) {
	client, err := url.Parse(endpoint(cfg.Dir))
	if err != nil {
		return nil, err
	}
	peer, err := url.Parse(self.URL)
	if err != nil {
		return nil, err
	}
	listen := url.URL{Scheme: peer.Scheme, Host: cfg.Listen}
	ec := embed.NewConfig()
	ec.Name = cfg.Name
	ec.Dir = filepath.Join(cfg.Dir, "etcd")
	ec.ListenClientUrls, ec.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	ec.ListenPeerUrls, ec.AdvertisePeerUrls = []url.URL{listen}, []url.URL{*peer}
	ec.InitialCluster = cfg.Peers.String()
	ec.InitialClusterToken = "sallyport"
	if cfg.Join {
		ec.ClusterState = embed.ClusterStateFlagExisting
	}
	if self.secure() {
		ec.PeerTLSInfo = transport.TLSInfo{CertFile: cfg.Cert, KeyFile: cfg.Key, TrustedCAFile: cfg.CA, ClientCertAuth: true}
	}
	ec.QuotaBackendBytes = quota
	ec.EnableGRPCGateway = false
	lg := zap.New(&logCore{log: cfg.Log, told: said}, zap.WithFatalHook(fatalHook{cfg.Fatal, said}))
	ec.ZapLoggerBuilder = embed.NewZapLoggerBuilder(lg)
	return ec, nil
}

// startEtcd makes an error of etcd's panics: about damaged data, for example.
func startEtcd(ec *embed.Config) (e *embed.Etcd, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return embed.StartEtcd(ec)
}

// watch reports when the member stops by itself.
func (n *Node) watch() {
	var err error
	select {
	case <-n.stop:
		return
	case err = <-n.etcd.Err():
	case <-n.etcd.Server.StopNotify():
		err = errors.New("it was removed from the cluster, or stopped")
	}
	n.failed <- fmt.Errorf("cluster: member %s: %w", n.cfg.Name, err)
}

// Endpoints are where etcd's client reaches the member, without TLS.
func (n *Node) Endpoints() []string { return []string{endpoint(n.cfg.Dir)} }

// Ready is closed when the member has joined the cluster, which takes a
// majority of members.
func (n *Node) Ready() <-chan struct{} { return n.etcd.Server.ReadyNotify() }

// Failed gets an error when the member has stopped by itself: it is of no use
// any more.
func (n *Node) Failed() <-chan error { return n.failed }

// closeWait bounds what a clean stop may take.
const closeWait = 10 * time.Second

// Close stops the member, which hands over its leadership first. Closing
// twice is no error.
func (n *Node) Close() error {
	var err error
	n.once.Do(func() {
		n.told.closing.Store(true)
		close(n.stop)
		n.task.Wait()
		done := make(chan struct{})
		go func() {
			n.etcd.Close()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(closeWait):
			err = fmt.Errorf("cluster: member %s did not stop within %v", n.cfg.Name, closeWait)
		}
	})
	return err
}
