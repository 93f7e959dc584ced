package directory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// LastUsed tells when an access key last signed a request, and for what.
type LastUsed struct {
	Format  int       `json:"v"`
	Time    time.Time `json:"t"`
	Service string    `json:"service"` // of the credential scope
	Region  string    `json:"region"`
}

// useCell is the last use of one key in one word, shared by all versions of
// the key's owner: whether it is yet to be stored, the second of use, and the
// numbers of service and region in useNames.
type useCell struct{ word atomic.Uint64 }

const (
	useDirty    = 1 << 63
	useNameBits = 14
	useNameMask = 1<<useNameBits - 1
	useTimeBits = 63 - 2*useNameBits
)

func packUse(second int64, service, region uint64) uint64 {
	return uint64(second)&(1<<useTimeBits-1)<<(2*useNameBits) | service<<useNameBits | region
}

func unpackUse(w uint64) (second int64, service, region uint64) {
	w &^= useDirty
	return int64(w >> (2 * useNameBits)), w >> useNameBits & useNameMask, w & useNameMask
}

// lastUse is what all cells share.
type lastUse struct {
	names useNames

	mu    sync.Mutex
	dirty []*keyRecord // cells to store

	roles sync.Map // of a role's id to its *roleUse
	acts  sync.Map // of a user's or role's id to its *accessNotes
}

// useNames numbers service and region names. Number 0 is what has no room left.
type useNames struct {
	list atomic.Pointer[[]string] // replaced, never changed
	mu   sync.Mutex               // held while a name is added
}

const unknownUse = "N/A"

func (n *useNames) at(i uint64) string {
	if list := n.list.Load(); list != nil && int(i) < len(*list) {
		return (*list)[i]
	}
	return unknownUse
}

func (n *useNames) number(name string) uint64 {
	if i := n.find(name); i > 0 {
		return i
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := n.find(name); i > 0 {
		return i
	}
	list := []string{unknownUse}
	if old := n.list.Load(); old != nil {
		list = slices.Clone(*old)
	}
	if len(list) > useNameMask {
		return 0
	}
	list = append(list, name)
	n.list.Store(&list)
	return uint64(len(list) - 1)
}

func (n *useNames) find(name string) uint64 {
	if list := n.list.Load(); list != nil {
		return uint64(max(0, slices.Index(*list, name)))
	}
	return 0
}

// Touch notes that the key signs a request now. It is kept in memory, to the
// minute where nothing else changes, and stored by FlushLastUsed.
func (c *Credential) Touch(now time.Time, service, region string) {
	if !c.d.use.touch(&c.key.used, now, service, region) {
		return
	}
	c.d.use.mu.Lock()
	c.d.use.dirty = append(c.d.use.dirty, c.key)
	c.d.use.mu.Unlock()
}

// touch notes a use in a cell. It reports whether the cell has become one to store.
func (u *lastUse) touch(c *useCell, now time.Time, service, region string) bool {
	names, cell := &u.names, &c.word
	old := cell.Load()
	second, s, r := unpackUse(old)
	if now.Unix()/60 == second/60 && names.at(s) == service && names.at(r) == region {
		return false
	}
	w := packUse(now.Unix(), names.number(service), names.number(region)) | useDirty
	// Whoever loses here used the key in the same moment.
	return cell.CompareAndSwap(old, w) && old&useDirty == 0
}

// LastUsed is the last use of a key that Credential found; ok is false before the first.
func (c *Credential) LastUsed(s *Snapshot) (use LastUsed, ok bool, err error) {
	if w := c.key.used.word.Load(); w != 0 {
		return c.d.use.unpack(w), true, nil
	}
	r := s.get(c.key.account, kindUsed, c.KeyID)
	if r == nil {
		return LastUsed{}, false, nil
	}
	stored, err := decode[LastUsed](r)
	if err != nil {
		return LastUsed{}, false, err
	}
	return *stored, true, nil
}

func (u *lastUse) unpack(w uint64) LastUsed {
	second, s, r := unpackUse(w)
	return LastUsed{Format: recordFormat, Time: time.Unix(second, 0).UTC(), Service: u.names.at(s), Region: u.names.at(r)}
}

// flushBatch keeps a transaction of uses under the store's limit of operations.
const flushBatch = 50

// FlushLastUsed stores the uses noted since the last call. What could not be
// stored is tried again by the next call.
func (d *Directory) FlushLastUsed(ctx context.Context) error {
	d.use.mu.Lock()
	keys := distinct(d.use.dirty)
	d.use.dirty = nil
	d.use.mu.Unlock()
	errs := []error{d.flushRoles(ctx), d.flushAccess(ctx)}
	for batch := range slices.Chunk(keys, flushBatch) {
		if err := d.storeUses(ctx, batch); err != nil {
			errs = append(errs, err)
			d.use.mu.Lock()
			d.use.dirty = append(d.use.dirty, batch...)
			d.use.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

// distinct drops repetitions: a key is noted twice where storing it failed.
func distinct(keys []*keyRecord) []*keyRecord {
	seen := make(map[*keyRecord]bool, len(keys))
	return slices.DeleteFunc(keys, func(k *keyRecord) bool {
		again := seen[k]
		seen[k] = true
		return again
	})
}

// storeUses writes the uses of some keys. It relies on the keys' records, so
// that a key deleted meanwhile leaves nothing behind.
func (d *Directory) storeUses(ctx context.Context, keys []*keyRecord) error {
	for range maxAttempts {
		var txn store.Txn
		snap := d.Snapshot()
		for _, k := range keys {
			r := snap.get(k.account, kindKey, k.id)
			if r == nil || r.decoded.Load() != any(k) {
				continue // deleted, or made anew
			}
			w := k.used.word.Load()
			txn.If = append(txn.If, store.Cond{Key: r.Key, Rev: r.Rev})
			txn.Do = append(txn.Do, store.Op{Key: recordKey(k.account, kindUsed, k.id), Value: encode(d.use.unpack(w))})
			k.used.word.CompareAndSwap(w, w&^useDirty)
		}
		if len(txn.Do) == 0 {
			return nil
		}
		_, err := d.store.Commit(ctx, txn)
		conflict, lost := errors.AsType[*store.ConflictError](err)
		if !lost {
			return err
		}
		if err := d.seen(ctx, conflict.Rev); err != nil {
			return err
		}
	}
	return ErrBusy
}
