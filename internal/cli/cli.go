// Package cli is the command line of Sallyport. It alone sees flags, the
// environment and the standard streams.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// IO is what the commands have of the world.
type IO struct {
	Out, Err io.Writer
	// Env looks up an environment variable.
	Env func(name string) (string, bool)
	// PassphraseWork is the binary logarithm of how many rounds of scrypt a
	// backup's passphrase costs. 0 means age's default, some seconds of work.
	PassphraseWork int
}

// terminal reports whether w is a terminal, where secrets may be shown.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2 // the command line itself is wrong
)

// usageError is an error of the command line.
type usageError struct{ error }

// Main runs the command that args (without the program's name) ask for, until
// it is done or ctx ends, and gives the exit code.
func Main(ctx context.Context, args []string, std IO) int {
	root := command(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(std.Err, "sallyport: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitError
}

func command(std IO) *cobra.Command {
	root := &cobra.Command{
		Use:   "sallyport",
		Short: "AWS-compatible identity and access: IAM and STS that you run yourself",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; see sallyport --help", args[0])}
			}
			return usageError{errors.New("no command; see sallyport --help")}
		},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(serveCommand(std), backupCommand(std), restoreCommand(std), checkCommand(std), rotateMasterKeyCommand(std),
		policyCommand(std), trailCommand(std), explainCommand(std), clusterCommand(std), accountCommand(std), exportCommand(std), importCommand(std), versionCommand(std))
	return root
}

// noArgs is for commands that take no arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q; see %s --help", args[0], cmd.CommandPath())}
	}
	return nil
}

// dataFlag is the flag of commands on a data folder.
func dataFlag(cmd *cobra.Command, data *string) {
	cmd.Flags().StringVar(data, "data", "./sallyport-data", "the data folder")
}

// masterKeyURIFlag is the flag of commands that need a data folder's master key.
func masterKeyURIFlag(cmd *cobra.Command, uri *string) {
	cmd.Flags().StringVar(uri, "master-key-uri", "", "key of a KMS that wraps the master key: hcvault://HOST:PORT/transit/keys/NAME or aws-kms://ARN")
}

// identityFlag is the flag of commands that open a backup.
func identityFlag(cmd *cobra.Command, identity *string) {
	cmd.Flags().StringVar(identity, "identity", "", "file of age identities, for a backup that was sealed for recipient keys")
}

// levelError is for commands that print what they have to say.
const levelError = slog.LevelError

func logger(std IO, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(std.Err, &slog.HandlerOptions{Level: level}))
}

// fatal ends the process when the disk fails.
func fatal(std IO) func(error) {
	return func(err error) {
		fmt.Fprintf(std.Err, "sallyport: the disk failed, nothing more can be stored: %v\n", err)
		os.Exit(exitError)
	}
}
