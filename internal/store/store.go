// Package store is an ordered, transactional key-value store with a change
// feed: the interface, the parts that its engines share, and the format of a
// backup.
//
// A store holds records under text keys. Every transaction that changes
// something makes a new revision; revisions only rise. A record carries the
// revision that wrote it, and a transaction may depend on those. The engines
// are in folders of their own; package storetest holds what all of them must do.
package store

import (
	"context"
	"io"
)

// Limits of one transaction. They are those of the narrowest engine, so that
// what one engine takes all of them take.
const (
	MaxOps     = 60        // operations in Txn.Do
	MaxConds   = 120       // conditions in Txn.If
	MaxTxnSize = 512 << 10 // bytes of all keys and values of a transaction
)

// Revision numbers the states of a store. No record is ever written at revision
// 0, so as a modification revision it means absent.
type Revision uint64

// Record is a key, its value and the revision that last wrote it.
type Record struct {
	Key   string
	Value []byte
	Rev   Revision
}

// Cond holds if Key has the modification revision Rev; 0 means that it is absent.
type Cond struct {
	Key string
	Rev Revision
}

// Op puts Value under Key, or deletes Key. Deleting what is absent does nothing.
type Op struct {
	Key    string
	Value  []byte
	Delete bool
}

// Txn is applied as a whole if all conditions in If hold, and else not at all.
// Do may name a key once.
type Txn struct {
	If []Cond
	Do []Op
}

// Change is what a revision did to a key. Value is nil where it was deleted.
type Change struct {
	Key     string
	Value   []byte
	Deleted bool
}

// Event is all that one revision changed under the watched prefix. Without
// records it is a progress notice: all events up to Rev have been handed out.
type Event struct {
	Rev     Revision
	Records []Change
}

// Store is an engine. All methods may be called by many goroutines. After
// Close they answer ErrClosed.
//
// Bytes handed in with a transaction belong to the store from then on, and
// bytes handed out belong to everyone: both may be kept and must not be changed.
type Store interface {
	// Head is the newest committed revision. What a Commit that has returned
	// wrote is never newer.
	Head(ctx context.Context) (Revision, error)

	// Scan calls fn for each record whose key begins with prefix, in the byte
	// order of keys, all as of one revision, which it returns: at, or the head
	// where at is 0. An error of fn ends the scan and is returned as it is.
	// fn may use the store, but not close it. ErrCompacted means that the engine no longer has
	// the revision at, ErrFuture that it does not have it yet.
	Scan(ctx context.Context, prefix string, at Revision, fn func(Record) error) (Revision, error)

	// Commit applies a transaction. It is durable when Commit returns its
	// revision, which is higher than that of every commit that had returned
	// when this one was called; commits that run at the same time may share a
	// revision where they share no key. A transaction that changes nothing
	// makes no revision and returns one at which its conditions held.
	//
	// ErrConflict (always a *ConflictError) means that a condition did not
	// hold, ErrTooLarge, ErrDuplicateKey and ErrInvalidKey that the
	// transaction can never be taken; nothing was stored. ErrUnknown means
	// that it may or may not have been, or may still be. Where ctx ends first,
	// the error is that of ctx, and also ErrUnknown unless nothing was stored.
	Commit(ctx context.Context, txn Txn) (Revision, error)

	// Watch hands out all events of revisions after from that touch prefix, in
	// order, none missing and none twice. ErrCompacted means that the engine
	// no longer has all of them: scan, and watch from the scan's revision.
	// The context is that of the call; the watcher lives until it is closed.
	Watch(ctx context.Context, prefix string, from Revision) (Watcher, error)

	// Compact gives up the history before rev: afterwards scans and watches
	// work from rev on. What was given up already stays so, without an error.
	Compact(ctx context.Context, rev Revision) error

	// Backup writes the whole store as of the revision that it returns, in the
	// format of BackupWriter.
	Backup(ctx context.Context, w io.Writer) (Revision, error)

	// Stats is a cheap look at the engine, for metrics.
	Stats() Stats

	// Close waits for the transactions and scans in hand, refuses all others
	// and releases what the engine holds. Closing twice is no error.
	Close() error
}

// Watcher is one consumer's place in the feed. It costs no goroutine, and the
// writer never waits for it. Next is for one goroutine at a time.
type Watcher interface {
	// Next waits for events and returns some, at least one, in order. While
	// nothing happens it returns a progress notice at least once a second.
	// Revisions that did not touch the prefix are reported as progress too.
	//
	// ErrLagged (the consumer was slower than the history is long) and
	// ErrCompacted mean that events are lost: scan again. ErrClosed means that
	// the watcher or the store was closed. These stay; the error of ctx does
	// not, and loses nothing.
	Next(ctx context.Context) ([]Event, error)
	// Close ends the watcher, and a Next that waits. It may be called by any
	// goroutine, and twice.
	Close() error
}

// Stats describes an engine at some moment. What it doesn't know is 0.
type Stats struct {
	Head      Revision // newest committed
	Oldest    Revision // oldest that can be scanned or watched from
	Commits   uint64   // transactions stored since the start
	Conflicts uint64   // transactions refused with ErrConflict
	Batches   uint64   // durable writes that carried them
	Watchers  int      // open now
	History   int64    // bytes of recent changes in memory
	Disk      int64    // bytes on disk
	Memory    int64    // bytes of caches and write buffers
}
