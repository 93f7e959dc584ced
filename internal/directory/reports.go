package directory

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
)

// ReportKind says what a report is about.
type ReportKind string

// The kinds of reports.
const (
	CredentialReport   ReportKind = "credentials"
	AccessReport       ReportKind = "access"       // service last accessed details
	OrganizationReport ReportKind = "organization" // the same for an organization
	DeletionReport     ReportKind = "deletion"     // of a service-linked role
	credentialsID                 = "credentials"  // the id of the credential report, of which an account has one
	reportPartSize                = 256 << 10      // bytes of compressed content in a record
	jobsKept                      = 500            // reports of an account, besides the credential report
	jobsDroppedAtOnce             = 4
	jobParts                      = 8                // the most parts of a report that is not the credential report
	reportGivenUp                 = 10 * time.Minute // after which a report in the making is taken for lost
	CredentialsFor                = 4 * time.Hour    // how long a credential report lasts
	jobsFor                       = 24 * time.Hour   // how long any other does
	reportContentLimit int64      = 1 << 30          // bytes of content that are read back
)

// Report is a report that has been asked for. Its content stands apart.
type Report struct {
	Format  int        `json:"v"`
	ID      string     `json:"id"`
	Kind    ReportKind `json:"kind"`
	By      string     `json:"by,omitempty"`     // unique id of who asked for it
	About   string     `json:"about,omitempty"`  // an ARN, or an organization's path
	Detail  string     `json:"detail,omitempty"` // what else was asked for
	Started time.Time  `json:"started"`          // when it was asked for
	Done    time.Time  `json:"done,omitzero"`    // when it was ready, or given up
	Failed  string     `json:"failed,omitempty"` // why it was given up
	Parts   int        `json:"parts,omitempty"`  // records of the content
}

// ErrReportTooLarge: the content of a report is larger than can be kept.
var ErrReportTooLarge = errors.New("report is too large")

func reportPart(account, id string, n int) string {
	return recordKey(account, kindReportPart, id, fmt.Sprintf("%05d", n))
}

// Credentials is the account's credential report, or NotFound.
func (s *Snapshot) Credentials(account string) (*Report, error) {
	return s.report(account, CredentialReport, credentialsID)
}

// Report is the account's report of that kind and id, while it lasts, or NotFound.
func (s *Snapshot) Report(account string, kind ReportKind, id string) (*Report, error) {
	r, err := s.report(account, kind, id)
	if err == nil && s.d.opts.Now().Sub(r.Started) >= jobsFor {
		return nil, &NotFound{Kind: KindReport, Name: id}
	}
	return r, err
}

func (s *Snapshot) report(account string, kind ReportKind, id string) (*Report, error) {
	rec := s.get(account, kindReport, id)
	if rec == nil {
		return nil, &NotFound{Kind: KindReport, Name: id}
	}
	r, err := decode[Report](rec)
	if err == nil && r.Kind != kind {
		return nil, &NotFound{Kind: KindReport, Name: id}
	}
	return r, err
}

// ReportContent is the content of a report that is done.
func (s *Snapshot) ReportContent(account string, r *Report) ([]byte, error) {
	var parts []io.Reader
	for n := range r.Parts {
		rec := s.look(reportPart(account, r.ID, n))
		if rec == nil {
			return nil, fmt.Errorf("part %d of report %s is missing", n, r.ID)
		}
		parts = append(parts, bytes.NewReader(rec.Value))
	}
	z, err := gzip.NewReader(io.MultiReader(parts...))
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", r.ID, err)
	}
	return io.ReadAll(io.LimitReader(z, reportContentLimit))
}

// Current reports whether a credential report is there and not too old.
func (r *Report) Current(now time.Time) bool {
	return !r.Done.IsZero() && r.Failed == "" && now.Sub(r.Done) < CredentialsFor
}

// InProgress reports whether a report is being made, as far as can be known.
func (r *Report) InProgress(now time.Time) bool {
	return r.Done.IsZero() && now.Sub(r.Started) < reportGivenUp
}

// StartCredentials begins the account's credential report anew, unless it is
// current or being made. started says which.
func (tx *Tx) StartCredentials() (r *Report, started bool, err error) {
	r = &Report{Format: recordFormat, ID: credentialsID, Kind: CredentialReport}
	key := recordKey(tx.account, kindReport, credentialsID)
	if rec := tx.read(key); rec != nil {
		old, err := decode[Report](rec)
		if err != nil {
			return nil, false, err
		}
		if old.Current(tx.now) || old.InProgress(tx.now) {
			return old, false, nil
		}
		r.Parts = old.Parts // they stand until they are replaced
	}
	r.Started = tx.now
	tx.write(store.Op{Key: key, Value: encode(r)})
	return r, true, nil
}

// StartReport begins a report, whose id it gives. What has expired, or is one
// too many, goes.
func (tx *Tx) StartReport(r Report) (*Report, error) {
	if err := tx.dropReports(); err != nil {
		return nil, err
	}
	r.Format, r.ID, r.Started = recordFormat, seal.UUID(tx.snap.d.opts.Rand), tx.now
	tx.write(store.Op{Key: recordKey(tx.account, kindReport, r.ID), Value: encode(&r)})
	return &r, nil
}

// dropReports deletes a few reports that have expired, and the oldest where
// there are too many.
func (tx *Tx) dropReports() error {
	var old []*Report
	var oldest *Report
	n := 0
	var failed error
	tx.snap.scan(recordKey(tx.account, kindReport, ""), "", func(id string, rec *Record) bool {
		if id == credentialsID {
			return true
		}
		var r *Report
		if r, failed = decode[Report](rec); failed != nil {
			return false
		}
		n++
		if tx.now.Sub(r.Started) >= jobsFor && len(old) < jobsDroppedAtOnce {
			old = append(old, r)
		}
		if oldest == nil || r.Started.Before(oldest.Started) {
			oldest = r
		}
		return true
	})
	if failed != nil {
		return failed
	}
	if n >= jobsKept && len(old) == 0 {
		old = append(old, oldest)
	}
	for _, r := range old {
		tx.write(store.Op{Key: recordKey(tx.account, kindReport, r.ID), Delete: true})
		for i := range r.Parts {
			tx.write(store.Op{Key: reportPart(tx.account, r.ID, i), Delete: true})
		}
	}
	return nil
}

// EndReport says that a report is done, in the transaction that does it.
func (tx *Tx) EndReport(r *Report, failed string) {
	r.Done, r.Failed = tx.now, failed
	tx.write(store.Op{Key: recordKey(tx.account, kindReport, r.ID), Value: encode(r)})
}

// MakeReport has the content of a report that was begun written, in the
// background, from the newest state. It goes on until it is done or the
// directory is closed.
func (d *Directory) MakeReport(account string, r *Report, content func(s *Snapshot, w io.Writer) error) {
	d.background(func(ctx context.Context) {
		if err := d.makeReport(ctx, account, r, content); err != nil && ctx.Err() == nil {
			d.opts.Log.Error("report not made", "account", account, "kind", r.Kind, "report", r.ID, "error", err)
		}
	})
}

func (d *Directory) makeReport(ctx context.Context, account string, r *Report, content func(s *Snapshot, w io.Writer) error) error {
	w := &reportWriter{ctx: ctx, d: d, account: account, id: r.ID, most: jobParts}
	if r.Kind == CredentialReport {
		w.most = 1 << 16
	}
	z := gzip.NewWriter(w)
	err := content(d.Snapshot(), z)
	if err == nil {
		err = errors.Join(z.Close(), w.flush())
	}
	if err != nil && ctx.Err() != nil {
		return err
	}
	return errors.Join(err, d.Update(ctx, account, func(tx *Tx) error {
		rec := tx.read(recordKey(account, kindReport, r.ID))
		if rec == nil {
			return nil // dropped meanwhile
		}
		done, failed := *r, ""
		if err != nil {
			failed = "The report could not be made."
		}
		for n := w.parts; n < min(r.Parts, w.parts+store.MaxOps/2); n++ {
			tx.write(store.Op{Key: reportPart(account, r.ID, n), Delete: true})
		}
		done.Parts = w.parts
		tx.EndReport(&done, failed)
		return nil
	}))
}

// reportWriter stores what is written to it in parts.
type reportWriter struct {
	ctx     context.Context // of the one report that is written
	d       *Directory
	account string
	id      string
	buf     []byte
	parts   int
	most    int
}

func (w *reportWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), reportPartSize-len(w.buf))
		w.buf, rest = append(w.buf, rest[:n]...), rest[n:]
		if len(w.buf) == reportPartSize {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

func (w *reportWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if w.parts == w.most {
		return ErrReportTooLarge
	}
	value := bytes.Clone(w.buf)
	err := w.d.Update(w.ctx, w.account, func(tx *Tx) error {
		// Whoever drops the report meanwhile drops this part with it, or hears of it.
		if tx.read(recordKey(w.account, kindReport, w.id)) == nil {
			return &NotFound{Kind: KindReport, Name: w.id}
		}
		tx.write(store.Op{Key: reportPart(w.account, w.id, w.parts), Value: value})
		return nil
	})
	w.buf = w.buf[:0]
	w.parts++
	return err
}

func (c *Checker) checkReport(rec *Record, account, id string) {
	r := new(Report)
	if !c.readable(rec, r) {
		return
	}
	if r.ID != id {
		c.wrong(rec.Key, "says to be report %q", r.ID)
	}
	for n := range r.Parts {
		if key := reportPart(account, id, n); !r.Done.IsZero() && c.records[key] == nil {
			c.wrong(rec.Key, "there is no record %s of its content", key)
		}
	}
}

func (c *Checker) checkReportPart(rec *Record, account, rest string) {
	id, _, _ := strings.Cut(rest, "/")
	if _, ok := find[Report](c, recordKey(account, kindReport, id)); !ok {
		c.wrong(rec.Key, "there is no report %s that it is a part of", id)
	}
}
