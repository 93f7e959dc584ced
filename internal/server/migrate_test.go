package server

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// TestMigrate starts on a folder of a fabricated older format: the records are
// changed, and a backup from before is in the folder, which restores.
func TestMigrate(t *testing.T) {
	cfg := folderConfig(filepath.Join(t.TempDir(), "data"))
	s, closeIt := openServer(t, cfg)
	id := s.started.AccountID
	closeIt()
	write(t, cfg.Data, store.Op{Key: "deployment/alias-of/company", Value: []byte(id)})
	later := directory.Format{Version: 2, Migrations: []directory.Migration{{To: 2, Change: func(r store.Record) ([]store.Op, error) {
		alias, ok := strings.CutPrefix(r.Key, "deployment/alias-of/")
		if !ok {
			return nil, nil
		}
		return []store.Op{{Key: r.Key, Delete: true}, {Key: "deployment/alias/" + alias, Value: r.Value}}, nil
	}}}}
	cfg.format = &later
	for range 2 {
		s, closeIt := openServer(t, cfg)
		rootSecret(t, s)
		found := map[string]bool{}
		if _, err := s.data.store.Scan(t.Context(), "deployment/alias", 0, func(r store.Record) error { found[r.Key] = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if !found["deployment/alias/company"] || len(found) != 1 {
			t.Errorf("records after the migration: %v", found)
		}
		closeIt()
	}
	cfg.format = nil
	want := "its records have format 2, this program reads up to 1; run the version that wrote them, or a later one"
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), cfg.Data) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("Open by an older program = %v", err)
	}

	backups, err := filepath.Glob(filepath.Join(cfg.Data, "*.backup"))
	if err != nil || len(backups) != 1 {
		t.Fatalf("backups: %v, %v, want one", backups, err)
	}
	restored := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(t.Context(), RestoreConfig{File: backups[0], Data: restored}); err != nil {
		t.Fatalf("Restore() = %v", err)
	}
	got := problems(t, CheckConfig{File: backups[0]})
	if want := "deployment/alias-of/company: there is no such kind of record"; got != want {
		t.Errorf("Check of the backup = %s, want %s", got, want)
	}
}
