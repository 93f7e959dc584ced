package directory

import (
	"hash/maphash"
	"math/bits"
	"unsafe"
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

// edit marks the nodes that one batch of changes made and may still alter, by
// its address, and gives the batch's records their memory.
type edit struct{ arena }

// trieNode has a slot for each of 32 values of the hash's next five bits that
// occurs. Below the last bits, where hashes are equal, slots are a plain list.
type trieNode struct {
	owner *edit
	bits  uint32 // which slots are taken
	nodes uint32 // which of these hold a node: the others hold an entry
	// slots are in order of their bits. A *trieNode or an *entry stands here
	// without the words of an interface, by which a million users would need a
	// fifth more.
	slots []unsafe.Pointer
}

const (
	trieBits = 5
	hashBits = 64 // from here down slots are a list
)

// hashSeed makes the hashes of one process unpredictable to its clients.
var hashSeed = maphash.MakeSeed()

// place says which bit a hash has in a node, and where its slot is.
func (n *trieNode) place(h uint64, shift uint) (bit uint32, i int) {
	bit = 1 << (h >> shift & 31)
	return bit, bits.OnesCount32(n.bits & (bit - 1))
}

func (n *trieNode) node(i int) *trieNode { return (*trieNode)(n.slots[i]) }
func (n *trieNode) entry(i int) *entry   { return (*entry)(n.slots[i]) }

// get gives the record with that key, or nil. It allocates nothing but what a
// record needs when it is asked for first.
func (t trie) get(key []byte) *Record {
	var buf [96]byte
	e := t.find(packKey(buf[:0], key))
	if e == nil {
		return nil
	}
	return e.record()
}

// find gives the entry of a packed key, or nil.
func (t trie) find(key []byte) *entry {
	h := maphash.Bytes(hashSeed, key)
	n := t.root
	for shift := uint(0); n != nil; shift += trieBits {
		if shift > hashBits {
			if i := n.listed(string(key)); i >= 0 {
				return n.entry(i)
			}
			return nil
		}
		bit, i := n.place(h, shift)
		switch {
		case n.bits&bit == 0:
			return nil
		case n.nodes&bit != 0:
			n = n.node(i)
		case n.entry(i).key() == string(key):
			return n.entry(i)
		default:
			return nil
		}
	}
	return nil
}

// listed is the index of a packed key in a list, or -1.
func (n *trieNode) listed(key string) int {
	for i := range n.slots {
		if n.entry(i).key() == key {
			return i
		}
	}
	return -1
}

// with gives the trie with r in it, in place of a record with the same key.
func (t trie) with(r *entry, e *edit) trie {
	root, added := t.root.put(r, maphash.String(hashSeed, r.key()), 0, e)
	if added {
		t.len++
	}
	t.root = root
	return t
}

// without gives the trie without the record of that key.
func (t trie) without(key string, e *edit) trie {
	packed := string(packKey(nil, []byte(key)))
	root, removed := t.root.remove(packed, maphash.String(hashSeed, packed), 0, e)
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
	return &trieNode{owner: e, bits: n.bits, nodes: n.nodes, slots: append([]unsafe.Pointer(nil), n.slots...)}
}

// insert puts a slot at i. Slots have no room to spare: most nodes have few,
// and live long.
func (n *trieNode) insert(i int, p unsafe.Pointer) {
	slots := make([]unsafe.Pointer, len(n.slots)+1)
	copy(slots, n.slots[:i])
	slots[i] = p
	copy(slots[i+1:], n.slots[i:])
	n.slots = slots
}

func (n *trieNode) put(r *entry, h uint64, shift uint, e *edit) (*trieNode, bool) {
	n = n.own(e)
	if shift > hashBits {
		if i := n.listed(r.key()); i >= 0 {
			n.slots[i] = unsafe.Pointer(r)
			return n, false
		}
		n.insert(len(n.slots), unsafe.Pointer(r))
		return n, true
	}
	bit, i := n.place(h, shift)
	switch {
	case n.bits&bit == 0:
		n.bits |= bit
		n.insert(i, unsafe.Pointer(r))
		return n, true
	case n.nodes&bit != 0:
		child, added := n.node(i).put(r, h, shift+trieBits, e)
		n.slots[i] = unsafe.Pointer(child)
		return n, added
	case n.entry(i).key() == r.key():
		n.slots[i] = unsafe.Pointer(r)
		return n, false
	}
	old := n.entry(i)
	var child *trieNode
	child, _ = child.put(old, maphash.String(hashSeed, old.key()), shift+trieBits, e)
	child, _ = child.put(r, h, shift+trieBits, e)
	n.nodes |= bit
	n.slots[i] = unsafe.Pointer(child)
	return n, true
}

func (n *trieNode) remove(key string, h uint64, shift uint, e *edit) (*trieNode, bool) {
	if n == nil {
		return nil, false
	}
	if shift > hashBits {
		i := n.listed(key)
		if i < 0 {
			return n, false
		}
		return n.own(e).drop(i, 0), true
	}
	bit, i := n.place(h, shift)
	switch {
	case n.bits&bit == 0:
		return n, false
	case n.nodes&bit == 0:
		if n.entry(i).key() != key {
			return n, false
		}
		return n.own(e).drop(i, bit), true
	}
	child, found := n.node(i).remove(key, h, shift+trieBits, e)
	if !found {
		return n, false
	}
	n = n.own(e)
	if child == nil {
		return n.drop(i, bit), true
	}
	n.slots[i] = unsafe.Pointer(child)
	return n, true
}

// drop takes slot i out of a node, which is nil when it was the last.
func (n *trieNode) drop(i int, bit uint32) *trieNode {
	if len(n.slots) == 1 {
		return nil
	}
	n.bits &^= bit
	n.nodes &^= bit
	n.slots = append(n.slots[:i], n.slots[i+1:]...)
	return n
}
