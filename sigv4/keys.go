package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"hash/maphash"
	"sync/atomic"
)

// signingKey is the key that a secret gives for one scope. It keeps some
// states of HMAC, because setting one up costs more than using it. They are
// slots rather than a sync.Pool, of which thousands burden the collector.
type signingKey struct {
	keyID, date, region, service string
	secret                       string
	key                          []byte
	states                       [4]atomic.Pointer[macState]
}

type macState struct {
	hash.Hash
	sum [sha256.Size]byte
}

func deriveKey(sig *Signature, secret string) *signingKey {
	k := &signingKey{keyID: sig.KeyID, date: sig.Date, region: sig.Region, service: sig.Service, secret: secret}
	k.key = hmacSHA256([]byte("AWS4"+secret), k.date)
	for _, part := range [...]string{k.region, k.service, terminator} {
		k.key = hmacSHA256(k.key, part)
	}
	return k
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// sign returns the signature of a text.
func (k *signingKey) sign(text []byte) (sum [sha256.Size]byte) {
	m := k.takeState()
	m.Write(text)
	m.Sum(m.sum[:0])
	sum = m.sum
	m.Reset()
	for i := range k.states {
		if k.states[i].CompareAndSwap(nil, m) {
			break
		}
	}
	return sum
}

func (k *signingKey) takeState() *macState {
	for i := range k.states {
		if k.states[i].Load() == nil {
			continue
		}
		if m := k.states[i].Swap(nil); m != nil {
			return m
		}
	}
	return &macState{Hash: hmac.New(sha256.New, k.key)}
}

func (k *signingKey) fits(sig *Signature, secret string) bool {
	return k.keyID == sig.KeyID && k.date == sig.Date && k.region == sig.Region && k.service == sig.Service &&
		subtle.ConstantTimeCompare([]byte(k.secret), []byte(secret)) == 1
}

// keyCache is a cache of signing keys: a fixed number of slots, each owned by
// the last key that was stored there. Reading and writing take no lock.
type keyCache struct {
	slots [1024]atomic.Pointer[signingKey]
}

var cacheSeed = maphash.MakeSeed()

func (c *keyCache) slot(sig *Signature) *atomic.Pointer[signingKey] {
	h := maphash.String(cacheSeed, sig.KeyID)
	h ^= maphash.String(cacheSeed, sig.Service) * 3
	h ^= maphash.String(cacheSeed, sig.Region) * 5
	return &c.slots[h%uint64(len(c.slots))]
}

// find returns the key, and whether it came from the cache.
func (c *keyCache) find(sig *Signature, secret string) (*signingKey, bool) {
	if k := c.slot(sig).Load(); k != nil && k.fits(sig, secret) {
		return k, true
	}
	return deriveKey(sig, secret), false
}

func (c *keyCache) store(sig *Signature, k *signingKey) { c.slot(sig).Store(k) }
