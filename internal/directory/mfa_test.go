package directory

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// device is a virtual MFA device in the hands of its user.
type device struct {
	serial string
	seed   seal.Secret
}

// code is what the device shows at that time.
func (d device) code(t *testing.T, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(d.seed.Reveal(), at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// newDevice makes a device that nobody has.
func (f *fixture) newDevice(t *testing.T, name string) device {
	t.Helper()
	d := device{seed: MFASeed(rand.Reader)}
	f.must(t, func(tx *Tx) error {
		v, err := tx.CreateMFADevice("/", name, d.seed, nil)
		if err == nil {
			d.serial = v.Serial()
		}
		return err
	})
	return d
}

func (f *fixture) enable(t *testing.T, user string, d device, at time.Time) error {
	t.Helper()
	first, second := d.code(t, at.Add(-30*time.Second)), d.code(t, at)
	return f.update(withUser(user, func(tx *Tx, u *User) error { return tx.EnableMFA(u, d.serial, first, second) }))
}

func TestMFACodeIsGoodOnce(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	d := f.newDevice(t, "phone")
	if err := f.enable(t, "u", d, f.clock.Now()); err != nil {
		t.Fatalf("EnableMFA = %v", err)
	}
	id := f.user(t, "u").ID
	verify := func(code string) error { return f.VerifyMFA(t.Context(), account, id, d.serial, code) }
	if err := verify(d.code(t, f.clock.Now())); !errors.Is(err, ErrMFACode) {
		t.Errorf("VerifyMFA of a code that enabled the device = %v, want ErrMFACode", err)
	}
	f.clock.add(30 * time.Second)
	code := d.code(t, f.clock.Now())
	var wg sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for range 8 {
		wg.Go(func() {
			if err := verify(code); err == nil {
				mu.Lock()
				accepted++
				mu.Unlock()
			} else if !errors.Is(err, ErrMFACode) {
				t.Errorf("VerifyMFA = %v", err)
			}
		})
	}
	wg.Wait()
	if accepted != 1 {
		t.Errorf("one code was accepted %d times by 8 at once, want once", accepted)
	}
	f.clock.add(time.Hour)
	if err := verify(code); !errors.Is(err, ErrMFACode) {
		t.Errorf("VerifyMFA of an hour-old code = %v, want ErrMFACode", err)
	}
	if err := verify(d.code(t, f.clock.Now().Add(30*time.Second))); err != nil {
		t.Errorf("VerifyMFA of the next step's code = %v", err)
	}
	if err := verify(d.code(t, f.clock.Now())); !errors.Is(err, ErrMFACode) {
		t.Errorf("VerifyMFA of a code older than the last one = %v, want ErrMFACode", err)
	}
}

func TestMFAGuessesAreFew(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	d := f.newDevice(t, "phone")
	if err := f.enable(t, "u", d, f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Minute)
	id, good := f.user(t, "u").ID, d.code(t, f.clock.Now())
	for range maxFailed {
		if err := f.VerifyMFA(t.Context(), account, id, d.serial, "nocode"); !errors.Is(err, ErrMFACode) {
			t.Fatalf("VerifyMFA of a wrong code = %v, want ErrMFACode", err)
		}
	}
	if err := f.VerifyMFA(t.Context(), account, id, d.serial, good); !errors.Is(err, ErrMFACode) {
		t.Errorf("VerifyMFA after %d wrong codes = %v, want ErrMFACode", maxFailed, err)
	}
	f.clock.add(30 * time.Second)
	if err := f.VerifyMFA(t.Context(), account, id, d.serial, good); err != nil {
		t.Errorf("VerifyMFA in the next step = %v", err)
	}
}

func TestMFABelongsToItsUser(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	f.must(t, createUser("other"))
	d := f.newDevice(t, "phone")
	other := f.user(t, "other").ID
	if err := f.enable(t, "u", d, f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*Exists](f.enable(t, "other", d, f.clock.Now())); !ok {
		t.Error("a device that is in use was enabled for another user")
	}
	f.clock.add(time.Minute)
	err := f.VerifyMFA(t.Context(), account, other, d.serial, d.code(t, f.clock.Now()))
	if _, ok := errors.AsType[*NotFound](err); !ok {
		t.Errorf("VerifyMFA of another user's device = %v, want NotFound", err)
	}
	remove := withUser("u", func(tx *Tx, u *User) error { return tx.DeleteUser(u) })
	if e, ok := errors.AsType[*InUse](f.update(remove)); !ok || e.By != UseMFA {
		t.Errorf("DeleteUser = %v, want InUse by %s", e, UseMFA)
	}
	deleteDevice := func(tx *Tx) error {
		v, err := tx.MFADevice(d.serial)
		if err != nil {
			return err
		}
		return tx.DeleteMFADevice(v)
	}
	if _, ok := errors.AsType[*InUse](f.update(deleteDevice)); !ok {
		t.Error("a device that is in use was deleted")
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeactivateMFA(u, d.serial) }))
	if err := f.VerifyMFA(t.Context(), account, f.user(t, "u").ID, d.serial, d.code(t, f.clock.Now())); err == nil {
		t.Error("a deactivated device's code was accepted")
	}
	f.must(t, deleteDevice)
	f.must(t, remove)
}

func TestMFAOutOfStep(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	d := f.newDevice(t, "watch")
	fast := func() time.Time { return f.clock.Now().Add(20 * time.Minute) } // the device's clock
	if err := f.enable(t, "u", d, fast()); err != nil {
		t.Fatalf("EnableMFA of a fast clock = %v", err)
	}
	id := f.user(t, "u").ID
	f.clock.add(time.Minute)
	if err := f.VerifyMFA(t.Context(), account, id, d.serial, d.code(t, fast())); err != nil {
		t.Errorf("VerifyMFA of the fast clock = %v", err)
	}
	f.clock.add(time.Hour)
	right := d.code(t, f.clock.Now()) // the user has set the clock
	if err := f.VerifyMFA(t.Context(), account, id, d.serial, right); !errors.Is(err, ErrMFACode) {
		t.Errorf("VerifyMFA of the set clock = %v, want ErrMFACode", err)
	}
	earlier := d.code(t, f.clock.Now().Add(-30*time.Second))
	resync := func(first, second string) error {
		return f.update(withUser("u", func(tx *Tx, u *User) error { return tx.ResyncMFA(u, d.serial, first, second) }))
	}
	if err := resync(right, earlier); !errors.Is(err, ErrMFACode) {
		t.Errorf("ResyncMFA of codes in the wrong order = %v, want ErrMFACode", err)
	}
	if err := resync(earlier, right); err != nil {
		t.Fatalf("ResyncMFA = %v", err)
	}
	if err := resync(earlier, right); !errors.Is(err, ErrMFACode) {
		t.Errorf("ResyncMFA of the same codes again = %v, want ErrMFACode", err)
	}
	f.clock.add(30 * time.Second)
	if err := f.VerifyMFA(t.Context(), account, id, d.serial, d.code(t, f.clock.Now())); err != nil {
		t.Errorf("VerifyMFA after ResyncMFA = %v", err)
	}
}

func TestPasskeys(t *testing.T) {
	f := open(t)
	f.must(t, createUser("u"))
	serial := PasskeySerial(rand.Reader, f.user(t, "u"), "laptop")
	if want := "arn:aws:iam::" + account + ":u2f/user/u/laptop-"; !strings.HasPrefix(serial, want) || len(serial) != len(want)+26 || !IsPasskey(serial) {
		t.Errorf("PasskeySerial = %s, want %s and 26 characters", serial, want)
	}
	root, err := f.Snapshot().UserByID(account, account)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := PasskeySerial(rand.Reader, root, "laptop"), "arn:aws:iam::"+account+":u2f/root/laptop-"; !strings.HasPrefix(got, want) {
		t.Errorf("PasskeySerial of root = %s, want %s and 26 characters", got, want)
	}
	add := func(user string) error {
		return f.update(withUser(user, func(tx *Tx, u *User) error { return tx.AddPasskey(u, serial, []byte("1")) }))
	}
	f.must(t, createUser("other"))
	if _, ok := errors.AsType[*NotFound](add("other")); !ok {
		t.Error("an authenticator was given to another user than its serial number says")
	}
	if err := add("u"); err != nil {
		t.Fatal(err)
	}
	if _, ok := errors.AsType[*Exists](add("u")); !ok {
		t.Error("an authenticator was added twice")
	}
	id := f.user(t, "u").ID
	refused := errors.New("refused")
	for _, tt := range []struct {
		next string
		err  error
		want string
	}{{"2", nil, "2"}, {"3", refused, "2"}} {
		err := f.UsePasskey(t.Context(), account, id, serial, func([]byte) ([]byte, error) { return []byte(tt.next), tt.err })
		all, err2 := f.Snapshot().Passkeys(f.user(t, "u"))
		if !errors.Is(err, tt.err) || err2 != nil || len(all) != 1 || string(all[0].Credential) != tt.want {
			t.Errorf("UsePasskey = %v; Passkeys = %v, %v", err, all, err2)
		}
	}
	if err := f.UsePasskey(t.Context(), account, f.user(t, "other").ID, serial, nil); err == nil {
		t.Error("another user used the authenticator")
	}
	if err := f.VerifyMFA(t.Context(), account, id, serial, "123456"); err == nil {
		t.Error("an authenticator takes a code")
	}
	f.must(t, withUser("u", func(tx *Tx, u *User) error { return tx.DeactivateMFA(u, serial) }))
	if _, err := f.Snapshot().Passkey(account, serial); err == nil || len(f.user(t, "u").MFA) > 0 {
		t.Errorf("DeactivateMFA leaves the authenticator behind: %v", err)
	}
}

func TestMFASeedIsSealed(t *testing.T) {
	f := open(t)
	d := f.newDevice(t, "phone")
	r := f.Snapshot().get(account, kindMFA, "phone")
	if strings.Contains(string(r.Value), d.seed.Reveal()[:20]) {
		t.Error("the seed is in the record as it is")
	}
}
