package test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// TestCredentialsOfNobody: what isn't there is told in AWS's words by every
// operation on credentials and providers, and nothing is made of it.
func TestCredentialsOfNobody(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	root.user(t, s, "u", "")
	prefix := "arn:aws:iam::" + s.account + ":"
	nobody, u, none := aws.String("nobody"), aws.String("u"), aws.String("NONE56789012345678901234")
	device, oidc, saml := aws.String(prefix+"mfa/none"), aws.String(prefix+"oidc-provider/none"), aws.String(prefix+"saml-provider/none")
	six, tags, tagKeys := aws.String("123456"), []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}, []string{"k"}
	const (
		noUser   = "The user with name nobody cannot be found."
		noLogin  = "Login Profile for User u cannot be found."
		noSSHKey = "The Public Key with id NONE56789012345678901234 cannot be found."
		noCert   = "The Certificate with id NONE56789012345678901234 cannot be found."
		noSite   = "The Server Certificate with name none cannot be found."
		noCred   = "No such credential NONE56789012345678901234 exists"
	)
	noDevice := "MFA Device with serial number " + *device + " does not exist."
	noOIDC, noSAML := "OpenIDConnect Provider not found for arn "+*oidc, "Manifest not found for arn "+*saml
	site, c := aws.String("none"), root.iam
	for _, tt := range []struct {
		name string
		call func(ctx context.Context) (any, error)
		text string
	}{
		{"CreateLoginProfile", func(ctx context.Context) (any, error) {
			return c.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: nobody, Password: aws.String("Secret-Word1")})
		}, noUser},
		{"GetLoginProfile", func(ctx context.Context) (any, error) {
			return c.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: nobody})
		}, noUser},
		{"UpdateLoginProfile", func(ctx context.Context) (any, error) {
			return c.UpdateLoginProfile(ctx, &iam.UpdateLoginProfileInput{UserName: u, Password: aws.String("Secret-Word1")})
		}, noLogin},
		{"DeleteLoginProfile", func(ctx context.Context) (any, error) {
			return c.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: nobody})
		}, noUser},
		{"EnableMFADevice", func(ctx context.Context) (any, error) {
			return c.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{UserName: u, SerialNumber: device, AuthenticationCode1: six, AuthenticationCode2: six})
		}, noDevice},
		{"ResyncMFADevice", func(ctx context.Context) (any, error) {
			return c.ResyncMFADevice(ctx, &iam.ResyncMFADeviceInput{UserName: u, SerialNumber: device, AuthenticationCode1: six, AuthenticationCode2: six})
		}, noDevice},
		{"DeactivateMFADevice", func(ctx context.Context) (any, error) {
			return c.DeactivateMFADevice(ctx, &iam.DeactivateMFADeviceInput{UserName: nobody, SerialNumber: device})
		}, noUser},
		{"GetMFADevice", func(ctx context.Context) (any, error) {
			return c.GetMFADevice(ctx, &iam.GetMFADeviceInput{UserName: u, SerialNumber: device})
		}, noDevice},
		{"ListMFADevices", func(ctx context.Context) (any, error) {
			return c.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: nobody})
		}, noUser},
		{"DeleteVirtualMFADevice", func(ctx context.Context) (any, error) {
			return c.DeleteVirtualMFADevice(ctx, &iam.DeleteVirtualMFADeviceInput{SerialNumber: device})
		}, noDevice},
		{"TagMFADevice", func(ctx context.Context) (any, error) {
			return c.TagMFADevice(ctx, &iam.TagMFADeviceInput{SerialNumber: device, Tags: tags})
		}, noDevice},
		{"UntagMFADevice", func(ctx context.Context) (any, error) {
			return c.UntagMFADevice(ctx, &iam.UntagMFADeviceInput{SerialNumber: device, TagKeys: tagKeys})
		}, noDevice},
		{"ListMFADeviceTags", func(ctx context.Context) (any, error) {
			return c.ListMFADeviceTags(ctx, &iam.ListMFADeviceTagsInput{SerialNumber: device})
		}, noDevice},
		{"GetSSHPublicKey", func(ctx context.Context) (any, error) {
			return c.GetSSHPublicKey(ctx, &iam.GetSSHPublicKeyInput{UserName: u, SSHPublicKeyId: none, Encoding: "SSH"})
		}, noSSHKey},
		{"ListSSHPublicKeys", func(ctx context.Context) (any, error) {
			return c.ListSSHPublicKeys(ctx, &iam.ListSSHPublicKeysInput{UserName: nobody})
		}, noUser},
		{"UpdateSSHPublicKey", func(ctx context.Context) (any, error) {
			return c.UpdateSSHPublicKey(ctx, &iam.UpdateSSHPublicKeyInput{UserName: u, SSHPublicKeyId: none, Status: "Active"})
		}, noSSHKey},
		{"DeleteSSHPublicKey", func(ctx context.Context) (any, error) {
			return c.DeleteSSHPublicKey(ctx, &iam.DeleteSSHPublicKeyInput{UserName: u, SSHPublicKeyId: none})
		}, noSSHKey},
		{"ListSigningCertificates", func(ctx context.Context) (any, error) {
			return c.ListSigningCertificates(ctx, &iam.ListSigningCertificatesInput{UserName: nobody})
		}, noUser},
		{"UpdateSigningCertificate", func(ctx context.Context) (any, error) {
			return c.UpdateSigningCertificate(ctx, &iam.UpdateSigningCertificateInput{UserName: u, CertificateId: none, Status: "Active"})
		}, noCert},
		{"UpdateServerCertificate", func(ctx context.Context) (any, error) {
			return c.UpdateServerCertificate(ctx, &iam.UpdateServerCertificateInput{ServerCertificateName: site, NewPath: aws.String("/a/")})
		}, noSite},
		{"DeleteServerCertificate", func(ctx context.Context) (any, error) {
			return c.DeleteServerCertificate(ctx, &iam.DeleteServerCertificateInput{ServerCertificateName: site})
		}, noSite},
		{"TagServerCertificate", func(ctx context.Context) (any, error) {
			return c.TagServerCertificate(ctx, &iam.TagServerCertificateInput{ServerCertificateName: site, Tags: tags})
		}, noSite},
		{"UntagServerCertificate", func(ctx context.Context) (any, error) {
			return c.UntagServerCertificate(ctx, &iam.UntagServerCertificateInput{ServerCertificateName: site, TagKeys: tagKeys})
		}, noSite},
		{"ListServerCertificateTags", func(ctx context.Context) (any, error) {
			return c.ListServerCertificateTags(ctx, &iam.ListServerCertificateTagsInput{ServerCertificateName: site})
		}, noSite},
		{"CreateServiceSpecificCredential", func(ctx context.Context) (any, error) {
			return c.CreateServiceSpecificCredential(ctx, &iam.CreateServiceSpecificCredentialInput{UserName: nobody, ServiceName: aws.String("codecommit.amazonaws.com")})
		}, noUser},
		{"ListServiceSpecificCredentials", func(ctx context.Context) (any, error) {
			return c.ListServiceSpecificCredentials(ctx, &iam.ListServiceSpecificCredentialsInput{UserName: u, ServiceName: aws.String("none")})
		}, "No such service none is supported for Service Specific Credentials"},
		{"UpdateServiceSpecificCredential", func(ctx context.Context) (any, error) {
			return c.UpdateServiceSpecificCredential(ctx, &iam.UpdateServiceSpecificCredentialInput{UserName: u, ServiceSpecificCredentialId: none, Status: "Active"})
		}, noCred},
		{"ResetServiceSpecificCredential", func(ctx context.Context) (any, error) {
			return c.ResetServiceSpecificCredential(ctx, &iam.ResetServiceSpecificCredentialInput{UserName: u, ServiceSpecificCredentialId: none})
		}, noCred},
		{"AddClientIDToOpenIDConnectProvider", func(ctx context.Context) (any, error) {
			return c.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: oidc, ClientID: u})
		}, noOIDC},
		{"RemoveClientIDFromOpenIDConnectProvider", func(ctx context.Context) (any, error) {
			return c.RemoveClientIDFromOpenIDConnectProvider(ctx, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: oidc, ClientID: u})
		}, noOIDC},
		{"UpdateOpenIDConnectProviderThumbprint", func(ctx context.Context) (any, error) {
			return c.UpdateOpenIDConnectProviderThumbprint(ctx, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: oidc, ThumbprintList: []string{"1234567890123456789012345678901234567890"}})
		}, noOIDC},
		{"TagOpenIDConnectProvider", func(ctx context.Context) (any, error) {
			return c.TagOpenIDConnectProvider(ctx, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: oidc, Tags: tags})
		}, noOIDC},
		{"UntagOpenIDConnectProvider", func(ctx context.Context) (any, error) {
			return c.UntagOpenIDConnectProvider(ctx, &iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: oidc, TagKeys: tagKeys})
		}, noOIDC},
		{"ListOpenIDConnectProviderTags", func(ctx context.Context) (any, error) {
			return c.ListOpenIDConnectProviderTags(ctx, &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: oidc})
		}, noOIDC},
		{"UpdateSAMLProvider", func(ctx context.Context) (any, error) {
			return c.UpdateSAMLProvider(ctx, &iam.UpdateSAMLProviderInput{SAMLProviderArn: saml, AssertionEncryptionMode: "Allowed"})
		}, noSAML},
		{"DeleteSAMLProvider", func(ctx context.Context) (any, error) {
			return c.DeleteSAMLProvider(ctx, &iam.DeleteSAMLProviderInput{SAMLProviderArn: saml})
		}, noSAML},
		{"TagSAMLProvider", func(ctx context.Context) (any, error) {
			return c.TagSAMLProvider(ctx, &iam.TagSAMLProviderInput{SAMLProviderArn: saml, Tags: tags})
		}, noSAML},
		{"UntagSAMLProvider", func(ctx context.Context) (any, error) {
			return c.UntagSAMLProvider(ctx, &iam.UntagSAMLProviderInput{SAMLProviderArn: saml, TagKeys: tagKeys})
		}, noSAML},
		{"ListSAMLProviderTags", func(ctx context.Context) (any, error) {
			return c.ListSAMLProviderTags(ctx, &iam.ListSAMLProviderTagsInput{SAMLProviderArn: saml})
		}, noSAML},
	} {
		_, err := tt.call(ctx)
		wantCode(t, tt.name, err, "NoSuchEntity", tt.text)
	}
	summary, err := c.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	must(t, err)
	for _, count := range []string{"MFADevices", "ServerCertificates", "Providers"} {
		if n := summary.SummaryMap[count]; n != 0 {
			t.Errorf("%s = %d after refusals only", count, n)
		}
	}
}
