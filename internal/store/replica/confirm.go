package replica

import (
	"context"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// confirmEvery is how often the copy is compared with the remote store's head.
const confirmEvery = time.Second

// confirm finds out, until ctx ends, at what time the copy was the newest.
func (s *Store) confirm(ctx context.Context) {
	defer s.log.Guard()
	for tick := time.NewTicker(confirmEvery); ; {
		s.confirmOnce(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}

// confirmOnce asks for the head, waits until the copy has it, and then knows
// that the copy was the newest when it asked.
func (s *Store) confirmOnce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	// The feed must be that of the store which is asked, from here to the end:
	// a store that was set up anew may be far behind the copy of the old one.
	before, err := s.state.until(ctx, func(now standing) bool { return now.following || now.closed })
	if err != nil || before.closed {
		return
	}
	asked := s.cfg.Now().Round(0)
	head, err := s.cfg.Remote.Head(ctx)
	if err != nil {
		return
	}
	if head < before.head {
		s.cfg.Log.Warn("the store went back", "head", head, "replica", before.head)
		s.reportDamage()
		return
	}
	same := func(now standing) bool { return now.following && now.session == before.session && !now.closed }
	at, err := s.state.until(ctx, func(now standing) bool { return now.head >= head || !same(now) })
	if err == nil && same(at) {
		s.confirmed(asked, before.session)
		s.sync()
	}
}

// sync makes durable what was written, beside those who write. A disk that takes
// nothing any more is noticed by it, which ends the process.
func (s *Store) sync() {
	if c := s.acquire(); c != nil {
		defer c.readers.Done()
		if err := c.db.LogData(nil, pebbledb.Sync); err != nil {
			s.log.background(err)
		}
	}
}

// confirmed notes a time, unless the copy was replaced meanwhile.
func (s *Store) confirmed(at time.Time, session int) {
	s.visible.Lock()
	defer s.visible.Unlock()
	now := s.state.now()
	if now.closed || now.session != session || !now.following {
		return
	}
	// An earlier time than the last one is of a clock that was set back: the
	// later one can't be told from a wrong one any more.
	if err := s.copy.writeAsOf(at); err != nil {
		s.reportDamage()
		return
	}
	s.state.update(func(now *standing) { now.asOf = at })
}
