package etcd

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// The limits of an etcd transaction as etcd has them unless told otherwise:
// operations of the outer one and of the widest inner one together, and bytes.
const (
	maxOps   = 128
	maxBytes = 1_400_000 // of 1.5 MiB, which count the encoding too
	// opBytes is what the encoding of an operation or a condition takes, at most.
	opBytes = 32
)

// A stored value begins with the version of the format and the tag of the
// batch that wrote it.
const (
	format     = 1
	tagSize    = 8
	headerSize = 1 + tagSize
)

// batch is what goes to etcd as one transaction. Its own condition is that
// nobody has put its fence; each of its requests is a transaction in it with
// its own conditions. etcd checks all conditions before it changes anything,
// so no request may change what another relies on or changes.
type batch struct {
	s      *Store
	tag    [tagSize]byte
	since  int64 // a revision from before it was sent
	reqs   []*request
	marks  []string // the key of each request's mark; "" for most
	reads  map[string]struct{}
	writes map[string]struct{}
	size   int // bytes
	widest int // operations of the widest request
}

// newBatch makes a batch, or fails if there is no randomness.
func (s *Store) newBatch() (*batch, error) {
	b := &batch{s: s, reads: map[string]struct{}{}, writes: map[string]struct{}{}}
	if _, err := io.ReadFull(s.cfg.Rand, b.tag[:]); err != nil {
		return nil, fmt.Errorf("tag of a batch: %w", err)
	}
	return b, nil
}

// sizeOf is what a transaction takes in a batch, at most.
func (s *Store) sizeOf(txn store.Txn) int {
	n := opBytes
	for _, c := range txn.If {
		n += len(s.data) + len(c.Key) + opBytes
	}
	for _, op := range txn.Do {
		n += len(s.data) + len(op.Key) + headerSize + len(op.Value) + opBytes
	}
	return n
}

// add takes a request into the batch if it fits and touches nothing of the others.
func (b *batch) add(r *request) bool {
	widest := max(b.widest, len(r.txn.If), len(r.txn.Do)+1) // and a mark
	if len(b.reqs) > 0 && (b.size+r.size > maxBytes || len(b.reqs)+1+widest > maxOps) {
		return false
	}
	if b.meets(r.txn) {
		return false
	}
	if !r.state.CompareAndSwap(waiting, taken) {
		return true // its caller gave up: nothing to do
	}
	for _, c := range r.txn.If {
		b.reads[c.Key] = struct{}{}
	}
	for _, op := range r.txn.Do {
		b.writes[op.Key] = struct{}{}
	}
	b.reqs = append(b.reqs, r)
	b.marks = append(b.marks, b.mark(len(b.marks), r.txn))
	b.size += r.size
	b.widest = widest
	return true
}

// meets reports whether a transaction changes what the batch relies on or
// changes, or relies on what it changes.
func (b *batch) meets(txn store.Txn) bool {
	for _, c := range txn.If {
		if _, ok := b.writes[c.Key]; ok {
			return true
		}
	}
	for _, op := range txn.Do {
		if _, ok := b.writes[op.Key]; ok {
			return true
		}
		if _, ok := b.reads[op.Key]; ok {
			return true
		}
	}
	return false
}

// mark is the key that a transaction writes beside its own to be recognised
// by: one that only deletes, and is sure to delete something.
func (b *batch) mark(i int, txn store.Txn) string {
	deletes := map[string]bool{}
	for _, op := range txn.Do {
		if !op.Delete {
			return ""
		}
		deletes[op.Key] = true
	}
	for _, c := range txn.If {
		if c.Rev != 0 && deletes[c.Key] {
			return b.fence() + "/" + strconv.Itoa(i)
		}
	}
	return ""
}

// fence is the key whose absence is the batch's condition.
func (b *batch) fence() string { return b.s.memo + hex.EncodeToString(b.tag[:]) }

// request is the batch as etcd takes it.
func (b *batch) request() *pb.TxnRequest {
	req := &pb.TxnRequest{
		Compare: []*pb.Compare{absent(b.fence())},
		Success: make([]*pb.RequestOp, len(b.reqs)),
	}
	for i, r := range b.reqs {
		req.Success[i] = &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: b.inner(i, r.txn)}}
	}
	return req
}

func (b *batch) inner(i int, txn store.Txn) *pb.TxnRequest {
	req := &pb.TxnRequest{Compare: make([]*pb.Compare, len(txn.If)), Success: make([]*pb.RequestOp, len(txn.Do), len(txn.Do)+1)}
	for k, c := range txn.If {
		req.Compare[k] = compare(b.s.data+c.Key, int64(c.Rev))
	}
	for k, op := range txn.Do {
		key := []byte(b.s.data + op.Key)
		if op.Delete {
			req.Success[k] = &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: key}}}
		} else {
			req.Success[k] = put(key, b.encode(op.Value))
		}
	}
	if m := b.marks[i]; m != "" {
		req.Success = append(req.Success, put([]byte(m), nil))
	}
	return req
}

// encode is a value as it is stored.
func (b *batch) encode(value []byte) []byte {
	v := make([]byte, 0, headerSize+len(value))
	v = append(v, format)
	v = append(v, b.tag[:]...)
	return append(v, value...)
}

// decode takes a stored value apart.
func decode(v []byte) (tag [tagSize]byte, value []byte, err error) {
	if len(v) < headerSize {
		return tag, nil, fmt.Errorf("%w: a value of %d bytes", store.ErrDamaged, len(v))
	}
	if v[0] != format {
		return tag, nil, fmt.Errorf("%w: a record of version %d", store.ErrFormat, v[0])
	}
	return [tagSize]byte(v[1:]), v[headerSize:], nil
}

func put(key, value []byte) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: key, Value: value}}}
}

func absent(key string) *pb.Compare { return compare(key, 0) }

// compare is the condition that a key has a modification revision; 0 is absent.
func compare(key string, rev int64) *pb.Compare {
	return &pb.Compare{
		Key: []byte(key), Target: pb.Compare_MOD, Result: pb.Compare_EQUAL,
		TargetUnion: &pb.Compare_ModRevision{ModRevision: rev},
	}
}
