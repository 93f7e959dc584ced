package iam

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
)

var certTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate that issuer signs, or that signs itself.
func issue(t testing.TB, name string, issuer *issued) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: certTime.Add(-time.Hour), NotAfter: certTime.Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func (i *issued) pem() string { return pemOf("CERTIFICATE", i.cert.Raw) }

func (i *issued) keyPEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("EC PRIVATE KEY", der)
}

func codeOf(err error) awsapi.Code {
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestCheckServerCert(t *testing.T) {
	root := issue(t, "root", nil)
	middle := issue(t, "middle", root)
	leaf := issue(t, "leaf", middle)
	other := issue(t, "other", nil)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	params := pemOf("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})
	for _, tt := range []struct {
		name, body, key, chain string
		at                     time.Time
		code                   awsapi.Code
		text                   string
	}{
		{"no chain", leaf.pem(), leaf.keyPEM(t), "", certTime, "", ""},
		{"chain", leaf.pem(), leaf.keyPEM(t), middle.pem() + "\n" + root.pem(), certTime, "", ""},
		{"without the root", "\n" + leaf.pem(), leaf.keyPEM(t), middle.pem(), certTime, "", ""},
		{"PKCS 8", leaf.pem(), pemOf("PRIVATE KEY", pkcs8), "", certTime, "", ""},
		{"parameters before the key", leaf.pem(), params + leaf.keyPEM(t), "", certTime, "", ""},
		{"another key", leaf.pem(), other.keyPEM(t), "", certTime, api.KeyPairMismatch, "do not match"},
		{"a header", strings.Replace(leaf.pem(), "\n", "\nA: b\n\n", 1), leaf.keyPEM(t), "", certTime, api.MalformedCertificate, "Unable to parse certificate."},
		{"a header in the chain", leaf.pem(), leaf.keyPEM(t), strings.Replace(middle.pem(), "\n", "\nA: b\n\n", 1), certTime, api.MalformedCertificate, "invalid certificate is: 0"},
		{"rubbish", "rubbish", leaf.keyPEM(t), "", certTime, api.MalformedCertificate, "Unable to parse certificate. Please ensure the certificate is in PEM format."},
		{"two certificates", leaf.pem() + root.pem(), leaf.keyPEM(t), "", certTime, api.MalformedCertificate, "Unable to parse certificate."},
		{"no key", leaf.pem(), "rubbish", "", certTime, api.MalformedCertificate, "private key"},
		{"a certificate for a key", leaf.pem(), leaf.pem(), "", certTime, api.MalformedCertificate, "private key"},
		{"too early", leaf.pem(), leaf.keyPEM(t), "", certTime.Add(-2 * time.Hour), api.MalformedCertificate, "not valid at this time"},
		{"too late", leaf.pem(), leaf.keyPEM(t), "", certTime.Add(2 * time.Hour), api.MalformedCertificate, "not valid at this time"},
		{"chain in the wrong order", leaf.pem(), leaf.keyPEM(t), root.pem() + middle.pem(), certTime, api.MalformedCertificate, "invalid certificate is: 0"},
		{"chain of another", leaf.pem(), leaf.keyPEM(t), middle.pem() + other.pem(), certTime, api.MalformedCertificate, "invalid certificate is: 1"},
		{"a key in the chain", leaf.pem(), leaf.keyPEM(t), middle.pem() + leaf.keyPEM(t), certTime, api.MalformedCertificate, "invalid certificate is: 1"},
		{"text in the chain", leaf.pem(), leaf.keyPEM(t), middle.pem() + "text", certTime, api.MalformedCertificate, "invalid certificate is: 1"},
		{"a long chain", leaf.pem(), leaf.keyPEM(t), strings.Repeat(" ", maxChain+1), certTime, api.MalformedCertificate, "invalid certificate is: -1"},
	} {
		_, err := checkServerCert(tt.body, tt.key, tt.chain, tt.at)
		if codeOf(err) != tt.code || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: checkServerCert = %v, want %q with %q", tt.name, err, tt.code, tt.text)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE KEY") {
			t.Errorf("%s: the error shows a private key", tt.name)
		}
	}
}

// rsaKey is a key of that size.
func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sshLine(t testing.TB, key crypto.PublicKey) string {
	t.Helper()
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(public))
}

func TestParseSSHKey(t *testing.T) {
	key, short, ec := rsaKey(t, 2048), rsaKey(t, 1024), issue(t, "x", nil).key
	line := strings.TrimSpace(sshLine(t, key.Public()))
	pkix, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	ecPKIX, err := x509.MarshalPKIXPublicKey(ec.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, body string
		code       awsapi.Code
	}{
		{"line", line, ""},
		{"comment and line end", line + " me@here\n", ""},
		{"PKIX", pemOf("PUBLIC KEY", pkix), ""},
		{"PKCS 1", pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)), ""},
		{"two lines", line + "\n" + line, api.UnrecognizedPublicKeyEncoding},
		{"options before it", `command="x" ` + line, api.UnrecognizedPublicKeyEncoding},
		{"rubbish", "rubbish", api.UnrecognizedPublicKeyEncoding},
		{"empty", " ", api.UnrecognizedPublicKeyEncoding},
		{"a certificate", issue(t, "x", nil).pem(), api.UnrecognizedPublicKeyEncoding},
		{"cut", line[:len(line)-8], api.InvalidPublicKey},
		{"1024 bits", sshLine(t, short.Public()), api.InvalidPublicKey},
		{"ECDSA", sshLine(t, ec.Public()), api.InvalidPublicKey},
		{"ECDSA in PEM", pemOf("PUBLIC KEY", ecPKIX), api.InvalidPublicKey},
		{"PEM of nothing", pemOf("PUBLIC KEY", []byte("x")), api.InvalidPublicKey},
	} {
		public, err := parseSSHKey(tt.body)
		if codeOf(err) != tt.code || (err == nil) != (tt.code == "") {
			t.Errorf("%s: parseSSHKey = %v, want %q", tt.name, err, tt.code)
			continue
		}
		if err == nil && string(public.Marshal()) != string(mustSSH(t, line).Marshal()) {
			t.Errorf("%s: parseSSHKey gives another key", tt.name)
		}
	}
}

func mustSSH(t testing.TB, body string) ssh.PublicKey {
	t.Helper()
	public, err := parseSSHKey(body)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// FuzzSSHKey: a key that is read is the same key in the other encoding.
func FuzzSSHKey(f *testing.F) {
	key := rsaKey(f, 2048)
	f.Add(sshLine(f, key.Public()))
	f.Add(pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)))
	f.Add("ssh-rsa AAAA")
	f.Fuzz(func(t *testing.T, body string) {
		public, err := parseSSHKey(body)
		if err != nil {
			if codeOf(err) == "" {
				t.Fatalf("parseSSHKey(%q) = %v, want an error of the API", body, err)
			}
			return
		}
		for _, encoding := range []string{"SSH", "PEM"} {
			other, err := sshKeyAs(encoding, body)
			if err != nil {
				t.Fatalf("sshKeyAs(%s, %q) = %v", encoding, body, err)
			}
			again, err := parseSSHKey(other)
			if err != nil || string(again.Marshal()) != string(public.Marshal()) {
				t.Fatalf("sshKeyAs(%s, %q) = %q, another key", encoding, body, other)
			}
		}
	})
}

// FuzzCertificates: what is read as one certificate is read so as a chain, and
// prints back as what is read so again; nothing is both certificate and key.
func FuzzCertificates(f *testing.F) {
	leaf := issue(f, "leaf", nil)
	f.Add(leaf.pem())
	f.Add(leaf.keyPEM(f))
	f.Add(leaf.pem() + leaf.pem())
	f.Add("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----")
	f.Fuzz(func(t *testing.T, text string) {
		cert, ok := parseCertificate(text)
		chain, chainErr := parseChain(text)
		if _, keyErr := parsePrivateKey(text); keyErr == nil && ok {
			t.Fatalf("%q is both certificate and key", text)
		}
		if !ok {
			return
		}
		if chainErr != nil || len(chain) != 1 || !chain[0].Equal(cert) {
			t.Fatalf("parseChain(%q) = %v, %v, want the certificate alone", text, chain, chainErr)
		}
		if again, ok := parseCertificate(pemOf("CERTIFICATE", cert.Raw)); !ok || !again.Equal(cert) {
			t.Fatalf("%q doesn't print back as the same certificate", text)
		}
	})
}
