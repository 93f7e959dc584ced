package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// A backup is, sealed by age (https://age-encryption.org/v1):
//
//	the line "sallyport archive 1"
//	a line of JSON, archiveHeader
//	the store's records at one revision, as store.BackupWriter writes them
//
// A backup that stays in the data folder, from before a migration, is not
// sealed: what it holds stands beside it in the same form.
const (
	archiveMagic = "sallyport archive 1\n"
	archiveName  = "sallyport archive "
	ageMagic     = "age-encryption.org/"
	maxHeaderLen = 4096 // bytes of the header's line
)

type archiveHeader struct {
	Time      time.Time `json:"time"`
	MasterKey string    `json:"masterKey,omitempty"` // its text
}

// backer is a store that can be backed up.
type backer interface {
	Backup(ctx context.Context, w io.Writer) (store.Revision, error)
}

// writeArchive writes an archive that is not sealed.
func writeArchive(ctx context.Context, w io.Writer, st backer, h archiveHeader) error {
	start, err := h.encode()
	if err != nil {
		return err
	}
	if _, err := w.Write(start); err != nil {
		return err
	}
	_, err = st.Backup(ctx, w)
	return err
}

// encode gives what stands before the records.
func (h archiveHeader) encode() ([]byte, error) {
	line, err := json.Marshal(h)
	return append(append([]byte(archiveMagic), line...), '\n'), err
}

// readHeader reads what stands before the records.
func readHeader(r *bufio.Reader) (h archiveHeader, err error) {
	magic := make([]byte, len(archiveMagic))
	if _, err := io.ReadFull(r, magic); err != nil {
		return h, damaged(err)
	}
	if string(magic) != archiveMagic {
		if bytes.HasPrefix(magic, []byte(archiveName)) {
			return h, errors.New("it is of a later version: use the version that made it, or a later one")
		}
		return h, errors.New("it is not a backup of Sallyport")
	}
	line, err := r.ReadSlice('\n')
	if err != nil || len(line) > maxHeaderLen {
		return h, damaged(err)
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, store.ErrBackup // the error could repeat the text
	}
	return h, nil
}

// damaged says that a backup ended or went wrong in its middle.
func damaged(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err == nil {
		return fmt.Errorf("%w: it ends too early", store.ErrBackup)
	}
	return fmt.Errorf("%w: %w", store.ErrBackup, err)
}

// Unseal is how a sealed backup opens.
type Unseal struct {
	// Passphrase is asked for a backup that was sealed with one.
	Passphrase func() (seal.Secret, error)
	// Identity is a file of age identities, for a backup that was sealed for
	// recipient keys. Empty means none.
	Identity string
}

// backupFile is an open backup.
type backupFile struct {
	header  archiveHeader
	records *bufio.Reader // as store.ReadBackup reads them
	file    *os.File
}

func (a *backupFile) Close() error { return a.file.Close() }

// openBackup opens a backup, sealed or not.
func openBackup(path string, u Unseal) (*backupFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("can't open the backup %s: %w", path, cause(err))
	}
	a := &backupFile{file: f}
	if err := a.open(u); err != nil {
		f.Close()
		return nil, fmt.Errorf("backup %s: %w", path, err)
	}
	return a, nil
}

func (a *backupFile) open(u Unseal) (err error) {
	a.records = bufio.NewReaderSize(a.file, 64<<10)
	if start, _ := a.records.Peek(len(ageMagic)); string(start) == ageMagic {
		plain, err := unsealed(a.records, u)
		if err != nil {
			return err
		}
		a.records = bufio.NewReaderSize(plain, 64<<10)
	}
	a.header, err = readHeader(a.records)
	return err
}

func unsealed(r io.Reader, u Unseal) (io.Reader, error) {
	ids, err := u.identities()
	if err != nil {
		return nil, err
	}
	return u.decrypt(r, ids)
}

// decrypt opens a seal with one of the identities.
func (u Unseal) decrypt(r io.Reader, ids []age.Identity) (io.Reader, error) {
	plain, err := age.Decrypt(r, ids...)
	noMatch, ok := errors.AsType[*age.NoIdentityMatchError](err)
	switch {
	case !ok:
		return plain, err
	case slices.Contains(noMatch.StanzaTypes, "scrypt"):
		return nil, errors.New("wrong passphrase")
	case u.Identity == "":
		return nil, errors.New("it is sealed for a recipient key: name the file of its identity (--identity)")
	}
	return nil, fmt.Errorf("no identity in %s opens it", u.Identity)
}

func (u Unseal) identities() ([]age.Identity, error) {
	named, err := u.named()
	return append([]age.Identity{askedPassphrase{u.Passphrase}}, named...), err
}

// named are the identities in the file that is named, if one is.
func (u Unseal) named() ([]age.Identity, error) {
	if u.Identity == "" {
		return nil, nil
	}
	f, err := os.Open(u.Identity)
	if err != nil {
		return nil, fmt.Errorf("identity file %s: %w", u.Identity, cause(err))
	}
	defer f.Close()
	named, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("identity file %s holds no age identities", u.Identity) // the error could repeat one
	}
	return named, nil
}

// askedPassphrase is an identity that asks only where a passphrase is needed.
type askedPassphrase struct{ ask func() (seal.Secret, error) }

// Unwrap implements age.Identity.
func (p askedPassphrase) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != "scrypt" || p.ask == nil {
		return nil, age.ErrIncorrectIdentity
	}
	text, err := p.ask()
	if err != nil {
		return nil, err
	}
	if text.IsZero() {
		return nil, age.ErrIncorrectIdentity
	}
	id, err := age.NewScryptIdentity(text.Reveal())
	if err != nil {
		return nil, err
	}
	return id.Unwrap(stanzas)
}
