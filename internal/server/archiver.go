package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/archive"
)

// ArchiveConfig says how a server archives its store's history, so that any
// moment of it can be restored. The zero value is: not at all.
type ArchiveConfig struct {
	Dir   string
	Every time.Duration // between full backups; 0 means 24 hours
	Keep  time.Duration // how far back every moment is kept; 0 means for ever
	// Recipients are age recipient keys that the archive is sealed for. Where
	// there are none it is sealed with the passphrase.
	Recipients     []string
	Passphrase     seal.Secret
	PassphraseWork int // as in BackupConfig
}

const (
	// archiveKeyFile stands in an archive that is sealed with a passphrase. It
	// holds an age identity, and is itself sealed with the passphrase: as that
	// costs a second each time, it isn't what each of the files is sealed with.
	archiveKeyFile = "key.age"
	// archiveLine, in the data folder, is the line of the archive that the
	// folder's data goes on with. A restored folder has none.
	archiveLine = "archive.line"

	leastArchiveEvery = time.Minute
)

// check says what is wrong with the configuration.
func (c ArchiveConfig) check() error {
	switch _, err := parseRecipients(c.Recipients); {
	case c.Dir == "":
		return nil
	case err != nil:
		return err
	case len(c.Recipients) == 0 && c.Passphrase.IsZero():
		return errors.New("an archive needs an age recipient key (--archive-recipient) or a passphrase (SALLYPORT_BACKUP_PASSPHRASE): it is never in plain text")
	case c.Every != 0 && c.Every < leastArchiveEvery:
		return fmt.Errorf("full backups every %v are too many: at least %v must lie between them", c.Every, leastArchiveEvery)
	case c.Keep < 0:
		return errors.New("an archive can't be kept for less than no time")
	}
	return nil
}

// startArchive begins to archive, where that is wanted.
func startArchive(cfg Config, st store.Store) *archive.Archiver {
	if cfg.Archive.Dir == "" {
		return nil
	}
	return archive.Start(archive.Config{
		Dir: cfg.Archive.Dir, Store: st, State: filepath.Join(cfg.Data, archiveLine),
		Every: cfg.Archive.Every, Keep: cfg.Archive.Keep,
		Recipients: cfg.Archive.recipients,
		Preamble:   func(t time.Time) ([]byte, error) { return archiveHeader{Time: t}.encode() },
		Now:        cfg.Now, Rand: cfg.Rand, Log: cfg.Log,
	})
}

// recipients are those for whom the archive is sealed.
func (c ArchiveConfig) recipients() ([]age.Recipient, error) {
	if len(c.Recipients) > 0 {
		return parseRecipients(c.Recipients)
	}
	key, err := openArchiveKey(c.Dir, func() (seal.Secret, error) { return c.Passphrase, nil })
	if errors.Is(err, os.ErrNotExist) {
		key, err = c.makeKey()
	}
	if err != nil {
		return nil, err
	}
	return []age.Recipient{key.Recipient()}, nil
}

// makeKey makes the archive's own key.
func (c ArchiveConfig) makeKey() (*age.HybridIdentity, error) {
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, err
	}
	r, err := passphraseRecipient(c.Passphrase, c.PassphraseWork)
	if err != nil {
		return nil, err
	}
	err = createFile(filepath.Join(c.Dir, archiveKeyFile), func(f io.Writer) error {
		sealed, err := age.Encrypt(f, r)
		if err != nil {
			return err
		}
		_, err = io.WriteString(sealed, key.String()+"\n")
		return errors.Join(err, sealed.Close())
	})
	return key, err
}

// openArchiveKey opens the archive's own key; os.ErrNotExist where it has none.
func openArchiveKey(dir string, passphrase func() (seal.Secret, error)) (*age.HybridIdentity, error) {
	path := filepath.Join(dir, archiveKeyFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := unsealed(f, Unseal{Passphrase: passphrase})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(plain, maxHeaderLen))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, damaged(err))
	}
	key, err := age.ParseHybridIdentity(string(trimLine(text)))
	if err != nil {
		return nil, fmt.Errorf("%s holds no key", path) // the error could repeat it
	}
	return key, nil
}

func trimLine(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		return b[:n-1]
	}
	return b
}

// archiveFolder is an archive to read from.
func archiveFolder(dir string, u Unseal) (archive.Folder, error) {
	if !archive.Is(dir) {
		return archive.Folder{}, fmt.Errorf("the folder %s holds no archive", dir)
	}
	ids, err := u.named()
	if err != nil {
		return archive.Folder{}, err
	}
	ids = append(ids, &archiveIdentity{dir: dir, passphrase: u.Passphrase})
	return archive.Folder{
		Dir:      dir,
		Unseal:   func(r io.Reader) (io.Reader, error) { return u.decrypt(r, ids) },
		Preamble: func(r *bufio.Reader) error { _, err := readHeader(r); return err },
	}, nil
}

// archiveIdentity is the archive's own key, which is opened on first use.
type archiveIdentity struct {
	dir        string
	passphrase func() (seal.Secret, error)

	once sync.Once
	key  *age.HybridIdentity // set in once, as is err
	err  error
}

// Unwrap implements age.Identity.
func (i *archiveIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	i.once.Do(func() { i.key, i.err = openArchiveKey(i.dir, i.passphrase) })
	if errors.Is(i.err, os.ErrNotExist) {
		return nil, age.ErrIncorrectIdentity
	}
	if i.err != nil {
		return nil, i.err
	}
	return i.key.Unwrap(stanzas)
}
