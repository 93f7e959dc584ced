package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// masterKey is the master key in use, and where it stands.
//
// It is rotated in three steps, each on the disk before the next begins: a new
// key is written to the file master.key.next; the key ring is sealed under it,
// in one transaction; the file takes the place of master.key. Whatever step a
// crash comes after, the ring says which of the two files counts, and the next
// start finishes what was begun.
type masterKey struct {
	mu   sync.RWMutex   // held for writing while the key is rotated, for reading while it is copied
	key  seal.MasterKey // guarded by mu once the server runs
	path string         // of its file; empty where it is given by configuration
	made bool           // by openMasterKey
}

const nextMasterKey = ".next"

// openMasterKey reads the master key, or makes it where the store is new as
// well: a folder with data and without its key has lost the key.
func openMasterKey(ctx context.Context, cfg Config, st store.Store) (*masterKey, error) {
	if text := cfg.MasterKey.Reveal(); text != "" {
		key, err := seal.ParseMasterKey(text)
		return &masterKey{key: key}, err
	}
	m := &masterKey{path: filepath.Join(cfg.Data, masterKeyFile)}
	used, err := directory.HasRing(ctx, st)
	if err != nil {
		return m, err
	}
	if _, err := os.Stat(m.path); used && errors.Is(err, os.ErrNotExist) {
		if cfg.Store.Shared() {
			return m, m.foreign(cfg)
		}
		return nil, fmt.Errorf("the master key %s is missing: restore it from your backup, without it no secret in %s can be read", m.path, cfg.Data)
	}
	if m.key, m.made, err = seal.LoadOrCreateMasterKey(m.path, cfg.Rand); err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if err := m.settle(ctx, st); err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return m, nil
}

// settle finishes, or takes back, a rotation that was cut short.
func (m *masterKey) settle(ctx context.Context, st store.Store) error {
	next, err := seal.LoadMasterKey(m.path + nextMasterKey)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	opens, e := directory.OpensRing(ctx, st, m.key)
	if e != nil {
		return e
	}
	if opens { // the ring was not sealed under the next key
		return os.Remove(m.path + nextMasterKey)
	}
	if err != nil {
		return err
	}
	if opens, err = directory.OpensRing(ctx, st, next); err != nil || !opens {
		return err // neither is the key: what opens the directory says so
	}
	return m.promote(next)
}

// promote puts the next key's file in the place of the old one.
func (m *masterKey) promote(next seal.MasterKey) error {
	if err := os.Rename(m.path+nextMasterKey, m.path); err != nil {
		return err
	}
	m.key = next
	return syncFolder(filepath.Dir(m.path))
}

// rotateMasterKey makes a new master key and seals the key ring under it.
// Secrets and sessions are sealed under the ring's keys, which stay.
func (d *dataFolder) rotateMasterKey(ctx context.Context, rand io.Reader) error {
	m := d.master
	if m.path == "" {
		return errors.New("the master key is given by SALLYPORT_MASTER_KEY, so it is not here to be rotated")
	}
	if !m.mu.TryLock() {
		return errors.New("a backup with the master key is being made, or the key is being rotated; try again")
	}
	defer m.mu.Unlock()
	if err := m.settle(ctx, d.store); err != nil {
		return err
	}
	next, err := m.prepare(rand)
	if err != nil {
		return fmt.Errorf("make the next master key: %w", err)
	}
	if err := d.dir.RewrapRing(ctx, m.key, next); err != nil {
		return fmt.Errorf("seal the key ring: %w", err)
	}
	return m.promote(next)
}

// prepare makes the file of the next key.
func (m *masterKey) prepare(rand io.Reader) (seal.MasterKey, error) {
	next, _, err := seal.LoadOrCreateMasterKey(m.path+nextMasterKey, rand)
	return next, err
}

// rotateRing gives the key ring a new key where its newest is old.
func (d *dataFolder) rotateRing(ctx context.Context, log *slog.Logger) error {
	d.master.mu.RLock()
	defer d.master.mu.RUnlock()
	done, err := d.dir.RotateRing(ctx, d.master.key, ringKeyLife)
	if done {
		log.Info("the key ring has a new key, which seals from now on")
	}
	return err
}

// RotateMasterKey replaces the master key of a data folder, by the server that
// runs on it or, where none runs, directly. running tells which.
func RotateMasterKey(ctx context.Context, cfg Config) (running bool, err error) {
	answer, err := askServer(ctx, cfg.Data, "/rotate-master-key")
	if !errors.Is(err, errNotRunning) {
		if err == nil {
			err = answer.Close()
		}
		return true, err
	}
	if err := needStore(cfg.Data); err != nil {
		return false, err
	}
	d, err := openData(ctx, cfg)
	if err != nil {
		return false, err
	}
	return false, errors.Join(d.rotateMasterKey(ctx, cfg.Rand), d.close(ctx))
}
