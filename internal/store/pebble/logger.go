package pebble

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
)

// logger is where the database reports to, and where it ends.
type logger struct {
	slog    *slog.Logger // nil means silence
	onFatal func(error)
	once    sync.Once
	dead    chan struct{} // closed at the first fatal error
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
		close(l.dead)
		l.onFatal(fmt.Errorf("store: %w", err))
	})
	select {}
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
