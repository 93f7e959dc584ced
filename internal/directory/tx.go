package directory

import (
	"context"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// Tx is a transaction on one account. It reads from one snapshot and its own
// writes, and relies on every record that it read. It belongs to the goroutine
// that runs it.
type Tx struct {
	snap    *Snapshot
	account string
	now     time.Time
	relied  map[string]store.Revision
	writes  map[string]store.Op
	order   []string // keys of writes, in the order of the first write

	original Original        // that the next entity is to be like
	restores bool            // trust policies may name what is gone
	replaces bool            // a record is deleted or replaced
	event    *store.Op       // for the outbox, or nil
	report   *store.Revision // gets the revision of the commit, where not nil
}

func (d *Directory) begin(account string) *Tx {
	return &Tx{
		snap:    d.Snapshot(),
		account: account,
		now:     wholeSeconds(d.opts.Now()),
		relied:  map[string]store.Revision{},
		writes:  map[string]store.Op{},
	}
}

// Snapshot is the state that the transaction decides from.
func (tx *Tx) Snapshot() *Snapshot { return tx.snap }

// Report has the revision that the transaction makes written to rev, when it is
// stored.
func (tx *Tx) Report(rev *Revision) { tx.report = rev }

// Now is the time of the transaction, in whole seconds.
func (tx *Tx) Now() time.Time { return tx.now }

func (tx *Tx) newID(prefix string) string {
	return seal.UniqueID(tx.snap.d.opts.Rand, prefix, tx.account)
}

// read gives the record of a key, or nil, and relies on it.
func (tx *Tx) read(key string) *Record {
	if op, ok := tx.writes[key]; ok {
		if op.Delete {
			return nil
		}
		return &Record{Key: key, Value: op.Value}
	}
	r := tx.stored(key)
	if r == nil {
		tx.relied[key] = 0
		return nil
	}
	tx.relied[key] = r.Rev
	return r
}

// put writes a record. What is put without having been read is put whatever
// stands there. What a later version has added to the record stays in it.
func (tx *Tx) put(key string, value []byte) {
	if old := tx.stored(key); old != nil {
		tx.replaces = true
		value = tx.snap.d.fields.keepUnknown(old, value)
	}
	tx.write(store.Op{Key: key, Value: value})
}

func (tx *Tx) delete(key string) {
	tx.replaces = tx.replaces || tx.stored(key) != nil
	tx.write(store.Op{Key: key, Delete: true})
}

// stored is the record that the transaction finds under a key, or nil.
func (tx *Tx) stored(key string) *Record { return tx.snap.records.get([]byte(key)) }

func (tx *Tx) write(op store.Op) {
	if _, again := tx.writes[op.Key]; !again {
		tx.order = append(tx.order, op.Key)
	}
	tx.writes[op.Key] = op
}

// Writes reports whether the transaction has written anything.
func (tx *Tx) Writes() bool { return len(tx.order) > 0 }

// commit stores the writes. A transaction that wrote nothing is not stored.
func (tx *Tx) commit(ctx context.Context) (store.Revision, error) {
	if len(tx.order) == 0 {
		return 0, nil
	}
	if tx.confirms() {
		tx.put(confirmKey(tx.account), tx.snap.d.nodes.confirmRequest())
	}
	if tx.event != nil {
		tx.write(*tx.event)
	}
	txn := store.Txn{Do: make([]store.Op, 0, len(tx.order)), If: make([]store.Cond, 0, len(tx.relied))}
	for _, key := range tx.order {
		txn.Do = append(txn.Do, tx.writes[key])
	}
	for key, rev := range tx.relied {
		txn.If = append(txn.If, store.Cond{Key: key, Rev: rev})
	}
	return tx.snap.d.store.Commit(ctx, txn)
}

// usage reads a counter record.
func (tx *Tx) usage(key string) (usage, error) {
	r := tx.read(key)
	if r == nil {
		return usage{Format: recordFormat}, nil
	}
	u, err := decode[usage](r)
	if err != nil {
		return usage{}, err
	}
	return *u, nil
}

// count adds to a counter record, which goes when it comes to nothing.
func (tx *Tx) count(key string, uses, boundaries int) error {
	u, err := tx.usage(key)
	if err != nil {
		return err
	}
	u.Count += uses
	u.Boundary += boundaries
	if u.Count <= 0 && u.Boundary <= 0 {
		tx.delete(key)
		return nil
	}
	tx.put(key, encode(u))
	return nil
}
