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
				r := &Record{Key: key}
				cur = cur.with(r, e)
				want[key] = r
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

// Leaves of one hash form a chain; the chain keeps each key apart.
func TestTrieChain(t *testing.T) {
	var chain *trieLeaf
	for _, k := range []string{"a", "b", "c"} {
		chain = &trieLeaf{hash: 7, record: &Record{Key: k}, next: chain}
	}
	rest, found := chain.dropped("b")
	if !found || rest.record.Key != "c" || rest.next.record.Key != "a" || rest.next.next != nil {
		t.Errorf("dropped(b) = %+v, %v, want c, a", rest, found)
	}
	if same, found := chain.dropped("x"); found || same != chain {
		t.Errorf("dropped(x) = %p, %v, want the chain itself", same, found)
	}
}

func BenchmarkTrieGet(b *testing.B) {
	var tr trie
	e := new(edit)
	for i := range 1_000_000 {
		tr = tr.with(&Record{Key: fmt.Sprintf("111122223333/key/AKIA%016d", i)}, e)
	}
	key := []byte("111122223333/key/AKIA0000000000412345")
	b.ReportAllocs()
	for b.Loop() {
		if tr.get(key) == nil {
			b.Fatal("key is missing")
		}
	}
}
