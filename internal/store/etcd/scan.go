package etcd

import (
	"context"
	"errors"
	"io"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Scan implements store.Store.
func (s *Store) Scan(ctx context.Context, prefix string, at store.Revision, fn func(store.Record) error) (store.Revision, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.readers.Done()
	rev := int64(at)
	if at == 0 {
		var err error
		if rev, err = s.askHead(ctx); err != nil {
			return 0, err
		}
	}
	return store.Revision(rev), s.scan(ctx, prefix, rev, fn)
}

// scan calls fn with the records of a revision. When a member fails on the
// way, another one goes on where it stopped.
func (s *Store) scan(ctx context.Context, prefix string, rev int64, fn func(store.Record) error) error {
	from := s.data + prefix
	p := newPager(from, clientv3.GetPrefixRangeEnd(from))
	var stop error // of fn, or of a record: no reason to ask again
	p.each = func(kv *mvccpb.KeyValue) bool {
		_, value, err := decode(kv.Value)
		if err == nil {
			err = fn(store.Record{Key: string(kv.Key[len(s.data):]), Value: value, Rev: store.Revision(kv.ModRevision)})
		}
		stop = err
		return err == nil
	}
	for p.more() {
		err := s.ask(ctx, "scan", func(one context.Context, m *member) error {
			before := p.next
			err := s.read(ctx, one, m, p, rev)
			if err != nil && passing(err) && p.next != before {
				s.write.failed(m)
				return nil // with new patience
			}
			return err
		})
		if stop != nil {
			return stop
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads what is left, or a page of it where the member has no streams. In
// a stream each answer has a time limit of its own; one bounds a page.
func (s *Store) read(ctx, one context.Context, m *member, p *pager, rev int64) error {
	if m.streams.Load() {
		return s.stream(ctx, m, p, rev)
	}
	return s.page(one, m, p, rev)
}

// stream reads all that is left with etcd's RangeStream.
func (s *Store) stream(ctx context.Context, m *member, p *pager, rev int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Only what etcd takes is bounded, not what fn does with it.
	silent := newWatchdog(s.cfg.Timeout, cancel)
	defer silent.stop()
	rs, err := m.kv.RangeStream(ctx, &pb.RangeRequest{Key: []byte(p.next), RangeEnd: []byte(p.end()), Revision: rev}, grpc.MaxCallRecvMsgSize(maxMessage))
	if err != nil {
		return err
	}
	for {
		silent.start()
		resp, err := rs.Recv()
		silent.stop()
		switch {
		case errors.Is(err, io.EOF):
			p.finish()
			return nil
		case code(err) == codes.Unimplemented:
			m.streams.Store(false) // a proxy before the member
			return nil
		case err != nil:
			return err
		}
		if !p.take(resp.RangeResponse.Kvs) {
			return nil
		}
	}
}

// page reads one page.
func (s *Store) page(ctx context.Context, m *member, p *pager, rev int64) error {
	resp, err := m.kv.Range(ctx, &pb.RangeRequest{Key: []byte(p.next), RangeEnd: []byte(p.end()), Limit: p.limit, Revision: rev}, grpc.MaxCallRecvMsgSize(maxMessage))
	if err != nil {
		return err
	}
	p.page(resp)
	return nil
}

const (
	firstPage = 16
	maxPage   = 2000
	pageBytes = 1 << 20
	// A page may have so many times its keys behind it in its range.
	maxBehind = 8
)

// pager walks a range of keys in pages. etcd counts what is left of a range
// for each page of it, so that plain paging takes time by the square of the
// range. Where too much is left, the pager therefore narrows the range to the
// keys that begin as those of the page do, and widens it again when these are
// through: each key is counted a few times for each level at which keys part,
// whatever they look like.
type pager struct {
	next  string   // first key to be read
	ends  []string // ends of ranges, from wide to narrow; empty when all is read
	limit int64
	each  func(*mvccpb.KeyValue) bool // gets the keys; false ends all
}

func newPager(from, end string) *pager {
	return &pager{next: from, ends: []string{end}, limit: firstPage}
}

func (p *pager) more() bool  { return len(p.ends) > 0 }
func (p *pager) end() string { return p.ends[len(p.ends)-1] }
func (p *pager) finish()     { p.ends = nil }

// take hands out keys and moves behind them. It says whether there should be more.
func (p *pager) take(kvs []*mvccpb.KeyValue) bool {
	for _, kv := range kvs {
		if !p.each(kv) {
			p.finish()
			return false
		}
	}
	if n := len(kvs); n > 0 {
		p.next = string(kvs[n-1].Key) + "\x00"
	}
	return true
}

// page takes the answer to a request for the current range.
func (p *pager) page(resp *pb.RangeResponse) {
	p.resize(proto.Size(resp), len(resp.Kvs))
	if !p.take(resp.Kvs) {
		return
	}
	if !resp.More {
		p.next = p.end()
		p.ends = p.ends[:len(p.ends)-1]
		return
	}
	if behind := resp.Count - int64(len(resp.Kvs)); behind > maxBehind*max(p.limit, firstPage) {
		p.narrow(string(resp.Kvs[0].Key), string(resp.Kvs[len(resp.Kvs)-1].Key))
	}
}

// resize aims at pages of pageBytes.
func (p *pager) resize(bytes, keys int) {
	switch {
	case bytes > 2*pageBytes:
		p.limit = max(1, p.limit/2)
	case bytes < pageBytes/2 && int64(keys) == p.limit:
		p.limit = min(maxPage, p.limit*2)
	}
}

// narrow puts the nearest useful end before the current one: that of the keys
// that share what the first and last key of a page share, or more if that is
// the whole range.
func (p *pager) narrow(first, last string) {
	for n := common(first, last); n <= len(last); n++ {
		if end := clientv3.GetPrefixRangeEnd(last[:n]); n > 0 && end < p.end() && end > p.next {
			p.ends = append(p.ends, end)
			return
		}
	}
}

// common is how many bytes two strings share at their beginning.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
