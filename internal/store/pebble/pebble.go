// Package pebble is the embedded engine of package store: a folder on a local
// disk, for one process, on github.com/cockroachdb/pebble.
//
// All writes pass through one committer, which puts the transactions that wait
// into one batch and syncs it once. Conditions are checked against the database
// and the batch. An answer is given only for what is on the disk; an error of
// the disk ends the process instead (see Options.Fatal), because what an fsync
// that failed has done to the file is not known, and trying again may succeed
// without having written anything.
package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Options is ready to use as its zero value.
type Options struct {
	// Fatal is called, once, when the disk fails or the data proves damaged.
	// It must end the process: when it returns, whoever met the error stops for
	// good without an answer. Nil means panic.
	Fatal func(error)
	// Logger gets what the database says of its own work, at level debug, and
	// its errors. Nil means silence.
	Logger *slog.Logger
	// CacheSize is how many bytes of uncompressed blocks are kept in memory. 0 means 16 MiB.
	CacheSize int64
	// History is how many bytes of recent changes are kept in memory for
	// watchers and for scans of earlier revisions. 0 means 16 MiB.
	History int64
	// FS is where the folder is. Nil means the operating system's file system.
	FS vfs.FS
}

// memTableSize is how much is written before it goes to a table of its own. It
// starts at 256 KiB and grows up to this with use.
const memTableSize = 8 << 20

// Store is a store.Store in a folder.
type Store struct {
	dir     string // absolute
	db      *pebbledb.DB
	lock    *pebbledb.Lock
	log     *logger
	hist    *store.History
	present *presence
	head    atomic.Uint64 // durable and published
	commits atomic.Uint64
	refused atomic.Uint64
	batches atomic.Uint64

	// visible is held for writing from the moment at which a batch can be read
	// in the database until it is durable and published, and for reading while
	// a snapshot is taken: so no reader sees what a crash could take back.
	visible sync.RWMutex

	queue   queue
	done    chan struct{}  // closed when the committer has ended
	readers sync.WaitGroup // scans and backups in hand

	mu     sync.Mutex // guards the fields below
	closed bool

	closing  sync.Once
	closeErr error // set in closing
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the folder dir, or makes it there. ErrLocked means
// that it is open already, ErrFormat that a later version wrote it,
// ErrDamaged that acknowledged changes can't be read.
func Open(dir string, opts Options) (_ *Store, err error) {
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	if opts.History == 0 {
		opts.History = 16 << 20
	}
	dir, lock, err := enter(opts.FS, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	log := newLogger(opts)
	db, err := openDatabase(dir, opts, log, lock)
	if err != nil {
		return nil, err
	}
	head, err := readHead(db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, err), db.Close())
	}
	s := &Store{
		dir: dir, db: db, lock: lock, log: log,
		hist:    store.NewHistory(head, opts.History),
		present: newPresence(),
		queue:   newQueue(),
		done:    make(chan struct{}),
	}
	s.head.Store(uint64(head))
	log.Opened.Store(true)
	go newCommitter(s, head).run()
	return s, nil
}

// openDatabase opens the database of a locked folder, or makes it.
func openDatabase(dir string, opts Options, log *logger, lock *pebbledb.Lock) (*pebbledb.DB, error) {
	found, err := checkFormat(opts.FS, dir)
	if err != nil {
		return nil, err
	}
	if found {
		err = checkNewestLog(opts.FS, dir)
	} else {
		err = begin(opts.FS, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	db, err := pebbledb.Open(dir, databaseOptions(opts, log, lock))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	if found {
		return db, nil
	}
	if err := finish(opts.FS, dir); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func databaseOptions(opts Options, log *logger, lock *pebbledb.Lock) *pebbledb.Options {
	o := &pebbledb.Options{
		FS:                 vfs.OnDiskFull(opts.FS, log.Full),
		Lock:               lock,
		CacheSize:          opts.CacheSize,
		FormatMajorVersion: databaseFormat,
		MemTableSize:       memTableSize,
		Logger:             log,
		// A flush or compaction that failed would be tried again for ever
		// while writes pile up.
		EventListener: &pebbledb.EventListener{
			BackgroundError: log.background,
			DataCorruption: func(info pebbledb.DataCorruptionInfo) {
				log.Fatal(fmt.Errorf("file %s is damaged: %w", info.Path, info.Details))
			},
		},
	}
	if o.CacheSize == 0 {
		o.CacheSize = 16 << 20
	}
	for i := range o.Levels {
		l := &o.Levels[i]
		l.BlockSize = 16 << 10
		// Most conditions on new records ask for keys that are absent.
		l.FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// readHead returns the last revision; 0 for a new store.
func readHead(db *pebbledb.DB) (store.Revision, error) {
	b, closer, err := db.Get([]byte(headKey))
	if errors.Is(err, pebbledb.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer closer.Close()
	return parseHead(b)
}

// begin lets a call that reads in; its end is s.readers.Done.
func (s *Store) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.readers.Add(1)
	return nil
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context) (store.Revision, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.readers.Done()
	return store.Revision(s.head.Load()), ctx.Err()
}

// Watch implements store.Store. The history begins when the store is opened.
func (s *Store) Watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.hist.Watch(prefix, from)
}

// Compact implements store.Store. It frees memory; on the disk there is no history.
func (s *Store) Compact(ctx context.Context, rev store.Revision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.hist.Compact(rev)
}

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	st := store.Stats{Commits: s.commits.Load(), Conflicts: s.refused.Load(), Batches: s.batches.Load()}
	s.hist.Stats(&st)
	if s.begin() != nil {
		return st
	}
	defer s.readers.Done()
	m := s.db.Metrics()
	st.Disk = int64(m.DiskSpaceUsage())
	st.Memory = m.BlockCache.Size + int64(m.MemTable.Size)
	return st
}

// Close implements store.Store. After a fatal error it releases nothing.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.queue.close()
	select {
	case <-s.done:
	case <-s.log.Dead():
		return fmt.Errorf("close store %s: it failed before", s.dir)
	}
	s.hist.Close()
	s.readers.Wait()
	s.log.Closing.Store(true)
	return errors.Join(s.db.Close(), s.lock.Close())
}
