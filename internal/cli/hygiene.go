package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

func accountKeyMaxAge(std IO) *cobra.Command {
	return accountDays(std, "key-max-age", "Set after how many days the access keys of an account's users expire", `Set after how many days the access keys of an account's users expire, counted
from when each was made. 0 means never. A key that has expired is as an inactive
one. The root user's keys don't expire.

The users' tags, the credential report and, for keys in use, the log say in
advance when a key expires. One key alone expires by a tag of its user:
sallyport:access-key-expires:KEY-ID with a date or a time.`, server.SetKeyMaxAge, func(id string, days int) string {
		if days == 0 {
			return fmt.Sprintf("Access keys of account %s have no greatest age.", id)
		}
		return fmt.Sprintf("Access keys of the users of account %s expire %d days after they were made.", id, days)
	})
}

func accountTrailDays(std IO) *cobra.Command {
	return accountDays(std, "trail-days", "Set how many days the events of an account are kept", `Set how many days the events of an account are kept in the audit trail. 0 means as
many as serve --trail-days says. Older ones go at once where the server runs, by
whole days, and don't come back when the time is made longer.`, server.SetTrailDays, func(id string, days int) string {
		if days == 0 {
			return fmt.Sprintf("Events of account %s are kept as long as serve --trail-days says.", id)
		}
		return fmt.Sprintf("Events of account %s are kept for %d days.", id, days)
	})
}

// accountDays is a command that sets a number of days of an account.
func accountDays(std IO, name, short, long string, set func(context.Context, server.Config, string, int) (server.AccountInfo, error), done func(id string, days int) string) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   name + " ID DAYS",
		Short: short,
		Long:  long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{fmt.Errorf("%s takes the account's id and a number of days; see %s --help", cmd.CommandPath(), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			days, err := strconv.Atoi(args[1])
			if err != nil {
				return usageError{fmt.Errorf("%q is not a number of days", args[1])}
			}
			a, err := set(cmd.Context(), cfg, args[0], days)
			if err != nil {
				return err
			}
			fmt.Fprintln(std.Out, done(a.ID, days))
			return nil
		},
	}
	dataFlag(cmd, &data)
	return cmd
}

func delegationCommand(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delegation",
		Short: "Tokens of delegation requests",
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("no command; see sallyport delegation --help")}
		},
	}
	cmd.AddCommand(delegationToken(std))
	return cmd
}

func delegationToken(std IO) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "token REQUEST-ID",
		Short: "Print the token of a delegation request that has been sent",
		Long: `Print the token of a delegation request, once SendDelegationToken has been
called: AWS publishes it to the request's notification channel, which there is
none of here. The account that made the request trades it in with STS's
GetDelegatedAccessToken; nobody else can use it.`,
		Args: oneArg("the request's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			token, err := server.DelegationToken(cmd.Context(), cfg, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(std.Out, token)
			return nil
		},
	}
	dataFlag(cmd, &data)
	return cmd
}
