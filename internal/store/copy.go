package store

import "time"

// Copy is what a Store has too that answers scans and watches from a copy of
// its own, as the replica on a node's disk does.
type Copy interface {
	// AsOf is the wall-clock time at which the copy was last known to be the
	// newest state: a linearizable Head was asked for at that time or later, and
	// all changes up to its revision are in the copy. It never claims more than
	// that, it only rises while the clock does, and it outlives the process. Zero
	// means unknown: no copy yet, none that was ever confirmed, or one that was
	// confirmed at a time that the clock has not reached.
	AsOf() time.Time
}
