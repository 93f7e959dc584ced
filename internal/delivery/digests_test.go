package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// chain walks a region's digests from the last one back, checks each and the
// files that it names, and gives the number of digests and the files' keys.
func (w *world) chain(region string) (digests int, files []string) {
	w.t.Helper()
	snap := w.dir.Snapshot()
	t, err := snap.AuditTrail(account, "us-east-1", "all")
	if err != nil {
		w.t.Fatal(err)
	}
	i := chainOf(t, region)
	if i < 0 || t.Chains[i].Object == "" {
		return 0, nil
	}
	bucket, object, hash, signature := t.Chains[i].Bucket, t.Chains[i].Object, t.Chains[i].Hash, t.Chains[i].Signature
	for before := t.Chains[i].Start; ; digests++ {
		f, there := w.to.files[bucket+"/"+object]
		if !there {
			w.t.Fatalf("digest %s is missing", object)
		}
		text := unpack(w.t, f.body)
		var d digest
		if err := json.Unmarshal(text, &d); err != nil {
			w.t.Fatal(err)
		}
		sum, prior := sha256.Sum256(text), ""
		if d.BeforeSign != nil {
			prior = *d.BeforeSign
		}
		if f.metadata["signature"] != signature || hex.EncodeToString(sum[:]) != hash || d.Object != object || !d.End.Equal(before) || !d.Start.Before(d.End) ||
			!trail.DigestSigned(&w.key.PublicKey, d.End, bucket+"/"+object, text, prior, signature) {
			w.t.Fatalf("digest %s is wrong: %s", object, text)
		}
		for _, l := range d.Files {
			body, there := w.to.files[l.Bucket+"/"+l.Object]
			if sum := sha256.Sum256(unpack(w.t, body.body)); !there || hex.EncodeToString(sum[:]) != l.Hash {
				w.t.Fatalf("file %s has not the hash in digest %s", l.Object, object)
			}
			files = append(files, l.Bucket+"/"+l.Object)
		}
		if d.BeforeObject == nil {
			return digests + 1, files
		}
		bucket, object, hash, signature, before = *d.BeforeBucket, *d.BeforeObject, *d.BeforeHash, *d.BeforeSign, d.Start
	}
}

// TestDigests has a chain over files, empty hours, a stop and a second region.
func TestDigests(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	w.create(func(t *directory.AuditTrail) { t.Validated, t.MultiRegion, t.Prefix = true, true, "p/q" })
	round := func(events int, regions ...string) {
		for i := range events {
			n.event(fmt.Sprint("E", i), in(regions[i%len(regions)], "ec2.amazonaws.com"))
		}
		n.d.Round(t.Context())
		w.pass(30 * time.Minute)
	}
	round(2, "us-east-1")
	round(4, "us-east-1", "eu-west-1")
	round(0)
	for range 4 {
		round(0)
	}
	for _, tt := range []struct {
		region  string
		digests int
	}{{"us-east-1", 3}, {"eu-west-1", 2}} {
		digests, files := w.chain(tt.region)
		slices.Sort(files)
		if diff := cmp.Diff(w.logs(tt.region), files); digests != tt.digests || diff != "" {
			t.Errorf("%s: %d digests, want %d; files (-delivered +digested):\n%s", tt.region, digests, tt.digests, diff)
		}
	}
	w.stop()
	for range 6 {
		round(0)
	}
	now, err := w.dir.Snapshot().AuditTrail(account, "us-east-1", "all")
	if err != nil || len(now.Chains) != 0 {
		t.Errorf("chains of a stopped trail: %v, %v; want none", now.Chains, err)
	}
	w.start()
	round(1, "us-east-1")
	round(0)
	round(0)
	if digests, files := w.chain("us-east-1"); digests != 1 || len(files) != 1 {
		t.Errorf("a new chain has %d digests about %d files, want 1 about 1", digests, len(files))
	}
}

// TestDigestsOfNodes has three nodes deliver: one chain is about all their files.
func TestDigestsOfNodes(t *testing.T) {
	w := newWorld(t)
	w.create(func(t *directory.AuditTrail) { t.Validated = true })
	nodes := []*node{w.node(), w.node(), w.node()}
	for i, n := range nodes { // in the same minute, with the same numbers
		n.event(fmt.Sprint("Same", i))
		n.d.Round(t.Context())
	}
	w.want("from three nodes at once", "Same0", "Same1", "Same2")
	for range 6 {
		for i, n := range nodes {
			n.event(fmt.Sprint("E", i))
			n.d.Round(t.Context())
			w.pass(7 * time.Minute)
		}
	}
	for range 4 {
		for _, n := range nodes {
			n.d.Round(t.Context())
			w.pass(20 * time.Minute)
		}
	}
	digests, files := w.chain("us-east-1")
	slices.Sort(files)
	if diff := cmp.Diff(w.logs("us-east-1"), files); diff != "" {
		t.Errorf("%d digests: files (-delivered +digested):\n%s", digests, diff)
	}
}
