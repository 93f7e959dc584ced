package delivery

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

const account = "111122223333"

// world is a directory with one account, a clock, and a bucket that fails on demand.
type world struct {
	t   *testing.T
	dir *directory.Directory
	key *rsa.PrivateKey
	to  *memory

	mu  sync.Mutex // guards the field below
	now time.Time
}

// memory is a bucket in memory.
type memory struct {
	mu    sync.Mutex // guards the fields below
	files map[string]file
	// fail, where set, says how the next put of a key fails: with an error before
	// or after the file is stored.
	fail func(key string) (before, after error)
}

type file struct {
	body     []byte
	metadata map[string]string
}

func (m *memory) check(context.Context, string) error { return nil }

func (m *memory) put(_ context.Context, bucket, key string, body []byte, metadata map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var before, after error
	if m.fail != nil {
		before, after = m.fail(key)
	}
	if before == nil {
		m.files[bucket+"/"+key] = file{body, metadata}
	}
	return errors.Join(before, after)
}

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// noPolicies are no policies of AWS's.
type noPolicies struct{}

func (noPolicies) Lookup(string) (*directory.ManagedPolicy, bool) { return nil, false }
func (noPolicies) Document(string) string                         { return "" }
func (noPolicies) All() []*directory.ManagedPolicy                { return nil }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, key: testKey(), to: &memory{files: map[string]file{}}, now: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)}
	var err error
	w.dir, err = directory.Open(t.Context(), mem.New(mem.Options{}), directory.Options{
		Master: seal.NewMasterKey(rand.Reader), AWSPolicies: noPolicies{}, Now: w.clock, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.dir.Close(context.WithoutCancel(t.Context())) })
	w.update(func(tx *directory.Tx) error { return tx.CreateAccount("root@localhost", "") })
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) update(fn func(tx *directory.Tx) error) {
	w.t.Helper()
	if err := w.dir.Update(w.t.Context(), account, fn); err != nil {
		w.t.Fatal(err)
	}
}

// edit changes the trail "all".
func (w *world) edit(fn func(tx *directory.Tx, t *directory.AuditTrail)) {
	w.t.Helper()
	w.update(func(tx *directory.Tx) error {
		t, err := tx.AuditTrail("us-east-1", "all")
		if err == nil {
			fn(tx, t)
		}
		return err
	})
}

// create makes the trail "all" and starts it.
func (w *world) create(fn func(t *directory.AuditTrail)) {
	w.t.Helper()
	w.update(func(tx *directory.Tx) error {
		t := &directory.AuditTrail{Name: "all", Region: "us-east-1", Bucket: "logs", Global: true}
		if fn != nil {
			fn(t)
		}
		return tx.CreateAuditTrail(t, nil)
	})
	w.start()
}

func (w *world) start() {
	w.edit(func(tx *directory.Tx, t *directory.AuditTrail) { tx.StartAuditTrail(t) })
}

// stop stops the trail "all"; it is a millisecond later then.
func (w *world) stop() {
	w.edit(func(tx *directory.Tx, t *directory.AuditTrail) { tx.StopAuditTrail(t) })
	w.pass(time.Millisecond)
}

// node is a node with a trail of its own.
type node struct {
	w   *world
	dir string
	log *trail.Log
	d   *Deliverer
	out *bytes.Buffer // its log
}

func (w *world) node() *node {
	n := &node{w: w, dir: filepath.Join(w.t.TempDir(), "trail")}
	n.open(Config{})
	w.t.Cleanup(func() { n.log.Close() })
	return n
}

func (n *node) open(cfg Config) {
	n.w.t.Helper()
	log, err := trail.Open(n.dir, trail.Options{})
	if err != nil {
		n.w.t.Fatal(err)
	}
	n.log, n.out = log, new(bytes.Buffer)
	n.d = New(cfg, Options{
		Log: log, Directory: n.w.dir, Now: n.w.clock, Rand: rand.Reader, Slog: slog.New(slog.NewTextHandler(n.out, nil)),
		Key: func(context.Context) (*rsa.PrivateKey, time.Time, error) { return n.w.key, time.Time{}, nil },
	})
	n.d.to = n.w.to
}

// again restarts the node.
func (n *node) again(cfg Config) {
	n.w.t.Helper()
	if err := n.log.Close(); err != nil {
		n.w.t.Fatal(err)
	}
	n.open(cfg)
}

// event appends an event of now to the trail.
func (n *node) event(name string, fns ...func(e *trail.Event)) {
	n.w.t.Helper()
	now := n.w.clock()
	e := &trail.Event{
		EventVersion: trail.Version, EventName: name, EventSource: "iam.amazonaws.com", AWSRegion: "us-east-1", RecipientAccountID: account,
		EventTime: now.Truncate(time.Second), EventID: seal.TimeUUID(rand.Reader, now), EventCategory: trail.CategoryAPI, ManagementEvent: true,
	}
	for _, fn := range fns {
		fn(e)
	}
	if err := n.log.Append(n.w.t.Context(), e.Entry()); err != nil {
		n.w.t.Fatal(err)
	}
}

func in(region, source string) func(*trail.Event) {
	return func(e *trail.Event) { e.AWSRegion, e.EventSource = region, source }
}

func unpack(t *testing.T, body []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// delivered are the names of the delivered events, in order.
func (w *world) delivered() (names []string) {
	w.t.Helper()
	for _, key := range slices.Sorted(maps.Keys(w.to.files)) {
		if !strings.Contains(key, "/CloudTrail/") {
			continue
		}
		var doc struct{ Records []trail.Event }
		if err := json.Unmarshal(unpack(w.t, w.to.files[key].body), &doc); err != nil {
			w.t.Fatalf("%s: %v", key, err)
		}
		for _, e := range doc.Records {
			names = append(names, e.EventName)
		}
	}
	slices.Sort(names)
	return names
}

func (w *world) want(what string, names ...string) {
	w.t.Helper()
	if diff := cmp.Diff(names, w.delivered()); diff != "" {
		w.t.Errorf("%s: delivered (-want +got):\n%s", what, diff)
	}
}

// logs are the keys of the log files of a region.
func (w *world) logs(region string) (keys []string) {
	for key := range w.to.files {
		if strings.Contains(key, "/CloudTrail/"+region+"/") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// TestPeriods has events before, during and after times of logging, some within
// one second and one interval: exactly those of the times are delivered, over
// restarts too.
func TestPeriods(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	n.event("Before")
	w.pass(10 * time.Millisecond)
	w.create(nil)
	n.event("First")
	w.pass(10 * time.Millisecond)
	w.stop()
	n.event("Stopped")
	w.pass(10 * time.Millisecond)
	w.start()
	n.event("Second")
	w.pass(10 * time.Millisecond)
	n.again(Config{})
	w.stop()
	n.event("StoppedAgain")
	n.d.Round(t.Context())
	w.want("after two stops", "First", "Second")
	n.again(Config{})
	w.pass(time.Hour)
	n.event("StillStopped")
	n.d.Round(t.Context())
	w.start()
	n.event("Third")
	w.start() // changes nothing
	n.d.Round(t.Context())
	w.want("at the end", "First", "Second", "Third")
}

func TestPeriodsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	for range maxRounds {
		w.pass(time.Second)
		w.stop()
		w.pass(time.Second)
		w.start()
	}
	trail, err := w.dir.Snapshot().AuditTrail(account, "us-east-1", "all")
	if err != nil || len(trail.Periods) > maxRounds {
		t.Fatalf("%d periods (%v), want fewer than the times of starting", len(trail.Periods), err)
	}
	first, last := trail.Periods[0], trail.Periods[len(trail.Periods)-1]
	if !trail.WasLogging(first.From) || !trail.WasLogging(last.From) || trail.WasLogging(last.From.Add(-time.Millisecond)) {
		t.Errorf("the periods %v … %v are wrong", first, last)
	}
}

const maxRounds = 300

// TestDeleted deletes a trail: what happened before is delivered, and what
// happens afterwards is not; in the end nothing is left of it.
func TestDeleted(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	w.create(nil)
	n.event("Before")
	w.pass(time.Millisecond)
	w.edit(func(tx *directory.Tx, t *directory.AuditTrail) { tx.DeleteAuditTrail(t) })
	w.pass(time.Millisecond)
	n.event("After")
	n.d.Round(t.Context())
	w.want("deleted", "Before")
	if _, err := w.dir.Snapshot().AuditTrail(account, "us-east-1", "all"); err == nil {
		t.Error("a deleted trail is still seen")
	}
	w.pass(2 * keptDeleted)
	n.d.Round(t.Context())
	if all, err := w.dir.Snapshot().DeliveredTrails(account); err != nil || len(all) != 0 {
		t.Errorf("DeliveredTrails = %v, %v; want none", all, err)
	}
}

// TestFaults fails each put in turn in both ways, also with a restart: all events
// are delivered in the end, and the chain is whole.
func TestFaults(t *testing.T) {
	for fault := range 5 {
		for _, stored := range []bool{false, true} {
			for _, restart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d stored=%v restart=%v", fault, stored, restart), func(t *testing.T) {
					faults(t, fault, stored, restart)
				})
			}
		}
	}
}

func faults(t *testing.T, fault int, stored, restart bool) {
	w := newWorld(t)
	n := w.node()
	w.create(func(t *directory.AuditTrail) { t.Validated, t.MultiRegion = true, true })
	puts := 0
	w.to.fail = func(string) (before, after error) {
		if puts++; puts-1 != fault {
			return nil, nil
		}
		if stored {
			return nil, &targetError{"SlowDown", nil}
		}
		return &targetError{"SlowDown", nil}, nil
	}
	var want []string
	for hour := range 3 {
		for i, region := range []string{"us-east-1", "eu-west-1"} {
			name := fmt.Sprintf("E%d%d", hour, i)
			n.event(name, in(region, "ec2.amazonaws.com"))
			want = append(want, name)
		}
		for range 2 {
			before := puts
			n.d.Round(t.Context())
			if s := n.d.Status(mustTrail(w)); before <= fault && puts > fault && s.Error+s.DigestError != "SlowDown" {
				t.Errorf("status after a fault: %+v, want SlowDown", s)
			}
			if restart {
				n.again(Config{})
			}
			w.pass(30 * time.Minute)
		}
	}
	for range 3 {
		n.d.Round(t.Context())
		w.pass(time.Hour)
	}
	w.want("at the end", want...)
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		_, files := w.chain(region)
		slices.Sort(files)
		if diff := cmp.Diff(w.logs(region), files); diff != "" {
			t.Errorf("%s: files (-delivered +digested):\n%s", region, diff)
		}
	}
	if s := n.d.Status(mustTrail(w)); s.Error != "" || s.DigestError != "" || s.Delivered.IsZero() || s.Digested.IsZero() {
		t.Errorf("status at the end: %+v", s)
	}
}

func mustTrail(w *world) *directory.AuditTrail {
	w.t.Helper()
	t, err := w.dir.Snapshot().AuditTrail(account, "us-east-1", "all")
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

// TestLargeBacklog has more events than a file holds.
func TestLargeBacklog(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	w.create(nil)
	const events = maxDelivered + 5
	for i := range events {
		now := w.clock()
		e := &trail.Event{EventName: fmt.Sprint("E", i), RecipientAccountID: account, EventTime: now, EventID: seal.TimeUUID(rand.Reader, now), EventCategory: trail.CategoryAPI}
		if err := n.log.Note(e.Entry()); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.log.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.d.Round(t.Context())
	if got := len(w.delivered()); got != events || len(w.to.files) != 2 {
		t.Errorf("delivered %d events in %d files, want %d in 2", got, len(w.to.files), events)
	}
}
