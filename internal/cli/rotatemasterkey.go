package cli

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

const rotateLong = `Replace the master key, the file master.key of the data folder, with a new one.

A server that runs on the folder goes on serving. Secrets, sessions and access
keys stay as they are: what the master key seals is the ring of keys that they
are sealed under. Backups that were made before need the old master key.`

func rotateMasterKeyCommand(std IO) *cobra.Command {
	var data, uri string
	cmd := &cobra.Command{
		Use:   "rotate-master-key",
		Short: "Replace the master key, also while serving",
		Long:  rotateLong,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := setFromEnvironment(cmd, std.Env); err != nil {
				return err
			}
			cfg := server.Config{Data: data, MasterKeyURI: uri, Now: time.Now, Rand: rand.Reader, Log: logger(std, levelError), Fatal: fatal(std)}
			var err error
			if cfg.MasterKey, err = secret(std, masterKeyVariable); err != nil {
				return err
			}
			if _, err := server.RotateMasterKey(cmd.Context(), cfg); err != nil {
				return err
			}
			if _, err := os.Stat(filepath.Join(data, "master.key.kms")); err == nil {
				fmt.Fprintf(std.Out, "%s is new, wrapped by the KMS. Backups made before need the old one.\n", filepath.Join(data, "master.key.kms"))
				return nil
			}
			fmt.Fprintf(std.Out, "%s is new: keep a copy of it apart from the data. Backups made before need the old one.\n", filepath.Join(data, "master.key"))
			return nil
		},
	}
	dataFlag(cmd, &data)
	masterKeyURIFlag(cmd, &uri)
	return cmd
}
