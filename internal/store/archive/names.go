package archive

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// The kinds of files.
const (
	kindFull = "full"
	kindFeed = "feed"
)

const timeLayout = "20060102T150405.000Z"

// name is what the name of a file says.
type name struct {
	kind string
	// A feed holds what happened after the revision from, up to to. Of a full
	// backup both are its revision.
	from, to store.Revision
	// time is up to when a feed holds all that happened, or when a full
	// backup's revision was the newest. In milliseconds.
	time time.Time
	line string // eight hexadecimal digits
}

func (n name) String() string {
	at := n.time.UTC().Format(timeLayout)
	if n.kind == kindFull {
		return fmt.Sprintf("full-%020d-%s-%s.age", n.to, at, n.line)
	}
	return fmt.Sprintf("feed-%020d-%020d-%s-%s.age", n.from, n.to, at, n.line)
}

var nameForm = regexp.MustCompile(`^(full|feed)-(?:(\d{20})-)?(\d{20})-(\d{8}T\d{6}\.\d{3}Z)-([0-9a-f]{8})\.age$`)

// parseName reads what String writes, and nothing else.
func parseName(text string) (name, bool) {
	m := nameForm.FindStringSubmatch(text)
	if m == nil {
		return name{}, false
	}
	to, err := strconv.ParseUint(m[3], 10, 64)
	if err != nil {
		return name{}, false
	}
	n := name{kind: m[1], from: store.Revision(to), to: store.Revision(to), line: m[5]}
	if n.kind == kindFeed {
		from, err := strconv.ParseUint(m[2], 10, 64)
		if err != nil {
			return name{}, false
		}
		n.from = store.Revision(from)
	}
	n.time, err = time.Parse(timeLayout, m[4])
	return n, err == nil && n.from <= n.to && n.String() == text
}

// line is a stretch of history without a gap. What happened between the end of
// one and the beginning of the next is not known.
type line struct {
	id    string
	fulls []name // rising
	feeds []name // rising
	until time.Time
}

// start is the first moment, and the first revision, that can be restored.
func (l *line) start() (store.Revision, time.Time) { return l.fulls[0].to, l.fulls[0].time }

// end is the last one.
func (l *line) end() store.Revision {
	rev := l.lastFed()
	if n := len(l.fulls); n > 0 {
		rev = max(rev, l.fulls[n-1].to)
	}
	return rev
}

// lastFed is where the line's feed ends, and where it is to go on.
func (l *line) lastFed() store.Revision {
	switch {
	case len(l.feeds) > 0:
		return l.feeds[len(l.feeds)-1].to
	case len(l.fulls) > 0:
		return l.fulls[len(l.fulls)-1].to
	}
	return 0
}

func (l *line) add(n name) {
	if n.kind == kindFull {
		l.fulls = append(l.fulls, n)
	} else {
		l.feeds = append(l.feeds, n)
	}
	if n.time.After(l.until) {
		l.until = n.time
	}
}

// readNames reads a folder's files, by line, in the order in which these began.
func readNames(dir string) ([]*line, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []name
	for _, e := range entries {
		if n, ok := parseName(e.Name()); ok {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, func(a, b name) int {
		return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.to, b.to), cmp.Compare(a.kind, b.kind))
	})
	var lines []*line
	for _, n := range names {
		i := slices.IndexFunc(lines, func(l *line) bool { return l.id == n.line })
		if i < 0 {
			i = len(lines)
			lines = append(lines, &line{id: n.line})
		}
		lines[i].add(n)
	}
	if p, ok := readProgress(dir); ok {
		for _, l := range lines {
			if l.id == p.Line && l.lastFed() <= p.Revision && p.Time.After(l.until) && len(l.fulls) > 0 {
				l.until = p.Time
			}
		}
	}
	return lines, nil
}
