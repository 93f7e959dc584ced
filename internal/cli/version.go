package cli

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/notices"
)

func versionCommand(std IO) *cobra.Command {
	var licenses bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			text := fmt.Sprintf("sallyport %s\n", version())
			if licenses {
				text = notices.Text
			}
			_, err := io.WriteString(std.Out, text)
			return err
		},
	}
	cmd.Flags().BoolVar(&licenses, "licenses", false, "print the notices and licenses of what the program contains of others")
	return cmd
}

// version is that of the build: a release's tag, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	return v + " " + info.GoVersion
}
