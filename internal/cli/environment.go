package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setFromEnvironment sets each flag that the command line doesn't from its
// environment variable: SALLYPORT_ and the name, in capitals.
func setFromEnvironment(cmd *cobra.Command, env func(string) (string, bool)) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "SALLYPORT_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := env(name)
		if f.Changed || !ok || value == "" || failed != nil {
			return
		}
		if err := f.Value.Set(value); err != nil {
			failed = usageError{fmt.Errorf("%s: %w", name, err)}
		}
	})
	return failed
}

// secretFromEnvironment reads a secret from the variable of that name, or from
// the file that the variable NAME_FILE names. Both at once are refused, and so is
// an empty file: it would pass for a secret that nobody wants to give.
func secretFromEnvironment(env func(string) (string, bool), name string) (string, error) {
	value, _ := env(name)
	path, _ := env(name + "_FILE")
	switch {
	case path == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("both %s and %s_FILE are set; set one", name, name)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", name, err)
	}
	if value = strings.TrimRight(string(b), "\r\n"); value == "" {
		return "", fmt.Errorf("%s_FILE: %s is empty", name, path)
	}
	return value, nil
}
