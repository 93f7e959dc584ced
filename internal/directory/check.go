package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
	"github.com/sallyport-iam/sallyport/policy"
)

// Problem is one thing that is wrong with the record of that key.
type Problem struct{ Key, Text string }

func (p Problem) String() string { return p.Key + ": " + p.Text }

// Checker holds all records of a store, to be checked against each other.
// AWSPolicies must be set; without a Master key no seal is opened.
type Checker struct {
	AWSPolicies AWSPolicies
	Master      seal.MasterKey

	records  map[string]*Record
	keys     []string // of records, in order
	box      seal.Box
	opens    bool           // box is that of the records' key ring
	counts   map[string]int // what the counters should say
	boundary map[string]int
	kinds    map[string]func(r *Record, account, rest string)
	problems []Problem
}

// Add adds a record. Keys must come in order.
func (c *Checker) Add(r store.Record) error {
	if c.records == nil {
		c.records = map[string]*Record{}
	}
	c.records[r.Key] = &Record{Key: r.Key, Value: r.Value, Rev: r.Rev}
	c.keys = append(c.keys, r.Key)
	return nil
}

// Len is the number of records.
func (c *Checker) Len() int { return len(c.keys) }

// Opens reports whether the key ring among the records opens with that master key.
func (c *Checker) Opens(master seal.MasterKey) bool {
	r := c.records[ringKey]
	if r == nil {
		return false
	}
	_, err := master.OpenRing(r.Value)
	return err == nil
}

// Check says all that is wrong with the records: those that can't be read,
// those that don't agree with each other, and seals that don't open.
func (c *Checker) Check() []Problem {
	c.counts, c.boundary = map[string]int{}, map[string]int{}
	c.kinds = map[string]func(r *Record, account, rest string){
		kindAccount: c.checkAccount, kindUser: c.checkUser, kindUserName: c.checkUserName, kindKey: c.checkKey, kindUsed: c.checkUsed,
		kindClosed: c.checkClosed, kindOrg: c.checkOrg, kindOrgNode: c.checkOrgNode, kindOrgPolicy: c.checkOrgPolicy,
		kindOrgRequest: c.checkOrgRequest, kindHandshake: c.checkHandshake, kindInvited: c.checkInvited,
		kindGroup: c.checkGroup, kindGroupName: c.checkGroupName, kindGroupUse: c.checkCount, kindMember: c.checkMember,
		kindRole: c.checkRole, kindRoleName: c.checkRoleName, kindProfile: c.checkProfile, kindProfileName: c.checkProfileName,
		kindPolicy: c.checkPolicy, kindPolicyName: c.checkPolicyName, kindPolicyDoc: c.checkPolicyDoc, kindPolicyUse: c.checkCount, kindAttached: c.checkAttached,
		kindConfirm: func(r *Record, _, _ string) { c.readable(r, new(confirmRequest)) },
		kindMFA:     c.checkMFA, kindPasskey: c.checkPasskey, kindSignIn: c.checkSignIn, kindBrowsers: c.checkBrowsers, kindSigningCert: c.checkSigningCert, kindServerCert: c.checkServerCert, kindServerCertName: c.checkServerCertName,
		kindReport: c.checkReport, kindReportPart: c.checkReportPart, kindAccess: c.checkAccess,
		kindOIDC: c.checkOIDC, kindSAML: c.checkSAML, kindSAMLDoc: c.checkSAMLDoc, kindIssuer: c.checkIssuer, kindAuditTrail: c.checkAuditTrail,
	}
	if r := c.records[formatKey]; r != nil {
		var v versioned
		if json.Unmarshal(r.Value, &v) == nil && v.Format > recordFormat {
			c.wrong(formatKey, "%v", &NewerFormat{v.Format, recordFormat})
			return c.problems
		}
	}
	c.openRing()
	if accounts := c.under(accountIndex); accounts > 1 && c.records[firstKey] == nil {
		c.wrong(firstKey, "there are %d accounts, and no record of which is the first", accounts)
	}
	for _, key := range c.keys {
		c.countUse(key)
	}
	for _, key := range c.keys {
		c.check(c.records[key])
	}
	return c.problems
}

// under counts the records whose keys begin so.
func (c *Checker) under(prefix string) int {
	n := 0
	for _, key := range c.keys {
		if strings.HasPrefix(key, prefix) {
			n++
		}
	}
	return n
}

// wrong notes a problem with the record of a key.
func (c *Checker) wrong(key, format string, args ...any) {
	c.problems = append(c.problems, Problem{key, fmt.Sprintf(format, args...)})
}

// openRing opens the key ring where there is a master key to do it with.
func (c *Checker) openRing() {
	ring := c.records[ringKey]
	if ring == nil {
		if len(c.keys) > 0 {
			c.wrong(ringKey, "there is no key ring, so that no secret can be read")
		}
		return
	}
	if c.Master.Text().IsZero() {
		return
	}
	var err error
	if c.box, err = c.Master.OpenRing(ring.Value); err != nil {
		c.wrong(ringKey, "%v", err)
		return
	}
	c.opens = true
}

// countUse counts what the counters count.
func (c *Checker) countUse(key string) {
	account, kind, rest := checkParts(key)
	owner, holder, _ := strings.Cut(rest, "/")
	switch {
	case kind == kindMember:
		c.counts[recordKey(account, kindGroupUse, owner)]++
	case kind == kindAttached && (strings.HasPrefix(holder, string(boundaryKind)+"/") || strings.HasPrefix(holder, string(roleBoundaryKind)+"/")):
		c.boundary[recordKey(account, kindPolicyUse, owner)]++
	case kind == kindAttached:
		c.counts[recordKey(account, kindPolicyUse, owner)]++
	}
}

// checkParts takes a record's key apart.
func checkParts(key string) (account, kind, rest string) {
	account, rest, _ = strings.Cut(key, "/")
	kind, rest, _ = strings.Cut(rest, "/")
	return account, kind, rest
}

// check checks one record by itself and against those that it names.
func (c *Checker) check(r *Record) {
	account, kind, rest := checkParts(r.Key)
	if account == deployment {
		c.checkDeployment(r, kind, rest)
		return
	}
	check := c.kinds[kind]
	if check == nil {
		c.wrong(r.Key, "there is no such kind of record")
		return
	}
	if kind != kindAccount && c.records[accountKey(account)] == nil {
		c.wrong(r.Key, "there is no account %s", account)
	}
	check(r, account, rest)
}

func (c *Checker) checkDeployment(r *Record, kind, rest string) {
	switch kind {
	case ringKind: // openRing has read it
	case kindOutbox:
		if !json.Valid(r.Value) {
			c.wrong(r.Key, "can't be read: it is not JSON")
		}
	case kindTrail:
		c.checkTrailKey(r)
	case rotatedKind, formatKind, kindNode:
		c.readable(r, new(versioned))
	case firstKind:
		if c.records[accountKey(string(r.Value))] == nil {
			c.wrong(r.Key, "there is no account %q", r.Value)
		}
	case kindDelegation:
		if g := new(Delegation); c.readable(r, g) && g.ID != rest {
			c.wrong(r.Key, "says to be delegation request %q", g.ID)
		}
	case kindAccount:
		if c.records[accountKey(rest)] == nil {
			c.wrong(r.Key, "there is no account %s", rest)
		}
	case "alias":
		a, ok := find[Account](c, accountKey(string(r.Value)))
		if !ok || a.Alias != rest {
			c.wrong(r.Key, "account %q does not have this alias", r.Value)
		}
	case kindKeptID:
		if !c.hasEntity(string(r.Value), rest) {
			c.wrong(r.Key, "account %q has nothing of this id", r.Value)
		}
	case kindKey:
		if c.records[recordKey(string(r.Value), kindKey, rest)] == nil {
			c.wrong(r.Key, "account %q does not have this access key", r.Value)
		}
	default:
		c.wrong(r.Key, "there is no such kind of record")
	}
}

// versioned is what all records in JSON begin with.
type versioned struct {
	Format int `json:"v"`
}

// readable decodes a record and notes what is wrong with its form.
func (c *Checker) readable(r *Record, into any) bool {
	var v versioned
	if err := errors.Join(json.Unmarshal(r.Value, &v), json.Unmarshal(r.Value, into)); err != nil {
		c.wrong(r.Key, "can't be read: %v", strings.ReplaceAll(err.Error(), "\n", "; "))
		return false
	}
	if v.Format < 1 || v.Format > recordFormat {
		c.wrong(r.Key, "has format %d, this program knows 1 to %d", v.Format, recordFormat)
		return false
	}
	return true
}

// find gives a record that another one names; ok is false where it isn't there
// or can't be read, which is noted at that record.
func find[T any](c *Checker, key string) (*T, bool) {
	r := c.records[key]
	if r == nil {
		return nil, false
	}
	if v := r.decoded.Load(); v != nil { // of another type where a damaged record names the wrong kind
		t, ok := v.(*T)
		return t, ok
	}
	v, err := decode[T](r)
	return v, err == nil
}

// value checks that there is a record of that key and value, as the record from says.
func (c *Checker) value(from, key, want string) {
	r := c.records[key]
	switch {
	case r == nil:
		c.wrong(from, "there is no record %s for it", key)
	case string(r.Value) != want:
		c.wrong(from, "the record %s for it says %q instead of %q", key, r.Value, want)
	}
}

func (c *Checker) checkAccount(r *Record, account, rest string) {
	a := new(Account)
	if rest != "" || !c.readable(r, a) {
		return
	}
	if a.ID != account {
		c.wrong(r.Key, "says to be account %q", a.ID)
	}
	c.value(r.Key, accountIndex+account, "")
	if a.Alias != "" {
		c.value(r.Key, aliasKey+a.Alias, account)
	}
	if a.Organization != "" && c.records[recordKey(a.Organization, kindOrgNode, account)] == nil {
		c.wrong(r.Key, "the organization of account %s does not have this account", a.Organization)
	}
	if c.records[recordKey(account, kindUser, account)] == nil {
		c.wrong(r.Key, "the account has no root user")
	}
}

func (c *Checker) checkClosed(r *Record, account, _ string) {
	if a, ok := find[Account](c, accountKey(account)); !ok || a.Closed.IsZero() {
		c.wrong(r.Key, "the account does not say that it is closed")
	}
}

func (c *Checker) checkUser(r *Record, account, id string) {
	u := new(User)
	if !c.readable(r, u) {
		return
	}
	u.loaded(r)
	if u.ID != id {
		c.wrong(r.Key, "says to be user %q", u.ID)
	}
	if !u.Root() {
		c.checkKeptID(r, account, id)
		c.value(r.Key, recordKey(account, kindUserName, fold(u.Name)), string(nameRecord(id, u.Path)))
	}
	for _, k := range u.Keys {
		if key, ok := find[keyRecord](c, recordKey(account, kindKey, k.ID)); !ok || key.Owner != id {
			c.wrong(r.Key, "there is no record of its access key %s", k.ID)
		}
	}
	for _, g := range u.Groups {
		c.value(r.Key, recordKey(account, kindMember, g, id), "")
		if c.records[recordKey(account, kindGroup, g)] == nil {
			c.wrong(r.Key, "there is no group %s that it is in", g)
		}
	}
	c.checkPolicies(r, account, string(KindUser), id, &u.Policies)
	if u.Boundary != "" {
		c.checkAttachment(r, account, string(boundaryKind), id, u.Boundary)
	}
	c.checkCredentials(r, account, u)
}

// checkPolicies checks the policies of a user or a group.
func (c *Checker) checkPolicies(r *Record, account, kind, id string, p *Policies) {
	for _, i := range p.Inline {
		if err := policy.Load(i.Document, policy.Inline).Refusal(); err != nil {
			c.wrong(r.Key, "the document of its policy %q denies everything: %v", i.Name, err)
		}
	}
	for _, arn := range p.Attached {
		c.checkAttachment(r, account, kind, id, arn)
	}
}

// checkAttachment checks that a policy is there and lists who has it.
func (c *Checker) checkAttachment(r *Record, account, kind, id, arn string) {
	policyID, ok := c.policyID(account, arn)
	if !ok {
		c.wrong(r.Key, "there is no policy %s, which it has", arn)
		return
	}
	c.value(r.Key, recordKey(account, kindAttached, policyID, kind, id), arn)
}

// policyID finds a managed policy by its ARN.
func (c *Checker) policyID(account, arn string) (string, bool) {
	owner, path, name, ok := splitPolicyARN(arn)
	switch {
	case !ok:
		return "", false
	case owner == AWSAccount:
		p, ok := c.AWSPolicies.Lookup(arn)
		if !ok {
			return "", false
		}
		return p.ID, true
	}
	r := c.records[recordKey(account, kindPolicyName, fold(name))]
	if owner != account || r == nil || r.name().path != path {
		return "", false
	}
	return r.name().id, true
}

func (c *Checker) checkUserName(r *Record, account, name string) {
	u, ok := find[User](c, recordKey(account, kindUser, r.name().id))
	if !ok || fold(u.Name) != name || u.Path != r.name().path {
		c.wrong(r.Key, "user %q does not have this name and path", r.name().id)
	}
}

func (c *Checker) checkKey(r *Record, account, id string) {
	k := new(keyRecord)
	if !c.readable(r, k) {
		return
	}
	if owner, ok := find[User](c, recordKey(account, kindUser, k.Owner)); !ok || owner.keyIndex(id) < 0 {
		c.wrong(r.Key, "its owner, user %q, does not have it", k.Owner)
	}
	if made, ok := seal.AccountOf(id); !ok || made != account {
		c.value(r.Key, givenKey(id), account)
	}
	if !c.opens {
		return
	}
	if _, err := c.box.Open(k.Sealed, keyContext(id)); err != nil {
		c.wrong(r.Key, "its secret does not open: it was changed, or sealed for another key or by another key ring")
	}
}

func (c *Checker) checkUsed(r *Record, account, id string) {
	c.readable(r, new(LastUsed))
	if c.records[recordKey(account, kindKey, id)] == nil && c.records[recordKey(account, kindRole, id)] == nil {
		c.wrong(r.Key, "there is no such access key or role")
	}
}

func (c *Checker) checkGroup(r *Record, account, id string) {
	g := new(Group)
	if !c.readable(r, g) {
		return
	}
	if g.ID != id {
		c.wrong(r.Key, "says to be group %q", g.ID)
	}
	c.checkKeptID(r, account, id)
	c.value(r.Key, recordKey(account, kindGroupName, fold(g.Name)), string(nameRecord(id, g.Path)))
	c.checkPolicies(r, account, string(KindGroup), id, &g.Policies)
	c.counted(r, recordKey(account, kindGroupUse, id))
}

func (c *Checker) checkGroupName(r *Record, account, name string) {
	g, ok := find[Group](c, recordKey(account, kindGroup, r.name().id))
	if !ok || fold(g.Name) != name || g.Path != r.name().path {
		c.wrong(r.Key, "group %q does not have this name and path", r.name().id)
	}
}

func (c *Checker) checkMember(r *Record, account, rest string) {
	group, user, _ := strings.Cut(rest, "/")
	if u, ok := find[User](c, recordKey(account, kindUser, user)); !ok || !u.HasGroup(group) {
		c.wrong(r.Key, "user %q is not in the group", user)
	}
	if c.records[recordKey(account, kindGroup, group)] == nil {
		c.wrong(r.Key, "there is no such group")
	}
	c.counted(r, recordKey(account, kindGroupUse, group))
}

// checkCount checks a counter of members or attachments.
func (c *Checker) checkCount(r *Record, _, _ string) {
	u := new(usage)
	if !c.readable(r, u) {
		return
	}
	if count, boundary := c.counts[r.Key], c.boundary[r.Key]; u.Count != count || u.Boundary != boundary {
		c.wrong(r.Key, "counts %d uses and %d as a boundary, there are %d and %d", u.Count, u.Boundary, count, boundary)
	}
}

// counted checks that there is a counter where there is something to count.
func (c *Checker) counted(r *Record, counter string) {
	if c.records[counter] == nil && c.counts[counter]+c.boundary[counter] > 0 {
		c.wrong(r.Key, "there is no counter %s for it", counter)
	}
}

func (c *Checker) checkPolicy(r *Record, account, id string) {
	p := new(ManagedPolicy)
	if !c.readable(r, p) {
		return
	}
	if p.ID != id {
		c.wrong(r.Key, "says to be policy %q", p.ID)
	}
	c.checkKeptID(r, account, id)
	c.value(r.Key, recordKey(account, kindPolicyName, fold(p.Name)), string(nameRecord(id, p.Path)))
	for _, v := range p.Versions {
		if c.records[recordKey(account, kindPolicyDoc, id, v.ID)] == nil {
			c.wrong(r.Key, "there is no document of its version %s", v.ID)
		}
	}
	if p.versionIndex(p.Default) < 0 {
		c.wrong(r.Key, "its default version %q is none of its versions", p.Default)
	}
}

func (c *Checker) checkPolicyName(r *Record, account, name string) {
	p, ok := find[ManagedPolicy](c, recordKey(account, kindPolicy, r.name().id))
	if !ok || fold(p.Name) != name || p.Path != r.name().path {
		c.wrong(r.Key, "policy %q does not have this name and path", r.name().id)
	}
}

func (c *Checker) checkPolicyDoc(r *Record, account, rest string) {
	id, version, _ := strings.Cut(rest, "/")
	if p, ok := find[ManagedPolicy](c, recordKey(account, kindPolicy, id)); !ok || p.versionIndex(version) < 0 {
		c.wrong(r.Key, "policy %q has no such version", id)
	}
	if err := policy.Load(string(r.Value), policy.Managed).Refusal(); err != nil {
		c.wrong(r.Key, "the document denies everything: %v", err)
	}
}

func (c *Checker) checkAttached(r *Record, account, rest string) {
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) != 3 {
		c.wrong(r.Key, "there is no such kind of record")
		return
	}
	arn := string(r.Value)
	if id, ok := c.policyID(account, arn); !ok || id != parts[0] {
		c.wrong(r.Key, "there is no policy %q with this id", arn)
	}
	if !c.has(account, parts[1], parts[2], arn) {
		c.wrong(r.Key, "%s %q does not have policy %q", parts[1], parts[2], arn)
	}
	c.counted(r, recordKey(account, kindPolicyUse, parts[0]))
}

// has reports whether a user or a group has the policy.
func (c *Checker) has(account, kind, id, arn string) bool {
	switch kind {
	case string(KindGroup):
		g, ok := find[Group](c, recordKey(account, kindGroup, id))
		return ok && slices.Contains(g.Attached, arn)
	case string(KindUser):
		u, ok := find[User](c, recordKey(account, kindUser, id))
		return ok && slices.Contains(u.Attached, arn)
	case string(KindRole):
		role, ok := find[Role](c, recordKey(account, kindRole, id))
		return ok && slices.Contains(role.Attached, arn)
	case string(roleBoundaryKind):
		role, ok := find[Role](c, recordKey(account, kindRole, id))
		return ok && role.Boundary == arn
	case string(boundaryKind):
		u, ok := find[User](c, recordKey(account, kindUser, id))
		return ok && u.Boundary == arn
	}
	return false
}
