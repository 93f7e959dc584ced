package cli

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// vault is a server of the encrypt and decrypt calls of Vault's transit engine,
// with one key.
type vault struct {
	*httptest.Server
	uri    string
	aead   cipher.AEAD
	denies atomic.Bool
	calls  atomic.Int64
}

const vaultToken = "s.token-of-a-test"

// serveVault starts a vault, and makes all commands of the test reach it.
func serveVault(t *testing.T) *vault {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	v := &vault{}
	if v.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	v.Server = httptest.NewTLSServer(v)
	t.Cleanup(v.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: v.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VAULT_CACERT", ca)
	t.Setenv("VAULT_TOKEN", vaultToken)
	t.Setenv("VAULT_MAX_RETRIES", "0")
	v.uri = "hcvault://" + v.Listener.Addr().String() + "/transit/keys/sallyport"
	return v
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.calls.Add(1)
	var in map[string]string
	if v.denies.Load() || r.Header.Get("X-Vault-Token") != vaultToken || json.NewDecoder(r.Body).Decode(&in) != nil {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"errors":["permission denied"]}`))
		return
	}
	label, _ := base64.StdEncoding.DecodeString(in["associated_data"])
	out := map[string]string{}
	switch r.URL.Path {
	case "/v1/transit/encrypt/sallyport":
		plain, _ := base64.StdEncoding.DecodeString(in["plaintext"])
		nonce := make([]byte, v.aead.NonceSize())
		_, _ = rand.Read(nonce)
		out["ciphertext"] = "vault:v1:" + base64.StdEncoding.EncodeToString(v.aead.Seal(nonce, nonce, plain, label))
	case "/v1/transit/decrypt/sallyport":
		b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(in["ciphertext"], "vault:v1:"))
		plain, err := v.aead.Open(nil, b[:v.aead.NonceSize()], b[v.aead.NonceSize():], label)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"errors":["cipher: message authentication failed"]}`))
			return
		}
		out["plaintext"] = base64.StdEncoding.EncodeToString(plain)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": out})
}

// wantOneLine checks that a command fails, with one line that has the texts, and
// gives that line.
func wantOneLine(t *testing.T, args []string, texts ...string) string {
	t.Helper()
	code, out := sallyport(t, args...)
	if code != 1 || strings.Count(out, "\n") != 1 {
		t.Errorf("%v = %d:\n%swant 1 and one line", args, code, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%v says %q, want %q in it", args, out, text)
		}
	}
	return out
}

// TestMasterKeyInVault: the data folder has no key in plain text, the KMS is
// asked at the start only, and a start without it says so.
func TestMasterKeyInVault(t *testing.T) {
	v := serveVault(t)
	data := filepath.Join(t.TempDir(), "data")
	flags := []string{"--master-key-uri", v.uri}
	serve := append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, flags...)
	s := serveData(t, data, flags...)
	root := rootKey(t, data)
	wantPrivate(t, filepath.Join(data, "master.key.kms"))
	b, err := os.ReadFile(filepath.Join(data, "master.key.kms"))
	if err != nil || strings.Contains(string(b), "sallyport-master-key") || !strings.Contains(string(b), v.uri) {
		t.Errorf("master.key.kms = %q, %v", b, err)
	}
	if _, err := os.Stat(filepath.Join(data, "master.key")); err == nil {
		t.Error("the master key is there in plain text too")
	}

	// While it serves, and while it doesn't, the key can be rotated.
	rotate := append([]string{"rotate-master-key", "--data", data}, flags...)
	if code, out := sallyport(t, rotate...); code != 0 || !strings.Contains(out, "wrapped by the KMS") {
		t.Errorf("rotate-master-key = %d:\n%s", code, out)
	}
	if now, err := os.ReadFile(filepath.Join(data, "master.key.kms")); err != nil || string(now) == string(b) {
		t.Errorf("master.key.kms is the same after its rotation, %v", err)
	}
	before := v.calls.Load()
	v.denies.Store(true)
	if err := s.works(root); err != nil || v.calls.Load() != before {
		t.Errorf("without the KMS a running server answers %v, and asked it %d times", err, v.calls.Load()-before)
	}
	s.stop()
	wantOneLine(t, serve, "can't be used, and without it no secret can be read", v.uri+" does not unwrap it", "permission denied")
	wantOneLine(t, []string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, "is wrapped by "+v.uri, "--master-key-uri")
	wantOneLine(t, []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--master-key-uri", v.uri + "2"}, "it is wrapped by "+v.uri)
	v.denies.Store(false)
	if code, out := sallyport(t, rotate...); code != 0 {
		t.Errorf("rotate-master-key of a stopped server = %d:\n%s", code, out)
	}
	wantFine(t, append([]string{"--data", data}, flags...)...)
	s = serveData(t, data, flags...)
	if err := s.works(root); err != nil {
		t.Errorf("after two rotations: %v", err)
	}
	s.stop()
	v.Close()
	wantOneLine(t, serve, v.uri+" does not unwrap it", "connection refused")
	if err := os.Remove(filepath.Join(data, "master.key.kms")); err != nil {
		t.Fatal(err)
	}
	wantOneLine(t, serve, "master.key.kms is missing: restore it from your backup")
}

// TestMasterKeyIntoVault: a plain master key is wrapped at the first start with
// a KMS, and its file is gone.
func TestMasterKeyIntoVault(t *testing.T) {
	v := serveVault(t)
	data := filepath.Join(t.TempDir(), "data")
	serveData(t, data).stop()
	plain := filepath.Join(data, "master.key")
	v.denies.Store(true)
	wantOneLine(t, []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--master-key-uri", v.uri}, "wrap the master key "+plain, "permission denied")
	wantPrivate(t, plain)
	v.denies.Store(false)
	s := serveData(t, data, "--master-key-uri", v.uri)
	if err := s.works(rootKey(t, data)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(plain); err == nil {
		t.Error("the plain master key is still there")
	}
	s.stop()
	wantFine(t, "--data", data, "--master-key-uri", v.uri)
}

// TestMasterKeyURI: what is no key's URI is said.
func TestMasterKeyURI(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for uri, text := range map[string]string{
		"https://vault/transit/keys/a":   "neither hcvault:// nor aws-kms://",
		"hcvault://vault:8200/transit/a": "has not the form hcvault://HOST:PORT/transit/keys/NAME",
		"hcvault:///transit/keys/a":      "has not the form hcvault://HOST:PORT/transit/keys/NAME",
	} {
		wantOneLine(t, []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--master-key-uri", uri}, text)
	}
}
