package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// CheckReport is what Check found.
type CheckReport struct {
	Head store.Revision // newest committed
	// Damage says what is wrong with files and records, one thing each.
	Damage []Damage
	// Partial is true where some records could not be read at all.
	Partial bool
}

// Damage is one thing that is wrong in a folder.
type Damage struct {
	Where string // a record's key, or a file
	Err   error
}

// Check reads the whole store in the folder dir, which no process may have
// open: the log, every block of every file against its checksum, and every
// record. It calls record with each sound record in the order of keys, and
// changes nothing. An error means that there is nothing to check: no store,
// ErrLocked, ErrFormat, or an error of record.
func Check(ctx context.Context, dir string, opts Options, record func(store.Record) error) (CheckReport, error) {
	if _, err := vfs.Default.Stat(filepath.Join(dir, formatName)); errors.Is(err, fs.ErrNotExist) {
		return CheckReport{}, fmt.Errorf("%w: folder %s is not a store", store.ErrFormat, dir)
	} else if err != nil {
		return CheckReport{}, err
	}
	dir, lock, err := enter(vfs.Default, dir)
	if err != nil {
		return CheckReport{}, err
	}
	defer lock.Close()
	if _, err := checkFormat(vfs.Default, dir); err != nil {
		return CheckReport{}, err
	}
	opts.FS = vfs.Default
	c := checker{dir: dir, opts: databaseOptions(opts, newLogger(opts), lock)}
	c.opts.ReadOnly, c.opts.ErrorIfNotExists = true, true
	// Damage is what is looked for here, and no reason to end.
	c.opts.EventListener = &pebbledb.EventListener{DataCorruption: func(pebbledb.DataCorruptionInfo) {}}
	err = errors.Join(c.check(ctx, record), ctx.Err())
	return c.report, err
}

type checker struct {
	dir    string
	opts   *pebbledb.Options
	report CheckReport
}

func (c *checker) damaged(where string, err error) {
	c.report.Damage = append(c.report.Damage, Damage{where, err})
}

func (c *checker) check(ctx context.Context, record func(store.Record) error) (err error) {
	if err := checkNewestLog(vfs.Default, c.dir); err != nil {
		c.damaged(c.dir, err)
		c.report.Partial = true
	}
	db, err := pebbledb.Open(c.dir, c.opts)
	if err != nil {
		c.damaged(c.dir, fmt.Errorf("the database does not open: %w", err))
		c.report.Partial = true
		return nil
	}
	defer func() {
		if e := db.Close(); e != nil {
			c.damaged(c.dir, e)
		}
	}()
	c.files(ctx, db)
	if c.report.Head, err = readHead(db); err != nil {
		c.damaged(headKey, err)
	}
	return c.records(ctx, db, record)
}

// files verifies the checksum of every block of the live files.
func (c *checker) files(ctx context.Context, db *pebbledb.DB) {
	levels, err := db.SSTables()
	if err != nil {
		c.damaged(c.dir, err)
		return
	}
	for _, level := range levels {
		for _, table := range level {
			name := fmt.Sprintf("%06d.sst", uint64(table.BackingSSTNum))
			if err := c.file(ctx, filepath.Join(c.dir, name)); err != nil {
				c.damaged(name, err)
			}
		}
	}
}

func (c *checker) file(ctx context.Context, path string) error {
	f, err := vfs.Default.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r, err := sstable.NewReader(ctx, readable, c.opts.MakeReaderOptions())
	if err != nil {
		return err // NewReader has closed the file
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// records reads all keys of the database.
func (c *checker) records(ctx context.Context, db *pebbledb.DB, record func(store.Record) error) error {
	it, err := db.NewIterWithContext(ctx, nil)
	if err != nil {
		c.lost(nil, err)
		return nil
	}
	defer it.Close()
	var last []byte
	for more := it.First(); more; more = it.Next() {
		last = append(last[:0], it.Key()...)
		b, err := it.ValueAndErr()
		if err != nil {
			c.lost(last, err)
			continue
		}
		if err := c.record(last, b, record); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		c.lost(last, err)
	}
	return nil
}

// lost says that records behind a key can't be read.
func (c *checker) lost(last []byte, err error) {
	c.report.Partial = true
	c.damaged(string(bytes.TrimPrefix(last, []byte(ondisk.Prefix))), fmt.Errorf("what follows this record can't be read: %w", err))
}

func (c *checker) record(key, stored []byte, record func(store.Record) error) error {
	name, ok := bytes.CutPrefix(key, []byte(ondisk.Prefix))
	if !ok {
		if string(key) != headKey {
			c.damaged(string(key), errors.New("the store has no such key"))
		}
		return nil
	}
	rev, value, err := ondisk.Parse(stored)
	switch {
	case err != nil || len(name) == 0:
		c.damaged(string(name), ondisk.ErrMalformed)
		return nil
	case rev > c.report.Head:
		c.damaged(string(name), fmt.Errorf("written by revision %d, after the last one, %d", rev, c.report.Head))
	}
	return record(store.Record{Key: string(name), Value: bytes.Clone(value), Rev: rev})
}
