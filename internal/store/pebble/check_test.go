package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// checkFolder makes a store with records in files and in the log.
func checkFolder(t *testing.T) (dir string, s *Store) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	s = open(t, dir, Options{})
	for i := range 300 {
		commit(t, s, store.Txn{Do: []store.Op{{Key: fmt.Sprintf("k/%03d", i), Value: bytes.Repeat([]byte{byte(i)}, 500)}}})
		if i == 200 {
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir, s
}

func check(t *testing.T, dir string) (CheckReport, int) {
	t.Helper()
	n := 0
	report, err := Check(t.Context(), dir, Options{}, func(store.Record) error { n++; return nil })
	if err != nil {
		t.Fatalf("Check() = %v", err)
	}
	return report, n
}

// contents reads a folder's files.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCheckSound(t *testing.T) {
	dir, s := checkFolder(t)
	if _, err := Check(t.Context(), dir, Options{}, nil); !errors.Is(err, store.ErrLocked) {
		t.Errorf("Check of an open store = %v, want %v", err, store.ErrLocked)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := contents(t, dir)
	report, n := check(t, dir)
	if len(report.Damage) > 0 || report.Partial || report.Head != 300 || n != 300 {
		t.Errorf("Check() = %+v and %d records, want no damage, revision 300 and 300 records", report, n)
	}
	after := contents(t, dir)
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("Check changed %s", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("the folder held %d files before Check, and %d after", len(before), len(after))
	}
	if _, err := Check(t.Context(), t.TempDir(), Options{}, nil); !errors.Is(err, store.ErrFormat) {
		t.Errorf("Check of an empty folder = %v, want %v", err, store.ErrFormat)
	}
}

// TestCheckFiles flips bits all over the files that hold records.
func TestCheckFiles(t *testing.T) {
	for _, pattern := range []string{"*.sst", "*.log"} {
		dir, s := checkFolder(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		if pattern == "*.log" {
			names = names[len(names)-1:] // of the others everything is in files already
		}
		for _, name := range names {
			good, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				bad := bytes.Clone(good)
				bad[len(bad)*i/20] ^= 0x10
				if err := os.WriteFile(name, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if report, n := check(t, dir); len(report.Damage) == 0 {
					t.Errorf("%s with bit %d/20 of %d bytes flipped: no damage and %d records", filepath.Base(name), i, len(bad), n)
				}
				if pattern != "*.log" {
					continue
				}
				if s, err := Open(dir, Options{}); err == nil {
					t.Errorf("%s with bit %d/20 of %d bytes flipped: Open() = nil, want an error", filepath.Base(name), i, len(bad))
					s.Close()
				}
			}
			if err := os.WriteFile(name, good, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestCheckRecords(t *testing.T) {
	dir, s := checkFolder(t)
	for key, value := range map[string][]byte{
		"d/k/007":  {0x80, 0},                           // a padded revision
		"d/k/008":  ondisk.Append(nil, 1000, nil),       // a revision of the future
		"x/secret": []byte("what is this"),              // no key of the store
		"d/k/010":  append([]byte{1}, "sound again"...), // not damaged
	} {
		if err := s.db.Set([]byte(key), value, pebbledb.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	report, n := check(t, dir)
	var got []string
	for _, d := range report.Damage {
		got = append(got, d.Where+": "+d.Err.Error())
	}
	want := "k/007: malformed record\nk/008: written by revision 1000, after the last one, 300\nx/secret: the store has no such key"
	if text := strings.Join(got, "\n"); text != want || n != 299 || report.Partial {
		t.Errorf("Check() = %s\nand %d records, want\n%s\nand 299", text, n, want)
	}
}

// TestTornLog: what a crash leaves of a change that was not acknowledged is no
// damage, wherever the log was cut.
func TestTornLog(t *testing.T) {
	dir, s := checkFolder(t)
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	newest := names[len(names)-1]
	b, err := os.ReadFile(newest) // without a trailer, as after a crash
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var number uint32
	if _, err := fmt.Sscanf(filepath.Base(newest), "%d.log", &number); err != nil {
		t.Fatal(err)
	}
	b = bytes.TrimRight(b, "\x00")
	for cut := len(b); cut > 0; cut -= 97 {
		for _, tail := range []string{"", strings.Repeat("\x00", 3000), strings.Repeat("x", 3000)} {
			if at, lost := lostAfter(append(bytes.Clone(b[:cut]), tail...), number); lost {
				t.Fatalf("cut at %d and followed by %.3q: damaged at %d", cut, tail, at)
			}
		}
	}
	whole := bytes.Clone(b)
	whole[len(whole)/2] ^= 1
	if _, lost := lostAfter(whole, number); !lost {
		t.Error("a flipped bit in the middle is not noticed")
	}
}

// FuzzLog: whatever stands in a log, it is read without panic, and a log that
// reads to its end has lost nothing.
func FuzzLog(f *testing.F) {
	f.Add([]byte{}, uint32(4))
	f.Add(make([]byte, 40), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, number uint32) {
		at, lost := lostAfter(b, number)
		if at > len(b) || lost && at < 0 {
			t.Errorf("lostAfter() = %d, %v of %d bytes", at, lost, len(b))
		}
	})
}
