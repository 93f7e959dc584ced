package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/archive"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// CheckConfig says what to check: the data folder of a stopped server or, where
// File is set, a backup or the folder of an archive.
type CheckConfig struct {
	Data   string
	File   string
	Unseal Unseal // how the backup opens
	// MasterKey opens the seals. Empty means the file master.key of the data
	// folder, or the master key that the backup holds.
	MasterKey    seal.Secret
	MasterKeyURI string // as in Config
	Log          *slog.Logger
	Fatal        func(error) // is called when the disk fails: it must end the process
}

// Checked is what Check found.
type Checked struct {
	Revision uint64
	Records  int
	// Problems are lines for a person to read, each with a record's key or a file.
	Problems []string
	// Stretches are what of an archive's history can be restored.
	Stretches []archive.Stretch
	// Sealed is why secrets were not opened; empty where they were.
	Sealed string
}

// Check verifies every block and record, every index record against what it
// stands for and back, and opens every seal. It changes nothing. An error
// means that there was nothing to check.
func Check(ctx context.Context, cfg CheckConfig) (Checked, error) {
	c := checker{cfg: cfg, records: directory.Checker{AWSPolicies: awsPolicies{}}}
	var err error
	if info, e := os.Stat(cfg.File); e == nil && info.IsDir() {
		err = c.archive()
	} else if cfg.File != "" {
		err = c.backup()
	} else {
		err = c.folder(ctx)
	}
	return c.found, err
}

type checker struct {
	cfg     CheckConfig
	records directory.Checker
	found   Checked
}

func (c *checker) problem(where string, err error) {
	c.found.Problems = append(c.found.Problems, fmt.Sprintf("%s: %v", where, err))
}

func (c *checker) folder(ctx context.Context) error {
	dir := filepath.Join(c.cfg.Data, storeFolder)
	if err := needStore(c.cfg.Data); err != nil {
		return err
	}
	report, err := pebble.Check(ctx, dir, pebble.Options{Logger: c.cfg.Log, Fatal: c.cfg.Fatal}, c.records.Add)
	if err != nil {
		return folderError(c.cfg.Data, err)
	}
	for _, d := range report.Damage {
		c.problem(d.Where, d.Err)
	}
	c.found.Revision = uint64(report.Head)
	if report.Partial { // what is missing here would be reported once more
		c.found.Records = c.records.Len()
		c.problem(dir, errors.New("some records can't be read, so they were not checked against each other"))
		return nil
	}
	c.masterKey(ctx)
	c.relations()
	return nil
}

// masterKey takes the key that the folder's ring is sealed under.
func (c *checker) masterKey(ctx context.Context) {
	if !c.cfg.MasterKey.IsZero() {
		c.configuredKey()
		return
	}
	if c.records.Len() == 0 {
		return
	}
	name, load := masterKeyFile, seal.LoadMasterKey
	if c.cfg.MasterKeyURI != "" {
		kms, err := seal.OpenKMS(ctx, c.cfg.MasterKeyURI)
		name, load = wrappedKeyFile, kms.Load
		if err != nil {
			load = func(string) (seal.MasterKey, error) { return seal.MasterKey{}, err }
		}
	}
	path := filepath.Join(c.cfg.Data, name)
	key, err := load(path)
	if next, e := load(path + nextMasterKey); e == nil && c.records.Opens(next) {
		key, err = next, nil // a rotation was cut short; the next start finishes it
	}
	if err != nil {
		c.problem(name, cause(err))
		c.found.Sealed = "there is no master key to open them with"
	}
	c.records.Master = key
}

func (c *checker) configuredKey() {
	key, err := seal.ParseMasterKey(c.cfg.MasterKey.Reveal())
	if err != nil {
		c.problem("the master key given by configuration", err)
		c.found.Sealed = "there is no master key to open them with"
	}
	c.records.Master = key
}

func (c *checker) relations() {
	c.found.Records = c.records.Len()
	for _, p := range c.records.Check() {
		c.found.Problems = append(c.found.Problems, p.String())
	}
}

// needStore says so where a data folder holds no store.
func needStore(data string) error {
	if _, err := os.Stat(filepath.Join(data, storeFolder)); err != nil {
		return fmt.Errorf("there is no server's data in the folder %s: %w", data, cause(err))
	}
	return nil
}

// folderError says in one line why a data folder's store does not open.
func folderError(data string, err error) error {
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("another process holds the data folder %s", data)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no permission to use the data folder %s: %w", data, cause(err))
	}
	return fmt.Errorf("can't open the data folder %s: %w", data, err)
}

func (c *checker) backup() error {
	a, err := openBackup(c.cfg.File, c.cfg.Unseal)
	if err != nil {
		return err
	}
	defer a.Close()
	rev, err := store.ReadBackup(a.records, c.records.Add)
	if err != nil {
		c.problem(c.cfg.File, err)
		c.found.Records = c.records.Len()
		return nil
	}
	c.found.Revision = uint64(rev)
	switch {
	case !c.cfg.MasterKey.IsZero():
		c.configuredKey()
	case a.header.MasterKey != "":
		c.cfg.MasterKey = seal.NewSecret(a.header.MasterKey)
		c.configuredKey()
	default:
		c.found.Sealed = "the backup holds no master key, and none is given by SALLYPORT_MASTER_KEY"
	}
	c.relations()
	return nil
}

// archive checks an archive's files, and the records of its newest state.
func (c *checker) archive() error {
	folder, err := archiveFolder(c.cfg.File, c.cfg.Unseal)
	if err != nil {
		return err
	}
	report, err := folder.Check()
	if err != nil {
		return err
	}
	for _, p := range report.Problems {
		c.problem(p.File, p.Err)
	}
	c.found.Stretches = report.Stretches
	state, err := folder.At(archive.Target{})
	if err == nil {
		err = state.Records(c.records.Add)
	}
	if err != nil {
		c.problem(c.cfg.File, fmt.Errorf("the newest state can't be restored: %w", err))
		c.found.Records = c.records.Len()
		return nil
	}
	c.found.Revision = uint64(state.Point().Revision)
	if c.cfg.MasterKey.IsZero() {
		c.found.Sealed = "an archive holds no master key, and none is given by SALLYPORT_MASTER_KEY"
	} else {
		c.configuredKey()
	}
	c.relations()
	return nil
}
