package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sallyport-iam/sallyport/internal/directory"
)

// What stands in the data folder.
const (
	storeFolder      = "store"
	masterKeyFile    = "master.key"
	wrappedKeyFile   = "master.key.kms"
	rootKeyFile      = "rootkey.csv"
	rootPasswordFile = "rootpassword.txt"
)

// openData opens the data folder, or makes it.
func openData(ctx context.Context, cfg Config) (*dataFolder, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("can't make the data folder %s: %w", cfg.Data, cause(err))
	}
	st, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d := &dataFolder{store: st}
	if err := d.open(ctx, cfg); err != nil {
		return nil, errors.Join(storeError(cfg, d.master, err), st.Close())
	}
	return d, nil
}

// open opens what is in the store.
func (d *dataFolder) open(ctx context.Context, cfg Config) (err error) {
	if d.master, err = openMasterKey(ctx, cfg, d.store); err != nil {
		return err
	}
	if err := migrate(ctx, cfg, d.store); err != nil {
		return fmt.Errorf("can't open the data folder %s: %w", cfg.Data, err)
	}
	name, _ := os.Hostname()
	d.dir, err = directory.Open(ctx, d.store, directory.Options{
		Master: d.master.key, AWSPolicies: awsPolicies{}, Now: cfg.Now, Rand: cfg.Rand, Log: cfg.Log, Quotas: cfg.Quotas,
		Shared: cfg.Store.Shared(), MaxStaleness: cfg.MaxStaleness, ConfirmRevocations: cfg.ConfirmRevocations, NodeName: name + " " + cfg.Listen,
		Endpoint: cfg.Federation.IssuerURL,
	})
	if err == nil {
		d.archiver = startArchive(cfg, d.store)
	}
	return err
}

// where says which master key is in use.
func where(cfg Config) string {
	if cfg.MasterKey.Reveal() != "" {
		if file := existing(filepath.Join(cfg.Data, masterKeyFile)); file != "" {
			return "of SALLYPORT_MASTER_KEY; unset that to use the file " + file
		}
		return "of SALLYPORT_MASTER_KEY"
	}
	if cfg.MasterKeyURI != "" {
		return filepath.Join(cfg.Data, wrappedKeyFile)
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
