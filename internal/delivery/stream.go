package delivery

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// Limits of streams.
const (
	streamEvery  = time.Second // between two looks for new events
	maxBatch     = 500         // events
	maxBatchSize = 1 << 20     // bytes; one event may be larger
	firstRetry   = time.Second
	maxRetry     = 5 * time.Minute
)

// batch is what a stream delivers at once.
type batch struct {
	text   bytes.Buffer // the records, each behind a byte that the stream chooses
	events int
	first  string // id of the first event
	last   uint64 // number of the last event
}

// stream delivers all events of all accounts, in the order in which they came.
type stream struct {
	d     *Deliverer
	name  string // of its mark
	says  string // what it is, for a person
	begin byte   // stands before each record
	send  func(ctx context.Context, b *batch) error
	state Status // owned by run
}

// streams are those that the configuration wants.
func (d *Deliverer) streams() (all []*stream) {
	if d.cfg.Webhook != "" {
		w := &webhook{url: d.cfg.Webhook, client: newClient(), now: d.opts.Now, timeout: d.cfg.Timeout}
		w.key, _ = webhookKey(d.cfg.WebhookSecret) // Check has looked
		sum := sha256.Sum256([]byte(d.cfg.Webhook))
		all = append(all, &stream{d: d, name: "stream/webhook/" + hex.EncodeToString(sum[:8]), says: "webhook", begin: ',', send: w.send})
	}
	if d.cfg.Lines != nil {
		l := &lines{to: d.cfg.Lines}
		all = append(all, &stream{d: d, name: "stream/lines", says: "lines", begin: '\n', send: l.send})
	}
	return all
}

// run delivers until ctx ends. The first run of all begins with what happens
// after it.
func (s *stream) run(ctx context.Context) {
	wait := firstRetry
	for ctx.Err() == nil {
		more, err := s.step(ctx)
		if ctx.Err() != nil {
			return // not the target's fault
		}
		s.d.note(s.name, &s.state, err, "to", s.says)
		pause := streamEvery
		switch {
		case err != nil:
			pause, wait = wait, min(2*wait, maxRetry)
		case more:
			pause, wait = 0, firstRetry
		default:
			wait = firstRetry
		}
		sleep(ctx, pause)
	}
}

func sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// step delivers a batch, and reports whether there was more than fits into one.
func (s *stream) step(ctx context.Context) (more bool, err error) {
	if s.state.Seq, err = s.from(); err != nil {
		return false, err
	}
	b, more, err := s.collect(s.state.Seq)
	if err != nil || b.events == 0 {
		return false, err
	}
	if !s.state.had { // so that it is seen to be behind while the first one hangs
		s.d.note(s.name, &s.state, nil)
	}
	s.state.Attempted = s.d.opts.Now()
	if err := s.send(ctx, b); err != nil {
		return false, err
	}
	s.d.files.Add(1)
	if err := s.delivered(b.last); err != nil {
		return false, err
	}
	s.state.Seq = b.last
	return more, nil
}

// from is the last event that was delivered.
func (s *stream) from() (uint64, error) {
	b, err := s.d.opts.Log.Mark(s.name)
	if err != nil {
		return 0, err
	}
	if len(b) == 8 {
		return binary.BigEndian.Uint64(b), nil
	}
	head := s.d.opts.Log.Head()
	return head, s.delivered(head)
}

func (s *stream) delivered(upTo uint64) error {
	return s.d.opts.Log.SetMark(s.name, binary.BigEndian.AppendUint64(nil, upTo))
}

// collect gathers a batch of the events after a number.
func (s *stream) collect(from uint64) (b *batch, more bool, err error) {
	b = new(batch)
	if s.d.opts.Log.Head() == from {
		return b, false, nil
	}
	b.last, err = s.d.opts.Log.Since(from, func(_ uint64, _ string, record []byte) error {
		if b.events >= maxBatch || b.text.Len() >= maxBatchSize {
			return errFull
		}
		if b.events == 0 {
			var e trail.Event
			if err := json.Unmarshal(record, &e); err != nil {
				return fmt.Errorf("event in the trail: %w", err)
			}
			b.first = e.EventID
		}
		b.text.WriteByte(s.begin)
		b.text.Write(record)
		b.events++
		return nil
	})
	if errors.Is(err, errFull) {
		return b, true, nil
	}
	return b, false, err
}

// webhook posts batches, signed as https://www.standardwebhooks.com says.
type webhook struct {
	url    string
	key    []byte
	client *http.Client
	now    func() time.Time

	timeout time.Duration
}

// secretPrefix may stand before a webhook's secret, which is base64 then.
const secretPrefix = "whsec_"

// webhookKey is the key of a webhook's secret, at least 16 bytes.
func webhookKey(secret seal.Secret) ([]byte, error) {
	text := secret.Reveal()
	key := []byte(text)
	if rest, ok := strings.CutPrefix(text, secretPrefix); ok {
		var err error
		if key, err = base64.StdEncoding.DecodeString(rest); err != nil {
			return nil, errors.New("the webhook's secret is not base64 behind " + secretPrefix)
		}
	}
	if len(key) < 16 {
		return nil, errors.New("the webhook's secret is missing or shorter than 16 bytes")
	}
	return key, nil
}

// send posts {"Records":[…]}. Any answer of 2xx means that it is kept.
func (w *webhook) send(ctx context.Context, b *batch) error {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	body := append([]byte(`{"Records":[`), b.text.Bytes()[1:]...)
	body = append(body, "]}"...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return &targetError{"InvalidURI", errors.New("the webhook's URL is malformed")}
	}
	id, at := "msg_"+b.first+"_"+strconv.Itoa(b.events), strconv.FormatInt(w.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Sallyport")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", "v1,"+webhookSignature(w.key, id, at, body))
	res, err := w.client.Do(req)
	if err != nil {
		return unreached(err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook answers %d", res.StatusCode)
	}
	return nil
}

func webhookSignature(key []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, at)
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// lines writes a line an event.
type lines struct {
	to   io.Writer
	torn bool // the last write may have ended within a line
}

// send returns when all is written, however long that takes, or when ctx ends: a
// write to a reader that does not read can't be broken off, so it is left behind.
func (l *lines) send(ctx context.Context, b *batch) error {
	text := append(b.text.Bytes(), '\n')
	if !l.torn {
		text = text[1:]
	}
	done := make(chan error, 1)
	go func() {
		_, err := l.to.Write(text)
		done <- err
	}()
	select {
	case err := <-done:
		l.torn = err != nil
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
