package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/server"
)

const backupLong = `Back up all that a data folder holds to FILE, which must not exist.

A server that runs on the folder goes on serving; the backup is of one revision
and holds all that was answered before. It is sealed with age, for the recipient
keys that are given or else with a passphrase, which is asked for on a terminal
or read from SALLYPORT_BACKUP_PASSPHRASE (or _FILE).

Without the master key no secret in a backup can be read: keep master.key in
another safe place, or have it in the backup with --with-master-key.`

const passphraseVariable = "SALLYPORT_BACKUP_PASSPHRASE"

func backupCommand(std IO) *cobra.Command {
	var cfg server.BackupConfig
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Back up the data of a server, running or stopped",
		Long:  backupLong,
		Args:  oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := setFromEnvironment(cmd, std.Env); err != nil {
				return err
			}
			cfg.File = args[0]
			cfg.Passphrase = func() (seal.Secret, error) { return newPassphrase(std) }
			cfg.PassphraseWork = std.PassphraseWork
			cfg.Now, cfg.Log, cfg.Fatal = time.Now, logger(std, levelError), fatal(std)
			var err error
			if cfg.MasterKey, err = secret(std, masterKeyVariable); err != nil {
				return err
			}
			return backup(cmd, std, cfg)
		},
	}
	dataFlag(cmd, &cfg.Data)
	masterKeyURIFlag(cmd, &cfg.MasterKeyURI)
	flags := cmd.Flags()
	flags.BoolVar(&cfg.WithMasterKey, "with-master-key", false, "put the master key into the backup")
	flags.StringSliceVar(&cfg.Recipients, "recipient", nil, "age recipient key (age1…) that the backup is sealed for; may be repeated")
	return cmd
}

func backup(cmd *cobra.Command, std IO, cfg server.BackupConfig) error {
	done, err := server.Backup(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Out, "%s holds %d records at revision %d\n", cfg.File, done.Records, done.Revision)
	if done.MasterKey {
		fmt.Fprintln(std.Out, "It holds the master key: whoever can open it can read all secrets.")
	} else {
		fmt.Fprintln(std.Out, "It does not hold the master key, without which no secret in it can be read: keep that elsewhere.")
	}
	return nil
}

const restoreLong = `Restore a backup, or a moment of an archive, into a data folder that is empty or
doesn't exist.

FILE is a backup, or the folder of an archive (serve --archive). Of an archive
the newest state is restored, or with --at that of a revision, or the one that
was the newest at a time.

Where the backup does not hold the master key, put the file master.key into the
folder, or give SALLYPORT_MASTER_KEY, before the server is started. An archive
never holds it.

With --store the records go into a shared store, which must be empty and without
nodes until this is done; the data folder, which must be empty too, is then that
of its first node.`

func restoreCommand(std IO) *cobra.Command {
	var data, identity string
	var at target
	var shared sharing
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore a backup, or a moment of an archive, into an empty data folder",
		Long:  restoreLong,
		Args:  oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := setFromEnvironment(cmd, std.Env); err != nil {
				return err
			}
			into, err := shared.destination(std)
			if err != nil {
				return err
			}
			return restore(cmd.Context(), std, server.RestoreConfig{File: args[0], Data: data, Unseal: unseal(std, identity), At: at.Target, Store: into})
		},
	}
	dataFlag(cmd, &data)
	identityFlag(cmd, &identity)
	cmd.Flags().Var(&at, "at", "which state of an archive: a revision's number, or a time such as 2026-05-04T13:00:00Z (default the newest)")
	destinationFlags(cmd, &shared)
	return cmd
}

func restore(ctx context.Context, std IO, cfg server.RestoreConfig) error {
	done, err := server.Restore(ctx, cfg)
	if err != nil {
		return err
	}
	if cfg.Store.Shared() {
		fmt.Fprintf(std.Out, "%s holds the records; start its nodes now\n", cfg.Store.URL)
	} else if done.Revision > 0 {
		fmt.Fprintf(std.Out, "%s holds the state of revision %d, the newest since %s\n", cfg.Data, done.Revision, done.Time.Format(time.RFC3339Nano))
	} else {
		fmt.Fprintf(std.Out, "%s holds the backup of %s\n", cfg.Data, done.Time.Format(time.RFC3339))
	}
	if !done.MasterKey {
		fmt.Fprintf(std.Out, "The backup did not hold the master key: put it into %s before the server is started.\n", cfg.Data)
	}
	return nil
}

// oneFile is for commands whose one argument is a file.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("%d arguments where one FILE is expected; see %s --help", len(args), cmd.CommandPath())}
	}
	return nil
}
