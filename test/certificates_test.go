package test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"golang.org/x/crypto/ssh"
)

const serial = 0x1122334455667788

// negated makes the serial number of a certificate of ours negative.
func negated(t *testing.T, body string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(body))
	i := bytes.Index(block.Bytes, big.NewInt(serial).Bytes())
	if i < 0 {
		t.Fatal("no serial number")
	}
	block.Bytes[i] |= 0x80
	return string(pem.EncodeToMemory(block))
}

// selfSigned makes a certificate and its key, in PEM.
func selfSigned(t *testing.T, name string) (cert, key string) {
	t.Helper()
	return selfSignedUntil(t, name, time.Now().Add(24*time.Hour))
}

func selfSignedUntil(t *testing.T, name string, end time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

func TestSigningCertificates(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	root.user(t, s, "worker", "")
	name := aws.String("worker")
	body, _ := selfSigned(t, "one")
	upload := func(body string) (*iam.UploadSigningCertificateOutput, error) {
		return root.iam.UploadSigningCertificate(ctx, &iam.UploadSigningCertificateInput{UserName: name, CertificateBody: &body})
	}
	_, err := upload("rubbish")
	wantCode(t, "rubbish", err, "MalformedCertificate", "Certificate rubbish is malformed.")
	expired, _ := selfSignedUntil(t, "old", time.Now().Add(-time.Minute))
	_, err = upload(expired)
	wantCode(t, "an expired one", err, "MalformedCertificate", "Certificate "+expired+" is malformed.")
	made, err := upload(body)
	must(t, err)
	id := made.Certificate.CertificateId
	if *made.Certificate.CertificateBody != body || made.Certificate.Status != "Active" || !regexp.MustCompile(`^[A-Z0-9]{24,128}$`).MatchString(*id) {
		t.Errorf("UploadSigningCertificate = %+v", made.Certificate)
	}
	_, err = root.iam.UploadSigningCertificate(ctx, &iam.UploadSigningCertificateInput{CertificateBody: &body}) // root's own
	wantCode(t, "the same for another user", err, "DuplicateCertificate", "")
	other, _ := selfSigned(t, "two")
	_, err = upload(negated(t, other)) // as many old ones have it
	must(t, err)
	third, _ := selfSigned(t, "three")
	_, err = upload(third)
	wantCode(t, "a third", err, "LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2")
	_, err = root.iam.UpdateSigningCertificate(ctx, &iam.UpdateSigningCertificateInput{UserName: name, CertificateId: id, Status: "Inactive"})
	must(t, err)
	list, err := root.iam.ListSigningCertificates(ctx, &iam.ListSigningCertificatesInput{UserName: name})
	must(t, err)
	if len(list.Certificates) != 2 || list.Certificates[0].Status != "Inactive" {
		t.Errorf("ListSigningCertificates = %+v", list.Certificates)
	}
	_, err = root.iam.DeleteSigningCertificate(ctx, &iam.DeleteSigningCertificateInput{UserName: name, CertificateId: id})
	must(t, err)
	_, err = root.iam.DeleteSigningCertificate(ctx, &iam.DeleteSigningCertificateInput{UserName: name, CertificateId: id})
	wantCode(t, "DeleteSigningCertificate again", err, "NoSuchEntity", "The Certificate with id "+*id+" cannot be found.")
	_, err = root.iam.UploadSigningCertificate(ctx, &iam.UploadSigningCertificateInput{CertificateBody: &body})
	must(t, err) // free again
	summary, err := root.iam.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	must(t, err)
	if summary.SummaryMap["AccountSigningCertificatesPresent"] != 1 {
		t.Error("AccountSigningCertificatesPresent is not 1")
	}
}

func TestServerCertificates(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	body, key := selfSigned(t, "example.com")
	_, otherKey := selfSigned(t, "example.org")
	upload := func(name, key string) (*iam.UploadServerCertificateOutput, error) {
		return root.iam.UploadServerCertificate(ctx, &iam.UploadServerCertificateInput{
			ServerCertificateName: &name, Path: aws.String("/web/"), CertificateBody: &body, PrivateKey: &key, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("")}},
		})
	}
	_, err := upload("site", otherKey)
	wantCode(t, "another key", err, "KeyPairMismatch", "")
	made, err := upload("site", key)
	must(t, err)
	if m := made.ServerCertificateMetadata; *m.Arn != "arn:aws:iam::"+s.account+":server-certificate/web/site" || !strings.HasPrefix(*m.ServerCertificateId, "ASCA") || m.Expiration == nil || len(made.Tags) != 1 {
		t.Errorf("UploadServerCertificate = %+v", made)
	}
	_, err = upload("SITE", key)
	wantCode(t, "a taken name", err, "EntityAlreadyExists", "The Server Certificate with name SITE already exists.")
	got, err := root.iam.GetServerCertificate(ctx, &iam.GetServerCertificateInput{ServerCertificateName: aws.String("site")})
	must(t, err)
	if *got.ServerCertificate.CertificateBody != strings.TrimSpace(body) || got.ServerCertificate.CertificateChain != nil || len(got.ServerCertificate.Tags) != 1 {
		t.Errorf("GetServerCertificate = %+v", got.ServerCertificate)
	}
	_, err = root.iam.UntagServerCertificate(ctx, &iam.UntagServerCertificateInput{ServerCertificateName: aws.String("site"), TagKeys: []string{"k"}})
	must(t, err)
	_, err = root.iam.UpdateServerCertificate(ctx, &iam.UpdateServerCertificateInput{ServerCertificateName: aws.String("site"), NewServerCertificateName: aws.String("site2"), NewPath: aws.String("/")})
	must(t, err)
	list, err := root.iam.ListServerCertificates(ctx, &iam.ListServerCertificatesInput{})
	must(t, err)
	if l := list.ServerCertificateMetadataList; len(l) != 1 || *l[0].ServerCertificateName != "site2" || *l[0].Path != "/" || *l[0].ServerCertificateId != *made.ServerCertificateMetadata.ServerCertificateId {
		t.Errorf("ListServerCertificates = %+v", l)
	}
	_, err = root.iam.GetServerCertificate(ctx, &iam.GetServerCertificateInput{ServerCertificateName: aws.String("site")})
	wantCode(t, "the old name", err, "NoSuchEntity", "The Server Certificate with name site cannot be found.")

	// Renaming needs permission on both names.
	renamer := root.user(t, s, "renamer", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:UpdateServerCertificate","Resource":"arn:aws:iam::*:server-certificate/site2"}}`)
	_, err = renamer.iam.UpdateServerCertificate(ctx, &iam.UpdateServerCertificateInput{ServerCertificateName: aws.String("site2"), NewServerCertificateName: aws.String("site3")})
	wantCode(t, "a rename to where one may not", err, "AccessDenied", "server-certificate/site3")
	_, err = root.iam.DeleteServerCertificate(ctx, &iam.DeleteServerCertificateInput{ServerCertificateName: aws.String("site2")})
	must(t, err)
	if s.stop() != 0 {
		t.Error("the server did not end well")
	}
}

func TestSSHPublicKeys(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	root.user(t, s, "worker", "")
	name := aws.String("worker")
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	public, err := ssh.NewPublicKey(k.Public())
	must(t, err)
	body := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " me@example.com"
	upload := func(body string) (*iam.UploadSSHPublicKeyOutput, error) {
		return root.iam.UploadSSHPublicKey(ctx, &iam.UploadSSHPublicKeyInput{UserName: name, SSHPublicKeyBody: &body})
	}
	_, err = upload("rubbish")
	wantCode(t, "rubbish", err, "UnrecognizedPublicKeyEncoding", "")
	made, err := upload(body)
	must(t, err)
	key := made.SSHPublicKey
	if *key.SSHPublicKeyBody != body || !regexp.MustCompile(`^([0-9a-f]{2}:){15}[0-9a-f]{2}$`).MatchString(*key.Fingerprint) || !strings.HasPrefix(*key.SSHPublicKeyId, "APKA") || len(*key.SSHPublicKeyId) != 20 {
		t.Errorf("UploadSSHPublicKey = %+v", key)
	}
	_, err = upload(strings.TrimSuffix(body, " me@example.com"))
	wantCode(t, "the same key", err, "DuplicateSSHPublicKey", "")
	asPEM, err := root.iam.GetSSHPublicKey(ctx, &iam.GetSSHPublicKeyInput{UserName: name, SSHPublicKeyId: key.SSHPublicKeyId, Encoding: types.EncodingTypePem})
	must(t, err)
	block, _ := pem.Decode([]byte(*asPEM.SSHPublicKey.SSHPublicKeyBody))
	if block == nil {
		t.Fatalf("GetSSHPublicKey as PEM = %q", *asPEM.SSHPublicKey.SSHPublicKeyBody)
	}
	if back, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil || !k.PublicKey.Equal(back) {
		t.Errorf("GetSSHPublicKey as PEM is another key: %v", err)
	}
	_, err = root.iam.UpdateSSHPublicKey(ctx, &iam.UpdateSSHPublicKeyInput{UserName: name, SSHPublicKeyId: key.SSHPublicKeyId, Status: "Inactive"})
	must(t, err)
	list, err := root.iam.ListSSHPublicKeys(ctx, &iam.ListSSHPublicKeysInput{UserName: name})
	must(t, err)
	if len(list.SSHPublicKeys) != 1 || list.SSHPublicKeys[0].Status != "Inactive" {
		t.Errorf("ListSSHPublicKeys = %+v", list.SSHPublicKeys)
	}
	keys, err := root.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
	must(t, err)
	_, err = root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: keys.AccessKeyMetadata[0].AccessKeyId})
	must(t, err)
	_, err = root.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	wantCode(t, "DeleteUser with an SSH key", err, "DeleteConflict", "Cannot delete entity, must remove referenced objects first.")
	_, err = root.iam.DeleteSSHPublicKey(ctx, &iam.DeleteSSHPublicKeyInput{UserName: name, SSHPublicKeyId: key.SSHPublicKeyId})
	must(t, err)
	_, err = root.iam.GetSSHPublicKey(ctx, &iam.GetSSHPublicKeyInput{UserName: name, SSHPublicKeyId: key.SSHPublicKeyId, Encoding: types.EncodingTypeSsh})
	wantCode(t, "GetSSHPublicKey of none", err, "NoSuchEntity", "The Public Key with id "+*key.SSHPublicKeyId+" cannot be found.")
	_, err = root.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	must(t, err)
}
