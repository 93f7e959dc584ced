// Package directory is the identity data of a deployment: accounts, their root
// users, users, groups, managed and inline policies, access keys and tags, with
// AWS's limits and integrity rules.
//
// All of it is in memory as immutable snapshots. A transaction decides from a
// snapshot, names what it relied on, and commits through the store; the
// store's change feed, not the writer, then advances memory. Update returns
// when its change is both durable and visible here.
//
// On a shared store there are other nodes with directories of their own. What
// they changed is seen here some milliseconds later: CatchUp sees all of it,
// Fresh says as of when this node is known to have seen everything.
package directory

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/policy"
)

// Options are what a directory needs besides its store. Master, AWSPolicies,
// Now and Rand must be set.
type Options struct {
	Master      seal.MasterKey
	AWSPolicies AWSPolicies // the managed policies that AWS owns
	Now         func() time.Time
	Rand        io.Reader
	Log         *slog.Logger // nil means none
	// Quotas are limits that differ from AWS's defaults, by AWS's name for
	// them, such as GroupsPerAccount.
	Quotas map[string]int

	// Shared says that other nodes change the store too.
	Shared bool
	// MaxStaleness is for how long a node on a shared store is to be asked after
	// it last knew that it had seen everything. Zero means for ever.
	MaxStaleness time.Duration
	// ConfirmRevocations makes Update, where it deletes or replaces a record,
	// return only when all live nodes have applied it.
	ConfirmRevocations bool
	// Endpoint is the URL, without a slash at its end, that the issuers of tokens
	// of all accounts begin with.
	Endpoint string
	// NodeName is what people know this node by, such as its host's name.
	NodeName string
}

// Directory holds the identity data. Its methods may be called by many
// goroutines.
type Directory struct {
	opts  Options
	store store.Store
	box   seal.Box // of the ring that was applied last
	ring  ring

	snapshot atomic.Pointer[Snapshot]
	mu       sync.Mutex    // guards the fields below
	wake     chan struct{} // closed when a snapshot is published; nil while nobody waits
	failed   error         // why the feed ended

	fresh  freshness
	nodes  nodes
	fields fieldNames

	stop    context.CancelFunc // ends the goroutines below
	running sync.WaitGroup     // follow, keepFresh and keepNode, and what background runs

	closing atomic.Bool // Close was called

	background func(fn func(ctx context.Context)) // runs fn until it is done or Close is called; set by start

	// contended are held by transactions that lost once, so that they get on;
	// each is for the accounts whose ids hash to it.
	contended [64]sync.Mutex
	use       lastUse
	sessions  openSessions

	ownPassword *policy.Policy // see mayChangePassword; set before first use, then read-only
	hashing     chan struct{}  // holds one value for each password that is being hashed

	awsCompiled sync.Map // of ARN to *policy.Policy; at most one for each AWS policy
}

// Open loads the whole directory from the store and follows its feed. The
// store stays the caller's to close, after Close.
func Open(ctx context.Context, st store.Store, opts Options) (*Directory, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	d := &Directory{opts: opts, store: st}
	d.ownPassword = policy.Load(ownPasswordPolicy, policy.Inline).Named(policy.Source{Name: "AllowUsersToChangePassword"})
	d.hashing = make(chan struct{}, runtime.GOMAXPROCS(0))
	d.ring.masters = []seal.MasterKey{opts.Master}
	d.nodes.init(opts)
	d.openCopy(st)
	if err := d.load(ctx); err != nil {
		return nil, fmt.Errorf("load the directory: %w", err)
	}
	w, err := st.Watch(ctx, "", d.Snapshot().Rev)
	if err != nil {
		return nil, fmt.Errorf("follow the store: %w", err)
	}
	if err := d.openRing(ctx, w); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	d.start(ctx, w)
	return d, nil
}

// start starts what goes on until Close. On a shared store it returns when the
// other nodes know of this one, or when the store can't be reached.
func (d *Directory) start(ctx context.Context, w store.Watcher) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	d.background = func(fn func(context.Context)) { d.running.Go(func() { fn(life) }) }
	d.running.Go(func() { d.follow(life, w) })
	if !d.opts.Shared {
		return
	}
	if d.ask(life) == nil {
		d.announce(life)
	}
	d.running.Go(func() { d.keepFresh(life) })
	d.running.Go(func() { d.keepNode(life) })
}

// wait returns when the snapshot holds everything up to rev, or with the error
// of ctx.
func (d *Directory) wait(ctx context.Context, rev store.Revision) error {
	for d.Snapshot().Rev < rev {
		wake, err := d.published()
		if err != nil {
			return err
		}
		if d.Snapshot().Rev >= rev {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// published gives a channel that is closed when the next snapshot is published,
// or says that there will be none.
func (d *Directory) published() (<-chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return nil, fmt.Errorf("change feed ended: %w", d.failed)
	}
	if d.wake == nil {
		d.wake = make(chan struct{})
	}
	return d.wake, nil
}

func (d *Directory) publish(next *Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.snapshot.Store(next)
	d.wakeAll()
}

// wakeAll is called with mu held.
func (d *Directory) wakeAll() {
	if d.wake != nil {
		close(d.wake)
		d.wake = nil
	}
}

// Snapshot is the newest state.
func (d *Directory) Snapshot() *Snapshot { return d.snapshot.Load() }

// Now is the time by the directory's clock.
func (d *Directory) Now() time.Time { return d.opts.Now() }

// Failed is why the feed ended, or nil while all is well: a directory whose
// feed ended no longer learns of changes and must not be asked.
func (d *Directory) Failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// fail ends the directory: from now on it is stale.
func (d *Directory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed = err
	d.opts.Log.Error("this node no longer follows its store", "error", err)
	d.fresh.at.Store(new(time.Time))
	d.wakeAll()
}

// Close writes what is still in memory only (times of last use) and stops
// following the store.
func (d *Directory) Close(ctx context.Context) error {
	var err error
	d.closing.Store(true)
	if !d.opts.Shared || d.Reachable() {
		err = d.FlushLastUsed(ctx)
	}
	d.stop()
	d.running.Wait()
	return err
}

// maxAttempts bounds how often a transaction is run again after conflicts.
// From the second attempt on only one runs at a time here, so that more than a
// few mean that others hold the record permanently.
const maxAttempts = 100

// ErrBusy: a transaction lost against others too often.
var ErrBusy = errors.New("too many simultaneous changes of the same entity")

// appliedWithin bounds how long Update waits for the feed to bring a change
// that is known to be stored.
const appliedWithin = 5 * time.Second

// Update runs fn on a transaction of that account and commits what it wrote.
// After a conflict fn runs again, on newer state, so it must have no effect but
// through tx. An error of fn is returned as it is, and nothing is stored.
//
// Unavailable tells errors of a store that can't be reached. A *NotConfirmed is
// stored, but some node may not have applied it.
func (d *Directory) Update(ctx context.Context, account string, fn func(tx *Tx) error) error {
	if err := d.lost(); err != nil {
		return err
	}
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
			if err := d.seen(ctx, conflict.Rev); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		return d.committed(ctx, tx, rev)
	}
	return ErrBusy
}

// seen waits until a revision that exists is applied, for a bounded time.
func (d *Directory) seen(ctx context.Context, rev store.Revision) error {
	if d.Snapshot().Rev >= rev {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, appliedWithin)
	defer cancel()
	err := d.wait(ctx, rev)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: revision %d did not come through the feed within %v", store.ErrUnavailable, rev, appliedWithin)
	}
	return err
}

// committed returns when a transaction that is stored may be answered.
func (d *Directory) committed(ctx context.Context, tx *Tx, rev store.Revision) error {
	if rev == 0 {
		return nil
	}
	if tx.report != nil {
		*tx.report = rev
	}
	// A feed that is late changes nothing of what was stored.
	if err := d.seen(ctx, rev); err != nil && !errors.Is(err, store.ErrUnavailable) {
		return err
	}
	if tx.confirms() {
		return d.confirm(ctx, rev)
	}
	return nil
}
