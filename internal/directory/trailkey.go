package directory

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// trailKey is the record of the key that signs the trail's digests.
type trailKey struct {
	Format int       `json:"v"`
	Public []byte    `json:"public"` // PKCS #1
	Sealed []byte    `json:"sealed"` // PKCS #1, sealed
	Made   time.Time `json:"made"`
}

const (
	trailKeyBits    = 2048
	trailKeyContext = "trailkey"
)

func trailKeyKey() string { return recordKey(deployment, kindTrail, "trail") }

// TrailKey is the deployment's key that signs the trail's digests, and when it
// was made. It is made when it is first asked for, which takes a while.
func (d *Directory) TrailKey(ctx context.Context) (key *rsa.PrivateKey, made time.Time, err error) {
	if k, err := d.Snapshot().trailKey(); k != nil || err != nil {
		return d.openTrailKey(k, err)
	}
	fresh, err := rsa.GenerateKey(d.opts.Rand, trailKeyBits)
	if err != nil {
		return nil, made, fmt.Errorf("make the key that signs digests: %w", err)
	}
	sealed, err := d.box.Seal(x509.MarshalPKCS1PrivateKey(fresh), trailKeyContext)
	if err != nil {
		return nil, made, err
	}
	err = d.Update(ctx, deployment, func(tx *Tx) error {
		if tx.read(trailKeyKey()) == nil { // else another node was first
			tx.put(trailKeyKey(), encode(trailKey{Format: recordFormat, Public: x509.MarshalPKCS1PublicKey(&fresh.PublicKey), Sealed: sealed, Made: tx.now}))
		}
		return nil
	})
	if err != nil {
		return nil, made, err
	}
	return d.openTrailKey(d.Snapshot().trailKey())
}

// HasTrailKey reports whether TrailKey has been asked for before.
func (s *Snapshot) HasTrailKey() bool {
	k, err := s.trailKey()
	return k != nil && err == nil
}

func (s *Snapshot) trailKey() (*trailKey, error) {
	r := s.get(deployment, kindTrail, "trail")
	if r == nil {
		return nil, nil
	}
	return decode[trailKey](r)
}

func (d *Directory) openTrailKey(k *trailKey, err error) (*rsa.PrivateKey, time.Time, error) {
	if err != nil || k == nil {
		return nil, time.Time{}, errors.Join(err, errors.New("the key that signs digests is missing"))
	}
	plain, err := d.box.Open(k.Sealed, trailKeyContext)
	if err != nil {
		return nil, k.Made, fmt.Errorf("the key that signs digests: %w", err)
	}
	key, err := x509.ParsePKCS1PrivateKey(plain)
	return key, k.Made, err
}

// TrailPublicKey reads from a store the public key that the trail's digests are
// signed with; nil where there is none.
func TrailPublicKey(ctx context.Context, st store.Store) (key *rsa.PublicKey, err error) {
	_, err = st.Scan(ctx, trailKeyKey(), 0, func(r store.Record) error {
		var k trailKey
		if err := json.Unmarshal(r.Value, &k); err != nil {
			return fmt.Errorf("record %s: %w", r.Key, err)
		}
		var err error
		key, err = x509.ParsePKCS1PublicKey(k.Public)
		return err
	})
	return key, err
}

// SetTrailDays sets how many days the account's events are kept; 0 means as many
// as the server's configuration says.
func (tx *Tx) SetTrailDays(days int) error {
	a, err := tx.accountRecord()
	if err != nil {
		return err
	}
	a.TrailDays = days
	tx.saveAccount(&a)
	return nil
}

// TrailDays are how many days the events of accounts are kept that have a time
// of their own.
func (s *Snapshot) TrailDays() (map[string]int, error) {
	days := map[string]int{}
	for _, id := range s.Accounts() {
		a, err := s.Account(id)
		if err != nil {
			return nil, err
		}
		if a != nil && a.TrailDays > 0 {
			days[id] = a.TrailDays
		}
	}
	return days, nil
}

// StoredTrailDays reads what TrailDays says from a store.
func StoredTrailDays(ctx context.Context, st store.Store) (map[string]int, error) {
	var ids []string
	_, err := st.Scan(ctx, accountIndex, 0, func(r store.Record) error {
		ids = append(ids, strings.TrimPrefix(r.Key, accountIndex))
		return nil
	})
	if err != nil {
		return nil, err
	}
	days := map[string]int{}
	for _, id := range ids {
		_, err := st.Scan(ctx, accountKey(id), 0, func(r store.Record) error {
			var a Account
			if err := json.Unmarshal(r.Value, &a); err != nil {
				return fmt.Errorf("record %s: %w", r.Key, err)
			}
			if r.Key == accountKey(id) && a.TrailDays > 0 {
				days[id] = a.TrailDays
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return days, nil
}

func (c *Checker) checkTrailKey(r *Record) {
	k := new(trailKey)
	if c.readable(r, k) {
		c.opensFor(r, k.Sealed, trailKeyContext)
	}
}
