package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
)

// RootCredentials are what the first start made for the root user. The secrets
// are there on the first start only.
type RootCredentials struct {
	Email        string
	Password     seal.Secret
	PasswordFile string
	KeyID        string
	Secret       seal.Secret
	KeyFile      string // rootkey.csv; empty where the key was given
}

type bootstrapped struct {
	id   string
	made bool
	root RootCredentials
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// bootstrap makes the account on the first start and finds it on later ones.
func bootstrap(ctx context.Context, cfg Config, dir *directory.Directory) (bootstrapped, error) {
	if cfg.AccountID != "" && !accountID.MatchString(cfg.AccountID) {
		return bootstrapped{}, fmt.Errorf("account id %q is not 12 digits", cfg.AccountID)
	}
	if (cfg.RootKeyID == "") != (cfg.RootSecret.Reveal() == "") {
		return bootstrapped{}, errors.New("a root access key needs both its id and its secret")
	}
	if cfg.RootKeyID != "" && !givenKeyID.MatchString(cfg.RootKeyID) {
		return bootstrapped{}, fmt.Errorf("root access key id %q is not 16 to 128 letters, digits and underscores", cfg.RootKeyID)
	}
	if id := dir.Snapshot().FirstAccount(); id != "" {
		return findAccount(ctx, cfg, dir, id)
	}
	b, err := makeAccount(ctx, cfg, dir)
	if _, made := errors.AsType[*directory.Exists](err); made {
		// By another node, which was first; what was written here is nobody's.
		for _, path := range []string{b.root.KeyFile, b.root.PasswordFile} {
			if path != "" {
				os.Remove(path)
			}
		}
		return findAccount(ctx, cfg, dir, dir.Snapshot().FirstAccount())
	}
	return b, err
}

var givenKeyID = regexp.MustCompile(`^\w{16,128}$`)

func findAccount(ctx context.Context, cfg Config, dir *directory.Directory, id string) (bootstrapped, error) {
	if cfg.AccountID != "" && cfg.AccountID != id {
		return bootstrapped{}, fmt.Errorf("%s holds account %s, not %s", holder(cfg), id, cfg.AccountID)
	}
	a, err := dir.Snapshot().Account(id)
	if err != nil {
		return bootstrapped{}, err
	}
	b := bootstrapped{id: id, root: RootCredentials{Email: a.Email, KeyFile: existing(filepath.Join(cfg.Data, rootKeyFile)), KeyID: cfg.RootKeyID}}
	b.root.PasswordFile = existing(filepath.Join(cfg.Data, rootPasswordFile))
	if cfg.RootKeyID == "" {
		return b, nil
	}
	err = dir.Update(ctx, id, func(tx *directory.Tx) error { return tx.SetGivenRootKey(cfg.RootKeyID, cfg.RootSecret) })
	if err != nil {
		return bootstrapped{}, fmt.Errorf("give the root user the access key %s: %w", cfg.RootKeyID, err)
	}
	b.root.KeyFile = ""
	return b, nil
}

func holder(cfg Config) string {
	if cfg.Store.Shared() {
		return "the store " + cfg.Store.String()
	}
	return "the data folder " + cfg.Data
}

func existing(path string) string {
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// makeAccount makes the account, its root user and the root user's credentials.
// The files are written before the account exists: a start that is cut short
// leaves no account, and the next one writes them anew.
func makeAccount(ctx context.Context, cfg Config, dir *directory.Directory) (bootstrapped, error) {
	b := bootstrapped{id: cfg.AccountID, made: true}
	if b.id == "" {
		b.id = seal.AccountID(cfg.Rand)
	}
	b.root = RootCredentials{
		Email: cfg.RootEmail, Password: seal.Password(cfg.Rand), PasswordFile: filepath.Join(cfg.Data, rootPasswordFile),
		KeyID: cfg.RootKeyID, Secret: cfg.RootSecret,
	}
	given := cfg.RootKeyID != ""
	if !given {
		b.root.KeyID, b.root.Secret = seal.AccessKeyID(cfg.Rand, "AKIA", b.id), seal.SecretKey(cfg.Rand)
		b.root.KeyFile = filepath.Join(cfg.Data, rootKeyFile)
		if err := writePrivate(b.root.KeyFile, "AWSAccessKeyId="+b.root.KeyID+"\nAWSSecretKey="+b.root.Secret.Reveal()+"\n"); err != nil {
			return bootstrapped{}, fmt.Errorf("write the root access key: %w", err)
		}
	}
	if err := writePrivate(b.root.PasswordFile, "Email="+b.root.Email+"\nPassword="+b.root.Password.Reveal()+"\n"); err != nil {
		return bootstrapped{}, fmt.Errorf("write the root password: %w", err)
	}
	hash := seal.HashGenerated(cfg.Rand, b.root.Password)
	err := dir.Update(ctx, b.id, func(tx *directory.Tx) error {
		if err := tx.CreateFirst(b.root.Email, hash); err != nil {
			return err
		}
		if given {
			return tx.SetGivenRootKey(b.root.KeyID, b.root.Secret)
		}
		return tx.AddRootKey(b.root.KeyID, b.root.Secret)
	})
	if err != nil {
		return b, fmt.Errorf("make the account: %w", err)
	}
	return b, nil
}
