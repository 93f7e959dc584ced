package directory

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// load reads the whole store into a new snapshot, and publishes it. Records that
// the last one has as well are shared with it, and so is what was derived from
// them.
func (d *Directory) load(ctx context.Context) error {
	old := d.Snapshot()
	s, err := d.scan(ctx, old)
	if err == nil && old != nil && s.Rev <= old.Rev {
		// An older store: its revisions don't say the same as those seen before.
		s, err = d.scan(ctx, nil)
	}
	if err != nil {
		return err
	}
	if old != nil { // before the first load, Format.Bring has looked at it
		if err := readable(s.get(deployment, formatKind, "")); err != nil {
			return err
		}
	}
	d.ringApplied(s.get(deployment, ringKind, ""))
	d.nodesLoaded(s)
	d.publish(s)
	return nil
}

func (d *Directory) scan(ctx context.Context, old *Snapshot) (*Snapshot, error) {
	s := emptySnapshot(d)
	e := new(edit)
	rev, err := d.store.Scan(ctx, "", 0, func(r store.Record) error {
		_, kind := splitKey(r.Key)
		if kind == kindOutbox {
			return nil
		}
		s.add(r.Key, r.Value, r.Rev, kind, old, e)
		return nil
	})
	s.Rev, s.policyEpoch = rev, rev
	if s.orgEpoch != 0 {
		s.orgEpoch = rev
	}
	return s, err
}

// How long follow waits before it tries again what failed: at first, and at
// most, twice as long each time.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = time.Second
)

// follow is the one place where memory advances. It goes on until ctx ends or
// the store is closed; everything else it gets over.
func (d *Directory) follow(ctx context.Context, w store.Watcher) {
	delay := retryFirst
	for {
		err := d.advance(ctx, w)
		if err == nil {
			delay = retryFirst
			continue
		}
		w.Close()
		for err != nil {
			if ctx.Err() != nil {
				return
			}
			if isNewer(err) || errors.Is(err, store.ErrClosed) {
				d.fail(err)
				return
			}
			pause(ctx, delay)
			delay = min(2*delay, retryMost)
			w, err = d.resume(ctx, err)
		}
	}
}

// resume begins a new watcher after an error of the last one, where events are
// lost with everything loaded again.
func (d *Directory) resume(ctx context.Context, err error) (store.Watcher, error) {
	if errors.Is(err, store.ErrLagged) || errors.Is(err, store.ErrCompacted) || errors.Is(err, store.ErrFuture) {
		d.opts.Log.Warn("changes are lost between the store and this node: loading everything again", "revision", d.Snapshot().Rev, "error", err)
		if e := d.load(ctx); errors.Is(e, store.ErrClosed) || isNewer(e) {
			return nil, e
		} else if e != nil {
			d.opts.Log.Error("the directory is not loaded again", "error", e)
			return nil, err // so that it is tried again
		}
		d.nodes.answerSoon()
	}
	return d.store.Watch(ctx, "", d.Snapshot().Rev)
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// advance waits for the next events and publishes the snapshot after them.
func (d *Directory) advance(ctx context.Context, w store.Watcher) error {
	events, err := w.Next(ctx)
	if err != nil {
		return err
	}
	next := d.Snapshot().apply(events)
	asked, err := d.notice(events)
	if err != nil {
		return err
	}
	d.publish(next)
	if asked {
		d.nodes.answerSoon()
	}
	return nil
}

// notice looks at those of the changes that concern the node itself, before
// they can be seen. asked means that another node waits for these changes.
func (d *Directory) notice(events []store.Event) (asked bool, err error) {
	for _, ev := range events {
		for _, c := range ev.Records {
			account, rest, _ := strings.Cut(c.Key, "/")
			switch {
			case account != deployment:
				asked = asked || rest == kindConfirm && d.nodes.asked(c.Value)
			case c.Key == ringKey && !c.Deleted:
				d.ringApplied(&Record{Value: c.Value})
			case c.Key == formatKey && !c.Deleted:
				err = errors.Join(err, readable(&Record{Value: c.Value}))
			case strings.HasPrefix(rest, kindNode+"/"):
				d.nodes.changed(strings.TrimPrefix(rest, kindNode+"/"), c, ev.Rev, d.opts.Now())
			}
		}
	}
	return asked, err
}

// readable says *NewerFormat of the record of formatKey where it tells a form
// that this program does not read.
func readable(r *Record) error {
	var v versioned
	if r == nil || json.Unmarshal(r.Value, &v) != nil {
		return nil // Format.Bring says so at the next start
	}
	if v.Format > recordFormat {
		return &NewerFormat{v.Format, recordFormat}
	}
	return nil
}

func isNewer(err error) bool {
	_, ok := errors.AsType[*NewerFormat](err)
	return ok
}
