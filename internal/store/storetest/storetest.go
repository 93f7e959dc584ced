// Package storetest is what every engine of package store must do: one suite
// of tests, and one of benchmarks, over the interface alone.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Reopener is what a durable engine's test adds to its store: Reopen closes it
// and opens what it left again.
type Reopener interface {
	Reopen(t *testing.T) store.Store
}

// Run runs the suite. open returns an empty store, which the suite closes; it
// must keep at least 8 MiB of history.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, store.Store)
	}{
		{"ReadBack", testReadBack},
		{"Conditions", testConditions},
		{"ConflictChangesNothing", testConflictChangesNothing},
		{"Refused", testRefused},
		{"AtTheLimits", testAtTheLimits},
		{"ChangesNothing", testChangesNothing},
		{"RevisionsRise", testRevisionsRise},
		{"Counters", testCounters},
		{"NoWriteSkew", testNoWriteSkew},
		{"ConflictTellsWhen", testConflictTellsWhen},
		{"Linearizable", Linearizable},
		{"ScanOrderAndPrefix", testScanOrderAndPrefix},
		{"ScanStops", testScanStops},
		{"ScanMayUseStore", testScanMayUseStore},
		{"ScanEarlier", testScanEarlier},
		{"ScanUnderWriters", testScanUnderWriters},
		{"BytesAreKept", testBytesAreKept},
		{"WatchReplays", testWatchReplays},
		{"WatchPrefix", testWatchPrefix},
		{"WatchFrom", testWatchFrom},
		{"WatchUnderLoad", testWatchUnderLoad},
		{"WatchAfterCommit", testWatchAfterCommit},
		{"WatchProgress", testWatchProgress},
		{"WatchSlow", testWatchSlow},
		{"WatchContext", testWatchContext},
		{"Compact", testCompact},
		{"CommitContext", testCommitContext},
		{"Backup", testBackup},
		{"Stats", testStats},
		{"Close", testClose},
		{"CloseUnderWriters", testCloseUnderWriters},
		{"Reopen", testReopen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close() = %v", err)
				}
			})
			tt.run(t, s)
		})
	}
}

// put is an operation.
func put(key, value string) store.Op { return store.Op{Key: key, Value: []byte(value)} }

// del is an operation.
func del(key string) store.Op { return store.Op{Key: key, Delete: true} }

// do commits operations without conditions.
func do(t *testing.T, s store.Store, ops ...store.Op) store.Revision {
	t.Helper()
	rev, err := s.Commit(t.Context(), store.Txn{Do: ops})
	if err != nil {
		t.Fatalf("Commit(%v) = %v", keys(ops), err)
	}
	return rev
}

func keys(ops []store.Op) (ks []string) {
	for _, op := range ops {
		ks = append(ks, op.Key)
	}
	return ks
}

// scan returns the records of a prefix and their revision.
func scan(t *testing.T, s store.Store, prefix string, at store.Revision) ([]store.Record, store.Revision) {
	t.Helper()
	var recs []store.Record
	rev, err := s.Scan(t.Context(), prefix, at, func(r store.Record) error {
		recs = append(recs, r)
		return nil
	})
	if err != nil {
		t.Fatalf("Scan(%q, %d) = %v", prefix, at, err)
	}
	return recs, rev
}

// one returns a record, which is absent where its Rev is 0. Unlike the others
// it may be called by any goroutine.
func one(ctx context.Context, s store.Store, key string) (got store.Record, err error) {
	_, err = s.Scan(ctx, key, 0, func(r store.Record) error {
		if r.Key == key {
			got = r
		}
		return nil
	})
	return got, err
}

func head(t *testing.T, s store.Store) store.Revision {
	t.Helper()
	rev, err := s.Head(t.Context())
	if err != nil {
		t.Fatalf("Head() = %v", err)
	}
	return rev
}

// state is what a store holds: key to "value@revision".
type state map[string]string

func stateOf(recs []store.Record) state {
	st := state{}
	for _, r := range recs {
		st[r.Key] = fmt.Sprintf("%s@%d", r.Value, r.Rev)
	}
	return st
}

// apply does to the state what an event says.
func (st state) apply(e store.Event) {
	for _, c := range e.Records {
		if c.Deleted {
			delete(st, c.Key)
		} else {
			st[c.Key] = fmt.Sprintf("%s@%d", c.Value, e.Rev)
		}
	}
}

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
}

// testBackup compares a backup with a scan of its revision, beside a writer.
func testBackup(t *testing.T, s store.Store) {
	for i := range 200 {
		do(t, s, put(fmt.Sprintf("a/%03d", i), fmt.Sprint(i)))
	}
	do(t, s, del("a/017"), put("b", ""))
	stop := write(t, s, 2, "a/")
	var b bytes.Buffer
	rev, err := s.Backup(t.Context(), &b)
	if err != nil {
		t.Fatalf("Backup() = %v", err)
	}
	stop()
	var recs []store.Record
	got, err := store.ReadBackup(&b, func(r store.Record) error {
		recs = append(recs, r)
		return nil
	})
	if err != nil || got != rev {
		t.Fatalf("ReadBackup() = %d, %v, want %d", got, err, rev)
	}
	want, _ := scan(t, s, "", rev)
	diff(t, "backup", stateOf(recs), stateOf(want))
	_, err = s.Backup(t.Context(), failingWriter{})
	wantErr(t, "Backup to a full disk", err, errFull)
}

var errFull = errors.New("disk is full")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

func testStats(t *testing.T, s store.Store) {
	do(t, s, put("a", "1"))
	rev := do(t, s, put("a", "2"))
	_, err := s.Commit(t.Context(), store.Txn{If: []store.Cond{{Key: "a", Rev: 0}}, Do: []store.Op{put("a", "3")}})
	wantErr(t, "Commit", err, store.ErrConflict)
	if st := s.Stats(); st.Head != rev || st.Oldest > rev || st.Commits != 2 || st.Conflicts != 1 || st.Batches == 0 {
		t.Errorf("Stats() = %+v, want head %d, 2 commits, 1 conflict", st, rev)
	}
}
