package server

import (
	"runtime/debug"
	goruntime "runtime/metrics"
)

// smallHeap is a heap, in bytes, that is not worth a look for garbage.
const smallHeap = 64 << 20

// releaseLoad gives back the memory that loading a large directory took beside
// what it holds: of a million users, a sixth of all (docs/performance.md). The
// room for garbage stays Go's own. Smaller room keeps less memory, but looking
// through a million users more often doubled the cost of a request.
func releaseLoad() error {
	if liveHeap() > smallHeap {
		debug.FreeOSMemory()
	}
	return nil
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
