package trail

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// Verification is what Verify found.
type Verification struct {
	Digests  int    // whose signature is good
	Events   uint64 // that are there as they were written
	Expired  uint64 // events that are gone because of their age
	Unsigned uint64 // of Events, those after the last digest
	// Problems are lines for a person to read.
	Problems []string
}

// maxProblems bounds the list.
const maxProblems = 100

func (v *Verification) problem(format string, args ...any) {
	if len(v.Problems) < maxProblems {
		v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify looks for events that were changed, removed or put in since they were
// written. keys are the public keys of digests by their fingerprint. Events that
// are no longer kept may have expired, and those that a digest says have.
func (l *Log) Verify(ctx context.Context, keys map[string]*rsa.PublicKey, kept Kept) (Verification, error) {
	head := l.Head()
	state := l.db.NewSnapshot() // what is written meanwhile is not looked at
	defer state.Close()
	v := &verifier{db: state, head: head, keys: keys, kept: kept, told: map[string]time.Time{}}
	for _, step := range []func(context.Context) error{v.digests, v.blocks, v.strangers, v.indexes, v.texts} {
		if err := step(ctx); err != nil {
			return v.found, err
		}
	}
	return v.found, nil
}

type verifier struct {
	db    pebbledb.Reader
	head  uint64 // the newest event, or one before it
	keys  map[string]*rsa.PublicKey
	kept  Kept
	told  map[string]time.Time // since when events are kept, as digests say
	found Verification
	// signed are the links that digests say, by the number of the last event.
	signed map[uint64]link
	from   uint64 // the first event that any digest is about
	start  link   // the link before it
	last   uint64 // the last event that any digest is about
	named  uint64 // index entries that there should be
}

// digests checks the signatures, and that no digest is missing between two.
func (v *verifier) digests(ctx context.Context) error {
	v.signed = map[uint64]link{}
	v.from = 1
	var before *storedDigest
	return v.each(ctx, digestPrefix, func(key, value []byte) {
		d, err := readDigest(value)
		if err != nil {
			v.found.problem("a digest is damaged")
			return
		}
		if v.signature(d, before) {
			v.found.Digests++
			v.tells(d)
		}
		v.linked(d, before)
		if !bytes.Equal(key, digestKey(d.Own.Last)) {
			v.found.problem("digest %s does not stand in its place", d.Object)
		}
		end, err := parseLink(d.Files[0].Hash)
		start, err2 := parseLink(d.Own.Before)
		if err != nil || err2 != nil {
			v.found.problem("digest %s is damaged", d.Object)
		}
		if before == nil {
			v.from, v.start = d.Own.First, start
		}
		v.signed[d.Own.Last], v.last = end, d.Own.Last
		before = d
	})
}

func (v *verifier) signature(d, before *storedDigest) bool {
	key := v.keys[d.Fingerprint]
	if key == nil {
		v.found.problem("digest %s is signed with an unknown key %s", d.Object, d.Fingerprint)
		return false
	}
	prior := ""
	if d.BeforeSign != nil {
		prior = *d.BeforeSign
	}
	if !DigestSigned(key, d.End, d.name(), d.file, prior, d.signature) {
		v.found.problem("the signature of digest %s, of %s, is wrong", d.Object, d.End.Format(time.RFC3339))
		return false
	}
	return true
}

func (v *verifier) linked(d, before *storedDigest) {
	switch {
	case before != nil:
		sum := sha256.Sum256(before.file)
		if d.Own.First != before.Own.Last+1 || d.BeforeHash == nil || *d.BeforeHash != hex.EncodeToString(sum[:]) ||
			d.BeforeSign == nil || *d.BeforeSign != before.signature || d.Own.Before != before.Files[0].Hash {
			v.found.problem("digests are missing or were changed between %s and %s", before.Object, d.Object)
		}
	case d.BeforeHash != nil && !d.Start.Before(dayTime(day(v.kept.Oldest()))):
		v.found.problem("the digests before %s, of events since %s, are missing", d.Object, v.kept.Oldest().Format(time.DateOnly))
	}
}

// tells notes what a digest says has expired.
func (v *verifier) tells(d *storedDigest) {
	for account, text := range d.Own.Expired {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			v.found.problem("digest %s is damaged", d.Object)
		} else if at.After(v.told[account]) {
			v.told[account] = at
		}
	}
}

// mayHaveExpired reports whether events of that time may be gone.
func (v *verifier) mayHaveExpired(o *order) bool {
	return o.time().Before(v.kept.of(o.account)) || o.time().Before(v.told[o.account])
}

// blocks follows the chain from the first digest to the newest event.
func (v *verifier) blocks(ctx context.Context) error {
	chain, next := v.start, v.from
	err := eachOrder(v.db, 0, func(o *order) error {
		if o.seq != next {
			v.found.problem("events %d to %d are missing, or stand twice", min(next, o.seq), max(next, o.seq)-1)
			chain = link{}
		} else {
			chain = o.after(chain)
			if chain != o.chain {
				v.found.problem("the chain is broken at event %d of %s", o.seq, o.time().Format(time.RFC3339))
			}
		}
		chain, next = o.chain, o.seq+uint64(o.events)
		if signed, ok := v.signed[next-1]; ok && signed != o.chain {
			v.found.problem("events up to %d are not those that were signed", next-1)
		}
		v.block(o)
		return ctx.Err()
	})
	if next <= v.last {
		v.found.problem("events %d to %d are missing", next, v.last)
	}
	if next <= v.head && err == nil {
		v.found.problem("events %d to %d are missing", next, v.head)
	}
	return err
}

// block checks one block against its entry in the order.
func (v *verifier) block(o *order) {
	n := uint64(o.events)
	where := fmt.Sprintf("events %d to %d, of account %s at %s,", o.seq, o.seq+n-1, o.account, o.time().Format(time.RFC3339))
	value, closer, err := v.db.Get(eventKey(o.account, o.place))
	if errors.Is(err, pebbledb.ErrNotFound) {
		if v.mayHaveExpired(o) {
			v.found.Expired += n
			return
		}
		v.found.problem("%s were removed", where)
		return
	}
	if err != nil {
		v.found.problem("%s can't be read: %v", where, err)
		return
	}
	defer closer.Close()
	b, err := decodeBlock(value)
	if sha256.Sum256(value) != o.block || err != nil || len(b.events) != o.events {
		v.found.problem("%s were changed", where)
		return
	}
	v.found.Events += n
	if o.seq > v.last {
		v.found.Unsigned += n
	}
	v.named += uint64(len(b.keys))
	for _, k := range b.keys {
		if _, c, err := v.db.Get(o.append(indexKey(o.account, day(o.time()), k))); err != nil {
			v.found.problem("%s are not found by %s %q any more", where, k.Attribute, k.Value)
		} else {
			c.Close()
		}
	}
}

// strangers looks for blocks that are not in the order.
func (v *verifier) strangers(ctx context.Context) error {
	return v.each(ctx, eventPrefix, func(key, _ []byte) {
		p, err := placeAt(key)
		if err == nil {
			value, closer, getErr := v.db.Get(orderKey(p.seq))
			if err = getErr; err == nil {
				o, orderErr := orderEntry(orderKey(p.seq), value)
				if err = orderErr; err == nil && !bytes.Equal(eventKey(o.account, o.place), key) {
					err = errBlock
				}
				closer.Close()
			}
		}
		if err != nil {
			v.found.problem("events at %s were put in", p.time().Format(time.RFC3339))
		}
	})
}

// indexes counts the entries of the index: one more leads to an event that does
// not have what it says.
func (v *verifier) indexes(ctx context.Context) error {
	var n uint64
	err := v.each(ctx, indexPrefix, func(_, _ []byte) { n++ })
	if len(v.found.Problems) == 0 && n > v.named {
		v.found.problem("the index has %d entries that no event stands for", n-v.named)
	}
	return err
}

func (v *verifier) each(ctx context.Context, prefix string, fn func(key, value []byte)) (err error) {
	it, err := v.db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(prefix), UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
		fn(it.Key(), it.Value())
	}
	return errors.Join(it.Error(), ctx.Err())
}
