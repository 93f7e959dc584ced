package seal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	wrappedPrefix = "sallyport-wrapped-master-key-v1 "
	wrappedLabel  = "sallyport/master-key/v1"
	vaultScheme   = "hcvault"
	awsScheme     = "aws-kms"

	kmsTimeout = 10 * time.Second // for each attempt, of which there are three
	maxWrapped = 64 << 10         // bytes of a wrapped key's file
)

// KMS is a key of a key management service. It wraps master keys and never
// leaves the service, so that a stolen disk holds no key. Its zero value wraps
// nothing. It may be used by many goroutines.
type KMS struct {
	uri  string
	aead tink.AEAD
}

// OpenKMS gives the key that uri names:
//
//	hcvault://HOST:PORT/MOUNT/keys/NAME   a key of Vault's transit engine, over
//	    HTTPS. Vault's client reads VAULT_TOKEN, VAULT_CACERT, VAULT_NAMESPACE
//	    and its other variables.
//	aws-kms://ARN                         a key of AWS KMS, with the credentials
//	    that AWS's SDK finds. Only in programs built with the tag awskms.
//
// It does not ask the service for anything yet.
func OpenKMS(ctx context.Context, uri string) (KMS, error) {
	scheme, rest, _ := strings.Cut(uri, "://")
	var a tink.AEAD
	var err error
	switch scheme {
	case vaultScheme:
		a, err = openVault(uri)
	case awsScheme:
		a, err = openAWS(ctx, rest)
	default:
		err = errors.New("it begins with neither hcvault:// nor aws-kms://")
	}
	if err != nil {
		return KMS{}, fmt.Errorf("master key URI %q: %w", uri, err)
	}
	return KMS{uri: uri, aead: a}, nil
}

func openVault(uri string) (tink.AEAD, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("it has not the form hcvault://HOST:PORT/transit/keys/NAME")
	}
	cfg := api.DefaultConfig()
	if cfg.Error != nil {
		return nil, cfg.Error
	}
	cfg.Address, cfg.Timeout = "https://"+u.Host, kmsTimeout
	client, err := api.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	a, err := hcvault.NewAEAD(u.EscapedPath(), client.Logical())
	if err != nil {
		return nil, errors.New("it has not the form hcvault://HOST:PORT/transit/keys/NAME")
	}
	return a, nil
}

// URI is what OpenKMS was called with.
func (k KMS) URI() string { return k.uri }

// Wrap gives the content of a file from which Unwrap gets the key.
func (k KMS) Wrap(m MasterKey) ([]byte, error) {
	if k.aead == nil || m.aead == nil {
		return nil, ErrMasterKey
	}
	b, err := k.aead.Encrypt([]byte(m.Text().Reveal()), []byte(wrappedLabel))
	if err != nil {
		return nil, k.refused("wrap", err)
	}
	return []byte(wrappedPrefix + k.uri + "\n" + base64.StdEncoding.EncodeToString(b) + "\n"), nil
}

// Unwrap asks the service for the key in what Wrap gave.
func (k KMS) Unwrap(wrapped []byte) (MasterKey, error) {
	uri, b, err := parseWrapped(wrapped)
	if err != nil {
		return MasterKey{}, err
	}
	if k.aead == nil || uri != k.uri {
		return MasterKey{}, fmt.Errorf("it is wrapped by %s", uri)
	}
	text, err := k.aead.Decrypt(b, []byte(wrappedLabel))
	if err != nil {
		return MasterKey{}, k.refused("unwrap", err)
	}
	return ParseMasterKey(string(text))
}

// refused puts what a service says into one line.
func (k KMS) refused(what string, err error) error {
	return fmt.Errorf("%s does not %s it: %s", k.uri, what, strings.Join(strings.Fields(err.Error()), " "))
}

func parseWrapped(text []byte) (uri string, wrapped []byte, err error) {
	first, rest, _ := strings.Cut(string(text), "\n")
	uri, ok := strings.CutPrefix(first, wrappedPrefix)
	b64, ended := strings.CutSuffix(rest, "\n")
	if !ok || !ended || strings.ContainsAny(b64, "\r\n") {
		return "", nil, errors.New("not a wrapped master key")
	}
	if wrapped, err = base64.StdEncoding.Strict().DecodeString(b64); err != nil {
		return "", nil, errors.New("not a wrapped master key")
	}
	return uri, wrapped, nil
}

// Load reads a wrapped master key from a file and unwraps it.
func (k KMS) Load(path string) (MasterKey, error) {
	b, err := readWrapped(path)
	if err != nil {
		return MasterKey{}, err
	}
	m, err := k.Unwrap(b)
	if err != nil {
		return MasterKey{}, fmt.Errorf("the wrapped master key %s can't be used, and without it no secret can be read: %w", path, err)
	}
	return m, nil
}

func readWrapped(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxWrapped))
}

// WrappedBy is the URI of the key that the file's master key is wrapped by.
func WrappedBy(path string) (string, error) {
	b, err := readWrapped(path)
	if err != nil {
		return "", err
	}
	uri, _, err := parseWrapped(b)
	return uri, err
}

// LoadOrCreate does with a wrapped key what LoadOrCreateMasterKey does with a
// plain one.
func (k KMS) LoadOrCreate(path string, rand io.Reader) (MasterKey, error) {
	m, err := k.Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	err = k.Create(path, NewMasterKey(rand))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return MasterKey{}, fmt.Errorf("create master key: %w", err)
	}
	return k.Load(path)
}

// Create makes a file that holds the wrapped key, having seen that the service
// unwraps it. It replaces none.
func (k KMS) Create(path string, m MasterKey) error {
	wrapped, err := k.Wrap(m)
	if err != nil {
		return err
	}
	again, err := k.Unwrap(wrapped)
	if err != nil {
		return err
	}
	if !again.text.Equal(m.text) {
		return fmt.Errorf("%s unwraps another key than it wrapped", k.uri)
	}
	return createExclusive(path, wrapped)
}
