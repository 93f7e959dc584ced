// Package etcdtest runs real etcd clusters for tests: each member is a process
// of its own, the test binary started again, with its files in a folder of the
// test and fsync on. Members can be killed, paused, cut off and started again.
//
// Where the variable SALLYPORT_ETCD names an etcd program, members run that
// instead, so that every test here can be run against another version:
//
//	SALLYPORT_ETCD=/usr/local/bin/etcd go test ./internal/store/etcd ./internal/store/replica
//	SALLYPORT_ETCD=/usr/local/bin/etcd go test -run 'Node|Confirm|Store' ./test
package etcdtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// startTimeout bounds how long a cluster may take to elect a leader.
const startTimeout = 60 * time.Second

// Cluster is one etcd cluster. Its methods fail the test where they can't do
// what they are for, and are for one goroutine at a time.
type Cluster struct {
	t         testing.TB
	net       *network
	tls       *tls.Config // of clients; nil means none
	scheme    string      // of clients
	members   []*member
	Endpoints []string // HOST:PORT of each member for clients
}

type member struct {
	cfg   memberConfig
	proc  *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when the process has been waited for
}

// Start runs a cluster of so many members, which ends with the test, and waits
// until it has a leader.
func Start(t testing.TB, members int) *Cluster {
	t.Helper()
	return start(t, members, nil, nil)
}

func start(t testing.TB, members int, files *Files, clients *tls.Config) *Cluster {
	t.Helper()
	scheme := "http://"
	if files != nil {
		scheme = "https://"
	}
	c := &Cluster{t: t, tls: clients, scheme: scheme, net: newNetwork()}
	dir := t.TempDir()
	t.Cleanup(c.stop)
	var urls []string
	for i := range members {
		ln := listen(t)
		t.Cleanup(func() { ln.Close() })
		peer, client := freeAddr(t), freeAddr(t)
		go c.net.proxy(ln, i, peer)
		m := &member{cfg: memberConfig{
			Name: fmt.Sprintf("m%d", i), Dir: filepath.Join(dir, fmt.Sprint(i)),
			Peer: "http://" + peer, Advertise: "http://" + ln.Addr().String(), Client: scheme + client, TLS: files,
		}}
		urls = append(urls, m.cfg.Name+"="+m.cfg.Advertise)
		c.members = append(c.members, m)
		c.Endpoints = append(c.Endpoints, client)
	}
	for i, m := range c.members {
		m.cfg.Cluster = strings.Join(urls, ",")
		c.Restart(i)
	}
	c.Leader()
	c.learnNames()
	return c
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	return ln
}

// freeAddr is an address at which nobody listens now. Its port is below those
// that systems give to outgoing connections (32768 and up), one of which would
// otherwise take it while the member that it is for does not run.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000)))
		if err != nil {
			continue
		}
		defer ln.Close()
		return ln.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

// Restart starts a member that does not run, with the files that it has.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	m := c.members[i]
	var err error
	if m.proc, err = m.cfg.command(); err != nil {
		c.t.Fatal(err)
	}
	m.proc.Stderr = os.Stderr
	if m.stdin, err = m.proc.StdinPipe(); err != nil {
		c.t.Fatal(err)
	}
	if err := m.proc.Start(); err != nil {
		c.t.Fatalf("start member %d: %v", i, err)
	}
	m.ended = make(chan struct{})
	go func() {
		_ = m.proc.Wait() // it was killed, or said on standard error what was wrong
		close(m.ended)
	}()
}

// Kill ends a member at once, as by kill -9.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	c.signal(i, syscall.SIGKILL)
	<-c.members[i].ended
}

// Pause stops a member's process until Resume: it holds its connections and
// answers nothing.
func (c *Cluster) Pause(i int) { c.t.Helper(); c.signal(i, syscall.SIGSTOP) }

// Resume lets a paused member go on.
func (c *Cluster) Resume(i int) { c.t.Helper(); c.signal(i, syscall.SIGCONT) }

func (c *Cluster) signal(i int, sig syscall.Signal) {
	c.t.Helper()
	if err := c.members[i].proc.Process.Signal(sig); err != nil {
		c.t.Fatalf("signal %v to member %d: %v", sig, i, err)
	}
}

// Partition cuts a member off from the other members, in both directions and
// silently. Clients still reach it.
func (c *Cluster) Partition(i int) { c.net.partition(i) }

// Heal ends the partition of a member.
func (c *Cluster) Heal(i int) { c.net.heal(i) }

// Leader waits until a member leads and is followed, and says which.
func (c *Cluster) Leader() int {
	c.t.Helper()
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		for i := range c.members {
			if st, err := c.status(i); err == nil && st.Leader == st.Header.MemberId && c.reads(i) {
				return i
			}
		}
	}
	c.t.Fatal("no leader")
	return -1
}

// client makes a client for one member.
func (c *Cluster) client(i int) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{c.scheme + c.Endpoints[i]}, TLS: c.tls, Logger: zap.NewNop(), MaxUnaryRetries: 1})
}

func (c *Cluster) status(i int) (*clientv3.StatusResponse, error) {
	cl, err := c.client(i)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return cl.Status(ctx, c.scheme+c.Endpoints[i])
}

// reads reports whether a member answers a read that needs a quorum.
func (c *Cluster) reads(i int) bool {
	cl, err := c.client(i)
	if err != nil {
		return false
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = cl.Get(ctx, "x")
	return err == nil
}

// learnNames asks all members for the ids by which they call each other.
func (c *Cluster) learnNames() {
	c.t.Helper()
	for i := range c.members {
		deadline := time.Now().Add(startTimeout)
		for {
			st, err := c.status(i)
			if err == nil {
				c.net.mu.Lock()
				c.net.names[fmt.Sprintf("%x", st.Header.MemberId)] = i
				c.net.mu.Unlock()
				break
			}
			if time.Now().After(deadline) {
				c.t.Fatalf("status of member %d: %v", i, err)
			}
		}
	}
}

// stop ends all members.
func (c *Cluster) stop() {
	c.net.close()
	for _, m := range c.members {
		if m.proc == nil || m.proc.Process == nil {
			continue
		}
		_ = m.proc.Process.Kill() // it may have ended before
		<-m.ended
		m.stdin.Close()
	}
}
