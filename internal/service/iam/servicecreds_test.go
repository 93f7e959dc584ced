package iam

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
)

func TestServiceCredentialExpires(t *testing.T) {
	c := directory.ServiceCredential{Expires: certTime}
	for at, want := range map[time.Duration]string{-time.Second: active, 0: "Expired", time.Hour: "Expired"} {
		if got := serviceCredStatus(c, certTime.Add(at)); got != want {
			t.Errorf("%v after its expiry a credential is %s, want %s", at, got, want)
		}
	}
	if got := serviceCredStatus(directory.ServiceCredential{Inactive: true}, certTime); got != inactive {
		t.Errorf("an inactive credential without expiry is %s", got)
	}
}

func TestServiceCredentialSecrets(t *testing.T) {
	seen := map[string]bool{}
	for name, prefix := range map[string]string{
		"codecommit.amazonaws.com": "", "cassandra.amazonaws.com": "", "bedrock.amazonaws.com": "ABSK", "logs.amazonaws.com": "ACWL",
		"aws-external-anthropic.amazonaws.com": "AEAA", "cloudwatch.amazonaws.com": "APIAACWM", "xray.amazonaws.com": "",
	} {
		of, err := credServiceOf(name)
		if err != nil {
			t.Fatal(err)
		}
		secret := of.secret(rand.Reader)("u-at-1").Reveal()
		rest, ok := strings.CutPrefix(secret, prefix)
		plain, err := base64.StdEncoding.DecodeString(rest)
		if !ok || err != nil || seen[secret] {
			t.Errorf("%s: the secret has not the form %s and base64, or is not new: %v", name, prefix, err)
		}
		if of.bearer != strings.HasPrefix(string(plain), "u-at-1:") {
			t.Errorf("%s: bearer is %v; does the secret hold the alias?", name, of.bearer)
		}
		seen[secret] = true
	}
}
