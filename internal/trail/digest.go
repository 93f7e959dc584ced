package trail

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// digestPrefix is that of digests: g/SEQ of their last event.
const digestPrefix = "g/"

// Digest is a digest file of CloudTrail (User Guide, "CloudTrail digest file
// structure"): signed, it says which events there were, and which digest was
// before. Its one log file are the events since that.
type Digest struct {
	Account       string    `json:"awsAccountId"`
	Start         time.Time `json:"digestStartTime"` // the end of the digest before
	End           time.Time `json:"digestEndTime"`
	Bucket        string    `json:"digestS3Bucket"`
	Object        string    `json:"digestS3Object"`
	Fingerprint   string    `json:"digestPublicKeyFingerprint"`
	Algorithm     string    `json:"digestSignatureAlgorithm"`
	Newest        time.Time `json:"newestEventTime"`
	Oldest        time.Time `json:"oldestEventTime"`
	BeforeBucket  *string   `json:"previousDigestS3Bucket"`
	BeforeObject  *string   `json:"previousDigestS3Object"`
	BeforeHash    *string   `json:"previousDigestHashValue"`
	BeforeHashAlg *string   `json:"previousDigestHashAlgorithm"`
	BeforeSign    *string   `json:"previousDigestSignature"`
	Files         []LogFile `json:"logFiles"`
	Own           Chained   `json:"sallyport"`
}

// LogFile is a file of events, as a digest knows it.
type LogFile struct {
	Bucket string    `json:"s3Bucket"`
	Object string    `json:"s3Object"`
	Hash   string    `json:"hashValue"`
	Alg    string    `json:"hashAlgorithm"`
	Newest time.Time `json:"newestEventTime"`
	Oldest time.Time `json:"oldestEventTime"`
}

// Chained is Sallyport's part of a digest: the events that it is about, and the
// link before the first of them.
type Chained struct {
	First  uint64 `json:"firstEvent"`
	Last   uint64 `json:"lastEvent"`
	Before string `json:"chainBefore"`
	// Expired are the first days, such as 2026-01-31, that are kept since the
	// digest before, by account.
	Expired map[string]string `json:"expired,omitempty"`
}

// signedDigest is a digest as the database holds it.
type signedDigest struct {
	File      string `json:"file"`      // the digest's JSON, as it was signed
	Signature string `json:"signature"` // hexadecimal
}

// SignatureAlgorithm is how digests are signed: RSASSA-PKCS1-v1_5.
const SignatureAlgorithm = "SHA256withRSA"

const hashAlgorithm = "SHA-256"

// Fingerprint names a public key in digests: hexadecimal, 32 characters as
// CloudTrail's.
func Fingerprint(key *rsa.PublicKey) string {
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(key))
	return hex.EncodeToString(sum[:16])
}

// toSign is the hash of what is signed of a digest file, as CloudTrail has it:
// its time, its name, its hash and the signature before it.
func toSign(end time.Time, name string, file []byte, before string) []byte {
	sum := sha256.Sum256(file)
	if before == "" {
		before = "null"
	}
	text := end.UTC().Format(time.RFC3339) + "\n" + name + "\n" + hex.EncodeToString(sum[:]) + "\n" + before
	hash := sha256.Sum256([]byte(text))
	return hash[:]
}

// SignDigest signs a digest file of that end and name, which follows one with
// the signature before; empty where it is the first. It gives hexadecimal text.
func SignDigest(key *rsa.PrivateKey, end time.Time, name string, file []byte, before string) (string, error) {
	made, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, toSign(end, name, file, before))
	if err != nil {
		return "", fmt.Errorf("sign a digest of the trail: %w", err)
	}
	return hex.EncodeToString(made), nil
}

// DigestSigned reports whether SignDigest has made that signature.
func DigestSigned(key *rsa.PublicKey, end time.Time, name string, file []byte, before, signature string) bool {
	b, err := hex.DecodeString(signature)
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, toSign(end, name, file, before), b) == nil
}

func (d *Digest) name() string { return d.Bucket + "/" + d.Object }

// Digest signs all events since the last digest, for the account that the
// deployment began with. Where there are none it does nothing. One call at a time.
func (l *Log) Digest(key *rsa.PrivateKey, account string, now time.Time) error {
	l.expiring.Lock()
	defer l.expiring.Unlock()
	before, signature, err := l.lastSigned()
	if err != nil {
		return err
	}
	d, err := l.digestAfter(before, now)
	if err != nil || d == nil {
		return err
	}
	if d.Own.Expired, err = l.untoldExpiries(); err != nil {
		return err
	}
	d.Account, d.Fingerprint = account, Fingerprint(&key.PublicKey)
	file, err := json.Marshal(d)
	if err != nil {
		return err
	}
	made, err := SignDigest(key, d.End, d.name(), file, signature)
	if err != nil {
		return err
	}
	value, err := json.Marshal(signedDigest{string(file), made})
	if err != nil {
		return err
	}
	if err := l.storeDigest(d, value); err != nil {
		return fmt.Errorf("store a digest of the trail: %w", err)
	}
	return nil
}

func digestKey(last uint64) []byte {
	return append([]byte(digestPrefix), orderKey(last)[len(orderPrefix):]...)
}

// lastSigned gives the newest digest, nil where there is none.
func (l *Log) lastSigned() (before *storedDigest, signature string, err error) {
	it, err := l.db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(digestPrefix), UpperBound: after(digestPrefix)})
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Last() {
		return nil, "", it.Error()
	}
	if before, err = readDigest(it.Value()); err != nil {
		return nil, "", err
	}
	return before, before.signature, nil
}

// storedDigest is a digest that was read, and the bytes that were signed.
type storedDigest struct {
	Digest
	file      []byte
	signature string
}

var errDigest = errors.New("digest is damaged")

func readDigest(value []byte) (*storedDigest, error) {
	var s signedDigest
	d := new(storedDigest)
	if json.Unmarshal(value, &s) != nil || json.Unmarshal([]byte(s.File), &d.Digest) != nil || len(d.Files) != 1 {
		return nil, errDigest
	}
	d.file, d.signature = []byte(s.File), s.Signature
	return d, nil
}

// lastDigest takes the end of the chain from the newest digest, where no block
// is left.
func (l *Log) lastDigest() error {
	d, _, err := l.lastSigned()
	if err != nil || d == nil {
		return err
	}
	chain, err := parseLink(d.Files[0].Hash)
	l.chain = chain
	l.seq.Store(d.Own.Last)
	return err
}

func parseLink(text string) (l link, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(l) {
		return l, errDigest
	}
	copy(l[:], b)
	return l, nil
}

// digestAfter is the digest that follows another, not signed; nil where nothing
// has happened since.
func (l *Log) digestAfter(before *storedDigest, now time.Time) (*Digest, error) {
	d := &Digest{End: now.UTC().Truncate(time.Second), Bucket: "trail", Algorithm: SignatureAlgorithm}
	d.Own.First, d.Own.Before = 1, hex.EncodeToString(make([]byte, sha256.Size))
	if before != nil {
		object, alg, sum := before.Object, hashAlgorithm, sha256.Sum256(before.file)
		hash := hex.EncodeToString(sum[:])
		d.Start, d.Own.First, d.Own.Before = before.End, before.Own.Last+1, before.Files[0].Hash
		d.BeforeBucket, d.BeforeObject, d.BeforeHash, d.BeforeHashAlg, d.BeforeSign = &before.Bucket, &object, &hash, &alg, &before.signature
	}
	var last link
	err := eachOrder(l.db, d.Own.First, func(o *order) error {
		at := o.time()
		if d.Own.Last == 0 || at.Before(d.Oldest) {
			d.Oldest = at
		}
		if at.After(d.Newest) {
			d.Newest = at
		}
		d.Own.Last, last = o.seq+uint64(o.events)-1, o.chain
		return nil
	})
	if err != nil || d.Own.Last == 0 {
		return nil, err
	}
	if before == nil {
		d.Start = d.Oldest
	}
	d.Object = fmt.Sprintf("digests/%d", d.Own.Last)
	d.Files = []LogFile{{d.Bucket, fmt.Sprintf("events/%d-%d", d.Own.First, d.Own.Last), hex.EncodeToString(last[:]), hashAlgorithm, d.Newest, d.Oldest}}
	return d, nil
}

// eachOrder calls fn for the blocks from a number on.
func eachOrder(db pebbledb.Reader, first uint64, fn func(*order) error) (err error) {
	it, err := db.NewIter(&pebbledb.IterOptions{LowerBound: orderKey(first), UpperBound: after(orderPrefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		o, err := orderEntry(it.Key(), it.Value())
		if err != nil {
			return err
		}
		if err := fn(&o); err != nil {
			return err
		}
	}
	return it.Error()
}
