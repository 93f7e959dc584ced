package main

import "time"

// What was measured, each with its source. Bytes and rates are of the small
// machines that docs/performance.md and docs/scale.md name.
const (
	// One etcd cluster: 10 million records of this service in 8 GiB, the size
	// up to which etcd is kept (docs/scale.md).
	clusterRecords = 10_000_000
	clusterBytes   = 8 << 30

	// A user with one key is three records: the user, its name, the key
	// (internal/directory, records.go).
	recordsPerKey = 3

	// Resident memory of a node: an empty server, and what a user with one key
	// adds under load (docs/performance.md, "A million users").
	nodeBytes   = 25 << 20
	bytesPerKey = 971

	// Processor time of a signed and authorised request, with HTTP, where a
	// million users are held (docs/performance.md, "A million users").
	cpuPerRequest = 31 * time.Microsecond

	// Time to load a user with one key from the node's own disk
	// (docs/performance.md, "A million users").
	loadPerKey = 6 * time.Microsecond

	// From a node's change to its sight on three nodes, at rest, median; a
	// commit by a single writer is part of it (commitPoints).
	seenAtRest = 3300 * time.Microsecond
)

// commitPoints are durable changes a second on three etcd members, through a
// node's committer, by the number of writers that wait at once: as many share
// one round.
var commitPoints = [...]struct {
	writers int
	rate    float64
}{{1, 547}, {16, 2645}, {256, 7413}}

// What is assumed of the use; change them here.
const (
	requestsPerKey = 0.02           // requests a second, mean over day and keys
	peak           = 3              // busiest hour over the mean
	keyLife        = 90 * 24 * 3600 // seconds from a key's making to its end
	changesPerKey  = 6              // in that time: the key's making, switching off and end, and the user's
	keysPerAccount = 200            // mean
	leastAccount   = 38.0           // keys; sizes are Pareto's from here, with this shape
	accountShape   = 1.2            // which makes the mean
	largeAccount   = 10_000.0       // keys, from which accounts are drawn one by one
	biggestAccount = 500_000.0      // keys
	coresPerNode   = 8              // of a node
	busy           = 0.5            // part of its processors that a node may use at the peak
	fullest        = 0.6            // part of a cluster's records that are used: room to grow until it is split
	leastNodes     = 3              // of a shard, so that one may fail

	changesToReplace = 2             // a key made, a key deleted
	replaceIn        = 3 * time.Hour // all keys, after an incident
)
