package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// What stands in the data folder.
const (
	storeFolder      = "store"
	masterKeyFile    = "master.key"
	rootKeyFile      = "rootkey.csv"
	rootPasswordFile = "rootpassword.txt"
)

// openData opens the data folder, or makes it.
func openData(ctx context.Context, cfg Config) (*dataFolder, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("can't make the data folder %s: %w", cfg.Data, cause(err))
	}
	st, err := pebble.Open(filepath.Join(cfg.Data, storeFolder), pebble.Options{Fatal: cfg.Fatal, Logger: cfg.Log})
	if err != nil {
		return nil, folderError(cfg.Data, err)
	}
	master, err := openMasterKey(ctx, cfg, st)
	if err != nil {
		st.Close()
		return nil, err
	}
	if err := migrate(ctx, cfg, st); err != nil {
		st.Close()
		return nil, fmt.Errorf("can't open the data folder %s: %w", cfg.Data, err)
	}
	dir, err := directory.Open(ctx, st, directory.Options{
		Master: master.key, AWSPolicies: awsPolicies{}, Now: cfg.Now, Rand: cfg.Rand, Log: cfg.Log, Quotas: cfg.Quotas,
	})
	if err != nil {
		st.Close()
		if errors.Is(err, seal.ErrWrongMasterKey) {
			return nil, fmt.Errorf("the master key is not the one that this data folder was made with (%s): without it no secret in it can be read", where(cfg))
		}
		return nil, err
	}
	return &dataFolder{store: st, dir: dir, master: master, archiver: startArchive(cfg, st)}, nil
}

func where(cfg Config) string {
	if cfg.MasterKey.Reveal() != "" {
		return "given by configuration"
	}
	return filepath.Join(cfg.Data, masterKeyFile)
}

// writePrivate writes a file that only its owner may read: whole, and on the
// disk when it returns.
func writePrivate(path, text string) error {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
