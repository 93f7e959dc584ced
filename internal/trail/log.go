package trail

import (
	"bytes"
	"context"
	"encoding/binary"
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
)

// Entry is an event, ready to be kept.
type Entry struct {
	Account string
	Time    time.Time // of the event; entries are found by it
	Record  []byte    // the event's JSON, kept as it is
	Keys    []Key     // what it is found by; those without a value are left out
}

// Options of a log. Its zero value works but for Now.
type Options struct {
	// Failed is called once, when the disk has refused an event.
	Failed func(error)
	Log    *slog.Logger // nil means silence
	FS     vfs.FS       // nil means the operating system's file system
}

// Log is the trail in a folder. Its methods may be called by many goroutines.
type Log struct {
	db   *pebbledb.DB
	opts Options

	mu      sync.Mutex // guards the fields below
	room    *sync.Cond // signalled when waiting was taken
	waiting []pending
	urgent  bool // somebody waits for the disk
	closed  bool

	wake   chan struct{} // holds a value when the writer should look
	done   chan struct{} // closed when the writer has ended
	failed atomic.Pointer[error]
	dead   chan struct{} // closed when failed is set
	once   sync.Once
	news   atomic.Pointer[chan struct{}] // closed at the next write

	seq   atomic.Uint64 // of the newest durable event
	stats Stats
}

// Stats counts since the log was opened.
type Stats struct {
	Events, Batches, Bytes atomic.Uint64
}

type pending struct {
	entry Entry
	done  chan error // nil where nobody waits
}

// Open opens the trail in a folder, or makes it there.
func Open(dir string, opts Options) (*Log, error) {
	l := &Log{opts: opts, wake: make(chan struct{}, 1), done: make(chan struct{}), dead: make(chan struct{})}
	l.room = sync.NewCond(&l.mu)
	news := make(chan struct{})
	l.news.Store(&news)
	db, err := pebbledb.Open(dir, databaseOptions(opts, l))
	if err != nil {
		return nil, fmt.Errorf("open trail %s: %w", dir, err)
	}
	l.db = db
	seq, err := lastSeq(db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open trail %s: %w", dir, err), db.Close())
	}
	l.seq.Store(seq)
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
	return o
}

// lastSeq is the number of the newest event, 0 where there is none.
func lastSeq(db *pebbledb.DB) (last uint64, err error) {
	it, err := db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(orderPrefix), UpperBound: after(orderPrefix)})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		return 0, it.Error()
	}
	account, p, err := orderEntry(it.Key(), it.Value())
	if err != nil {
		return 0, err
	}
	b, err := readBlock(db, account, p)
	if err != nil || b == nil {
		return p.seq + maxBlockEvents, err // it has expired
	}
	return p.seq + uint64(len(b.events)) - 1, nil
}

// orderEntry reads where a block stands.
func orderEntry(key, value []byte) (account string, p place, err error) {
	a, nanos, ok := bytes.Cut(value, []byte("/"))
	if !ok || len(nanos) != 8 || len(key) != len(orderPrefix)+8 {
		return "", place{}, fmt.Errorf("key %q of the trail has no place", key)
	}
	return string(a), place{int64(binary.BigEndian.Uint64(nanos)), binary.BigEndian.Uint64(key[len(orderPrefix):])}, nil
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

// Append adds an event and returns when it is durable. When ctx ends first the
// event may or may not be.
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
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Note adds an event that is written within FlushEvery. It waits only where
// the disk is slower than the events come.
func (l *Log) Note(e Entry) error { return l.put(pending{entry: e}) }

func (l *Log) put(p pending) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) >= maxWaiting && !l.closed && l.Err() == nil {
		l.room.Wait()
	}
	if l.closed {
		return ErrClosed
	}
	if err := l.Err(); err != nil {
		return err
	}
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

// Counts are the events, batches and bytes written since the log was opened.
func (l *Log) Counts() (events, batches, bytes uint64) {
	return l.stats.Events.Load(), l.stats.Batches.Load(), l.stats.Bytes.Load()
}

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
		batch, closed := l.take()
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

func (l *Log) take() ([]pending, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.waiting
	l.waiting, l.urgent = nil, false
	l.room.Broadcast()
	return batch, l.closed
}

// store writes events durably, in the order in which they came.
func (l *Log) store(events []pending) error {
	if err := l.Err(); err != nil {
		return err
	}
	b := l.db.NewBatch()
	defer b.Close()
	first := l.seq.Load()
	seq, err := addAll(b, first, events)
	if err == nil && seq > first {
		err = b.Commit(pebbledb.Sync)
	}
	if err != nil {
		l.fail(err)
		return l.Err()
	}
	if seq == first {
		return nil // somebody only waited
	}
	l.seq.Store(seq)
	l.stats.Events.Add(seq - first)
	l.stats.Batches.Add(1)
	l.stats.Bytes.Add(uint64(b.Len()))
	fresh := make(chan struct{})
	close(*l.news.Swap(&fresh))
	return nil
}

// addAll puts events into a batch as blocks, and gives the number of the last.
func addAll(b *pebbledb.Batch, seq uint64, events []pending) (uint64, error) {
	type group struct {
		account string
		second  int64
	}
	open := map[group]*block{}
	var order []group
	flush := func(g group) error {
		err := addBlock(b, g.account, place{g.second * int64(time.Second), seq + 1}, open[g])
		seq += uint64(len(open[g].events))
		delete(open, g)
		return err
	}
	for i := range events {
		e := &events[i].entry
		if e.Record == nil {
			continue
		}
		g := group{e.Account, max(e.Time.Unix(), 0)}
		if open[g] == nil {
			open[g] = newBlock()
			order = append(order, g)
		}
		open[g].add(e)
		if open[g].full() {
			if err := flush(g); err != nil {
				return seq, err
			}
		}
	}
	for _, g := range order {
		if open[g] == nil {
			continue // full before
		}
		if err := flush(g); err != nil {
			return seq, err
		}
	}
	return seq, nil
}

// addBlock puts a block and its indexes into a batch.
func addBlock(b *pebbledb.Batch, account string, p place, blk *block) error {
	if err := b.Set(eventKey(account, p), blk.encode(), nil); err != nil {
		return err
	}
	where := binary.BigEndian.AppendUint64([]byte(account+"/"), uint64(p.nanos))
	if err := b.Set(orderKey(p.seq), where, nil); err != nil {
		return err
	}
	for _, k := range blk.keys {
		if err := b.Set(p.append(indexKey(account, day(p.time()), k)), nil, nil); err != nil {
			return err
		}
	}
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
