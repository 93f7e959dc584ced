package archive

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Write writes the state as a backup, which store.ReadBackup reads. Without an
// error it is whole.
func (s *State) Write(w io.Writer) error {
	b := store.NewBackupWriter(w, s.point.Revision)
	if err := s.Records(b.Put); err != nil {
		return err
	}
	return b.Close()
}

// Records calls fn with the state's records, in the order of keys.
func (s *State) Records(fn func(store.Record) error) error {
	changes := make([]change, 0, len(s.changes))
	for _, c := range s.changes {
		changes = append(changes, c)
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.Key, b.Key) })
	// before hands out the changes of keys up to that one, and says whether
	// the key itself is among them.
	before := func(key string) (same bool, err error) {
		for len(changes) > 0 && (key == "" || changes[0].Key <= key) && !same {
			c := changes[0]
			changes = changes[1:]
			same = c.Key == key
			if !c.deleted {
				err = fn(c.Record)
			}
			if err != nil {
				return same, err
			}
		}
		return same, nil
	}
	err := s.folder.full(s.full, func(r store.Record) error {
		changed, err := before(r.Key)
		if err != nil || changed {
			return err
		}
		return fn(r)
	})
	if err != nil {
		return err
	}
	_, err = before("")
	return err
}

// Problem is one thing that is wrong in an archive.
type Problem struct {
	File string // a file's name, or the folder
	Err  error
}

// Stretch is a part of the history that can be restored.
type Stretch struct{ From, To Point }

// Report is what Check found.
type Report struct {
	Stretches []Stretch
	Problems  []Problem
}

// Check reads every file of the archive, and sees that nothing is missing in
// between, and that each full backup is what the one before it and the feed
// since make. An error means that there is no archive to check.
func (f Folder) Check() (Report, error) {
	lines, err := readNames(f.Dir)
	if err != nil {
		return Report{}, err
	}
	if len(lines) == 0 {
		return Report{}, fmt.Errorf("the folder %s holds no archive", f.Dir)
	}
	var r Report
	for _, l := range lines {
		f.checkLine(l, &r)
	}
	if len(r.Stretches) == 0 {
		r.Problems = append(r.Problems, Problem{f.Dir, errors.New("there is no full backup")})
	}
	return r, nil
}

func (f Folder) checkLine(l *line, r *Report) {
	sound := true
	problem := func(file string, err error) {
		sound = false
		r.Problems = append(r.Problems, Problem{file, err})
	}
	fed := store.Revision(0)
	if len(l.fulls) > 0 {
		fed, _ = l.start()
	}
	for _, n := range l.feeds {
		if fed > 0 && n.from > fed {
			problem(f.Dir, &MissingError{Line: l.id, From: fed, To: n.from})
		}
		fed = max(fed, n.to)
		if _, err := f.segment(n); err != nil {
			problem(n.String(), inside(err, n))
		}
	}
	if p, ok := readProgress(f.Dir); ok && p.Line == l.id && p.Revision > l.lastFed() {
		problem(f.Dir, &MissingError{Line: l.id, From: fed, To: p.Revision})
	}
	for i, n := range l.fulls {
		if err := f.full(n, func(store.Record) error { return nil }); err != nil {
			problem(n.String(), inside(err, n))
		} else if i > 0 && sound && n.to <= fed {
			if err := f.agrees(l, l.fulls[i-1], n); err != nil {
				problem(n.String(), err)
			}
		}
	}
	r.Stretches = append(r.Stretches, l.stretches(fed)...)
}

// stretches are what of a line can be restored: from its first full backup to
// the end of its feed, and a full backup that a crash has left behind that.
func (l *line) stretches(fed store.Revision) []Stretch {
	if len(l.fulls) == 0 {
		return nil
	}
	rev, t := l.start()
	all := []Stretch{{Point{rev, t}, Point{fed, l.until}}}
	for _, n := range l.fulls {
		if n.to > fed {
			all = append(all, Stretch{Point{n.to, n.time}, Point{n.to, n.time}})
		}
	}
	return all
}

// inside takes the file's name off an error that stands behind it anyway.
func inside(err error, n name) error {
	if rest, ok := bytes.CutPrefix([]byte(err.Error()), []byte(n.String()+": ")); ok {
		return fmt.Errorf("%s", rest)
	}
	return err
}

// agrees says where a full backup differs from what an earlier one and the feed
// since make.
func (f Folder) agrees(l *line, earlier, later name) error {
	s := &State{folder: f, full: earlier, changes: map[string]change{}}
	_, err := f.events(l, earlier.to, later.to, func(e event) bool {
		if e.Rev > later.to {
			return false
		}
		s.apply(e)
		return true
	})
	if err != nil {
		return err
	}
	next, stop := iter.Pull2(f.recordsOf(later))
	defer stop()
	err = s.Records(func(want store.Record) error {
		got, err, ok := next()
		switch {
		case !ok:
			return differs(want.Key, earlier)
		case err != nil:
			return err
		case got.Key != want.Key || got.Rev != want.Rev || !bytes.Equal(got.Value, want.Value):
			return differs(min(got.Key, want.Key), earlier)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if got, err, ok := next(); err != nil {
		return err
	} else if ok {
		return differs(got.Key, earlier)
	}
	return nil
}

func differs(key string, earlier name) error {
	return fmt.Errorf("record %s is not as %s and the feed since tell", key, earlier)
}

func (f Folder) recordsOf(n name) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		stopped := errors.New("stopped")
		err := f.full(n, func(r store.Record) error {
			if !yield(r, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, stopped) {
			yield(store.Record{}, err)
		}
	}
}
