package server

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// How the trail is kept.
const (
	trailFolder     = "trail"
	defaultTrailDay = 90 // days that events are kept
	// outboxEvery is the time between two rounds that empty the outbox: short
	// enough that the store has what it deletes still at hand.
	outboxEvery = 200 * time.Millisecond
	lookEvery   = time.Second // between two looks at the room on the disk
	sayEvery    = time.Minute // between two log lines about what goes on failing
	expireEvery = time.Hour
	digestEvery = time.Hour
	firstDigest = time.Minute // after the start
	// trailReserve is how much of the disk the trail leaves free unless told
	// otherwise, in bytes.
	trailReserve = 64 << 20
	// leftBehind is how old an event in the outbox of a shared store is when its
	// node is taken to be gone.
	leftBehind = time.Minute
	// leftAlone is that of a store that is not shared, where the trail didn't take
	// it; and the time between two looks for such events.
	leftAlone = 10 * time.Second
)

// keptTrail is the trail of a server, and the events on their way into it.
type keptTrail struct {
	log    *trail.Log
	dir    *directory.Directory
	now    func() time.Time
	days   int
	shared bool
	slog   *slog.Logger

	signing sync.Mutex // one digest at a time

	left atomic.Bool // there are events in the outbox that the trail didn't take

	mu    sync.Mutex // guards the field below
	noted []string   // ids of events that were noted and stand in the outbox
}

// openTrail opens the trail of a data folder, and moves into it what a crash has
// left in the outbox.
func openTrail(ctx context.Context, cfg Config, dir *directory.Directory) (*keptTrail, error) {
	log, err := trail.Open(filepath.Join(cfg.Data, trailFolder), trail.Options{
		Log: cfg.Log, Reserve: reserve(cfg), Failed: func(err error) {
			cfg.Log.Error("nothing may be changed any more: the trail can't be written", "error", err)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("can't open the data folder %s: %w", cfg.Data, err)
	}
	t := &keptTrail{log: log, dir: dir, now: cfg.Now, days: cfg.TrailDays, shared: cfg.Store.Shared(), slog: cfg.Log}
	if t.days == 0 {
		t.days = defaultTrailDay
	}
	older := time.Duration(0)
	if t.shared {
		older = leftBehind
	}
	if err := t.recover(ctx, older); err != nil {
		return nil, errors.Join(fmt.Errorf("bring the trail up to date: %w", err), log.Close())
	}
	return t, nil
}

func reserve(cfg Config) uint64 {
	switch {
	case cfg.TrailReserve < 0:
		return 0
	case cfg.TrailReserve == 0:
		return trailReserve
	}
	return uint64(cfg.TrailReserve)
}

// remembered notes that an event of the outbox is on its way. One that the trail
// didn't take stays there until it does.
func (t *keptTrail) remembered(id string, err error) {
	if err != nil {
		t.left.Store(true)
		return
	}
	t.mu.Lock()
	t.noted = append(t.noted, id)
	t.mu.Unlock()
}

// settle takes the events that have reached the trail out of the outbox.
func (t *keptTrail) settle(ctx context.Context) error {
	t.mu.Lock()
	ids := t.noted
	t.noted = nil
	t.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	err := t.log.Sync(ctx)
	if err == nil {
		err = t.dir.Remembered(ctx, ids)
	}
	if err != nil {
		t.mu.Lock()
		t.noted = append(ids, t.noted...)
		t.mu.Unlock()
	}
	return err
}

// recover moves what was left in the outbox into the trail: by this server
// before a crash or, on a shared store, by nodes that are gone.
func (t *keptTrail) recover(ctx context.Context, older time.Duration) error {
	var ids []string
	err := t.dir.Outbox(ctx, func(id string, event []byte) error {
		if at, _ := trail.IDTime(id); older > 0 && at.After(t.now().Add(-older)) {
			t.left.Store(true) // it may be on its way
			return nil
		}
		if err := t.adopt(ctx, id, event); err != nil {
			return err
		}
		ids = append(ids, id)
		return nil
	})
	if len(ids) > 0 {
		t.slog.Info("events of changes before a crash are in the trail now", "events", len(ids))
		err = errors.Join(err, t.dir.Remembered(ctx, ids))
	}
	return err
}

// adopt puts an event of the outbox into the trail, unless it is there.
func (t *keptTrail) adopt(ctx context.Context, id string, event []byte) error {
	var e trail.Event
	if err := json.Unmarshal(event, &e); err != nil {
		return fmt.Errorf("event %s in the outbox: %w", id, err)
	}
	found, err := t.log.Lookup(ctx, trail.Query{Account: e.RecipientAccountID, Key: trail.Key{Attribute: trail.EventID, Value: id}})
	if err != nil || len(found.Records) > 0 {
		return err
	}
	return t.log.Append(ctx, e.Entry())
}

// keep empties the outbox, signs digests and lets old events go, until ctx ends.
func (t *keptTrail) keep(ctx context.Context) error {
	outbox, left := time.NewTicker(outboxEvery), time.NewTicker(leftAlone)
	look, expire, digest := time.NewTicker(lookEvery), time.NewTicker(expireEvery), time.NewTimer(firstDigest)
	defer outbox.Stop()
	defer left.Stop()
	defer look.Stop()
	defer expire.Stop()
	defer digest.Stop()
	said, last := time.Time{}, ""
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-outbox.C:
			err = t.settle(ctx)
		case <-left.C:
			err = t.takeUp(ctx)
		case <-look.C:
			err = t.lookAtRoom()
		case <-expire.C:
			err = t.expire(ctx)
		case <-digest.C:
			err = t.digest(ctx)
			digest.Reset(digestEvery)
		}
		if err != nil && ctx.Err() == nil && (err.Error() != last || t.now().Sub(said).Abs() >= sayEvery) {
			said, last = t.now(), err.Error()
			t.slog.Error("trail not kept", "error", err)
		}
	}
}

// takeUp moves what the trail did not take before and, on a shared store, what
// nodes that are gone have left.
func (t *keptTrail) takeUp(ctx context.Context) error {
	older := leftAlone
	switch {
	case t.log.Refuses() != nil:
		return nil
	case t.shared:
		older = leftBehind
	case !t.left.Swap(false):
		return nil
	}
	err := t.recover(ctx, older)
	if err != nil {
		t.left.Store(true)
	}
	return err
}

// lookAtRoom says when the disk gets too full for the trail, and when it has
// room again.
func (t *keptTrail) lookAtRoom() error {
	changed, err := t.log.LookAtRoom()
	if changed {
		if reason := t.log.Refuses(); reason != nil {
			t.slog.Error("nothing is changed any more until there is room", "error", reason)
		} else {
			t.slog.Info("the disk of the trail has room again")
		}
	}
	return err
}

// digest signs the events since the last digest.
func (t *keptTrail) digest(ctx context.Context) error {
	t.signing.Lock()
	defer t.signing.Unlock()
	if err := t.log.Sync(ctx); err != nil {
		return err
	}
	key, _, err := t.dir.TrailKey(ctx)
	if err != nil {
		return err
	}
	return t.log.Digest(key, t.dir.Snapshot().FirstAccount(), t.now())
}

// publicKey is the key that digests are signed with, nil where there is none yet.
func (t *keptTrail) publicKey(ctx context.Context) (*rsa.PublicKey, time.Time, error) {
	if !t.dir.Snapshot().HasTrailKey() {
		return nil, time.Time{}, nil
	}
	key, made, err := t.dir.TrailKey(ctx)
	if err != nil {
		return nil, made, err
	}
	return &key.PublicKey, made, nil
}

// kept is since when events are kept.
func (t *keptTrail) kept() (trail.Kept, error) {
	days, err := t.dir.Snapshot().TrailDays()
	return keptSince(t.now(), t.days, days), err
}

// keptSince is since when events are kept that are kept for so many days, those
// of some accounts for others.
func keptSince(now time.Time, days int, accounts map[string]int) trail.Kept {
	ago := func(days int) time.Time { return now.Add(-time.Duration(days) * 24 * time.Hour) }
	k := trail.Kept{Since: ago(days), Accounts: map[string]time.Time{}}
	for id, n := range accounts {
		k.Accounts[id] = ago(n)
	}
	return k
}

// expire gives up the events of all accounts that are too old, those of accounts
// that are gone too.
func (t *keptTrail) expire(ctx context.Context) error {
	kept, err := t.kept()
	if err != nil {
		return err
	}
	accounts, err := t.log.Accounts()
	if err != nil {
		return err
	}
	for _, account := range accounts {
		before, own := kept.Accounts[account]
		if !own {
			before = kept.Since
		}
		if err := t.log.Expire(account, before); err != nil {
			return err
		}
	}
	return t.log.Prune(ctx, kept.Oldest())
}

// close writes what is in memory, and signs it where there is a key. What stays
// in the outbox is moved by the next start.
func (t *keptTrail) close(ctx context.Context) error {
	err := t.settle(ctx)
	if err == nil && t.dir.Snapshot().HasTrailKey() {
		err = t.digest(ctx)
	}
	return errors.Join(err, t.log.Close())
}
