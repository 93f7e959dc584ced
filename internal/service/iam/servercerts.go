package iam

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) serverCertOperations() []service.Operation {
	return []service.Operation{
		op("UploadServerCertificate", s.UploadServerCertificate, actsOnNewServerCert,
			alsoTagging("iam:TagServerCertificate", func(in *api.UploadServerCertificateRequest) []api.Tag { return in.Tags })),
		op("GetServerCertificate", s.GetServerCertificate, actsOnServerCert(func(in *api.GetServerCertificateRequest) string { return in.ServerCertificateName })),
		op("ListServerCertificates", s.ListServerCertificates, listed("server-certificate", func(in any) string { return in.(*api.ListServerCertificatesRequest).PathPrefix })),
		op("UpdateServerCertificate", s.UpdateServerCertificate, renamesServerCert),
		op("DeleteServerCertificate", s.DeleteServerCertificate, actsOnServerCert(func(in *api.DeleteServerCertificateRequest) string { return in.ServerCertificateName })),
		op("TagServerCertificate", s.TagServerCertificate, actsOnServerCert(func(in *api.TagServerCertificateRequest) string { return in.ServerCertificateName })),
		op("UntagServerCertificate", s.UntagServerCertificate, actsOnServerCert(func(in *api.UntagServerCertificateRequest) string { return in.ServerCertificateName })),
		op("ListServerCertificateTags", s.ListServerCertificateTags, actsOnServerCert(func(in *api.ListServerCertificateTagsRequest) string { return in.ServerCertificateName })),
	}
}

// actsOnServerCert: the resource is the certificate of that name.
func actsOnServerCert[In any](name func(in *In) string) func(*service.Operation) {
	return func(o *service.Operation) {
		o.Targets = func(c *service.Caller, in any) ([]service.Target, error) {
			return []service.Target{serverCertTarget(c, name(in.(*In)))}, nil
		}
	}
}

func serverCertTarget(c *service.Caller, name string) service.Target {
	if cert, err := c.Snapshot.ServerCert(c.Account(), name); err == nil {
		return service.Target{ARN: cert.ARN(), Tags: cert.Tags}
	}
	return service.Target{ARN: directory.ServerCertARN(c.Account(), "/", name)}
}

// actsOnNewServerCert: the resource is the certificate that the request would make.
func actsOnNewServerCert(o *service.Operation) {
	o.Targets = func(c *service.Caller, a any) ([]service.Target, error) {
		in := a.(*api.UploadServerCertificateRequest)
		return []service.Target{{ARN: directory.ServerCertARN(c.Account(), pathOf(in.Path), in.ServerCertificateName)}}, nil
	}
}

// renamesServerCert: a rename needs permission on the old and on the new ARN.
func renamesServerCert(o *service.Operation) {
	o.Targets = func(c *service.Caller, a any) ([]service.Target, error) {
		in := a.(*api.UpdateServerCertificateRequest)
		from := serverCertTarget(c, in.ServerCertificateName)
		name, path := in.ServerCertificateName, "/"
		if cert, err := c.Snapshot.ServerCert(c.Account(), name); err == nil {
			name, path = cert.Name, cert.Path
		}
		to := directory.ServerCertARN(c.Account(), or(in.NewPath, path), or(in.NewServerCertificateName, name))
		if to == from.ARN {
			return []service.Target{from}, nil
		}
		return []service.Target{from, {ARN: to, Tags: from.Tags}}, nil
	}
}

const (
	// maxChain bounds a chain, in bytes, and maxChainLength in certificates. The
	// model lets through two mebibytes, which no transaction of ours holds.
	maxChain       = 256 << 10
	maxChainLength = 64
)

// parseChain reads a text that is nothing but certificates in PEM.
func parseChain(text string) ([]*x509.Certificate, error) {
	if len(text) > maxChain {
		return nil, errChain(-1)
	}
	var chain []*x509.Certificate
	for rest := []byte(text); len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		rest = bytes.TrimSpace(rest)
		if !bytes.HasPrefix(rest, []byte(pemStart)) || len(chain) == maxChainLength {
			return nil, errChain(len(chain))
		}
		block, rest = pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, errChain(len(chain))
		}
		cert, ok := boundedCertificate(block.Bytes)
		if !ok {
			return nil, errChain(len(chain))
		}
		chain = append(chain, cert)
	}
	return chain, nil
}

func errChain(index int) error {
	return api.MalformedCertificate.New("Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: %d", index)
}

// checkChain checks that each certificate is signed by the next.
func checkChain(leaf *x509.Certificate, chain []*x509.Certificate) error {
	for i, issuer := range chain {
		if !bytes.Equal(leaf.RawIssuer, issuer.RawSubject) || leaf.CheckSignatureFrom(issuer) != nil {
			return errChain(i)
		}
		leaf = issuer
	}
	return nil
}

// parsePrivateKey reads a text that is one private key in PEM, not encrypted:
// PKCS #1, PKCS #8, or SEC 1 with or without its parameters before it. Its
// error says nothing of the key.
func parsePrivateKey(text string) (crypto.Signer, error) {
	text = strings.TrimSpace(text)
	if block, rest := pem.Decode([]byte(text)); block != nil && block.Type == "EC PARAMETERS" {
		text = string(rest)
	}
	block, ok := onePEM(text)
	if !ok {
		return nil, errPrivateKey()
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, errPrivateKey()
	}
	if signer, ok := key.(crypto.Signer); ok && err == nil {
		return signer, nil
	}
	return nil, errPrivateKey()
}

func errPrivateKey() error {
	return api.MalformedCertificate.New("Unable to parse the private key: it must be PEM-encoded and not encrypted.")
}

// checkServerCert checks a certificate, its key and its chain, and gives the
// certificate.
func checkServerCert(body, key, chain string, now time.Time) (*x509.Certificate, error) {
	cert, ok := parseCertificate(body)
	if !ok {
		return nil, api.MalformedCertificate.New("Unable to parse certificate. Please ensure the certificate is in PEM format.")
	}
	signer, err := parsePrivateKey(key)
	if err != nil {
		return nil, err
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(cert.PublicKey) {
		return nil, api.KeyPairMismatch.New("The public key certificate and the private key do not match.")
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, api.MalformedCertificate.New("The certificate is not valid at this time: it is valid from %s to %s.", cert.NotBefore.Format(time.RFC3339), cert.NotAfter.Format(time.RFC3339))
	}
	issuers, err := parseChain(chain)
	if err != nil {
		return nil, err
	}
	return cert, checkChain(cert, issuers)
}

func serverCertOut(c *directory.ServerCert) *api.ServerCertificateMetadata {
	return &api.ServerCertificateMetadata{
		Path: c.Path, ServerCertificateName: c.Name, ServerCertificateId: c.ID, Arn: c.ARN(),
		UploadDate: c.Uploaded, Expiration: c.Expires,
	}
}

// UploadServerCertificate stores a certificate with its private key, which
// nobody can read back. White space around the texts isn't kept: Terraform
// compares what it gets back with its own text without it.
func (s *Service) UploadServerCertificate(ctx context.Context, c *service.Caller, in *api.UploadServerCertificateRequest) (*api.UploadServerCertificateResponse, error) {
	cert, err := checkServerCert(in.CertificateBody, in.PrivateKey, in.CertificateChain, s.dir.Now())
	if err != nil {
		return nil, err
	}
	var made *directory.ServerCert
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		made, err = tx.CreateServerCert(directory.ServerCert{
			Path: pathOf(in.Path), Name: in.ServerCertificateName, Expires: cert.NotAfter.UTC(),
			Body: strings.TrimSpace(in.CertificateBody), Chain: strings.TrimSpace(in.CertificateChain), Tags: tagsIn(in.Tags),
		}, seal.NewSecret(in.PrivateKey))
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &api.UploadServerCertificateResponse{ServerCertificateMetadata: serverCertOut(made)}
	if len(made.Tags) > 0 {
		out.Tags = tagsOut(made.Tags)
	}
	return out, nil
}

// GetServerCertificate gives a certificate and its chain.
func (s *Service) GetServerCertificate(_ context.Context, c *service.Caller, in *api.GetServerCertificateRequest) (*api.GetServerCertificateResponse, error) {
	cert, err := c.Snapshot.ServerCert(c.Account(), in.ServerCertificateName)
	if err != nil {
		return nil, awsError(err)
	}
	return &api.GetServerCertificateResponse{ServerCertificate: &api.ServerCertificate{
		ServerCertificateMetadata: serverCertOut(cert), CertificateBody: cert.Body, CertificateChain: cert.Chain, Tags: tagsOut(cert.Tags),
	}}, nil
}

// ListServerCertificates lists certificates in the order of their names.
func (s *Service) ListServerCertificates(_ context.Context, c *service.Caller, in *api.ListServerCertificatesRequest) (*api.ListServerCertificatesResponse, error) {
	p, err := newPage[api.ServerCertificateMetadata]("ListServerCertificates", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	err = c.Snapshot.ServerCerts(c.Account(), pathOf(in.PathPrefix), p.after, func(cert *directory.ServerCert) bool {
		return p.add(cert.Name, *serverCertOut(cert))
	})
	if err != nil {
		return nil, err
	}
	return &api.ListServerCertificatesResponse{ServerCertificateMetadataList: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// withServerCert is update on the certificate of that name.
func (s *Service) withServerCert(ctx context.Context, c *service.Caller, name string, fn func(tx *directory.Tx, cert *directory.ServerCert) error) error {
	return s.update(ctx, c, func(tx *directory.Tx) error {
		cert, err := tx.ServerCert(name)
		if err != nil {
			return err
		}
		return fn(tx, cert)
	})
}

// UpdateServerCertificate changes a certificate's name, path or both.
func (s *Service) UpdateServerCertificate(ctx context.Context, c *service.Caller, in *api.UpdateServerCertificateRequest) (*nothing, error) {
	return nil, s.withServerCert(ctx, c, in.ServerCertificateName, func(tx *directory.Tx, cert *directory.ServerCert) error {
		return tx.RenameServerCert(cert, in.NewServerCertificateName, in.NewPath)
	})
}

// DeleteServerCertificate deletes a certificate and its private key for good.
func (s *Service) DeleteServerCertificate(ctx context.Context, c *service.Caller, in *api.DeleteServerCertificateRequest) (*nothing, error) {
	return nil, s.withServerCert(ctx, c, in.ServerCertificateName, func(tx *directory.Tx, cert *directory.ServerCert) error {
		tx.DeleteServerCert(cert)
		return nil
	})
}

// TagServerCertificate adds or replaces tags of a certificate.
func (s *Service) TagServerCertificate(ctx context.Context, c *service.Caller, in *api.TagServerCertificateRequest) (*nothing, error) {
	return nil, s.withServerCert(ctx, c, in.ServerCertificateName, func(tx *directory.Tx, cert *directory.ServerCert) error {
		return tx.TagServerCert(cert, tagsIn(in.Tags))
	})
}

// UntagServerCertificate drops tags of a certificate.
func (s *Service) UntagServerCertificate(ctx context.Context, c *service.Caller, in *api.UntagServerCertificateRequest) (*nothing, error) {
	return nil, s.withServerCert(ctx, c, in.ServerCertificateName, func(tx *directory.Tx, cert *directory.ServerCert) error {
		tx.UntagServerCert(cert, in.TagKeys)
		return nil
	})
}

// ListServerCertificateTags lists the tags of a certificate.
func (s *Service) ListServerCertificateTags(_ context.Context, c *service.Caller, in *api.ListServerCertificateTagsRequest) (*api.ListServerCertificateTagsResponse, error) {
	cert, err := c.Snapshot.ServerCert(c.Account(), in.ServerCertificateName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := tagPage("ListServerCertificateTags", in.Marker, in.MaxItems, cert.Tags)
	if err != nil {
		return nil, err
	}
	return &api.ListServerCertificateTagsResponse{Tags: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}
