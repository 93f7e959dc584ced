package pebble

import (
	"errors"

	pebbledb "github.com/cockroachdb/pebble/v2"

	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/ondisk"
)

// A batch is closed when it holds so much. Larger ones bypass the memory table
// and cost more than a second sync.
const (
	maxBatchBytes = 2 << 20
	maxBatchTxns  = 1024
)

// committer is the only writer of a store. Everything in it is owned by run.
type committer struct {
	s     *Store
	rev   store.Revision // last one given out
	batch *pebbledb.Batch
	// entries are the transactions of the batch that change something.
	entries []store.Entry
	// known has the records that were looked up or written last, as the batch
	// leaves them: the database does not see yet what the batch wrote, and what
	// changes often is not looked up again.
	known recent
	key   []byte // scratch
	value []byte // scratch
}

func newCommitter(s *Store, head store.Revision) *committer {
	return &committer{s: s, rev: head, batch: s.db.NewBatch()}
}

// run commits until the queue is closed and empty.
func (c *committer) run() {
	defer close(c.s.done)
	defer c.s.log.Guard()
	var spare []*request
	for {
		<-c.s.queue.wake
		waiting, closed := c.s.queue.takeAll(spare)
		for rest := waiting; len(rest) > 0; {
			n := c.commit(rest)
			rest = rest[n:]
		}
		clear(waiting)
		spare = waiting
		if closed {
			_ = c.batch.Close() // it is empty
			return
		}
	}
}

// commit stores as many of the waiting transactions as fit a batch, answers
// them, and returns how many that were.
func (c *committer) commit(waiting []*request) int {
	n := 0
	for _, r := range waiting {
		if n == maxBatchTxns || c.batch.Len() > maxBatchBytes {
			break
		}
		n++
		// A caller who gave up before this point was told that nothing is stored.
		if r.taken.CompareAndSwap(false, true) {
			r.rev, r.err = c.add(r.txn)
		} else {
			waiting[n-1] = nil
		}
	}
	c.store()
	c.known.age()
	for _, r := range waiting[:n] {
		if r != nil {
			r.done <- struct{}{}
		}
	}
	return n
}

// add checks a transaction and puts it into the batch. What it returns must
// not be answered before the batch is stored, for it rests on the batch.
func (c *committer) add(txn store.Txn) (store.Revision, error) {
	for _, cond := range txn.If {
		if c.current(cond.Key).Rev != cond.Rev {
			c.s.refused.Add(1)
			return 0, &store.ConflictError{Rev: c.rev, Key: cond.Key}
		}
	}
	entry := store.Entry{
		Event:  store.Event{Rev: c.rev + 1, Records: make([]store.Change, 0, len(txn.Do))},
		Before: make([]store.Record, 0, len(txn.Do)),
	}
	for _, op := range txn.Do {
		before := c.current(op.Key)
		if op.Delete && before.Rev == 0 {
			continue
		}
		c.write(op, entry.Rev)
		change := store.Change{Key: op.Key, Value: op.Value}
		if op.Delete {
			change = store.Change{Key: op.Key, Deleted: true}
		}
		entry.Records = append(entry.Records, change)
		entry.Before = append(entry.Before, before)
	}
	if len(entry.Records) > 0 {
		c.rev = entry.Rev
		c.entries = append(c.entries, entry)
	}
	return c.rev, nil
}

// current is a record as the batch leaves it so far; Rev is 0 where it is absent.
func (c *committer) current(key string) store.Record {
	r, ok := c.known.get(key)
	if !ok {
		r = c.stored(key)
		c.known.put(r)
	}
	return r
}

// stored is a record as the database has it.
func (c *committer) stored(key string) store.Record {
	r := store.Record{Key: key}
	if c.s.present.absent(key) {
		return r
	}
	c.key = append(append(c.key[:0], ondisk.Prefix...), key...)
	b, closer, err := c.s.db.Get(c.key)
	if errors.Is(err, pebbledb.ErrNotFound) {
		return r
	}
	if err != nil {
		c.s.log.Fatal(err)
	}
	rev, value, err := ondisk.Parse(b)
	if err != nil {
		c.s.log.Fatal(err)
	}
	r.Rev, r.Value = rev, append([]byte{}, value...)
	_ = closer.Close() // unpins the block; it has no error to tell
	return r
}

func (c *committer) write(op store.Op, rev store.Revision) {
	c.key = append(append(c.key[:0], ondisk.Prefix...), op.Key...)
	after := store.Record{Key: op.Key}
	var err error
	if op.Delete {
		err = c.batch.Delete(c.key, nil)
	} else {
		c.value = ondisk.Append(c.value[:0], rev, op.Value)
		err = c.batch.Set(c.key, c.value, nil)
		after.Rev, after.Value = rev, op.Value
	}
	if err != nil {
		c.s.log.Fatal(err)
	}
	c.known.put(after)
}

// store makes the batch durable and then shows it to readers and watchers.
// They have it before the writers have their answers.
func (c *committer) store() {
	if len(c.entries) == 0 {
		return
	}
	c.value = ondisk.Append(c.value[:0], c.rev, nil)
	if err := c.batch.Set([]byte(headKey), c.value, nil); err != nil {
		c.s.log.Fatal(err)
	}
	c.s.visible.Lock()
	if err := c.s.db.Apply(c.batch, pebbledb.Sync); err != nil {
		c.s.log.Fatal(err)
	}
	c.s.present.publish(c.entries)
	c.s.hist.Publish(c.entries)
	c.s.head.Store(uint64(c.rev))
	c.s.visible.Unlock()
	c.s.commits.Add(uint64(len(c.entries)))
	c.s.batches.Add(1)
	c.batch.Reset()
	clear(c.entries)
	c.entries = c.entries[:0]
}
