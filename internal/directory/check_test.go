package directory

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// full makes a directory that has every kind of record, and gives them.
func full(t *testing.T) (*fixture, map[string][]byte) {
	t.Helper()
	f := open(t)
	f.must(t, func(tx *Tx) error {
		local, err := tx.CreatePolicy("Local", "/p/", "", allow("s3:*"), nil)
		if err != nil {
			return err
		}
		if _, err := tx.AddPolicyVersion(local, allow("ec2:*"), true); err != nil {
			return err
		}
		u, err := tx.CreateUser("Alice", "/x/", local.ARN(), nil)
		if err != nil {
			return err
		}
		g, err := tx.CreateGroup("Staff", "/y/")
		if err != nil {
			return err
		}
		if _, err := tx.AddAccessKey(u, seal.SecretKey(rand.Reader)); err != nil {
			return err
		}
		r, err := tx.CreateRole(NewRole{Name: "Deploy", Path: "/z/", Trust: trusts(t, `"`+account+`"`), Boundary: local.ARN()})
		if err != nil {
			return err
		}
		p, err := tx.CreateInstanceProfile("Web", "/z/", nil)
		if err != nil {
			return err
		}
		for _, err := range []error{
			tx.AddRole(p, r), tx.Attach(r, awsPolicyARN), tx.PutInline(r, "own", allow("iam:*")),
			tx.Join(u, g), tx.PutInline(u, "own", allow("iam:*")), tx.Attach(u, awsPolicyARN), tx.Attach(u, local.ARN()), tx.Attach(g, awsPolicyARN),
			tx.SetAlias("company"), tx.SetGivenRootKey("GIVEN_KEY_OF_ROOT", seal.NewSecret("given")),
		} {
			if err != nil {
				return err
			}
		}
		tx.Remember("01a201ad-76a2-776e-8976-ea0a4cf316a3", []byte(`{"eventName":"CreateUser"}`))
		return nil
	})
	if err := f.enable(t, "Alice", f.newDevice(t, "phone"), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.must(t, withUser("Alice", func(tx *Tx, u *User) error {
		if err := tx.AddPasskey(u, PasskeySerial(rand.Reader, u, "key"), []byte("public")); err != nil {
			return err
		}
		_, err := tx.AddSigningCert(u, "PEM", []byte("DER"))
		return err
	}))
	f.must(t, func(tx *Tx) error {
		p, err := tx.CreateSAMLProvider("Corp", "<xml/>", tx.Now(), nil)
		if err != nil {
			return err
		}
		if err := tx.AddSAMLKey(p, seal.NewSecret("KEY")); err != nil {
			return err
		}
		if err := tx.EnableIssuer(newKeyOf("RS256", "KEY")); err != nil {
			return err
		}
		if _, err := tx.CreateOIDCProvider("https://id.example.com/a", nil, nil, nil); err != nil {
			return err
		}
		_, err = tx.CreateServerCert(ServerCert{Path: "/z/", Name: "Site", Body: "PEM"}, seal.NewSecret("KEY"))
		return err
	})
	root, err := f.Snapshot().UserByID(account, account)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(t.Context(), root, SignIn{}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := f.NotePasswordUse(t.Context(), account, account); err != nil {
		t.Fatal(err)
	}
	c, ok, err := f.Snapshot().Credential("GIVEN_KEY_OF_ROOT")
	if err != nil || !ok {
		t.Fatalf("Credential() = %v, %v", ok, err)
	}
	c.Touch(f.clock.Now(), "iam", "us-east-1")
	f.NoteAccess(&Principal{User: c.Owner}, &c, f.clock.Now(), "iam", "GetUser", "us-east-1")
	r, _ := f.startCredentials(t)
	f.makeReport(t, r, "content")
	if err := f.FlushLastUsed(t.Context()); err != nil {
		t.Fatal(err)
	}
	records := map[string][]byte{}
	if _, err := f.store.Scan(t.Context(), "", 0, func(r store.Record) error {
		records[r.Key] = r.Value
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return f, records
}

func (f *fixture) check(records map[string][]byte, master seal.MasterKey) []string {
	c := Checker{AWSPolicies: oneAWSPolicy{}, Master: master}
	keys := make([]string, 0, len(records))
	for key := range records {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		_ = c.Add(store.Record{Key: key, Value: records[key], Rev: 1})
	}
	var problems []string
	for _, p := range c.Check() {
		problems = append(problems, p.String())
	}
	return problems
}

func TestCheckFindsNothingWrong(t *testing.T) {
	f, records := full(t)
	kinds := map[string]bool{}
	for key := range records {
		_, kind := splitKey(key)
		kinds[kind] = true
	}
	for _, kind := range []string{
		kindAccount, kindUser, kindUserName, kindKey, kindUsed, kindGroup, kindGroupName, kindGroupUse, kindMember,
		kindRole, kindRoleName, kindProfile, kindProfileName,
		kindPolicy, kindPolicyName, kindPolicyDoc, kindPolicyUse, kindAttached, "ring", "alias",
		kindMFA, kindPasskey, kindSignIn, kindBrowsers, kindSigningCert, kindServerCert, kindServerCertName, kindOIDC, kindSAML, kindSAMLDoc, kindIssuer, kindOutbox,
	} {
		if !kinds[kind] {
			t.Errorf("no record of kind %s: the test tests less than it should", kind)
		}
	}
	for name, master := range map[string]seal.MasterKey{"with": f.master, "without": {}} {
		if problems := f.check(records, master); len(problems) > 0 {
			t.Errorf("Check %s the master key found:\n%s", name, strings.Join(problems, "\n"))
		}
	}
	if problems := f.check(map[string][]byte{}, f.master); len(problems) > 0 {
		t.Errorf("Check of an empty store found %s", problems)
	}
}

// TestCheckMissesNoRecord takes each record away, and puts each under another
// key: whatever it is, something no longer agrees.
func TestCheckMissesNoRecord(t *testing.T) {
	f, records := full(t)
	for key, value := range records {
		if _, kind := splitKey(key); kind == kindUsed || kind == kindAccess || kind == kindSignIn || kind == kindBrowsers || kind == kindOIDC || kind == kindIssuer || kind == kindOutbox || kind == firstKind { // nothing depends on it
			continue
		}
		delete(records, key)
		if len(f.check(records, f.master)) == 0 {
			t.Errorf("without %s: nothing found", key)
		}
		records[key+"X"] = value
		if len(f.check(records, f.master)) == 0 {
			t.Errorf("%s under another key: nothing found", key)
		}
		delete(records, key+"X")
		records[key] = value
	}
}

// TestCheckMissesNoDamage cuts each record and puts another of its kind in its place.
func TestCheckMissesNoDamage(t *testing.T) {
	f, records := full(t)
	for key, value := range records {
		damaged := [][]byte{append(slices.Clone(value), '!')}
		if len(value) > 0 {
			damaged = append(damaged, value[:len(value)-1], nil)
		}
		if strings.HasPrefix(string(value), `{"v":1`) {
			damaged = append(damaged, []byte(strings.Replace(string(value), `"v":1`, `"v":2`, 1)))
		}
		_, kind := splitKey(key)
		for other, v := range records {
			if _, k := splitKey(other); k == kind && kind != kindUsed && kind != kindPolicyDoc && string(v) != string(value) {
				damaged = append(damaged, v)
			}
		}
		for i, d := range damaged {
			records[key] = d
			problems := f.check(records, f.master)
			if len(problems) == 0 && kind != kindMember && key != accountIndex+account { // these have no value
				t.Errorf("damage %d of %s: nothing found", i, key)
			}
		}
		records[key] = value
	}
}

func TestCheckSays(t *testing.T) {
	f, _ := full(t)
	u := f.user(t, "alice")
	g, err := f.Snapshot().Group(account, "staff")
	if err != nil {
		t.Fatal(err)
	}
	key, local := u.Keys[0].ID, u.Attached[1]
	policyID, _ := f.Snapshot().Policy(account, local)
	for _, tt := range []struct {
		name   string
		damage func(records map[string][]byte)
		want   []string
	}{
		{"name", func(r map[string][]byte) { delete(r, recordKey(account, kindUserName, "alice")) }, []string{
			"ACCOUNT/user/USER: there is no record ACCOUNT/username/alice for it",
		}},
		{"name of nobody", func(r map[string][]byte) { r[recordKey(account, kindUserName, "bob")] = nameRecord("AIDANOBODY", "/") }, []string{
			`ACCOUNT/username/bob: user "AIDANOBODY" does not have this name and path`,
		}},
		{"secret", func(r map[string][]byte) {
			at := recordKey(account, kindKey, key)
			r[at] = encode(&keyRecord{Format: 1, Owner: u.ID, Sealed: []byte("nothing")})
		}, []string{
			"ACCOUNT/key/KEY: its secret does not open: it was changed, or sealed for another key or by another key ring",
		}},
		{"members", func(r map[string][]byte) {
			r[recordKey(account, kindGroupUse, g.ID)] = encode(usage{Format: 1, Count: 2})
		}, []string{
			"ACCOUNT/groupuse/GROUP: counts 2 uses and 0 as a boundary, there are 1 and 0",
		}},
		{"attachment", func(r map[string][]byte) {
			r[recordKey(account, kindAttached, policyID.ID, "group", g.ID)] = []byte(local)
		}, []string{
			`ACCOUNT/attached/POLICY/group/GROUP: group "GROUP" does not have policy "arn:aws:iam::ACCOUNT:policy/p/Local"`,
			"ACCOUNT/policyuse/POLICY: counts 1 uses and 2 as a boundary, there are 2 and 2",
		}},
		{"document", func(r map[string][]byte) {
			r[recordKey(account, kindPolicyDoc, policyID.ID, "v1")] = []byte("{}")
		}, []string{
			"ACCOUNT/policydoc/POLICY/v1: the document denies everything: ",
		}},
		{"alias", func(r map[string][]byte) { r[aliasKey+"other"] = []byte(account) }, []string{
			`deployment/alias/other: account "ACCOUNT" does not have this alias`,
		}},
		{"given key", func(r map[string][]byte) { r[givenKey("OTHER")] = []byte(account) }, []string{
			`deployment/key/OTHER: account "ACCOUNT" does not have this access key`,
		}},
		{"kept id", func(r map[string][]byte) { r[keptIDKey(oldUserID)] = []byte(account) }, []string{
			"deployment/id/" + oldUserID + `: account "ACCOUNT" has nothing of this id`,
		}},
		{"kind", func(r map[string][]byte) { r[account+"/what/is"] = nil }, []string{
			"ACCOUNT/what/is: there is no such kind of record",
		}},
		{"ring", func(r map[string][]byte) { r[ringKey] = []byte("nothing") }, []string{
			"deployment/ring: the key ring does not open with this master key",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			records := map[string][]byte{}
			if _, err := f.store.Scan(t.Context(), "", 0, func(r store.Record) error { records[r.Key] = r.Value; return nil }); err != nil {
				t.Fatal(err)
			}
			tt.damage(records)
			got := f.check(records, f.master)
			names := strings.NewReplacer(account, "ACCOUNT", u.ID, "USER", g.ID, "GROUP", key, "KEY", policyID.ID, "POLICY")
			for i := range got {
				got[i] = names.Replace(got[i])
				if i < len(tt.want) && strings.HasSuffix(tt.want[i], ": ") && strings.HasPrefix(got[i], tt.want[i]) {
					got[i] = tt.want[i] // the policy package says the rest
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Check (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzCheck: whatever a record holds, Check does not panic.
func FuzzCheck(f *testing.F) {
	for _, key := range []string{ringKey, account + "/user/U", account + "/key/K", account + "/attached/P", account + "/account", "x", "", account + "/policyname/p"} {
		f.Add(key, []byte(`{"v":1,"keys":[{}],"attached":["arn:aws:iam::1:policy/p"]}`))
	}
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		c := Checker{AWSPolicies: oneAWSPolicy{}}
		_ = c.Add(store.Record{Key: key, Value: value, Rev: 1})
		if _, kind := splitKey(key); len(c.Check()) == 0 && key != ringKey {
			t.Errorf("nothing is wrong with a lone %s", fmt.Sprintf("%s (%q)", kind, key))
		}
	})
}
