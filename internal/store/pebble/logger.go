package pebble

import (
	"fmt"
	"log/slog"

	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// logger is where the database reports to, and where it ends.
type logger struct {
	*ondisk.Ending
	slog *slog.Logger // nil means silence
}

func newLogger(opts Options) *logger {
	return &logger{ondisk.NewEnding("store", opts.Fatal), opts.Logger}
}

// background reports that a flush or compaction failed. Once the store closes
// that is no matter: the log has what was not flushed.
func (l *logger) background(err error) {
	if l.Closing.Load() {
		l.Errorf("%v", err)
		return
	}
	l.Fatal(err)
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
func (l *logger) Fatalf(format string, args ...any) { l.Fatal(fmt.Errorf(format, args...)) }
