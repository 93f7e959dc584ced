// Package etcd is the engine of package store for several machines: any number
// of processes share one store in an etcd cluster. A store revision is etcd's
// own, so it also rises by what others write into the same cluster.
//
// Each process has one committer, which sends the transactions that wait
// together as one etcd transaction with a nested one for each. Its outcome is
// never guessed: see settle.go. What changes comes from one etcd watch on
// connections of its own, shared by all watchers through a store.History.
//
// Under PREFIX/d/ are the records, in the values' first bytes the version of
// the format and the tag of the batch that wrote them; under PREFIX/b/ what
// settling needs for an hour or so; PREFIX/upkeep is the last compaction.
package etcd

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Config says where the store is and how to be with it. Endpoints and Prefix
// must be set.
type Config struct {
	// Endpoints are the members of the cluster, HOST:PORT, or unix://PATH for a
	// socket, where there is no TLS. All should be named.
	Endpoints []string
	// Prefix begins all keys, 1 to 128 printable characters. Stores with
	// different prefixes share a cluster without seeing each other.
	Prefix string
	// TLS is used for all connections. Nil means none.
	TLS *tls.Config
	// Username and Password are for clusters with authentication on. The user
	// needs to read and write all keys under PREFIX/, and, where this
	// process is to compact, the role root. Empty means none.
	Username, Password string

	// Timeout bounds one request to one member. 0 means 2 seconds.
	Timeout time.Duration
	// Patience bounds how long a call tries again while members are there but
	// do not do what they should, as in an election. Where no member can be
	// reached at all it ends after 2 seconds. 0 means 10 seconds.
	Patience time.Duration
	// Keep is how much of the past is kept at least when old revisions are
	// given up, which one of all processes does. 0 means one hour; less than
	// 0 leaves compaction to the cluster's own configuration.
	Keep time.Duration
	// History is how many bytes of recent changes are kept in memory for
	// watchers. 0 means 16 MiB.
	History int64

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Rand gives the tags of batches; it must never give the same again. Nil
	// means crypto/rand.
	Rand io.Reader
	// Log gets warnings about the cluster. Nil means silence.
	Log *slog.Logger
}

func (c *Config) defaults() error {
	if len(c.Endpoints) == 0 {
		return errors.New("no etcd endpoints")
	}
	if err := checkPrefix(c.Prefix); err != nil {
		return err
	}
	orElse(&c.Timeout, 2*time.Second)
	orElse(&c.Patience, 10*time.Second)
	orElse(&c.Keep, time.Hour)
	orElse(&c.History, 16<<20)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func orElse[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Store is a store.Store in an etcd cluster.
type Store struct {
	cfg  Config
	data string // what begins the etcd keys of records
	memo string // what begins the etcd keys of fences and marks

	write *members // for transactions and reads
	watch *members // for the feed alone: its traffic does not wait for others'

	head      atomic.Int64 // newest revision seen
	compacted atomic.Int64 // newest revision that this process gave up the past of
	commits   atomic.Uint64
	refused   atomic.Uint64
	batches   atomic.Uint64

	queue  queue
	life   context.Context // of what outlives calls: ends with Close
	end    context.CancelFunc
	work   sync.WaitGroup // goroutines
	ending chan struct{}  // closed when Close begins

	mu      sync.Mutex // guards the fields below
	closed  bool
	readers sync.WaitGroup // scans and backups in hand; added to under mu
	feeds   []*feed

	closing  sync.Once
	closeErr error // set in closing
}

var _ store.Store = (*Store)(nil)

// Open makes ready to use the cluster, which it does not need to reach yet:
// calls answer store.ErrUnavailable while it can't be. The values of ctx stay
// with the store, its end does not end the store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.defaults(); err != nil {
		return nil, fmt.Errorf("open etcd store: %w", err)
	}
	s := &Store{cfg: cfg, data: cfg.Prefix + "/d/", memo: cfg.Prefix + "/b/", queue: newQueue(), ending: make(chan struct{})}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if s.write, err = dial(cfg, s.observe); err != nil {
		s.end()
		return nil, fmt.Errorf("open etcd store: %w", err)
	}
	if s.watch, err = dial(cfg, s.observe); err != nil {
		s.end()
		return nil, errors.Join(fmt.Errorf("open etcd store: %w", err), s.write.close())
	}
	s.work.Go(func() { newCommitter(s).run() })
	if cfg.Keep > 0 {
		s.work.Go(s.upkeep)
	}
	return s, nil
}

// observe remembers the newest revision that was seen.
func (s *Store) observe(rev int64) { raise(&s.head, rev) }

// raise makes a number at least n.
func raise(a *atomic.Int64, n int64) {
	for old := a.Load(); n > old && !a.CompareAndSwap(old, n); old = a.Load() {
	}
}

// begin lets a call in; its end is s.readers.Done.
func (s *Store) begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.readers.Add(1)
	return nil
}

// Head implements store.Store.
func (s *Store) Head(ctx context.Context) (store.Revision, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.readers.Done()
	rev, err := s.askHead(ctx)
	if err != nil {
		return 0, err
	}
	s.nudge(rev)
	return store.Revision(rev), nil
}

// askHead asks for the newest revision, in agreement with a quorum.
func (s *Store) askHead(ctx context.Context) (int64, error) {
	resp, err := s.get(ctx, &pb.RangeRequest{Key: []byte(s.data), CountOnly: true})
	if err != nil {
		return 0, err
	}
	return resp.Header.Revision, nil
}

// get reads, asking one member after the other until one answers.
func (s *Store) get(ctx context.Context, req *pb.RangeRequest) (resp *pb.RangeResponse, err error) {
	err = s.ask(ctx, "read", func(ctx context.Context, m *member) error {
		resp, err = m.kv.Range(ctx, req, grpc.MaxCallRecvMsgSize(maxMessage))
		return err
	})
	if err != nil {
		return nil, err
	}
	s.observe(resp.Header.Revision)
	return resp, nil
}

// ask calls fn, which must be good to be called again, with a member after the
// other until it succeeds, fails for good, or patience ends.
func (s *Store) ask(ctx context.Context, doing string, fn func(context.Context, *member) error) error {
	patient, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	for try := 0; ; try++ {
		err := s.askOne(patient, fn)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrUnavailable): // no member, and that was waited for
			return err
		case !passing(err):
			return storeError(doing, err)
		case patient.Err() != nil:
			return unavailable(doing, err)
		}
		pause(patient, try)
	}
}

func (s *Store) askOne(ctx context.Context, fn func(context.Context, *member) error) error {
	m, err := s.write.pick(ctx)
	if err != nil {
		return err
	}
	one, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = fn(one, m)
	switch {
	case err == nil || ctx.Err() != nil:
	case stale(err):
		m.checked.Store(false)
	case passing(err):
		s.write.failed(m)
	}
	return err
}

// Compact implements store.Store. It is etcd's compaction, so it is for the
// whole cluster: whoever else watches from before rev gets ErrCompacted.
func (s *Store) Compact(ctx context.Context, rev store.Revision) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.readers.Done()
	if rev == 0 {
		return nil
	}
	return s.compact(ctx, int64(rev))
}

func (s *Store) compact(ctx context.Context, rev int64) error {
	err := s.ask(ctx, "compact", func(ctx context.Context, m *member) error {
		_, err := m.kv.Compact(ctx, &pb.CompactionRequest{Revision: rev})
		return err
	})
	if err != nil && !errors.Is(err, store.ErrCompacted) {
		return err
	}
	raise(&s.compacted, rev)
	for _, f := range s.allFeeds() {
		// A feed that is behind has events to come: etcd hands them out or says that it can't.
		_ = f.hist.Compact(min(store.Revision(rev), f.hist.Head()))
	}
	return nil
}

// Backup implements store.Store.
func (s *Store) Backup(ctx context.Context, w io.Writer) (store.Revision, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.readers.Done()
	rev, err := s.askHead(ctx)
	if err != nil {
		return 0, err
	}
	b := store.NewBackupWriter(w, store.Revision(rev))
	if err := s.scan(ctx, "", rev, b.Put); err != nil {
		return 0, err
	}
	return store.Revision(rev), b.Close()
}

// Stats implements store.Store. Oldest and Disk are as this process last saw
// them; Disk is the database of a member.
func (s *Store) Stats() store.Stats {
	var st store.Stats
	for _, f := range s.allFeeds() {
		var one store.Stats
		f.hist.Stats(&one)
		st.Watchers += one.Watchers
		st.History += one.History
	}
	st.Head, st.Oldest = store.Revision(s.head.Load()), store.Revision(s.compacted.Load())
	st.Commits, st.Conflicts, st.Batches = s.commits.Load(), s.refused.Load(), s.batches.Load()
	for _, m := range s.write.all {
		st.Disk = max(st.Disk, m.disk.Load())
	}
	return st
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.ending)
	s.queue.close()
	<-s.queue.drained
	for _, f := range s.allFeeds() {
		f.hist.Close()
	}
	s.readers.Wait()
	for _, f := range s.allFeeds() { // a Watch may have begun one meanwhile
		f.hist.Close()
	}
	s.end()
	s.work.Wait()
	return errors.Join(s.write.close(), s.watch.close())
}
