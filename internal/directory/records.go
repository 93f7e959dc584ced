package directory

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/internal/store"
)

// Record is one record of the store as a snapshot holds it. It is decoded on
// first use, once for all snapshots that share it.
type Record struct {
	Key   string
	Value []byte
	Rev   store.Revision

	decoded atomic.Value // of one type for each kind of key
}

// Keys of the store, as text paths that begin with the account:
//
//	ACCOUNT/account                      Account
//	ACCOUNT/user/ID                      User (the root user's id is the account's)
//	ACCOUNT/username/lower-case name     ID and path
//	ACCOUNT/key/ACCESS KEY ID            accessKeyRecord
//	ACCOUNT/used/ACCESS KEY OR ROLE ID   LastUsed
//	ACCOUNT/group/ID                     Group
//	ACCOUNT/groupname/lower-case name    ID and path
//	ACCOUNT/groupuse/GROUP ID            usage: how many members
//	ACCOUNT/member/GROUP ID/USER ID      empty
//	ACCOUNT/role/ID                      Role
//	ACCOUNT/rolename/lower-case name     ID and path
//	ACCOUNT/profile/ID                   InstanceProfile
//	ACCOUNT/profilename/lower-case name  ID and path
//	ACCOUNT/policy/ID                    ManagedPolicy
//	ACCOUNT/policyname/lower-case name   ID and path
//	ACCOUNT/policydoc/ID/VERSION         the document's text
//	ACCOUNT/policyuse/ID                 usage: how often attached
//	ACCOUNT/attached/POLICY ID/KIND/ID   the attached policy's ARN
//	ACCOUNT/closed/account               the account is closed
//	ACCOUNT/org/organization             Organization (of its management account)
//	ACCOUNT/orgnode/ID                   OrgNode: root, organizational unit, account
//	ACCOUNT/orgpolicy/ID                 OrgPolicy
//	ACCOUNT/orgrequest/ID                AccountRequest
//	ACCOUNT/handshake/ID                 Handshake
//	ACCOUNT/invited/HANDSHAKE ID         the management account that invites
//	ACCOUNT/confirm                      confirmRequest: the last change that waits for all nodes
//	ACCOUNT/mfa/PATH AND NAME            MFADevice
//	ACCOUNT/passkey/USER AND NAME        Passkey
//	ACCOUNT/signin/USER ID               passwordUse
//	ACCOUNT/browsers/USER ID             signIns
//	ACCOUNT/signingcert/SHA-256          the id of the user who has it
//	ACCOUNT/servercert/ID                ServerCert
//	ACCOUNT/servercertname/lower-case    ID and path
//	ACCOUNT/oidc/URL WITHOUT SCHEME      OIDCProvider
//	ACCOUNT/saml/NAME                    SAMLProvider
//	ACCOUNT/samldoc/NAME                 the metadata document's text
//	ACCOUNT/access/USER OR ROLE ID       accessRecord: last use of services and actions
//	ACCOUNT/report/ID                    Report
//	ACCOUNT/reportpart/ID/N              a part of its content, compressed
//	ACCOUNT/issuer                       Issuer
//	ACCOUNT/trail/REGION/NAME            AuditTrail
//	deployment/ring                      the sealed key ring
//	deployment/first                     the id of the account that the first start made
//	deployment/node/ID                   Node
//	deployment/outbox/EVENT ID           an event that is not in the trail yet
//	deployment/trailkey/trail            TrailKey
//	deployment/alias/ALIAS               the account's id
//	deployment/delegation/ID             Delegation
//	deployment/key/ACCESS KEY ID         the account, where the id does not tell it
//	deployment/id/UNIQUE ID              the account, where the id does not tell it
const (
	kindAccount     = "account"
	kindUser        = "user"
	kindUserName    = "username"
	kindKey         = "key"
	kindUsed        = "used"
	kindGroup       = "group"
	kindGroupName   = "groupname"
	kindGroupUse    = "groupuse"
	kindMember      = "member"
	kindRole        = "role"
	kindRoleName    = "rolename"
	kindProfile     = "profile"
	kindProfileName = "profilename"
	kindPolicy      = "policy"
	kindPolicyName  = "policyname"
	kindPolicyDoc   = "policydoc"
	kindPolicyUse   = "policyuse"
	kindAttached    = "attached"

	kindMFA            = "mfa"
	kindPasskey        = "passkey"
	kindSignIn         = "signin"
	kindBrowsers       = "browsers"
	kindSigningCert    = "signingcert"
	kindServerCert     = "servercert"
	kindServerCertName = "servercertname"
	kindOIDC           = "oidc"
	kindSAML           = "saml"
	kindSAMLDoc        = "samldoc"
	kindIssuer         = "issuer"

	kindAccess     = "access"
	kindReport     = "report"
	kindDelegation = "delegation"
	kindKeptID     = "id"
	kindReportPart = "reportpart"

	kindConfirm = "confirm"
	kindNode    = "node"
	kindOutbox  = "outbox"
	kindTrail   = "trailkey"

	kindAuditTrail = "trail"

	deployment = "deployment"
	ringKind   = "ring"
	ringKey    = deployment + "/" + ringKind
	firstKind  = "first"
	firstKey   = deployment + "/" + firstKind
	aliasKey   = deployment + "/alias/"
)

// recordFormat is the version of the records' form, kept in each.
const recordFormat = 1

// listed are the kinds whose keys are also held in order, for listing.
func listed(kind string) bool {
	switch kind {
	case kindUserName, kindGroupName, kindRoleName, kindProfileName, kindPolicyName, kindMember, kindAttached, kindAccount, kindNode, kindMFA, kindServerCertName, kindOIDC, kindSAML, kindAuditTrail, kindReport, kindDelegation:
		return true
	case kindOrgNode, kindOrgPolicy, kindOrgRequest, kindHandshake, kindInvited:
		return true
	}
	return false
}

// decides are the kinds that a principal's policies can depend on, besides
// the principal's own record.
func decides(kind string) bool {
	return kind == kindGroup || kind == kindPolicy || kind == kindPolicyDoc || kind == kindAccount
}

func recordKey(account, kind string, rest ...string) string {
	return account + "/" + kind + "/" + strings.Join(rest, "/")
}

func accountKey(account string) string { return account + "/" + kindAccount }

// splitKey gives the account and the kind of a record's key.
func splitKey(key string) (account, kind string) {
	account, rest, _ := strings.Cut(key, "/")
	kind, _, _ = strings.Cut(rest, "/")
	return account, kind
}

// nameRecord is the value of a name's index record: the id and the path.
func nameRecord(id, path string) []byte { return []byte(id + " " + path) }

// nameEntry is a name's index record, read.
type nameEntry struct{ id, path string }

func (r *Record) name() *nameEntry {
	if e, ok := r.decoded.Load().(*nameEntry); ok {
		return e
	}
	e := new(nameEntry)
	e.id, e.path, _ = strings.Cut(string(r.Value), " ")
	r.decoded.CompareAndSwap(nil, e)
	return e
}

// decode gives the record as a T. A record that can't be read is a fault of
// the store, not of the request.
func decode[T any](r *Record) (*T, error) {
	if v, ok := r.decoded.Load().(*T); ok {
		return v, nil
	}
	v := new(T)
	if err := json.Unmarshal(r.Value, v); err != nil {
		return nil, fmt.Errorf("record %s of revision %d: %w", r.Key, r.Rev, err)
	}
	if c, ok := any(v).(interface{ loaded(*Record) }); ok {
		c.loaded(r)
	}
	// Whoever was first wins, so that everyone shares one value.
	if !r.decoded.CompareAndSwap(nil, v) {
		v = r.decoded.Load().(*T)
	}
	return v, nil
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own record types always encode
	}
	return b
}

// usage counts what refers to a group or a policy.
type usage struct {
	Format   int `json:"v"`
	Count    int `json:"n"`           // members, or attachments
	Boundary int `json:"b,omitempty"` // uses as a permissions boundary
}

// Tag is a tag of a user, a policy or any other entity that takes tags.
type Tag struct {
	Key   string `json:"k"`
	Value string `json:"v,omitempty"`
}

// InlinePolicy is a policy that lives and dies with its user or group.
type InlinePolicy struct {
	Name     string `json:"name"`
	Document string `json:"doc"`
}

// Policies are those of a user or a group: its own and the attached ones.
type Policies struct {
	Inline   []InlinePolicy `json:"inline,omitempty"`   // in order of their names
	Attached []string       `json:"attached,omitempty"` // ARNs, in order of attachment
}

// wholeSeconds cuts to whole seconds, the precision of IAM's times.
func wholeSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
