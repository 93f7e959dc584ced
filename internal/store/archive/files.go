package archive

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// tempPrefix begins the names of files that are not whole yet.
const tempPrefix = ".making-"

// writeFile makes a file, or replaces it: whole, and on the disk when it
// returns, or not at all. Only its owner may read it.
func writeFile(path string, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, tempPrefix+"*") // mode 0600
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(dir)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sealTo seals what write writes.
func sealTo(w io.Writer, recipients []age.Recipient, write func(io.Writer) error) error {
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return err
	}
	// Without Close a file does not open: so it isn't called after an error.
	if err := write(sealed); err != nil {
		return err
	}
	return sealed.Close()
}

// progress says that a line holds all that happened up to a time, and that its
// feed goes up to Revision at least. It is not sealed: a wrong one can make that
// time wrong, and nothing else.
type progress struct {
	Line     string         `json:"line"`
	Revision store.Revision `json:"revision"`
	Time     time.Time      `json:"time"`
}

const progressFile = "progress"

func (p progress) write(dir string) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, progressFile), func(w io.Writer) error {
		_, err := w.Write(append(line, '\n'))
		return err
	})
}

// readProgress reads the file where it is there and sound.
func readProgress(dir string) (p progress, ok bool) {
	b, err := os.ReadFile(filepath.Join(dir, progressFile))
	return p, err == nil && json.Unmarshal(b, &p) == nil
}
