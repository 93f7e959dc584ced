package directory

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Against a plain map, over a random history, each version kept: later changes
// must not alter earlier versions.
func TestTrieAgreesWithMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	type version struct {
		trie trie
		want map[string]*Record
	}
	var versions []version
	cur, want := trie{}, map[string]*Record{}
	for range 60 {
		e := new(edit)
		for range 200 {
			key := fmt.Sprintf("k%d", rnd.IntN(3000))
			if rnd.IntN(3) == 0 {
				cur = cur.without(key, e)
				delete(want, key)
			} else {
				r := e.pack(key, nil, 1)
				cur = cur.with(r, e)
				want[key] = r.record()
			}
		}
		copied := make(map[string]*Record, len(want))
		for k, v := range want {
			copied[k] = v
		}
		versions = append(versions, version{cur, copied})
	}
	for i, v := range versions {
		if v.trie.len != len(v.want) {
			t.Errorf("version %d: len = %d, want %d", i, v.trie.len, len(v.want))
		}
		for k := range 3000 {
			key := fmt.Sprintf("k%d", k)
			if got := v.trie.get([]byte(key)); got != v.want[key] {
				t.Fatalf("version %d: get(%s) = %p, want %p", i, key, got, v.want[key])
			}
		}
	}
}

// Entries of one hash form a list at the bottom, which keeps each key apart.
func TestTrieEqualHashes(t *testing.T) {
	e := new(edit)
	var root *trieNode
	entries := map[string]*entry{}
	for _, k := range []string{"a", "b", "c"} {
		entries[k] = e.pack(k, nil, 1)
		var added bool
		if root, added = root.put(entries[k], 7, hashBits+1, e); !added {
			t.Errorf("put(%s) replaced something", k)
		}
	}
	again := e.pack("b", nil, 2)
	if same, added := root.put(again, 7, hashBits+1, e); added || same != root || root.entry(root.listed(again.key())) != again {
		t.Error("put(b) again did not replace b")
	}
	rest, found := root.remove(entries["b"].key(), 7, hashBits+1, new(edit))
	if !found || len(rest.slots) != 2 || rest.listed(entries["b"].key()) >= 0 || len(root.slots) != 3 {
		t.Errorf("remove(b) = %d entries, %v, want a and c, and the others' list as it was", len(rest.slots), found)
	}
	if same, found := rest.remove(entries["b"].key(), 7, hashBits+1, e); found || same != rest {
		t.Errorf("remove(b) again = %v, want the list itself", found)
	}
}

func BenchmarkTrieGet(b *testing.B) {
	var tr trie
	e := new(edit)
	for i := range 1_000_000 {
		tr = tr.with(e.pack(fmt.Sprintf("111122223333/key/AKIA%016d", i), nil, 1), e)
	}
	key := []byte("111122223333/key/AKIA0000000000412345")
	b.ReportAllocs()
	for b.Loop() {
		if tr.get(key) == nil {
			b.Fatal("key is missing")
		}
	}
}
