package replica

import (
	"fmt"
	"log/slog"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// dbLogger is where the databases report to, and where they end.
type dbLogger struct {
	*ondisk.Ending
	slog   *slog.Logger
	damage func()
}

func newLogger(cfg Config, damage func()) *dbLogger {
	return &dbLogger{ondisk.NewEnding("replica", cfg.Fatal), cfg.Log, damage}
}

// Infof implements the database's Logger, as the others do.
func (l *dbLogger) Infof(format string, args ...any) { l.slog.Debug(fmt.Sprintf(format, args...)) }

// Errorf reports what went wrong but harms no data.
func (l *dbLogger) Errorf(format string, args ...any) {
	l.slog.Error("replica", "error", fmt.Sprintf(format, args...))
}

// Fatalf is where errors of the write-ahead log and the manifest arrive.
func (l *dbLogger) Fatalf(format string, args ...any) { l.Fatal(fmt.Errorf(format, args...)) }

// background is told of a flush or compaction that failed. It would be tried
// again for ever while writes pile up.
func (l *dbLogger) background(err error) {
	switch {
	case l.Closing.Load():
		l.Errorf("%v", err)
	case isDamage(err):
		l.damage()
	default:
		l.Fatal(err)
	}
}

// corrupt is told of a file that can't be read as it was written.
func (l *dbLogger) corrupt(info pebbledb.DataCorruptionInfo) {
	l.slog.Warn("a file of the replica is damaged", "file", info.Path, "cause", info.Details)
	l.damage()
}
