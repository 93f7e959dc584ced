package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	crand "crypto/rand"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// fixture is a store with an archive, and all its states.
type fixture struct {
	t      *testing.T
	dir    string
	state  string
	key    *age.X25519Identity
	st     store.Store
	rng    *rand.Rand
	now    map[string]store.Record
	states map[store.Revision]map[string]store.Record
	times  []Point
	log    bytes.Buffer
	cfg    Config
}

func newFixture(t *testing.T, st store.Store) *fixture {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		t: t, dir: filepath.Join(t.TempDir(), "archive"), state: filepath.Join(t.TempDir(), "line"), key: key, st: st,
		rng: rand.New(rand.NewPCG(7, 9)), now: map[string]store.Record{}, states: map[store.Revision]map[string]store.Record{0: {}},
	}
	f.cfg = Config{
		Dir: f.dir, Store: st, State: f.state, Every: 10 * time.Minute, Now: time.Now, Rand: crand.Reader,
		Log:        slog.New(slog.NewTextHandler(&f.log, nil)),
		Recipients: func() ([]age.Recipient, error) { return []age.Recipient{key.Recipient()}, nil },
	}
	return f
}

func (f *fixture) folder() Folder {
	return Folder{Dir: f.dir, Unseal: func(r io.Reader) (io.Reader, error) { return age.Decrypt(r, f.key) }}
}

// change makes a random change.
func (f *fixture) change() {
	f.t.Helper()
	txn := store.Txn{Do: []store.Op{{Key: "records/count", Value: fmt.Append(nil, "secret-", len(f.times))}}}
	seen := map[string]bool{}
	for range 1 + f.rng.IntN(4) {
		key := fmt.Sprintf("records/%02d", f.rng.IntN(40))
		if seen[key] {
			continue
		}
		seen[key] = true
		op := store.Op{Key: key, Value: []byte(fmt.Sprint("secret-", f.rng.Uint32()))}
		if f.rng.IntN(3) == 0 {
			op = store.Op{Key: key, Delete: true}
		}
		txn.Do = append(txn.Do, op)
	}
	rev := commit(f.t, f.st, txn)
	next := maps.Clone(f.now)
	for _, op := range txn.Do {
		if delete(next, op.Key); !op.Delete {
			next[op.Key] = store.Record{Key: op.Key, Value: op.Value, Rev: rev}
		}
	}
	f.now, f.states[rev] = next, next
	f.times = append(f.times, Point{rev, time.Now()})
}

func commit(t *testing.T, st store.Store, txn store.Txn) store.Revision {
	t.Helper()
	rev, err := st.Commit(t.Context(), txn)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// restored is the state that the archive gives.
func (f *fixture) restored(at Target) (Point, map[string]store.Record, error) {
	var b bytes.Buffer
	s, err := f.folder().At(at)
	if err != nil {
		return Point{}, nil, err
	}
	p := s.Point()
	if err := s.Write(&b); err != nil {
		return p, nil, err
	}
	got := map[string]store.Record{}
	rev, err := store.ReadBackup(&b, func(r store.Record) error { got[r.Key] = r; return nil })
	if err != nil || rev != p.Revision {
		f.t.Errorf("Restore(%v) is of revision %d, %v, want %d", at, rev, err, p.Revision)
	}
	return p, got, nil
}

func (f *fixture) want(at Target, rev store.Revision) {
	f.t.Helper()
	p, got, err := f.restored(at)
	if err != nil {
		f.t.Errorf("Restore(%v) = %v", at, err)
		return
	}
	if diff := cmp.Diff(f.states[rev], got); diff != "" || p.Revision != rev {
		f.t.Errorf("Restore(%v) is of revision %d, want %d (-want +got):\n%s", at, p.Revision, rev, diff)
	}
}

// wantError checks that a state can't be restored, and what is said.
func (f *fixture) wantError(at Target, texts ...string) {
	f.t.Helper()
	_, _, err := f.restored(at)
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			f.t.Errorf("Restore(%v) = %v, want %q in it", at, err, text)
		}
	}
}

// sound checks that Check finds nothing, and that nothing stands in plain text.
func (f *fixture) sound() {
	f.t.Helper()
	r, err := f.folder().Check()
	if err != nil || len(r.Problems) > 0 {
		f.t.Errorf("Check() = %v, %v", r.Problems, err)
	}
	files, err := os.ReadDir(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range files {
		b, err := os.ReadFile(filepath.Join(f.dir, e.Name()))
		if err != nil || bytes.Contains(b, []byte("secret-")) || bytes.Contains(b, []byte("records/")) {
			f.t.Errorf("%s (%v) holds plain text", e.Name(), err)
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm()&0o077 != 0 && e.Name() != "lock" {
			f.t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
}

func names(t *testing.T, dir, kind string) []name {
	t.Helper()
	lines, err := readNames(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []name
	for _, l := range lines {
		for _, n := range append(slices.Clone(l.fulls), l.feeds...) {
			if n.kind == kind {
				all = append(all, n)
			}
		}
	}
	return all
}

// TestRandomHistory archives a random history over several hours and restarts,
// and restores every state of it, by revision and by time.
func TestRandomHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, mem.New(mem.Options{}))
		defer f.st.Close()
		f.change()
		for range 4 {
			a := Start(f.cfg)
			synctest.Wait()
			for range 50 {
				f.change()
				time.Sleep(time.Duration(f.rng.IntN(int(25 * time.Second))))
			}
			synctest.Wait()
			if lag := a.Lag(); lag > segmentAge+2*time.Second {
				t.Errorf("Lag() = %v", lag)
			}
			a.Close(t.Context())
			if s := a.Status(); s.Failures > 0 || s.Revision == 0 {
				t.Errorf("Status() = %+v", s)
			}
		}
		if full, feed := len(names(t, f.dir, kindFull)), len(names(t, f.dir, kindFeed)); full < 4 || feed < 40 {
			t.Errorf("%d full backups and %d segments", full, feed)
		}
		for i, p := range f.times {
			f.want(Target{Revision: p.Revision}, p.Revision)
			if i > 0 && i%3 == 0 { // just before the next one
				at := p.Time.Add(f.gap(i) / 2)
				f.want(Target{Time: at}, p.Revision)
			}
		}
		last := f.times[len(f.times)-1].Revision
		f.want(Target{}, last)
		f.wantError(Target{Revision: last + 1}, "is not in the archive, which holds")
		f.wantError(Target{Time: time.Now().Add(time.Hour)}, "is not in the archive, which holds")
		f.wantError(Target{Time: f.times[0].Time.Add(-time.Hour)}, "is not in the archive, which holds")
		f.sound()
	})
}

// gap is the time between a change and the next.
func (f *fixture) gap(i int) time.Duration {
	if i+1 == len(f.times) {
		return 0
	}
	return f.times[i+1].Time.Sub(f.times[i].Time)
}

// archived archives n changes, some in each segment, and ends.
func archived(t *testing.T, f *fixture, n int) {
	a := Start(f.cfg)
	synctest.Wait()
	for range n {
		f.change()
		time.Sleep(segmentAge / 3)
	}
	a.Close(t.Context())
}

// TestGap: where the feed doesn't reach back, another line begins, with a full
// backup at once, and what is between the two is said.
func TestGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, mem.New(mem.Options{}))
		defer f.st.Close()
		f.change()
		archived(t, f, 10)
		end := f.times[len(f.times)-1]
		time.Sleep(time.Hour)
		f.change()
		lost := f.times[len(f.times)-1]
		f.change()
		time.Sleep(time.Hour)
		if err := f.st.Compact(t.Context(), f.times[len(f.times)-1].Revision); err != nil {
			t.Fatal(err)
		}
		archived(t, f, 10)
		f.want(Target{Revision: end.Revision}, end.Revision)
		f.wantError(Target{Revision: lost.Revision}, fmt.Sprintf("revision %d is not in the archive", lost.Revision), fmt.Sprintf("to %d, ", end.Revision))
		f.wantError(Target{Time: lost.Time.Add(time.Minute)}, "is not in the archive")
		f.want(Target{}, f.times[len(f.times)-1].Revision)
		if !strings.Contains(f.log.String(), "the archive has a gap") {
			t.Errorf("the gap is not logged:\n%s", f.log.String())
		}
		f.sound()
	})
}

// TestStoreGoesBack: the store of a data folder that was restored has other
// changes under the same revisions. Times tell them apart.
func TestStoreGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, mem.New(mem.Options{}))
		f.change()
		archived(t, f, 10)
		f.st.Close()
		first := f.times[len(f.times)-3]
		old := f.states
		time.Sleep(time.Minute)

		f.st = mem.New(mem.Options{})
		defer f.st.Close()
		f.cfg.Store, f.now, f.states = f.st, map[string]store.Record{}, map[store.Revision]map[string]store.Record{}
		f.change()
		archived(t, f, 12)
		f.wantError(Target{Revision: first.Revision}, "twice")
		f.want(Target{}, f.times[len(f.times)-1].Revision)
		f.states = old
		f.want(Target{Time: first.Time.Add(time.Second)}, first.Revision)
	})
}

// TestDamage: what is torn, changed, missing or misnamed is said, with the
// file; what doesn't need it can be restored.
func TestDamage(t *testing.T) {
	for _, tt := range []struct {
		name, kind string
		damage     func(path string, b []byte) error
		text       string
	}{
		{"torn segment", kindFeed, func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)/2], 0o600) }, "feed-"},
		{"torn at its end", kindFeed, func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)-1], 0o600) }, "feed-"},
		{"empty segment", kindFeed, func(p string, _ []byte) error { return os.WriteFile(p, nil, 0o600) }, "feed-"},
		{"flipped bit", kindFeed, func(p string, b []byte) error { b[len(b)-20] ^= 4; return os.WriteFile(p, b, 0o600) }, "feed-"},
		{"missing segment", kindFeed, func(p string, _ []byte) error { return os.Remove(p) }, "is missing: what happened after revision"},
		{"torn full backup", kindFull, func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)-1], 0o600) }, "full-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, mem.New(mem.Options{}))
				defer f.st.Close()
				f.change()
				archived(t, f, 20)
				last := f.times[len(f.times)-1].Revision
				bad := names(t, f.dir, tt.kind)
				n := bad[len(bad)/2]
				path := filepath.Join(f.dir, n.String())
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := tt.damage(path, b); err != nil {
					t.Fatal(err)
				}
				f.wantError(Target{}, tt.text)
				f.wantError(Target{Revision: last}, tt.text)
				if tt.kind == kindFeed {
					f.want(Target{Revision: n.from}, n.from)
				}
				r, err := f.folder().Check()
				if err != nil || len(r.Problems) == 0 || !strings.Contains(fmt.Sprint(r.Problems), tt.text) {
					t.Errorf("Check() = %v, %v, want %q", r.Problems, err, tt.text)
				}
			})
		})
	}
}

// TestMissingEnd: that the newest segment was taken away is seen as well.
func TestMissingEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, mem.New(mem.Options{}))
		defer f.st.Close()
		f.change()
		archived(t, f, 20)
		feeds := names(t, f.dir, kindFeed)
		if err := os.Remove(filepath.Join(f.dir, feeds[len(feeds)-1].String())); err != nil {
			t.Fatal(err)
		}
		r, err := f.folder().Check()
		missing, ok := errors.AsType[*MissingError](r.Problems[0].Err)
		if err != nil || !ok || missing.From != feeds[len(feeds)-1].from {
			t.Errorf("Check() = %v, %v", r.Problems, err)
		}
	})
}

// TestFolderFails: while the archive can't be written the store serves, the lag
// grows, and afterwards nothing is missing.
func TestFolderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, mem.New(mem.Options{}))
		defer f.st.Close()
		var broken atomic.Bool
		broken.Store(true)
		f.cfg.Recipients = func() ([]age.Recipient, error) {
			if broken.Load() {
				return nil, errors.New("no key yet")
			}
			return []age.Recipient{f.key.Recipient()}, nil
		}
		f.change()
		a := Start(f.cfg)
		for range 20 {
			f.change()
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		if s := a.Status(); s.Failures == 0 || a.Lag() < 3*time.Minute {
			t.Errorf("Status() = %+v, Lag() = %v", s, a.Lag())
		}
		broken.Store(false)
		time.Sleep(2 * retryEvery)
		f.change()
		a.Close(t.Context())
		f.want(Target{}, f.times[len(f.times)-1].Revision)
		f.sound()
	})
}

// TestLagged: a feed that got too far ahead ends the line, and the next begins.
func TestLagged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, mem.New(mem.Options{History: 4 << 10}))
		defer f.st.Close()
		f.change()
		a := Start(f.cfg)
		synctest.Wait()
		f.change()
		time.Sleep(2 * segmentAge)
		for range 200 { // at once: the archiver doesn't get to read
			f.change()
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		f.change()
		a.Close(t.Context())
		f.want(Target{}, f.times[len(f.times)-1].Revision)
		f.sound()
	})
}

// TestKeep: what is older than every moment of the last hours is deleted, and
// each of these can be restored.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, mem.New(mem.Options{}))
		defer f.st.Close()
		f.cfg.Keep = 40 * time.Minute
		f.change()
		a := Start(f.cfg)
		synctest.Wait()
		for range 120 {
			f.change()
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		a.Close(t.Context())
		now := time.Now()
		for i, p := range f.times {
			if age := now.Sub(p.Time); age < f.cfg.Keep-f.cfg.Every {
				f.want(Target{Time: p.Time.Add(f.gap(i) / 2)}, p.Revision)
			} else if age > f.cfg.Keep+2*f.cfg.Every {
				f.wantError(Target{Revision: p.Revision}, "is not in the archive")
			}
		}
		f.sound()
	})
}

// TestPebble: with the embedded engine a clean stop leaves no gap, and a crash
// loses what was not in a segment, and says so.
func TestPebble(t *testing.T) {
	dir := t.TempDir()
	open := func() store.Store {
		st, err := pebble.Open(dir, pebble.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	f := newFixture(t, open())
	if err := os.Mkdir(f.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f.change()
	for range 3 {
		a := Start(f.cfg)
		for end := time.Now().Add(time.Minute); len(names(t, f.dir, kindFull)) == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		for range 50 {
			f.change()
		}
		a.Close(t.Context())
		if err := f.st.Close(); err != nil {
			t.Fatal(err)
		}
		f.st = open()
		f.cfg.Store = f.st
	}
	defer func() { f.st.Close() }()
	first := names(t, f.dir, kindFull)[0].to
	for _, p := range f.times {
		if p.Revision >= first {
			f.want(Target{Revision: p.Revision}, p.Revision)
		}
	}
	if n := len(names(t, f.dir, kindFull)); n != 1 {
		t.Errorf("%d full backups: the restarts left gaps", n)
	}
	f.sound()
}

// TestTwoArchivers: a folder has one archive.
func TestTwoArchivers(t *testing.T) {
	f := newFixture(t, mem.New(mem.Options{}))
	defer f.st.Close()
	f.change()
	a := Start(f.cfg)
	for end := time.Now().Add(time.Minute); a.Status().Revision == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	other := f.cfg
	other.State += ".other"
	b := Start(other)
	for end := time.Now().Add(time.Minute); b.Status().Failures == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Close(ctx)
	a.Close(t.Context())
	f.want(Target{}, f.times[0].Revision)
}

// FuzzName: what is read as a file's name is what is written for it.
func FuzzName(f *testing.F) {
	f.Add("full-00000000000000000012-20261122T040506.789Z-0123abcd.age")
	f.Add("feed-00000000000000000012-00000000000000000015-20261122T040506.789Z-0123abcd.age")
	f.Add("feed-00000000000000000012-20261122T040506.789Z-0123abcd.age")
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parseName(s); ok && n.String() != s {
			t.Errorf("parseName(%q) = %v", s, n)
		}
	})
}

// FuzzSegment: a segment has one form, which reads back.
func FuzzSegment(f *testing.F) {
	at := time.UnixMilli(1790000000000).UTC()
	n := name{kind: kindFeed, from: 3, to: 9, time: at, line: "0123abcd"}
	f.Add(segment{name: n}.encode())
	f.Add(segment{n, []event{
		{store.Event{Rev: 4, Records: []store.Change{{Key: "a", Value: []byte("1")}, {Key: "b", Deleted: true}}}, at},
		{store.Event{Rev: 9, Records: []store.Change{{Key: "a", Value: []byte{}}}}, at.Add(time.Second)},
	}}.encode())
	f.Add([]byte(segmentMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decode(b)
		if err != nil {
			return
		}
		if again := s.encode(); !bytes.Equal(again, b) {
			t.Errorf("decode(%x) = %+v, which is written as %x", b, s, again)
		}
	})
}
