package server

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the addresses of proxies that are believed what they say of the
// client before them. All else that asks where a request came from, and
// whether over TLS, reads the request's RemoteAddr and TLS.
type proxies []netip.Prefix

// What proxies say, as they all spell it (no standard has it but RFC 7239, whose
// header few of them send).
const (
	hdrForwardedFor   = "X-Forwarded-For"
	hdrForwardedProto = "X-Forwarded-Proto"
)

// behind gives next the requests as they reached the first trusted proxy.
func (p proxies) behind(next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, p.client(r))
	})
}

// client is the request as its client sent it to the first trusted proxy. Of a
// peer that isn't one nothing is believed.
func (p proxies) client(r *http.Request) *http.Request {
	peer, ok := addressOf(r.RemoteAddr)
	if !ok || !p.contain(peer) {
		return r
	}
	c := *r
	c.RemoteAddr = netip.AddrPortFrom(p.source(peer, r.Header[hdrForwardedFor]), 0).String()
	if said := r.Header[hdrForwardedProto]; len(said) > 0 {
		// The nearest proxy's word is the last one.
		last := said[len(said)-1]
		switch strings.ToLower(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])) {
		case "https":
			if c.TLS == nil {
				c.TLS = new(tls.ConnectionState) // of a version that isn't known
			}
		default:
			c.TLS = nil
		}
	}
	return &c
}

// source is the address that the first trusted proxy saw: the right-most that is
// no trusted proxy's, as each proxy appends whom it heard from. What stands
// before it is only said. Where an entry is no address it is the proxy's that
// passed it on.
func (p proxies) source(peer netip.Addr, said []string) netip.Addr {
	for _, line := range slices.Backward(said) {
		for _, entry := range slices.Backward(strings.Split(line, ",")) {
			addr, ok := addressOf(strings.TrimSpace(entry))
			if !ok {
				return peer
			}
			if peer = addr; !p.contain(addr) {
				return addr
			}
		}
	}
	return peer
}

func (p proxies) contain(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(known netip.Prefix) bool { return known.Contains(a) })
}

// addressOf reads an IP address, with a port or without.
func addressOf(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		with, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		a = with.Addr()
	}
	return a.Unmap().WithZone(""), true
}
