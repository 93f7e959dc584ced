package pebble

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// restoreBatch is how many bytes are given to the database at a time.
const restoreBatch = 1 << 20

// Restore makes a store of a backup in the folder dir, which must be empty or
// not exist. The folder appears only when the whole backup has been read, found
// undamaged and written to the disk. As with Open, a disk that fails ends the
// process.
func Restore(dir string, r io.Reader) (err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if names, err := os.ReadDir(dir); err == nil && len(names) > 0 {
		return fmt.Errorf("restore store: folder %s is not empty", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("restore store: %w", err)
	}
	parent := filepath.Dir(dir)
	if err := makeFolder(vfs.Default, parent); err != nil {
		return fmt.Errorf("restore store: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, filepath.Base(dir)+".restoring-")
	if err != nil {
		return fmt.Errorf("restore store: %w", err)
	}
	if err := fill(tmp, r); err != nil {
		return errors.Join(fmt.Errorf("restore store %s: %w", dir, err), os.RemoveAll(tmp))
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("restore store: %w", err), os.RemoveAll(tmp))
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("restore store: %w", err)
	}
	return syncDir(vfs.Default, parent)
}

// fill makes a store of a backup in an empty folder.
func fill(dir string, r io.Reader) (err error) {
	dir, lock, err := enter(vfs.Default, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	opts := Options{FS: vfs.Default}
	db, err := openDatabase(dir, opts, newLogger(opts), lock)
	if err != nil {
		return err
	}
	if err := load(db, r); err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(db.Flush(), db.Close())
}

func load(db *pebbledb.DB, r io.Reader) error {
	batch := db.NewBatch()
	defer batch.Close()
	var key, value []byte
	head, err := store.ReadBackup(r, func(rec store.Record) error {
		key = append(append(key[:0], ondisk.Prefix...), rec.Key...)
		value = ondisk.Append(value[:0], rec.Rev, rec.Value)
		if err := batch.Set(key, value, nil); err != nil {
			return err
		}
		if batch.Len() < restoreBatch {
			return nil
		}
		// Nothing depends on these being durable before Flush is.
		err := db.Apply(batch, pebbledb.NoSync)
		batch.Reset()
		return err
	})
	if err != nil {
		return err
	}
	if head > 0 { // 0 is a store that was never written to
		if err := batch.Set([]byte(headKey), ondisk.Append(nil, head, nil), nil); err != nil {
			return err
		}
	}
	return db.Apply(batch, pebbledb.Sync)
}
