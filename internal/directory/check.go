package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store"
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
