package directory

import (
	"context"
	"slices"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Outbox: what is to be remembered of a change stands in the change's own
// transaction, so that neither exists without the other, until it is in the
// trail. Keys are deployment/outbox/ID.

// Remember has an event stored together with what the transaction writes, under
// the id of the event. A transaction that writes nothing stores none.
func (tx *Tx) Remember(id string, event []byte) {
	tx.event = &store.Op{Key: outboxKey(id), Value: event}
}

func outboxKey(id string) string { return recordKey(deployment, kindOutbox, id) }

// Outbox calls fn for the events that are not in the trail yet, in the order of
// their ids, until fn says no.
func (s *Snapshot) Outbox(fn func(id string, event []byte) bool) {
	s.scan(outboxKey(""), "", func(id string, r *Record) bool { return fn(id, r.Value) })
}

// Remembered takes events that are in the trail out of the outbox.
func (d *Directory) Remembered(ctx context.Context, ids []string) error {
	for some := range slices.Chunk(ids, store.MaxOps) {
		txn := store.Txn{}
		for _, id := range some {
			txn.Do = append(txn.Do, store.Op{Key: outboxKey(id), Delete: true})
		}
		if _, err := d.store.Commit(ctx, txn); err != nil {
			return err
		}
	}
	return nil
}
