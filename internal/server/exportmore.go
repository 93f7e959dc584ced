package server

import (
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
)

// moreCredentials is what an exported file says, besides access keys, of how
// users get in and of whom the account trusts. It is all public: passwords, seeds
// and private keys are left out.
type moreCredentials struct {
	PasswordPolicy             *exportedPasswordPolicy     `json:",omitempty"`
	LoginProfiles              []exportedLogin             `json:",omitempty"`
	MFADevices                 []exportedMFA               `json:",omitempty"`
	SSHPublicKeys              []exportedSSHKey            `json:",omitempty"`
	SigningCertificates        []exportedSigningCert       `json:",omitempty"`
	ServiceSpecificCredentials []exportedServiceCredential `json:",omitempty"`
	ServerCertificates         []exportedServerCert        `json:",omitempty"`
	OpenIDConnectProviders     []exportedOIDC              `json:",omitempty"`
	SAMLProviders              []exportedSAML              `json:",omitempty"`
}

type exportedPasswordPolicy struct {
	MinimumPasswordLength                                              int
	RequireSymbols, RequireNumbers, RequireUppercaseCharacters         bool `json:",omitempty"`
	RequireLowercaseCharacters, AllowUsersToChangePassword, HardExpiry bool `json:",omitempty"`
	MaxPasswordAge, PasswordReusePrevention                            int  `json:",omitempty"`
}

type exportedLogin struct {
	UserName              string
	CreateDate            time.Time
	PasswordResetRequired bool
}

type exportedMFA struct {
	SerialNumber string
	UserName     string     `json:",omitempty"` // empty of root's and of those that aren't enabled
	EnableDate   *time.Time `json:",omitempty"`
	Tags         []tag      `json:",omitempty"`
}

type exportedSSHKey struct {
	UserName, SSHPublicKeyId, SSHPublicKeyBody, Fingerprint, Status string
	UploadDate                                                      time.Time
}

type exportedSigningCert struct {
	UserName, CertificateId, CertificateBody, Status string
	UploadDate                                       time.Time
}

type exportedServiceCredential struct {
	UserName, ServiceSpecificCredentialId, ServiceName, ServiceUserName, Status string
	CreateDate                                                                  time.Time
}

type exportedServerCert struct {
	Path, ServerCertificateName, ServerCertificateId, Arn string
	UploadDate, Expiration                                time.Time
	CertificateBody                                       string
	CertificateChain                                      string `json:",omitempty"`
	Tags                                                  []tag  `json:",omitempty"`
}

type exportedOIDC struct {
	Url            string
	ClientIDList   []string `json:",omitempty"`
	ThumbprintList []string `json:",omitempty"`
	CreateDate     time.Time
	Tags           []tag `json:",omitempty"`
}

type exportedSAML struct {
	Name, SAMLMetadataDocument string
	MustEncrypt                bool `json:",omitempty"`
	CreateDate, ValidUntil     time.Time
	Tags                       []tag `json:",omitempty"`
}

// statusOf is AWS's word for a credential that is on or off.
func statusOf(off bool) string {
	if off {
		return "Inactive"
	}
	return "Active"
}

// credentials are those of a user that have a public part.
func (e *exporter) credentials(u *directory.User) {
	out := e.out.Sallyport
	if u.Password != "" {
		out.LoginProfiles = append(out.LoginProfiles, exportedLogin{u.Name, u.LoginSince(), u.MustChange})
	}
	for _, k := range u.SSHKeys {
		out.SSHPublicKeys = append(out.SSHPublicKeys, exportedSSHKey{u.Name, k.ID, k.Body, k.Fingerprint, statusOf(k.Inactive), k.Uploaded})
	}
	for _, c := range u.Certificates {
		out.SigningCertificates = append(out.SigningCertificates, exportedSigningCert{u.Name, c.ID, c.Body, statusOf(c.Inactive), c.Uploaded})
	}
	for _, c := range u.Services {
		out.ServiceSpecificCredentials = append(out.ServiceSpecificCredentials,
			exportedServiceCredential{u.Name, c.ID, c.Service, c.Name, statusOf(c.Inactive), c.Created})
	}
}

func (e *exporter) passwordPolicy() error {
	a, err := e.s.Account(e.account)
	if err != nil || a == nil || a.Passwords == nil {
		return err
	}
	p := a.Passwords
	e.out.Sallyport.PasswordPolicy = &exportedPasswordPolicy{
		MinimumPasswordLength: p.MinimumLength, RequireSymbols: p.Symbols, RequireNumbers: p.Numbers,
		RequireUppercaseCharacters: p.Uppercase, RequireLowercaseCharacters: p.Lowercase,
		AllowUsersToChangePassword: p.UsersMayChange, HardExpiry: p.HardExpiry,
		MaxPasswordAge: p.MaxAge, PasswordReusePrevention: p.Reuse,
	}
	return nil
}

// providers are those of OpenID Connect and SAML.
func (e *exporter) providers() error {
	oidc, err := e.s.OIDCProviders(e.account)
	if err != nil {
		return err
	}
	out := e.out.Sallyport
	for _, p := range oidc {
		out.OpenIDConnectProviders = append(out.OpenIDConnectProviders,
			exportedOIDC{"https://" + p.URL, p.ClientIDs, p.Thumbprints, p.Created, tagsOf(p.Tags)})
	}
	saml, err := e.s.SAMLProviders(e.account)
	if err != nil {
		return err
	}
	for _, p := range saml {
		text, err := e.s.SAMLMetadata(p)
		if err != nil {
			return err
		}
		out.SAMLProviders = append(out.SAMLProviders, exportedSAML{p.Name, text, p.MustEncrypt, p.Created, p.ValidUntil, tagsOf(p.Tags)})
	}
	return nil
}

// devices are the virtual MFA devices.
func (e *exporter) devices() error {
	var failed error
	err := e.s.MFADevices(e.account, "", func(v *directory.MFADevice) bool {
		out := exportedMFA{SerialNumber: v.Serial(), Tags: tagsOf(v.Tags)}
		if v.Owner != "" {
			u, err := e.s.UserByID(e.account, v.Owner)
			if err != nil {
				failed = err
				return false
			}
			out.EnableDate = &v.Enabled
			if !u.Root() {
				out.UserName = u.Name
			}
		}
		e.out.Sallyport.MFADevices = append(e.out.Sallyport.MFADevices, out)
		return true
	})
	if err == nil {
		err = failed
	}
	return err
}

func (e *exporter) serverCerts() error {
	return e.s.ServerCerts(e.account, "", "", func(c *directory.ServerCert) bool {
		e.out.Sallyport.ServerCertificates = append(e.out.Sallyport.ServerCertificates, exportedServerCert{
			Path: c.Path, ServerCertificateName: c.Name, ServerCertificateId: c.ID, Arn: c.ARN(), UploadDate: c.Uploaded, Expiration: c.Expires,
			CertificateBody: c.Body, CertificateChain: c.Chain, Tags: tagsOf(c.Tags),
		})
		return true
	})
}
