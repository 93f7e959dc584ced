package trail

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Limits of the log.
const (
	// FlushEvery bounds how long an event that nobody waits for stays in memory only.
	FlushEvery = 100 * time.Millisecond
	// maxWaiting bounds the events in memory: who adds more waits for the disk.
	maxWaiting = 32 << 10
	// maxBatch is how many events are written at once.
	maxBatch = 4 << 10
)

// Errors of a log.
var (
	ErrClosed = errors.New("trail is closed")
	// ErrFailed: the disk refused an event. Nothing more is written until the
	// log is opened anew: what a failed fsync has done is not known.
	ErrFailed = errors.New("trail can't be written")
	// ErrRoom: the disk is nearly full. It passes when there is room again.
	ErrRoom = errors.New("the disk of the trail is nearly full")
)

// Entry is an event, ready to be kept. The log copies Record and Keys.
type Entry struct {
	Account string
	Time    time.Time // of the event; entries are found by it
	Record  []byte    // the event's JSON, kept as it is
	Keys    []Key     // what it is found by; those without a value are left out
	Texts   []Text    // that it refers to, and that are not kept yet of its day
}

// Options of a log. Its zero value works.
type Options struct {
	// Reserve is how many bytes of the disk, but at most a sixteenth of it, are
	// left free: with less, Refuses says ErrRoom, and with half of it left no
	// event is taken any more. 0 means that nothing is held back.
	Reserve uint64
	// Failed is called once, when the disk has refused an event.
	Failed func(error)
	Log    *slog.Logger // nil means silence
	FS     vfs.FS       // nil means the operating system's file system
}

// Log is the trail in a folder. Its methods may be called by many goroutines.
type Log struct {
	db   *pebbledb.DB
	dir  string
	opts Options

	mu      sync.Mutex // guards the fields below
	room    *sync.Cond // signalled when waiting was taken
	waiting []pending
	memory  memory // what waiting points into
	urgent  bool   // somebody waits for the disk
	closed  bool
	// spare and spareMemory are those of a batch that was written, for the next.
	spare       []pending
	spareMemory memory

	wake   chan struct{} // holds a value when the writer should look
	done   chan struct{} // closed when the writer has ended
	failed atomic.Pointer[error]
	dead   chan struct{} // closed when failed is set
	once   sync.Once
	news   atomic.Pointer[chan struct{}] // closed at the next write

	chain    link     // to the newest block; owned by the writer
	encoding encoding // owned by the writer

	low  atomic.Int32                  // how far the reserve is used: 0 not, 1 some, 2 half
	full atomic.Pointer[chan struct{}] // closed while a write waits for the disk to have room
	over chan struct{}                 // closed when the log is closed

	opened atomic.Bool

	expiring sync.Mutex // one Expire or Digest at a time

	seq   atomic.Uint64 // of the newest durable event
	stats Stats
}

// Stats counts since the log was opened.
type Stats struct {
	Events, Batches, Bytes, Lost atomic.Uint64
}

type pending struct {
	entry Entry
	done  chan error // nil where nobody waits
}

// Open opens the trail in a folder, or makes it there.
func Open(dir string, opts Options) (*Log, error) {
	l := &Log{dir: dir, opts: opts, wake: make(chan struct{}, 1), done: make(chan struct{}), dead: make(chan struct{}), over: make(chan struct{})}
	l.room = sync.NewCond(&l.mu)
	news := make(chan struct{})
	l.news.Store(&news)
	full := make(chan struct{})
	l.full.Store(&full)
	db, err := pebbledb.Open(dir, databaseOptions(opts, l))
	if err != nil {
		return nil, fmt.Errorf("open trail %s: %w", dir, err)
	}
	l.db = db
	if err := l.last(); err != nil {
		return nil, errors.Join(fmt.Errorf("open trail %s: %w", dir, err), db.Close())
	}
	l.opened.Store(true)
	go l.write()
	return l, nil
}

func databaseOptions(opts Options, l *Log) *pebbledb.Options {
	o := &pebbledb.Options{
		FS: opts.FS, Logger: (*logger)(l), MemTableSize: 8 << 20, CacheSize: 8 << 20,
		FormatMajorVersion: pebbledb.FormatNewest,
		EventListener:      &pebbledb.EventListener{BackgroundError: func(err error) { l.fail(err) }},
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	o.FS = vfs.OnDiskFull(o.FS, l.awaitRoom)
	return o
}

// last finds the newest event and the end of the chain.
func (l *Log) last() (err error) {
	it, err := l.db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(orderPrefix), UpperBound: after(orderPrefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		return errors.Join(it.Error(), l.lastDigest())
	}
	o, err := orderEntry(it.Key(), it.Value())
	if err != nil {
		return err
	}
	l.seq.Store(o.seq + uint64(o.events) - 1)
	l.chain = o.chain
	return nil
}

// readBlock gives a block, or nil where it has expired.
func readBlock(db *pebbledb.DB, account string, p place) (*block, error) {
	value, closer, err := db.Get(eventKey(account, p))
	if errors.Is(err, pebbledb.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read event %d: %w", p.seq, err)
	}
	defer closer.Close()
	b, err := decodeBlock(value)
	if err != nil {
		return nil, fmt.Errorf("read event %d: %w", p.seq, err)
	}
	return b, nil
}

// Append adds an event and returns when it is durable. When ctx ends first, or
// the disk is full (ErrRoom), the event may or may not be.
func (l *Log) Append(ctx context.Context, e Entry) error {
	done := make(chan error, 1)
	if err := l.put(pending{e, done}); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-l.dead:
		return l.Err()
	case <-*l.full.Load():
		return ErrRoom
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Note adds an event that is written within FlushEvery. It waits only where
// the disk is slower than the events come.
func (l *Log) Note(e Entry) error { return l.put(pending{entry: e}) }

func (l *Log) put(p pending) error {
	err := l.tryPut(p)
	if err != nil && p.entry.Record != nil {
		l.stats.Lost.Add(1)
	}
	return err
}

func (l *Log) tryPut(p pending) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) >= maxWaiting && !l.closed && l.Err() == nil && !l.takesNone() {
		l.room.Wait()
	}
	if l.takesNone() && p.entry.Record != nil {
		return ErrRoom
	}
	if l.closed {
		return ErrClosed
	}
	if err := l.Err(); err != nil {
		return err
	}
	p.entry.Record = l.memory.text(p.entry.Record)
	p.entry.Keys = l.memory.keys(p.entry.Keys)
	l.waiting = append(l.waiting, p)
	if p.done != nil || len(l.waiting) >= maxBatch {
		l.urgent = true
	}
	if l.urgent || len(l.waiting) == 1 {
		select {
		case l.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
	return nil
}

// Sync returns when all events that were noted before are durable.
func (l *Log) Sync(ctx context.Context) error { return l.Append(ctx, Entry{}) }

// Err is why the trail can't be written any more, or nil.
func (l *Log) Err() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *Log) fail(err error) {
	l.once.Do(func() {
		err = fmt.Errorf("%w: %w", ErrFailed, err)
		l.failed.Store(&err)
		close(l.dead)
		l.room.Broadcast()
		if l.opts.Failed != nil {
			l.opts.Failed(err)
		}
	})
}

// Counts are the events, batches and bytes written since the log was opened,
// and the events that could not be.
func (l *Log) Counts() (events, batches, bytes, lost uint64) {
	return l.stats.Events.Load(), l.stats.Batches.Load(), l.stats.Bytes.Load(), l.stats.Lost.Load()
}

// Disk is how many bytes the trail has on the disk.
func (l *Log) Disk() uint64 { return l.db.Metrics().DiskSpaceUsage() }

// Head is the number of the newest durable event.
func (l *Log) Head() uint64 { return l.seq.Load() }

// Close writes what waits and closes the database.
func (l *Log) Close() error {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	l.room.Broadcast()
	if already {
		return nil
	}
	close(l.over)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	select {
	case <-l.done:
	case <-l.dead:
		return l.Err() // the database hangs in its own failure
	}
	return l.db.Close()
}

// write is the one writer: it takes all that waits into one batch and one sync.
func (l *Log) write() {
	defer close(l.done)
	timer := time.NewTimer(FlushEvery)
	defer timer.Stop()
	for {
		<-l.wake
		if !l.hurried() {
			timer.Reset(FlushEvery)
			select {
			case <-timer.C:
			case <-l.urgency():
			}
		}
		batch, used, closed := l.take()
		all := batch
		for len(batch) > 0 {
			n := min(len(batch), maxBatch)
			err := l.store(batch[:n])
			for _, p := range batch[:n] {
				if p.done != nil {
					p.done <- err
				}
			}
			batch = batch[n:]
		}
		l.giveBack(all, used)
		if closed {
			return
		}
	}
}

// hurried reports whether somebody waits for what is in memory.
func (l *Log) hurried() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.urgent || l.closed
}

// urgency is closed or holds a value when it is worth looking again.
func (l *Log) urgency() <-chan struct{} { return l.wake }

func (l *Log) take() (batch []pending, used memory, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch, used = l.waiting, l.memory
	l.waiting, l.memory, l.urgent = l.spare, l.spareMemory, false
	l.spare, l.spareMemory = nil, memory{}
	l.room.Broadcast()
	return batch, used, l.closed
}

// giveBack keeps the memory of a batch that was written for the one after next.
func (l *Log) giveBack(batch []pending, used memory) {
	if cap(batch) > 4*maxBatch {
		return // after a rush; not kept for ever
	}
	clear(batch)
	used.reset()
	l.mu.Lock()
	l.spare, l.spareMemory = batch[:0], used
	l.mu.Unlock()
}

// store writes events durably, in the order in which they came.
func (l *Log) store(events []pending) error {
	if err := l.Err(); err != nil {
		return err
	}
	first := l.seq.Load()
	w := batch{Batch: l.db.NewBatch(), seq: first, chain: l.chain, memory: &l.encoding}
	defer w.Close()
	err := w.add(events)
	if err == nil && w.seq > first {
		err = w.Commit(pebbledb.Sync)
	}
	if err != nil {
		l.fail(err)
		return l.Err()
	}
	if w.seq == first {
		return nil // somebody only waited
	}
	l.chain = w.chain
	l.seq.Store(w.seq)
	l.stats.Events.Add(w.seq - first)
	l.stats.Batches.Add(1)
	l.stats.Bytes.Add(uint64(w.Len()))
	fresh := make(chan struct{})
	close(*l.news.Swap(&fresh))
	return nil
}

// batch is what is written at once.
type batch struct {
	*pebbledb.Batch
	seq    uint64 // of the last event
	chain  link
	memory *encoding
}

// add adds events as blocks, each of one account and second.
func (b *batch) add(events []pending) error {
	type group struct {
		account string
		second  int64
	}
	open := map[group]*block{}
	var order []group
	flush := func(g group) error {
		blk := open[g]
		delete(open, g)
		return b.addBlock(g.account, g.second, blk)
	}
	for i := range events {
		e := &events[i].entry
		if e.Record == nil {
			continue
		}
		if err := b.keep(e); err != nil {
			return err
		}
		g := group{e.Account, max(e.Time.Unix(), 0)}
		if open[g] == nil {
			open[g] = newBlock()
			order = append(order, g)
		}
		open[g].add(e)
		if open[g].full() {
			if err := flush(g); err != nil {
				return err
			}
		}
	}
	for _, g := range order {
		if open[g] == nil {
			continue // full before
		}
		if err := flush(g); err != nil {
			return err
		}
	}
	return nil
}

// addBlock adds a block, its indexes and its link.
func (b *batch) addBlock(account string, second int64, blk *block) error {
	o := order{account: account, place: place{second * int64(time.Second), b.seq + 1}, events: len(blk.events)}
	value := b.memory.encode(blk)
	o.block = sha256.Sum256(value)
	b.chain = o.after(b.chain)
	o.chain = b.chain
	if err := b.Set(eventKey(account, o.place), value, nil); err != nil {
		return err
	}
	if err := b.Set(orderKey(o.seq), o.encode(), nil); err != nil {
		return err
	}
	for _, k := range blk.keys {
		if err := b.Set(o.append(indexKey(account, day(o.time()), k)), nil, nil); err != nil {
			return err
		}
	}
	b.seq += uint64(len(blk.events))
	return nil
}

// logger is where the database reports to, and where it ends.
type logger Log

// Infof implements the database's Logger, as the others do.
func (g *logger) Infof(format string, args ...any) {
	if g.opts.Log != nil {
		g.opts.Log.Debug("trail: " + fmt.Sprintf(format, args...))
	}
}

// Errorf reports what went wrong but harms no data.
func (g *logger) Errorf(format string, args ...any) {
	if g.opts.Log != nil {
		g.opts.Log.Error("trail: " + fmt.Sprintf(format, args...))
	}
}

// Fatalf is called when the log of the database can't be written. Whoever met
// the error must not go on as if nothing had happened, so it never returns.
func (g *logger) Fatalf(format string, args ...any) {
	(*Log)(g).fail(fmt.Errorf(format, args...))
	select {}
}
