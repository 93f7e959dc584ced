package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// deployment is what a number of keys needs, and how it then behaves.
type deployment struct {
	Keys     float64
	Shards   int
	Fullest  float64 // keys of the fullest shard
	Requests float64 // a second at the peak, all together
	Changes  float64 // a second at the peak, all together
	Nodes    int     // of all shards
	Memory   float64 // bytes of the fullest shard's node
	Load     time.Duration
	Seen     quantiles // on all nodes of the fullest shard, at the peak
	// Replaced is the changes a second on the fullest shard while all its keys
	// are replaced in replaceIn, and ReplacedSeen how soon they are seen then.
	Replaced     float64
	ReplacedSeen quantiles
}

type quantiles struct{ p50, p99 time.Duration }

// plan gives what so many keys need. The same rng gives the same plan.
func plan(keys float64, rng *rand.Rand) deployment {
	d := deployment{Keys: keys, Requests: keys * requestsPerKey * peak, Changes: keys * changesPerKey / keyLife * peak}
	room := float64(clusterRecords) * fullest / recordsPerKey
	d.Shards = int(math.Ceil(keys / room))
	for ; ; d.Shards += d.Shards/20 + 1 {
		d.Fullest = spread(keys, d.Shards, rng)
		// The fullest shard may hold more than the mean, not more than fits.
		if d.Shards == 1 || d.Fullest*recordsPerKey <= clusterRecords*(1+fullest)/2 {
			break
		}
	}
	share := d.Fullest / keys
	perNode := coresPerNode * busy / cpuPerRequest.Seconds()
	for shard := range d.Shards {
		of := 1 / float64(d.Shards)
		if shard == 0 {
			of = share
		}
		d.Nodes += max(leastNodes, int(math.Ceil(d.Requests*of/perNode))+1)
	}
	d.Memory = nodeBytes + d.Fullest*bytesPerKey
	d.Load = time.Duration(d.Fullest * float64(loadPerKey))
	d.Seen = seen(d.Changes*share, rng)
	d.Replaced = d.Fullest * changesToReplace / replaceIn.Seconds()
	d.ReplacedSeen = seen(d.Replaced, rng)
	return d
}

// spread draws the large accounts, puts each on the shard of its slot, and the
// many small ones evenly. It gives the keys on the fullest shard.
func spread(keys float64, shards int, rng *rand.Rand) float64 {
	large := int(keys / keysPerAccount * math.Pow(leastAccount/largeAccount, accountShape))
	held := make([]float64, shards)
	rest := keys
	for range large {
		size := min(biggestAccount, largeAccount*math.Pow(1-rng.Float64(), -1/accountShape), rest)
		account := strconv.FormatUint(100_000_000_000+rng.Uint64N(900_000_000_000), 10)
		held[slotOf(account)*shards/slots] += size
		rest -= size
	}
	return slices.Max(held) + rest/float64(shards)
}

// roundTime is how long a round with so many transactions takes, between the
// measured points on a straight line.
func roundTime(n int) time.Duration {
	at := func(i int) (writers, seconds float64) {
		p := commitPoints[i]
		return float64(p.writers), float64(p.writers) / p.rate
	}
	i := 0
	for i < len(commitPoints)-2 && n > commitPoints[i+1].writers {
		i++
	}
	w0, s0 := at(i)
	w1, s1 := at(i + 1)
	return time.Duration((s0 + (float64(n)-w0)*(s1-s0)/(w1-w0)) * float64(time.Second))
}

// seen is the time from a change's coming to its sight on all nodes of a shard.
func seen(rate float64, rng *rand.Rand) quantiles {
	commit, watch := commits(rate, rng), seenAtRest-roundTime(1)
	return quantiles{commit.p50 + watch, commit.p99 + watch}
}

const (
	simulatedCommits = 20_000
	mostInARound     = 256
)

// commits simulates one shard's committers as one: changes come at random, a
// round takes all that wait, the next begins when it has ended. It gives the
// time from a change's coming to its answer.
func commits(rate float64, rng *rand.Rand) quantiles {
	arrivals := make([]float64, simulatedCommits)
	now := 0.0
	for i := range arrivals {
		now += rng.ExpFloat64() / rate
		arrivals[i] = now
	}
	took := make([]time.Duration, 0, len(arrivals))
	free := 0.0 // when the last round ends
	for i := 0; i < len(arrivals); {
		start := max(free, arrivals[i])
		n := 1
		for i+n < len(arrivals) && arrivals[i+n] <= start && n < mostInARound {
			n++
		}
		free = start + roundTime(n).Seconds()
		for range n {
			took = append(took, time.Duration((free-arrivals[i])*float64(time.Second)).Round(time.Microsecond))
			i++
		}
	}
	slices.Sort(took)
	return quantiles{took[len(took)/2], took[len(took)*99/100]}
}
