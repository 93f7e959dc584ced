package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// confirmRequest is the record by which a change asks all nodes to say that
// they have applied it.
type confirmRequest struct {
	Format int    `json:"v"`
	Node   string `json:"node"` // the one that waits
}

func confirmKey(account string) string { return account + "/" + kindConfirm }

// confirmWithin bounds how long a change waits for nodes that are alive.
const confirmWithin = 15 * time.Second

// NotConfirmed: the change is stored and in effect here, but these nodes, which
// are alive, have not said in time that it is in effect there.
type NotConfirmed struct{ Nodes []string }

func (e *NotConfirmed) Error() string {
	return fmt.Sprintf("stored, but not confirmed within %v by %s", confirmWithin, strings.Join(e.Nodes, ", "))
}

// confirms reports whether the transaction waits for all nodes: it takes
// something away, or may. Which changes those are isn't left to each operation
// to say: all are that delete or replace a record.
func (tx *Tx) confirms() bool {
	o := &tx.snap.d.opts
	return o.Shared && o.ConfirmRevocations && tx.replaces && tx.account != deployment
}

func (n *nodes) confirmRequest() []byte {
	return encode(confirmRequest{Format: recordFormat, Node: n.id})
}

// asked reports whether it is this node that is to confirm.
func (n *nodes) asked(value []byte) bool {
	var c confirmRequest
	return json.Unmarshal(value, &c) != nil || c.Node != n.id
}

// confirm returns when all other nodes that are alive have applied rev. One
// whose record hasn't changed for liveFor is not waited for; what it may still
// answer is bounded by its own MaxStaleness.
func (d *Directory) confirm(ctx context.Context, rev Revision) error {
	ctx, cancel := context.WithTimeout(ctx, confirmWithin)
	defer cancel()
	for {
		wake, err := d.published()
		if err != nil {
			return err
		}
		missing, until := d.nodes.missing(rev, d.opts.Now())
		if len(missing) == 0 {
			return nil
		}
		timer := time.NewTimer(until)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return &NotConfirmed{missing}
		}
		timer.Stop()
	}
}

// missing are the nodes that are alive and have not applied rev, and how long
// it is until the first of them counts as gone.
func (n *nodes) missing(rev Revision, now time.Time) (labels []string, until time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	until = liveFor
	for id, s := range n.known {
		silent := now.Sub(s.at)
		if id == n.id || s.applied >= rev || silent >= liveFor {
			continue
		}
		labels = append(labels, s.label(id))
		until = min(until, liveFor-silent)
	}
	slices.Sort(labels)
	return labels, until
}
