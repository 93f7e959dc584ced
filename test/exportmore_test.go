package test

import (
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

// TestExportCredentials: what has a public part moves with an account; what has
// none is told, and no file holds a secret.
func TestExportCredentials(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	name := aws.String("worker")
	root.user(t, s, "worker", "")
	must(t, equip(t, root, name))
	server, key := selfSigned(t, "server")
	_, err := root.iam.UploadServerCertificate(ctx, &iam.UploadServerCertificateInput{ServerCertificateName: aws.String("tls"), CertificateBody: &server, PrivateKey: &key})
	must(t, err)
	_, err = root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name, Password: aws.String("Sesame-12345")})
	must(t, err)
	device, err := root.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: aws.String("phone")})
	must(t, err)
	secret, err := root.iam.CreateServiceSpecificCredential(ctx, &iam.CreateServiceSpecificCredentialInput{UserName: name, ServiceName: aws.String("codecommit.amazonaws.com")})
	must(t, err)

	file := filepath.Join(t.TempDir(), "own.json")
	s.must("export", file)
	b, err := os.ReadFile(file)
	must(t, err)
	for _, secret := range []string{"Sesame", "argon2", string(device.VirtualMFADevice.Base32StringSeed), *secret.ServiceSpecificCredential.ServicePassword, "PRIVATE KEY", "sealed"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("the file holds %q", secret)
		}
	}

	into := s.newAccount("into")
	out := s.must("import", file, "--account", into)
	for _, want := range []string{
		"created  password policy", "created  OpenID Connect provider https://id.example.com/realm", "created  SAML provider corp",
		"left out login profile of user worker: the file holds no password", "left out MFA device arn:aws:iam::" + into + ":mfa/phone: the file holds no seed",
		"left out server certificate tls: the file holds no private key", "left out credential for codecommit.amazonaws.com of user worker: the file holds no password",
		"6 created, 0 changed, 0 unchanged, 4 left out",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("import = %s\nwant %q", out, want)
		}
	}
	if out := s.must("import", file, "--account", into); !strings.Contains(out, "0 created, 0 changed, 6 unchanged") {
		t.Errorf("import again = %s", out)
	}
	there := s.rootOf(into)
	if diff := cmp.Diff(equipment(t, root, s.account), equipment(t, there, into)); diff != "" {
		t.Errorf("what was imported differs (-want +got):\n%s", diff)
	}

	bad := filepath.Join(t.TempDir(), "bad.json")
	must(t, os.WriteFile(bad, []byte(strings.Replace(string(b), "ssh-rsa ", "ssh-xyz ", 1)), 0o600))
	if out, err := s.sallyport("", "import", bad, "--account", s.newAccount("bad")); err == nil || !strings.Contains(out, "nothing was imported") {
		t.Errorf("import of a malformed SSH key = %v, %s", err, out)
	}
}

// equip gives the user and the account one of each credential with a public part.
func equip(t *testing.T, root *clients, name *string) error {
	t.Helper()
	ctx := deadline(t)
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	public, err := ssh.NewPublicKey(k.Public())
	must(t, err)
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	uploaded, err := root.iam.UploadSSHPublicKey(ctx, &iam.UploadSSHPublicKeyInput{UserName: name, SSHPublicKeyBody: &line})
	must(t, err)
	_, err = root.iam.UpdateSSHPublicKey(ctx, &iam.UpdateSSHPublicKeyInput{UserName: name, SSHPublicKeyId: uploaded.SSHPublicKey.SSHPublicKeyId, Status: "Inactive"})
	must(t, err)
	cert, _ := selfSigned(t, "worker")
	_, err = root.iam.UploadSigningCertificate(ctx, &iam.UploadSigningCertificateInput{UserName: name, CertificateBody: &cert})
	must(t, err)
	_, err = root.iam.UpdateAccountPasswordPolicy(ctx, &iam.UpdateAccountPasswordPolicyInput{MinimumPasswordLength: aws.Int32(10), RequireNumbers: true, MaxPasswordAge: aws.Int32(90)})
	must(t, err)
	_, err = root.iam.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://id.example.com/realm"), ClientIDList: []string{"app"}, ThumbprintList: []string{strings.Repeat("ab", 20)},
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	})
	must(t, err)
	document := samlMetadata(t, cert)
	_, err = root.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: aws.String("corp"), SAMLMetadataDocument: &document})
	return err
}

// equipment is what equip made, without ids and times.
func equipment(t *testing.T, root *clients, account string) map[string]string {
	t.Helper()
	ctx := deadline(t)
	name := aws.String("worker")
	keys, err := root.iam.ListSSHPublicKeys(ctx, &iam.ListSSHPublicKeysInput{UserName: name})
	must(t, err)
	key, err := root.iam.GetSSHPublicKey(ctx, &iam.GetSSHPublicKeyInput{UserName: name, SSHPublicKeyId: keys.SSHPublicKeys[0].SSHPublicKeyId, Encoding: "SSH"})
	must(t, err)
	certs, err := root.iam.ListSigningCertificates(ctx, &iam.ListSigningCertificatesInput{UserName: name})
	must(t, err)
	rules, err := root.iam.GetAccountPasswordPolicy(ctx, &iam.GetAccountPasswordPolicyInput{})
	must(t, err)
	oidc, err := root.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String("arn:aws:iam::" + account + ":oidc-provider/id.example.com/realm")})
	must(t, err)
	saml, err := root.iam.GetSAMLProvider(ctx, &iam.GetSAMLProviderInput{SAMLProviderArn: aws.String("arn:aws:iam::" + account + ":saml-provider/corp")})
	must(t, err)
	return map[string]string{
		"ssh": *key.SSHPublicKey.SSHPublicKeyBody + " " + string(key.SSHPublicKey.Status), "cert": *certs.Certificates[0].CertificateBody + string(certs.Certificates[0].Status),
		"length": string(rune('0' + *rules.PasswordPolicy.MinimumPasswordLength)), "age": string(rune('0' + *rules.PasswordPolicy.MaxPasswordAge)),
		"oidc": strings.Join(oidc.ClientIDList, ",") + strings.Join(oidc.ThumbprintList, ",") + *oidc.Tags[0].Key, "saml": *saml.SAMLMetadataDocument,
	}
}
