package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// BackupConfig says what to back up, where to, and how to seal it.
type BackupConfig struct {
	Data string // the data folder, of a running server or of a stopped one
	File string // is made, with mode 0600; must not exist
	// WithMasterKey puts the master key into the backup.
	WithMasterKey bool
	// MasterKey is the one given by configuration, where there is one. It is
	// used only where no server runs.
	MasterKey    seal.Secret
	MasterKeyURI string // as in Config; it too only where no server runs
	// Recipients are age recipient keys that the backup is sealed for. Where
	// there are none it is sealed with a passphrase.
	Recipients []string
	Passphrase func() (seal.Secret, error)
	// PassphraseWork is the binary logarithm of scrypt's work for a passphrase,
	// 1 to 30; 0 means age's default.
	PassphraseWork int

	Now   func() time.Time
	Log   *slog.Logger
	Fatal func(error) // is called when the disk fails: it must end the process
}

// BackedUp tells what a backup holds.
type BackedUp struct {
	Revision  uint64
	Records   int
	MasterKey bool
	Running   bool // a server was running
}

// Backup writes all that the data folder holds at one revision, sealed, to a
// file. A running server is asked for it and goes on serving: what it had
// acknowledged before is in the backup. The file appears whole and on the disk,
// or not at all.
func Backup(ctx context.Context, cfg BackupConfig) (BackedUp, error) {
	if _, err := os.Lstat(cfg.File); err == nil {
		return BackedUp{}, fmt.Errorf("%s exists already", cfg.File)
	}
	recipients, err := recipients(cfg)
	if err != nil {
		return BackedUp{}, err
	}
	from, running, err := backupSource(ctx, cfg)
	if err != nil {
		return BackedUp{}, err
	}
	defer from.Close()
	done := BackedUp{Running: running}
	err = createFile(cfg.File, func(f io.Writer) error {
		sealed, err := age.Encrypt(f, recipients...)
		if err != nil {
			return err
		}
		return errors.Join(copyArchive(sealed, from, &done), sealed.Close())
	})
	if err != nil {
		return BackedUp{}, fmt.Errorf("back up %s: %w", cfg.Data, err)
	}
	return done, nil
}

// copyArchive copies an archive, and reads it on the way to see that it is whole.
func copyArchive(to io.Writer, from io.Reader, done *BackedUp) error {
	r := bufio.NewReaderSize(io.TeeReader(from, to), 64<<10)
	h, err := readHeader(r)
	if err != nil {
		return err
	}
	rev, err := store.ReadBackup(r, func(store.Record) error { done.Records++; return nil })
	if err != nil {
		return err
	}
	done.Revision, done.MasterKey = uint64(rev), h.MasterKey != ""
	return nil
}

func recipients(cfg BackupConfig) ([]age.Recipient, error) {
	if len(cfg.Recipients) == 0 {
		text, err := cfg.Passphrase()
		if err != nil {
			return nil, err
		}
		if text.IsZero() {
			return nil, errors.New("the passphrase is empty")
		}
		r, err := passphraseRecipient(text, cfg.PassphraseWork)
		return []age.Recipient{r}, err
	}
	return parseRecipients(cfg.Recipients)
}

func passphraseRecipient(text seal.Secret, work int) (*age.ScryptRecipient, error) {
	r, err := age.NewScryptRecipient(text.Reveal())
	if err == nil && work > 0 {
		r.SetWorkFactor(work)
	}
	return r, err
}

func parseRecipients(keys []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, key := range keys {
		r, err := recipient(key)
		if err != nil {
			return nil, fmt.Errorf("recipient %q is not an age recipient key (age1…)", key)
		}
		all = append(all, r)
	}
	return all, nil
}

// recipient reads a recipient key of either of age's own kinds.
func recipient(key string) (age.Recipient, error) {
	if r, err := age.ParseX25519Recipient(key); err == nil {
		return r, nil
	}
	return age.ParseHybridRecipient(key)
}

// backupSource gives the archive of a data folder: the running server's or,
// where none runs, the folder's own.
func backupSource(ctx context.Context, cfg BackupConfig) (io.ReadCloser, bool, error) {
	path := "/backup"
	if cfg.WithMasterKey {
		path += "?master-key=true"
	}
	body, err := askServer(ctx, cfg.Data, path)
	if !errors.Is(err, errNotRunning) {
		return body, true, err
	}
	if err := needStore(cfg.Data); err != nil {
		return nil, false, err
	}
	st, err := pebble.Open(filepath.Join(cfg.Data, storeFolder), pebble.Options{Logger: cfg.Log, Fatal: cfg.Fatal})
	if err != nil {
		return nil, false, folderError(cfg.Data, err)
	}
	h := archiveHeader{Time: cfg.Now().UTC()}
	if cfg.WithMasterKey {
		key, err := openMasterKey(ctx, Config{Data: cfg.Data, MasterKey: cfg.MasterKey, MasterKeyURI: cfg.MasterKeyURI, Log: cfg.Log}, st)
		if err != nil {
			return nil, false, errors.Join(err, st.Close())
		}
		h.MasterKey = key.key.Text().Reveal()
	}
	r, w := io.Pipe()
	s := &folderSource{PipeReader: r, st: st, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		w.CloseWithError(writeArchive(ctx, w, st, h))
	}()
	return s, false, nil
}

// folderSource is the archive of a folder without a server.
type folderSource struct {
	*io.PipeReader
	st   *pebble.Store
	done chan struct{} // closed when the archive is written
}

// Close ends the archive, and closes the store.
func (s *folderSource) Close() error {
	s.PipeReader.Close()
	<-s.done
	return s.st.Close()
}

// createFile makes a file that only its owner may read: whole, and on the disk
// when it returns, or not at all. It replaces none.
func createFile(path string, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return cause(err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists already", path)
	} else if err != nil { // some file systems have no links
		err = os.Rename(f.Name(), path)
		if err != nil {
			return cause(err)
		}
	}
	return syncFolder(dir)
}
