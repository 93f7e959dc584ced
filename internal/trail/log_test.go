package trail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 10, 22, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func entry(account string, at time.Time, keys ...Key) Entry {
	return Entry{Account: account, Time: at, Record: fmt.Appendf(nil, "%s %s %v", account, at.Format(time.RFC3339), keys), Keys: keys}
}

// TestLookup compares look-ups with a plain search of all entries.
func TestLookup(t *testing.T) {
	l := open(t, t.TempDir())
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []Entry
	for range 500 {
		e := entry([]string{"111111111111", "222222222222"}[rnd.IntN(2)], epoch.Add(time.Duration(rnd.IntN(4*86400))*time.Second),
			Key{Username, []string{"al", "alice", "al\x00ice", "bob"}[rnd.IntN(4)]}, Key{EventName, fmt.Sprint("E", rnd.IntN(20))})
		all = append(all, e)
		if err := l.Note(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		q := Query{Account: all[rnd.IntN(len(all))].Account, Max: 1 + rnd.IntN(60)}
		if rnd.IntN(2) == 0 {
			q.Key = all[rnd.IntN(len(all))].Keys[rnd.IntN(2)]
		}
		if rnd.IntN(3) == 0 {
			q.More = all[rnd.IntN(len(all))].Keys[rnd.IntN(2):]
		}
		if rnd.IntN(2) == 0 {
			q.From = epoch.Add(time.Duration(rnd.IntN(4*86400)) * time.Second)
			q.To = q.From.Add(time.Duration(rnd.IntN(2*86400)) * time.Second)
		}
		want := matching(all, q)
		got := pages(t, l, q)
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("look-up %d %+v = %d records, want %d", i, q, len(got), len(want))
		}
	}
}

func (e *Entry) has(want Key) bool {
	return slices.ContainsFunc(e.Keys, func(k Key) bool { return k.Attribute == want.Attribute && cut(k.Value) == cut(want.Value) })
}

func matching(all []Entry, q Query) [][]byte {
	type found struct {
		at  time.Time
		seq int
		rec []byte
	}
	var hits []found
	for i, e := range all {
		if e.Account != q.Account || q.Key.Attribute != "" && !e.has(q.Key) || slices.ContainsFunc(q.More, func(k Key) bool { return !e.has(k) }) || !q.From.IsZero() && (e.Time.Before(q.From) || e.Time.After(q.To)) {
			continue
		}
		hits = append(hits, found{e.Time, i, e.Record})
	}
	slices.SortFunc(hits, func(a, b found) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return b.seq - a.seq
	})
	var out [][]byte
	for _, h := range hits {
		out = append(out, h.rec)
	}
	return out
}

func pages(t *testing.T, l *Log, q Query) (all [][]byte) {
	t.Helper()
	for {
		p, err := l.Lookup(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Records...)
		if q.Next = p.Next; p.Next == "" {
			return all
		}
		if len(p.Records) != q.Max {
			t.Fatalf("a page that is not the last has %d records, want %d", len(p.Records), q.Max)
		}
	}
}

func TestLookupRefusesForeignTokens(t *testing.T) {
	l := open(t, t.TempDir())
	for _, token := range []string{"x", "!", "AAAAAAAAAAAAAAAAAAAAAA=="} {
		if _, err := l.Lookup(context.Background(), Query{Account: "1", Next: token}); !errors.Is(err, ErrNext) {
			t.Errorf("Lookup with token %q = %v, want ErrNext", token, err)
		}
	}
}

func TestFollowGivesEachEventOnceAcrossReopening(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for i := range 3 {
		if err := l.Append(context.Background(), entry("1", epoch.Add(-time.Duration(i)*time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	go l.Append(context.Background(), entry("2", epoch))
	enough := errors.New("enough")
	var got []uint64
	err := l.Follow(context.Background(), 1, func(seq uint64, _ string, _ []byte) error {
		if got = append(got, seq); len(got) == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || !slices.Equal(got, []uint64{2, 3, 4}) {
		t.Fatalf("Follow gave %v, %v, want 2 3 4", got, err)
	}
}

func TestExpireTakesWholeDays(t *testing.T) {
	l := open(t, t.TempDir())
	for i := range 6 {
		if err := l.Append(context.Background(), entry("1", epoch.Add(time.Duration(i)*12*time.Hour), Key{Username, "a"})); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Expire("1", epoch.Add(26*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, k := range []Key{{}, {Username, "a"}} {
		if got := pages(t, l, Query{Account: "1", Key: k, Max: 10}); len(got) != 3 {
			t.Errorf("after the expiry of two days %d events are left by %v, want 3", len(got), k)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	l := open(b, b.TempDir())
	record := bytes.Repeat([]byte("some text of a record "), 40)
	b.ReportAllocs()
	b.SetParallelism(128)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e := Entry{Account: "111111111111", Time: epoch, Record: record, Keys: []Key{{Username, "alice"}, {EventName, "GetUser"}, {AccessKeyID, "AKIAIOSFODNN7EXAMPLE"}}}
			if err := l.Append(context.Background(), e); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkNote(b *testing.B) {
	l := open(b, b.TempDir())
	record := bytes.Repeat([]byte("some text of a record "), 40)
	b.ReportAllocs()
	for b.Loop() {
		l.Note(Entry{Account: "111111111111", Time: epoch, Record: record, Keys: []Key{{Username, "alice"}, {EventName, "GetUser"}, {AccessKeyID, "AKIAIOSFODNN7EXAMPLE"}}})
	}
	l.Sync(context.Background())
}

func FuzzDecodeBlock(f *testing.F) {
	b := newBlock()
	b.add(&Entry{Record: []byte("{}"), Keys: []Key{{Username, "alice"}, {EventName, ""}}})
	b.add(&Entry{Record: []byte("{1}"), Keys: []Key{{EventName, "GetUser"}, {Username, "alice"}}})
	var m encoding
	m.encode(b)
	f.Add(m.plain)
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, plain []byte) {
		got, err := decodePlain(plain)
		if err != nil {
			return
		}
		again := newBlock()
		for _, e := range got.events {
			entry := Entry{Record: e.record}
			for _, n := range e.keys {
				entry.Keys = append(entry.Keys, got.keys[n])
			}
			again.add(&entry)
		}
		second, err := decodeBlock(m.encode(again))
		if err != nil || len(second.events) != len(got.events) {
			t.Fatalf("what was decoded and encoded again = %v, %v", second, err)
		}
		for i, e := range second.events {
			if !bytes.Equal(e.record, got.events[i].record) {
				t.Fatalf("record %d = %q, want %q", i, e.record, got.events[i].record)
			}
		}
	})
}
