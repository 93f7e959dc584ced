// Package mem is the in-memory twin of the durable stores: the same semantics,
// and failures on demand. It is for tests of what stands on a store; nothing
// in it outlives the process.
package mem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Step is a place at which a call can be held up or made to fail.
type Step int

// The steps of a commit, in their order, and those of the other calls.
const (
	BeforeStore   Step = iota // nothing has happened: an error means not stored
	BeforePublish             // stored, but watchers have not seen it: an error is joined with ErrUnknown
	BeforeAnswer              // stored and published: an error is joined with ErrUnknown
	OnScan                    // a scan or backup begins
	OnWatch                   // a watch begins
)

// Hook is called at each step, with the transaction where it is a commit. It
// may block, which delays the call and with it, up to BeforeAnswer, all later
// commits. Its error is what the call answers, so a test decides for each step
// what happens. It must not commit to the store itself.
type Hook func(ctx context.Context, step Step, txn store.Txn) error

// Options is ready to use as its zero value.
type Options struct {
	// Hook is called at each step. Nil means nothing fails; FailNext works with
	// or without it.
	Hook Hook
	// History is how many bytes of recent changes are kept for watchers. 0 means 16 MiB.
	History int64
}

type item struct {
	value []byte
	rev   store.Revision
}

type fault struct {
	step Step
	err  error
}

// Store is a store.Store in memory.
type Store struct {
	opts Options       // read-only
	turn chan struct{} // holds one token: who has it commits
	hist *store.History

	mu      sync.Mutex               // guards the fields below
	records *btree.Map[string, item] // what is stored
	head    store.Revision           // of records
	seen    *btree.Map[string, item] // records as of the history's head
	faults  []fault
	stats   store.Stats
	closed  bool
}

var _ store.Store = (*Store)(nil)

// New makes an empty store.
func New(opts Options) *Store {
	if opts.History == 0 {
		opts.History = 16 << 20
	}
	return newStore(opts, btree.NewMap[string, item](0), 0)
}

func newStore(opts Options, records *btree.Map[string, item], head store.Revision) *Store {
	return &Store{opts: opts, turn: make(chan struct{}, 1), records: records, seen: records.Copy(), head: head, hist: store.NewHistory(head, opts.History)}
}

// FailNext makes the next calls that reach step fail, one for each error, in
// their order; nil lets one pass. At BeforePublish and BeforeAnswer the
// transaction is stored all the same.
func (s *Store) FailNext(step Step, errs ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range errs {
		s.faults = append(s.faults, fault{step, err})
	}
}

// at runs the faults of a step.
func (s *Store) at(ctx context.Context, step Step, txn store.Txn) error {
	if err := s.nextFault(step); err != nil {
		return err
	}
	if s.opts.Hook == nil {
		return nil
	}
	return s.opts.Hook(ctx, step, txn)
}

func (s *Store) nextFault(step Step) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.step == step {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			return f.err
		}
	}
	return nil
}

// usable is the error that every call begins with.
func (s *Store) usable(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context) (store.Revision, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	return s.hist.Head(), nil
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	if err := txn.Check(); err != nil {
		return 0, err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	rev, err := s.commitInTurn(ctx, txn)
	<-s.turn
	if err != nil {
		return 0, err
	}
	if err := s.at(ctx, BeforeAnswer, txn); err != nil {
		return 0, unknown(err)
	}
	return rev, nil
}

func (s *Store) commitInTurn(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	if err := s.at(ctx, BeforeStore, txn); err != nil {
		return 0, err
	}
	entry, err := s.apply(txn)
	if err != nil || len(entry.Records) == 0 {
		return entry.Rev, err
	}
	err = s.at(ctx, BeforePublish, txn)
	s.publish(entry)
	if err != nil {
		return 0, unknown(err)
	}
	return entry.Rev, nil
}

// unknown says of an error that the transaction may be stored.
func unknown(err error) error {
	if errors.Is(err, store.ErrUnknown) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnknown, err)
}

// apply checks the conditions and changes the records. Without changes the
// entry has the revision at which the conditions held.
func (s *Store) apply(txn store.Txn) (store.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range txn.If {
		if it, _ := s.records.Get(c.Key); it.rev != c.Rev {
			s.stats.Conflicts++
			return store.Entry{}, &store.ConflictError{Rev: s.head, Key: c.Key}
		}
	}
	entry := store.Entry{Event: store.Event{Rev: s.head + 1}}
	for _, op := range txn.Do {
		before, found := s.records.Get(op.Key)
		change := store.Change{Key: op.Key, Value: op.Value}
		switch {
		case !op.Delete:
			s.records.Set(op.Key, item{op.Value, entry.Rev})
		case found:
			s.records.Delete(op.Key)
			change = store.Change{Key: op.Key, Deleted: true}
		default:
			continue
		}
		entry.Records = append(entry.Records, change)
		entry.Before = append(entry.Before, store.Record{Key: op.Key, Value: before.value, Rev: before.rev})
	}
	if len(entry.Records) == 0 {
		entry.Rev = s.head
		return entry, nil
	}
	s.head = entry.Rev
	s.stats.Commits++
	s.stats.Batches++
	return entry, nil
}

// publish shows a stored entry to readers and watchers, at the same moment.
func (s *Store) publish(entry store.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = s.records.Copy()
	s.hist.Publish([]store.Entry{entry})
}

// view is what is published, and how that under prefix differed as of at, or of
// the head where that is 0. Later commits leave both alone.
func (s *Store) view(at store.Revision, prefix string) (*btree.Map[string, item], store.Past, store.Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at == 0 {
		at = s.hist.Head()
	}
	past, err := s.hist.Past(prefix, at)
	if err != nil {
		return nil, nil, 0, err
	}
	return s.seen.Copy(), past, at, nil
}

// Scan implements store.Store.
func (s *Store) Scan(ctx context.Context, prefix string, at store.Revision, fn func(store.Record) error) (store.Revision, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	if err := s.at(ctx, OnScan, store.Txn{}); err != nil {
		return 0, err
	}
	records, past, at, err := s.view(at, prefix)
	if err != nil {
		return 0, err
	}
	records.Ascend(prefix, func(key string, it item) bool {
		if !strings.HasPrefix(key, prefix) {
			return false
		}
		if err = ctx.Err(); err == nil {
			err = past.Merge(&store.Record{Key: key, Value: it.value, Rev: it.rev}, fn)
		}
		return err == nil
	})
	if err == nil {
		err = past.Merge(nil, fn)
	}
	if err != nil {
		return 0, err
	}
	return at, nil
}

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := s.at(ctx, OnWatch, store.Txn{}); err != nil {
		return nil, err
	}
	return s.hist.Watch(prefix, from)
}

// Compact implements store.Store.
func (s *Store) Compact(ctx context.Context, rev store.Revision) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return s.hist.Compact(rev)
}

// Backup implements store.Store.
func (s *Store) Backup(ctx context.Context, w io.Writer) (store.Revision, error) {
	head, err := s.Head(ctx)
	if err != nil {
		return 0, err
	}
	b := store.NewBackupWriter(w, head)
	if _, err := s.Scan(ctx, "", head, b.Put); err != nil {
		return 0, err
	}
	return head, b.Close()
}

// Restore makes a store of a backup.
func Restore(opts Options, r io.Reader) (*Store, error) {
	s := New(opts)
	head, err := store.ReadBackup(r, func(r store.Record) error {
		s.records.Set(r.Key, item{r.Value, r.Rev})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return newStore(s.opts, s.records, head), nil
}

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	s.mu.Lock()
	st := s.stats
	s.mu.Unlock()
	s.hist.Stats(&st)
	return st
}

// Close implements store.Store. It waits for transactions only: a scan has all
// it needs.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.turn <- struct{}{} // the transaction in hand
	defer func() { <-s.turn }()
	s.hist.Close()
	return nil
}
