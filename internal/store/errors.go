package store

import (
	"errors"
	"fmt"
)

// The errors that callers ask for with errors.Is. Store says when each appears.
var (
	ErrConflict     = errors.New("a condition of the transaction does not hold")
	ErrUnknown      = errors.New("the outcome of the transaction is unknown")
	ErrTooLarge     = errors.New("transaction too large")
	ErrDuplicateKey = errors.New("transaction changes a key twice")
	ErrInvalidKey   = errors.New("a key is empty")
	ErrClosed       = errors.New("store is closed")
	ErrCompacted    = errors.New("revision is no longer in the history")
	ErrFuture       = errors.New("revision lies ahead of the head")
	ErrLagged       = errors.New("watcher fell behind the history")
	// ErrUnavailable: the store can't be reached or does not answer now. Nothing
	// was stored; trying again later makes sense.
	ErrUnavailable = errors.New("store is unavailable")
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("store is in use by another process")
	// ErrFormat: the data is of a format that this program does not read.
	ErrFormat = errors.New("store has an unsupported format")
	// ErrDamaged: what was stored can't be read back as it was written.
	ErrDamaged = errors.New("store is damaged")
	// ErrBackup: a backup is damaged or cut short.
	ErrBackup = errors.New("backup is damaged")
)

// ConflictError says that a condition did not hold. Whoever sees all changes
// up to Rev sees why, so that is when trying again makes sense.
type ConflictError struct {
	Rev Revision
	Key string // the first key whose condition did not hold
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v: key %q, as of revision %d", ErrConflict, e.Key, e.Rev)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Check reports whether an engine may take the transaction: ErrTooLarge,
// ErrDuplicateKey or ErrInvalidKey where not. Engines call it first in Commit.
func (t Txn) Check() error {
	if len(t.Do) > MaxOps || len(t.If) > MaxConds {
		return fmt.Errorf("%w: %d operations and %d conditions, at most %d and %d", ErrTooLarge, len(t.Do), len(t.If), MaxOps, MaxConds)
	}
	for _, c := range t.If {
		if c.Key == "" {
			return ErrInvalidKey
		}
	}
	for i, op := range t.Do {
		if op.Key == "" {
			return ErrInvalidKey
		}
		// At most 60 keys: comparing all pairs is cheaper than a map.
		for _, earlier := range t.Do[:i] {
			if earlier.Key == op.Key {
				return fmt.Errorf("%w: %q", ErrDuplicateKey, op.Key)
			}
		}
	}
	if n := t.size(); n > MaxTxnSize {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, n, MaxTxnSize)
	}
	return nil
}

// size is what MaxTxnSize limits.
func (t Txn) size() int {
	n := 0
	for _, c := range t.If {
		n += len(c.Key)
	}
	for _, op := range t.Do {
		n += len(op.Key) + len(op.Value)
	}
	return n
}
