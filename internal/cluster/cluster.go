// Package cluster runs etcd's own server inside the program, so that three
// Sallyport processes are a highly available deployment with nothing else to
// install.
//
// It is there only in programs that are built with the tag cluster: it makes
// the binary larger, and who runs etcd by himself doesn't need it. Without the
// tag Start says so. Clients reach the member only through a socket in its
// folder, which its owner alone may open; members reach each other at their
// peer URLs, which should be https: whoever reaches one that is plain http can
// read and change everything.
package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ErrNotBuilt says that this program has no cluster inside, and what to do.
var ErrNotBuilt = errors.New("this program was built without the embedded cluster: build it with go build -tags cluster ./cmd/sallyport, or run etcd and name it with --store etcd://HOST:2379")

// Peer is a member of the cluster as the others reach it.
type Peer struct {
	Name string
	URL  string // scheme://host:port
}

// Peers are all members.
type Peers []Peer

var peerName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Parse reads NAME=URL,NAME=URL and so on, as of the flag --cluster. Names and
// URLs differ from each other, and the URLs are all http or all https, with a
// host and a port.
func Parse(s string) (Peers, error) {
	var peers Peers
	for part := range strings.SplitSeq(s, ",") {
		name, address, ok := strings.Cut(part, "=")
		if !ok || !peerName.MatchString(name) {
			return nil, fmt.Errorf("cluster: %q is not NAME=URL", part)
		}
		if err := checkURL(address); err != nil {
			return nil, fmt.Errorf("cluster: member %s: %w", name, err)
		}
		for _, p := range peers {
			switch {
			case p.Name == name:
				return nil, fmt.Errorf("cluster: two members are called %s", name)
			case p.URL == address:
				return nil, fmt.Errorf("cluster: members %s and %s have the same URL", p.Name, name)
			case p.secure() != strings.HasPrefix(address, "https:"):
				return nil, fmt.Errorf("cluster: members %s and %s are not both http or both https", p.Name, name)
			}
		}
		peers = append(peers, Peer{name, address})
	}
	return peers, nil
}

// checkURL accepts exactly what names a scheme, a host and a port.
func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not an http or https URL", s)
	}
	if host, port, err := net.SplitHostPort(u.Host); err != nil || host == "" || port == "" || s != u.Scheme+"://"+u.Host {
		return fmt.Errorf("%q is not %s://HOST:PORT", s, u.Scheme)
	}
	return nil
}

func (p Peer) secure() bool { return strings.HasPrefix(p.URL, "https:") }

// host is the URL's host, without the port.
func (p Peer) host() string { return p.hostPort(0) }

func (p Peer) port() string { return p.hostPort(1) }

func (p Peer) hostPort(i int) string {
	_, address, _ := strings.Cut(p.URL, "://")
	host, port, _ := net.SplitHostPort(address)
	return [2]string{host, port}[i]
}

// String is what Parse reads.
func (ps Peers) String() string {
	parts := make([]string, len(ps))
	for i, p := range ps {
		parts[i] = p.Name + "=" + p.URL
	}
	return strings.Join(parts, ",")
}

// named is the peer of that name.
func (ps Peers) named(name string) (Peer, bool) {
	i := slices.IndexFunc(ps, func(p Peer) bool { return p.Name == name })
	if i < 0 {
		return Peer{}, false
	}
	return ps[i], true
}

// Config says which member to be. Name, Peers and Dir must be set.
type Config struct {
	// Name is this member's among Peers. A member keeps its name and its folder.
	Name string
	// Peers are all members, this one too. They count only at the first start of
	// a member: later it knows the others from its folder. One alone is a
	// cluster, which survives nothing; three survive the loss of one, five of two.
	Peers Peers
	// Dir is the member's folder. Its path must leave room for a socket's
	// name: the whole must be shorter than some hundred bytes.
	Dir string
	// Listen is the IP address and port at which this member listens for the
	// others. Empty means those of its URL, or all addresses where the URL has
	// a host name.
	Listen string
	// Cert, Key and CA are PEM files: this member's certificate, its key, and
	// the authority of all members' certificates. https URLs need all three: a
	// peer without a certificate of the authority is refused. http takes none.
	Cert, Key, CA string
	// Join says that the cluster exists and has been told of this member (see
	// Replace). Without it a member with an empty folder makes a new cluster
	// together with the others.
	Join bool
	// Log gets what the member says of its own work, at level debug, its
	// warnings and errors. Nil means silence.
	Log *slog.Logger
	// Fatal is called when the member's disk fails or its data proves damaged.
	// It must end the process. Nil means panic.
	Fatal func(error)
}

// maxSocket is what a socket's path may measure on Linux, less the closing zero.
const maxSocket = 107

// check completes the configuration.
func (c *Config) check() error {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Fatal == nil {
		c.Fatal = func(err error) { panic(err) }
	}
	self, ok := c.Peers.named(c.Name)
	if !ok {
		return fmt.Errorf("cluster: this member's name %q is none of %s", c.Name, c.Peers)
	}
	files := 0
	for _, f := range []string{c.Cert, c.Key, c.CA} {
		if f != "" {
			files++
		}
	}
	if self.secure() && files != 3 {
		return errors.New("cluster: peer URLs with https need a certificate, its key and an authority")
	}
	if !self.secure() && files > 0 {
		return errors.New("cluster: certificates are given, but the peer URLs are http")
	}
	if c.Listen == "" {
		c.Listen = self.listen()
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || net.ParseIP(host) == nil {
		return fmt.Errorf("cluster: listen address %q is not IP:PORT", c.Listen)
	}
	if c.Dir, err = filepath.Abs(c.Dir); err != nil {
		return err
	}
	if path := socket(c.Dir); len(path) > maxSocket {
		return fmt.Errorf("cluster: the path of the socket %s has %d bytes, at most %d; use a data folder with a shorter path", path, len(path), maxSocket)
	}
	return nil
}

// listen is where a peer listens by default.
func (p Peer) listen() string {
	host := p.host()
	switch {
	case host == "localhost":
		host = "127.0.0.1"
	case net.ParseIP(host) == nil:
		host = "0.0.0.0"
	}
	return net.JoinHostPort(host, p.port())
}

// socket is where clients reach the member of a folder.
func socket(dir string) string { return filepath.Join(dir, "client.sock") }

// endpoint is the socket as etcd's client has it.
func endpoint(dir string) string { return "unix://" + socket(dir) }
