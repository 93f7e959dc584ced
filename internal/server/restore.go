package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// RestoreConfig says what to restore, and where to.
type RestoreConfig struct {
	File   string
	Data   string // a folder that is empty or doesn't exist
	Unseal Unseal
}

// Restored tells what was restored.
type Restored struct {
	Time      time.Time // of the backup
	MasterKey bool      // the backup held the master key
}

// Restore makes a data folder of a backup. Where the backup is damaged or does
// not open, nothing is left behind.
func Restore(cfg RestoreConfig) (Restored, error) {
	names, err := os.ReadDir(cfg.Data)
	switch {
	case len(names) > 0:
		return Restored{}, fmt.Errorf("the folder %s is not empty", cfg.Data)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return Restored{}, fmt.Errorf("can't use the folder %s: %w", cfg.Data, cause(err))
	}
	isNew := err != nil
	a, err := openArchive(cfg.File, cfg.Unseal)
	if err != nil {
		return Restored{}, err
	}
	defer a.Close()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return Restored{}, fmt.Errorf("can't make the folder %s: %w", cfg.Data, cause(err))
	}
	if err := pebble.Restore(filepath.Join(cfg.Data, storeFolder), a.records); err != nil {
		if isNew {
			os.Remove(cfg.Data)
		}
		return Restored{}, fmt.Errorf("restore %s: %w", cfg.File, err)
	}
	done := Restored{Time: a.header.Time, MasterKey: a.header.MasterKey != ""}
	if done.MasterKey {
		err = writePrivate(filepath.Join(cfg.Data, masterKeyFile), a.header.MasterKey+"\n")
	}
	if err != nil {
		return Restored{}, fmt.Errorf("restore the master key: %w", cause(err))
	}
	return done, nil
}
