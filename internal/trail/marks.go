package trail

import (
	"errors"
	"fmt"
	"slices"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// markPrefix is that of marks: m/NAME. Those who read the trail in order keep in
// them how far they have come.
const markPrefix = "m/"

// Mark is what SetMark has stored under a name, nil where there is nothing.
func (l *Log) Mark(name string) ([]byte, error) {
	value, closer, err := l.db.Get([]byte(markPrefix + name))
	if errors.Is(err, pebbledb.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mark %s of the trail: %w", name, err)
	}
	defer closer.Close()
	return slices.Clone(value), nil
}

// SetMark stores a value under a name, durably.
func (l *Log) SetMark(name string, value []byte) error {
	if err := l.db.Set([]byte(markPrefix+name), value, pebbledb.Sync); err != nil {
		return fmt.Errorf("mark %s of the trail: %w", name, err)
	}
	return nil
}

var errFound = errors.New("found")

// BeforeTime is a number before which there is no event of that time or later.
func (l *Log) BeforeTime(at time.Time) (uint64, error) {
	before := l.Head()
	err := eachOrder(l.db, 0, func(o *order) error {
		if o.time().Before(at.Truncate(time.Second)) {
			return nil
		}
		before = o.seq - 1
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return before, err
}
