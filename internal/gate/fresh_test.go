package gate

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
)

// remote is a store in memory as one node reaches it: it can be cut off, and
// its feed can be held up.
type remote struct {
	*mem.Store
	lost, held atomic.Bool
	asOf       time.Time
}

func (r *remote) AsOf() time.Time { return r.asOf }

func (r *remote) Head(ctx context.Context) (store.Revision, error) {
	if r.lost.Load() {
		return 0, store.ErrUnavailable
	}
	return r.Store.Head(ctx)
}

func (r *remote) Commit(ctx context.Context, txn store.Txn) (store.Revision, error) {
	if r.lost.Load() {
		return 0, store.ErrUnavailable
	}
	return r.Store.Commit(ctx, txn)
}

func (r *remote) Watch(ctx context.Context, prefix string, from store.Revision) (store.Watcher, error) {
	w, err := r.Store.Watch(ctx, prefix, from)
	return &heldWatcher{w, r}, err
}

type heldWatcher struct {
	store.Watcher
	r *remote
}

func (w *heldWatcher) Next(ctx context.Context) ([]store.Event, error) {
	events, err := w.Watcher.Next(ctx)
	for w.r.lost.Load() || w.r.held.Load() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return events, err
}

// twoGates are gates on two nodes of one store. The operation makes a user, or
// lets the transaction fail; both gates have the keys of the first node's user.
func twoGates(t *testing.T) (a, b *fixture, ra, rb *remote) {
	t.Helper()
	st, master := mem.New(mem.Options{}), seal.NewMasterKey(rand.Reader)
	open := func(r *remote) *directory.Directory {
		return openOn(t, r, directory.Options{Master: master, Shared: true, MaxStaleness: time.Minute})
	}
	ra, rb = &remote{Store: st}, &remote{Store: st}
	dirA, dirB := open(ra), open(rb)
	create := func(dir *directory.Directory) service.Operation {
		return operation(func(ctx context.Context, c *service.Caller, _ any) (any, error) {
			return nil, dir.Update(ctx, c.Account(), func(tx *directory.Tx) error {
				if err := c.StillMay(tx); err != nil {
					return err
				}
				_, err := tx.CreateUser("made", "/", "", nil)
				return err
			})
		})
	}
	rb.held.Store(true) // so that it has not seen the user and its key
	a = serveOn(t, dirA, allowAll, create(dirA))
	return a, front(t, dirB, a.signer, create(dirB)), ra, rb
}

// A key that was just made on one node works on the other, whose feed is late.
func TestUnknownKeyCatchesUp(t *testing.T) {
	_, b, _, rb := twoGates(t)
	time.AfterFunc(50*time.Millisecond, func() { rb.held.Store(false) })
	if status, body := b.post(t, getKeyInfo); status != http.StatusOK {
		t.Errorf("with a key that this node had not seen: %d %s", status, body)
	}
}

// While it can't be known whether there is such a key, the answer is not no.
func TestUnknownKeyWithoutStore(t *testing.T) {
	_, b, _, rb := twoGates(t)
	rb.lost.Store(true)
	if status, body := b.post(t, getKeyInfo); status != http.StatusServiceUnavailable || !strings.Contains(body, "<Code>ServiceUnavailable</Code>") {
		t.Errorf("with an unknown key and no store: %d %s", status, body)
	}
}

func TestRevisionHeader(t *testing.T) {
	a, b, _, rb := twoGates(t)
	res := a.raw(t, getKeyInfo, "")
	rev := res.Header.Get("x-sallyport-revision")
	n, err := strconv.ParseUint(rev, 10, 64)
	if err != nil || n == 0 || n != uint64(a.dir.Snapshot().Rev) {
		t.Fatalf("a change answers with revision %q, want %d", rev, a.dir.Snapshot().Rev)
	}
	if got := a.raw(t, getKeyInfo, ""); got.Header.Get("x-sallyport-revision") != "" {
		t.Errorf("a change that was refused answers %d with a revision", got.StatusCode)
	}
	time.AfterFunc(50*time.Millisecond, func() { rb.held.Store(false) })
	if got := b.raw(t, getKeyInfo, rev); uint64(b.dir.Snapshot().Rev) < n {
		t.Errorf("asked for revision %s: %d, from revision %d", rev, got.StatusCode, b.dir.Snapshot().Rev)
	}
	for header, want := range map[string]int{strconv.FormatUint(n+1000, 10): http.StatusServiceUnavailable, "x": http.StatusBadRequest, "-1": http.StatusBadRequest} {
		if got := b.raw(t, getKeyInfo, header); got.StatusCode != want {
			t.Errorf("asked for revision %s: %d, want %d", header, got.StatusCode, want)
		}
	}
}

// raw sends a signed form with a revision to be seen, and gives the response.
func (f *fixture) raw(t *testing.T, form, revision string) *http.Response {
	t.Helper()
	r := f.request(t, form)
	if revision != "" {
		r.Header.Set("x-sallyport-revision", revision)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res
}

func TestWithoutStore(t *testing.T) {
	a, _, ra, _ := twoGates(t)
	ra.lost.Store(true)
	status, body := a.post(t, getKeyInfo)
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "was not made") {
		t.Errorf("a change without a store: %d %s", status, body)
	}
}

// A node that is too old refuses everyone, whoever they are, in every protocol.
func TestStaleNodeRefusesAll(t *testing.T) {
	st, master := mem.New(mem.Options{}), seal.NewMasterKey(rand.Reader)
	openOn(t, st, directory.Options{Master: master}) // makes the key ring
	old := &remote{Store: st, asOf: time.Now().Add(-2 * time.Minute)}
	old.lost.Store(true)
	g := front(t, openOn(t, old, directory.Options{Master: master, Shared: true, MaxStaleness: time.Minute}), serve(t, allowAll).signer)
	if status, body := g.post(t, getKeyInfo); status != http.StatusServiceUnavailable || !strings.Contains(body, "without it") {
		t.Errorf("signed: %d %s", status, body)
	}
	w := httptest.NewRecorder()
	g.Config.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/bucket/key", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("unsigned: %d %s", w.Code, w.Body)
	}
}
