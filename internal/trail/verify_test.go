package trail

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// signedLog is a trail of three digests with two events each, and two events
// that are not signed yet. All digests end at epoch.
func signedLog(t *testing.T, key *rsa.PrivateKey) *Log {
	t.Helper()
	l := open(t, t.TempDir())
	for i := range 8 {
		at := epoch.Add(time.Duration(i-8) * time.Hour)
		if err := l.Append(context.Background(), entry("1", at, Key{Username, fmt.Sprint("u", i)})); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 && i < 7 {
			if err := l.Digest(key, "1", at); err != nil {
				t.Fatal(err)
			}
		}
	}
	return l
}

func keysOf(key *rsa.PrivateKey) map[string]*rsa.PublicKey {
	return map[string]*rsa.PublicKey{Fingerprint(&key.PublicKey): &key.PublicKey}
}

func verified(t *testing.T, l *Log, key *rsa.PrivateKey, kept time.Time) Verification {
	t.Helper()
	v, err := l.Verify(context.Background(), keysOf(key), Kept{Since: kept})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVerifyFinds does to the database what one does who wants to hide something.
func TestVerifyFinds(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		tamper func(l *Log, orders []order, set func(k, v []byte), remove func(k []byte))
		want   string // in a problem; empty for none
	}{
		{"nothing", func(*Log, []order, func(k, v []byte), func(k []byte)) {}, ""},
		{"removed event", func(_ *Log, o []order, _ func(k, v []byte), remove func(k []byte)) {
			remove(eventKey("1", o[2].place))
		}, "were removed"},
		{"changed event", func(_ *Log, o []order, set func(k, v []byte), _ func(k []byte)) {
			b := newBlock()
			b.add(&Entry{Record: []byte("{}")})
			set(eventKey("1", o[2].place), new(encoding).encode(b))
		}, "were changed"},
		{"event put in", func(_ *Log, o []order, set func(k, v []byte), _ func(k []byte)) {
			b := newBlock()
			b.add(&Entry{Record: []byte("{}")})
			set(eventKey("1", place{o[2].nanos, 77}), new(encoding).encode(b))
		}, "were put in"},
		{"event and its order removed", func(_ *Log, o []order, _ func(k, v []byte), remove func(k []byte)) {
			remove(eventKey("1", o[2].place))
			remove(orderKey(o[2].seq))
		}, "events 3 to 3 are missing"},
		{"chain made anew", func(_ *Log, orders []order, set func(k, v []byte), _ func(k []byte)) {
			b := newBlock()
			b.add(&Entry{Record: []byte("{}")})
			w := batch{memory: new(encoding)}
			value := w.memory.encode(b)
			before := orders[1].chain
			for i, o := range orders[2:] {
				if i == 0 {
					set(eventKey("1", o.place), value)
					o.block = sum(value)
				}
				o.chain = o.after(before)
				before = o.chain
				set(orderKey(o.seq), o.encode())
			}
		}, "not those that were signed"},
		{"index removed", func(_ *Log, o []order, _ func(k, v []byte), remove func(k []byte)) {
			remove(o[2].append(indexKey("1", day(o[2].time()), Key{Username, "u2"})))
		}, "not found by Username"},
		{"policy changed", func(_ *Log, o []order, set func(k, v []byte), _ func(k []byte)) {
			kept := NewText([]byte("a policy"))
			set(keptKey("1", o[2].time(), kept.sum[:]), encoder().EncodeAll([]byte("another"), nil))
		}, "was changed"},
		{"digest removed", func(_ *Log, _ []order, _ func(k, v []byte), remove func(k []byte)) {
			remove(digestKey(4))
		}, "digests are missing"},
		{"first digest removed", func(_ *Log, _ []order, _ func(k, v []byte), remove func(k []byte)) {
			remove(digestKey(2))
		}, "missing"},
		{"digest changed", func(l *Log, _ []order, set func(k, v []byte), _ func(k []byte)) {
			v, c, _ := l.db.Get(digestKey(4))
			changed := strings.Replace(string(v), `\"firstEvent\":3`, `\"firstEvent\":2`, 1)
			c.Close()
			set(digestKey(4), []byte(changed))
		}, "signature of digest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := signedLog(t, key)
			var orders []order
			if err := eachOrder(l.db, 0, func(o *order) error { orders = append(orders, *o); return nil }); err != nil {
				t.Fatal(err)
			}
			tt.tamper(l, orders, func(k, v []byte) { l.db.Set(k, v, pebbledb.Sync) }, func(k []byte) { l.db.Delete(k, pebbledb.Sync) })
			v := verified(t, l, key, epoch.Add(-48*time.Hour))
			found := strings.Join(v.Problems, "\n")
			if tt.want == "" && (found != "" || v.Digests != 3 || v.Events != 8 || v.Unsigned != 2) || !strings.Contains(found, tt.want) {
				t.Errorf("Verify = %+v, want %q", v, tt.want)
			}
		})
	}
}

func TestVerifyAfterExpiryAndReopening(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l := open(t, dir)
	ctx := context.Background()
	for i := range 6 {
		at := epoch.Add(time.Duration(i) * 24 * time.Hour)
		if err := l.Append(ctx, entry("1", at, Key{Username, "u"})); err != nil {
			t.Fatal(err)
		}
		if err := l.Digest(key, "1", at); err != nil {
			t.Fatal(err)
		}
	}
	for _, days := range []int{3, 10} {
		kept := epoch.Add(time.Duration(days) * 24 * time.Hour)
		if err := l.Expire("1", kept); err != nil {
			t.Fatal(err)
		}
		if err := l.Prune(ctx, kept); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, dir)
		if v := verified(t, l, key, kept); len(v.Problems) > 0 || v.Digests == 0 || v.Events != uint64(max(6-days, 0)) {
			t.Errorf("after %d days Verify = %+v", days, v)
		}
		if l.Head() != 6 {
			t.Errorf("after reopening the newest event is %d, want 6", l.Head())
		}
	}
	if v := verified(t, l, key, epoch); len(v.Problems) == 0 {
		t.Error("nothing is said of events that are gone before their time")
	}
}

func sum(b []byte) [32]byte { return sha256.Sum256(b) }
