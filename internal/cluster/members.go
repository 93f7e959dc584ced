package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Member is a member as the cluster knows it.
type Member struct {
	ID      uint64
	Name    string // empty until it has started for the first time
	URL     string // where the others reach it
	Leader  bool
	Asked   bool // the one that was asked
	Learner bool // it does not count in votes
}

// Members asks the member whose folder is dir, which must be running.
func Members(ctx context.Context, dir string) ([]Member, error) {
	c, err := dial(dir)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return members(ctx, c)
}

func dial(dir string) (*clientv3.Client, error) {
	if _, err := os.Stat(socket(dir)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cluster: no member runs in %s", dir)
	} else if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint(dir)}, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return c, nil
}

func members(ctx context.Context, c *clientv3.Client) ([]Member, error) {
	list, err := c.MemberList(ctx)
	if err != nil {
		return nil, fmt.Errorf("cluster: list members: %w", err)
	}
	status, err := c.Status(ctx, c.Endpoints()[0])
	if err != nil {
		return nil, fmt.Errorf("cluster: ask the member: %w", err)
	}
	var ms []Member
	for _, m := range list.Members {
		ms = append(ms, Member{
			ID: m.ID, Name: m.Name, URL: strings.Join(m.PeerURLs, ","),
			Leader: m.ID == status.Leader, Asked: m.ID == status.Header.MemberId, Learner: m.IsLearner,
		})
	}
	slices.SortFunc(ms, func(a, b Member) int { return strings.Compare(a.Name+"\xff"+a.URL, b.Name+"\xff"+b.URL) })
	return ms, nil
}

// Replace gives the place of the member that has the new one's name to the new
// one, whose folder is still empty: it may have another URL, or the same. It
// asks the living member whose folder is dir. Then the new one is to be started
// with Config.Join. What it returns are the members for its Config.Peers.
//
// A member that was removed before by a Replace that failed half-way is added;
// doing all of it again changes nothing. The cluster refuses what would leave it
// without a majority.
func Replace(ctx context.Context, dir string, fresh Peer) (Peers, error) {
	c, err := dial(dir)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ms, err := members(ctx, c)
	if err != nil {
		return nil, err
	}
	old, err := replaced(ms, fresh)
	if err != nil {
		return nil, err
	}
	if old.ID != 0 {
		err := patiently(ctx, rpctypes.ErrMemberNotFound, func(ctx context.Context) error {
			_, err := c.MemberRemove(ctx, old.ID)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cluster: remove member %s: %w", fresh.Name, err)
		}
	}
	if !waiting(ms, fresh) {
		err := patiently(ctx, rpctypes.ErrPeerURLExist, func(ctx context.Context) error {
			_, err := c.MemberAdd(ctx, []string{fresh.URL})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cluster: add member %s: %w", fresh.Name, err)
		}
	}
	if ms, err = members(ctx, c); err != nil {
		return nil, err
	}
	return peersOf(ms, fresh), nil
}

// healthWait is how long a change of members is tried: the cluster takes none
// for five seconds after members lost or found each other.
const healthWait = 20 * time.Second

// attemptWait is how long one attempt waits: an answer is lost with the leader
// that was asked.
const attemptWait = 5 * time.Second

// patiently calls change until the cluster is healthy enough for it. done is
// what a second attempt is told where the first was carried out.
func patiently(ctx context.Context, done error, change func(context.Context) error) error {
	late := time.After(2 * healthWait)
	lost := false
	for {
		attempt, cancel := context.WithTimeout(ctx, attemptWait)
		err := change(attempt)
		silent := err != nil && ctx.Err() == nil && (attempt.Err() != nil || unanswered(err))
		cancel()
		switch {
		case lost && errors.Is(err, done):
			return nil
		case silent:
			lost = true
		case !errors.Is(err, rpctypes.ErrUnhealthy):
			return err
		}
		select {
		case <-time.After(healthWait / 40):
		case <-late:
			return fmt.Errorf("%w: its living members would be no majority, or have no stable connection", err)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// unanswered reports whether an error says that nobody knows what came of it:
// the leader was lost meanwhile.
func unanswered(err error) bool {
	for _, known := range []error{
		rpctypes.ErrTimeout, rpctypes.ErrTimeoutDueToLeaderFail, rpctypes.ErrTimeoutDueToConnectionLost,
		rpctypes.ErrTimeoutWaitAppliedIndex, rpctypes.ErrLeaderChanged, rpctypes.ErrNoLeader,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// waiting reports whether the new member is known and has not started yet.
func waiting(ms []Member, fresh Peer) bool {
	return slices.ContainsFunc(ms, func(m Member) bool { return m.Name == "" && m.URL == fresh.URL })
}

// replaced is the member that has to go; its ID is 0 where that is done.
func replaced(ms []Member, fresh Peer) (Member, error) {
	var names []string
	for _, m := range ms {
		switch {
		case m.Name == fresh.Name && m.Asked:
			return Member{}, fmt.Errorf("cluster: member %s is the one that was asked; ask another", m.Name)
		case m.Name == fresh.Name:
			return m, nil
		case m.URL == fresh.URL && m.Name != "":
			return Member{}, fmt.Errorf("cluster: member %s has the URL %s", m.Name, m.URL)
		}
		names = append(names, m.Name)
	}
	// An even number is what a replacement leaves that stopped half-way.
	if !waiting(ms, fresh) && len(ms)%2 == 1 {
		return Member{}, fmt.Errorf("cluster: no member is called %s; there are %s", fresh.Name, strings.Join(names, ", "))
	}
	return Member{}, nil
}

// peersOf are the members with the new one's name.
func peersOf(ms []Member, fresh Peer) Peers {
	var ps Peers
	for _, m := range ms {
		name := m.Name
		if name == "" && m.URL == fresh.URL {
			name = fresh.Name
		}
		ps = append(ps, Peer{name, m.URL})
	}
	slices.SortFunc(ps, func(a, b Peer) int { return strings.Compare(a.Name, b.Name) })
	return ps
}
