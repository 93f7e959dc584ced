// Package delivery brings the events of the trail to where others read them:
// log files and digests in the buckets of CloudTrail's trails, batches for a
// webhook, and lines for a log shipper.
//
// Each target is read up to on its own, and how far is kept in the trail: what
// fails is tried again, a restart goes on where the last one stopped, and each
// event comes at least once. A target that is slow or dead holds up nothing but
// itself.
package delivery

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// Config says where events are delivered. Its zero value delivers nothing.
type Config struct {
	// To is a folder, in which a bucket is a folder that exists, or the URL of an
	// S3-compatible store. Empty means that there are no buckets.
	To string
	// Every is the time between two deliveries. 0 means 5 minutes, as AWS.
	Every time.Duration
	// DigestEvery is the time that a digest is about. 0 means an hour, as AWS.
	DigestEvery time.Duration
	// Region, KeyID and Secret sign requests to the store. Region's default is us-east-1.
	Region string
	KeyID  string
	Secret seal.Secret
	// Timeout bounds the delivery of one file or batch. 0 means a minute.
	Timeout time.Duration
	// Webhook is the URL that all events of all accounts are posted to, and
	// WebhookSecret signs them. Empty means none.
	Webhook       string
	WebhookSecret seal.Secret
	// Lines is where all events of all accounts are written, a line each. Nil
	// means nowhere.
	Lines io.Writer
}

// Check says what is wrong with the configuration, in a line for a person.
func (c *Config) Check() error {
	if c.Webhook == "" {
		return nil
	}
	if !isURL(c.Webhook) {
		return errors.New("the webhook is not a URL that begins with https:// or http://")
	}
	if _, err := webhookKey(c.WebhookSecret); err != nil {
		return err
	}
	return nil
}

func isURL(s string) bool { return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") }

// Options are what deliveries need besides.
type Options struct {
	Log       *trail.Log
	Directory *directory.Directory
	// Key signs digests.
	Key  func(ctx context.Context) (*rsa.PrivateKey, time.Time, error)
	Now  func() time.Time
	Rand io.Reader
	Slog *slog.Logger
}

const (
	deliverEvery   = 5 * time.Minute
	digestEvery    = time.Hour
	deliverTimeout = time.Minute
	checkTimeout   = 10 * time.Second
	atOnce         = 4              // trails that are delivered at the same time
	keptDeleted    = 24 * time.Hour // that a deleted trail is still delivered
)

// Deliverer delivers. Its methods may be called by many goroutines.
type Deliverer struct {
	cfg  Config
	opts Options
	to   buckets // nil where there are none
	id   string  // of this node, for claims; set by Round before it delivers

	files, failures atomic.Uint64

	mu    sync.Mutex // guards the field below
	state map[string]*Status
}

// buckets is where trails are delivered. put returns when the file is kept:
// whole, or not at all. Metadata stands beside the file.
type buckets interface {
	check(ctx context.Context, bucket string) error
	put(ctx context.Context, bucket, key string, body []byte, metadata map[string]string) error
}

// Status is how a delivery goes. It survives restarts.
type Status struct {
	Delivered    time.Time `json:"delivered,omitzero"` // the latest file
	Attempted    time.Time `json:"attempted,omitzero"`
	Error        string    `json:"error,omitempty"`     // of the latest attempt
	Digested     time.Time `json:"digested,omitzero"`   // the latest digest
	DigestError  string    `json:"digestErr,omitempty"` // of the latest attempt
	Seq          uint64    `json:"-"`                   // of the last event that was delivered or passed over
	failing, had bool
}

// New makes a deliverer, which does nothing before Run.
func New(cfg Config, opts Options) *Deliverer {
	d := &Deliverer{cfg: cfg, opts: opts, state: map[string]*Status{}}
	for _, p := range []struct {
		value *time.Duration
		usual time.Duration
	}{{&d.cfg.Every, deliverEvery}, {&d.cfg.DigestEvery, digestEvery}, {&d.cfg.Timeout, deliverTimeout}} {
		if *p.value == 0 {
			*p.value = p.usual
		}
	}
	switch {
	case isURL(cfg.To):
		d.to = newRemote(&d.cfg, opts.Now)
	case cfg.To != "":
		d.to = localBuckets(cfg.To)
	}
	return d
}

var errNoBuckets = errors.New("the server was started without --trail-delivery")

// Bucket says why nothing can be delivered to a bucket, or nil.
func (d *Deliverer) Bucket(ctx context.Context, name string) error {
	if d.to == nil {
		return errNoBuckets
	}
	ctx, cancel := context.WithTimeout(ctx, min(checkTimeout, d.cfg.Timeout))
	defer cancel()
	return d.to.check(ctx, name)
}

// Status tells how a trail's delivery goes.
func (d *Deliverer) Status(t *directory.AuditTrail) Status {
	d.mu.Lock()
	s := d.state[trailName(t)]
	d.mu.Unlock()
	if s == nil { // not attempted since the start
		if m, err := d.mark(t); err == nil {
			return m.Status
		}
		return Status{}
	}
	return *s
}

// Counts are the log files and batches delivered and the attempts failed since
// the start, how many targets failed the last time, and how many events the
// slowest has before it.
func (d *Deliverer) Counts() (files, failures, failing, behind uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	head := d.opts.Log.Head()
	for _, s := range d.state {
		if s.failing {
			failing++
		}
		if s.Seq < head {
			behind = max(behind, head-s.Seq)
		}
	}
	return d.files.Load(), d.failures.Load(), failing, behind
}

// Run delivers until ctx ends. What fails is tried again.
func (d *Deliverer) Run(ctx context.Context) error {
	var group errgroup.Group
	if d.to != nil {
		group.Go(func() error { d.runTrails(ctx); return nil })
	}
	for _, s := range d.streams() {
		group.Go(func() error { s.run(ctx); return nil })
	}
	return group.Wait()
}

func (d *Deliverer) runTrails(ctx context.Context) {
	tick := time.NewTicker(d.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.Round(ctx)
		}
	}
}

// nodeMark is the name of the mark that holds the node's id. It stays the same over
// restarts, so that a node goes on with what it has claimed.
const nodeMark = "delivery-node"

func (d *Deliverer) identify() error {
	if d.id != "" {
		return nil
	}
	b, err := d.opts.Log.Mark(nodeMark)
	if err == nil && b == nil {
		b = []byte(seal.TimeUUID(d.opts.Rand, d.opts.Now()))
		err = d.opts.Log.SetMark(nodeMark, b)
	}
	if err == nil {
		d.id = string(b)
	}
	return err
}

// Round delivers all trails once. One call at a time.
func (d *Deliverer) Round(ctx context.Context) {
	if err := d.identify(); err != nil {
		d.opts.Slog.Error("trails not delivered", "error", err)
		return
	}
	snap := d.opts.Directory.Snapshot()
	var group errgroup.Group
	group.SetLimit(atOnce)
	known := map[string]bool{}
	for _, account := range snap.Accounts() {
		trails, err := snap.DeliveredTrails(account)
		if err != nil {
			d.opts.Slog.Error("trails not delivered", "account", account, "error", err)
			continue
		}
		for _, t := range trails {
			if known[trailName(t)] = true; len(t.Periods) > 0 && ctx.Err() == nil {
				group.Go(func() error { d.trail(ctx, t); return nil })
			}
		}
	}
	group.Wait() // none of them returns an error
	d.forget(known)
}

// forget drops what is known of trails that are gone.
func (d *Deliverer) forget(known map[string]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.state {
		if strings.HasPrefix(name, trailMarks) && !known[name] {
			delete(d.state, name)
		}
	}
}

// trail delivers a trail, notes how it went, and drops it at its end.
func (d *Deliverer) trail(ctx context.Context, t *directory.AuditTrail) {
	m, err := d.mark(t)
	if err == nil {
		err = d.deliver(ctx, t, &m)
	}
	if ctx.Err() != nil {
		return // not the target's fault
	}
	d.note(trailName(t), &m.Status, err, "account", t.Account(), "trail", t.Name)
	if err := d.save(t, &m); err != nil {
		d.opts.Slog.Error("trail not delivered", "account", t.Account(), "trail", t.Name, "error", err)
	}
	if !t.Deleted.IsZero() && d.opts.Now().Sub(t.Deleted) > keptDeleted {
		d.drop(ctx, t)
	}
}

func (d *Deliverer) drop(ctx context.Context, t *directory.AuditTrail) {
	err := d.opts.Directory.Update(ctx, t.Account(), func(tx *directory.Tx) error {
		now, err := tx.DeliveredTrail(t.Region, t.Name)
		if err == nil && now.Deleted.Equal(t.Deleted) {
			tx.DropAuditTrail(now)
		}
		return nil // made anew, or dropped by another node
	})
	if err != nil {
		d.opts.Slog.Error("deleted trail not dropped", "account", t.Account(), "trail", t.Name, "error", err)
	}
}

// note keeps how an attempt went, and says so where that has changed or failed.
func (d *Deliverer) note(name string, s *Status, err error, what ...any) {
	d.mu.Lock()
	before := d.state[name]
	s.failing, s.had = err != nil, true
	kept := *s
	d.state[name] = &kept
	d.mu.Unlock()
	switch {
	case err != nil:
		d.failures.Add(1)
		d.opts.Slog.Error("events not delivered; it is tried again", append(what, "error", err)...)
	case before != nil && before.failing:
		d.opts.Slog.Info("events are delivered again", what...)
	}
}

// trailMarks is the beginning of the names of trails' marks.
const trailMarks = "delivery/"

func trailName(t *directory.AuditTrail) string {
	return trailMarks + t.Account() + "/" + t.Region + "/" + t.Name
}

// mark is how far a trail is delivered by this node.
type mark struct {
	Seq uint64 `json:"seq"`
	// Upto, where set, is the last event of the files that are being delivered,
	// and At the time in their names: after a crash they are made again as they
	// were.
	Upto uint64    `json:"upto,omitempty"`
	At   time.Time `json:"at,omitzero"`
	// Files are those that no digest is about yet, by region.
	Files map[string][]digestedFile `json:"files,omitempty"`
	Status
}

func (d *Deliverer) mark(t *directory.AuditTrail) (m mark, err error) {
	b, err := d.opts.Log.Mark(trailName(t))
	if err != nil {
		return m, err
	}
	if b == nil && len(t.Periods) == 0 {
		return m, nil // never started
	}
	if b == nil {
		m.Seq, err = d.opts.Log.BeforeTime(t.Periods[0].From)
		m.Status.Seq = m.Seq
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("mark of trail %s: %w", t.ARN(), err)
	}
	m.Status.Seq = m.Seq
	return m, nil
}

func (d *Deliverer) save(t *directory.AuditTrail, m *mark) error {
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	m.Status.Seq = m.Seq
	return d.opts.Log.SetMark(trailName(t), value)
}
