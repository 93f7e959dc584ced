package directory

import (
	"encoding/binary"
	"strings"

	"github.com/tidwall/btree"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Snapshot is the whole directory at one revision. It never changes: whoever
// holds one sees one state, takes no lock and waits for nobody.
type Snapshot struct {
	Rev     store.Revision
	records trie
	ordered *btree.BTreeG[*entry] // the listed kinds, in order of packed keys
	// policyEpoch is the revision that last changed a group, a managed policy or
	// an account's settings: what was derived from them since is still true.
	policyEpoch store.Revision
	// orgEpoch is that of organizations; 0 while there never was one.
	orgEpoch store.Revision
	// limitsKeys: some account has, or had, a greatest age of access keys.
	limitsKeys bool
	d          *Directory
}

func emptySnapshot(d *Directory) *Snapshot {
	return &Snapshot{ordered: btree.NewBTreeGOptions(packedBefore, btree.Options{NoLocks: true}), d: d}
}

// apply gives the snapshot after those events, which must follow its revision.
func (s *Snapshot) apply(events []store.Event) *Snapshot {
	next := &Snapshot{Rev: s.Rev, records: s.records, ordered: s.ordered.Copy(), policyEpoch: s.policyEpoch, orgEpoch: s.orgEpoch, limitsKeys: s.limitsKeys, d: s.d}
	e := new(edit)
	for _, ev := range events {
		for _, c := range ev.Records {
			next.change(c, ev.Rev, e)
		}
		next.Rev = ev.Rev
	}
	return next
}

func (s *Snapshot) change(c store.Change, rev store.Revision, e *edit) {
	_, kind := splitKey(c.Key)
	if kind == kindOutbox {
		return
	}
	if decides(kind) {
		s.policyEpoch = rev
	}
	if governs(kind) {
		s.orgEpoch = rev
	}
	if c.Deleted {
		s.records = s.records.without(c.Key, e)
		if listed(kind) {
			s.ordered.Delete(pivot(c.Key))
		}
		return
	}
	s.add(c.Key, c.Value, rev, kind, nil, e)
}

// add puts a record in, packed: the entry of old where that has the same one,
// and with it all that was derived from the record.
func (s *Snapshot) add(key string, value []byte, rev store.Revision, kind string, old *Snapshot, e *edit) {
	b := e.encode(key, value, rev)
	en := old.same(b)
	if en == nil {
		en = e.entry(b)
	}
	s.records = s.records.with(en, e)
	if governs(kind) {
		s.orgEpoch = max(s.orgEpoch, rev)
	}
	if kind == kindAccount && limitsKeys(value) {
		s.limitsKeys = true
	}
	if listed(kind) {
		s.ordered.Set(en)
	}
}

// same gives the entry of a packed record, or nil.
func (s *Snapshot) same(packed []byte) *entry {
	if s == nil {
		return nil
	}
	n, w := binary.Uvarint(packed)
	if e := s.records.find(packed[w : w+int(n)]); e != nil && e.packed == string(packed) {
		return e
	}
	return nil
}

// pivot is an entry to look for a key with.
func pivot(key string) *entry { return new(arena).pack(key, nil, 0) }

// get gives the record whose key is made of these parts, or nil.
func (s *Snapshot) get(account, kind, rest string) *Record {
	var buf [160]byte
	key := append(buf[:0], account...)
	key = append(key, '/')
	key = append(key, kind...)
	if rest != "" {
		key = append(key, '/')
		key = append(key, rest...)
	}
	return s.records.get(key)
}

// scan calls fn for the listed records under a prefix, in order, from the
// first key after the one given (both without the prefix), until fn says no.
func (s *Snapshot) scan(prefix, after string, fn func(rest string, r *Record) bool) {
	packed := string(packKey(nil, []byte(prefix)))
	s.ordered.Ascend(pivot(prefix+after), func(e *entry) bool {
		if !strings.HasPrefix(e.key(), packed) {
			return false
		}
		r := e.look()
		rest := r.Key[len(prefix):]
		if after != "" && rest == after {
			return true
		}
		return fn(rest, r)
	})
}

// count says how many listed records stand under a prefix.
func (s *Snapshot) count(prefix string) int {
	packed, n := string(packKey(nil, []byte(prefix))), 0
	s.ordered.Ascend(pivot(prefix), func(e *entry) bool {
		if !strings.HasPrefix(e.key(), packed) {
			return false
		}
		n++
		return true
	})
	return n
}
