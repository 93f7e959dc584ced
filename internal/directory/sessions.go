package directory

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/policy"
)

// SessionKind says what a session acts as.
type SessionKind string

// The kinds of sessions.
const (
	UserSession      SessionKind = ""          // the user itself (GetSessionToken)
	RoleSession      SessionKind = "role"      // a role (AssumeRole and its like)
	FederatedSession SessionKind = "federated" // a federated user (GetFederationToken)
	RootSession      SessionKind = "root"      // root, for one task (AssumeRoot)
	ConsoleSession   SessionKind = "console"   // the user itself, in a browser that is signed in
)

// Session is what temporary credentials carry with them, sealed in their
// session token: nothing of it is stored. One that was opened is shared and
// must not be changed.
type Session struct {
	Version int         `json:"v"`
	Kind    SessionKind `json:"kind,omitempty"`
	KeyID   string      `json:"key"`    // ASIA…
	Secret  string      `json:"secret"` // of the temporary key
	Account string      `json:"account"`
	// Entity is the unique id of the user or role that the session acts as, or
	// of the user who asked for a federated one.
	Entity  string    `json:"user"`
	Name    string    `json:"name,omitempty"` // of the role session, or of the federated user
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	MFA     time.Time `json:"mfa,omitzero"` // when a code was given, if one was

	Policy     string   `json:"policy,omitempty"`   // the session policy
	PolicyARNs []string `json:"policies,omitempty"` // managed session policies
	Tags       []Tag    `json:"tags,omitempty"`     // also those that the session inherited
	Transitive []string `json:"transitive,omitempty"`
	// SourceIdentity is that of the session or of the first in its chain.
	SourceIdentity string `json:"source,omitempty"`
	Issuer         string `json:"issuer,omitempty"` // ARN of who asked for the session; empty of who had a token of another provider
	// Keys are condition keys that requests of the session carry, by name: of
	// sessions by OpenID Connect or SAML, aws:FederatedProvider and the claims.
	Keys map[string][]string `json:"keys,omitempty"`
	// Browser is the id of the SignIn that the session was made from.
	Browser string `json:"browser,omitempty"`
	// Delegated is the id of the delegation request that the session is for, in
	// which somebody else acts as the user or role.
	Delegated string `json:"delegated,omitempty"`
	// Rev is the revision of the directory at which the session was made.
	Rev store.Revision `json:"rev,omitempty"`

	once   sync.Once
	policy *policy.Policy            // compiled, once asked for
	set    atomic.Pointer[cachedSet] // of all session policies
	use    atomic.Pointer[roleUse]   // of the role that it is a session of
	did    lastAction                // with the session
}

// Format writes which session it is, whatever the verb, and nothing of its secret.
func (s *Session) Format(f fmt.State, _ rune) { io.WriteString(f, "session of "+s.KeyID) }

// LogValue is the key id.
func (s *Session) LogValue() slog.Value { return slog.StringValue("session of " + s.KeyID) }

const (
	sessionPurpose = "session"
	denialPurpose  = "authorization message"
)

// NewSession completes a session of that life and gives its session token. What
// it is a session of (Kind, Account, Entity and all that concerns it) must be set.
func (d *Directory) NewSession(s *Session, life time.Duration) (token string, err error) {
	s.Version = recordFormat
	s.KeyID = seal.AccessKeyID(d.opts.Rand, "ASIA", s.Account)
	s.Secret = seal.SecretKey(d.opts.Rand).Reveal()
	s.Issued = wholeSeconds(d.opts.Now())
	s.Expires = s.Issued.Add(life)
	s.Rev = d.Snapshot().Rev
	claims, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode session: %w", err)
	}
	return seal.SealToken(d.box, claims, sessionPurpose), nil
}

// OpenSession reads a session token. The error, seal.ErrToken, says only that
// it isn't one of ours; whether it has expired is for the caller to judge.
func (d *Directory) OpenSession(token string) (*Session, error) {
	if s := d.sessions.get(token); s != nil {
		return s, nil
	}
	claims, err := seal.OpenToken(d.box, token, sessionPurpose)
	if err != nil {
		return nil, err
	}
	s := new(Session)
	if err := json.Unmarshal(claims, s); err != nil || s.Version != recordFormat {
		return nil, seal.ErrToken
	}
	d.sessions.put(token, s)
	return s, nil
}

// openSessions are sessions that were opened lately, by their tokens. What is
// found here was opened with a key of the ring, and keys of the ring are never
// dropped; that a session has expired, and that its user or role is gone, is
// asked each time all the same.
type openSessions struct {
	shards [16]struct {
		mu        sync.RWMutex // guards the fields below
		now, last map[string]*Session
	}
}

// sessionsKept is how many sessions of a shard are kept at least, once seen.
const sessionsKept = 256

// get gives the session of a token, or nil.
func (o *openSessions) get(token string) *Session {
	shard := &o.shards[maphash.String(hashSeed, token)%uint64(len(o.shards))]
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	if s := shard.now[token]; s != nil {
		return s
	}
	return shard.last[token]
}

func (o *openSessions) put(token string, s *Session) {
	shard := &o.shards[maphash.String(hashSeed, token)%uint64(len(o.shards))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.now == nil || len(shard.now) >= sessionsKept {
		shard.now, shard.last = make(map[string]*Session), shard.now
	}
	shard.now[token] = s
}

// SealDenial seals what an account's denied request was about: the encoded
// authorization message. The details are compressed.
func (d *Directory) SealDenial(account, details string) string {
	var b bytes.Buffer
	b.WriteString(account)
	z, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		panic(err) // only for a level that doesn't exist
	}
	z.Write([]byte(details)) // into memory: neither can fail
	z.Close()
	return seal.SealToken(d.box, b.Bytes(), denialPurpose)
}

// maxDetails bounds, in bytes, what a message can hold when it is opened.
const maxDetails = 1 << 20

// OpenDenial gives back what SealDenial sealed, or seal.ErrToken.
func (d *Directory) OpenDenial(message string) (account, details string, err error) {
	plain, err := seal.OpenToken(d.box, message, denialPurpose)
	if err != nil || len(plain) < 12 {
		return "", "", seal.ErrToken
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(plain[12:])), maxDetails))
	if err != nil {
		return "", "", seal.ErrToken
	}
	return string(plain[:12]), string(text), nil
}
