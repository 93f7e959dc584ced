package federation

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// KeyOptions say how keys of OpenID Connect providers are fetched. Now and Log
// must be set.
type KeyOptions struct {
	// Roots are the certificate authorities that providers may have their
	// certificates of. Nil means those of the system.
	Roots *x509.CertPool
	// LoopbackHTTP lets issuers on this machine do without TLS.
	LoopbackHTTP bool
	Now          func() time.Time
	Log          *slog.Logger
}

// Keys are the keys of OpenID Connect providers: fetched when they are first
// asked for, and kept for an hour. It may be used by many goroutines.
type Keys struct {
	opts KeyOptions

	mu   sync.Mutex // guards the field below
	sets map[string]*keySet
	busy chan struct{} // holds one value for each fetch that is under way
}

const (
	keySetLife  = time.Hour
	keySetRetry = 10 * time.Second // between two fetches of the same set
	maxKeySets  = 1000
	maxKeys     = 100 // of one set that are looked at
	maxFetches  = 16  // at once
	minRSA      = 2048
	maxRSA      = 8192
)

// keySet is the key set of one issuer.
type keySet struct {
	turn    chan struct{} // holds a value while someone has the fields below
	keys    []jose.JSONWebKey
	fetched time.Time // when keys were; zero where there are none
	tried   time.Time // the last fetch, whatever came of it
	used    time.Time // guarded by Keys.mu
}

// NewKeys makes an empty set of sets.
func NewKeys(opts KeyOptions) *Keys {
	return &Keys{opts: opts, sets: map[string]*keySet{}, busy: make(chan struct{}, maxFetches)}
}

// ProviderURL is the URL, without its scheme, of the provider that an issuer
// can be; false where none can.
func (k *Keys) ProviderURL(issuer string) (string, bool) {
	if url, ok := strings.CutPrefix(issuer, "https://"); ok {
		return url, url != ""
	}
	url, ok := strings.CutPrefix(issuer, "http://")
	return url, ok && url != "" && k.opts.LoopbackHTTP // which the dialler holds to this machine
}

// find gives the issuer's keys that a token may be signed with. Where there is
// none of that id, the set is fetched anew, but not too often. *Refused.
func (k *Keys) find(ctx context.Context, issuer string, p Provider, id, algorithm string) ([]jose.JSONWebKey, error) {
	set := k.set(issuer, p)
	select {
	case set.turn <- struct{}{}:
		defer func() { <-set.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := k.opts.Now()
	if set.fetched.IsZero() || now.Sub(set.fetched) >= keySetLife {
		set.keys = nil
	}
	found := matching(set.keys, id, algorithm)
	if len(found) == 0 && (set.tried.IsZero() || now.Sub(set.tried) >= keySetRetry) {
		set.tried = now
		keys, err := k.fetch(ctx, issuer, p.Thumbprints)
		if err != nil {
			k.opts.Log.Warn("keys of an identity provider not fetched", "issuer", issuer, "error", err)
			return nil, &Refused{Text: msgNoKey, Err: err}
		}
		set.keys, set.fetched = keys, now
		found = matching(keys, id, algorithm)
	}
	if len(found) == 0 {
		return nil, refused(msgNoKey)
	}
	return found, nil
}

// set gives the set of an issuer. What one account lets a certificate vouch for
// another may not: sets are kept apart by thumbprints.
func (k *Keys) set(issuer string, p Provider) *keySet {
	name := issuer + " " + strings.ToLower(strings.Join(p.Thumbprints, " "))
	k.mu.Lock()
	defer k.mu.Unlock()
	set := k.sets[name]
	if set == nil {
		if len(k.sets) >= maxKeySets {
			k.drop()
		}
		set = &keySet{turn: make(chan struct{}, 1)}
		k.sets[name] = set
	}
	set.used = k.opts.Now()
	return set
}

// drop drops the set that was not used for longest.
func (k *Keys) drop() {
	oldest := ""
	for name, set := range k.sets {
		if oldest == "" || set.used.Before(k.sets[oldest].used) {
			oldest = name
		}
	}
	delete(k.sets, oldest)
}

// matching are the keys that a token with that header may be signed with.
func matching(keys []jose.JSONWebKey, id, algorithm string) []jose.JSONWebKey {
	var found []jose.JSONWebKey
	for _, key := range keys {
		if (id == "" || key.KeyID == id) && (key.Algorithm == "" || key.Algorithm == algorithm) && fits(key, algorithm) {
			found = append(found, key)
		}
	}
	return found
}

// fits reports whether a key is of the algorithm's kind, and neither weak nor huge.
func fits(key jose.JSONWebKey, algorithm string) bool {
	switch pub := key.Key.(type) {
	case *rsa.PublicKey:
		bits := pub.N.BitLen()
		return strings.HasPrefix(algorithm, "RS") && bits >= minRSA && bits <= maxRSA
	case *ecdsa.PublicKey:
		return strings.HasPrefix(algorithm, "ES")
	}
	return false
}

// discovery is what is needed of a discovery document (OpenID Connect
// Discovery 1.0, 3).
type discovery struct {
	Issuer string `json:"issuer"`
	Keys   string `json:"jwks_uri"`
}

// fetch fetches the key set of an issuer.
func (k *Keys) fetch(ctx context.Context, issuer string, thumbprints []string) ([]jose.JSONWebKey, error) {
	select {
	case k.busy <- struct{}{}:
		defer func() { <-k.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	// Whoever asked first may hang up; the others, who wait, still want the keys.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	client := k.client(thumbprints)
	defer client.CloseIdleConnections()
	body, err := get(ctx, client, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	var doc discovery
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("read the discovery document: %w", err)
	}
	if doc.Issuer != issuer {
		return nil, fmt.Errorf("the discovery document is of issuer %q", doc.Issuer)
	}
	if body, err = get(ctx, client, doc.Keys); err != nil {
		return nil, err
	}
	return parseKeys(body)
}

// parseKeys reads a key set. Keys that aren't for signatures, or of a kind that
// isn't known, are left out.
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range doc.Keys[:min(len(doc.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
