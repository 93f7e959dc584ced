package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

const importLong = `Put the users, groups, roles and policies of a file into an account. FILE is what
sallyport export wrote, or what this prints for a real AWS account:

  aws iam get-account-authorization-details > FILE

Ids of that account, in ARNs and policies, are replaced by those of the account
here. What exists already is brought to what the file says; nothing is taken
away. All of it is tried on a copy first: where anything is wrong, nothing is
imported and the reasons are told. Roles whose trust policy names users or roles
that don't exist here are left out, and told; so are credentials whose secret the
file does not hold: passwords, MFA devices, server certificates, and passwords for
services; so are policies of AWS's that aren't known here, and what they were a
boundary of. Unique ids (AIDA…, AROA…), ids of policy versions and times stay
those of the file, where nothing here has them yet.

With --access-keys, FILE holds access keys that exist elsewhere, a line for each:
NAME,ACCESS KEY ID,SECRET. FILE may be - for standard input.`

func importCommand(std IO) *cobra.Command {
	var data string
	var keys bool
	var ic server.ImportConfig
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Put the users, groups, roles and policies of a file into an account",
		Long:  importLong,
		Args:  oneArg("the file to read"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			if keys && ic.DryRun {
				return usageError{errors.New("--dry-run is not for access keys")}
			}
			file, err := readInput(args[0])
			if err != nil {
				return err
			}
			var done server.Imported
			if keys {
				done, err = server.ImportKeys(cmd.Context(), cfg, file, ic.Account)
			} else {
				done, err = server.Import(cmd.Context(), cfg, file, ic)
			}
			if err != nil {
				return err
			}
			return printImported(std, done, ic.DryRun, keys)
		},
	}
	dataFlag(cmd, &data)
	flags := cmd.Flags()
	flags.StringVar(&ic.Account, "account", "", "id of the account to import into (default the first one)")
	flags.BoolVar(&ic.DryRun, "dry-run", false, "tell what would be done, and do nothing")
	flags.BoolVar(&keys, "access-keys", false, "FILE holds access keys, with their secrets")
	return cmd
}

// readInput reads a file, or standard input for -.
func readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

// printImported tells what was imported, or why nothing or not all was.
func printImported(std IO, done server.Imported, dryRun, keys bool) error {
	p := func(format string, args ...any) { fmt.Fprintf(std.Out, format+"\n", args...) }
	if done.From != "" {
		p("Account %s of the file stands for account %s here.", done.From, done.Account)
	}
	for _, name := range done.Created {
		p("  created  %s", name)
	}
	for _, name := range done.Changed {
		p("  changed  %s", name)
	}
	for _, name := range done.Skipped {
		p("  left out %s", name)
	}
	for _, problem := range done.Problems {
		fmt.Fprintf(std.Err, "sallyport: %s\n", problem)
	}
	what := map[bool]string{true: "would be ", false: ""}[dryRun]
	p("%d %screated, %d %schanged, %d unchanged, %d left out", len(done.Created), what, len(done.Changed), what, done.Unchanged, len(done.Skipped))
	switch {
	case len(done.Problems) > 0 && keys:
		return fmt.Errorf("%d access keys could not be imported", len(done.Problems))
	case len(done.Problems) > 0:
		return fmt.Errorf("nothing was imported, for %d reasons", len(done.Problems))
	}
	return nil
}
