package cli

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/cluster"
)

// clusterFolder is where in the data folder the member of the cluster is.
const clusterFolder = "cluster"

const clusterLong = `Look at and change the cluster that runs inside Sallyport (serve --cluster).

These commands ask the member that runs with the data folder, on this machine
and as the user that it runs as.`

func clusterCommand(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "See and replace members of the cluster",
		Long:  clusterLong,
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; see sallyport cluster --help", args[0])}
			}
			return usageError{fmt.Errorf("no command; see sallyport cluster --help")}
		},
	}
	cmd.AddCommand(membersCommand(std), replaceCommand(std))
	return cmd
}

func membersCommand(std IO) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "members",
		Short: "List the members of the cluster",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := setFromEnvironment(cmd, std.Env); err != nil {
				return err
			}
			ms, err := cluster.Members(cmd.Context(), filepath.Join(data, clusterFolder))
			if err != nil {
				return err
			}
			return printMembers(std, ms)
		},
	}
	dataFlag(cmd, &data)
	return cmd
}

// printMembers prints a table on standard output.
func printMembers(std IO, ms []cluster.Member) error {
	w := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tURL\tROLE")
	for _, m := range ms {
		role := "member"
		switch {
		case m.Name == "":
			m.Name, role = "-", "not started yet"
		case m.Leader:
			role = "leader"
		}
		if m.Asked {
			role += " (this one)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", m.Name, m.URL, role)
	}
	return w.Flush()
}

const replaceLong = `Give the place of a dead member to a new one of the same name.

Run it on the machine of a living member. The dead one is removed from the
cluster, and must never be started again with its old data. Then start the new
one, which may have another address, with an empty data folder (and the
deployment's master.key in it), as this command prints. Doing it twice does no harm.`

func replaceCommand(std IO) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "replace NAME=URL",
		Short: "Replace a dead member",
		Long:  replaceLong,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := setFromEnvironment(cmd, std.Env); err != nil {
				return err
			}
			if len(args) != 1 {
				return usageError{fmt.Errorf("name the new member as NAME=URL; see %s --help", cmd.CommandPath())}
			}
			peers, err := cluster.Parse(args[0])
			if err != nil || len(peers) != 1 {
				return usageError{fmt.Errorf("%q is not NAME=URL", args[0])}
			}
			after, err := cluster.Replace(cmd.Context(), filepath.Join(data, clusterFolder), peers[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(std.Out, "The cluster waits for member %s. Start it with\n  sallyport serve --cluster-join --cluster-name %s --cluster %s\n", peers[0].Name, peers[0].Name, after)
			return err
		},
	}
	dataFlag(cmd, &data)
	return cmd
}
