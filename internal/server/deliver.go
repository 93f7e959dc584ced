package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service/cloudtrail"
	"github.com/sallyport-iam/sallyport/internal/trail"
	"github.com/sallyport-iam/sallyport/sigv4"
)

// DeliveryConfig says where the buckets of trails are.
type DeliveryConfig struct {
	// To is a folder, in which a bucket is a folder that exists, or the URL of an
	// S3-compatible store. Empty means that there are no buckets.
	To string
	// Every is the time between two deliveries. 0 means 5 minutes, as AWS.
	Every time.Duration
	// Region, KeyID and Secret sign requests to the store. Region's default is us-east-1.
	Region string
	KeyID  string
	Secret seal.Secret
}

const (
	deliverEvery   = 5 * time.Minute
	deliverTimeout = time.Minute // for one file
	maxDelivered   = 10_000      // events of a file
	maxDeliverSize = 32 << 20    // bytes of a file, before compression
)

// bucketStore is where trails are delivered. Put returns when the file is kept:
// whole, or not at all.
type bucketStore interface {
	check(ctx context.Context, bucket string) error
	put(ctx context.Context, bucket, key string, body []byte) error
}

// delivery delivers the events of the trails that are logging.
type delivery struct {
	cfg   DeliveryConfig
	store bucketStore // nil where there are no buckets
	trail *keptTrail

	mu    sync.Mutex // guards the field below
	state map[string]cloudtrail.Delivery
}

func newDelivery(cfg DeliveryConfig, t *keptTrail) *delivery {
	d := &delivery{cfg: cfg, trail: t, state: map[string]cloudtrail.Delivery{}}
	if d.cfg.Every == 0 {
		d.cfg.Every = deliverEvery
	}
	switch {
	case strings.HasPrefix(cfg.To, "http://"), strings.HasPrefix(cfg.To, "https://"):
		d.store = &remoteBuckets{cfg: cfg, now: t.now}
	case cfg.To != "":
		d.store = localBuckets(cfg.To)
	}
	return d
}

var errNoBuckets = errors.New("the server was started without --trail-delivery")

// bucket says why nothing can be delivered to a bucket.
func (d *delivery) bucket(ctx context.Context, name string) error {
	if d.store == nil {
		return errNoBuckets
	}
	return d.store.check(ctx, name)
}

// delivered tells how a trail's delivery goes.
func (d *delivery) delivered(account, name string) cloudtrail.Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state[account+"/"+name]
}

// run delivers now and then until ctx ends. What fails is tried again.
func (d *delivery) run(ctx context.Context) error {
	if d.store == nil {
		return nil
	}
	tick := time.NewTicker(d.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			d.round(ctx)
		}
	}
}

func (d *delivery) round(ctx context.Context) {
	snap := d.trail.dir.Snapshot()
	for _, account := range snap.Accounts() {
		trails, err := snap.AuditTrails(account)
		if err != nil {
			d.trail.slog.Error("trails not delivered", "account", account, "error", err)
			continue
		}
		for _, t := range trails {
			if t.Started.IsZero() || ctx.Err() != nil {
				continue
			}
			sent, err := d.deliver(ctx, t)
			d.note(t, sent, err)
		}
	}
}

func (d *delivery) note(t *directory.AuditTrail, sent bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := t.Account() + "/" + t.Name
	s := d.state[name]
	if sent || err != nil {
		s.Attempt = d.trail.now()
	}
	if sent {
		s.Latest = s.Attempt
	}
	s.Error = ""
	if err != nil {
		s.Error = err.Error()
		d.trail.slog.Error("trail not delivered; it is tried again", "account", t.Account(), "trail", t.Name, "error", err)
	}
	d.state[name] = s
}

// deliveryMark is how far a trail is delivered.
type deliveryMark struct {
	Seq uint64 `json:"seq"`
}

// errFull: enough for one file.
var errFull = errors.New("file is full")

// deliver delivers what a trail has not delivered yet.
func (d *delivery) deliver(ctx context.Context, t *directory.AuditTrail) (sent bool, err error) {
	name := "delivery/" + t.Account() + "/" + t.Name
	mark, err := d.mark(name, t)
	for err == nil && ctx.Err() == nil {
		var files map[string]*logFile
		var more bool
		first := mark.Seq + 1
		if files, mark.Seq, more, err = d.collect(mark.Seq, t); err != nil {
			break
		}
		for region, f := range files {
			if err = d.put(ctx, t, region, f, first, mark.Seq); err != nil {
				return sent, err
			}
			sent = true
		}
		value, jsonErr := json.Marshal(mark)
		err = errors.Join(jsonErr, d.trail.log.SetMark(name, value))
		if !more {
			break
		}
	}
	return sent, err
}

func (d *delivery) mark(name string, t *directory.AuditTrail) (deliveryMark, error) {
	var m deliveryMark
	b, err := d.trail.log.Mark(name)
	if err != nil {
		return m, err
	}
	if b != nil {
		err = json.Unmarshal(b, &m)
		return m, err
	}
	m.Seq, err = d.trail.log.BeforeTime(t.Started)
	return m, err
}

// logFile is a file in the making: CloudTrail's {"Records":[…]}.
type logFile struct {
	text   bytes.Buffer
	events int
}

func (f *logFile) add(record []byte) {
	if f.events == 0 {
		f.text.WriteString(`{"Records":[`)
	} else {
		f.text.WriteByte(',')
	}
	f.text.Write(record)
	f.events++
}

// collect gathers the events of a trail after a number, by region.
func (d *delivery) collect(from uint64, t *directory.AuditTrail) (files map[string]*logFile, last uint64, more bool, err error) {
	files = map[string]*logFile{}
	n, size := 0, 0
	last, err = d.trail.log.Since(from, func(_ uint64, account string, record []byte) error {
		if n >= maxDelivered || size >= maxDeliverSize {
			return errFull
		}
		if account != t.Account() {
			return nil
		}
		var e trail.Event
		if err := json.Unmarshal(record, &e); err != nil {
			return fmt.Errorf("event in the trail: %w", err)
		}
		if e.EventTime.Before(t.Started) || !t.Logging && e.EventTime.After(t.Stopped) || !t.Delivers(e.EventSource, e.ReadOnly) {
			return nil
		}
		region := e.AWSRegion
		if !cleanRegion(region) {
			region = t.Region
		}
		if files[region] == nil {
			files[region] = new(logFile)
		}
		files[region].add(record)
		n, size = n+1, size+len(record)
		return nil
	})
	if errors.Is(err, errFull) {
		return files, last, true, nil
	}
	return files, last, false, err
}

// cleanRegion reports whether a region can be part of a file's name.
func cleanRegion(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// put delivers a file under CloudTrail's name for it. One that is delivered again
// after a crash has the same content, or other events with it.
func (d *delivery) put(ctx context.Context, t *directory.AuditTrail, region string, f *logFile, first, last uint64) error {
	f.text.WriteString("]}")
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	z.Write(f.text.Bytes()) // into memory: neither can fail
	z.Close()
	now := d.trail.now().UTC()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%d-%d", t.Account(), t.Name, region, first, last))
	unique := base32.StdEncoding.EncodeToString(sum[:])[:16]
	key := fmt.Sprintf("AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz", t.Account(), region, now.Format("2006/01/02"),
		t.Account(), region, now.Format("20060102T1504Z"), unique)
	if t.Prefix != "" {
		key = strings.TrimSuffix(t.Prefix, "/") + "/" + key
	}
	ctx, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	return d.store.put(ctx, t.Bucket, key, body.Bytes())
}

// localBuckets are folders in a folder.
type localBuckets string

func (l localBuckets) check(_ context.Context, bucket string) error {
	info, err := os.Stat(filepath.Join(string(l), bucket))
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	return causeOf(err)
}

// causeOf is cause, nil for nil.
func causeOf(err error) error {
	if err == nil {
		return nil
	}
	return cause(err)
}

func (l localBuckets) put(_ context.Context, bucket, key string, body []byte) error {
	root, err := os.OpenRoot(filepath.Join(string(l), bucket))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.FromSlash(key)
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := root.Rename(name+".new", name); err != nil {
		return err
	}
	dir, err := root.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// remoteBuckets are those of an S3-compatible store.
type remoteBuckets struct {
	cfg DeliveryConfig
	now func() time.Time
}

func (r *remoteBuckets) check(ctx context.Context, bucket string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return r.send(ctx, http.MethodHead, "/"+bucket, nil)
}

func (r *remoteBuckets) put(ctx context.Context, bucket, key string, body []byte) error {
	return r.send(ctx, http.MethodPut, "/"+bucket+"/"+key, body)
}

func (r *remoteBuckets) send(ctx context.Context, method, path string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(r.cfg.To, "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	region := r.cfg.Region
	if region == "" {
		region = "us-east-1"
	}
	signer := sigv4.Signer{KeyID: r.cfg.KeyID, Secret: r.cfg.Secret.Reveal(), Region: region, Service: "s3"}
	sum := sha256.Sum256(body)
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	if err := signer.Sign(req, hex.EncodeToString(sum[:]), r.now()); err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return cause(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 512))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the store answers %s %s", res.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
