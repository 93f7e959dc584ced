package iam

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) signingCertOperations() []service.Operation {
	return []service.Operation{
		op("UploadSigningCertificate", s.UploadSigningCertificate),
		op("ListSigningCertificates", s.ListSigningCertificates),
		op("UpdateSigningCertificate", s.UpdateSigningCertificate),
		op("DeleteSigningCertificate", s.DeleteSigningCertificate),
	}
}

// parseCertificate reads a text that is one X.509 certificate in PEM.
func parseCertificate(body string) (*x509.Certificate, bool) {
	if block, ok := onePEM(body); ok && block.Type == "CERTIFICATE" {
		return boundedCertificate(block.Bytes)
	}
	return nil, false
}

// parseSigningCert reads a certificate that is valid now.
func parseSigningCert(body string, now time.Time) (*x509.Certificate, error) {
	if cert, ok := parseCertificate(body); ok && !now.Before(cert.NotBefore) && !now.After(cert.NotAfter) {
		return cert, nil
	}
	return nil, errCertificate(body)
}

func errCertificate(body string) error {
	return api.MalformedCertificate.New("Certificate %s is malformed.", body)
}

// boundedCertificate reads a certificate whose signatures don't take for ever to
// verify.
func boundedCertificate(der []byte) (*x509.Certificate, bool) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, false
	}
	if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maximumRSABits {
		return nil, false
	}
	return cert, true
}

func signingCertOut(u *directory.User, c directory.SigningCert) api.SigningCertificate {
	return api.SigningCertificate{
		UserName: userNameOut(u), CertificateId: c.ID, CertificateBody: c.Body,
		Status: statusOf(c.Inactive), UploadDate: c.Uploaded,
	}
}

// UploadSigningCertificate gives the named user, or the caller, a certificate.
func (s *Service) UploadSigningCertificate(ctx context.Context, c *service.Caller, in *api.UploadSigningCertificateRequest) (*api.UploadSigningCertificateResponse, error) {
	cert, err := parseSigningCert(in.CertificateBody, s.dir.Now())
	if err != nil {
		return nil, err
	}
	var out api.SigningCertificate
	err = s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		made, err := tx.AddSigningCert(u, in.CertificateBody, cert.Raw)
		out = signingCertOut(u, made)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.UploadSigningCertificateResponse{Certificate: &out}, nil
}

// ListSigningCertificates lists the certificates of the named user, or of the caller.
func (s *Service) ListSigningCertificates(_ context.Context, c *service.Caller, in *api.ListSigningCertificatesRequest) (*api.ListSigningCertificatesResponse, error) {
	u, err := user(c, in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := pageOf("ListSigningCertificates", in.Marker, in.MaxItems, u.Certificates,
		func(c directory.SigningCert) string { return c.ID },
		func(c directory.SigningCert) api.SigningCertificate { return signingCertOut(u, c) })
	if err != nil {
		return nil, err
	}
	return &api.ListSigningCertificatesResponse{Certificates: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// UpdateSigningCertificate makes a certificate active or inactive.
func (s *Service) UpdateSigningCertificate(ctx context.Context, c *service.Caller, in *api.UpdateSigningCertificateRequest) (*nothing, error) {
	if err := settable(in.Status); err != nil {
		return nil, err
	}
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.SetSigningCertStatus(u, in.CertificateId, in.Status == active)
	})
}

// DeleteSigningCertificate deletes a certificate for good.
func (s *Service) DeleteSigningCertificate(ctx context.Context, c *service.Caller, in *api.DeleteSigningCertificateRequest) (*nothing, error) {
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.DeleteSigningCert(u, in.CertificateId)
	})
}
