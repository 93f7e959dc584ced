package directory

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/policy"
)

// inOrg runs a transaction on the fixture's organization.
func (f *fixture) inOrg(t *testing.T, fn func(tx *Tx, o *Organization) error) {
	t.Helper()
	if err := f.Update(t.Context(), account, func(tx *Tx) error {
		o, err := tx.Organization()
		if err != nil {
			return err
		}
		return fn(tx, o)
	}); err != nil {
		t.Fatal(err)
	}
}

// organized makes an organization with a unit and a member account in it.
func organized(t *testing.T) (f *fixture, member, unit string) {
	t.Helper()
	f = open(t)
	if err := f.Update(t.Context(), account, func(tx *Tx) error {
		_, err := tx.CreateOrganization(FeaturesAll)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	f.inOrg(t, func(tx *Tx, o *Organization) error {
		r, err := tx.CreateMember(o, "member", "member@example.com", "", nil)
		if err != nil {
			return err
		}
		n, err := tx.CreateUnit(o, o.Root, "unit", nil)
		if err != nil {
			return err
		}
		member, unit = r.Account, n.ID
		return nil
	})
	f.inOrg(t, func(tx *Tx, o *Organization) error {
		n, err := tx.OrgNode(member)
		if err != nil {
			return err
		}
		tx.MoveAccount(o, n, unit)
		return tx.EnablePolicyType(o, SCP)
	})
	return f, member, unit
}

func TestControls(t *testing.T) {
	f, member, unit := organized(t)
	asked := func(action string) policy.Result {
		c := f.Snapshot().Controls(member)
		req := policy.Request{
			Action: action, Resource: "*",
			Principal: policy.Principal{Type: policy.Root, Account: member, ARN: "arn:aws:iam::" + member + ":root"},
		}
		return policy.Evaluate(&req, &policy.Policies{SCPs: c.SCPs})
	}
	c := f.Snapshot().Controls(member)
	o, err := f.Snapshot().Organization(member)
	if err != nil || c.Organization != o.ID || c.Path != o.ID+"/"+o.Root+"/"+unit+"/" || len(c.SCPs) != 3 {
		t.Fatalf("Controls(member) = %+v, %v", c, err)
	}
	if own := f.Snapshot().Controls(account); own.SCPs != nil || own.Path != o.ID+"/"+o.Root+"/" {
		t.Errorf("Controls of the management account = %+v", own)
	}
	if f.Snapshot().Controls(member) != c {
		t.Error("Controls are made anew for each request")
	}
	if got := asked("s3:GetObject"); !got.Allowed() {
		t.Errorf("s3:GetObject with AWS's policy only = %v", got)
	}
	var p *OrgPolicy
	f.inOrg(t, func(tx *Tx, o *Organization) (err error) {
		p, err = tx.CreateOrgPolicy(o, SCP, "no s3", "", strings.Replace(allow("s3:*"), "Allow", "Deny", 1), nil)
		return err
	})
	f.inOrg(t, func(tx *Tx, o *Organization) error {
		n, err := tx.OrgNode(unit)
		if err != nil {
			return err
		}
		return tx.AttachOrgPolicy(o, p, n)
	})
	if got := asked("s3:GetObject"); got.Decision != policy.ExplicitDeny || got.Level != 2 || got.Policy.Source().ARN != o.PolicyARN(SCP, p.ID) {
		t.Errorf("s3:GetObject with a Deny on the unit = %+v", got)
	}
	if got := asked("iam:GetUser"); !got.Allowed() {
		t.Errorf("iam:GetUser = %v", got)
	}
	// What was attached is gone when the type is disabled, also when it comes back.
	f.inOrg(t, func(tx *Tx, o *Organization) error { return tx.DisablePolicyType(o, SCP) })
	if c := f.Snapshot().Controls(member); c.SCPs != nil {
		t.Errorf("Controls without the type = %+v", c)
	}
	f.inOrg(t, func(tx *Tx, o *Organization) error { return tx.EnablePolicyType(o, SCP) })
	if got := asked("s3:GetObject"); !got.Allowed() {
		t.Errorf("s3:GetObject after the type was disabled and enabled = %v", got)
	}
	f.inOrg(t, func(tx *Tx, o *Organization) error { return tx.Expel(o, member) })
	if c := f.Snapshot().Controls(member); c != nil {
		t.Errorf("Controls after the account has left = %+v", c)
	}
	f.wantWhole(t)
}

// wantWhole checks all records against each other, also after they are loaded anew.
func (f *fixture) wantWhole(t *testing.T) {
	t.Helper()
	f.reopen(t)
	if problems := f.check(f.records(t), f.master); len(problems) > 0 {
		t.Errorf("Check found:\n%s", strings.Join(problems, "\n"))
	}
}

func TestDeleteAccount(t *testing.T) {
	f, member, _ := organized(t)
	const given = "GIVENKEY000000000001"
	if err := f.Update(t.Context(), member, func(tx *Tx) error {
		if _, err := tx.CreateUser("u", "/", "", nil); err != nil {
			return err
		}
		if err := tx.SetAlias("members"); err != nil {
			return err
		}
		return tx.SetGivenRootKey(given, seal.NewSecret("a secret"))
	}); err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*InUse](f.DeleteAccount(t.Context(), member)); !ok {
		t.Error("DeleteAccount of a member: want InUse")
	}
	f.inOrg(t, func(tx *Tx, o *Organization) error { return tx.Expel(o, member) })
	if _, ok := errors.AsType[*InUse](f.DeleteAccount(t.Context(), account)); !ok {
		t.Error("DeleteAccount of the first account: want InUse")
	}
	if err := f.DeleteAccount(t.Context(), member); err != nil {
		t.Fatal(err)
	}
	for key := range f.records(t) {
		if strings.HasPrefix(key, member) || strings.Contains(key, given) || strings.HasSuffix(key, "/members") {
			t.Errorf("record %s is left", key)
		}
	}
	if _, ok := errors.AsType[*NotFound](f.DeleteAccount(t.Context(), member)); !ok {
		t.Error("DeleteAccount twice: want NotFound")
	}
	f.wantWhole(t)
}

// TestGivenKeyOfOtherAccount: a root key can be given whose id tells another
// account that exists.
func TestGivenKeyOfOtherAccount(t *testing.T) {
	f := open(t)
	const other = "999988887777"
	if err := f.Update(t.Context(), account, func(tx *Tx) error { return tx.AddAccount(other, "other", "other@example.com", "") }); err != nil {
		t.Fatal(err)
	}
	if got := f.Snapshot().FirstAccount(); got != account {
		t.Errorf("FirstAccount() = %q", got)
	}
	id := seal.AccessKeyID(rand.Reader, "AKIA", other)
	if err := f.Update(t.Context(), account, func(tx *Tx) error { return tx.SetGivenRootKey(id, seal.NewSecret("a secret")) }); err != nil {
		t.Fatal(err)
	}
	c, ok, err := f.Snapshot().Credential(id)
	if err != nil || !ok || c.Owner.Account() != account {
		t.Errorf("Credential(%s) = %+v, %v, %v", id, c, ok, err)
	}
	if got, ok := f.Snapshot().AccountOfKey(id); !ok || got != account {
		t.Errorf("AccountOfKey(%s) = %q, %v", id, got, ok)
	}
	if err := f.Update(t.Context(), account, func(tx *Tx) error { return tx.AddAccount("123412341234", "x", "OTHER@example.com", "") }); err == nil {
		t.Error("an account with the email of another one: no error")
	}
	f.wantWhole(t)
}

// records are all that the store holds.
func (f *fixture) records(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	if _, err := f.store.Scan(t.Context(), "", 0, func(r store.Record) error {
		all[r.Key] = r.Value
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
