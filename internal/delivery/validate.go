package delivery

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/trail"
)

// Validation is what Validate found.
type Validation struct {
	Digests int // that are right
	Files   int // log files that are as they were delivered
	Open    int // log files that no digest is about, and none had to be
	// Problems are lines for a person to read.
	Problems []string
}

// Limits of what is read.
const (
	maxPlain    = 1 << 30 // bytes of a file, decompressed
	maxProblems = 100
)

// Validate looks at the digests and log files of a bucket, which is a folder or
// a copy in one: for what was changed, removed or put in since it was delivered.
// keys are the public keys of digests by their fingerprint. Digests that ended
// before a time are not asked for.
//
// A copy that has no metadata has the signatures all the same: each digest has
// that of the one before it. Only the last of a chain can't be checked then.
func Validate(ctx context.Context, bucket fs.FS, keys map[string]*rsa.PublicKey, since time.Time) (Validation, error) {
	v := &validator{bucket: bucket, keys: keys, since: since, byPath: map[string]*foundDigest{}, told: map[string]string{}, named: map[string]bool{}}
	if err := v.read(ctx); err != nil {
		return v.found, err
	}
	slices.SortFunc(v.digests, func(a, b *foundDigest) int { return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.path, b.path)) })
	for _, d := range v.digests {
		if ctx.Err() != nil {
			return v.found, ctx.Err()
		}
		if v.signed(d) && v.follows(d) {
			v.found.Digests++
		}
		for i := range d.Files {
			v.file(d, &d.Files[i])
		}
	}
	covered := v.covered()
	for _, path := range v.logs {
		if !v.named[path] {
			v.stranger(path, covered)
		}
	}
	return v.found, nil
}

// foundDigest is a digest in the bucket.
type foundDigest struct {
	digest
	path      string
	hash      string // of its text
	text      []byte
	signature string // that stands beside it; may be empty
}

type validator struct {
	bucket  fs.FS
	keys    map[string]*rsa.PublicKey
	since   time.Time
	digests []*foundDigest
	byPath  map[string]*foundDigest
	told    map[string]string // signatures of digests by path, as the next ones tell them
	logs    []string          // paths of log files
	named   map[string]bool   // log files that digests name
	found   Validation
}

func (v *validator) problem(format string, args ...any) {
	if len(v.found.Problems) < maxProblems {
		v.found.Problems = append(v.found.Problems, fmt.Sprintf(format, args...))
	}
}

// read finds the digests and the log files.
func (v *validator) read(ctx context.Context) error {
	return fs.WalkDir(v.bucket, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		switch {
		case e.IsDir() || !strings.HasSuffix(path, ".json.gz"):
		case strings.Contains(path, "/CloudTrail-Digest/"):
			v.readDigest(path)
		case strings.Contains(path, "/CloudTrail/"):
			v.logs = append(v.logs, path)
		}
		return nil
	})
}

func (v *validator) readDigest(path string) {
	text, err := v.plain(path)
	if err != nil {
		v.problem("digest %s can't be read: %v", path, err)
		return
	}
	d := &foundDigest{path: path, text: text}
	if d.digest, err = parseDigest(text); err != nil {
		v.problem("digest %s has been changed: %v", path, err)
		return
	}
	if d.End.Before(v.since) {
		return
	}
	if d.Object != path {
		v.problem("digest %s was put in: it is a copy of %s", path, d.Object)
		return
	}
	sum := sha256.Sum256(text)
	d.hash = hex.EncodeToString(sum[:])
	var beside struct{ Signature string }
	if b, err := fs.ReadFile(v.bucket, path+metadataSuffix); err == nil && json.Unmarshal(b, &beside) == nil {
		d.signature = beside.Signature
	}
	v.digests, v.byPath[path] = append(v.digests, d), d
	if d.BeforeObject != nil && *d.BeforeBucket == d.Bucket {
		v.told[*d.BeforeObject] = *d.BeforeSign
	}
}

var errDigest = errors.New("it is not a digest")

// parseDigest reads the text of a digest.
func parseDigest(text []byte) (d digest, err error) {
	if err := json.Unmarshal(text, &d); err != nil {
		return d, errDigest
	}
	all := d.BeforeBucket != nil && d.BeforeObject != nil && d.BeforeHash != nil && d.BeforeSign != nil
	none := d.BeforeBucket == nil && d.BeforeObject == nil && d.BeforeHash == nil && d.BeforeSign == nil
	if !all && !none || d.Object == "" || d.End.IsZero() || d.Algorithm != trail.SignatureAlgorithm {
		return d, errDigest
	}
	return d, nil
}

// plain is what a compressed file holds.
func (v *validator) plain(path string) ([]byte, error) {
	f, err := v.bucket.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if n, err := io.Copy(&text, io.LimitReader(z, maxPlain+1)); err != nil || n > maxPlain {
		return nil, cmp.Or(err, errors.New("it is too large"))
	}
	return text.Bytes(), nil
}

// signed checks a digest's signature.
func (v *validator) signed(d *foundDigest) bool {
	signature := cmp.Or(d.signature, v.told[d.path])
	prior := ""
	if d.BeforeSign != nil {
		prior = *d.BeforeSign
	}
	switch key := v.keys[d.Fingerprint]; {
	case signature == "":
		v.problem("digest %s has no signature beside it, and is the last", d.path)
	case key == nil:
		v.problem("digest %s is signed with a key that was not given, %s", d.path, d.Fingerprint)
	case !trail.DigestSigned(key, d.End, d.Bucket+"/"+d.Object, d.text, prior, signature):
		v.problem("digest %s has been changed: its signature is wrong", d.path)
	default:
		return true
	}
	return false
}

// follows checks that the digest before a digest is there, as it was.
func (v *validator) follows(d *foundDigest) bool {
	if d.BeforeObject == nil || *d.BeforeBucket != d.Bucket || !d.Start.After(v.since) {
		return true // the first of a chain, of this bucket, or of those asked for
	}
	before := v.byPath[*d.BeforeObject]
	if before == nil {
		v.problem("digest %s has been removed: %s follows it", *d.BeforeObject, d.path)
		return false
	}
	if before.hash != *d.BeforeHash {
		v.problem("digest %s has been changed: it is not the one that %s follows", before.path, d.path)
		return false
	}
	return true
}

// file checks a log file that a digest names.
func (v *validator) file(d *foundDigest, f *trail.LogFile) {
	if f.Bucket != d.Bucket {
		return
	}
	v.named[f.Object] = true
	text, err := v.plain(f.Object)
	if errors.Is(err, fs.ErrNotExist) {
		v.problem("log file %s has been removed", f.Object)
		return
	}
	sum := sha256.Sum256(text)
	if err != nil || hex.EncodeToString(sum[:]) != f.Hash {
		v.problem("log file %s has been changed", f.Object)
		return
	}
	v.found.Files++
}

// logName is what is in a log file's name: its account, its region, and the
// minute in which it was delivered.
var logName = regexp.MustCompile(`/([0-9]{12})_CloudTrail_([a-z0-9-]+)_([0-9]{8}T[0-9]{4}Z)_[^/]*$`)

// span is a time that digests are about.
type span struct{ start, end time.Time }

// covered are the times that digests are about, by account and region.
func (v *validator) covered() map[string][]span {
	all := map[string][]span{}
	slices.SortFunc(v.digests, func(a, b *foundDigest) int { return a.Start.Compare(b.Start) })
	for _, d := range v.digests {
		m := digestName.FindStringSubmatch(d.path)
		if m == nil {
			continue
		}
		of := m[1] + "/" + m[2]
		spans := all[of]
		if n := len(spans); n > 0 && !d.Start.After(spans[n-1].end) {
			if d.End.After(spans[n-1].end) {
				spans[n-1].end = d.End
			}
			continue
		}
		all[of] = append(spans, span{d.Start, d.End})
	}
	return all
}

// digestName is what is in a digest's name: its account and its region.
var digestName = regexp.MustCompile(`/([0-9]{12})/CloudTrail-Digest/([a-z0-9-]+)/`)

// stranger looks at a log file that no digest names: it was put in if digests
// are about all of the minute in which it says to have been delivered.
func (v *validator) stranger(path string, covered map[string][]span) {
	m := logName.FindStringSubmatch(path)
	if m == nil {
		v.problem("log file %s was put in: it has not the name of one", path)
		return
	}
	at, err := time.Parse("20060102T1504Z", m[3])
	if err != nil || slices.ContainsFunc(covered[m[1]+"/"+m[2]], func(s span) bool { return !at.Before(s.start) && !at.Add(time.Minute).After(s.end) }) {
		v.problem("log file %s was put in: no digest names it", path)
		return
	}
	v.found.Open++
}
