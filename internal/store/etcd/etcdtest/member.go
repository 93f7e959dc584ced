package etcdtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

const (
	// memberEnv tells a test binary, by holding a member as JSON, that it is one.
	memberEnv = "SALLYPORT_ETCD_MEMBER"
	// programEnv names the etcd program that is to be a member instead.
	programEnv = "SALLYPORT_ETCD"
)

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

// command is the process of a member.
func (m memberConfig) command() (*exec.Cmd, error) {
	if program := os.Getenv(programEnv); program != "" {
		return exec.Command(program, m.flags()...), nil
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), memberEnv+"="+string(raw))
	return cmd, nil
}

// flags say to an etcd program what embed says to the embedded one.
func (m memberConfig) flags() []string {
	flags := []string{
		"--name", m.Name, "--data-dir", m.Dir, "--initial-cluster", m.Cluster, "--initial-cluster-token", clusterToken,
		"--listen-peer-urls", m.Peer, "--initial-advertise-peer-urls", m.Advertise,
		"--listen-client-urls", m.Client, "--advertise-client-urls", m.Client,
		"--bcrypt-cost", "4", "--log-level", "fatal",
	}
	if m.TLS != nil {
		flags = append(flags, "--cert-file", m.TLS.Cert, "--key-file", m.TLS.Key, "--trusted-ca-file", m.TLS.CA, "--client-cert-auth")
	}
	return flags
}

const clusterToken = "sallyport-test"

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
	cfg.InitialCluster, cfg.InitialClusterToken = m.Cluster, clusterToken
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
