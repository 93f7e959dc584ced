package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/trail"
)

const hashAlgorithm = "SHA-256"

// claimed is for how long a node may take to write a digest, before another may.
const claimed = 3 * time.Minute

// digest is a digest file of CloudTrail (User Guide, "CloudTrail digest file
// structure"): which log files were delivered in a time, and which digest was
// before.
type digest struct {
	Account       string          `json:"awsAccountId"`
	Start         time.Time       `json:"digestStartTime"`
	End           time.Time       `json:"digestEndTime"`
	Bucket        string          `json:"digestS3Bucket"`
	Object        string          `json:"digestS3Object"`
	Fingerprint   string          `json:"digestPublicKeyFingerprint"`
	Algorithm     string          `json:"digestSignatureAlgorithm"`
	Newest        *time.Time      `json:"newestEventTime"`
	Oldest        *time.Time      `json:"oldestEventTime"`
	BeforeBucket  *string         `json:"previousDigestS3Bucket"`
	BeforeObject  *string         `json:"previousDigestS3Object"`
	BeforeHash    *string         `json:"previousDigestHashValue"`
	BeforeHashAlg *string         `json:"previousDigestHashAlgorithm"`
	BeforeSign    *string         `json:"previousDigestSignature"`
	Files         []trail.LogFile `json:"logFiles"`
}

// digestedFile is a log file that a digest will be about.
type digestedFile struct {
	trail.LogFile
	Delivered time.Time `json:"delivered"`
}

// digests delivers the digests of a trail that are due, and gives the trail as
// it is then.
func (d *Deliverer) digests(ctx context.Context, t *directory.AuditTrail, m *mark) (*directory.AuditTrail, error) {
	if !t.Validated {
		m.Files = nil // what was delivered without digests is never digested
		return t, nil
	}
	regions := []string{t.Region}
	for _, c := range t.Chains {
		regions = append(regions, c.Region)
	}
	for region := range m.Files {
		regions = append(regions, region)
	}
	slices.Sort(regions)
	for _, region := range slices.Compact(regions) {
		var err error
		if t, err = d.digestOf(ctx, t, m, region); err != nil {
			return t, err
		}
	}
	return t, nil
}

// chainOf is where the chain of a region stands in the trail, or -1.
func chainOf(t *directory.AuditTrail, region string) int {
	return slices.IndexFunc(t.Chains, func(c directory.DigestChain) bool { return c.Region == region })
}

// digestOf delivers the digest of a region, if one is due.
func (d *Deliverer) digestOf(ctx context.Context, t *directory.AuditTrail, m *mark, region string) (*directory.AuditTrail, error) {
	files := m.Files[region]
	i := chainOf(t, region)
	if i < 0 {
		if len(files) == 0 && !t.Logging {
			return t, nil
		}
		return d.begin(ctx, t, region, files)
	}
	chain := t.Chains[i]
	end, due := d.due(&chain, files)
	if !due {
		return t, nil
	}
	if len(files) == 0 && !t.LoggedSince(chain.Start) {
		return d.changeChain(ctx, t, &chain, func(now *directory.AuditTrail, i int) { now.Chains = slices.Delete(now.Chains, i, i+1) })
	}
	return d.write(ctx, t, m, &chain, end)
}

// due tells whether a digest is to be made, and up to when. Its time is a whole
// number of intervals, unless another node has made the digest of a time in which
// this one has delivered files: those don't wait for the next.
func (d *Deliverer) due(chain *directory.DigestChain, files []digestedFile) (end time.Time, due bool) {
	now := d.opts.Now().UTC().Truncate(time.Second)
	if n := now.Sub(chain.Start) / d.cfg.DigestEvery; n > 0 {
		return chain.Start.Add(n * d.cfg.DigestEvery).Truncate(time.Second), true
	}
	missed := slices.ContainsFunc(files, func(f digestedFile) bool { return f.Delivered.Before(chain.Start) })
	return now, missed && now.After(chain.Start)
}

// begin begins the chain of a region, with the first of its files.
func (d *Deliverer) begin(ctx context.Context, t *directory.AuditTrail, region string, files []digestedFile) (*directory.AuditTrail, error) {
	start := d.opts.Now()
	for _, f := range files {
		if f.Delivered.Before(start) {
			start = f.Delivered
		}
	}
	return d.change(ctx, t, func(now *directory.AuditTrail) error {
		if chainOf(now, region) < 0 && now.Validated {
			now.Chains = append(now.Chains, directory.DigestChain{Region: region, Start: start.UTC().Truncate(time.Second)})
		}
		return nil
	})
}

// errElsewhere: the chain is not as it was, so somebody else goes on with it.
var errElsewhere = errors.New("another node goes on with the chain of digests")

// write delivers the digest that follows in a chain. Only who has claimed the
// chain writes, so that there is one digest after each. After a crash the node
// goes on with its claim; if it is gone for good, the claim expires.
func (d *Deliverer) write(ctx context.Context, t *directory.AuditTrail, m *mark, chain *directory.DigestChain, end time.Time) (*directory.AuditTrail, error) {
	now := d.opts.Now()
	claimedBy, err := d.changeChain(ctx, t, chain, func(t *directory.AuditTrail, i int) { t.Chains[i].Claim, t.Chains[i].Claimed = d.id, now })
	if errors.Is(err, errElsewhere) {
		return t, nil // it has the next round
	}
	if err != nil {
		return t, err
	}
	next, body, err := d.sign(ctx, claimedBy, chain, m.Files[chain.Region], end)
	if err != nil {
		return claimedBy, err
	}
	metadata := map[string]string{"signature": next.Signature, "signature-algorithm": trail.SignatureAlgorithm}
	if err := d.put(ctx, next.Bucket, next.Object, body, metadata); err != nil {
		return claimedBy, err
	}
	settled, err := d.changeChain(ctx, claimedBy, chain, func(t *directory.AuditTrail, i int) { t.Chains[i] = next })
	if err != nil {
		return claimedBy, err
	}
	delete(m.Files, chain.Region)
	m.Digested = now
	return settled, d.save(t, m)
}

// sign makes the digest that follows in a chain.
func (d *Deliverer) sign(ctx context.Context, t *directory.AuditTrail, chain *directory.DigestChain, files []digestedFile, end time.Time) (directory.DigestChain, []byte, error) {
	next := directory.DigestChain{Region: chain.Region, Start: end, Bucket: t.Bucket, Object: digestKey(t, chain.Region, end)}
	key, _, err := d.opts.Key(ctx)
	if err != nil {
		return next, nil, err
	}
	doc := digest{
		Account: t.Account(), Start: chain.Start, End: end, Bucket: next.Bucket, Object: next.Object,
		Fingerprint: trail.Fingerprint(&key.PublicKey), Algorithm: trail.SignatureAlgorithm, Files: make([]trail.LogFile, 0, len(files)),
	}
	if chain.Object != "" {
		alg := hashAlgorithm
		doc.BeforeBucket, doc.BeforeObject, doc.BeforeHash, doc.BeforeHashAlg, doc.BeforeSign = &chain.Bucket, &chain.Object, &chain.Hash, &alg, &chain.Signature
	}
	for _, f := range files {
		doc.Files = append(doc.Files, f.LogFile)
		if doc.Oldest == nil || f.Oldest.Before(*doc.Oldest) {
			doc.Oldest = &f.Oldest
		}
		if doc.Newest == nil || f.Newest.After(*doc.Newest) {
			doc.Newest = &f.Newest
		}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return next, nil, err
	}
	sum := sha256.Sum256(text)
	next.Hash = hex.EncodeToString(sum[:])
	next.Signature, err = trail.SignDigest(key, end, next.Bucket+"/"+next.Object, text, chain.Signature)
	return next, compressed(text), err
}

// digestKey is CloudTrail's name of a digest file (User Guide, "CloudTrail
// digest file structure").
func digestKey(t *directory.AuditTrail, region string, end time.Time) string {
	return withPrefix(t, fmt.Sprintf("AWSLogs/%s/CloudTrail-Digest/%s/%s/%s_CloudTrail-Digest_%s_%s_%s_%s.json.gz", t.Account(), region,
		end.Format("2006/01/02"), t.Account(), region, t.Name, t.Region, end.Format("20060102T150405Z")))
}

// changeChain changes the chain of a region, or gives errElsewhere where it is
// not as it was, or another node has claimed it.
func (d *Deliverer) changeChain(ctx context.Context, t *directory.AuditTrail, chain *directory.DigestChain, fn func(*directory.AuditTrail, int)) (*directory.AuditTrail, error) {
	return d.change(ctx, t, func(now *directory.AuditTrail) error {
		i := chainOf(now, chain.Region)
		if i < 0 || !now.Chains[i].Start.Equal(chain.Start) || now.Chains[i].Signature != chain.Signature {
			return errElsewhere
		}
		if c := &now.Chains[i]; c.Claim != "" && c.Claim != d.id && d.opts.Now().Sub(c.Claimed) < claimed {
			return errElsewhere
		}
		fn(now, i)
		return nil
	})
}

// change changes a trail in the directory, and gives it as it is then.
func (d *Deliverer) change(ctx context.Context, t *directory.AuditTrail, fn func(*directory.AuditTrail) error) (now *directory.AuditTrail, err error) {
	err = d.opts.Directory.Update(ctx, t.Account(), func(tx *directory.Tx) error {
		if now, err = tx.DeliveredTrail(t.Region, t.Name); err != nil {
			return err
		}
		if err := fn(now); err != nil {
			return err
		}
		tx.SaveAuditTrail(now)
		return nil
	})
	if err != nil {
		return t, err
	}
	return now, nil
}
