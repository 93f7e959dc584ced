package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

// sharing are the flags of a store that several nodes share.
type sharing struct {
	store        server.StoreConfig
	maxStaleness time.Duration
	confirm      bool
}

func storeFlags(cmd *cobra.Command, s *sharing) {
	flags := cmd.Flags()
	flags.StringVar(&s.store.URL, "store", "", "etcd://HOST:PORT,HOST:PORT/PREFIX, a store that several nodes share (default one in the data folder)")
	flags.StringVar(&s.store.CA, "store-ca", "", "file of the CA whose certificates the store's members have")
	flags.StringVar(&s.store.Cert, "store-cert", "", "file of this node's certificate for the store")
	flags.StringVar(&s.store.Key, "store-key", "", "file of that certificate's key")
	flags.StringVar(&s.store.Username, "store-user", "", "user of the store, where it asks for one")
	flags.DurationVar(&s.maxStaleness, "max-staleness", 5*time.Minute, "how long a node that has lost the shared store goes on answering")
	flags.BoolVar(&s.confirm, "confirm-revocations", false, "answer a change that may take rights away when all live nodes have it")
}

// configure puts the flags into a configuration, or refuses those that say
// nothing without others.
func (s *sharing) configure(cfg *server.Config) error {
	c := s.store
	switch {
	case s.maxStaleness <= 0:
		return usageError{errors.New("--max-staleness must be more than 0")}
	case c.URL == "" && (c.CA != "" || c.Cert != "" || c.Key != "" || c.Username != "" || s.confirm):
		return usageError{errors.New("--store-ca, --store-cert, --store-key, --store-user and --confirm-revocations need --store")}
	case (c.Cert == "") != (c.Key == ""):
		return usageError{errors.New("--store-cert and --store-key need each other")}
	}
	cfg.Store, cfg.MaxStaleness, cfg.ConfirmRevocations = c, s.maxStaleness, s.confirm
	return nil
}
