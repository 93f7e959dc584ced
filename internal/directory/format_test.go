package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

// fabricated is a format 3 in which what were "old/" records are called "new/",
// and their values end with a mark. Format 2 has the names only.
func fabricated() Format {
	return Format{Version: 3, Migrations: []Migration{
		{To: 2, Change: func(r store.Record) ([]store.Op, error) {
			name, old := strings.CutPrefix(r.Key, "old/")
			if !old {
				return nil, nil
			}
			return []store.Op{{Key: r.Key, Delete: true}, {Key: "new/" + name, Value: r.Value}}, nil
		}},
		{To: 3, Change: func(r store.Record) ([]store.Op, error) {
			if !strings.HasPrefix(r.Key, "new/") || strings.HasSuffix(string(r.Value), "!") {
				return nil, nil
			}
			return []store.Op{{Key: r.Key, Value: append([]byte(r.Value), '!')}}, nil
		}},
	}}
}

func allRecords(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	if _, err := st.Scan(t.Context(), "", 0, func(r store.Record) error { all[r.Key] = string(r.Value); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// oldStore makes a store of format 1, from before it was noted, and what it is
// to become.
func oldStore(t *testing.T) (st *mem.Store, want map[string]string) {
	t.Helper()
	st, want = mem.New(mem.Options{}), map[string]string{"other": "kept", formatKey: `{"v":3}`}
	ops := []store.Op{{Key: "other", Value: []byte("kept")}}
	for i := range 500 {
		name, value := fmt.Sprintf("%03d", i), fmt.Sprint("value", i)
		ops = append(ops, store.Op{Key: "old/" + name, Value: []byte(value)})
		want["new/"+name] = value + "!"
	}
	for len(ops) > 0 {
		n := min(len(ops), store.MaxOps)
		if _, err := st.Commit(t.Context(), store.Txn{Do: ops[:n]}); err != nil {
			t.Fatal(err)
		}
		ops = ops[n:]
	}
	return st, want
}

func TestBring(t *testing.T) {
	st, want := oldStore(t)
	before := allRecords(t, st)
	var backedUp []map[string]string
	backup := func(from int) error {
		if from != 1 {
			t.Errorf("backup of format %d, want 1", from)
		}
		backedUp = append(backedUp, allRecords(t, st))
		return nil
	}
	for range 2 { // the second has nothing to do
		if err := fabricated().Bring(t.Context(), st, backup); err != nil {
			t.Fatalf("Bring() = %v", err)
		}
	}
	if diff := cmp.Diff([]map[string]string{before}, backedUp); diff != "" {
		t.Errorf("backups (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, allRecords(t, st)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	err := CurrentFormat().Bring(t.Context(), st, backup)
	if e, ok := errors.AsType[*NewerFormat](err); !ok || e.Version != 3 {
		t.Errorf("Bring by an older program = %v, want NewerFormat", err)
	}
}

// TestBringCutShort cuts a migration off after each of its transactions, and
// without a backup nothing is changed.
func TestBringCutShort(t *testing.T) {
	failed := errors.New("failed")
	for cut := range 40 {
		st, want := oldStore(t)
		before := allRecords(t, st)
		if err := fabricated().Bring(t.Context(), st, func(int) error { return failed }); !errors.Is(err, failed) {
			t.Fatalf("Bring without a backup = %v", err)
		}
		if diff := cmp.Diff(before, allRecords(t, st)); diff != "" {
			t.Fatalf("changed without a backup:\n%s", diff)
		}
		n := 0
		f := fabricated()
		for i := range f.Migrations {
			change := f.Migrations[i].Change
			f.Migrations[i].Change = func(r store.Record) ([]store.Op, error) {
				if n++; n > cut*30 {
					return nil, failed
				}
				return change(r)
			}
		}
		if err := f.Bring(t.Context(), st, func(int) error { return nil }); err != nil && !errors.Is(err, failed) {
			t.Fatalf("Bring() = %v", err)
		}
		if err := fabricated().Bring(t.Context(), st, func(int) error { return nil }); err != nil {
			t.Fatalf("Bring again = %v", err)
		}
		if diff := cmp.Diff(want, allRecords(t, st)); diff != "" {
			t.Fatalf("cut after %d records (-want +got):\n%s", cut*30, diff)
		}
	}
}

func TestBringCurrent(t *testing.T) {
	f := open(t)
	for range 2 {
		if err := CurrentFormat().Bring(t.Context(), f.store, func(int) error { t.Error("backup of what is not changed"); return nil }); err != nil {
			t.Fatalf("Bring() = %v", err)
		}
	}
	f.reopen(t)
	if problems := f.check(byteRecords(allRecords(t, f.store)), f.master); len(problems) > 0 {
		t.Errorf("Check: %v", problems)
	}
	for value, want := range map[string]string{
		`{"v":2}`: "its records have format 2, this program reads up to 1; run the version that wrote them, or a later one",
		`{"v":0}`: "record deployment/format says no format",
		`?`:       "record deployment/format says no format",
	} {
		if _, err := f.store.Commit(t.Context(), store.Txn{Do: []store.Op{{Key: formatKey, Value: []byte(value)}}}); err != nil {
			t.Fatal(err)
		}
		if err := CurrentFormat().Bring(t.Context(), f.store, nil); err == nil || err.Error() != want {
			t.Errorf("Bring with %s = %v, want %s", value, err, want)
		}
	}
	if err := (Format{Version: 5}).Bring(t.Context(), mem.New(mem.Options{}), nil); err == nil {
		t.Error("Bring to a format that no migration leads to = nil")
	}
}

func byteRecords(all map[string]string) map[string][]byte {
	b := map[string][]byte{}
	for key, value := range all {
		b[key] = []byte(value)
	}
	return b
}

// TestCheckNewerFormat: of what a later program wrote only that is said.
func TestCheckNewerFormat(t *testing.T) {
	f, records := full(t)
	newer, err := json.Marshal(versioned{Format: recordFormat + 1})
	if err != nil {
		t.Fatal(err)
	}
	records[formatKey], records[account+"/later/kind"] = newer, nil
	want := []string{"deployment/format: " + (&NewerFormat{recordFormat + 1, recordFormat}).Error()}
	if diff := cmp.Diff(want, f.check(records, f.master)); diff != "" {
		t.Errorf("Check (-want +got):\n%s", diff)
	}
}
