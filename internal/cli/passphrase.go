package cli

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/server"
)

// secret reads a secret from the environment, as secretFromEnvironment does.
func secret(std IO, name string) (seal.Secret, error) {
	text, err := secretFromEnvironment(std.Env, name)
	return seal.NewSecret(text), err
}

// unseal is how backups open.
func unseal(std IO, identity string) server.Unseal {
	return server.Unseal{Identity: identity, Passphrase: func() (seal.Secret, error) {
		text, err := secret(std, passphraseVariable)
		if err != nil || !text.IsZero() {
			return text, err
		}
		return ask("Passphrase of the backup: ")
	}}
}

// newPassphrase is the passphrase that a backup is to have.
func newPassphrase(std IO) (seal.Secret, error) {
	text, err := secret(std, passphraseVariable)
	if err != nil || !text.IsZero() {
		return text, err
	}
	if text, err = ask("Passphrase for the backup: "); err != nil {
		return text, err
	}
	again, err := ask("The same once more: ")
	if err == nil && !again.Equal(text) {
		err = errors.New("the two passphrases differ")
	}
	return text, err
}

// ask asks for a secret on the terminal that the process was started from.
func ask(question string) (seal.Secret, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return seal.Secret{}, fmt.Errorf("no passphrase: set %s or %s_FILE", passphraseVariable, passphraseVariable)
	}
	defer tty.Close()
	fmt.Fprint(tty, question)
	b, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	if err != nil {
		return seal.Secret{}, fmt.Errorf("read the passphrase: %w", err)
	}
	return seal.NewSecret(string(b)), nil
}
