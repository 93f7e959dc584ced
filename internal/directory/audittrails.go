package directory

import (
	"slices"
	"time"
)

// AuditTrail is a trail of CloudTrail: where events of an account are delivered.
type AuditTrail struct {
	Format      int       `json:"v"`
	Name        string    `json:"name"`
	Region      string    `json:"region"` // where it was made
	Bucket      string    `json:"bucket"`
	Prefix      string    `json:"prefix,omitempty"`
	Global      bool      `json:"global,omitempty"`
	MultiRegion bool      `json:"multi,omitempty"`
	Started     time.Time `json:"started,omitzero"` // the last time
	Stopped     time.Time `json:"stopped,omitzero"` // the last time
	Logging     bool      `json:"logging,omitempty"`
	// Selected says that event selectors were put. Without, all is delivered.
	Selected bool     `json:"selected,omitempty"`
	Calls    string   `json:"calls,omitempty"`    // All, ReadOnly, WriteOnly or None
	Excluded []string `json:"excluded,omitempty"` // event sources
	Tags     []Tag    `json:"tags,omitempty"`

	account string
}

func (t *AuditTrail) loaded(r *Record) { t.account, _ = splitKey(r.Key) }

// ARN is the trail's ARN.
func (t *AuditTrail) ARN() string { return AuditTrailARN(t.account, t.Region, t.Name) }

// Account is the account whose events it delivers.
func (t *AuditTrail) Account() string { return t.account }

// AuditTrailARN is the ARN of a trail.
func AuditTrailARN(account, region, name string) string {
	return "arn:aws:cloudtrail:" + region + ":" + account + ":trail/" + name
}

// Delivers reports whether an event is of a kind that the trail delivers.
func (t *AuditTrail) Delivers(source string, readOnly bool) bool {
	switch {
	case t.Calls == "None", t.Calls == "ReadOnly" && !readOnly, t.Calls == "WriteOnly" && readOnly:
		return false
	}
	return !slices.Contains(t.Excluded, source)
}

// AuditTrail is the account's trail of that name, or NotFound.
func (s *Snapshot) AuditTrail(account, name string) (*AuditTrail, error) {
	r := s.get(account, kindAuditTrail, name)
	if r == nil {
		return nil, &NotFound{Kind: KindAuditTrail, Name: name}
	}
	return decode[AuditTrail](r)
}

// AuditTrails are all of the account's, in the order of their names.
func (s *Snapshot) AuditTrails(account string) ([]*AuditTrail, error) {
	return allOf[AuditTrail](s, account, kindAuditTrail)
}

// AuditTrail gives a trail to be read and changed, or NotFound.
func (tx *Tx) AuditTrail(name string) (*AuditTrail, error) {
	r := tx.read(recordKey(tx.account, kindAuditTrail, name))
	if r == nil {
		return nil, &NotFound{Kind: KindAuditTrail, Name: name}
	}
	t, err := decode[AuditTrail](r)
	if err != nil {
		return nil, err
	}
	editable := *t
	return &editable, nil
}

// CreateAuditTrail stores a new trail. Exists, LimitExceeded.
func (tx *Tx) CreateAuditTrail(t *AuditTrail, tags []Tag) error {
	t.Format, t.account = recordFormat, tx.account
	if tx.read(recordKey(tx.account, kindAuditTrail, t.Name)) != nil {
		return &Exists{Kind: KindAuditTrail, Name: t.Name}
	}
	if tx.snap.count(recordKey(tx.account, kindAuditTrail, "")) >= maxAuditTrails {
		return &LimitExceeded{Quota: "trails", Limit: maxAuditTrails}
	}
	return tx.TagAuditTrail(t, tags)
}

// maxAuditTrails is AWS's limit of trails (in a region).
const maxAuditTrails = 5

// SaveAuditTrail stores a trail that was changed.
func (tx *Tx) SaveAuditTrail(t *AuditTrail) {
	tx.put(recordKey(tx.account, kindAuditTrail, t.Name), encode(t))
}

// StartAuditTrail has the trail deliver from now on.
func (tx *Tx) StartAuditTrail(t *AuditTrail) {
	t.Logging, t.Started = true, tx.now
	tx.SaveAuditTrail(t)
}

// StopAuditTrail has the trail deliver no more.
func (tx *Tx) StopAuditTrail(t *AuditTrail) {
	t.Logging, t.Stopped = false, tx.now
	tx.SaveAuditTrail(t)
}

// DeleteAuditTrail deletes a trail.
func (tx *Tx) DeleteAuditTrail(t *AuditTrail) {
	tx.delete(recordKey(tx.account, kindAuditTrail, t.Name))
}

// TagAuditTrail adds tags or replaces those of the same key. LimitExceeded.
func (tx *Tx) TagAuditTrail(t *AuditTrail, tags []Tag) error {
	merged, err := tx.mergeTags(t.Tags, tags, false)
	if err != nil {
		return err
	}
	t.Tags = merged
	tx.SaveAuditTrail(t)
	return nil
}

// UntagAuditTrail drops tags; keys that aren't there are no error.
func (tx *Tx) UntagAuditTrail(t *AuditTrail, keys []string) {
	t.Tags = withoutTags(t.Tags, keys, false)
	tx.SaveAuditTrail(t)
}

func (c *Checker) checkAuditTrail(r *Record, _, name string) {
	t := new(AuditTrail)
	if c.readable(r, t) && t.Name != name {
		c.wrong(r.Key, "says to be trail %q", t.Name)
	}
}
