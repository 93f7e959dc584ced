package etcdtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"syscall"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// memberEnv tells a test binary, by holding a member as JSON, that it is one.
const memberEnv = "SALLYPORT_ETCD_MEMBER"

// memberConfig is what the process of a member is told.
type memberConfig struct {
	Name, Dir string
	Peer      string // URL at which it listens for other members
	Advertise string // URL at which they reach it: a proxy
	Client    string // URL for clients
	Cluster   string // NAME=URL of all members, with commas
	TLS       *Files // for clients; nil means none
}

// Member runs an etcd member, and never returns, if this process was started
// as one by Start. Every test binary that calls Start calls it first thing in
// TestMain.
func Member() {
	raw := os.Getenv(memberEnv)
	if raw == "" {
		return
	}
	if err := runMember([]byte(raw)); err != nil {
		fmt.Fprintln(os.Stderr, "etcd member:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runMember serves until the parent's end of standard input closes, so that no
// member outlives a test that was killed.
func runMember(raw []byte) error {
	var m memberConfig
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	cfg, err := m.embed()
	if err != nil {
		return err
	}
	e, err := embed.StartEtcd(cfg)
	for end := time.Now().Add(startTimeout); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond) // until whoever took its port meanwhile is gone
		e, err = embed.StartEtcd(cfg)
	}
	if err != nil {
		return err
	}
	defer e.Close()
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(gone)
	}()
	select {
	case err := <-e.Err():
		return err
	case <-gone:
		return nil
	}
}

func (m memberConfig) embed() (*embed.Config, error) {
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir = m.Name, m.Dir
	cfg.InitialCluster, cfg.InitialClusterToken = m.Cluster, "sallyport-test"
	if m.TLS != nil {
		cfg.ClientTLSInfo = transport.TLSInfo{CertFile: m.TLS.Cert, KeyFile: m.TLS.Key, TrustedCAFile: m.TLS.CA, ClientCertAuth: true}
	}
	for _, u := range []struct {
		to   *[]url.URL
		from string
	}{{&cfg.ListenPeerUrls, m.Peer}, {&cfg.AdvertisePeerUrls, m.Advertise}, {&cfg.ListenClientUrls, m.Client}, {&cfg.AdvertiseClientUrls, m.Client}} {
		parsed, err := url.Parse(u.from)
		if err != nil {
			return nil, err
		}
		*u.to = []url.URL{*parsed}
	}
	cfg.TickMs, cfg.ElectionMs = 100, 1000 // etcd's defaults, said here because tests measure what follows from them
	cfg.BcryptCost = 4
	cfg.WarningApplyDuration = time.Minute
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	if path := os.Getenv("SALLYPORT_ETCD_LOG"); path != "" { // for whoever looks for a fault
		logger, err := zap.Config{Level: zap.NewAtomicLevel(), Encoding: "console", OutputPaths: []string{path + m.Name}, EncoderConfig: zap.NewDevelopmentEncoderConfig()}.Build()
		if err != nil {
			return nil, err
		}
		cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	}
	return cfg, nil
}
