package replica

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// loadBatch is how many bytes are written at once while a copy is loaded.
const loadBatch = 1 << 20

// load makes a copy of the remote store in a folder of its own, and puts it in
// the place of the one there is. Readers of that one keep it until they are
// done; watchers are told to scan again.
func (s *Store) load(ctx context.Context) error {
	began := s.cfg.Now()
	dir, err := s.folder.next()
	if err != nil {
		return err
	}
	head, err := s.fetch(ctx, dir)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	c, err := reopenDB(dir, s.log, s.cfg.Name)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.folder.point(); err != nil {
		return errors.Join(err, c.db.Close(), os.RemoveAll(dir))
	}
	select {
	case <-s.damaged: // said of the old copy
	default:
	}
	s.visible.Lock()
	old := s.copy
	s.copy = c
	s.hist.Reset(head)
	s.state.update(func(now *standing) { now.loaded, now.head, now.asOf = true, head, c.asOf })
	s.visible.Unlock()
	s.cfg.Log.Info("the replica is loaded", "revision", head, "took", s.cfg.Now().Sub(began).Round(time.Millisecond))
	if old != nil {
		s.tasks.Go(func() { s.discard(old) })
	}
	return nil
}

// discard takes a copy away that was replaced, when its readers are done.
func (s *Store) discard(c *dbCopy) {
	c.readers.Wait()
	if err := errors.Join(c.db.Close(), os.RemoveAll(c.dir)); err != nil {
		s.cfg.Log.Warn("a replica that was replaced could not be removed", "folder", c.dir, "cause", err)
	}
}

// fetch writes the remote store's records into a new database, which is
// complete and on the disk when it returns.
func (s *Store) fetch(ctx context.Context, dir string) (head store.Revision, err error) {
	o := databaseOptions(s.log)
	o.ErrorIfExists = true
	// What is loaded goes into tables at once. They count when all are there.
	o.DisableWAL = true
	o.MemTableSize = 64 << 20
	db, err := pebbledb.Open(dir, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	asOf := s.cfg.Now().Round(0)
	atLeast, err := s.cfg.Remote.Head(ctx)
	if err != nil {
		return 0, err
	}
	in := loader{db: db, batch: db.NewBatch()}
	head, err = in.scan(ctx, s.cfg.Remote)
	if err != nil {
		return 0, errors.Join(err, in.batch.Close())
	}
	if head < atLeast {
		return 0, errors.Join(fmt.Errorf("%w: it was at revision %d, its scan is of %d", errOther, atLeast, head), in.batch.Close())
	}
	err = errors.Join(
		in.batch.Set([]byte(nameKey), []byte(s.cfg.Name), nil),
		in.batch.Set([]byte(headKey), appendHead(nil, head, in.last), nil),
		in.batch.Set([]byte(asOfKey), appendAsOf(nil, asOf), nil),
	)
	if err != nil {
		return 0, err
	}
	if err := in.flush(); err != nil {
		return 0, err
	}
	return head, db.Flush()
}

// loader writes records in large batches.
type loader struct {
	db         *pebbledb.DB
	batch      *pebbledb.Batch
	key, value []byte // scratch
	newest     store.Revision
	last       string // key of the newest record
}

// scan reads the remote store, and gives up when nothing comes for too long.
func (l *loader) scan(ctx context.Context, remote store.Store) (store.Revision, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(3*silence, func() { cancel(errSilence) })
	defer watchdog.Stop()
	n := 0
	head, err := remote.Scan(ctx, "", 0, func(r store.Record) error {
		if n++; n%1024 == 0 {
			watchdog.Reset(3 * silence)
		}
		return l.put(r)
	})
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errSilence) {
		err = errors.Join(cause, err)
	}
	return head, err
}

func (l *loader) put(r store.Record) error {
	l.key = append(append(l.key[:0], ondisk.Prefix...), r.Key...)
	l.value = ondisk.Append(l.value[:0], r.Rev, r.Value)
	if err := l.batch.Set(l.key, l.value, nil); err != nil {
		return err
	}
	if r.Rev > l.newest {
		l.newest, l.last = r.Rev, r.Key
	}
	if l.batch.Len() < loadBatch {
		return nil
	}
	return l.flush()
}

func (l *loader) flush() error {
	err := l.db.Apply(l.batch, pebbledb.NoSync)
	l.batch.Reset()
	return err
}

// reopenDB opens a copy that was made just now.
func reopenDB(dir string, log *dbLogger, name string) (*dbCopy, error) {
	db, err := pebbledb.Open(dir, databaseOptions(log))
	if err != nil {
		return nil, err
	}
	c := &dbCopy{dir: dir, db: db}
	if err := c.readMeta(name); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return c, nil
}
