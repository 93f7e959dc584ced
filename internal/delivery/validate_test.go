package delivery

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

// copied is a bucket with five hours of a trail, as a copy of it in a folder.
func copied(t *testing.T, metadata bool) (*world, fstest.MapFS) {
	t.Helper()
	w := newWorld(t)
	n := w.node()
	w.create(func(t *directory.AuditTrail) { t.Validated, t.Prefix = true, "p" })
	for i := range 10 {
		n.event(fmt.Sprint("E", i))
		n.d.Round(t.Context())
		w.pass(30 * time.Minute)
	}
	n.d.Round(t.Context())
	bucket := fstest.MapFS{}
	for key, f := range w.to.files {
		name := strings.TrimPrefix(key, "logs/")
		bucket[name] = &fstest.MapFile{Data: f.body}
		if beside, err := json.Marshal(f.metadata); metadata && f.metadata != nil && err == nil {
			bucket[name+metadataSuffix] = &fstest.MapFile{Data: beside}
		}
	}
	return w, bucket
}

func (w *world) validate(bucket fstest.MapFS, since time.Time) Validation {
	w.t.Helper()
	found, err := Validate(w.t.Context(), bucket, map[string]*rsa.PublicKey{trail.Fingerprint(&w.key.PublicKey): &w.key.PublicKey}, since)
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// names are the names of a bucket that have a text, in order.
func names(bucket fstest.MapFS, part string) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(bucket)) {
		if strings.Contains(name, part) && strings.HasSuffix(name, ".json.gz") {
			all = append(all, name)
		}
	}
	return all
}

func TestValidate(t *testing.T) {
	w, bucket := copied(t, true)
	digests, logs := names(bucket, "Digest"), names(bucket, "/CloudTrail/")
	first := w.validate(bucket, time.Time{})
	if first.Digests != len(digests) || first.Files != len(logs) || first.Open != 0 || len(first.Problems) > 0 {
		t.Fatalf("Validate = %+v, want %d digests and %d files", first, len(digests), len(logs))
	}
	other := strings.Replace(logs[2], "T1000Z", "T1100Z", 1)
	if other == logs[2] {
		other = strings.Replace(logs[2], "T1100Z", "T1000Z", 1)
	}
	spaced := func(name string) func(fstest.MapFS) {
		return func(b fstest.MapFS) {
			b[name] = &fstest.MapFile{Data: compressed(append(unpack(t, b[name].Data), ' '))}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(b fstest.MapFS)
		want   []string
	}{
		{"a changed log file", spaced(logs[1]), []string{"log file " + logs[1] + " has been changed"}},
		{"a torn log file", func(b fstest.MapFS) { b[logs[1]] = &fstest.MapFile{Data: b[logs[1]].Data[:20]} }, []string{"log file " + logs[1] + " has been changed"}},
		{"a removed log file", func(b fstest.MapFS) { delete(b, logs[1]) }, []string{"log file " + logs[1] + " has been removed"}},
		{"a log file put in", func(b fstest.MapFS) { b[other] = b[logs[2]] }, []string{"log file " + other + " was put in: no digest names it"}},
		{"a file of another name", func(b fstest.MapFS) { b["p/AWSLogs/1/CloudTrail/x.json.gz"] = b[logs[2]] }, []string{"log file p/AWSLogs/1/CloudTrail/x.json.gz was put in: it has not the name of one"}},
		{"a changed digest", spaced(digests[1]), []string{
			"digest " + digests[1] + " has been changed: its signature is wrong",
			"digest " + digests[1] + " has been changed: it is not the one that " + digests[2] + " follows",
		}},
		{"a removed digest", func(b fstest.MapFS) { delete(b, digests[1]) }, []string{"digest " + digests[1] + " has been removed: " + digests[2] + " follows it"}},
		{"a digest put in", func(b fstest.MapFS) { b[digests[1]+".json.gz"] = b[digests[1]] }, []string{"digest " + digests[1] + ".json.gz was put in: it is a copy of " + digests[1]}},
		{"no digest", func(b fstest.MapFS) { b[digests[1]] = &fstest.MapFile{Data: compressed([]byte("{}"))} }, []string{
			"digest " + digests[1] + " has been changed: it is not a digest", "digest " + digests[1] + " has been removed: " + digests[2] + " follows it",
		}},
		{"a wrong signature", func(b fstest.MapFS) {
			b[digests[1]+metadataSuffix] = &fstest.MapFile{Data: []byte(`{"signature":"00"}`)}
		}, []string{
			"digest " + digests[1] + " has been changed: its signature is wrong",
		}},
	} {
		changed := maps.Clone(bucket)
		tt.change(changed)
		got := slices.DeleteFunc(w.validate(changed, time.Time{}).Problems, func(p string) bool {
			return !slices.Contains(tt.want, p) && strings.Contains(p, "was put in: no digest names it") // whose digest is gone
		})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", tt.name, diff)
		}
	}
	if found := w.validate(bucket, w.clock().Add(time.Hour)); found.Digests+len(found.Problems) != 0 || found.Open != len(logs) {
		t.Errorf("Validate since now = %+v", found)
	}
	gone := maps.Clone(bucket)
	delete(gone, digests[0]) // as a lifecycle rule does
	if found := w.validate(gone, time.Date(2026, 3, 1, 11, 30, 0, 0, time.UTC)); found.Digests != len(digests)-1 {
		t.Errorf("Validate of a part = %+v, want %d digests", found, len(digests)-1)
	}
}

// TestValidateCopy looks at a copy without metadata: the digests tell each
// other's signatures.
func TestValidateCopy(t *testing.T) {
	w, bucket := copied(t, false)
	digests := names(bucket, "Digest")
	last := digests[len(digests)-1]
	found := w.validate(bucket, time.Time{})
	if diff := cmp.Diff([]string{"digest " + last + " has no signature beside it, and is the last"}, found.Problems); diff != "" || found.Digests != len(digests)-1 {
		t.Errorf("Validate = %+v (-want +got):\n%s", found, diff)
	}
}

// FuzzParseDigest: what is read as a digest is written and read again as the
// same, and nothing panics.
func FuzzParseDigest(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"awsAccountId":"111122223333","digestStartTime":"2026-03-01T10:00:00Z","digestEndTime":"2026-03-01T11:00:00Z","digestS3Bucket":"b","digestS3Object":"o","digestPublicKeyFingerprint":"f","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"oldestEventTime":null,"previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null,"previousDigestHashAlgorithm":null,"previousDigestSignature":null,"logFiles":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseDigest(text)
		if err != nil {
			return
		}
		written, err := json.Marshal(d)
		if err != nil {
			return // a time zone that JSON can't say
		}
		again, err := parseDigest(written)
		if err != nil {
			t.Fatalf("parseDigest(%s) = %v", written, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(twice, written) {
			t.Errorf("%s is read as %s, %v", written, twice, err)
		}
	})
}
