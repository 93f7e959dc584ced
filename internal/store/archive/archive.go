// Package archive keeps the history of a store in a folder: a full backup now
// and then, and between them all that the store's feed tells, so that the state
// at any moment can be restored. It works on every engine, and nothing that it
// meets holds up the store.
//
// A folder holds, each sealed by age (https://age-encryption.org/v1):
//
//	full-REVISION-TIME-LINE.age    a backup
//	feed-FROM-TO-TIME-LINE.age     what happened after revision FROM, up to TO
//
// A line is a stretch of history without a gap. It ends where the feed no
// longer reaches back to what is archived, such as after a crash of an engine
// whose feed lives in memory: then another begins, with a full backup at once.
// The file "progress" says up to when a line is known to hold everything. The
// times are those at which the changes were learned of, by the clock of the
// machine that archives, and never go back within a line.
package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Config says what to archive, and where. All but Every, Keep and Preamble must
// be set.
type Config struct {
	Dir   string // is made, with mode 0700, where it doesn't exist
	Store store.Store
	// State is the file that says which line of the archive the store's data
	// goes on with. It must go where the data goes: with a copy of the data
	// that is not of this moment it must not be.
	State string
	// Every is how much time lies between full backups. 0 means 24 hours.
	Every time.Duration
	// Keep is how far back every moment can be restored; what is only older is
	// deleted. 0 means that nothing is.
	Keep time.Duration
	// Recipients are those for whom files are sealed. It is called before the
	// first file is made, again after an error, and may take its time.
	Recipients func() ([]age.Recipient, error)
	// Preamble gives what stands before the store's own backup in a full one.
	Preamble func(time.Time) ([]byte, error)

	Now  func() time.Time
	Rand io.Reader
	Log  *slog.Logger
}

const (
	// A segment is written when its first event is so old, or it is so large.
	segmentAge  = 30 * time.Second
	segmentSize = 4 << 20 // bytes
	// bufferSize is how much waits in memory while the archive can't be
	// written. Then the feed is no longer read, and is lost in the end.
	bufferSize = 16 << 20
	// retryEvery is how long after a failure the next attempt is made.
	retryEvery = 5 * time.Second
	// drainTime is how long Close waits for the end of the feed.
	drainTime = 10 * time.Second
	// eventOverhead is about what an event or a change takes beside its bytes.
	eventOverhead = 64
)

// Status tells how far an archive is.
type Status struct {
	Revision store.Revision // all up to it is in the archive
	// Covered is the moment up to which all that happened is in the archive;
	// the zero time as long as nothing can be restored.
	Covered  time.Time
	Failures uint64 // attempts that failed since the start
}

// Archiver archives a store. Its methods may be called by many goroutines.
type Archiver struct {
	cfg     Config
	cancel  context.CancelFunc // ends everything
	closing chan struct{}      // closed by Close: archive what there is, then end
	closed  sync.Once
	done    chan struct{} // closed when it has ended

	lock io.Closer // of the folder; owned by run

	mu         sync.Mutex // guards the fields below
	recipients []age.Recipient
	status     Status
	started    time.Time
}

// Start begins to archive.
func Start(cfg Config) *Archiver {
	if cfg.Every == 0 {
		cfg.Every = 24 * time.Hour
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &Archiver{cfg: cfg, cancel: cancel, closing: make(chan struct{}), done: make(chan struct{}), started: cfg.Now()}
	go a.run(ctx)
	return a
}

// Status tells how far the archive is.
func (a *Archiver) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status
}

// Lag is how far the archive is behind the store: what happened in that time
// would be lost with the store.
func (a *Archiver) Lag() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := a.status.Covered
	if from.IsZero() {
		from = a.started
	}
	return max(0, a.cfg.Now().Sub(from))
}

// Close archives what the store has acknowledged, for as long as ctx and some
// seconds allow, and ends. The store must still be open.
func (a *Archiver) Close(ctx context.Context) {
	a.closed.Do(func() { close(a.closing) })
	timer := time.NewTimer(drainTime)
	defer timer.Stop()
	select {
	case <-a.done:
	case <-timer.C:
		a.cfg.Log.Error("the archive is not complete: its end took too long", "folder", a.cfg.Dir)
	case <-ctx.Done():
	}
	a.cancel()
	<-a.done
}

func (a *Archiver) run(ctx context.Context) {
	defer close(a.done)
	defer func() {
		if a.lock != nil {
			a.lock.Close()
		}
	}()
	for ctx.Err() == nil {
		err := a.follow(ctx)
		if ctx.Err() != nil || err == nil {
			return
		}
		a.failed("the archive is interrupted", err)
		if !errors.Is(err, store.ErrLagged) && !errors.Is(err, store.ErrCompacted) && !a.pause(ctx) {
			return
		}
	}
}

// pause waits before the next attempt, and says whether there is to be one.
func (a *Archiver) pause(ctx context.Context) bool {
	timer := time.NewTimer(retryEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-a.closing:
	case <-ctx.Done():
	}
	return false
}

func (a *Archiver) failed(what string, err error) {
	a.mu.Lock()
	a.status.Failures++
	a.mu.Unlock()
	a.cfg.Log.Error(what, "folder", a.cfg.Dir, "error", err)
}

// follow archives one line, as far as it goes, or until Close.
func (a *Archiver) follow(ctx context.Context) error {
	if err := a.enter(); err != nil {
		return err
	}
	w, err := a.resume(ctx)
	if err != nil {
		return err
	}
	defer w.watcher.Close()
	group, ctx := errgroup.WithContext(ctx)
	fulls, stop := context.WithCancel(ctx)
	group.Go(func() error { defer stop(); return w.feed(ctx) })
	group.Go(func() error { w.backups(fulls); return nil })
	return group.Wait()
}

// enter makes the folder and locks it, and takes away what a crash left.
func (a *Archiver) enter() error {
	if a.lock != nil {
		return nil
	}
	if err := os.MkdirAll(a.cfg.Dir, 0o700); err != nil {
		return err
	}
	lock, err := vfs.Default.Lock(filepath.Join(a.cfg.Dir, "lock"))
	if err != nil {
		return fmt.Errorf("another process archives to this folder, or it can't be locked: %w", err)
	}
	a.lock = lock
	left, err := filepath.Glob(filepath.Join(a.cfg.Dir, tempPrefix+"*"))
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// resume goes on with the line that the store's data belongs to where the feed
// still reaches back to its end, and begins another one where not.
func (a *Archiver) resume(ctx context.Context) (*writer, error) {
	lines, err := readNames(a.cfg.Dir)
	if err != nil {
		return nil, err
	}
	id, err := os.ReadFile(a.cfg.State)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, l := range lines {
		if l.id != strings.TrimSpace(string(id)) {
			continue
		}
		watcher, err := a.cfg.Store.Watch(ctx, "", l.lastFed())
		if err == nil {
			return newWriter(a, l, watcher), nil
		}
		if !errors.Is(err, store.ErrCompacted) && !errors.Is(err, store.ErrFuture) {
			return nil, err
		}
		a.cfg.Log.Warn("the archive has a gap: the store's feed does not reach back to its end; a full backup follows",
			"folder", a.cfg.Dir, "archived up to revision", l.lastFed())
	}
	return a.newLine(ctx)
}

func (a *Archiver) newLine(ctx context.Context) (*writer, error) {
	head, err := a.cfg.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	watcher, err := a.cfg.Store.Watch(ctx, "", head)
	if err != nil {
		return nil, err
	}
	var b [lineLen / 2]byte
	if _, err := io.ReadFull(a.cfg.Rand, b[:]); err != nil {
		return nil, errors.Join(err, watcher.Close())
	}
	id := hex.EncodeToString(b[:])
	if err := writeFile(a.cfg.State, func(w io.Writer) error { _, err := io.WriteString(w, id+"\n"); return err }); err != nil {
		return nil, errors.Join(err, watcher.Close())
	}
	w := newWriter(a, &line{id: id}, watcher)
	w.from, w.to = head, head
	return w, nil
}

// sealFor gives those for whom files are sealed.
func (a *Archiver) sealFor() ([]age.Recipient, error) {
	a.mu.Lock()
	known := a.recipients
	a.mu.Unlock()
	if known != nil {
		return known, nil
	}
	made, err := a.cfg.Recipients()
	if err != nil {
		return nil, err
	}
	if len(made) == 0 {
		return nil, errors.New("there is nobody to seal the archive for")
	}
	a.mu.Lock()
	a.recipients = made
	a.mu.Unlock()
	return made, nil
}
