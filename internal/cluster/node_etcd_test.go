//go:build cluster

package cluster

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// shortDir is a new folder whose path leaves room for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// freePeers are n members on ports that were free just now, and that systems
// don't give to outgoing connections.
func freePeers(t *testing.T, scheme string, n int) (peers Peers) {
	t.Helper()
	for range 1000 {
		if len(peers) == n {
			return peers
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+mathrand.IntN(20000)))
		if err != nil {
			continue
		}
		defer l.Close()
		peers = append(peers, Peer{string(rune('a' + len(peers))), scheme + "://" + l.Addr().String()})
	}
	t.Fatal("no port is free")
	return nil
}

func start(t *testing.T, cfg Config) *Node {
	t.Helper()
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Start(%s) = %v", cfg.Name, err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// startAll starts all members at once.
func startAll(t *testing.T, peers Peers, complete func(*Config)) (nodes []*Node, cfgs []Config) {
	t.Helper()
	nodes = make([]*Node, len(peers))
	var wg sync.WaitGroup
	for i, p := range peers {
		cfg := Config{Name: p.Name, Peers: peers, Dir: shortDir(t)}
		complete(&cfg)
		cfgs = append(cfgs, cfg)
		wg.Go(func() {
			var err error
			if nodes[i], err = Start(t.Context(), cfg); err != nil {
				t.Errorf("Start(%s) = %v", cfg.Name, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, n := range nodes {
		t.Cleanup(func() { n.Close() })
	}
	for _, n := range nodes {
		ready(t, n)
	}
	return nodes, cfgs
}

func ready(t *testing.T, n *Node) {
	t.Helper()
	select {
	case <-n.Ready():
	case err := <-n.Failed():
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatalf("member %s is not ready within a minute", n.cfg.Name)
	}
}

func connect(t *testing.T, n *Node) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: n.Endpoints(), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func put(t *testing.T, n *Node, key, value string) {
	t.Helper()
	if _, err := connect(t, n).Put(patient(t), key, value); err != nil {
		t.Fatalf("Put() = %v", err)
	}
}

func wantValue(t *testing.T, n *Node, key, want string) {
	t.Helper()
	r, err := connect(t, n).Get(patient(t), key)
	if err != nil || len(r.Kvs) != 1 || string(r.Kvs[0].Value) != want {
		t.Fatalf("Get(%s) of member %s = %v, %v, want %s", key, n.cfg.Name, r, err, want)
	}
}

// TestReplace: one of three members loses its disk, the others go on, and
// another machine takes its place.
func TestReplace(t *testing.T) {
	t.Parallel()
	peers := freePeers(t, "http", 4)
	newURL := peers[3].URL
	var log bytes.Buffer
	nodes, cfgs := startAll(t, peers[:3], func(c *Config) {
		if c.Name == "a" {
			c.Log = slog.New(slog.NewTextHandler(&log, nil))
		}
	})
	put(t, nodes[0], "k", "1")
	wantValue(t, nodes[2], "k", "1")
	if info, err := os.Stat(cfgs[0].Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}

	if _, err := Start(t.Context(), cfgs[0]); err == nil || !strings.Contains(err.Error(), "another process runs") {
		t.Errorf("a second Start() in a folder = %v", err)
	}

	if err := nodes[2].Close(); err != nil {
		t.Fatal(err)
	}
	put(t, nodes[1], "k", "2")
	lost := cfgs[2]
	lost.Dir = shortDir(t)
	if n, err := Start(t.Context(), lost); err == nil {
		n.Close()
		t.Fatal("a member that lost its disk starts as if nothing had happened")
	} else if !strings.Contains(err.Error(), "sallyport cluster replace") {
		t.Errorf("Start() = %v, want what to do", err)
	}

	got, err := Replace(patient(t), cfgs[0].Dir, Peer{"c", newURL})
	if err != nil {
		t.Fatalf("Replace() = %v", err)
	}
	if want := (Peers{peers[0], peers[1], {"c", newURL}}); got.String() != want.String() {
		t.Errorf("Replace() = %v, want %v", got, want)
	}
	if again, err := Replace(patient(t), cfgs[1].Dir, Peer{"c", newURL}); err != nil || again.String() != got.String() {
		t.Errorf("Replace() again = %v, %v, want %v", again, err, got)
	}
	replacement := start(t, Config{Name: "c", Peers: got, Dir: shortDir(t), Join: true})
	ready(t, replacement)
	wantValue(t, replacement, "k", "2")
	ms, err := Members(patient(t), cfgs[0].Dir)
	if err != nil || len(ms) != 3 || !ms[0].Asked || ms[2].Name != "c" || ms[2].URL != newURL {
		t.Errorf("Members() = %+v, %v", ms, err)
	}
	// It counts: another may go now, and the flags of the first start still do.
	if err := nodes[1].Close(); err != nil {
		t.Fatal(err)
	}
	put(t, replacement, "k", "3")
	again := start(t, cfgs[1])
	ready(t, again)
	wantValue(t, again, "k", "3")
	if log.Len() > 0 && strings.Contains(log.String(), "level=INFO") {
		t.Errorf("a quiet member says %s", log.String())
	}
}

// TestRemoved: a member that the others removed says so.
func TestRemoved(t *testing.T) {
	t.Parallel()
	peers := freePeers(t, "http", 3)
	nodes, cfgs := startAll(t, peers, func(*Config) {})
	if _, err := Replace(patient(t), cfgs[0].Dir, peers[2]); err != nil {
		t.Fatalf("Replace() = %v", err)
	}
	select {
	case err := <-nodes[2].Failed():
		if err == nil || !strings.Contains(err.Error(), "member c") {
			t.Errorf("Failed() = %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("the removed member goes on")
	}
}

// authority makes certificates for 127.0.0.1.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, name, true)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) issue(t *testing.T, name string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	parent, signer := a.cert, a.key
	if ca {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(a.path(file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// TestTLS: members with certificates of one authority find each other, and one
// with another's is left out.
func TestTLS(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t, "ca"), newAuthority(t, "ca")
	peers := freePeers(t, "https", 3)
	files := func(c *Config, a *authority) {
		a.issue(t, c.Name, false)
		c.Cert, c.Key, c.CA = a.path(c.Name+".pem"), a.path(c.Name+".key"), a.path("ca.pem")
	}
	nodes, cfgs := startAll(t, peers, func(c *Config) { files(c, ours) })
	put(t, nodes[0], "k", "1")
	wantValue(t, nodes[1], "k", "1")
	if err := nodes[2].Close(); err != nil {
		t.Fatal(err)
	}
	files(&cfgs[2], other)
	stranger := start(t, cfgs[2])
	put(t, nodes[0], "k", "2")
	select {
	case <-stranger.Ready():
		t.Error("a member with a certificate of another authority takes part")
	case <-time.After(2 * time.Second):
	}
}

// TestDamaged: a member whose data can't be read does not start, and says why.
func TestDamaged(t *testing.T) {
	t.Parallel()
	peers := freePeers(t, "http", 1)
	nodes, cfgs := startAll(t, peers, func(*Config) {})
	put(t, nodes[0], "k", "1")
	if err := nodes[0].Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(cfgs[0].Dir, "etcd/member/wal/*.wal"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		b[100+i] ^= 0x55
	}
	if err := os.WriteFile(logs[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	cfgs[0].Fatal = func(err error) { panic(fmt.Sprintf("fatal: %v", err)) }
	if n, err := Start(t.Context(), cfgs[0]); err == nil {
		n.Close()
		t.Error("a member with a damaged log starts")
	} else {
		t.Log(err)
	}
}

// TestTold: etcd's chatter is for debug, and it does not repeat itself.
func TestTold(t *testing.T) {
	var out bytes.Buffer
	core := &logCore{log: slog.New(slog.NewTextHandler(&out, nil)), told: &told{at: map[string]time.Time{}}}
	lg := zap.New(core).With(zap.String("member", "a"))
	lg.Info("chatter")
	lg.Warn("trouble", zap.Int("n", 1))
	lg.Warn("trouble", zap.Int("n", 2))
	lg.Error("worse", zap.Error(os.ErrPermission))
	core.told.closing.Store(true)
	lg.Error("closed", zap.Error(os.ErrClosed))
	text := out.String()
	if strings.Contains(text, "chatter") || strings.Contains(text, "n=2") || strings.Contains(text, "closed") ||
		!strings.Contains(text, `level=WARN msg="etcd: trouble" member=a n=1`) || !strings.Contains(text, `level=ERROR msg="etcd: worse" error="permission denied" member=a`) {
		t.Errorf("told:\n%s", text)
	}
}
