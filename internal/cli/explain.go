package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
)

// What explain prints: the explanation on standard output, as text or JSON.

const explainLong = `Say why a request was, or would be, allowed or denied.

WHAT is the id of an event or a request, or an encoded authorization message;
without it, --principal, --action and --resource say what would be asked. The
server on the data folder must be running.

Of an event it tells what was decided then, by each policy as it was, and what the
policies of now would say.`

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func explainCommand(std IO) *cobra.Command {
	var data string
	var q server.Question
	var keys []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [WHAT]",
		Short: "Say why a request was, or would be, allowed or denied",
		Long:  explainLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := setFromEnvironment(cmd, std.Env); err != nil {
				return err
			}
			if err := readQuestion(&q, args, keys); err != nil {
				return err
			}
			a, err := server.Explain(cmd.Context(), data, q)
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(std.Out)
				out.SetIndent("", "  ")
				return out.Encode(a)
			}
			_, err = fmt.Fprintln(std.Out, strings.TrimRight(a.Text, "\n"))
			return err
		},
	}
	dataFlag(cmd, &data)
	flags := cmd.Flags()
	flags.StringVar(&q.Principal, "principal", "", "the ARN of a user, a role or a session of a role")
	flags.StringVar(&q.Action, "action", "", "such as iam:CreateUser")
	flags.StringVar(&q.Resource, "resource", "*", "the ARN of the resource")
	flags.StringArrayVar(&keys, "context", nil, "a condition key, as KEY=VALUE; may be repeated")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// readQuestion completes a question that flags have begun.
func readQuestion(q *server.Question, args, keys []string) error {
	switch {
	case len(args) > 0 && q.Principal+q.Action != "":
		return usageError{errors.New("either WHAT or --principal and --action, not both")}
	case len(args) > 0 && uuid.MatchString(args[0]):
		q.ID = args[0]
		return nil
	case len(args) > 0:
		q.Message = args[0]
		return nil
	case q.Principal == "" || q.Action == "":
		return usageError{errors.New("nothing to explain: an id, a message, or --principal and --action")}
	}
	q.Context = map[string][]string{}
	for _, k := range keys {
		name, value, ok := strings.Cut(k, "=")
		if !ok {
			return usageError{fmt.Errorf("condition key %q is not KEY=VALUE", k)}
		}
		q.Context[name] = append(q.Context[name], value)
	}
	return nil
}
