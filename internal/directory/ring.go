package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

const (
	// rotatedKind is the record that says when the newest key of the ring was
	// made. Its key must not begin with ringKey.
	rotatedKind = "rotated"
	rotatedKey  = deployment + "/" + rotatedKind
)

// rotated is the value of rotatedKey.
type rotated struct {
	Format int       `json:"v"`
	Time   time.Time `json:"t"`
}

// OpensRing reports whether the store's key ring opens with that master key;
// any does where there is no ring yet.
func OpensRing(ctx context.Context, st store.Store, master seal.MasterKey) (bool, error) {
	opens := true
	_, err := st.Scan(ctx, ringKey, 0, func(r store.Record) error {
		_, err := master.OpenRing(r.Value)
		if r.Key == ringKey {
			opens = err == nil
		}
		return nil
	})
	return opens, err
}

// RewrapRing seals the key ring under another master key. What the ring's keys
// have sealed is not touched.
func (d *Directory) RewrapRing(ctx context.Context, from, to seal.MasterKey) error {
	return d.Update(ctx, deployment, func(tx *Tx) error {
		r := tx.read(ringKey)
		if r == nil {
			return errNoRing
		}
		sealed, err := from.RewrapRing(r.Value, to)
		if err != nil {
			return err
		}
		tx.put(ringKey, sealed)
		return nil
	})
}

var errNoRing = errors.New("there is no key ring")

// RotateRing gives the key ring a new key where its newest is older than life,
// and reports whether it did. The new key seals from now on; what older ones
// have sealed, secrets and session tokens, opens as before.
func (d *Directory) RotateRing(ctx context.Context, master seal.MasterKey, life time.Duration) (done bool, err error) {
	var box seal.Box
	err = d.Update(ctx, deployment, func(tx *Tx) error {
		ring := tx.read(ringKey)
		if ring == nil {
			return errNoRing
		}
		var due bool
		if due, err = tx.ringDue(life); err != nil || !due {
			done = false
			return err
		}
		var sealed []byte
		if sealed, box, err = master.RotateRing(d.opts.Rand, ring.Value); err != nil {
			return err
		}
		tx.put(ringKey, sealed)
		tx.put(rotatedKey, encode(rotated{Format: recordFormat, Time: tx.now}))
		done = true
		return nil
	})
	if err != nil {
		return false, err
	}
	if done {
		d.box.Replace(box)
	}
	return done, nil
}

// ringDue reports whether the ring's newest key is older than life. Of a ring
// whose age is not known it is noted that it is as old as now.
func (tx *Tx) ringDue(life time.Duration) (bool, error) {
	r := tx.read(rotatedKey)
	if r == nil {
		tx.put(rotatedKey, encode(rotated{Format: recordFormat, Time: tx.now}))
		return false, nil
	}
	var last rotated
	if err := json.Unmarshal(r.Value, &last); err != nil {
		return false, fmt.Errorf("record %s: %w", rotatedKey, err)
	}
	return tx.now.Sub(last.Time) > life, nil
}
