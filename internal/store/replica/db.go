package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

const (
	// databaseFormat is the database's own. Raising it changes formatLine.
	databaseFormat = pebbledb.FormatValueSeparation
	cacheSize      = 16 << 20
)

// dbCopy is one copy. What changes it is called by one goroutine at a time.
type dbCopy struct {
	dir     string
	db      *pebbledb.DB
	readers sync.WaitGroup // those who use db beside its owner

	head store.Revision
	last string    // key of the last change
	asOf time.Time // as stored; the current one is in state
}

func databaseOptions(log *dbLogger) *pebbledb.Options {
	o := &pebbledb.Options{
		FS:                 vfs.OnDiskFull(vfs.Default, log.Full),
		CacheSize:          cacheSize,
		FormatMajorVersion: databaseFormat,
		MemTableSize:       16 << 20,
		Logger:             log,
		EventListener:      &pebbledb.EventListener{BackgroundError: log.background, DataCorruption: log.corrupt},
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = 16 << 10
		// What a change replaces is looked up, and most often there is nothing.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// openDB opens a copy that is to be trusted: all of it was read, and every
// checksum agreed, and it is of the store that is named.
func openDB(ctx context.Context, dir string, log *dbLogger, name string) (*dbCopy, error) {
	o := databaseOptions(log)
	o.ErrorIfNotExists = true
	db, err := pebbledb.Open(dir, o)
	if err != nil {
		return nil, err
	}
	c := &dbCopy{dir: dir, db: db}
	err = c.readMeta(name)
	if err == nil {
		err = c.verify(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return c, nil
}

func (c *dbCopy) readMeta(name string) error {
	of, err := c.get(nameKey)
	if err != nil {
		return fmt.Errorf("read %s: %w", nameKey, err)
	}
	if string(of) != name {
		return fmt.Errorf("it is a copy of %q, not of %q", of, name)
	}
	head, err := c.get(headKey)
	if err == nil {
		c.head, c.last, err = parseHead(head)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", headKey, err)
	}
	asOf, err := c.get(asOfKey)
	if err == nil {
		c.asOf, err = parseAsOf(asOf)
	} else if errors.Is(err, pebbledb.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", asOfKey, err)
	}
	return nil
}

// get returns a copy of a value; ErrNotFound of the database where there is none.
func (c *dbCopy) get(key string) ([]byte, error) {
	b, closer, err := c.db.Get([]byte(key))
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte{}, b...), nil
}

// record is a record as the database has it; Rev is 0 where it is absent.
func (c *dbCopy) record(key string) (store.Record, error) {
	r := store.Record{Key: key}
	b, err := c.get(ondisk.Prefix + key)
	if errors.Is(err, pebbledb.ErrNotFound) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.Rev, r.Value, err = ondisk.Parse(b)
	if err != nil {
		return r, fmt.Errorf("key %q: %w", key, errors.Join(store.ErrDamaged, err))
	}
	return r, nil
}

// first is the lowest key; empty where there is none.
func (c *dbCopy) first() (string, error) {
	it, err := c.db.NewIter(ondisk.Range(""))
	if err != nil {
		return "", err
	}
	key := ""
	if it.First() {
		key = string(it.Key()[len(ondisk.Prefix):])
	}
	return key, errors.Join(it.Error(), it.Close())
}

// verify reads everything.
func (c *dbCopy) verify(ctx context.Context) (err error) {
	it, err := c.db.NewIterWithContext(ctx, &pebbledb.IterOptions{})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, it.Close()) }()
	prefix := []byte(ondisk.Prefix)
	n := 0
	for more := it.SeekGE(prefix); more; more = it.Next() {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		key := it.Key()
		if len(key) < len(prefix) || string(key[:len(prefix)]) != ondisk.Prefix {
			break // what stands beside the records
		}
		b, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if rev, _, err := ondisk.Parse(b); err != nil || rev > c.head {
			return fmt.Errorf("%w: key %q at revision %d of %d: %v", store.ErrDamaged, key, rev, c.head, err)
		}
	}
	return it.Error()
}

// change is events as a batch and as the history has them.
type change struct {
	batch   *pebbledb.Batch
	entries []store.Entry
	head    store.Revision
	last    string
}

// prepare makes of events what changes the copy by them. What they replace is
// looked up in the database and in what they wrote before.
func (c *dbCopy) prepare(events []store.Event) (ch change, err error) {
	ch = change{batch: c.db.NewBatch(), head: c.head, last: c.last}
	known := map[string]store.Record{}
	var key, value []byte
	for _, e := range events {
		if e.Rev <= ch.head {
			if len(e.Records) > 0 {
				return ch, fmt.Errorf("the feed has revision %d after %d", e.Rev, ch.head)
			}
			continue
		}
		ch.head = e.Rev
		if len(e.Records) == 0 {
			continue
		}
		entry := store.Entry{Event: e, Before: make([]store.Record, len(e.Records))}
		for i, r := range e.Records {
			before, ok := known[r.Key]
			if !ok {
				if before, err = c.record(r.Key); err != nil {
					return ch, err
				}
			}
			entry.Before[i] = before
			key = append(append(key[:0], ondisk.Prefix...), r.Key...)
			if r.Deleted {
				known[r.Key] = store.Record{Key: r.Key}
				err = ch.batch.Delete(key, nil)
			} else {
				known[r.Key] = store.Record{Key: r.Key, Value: r.Value, Rev: e.Rev}
				value = ondisk.Append(value[:0], e.Rev, r.Value)
				err = ch.batch.Set(key, value, nil)
			}
			if err != nil {
				return ch, err
			}
			ch.last = r.Key
		}
		ch.entries = append(ch.entries, entry)
	}
	return ch, ch.batch.Set([]byte(headKey), appendHead(nil, ch.head, ch.last), nil)
}

// write changes the copy, without waiting for the disk.
func (c *dbCopy) write(ch change) error {
	if err := c.db.Apply(ch.batch, pebbledb.NoSync); err != nil {
		return err
	}
	c.head, c.last = ch.head, ch.last
	return ch.batch.Close()
}

// writeAsOf stores when the copy was the newest, and up to where it goes.
func (c *dbCopy) writeAsOf(at time.Time) error {
	b := c.db.NewBatch()
	err := b.Set([]byte(headKey), appendHead(nil, c.head, c.last), nil)
	if err == nil {
		err = b.Set([]byte(asOfKey), appendAsOf(nil, at), nil)
	}
	if err == nil {
		err = c.db.Apply(b, pebbledb.NoSync)
	}
	return errors.Join(err, b.Close())
}
