package directory

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-iam/sallyport/policy"
)

// Role is an IAM role. Roles of a snapshot are shared and must not be changed.
type Role struct {
	Format      int       `json:"v"`
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Path        string    `json:"path"`
	Created     time.Time `json:"created"`
	Description string    `json:"description,omitempty"`
	MaxSession  int       `json:"maxSession"` // the longest session, in seconds
	// Trust is the trust policy as it was written, but that users and roles
	// stand in it by their unique ids: what is made later under a name that was
	// trusted is another one.
	Trust    string   `json:"trust"`
	Tags     []Tag    `json:"tags,omitempty"`
	Boundary string   `json:"boundary,omitempty"` // ARN
	Profiles []string `json:"profiles,omitempty"` // ids of the instance profiles that it is in
	Policies

	account  string
	arn      string
	inline   compiledInline
	set      atomic.Pointer[cachedSet]
	trustOne sync.Once
	trust    *policy.Policy
}

// The lengths of sessions of roles, in seconds (docs/facts, 10.1).
const (
	DefaultMaxSession = 3600
	LongestMaxSession = 43200
)

// ServiceLinkedPath is where service-linked roles stand, and no others.
const ServiceLinkedPath = "/aws-service-role/"

func (r *Role) loaded(rec *Record) {
	r.account, _ = splitKey(rec.Key)
	r.arn = RoleARN(r.account, r.Path, r.Name)
}

// RoleARN is the ARN of a role of that path and name.
func RoleARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":role" + path + name
}

// Account is the id of the role's account.
func (r *Role) Account() string { return r.account }

// ARN is the role's ARN.
func (r *Role) ARN() string { return r.arn }

// ServiceLinked reports whether the role belongs to a service, which alone may change it.
func (r *Role) ServiceLinked() bool { return strings.HasPrefix(r.Path, ServiceLinkedPath) }

// TrustPolicy is the compiled trust policy. One that can't be read denies everything.
func (r *Role) TrustPolicy() *policy.Policy {
	r.trustOne.Do(func() { r.trust = policy.Load(r.Trust, policy.Trust) })
	return r.trust
}

// Role is the role of that name, without regard to case, or NotFound.
func (s *Snapshot) Role(account, name string) (*Role, error) {
	r := s.get(account, kindRoleName, fold(name))
	if r == nil {
		return nil, &NotFound{Kind: KindRole, Name: name}
	}
	return s.RoleByID(account, r.name().id)
}

// RoleByID is the role of that unique id, or NotFound.
func (s *Snapshot) RoleByID(account, id string) (*Role, error) {
	r := s.get(account, kindRole, id)
	if r == nil {
		return nil, &NotFound{Kind: KindRole, Name: id}
	}
	return decode[Role](r)
}

// RoleByARN is the role of that ARN, of any account, or NotFound.
func (s *Snapshot) RoleByARN(arn string) (*Role, error) {
	if account, kind, name, ok := splitEntityARN(arn); ok && kind == "role" {
		if r, err := s.Role(account, name); err == nil && r.arn == arn {
			return r, nil
		}
	}
	return nil, &NotFound{Kind: KindRole, Name: arn}
}

// splitEntityARN takes the ARN of a user, role or the like apart; name is
// what follows the path.
func splitEntityARN(arn string) (account, kind, name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	if !ok {
		return "", "", "", false
	}
	account, rest, _ = strings.Cut(rest, ":")
	kind, rest, ok = strings.Cut(rest, "/")
	return account, kind, rest[strings.LastIndexByte(rest, '/')+1:], ok
}

// Roles calls fn for the account's roles as Users does for users.
func (s *Snapshot) Roles(account, pathPrefix, after string, fn func(*Role) bool) error {
	return named(s, account, kindRoleName, kindRole, pathPrefix, after, fn)
}

// TrustDocument is the trust policy as it is shown: users and roles by their
// ARNs, and by their ids where they are gone.
func (s *Snapshot) TrustDocument(r *Role) string {
	if !strings.Contains(r.Trust, `"AIDA`) && !strings.Contains(r.Trust, `"AROA`) {
		return r.Trust
	}
	return r.TrustPolicy().RewritePrincipals(func(n policy.NamedPrincipal) string {
		if n.Type == "AWS" {
			if arn := s.arnOfID(n.Value); arn != "" {
				return arn
			}
		}
		return n.Value
	})
}

// arnOfID is the ARN of the user or role of a unique id, or "".
func (s *Snapshot) arnOfID(id string) string {
	switch {
	case isUniqueID(id, "AIDA"):
		if u, err := s.UserByID(s.accountOfID(id, kindUser), id); err == nil {
			return u.arn
		}
	case isUniqueID(id, "AROA"):
		if r, err := s.RoleByID(s.accountOfID(id, kindRole), id); err == nil {
			return r.arn
		}
	}
	return ""
}

// trustByID is the text of a trust policy with the users and roles that it
// names by their ids. InvalidPrincipal, where one doesn't exist.
func (tx *Tx) trustByID(trust *policy.Policy) (string, error) {
	var failed error
	text := trust.RewritePrincipals(func(n policy.NamedPrincipal) string {
		id, err := tx.snap.principalID(n)
		if tx.restores && (isUniqueID(n.Value, "AIDA") || isUniqueID(n.Value, "AROA")) {
			return n.Value
		}
		if err != nil && failed == nil {
			failed = err
		}
		return id
	})
	if failed != nil {
		return "", failed
	}
	if size, limit := policy.Size(trust.Text()), tx.snap.Quota(tx.account, QuotaTrustSize); size > limit {
		return "", &LimitExceeded{Quota: QuotaTrustSize, Limit: limit}
	}
	return text, nil
}

// principalID is the unique id of a user or role that a policy names by ARN;
// what is named otherwise stays. InvalidPrincipal, where there is none.
func (s *Snapshot) principalID(n policy.NamedPrincipal) (string, error) {
	if n.Type != "AWS" {
		return n.Value, nil
	}
	if n.Value != "*" && strings.HasPrefix(n.Value, "A") && s.arnOfID(n.Value) == "" {
		return n.Value, &InvalidPrincipal{Type: n.Type, Value: n.Value}
	}
	account, kind, name, ok := splitEntityARN(n.Value)
	if !ok || kind != "user" && kind != "role" {
		return n.Value, nil
	}
	if kind == "user" {
		if u, err := s.User(account, name); err == nil && u.arn == n.Value {
			return u.ID, nil
		}
	} else if r, err := s.Role(account, name); err == nil && r.arn == n.Value {
		return r.ID, nil
	}
	return n.Value, &InvalidPrincipal{Type: n.Type, Value: n.Value}
}

func (tx *Tx) saveRole(r *Role) { tx.put(recordKey(tx.account, kindRole, r.ID), encode(r)) }

// Role gives the role of that name to be read and changed, or NotFound.
func (tx *Tx) Role(name string) (*Role, error) {
	rec := tx.read(recordKey(tx.account, kindRoleName, fold(name)))
	if rec == nil {
		return nil, &NotFound{Kind: KindRole, Name: name}
	}
	rec = tx.read(recordKey(tx.account, kindRole, rec.name().id))
	if rec == nil {
		return nil, &NotFound{Kind: KindRole, Name: name}
	}
	r, err := decode[Role](rec)
	if err != nil {
		return nil, err
	}
	return r.editable(), nil
}

// editable copies what is stored of a role; its lists are still shared, and
// replaced rather than changed.
func (r *Role) editable() *Role {
	return &Role{
		Format: r.Format, ID: r.ID, Name: r.Name, Path: r.Path, Created: r.Created, Description: r.Description,
		MaxSession: r.MaxSession, Trust: r.Trust, Tags: r.Tags, Boundary: r.Boundary, Profiles: r.Profiles,
		Policies: r.Policies, account: r.account, arn: r.arn,
	}
}

// NewRole is what CreateRole makes a role of.
type NewRole struct {
	Name, Path, Description string
	Trust                   *policy.Policy
	MaxSession              int    // in seconds
	Boundary                string // ARN of a managed policy, or empty
	Tags                    []Tag
}

// CreateRole makes a role. Exists, LimitExceeded, InvalidPrincipal, NotFound
// for the boundary.
func (tx *Tx) CreateRole(n NewRole) (*Role, error) {
	if err := tx.roomFor(QuotaRoles, kindRoleName); err != nil {
		return nil, err
	}
	r := &Role{
		Format: recordFormat, Name: n.Name, Path: n.Path, Created: tx.created(), Description: n.Description,
		MaxSession: n.MaxSession, account: tx.account, arn: RoleARN(tx.account, n.Path, n.Name),
	}
	var err error
	if r.Tags, err = tx.mergeTags(nil, n.Tags, true); err != nil {
		return nil, err
	}
	if r.ID, err = tx.claimName(KindRole, kindRoleName, kindRole, "AROA", n.Name, n.Path); err != nil {
		return nil, err
	}
	if r.Trust, err = tx.trustByID(n.Trust); err != nil {
		return nil, err
	}
	if n.Boundary != "" {
		if err := tx.setBoundary(r, n.Boundary); err != nil {
			return nil, err
		}
	}
	tx.saveRole(r)
	return r, nil
}

// SetTrust gives a role another trust policy. InvalidPrincipal, LimitExceeded.
func (tx *Tx) SetTrust(r *Role, trust *policy.Policy) error {
	text, err := tx.trustByID(trust)
	if err != nil {
		return err
	}
	r.Trust = text
	tx.saveRole(r)
	return nil
}

// DescribeRole changes a role's description, its longest session or both; nil
// means unchanged.
func (tx *Tx) DescribeRole(r *Role, description *string, maxSession *int) {
	if description != nil {
		r.Description = *description
	}
	if maxSession != nil {
		r.MaxSession = *maxSession
	}
	tx.saveRole(r)
}

// DeleteRole deletes a role on which nothing hangs any more, or says InUse.
func (tx *Tx) DeleteRole(r *Role) error {
	switch {
	case len(r.Profiles) > 0:
		return &InUse{KindRole, UseProfiles}
	case len(r.Attached) > 0:
		return &InUse{KindRole, UseAttached}
	case len(r.Inline) > 0:
		return &InUse{KindRole, UseInlinePolicies}
	}
	if err := tx.clearBoundary(r); err != nil {
		return err
	}
	tx.delete(recordKey(tx.account, kindRoleName, fold(r.Name)))
	tx.forget(kindRole, r.ID)
	tx.delete(recordKey(tx.account, kindUsed, r.ID))
	tx.delete(recordKey(tx.account, kindAccess, r.ID))
	return nil
}

// TagRole adds tags or replaces those of the same key.
func (tx *Tx) TagRole(r *Role, tags []Tag) error {
	merged, err := tx.mergeTags(r.Tags, tags, true)
	if err != nil {
		return err
	}
	r.Tags = merged
	tx.saveRole(r)
	return nil
}

// UntagRole drops tags; keys that aren't there are no error.
func (tx *Tx) UntagRole(r *Role, keys []string) {
	r.Tags = withoutTags(r.Tags, keys, true)
	tx.saveRole(r)
}

// inProfile notes that the role is in an instance profile, or is no longer.
func (tx *Tx) inProfile(r *Role, id string, in bool) {
	r.Profiles = slices.DeleteFunc(slices.Clone(r.Profiles), func(p string) bool { return p == id })
	if in {
		r.Profiles = append(r.Profiles, id)
	}
	tx.saveRole(r)
}
