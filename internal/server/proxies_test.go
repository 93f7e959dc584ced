package server

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

var trusted = proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestClientBehindProxies(t *testing.T) {
	for _, tt := range []struct {
		name, peer string
		said       []string
		proto      []string
		tls        bool // of the connection to the server
		want       string
		secure     bool
	}{
		{"no proxy", "192.0.2.1:99", nil, nil, false, "192.0.2.1:99", false},
		{"no proxy, and it lies", "192.0.2.1:99", []string{"198.51.100.7"}, []string{"https"}, false, "192.0.2.1:99", false},
		{"a proxy that says nothing", "10.0.0.1:99", nil, nil, false, "10.0.0.1:0", false},
		{"a proxy", "10.0.0.1:99", []string{"198.51.100.7"}, []string{"https"}, false, "198.51.100.7:0", true},
		{"by IPv6", "[fd00::1]:99", []string{"2001:db8::7"}, []string{"http"}, false, "[2001:db8::7]:0", false},
		{"an address of both kinds", "[::ffff:10.0.0.1]:99", []string{"::ffff:198.51.100.7"}, nil, false, "198.51.100.7:0", false},
		{"two proxies", "10.0.0.1:99", []string{"198.51.100.7, 10.0.0.2"}, nil, false, "198.51.100.7:0", false},
		{"in two headers", "10.0.0.1:99", []string{"198.51.100.7", "10.0.0.2"}, nil, false, "198.51.100.7:0", false},
		{"a client that lies before a proxy", "10.0.0.1:99", []string{"10.9.9.9, 203.0.113.1, 198.51.100.7"}, []string{"https, http"}, false, "198.51.100.7:0", false},
		{"a client of the inner network", "10.0.0.1:99", []string{"10.0.0.3, 10.0.0.2"}, nil, false, "10.0.0.3:0", false},
		{"no address", "10.0.0.1:99", []string{"198.51.100.7, unknown, 10.0.0.2"}, nil, false, "10.0.0.2:0", false},
		{"with ports", "10.0.0.1:99", []string{"198.51.100.7:4711, [fd00::2]:80"}, nil, false, "198.51.100.7:0", false},
		{"TLS to the proxy only", "10.0.0.1:99", nil, []string{"HTTPS"}, false, "10.0.0.1:0", true},
		{"TLS behind the proxy only", "10.0.0.1:99", nil, []string{"http"}, true, "10.0.0.1:0", false},
		{"a protocol that isn't one", "10.0.0.1:99", nil, []string{"https "}, true, "10.0.0.1:0", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr, r.TLS = tt.peer, nil
			r.Header = http.Header{hdrForwardedFor: tt.said, hdrForwardedProto: tt.proto}
			if tt.tls {
				r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13}
			}
			got := trusted.client(r)
			if got.RemoteAddr != tt.want || (got.TLS != nil) != tt.secure {
				t.Errorf("client of %s, for %q by %q = %s, TLS %v; want %s, %v", tt.peer, tt.said, tt.proto, got.RemoteAddr, got.TLS != nil, tt.want, tt.secure)
			}
		})
	}
}

// FuzzSource: whatever a client says, what a proxy appends after it decides; and
// no address but the last that isn't a proxy's is ever the client's.
func FuzzSource(f *testing.F) {
	for _, said := range []string{"", "10.0.0.1", "1.2.3.4, 10.0.0.1", "unknown", "[::1]:80,", "fe80::1%eth0", "::ffff:10.0.0.1", strings.Repeat(",", 100)} {
		f.Add(said)
	}
	peer, client := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("198.51.100.7")
	f.Fuzz(func(t *testing.T, said string) {
		for _, headers := range [][]string{{said + "," + client.String()}, {said, client.String()}, {said, client.String() + ", 10.0.0.2"}} {
			if got := trusted.source(peer, headers); got != client {
				t.Errorf("source of %q = %v, want %v", headers, got, client)
			}
		}
		if got := trusted.source(peer, []string{said}); !got.IsValid() || !trusted.contain(got) && !strings.Contains(said, ".") && !strings.Contains(said, ":") {
			t.Errorf("source of %q = %v", said, got)
		}
	})
}
