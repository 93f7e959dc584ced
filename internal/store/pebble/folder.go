package pebble

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/sallyport-iam/sallyport/internal/store"
)

const (
	// formatName is the file that says what the folder holds: one line,
	// formatLine and the version. It is there once the database is: a folder
	// without it was never written to.
	formatName = "FORMAT"
	// makingName is there before anything else of the database is, and becomes
	// formatName: what stands beside it is of a making that was cut short.
	makingName = formatName + ".new"
	formatLine = "sallyport store "
	// formatVersion rises when this program writes what an older one can't read.
	formatVersion = 1
	// databaseFormat is the database's own. Raising it raises formatVersion.
	databaseFormat = pebbledb.FormatValueSeparation
)

// enter makes the folder if need be and locks it.
func enter(fsys vfs.FS, dir string) (string, *pebbledb.Lock, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, err
	}
	if err := makeFolder(fsys, dir); err != nil {
		return "", nil, fmt.Errorf("make store folder: %w", err)
	}
	lock, err := pebbledb.LockDirectory(dir, fsys)
	// A file that can't be made or opened is a *fs.PathError; what remains is
	// the lock itself.
	if _, isFile := errors.AsType[*fs.PathError](err); isFile {
		return "", nil, fmt.Errorf("lock store folder: %w", err)
	} else if err != nil {
		return "", nil, fmt.Errorf("%w: folder %s (%v)", store.ErrLocked, dir, err)
	}
	return dir, lock, nil
}

// makeFolder makes a folder and those above it that don't exist, readable by
// the owner only. A power cut does not take them away again.
func makeFolder(fsys vfs.FS, dir string) error {
	_, err := fsys.Stat(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeFolder(fsys, parent); err != nil {
		return err
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(fsys, parent)
}

// checkFormat reads the format file of a locked folder. Where there is none the
// folder is to be made: begin, open the database, finish.
func checkFormat(fsys vfs.FS, dir string) (found bool, err error) {
	line, err := readFile(fsys, filepath.Join(dir, formatName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read store format: %w", err)
	}
	version, err := parseFormat(line)
	switch {
	case err != nil:
		return true, fmt.Errorf("%w: file %s in %s: %w", store.ErrFormat, formatName, dir, err)
	case version > formatVersion:
		return true, fmt.Errorf("%w: folder %s has format %d, this program reads up to %d; run the version that wrote it, or a later one",
			store.ErrFormat, dir, version, formatVersion)
	}
	return true, nil
}

// parseFormat returns the version that the content of a format file names.
func parseFormat(content string) (int, error) {
	number, ok := strings.CutPrefix(content, formatLine)
	number, ended := strings.CutSuffix(number, "\n")
	version, err := strconv.Atoi(number)
	if !ok || !ended || err != nil || version < 1 || number != strconv.Itoa(version) {
		return 0, fmt.Errorf("%.40q is not a format line", content)
	}
	return version, nil
}

// begin begins to make a store in a folder, if nobody else's files are in it.
// What a power cut left of an earlier making is taken away: there is no saying
// what of it is on the disk, and nothing was ever stored in it.
func begin(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return fmt.Errorf("list store folder: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "LOCK" || name == "lost+found" || name == makingName })
	for _, name := range names {
		if _, err := fsys.Stat(filepath.Join(dir, makingName)); err != nil {
			return fmt.Errorf("%w: folder %s holds %s but no file %s, so it is not a store", store.ErrFormat, dir, name, formatName)
		}
		if err := fsys.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("make store folder anew: %w", err)
		}
	}
	if err := writeFile(fsys, filepath.Join(dir, makingName), formatLine+strconv.Itoa(formatVersion)+"\n"); err != nil {
		return fmt.Errorf("write store format: %w", err)
	}
	if err := syncDir(fsys, dir); err != nil {
		return fmt.Errorf("write store format: %w", err)
	}
	return markDatabaseFormat(fsys, dir)
}

// finish ends what begin began, once the database is there.
func finish(fsys vfs.FS, dir string) error {
	err := fsys.Rename(filepath.Join(dir, makingName), filepath.Join(dir, formatName))
	if err == nil {
		err = syncDir(fsys, dir)
	}
	if err != nil {
		return fmt.Errorf("write store format: %w", err)
	}
	return nil
}

// markDatabaseFormat makes the database begin with its newest format. Left
// alone it begins with its oldest and takes eleven steps, with a sync for each:
// more than half of what opening a new folder costs.
func markDatabaseFormat(fsys vfs.FS, dir string) error {
	marker, _, err := atomicfs.LocateMarker(fsys, dir, "format-version")
	if err != nil {
		return fmt.Errorf("mark database format: %w", err)
	}
	if err := errors.Join(marker.Move(databaseFormat.String()), marker.Close()); err != nil {
		return fmt.Errorf("mark database format: %w", err)
	}
	return nil
}

func readFile(fsys vfs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 100))
	return string(b), err
}

func writeFile(fsys vfs.FS, name, content string) error {
	f, err := fsys.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(content))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(fsys vfs.FS, dir string) error {
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
