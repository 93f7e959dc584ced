package etcd

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Scheme begins the address of a store in etcd.
const Scheme = "etcd://"

const (
	defaultPort   = "2379"
	defaultPrefix = "sallyport"
	maxPrefix     = 128 // bytes: it stands before every key
)

// Location is where a store is: the members of the cluster to ask, HOST:PORT,
// and the prefix of the store's keys, without a slash at either end.
type Location struct {
	Endpoints []string
	Prefix    string
}

// ParseURL reads etcd://HOST:PORT,HOST:PORT/PREFIX. A port that is absent is
// 2379, a prefix that is absent "sallyport". Credentials have no place in it.
func ParseURL(s string) (Location, error) {
	rest, ok := strings.CutPrefix(s, Scheme)
	if !ok {
		return Location{}, fmt.Errorf("store address %q: does not begin with %s", s, Scheme)
	}
	hosts, prefix, _ := strings.Cut(rest, "/")
	if strings.Contains(hosts, "@") {
		return Location{}, errors.New("store address: user and password do not belong into it")
	}
	l := Location{Prefix: strings.Trim(prefix, "/")}
	if l.Prefix == "" {
		l.Prefix = defaultPrefix
	}
	if err := checkPrefix(l.Prefix); err != nil {
		return Location{}, fmt.Errorf("store address %q: %w", s, err)
	}
	for h := range strings.SplitSeq(hosts, ",") {
		ep, err := parseEndpoint(h)
		if err != nil {
			return Location{}, fmt.Errorf("store address %q: %w", s, err)
		}
		l.Endpoints = append(l.Endpoints, ep)
	}
	return l, nil
}

func checkPrefix(p string) error {
	if p == "" || len(p) > maxPrefix {
		return fmt.Errorf("a prefix has 1 to %d characters", maxPrefix)
	}
	for _, c := range []byte(p) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`?#%\"`, c) >= 0 {
			return fmt.Errorf("character %q in the prefix", c)
		}
	}
	if strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || strings.Contains(p, "//") {
		return errors.New("an empty part in the prefix")
	}
	return nil
}

// parseEndpoint returns HOST:PORT, with [] around an IPv6 address.
func parseEndpoint(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), defaultPort
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("port %q of %q", port, s)
	}
	if !validHost(host) {
		return "", fmt.Errorf("host %q", host)
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// validHost takes names and addresses, also IPv6 ones.
func validHost(h string) bool {
	if strings.Contains(h, ":") {
		return net.ParseIP(h) != nil
	}
	for _, c := range []byte(h) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return h != ""
}

// String is the address that ParseURL reads.
func (l Location) String() string {
	return Scheme + strings.Join(l.Endpoints, ",") + "/" + l.Prefix
}
