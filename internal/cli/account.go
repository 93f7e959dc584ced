package cli

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

// What account prints is on standard output, for people; list and show print
// JSON where it is asked for. No secret is printed: it stands in files.

const accountLong = `Make, list and delete accounts of a deployment.

Each account is apart from the others, with a root user, users, roles and
policies of its own. All commands work while a server runs on the data folder,
and without one.`

func accountCommand(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Make, list and delete accounts",
		Long:  accountLong,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; see sallyport account --help", args[0])}
			}
			return usageError{fmt.Errorf("no command; see sallyport account --help")}
		},
	}
	cmd.AddCommand(accountCreate(std), accountList(std), accountShow(std), accountReset(std), accountKeyMaxAge(std), accountTrailDays(std), accountQuota(std), accountDelete(std))
	return cmd
}

// folderConfig is the configuration of commands on a data folder, whose name the
// environment may say.
func folderConfig(cmd *cobra.Command, std IO, data *string) (cfg server.Config, err error) {
	if err := setFromEnvironment(cmd, std.Env); err != nil {
		return cfg, err
	}
	cfg = server.Config{Data: *data, Now: time.Now, Rand: rand.Reader, Log: logger(std, levelError), Fatal: fatal(std)}
	cfg.MasterKey, err = secret(std, masterKeyVariable)
	return cfg, err
}

// oneArg is for commands that take one argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("%s takes %s; see %s --help", cmd.CommandPath(), what, cmd.CommandPath())}
		}
		return nil
	}
}

func accountCreate(std IO) *cobra.Command {
	var data string
	var n server.NewAccount
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an account with a root user of its own",
		Args:  oneArg("the account's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			n.Name = args[0]
			a, err := server.CreateAccount(cmd.Context(), cfg, n)
			if err != nil {
				return err
			}
			fmt.Fprintf(std.Out, "Account %s (%s) is made.\n", a.ID, a.Name)
			printRoot(std, data, a)
			return nil
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().StringVar(&n.ID, "id", "", "12-digit id of the account (default random)")
	cmd.Flags().StringVar(&n.Email, "email", "", "email of its root user (default made of the id)")
	return cmd
}

// printRoot tells where a root user's credentials are.
func printRoot(std IO, data string, a server.AccountInfo) {
	fmt.Fprintf(std.Out, "  Root user        %s\n", a.Email)
	if a.KeyFile != "" {
		fmt.Fprintf(std.Out, "  Root access key  %s\n", filepath.Join(data, a.KeyFile))
	}
	if a.PasswordFile != "" {
		fmt.Fprintf(std.Out, "  Root password    %s\n", filepath.Join(data, a.PasswordFile))
	}
}

// state is an account's, in one word or two.
func state(a server.AccountInfo) string {
	switch {
	case !a.Closed.IsZero():
		return "closed"
	case a.First:
		return "first account"
	}
	return "active"
}

func printJSON(std IO, v any) error {
	enc := json.NewEncoder(std.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func accountList(std IO) *cobra.Command {
	var data string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all accounts",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			all, err := server.Accounts(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(std, all)
			}
			w := tabwriter.NewWriter(std.Out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ACCOUNT\tNAME\tROOT USER\tUSERS\tSTATE")
			for _, a := range all {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", a.ID, a.Name, a.Email, a.Users, state(a))
			}
			return w.Flush()
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func accountShow(std IO) *cobra.Command {
	var data string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one account",
		Args:  oneArg("the account's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			all, err := server.Accounts(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			for _, a := range all {
				if a.ID != args[0] {
					continue
				}
				if asJSON {
					return printJSON(std, a)
				}
				fmt.Fprintf(std.Out, "Account %s (%s), %s\n  Made             %s\n  Users            %d\n",
					a.ID, a.Name, state(a), a.Created.Format(time.RFC3339), a.Users)
				if a.Organization != "" {
					fmt.Fprintf(std.Out, "  Organization     %s\n", a.Organization)
				}
				printRoot(std, data, a)
				return nil
			}
			return fmt.Errorf("there is no account %s", args[0])
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func accountReset(std IO) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "reset-root ID",
		Short: "Give an account's root user a new access key and a new password",
		Long: `Give an account's root user a new access key, in place of all that it has, and a
new password. This is also the way into an account that CreateAccount of AWS
Organizations has made: its root user has neither.`,
		Args: oneArg("the account's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			a, err := server.ResetRoot(cmd.Context(), cfg, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(std.Out, "The root user of account %s has new credentials.\n", a.ID)
			printRoot(std, data, a)
			return nil
		},
	}
	dataFlag(cmd, &data)
	return cmd
}

func accountDelete(std IO) *cobra.Command {
	var data string
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete an account with all that it has",
		Args:  oneArg("the account's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			if !yes {
				return usageError{fmt.Errorf("account %s would be deleted with all users, roles and policies, for good; say --yes", args[0])}
			}
			a, err := server.DeleteAccount(cmd.Context(), cfg, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(std.Out, "Account %s (%s) is deleted.\n", a.ID, a.Name)
			return nil
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().BoolVar(&yes, "yes", false, "delete it for good")
	return cmd
}
