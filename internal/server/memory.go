package server

import (
	"context"
	"runtime/debug"
	goruntime "runtime/metrics"
	"time"
)

const (
	memoryChecked = 10 * time.Second
	// Go lets a heap grow to twice of what lives in it before it looks for
	// garbage. A directory of a million users is hundreds of megabytes that
	// hardly ever become garbage, for which that is too much: above the first
	// a server keeps room of headroom, and a part of what lives, for requests.
	headroom     = 64 << 20
	headroomPart = 8
	gcPercent    = 100 // Go's default, and the most that is set
)

// trimMemory keeps the room for garbage in proportion to what requests need,
// not to what the directory holds, and gives back what loading it took. It
// leaves a process alone whose operator set GOGC.
func (s *Server) trimMemory(ctx context.Context) error {
	if was := debug.SetGCPercent(gcPercent); was != gcPercent {
		debug.SetGCPercent(was)
		return nil
	}
	defer debug.SetGCPercent(gcPercent)
	if liveHeap() > headroom {
		debug.FreeOSMemory()
	}
	tick := time.NewTicker(memoryChecked)
	defer tick.Stop()
	for now := gcPercent; ; {
		if want := percentFor(liveHeap()); want != now { // setting it stops the world
			debug.SetGCPercent(want)
			now = want
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// percentFor is the growth, in percent of live, at which to look for garbage.
func percentFor(live uint64) int {
	if live < headroom {
		return gcPercent
	}
	return min(gcPercent, int(100*(headroom+live/headroomPart)/live))
}

// liveHeap is what the last look for garbage left, in bytes.
func liveHeap() uint64 {
	sample := []goruntime.Sample{{Name: "/gc/heap/live:bytes"}}
	goruntime.Read(sample)
	if sample[0].Value.Kind() != goruntime.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
