package federation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-jose/go-jose/v4"
)

// IssuerAlgorithms are those that tokens are issued with.
func IssuerAlgorithms() []string { return []string{string(jose.RS256), string(jose.ES384)} }

const issuerRSA = 2048 // bits

// NewSigningKey makes a key for one of IssuerAlgorithms: the private key as
// PKCS #8, the public one in the form of X.509.
func NewSigningKey(random io.Reader, algorithm string) (private, public []byte, err error) {
	var key crypto.Signer
	switch jose.SignatureAlgorithm(algorithm) {
	case jose.RS256:
		key, err = rsa.GenerateKey(random, issuerRSA)
	case jose.ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), random)
	default:
		err = fmt.Errorf("%s is no algorithm of an issuer", algorithm)
	}
	if err != nil {
		return nil, nil, err
	}
	if private, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return nil, nil, err
	}
	public, err = x509.MarshalPKIXPublicKey(key.Public())
	return private, public, err
}

// MaxPayload is the size, in bytes, of the largest claims that are signed.
const MaxPayload = 10_000

// ErrPayload: the claims are larger than MaxPayload.
var ErrPayload = errors.New("the token's claims are too large")

// Sign makes a token of those claims. ErrPayload.
func Sign(private []byte, id, algorithm string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	if len(payload) > MaxPayload {
		return "", ErrPayload
	}
	key, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("read the signing key: %w", err)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: jose.JSONWebKey{Key: key, KeyID: id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed.CompactSerialize()
}

// PublicKey is a key by which tokens are verified, in the form of X.509.
type PublicKey struct {
	ID, Algorithm string
	Public        []byte
}

// KeySet is the document of an issuer's keys (RFC 7517).
func KeySet(keys []PublicKey) ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range keys {
		public, err := x509.ParsePKIXPublicKey(k.Public)
		if err != nil {
			return nil, fmt.Errorf("read public key %s: %w", k.ID, err)
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: public, KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"})
	}
	return json.Marshal(set)
}

// Paths of an issuer's documents, after its identifier.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeySetPath    = "/.well-known/jwks.json"
)

// Discovery is the discovery document of an issuer (OpenID Connect Discovery
// 1.0, 3), as far as tokens that nobody signs in for have one.
func Discovery(issuer string) ([]byte, error) {
	return json.Marshal(map[string]any{
		"issuer": issuer, "jwks_uri": issuer + KeySetPath,
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": IssuerAlgorithms(),
		"claims_supported":                      []string{"iss", "aud", "sub", "iat", "exp", "jti", ClaimSTS},
	})
}

// ClaimSTS is the claim that holds what AWS STS says of a principal.
const ClaimSTS = "https://sts.amazonaws.com/"
