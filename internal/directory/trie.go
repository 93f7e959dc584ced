package directory

import (
	"hash/maphash"
	"math/bits"
)

// trie is a persistent hash trie of records by key, 32 ways a level. A value
// of it never changes: with and without give a new one that shares all but the
// path to the change. The zero value is empty.
//
// Changes that carry the same edit may reuse nodes that this edit made, so that
// a batch of many changes (a load, a catch-up) copies each node once.
type trie struct {
	root *trieNode
	len  int
}

// edit marks the nodes that one batch of changes made and may still alter.
// Its address is its identity, so it must not be of size zero.
type edit struct{ _ byte }

type trieNode struct {
	owner *edit
	bits  uint32 // which of the 32 slots are taken
	slots []trieSlot
}

// A slot holds either a node one level down or a leaf. Leaves whose 64-bit
// hashes are equal form a chain.
type trieSlot struct {
	node *trieNode
	leaf *trieLeaf
}

type trieLeaf struct {
	hash   uint64
	record *Record
	next   *trieLeaf
}

const trieBits = 5

// hashSeed makes the hashes of one process unpredictable to its clients.
var hashSeed = maphash.MakeSeed()

func hashKey(key []byte) uint64 { return maphash.Bytes(hashSeed, key) }

// get gives the record with that key, or nil. It allocates nothing.
func (t trie) get(key []byte) *Record {
	h := hashKey(key)
	n := t.root
	for shift := uint(0); n != nil; shift += trieBits {
		bit := uint32(1) << (h >> shift & 31)
		if n.bits&bit == 0 {
			return nil
		}
		s := &n.slots[bits.OnesCount32(n.bits&(bit-1))]
		if s.leaf == nil {
			n = s.node
			continue
		}
		for l := s.leaf; l != nil; l = l.next {
			if l.hash == h && l.record.Key == string(key) {
				return l.record
			}
		}
		return nil
	}
	return nil
}

// with gives the trie with r in it, in place of a record with the same key.
func (t trie) with(r *Record, e *edit) trie {
	leaf := &trieLeaf{hash: maphash.String(hashSeed, r.Key), record: r}
	root, added := t.root.put(leaf, 0, e)
	if added {
		t.len++
	}
	t.root = root
	return t
}

// without gives the trie without the record of that key.
func (t trie) without(key string, e *edit) trie {
	root, removed := t.root.remove(key, maphash.String(hashSeed, key), 0, e)
	if removed {
		t.len--
		t.root = root
	}
	return t
}

// own gives a node that e may alter: n itself where e made it, else a copy.
func (n *trieNode) own(e *edit) *trieNode {
	if n == nil {
		return &trieNode{owner: e}
	}
	if n.owner == e {
		return n
	}
	return &trieNode{owner: e, bits: n.bits, slots: append(make([]trieSlot, 0, len(n.slots)+1), n.slots...)}
}

func (n *trieNode) put(leaf *trieLeaf, shift uint, e *edit) (*trieNode, bool) {
	n = n.own(e)
	bit := uint32(1) << (leaf.hash >> shift & 31)
	i := bits.OnesCount32(n.bits & (bit - 1))
	if n.bits&bit == 0 {
		n.bits |= bit
		n.slots = append(n.slots, trieSlot{})
		copy(n.slots[i+1:], n.slots[i:])
		n.slots[i] = trieSlot{leaf: leaf}
		return n, true
	}
	s := &n.slots[i]
	if s.leaf == nil {
		child, added := s.node.put(leaf, shift+trieBits, e)
		s.node = child
		return n, added
	}
	if s.leaf.hash == leaf.hash {
		chain, replaced := s.leaf.dropped(leaf.record.Key)
		leaf.next = chain
		s.leaf = leaf
		return n, !replaced
	}
	child := &trieNode{owner: e}
	old := s.leaf
	s.leaf, s.node = nil, child.place(old, shift+trieBits)
	s.node, _ = s.node.put(leaf, shift+trieBits, e)
	return n, true
}

// place puts a chain of leaves into an empty node.
func (n *trieNode) place(leaf *trieLeaf, shift uint) *trieNode {
	n.bits = 1 << (leaf.hash >> shift & 31)
	n.slots = append(n.slots, trieSlot{leaf: leaf})
	return n
}

// dropped gives the chain without the leaf of that key, and whether it was there.
func (l *trieLeaf) dropped(key string) (*trieLeaf, bool) {
	if l == nil {
		return nil, false
	}
	if l.record.Key == key {
		return l.next, true
	}
	rest, found := l.next.dropped(key)
	if !found {
		return l, false
	}
	return &trieLeaf{hash: l.hash, record: l.record, next: rest}, true
}

func (n *trieNode) remove(key string, hash uint64, shift uint, e *edit) (*trieNode, bool) {
	if n == nil {
		return nil, false
	}
	bit := uint32(1) << (hash >> shift & 31)
	if n.bits&bit == 0 {
		return n, false
	}
	i := bits.OnesCount32(n.bits & (bit - 1))
	slot := n.slots[i]
	if slot.leaf != nil {
		chain, found := slot.leaf.dropped(key)
		if !found {
			return n, false
		}
		slot = trieSlot{leaf: chain}
	} else {
		child, found := slot.node.remove(key, hash, shift+trieBits, e)
		if !found {
			return n, false
		}
		slot = trieSlot{node: child}
	}
	n = n.own(e)
	if slot.leaf == nil && slot.node == nil {
		n.bits &^= bit
		n.slots = append(n.slots[:i], n.slots[i+1:]...)
		if n.bits == 0 {
			return nil, true
		}
		return n, true
	}
	n.slots[i] = slot
	return n, true
}
