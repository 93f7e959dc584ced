package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sallyport-iam/sallyport/internal/store"
)

const (
	// formatKind is the record that says the version of all records' form.
	formatKind = "format"
	formatKey  = deployment + "/" + formatKind
)

// Format is a version of the form of all records, and the way to it from older
// ones. A store says which it has in a record of its own.
type Format struct {
	Version    int
	Migrations []Migration // in order, one for each version after the first
}

// Migration makes a store's records those of the version To, from the one before.
type Migration struct {
	To int
	// Change says what is to be done for a record of the version before, in at
	// most store.MaxOps operations, or nil. A migration that was cut short is
	// run again: of what it has made already Change must say nil.
	Change func(r store.Record) ([]store.Op, error)
}

// CurrentFormat is the form that this program reads and writes.
func CurrentFormat() Format { return Format{Version: recordFormat} }

// NewerFormat: a later program wrote the store.
type NewerFormat struct{ Version, Known int }

func (e *NewerFormat) Error() string {
	return fmt.Sprintf("its records have format %d, this program reads up to %d; run the version that wrote them, or a later one", e.Version, e.Known)
}

// formatBefore is the form of a store that doesn't say which it has: all
// programs that did not note it wrote this one.
const formatBefore = 1

// Bring brings a store to this format; *NewerFormat, where that is later. Where
// records are to be changed, backup is called first, with the version that they
// have. Nobody else may write to the store. What was cut short is gone on with
// by the next call.
func (f Format) Bring(ctx context.Context, st store.Store, backup func(from int) error) error {
	version, rev, err := readFormat(ctx, st)
	switch {
	case err != nil:
		return err
	case version > f.Version:
		return &NewerFormat{version, f.Version}
	case version == f.Version && rev != 0:
		return nil
	case version < f.Version && !f.knows(version):
		return fmt.Errorf("its records have format %d, from which this program knows no way to format %d", version, f.Version)
	case version < f.Version:
		if err := backup(version); err != nil {
			return fmt.Errorf("back up before the records are changed: %w", err)
		}
	}
	for _, m := range f.Migrations {
		if m.To > version {
			if err := m.run(ctx, st); err != nil {
				return fmt.Errorf("bring records to format %d: %w", m.To, err)
			}
		}
	}
	_, err = st.Commit(ctx, store.Txn{
		If: []store.Cond{{Key: formatKey, Rev: rev}},
		Do: []store.Op{{Key: formatKey, Value: encode(versioned{Format: f.Version})}},
	})
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		// Another node was first.
		if err := reads(ctx, st, conflict.Rev); err != nil {
			return err
		}
		return f.Bring(ctx, st, backup)
	}
	return err
}

// reads returns when scans of a store see that revision: those of a copy may be
// behind what a commit was answered.
func reads(ctx context.Context, st store.Store, rev store.Revision) error {
	at, err := st.Scan(ctx, formatKey, 0, func(store.Record) error { return nil })
	if err != nil || at >= rev {
		return err
	}
	w, err := st.Watch(ctx, formatKey, at)
	if err != nil {
		return err
	}
	defer w.Close()
	for at < rev {
		events, err := w.Next(ctx)
		if err != nil {
			return err
		}
		at = events[len(events)-1].Rev
	}
	return nil
}

// knows reports whether there is a migration for each version after that one.
func (f Format) knows(version int) bool {
	for _, m := range f.Migrations {
		if m.To == version+1 {
			version++
		}
	}
	return version == f.Version
}

// readFormat gives the version of a store's records, and the revision of the
// record that says it, 0 where there is none.
func readFormat(ctx context.Context, st store.Store) (version int, rev store.Revision, err error) {
	version = formatBefore
	_, err = st.Scan(ctx, formatKey, 0, func(r store.Record) error {
		if r.Key != formatKey {
			return nil
		}
		var v versioned
		if err := json.Unmarshal(r.Value, &v); err != nil || v.Format < 1 {
			return fmt.Errorf("record %s says no format", formatKey)
		}
		version, rev = v.Format, r.Rev
		return nil
	})
	return version, rev, err
}

// run changes all records, some in a transaction.
func (m Migration) run(ctx context.Context, st store.Store) error {
	var txn store.Txn
	size := 0
	commit := func() error {
		if len(txn.Do) == 0 {
			return nil
		}
		_, err := st.Commit(ctx, txn)
		txn, size = store.Txn{}, 0
		return err
	}
	_, err := st.Scan(ctx, "", 0, func(r store.Record) error {
		ops, err := m.Change(r)
		if err != nil || len(ops) == 0 {
			return err
		}
		n := 0
		for _, op := range ops {
			n += len(op.Key) + len(op.Value)
		}
		if len(txn.Do)+len(ops) > store.MaxOps || size+n > store.MaxTxnSize/2 {
			if err := commit(); err != nil {
				return err
			}
		}
		txn.Do, size = append(txn.Do, ops...), size+n
		return nil
	})
	if err != nil {
		return err
	}
	return commit()
}
