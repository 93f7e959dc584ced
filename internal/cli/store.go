package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/server"
)

// sharing are the flags of a store that several nodes share.
type sharing struct {
	store        server.StoreConfig
	maxStaleness time.Duration
	confirm      bool
	cluster      clustering
}

func storeFlags(cmd *cobra.Command, s *sharing) {
	destinationFlags(cmd, s)
	clusterFlags(cmd, &s.cluster)
	flags := cmd.Flags()
	flags.DurationVar(&s.maxStaleness, "max-staleness", 5*time.Minute, "how long a node that has lost the shared store goes on answering")
	flags.BoolVar(&s.confirm, "confirm-revocations", false, "answer a change that may take rights away when all live nodes have it")
}

// destinationFlags are those that name the store and how it is reached.
func destinationFlags(cmd *cobra.Command, s *sharing) {
	flags := cmd.Flags()
	flags.StringVar(&s.store.URL, "store", "", "etcd://HOST:PORT,HOST:PORT/PREFIX, a store that several nodes share (default one in the data folder)")
	flags.StringVar(&s.store.CA, "store-ca", "", "file of the CA whose certificates the store's members have")
	flags.StringVar(&s.store.Cert, "store-cert", "", "file of this node's certificate for the store")
	flags.StringVar(&s.store.Key, "store-key", "", "file of that certificate's key")
	flags.StringVar(&s.store.Username, "store-user", "", "user of the store, where it asks for one")
}

const storePasswordVariable = "SALLYPORT_STORE_PASSWORD"

// destination is the store that the flags name.
func (s *sharing) destination(std IO) (server.StoreConfig, error) {
	if err := s.check(); err != nil {
		return server.StoreConfig{}, err
	}
	password, err := secretFromEnvironment(std.Env, storePasswordVariable)
	s.store.Password = seal.NewSecret(password)
	return s.store, err
}

// check refuses flags that say nothing without others.
func (s *sharing) check() error {
	c := s.store
	switch {
	case c.URL == "" && (c.CA != "" || c.Cert != "" || c.Key != "" || c.Username != ""):
		return usageError{errors.New("--store-ca, --store-cert, --store-key and --store-user need --store")}
	case c.URL == "" && s.cluster.peers == "" && s.confirm:
		return usageError{errors.New("--confirm-revocations needs --store or --cluster")}
	case c.URL != "" && s.cluster.peers != "":
		return usageError{errors.New("--store and --cluster exclude each other")}
	case (c.Cert == "") != (c.Key == ""):
		return usageError{errors.New("--store-cert and --store-key need each other")}
	}
	return nil
}

// configure puts the flags into a configuration.
func (s *sharing) configure(cfg *server.Config) error {
	if s.maxStaleness <= 0 {
		return usageError{errors.New("--max-staleness must be more than 0")}
	}
	if err := s.check(); err != nil {
		return err
	}
	cfg.Store, cfg.MaxStaleness, cfg.ConfirmRevocations = s.store, s.maxStaleness, s.confirm
	return nil
}
