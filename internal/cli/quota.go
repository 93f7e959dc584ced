package cli

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

func accountQuota(std IO) *cobra.Command {
	var data string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "quota ID [NAME=N]...",
		Short: "Show an account's quotas, and set some of them",
		Long: `Show an account's quotas, and set some of them for this account alone, on all
nodes at once:

  sallyport account quota 111122223333 RolesPerAccount=5000 PoliciesPerRole=20

NAME= without a number takes back what was set: the account then has the quota of
the deployment, which serve --quota sets. Whoever has more than a new quota keeps
it. GetAccountSummary shows the quotas too. docs/operate.md says what each is.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("%s takes the account's id; see %s --help", cmd.CommandPath(), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := folderConfig(cmd, std, &data)
			if err != nil {
				return err
			}
			quotas, err := quotaChanges(args[1:])
			if err != nil {
				return err
			}
			all, err := server.SetQuotas(cmd.Context(), cfg, args[0], quotas)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(std, all)
			}
			return printQuotas(std, all)
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// quotaChanges reads settings NAME=N, and NAME= as nil.
func quotaChanges(settings []string) (map[string]*int, error) {
	changes := map[string]*int{}
	for _, s := range settings {
		name, value, ok := strings.Cut(s, "=")
		n, err := strconv.Atoi(value)
		if !ok || name == "" || value != "" && err != nil {
			return nil, usageError{fmt.Errorf("%q is not NAME=NUMBER, nor NAME=", s)}
		}
		if changes[name] = &n; value == "" {
			changes[name] = nil
		}
	}
	return changes, nil
}

func printQuotas(std IO, all []server.QuotaInfo) error {
	w := tabwriter.NewWriter(std.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "QUOTA\tLIMIT\tAWS'S\tSET FOR")
	for _, q := range all {
		by := ""
		switch {
		case q.Own:
			by = "this account"
		case q.Limit != q.Default:
			by = "the deployment"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", q.Name, q.Limit, q.Default, by)
	}
	return w.Flush()
}
