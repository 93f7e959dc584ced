package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

const checkLong = `Check a stopped server's data folder, or a backup, or the folder of an archive.

Every block and every record is read, records are checked against each other,
and every secret is opened. Nothing is changed. What is wrong is printed, a line
each, beginning with the record's key or the file; the exit code is then 1. Of an
archive every file is read, each full backup is compared with what the one
before it and the changes since make, and the newest state is checked as above.

Secrets are opened with the data folder's master key, with the one that a backup
holds, or with SALLYPORT_MASTER_KEY (or _FILE).`

func checkCommand(std IO) *cobra.Command {
	var data, identity, uri string
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a data folder, a backup or an archive",
		Long:  checkLong,
		Args:  func(cmd *cobra.Command, args []string) error { return noArgs(cmd, args[min(1, len(args)):]) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := setFromEnvironment(cmd, std.Env); err != nil {
				return err
			}
			cfg := server.CheckConfig{Data: data, MasterKeyURI: uri, Unseal: unseal(std, identity), Log: logger(std, levelError), Fatal: fatal(std)}
			if len(args) > 0 {
				cfg.File = args[0]
			}
			var err error
			if cfg.MasterKey, err = secret(std, masterKeyVariable); err != nil {
				return err
			}
			return check(cmd, std, cfg)
		},
	}
	dataFlag(cmd, &data)
	masterKeyURIFlag(cmd, &uri)
	identityFlag(cmd, &identity)
	return cmd
}

func check(cmd *cobra.Command, std IO, cfg server.CheckConfig) error {
	found, err := server.Check(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	for _, p := range found.Problems {
		fmt.Fprintln(std.Out, p)
	}
	if found.Sealed != "" {
		fmt.Fprintf(std.Err, "sallyport: secrets were not opened: %s\n", found.Sealed)
	}
	for _, s := range found.Stretches {
		fmt.Fprintf(std.Out, "revisions %d to %d can be restored, %s to %s\n",
			s.From.Revision, s.To.Revision, s.From.Time.Format(time.RFC3339), s.To.Time.Format(time.RFC3339))
	}
	switch n := len(found.Problems); n {
	case 0:
		fmt.Fprintf(std.Out, "%d records at revision %d, nothing is wrong\n", found.Records, found.Revision)
		return nil
	case 1:
		return errors.New("1 thing is wrong")
	default:
		return fmt.Errorf("%d things are wrong", n)
	}
}
