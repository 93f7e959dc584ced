package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

const exportLong = `Write an account's users, groups, roles and policies to a file, or to standard
output where FILE is -.

The file has the shape of what aws iam get-account-authorization-details prints
and, under the key Sallyport, what that lacks: the password policy, SSH keys,
signing certificates, providers, and which other credentials there are. It holds
no secret: no access key's, no password and no hash of one, no MFA device's seed,
no private key. A backup has everything; see sallyport backup.`

func exportCommand(std IO) *cobra.Command {
	var data, account string
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write an account's IAM state to a file",
		Long:  exportLong,
		Args:  oneArg("the file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			b, err := server.Export(cmd.Context(), cfg, account)
			if err != nil {
				return err
			}
			if args[0] == "-" {
				_, err := std.Out.Write(b)
				return err
			}
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			if _, err := f.Write(b); err != nil {
				f.Close()
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			fmt.Fprintf(std.Out, "%s is written.\n", args[0])
			return nil
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().StringVar(&account, "account", "", "id of the account (default the first one)")
	return cmd
}
