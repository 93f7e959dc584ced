package directory

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// KeyExpiryTag is the beginning of a tag of a user that says when one of its
// access keys expires: the key's id follows, and the value is a date
// (2030-01-31, from midnight UTC on) or a time (RFC 3339). A key that has
// expired is as an inactive one.
const KeyExpiryTag = "sallyport:access-key-expires:"

// keyNotice is how long before a key expires it is said in the log.
const keyNotice = 14 * 24 * time.Hour

// BadKeyExpiry: the value of a tag that says when a key expires is no time.
type BadKeyExpiry struct{ Value string }

func (e *BadKeyExpiry) Error() string { return fmt.Sprintf("%q is neither a date nor a time", e.Value) }

// keyExpiryOf gives the key id and the time of a tag that is a KeyExpiryTag.
// What can't be read has expired.
func keyExpiryOf(t Tag) (id string, at time.Time, ok bool, err error) {
	if len(t.Key) <= len(KeyExpiryTag) || !strings.EqualFold(t.Key[:len(KeyExpiryTag)], KeyExpiryTag) {
		return "", time.Time{}, false, nil
	}
	id = strings.ToUpper(t.Key[len(KeyExpiryTag):])
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err = time.Parse(layout, t.Value); err == nil {
			return id, at.UTC(), true, nil
		}
	}
	return id, time.Time{}, true, &BadKeyExpiry{t.Value}
}

// taggedExpiries are the times that a user's tags say, by key id; nil where
// they say none.
func taggedExpiries(tags []Tag) map[string]time.Time {
	var all map[string]time.Time
	for _, t := range tags {
		if id, at, ok, _ := keyExpiryOf(t); ok {
			if all == nil {
				all = map[string]time.Time{}
			}
			all[id] = at
		}
	}
	return all
}

// limitsKeys reports whether an account's record sets a greatest age of keys.
func limitsKeys(record []byte) bool { return bytes.Contains(record, []byte(`"keyMaxAge"`)) }

// SetKeyMaxAge sets after how many days the access keys of the account's users
// expire; 0 means never. The root user's don't.
func (tx *Tx) SetKeyMaxAge(days int) error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	a.KeyMaxAge = days
	tx.saveAccount(&a)
	return nil
}

// KeyExpires is when an access key of the user expires; ok is false where it
// never does.
func (s *Snapshot) KeyExpires(u *User, k AccessKey) (at time.Time, ok bool) {
	if u.expiries != nil {
		at, ok = u.expiries[strings.ToUpper(k.ID)]
	}
	if !s.limitsKeys || u.Root() {
		return at, ok
	}
	a, err := s.Account(u.account)
	if err != nil || a == nil {
		return time.Time{}, true
	}
	if a.KeyMaxAge > 0 {
		if aged := k.Created.AddDate(0, 0, a.KeyMaxAge); !ok || aged.Before(at) {
			return aged, true
		}
	}
	return at, ok
}

// KeysExpire reports whether access keys of the account's users expire: all, by
// the account's greatest age, or some, by their users' tags.
func (s *Snapshot) KeysExpire(a *Account) (bool, error) {
	found := a.KeyMaxAge > 0
	if found {
		return true, nil
	}
	err := s.Users(a.ID, "", "", func(u *User) bool {
		found = len(u.expiries) > 0
		return !found
	})
	return found, err
}

// KeyActive reports whether requests that an access key of the user has signed
// are to be accepted at that time.
func (s *Snapshot) KeyActive(u *User, k AccessKey, now time.Time) bool {
	if k.Inactive {
		return false
	}
	if u.expiries == nil && !s.limitsKeys {
		return true
	}
	at, expires := s.KeyExpires(u, k)
	return !expires || now.Before(at)
}

// ShownTags are the user's tags, and for each key that expires because of the
// account's greatest age one that says when.
func (s *Snapshot) ShownTags(u *User) []Tag {
	if !s.limitsKeys || len(u.Keys) == 0 {
		return u.Tags
	}
	tags := u.Tags[:len(u.Tags):len(u.Tags)]
	for _, k := range u.Keys {
		if at, expires := s.KeyExpires(u, k); expires && tagIndex(u.Tags, KeyExpiryTag+k.ID, true) < 0 {
			tags = append(tags, Tag{Key: KeyExpiryTag + k.ID, Value: at.Format(time.RFC3339)})
		}
	}
	return tags
}

// announceExpiry says in the log, once a day while the key is used, that it
// expires soon.
func (c *Credential) announceExpiry(now time.Time) {
	if c.Owner.expiries == nil && !c.d.Snapshot().limitsKeys {
		return
	}
	i := c.Owner.keyIndex(c.KeyID)
	if i < 0 {
		return
	}
	at, expires := c.d.Snapshot().KeyExpires(c.Owner, c.Owner.Keys[i])
	day := now.Unix() / (24 * 60 * 60)
	if !expires || at.Sub(now) > keyNotice || c.key.announced.Swap(day) == day {
		return
	}
	c.d.opts.Log.Warn("an access key that is in use expires soon", "account", c.Owner.account, "user", c.Owner.Name, "key", c.KeyID, "expires", at.Format(time.RFC3339))
}
