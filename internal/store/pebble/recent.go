package pebble

import "github.com/sallyport-iam/sallyport/internal/store"

// recentBytes is about how much of the memory recent takes, twice.
const recentBytes = 2 << 20

// recentOverhead is roughly what a record costs in a map beside its bytes.
const recentOverhead = 160

// recent has the records that were put into it last; Rev is 0 for those that are
// absent. What isn't used for long goes. Its zero value is empty.
type recent struct {
	young, old map[string]store.Record
	bytes      int // of young
}

// get gives a record, if it is here.
func (c *recent) get(key string) (store.Record, bool) {
	if r, ok := c.young[key]; ok {
		return r, true
	}
	r, ok := c.old[key]
	if ok {
		c.put(r)
	}
	return r, ok
}

func (c *recent) put(r store.Record) {
	if c.young == nil {
		c.young = map[string]store.Record{}
	}
	c.young[r.Key] = r
	c.bytes += len(r.Key) + len(r.Value) + recentOverhead
}

// age lets go what wasn't used since the last time that there was too much. What
// a batch has put in must stay until the batch is in the database.
func (c *recent) age() {
	if c.bytes > recentBytes {
		c.young, c.old, c.bytes = c.old, c.young, 0
		clear(c.young)
	}
}
