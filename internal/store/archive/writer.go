package archive

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// writer writes a line.
type writer struct {
	a       *Archiver
	id      string
	watcher store.Watcher

	// Owned by feed.
	from, to store.Revision // what is in memory: after from, up to to
	events   []event
	size     int       // bytes that the events hold, about
	first    time.Time // when the first of them came
	retry    time.Time // not before it is the next attempt after a failure
	noted    time.Time // when progress was written

	mu    sync.Mutex // guards the fields below
	clock time.Time  // the last time given out
	last  name       // the last full backup; without a kind where there is none
}

func newWriter(a *Archiver, l *line, watcher store.Watcher) *writer {
	w := &writer{a: a, id: l.id, watcher: watcher, from: l.lastFed(), to: l.lastFed(), clock: l.until}
	if n := len(l.fulls); n > 0 {
		w.last = l.fulls[n-1]
	}
	return w
}

// now is the time in whole milliseconds. It never goes back in a line.
func (w *writer) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t := w.a.cfg.Now().UTC().Truncate(time.Millisecond); t.After(w.clock) {
		w.clock = t
	}
	return w.clock
}

// feed archives events until Close, or until there is no going on.
func (w *writer) feed(ctx context.Context) error {
	for {
		if closing(w.a.closing) {
			return w.drain(ctx)
		}
		// A second at most, as Next always returns after one.
		events, err := w.watcher.Next(ctx)
		if err != nil {
			// What is known is archived; the line ends here.
			if ctx.Err() == nil && len(w.events) > 0 {
				err = errors.Join(err, w.flush())
			}
			return err
		}
		w.take(events)
		if err := w.flushDue(ctx); err != nil {
			return err
		}
	}
}

func closing(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (w *writer) take(events []store.Event) {
	at := w.now()
	for _, e := range events {
		w.to = max(w.to, e.Rev)
		if len(e.Records) == 0 {
			continue
		}
		if len(w.events) == 0 {
			w.first = at
		}
		w.events = append(w.events, event{e, at})
		w.size += eventOverhead
		for _, c := range e.Records {
			w.size += eventOverhead + len(c.Key) + len(c.Value)
		}
	}
}

// flushDue writes a segment where it is time to. While that fails the events
// wait, up to bufferSize; beyond it the feed does.
func (w *writer) flushDue(ctx context.Context) error {
	for {
		now := w.now()
		if len(w.events) == 0 {
			w.note(now)
			return nil
		}
		due := now.Sub(w.first) >= segmentAge || w.size >= segmentSize || w.noted.IsZero() && w.restorable()
		if !due || now.Before(w.retry) && w.size < bufferSize {
			return nil
		}
		err := w.flush()
		if err == nil {
			w.note(now)
			return nil
		}
		w.a.failed("changes not archived; this is tried again", err)
		w.retry = now.Add(retryEvery)
		if w.size < bufferSize {
			return nil
		}
		if !w.a.pause(ctx) {
			return ctx.Err()
		}
	}
}

// restorable reports whether there is a full backup for what the feed has told.
func (w *writer) restorable() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last.kind != "" && w.last.to <= w.to
}

// note says that the archive holds everything up to now.
func (w *writer) note(now time.Time) {
	if !w.restorable() {
		return
	}
	w.a.mu.Lock()
	w.a.status.Revision, w.a.status.Covered = w.to, now
	w.a.mu.Unlock()
	if now.Sub(w.noted) < segmentAge && !closing(w.a.closing) {
		return
	}
	w.noted = now
	if err := (progress{Line: w.id, Revision: w.from, Time: now}).write(w.a.cfg.Dir); err != nil {
		w.a.failed("the archive's progress is not written", err)
	}
}

// flush writes what is in memory to a segment.
func (w *writer) flush() error {
	recipients, err := w.a.sealFor()
	if err != nil {
		return err
	}
	s := segment{name: name{kind: kindFeed, from: w.from, to: w.to, time: w.now(), line: w.id}, events: w.events}
	err = writeFile(filepath.Join(w.a.cfg.Dir, s.name.String()), func(f io.Writer) error {
		return sealTo(f, recipients, func(f io.Writer) error { _, err := f.Write(s.encode()); return err })
	})
	if err != nil {
		return err
	}
	w.from, w.events, w.size = w.to, nil, 0
	return nil
}

// drain archives what the store has acknowledged so far.
func (w *writer) drain(ctx context.Context) error {
	head, err := w.a.cfg.Store.Head(ctx)
	if err != nil {
		return nil // the end all the same
	}
	for w.to < head {
		events, err := w.watcher.Next(ctx)
		if err != nil {
			w.a.failed("the end of the feed is not archived", err)
			break
		}
		w.take(events)
	}
	if len(w.events) > 0 {
		if err := w.flush(); err != nil {
			w.a.failed("the last changes are not archived", err)
			return nil
		}
	}
	w.note(w.now())
	return nil
}

// backups makes the full backups of the line, until ctx ends.
func (w *writer) backups(ctx context.Context) {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		if w.due(ctx) {
			if err := w.full(ctx); err != nil && ctx.Err() == nil {
				w.a.failed("no full backup was made; this is tried again", err)
			} else if err == nil {
				w.a.prune(w.now())
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// due reports whether a full backup is to be made: the line has none, or its
// last one is old and not of the newest state.
func (w *writer) due(ctx context.Context) bool {
	w.mu.Lock()
	last := w.last
	w.mu.Unlock()
	if last.kind == "" {
		return true
	}
	if w.now().Sub(last.time) < w.a.cfg.Every {
		return false
	}
	head, err := w.a.cfg.Store.Head(ctx)
	return err == nil && head > last.to
}

// full makes a full backup.
func (w *writer) full(ctx context.Context) error {
	recipients, err := w.a.sealFor()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(w.a.cfg.Dir, tempPrefix+"*")
	if err != nil {
		return err
	}
	n := name{kind: kindFull, line: w.id}
	err = sealTo(f, recipients, func(f io.Writer) error {
		if w.a.cfg.Preamble != nil {
			b, err := w.a.cfg.Preamble(w.now())
			if err == nil {
				_, err = f.Write(b)
			}
			if err != nil {
				return err
			}
		}
		first := &firstWrite{w: f, now: w.now}
		n.to, err = w.a.cfg.Store.Backup(ctx, first)
		n.from, n.time = n.to, first.at
		return err
	})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), filepath.Join(w.a.cfg.Dir, n.String())); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := syncFolder(w.a.cfg.Dir); err != nil {
		return err
	}
	w.mu.Lock()
	w.last = n
	w.mu.Unlock()
	w.a.cfg.Log.Info("the archive has a full backup", "file", n.String())
	return nil
}

// firstWrite remembers when it was first written to. By then the revision of a
// backup is chosen.
type firstWrite struct {
	w   io.Writer
	now func() time.Time
	at  time.Time
}

func (f *firstWrite) Write(p []byte) (int, error) {
	if f.at.IsZero() {
		f.at = f.now()
	}
	return f.w.Write(p)
}

// prune deletes what is needed for no moment since Keep ago.
func (a *Archiver) prune(now time.Time) {
	if a.cfg.Keep == 0 {
		return
	}
	lines, err := readNames(a.cfg.Dir)
	if err != nil {
		a.failed("old files of the archive are not deleted", err)
		return
	}
	since := now.Add(-a.cfg.Keep)
	for _, l := range lines {
		for _, n := range l.unneeded(since) {
			if err := os.Remove(filepath.Join(a.cfg.Dir, n.String())); err != nil {
				a.failed("an old file of the archive is not deleted", err)
			}
		}
	}
}

// unneeded are the files of a line without which every moment since then can
// be restored still, in the order in which they can go: what a cut leaves is
// the end of the line, and feeds from before it.
func (l *line) unneeded(since time.Time) []name {
	all := append(append([]name{}, l.fulls...), l.feeds...)
	if l.until.Before(since) {
		return all
	}
	var base name // the newest full backup that is old enough to begin from
	for _, n := range l.fulls {
		if !n.time.After(since) {
			base = n
		}
	}
	var old []name
	for _, n := range all {
		if n.kind == kindFull && n.to < base.to || n.kind == kindFeed && n.to <= base.to {
			old = append(old, n)
		}
	}
	return old
}
