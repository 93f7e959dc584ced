package server

import (
	"context"
	"maps"
	"slices"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service/iam"
)

// settings imports the account's own limits, before what they make room for.
func (i *importer) settings(ctx context.Context, m *exportedMore) {
	a, err := i.dir.Snapshot().Account(i.account)
	if err != nil || a == nil {
		return // accountNamed has seen it
	}
	if len(m.Quotas) > 0 {
		i.entity(ctx, "quotas", func(tx *directory.Tx) (bool, error) {
			for _, name := range slices.Sorted(maps.Keys(m.Quotas)) {
				if err := tx.SetQuota(name, new(m.Quotas[name])); err != nil {
					return false, err
				}
			}
			return len(a.Quotas) > 0, nil
		})
	}
	if m.AccessKeyMaxAge != 0 {
		i.entity(ctx, "greatest age of access keys", func(tx *directory.Tx) (bool, error) {
			if err := checkKeyMaxAge(m.AccessKeyMaxAge); err != nil || a.KeyMaxAge == m.AccessKeyMaxAge {
				return true, err
			}
			return a.KeyMaxAge != 0, tx.SetKeyMaxAge(m.AccessKeyMaxAge)
		})
	}
}

// credentials imports what the file says of the users' credentials and of
// providers. What lacks its secret is left out, and told.
func (i *importer) credentials(ctx context.Context, m *moreCredentials) {
	if p := m.PasswordPolicy; p != nil {
		i.entity(ctx, "password policy", func(tx *directory.Tx) (bool, error) { return passwordPolicy(tx, i.account, p) })
	}
	for _, k := range m.SSHPublicKeys {
		i.entity(ctx, "SSH key "+k.SSHPublicKeyId+" of user "+k.UserName, func(tx *directory.Tx) (bool, error) { return sshKey(tx, &k) })
	}
	for _, c := range m.SigningCertificates {
		i.entity(ctx, "signing certificate "+c.CertificateId+" of user "+c.UserName, func(tx *directory.Tx) (bool, error) { return signingCert(tx, &c) })
	}
	for _, p := range m.OpenIDConnectProviders {
		i.entity(ctx, "OpenID Connect provider "+p.Url, func(tx *directory.Tx) (bool, error) { return i.oidc(tx, &p) })
	}
	for _, p := range m.SAMLProviders {
		i.entity(ctx, "SAML provider "+p.Name, func(tx *directory.Tx) (bool, error) { return i.saml(tx, &p) })
	}
	i.withoutSecrets(m)
}

// withoutSecrets tells of what isn't there yet and can't be made of the file.
func (i *importer) withoutSecrets(m *moreCredentials) {
	s := i.dir.Snapshot()
	skip := func(there bool, what, lacks string) {
		if !there {
			i.done.Skipped = append(i.done.Skipped, what+": the file holds no "+lacks)
		}
	}
	has := func(user string, fn func(u *directory.User) bool) bool {
		u, err := s.User(i.account, user)
		return err == nil && fn(u)
	}
	for _, l := range m.LoginProfiles {
		skip(has(l.UserName, func(u *directory.User) bool { return u.Password != "" }), "login profile of user "+l.UserName, "password")
	}
	for _, d := range m.MFADevices {
		_, err := s.MFADevice(i.account, d.SerialNumber)
		skip(err == nil, "MFA device "+d.SerialNumber, "seed")
	}
	for _, c := range m.ServiceSpecificCredentials {
		skip(has(c.UserName, func(u *directory.User) bool {
			return slices.ContainsFunc(u.Services, func(have directory.ServiceCredential) bool { return have.Service == c.ServiceName })
		}), "credential for "+c.ServiceName+" of user "+c.UserName, "password")
	}
	for _, c := range m.ServerCertificates {
		_, err := s.ServerCert(i.account, c.ServerCertificateName)
		skip(err == nil, "server certificate "+c.ServerCertificateName, "private key")
	}
}

func passwordPolicy(tx *directory.Tx, account string, in *exportedPasswordPolicy) (existed bool, err error) {
	a, err := tx.Snapshot().Account(account)
	if err != nil {
		return false, err
	}
	want := directory.PasswordPolicy{
		MinimumLength: in.MinimumPasswordLength, Symbols: in.RequireSymbols, Numbers: in.RequireNumbers,
		Uppercase: in.RequireUppercaseCharacters, Lowercase: in.RequireLowercaseCharacters,
		UsersMayChange: in.AllowUsersToChangePassword, HardExpiry: in.HardExpiry,
		MaxAge: in.MaxPasswordAge, Reuse: in.PasswordReusePrevention,
	}
	if err := iam.CheckPasswordPolicy(&want); err != nil {
		return false, err
	}
	if existed = a != nil && a.Passwords != nil; existed && *a.Passwords == want {
		return true, nil
	}
	return existed, tx.SetPasswordPolicy(&want)
}

func sshKey(tx *directory.Tx, in *exportedSSHKey) (existed bool, err error) {
	fingerprint, err := iam.SSHFingerprint(in.SSHPublicKeyBody)
	if err != nil {
		return false, err
	}
	u, err := tx.User(in.UserName)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(u.SSHKeys, func(k directory.SSHKey) bool { return k.Fingerprint == fingerprint }) {
		return true, nil
	}
	tx.Like(directory.Original{ID: in.SSHPublicKeyId, Created: in.UploadDate})
	k, err := tx.AddSSHKey(u, in.SSHPublicKeyBody, fingerprint)
	if err != nil || in.Status != statusOf(true) {
		return false, err
	}
	return false, tx.SetSSHKeyStatus(u, k.ID, false)
}

func signingCert(tx *directory.Tx, in *exportedSigningCert) (existed bool, err error) {
	der, err := iam.CertificateDER(in.CertificateBody)
	if err != nil {
		return false, err
	}
	u, err := tx.User(in.UserName)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(u.Certificates, func(c directory.SigningCert) bool { return c.Body == in.CertificateBody }) {
		return true, nil
	}
	tx.Like(directory.Original{ID: in.CertificateId, Created: in.UploadDate})
	c, err := tx.AddSigningCert(u, in.CertificateBody, der)
	if err != nil || in.Status != statusOf(true) {
		return false, err
	}
	return false, tx.SetSigningCertStatus(u, c.ID, false)
}

func (i *importer) oidc(tx *directory.Tx, in *exportedOIDC) (existed bool, err error) {
	if err := iam.CheckOIDCProvider(in.Url, in.ThumbprintList); err != nil {
		return false, err
	}
	p, err := tx.OIDCProvider(directory.OIDCProviderARN(i.account, in.Url[len("https://"):]))
	if missing(err) {
		tx.Like(directory.Original{Created: in.CreateDate})
		_, err = tx.CreateOIDCProvider(in.Url, in.ClientIDList, in.ThumbprintList, tagsFrom(in.Tags))
		return false, err
	}
	if err != nil {
		return false, err
	}
	for _, id := range in.ClientIDList {
		if err := tx.AddClientID(p, id); err != nil {
			return true, err
		}
	}
	if !slices.Equal(p.Thumbprints, in.ThumbprintList) {
		tx.SetThumbprints(p, in.ThumbprintList)
	}
	if tags := newTags(p.Tags, in.Tags); len(tags) > 0 {
		return true, tx.TagOIDCProvider(p, tags)
	}
	return true, nil
}

func (i *importer) saml(tx *directory.Tx, in *exportedSAML) (existed bool, err error) {
	until, err := iam.CheckSAMLProvider(in.Name, in.SAMLMetadataDocument)
	if err != nil {
		return false, err
	}
	p, err := tx.SAMLProvider(directory.SAMLProviderARN(i.account, in.Name))
	if existed = err == nil; missing(err) {
		tx.Like(directory.Original{Created: in.CreateDate})
		p, err = tx.CreateSAMLProvider(in.Name, in.SAMLMetadataDocument, until, tagsFrom(in.Tags))
	}
	if err != nil {
		return existed, err
	}
	if existed {
		have, err := tx.Snapshot().SAMLMetadata(p)
		if err != nil {
			return true, err
		}
		if have != in.SAMLMetadataDocument {
			tx.SetSAMLMetadata(p, in.SAMLMetadataDocument, until)
		}
	}
	if tags := newTags(p.Tags, in.Tags); len(tags) > 0 {
		if err := tx.TagSAMLProvider(p, tags); err != nil {
			return existed, err
		}
	}
	if p.MustEncrypt != in.MustEncrypt {
		p.MustEncrypt = in.MustEncrypt
		tx.SaveSAMLProvider(p)
	}
	return existed, nil
}
