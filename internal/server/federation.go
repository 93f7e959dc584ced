package server

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
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
