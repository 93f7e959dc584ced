// Package directory is the identity data of a deployment: accounts, their root
// users, users, groups, managed and inline policies, access keys and tags, with
// AWS's limits and integrity rules.
//
// All of it is in memory as immutable snapshots. A transaction decides from a
// snapshot, names what it relied on, and commits through the store; the
// store's change feed, not the writer, then advances memory. Update returns
// when its change is both durable and visible here.
package directory

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// Options are what a directory needs besides its store. Master, AWSPolicies,
// Now and Rand must be set.
type Options struct {
	Master      seal.MasterKey
	AWSPolicies AWSPolicies // the managed policies that AWS owns
	Now         func() time.Time
	Rand        io.Reader
	Log         *slog.Logger
	// Quotas are limits that differ from AWS's defaults, by AWS's name for
	// them, such as GroupsPerAccount.
	Quotas map[string]int
}

// Directory holds the identity data. Its methods may be called by many
// goroutines.
type Directory struct {
	opts  Options
	store store.Store
	box   seal.Box

	snapshot atomic.Pointer[Snapshot]
	applied  *sync.Cond // waits for a newer snapshot; its lock guards failed
	failed   error      // why the feed ended
	watcher  store.Watcher
	done     chan struct{} // closed when the feed has ended

	// contended are held by transactions that lost once, so that they get on;
	// each is for the accounts whose ids hash to it.
	contended [64]sync.Mutex
	use       lastUse
	sessions  openSessions

	awsCompiled sync.Map // of ARN to *policy.Policy; at most one for each AWS policy
}

// Open loads the whole directory from the store and follows its feed. The
// store stays the caller's to close, after Close.
func Open(ctx context.Context, st store.Store, opts Options) (*Directory, error) {
	d := &Directory{opts: opts, store: st, applied: sync.NewCond(new(sync.Mutex)), done: make(chan struct{})}
	if err := d.openRing(ctx); err != nil {
		return nil, err
	}
	if err := d.load(ctx); err != nil {
		return nil, fmt.Errorf("load the directory: %w", err)
	}
	w, err := st.Watch(ctx, "", d.Snapshot().Rev)
	if err != nil {
		return nil, fmt.Errorf("follow the store: %w", err)
	}
	d.watcher = w
	go d.follow()
	return d, nil
}

// openRing opens the key ring that seals secrets and session tokens, and makes
// it where the store is new.
func (d *Directory) openRing(ctx context.Context) error {
	var sealed []byte
	if _, err := d.store.Scan(ctx, ringKey, 0, func(r store.Record) error {
		sealed = r.Value
		return nil
	}); err != nil {
		return fmt.Errorf("read the key ring: %w", err)
	}
	var err error
	if sealed != nil {
		d.box, err = d.opts.Master.OpenRing(sealed)
		return err
	}
	if sealed, d.box, err = d.opts.Master.NewRing(d.opts.Rand); err != nil {
		return fmt.Errorf("make a key ring: %w", err)
	}
	_, err = d.store.Commit(ctx, store.Txn{
		If: []store.Cond{{Key: ringKey}},
		Do: []store.Op{{Key: ringKey, Value: sealed}},
	})
	if errors.Is(err, store.ErrConflict) {
		return d.openRing(ctx) // another node made it first
	}
	return err
}

func (d *Directory) load(ctx context.Context) error {
	s := emptySnapshot(d)
	e := new(edit)
	rev, err := d.store.Scan(ctx, "", 0, func(r store.Record) error {
		_, kind := splitKey(r.Key)
		s.add(&Record{Key: r.Key, Value: r.Value, Rev: r.Rev}, kind, e)
		return nil
	})
	if err != nil {
		return err
	}
	s.Rev, s.policyEpoch = rev, rev
	if s.orgEpoch != 0 {
		s.orgEpoch = rev
	}
	d.snapshot.Store(s)
	return nil
}

// follow is the one place where memory advances.
func (d *Directory) follow() {
	defer close(d.done)
	for {
		events, err := d.watcher.Next(context.Background())
		if err != nil {
			d.applied.L.Lock()
			d.failed = err
			d.applied.L.Unlock()
			d.applied.Broadcast()
			return
		}
		next := d.Snapshot().apply(events)
		// Under the lock, so that no waiter looks before and sleeps after.
		d.applied.L.Lock()
		d.snapshot.Store(next)
		d.applied.L.Unlock()
		d.applied.Broadcast()
	}
}

// wait returns when the snapshot holds everything up to rev.
func (d *Directory) wait(rev store.Revision) error {
	if d.Snapshot().Rev >= rev {
		return nil
	}
	d.applied.L.Lock()
	defer d.applied.L.Unlock()
	for d.Snapshot().Rev < rev {
		if d.failed != nil {
			return fmt.Errorf("change feed ended: %w", d.failed)
		}
		d.applied.Wait()
	}
	return nil
}

// Snapshot is the newest state.
func (d *Directory) Snapshot() *Snapshot { return d.snapshot.Load() }

// Now is the directory's clock.
func (d *Directory) Now() time.Time { return d.opts.Now() }

// Failed is why the feed ended, or nil while all is well: a directory whose
// feed ended no longer learns of changes and must not be asked.
func (d *Directory) Failed() error {
	d.applied.L.Lock()
	defer d.applied.L.Unlock()
	return d.failed
}

// Close writes what is still in memory only (times of last use) and stops
// following the store.
func (d *Directory) Close(ctx context.Context) error {
	err := d.FlushLastUsed(ctx)
	d.watcher.Close()
	<-d.done
	return err
}

// maxAttempts bounds how often a transaction is run again after conflicts.
// From the second attempt on only one runs at a time here, so that more than a
// few mean that others hold the record permanently.
const maxAttempts = 100

// ErrBusy: a transaction lost against others too often.
var ErrBusy = errors.New("too many simultaneous changes of the same entity")

// Update runs fn on a transaction of that account and commits what it wrote.
// After a conflict fn runs again, on newer state, so it must have no effect but
// through tx. An error of fn is returned as it is, and nothing is stored.
func (d *Directory) Update(ctx context.Context, account string, fn func(tx *Tx) error) error {
	for attempt := range maxAttempts {
		if attempt == 1 {
			turn := &d.contended[maphash.String(hashSeed, account)%uint64(len(d.contended))]
			turn.Lock()
			defer turn.Unlock()
		}
		tx := d.begin(account)
		if err := fn(tx); err != nil {
			return err
		}
		rev, err := tx.commit(ctx)
		if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
			if err := d.wait(conflict.Rev); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		return d.wait(rev)
	}
	return ErrBusy
}
