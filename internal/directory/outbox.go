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

// Outbox calls fn for the events in the store that are not in the trail yet, in
// the order of their ids. An error of fn ends it, and is returned.
//
// They are in the store only: a snapshot would take up and drop each of them for
// nothing, since who makes a change has its event at hand.
func (d *Directory) Outbox(ctx context.Context, fn func(id string, event []byte) error) error {
	prefix := outboxKey("")
	_, err := d.store.Scan(ctx, prefix, 0, func(r store.Record) error { return fn(r.Key[len(prefix):], r.Value) })
	return err
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
