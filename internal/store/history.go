package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// progressEvery leaves half of the promised second to the consumer.
	progressEvery = 500 * time.Millisecond
	// Next holds the lock for so many events at most, looking at so many.
	maxBatch = 512
	maxLook  = 4096
	// entryOverhead is roughly what a change costs in memory beside its bytes.
	entryOverhead = 160
)

// Entry is an event and what it replaced.
type Entry struct {
	Event
	// Before has, for each of Records, the record as it was; Rev is 0 where
	// there was none. An engine that never asks for Past leaves it nil.
	Before []Record
}

// size is the memory that an entry holds on to, roughly.
func (e *Entry) size() int64 {
	n := int64(entryOverhead)
	for i := range e.Records {
		n += int64(entryOverhead + len(e.Records[i].Key) + len(e.Records[i].Value))
	}
	for i := range e.Before {
		n += int64(len(e.Before[i].Value))
	}
	return n
}

// History is the recent past of a store in memory, for engines whose feed is
// their own: what watchers still have to see, and what scans of an earlier
// revision need. It gives up its oldest entries rather than make anyone wait.
type History struct {
	limit int64 // bytes; set by NewHistory

	mu        sync.Mutex // guards the fields below
	entries   []Entry    // rising revisions
	bytes     int64
	head      Revision
	oldest    Revision // the entries are all that happened after it
	compacted Revision // as asked for, at most oldest
	resets    int      // how often all was given up
	watchers  int
	closed    bool
	wake      chan struct{} // closed when something happens; nil while nobody waits
}

// NewHistory begins a history after the revision head. It keeps about limit
// bytes, and in any case the last entries that were published together.
func NewHistory(head Revision, limit int64) *History {
	return &History{limit: limit, head: head, oldest: head}
}

// Publish appends entries, whose revisions must rise, and wakes the watchers.
func (h *History) Publish(entries []Entry) {
	if len(entries) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range entries {
		h.bytes += entries[i].size()
	}
	h.entries = append(h.entries, entries...)
	h.head = entries[len(entries)-1].Rev
	drop := 0
	for h.bytes > h.limit && drop < len(h.entries)-len(entries) {
		h.bytes -= h.entries[drop].size()
		drop++
	}
	h.drop(drop)
	h.wakeAll()
}

// Advance moves the head up to rev, up to which nothing else happened, and so
// tells the watchers. An earlier revision changes nothing.
func (h *History) Advance(rev Revision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if rev <= h.head {
		return
	}
	h.head = rev
	h.wakeAll()
}

// Reset begins anew after the revision head, whatever it was before: all
// watchers end with ErrLagged.
func (h *History) Reset(head Revision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resets++
	clear(h.entries)
	h.entries, h.bytes = nil, 0
	h.head, h.oldest, h.compacted = head, head, 0
	h.wakeAll()
}

// drop forgets the first n entries. The slice moves on inside its array, which
// append replaces when it is used up; cleared, they hold nothing until then.
func (h *History) drop(n int) {
	if n == 0 {
		return
	}
	h.oldest = h.entries[n-1].Rev
	clear(h.entries[:n])
	h.entries = h.entries[n:]
}

func (h *History) wakeAll() {
	if h.wake != nil {
		close(h.wake)
		h.wake = nil
	}
}

// after is the index of the first entry of a revision higher than rev.
func (h *History) after(rev Revision) int {
	i, found := slices.BinarySearchFunc(h.entries, rev, func(e Entry, r Revision) int { return cmp.Compare(e.Rev, r) })
	if found {
		i++
	}
	return i
}

// Head is the last published revision.
func (h *History) Head() Revision {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.head
}

// Compact forgets what happened up to rev; ErrFuture if that lies ahead.
func (h *History) Compact(rev Revision) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return ErrClosed
	case rev > h.head:
		return ErrFuture
	case rev <= h.oldest:
		return nil
	}
	n := h.after(rev)
	for i := range h.entries[:n] {
		h.bytes -= h.entries[i].size()
	}
	h.drop(n)
	h.oldest, h.compacted = rev, rev
	h.wakeAll()
	return nil
}

// Lose moves the history on to the revision rev without what happened until
// then, which the engine could not get any more: watchers that had not seen all
// before get ErrCompacted.
func (h *History) Lose(rev Revision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || rev <= h.head {
		return
	}
	clear(h.entries)
	h.entries, h.bytes = nil, 0
	h.head, h.oldest, h.compacted = rev, rev, rev
	h.wakeAll()
}

// Stats fills in what the history knows.
func (h *History) Stats(s *Stats) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Head, s.Oldest, s.Watchers, s.History = h.head, h.oldest, h.watchers, h.bytes
}

// Close ends all watchers.
func (h *History) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.entries, h.bytes = nil, 0
	h.wakeAll()
}

// Past says how the keys under prefix that changed after the revision at were
// at that revision. Together with the state at the head it makes that of at.
func (h *History) Past(prefix string, at Revision) (Past, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, ErrClosed
	case at > h.head:
		return nil, ErrFuture
	case at < h.oldest:
		return nil, ErrCompacted
	}
	seen := map[string]Record{}
	for _, e := range h.entries[h.after(at):] {
		for _, r := range e.Before {
			if _, later := seen[r.Key]; !later && strings.HasPrefix(r.Key, prefix) {
				seen[r.Key] = r
			}
		}
	}
	past := make(Past, 0, len(seen))
	for _, r := range seen {
		past = append(past, r)
	}
	slices.SortFunc(past, func(a, b Record) int { return strings.Compare(a.Key, b.Key) })
	return past, nil
}

// Past is a list of records as they were, in the order of keys; Rev is 0 where
// there was none.
type Past []Record

// Merge puts the past in the place of the present. It is called with every
// record of a scan in order, and at its end with none, and calls fn with what
// stood there at the time.
func (p *Past) Merge(now *Record, fn func(Record) error) error {
	for len(*p) > 0 && (now == nil || (*p)[0].Key <= now.Key) {
		then := (*p)[0]
		*p = (*p)[1:]
		if now != nil && then.Key == now.Key {
			now = &then
			break
		}
		if err := emit(then, fn); err != nil {
			return err
		}
	}
	if now == nil {
		return nil
	}
	return emit(*now, fn)
}

func emit(r Record, fn func(Record) error) error {
	if r.Rev == 0 {
		return nil
	}
	return fn(r)
}

// Watch begins a watcher as Store.Watch describes it.
func (h *History) Watch(prefix string, from Revision) (Watcher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, ErrClosed
	case from > h.head:
		return nil, ErrFuture
	case from < h.oldest:
		return nil, ErrCompacted
	}
	h.watchers++
	return &watcher{h: h, prefix: prefix, seen: from, resets: h.resets, done: make(chan struct{})}, nil
}

// watcher reads a History.
type watcher struct {
	h      *History
	prefix string
	resets int           // those of h when it began
	done   chan struct{} // closed by Close

	// Owned by Next.
	seen  Revision // everything up to it has been handed out
	timer *time.Timer
}

func (w *watcher) Next(ctx context.Context) ([]Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	idle := false
	for {
		events, wake, err := w.take(idle)
		if len(events) > 0 || err != nil {
			return events, err
		}
		if w.timer == nil {
			w.timer = time.NewTimer(progressEvery)
		} else {
			w.timer.Reset(progressEvery)
		}
		select {
		case <-wake:
		case <-w.timer.C:
			idle = true
		case <-w.done:
		case <-ctx.Done():
			w.timer.Stop()
			return nil, ctx.Err()
		}
		w.timer.Stop()
	}
}

// take returns the next events, or a channel that is closed when there may be some.
func (w *watcher) take(idle bool) ([]Event, <-chan struct{}, error) {
	h := w.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := w.err(); err != nil {
		return nil, nil, err
	}
	if entries := h.entries[h.after(w.seen):]; len(entries) > 0 {
		return w.events(entries), nil, nil
	}
	if idle || w.seen < h.head {
		w.seen = h.head
		return []Event{{Rev: w.seen}}, nil, nil
	}
	if h.wake == nil {
		h.wake = make(chan struct{})
	}
	return nil, h.wake, nil
}

// err is the reason why the watcher can't go on, if any.
func (w *watcher) err() error {
	select {
	case <-w.done:
		return ErrClosed
	default:
	}
	switch {
	case w.h.closed:
		return ErrClosed
	case w.resets != w.h.resets:
		return ErrLagged
	case w.seen < w.h.compacted:
		return ErrCompacted
	case w.seen < w.h.oldest:
		return ErrLagged
	}
	return nil
}

// events picks from entries, at least one, what lies under the prefix, and says
// at its end how far that goes.
func (w *watcher) events(entries []Entry) []Event {
	events := make([]Event, 0, min(len(entries), maxBatch))
	for i := range entries {
		if i == maxLook || len(events) == maxBatch {
			break
		}
		w.seen = entries[i].Rev
		if changes := under(w.prefix, entries[i].Records); len(changes) > 0 {
			events = append(events, Event{Rev: w.seen, Records: changes})
		}
	}
	if n := len(events); n == 0 || events[n-1].Rev < w.seen {
		events = append(events, Event{Rev: w.seen})
	}
	return events
}

// under returns the changes whose keys begin with prefix: mostly all or none,
// which then share their memory.
func under(prefix string, all []Change) []Change {
	n := 0
	for i := range all {
		if strings.HasPrefix(all[i].Key, prefix) {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case len(all):
		return all
	}
	some := make([]Change, 0, n)
	for _, c := range all {
		if strings.HasPrefix(c.Key, prefix) {
			some = append(some, c)
		}
	}
	return some
}

func (w *watcher) Close() error {
	w.h.mu.Lock()
	defer w.h.mu.Unlock()
	select {
	case <-w.done:
	default:
		close(w.done)
		w.h.watchers--
	}
	return nil
}
