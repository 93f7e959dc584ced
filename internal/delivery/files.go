package delivery

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
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// Limits of a file.
const (
	maxDelivered   = 10_000   // events
	maxDeliverSize = 32 << 20 // bytes before compression
)

// errFull: enough for one file.
var errFull = errors.New("file is full")

// deliver delivers what a trail has not delivered yet: first the digests that
// are due, of files delivered before, and then new files.
func (d *Deliverer) deliver(ctx context.Context, t *directory.AuditTrail, m *mark) error {
	t, err := d.digests(ctx, t, m)
	if m.DigestError = Code(err); err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	for more := true; more && ctx.Err() == nil; {
		var files map[string]*logFile
		var last uint64
		if files, last, more, err = d.collect(m.Seq, m.Upto, t); err != nil {
			return err
		}
		if len(files) > 0 {
			if err := d.send(ctx, t, m, files, last); err != nil {
				return err
			}
		}
		again := m.Upto != 0 // there may be more, beyond what was begun
		m.Seq, m.Upto, m.At = last, 0, time.Time{}
		if more = more || again; more || len(files) > 0 {
			if err := d.save(t, m); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// send delivers files, whose names are settled before the first of them.
func (d *Deliverer) send(ctx context.Context, t *directory.AuditTrail, m *mark, files map[string]*logFile, last uint64) error {
	if m.Upto == 0 {
		m.Upto, m.At = last, d.opts.Now().UTC()
		if err := d.save(t, m); err != nil {
			return err
		}
	}
	m.Attempted = d.opts.Now()
	for _, region := range slices.Sorted(maps.Keys(files)) {
		f := files[region]
		key := d.fileKey(t, region, m.At, m.Seq+1, last)
		text, body := f.finish()
		err := d.put(ctx, t.Bucket, key, body, nil)
		if m.Error = Code(err); err != nil {
			return err
		}
		m.Delivered = m.Attempted
		d.files.Add(1)
		if t.Validated {
			f.about.Object, f.about.Bucket, f.about.Alg, f.delivered = key, t.Bucket, hashAlgorithm, m.At
			sum := sha256.Sum256(text)
			f.about.Hash = hex.EncodeToString(sum[:])
		}
	}
	if t.Validated { // all at once, with Seq: none is counted twice
		for region, f := range files {
			if m.Files == nil {
				m.Files = map[string][]digestedFile{}
			}
			m.Files[region] = append(m.Files[region], digestedFile{f.about, f.delivered})
		}
	}
	return nil
}

func (d *Deliverer) put(ctx context.Context, bucket, key string, body []byte, metadata map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	return d.to.put(ctx, bucket, key, body, metadata)
}

// fileKey is CloudTrail's name of a log file (User Guide, "Log file name
// format"). No other node gives a file that name: each counts events for itself.
func (d *Deliverer) fileKey(t *directory.AuditTrail, region string, at time.Time, first, last uint64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%d-%d", d.id, t.ARN(), region, first, last))
	unique := base32.StdEncoding.EncodeToString(sum[:])[:16]
	return withPrefix(t, fmt.Sprintf("AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz", t.Account(), region, at.Format("2006/01/02"),
		t.Account(), region, at.Format("20060102T1504Z"), unique))
}

func withPrefix(t *directory.AuditTrail, key string) string {
	if t.Prefix == "" {
		return key
	}
	return strings.TrimSuffix(t.Prefix, "/") + "/" + key
}

// logFile is a file in the making: CloudTrail's {"Records":[…]}.
type logFile struct {
	text      bytes.Buffer
	events    int
	about     trail.LogFile
	delivered time.Time
}

func (f *logFile) add(record []byte, at time.Time) {
	if f.events == 0 {
		f.text.WriteString(`{"Records":[`)
		f.about.Oldest = at
	} else {
		f.text.WriteByte(',')
	}
	f.text.Write(record)
	f.events++
	if at.Before(f.about.Oldest) {
		f.about.Oldest = at
	}
	if at.After(f.about.Newest) {
		f.about.Newest = at
	}
}

func (f *logFile) finish() (text, body []byte) {
	f.text.WriteString("]}")
	return f.text.Bytes(), compressed(f.text.Bytes())
}

func compressed(text []byte) []byte {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	z.Write(text) // into memory: neither can fail
	z.Close()
	return body.Bytes()
}

// record is an event as selectors look at it.
type record struct {
	trail.Event
	Console string `json:"sessionCredentialFromConsole"`
}

// at is when the call was made, to the millisecond: the id holds it.
func (r *record) at() time.Time {
	if at, ok := trail.IDTime(r.EventID); ok {
		return at
	}
	return r.EventTime
}

// collect gathers the events of a trail after a number and, where upto is set,
// no later than that, by region. It tells the last event that it has looked at.
func (d *Deliverer) collect(from, upto uint64, t *directory.AuditTrail) (files map[string]*logFile, last uint64, more bool, err error) {
	files = map[string]*logFile{}
	n, size := 0, 0
	last, err = d.opts.Log.Since(from, func(seq uint64, account string, text []byte) error {
		if upto != 0 && seq > upto || upto == 0 && (n >= maxDelivered || size >= maxDeliverSize) {
			return errFull
		}
		if account != t.Account() {
			return nil
		}
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("event in the trail: %w", err)
		}
		if !t.WasLogging(r.at()) || !inRegions(t, &r) || !selected(t, &r) {
			return nil
		}
		region := regionOf(t, &r)
		if files[region] == nil {
			files[region] = new(logFile)
		}
		files[region].add(text, r.EventTime)
		n, size = n+1, size+len(text)
		return nil
	})
	if errors.Is(err, errFull) {
		return files, last, true, nil
	}
	return files, last, false, err
}

// maxChains bounds the regions of a trail that have digests of their own.
const maxChains = 40

// regionOf is the region whose files an event is in.
func regionOf(t *directory.AuditTrail, r *record) string {
	region := r.AWSRegion
	if region == "aws-global" {
		region = globalRegion
	}
	known := slices.ContainsFunc(t.Chains, func(c directory.DigestChain) bool { return c.Region == region })
	if !cleanRegion(region) || !known && len(t.Chains) >= maxChains {
		return t.Region
	}
	return region
}

// cleanRegion reports whether a region can be part of a file's name.
func cleanRegion(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
