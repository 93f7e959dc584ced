//go:build awskms

package seal

import (
	"context"

	"github.com/tink-crypto/tink-go-awskms/v3/integration/awskms"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// awsKey is a key of AWS KMS. Its calls end when their time is over.
type awsKey struct{ aead tink.AEADWithContext }

func openAWS(ctx context.Context, arn string) (tink.AEAD, error) {
	a, err := awskms.NewAEADWithContext(ctx, arn)
	return awsKey{a}, err
}

func (k awsKey) Encrypt(plaintext, label []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), kmsTimeout)
	defer cancel()
	return k.aead.EncryptWithContext(ctx, plaintext, label)
}

func (k awsKey) Decrypt(ciphertext, label []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), kmsTimeout)
	defer cancel()
	return k.aead.DecryptWithContext(ctx, ciphertext, label)
}
