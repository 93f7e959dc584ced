package directory

import (
	"errors"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

func newKeyOf(algorithm, private string) []NewIssuerKey {
	return []NewIssuerKey{{Algorithm: algorithm, Public: []byte("public of " + private), Private: seal.NewSecret(private)}}
}

func TestIssuerKeysRotate(t *testing.T) {
	f := open(t)
	issuer := func() *Issuer {
		t.Helper()
		i, err := f.Snapshot().Issuer(account)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	if issuer() != nil {
		t.Error("an account is an issuer that never was enabled")
	}
	if err := f.update(func(tx *Tx) error { return tx.DisableIssuer() }); !errors.Is(err, ErrIssuerDisabled) {
		t.Errorf("DisableIssuer = %v, want ErrIssuerDisabled", err)
	}
	f.must(t, func(tx *Tx) error { return tx.EnableIssuer(newKeyOf("RS256", "one")) })
	if err := f.update(func(tx *Tx) error { return tx.EnableIssuer(newKeyOf("RS256", "x")) }); !errors.Is(err, ErrIssuerEnabled) {
		t.Errorf("EnableIssuer again = %v, want ErrIssuerEnabled", err)
	}
	rotate := func(private string) {
		t.Helper()
		f.must(t, func(tx *Tx) error { return tx.RotateIssuer(newKeyOf("RS256", private)) })
	}
	signs := func(want string, keys int) {
		t.Helper()
		_, private, err := f.SigningKey(issuer(), "RS256")
		if err != nil || private.Reveal() != want || len(issuer().Keys) != keys {
			t.Errorf("SigningKey = %q, %v with %d keys, want %q with %d", private.Reveal(), err, len(issuer().Keys), want, keys)
		}
	}
	signs("one", 1) // though nobody has seen it for long
	rotate("early")
	signs("one", 1)
	f.clock.add(issuerKeyLife)
	if due := issuer().Due([]string{"RS256", "ES384"}, f.clock.Now()); len(due) != 2 {
		t.Errorf("Due = %v, want both", due)
	}
	rotate("two")
	rotate("two of another node")
	signs("one", 2) // the new key is only shown
	f.clock.add(issuerKeyLead)
	signs("two", 2)
	rotate("")
	signs("two", 2) // the old one verifies what it has signed
	f.clock.add(issuerKeyRest)
	rotate("")
	signs("two", 1)
	if _, _, err := f.SigningKey(issuer(), "ES384"); err == nil {
		t.Error("SigningKey of an algorithm without a key succeeds")
	}
	f.must(t, func(tx *Tx) error { return tx.DisableIssuer() })
	f.clock.add(2 * issuerKeyLife)
	rotate("three") // not of one that is disabled
	signs("two", 1)
	f.must(t, func(tx *Tx) error { return tx.EnableIssuer(newKeyOf("RS256", "four")) })
	signs("two", 2)
	f.clock.add(issuerKeyLead + time.Second)
	signs("four", 2)
}
