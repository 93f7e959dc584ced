package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// migrate brings the records of a folder to this program's format. Before it
// changes any it makes a backup in the folder.
func migrate(ctx context.Context, cfg Config, st store.Store) error {
	format := directory.CurrentFormat()
	if cfg.format != nil {
		format = *cfg.format
	}
	return format.Bring(ctx, st, func(from int) error {
		path := filepath.Join(cfg.Data, fmt.Sprintf("format-%d-revision-%d.backup", from, st.Stats().Head))
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			return err // made by a start that then was cut short
		}
		// It stands beside the store, in the same form, so it is not sealed.
		err := createFile(path, func(w io.Writer) error {
			return writeArchive(ctx, w, st, archiveHeader{Time: cfg.Now().UTC()})
		})
		if err == nil {
			cfg.Log.Info("the records are brought to a newer format", "from", from, "to", format.Version, "backup", path)
		}
		return err
	})
}
