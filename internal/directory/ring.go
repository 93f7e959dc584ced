package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
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

// ring is what the key ring is opened with, and what was last opened. Its lock is
// held from the choice of a ring until what it opens as is in use, so that of two
// at once the newer one stays.
type ring struct {
	mu      sync.Mutex // guards the fields below
	masters []seal.MasterKey
	sealed  []byte // the newest that the feed brought, whether it opened or not
}

// know adds a master key to those that a ring is opened with.
func (r *ring) know(m seal.MasterKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.masters = append(r.masters, m)
}

// open opens a ring, the newest there is, with any of the master keys, and hands
// it to use.
func (r *ring) open(sealed []byte, use func(seal.Box)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sealed != nil && bytes.Equal(r.sealed, sealed) {
		return nil
	}
	r.sealed = sealed
	var err error
	for _, m := range r.masters {
		var box seal.Box
		if box, err = m.OpenRing(sealed); err == nil {
			use(box)
			return nil
		}
	}
	return err
}

// adopt opens the newest ring with another master key, which is known from then
// on, and hands it to use. It reports whether that key opens it.
func (r *ring) adopt(m seal.MasterKey, use func(seal.Box)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	box, err := m.OpenRing(r.sealed)
	if err != nil {
		return false
	}
	r.masters = append(r.masters, m)
	use(box)
	return true
}

// openRing opens the key ring that seals secrets and session tokens, and makes
// it where the store is new. It takes from the watcher what it waits for.
func (d *Directory) openRing(ctx context.Context, w store.Watcher) error {
	for {
		if r := d.Snapshot().get(deployment, ringKind, ""); r != nil {
			return d.ring.open(r.Value, func(b seal.Box) { d.box = b })
		}
		sealed, _, err := d.opts.Master.NewRing(d.opts.Rand)
		if err != nil {
			return fmt.Errorf("make a key ring: %w", err)
		}
		rev, err := d.store.Commit(ctx, store.Txn{
			If: []store.Cond{{Key: ringKey}},
			Do: []store.Op{{Key: ringKey, Value: sealed}},
		})
		if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
			rev, err = conflict.Rev, nil // another node made it first
		}
		for err == nil && d.Snapshot().Rev < rev {
			err = d.advance(ctx, w)
		}
		if err != nil {
			return fmt.Errorf("make the key ring: %w", err)
		}
	}
}

// ringApplied takes over the ring that the feed brought. One under a master key
// that isn't known here has, but for keys that were added since, the same keys
// as the one in use, which stays.
func (d *Directory) ringApplied(r *Record) {
	if r == nil || d.box == (seal.Box{}) {
		return
	}
	if err := d.ring.open(r.Value, d.box.Replace); err != nil {
		d.opts.Log.Error("the key ring was sealed under a master key that this node does not have: copy the new master key to it", "error", err)
	}
}

// Adopt takes another master key to open the key ring with, and opens the newest
// ring that the node knows of. It reports whether that key opens it; one that
// doesn't is not kept.
func (d *Directory) Adopt(m seal.MasterKey) bool { return d.ring.adopt(m, d.box.Replace) }

// HasRing reports whether a store has a key ring: whatever is sealed in it needs
// the ring's master key.
func HasRing(ctx context.Context, st store.Store) (has bool, err error) {
	_, err = st.Scan(ctx, ringKey, 0, func(r store.Record) error {
		has = has || r.Key == ringKey
		return nil
	})
	return has, err
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
	d.ring.know(to)
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
		if sealed, _, err = master.RotateRing(d.opts.Rand, ring.Value); err != nil {
			return err
		}
		tx.put(ringKey, sealed)
		tx.put(rotatedKey, encode(rotated{Format: recordFormat, Time: tx.now}))
		done = true
		return nil
	})
	return done && err == nil, err
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
