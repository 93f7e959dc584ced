package server

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// restoreWriters is how many transactions a restore keeps going at a time.
const restoreWriters = 16

// restoreShared puts a backup's records into a shared store that has none. The
// key ring comes last: until then no node opens what is there, and one that
// started too early, and made a ring of its own, is noticed.
func restoreShared(ctx context.Context, at StoreConfig, from io.Reader) error {
	st, _, err := openEtcd(ctx, Config{Store: at})
	if err != nil {
		return err
	}
	defer st.Close()
	if err := needEmpty(ctx, st); err != nil {
		return fmt.Errorf("store %s: %w", at.URL, err)
	}
	// All of it is read, and found whole, before anything is written. It fits:
	// each node will hold it.
	var records, ring []store.Op
	if _, err := store.ReadBackup(from, func(r store.Record) error {
		switch op := (store.Op{Key: r.Key, Value: r.Value}); {
		case directory.OfRing(r.Key):
			ring = append(ring, op)
		case !directory.OfNode(r.Key):
			records = append(records, op)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := putAll(ctx, st, records); err != nil {
		return fmt.Errorf("store %s holds a part of the records, and must be emptied: %w", at.URL, err)
	}
	_, err = st.Commit(ctx, store.Txn{If: absent(ring), Do: ring})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("a node was started on the store %s before it was restored: stop it, and empty the store", at.URL)
	}
	return err
}

// needEmpty says where a store has records.
func needEmpty(ctx context.Context, st store.Store) error {
	found := errors.New("it has records already")
	_, err := st.Scan(ctx, "", 0, func(store.Record) error { return found })
	return err
}

func absent(ops []store.Op) []store.Cond {
	var conds []store.Cond
	for _, op := range ops {
		conds = append(conds, store.Cond{Key: op.Key})
	}
	return conds
}

// putAll puts records of different keys, many in a transaction.
func putAll(ctx context.Context, st store.Store, ops []store.Op) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(restoreWriters)
	for len(ops) > 0 && ctx.Err() == nil {
		n, size := 0, 0
		for n < len(ops) && n < store.MaxOps {
			if size += len(ops[n].Key) + len(ops[n].Value); n > 0 && size > store.MaxTxnSize/2 {
				break
			}
			n++
		}
		txn := store.Txn{Do: ops[:n:n]}
		ops = ops[n:]
		group.Go(func() error {
			_, err := st.Commit(ctx, txn)
			return err
		})
	}
	return group.Wait()
}
