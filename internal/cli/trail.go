package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// What the trail's commands print, all on standard output: of search and tail a
// line for each event, or its record with --json; of verify what is wrong, and
// then a summary; of policy a policy document; of replay a table, or JSON.

func trailCommand(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trail",
		Short: "Look into the audit trail of a server, running or stopped",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("no command; see sallyport trail --help")}
		},
	}
	cmd.AddCommand(trailSearchCommand(std), trailTailCommand(std), trailVerifyCommand(std), trailValidateCommand(std), trailPolicyCommand(std), trailReplayCommand(std))
	return cmd
}

// trailFlags are those of all commands on a trail.
type trailFlags struct {
	cfg          server.TrailConfig
	filter       trail.Filter
	since, until string
	asJSON       bool
}

func (f *trailFlags) open(cmd *cobra.Command, std IO) error {
	if err := setFromEnvironment(cmd, std.Env); err != nil {
		return err
	}
	f.cfg.Now, f.cfg.Log, f.cfg.Fatal = time.Now, logger(std, levelError), fatal(std)
	var err error
	if f.filter.Since, err = moment(f.since); err != nil {
		return err
	}
	f.filter.Until, err = moment(f.until)
	return err
}

// moment reads a time, a date, or how long ago: 2026-05-04T13:00:00Z, 2026-05-04,
// 90m, 12h, 30d.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 1e5 {
			return time.Now().Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("%q is not a time (2026-05-04T13:00:00Z), a date (2026-05-04) or a length of time (90m, 12h, 30d)", text)}
}

func (f *trailFlags) filters(cmd *cobra.Command) {
	flags := cmd.Flags()
	dataFlag(cmd, &f.cfg.Data)
	flags.StringVar(&f.filter.Account, "account", "", "of that account only")
	flags.StringVar(&f.filter.User, "user", "", "of that user, session or root")
	flags.StringVar(&f.filter.Key, "key", "", "by that access key id")
	flags.StringVar(&f.filter.Name, "name", "", "of that operation, such as CreateUser")
	flags.StringVar(&f.filter.Resource, "resource", "", "about the resource of that name or ARN")
	flags.StringVar(&f.filter.ResourceType, "resource-type", "", "about resources of that type, such as AWS::IAM::User")
	flags.StringVar(&f.filter.Source, "source", "", "of that service, such as iam")
	flags.StringVar(&f.filter.Principal, "principal", "", "of the user, role or session of that ARN")
	flags.StringVar(&f.filter.ID, "id", "", "of that event id or request id")
	flags.BoolVar(&f.filter.Errors, "errors", false, "only calls that failed")
	flags.BoolVar(&f.filter.Changes, "changes", false, "only calls that may change something")
	flags.BoolVar(&f.asJSON, "json", false, "print CloudTrail records, one a line")
}

// print prints an event.
func (f *trailFlags) print(std IO) func(record []byte) error {
	return func(record []byte) error {
		if !f.asJSON {
			var e trail.Event
			if err := json.Unmarshal(record, &e); err != nil {
				return err
			}
			record = []byte(e.Line())
		}
		_, err := fmt.Fprintf(std.Out, "%s\n", record)
		return err
	}
}

func trailSearchCommand(std IO) *cobra.Command {
	var f trailFlags
	cmd := &cobra.Command{
		Use:   "search",
		Short: "Find events, the newest first",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.open(cmd, std); err != nil {
				return err
			}
			return server.SearchTrail(cmd.Context(), f.cfg, f.filter, f.print(std))
		},
	}
	f.filters(cmd)
	cmd.Flags().StringVar(&f.since, "since", "", "not before: a time, a date, or how long ago (90m, 12h, 30d)")
	cmd.Flags().StringVar(&f.until, "until", "", "not after: as --since")
	cmd.Flags().IntVar(&f.filter.Max, "max", 0, "how many events at most (default all)")
	return cmd
}

func trailTailCommand(std IO) *cobra.Command {
	var f trailFlags
	var last int
	var follow bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show the last events, and with -f those that come",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.open(cmd, std); err != nil {
				return err
			}
			if follow {
				ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
				defer stop()
				return server.FollowTrail(ctx, f.cfg, f.filter, last, f.print(std))
			}
			f.filter.Max = last
			var events [][]byte
			err := server.SearchTrail(cmd.Context(), f.cfg, f.filter, func(r []byte) error { events = append(events, r); return nil })
			for i := len(events) - 1; i >= 0 && err == nil; i-- {
				err = f.print(std)(events[i])
			}
			return err
		},
	}
	f.filters(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the events that come")
	cmd.Flags().IntVarP(&last, "lines", "n", 10, "how many of the last events")
	return cmd
}

const trailVerifyLong = `Look for events that were changed, removed or put in since they were written.

Every block of events is tied to all before it by a chain of hashes, and each
hour, and at a clean stop, the end of the chain is signed with the deployment's
key. A running server signs what has no signature yet before it verifies. Exit
code 1 if anything is wrong.`

func trailVerifyCommand(std IO) *cobra.Command {
	var f trailFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Look for events that were changed, removed or put in",
		Long:  trailVerifyLong,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.open(cmd, std); err != nil {
				return err
			}
			v, err := server.VerifyTrail(cmd.Context(), f.cfg)
			if err != nil {
				return err
			}
			for _, p := range v.Problems {
				fmt.Fprintln(std.Out, p)
			}
			fmt.Fprintf(std.Out, "%d events are as they were written, %d have expired, %d are not signed yet; %d digests\n", v.Events, v.Expired, v.Unsigned, v.Digests)
			if len(v.Problems) > 0 {
				return errors.New("the trail is not as it was written")
			}
			return nil
		},
	}
	dataFlag(cmd, &f.cfg.Data)
	cmd.Flags().IntVar(&f.cfg.Days, "trail-days", 90, "days that events are kept, where no server runs")
	return cmd
}

func trailPolicyCommand(std IO) *cobra.Command {
	var f trailFlags
	cmd := &cobra.Command{
		Use:   "policy --principal ARN",
		Short: "Write the smallest policy that allows what a principal did",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.open(cmd, std); err != nil {
				return err
			}
			if f.filter.Principal == "" {
				return usageError{errors.New("--principal is missing: the ARN of a user, role or session")}
			}
			p, err := server.TrailPolicy(cmd.Context(), f.cfg, f.filter.Principal, f.filter.Since)
			if err != nil {
				return err
			}
			fmt.Fprintln(std.Out, p.Document)
			fmt.Fprintf(std.Err, "%d actions in %d events, all of which it allows\n", p.Actions, p.Events)
			return nil
		},
	}
	dataFlag(cmd, &f.cfg.Data)
	cmd.Flags().StringVar(&f.filter.Principal, "principal", "", "the ARN of a user, role or session")
	cmd.Flags().StringVar(&f.since, "since", "30d", "not before: a time, a date, or how long ago (90m, 12h, 30d)")
	return cmd
}

const trailReplayLong = `Say what a change of policies would have meant for the events of a time: who would
have lost or gained what. Nothing is changed.

FILE holds {"changes": [ … ]}; each change is one of

  {"do": "attach",  "principal": ARN, "policy": ARN}      or "document": { … }
  {"do": "detach",  "principal": ARN, "policy": ARN}      or an inline policy's name
  {"do": "version", "policy": ARN, "document": { … }}
  {"do": "boundary", "principal": ARN, "policy": ARN}     or "document"; neither takes it away
  {"do": "scp", "account": ID, "document": { … }}
  {"do": "deactivate", "key": ACCESS KEY ID}

The principal is a user, a group or a role. Events are decided by the policies of
now, without and with the changes, with the session policies and the condition
keys that the requests had. Calls of who isn't of the deployment, such as
AssumeRoleWithSAML, are left out.`

func trailReplayCommand(std IO) *cobra.Command {
	var f trailFlags
	var file string
	cmd := &cobra.Command{
		Use:   "replay --policy-change FILE",
		Short: "Say who would have lost or gained what by a change of policies",
		Long:  trailReplayLong,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.open(cmd, std); err != nil {
				return err
			}
			if file == "" {
				return usageError{errors.New("--policy-change is missing")}
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			r := server.Replay{Since: f.filter.Since, Account: f.filter.Account}
			if err := json.Unmarshal(text, &r); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			out, err := server.ReplayTrail(cmd.Context(), f.cfg.Data, r)
			if err != nil {
				return err
			}
			return printReplay(std, out, f.asJSON)
		},
	}
	dataFlag(cmd, &f.cfg.Data)
	cmd.Flags().StringVar(&file, "policy-change", "", "file of the changes")
	cmd.Flags().StringVar(&f.since, "since", "30d", "not before: a time, a date, or how long ago (90m, 12h, 30d)")
	cmd.Flags().StringVar(&f.filter.Account, "account", "", "events of that account only")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func printReplay(std IO, r server.Replayed, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(std.Out)
		out.SetIndent("", "  ")
		return out.Encode(r)
	}
	for _, g := range r.Groups {
		fmt.Fprintf(std.Out, "%s  %6d  %s  %s  (last on %s, event %s: %s)\n", g.Outcome, g.Count, g.Principal, g.Action, g.Resource, g.EventID, g.Reason)
	}
	_, err := fmt.Fprintf(std.Out, "%d events decided anew, %d can't be; %d differences\n", r.Events, r.Skipped, len(r.Groups))
	if r.Since > 0 {
		fmt.Fprintf(std.Out, "%d of them were decided otherwise then, by the policies of that time\n", r.Since)
	}
	return err
}
