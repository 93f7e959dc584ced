package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/cluster"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/server"
)

// clusterFolder is where in the data folder the member of the cluster is.
const clusterFolder = "cluster"

// clustering are the flags of serve for a member of the cluster.
type clustering struct {
	peers, name, listen, cert, key, ca string
	join                               bool
}

func clusterFlags(cmd *cobra.Command, c *clustering) {
	flags := cmd.Flags()
	flags.StringVar(&c.peers, "cluster", "", "NAME=URL,NAME=URL,..., all members of a cluster that runs inside Sallyport, as they reach each other (needs a program built with -tags cluster)")
	flags.StringVar(&c.name, "cluster-name", "", "which of the members this one is")
	flags.StringVar(&c.listen, "cluster-listen", "", "IP:PORT at which the other members are listened for (default that of this member's URL)")
	flags.StringVar(&c.cert, "cluster-cert", "", "file of this member's certificate, for https URLs")
	flags.StringVar(&c.key, "cluster-key", "", "file of that certificate's key")
	flags.StringVar(&c.ca, "cluster-ca", "", "file of the CA whose certificates all members have")
	flags.BoolVar(&c.join, "cluster-join", false, "join a cluster that was told of this member by sallyport cluster replace")
}

// start starts the member, if there is to be one, and points the configuration
// at it. The context that it returns ends when the member fails; stop stops it.
func (c *clustering) start(ctx context.Context, cfg *server.Config) (_ context.Context, stop func(), err error) {
	if c.peers == "" {
		if *c != (clustering{}) {
			return nil, nil, usageError{errors.New("--cluster-name and the other flags of a cluster need --cluster")}
		}
		return ctx, func() {}, nil
	}
	peers, err := cluster.Parse(c.peers)
	if err != nil {
		return nil, nil, usageError{err}
	}
	node, err := cluster.Start(ctx, cluster.Config{
		Name: c.name, Peers: peers, Dir: filepath.Join(cfg.Data, clusterFolder), Listen: c.listen,
		Cert: c.cert, Key: c.key, CA: c.ca, Join: c.join, Log: cfg.Log, Fatal: cfg.Fatal,
	})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case err := <-node.Failed():
			cancel(memberFailure{err})
		case <-ctx.Done():
		}
	}()
	stop = func() {
		cancel(nil)
		if err := node.Close(); err != nil {
			cfg.Log.Warn("stop the cluster's member", "error", err)
		}
	}
	cfg.Store.Member = node.Endpoints()[0]
	if err := awaitMembers(ctx, cfg, node); err != nil {
		stop()
		return nil, nil, err
	}
	return ctx, stop, nil
}

// awaitMembers waits for a majority of members where there is nothing yet to
// serve from.
func awaitMembers(ctx context.Context, cfg *server.Config, node *cluster.Node) error {
	if _, err := os.Stat(filepath.Join(cfg.Data, "replica", "CURRENT")); err == nil {
		return nil
	}
	select {
	case <-node.Ready():
		return nil
	default:
	}
	cfg.Log.Info("waiting for the other members of the cluster")
	select {
	case <-node.Ready():
		return nil
	case <-ctx.Done():
		return memberError(ctx, ctx.Err())
	}
}

// memberFailure is why the cluster's member stopped by itself.
type memberFailure struct{ error }

// memberError is err, or why the cluster's member failed where that ended ctx.
func memberError(ctx context.Context, err error) error {
	if failure, ok := errors.AsType[memberFailure](context.Cause(ctx)); ok {
		return failure
	}
	return err
}

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
	cmd.AddCommand(masterKeyCommand(std), membersCommand(std), replaceCommand(std))
	return cmd
}

const masterKeyLong = `Make the master key of a new deployment, before its nodes start.

All nodes need the same one. This makes the data folder, if need be, and the file
master.key in it: copy that to the data folders of the other nodes.`

func masterKeyCommand(std IO) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "master-key",
		Short: "Make the master key for a new deployment",
		Long:  masterKeyLong,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := setFromEnvironment(cmd, std.Env); err != nil {
				return err
			}
			if err := os.MkdirAll(data, 0o700); err != nil {
				return err
			}
			path := filepath.Join(data, "master.key")
			_, made, err := seal.LoadOrCreateMasterKey(path, rand.Reader)
			if err != nil {
				return err
			}
			if !made {
				return fmt.Errorf("there is a master key already: %s", path)
			}
			_, err = fmt.Fprintln(std.Out, path)
			return err
		},
	}
	dataFlag(cmd, &data)
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
