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
	"time"

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
	made bool           // the file was made by open

	// How the file is read and made: in plain text, or wrapped by a KMS. Set
	// where path is, then read-only.
	load         func(path string) (seal.MasterKey, error)
	loadOrCreate func(path string, rand io.Reader) (seal.MasterKey, error)
}

const (
	nextMasterKey     = ".next"
	masterKeyPatience = 5 * time.Second // how long a rotation waits for who holds the key
)

// openMasterKey reads the master key, or makes it where the store is new as
// well: a folder with data and without its key has lost the key.
func openMasterKey(ctx context.Context, cfg Config, st store.Store) (*masterKey, error) {
	if text := cfg.MasterKey.Reveal(); text != "" {
		if cfg.MasterKeyURI != "" {
			return nil, errors.New("both SALLYPORT_MASTER_KEY and a master key URI are given; give one")
		}
		key, err := seal.ParseMasterKey(text)
		if err != nil {
			return nil, fmt.Errorf("SALLYPORT_MASTER_KEY is %w", err)
		}
		if file := existing(filepath.Join(cfg.Data, masterKeyFile)); file != "" {
			cfg.Log.Warn("the master key is that of SALLYPORT_MASTER_KEY; the file is not looked at", "file", file)
		}
		return &masterKey{key: key}, nil
	}
	if cfg.MasterKeyURI != "" {
		return openWrapped(ctx, cfg, st)
	}
	m := &masterKey{path: filepath.Join(cfg.Data, masterKeyFile), load: seal.LoadMasterKey, loadOrCreate: loadOrCreatePlain}
	if uri, err := seal.WrappedBy(filepath.Join(cfg.Data, wrappedKeyFile)); err == nil && existing(m.path) == "" {
		return nil, fmt.Errorf("the master key of %s is wrapped by %s: start with --master-key-uri", cfg.Data, uri)
	}
	return m, m.open(ctx, cfg, st)
}

// openWrapped opens a master key that a KMS has wrapped. A plain one that is
// there from before is wrapped first.
func openWrapped(ctx context.Context, cfg Config, st store.Store) (*masterKey, error) {
	kms, err := seal.OpenKMS(ctx, cfg.MasterKeyURI)
	if err != nil {
		return nil, err
	}
	m := &masterKey{path: filepath.Join(cfg.Data, wrappedKeyFile), load: kms.Load, loadOrCreate: kms.LoadOrCreate}
	plain := filepath.Join(cfg.Data, masterKeyFile)
	if existing(plain) == "" {
		return m, m.open(ctx, cfg, st)
	}
	if existing(m.path) == "" {
		old := cfg
		old.MasterKeyURI = ""
		from, err := openMasterKey(ctx, old, st)
		if err != nil {
			return nil, err
		}
		if err := kms.Create(m.path, from.key); err != nil {
			return nil, fmt.Errorf("wrap the master key %s: %w", plain, err)
		}
	}
	if err := m.open(ctx, cfg, st); err != nil {
		return nil, err
	}
	if opens, err := directory.OpensRing(ctx, st, m.key); err != nil || !opens {
		return m, err // what opens the directory says so; the plain key stays
	}
	if err := os.Remove(plain); err != nil {
		return nil, fmt.Errorf("take away the master key that is wrapped now: %w", err)
	}
	cfg.Log.Info("the master key is wrapped by the KMS now; its plain file is gone, and copies of it are to be destroyed", "file", m.path, "removed", plain)
	return m, syncFolder(cfg.Data)
}

func loadOrCreatePlain(path string, rand io.Reader) (seal.MasterKey, error) {
	key, _, err := seal.LoadOrCreateMasterKey(path, rand)
	return key, err
}

// open reads the key's file, or makes it where the store is new.
func (m *masterKey) open(ctx context.Context, cfg Config, st store.Store) error {
	used, err := directory.HasRing(ctx, st)
	if err != nil {
		return err
	}
	m.made = existing(m.path) == ""
	switch {
	case used && m.made && cfg.Store.Shared():
		m.made = false
		return m.foreign(cfg)
	case used && m.made:
		return fmt.Errorf("the master key %s is missing: restore it from your backup, without it no secret in %s can be read", m.path, cfg.Data)
	}
	if m.key, err = m.loadOrCreate(m.path, cfg.Rand); err != nil {
		return unusable(cfg, used, err)
	}
	if err := m.settle(ctx, st); err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	return nil
}

// unusable says what to do about a master key that can't be read.
func unusable(cfg Config, used bool, err error) error {
	switch {
	case !errors.Is(err, seal.ErrMasterKey): // what is wrong says it: its mode, its KMS
		return fmt.Errorf("master key: %w", err)
	case !used:
		return fmt.Errorf("master key: %w; take it away, and the start makes one", err)
	case cfg.Store.Shared():
		return fmt.Errorf("master key: %w; %s", err, giveTheirs)
	}
	return fmt.Errorf("master key: %w; restore it from your backup, without it no secret in %s can be read", err, cfg.Data)
}

// settle finishes, or takes back, a rotation that was cut short.
func (m *masterKey) settle(ctx context.Context, st store.Store) error {
	next, err := m.load(m.path + nextMasterKey)
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
	if !m.lock(ctx) {
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

// lock waits for what holds the key for a moment, such as a look at the ring's
// age, but not for a backup of which nobody knows when it ends.
func (m *masterKey) lock(ctx context.Context) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(masterKeyPatience); !m.mu.TryLock(); {
		select {
		case <-tick.C:
		case <-late:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// prepare makes the file of the next key.
func (m *masterKey) prepare(rand io.Reader) (seal.MasterKey, error) {
	return m.loadOrCreate(m.path+nextMasterKey, rand)
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

// followMasterKey takes over a new master key that the operator puts into the
// place of the old one while the node runs, after another node on the same
// store has rotated it.
func (s *Server) followMasterKey(ctx context.Context) error {
	m := s.data.master
	if !s.cfg.Store.Shared() || m.path == "" {
		return nil
	}
	f := followed{m: m, dir: s.data.dir, log: s.cfg.Log, seen: stamp(m.path)}
	tick := time.NewTicker(masterKeyChecked)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.look()
		}
	}
}

// followed is the file of the master key as it was last seen.
type followed struct {
	m       *masterKey
	dir     *directory.Directory
	log     *slog.Logger
	seen    fileStamp
	pending bool // what was seen last could not be taken over yet
}

// fileStamp tells versions of a file apart.
type fileStamp struct {
	size    int64
	changed time.Time
}

func stamp(path string) (s fileStamp) {
	if info, err := os.Stat(path); err == nil {
		s = fileStamp{info.Size(), info.ModTime()}
	}
	return s
}

// look takes the key over if its file has changed and it opens the key ring. It
// may come sooner than the ring that it opens, so it is tried again.
func (f *followed) look() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	now := stamp(f.m.path)
	changed := now != f.seen
	if f.seen = now; !changed && !f.pending {
		return
	}
	key, err := f.m.load(f.m.path)
	if err == nil && !f.dir.Adopt(key) {
		err = seal.ErrWrongMasterKey
	}
	f.pending = err != nil
	switch {
	case err == nil && !key.Text().Equal(f.m.key.Text()):
		f.m.key = key
		f.log.Info("the new master key is in use", "file", f.m.path)
	case err != nil && changed:
		f.log.Error("the master key's file has changed and is not in use: the node goes on with the one that it has, and tries again", "file", f.m.path, "error", err)
	}
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
