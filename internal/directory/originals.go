package directory

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/policy"
)

// Original is what an entity that comes from elsewhere was there.
type Original struct {
	ID      string    // its unique id
	Created time.Time // zero means now
}

// Like has the next entity that the transaction makes be an original again: with
// its time, and with its unique id, where that has the form of one and nothing
// else has it.
func (tx *Tx) Like(o Original) { tx.original = o }

// Restore has the transaction take what AWS shows but takes from nobody: trust
// policies that name a user or role that is gone, by its id.
func (tx *Tx) Restore() { tx.restores = true }

// created is when the entity that is being made was made.
func (tx *Tx) created() time.Time { return tx.past(tx.original.Created) }

// past is a time that an original says, or now where that is none.
func (tx *Tx) past(t time.Time) time.Time {
	if t.IsZero() || t.After(tx.now) {
		return tx.now
	}
	return wholeSeconds(t)
}

// originalID takes the id of the original, once.
func (tx *Tx) originalID() string {
	id := tx.original.ID
	tx.original = Original{}
	return id
}

// isUniqueID reports whether an id has the form of those of a prefix: 21
// characters, those of SSH keys 20 or 21 (docs/facts, 4). Ids from before they told
// their account have it too.
func isUniqueID(id, prefix string) bool {
	long := len(id) == 21 || prefix == "APKA" && len(id) == 20
	return long && strings.HasPrefix(id, prefix) && isUpperText(id)
}

func isUpperText(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// keepID takes the id of the original for an entity. ok is false where it can't
// be had.
func (tx *Tx) keepID(idKind, prefix string) (id string, ok bool) {
	id = tx.originalID()
	if !isUniqueID(id, prefix) || tx.read(recordKey(tx.account, idKind, id)) != nil {
		return "", false
	}
	account, told := seal.AccountOfID(id)
	if told && account == tx.account {
		return id, true
	}
	if told && tx.read(recordKey(account, idKind, id)) != nil || tx.read(keptIDKey(id)) != nil {
		return "", false
	}
	tx.put(keptIDKey(id), []byte(tx.account))
	return id, true
}

// keptIDKinds are the kinds of records by a unique id that can be an original's.
var keptIDKinds = []string{kindUser, kindGroup, kindRole, kindProfile, kindPolicy, kindServerCert}

// keptIDKey is where the account of a unique id stands that doesn't tell it by itself.
func keptIDKey(id string) string { return deployment + "/" + kindKeptID + "/" + id }

// tellsAccount reports whether a unique id tells that it is of an account.
func tellsAccount(id, account string) bool {
	told, ok := seal.AccountOfID(id)
	return ok && told == account
}

// forget deletes an entity's record and what says whose its id is.
func (tx *Tx) forget(idKind, id string) {
	tx.delete(recordKey(tx.account, idKind, id))
	if !tellsAccount(id, tx.account) {
		tx.delete(keptIDKey(id))
	}
}

// accountOfID is the account of the entity of a unique id: the one that it
// tells, or the one that took it over.
func (s *Snapshot) accountOfID(id, idKind string) string {
	if account, ok := seal.AccountOfID(id); ok && s.get(account, idKind, id) != nil {
		return account
	}
	if r := s.get(deployment, kindKeptID, id); r != nil {
		return string(r.Value)
	}
	return ""
}

// checkKeptID checks that what says whose an id is agrees with the entity of it.
func (c *Checker) checkKeptID(r *Record, account, id string) {
	if !tellsAccount(id, account) {
		c.value(r.Key, keptIDKey(id), account)
	}
}

// hasEntity reports whether an account has anything of a unique id.
func (c *Checker) hasEntity(account, id string) bool {
	return slices.ContainsFunc(keptIDKinds, func(kind string) bool { return c.records[recordKey(account, kind, id)] != nil })
}

// OriginalPolicy is a managed policy that comes from elsewhere.
type OriginalPolicy struct {
	Original
	Name, Path, Description string
	Default                 string // id of the default version; where there is none such, the first
	Updated                 time.Time
	Versions                []OriginalVersion // in the order of their numbers, one at least
	Tags                    []Tag
}

// OriginalVersion is a version of it, whose document must have been parsed.
type OriginalVersion struct {
	ID, Document string
	Created      time.Time
}

// number is that of the version's id, or the one after last where it has none
// that can follow.
func (v *OriginalVersion) number(last int) int {
	digits, ok := strings.CutPrefix(v.ID, "v")
	if n, err := strconv.Atoi(digits); ok && err == nil && n > last && len(digits) < 9 {
		return n
	}
	return last + 1
}

// RestorePolicy makes a managed policy with all its versions. Exists, LimitExceeded.
func (tx *Tx) RestorePolicy(o OriginalPolicy) (*ManagedPolicy, error) {
	if err := tx.within(QuotaPolicyVersions, len(o.Versions)); err != nil {
		return nil, err
	}
	tx.Like(o.Original)
	p, err := tx.newPolicy(o.Name, o.Path, o.Description, o.Tags)
	if err != nil {
		return nil, err
	}
	for _, v := range o.Versions {
		if err := tx.within(QuotaPolicySize, policy.Size(v.Document)); err != nil {
			return nil, err
		}
		p.Last = v.number(p.Last)
		made := PolicyVersion{ID: "v" + strconv.Itoa(p.Last), Created: tx.past(v.Created)}
		p.Versions = append(p.Versions, made)
		if p.Default == "" || v.ID == o.Default {
			p.Default = made.ID
		}
		tx.put(recordKey(tx.account, kindPolicyDoc, p.ID, made.ID), []byte(v.Document))
	}
	p.Updated = tx.past(o.Updated)
	tx.savePolicy(p)
	return p, nil
}
