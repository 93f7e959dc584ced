package trail

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// How a full disk is waited for.
const (
	roomEvery = 100 * time.Millisecond // between two looks
	leastRoom = 4 << 20                // bytes, but at most a sixteenth of the disk
)

// Refuses is why nothing may happen that must be remembered, or nil.
func (l *Log) Refuses() error {
	if l.low.Load() != 0 || l.isFull() {
		return ErrRoom
	}
	return l.Err()
}

// takesNone reports whether no event is taken for want of room.
func (l *Log) takesNone() bool { return l.low.Load() == 2 || l.isFull() }

func (l *Log) isFull() bool {
	select {
	case <-*l.full.Load():
		return true
	default:
		return false
	}
}

// LookAtRoom looks how full the disk is, and reports whether that has changed
// what Refuses says. To be called now and then.
func (l *Log) LookAtRoom() (changed bool, err error) {
	if l.opts.Reserve == 0 {
		return false, nil
	}
	free, total, err := l.diskRoom()
	if err != nil {
		return false, fmt.Errorf("room of the trail's disk: %w", err)
	}
	reserve := min(l.opts.Reserve, total/16)
	low := int32(0)
	switch {
	case free < reserve/2:
		low = 2
	case free < reserve:
		low = 1
	}
	return (l.low.Swap(low) != 0) != (low != 0), nil
}

func (l *Log) diskRoom() (free, total uint64, err error) {
	usage, err := cmp.Or[vfs.FS](l.opts.FS, vfs.Default).GetDiskUsage(l.dir)
	return usage.AvailBytes, usage.TotalBytes, err
}

// awaitRoom is called by a write that found the disk full, and that is tried
// once more when it returns; other writes wait meanwhile. So a full disk holds
// the trail up, but is no failure of it.
func (l *Log) awaitRoom() {
	if !l.opened.Load() {
		return // a start is not held up: it fails
	}
	close(*l.full.Load())
	l.room.Broadcast()
	if l.opts.Log != nil {
		l.opts.Log.Error("the disk of the trail is full: nothing is changed any more until there is room", "folder", l.dir)
	}
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for !l.hasRoom() {
		select {
		case <-tick.C:
		case <-l.over:
			return
		}
	}
	open := make(chan struct{})
	l.full.Store(&open)
	if l.opts.Log != nil {
		l.opts.Log.Info("the disk of the trail has room again", "folder", l.dir)
	}
}

// hasRoom reports whether it is worth trying again.
func (l *Log) hasRoom() bool {
	free, total, err := l.diskRoom()
	return errors.Is(err, vfs.ErrUnsupported) || err == nil && free >= min(leastRoom, total/16)
}
