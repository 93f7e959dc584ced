package iam

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport-iam/sallyport/internal/awsapi"
	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/service"
)

func (s *Service) sshKeyOperations() []service.Operation {
	return []service.Operation{
		op("UploadSSHPublicKey", s.UploadSSHPublicKey),
		op("GetSSHPublicKey", s.GetSSHPublicKey),
		op("ListSSHPublicKeys", s.ListSSHPublicKeys),
		op("UpdateSSHPublicKey", s.UpdateSSHPublicKey),
		op("DeleteSSHPublicKey", s.DeleteSSHPublicKey),
	}
}

// statusOf is how a credential's status is shown.
func statusOf(off bool) string {
	if off {
		return inactive
	}
	return active
}

// settable refuses a status that nobody can set: the model's enum has Expired too.
func settable(status string) error {
	if status == active || status == inactive {
		return nil
	}
	return awsapi.ValidationError.New("1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set")
}

const (
	sshRSA         = ssh.KeyAlgoRSA
	pemStart       = "-----BEGIN "
	minimumRSABits = 2048
	// maximumRSABits keeps a key from costing whoever verifies with it too much.
	maximumRSABits = 16384
)

// parseSSHKey reads an RSA public key in the one-line form of OpenSSH or in PEM.
func parseSSHKey(body string) (ssh.PublicKey, error) {
	body = strings.TrimSpace(body)
	var key *rsa.PublicKey
	var err error
	if strings.HasPrefix(body, pemStart) {
		key, err = rsaOfPEM(body)
	} else {
		key, err = rsaOfLine(body)
	}
	if err != nil {
		return nil, err
	}
	if bits := key.N.BitLen(); bits < minimumRSABits || bits > maximumRSABits {
		return nil, errInvalidSSHKey()
	}
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		return nil, errInvalidSSHKey()
	}
	return public, nil
}

func errInvalidSSHKey() error {
	return api.InvalidPublicKey.New("The public key is malformed or otherwise invalid.")
}

func errSSHKeyEncoding() error {
	return api.UnrecognizedPublicKeyEncoding.New("The public key encoding format is unsupported or unrecognized.")
}

// onePEM is the only block of a PEM text. ok is false where there is another
// number of them, any other text, or headers, as encrypted keys have.
func onePEM(text string) (*pem.Block, bool) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, pemStart) || strings.Count(text, pemStart) != 1 {
		return nil, false
	}
	block, rest := pem.Decode([]byte(text))
	return block, block != nil && len(block.Headers) == 0 && len(strings.TrimSpace(string(rest))) == 0
}

func rsaOfPEM(text string) (*rsa.PublicKey, error) {
	block, ok := onePEM(text)
	if !ok {
		return nil, errSSHKeyEncoding()
	}
	switch block.Type {
	case "RSA PUBLIC KEY":
		if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
			return key, nil
		}
	case "PUBLIC KEY":
		if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			if key, ok := key.(*rsa.PublicKey); ok {
				return key, nil
			}
		}
	default:
		return nil, errSSHKeyEncoding()
	}
	return nil, errInvalidSSHKey()
}

// rsaOfLine reads "ssh-rsa BASE64 comment".
func rsaOfLine(line string) (*rsa.PublicKey, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 || strings.ContainsAny(line, "\r\n") {
		return nil, errSSHKeyEncoding()
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return nil, errSSHKeyEncoding()
	}
	public, err := ssh.ParsePublicKey(blob)
	if err != nil || fields[0] != sshRSA || public.Type() != sshRSA {
		return nil, errInvalidSSHKey()
	}
	crypto, ok := public.(ssh.CryptoPublicKey)
	if !ok {
		return nil, errInvalidSSHKey()
	}
	key, ok := crypto.CryptoPublicKey().(*rsa.PublicKey)
	if !ok {
		return nil, errInvalidSSHKey()
	}
	return key, nil
}

// sshKeyAs is the body of a key in the encoding asked for, "SSH" or "PEM": as it
// was uploaded where it was uploaded so.
func sshKeyAs(encoding, body string) (string, error) {
	isPEM := strings.HasPrefix(strings.TrimSpace(body), pemStart)
	if isPEM == (encoding == "PEM") {
		return body, nil
	}
	public, err := parseSSHKey(body)
	if err != nil {
		return "", err
	}
	if encoding != "PEM" {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))), nil
	}
	der, err := x509.MarshalPKIXPublicKey(public.(ssh.CryptoPublicKey).CryptoPublicKey())
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

func sshKeyOut(u *directory.User, k directory.SSHKey, body string) *api.SSHPublicKey {
	return &api.SSHPublicKey{
		UserName: u.Name, SSHPublicKeyId: k.ID, Fingerprint: k.Fingerprint,
		SSHPublicKeyBody: body, Status: statusOf(k.Inactive), UploadDate: k.Uploaded,
	}
}

// UploadSSHPublicKey gives a user an SSH public key.
func (s *Service) UploadSSHPublicKey(ctx context.Context, c *service.Caller, in *api.UploadSSHPublicKeyRequest) (*api.UploadSSHPublicKeyResponse, error) {
	public, err := parseSSHKey(in.SSHPublicKeyBody)
	if err != nil {
		return nil, err
	}
	var owner *directory.User
	var key directory.SSHKey
	err = s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) (err error) {
		owner = u
		key, err = tx.AddSSHKey(u, in.SSHPublicKeyBody, ssh.FingerprintLegacyMD5(public))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.UploadSSHPublicKeyResponse{SSHPublicKey: sshKeyOut(owner, key, key.Body)}, nil
}

// GetSSHPublicKey gives a key of a user in the encoding asked for.
func (s *Service) GetSSHPublicKey(_ context.Context, c *service.Caller, in *api.GetSSHPublicKeyRequest) (*api.GetSSHPublicKeyResponse, error) {
	u, err := user(c, in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	k, err := u.SSHKey(in.SSHPublicKeyId)
	if err != nil {
		return nil, awsError(err)
	}
	body, err := sshKeyAs(in.Encoding, k.Body)
	if err != nil {
		return nil, err
	}
	return &api.GetSSHPublicKeyResponse{SSHPublicKey: sshKeyOut(u, k, body)}, nil
}

// ListSSHPublicKeys lists the keys of the named user, or of the caller.
func (s *Service) ListSSHPublicKeys(_ context.Context, c *service.Caller, in *api.ListSSHPublicKeysRequest) (*api.ListSSHPublicKeysResponse, error) {
	u, err := user(c, in.UserName)
	if err != nil {
		return nil, awsError(err)
	}
	p, err := pageOf("ListSSHPublicKeys", in.Marker, in.MaxItems, u.SSHKeys,
		func(k directory.SSHKey) string { return k.ID },
		func(k directory.SSHKey) api.SSHPublicKeyMetadata {
			return api.SSHPublicKeyMetadata{UserName: userNameOut(u), SSHPublicKeyId: k.ID, Status: statusOf(k.Inactive), UploadDate: k.Uploaded}
		})
	if err != nil {
		return nil, err
	}
	return &api.ListSSHPublicKeysResponse{SSHPublicKeys: p.items, IsTruncated: &p.more, Marker: p.marker()}, nil
}

// UpdateSSHPublicKey makes a key active or inactive.
func (s *Service) UpdateSSHPublicKey(ctx context.Context, c *service.Caller, in *api.UpdateSSHPublicKeyRequest) (*nothing, error) {
	if err := settable(in.Status); err != nil {
		return nil, err
	}
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.SetSSHKeyStatus(u, in.SSHPublicKeyId, in.Status == active)
	})
}

// DeleteSSHPublicKey deletes a key for good.
func (s *Service) DeleteSSHPublicKey(ctx context.Context, c *service.Caller, in *api.DeleteSSHPublicKeyRequest) (*nothing, error) {
	return nil, s.withUser(ctx, c, in.UserName, func(tx *directory.Tx, u *directory.User) error {
		return tx.DeleteSSHKey(u, in.SSHPublicKeyId)
	})
}
