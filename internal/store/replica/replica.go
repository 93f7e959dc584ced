// Package replica is a store.Store that keeps a copy of another one on the
// local disk, so that a node starts in seconds, asks the remote store only for
// what came after, and starts even while that can't be reached.
//
// It follows the remote's feed with one watcher, writes what each revision
// changed into the copy together with the revision itself, and then hands it to
// its own watchers. So whatever a crash leaves is the state of some revision.
// Nothing waits for the disk, which is synced once a second: what a power cut takes
// away is asked for again. A disk that fails ends the process. A
// copy that is damaged, of another format or of another store is thrown away
// and loaded anew, into a folder of its own that then takes the other's place.
//
// Changes go to the remote store. A Commit returns when its revision is in the
// copy, unless the feed is broken at that time.
package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"syscall"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Config says what to copy, and where to. Dir, Remote and Now must be set.
type Config struct {
	// Dir is the folder, which is made where it is missing. It belongs to one
	// process at a time.
	Dir string
	// Name is what is copied, such as the remote store's prefix. A copy that was
	// made under another name is thrown away.
	Name string
	// Remote is the store. It belongs to the replica, which closes it.
	Remote store.Store
	// Now is the wall clock.
	Now func() time.Time
	// Log gets a line when the feed breaks and returns, and when a copy is
	// thrown away or loaded. Nil means silence.
	Log *slog.Logger
	// Fatal is called, once, when the local disk fails. It must end the process:
	// when it returns, the replica stands still. Nil means panic.
	Fatal func(error)
	// History is how many bytes of recent changes are kept in memory for
	// watchers and for scans of earlier revisions. 0 means 16 MiB.
	History int64
}

// Store is a store.Store with a copy.
type Store struct {
	cfg    Config // read-only
	folder *folder
	log    *dbLogger
	hist   *store.History
	state  state

	// visible is held for writing while the copy is changed or replaced, and
	// for reading while a view of it is taken.
	visible sync.RWMutex
	copy    *dbCopy // guarded by visible; nil until there is one

	damaged chan struct{} // gets a value, if it has room, when the copy proves damaged
	stop    context.CancelFunc
	tasks   sync.WaitGroup // the goroutines, and copies that are being given up

	closing  sync.Once
	closeErr error // set in closing
}

var (
	_ store.Store = (*Store)(nil)
	_ store.Copy  = (*Store)(nil)
)

// Open opens the copy in the folder, if there is one to be trusted, and begins
// to follow the remote store, without waiting for it. ErrLocked means that
// another process has the folder, ErrFormat that it holds something else.
func Open(ctx context.Context, cfg Config) (_ *Store, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.History == 0 {
		cfg.History = 16 << 20
	}
	f, err := enter(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open replica %s: %w", cfg.Dir, err)
	}
	s := &Store{cfg: cfg, folder: f, hist: store.NewHistory(0, cfg.History), damaged: make(chan struct{}, 1)}
	s.log = newLogger(cfg, s.reportDamage)
	if err := s.openCopy(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open replica %s: %w", cfg.Dir, err), f.close())
	}
	s.log.Opened.Store(true)
	// It lives until Close, not as long as the call.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.tasks.Go(func() { s.follow(background) })
	s.tasks.Go(func() { s.confirm(background) })
	return s, nil
}

// openCopy opens what the folder has, or throws it away. An error means that
// the folder can't be used.
func (s *Store) openCopy(ctx context.Context) error {
	dir, err := s.folder.current()
	if err == nil && dir != "" {
		s.copy, err = openDB(ctx, dir, s.log, s.cfg.Name)
	}
	if cause := context.Cause(ctx); cause != nil {
		if s.copy != nil {
			return errors.Join(cause, s.copy.db.Close())
		}
		return cause
	}
	if unusable(err) {
		return err
	}
	if err != nil {
		s.cfg.Log.Warn("the replica can't be trusted and is thrown away", "folder", s.folder.dir, "cause", err)
	}
	if s.copy == nil {
		return s.folder.clear()
	}
	s.hist.Reset(s.copy.head)
	s.state.update(func(now *standing) {
		now.loaded, now.head, now.asOf = true, s.copy.head, s.copy.asOf
	})
	return s.folder.keepOnly(dir)
}

// unusable reports whether an error says that the disk can't be used now, which
// says nothing against the copy on it.
func unusable(err error) bool {
	e, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains([]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.EMFILE, syscall.ENFILE}, e)
}

// Head implements store.Store: it asks the remote. What it returns is in the
// copy, unless the feed is broken, so that no later scan shows less.
func (s *Store) Head(ctx context.Context) (store.Revision, error) {
	if s.state.closed() {
		return 0, store.ErrClosed
	}
	rev, err := s.cfg.Remote.Head(ctx)
	if err == nil {
		_ = s.state.applied(ctx, rev)
	}
	return rev, err
}

// Commit implements store.Store. What it returns, and what a conflict names, is
// in the copy, unless the feed is broken.
func (s *Store) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if s.state.closed() {
		return 0, store.ErrClosed
	}
	rev, err := s.cfg.Remote.Commit(ctx, txn)
	seen := rev
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		seen = conflict.Rev
	}
	if seen > 0 {
		// Whether it can wait for that or not, the answer is the remote's.
		_ = s.state.applied(ctx, seen)
	}
	return rev, err
}

// Watch implements store.Store. The history begins with the copy that was
// opened or loaded last; ErrLagged is also what watchers get whose copy was
// replaced. Where there is no copy yet, it waits for one attempt to load it.
func (s *Store) Watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	w, err := s.hist.Watch(prefix, from)
	if !errors.Is(err, store.ErrFuture) {
		return w, err
	}
	if err := s.reach(ctx, from); err != nil {
		return nil, err
	}
	return s.hist.Watch(prefix, from)
}

// ready waits for the copy: it fails as the attempt to load it does that ends
// next.
func (s *Store) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.state.ready(ctx)
}

// reach waits until the copy has a revision that lies ahead of it: ErrFuture
// means ahead of the remote store too.
func (s *Store) reach(ctx context.Context, rev store.Revision) error {
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	if rev > head {
		return store.ErrFuture
	}
	return s.state.applied(ctx, rev)
}

// Compact implements store.Store, here and at the remote.
func (s *Store) Compact(ctx context.Context, rev store.Revision) error {
	if s.state.closed() {
		return store.ErrClosed
	}
	if err := s.cfg.Remote.Compact(ctx, rev); err != nil {
		return err
	}
	return s.hist.Compact(min(rev, s.hist.Head()))
}

// Backup implements store.Store: it is the remote's.
func (s *Store) Backup(ctx context.Context, w io.Writer) (store.Revision, error) {
	if s.state.closed() {
		return 0, store.ErrClosed
	}
	return s.cfg.Remote.Backup(ctx, w)
}

// Stats implements store.Store. Commits, conflicts and batches are the
// remote's, all else is the copy's.
func (s *Store) Stats() store.Stats {
	st := s.cfg.Remote.Stats()
	s.hist.Stats(&st)
	c := s.acquire()
	if c == nil {
		return st
	}
	defer c.readers.Done()
	m := c.db.Metrics()
	st.Disk = int64(m.DiskSpaceUsage())
	st.Memory = m.BlockCache.Size + int64(m.MemTable.Size)
	return st
}

// acquire returns the copy, which stays open until c.readers.Done; nil where
// there is none, or none any more.
func (s *Store) acquire() *dbCopy {
	s.visible.RLock()
	defer s.visible.RUnlock()
	if s.copy == nil || s.state.closed() {
		return nil
	}
	s.copy.readers.Add(1)
	return s.copy
}

// AsOf implements store.Copy. A clock that is set back makes it zero until the
// copy is next confirmed, within about a second, by the new time. While the
// process is down nothing can tell: a clock that is set back by some time in
// between makes the copy look fresher by as much.
func (s *Store) AsOf() time.Time {
	at := s.state.now().asOf
	if at.After(s.cfg.Now().Round(0)) {
		return time.Time{}
	}
	return at
}

// Close implements store.Store. It closes the remote store too.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	s.stop()
	s.visible.Lock()
	s.state.update(func(now *standing) { now.closed = true })
	s.visible.Unlock()
	err := s.cfg.Remote.Close()
	s.tasks.Wait()
	s.hist.Close()
	if s.copy != nil {
		s.copy.readers.Wait()
		s.log.Closing.Store(true)
		err = errors.Join(err, s.copy.db.Close())
	}
	return errors.Join(err, s.folder.close())
}

// reportDamage makes the feed's goroutine load the copy anew.
func (s *Store) reportDamage() {
	select {
	case s.damaged <- struct{}{}:
	default:
	}
}

// isDamage reports whether an error of the database says that data is damaged.
func isDamage(err error) bool {
	return pebbledb.IsCorruptionError(err) || errors.Is(err, store.ErrDamaged)
}
