package iam

import (
	"regexp"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	"github.com/sallyport-iam/sallyport/internal/directory"
)

// What follows checks what is given otherwise than in a request, such as in a
// file that is imported, by the rules that hold for requests. Their errors are
// in AWS's words.

// SSHFingerprint checks an SSH public key and gives its fingerprint.
func SSHFingerprint(body string) (string, error) {
	public, err := parseSSHKey(body)
	if err != nil {
		return "", err
	}
	return ssh.FingerprintLegacyMD5(public), nil
}

// CertificateDER checks a text that is one certificate in PEM, which may have
// expired, and gives its DER.
func CertificateDER(body string) ([]byte, error) {
	cert, ok := parseCertificate(body)
	if !ok {
		return nil, errCertificate(body)
	}
	return cert.Raw, nil
}

// CheckOIDCProvider refuses a URL, with https://, or thumbprints that
// CreateOpenIDConnectProvider would refuse.
func CheckOIDCProvider(url string, thumbprints []string) error {
	if err := checkProviderURL(url); err != nil {
		return err
	}
	return checkThumbprints(thumbprints)
}

// CheckSAMLProvider checks a provider's name and its metadata document, and gives
// until when that is valid; zero where it doesn't say.
func CheckSAMLProvider(name, document string) (validUntil time.Time, err error) {
	if !providerName.MatchString(name) {
		return time.Time{}, awsapi.ValidationError.New("%q is no name of a SAML provider", name)
	}
	m, err := parseMetadata(document)
	if err != nil {
		return time.Time{}, err
	}
	return m.ValidUntil, nil
}

// providerName is the pattern of SAMLProviderNameType in IAM's model.
var providerName = regexp.MustCompile(`^[\w._-]{1,128}$`)

// CheckPasswordPolicy refuses numbers that UpdateAccountPasswordPolicy's model
// has no room for.
func CheckPasswordPolicy(p *directory.PasswordPolicy) error {
	if p.MinimumLength < minimumPassword || p.MinimumLength > 128 || p.MaxAge < 0 || p.MaxAge > 1095 || p.Reuse < 0 || p.Reuse > 24 {
		return awsapi.ValidationError.New("a password policy has a length of 6 to 128, a greatest age of up to 1095 days and remembers up to 24 passwords")
	}
	return nil
}
