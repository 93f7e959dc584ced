package directory

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// sessionOf is a session in which the user acts as itself.
func sessionOf(u *User) *Session { return &Session{Account: u.Account(), Entity: u.ID} }

func TestSessions(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	s := &Session{
		Kind: RoleSession, Account: account, Entity: f.user(t, "u").ID, Name: "s", MFA: time.Unix(1e9, 0).UTC(),
		Policy: "{}", PolicyARNs: []string{"arn"}, Tags: []Tag{{"a", "b"}}, Transitive: []string{"a"},
		SourceIdentity: "me", Issuer: "i", Keys: map[string][]string{"k": {"v"}},
	}
	token, err := f.NewSession(s, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	f.reopen(t) // another start, the same ring
	got, err := f.OpenSession(token)
	if err != nil || !cmp.Equal(got, s, cmpopts.IgnoreUnexported(Session{})) {
		t.Errorf("OpenSession = %v, %v; want what was sealed", got.KeyID, err)
	}
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		if _, err := f.OpenSession(string(changed)); err == nil {
			t.Fatalf("a token changed at %d opens", i)
		}
	}
	if _, err := f.OpenSession(f.SealDenial(account, "x")); err == nil {
		t.Error("an authorization message opens as a session")
	}
}

func TestDenials(t *testing.T) {
	f := open(t)
	details := `{"allowed":false}`
	message := f.SealDenial(account, details)
	if a, d, err := f.OpenDenial(message); a != account || d != details || err != nil {
		t.Errorf("OpenDenial = %q, %q, %v; want what was sealed", a, d, err)
	}
	for _, bad := range []string{"", "x", message[:len(message)-4], message + "AAAA"} {
		if _, _, err := f.OpenDenial(bad); !errors.Is(err, seal.ErrToken) {
			t.Errorf("OpenDenial(%.10q…) = %v, want ErrToken", bad, err)
		}
	}
}
