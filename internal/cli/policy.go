package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/service/accessanalyzer"
	"github.com/sallyport-iam/sallyport/policy"
)

// What the policy commands print, and where: results on standard output; what
// kept them from working on standard error.

func policyCommand(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Test, validate and explain IAM policies, without a server",
		Args:  cobra.ArbitraryArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("no policy command; see sallyport policy --help")}
		},
	}
	cmd.AddCommand(policyTestCommand(std), policyValidateCommand(std), policyExplainCommand(std))
	return cmd
}

// errCasesFailed ends a test run whose failures have been printed.
var errCasesFailed = errors.New("some cases failed")

func policyTestCommand(std IO) *cobra.Command {
	return &cobra.Command{
		Use:   "test FILE...",
		Short: "Run decision and document cases from JSON or YAML files",
		Long: `Run cases from JSON or YAML files (docs/policy.md has their form). A decision
case gives a request, all policies that can apply, and whether allowed,
explicitDeny or implicitDeny is expected; a document case gives a document, its
kind, and whether valid or malformed is expected. Cases that fail are printed
with the reason. Exit code 1 if any failed.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			passed, failed := 0, 0
			for _, file := range files {
				cases, err := readCases(file)
				if err != nil {
					return err
				}
				for i := range cases {
					if why := cases[i].check(); why != "" {
						failed++
						fmt.Fprintf(std.Out, "%s: %s: %s\n", file, cases[i].Name, why)
					} else {
						passed++
					}
				}
			}
			fmt.Fprintf(std.Out, "%d passed, %d failed\n", passed, failed)
			if failed > 0 {
				return errCasesFailed
			}
			return nil
		},
	}
}

// check runs a case and says why it fails, or "".
func (c *policyCase) check() string {
	if len(c.Document) > 0 || c.Kind != "" {
		return c.checkDocument()
	}
	req, err := c.request()
	if err != nil {
		return err.Error()
	}
	in, err := c.policies()
	if err != nil {
		return err.Error()
	}
	switch c.Expect {
	case policy.Allowed.String(), policy.ExplicitDeny.String(), policy.ImplicitDeny.String():
	default:
		return fmt.Sprintf("expect is %q, not allowed, explicitDeny or implicitDeny", c.Expect)
	}
	e := policy.Explain(req, in)
	if e.Decision.String() == c.Expect {
		return ""
	}
	why := fmt.Sprintf("got %s, want %s", e.Decision, c.Expect)
	if c.Why != "" {
		why += " (" + c.Why + ")"
	}
	return why + "\n" + indent(e.String())
}

func (c *policyCase) checkDocument() string {
	kind, ok := kinds[c.Kind]
	if !ok {
		return fmt.Sprintf("kind %q is not one of %s", c.Kind, strings.Join(names(kinds), ", "))
	}
	if c.Inline && kind == policy.Managed {
		kind = policy.Inline
	}
	_, err := policy.Parse(string(c.Document), kind)
	switch {
	case c.Expect == "valid" && err != nil:
		return "got " + err.Error() + ", want a valid document"
	case c.Expect == "malformed" && err == nil:
		return "got a valid document, want a malformed one"
	case c.Expect != "valid" && c.Expect != "malformed":
		return fmt.Sprintf("expect is %q, not valid or malformed", c.Expect)
	}
	return ""
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}

// errInvalid ends a validation whose findings have been printed.
var errInvalid = errors.New("some documents are not valid")

func policyValidateCommand(std IO) *cobra.Command {
	var kindName string
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Check policy documents as AWS does when they are saved",
		Long: `Check policy documents as AWS does when they are saved. Prints
FILE:LINE:COLUMN: and the error, or warnings about what is saved but seldom
meant. Exit code 1 if a document has an error.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			kind, ok := kinds[kindName]
			if !ok {
				return usageError{fmt.Errorf("kind %q is not one of %s", kindName, strings.Join(names(kinds), ", "))}
			}
			invalid := false
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				invalid = !validate(std, file, string(text), kind) || invalid
			}
			if invalid {
				return errInvalid
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&kindName, "kind", "managed", "what the documents are: "+strings.Join(names(kinds), ", "))
	return cmd
}

// validate prints what is wrong with a document and reports whether it is valid.
func validate(std IO, file, text string, kind policy.Kind) bool {
	p, err := policy.Parse(text, kind)
	if e, ok := errors.AsType[*policy.Error](err); ok {
		detail := ""
		if e.Detail != "" {
			detail = " (" + e.Detail + ")"
		}
		fmt.Fprintf(std.Out, "%s:%d:%d: error: %s%s\n", file, e.Line, e.Column, e.Message, detail)
		return false
	}
	for _, f := range policy.Validate(text, policy.Validation{Kind: kind, Catalog: accessanalyzer.Catalog}) {
		label := "warning"
		if f.Type == policy.FindingSuggestion {
			label = "suggestion"
		}
		at := f.Locations[0].Start
		fmt.Fprintf(std.Out, "%s:%d:%d: %s: %s [%s]\n", file, at.Line, at.Column+1, label, f.Details, f.Code)
	}
	for _, w := range p.Warnings() {
		fmt.Fprintf(std.Out, "%s:%d:%d: warning: %s [%s]\n", file, w.Line, w.Column, w.Message, w.Code)
	}
	return true
}

func policyExplainCommand(std IO) *cobra.Command {
	var identity, session []string
	var boundary, resource string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain REQUEST-FILE",
		Short: "Say why a request is allowed or denied",
		Long: `Say why a request is allowed or denied, by policy and statement. The request is
a file in the form of a decision case (docs/policy.md); policies in it and those
of the flags apply together.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cases, err := readCases(args[0])
			if err != nil {
				return err
			}
			if len(cases) != 1 {
				return fmt.Errorf("%s holds %d requests; it must hold one", args[0], len(cases))
			}
			c := &cases[0]
			read := func(paths []string, to *[]document) {
				for _, path := range paths {
					var text []byte
					if err == nil && path != "" {
						text, err = os.ReadFile(path)
						*to = append(*to, text)
					}
				}
			}
			read(identity, &c.IdentityPolicies)
			read(session, &c.SessionPolicies)
			for path, to := range map[string]*document{boundary: &c.Boundary, resource: &c.ResourcePolicy} {
				var one []document
				if read([]string{path}, &one); len(one) > 0 {
					*to = one[0]
				}
			}
			if err != nil {
				return err
			}
			return explain(std, c, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&identity, "identity", nil, "file of an identity policy; may be repeated")
	flags.StringArrayVar(&session, "session", nil, "file of a session policy; may be repeated")
	flags.StringVar(&boundary, "boundary", "", "file of the permissions boundary")
	flags.StringVar(&resource, "resource-policy", "", "file of the resource's policy, or of the role's trust policy")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func explain(std IO, c *policyCase, asJSON bool) error {
	req, err := c.request()
	if err != nil {
		return err
	}
	in, err := c.policies()
	if err != nil {
		return err
	}
	e := policy.Explain(req, in)
	if !asJSON {
		_, err = fmt.Fprintln(std.Out, strings.TrimRight(e.String(), "\n"))
		return err
	}
	out := json.NewEncoder(std.Out)
	out.SetIndent("", "  ")
	return out.Encode(e)
}
