package directory

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// MFADevice is a virtual MFA device of an account: a TOTP generator (RFC 6238,
// SHA-1, six digits, 30 seconds).
type MFADevice struct {
	Format  int       `json:"v"`
	Path    string    `json:"path"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Sealed  []byte    `json:"sealed"`          // the seed in base32, for the context "mfa/SERIAL"
	Owner   string    `json:"owner,omitempty"` // the user's unique id; empty while the device isn't enabled
	Enabled time.Time `json:"enabled,omitzero"`
	Tags    []Tag     `json:"tags,omitempty"`

	// Offset is by how many steps the device's clock is ahead of ours, and Last
	// the newest of its steps whose code was taken: none up to it is good again.
	Offset int64 `json:"offset,omitempty"`
	Last   int64 `json:"last,omitempty"`
	// Failed is how many wrong codes there were in the step FailedIn of our clock.
	Failed   int   `json:"failed,omitempty"`
	FailedIn int64 `json:"failedIn,omitempty"`

	account string
}

// EnabledMFA is an MFA device as its user's record holds it.
type EnabledMFA struct {
	Serial  string    `json:"serial"`
	Enabled time.Time `json:"enabled"`
}

const (
	stepSeconds = 30
	// driftSteps is how far from its known offset a code may be: the reader is
	// slow, or the clock goes a little wrong.
	driftSteps = 1
	// searchSteps is how far, either way, two consecutive codes are looked for
	// when a device is enabled or synchronised: a day.
	searchSteps = 24 * 60 * 60 / stepSeconds
	// maxFailed is how many wrong codes are looked at in a step. Guessing then
	// takes weeks for an even chance, while the credential that it needs first
	// shows in the trail.
	maxFailed = 5

	seedBytes = 40 // as AWS's, 64 characters of base32
)

// ErrMFACode: the authentication code is wrong, was used before, or too many
// wrong ones came before it.
var ErrMFACode = errors.New("authentication code is not valid")

func (v *MFADevice) loaded(r *Record) { v.account, _ = splitKey(r.Key) }

// Serial is the device's serial number, an ARN.
func (v *MFADevice) Serial() string { return MFASerial(v.account, v.Path, v.Name) }

// MFASerial is the serial number of a virtual device of that path and name.
func MFASerial(account, path, name string) string {
	return mfaPrefix(account) + strings.TrimPrefix(path, "/") + name
}

func mfaPrefix(account string) string { return "arn:aws:iam::" + account + ":mfa/" }

// mfaContext is what the seed of a device is sealed for.
func mfaContext(serial string) string { return "mfa/" + serial }

// MFASeed makes a seed for a device, as base32 text.
func MFASeed(rand io.Reader) seal.Secret {
	var b [seedBytes]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		panic("directory: no randomness: " + err.Error()) // as package seal does
	}
	return seal.NewSecret(base32.StdEncoding.EncodeToString(b[:]))
}

// MFADevice is the account's virtual device of that serial number, or NotFound.
func (s *Snapshot) MFADevice(account, serial string) (*MFADevice, error) {
	if rest, ours := strings.CutPrefix(serial, mfaPrefix(account)); ours {
		if r := s.get(account, kindMFA, rest); r != nil {
			return decode[MFADevice](r)
		}
	}
	return nil, &NotFound{Kind: KindMFA, Name: serial}
}

// MFADevices calls fn for the account's virtual devices in the order of their
// serial numbers, after the one given, until fn says no.
func (s *Snapshot) MFADevices(account, after string, fn func(*MFADevice) bool) error {
	var failed error
	s.scan(recordKey(account, kindMFA, ""), strings.TrimPrefix(after, mfaPrefix(account)), func(_ string, r *Record) bool {
		var v *MFADevice
		if v, failed = decode[MFADevice](r); failed != nil {
			return false
		}
		return fn(v)
	})
	return failed
}

// MFADevice gives the virtual device of that serial number to be read and
// changed, or NotFound.
func (tx *Tx) MFADevice(serial string) (*MFADevice, error) {
	if rest, ours := strings.CutPrefix(serial, mfaPrefix(tx.account)); ours {
		if r := tx.read(recordKey(tx.account, kindMFA, rest)); r != nil {
			v, err := decode[MFADevice](r)
			if err != nil {
				return nil, err
			}
			editable := *v
			return &editable, nil
		}
	}
	return nil, &NotFound{Kind: KindMFA, Name: serial}
}

func (tx *Tx) mfaKey(serial string) string {
	return recordKey(tx.account, kindMFA, strings.TrimPrefix(serial, mfaPrefix(tx.account)))
}

func (tx *Tx) saveMFA(v *MFADevice) { tx.put(tx.mfaKey(v.Serial()), encode(v)) }

// CreateMFADevice makes a virtual device of that seed, in base32, for nobody
// yet. Exists, LimitExceeded.
func (tx *Tx) CreateMFADevice(path, name string, seed seal.Secret, tags []Tag) (*MFADevice, error) {
	v := &MFADevice{Format: recordFormat, Path: path, Name: name, Created: tx.now, account: tx.account}
	serial := v.Serial()
	if tx.read(tx.mfaKey(serial)) != nil {
		return nil, &Exists{Kind: KindMFA, Name: serial}
	}
	var err error
	if v.Tags, err = tx.mergeTags(nil, tags, false); err != nil {
		return nil, err
	}
	if v.Sealed, err = tx.snap.d.box.Seal([]byte(seed.Reveal()), mfaContext(serial)); err != nil {
		return nil, err
	}
	tx.saveMFA(v)
	return v, nil
}

// EnableMFA gives the device to the user, who shows two consecutive codes of
// it. NotFound, LimitExceeded, ErrMFACode; Exists, where it has a user.
func (tx *Tx) EnableMFA(u *User, serial, code1, code2 string) error {
	v, err := tx.MFADevice(serial)
	if err != nil {
		return err
	}
	if v.Owner != "" {
		return &Exists{Kind: KindEnabledMFA, Name: serial}
	}
	if err := tx.within(QuotaMFA, len(u.MFA)+1); err != nil {
		return err
	}
	if err := tx.synchronise(v, code1, code2); err != nil {
		return err
	}
	v.Owner, v.Enabled = u.ID, tx.now
	tx.saveMFA(v)
	u.MFA = append(slices.Clone(u.MFA), EnabledMFA{Serial: serial, Enabled: tx.now})
	tx.save(u)
	return nil
}

// ResyncMFA learns from two consecutive codes how far the clock of the user's
// device is from ours. NotFound, ErrMFACode.
func (tx *Tx) ResyncMFA(u *User, serial, code1, code2 string) error {
	v, err := tx.mfaOf(u, serial)
	if err != nil {
		return err
	}
	if err := tx.synchronise(v, code1, code2); err != nil {
		return err
	}
	tx.saveMFA(v)
	return nil
}

// mfaOf is the user's device of that serial number, or NotFound.
func (tx *Tx) mfaOf(u *User, serial string) (*MFADevice, error) {
	v, err := tx.MFADevice(serial)
	if err == nil && v.Owner != u.ID {
		return nil, &NotFound{Kind: KindMFA, Name: serial}
	}
	return v, err
}

// synchronise finds the two codes and notes where, nearest to now first.
func (tx *Tx) synchronise(v *MFADevice, code1, code2 string) error {
	seed, err := tx.snap.d.mfaSeed(v)
	if err != nil {
		return err
	}
	now := tx.now.Unix() / stepSeconds
	for far := range int64(searchSteps + 1) {
		for _, first := range [...]int64{now - 1 - far, now - 1 + far} {
			if first <= v.Last || !codeIs(seed, first, code1) || !codeIs(seed, first+1, code2) {
				continue
			}
			v.Offset, v.Last, v.Failed, v.FailedIn = first+1-now, first+1, 0, 0
			if v.Offset >= -driftSteps && v.Offset <= driftSteps {
				v.Offset = 0 // reading and typing take time
			}
			return nil
		}
	}
	return ErrMFACode
}

func (d *Directory) mfaSeed(v *MFADevice) (string, error) {
	seed, err := d.box.Open(v.Sealed, mfaContext(v.Serial()))
	return string(seed), err
}

// codeIs says, in constant time, whether the code is that of the step.
func codeIs(seed string, step int64, code string) bool {
	if step < 0 {
		return false
	}
	want, err := hotp.GenerateCodeCustom(seed, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	return err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1
}

// VerifyMFA verifies that the code is what the user's device of that serial
// number shows now, and takes it: no code is good twice, on whatever node.
// NotFound, where the user has no such device; ErrMFACode.
func (d *Directory) VerifyMFA(ctx context.Context, account, userID, serial, code string) error {
	var refused error
	err := d.Update(ctx, account, func(tx *Tx) error {
		refused = nil
		v, err := tx.MFADevice(serial)
		if err != nil {
			return err
		}
		if v.Owner == "" || v.Owner != userID {
			return &NotFound{Kind: KindMFA, Name: serial}
		}
		seed, err := d.mfaSeed(v)
		if err != nil {
			return err
		}
		refused = v.take(tx, seed, code) // what a wrong code leaves behind is stored too
		return nil
	})
	if err != nil {
		return err
	}
	return refused
}

// take takes the code, or notes that it was wrong.
func (v *MFADevice) take(tx *Tx, seed, code string) error {
	now := tx.now.Unix() / stepSeconds
	if v.FailedIn != now {
		v.Failed, v.FailedIn = 0, now
	}
	if v.Failed >= maxFailed {
		return ErrMFACode
	}
	at := now + v.Offset
	for step := max(at-driftSteps, v.Last+1); step <= at+driftSteps; step++ {
		if codeIs(seed, step, code) {
			v.Last = step
			tx.saveMFA(v)
			return nil
		}
	}
	v.Failed++
	tx.saveMFA(v)
	return ErrMFACode
}

// DeactivateMFA takes the device from the user. A virtual one stays, for
// nobody; an authenticator must be registered again. NotFound.
func (tx *Tx) DeactivateMFA(u *User, serial string) error {
	i := slices.IndexFunc(u.MFA, func(m EnabledMFA) bool { return m.Serial == serial })
	if i < 0 {
		return &NotFound{Kind: KindMFA, Name: serial}
	}
	u.MFA = slices.Delete(slices.Clone(u.MFA), i, i+1)
	tx.save(u)
	if strings.HasPrefix(serial, passkeyPrefix(tx.account)) {
		tx.delete(tx.passkeyKey(serial))
		return nil
	}
	v, err := tx.mfaOf(u, serial)
	if err != nil {
		return err
	}
	v.Owner, v.Enabled, v.Offset, v.Last = "", time.Time{}, 0, 0
	tx.saveMFA(v)
	return nil
}

// DeleteMFADevice deletes a device that nobody has, or says InUse.
func (tx *Tx) DeleteMFADevice(v *MFADevice) error {
	if v.Owner != "" {
		return &InUse{KindMFA, UseUser}
	}
	tx.delete(tx.mfaKey(v.Serial()))
	return nil
}

// TagMFADevice adds tags or replaces those of the same key.
func (tx *Tx) TagMFADevice(v *MFADevice, tags []Tag) error {
	merged, err := tx.mergeTags(v.Tags, tags, false)
	if err != nil {
		return err
	}
	v.Tags = merged
	tx.saveMFA(v)
	return nil
}

// UntagMFADevice drops tags; keys that aren't there are no error.
func (tx *Tx) UntagMFADevice(v *MFADevice, keys []string) {
	v.Tags = withoutTags(v.Tags, keys, false)
	tx.saveMFA(v)
}
