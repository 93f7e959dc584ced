package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Folder is an archive to read from.
type Folder struct {
	// Dir is the folder.
	Dir string
	// Unseal opens the seal of a file.
	Unseal func(io.Reader) (io.Reader, error)
	// Preamble reads what Config.Preamble wrote. Nil means nothing.
	Preamble func(*bufio.Reader) error
}

// Target is a state that is to be restored: that at a time, that at a revision,
// or as its zero value the newest.
type Target struct {
	Time     time.Time
	Revision store.Revision
}

// Point is a state that an archive holds.
type Point struct {
	Revision store.Revision
	Time     time.Time // when it became the newest
}

// Is reports whether the folder dir is an archive.
func Is(dir string) bool {
	lines, err := readNames(dir)
	return err == nil && len(lines) > 0
}

// At finds a state: what it takes to restore it is read, but for the full
// backup that it begins from.
func (f Folder) At(at Target) (*State, error) {
	l, err := f.find(at)
	if err != nil {
		return nil, err
	}
	return f.replay(l, at)
}

// find gives the line that a state is in.
func (f Folder) find(at Target) (found *line, err error) {
	all, err := readNames(f.Dir)
	if err != nil {
		return nil, err
	}
	var lines []*line
	for _, l := range all {
		if len(l.fulls) > 0 {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return nil, errors.New("the archive holds no full backup")
	}
	for _, l := range lines {
		rev, t := l.start()
		switch {
		case at.Revision != 0 && (at.Revision < rev || at.Revision > l.end()):
			continue
		case !at.Time.IsZero() && t.After(at.Time):
			continue
		case at.Revision != 0 && found != nil:
			return nil, fmt.Errorf("revision %d is in the archive twice, as there was a restore in between: give a time\n%s", at.Revision, describe(lines))
		}
		found = l
	}
	if found == nil || !at.Time.IsZero() && at.Time.After(found.until) {
		return nil, fmt.Errorf("%s is not in the archive, which holds\n%s", at, describe(lines))
	}
	return found, nil
}

func (t Target) String() string {
	switch {
	case t.Revision != 0:
		return fmt.Sprintf("revision %d", t.Revision)
	case !t.Time.IsZero():
		return "the time " + stamp(t.Time)
	}
	return "the newest state"
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// describe says what lines hold.
func describe(lines []*line) string {
	var b strings.Builder
	for _, l := range lines {
		rev, t := l.start()
		fmt.Fprintf(&b, "  revision %d to %d, %s to %s\n", rev, l.end(), stamp(t), stamp(l.until))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// change is what became of a key since a full backup.
type change struct {
	store.Record
	deleted bool
}

// State is what an archive holds of one point: a full backup and all that
// changed since.
type State struct {
	folder  Folder
	full    name
	changes map[string]change
	point   Point
}

// Point is which state it is.
func (s *State) Point() Point { return s.point }

// replay finds the newest full backup of the line that is old enough, and what
// happened from there to the state.
func (f Folder) replay(l *line, at Target) (*State, error) {
	s := &State{folder: f, changes: map[string]change{}}
	for _, n := range l.fulls {
		if at.includes(n.to, n.time) {
			s.full = n
		}
	}
	s.point = Point{Revision: s.full.to, Time: s.full.time}
	whole, err := f.events(l, s.full.to, at.Revision, func(e event) bool {
		if !at.includes(e.Rev, e.at) {
			return false
		}
		s.apply(e)
		return true
	})
	if err == nil && whole {
		err = l.ends(s.full, at)
	}
	if err == nil && at.Revision != 0 {
		s.point.Revision = at.Revision // what it changed, if anything, was not under our keys
	}
	return s, err
}

// ends says whether a state that was not met before the end of the line's feed
// is the feed's last one. It is not where a full backup is newer than the feed
// and the state: a crash took what was between the two.
func (l *line) ends(base name, at Target) error {
	fed, until := base.to, base.time
	if n := len(l.feeds); n > 0 && l.feeds[n-1].to >= fed {
		fed, until = l.feeds[n-1].to, l.feeds[n-1].time
	}
	for _, n := range l.fulls {
		if n.to > fed && (at.Revision > fed || at.Time.After(until)) {
			return &MissingError{Line: l.id, From: fed, To: n.to}
		}
	}
	return nil
}

// includes reports whether what became the newest then is part of the state.
func (t Target) includes(rev store.Revision, at time.Time) bool {
	return (t.Revision == 0 || rev <= t.Revision) && (t.Time.IsZero() || !at.After(t.Time))
}

func (s *State) apply(e event) {
	for _, c := range e.Records {
		s.changes[c.Key] = change{store.Record{Key: c.Key, Value: c.Value, Rev: e.Rev}, c.Deleted}
	}
	s.point = Point{Revision: e.Rev, Time: e.at}
}

// events calls fn with all events of a line after a revision, up to the revision
// last (0 means all) or until fn says that it is enough; whole means that
// neither was met. What is missing before that is an error.
func (f Folder) events(l *line, after, last store.Revision, fn func(event) bool) (whole bool, err error) {
	at := after
	for _, n := range l.feeds {
		if n.to <= after {
			continue
		}
		if last != 0 && at >= last {
			return false, nil
		}
		if n.from > at {
			return false, &MissingError{Line: l.id, From: at, To: n.from}
		}
		s, err := f.segment(n)
		if err != nil {
			return false, err
		}
		for _, e := range s.events {
			if e.Rev > at && !fn(e) {
				return false, nil
			}
		}
		at = n.to
	}
	return true, nil
}

// MissingError says that a part of the feed is not in the archive, although
// what came after it is.
type MissingError struct {
	Line     string
	From, To store.Revision // what happened after From, up to To
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("the file feed-%020d-…-%s.age is missing: what happened after revision %d, up to %d, is not in the archive", e.From, e.Line, e.From, e.To)
}

// open opens a file's seal.
func (f Folder) open(n name) (*os.File, *bufio.Reader, error) {
	file, err := os.Open(filepath.Join(f.Dir, n.String()))
	if err != nil {
		return nil, nil, err
	}
	plain, err := f.Unseal(bufio.NewReader(file))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", n, err), file.Close())
	}
	return file, bufio.NewReaderSize(plain, 64<<10), nil
}

func (f Folder) segment(n name) (segment, error) {
	file, plain, err := f.open(n)
	if err != nil {
		return segment{}, err
	}
	defer file.Close()
	b, err := io.ReadAll(plain)
	if err != nil {
		return segment{}, fmt.Errorf("%s: %w: %w", n, store.ErrBackup, err)
	}
	s, err := decode(b)
	if err != nil {
		return segment{}, fmt.Errorf("%s: %w", n, err)
	}
	if s.name != n {
		return segment{}, fmt.Errorf("%s: %w: it was made as %s", n, store.ErrBackup, s.name)
	}
	return s, nil
}

// full calls fn with the records of a full backup.
func (f Folder) full(n name, fn func(store.Record) error) error {
	file, plain, err := f.open(n)
	if err != nil {
		return err
	}
	defer file.Close()
	if f.Preamble != nil {
		if err := f.Preamble(plain); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	rev, err := store.ReadBackup(plain, fn)
	if err != nil {
		return fmt.Errorf("%s: %w", n, err)
	}
	if rev != n.to {
		return fmt.Errorf("%s: %w: it is of revision %d", n, store.ErrBackup, rev)
	}
	return nil
}
