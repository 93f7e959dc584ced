package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store/archive"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// RestoreConfig says what to restore, and where to.
type RestoreConfig struct {
	File   string // a backup, or the folder of an archive
	Data   string // a folder that is empty or doesn't exist
	Unseal Unseal
	// At says which state of an archive is to be restored. The zero value is
	// the newest.
	At archive.Target
	// Store is a shared store, without any records, that is to get them instead
	// of the folder.
	Store StoreConfig
}

// Restored tells what was restored.
type Restored struct {
	Time      time.Time // of the backup, or of the archive's state
	Revision  uint64    // of an archive's state
	MasterKey bool      // the backup held the master key
}

// Restore makes a data folder of a backup, or of a state in an archive. Where
// what it reads is damaged or does not open, nothing is left behind.
func Restore(ctx context.Context, cfg RestoreConfig) (Restored, error) {
	names, err := os.ReadDir(cfg.Data)
	switch {
	case len(names) > 0:
		return Restored{}, fmt.Errorf("the folder %s is not empty", cfg.Data)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return Restored{}, fmt.Errorf("can't use the folder %s: %w", cfg.Data, cause(err))
	}
	isNew := err != nil
	from, err := openRestored(cfg)
	if err != nil {
		return Restored{}, err
	}
	defer from.close()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return Restored{}, fmt.Errorf("can't make the folder %s: %w", cfg.Data, cause(err))
	}
	if cfg.Store.Shared() {
		err = restoreShared(ctx, cfg.Store, from.records)
	} else {
		err = pebble.Restore(filepath.Join(cfg.Data, storeFolder), from.records)
	}
	if closed := from.close(); closed != nil {
		err = closed // the reason, where both failed
	}
	if err != nil {
		if isNew {
			os.Remove(cfg.Data)
		}
		return Restored{}, fmt.Errorf("restore %s: %w", cfg.File, err)
	}
	if from.done.MasterKey {
		err = writePrivate(filepath.Join(cfg.Data, masterKeyFile), from.masterKey+"\n")
	}
	if err != nil {
		return Restored{}, fmt.Errorf("restore the master key: %w", cause(err))
	}
	return from.done, nil
}

// restored is what is restored: a backup or a state of an archive.
type restored struct {
	records   io.Reader
	masterKey string // empty where there is none
	done      Restored
	close     func() error // ends reading; says what went wrong there
}

func openRestored(cfg RestoreConfig) (restored, error) {
	info, err := os.Stat(cfg.File)
	if err == nil && info.IsDir() {
		return openState(cfg)
	}
	if cfg.At != (archive.Target{}) {
		return restored{}, fmt.Errorf("%s is not the folder of an archive: a backup has one state", cfg.File)
	}
	a, err := openBackup(cfg.File, cfg.Unseal)
	if err != nil {
		return restored{}, err
	}
	return restored{
		records: a.records, masterKey: a.header.MasterKey,
		done:  Restored{Time: a.header.Time, MasterKey: a.header.MasterKey != ""},
		close: func() error { a.Close(); return nil },
	}, nil
}

// openState opens a state of an archive.
func openState(cfg RestoreConfig) (restored, error) {
	folder, err := archiveFolder(cfg.File, cfg.Unseal)
	if err != nil {
		return restored{}, err
	}
	state, err := folder.At(cfg.At)
	if err != nil {
		return restored{}, fmt.Errorf("archive %s: %w", cfg.File, err)
	}
	r, w := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		err := state.Write(w)
		w.CloseWithError(err)
		failed <- err
	}()
	var closed bool
	return restored{
		records: r,
		done:    Restored{Time: state.Point().Time, Revision: uint64(state.Point().Revision)},
		close: func() error {
			if closed {
				return nil
			}
			closed = true
			r.Close()
			if err := <-failed; !errors.Is(err, io.ErrClosedPipe) {
				return err
			}
			return nil
		},
	}, nil
}
