package replica

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// The folder holds copies in folders of their own, copy-1, copy-2 and so on.
// CURRENT names the one that counts, and is written when that is complete.
const (
	formatName  = "FORMAT"
	formatLine  = "sallyport replica 1\n" // another line: thrown away, not read
	formatWords = "sallyport replica "
	currentName = "CURRENT"
	copyPrefix  = "copy-"
	lockName    = "LOCK"
	newSuffix   = ".new"
)

// folder is the replica's folder, locked.
type folder struct {
	dir  string // absolute
	lock *pebbledb.Lock
	last int // number of the last copy that was begun
}

// enter makes the folder where it is missing, locks it, and sees to it that
// it is a replica's.
func enter(dir string) (_ *folder, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := pebbledb.LockDirectory(dir, vfs.Default)
	if _, isFile := errors.AsType[*fs.PathError](err); isFile {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w: %v", store.ErrLocked, err)
	}
	f := &folder{dir: dir, lock: lock}
	if err := f.checkOwner(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *folder) close() error { return f.lock.Close() }

// checkOwner refuses a folder with somebody else's files: what is not trusted
// here is deleted.
func (f *folder) checkOwner() error {
	line, err := os.ReadFile(filepath.Join(f.dir, formatName))
	if err == nil {
		if !strings.HasPrefix(string(line), formatWords) {
			return fmt.Errorf("%w: file %s is not a replica's", store.ErrFormat, formatName)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name != lockName && name != formatName+newSuffix && name != "lost+found" {
			return fmt.Errorf("%w: it holds %s but no file %s, so it is not a replica", store.ErrFormat, name, formatName)
		}
	}
	return f.write(formatName, formatLine)
}

// current is the folder of the copy that counts; empty where there is none. An
// error means that it can't be trusted.
func (f *folder) current() (string, error) {
	line, err := os.ReadFile(filepath.Join(f.dir, formatName))
	if err != nil {
		return "", err
	}
	if string(line) != formatLine {
		return "", fmt.Errorf("%w: %.40q", store.ErrFormat, line)
	}
	name, err := os.ReadFile(filepath.Join(f.dir, currentName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	f.last, err = parseCurrent(string(name))
	if err != nil {
		return "", fmt.Errorf("%w: file %s: %w", store.ErrDamaged, currentName, err)
	}
	return f.path(f.last), nil
}

// parseCurrent reads the number of the copy that CURRENT names.
func parseCurrent(content string) (int, error) {
	digits, ok := strings.CutPrefix(content, copyPrefix)
	digits, ended := strings.CutSuffix(digits, "\n")
	n, err := strconv.Atoi(digits)
	if !ok || !ended || err != nil || n < 1 || strconv.Itoa(n) != digits {
		return 0, fmt.Errorf("%.40q is not a copy's name", content)
	}
	return n, nil
}

func (f *folder) path(n int) string { return filepath.Join(f.dir, copyPrefix+strconv.Itoa(n)) }

// next is an empty place for a new copy.
func (f *folder) next() (string, error) {
	f.last++
	return f.path(f.last), os.RemoveAll(f.path(f.last))
}

// point makes the copy count that next gave out last. It must be on the disk.
func (f *folder) point() error {
	return f.write(currentName, filepath.Base(f.path(f.last))+"\n")
}

// clear removes all copies; CURRENT goes first.
func (f *folder) clear() error {
	err := os.Remove(filepath.Join(f.dir, currentName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.write(formatName, formatLine); err != nil {
		return err
	}
	return f.keepOnly("")
}

// keepOnly removes all copies but one.
func (f *folder) keepOnly(dir string) error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(f.dir, e.Name())
		if strings.HasPrefix(e.Name(), copyPrefix) && path != dir {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// write replaces a file as a whole, and makes that durable.
func (f *folder) write(name, content string) error {
	path := filepath.Join(f.dir, name)
	file, err := os.OpenFile(path+newSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+newSuffix, path); err != nil {
		return err
	}
	d, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
