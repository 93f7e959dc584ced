package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/sallyport-iam/sallyport/internal/store"
)

const (
	// progressEvery is how often etcd is asked how far the watch is.
	progressEvery = 400 * time.Millisecond
	// silentFor is how long it may not answer before another member is asked.
	silentFor = 2500 * time.Millisecond
	// tellEvery is how often the log is told that a feed still doesn't work: it
	// is tried several times a second.
	tellEvery = time.Minute
)

// feed is one etcd watch over all records, and the history that it fills for
// all watchers.
type feed struct {
	s      *Store
	hist   *store.History
	asked  chan struct{} // holds a value when somebody waits for progress
	cancel context.CancelFunc
	users  int // guarded by Store.mu

	seen int64 // owned by run: everything up to it is in the history
}

// allFeeds returns the feeds of this moment.
func (s *Store) allFeeds() []*feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.feeds)
}

// nudge makes feeds that are behind rev ask how far they are, now.
func (s *Store) nudge(rev int64) {
	for _, f := range s.allFeeds() {
		if int64(f.hist.Head()) < rev {
			f.nudge()
		}
	}
}

func (f *feed) nudge() {
	select {
	case f.asked <- struct{}{}:
	default:
	}
}

// Watch implements store.Store. It asks etcd whether it has the revision, and
// is not ready before the feed has come as far.
func (s *Store) Watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.readers.Done()
	for {
		// etcd reads 0 as now, and has nothing before revision 1.
		_, err := s.get(ctx, &pb.RangeRequest{Key: []byte(s.data), CountOnly: true, Revision: max(int64(from), 1)})
		if err != nil {
			return nil, err
		}
		f := s.feedFrom(from)
		w, err := f.watch(ctx, prefix, from)
		if err == nil {
			return &watcher{Watcher: w, s: s, f: f}, nil
		}
		s.release(f)
		// A feed that was too late for a compaction has lost more than etcd,
		// which is asked again.
		if !errors.Is(err, store.ErrCompacted) {
			return nil, err
		}
	}
}

// feedFrom returns a feed that has, or will have, all revisions after from,
// for one more user.
func (s *Store) feedFrom(from store.Revision) *feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.feeds {
		var st store.Stats
		f.hist.Stats(&st)
		if st.Oldest <= from {
			f.users++
			return f
		}
	}
	f := &feed{s: s, hist: store.NewHistory(from, s.cfg.History), asked: make(chan struct{}, 1), users: 1, seen: int64(from)}
	ctx, cancel := context.WithCancel(s.life)
	f.cancel = cancel
	s.feeds = append(s.feeds, f)
	s.work.Go(func() { f.run(ctx) })
	return f
}

// release ends the use of a feed. The last one goes on without users.
func (s *Store) release(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.users--
	if f.users > 0 || len(s.feeds) == 1 {
		return
	}
	s.feeds = slices.DeleteFunc(s.feeds, func(g *feed) bool { return g == f })
	f.cancel()
	f.hist.Close()
}

// watch waits until the feed has come to from, which exists, and watches.
func (f *feed) watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	patient, cancel := context.WithTimeout(ctx, f.s.cfg.Patience)
	defer cancel()
	var waiting store.Watcher
	for {
		w, err := f.hist.Watch(prefix, from)
		if !errors.Is(err, store.ErrFuture) {
			return w, err
		}
		if waiting == nil {
			if waiting, err = f.hist.Watch("", f.hist.Head()); err != nil {
				return nil, err
			}
			defer waiting.Close()
		}
		f.nudge()
		if _, err := waiting.Next(patient); err != nil {
			if patient.Err() != nil && ctx.Err() == nil {
				return nil, fmt.Errorf("%w: the feed is at revision %d of %d", store.ErrUnavailable, f.hist.Head(), from)
			}
			return nil, err
		}
	}
}

// watcher gives its feed back when it is closed.
type watcher struct {
	store.Watcher
	s      *Store
	f      *feed
	closed bool // guarded by s.mu
}

// Close implements store.Watcher.
func (w *watcher) Close() error {
	err := w.Watcher.Close()
	w.s.mu.Lock()
	was := w.closed
	w.closed = true
	w.s.mu.Unlock()
	if !was {
		w.s.release(w.f)
	}
	return err
}

// run fills the history until ctx ends.
func (f *feed) run(ctx context.Context) {
	defer f.cancel()
	var told time.Time // when a failure was last told of
	for try := 0; ctx.Err() == nil; try++ {
		m, err := f.s.watch.pick(ctx)
		if err != nil {
			pause(ctx, 10)
			continue
		}
		before := f.seen
		err = f.follow(ctx, m)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrCompacted):
			f.lose(ctx)
			continue
		}
		f.s.watch.failed(m)
		if f.seen > before {
			try, told = 0, time.Time{}
		}
		if time.Since(told) > tellEvery {
			f.s.cfg.Log.Warn("etcd's feed broke off", "member", m.endpoint, "revision", f.seen, "err", err)
			told = time.Now()
		}
		pause(ctx, try)
	}
}

// lose goes on from the newest revision: what lies before it is compacted.
func (f *feed) lose(ctx context.Context) {
	head, err := f.s.askHead(ctx)
	if err != nil {
		pause(ctx, 10)
		return
	}
	f.s.cfg.Log.Warn("etcd compacted what this process had not seen yet", "seen", f.seen, "head", head)
	f.hist.Lose(store.Revision(head))
	f.seen = head
}

// follow watches through one member until that fails.
func (f *feed) follow(ctx context.Context, m *member) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	prefix := f.s.data
	silent := newWatchdog(silentFor, cancel) // Watch waits for the member
	silent.start()
	responses := m.client.Watch(ctx, prefix, clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)),
		clientv3.WithRev(f.seen+1), clientv3.WithFragment(), clientv3.WithCreatedNotify())
	silent.stop()
	ask := time.NewTicker(progressEvery)
	defer ask.Stop()
	heard := time.Now()
	for {
		select {
		case resp, ok := <-responses:
			if !ok {
				return errors.New("the watch ended")
			}
			heard = time.Now()
			if err := f.take(ctx, resp, m); err != nil {
				return err
			}
			continue
		case <-ask.C:
			if time.Since(heard) > silentFor {
				return fmt.Errorf("no answer for %v", silentFor)
			}
		case <-f.asked:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := requestProgress(ctx, m); err != nil {
			return err
		}
	}
}

func requestProgress(ctx context.Context, m *member) error {
	ctx, cancel := context.WithTimeout(ctx, silentFor)
	defer cancel()
	return m.client.RequestProgress(ctx)
}

// take publishes what etcd sent.
func (f *feed) take(ctx context.Context, resp clientv3.WatchResponse, m *member) error {
	if resp.CompactRevision != 0 {
		return store.ErrCompacted
	}
	if err := resp.Err(); err != nil {
		return err
	}
	if resp.Created {
		return f.checkHistory(ctx, m)
	}
	entries, err := f.entries(resp.Events)
	if err != nil {
		return err
	}
	if resp.IsProgressNotify() && resp.Header.Revision > f.seen {
		f.seen = resp.Header.Revision
		entries = append(entries, store.Entry{Event: store.Event{Rev: store.Revision(f.seen)}})
	}
	f.s.observe(f.seen)
	f.hist.Publish(entries)
	return nil
}

// checkHistory makes sure that nothing after the last revision seen is
// compacted. etcd itself lets a watch begin at the revision of a compaction,
// whose deletions it may have forgotten.
func (f *feed) checkHistory(ctx context.Context, m *member) error {
	ctx, cancel := context.WithTimeout(ctx, f.s.cfg.Timeout)
	defer cancel()
	_, err := m.kv.Range(ctx, &pb.RangeRequest{Key: []byte(f.s.data), CountOnly: true, Revision: max(f.seen, 1)})
	if err != nil {
		return storeError("check the history", err)
	}
	return nil
}

// entries makes one entry of all events of a revision, and moves on to the
// last. etcd sends them together, in order.
func (f *feed) entries(events []*clientv3.Event) ([]store.Entry, error) {
	var entries []store.Entry
	for _, e := range events {
		rev := e.Kv.ModRevision
		if rev < f.seen || rev == f.seen && len(entries) == 0 {
			continue // seen before
		}
		c := store.Change{Key: string(e.Kv.Key[len(f.s.data):]), Deleted: e.Type == clientv3.EventTypeDelete}
		if !c.Deleted {
			_, value, err := decode(e.Kv.Value)
			if err != nil {
				return nil, fmt.Errorf("record %q of revision %d: %w", c.Key, rev, err)
			}
			c.Value = value
		}
		if rev > f.seen {
			entries = append(entries, store.Entry{Event: store.Event{Rev: store.Revision(rev)}})
			f.seen = rev
		}
		last := &entries[len(entries)-1]
		last.Records = append(last.Records, c)
	}
	return entries, nil
}
