package test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// traffic counts what the page loads. Events of one request may come in any order.
type traffic struct {
	mu    sync.Mutex // guards the fields below
	sent  map[network.RequestID]string
	ended map[network.RequestID]int // bytes on the wire
}

// traffic begins to count what the page loads from now on.
func (b *tab) traffic() *traffic {
	b.t.Helper()
	n := &traffic{sent: map[network.RequestID]string{}, ended: map[network.RequestID]int{}}
	each(chromedp.Events(b.ctx, network.RequestWillBeSent), func(e network.EventRequestWillBeSent) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.sent[e.RequestID] = e.Request.URL
	})
	each(chromedp.Events(b.ctx, network.LoadingFailed), func(e network.EventLoadingFailed) { n.end(e.RequestID, 0) })
	each(chromedp.Events(b.ctx, network.LoadingFinished), func(e network.EventLoadingFinished) { n.end(e.RequestID, int(e.EncodedDataLength)) })
	b.do("count what is loaded", func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return chromedp.Void{}, err
	})
	return n
}

// each calls fn for the events of a browser until it ends.
func each[E any](events iter.Seq2[E, error], fn func(E)) {
	go func() {
		for e, err := range events {
			if err != nil {
				return
			}
			fn(e)
		}
	}()
}

func (n *traffic) end(id network.RequestID, bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended[id] = bytes
}

// loading says what is still loading; empty, where all has come.
func (n *traffic) loading() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, url := range n.sent {
		if _, ended := n.ended[id]; !ended {
			return url
		}
	}
	return ""
}

// take waits until nothing is loading, and gives how much was loaded since it
// was last asked, in KiB.
func (n *traffic) take(b *tab, what string) float64 {
	b.t.Helper()
	for late := time.Now().Add(patience); n.loading() != ""; {
		if time.Now().After(late) {
			b.fail(what, "still loading "+n.loading())
		}
		time.Sleep(20 * time.Millisecond) // between two looks at what another program does
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	total, of := 0, map[string]int{}
	for id, url := range n.sent {
		total += n.ended[id]
		of[url[strings.LastIndexByte(url, '/')+1:]] += n.ended[id]
	}
	largest := slices.SortedFunc(maps.Keys(of), func(x, y string) int { return of[y] - of[x] })
	var list strings.Builder
	for _, name := range largest[:min(len(largest), 12)] {
		fmt.Fprintf(&list, " %s %d", name, of[name]>>10)
	}
	b.t.Logf("%s: %d requests, %.1f KiB; the largest, in KiB:%s", what, len(n.sent), float64(total)/1024, list.String())
	clear(n.sent)
	return float64(total) / 1024
}

// TestConsoleFirstLoad: how much a browser loads that has never been here before.
// It counts bytes, not time, so it holds on every machine.
func TestConsoleFirstLoad(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := openTab(t, s, "about:blank")
	b.expect("status of 404")
	n := b.traffic()
	b.visit("/console/#/users")
	b.see("IAM user sign in")
	if kib := n.take(b, "the sign-in page"); kib > 450 {
		t.Errorf("the sign-in page loads %.0f KiB, want at most 450", kib)
	}
	b.asRoot()
	b.see("Create user")
	if kib := n.take(b, "the app and the users' page"); kib > 600 {
		t.Errorf("the app loads %.0f KiB, want at most 600", kib)
	}
	b.visit("/console/#/home")
	b.see("Security recommendations")
	if kib := n.take(b, "the dashboard of a browser that was here before"); kib > 100 {
		t.Errorf("a second visit loads %.0f KiB, want at most 100", kib)
	}
	b.route("#/policies")
	b.see("Create policy")
	n.take(b, "the policies' page")
}
