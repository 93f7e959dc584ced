//go:build cluster

package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"
)

// logCore hands etcd's log lines on, which come without a context. Its chatter
// is worth debug.
type logCore struct {
	log    *slog.Logger
	told   *told
	fields []zapcore.Field
}

// told keeps etcd from repeating itself: without a majority of members it has
// several warnings a second.
type told struct {
	mu      sync.Mutex
	at      map[string]time.Time // guarded by mu: message to when it was last told
	closing atomic.Bool          // what is said now is of the stop itself
}

// tellAgain is how long after a warning or error its like is told again.
const tellAgain = time.Minute

// level is that of a line.
func (t *told) level(e zapcore.Entry) slog.Level {
	level := level(e.Level)
	if level <= slog.LevelDebug || e.Level > zapcore.ErrorLevel {
		return level
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	last, before := t.at[e.Message]
	if t.closing.Load() || before && e.Time.Sub(last) < tellAgain {
		return slog.LevelDebug
	}
	t.at[e.Message] = e.Time
	return level
}

func level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled implements zapcore.Core, as the others do.
func (c *logCore) Enabled(l zapcore.Level) bool {
	return c.log.Enabled(context.Background(), level(l))
}

func (c *logCore) With(fields []zapcore.Field) zapcore.Core {
	return &logCore{c.log, c.told, slices.Concat(c.fields, fields)}
}

func (c *logCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c *logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	level := c.told.level(e)
	if !c.log.Enabled(context.Background(), level) {
		return nil
	}
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range slices.Concat(c.fields, fields) {
		f.AddTo(enc)
	}
	attrs := make([]slog.Attr, 0, len(enc.Fields))
	for k, v := range enc.Fields {
		if !strings.HasSuffix(k, "Verbose") { // stack traces of errors
			attrs = append(attrs, slog.Any(k, v))
		}
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	c.log.LogAttrs(context.Background(), level, "etcd: "+e.Message, attrs...)
	return nil
}

func (c *logCore) Sync() error { return nil }

// fatalHook is called after etcd has logged why it can't go on.
type fatalHook struct {
	fatal func(error)
	told  *told
}

// OnWrite implements zapcore.CheckWriteHook.
func (f fatalHook) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	if f.told.closing.Load() {
		runtime.Goexit() // the member ends anyway
	}
	err := errors.New(e.Message)
	for _, field := range fields {
		if cause, ok := field.Interface.(error); ok {
			err = fmt.Errorf("%s: %w", e.Message, cause)
		}
	}
	f.fatal(fmt.Errorf("cluster: %w", err))
	select {} // etcd would go on
}

// explain adds what to do to errors that an operator meets.
func explain(cfg Config, err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "has already been bootstrapped"):
		return fmt.Errorf("%w: the cluster knows member %s, whose data is not in %s; let a living node replace it (sallyport cluster replace), then start this one with --cluster-join", err, cfg.Name, cfg.Dir)
	case strings.Contains(text, "cannot fetch cluster info"):
		return fmt.Errorf("%w: no other member answers, and joining needs one", err)
	case strings.Contains(text, "error validating peerURLs") || strings.Contains(text, "member count is unequal"):
		return fmt.Errorf("%w: the cluster has other members than --cluster names; has it been told of this one (sallyport cluster replace)?", err)
	}
	return err
}
