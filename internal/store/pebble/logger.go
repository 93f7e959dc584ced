package pebble

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// logger is where the database reports to, and where it ends.
type logger struct {
	slog    *slog.Logger // nil means silence
	onFatal func(error)
	once    sync.Once
	dead    chan struct{} // closed at the first fatal error
	opened  atomic.Bool
	failed  atomic.Bool
	closing atomic.Bool
}

func newLogger(opts Options) *logger {
	l := &logger{slog: opts.Logger, onFatal: opts.Fatal, dead: make(chan struct{})}
	if l.onFatal == nil {
		l.onFatal = func(err error) { panic(err) }
	}
	return l
}

// fatal reports an error after which nothing may be answered. It never returns:
// its callers would go on as if nothing had happened.
func (l *logger) fatal(err error) {
	l.once.Do(func() {
		l.failed.Store(true)
		close(l.dead)
		l.onFatal(fmt.Errorf("store: %w", err))
	})
	select {}
}

// full is told by the file system that there is no room. The database would
// panic at that in some places.
func (l *logger) full() {
	if l.opened.Load() && !l.closing.Load() {
		l.fatal(syscall.ENOSPC)
	}
}

// guard is deferred by who writes. The database panics where its log has failed
// before it was asked to sync it: in the middle of a large batch.
func (l *logger) guard() {
	failed := recover()
	err, ok := failed.(error)
	_, bug := failed.(runtime.Error)
	switch {
	case failed == nil:
	case !ok || bug || l.failed.Load():
		panic(failed)
	default:
		l.fatal(err)
	}
}

// background reports that a flush or compaction failed. Once the store closes
// that is no matter: the log has what was not flushed.
func (l *logger) background(err error) {
	if l.closing.Load() {
		l.Errorf("%v", err)
		return
	}
	l.fatal(err)
}

// Infof implements the database's Logger, as the others do.
func (l *logger) Infof(format string, args ...any) {
	if l.slog != nil {
		l.slog.Debug(fmt.Sprintf(format, args...))
	}
}

// Errorf reports what went wrong but harms no data.
func (l *logger) Errorf(format string, args ...any) {
	if l.slog != nil {
		l.slog.Error(fmt.Sprintf(format, args...))
	}
}

// Fatalf is where errors of the write-ahead log and the manifest arrive.
func (l *logger) Fatalf(format string, args ...any) { l.fatal(fmt.Errorf(format, args...)) }
