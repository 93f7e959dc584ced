package replica

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// dbLogger is where the databases report to.
type dbLogger struct {
	slog    *slog.Logger
	onFatal func(error)
	damage  func()
	once    sync.Once
	opened  atomic.Bool
	failed  atomic.Bool
	closing atomic.Bool
}

func newLogger(cfg Config, damage func()) *dbLogger {
	l := &dbLogger{slog: cfg.Log, onFatal: cfg.Fatal, damage: damage}
	if l.onFatal == nil {
		l.onFatal = func(err error) { panic(err) }
	}
	return l
}

// Infof implements the database's Logger, as the others do.
func (l *dbLogger) Infof(format string, args ...any) { l.slog.Debug(fmt.Sprintf(format, args...)) }

// Errorf reports what went wrong but harms no data.
func (l *dbLogger) Errorf(format string, args ...any) {
	l.slog.Error("replica", "error", fmt.Sprintf(format, args...))
}

// Fatalf is where errors of the write-ahead log and the manifest arrive. It
// never returns: its callers would go on as if nothing had happened.
func (l *dbLogger) Fatalf(format string, args ...any) { l.fatal(fmt.Errorf(format, args...)) }

func (l *dbLogger) fatal(err error) {
	l.once.Do(func() {
		l.failed.Store(true)
		l.onFatal(fmt.Errorf("replica: %w", err))
	})
	select {}
}

// full is told by the file system that there is no room. The database would
// panic at that in some places.
func (l *dbLogger) full() {
	if l.opened.Load() && !l.closing.Load() {
		l.fatal(syscall.ENOSPC)
	}
}

// guard is deferred by who writes. The database panics where its log has failed
// and nobody waited for that.
func (l *dbLogger) guard() {
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

// background is told of a flush or compaction that failed. It would be tried
// again for ever while writes pile up.
func (l *dbLogger) background(err error) {
	switch {
	case l.closing.Load():
		l.Errorf("%v", err)
	case isDamage(err):
		l.damage()
	default:
		l.fatal(err)
	}
}

// corrupt is told of a file that can't be read as it was written.
func (l *dbLogger) corrupt(info pebbledb.DataCorruptionInfo) {
	l.slog.Warn("a file of the replica is damaged", "file", info.Path, "cause", info.Details)
	l.damage()
}
