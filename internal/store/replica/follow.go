package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

const (
	// A broken feed is taken up again after minPause, then twice as late each
	// time, up to maxPause.
	minPause = 100 * time.Millisecond
	maxPause = 5 * time.Second
	// silence is how long the remote store may say nothing where it must
	// answer: its feed reports progress every second.
	silence = 10 * time.Second
	// maxBatch is about how many bytes of changes are written at once.
	maxBatch = 4 << 20
)

var (
	// errOther: the remote store is not the one that was copied.
	errOther   = errors.New("the store has another past than its replica")
	errSilence = errors.New("the store said nothing for too long")
	errFound   = errors.New("found")
)

// follow keeps the copy up to date until ctx ends.
func (s *Store) follow(ctx context.Context) {
	defer s.log.Guard()
	pause := minPause
	for {
		before := s.state.now().session
		err := s.session(ctx)
		if ctx.Err() != nil {
			return
		}
		now := s.state.now()
		if now.session != before {
			pause = minPause
		}
		if !now.down {
			s.cfg.Log.Warn("the feed of the store is broken; the replica stays as it is until it returns", "revision", now.head, "cause", err)
		}
		s.state.update(func(now *standing) {
			now.following, now.down, now.err = false, true, err
			now.failures++
		})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// session makes sure that there is a copy of the remote store, and follows its
// feed until that breaks.
func (s *Store) session(ctx context.Context) error {
	w, err := s.watch(ctx)
	if again(err) || isDamage(err) {
		if !errors.Is(err, errNoCopy) {
			s.cfg.Log.Warn("the replica is loaded anew", "cause", err)
		}
		if failed := s.load(ctx); failed != nil {
			if isDamage(err) {
				s.reportDamage() // it still is
			}
			return fmt.Errorf("load the replica: %w", failed)
		}
		w, err = s.watchRemote(ctx)
	}
	if err != nil {
		return fmt.Errorf("watch the store: %w", err)
	}
	defer w.Close()
	if s.state.now().down {
		s.cfg.Log.Info("the feed of the store is back", "revision", s.copy.head)
	}
	s.state.update(func(now *standing) {
		now.following, now.down, now.err = true, false, nil
		now.session++
	})
	return s.take(ctx, w)
}

// errNoCopy: there is none yet.
var errNoCopy = errors.New("there was none")

// again reports whether an error means that only a new copy helps.
func again(err error) bool {
	return errors.Is(err, store.ErrCompacted) || errors.Is(err, store.ErrFuture) || errors.Is(err, errOther) || errors.Is(err, errNoCopy)
}

// watch watches from where the copy ends, if it is one of this store.
func (s *Store) watch(ctx context.Context) (store.Watcher, error) {
	select {
	case <-s.damaged:
		return nil, store.ErrDamaged
	default:
	}
	if s.copy == nil {
		return nil, errNoCopy
	}
	if err := s.compare(ctx); err != nil {
		return nil, err
	}
	return s.watchRemote(ctx)
}

func (s *Store) watchRemote(ctx context.Context) (store.Watcher, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, silence, errSilence)
	defer cancel()
	return s.cfg.Remote.Watch(ctx, "", s.copy.head)
}

// compare says errOther where the remote store, at the copy's revision, differs
// from the copy in the record that was changed last or in the first one. A
// store that was set up anew or restored may have the same revisions, but not
// the same records: those hold random bytes.
func (s *Store) compare(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, silence, errSilence)
	defer cancel()
	first, err := s.copy.first()
	if err != nil {
		return err
	}
	head, err := s.cfg.Remote.Head(ctx)
	if err != nil {
		return err
	}
	if head < s.copy.head {
		return fmt.Errorf("%w: it is at revision %d, the replica at %d", errOther, head, s.copy.head)
	}
	for _, key := range []string{first, s.copy.last} {
		if key == "" {
			continue
		}
		want, err := s.copy.record(key)
		if err != nil {
			return err
		}
		got, err := remoteRecord(ctx, s.cfg.Remote, key, s.copy.head)
		if err != nil {
			return err
		}
		if got.Rev != want.Rev || !bytes.Equal(got.Value, want.Value) {
			return fmt.Errorf("%w: record %q at revision %d", errOther, key, s.copy.head)
		}
	}
	return nil
}

// remoteRecord is a record at a revision; Rev is 0 where it is absent.
func remoteRecord(ctx context.Context, remote store.Store, key string, at store.Revision) (rec store.Record, err error) {
	if at == 0 {
		return rec, nil
	}
	// The key itself is the first that begins with it.
	_, err = remote.Scan(ctx, key, at, func(r store.Record) error {
		if r.Key == key {
			rec = r
		}
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return rec, err
}

// take applies what the watcher brings until it breaks.
func (s *Store) take(ctx context.Context, w store.Watcher) error {
	for {
		select {
		case <-s.damaged:
			s.reportDamage() // for the next session
			return store.ErrDamaged
		default:
		}
		within, cancel := context.WithTimeout(ctx, silence)
		events, err := w.Next(within)
		silent := within.Err() != nil && ctx.Err() == nil
		cancel()
		if err != nil && silent {
			return errSilence
		}
		for err == nil && len(events) > 0 {
			n := cut(events)
			err = s.apply(events[:n])
			events = events[n:]
		}
		if isDamage(err) {
			s.reportDamage()
		}
		if err != nil {
			return err
		}
	}
}

// cut is how many of the events, at least one, one batch is to hold.
func cut(events []store.Event) int {
	size := 0
	for i, e := range events {
		for _, c := range e.Records {
			size += len(c.Key) + len(c.Value)
		}
		if size > maxBatch {
			return max(i, 1)
		}
	}
	return len(events)
}

// apply changes the copy and shows the change to readers and watchers, at the
// same moment.
func (s *Store) apply(events []store.Event) error {
	ch, err := s.copy.prepare(events)
	if err != nil {
		return errors.Join(err, ch.batch.Close())
	}
	if ch.head == s.copy.head {
		return ch.batch.Close()
	}
	s.visible.Lock()
	if len(ch.entries) > 0 {
		err = s.copy.write(ch)
	} else {
		// A notice: stored with the next change or confirmation.
		s.copy.head = ch.head
		err = ch.batch.Close()
	}
	if err == nil {
		s.hist.Publish(ch.entries)
		s.hist.Advance(ch.head)
	}
	s.visible.Unlock()
	if err != nil {
		return err
	}
	s.state.update(func(now *standing) { now.head = ch.head })
	return nil
}
