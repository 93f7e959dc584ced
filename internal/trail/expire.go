package trail

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// Kept is since when the events of accounts are kept, by whole days: those of
// Accounts as they say, all others' from Since on.
type Kept struct {
	Since    time.Time
	Accounts map[string]time.Time
}

// of is the beginning of the first day that is kept of an account.
func (k *Kept) of(account string) time.Time {
	at, ok := k.Accounts[account]
	if !ok {
		at = k.Since
	}
	return dayTime(day(at))
}

// Oldest is the earliest of the times.
func (k *Kept) Oldest() time.Time {
	oldest := k.Since
	for _, at := range k.Accounts {
		if at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// dayTime is the beginning of a day.
func dayTime(d uint32) time.Time {
	return time.Unix(int64(d)*int64(dayLength/time.Second), 0).UTC()
}

// expiredPrefix is that of what Expire has done: d/ACCOUNT, with the first day
// that is kept in 4 bytes, and a byte that is 1 once a digest has told of it.
const expiredPrefix = "d/"

// Expire gives up an account's events of whole days before a time. It costs no
// pause: three range deletions for all of them. What has expired does not come
// back: an earlier time than the last does nothing.
func (l *Log) Expire(account string, before time.Time) error {
	l.expiring.Lock()
	defer l.expiring.Unlock()
	last, _, err := l.expired(account)
	if err != nil || day(before) <= last {
		return err
	}
	b := l.db.NewBatch()
	defer b.Close()
	for _, prefix := range []string{eventPrefix, indexPrefix, keptPrefix} {
		if err := b.DeleteRange([]byte(prefix+account+"/"), dayKey(prefix, account, day(before)), nil); err != nil {
			return fmt.Errorf("expire the trail: %w", err)
		}
	}
	if err := b.Set([]byte(expiredPrefix+account), expiredValue(day(before), 0), nil); err != nil {
		return fmt.Errorf("expire the trail: %w", err)
	}
	if err := b.Commit(pebbledb.Sync); err != nil {
		return fmt.Errorf("expire the trail: %w", err)
	}
	return nil
}

func expiredValue(day uint32, told byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, day), told)
}

var errExpired = errors.New("what has expired of the trail can't be read")

func readExpired(value []byte) (day uint32, told bool, err error) {
	if len(value) != 5 {
		return 0, false, errExpired
	}
	return binary.BigEndian.Uint32(value), value[4] == 1, nil
}

// expired is the first day that is kept of an account; 0 where nothing has expired.
func (l *Log) expired(account string) (day uint32, told bool, err error) {
	value, closer, err := l.db.Get([]byte(expiredPrefix + account))
	if errors.Is(err, pebbledb.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("expire the trail: %w", err)
	}
	defer closer.Close()
	return readExpired(value)
}

// untoldExpiries are those that no digest has told of, nil where there are none.
func (l *Log) untoldExpiries() (all map[string]string, err error) {
	it, err := l.db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(expiredPrefix), UpperBound: after(expiredPrefix)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		day, told, err := readExpired(it.Value())
		if err != nil {
			return nil, err
		}
		if told {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[strings.TrimPrefix(string(it.Key()), expiredPrefix)] = dayTime(day).Format(time.DateOnly)
	}
	return all, it.Error()
}

// storeDigest stores a digest, and that it tells what has expired.
func (l *Log) storeDigest(d *Digest, value []byte) error {
	b := l.db.NewBatch()
	defer b.Close()
	if err := b.Set(digestKey(d.Own.Last), value, nil); err != nil {
		return err
	}
	for account := range d.Own.Expired {
		day, _, err := l.expired(account)
		if err != nil {
			return err
		}
		if err := b.Set([]byte(expiredPrefix+account), expiredValue(day, 1), nil); err != nil {
			return err
		}
	}
	return b.Commit(pebbledb.Sync)
}

// Prune gives up the digests, and the order of their events, that ended before
// the day of a time: all their events have expired. The newest digest stays.
func (l *Log) Prune(ctx context.Context, before time.Time) (err error) {
	limit := dayTime(day(before))
	it, err := l.db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(digestPrefix), UpperBound: after(digestPrefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	var upTo uint64
	for ok := it.First(); ok && ctx.Err() == nil; {
		d, err := readDigest(it.Value())
		if err != nil {
			return err
		}
		if ok = it.Next(); !ok || !d.End.Before(limit) || !d.Newest.Before(limit) {
			break
		}
		upTo = d.Own.Last
	}
	if upTo == 0 {
		return it.Error()
	}
	b := l.db.NewBatch()
	defer b.Close()
	if err := b.DeleteRange([]byte(orderPrefix), orderKey(upTo+1), nil); err != nil {
		return err
	}
	if err := b.DeleteRange([]byte(digestPrefix), digestKey(upTo+1), nil); err != nil {
		return err
	}
	return b.Commit(pebbledb.Sync)
}
