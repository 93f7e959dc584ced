package ondisk

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// Ending ends the process at the first error of a database after which nothing
// may be answered.
type Ending struct {
	// Opened and Closing say when a full disk is fatal: between the two.
	Opened, Closing atomic.Bool

	name   string
	end    func(error)
	once   sync.Once
	failed atomic.Bool
	dead   chan struct{}
}

// NewEnding makes the ending of what has that name. end must end the process; nil
// means panic.
func NewEnding(name string, end func(error)) *Ending {
	if end == nil {
		end = func(err error) { panic(err) }
	}
	return &Ending{name: name, end: end, dead: make(chan struct{})}
}

// Dead is closed at the first fatal error.
func (e *Ending) Dead() <-chan struct{} { return e.dead }

// Fatal reports an error after which nothing may be answered. It never returns:
// its callers would go on as if nothing had happened.
func (e *Ending) Fatal(err error) {
	e.once.Do(func() {
		e.failed.Store(true)
		close(e.dead)
		e.end(fmt.Errorf("%s: %w", e.name, err))
	})
	select {}
}

// Full is told by the file system that there is no room. The database would
// panic at that in some places.
func (e *Ending) Full() {
	if e.Opened.Load() && !e.Closing.Load() {
		e.Fatal(syscall.ENOSPC)
	}
}

// Guard is deferred by who writes. The database panics where its log has failed
// before it was asked to sync it: in the middle of a large batch.
func (e *Ending) Guard() {
	failed := recover()
	err, ok := failed.(error)
	_, bug := failed.(runtime.Error)
	switch {
	case failed == nil:
	case !ok || bug || e.failed.Load():
		panic(failed)
	default:
		e.Fatal(err)
	}
}
