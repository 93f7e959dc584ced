package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/etcd"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
	"github.com/sallyport-iam/sallyport/internal/store/replica"
)

// StoreConfig says where the store is that several nodes share. Its zero value
// means that there is none: the store is in the data folder.
type StoreConfig struct {
	// URL is etcd://HOST:PORT,HOST:PORT/PREFIX.
	URL string
	// Member is the endpoint of a cluster's member that runs in this process.
	// It is instead of all else here.
	Member string
	// CA, Cert and Key are PEM files: whose certificates the members must have,
	// and this node's own. Any of them set means TLS; CA alone means that the
	// node shows no certificate, Cert and Key alone that the system's CAs count.
	CA, Cert, Key string
	// Username and Password are for an etcd with authentication on.
	Username string
	Password seal.Secret
}

// Shared reports whether other nodes use the store as well.
func (c StoreConfig) Shared() bool { return c.URL != "" || c.Member != "" }

// String names the store for people.
func (c StoreConfig) String() string {
	if c.Member != "" {
		return "of the cluster"
	}
	return c.URL
}

// clusterPrefix begins all keys of the store in a cluster.
const clusterPrefix = "sallyport"

// location is where the store is, and a name for it that stays the same while
// members come and go: that the members named are those of the store that was
// copied, the replica finds out by its records.
func (c StoreConfig) location() (etcd.Location, string, error) {
	if c.Member != "" {
		return etcd.Location{Endpoints: []string{c.Member}, Prefix: clusterPrefix}, "cluster/" + clusterPrefix, nil
	}
	at, err := etcd.ParseURL(c.URL)
	return at, "etcd/" + at.Prefix, err
}

// replicaFolder is where a node on a shared store keeps its copy.
const replicaFolder = "replica"

// storePatience bounds how long a change waits for an etcd that is silent: more
// than the election of a leader takes.
const storePatience = 5 * time.Second

// openStore opens the store that the configuration names, or makes it.
func openStore(ctx context.Context, cfg Config) (store.Store, error) {
	if cfg.Store.Shared() {
		return openShared(ctx, cfg)
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, replicaFolder)); err == nil {
		return nil, fmt.Errorf("the data folder %s belongs to a node on a shared store, which --store names", cfg.Data)
	}
	st, err := pebble.Open(filepath.Join(cfg.Data, storeFolder), pebble.Options{Fatal: cfg.Fatal, Logger: cfg.Log})
	if err != nil {
		return nil, folderError(cfg.Data, err)
	}
	return st, nil
}

// openShared opens a store in etcd, with a copy of it in the data folder.
func openShared(ctx context.Context, cfg Config) (store.Store, error) {
	if _, err := os.Stat(filepath.Join(cfg.Data, storeFolder)); err == nil {
		return nil, fmt.Errorf("the data folder %s has a store of its own: a node on the store %s needs another folder", cfg.Data, cfg.Store)
	}
	remote, name, err := openEtcd(ctx, cfg)
	if err != nil {
		return nil, err
	}
	st, err := replica.Open(ctx, replica.Config{
		Dir: filepath.Join(cfg.Data, replicaFolder), Name: name, Remote: remote, Now: cfg.Now, Log: cfg.Log, Fatal: cfg.Fatal,
	})
	if errors.Is(err, store.ErrLocked) {
		return nil, errors.Join(folderError(cfg.Data, err), remote.Close())
	}
	if err != nil {
		return nil, errors.Join(err, remote.Close())
	}
	return st, nil
}

// openEtcd opens the store itself, and says what it is called.
func openEtcd(ctx context.Context, cfg Config) (st *etcd.Store, name string, err error) {
	at, name, err := cfg.Store.location()
	if err != nil {
		return nil, "", err
	}
	encrypted, err := cfg.Store.tls()
	if err != nil {
		return nil, "", err
	}
	st, err = etcd.Open(ctx, etcd.Config{
		Endpoints: at.Endpoints, Prefix: at.Prefix, TLS: encrypted, Username: cfg.Store.Username, Password: cfg.Store.Password.Reveal(),
		Patience: storePatience, Now: cfg.Now, Rand: cfg.Rand, Log: cfg.Log,
	})
	if err != nil {
		return nil, "", fmt.Errorf("store %s: %w", cfg.Store, err)
	}
	return st, name, nil
}

// tls is the configuration of the connections to the store, nil for none.
func (c StoreConfig) tls() (*tls.Config, error) {
	if c.CA == "" && c.Cert == "" && c.Key == "" {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("the store's CA %s: %w", c.CA, cause(err))
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the store's CA %s holds no certificate", c.CA)
		}
	}
	if c.Cert == "" && c.Key == "" {
		return t, nil
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("the certificate for the store (%s, %s): %w", c.Cert, c.Key, cause(err))
	}
	t.Certificates = []tls.Certificate{pair}
	return t, nil
}

// storeError says in one line why the directory did not come out of the store.
func storeError(cfg Config, master *masterKey, err error) error {
	switch {
	case errors.Is(err, seal.ErrWrongMasterKey) && cfg.Store.Shared():
		return master.foreign(cfg)
	case errors.Is(err, seal.ErrWrongMasterKey):
		return fmt.Errorf("the master key is not the one that this data folder was made with (%s): restore that from your backup, without it no secret in it can be read", where(cfg))
	case errors.Is(err, store.ErrUnavailable):
		return unreachable(cfg, err)
	}
	return err
}

func unreachable(cfg Config, err error) error {
	return fmt.Errorf("can't reach the store %s, and %s holds no copy of it: %w", cfg.Store, filepath.Join(cfg.Data, replicaFolder), err)
}

// foreign says that the master key is not the deployment's. One that was made
// at this start is taken away again, so that it isn't taken for it.
func (m *masterKey) foreign(cfg Config) error {
	if m != nil && m.made {
		os.Remove(m.path)
	}
	return fmt.Errorf("the master key (%s) is not that of the nodes on the store %s: %s", where(cfg), cfg.Store, giveTheirs)
}

const giveTheirs = "give this node theirs, the file " + masterKeyFile + " of another node's data folder or SALLYPORT_MASTER_KEY"
