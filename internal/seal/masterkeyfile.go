package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// LoadOrCreateMasterKey reads the master key from a file, or makes the file
// with a new key where there is none; created says which. The file has mode
// 0600; one that others may read or write is refused. It appears whole or not
// at all, and of several that start at once one makes it and all get its key.
// The folder must exist.
func LoadOrCreateMasterKey(path string, rand io.Reader) (m MasterKey, created bool, err error) {
	m, err = LoadMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, false, err
	}
	m = NewMasterKey(rand)
	err = createExclusive(path, []byte(m.Text().Reveal()+"\n"))
	if errors.Is(err, fs.ErrExist) { // another was first
		m, err = LoadMasterKey(path)
		return m, false, err
	}
	if err != nil {
		return MasterKey{}, false, fmt.Errorf("create master key: %w", err)
	}
	return m, true, nil
}

// LoadMasterKey reads the master key from a file that only its owner may use.
func LoadMasterKey(path string) (MasterKey, error) {
	info, err := os.Stat(path) // before it is opened, which waits where it is a pipe
	if err != nil {
		return MasterKey{}, fmt.Errorf("open master key: %w", err)
	}
	if err := checkMode(path, info.Mode()); err != nil {
		return MasterKey{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("open master key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return MasterKey{}, fmt.Errorf("read master key: %w", err)
	}
	m, err := ParseMasterKey(string(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("%s is %w", path, err)
	}
	return m, nil
}

func checkMode(path string, mode fs.FileMode) error {
	switch {
	case mode.IsDir():
		return fmt.Errorf("%s is %w: it is a folder", path, ErrMasterKey)
	case !mode.IsRegular():
		return fmt.Errorf("%s is %w: it is no regular file", path, ErrMasterKey)
	// Windows has no such bits; there the folder's access list must do.
	case mode.Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return fmt.Errorf("%s has mode %04o, so others than its owner may use it: make it 0600 (chmod 600 %s)",
			path, mode.Perm(), path)
	}
	return nil
}

// createExclusive makes a file that holds text, durably, or fails with
// fs.ErrExist. The text is written under another name and then linked, which
// unlike a rename never replaces a file.
func createExclusive(path string, text []byte) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".master-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := writeSynced(temp, text); err != nil {
		return err
	}
	err = os.Link(temp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems have no links. What a crash leaves half written
		// there is refused at the next start; nothing was sealed with it yet.
		err = createDirectly(path, text)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

func createDirectly(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return writeSynced(f, text)
}

func writeSynced(f *os.File, text []byte) error {
	_, err := f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // a folder can't be synced there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
