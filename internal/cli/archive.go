package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-iam/sallyport/internal/server"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/archive"
)

// archiveFlags are those of a server that archives its store's history.
func archiveFlags(cmd *cobra.Command, c *server.ArchiveConfig) {
	flags := cmd.Flags()
	flags.StringVar(&c.Dir, "archive", "", "folder for an archive, from which any moment can be restored (default none)")
	flags.DurationVar(&c.Every, "archive-every", 24*time.Hour, "time between the archive's full backups")
	flags.DurationVar(&c.Keep, "archive-keep", 0, "how far back the archive is kept, such as 720h (default for ever)")
	flags.StringSliceVar(&c.Recipients, "archive-recipient", nil, "age recipient key (age1…) that the archive is sealed for; may be repeated")
}

// target is a flag's value: a revision's number, or a time with its zone.
type target struct{ archive.Target }

func (t *target) String() string { return "" }

func (t *target) Type() string { return "TIME|REVISION" }

// Set implements pflag.Value.
func (t *target) Set(text string) error {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n > 0 {
		t.Target = archive.Target{Revision: store.Revision(n)}
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("%q is neither a revision's number nor a time with its zone, such as 2026-05-04T13:00:00Z", text)
	}
	t.Target = archive.Target{Time: at}
	return nil
}
