package directory

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/policy"
)

// TestPolicyARNsDifferByCase: what policies say about is the ARN, so that a
// policy must not be reached by another spelling of it.
func TestPolicyARNsDifferByCase(t *testing.T) {
	f := open(t)
	f.must(t, func(tx *Tx) error {
		if _, err := tx.CreateUser("u", "/", "", nil); err != nil {
			return err
		}
		_, err := tx.CreatePolicy("Keeper", "/a/", "", allow("*"), nil)
		return err
	})
	if _, err := f.Snapshot().Policy(account, PolicyARN(account, "/a/", "Keeper")); err != nil {
		t.Errorf("its own ARN: %v", err)
	}
	for _, arn := range []string{
		PolicyARN(account, "/a/", "keeper"), PolicyARN(account, "/A/", "Keeper"), PolicyARN(account, "/a/", "\u212Aeeper"),
		PolicyARN("*", "/a/", "Keeper"), PolicyARN(account, "/a/", "*"), PolicyARN(account, "/a//", "Keeper"), PolicyARN(account, "/", "a/Keeper/"),
		"arn:aws:iam::aws:policy/readall",
	} {
		if p, err := f.Snapshot().Policy(account, arn); err == nil {
			t.Errorf("Policy(%q) = %v", arn, p)
		}
		err := f.update(func(tx *Tx) error {
			u, err := tx.User("u")
			if err != nil {
				return err
			}
			return tx.Attach(u, arn)
		})
		if _, none := errors.AsType[*NotFound](err); !none {
			t.Errorf("Attach(%q) = %v, want NotFound", arn, err)
		}
	}
}

func TestPoliciesOfFollowEveryChange(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	may := func(action string) bool {
		s := f.Snapshot()
		u, err := s.User(account, "u")
		if err != nil {
			t.Fatal(err)
		}
		identity, boundary := s.PoliciesOf(u)
		return policy.Evaluate(&policy.Request{
			Action: action, Resource: "*", ResourceAccount: account,
			Principal: policy.Principal{Type: policy.User, ARN: u.ARN(), Account: account},
		}, &policy.Policies{Identity: identity, Boundary: boundary}).Allowed()
	}
	check := func(when string, want bool) {
		t.Helper()
		if got := may("iam:GetUser"); got != want {
			t.Errorf("%s: allowed = %v, want %v", when, got, want)
		}
	}
	check("no policy", false)
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.Attach(u, awsPolicyARN) }))
	check("AWS's policy attached", true)
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.Detach(u, awsPolicyARN) }))
	check("detached", false)
	f.must(t, withUser("u", func(tx *Tx, u *User) error {
		g, err := tx.CreateGroup("g", "/")
		if err != nil {
			return err
		}
		return tx.Join(u, g)
	}))
	check("in a group without policies", false)
	inGroup := func(fn func(tx *Tx, g *Group) error) func(*Tx) error {
		return func(tx *Tx) error {
			g, err := tx.Group("g")
			if err != nil {
				return err
			}
			return fn(tx, g)
		}
	}
	f.must(t, inGroup(func(tx *Tx, g *Group) error { return tx.PutInline(g, "p", allow("iam:*")) }))
	check("the group's inline policy", true)
	f.must(t, inGroup(func(tx *Tx, g *Group) error { return tx.DeleteInline(g, "p") }))
	check("deleted", false)
	var arn string
	f.must(t, func(tx *Tx) error {
		p, err := tx.CreatePolicy("m", "/", "", allow("s3:*"), nil)
		if err != nil {
			return err
		}
		arn = p.ARN()
		g, err := tx.Group("g")
		if err != nil {
			return err
		}
		return tx.Attach(g, arn)
	})
	check("a managed policy about something else", false)
	f.must(t, func(tx *Tx) error {
		p, err := tx.Policy(arn)
		if err != nil {
			return err
		}
		_, err = tx.AddPolicyVersion(p, allow("iam:*"), true)
		return err
	})
	check("its new default version", true)
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.SetBoundary(u, arn) }))
	check("bounded by it", true)
	f.must(t, func(tx *Tx) error {
		p, err := tx.Policy(arn)
		if err != nil {
			return err
		}
		return tx.SetDefaultVersion(p, "v1")
	})
	check("back at the first version", false)
}

func TestPolicyVersionsAreNeverReused(t *testing.T) {
	f := open(t)
	var ids []string
	f.must(t, func(tx *Tx) error {
		p, err := tx.CreatePolicy("p", "/", "", allow("s3:*"), nil)
		if err != nil {
			return err
		}
		for range 4 {
			if _, err := tx.AddPolicyVersion(p, allow("s3:*"), false); err != nil {
				return err
			}
		}
		if _, err := tx.AddPolicyVersion(p, allow("s3:*"), false); !isLimit(err, QuotaPolicyVersions) {
			t.Errorf("a sixth version: %v, want LimitExceeded", err)
		}
		if err := tx.DeleteVersion(p, "v5"); err != nil {
			return err
		}
		if _, err := tx.AddPolicyVersion(p, allow("s3:*"), false); err != nil {
			return err
		}
		for _, v := range p.Versions {
			ids = append(ids, v.ID)
		}
		return nil
	})
	if want := []string{"v1", "v2", "v3", "v4", "v6"}; !cmp.Equal(ids, want) {
		t.Errorf("versions = %v, want %v", ids, want)
	}
}
