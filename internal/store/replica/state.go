package replica

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// standing is where the copy stands.
type standing struct {
	head      store.Revision // of the copy
	loaded    bool           // there is a copy
	following bool           // the feed is being read, and the copy is that store's
	session   int            // counts how often that began
	failures  int            // attempts to load or follow that failed
	err       error          // of the last one
	down      bool           // it failed, and has not been followed since
	asOf      time.Time      // wall clock only; zero is unknown
	closed    bool
}

// state is a standing for which one can wait.
type state struct {
	mu   sync.Mutex // guards the fields below
	at   standing
	wake chan struct{} // closed at the next change; nil while nobody waits
}

func (s *state) now() standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *state) closed() bool { return s.now().closed }

// update changes the standing and wakes those who wait.
func (s *state) update(change func(*standing)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.at)
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// until waits until the standing is such, and returns it, or that at which ctx
// ended.
func (s *state) until(ctx context.Context, such func(standing) bool) (standing, error) {
	for {
		s.mu.Lock()
		at := s.at
		if s.wake == nil {
			s.wake = make(chan struct{})
		}
		wake := s.wake
		s.mu.Unlock()
		if such(at) {
			return at, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
}

// applied waits until the copy has the revision. Its error says why it has not:
// the feed is broken, ctx ended, or the replica was closed.
func (s *state) applied(ctx context.Context, rev store.Revision) error {
	at, err := s.until(ctx, func(now standing) bool { return now.head >= rev || now.down || now.closed })
	switch {
	case err != nil:
		return err
	case at.closed:
		return store.ErrClosed
	case at.head < rev:
		return at.err
	}
	return nil
}

// ready waits until there is a copy. Its error is that of the first attempt to
// load it that fails from now on.
func (s *state) ready(ctx context.Context) error {
	before := s.now().failures
	at, err := s.until(ctx, func(now standing) bool { return now.loaded || now.closed || now.failures > before })
	switch {
	case at.closed:
		return store.ErrClosed
	case at.loaded:
		return nil
	case err != nil && at.err != nil:
		return fmt.Errorf("%w: %w", err, at.err)
	case err != nil:
		return err
	}
	return at.err
}
