package server

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// write changes the store of a folder behind its server's back.
func write(t *testing.T, data string, ops ...store.Op) {
	t.Helper()
	st, err := pebble.Open(filepath.Join(data, storeFolder), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := st.Commit(t.Context(), store.Txn{Do: ops}); err != nil {
		t.Fatal(err)
	}
}

func problems(t *testing.T, cfg CheckConfig) string {
	t.Helper()
	found, err := Check(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Check() = %v", err)
	}
	return strings.Join(found.Problems, "\n")
}

// TestCheckDamagedFolder damages a folder and its backup in the ways that are
// Check's to find; package directory and pebble test each kind of record and file.
func TestCheckDamagedFolder(t *testing.T) {
	cfg := folderConfig(filepath.Join(t.TempDir(), "data"))
	_, closeIt := openServer(t, cfg)
	closeIt()
	check := CheckConfig{Data: cfg.Data}
	if got := problems(t, check); got != "" {
		t.Fatalf("Check of a sound folder:\n%s", got)
	}

	write(t, cfg.Data, store.Op{Key: "deployment/alias/mine", Value: []byte("999988887777")})
	want := `deployment/alias/mine: account "999988887777" does not have this alias`
	if got := problems(t, check); got != want {
		t.Errorf("Check() = %s, want %s", got, want)
	}
	file := filepath.Join(t.TempDir(), "backup")
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	identity := filepath.Join(t.TempDir(), "identity")
	if err := os.WriteFile(identity, []byte(id.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Backup(t.Context(), BackupConfig{
		Data: cfg.Data, File: file, Recipients: []string{id.Recipient().String()}, WithMasterKey: true, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Fatal: func(err error) { panic(err) },
	})
	if err != nil {
		t.Fatalf("Backup() = %v", err)
	}
	inBackup := CheckConfig{File: file, Unseal: Unseal{Identity: identity}}
	if got := problems(t, inBackup); got != want {
		t.Errorf("Check of the backup = %s, want %s", got, want)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{"cut": b[:len(b)-40], "flipped": append(bytes.Clone(b[:len(b)-1]), b[len(b)-1]^1)} {
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := Check(t.Context(), inBackup)
		if err == nil && len(found.Problems) == 0 {
			t.Errorf("Check of a %s backup finds nothing", name)
		}
		folder := filepath.Join(t.TempDir(), "new")
		if _, err := Restore(t.Context(), RestoreConfig{File: file, Data: folder, Unseal: inBackup.Unseal}); err == nil {
			t.Errorf("Restore of a %s backup = nil", name)
		} else if _, err := os.Stat(folder); err == nil {
			t.Errorf("Restore of a %s backup leaves its folder", name)
		}
	}

	// Of files that can't be read the rest is still checked.
	names, err := filepath.Glob(filepath.Join(cfg.Data, storeFolder, "*.sst"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	b, err = os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	b[40] ^= 1
	if err := os.WriteFile(names[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := problems(t, check); !strings.Contains(got, filepath.Base(names[0])+": ") {
		t.Errorf("Check of a damaged file = %s, want it named", got)
	}
}
