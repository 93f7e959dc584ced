package directory

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Node is what a node on a shared store tells the others, every two seconds and
// whenever one of them waits for it.
type Node struct {
	Format  int       `json:"v"`
	Name    string    `json:"name,omitempty"` // for people
	Started time.Time `json:"started"`
	Beat    time.Time `json:"beat"`    // when it was written, by the node's own clock
	Applied Revision  `json:"applied"` // all changes up to it are in effect there
}

const (
	beatEvery = 2 * time.Second
	// liveFor is how long a node is waited for after its record last changed:
	// three heartbeats, by the clock of the node that waits.
	liveFor = 3 * beatEvery
	// deadAfter is when the record of a node that is gone is removed.
	deadAfter = 24 * time.Hour
)

// nodes are the nodes on the store, this one among them.
type nodes struct {
	id      string // of this one, new at each start
	started time.Time
	name    string
	soon    chan struct{} // holds a value when the record is to be written at once

	mu    sync.Mutex           // guards the field below
	known map[string]nodeState // by id
}

// nodeState is what was last seen of a node.
type nodeState struct {
	rev     Revision  // of its record
	at      time.Time // when that was seen here
	applied Revision
	name    string
}

func (n *nodes) init(opts Options) {
	var id [8]byte
	if opts.Shared {
		if _, err := io.ReadFull(opts.Rand, id[:]); err != nil {
			panic("directory: no randomness: " + err.Error())
		}
	}
	n.id, n.name, n.started = hex.EncodeToString(id[:]), opts.NodeName, wholeSeconds(opts.Now())
	n.soon = make(chan struct{}, 1)
	n.known = map[string]nodeState{}
}

func nodeKey(id string) string { return recordKey(deployment, kindNode, id) }

// changed notes a change of a node's record.
func (n *nodes) changed(id string, c store.Change, rev Revision, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.Deleted {
		delete(n.known, id)
		return
	}
	n.note(id, c.Value, rev, now)
}

// note is called with mu held. A record that can't be read confirms nothing.
func (n *nodes) note(id string, value []byte, rev Revision, now time.Time) {
	var rec Node
	_ = json.Unmarshal(value, &rec)
	n.known[id] = nodeState{rev: rev, at: now, applied: rec.Applied, name: rec.Name}
}

// nodesLoaded takes the nodes from a snapshot that was scanned. Those whose
// records have changed since they were last seen are alive as of now.
func (d *Directory) nodesLoaded(s *Snapshot) {
	n, now := &d.nodes, d.opts.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.known
	n.known = map[string]nodeState{}
	s.scan(nodeKey(""), "", func(id string, r *Record) bool {
		if was, ok := before[id]; ok && was.rev == r.Rev {
			n.known[id] = was
		} else {
			n.note(id, r.Value, r.Rev, now)
		}
		return true
	})
}

// answerSoon has the node's record written at once.
func (n *nodes) answerSoon() {
	select {
	case n.soon <- struct{}{}:
	default:
	}
}

// announce writes this node's record and returns when the node has seen it:
// whoever changes something later knows this node, and what was changed before
// is in effect here.
func (d *Directory) announce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	rev, err := d.writeNode(ctx)
	if err == nil {
		err = d.wait(ctx, rev)
	}
	if err != nil {
		d.opts.Log.Warn("the other nodes do not know of this one yet", "error", err)
	}
}

func (d *Directory) writeNode(ctx context.Context) (Revision, error) {
	n := &d.nodes
	rec := Node{Format: recordFormat, Name: n.name, Started: n.started, Beat: d.opts.Now().UTC(), Applied: d.Snapshot().Rev}
	return d.store.Commit(ctx, store.Txn{Do: []store.Op{{Key: nodeKey(n.id), Value: encode(rec)}}})
}

// keepNode writes the node's record until ctx ends, and then takes it away. A
// node that does not get the feed is not waited for: it doesn't write.
func (d *Directory) keepNode(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.removeDead(ctx)
		case <-d.nodes.soon:
		case <-ctx.Done():
			d.leave(context.WithoutCancel(ctx))
			return
		}
		if d.opts.Now().Sub(d.Fresh()) < liveFor {
			d.beat(ctx)
		}
	}
}

func (d *Directory) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if _, err := d.writeNode(ctx); err != nil {
		d.opts.Log.Debug("heartbeat not written", "error", err)
	}
}

// leave takes the node's record away, so that nobody waits for it.
func (d *Directory) leave(ctx context.Context) {
	if !d.Reachable() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if _, err := d.store.Commit(ctx, store.Txn{Do: []store.Op{{Key: nodeKey(d.nodes.id), Delete: true}}}); err != nil {
		d.opts.Log.Debug("this node's record is left behind", "error", err)
	}
}

// removeDead removes the records of nodes that have been silent for a day.
func (d *Directory) removeDead(ctx context.Context) {
	for id, rev := range d.nodes.dead(d.opts.Now()) {
		key := nodeKey(id)
		txn := store.Txn{If: []store.Cond{{Key: key, Rev: rev}}, Do: []store.Op{{Key: key, Delete: true}}}
		if _, err := d.store.Commit(ctx, txn); err == nil {
			d.opts.Log.Info("the record of a node that is gone is removed", "node", id)
		}
	}
}

// dead gives the nodes that have been silent for a day, with their records' revisions.
func (n *nodes) dead(now time.Time) map[string]Revision {
	n.mu.Lock()
	defer n.mu.Unlock()
	var dead map[string]Revision
	for id, s := range n.known {
		if id != n.id && now.Sub(s.at) > deadAfter {
			if dead == nil {
				dead = map[string]Revision{}
			}
			dead[id] = s.rev
		}
	}
	return dead
}

// Nodes counts the nodes on a shared store that are alive, this one included.
func (d *Directory) Nodes() int {
	n, now := &d.nodes, d.opts.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	live := 0
	for id, s := range n.known {
		if id == n.id || now.Sub(s.at) < liveFor {
			live++
		}
	}
	return live
}

// label is how a node is called in a message.
func (s nodeState) label(id string) string { return strings.TrimSpace(s.name + " " + id) }

// OfNode reports whether a key is that of a node's record, which means nothing
// in another store, and OfRing whether it is that of the key ring.
func OfNode(key string) bool { return strings.HasPrefix(key, nodeKey("")) }

// OfRing: see OfNode.
func OfRing(key string) bool { return key == ringKey }
