package server

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/federation"
)

// FederationConfig says how the deployment and identity providers reach each
// other. Its zero value works.
type FederationConfig struct {
	// CA names a file of certificates, in PEM, of authorities that OpenID Connect
	// providers may have their certificates of, besides those of the system.
	CA string
	// LoopbackHTTP lets OpenID Connect providers on this machine do without TLS.
	LoopbackHTTP bool
	// IssuerURL is the URL by which others reach this endpoint to verify the
	// tokens that it issues: https, or http on this machine. Empty means the
	// endpoint's own.
	IssuerURL string
}

// issuer is the URL that the issuers of all accounts begin with.
func (c FederationConfig) issuer(listener net.Addr) string {
	if c.IssuerURL != "" {
		return strings.TrimSuffix(c.IssuerURL, "/")
	}
	return endpoint(listener)
}

func (c FederationConfig) check() error {
	if c.IssuerURL == "" {
		return nil
	}
	u, err := url.Parse(c.IssuerURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("the issuer's URL %q is not https://HOST/PATH", c.IssuerURL)
	}
	if addr, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !addr.IsLoopback()) {
		return fmt.Errorf("nobody could trust the issuer %q without TLS: it must be https://HOST/PATH", c.IssuerURL)
	}
	return nil
}

// keys makes what fetches the keys of OpenID Connect providers.
func (c FederationConfig) keys(cfg *Config) (*federation.Keys, error) {
	opts := federation.KeyOptions{LoopbackHTTP: c.LoopbackHTTP, Now: cfg.Now, Log: cfg.Log}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("can't read the authorities of identity providers: %w", err)
		}
		if opts.Roots, err = x509.SystemCertPool(); err != nil {
			opts.Roots = x509.NewCertPool()
		}
		if !opts.Roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("there is no certificate in " + c.CA)
		}
	}
	return federation.NewKeys(opts), nil
}

// issuerOr serves the documents by which others verify the tokens that accounts
// have issued, and leaves the rest to next: a signed request for such a path is
// S3's.
func (s *Server) issuerOr(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, "/oidc/")
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Authorization") != "" || r.URL.Query().Has("X-Amz-Algorithm") {
			next.ServeHTTP(w, r)
			return
		}
		account, path, _ := strings.Cut(rest, "/")
		body, err := s.issuerDocument(account, "/"+path)
		switch {
		case err != nil:
			s.cfg.Log.Error("issuer's document not served", "account", account, "error", err)
			http.Error(w, "The document can't be served now.", http.StatusServiceUnavailable)
		case body == nil:
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "public, max-age=3600")
			w.Write(body) // a client that is gone needs no answer
		}
	})
}

// issuerDocument is a document of an account that is, or was, an issuer; nil
// where there is none.
func (s *Server) issuerDocument(account, path string) ([]byte, error) {
	if path != federation.DiscoveryPath && path != federation.KeySetPath {
		return nil, nil
	}
	dir := s.data.dir
	if dir.Stale(s.cfg.Now()) {
		return nil, errors.New("the node has been without its store for too long")
	}
	i, err := dir.Snapshot().Issuer(account)
	if err != nil || i == nil {
		return nil, err
	}
	if path == federation.DiscoveryPath {
		return federation.Discovery(dir.IssuerURL(account))
	}
	var keys []federation.PublicKey
	for _, k := range i.Keys {
		keys = append(keys, federation.PublicKey{ID: k.ID, Algorithm: k.Algorithm, Public: k.Public})
	}
	return federation.KeySet(keys)
}
