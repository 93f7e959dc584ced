package main

import (
	"bytes"
	"crypto/rand"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
)

// TestReport: the program says something of each size, the same each time.
func TestReport(t *testing.T) {
	sizes := []float64{1e6, 1e7, 1e8, 1e9, 1e10}
	var first, again bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &again} {
		if err := report(b, sizes); err != nil {
			t.Fatalf("report() = %v", err)
		}
	}
	if lines := strings.Count(first.String(), "\n"); lines != len(sizes)+1 {
		t.Errorf("report() has %d lines, want %d:\n%s", lines, len(sizes)+1, &first)
	}
	if first.String() != again.String() {
		t.Errorf("report() differs:\n%s\n%s", &first, &again)
	}
}

// TestPlan: no cluster holds more than fits, and more keys never need less.
func TestPlan(t *testing.T) {
	var last deployment
	for _, keys := range []float64{1e5, 1e6, 1e7, 1e8, 1e9, 1e10} {
		d := plan(keys, mathrand.New(mathrand.NewPCG(1, 2)))
		if d.Fullest*recordsPerKey > clusterRecords {
			t.Errorf("%.0e keys: %.0f records in a cluster, at most %d fit", keys, d.Fullest*recordsPerKey, clusterRecords)
		}
		if d.Fullest < keys/float64(d.Shards) {
			t.Errorf("%.0e keys: the fullest of %d shards holds %.0f", keys, d.Shards, d.Fullest)
		}
		if d.Shards < last.Shards || d.Nodes < last.Nodes || d.Nodes < leastNodes*d.Shards {
			t.Errorf("%.0e keys: %d shards and %d nodes, after %d and %d", keys, d.Shards, d.Nodes, last.Shards, last.Nodes)
		}
		if d.Seen.p50 < seenAtRest-time.Microsecond || d.Seen.p99 < d.Seen.p50 || d.ReplacedSeen.p99 < d.Seen.p50 {
			t.Errorf("%.0e keys: seen %v, and %v while all are replaced", keys, d.Seen, d.ReplacedSeen)
		}
		last = d
	}
}

// TestRoundTime: the measured points come back as they were measured.
func TestRoundTime(t *testing.T) {
	for _, p := range commitPoints {
		got := float64(p.writers) / roundTime(p.writers).Seconds()
		if got < p.rate*0.999 || got > p.rate*1.001 {
			t.Errorf("%d writers: %.0f/s, want %.0f", p.writers, got, p.rate)
		}
	}
	if roundTime(100) <= roundTime(16) || roundTime(1000) <= roundTime(256) {
		t.Error("larger rounds take no longer")
	}
	if q := commits(1, mathrand.New(mathrand.NewPCG(1, 2))); q.p50 < roundTime(1)-time.Microsecond {
		t.Errorf("at rest a commit takes %v", q.p50)
	}
}

// TestRoute: every key of an account, long-term or temporary, has the account's
// slot, and accounts are spread evenly.
func TestRoute(t *testing.T) {
	const accounts, parts = 20_000, 16
	var held [parts]int
	for range accounts {
		account := seal.AccountID(rand.Reader)
		want := slotOf(account)
		for _, prefix := range []string{"AKIA", "ASIA"} {
			id := seal.AccessKeyID(rand.Reader, prefix, account)
			if slot, ok := slotOfKey(id); !ok || slot != want {
				t.Fatalf("slotOfKey(%s) = %d, %v, want %d as account %s", id, slot, ok, want, account)
			}
		}
		held[want*parts/slots]++
	}
	for i, n := range held {
		if n < accounts/parts*8/10 || n > accounts/parts*12/10 {
			t.Errorf("part %d of %d has %d of %d accounts", i, parts, n, accounts)
		}
	}
	if _, ok := slotOfKey("AKIAIOSFODNN7EXAMPLE"); ok {
		t.Error("a key id that holds no account has a slot")
	}
}
