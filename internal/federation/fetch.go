package federation

import (
	"context"
	"crypto/sha1" // of which AWS makes its thumbprints
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	fetchTimeout = 5 * time.Second // for all that one key set takes
	maxDocument  = 256 << 10       // bytes
	maxRedirects = 3
)

// get fetches one document.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch %s: status %d", url, res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", url, err)
	}
	if len(body) > maxDocument {
		return nil, fmt.Errorf("fetch %s: it is larger than %d bytes", url, maxDocument)
	}
	return body, nil
}

// client makes the client for one fetch. It uses no proxy, keeps no cookies,
// and follows redirects only on the same host.
func (k *Keys) client(thumbprints []string) *http.Client {
	secure := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error { return mayDial(address) }}
	plain := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error { return mayDialPlain(address, k.opts.LoopbackHTTP) }}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: plain.DialContext,
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return k.dialTLS(ctx, secure, network, address, thumbprints)
			},
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if first := via[0].URL; len(via) > maxRedirects || r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
				return errors.New("it redirects to another place")
			}
			return nil
		},
	}
}

func (k *Keys) dialTLS(ctx context.Context, d *net.Dialer, network, address string, thumbprints []string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS12,
		// VerifyConnection does all that is skipped here, and knows thumbprints too.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			return k.verifyPeer(s.PeerCertificates, host, thumbprints)
		},
	})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// verifyPeer accepts a host's certificate that a trusted authority has issued,
// or one whose thumbprint is registered: its own, or that of an issuer among
// the certificates that the host sent.
func (k *Keys) verifyPeer(chain []*x509.Certificate, host string, thumbprints []string) error {
	if len(chain) == 0 {
		return errors.New("no certificate")
	}
	opts := x509.VerifyOptions{DNSName: host, Roots: k.opts.Roots, Intermediates: x509.NewCertPool(), CurrentTime: k.opts.Now()}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(opts)
	if err == nil {
		return nil
	}
	for _, c := range chain {
		sum := sha1.Sum(c.Raw)
		if !slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, hex.EncodeToString(sum[:])) }) {
			continue
		}
		opts.Roots = x509.NewCertPool()
		opts.Roots.AddCert(c)
		if _, err := chain[0].Verify(opts); err == nil {
			return nil
		}
	}
	return err
}

// mayDial refuses addresses that no identity provider has, but that machines
// find their own secrets at.
func mayDial(address string) error {
	a, err := dialled(address)
	if err != nil {
		return err
	}
	if a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || !a.IsValid() {
		return fmt.Errorf("%s is no address for an identity provider", a)
	}
	return nil
}

// mayDialPlain refuses all addresses without TLS but those of this machine.
func mayDialPlain(address string, loopback bool) error {
	a, err := dialled(address)
	if err != nil {
		return err
	}
	if !loopback || !a.IsLoopback() {
		return fmt.Errorf("%s can't be asked without TLS", a)
	}
	return nil
}

func dialled(address string) (netip.Addr, error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Addr{}, err
	}
	return a.Addr().Unmap().WithZone(""), nil
}
