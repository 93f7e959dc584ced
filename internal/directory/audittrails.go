package directory

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// AuditTrail is a trail of CloudTrail: where events of an account are delivered.
type AuditTrail struct {
	Format      int       `json:"v"`
	Name        string    `json:"name"`
	Region      string    `json:"region"` // where it was made, its home
	Bucket      string    `json:"bucket"`
	Prefix      string    `json:"prefix,omitempty"`
	Global      bool      `json:"global,omitempty"`
	MultiRegion bool      `json:"multi,omitempty"`
	Validated   bool      `json:"validated,omitempty"` // with digests of what is delivered
	Started     time.Time `json:"started,omitzero"`    // the last time
	Stopped     time.Time `json:"stopped,omitzero"`    // the last time
	Logging     bool      `json:"logging,omitempty"`
	// Periods are when it was logging, in order. The last one may be open.
	Periods []LogPeriod `json:"periods,omitempty"`
	// Selectors or Advanced, never both, are what was put. Without, all
	// management events are delivered.
	Selectors []EventSelector    `json:"selectors,omitempty"`
	Advanced  []AdvancedSelector `json:"advanced,omitempty"`
	// Chains are those of digests, one a region. See DigestChain.
	Chains []DigestChain `json:"chains,omitempty"`
	Tags   []Tag         `json:"tags,omitempty"`
	// Deleted, where set, is when it was deleted: what happened before is still
	// delivered, and nobody sees it.
	Deleted time.Time `json:"deleted,omitzero"`

	account string
}

// LogPeriod is a time in which a trail was logging. To is zero while it is.
type LogPeriod struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
}

// EventSelector is what PutEventSelectors calls so.
type EventSelector struct {
	Calls      string         `json:"calls"` // All, ReadOnly or WriteOnly
	Management bool           `json:"management,omitempty"`
	Excluded   []string       `json:"excluded,omitempty"` // sources of management events
	Data       []DataResource `json:"data,omitempty"`
}

// DataResource are resources whose data events are selected: ARNs, or what they
// begin with.
type DataResource struct {
	Type   string   `json:"type"`
	Values []string `json:"values,omitempty"`
}

// AdvancedSelector is an advanced event selector: all its fields must match.
type AdvancedSelector struct {
	Name   string          `json:"name,omitempty"`
	Fields []FieldSelector `json:"fields"`
}

// FieldSelector is a condition on one field of events.
type FieldSelector struct {
	Field         string   `json:"field"`
	Equals        []string `json:"equals,omitempty"`
	StartsWith    []string `json:"startsWith,omitempty"`
	EndsWith      []string `json:"endsWith,omitempty"`
	NotEquals     []string `json:"notEquals,omitempty"`
	NotStartsWith []string `json:"notStartsWith,omitempty"`
	NotEndsWith   []string `json:"notEndsWith,omitempty"`
}

// Matches reports whether a value is selected: none of the negative conditions
// rules it out, and any of the positive ones holds, if there are some
// (CloudTrail User Guide, "How CloudTrail evaluates multiple conditions for a
// field").
func (f *FieldSelector) Matches(v string) bool {
	begins := func(part string) bool { return strings.HasPrefix(v, part) }
	ends := func(part string) bool { return strings.HasSuffix(v, part) }
	if slices.Contains(f.NotEquals, v) || slices.ContainsFunc(f.NotStartsWith, begins) || slices.ContainsFunc(f.NotEndsWith, ends) {
		return false
	}
	if len(f.Equals)+len(f.StartsWith)+len(f.EndsWith) == 0 {
		return true
	}
	return slices.Contains(f.Equals, v) || slices.ContainsFunc(f.StartsWith, begins) || slices.ContainsFunc(f.EndsWith, ends)
}

// DigestChain is how far the log files of a region are covered by digests, each
// of which names the one before. All nodes go on with one chain.
type DigestChain struct {
	Region string    `json:"region"` // of the log files
	Start  time.Time `json:"start"`  // of the next digest: the end of the last
	// Bucket, Object, Hash and Signature are of the last digest; empty where
	// there is none yet.
	Bucket    string `json:"bucket,omitempty"`
	Object    string `json:"object,omitempty"`
	Hash      string `json:"hash,omitempty"`
	Signature string `json:"signature,omitempty"`
	// Claim is who writes the next digest, since Claimed.
	Claim   string    `json:"claim,omitempty"`
	Claimed time.Time `json:"claimed,omitzero"`
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

// WasLogging reports whether the trail was logging at a time.
func (t *AuditTrail) WasLogging(at time.Time) bool {
	return slices.ContainsFunc(t.Periods, func(p LogPeriod) bool {
		return !at.Before(p.From) && (p.To.IsZero() || at.Before(p.To))
	})
}

// LoggedSince reports whether the trail was logging at a time or later.
func (t *AuditTrail) LoggedSince(at time.Time) bool {
	return slices.ContainsFunc(t.Periods, func(p LogPeriod) bool { return p.To.IsZero() || p.To.After(at) })
}

// AuditTrail is the trail that has that name in a region: its own, or one of
// another region that is for all regions. NotFound.
func (s *Snapshot) AuditTrail(account, region, name string) (*AuditTrail, error) {
	if r := s.get(account, kindAuditTrail, region+"/"+name); r != nil {
		if t, err := decode[AuditTrail](r); err != nil || t.Deleted.IsZero() {
			return t, err
		}
	}
	all, err := s.AuditTrails(account)
	for _, t := range all {
		if t.Name == name && t.MultiRegion {
			return t, nil
		}
	}
	return nil, cmp.Or[error](err, &NotFound{Kind: KindAuditTrail, Name: name})
}

// AuditTrails are all of the account's, in the order of their regions and names.
func (s *Snapshot) AuditTrails(account string) ([]*AuditTrail, error) {
	all, err := s.DeliveredTrails(account)
	return slices.DeleteFunc(all, func(t *AuditTrail) bool { return !t.Deleted.IsZero() }), err
}

// DeliveredTrails are AuditTrails and those that were deleted not long ago.
func (s *Snapshot) DeliveredTrails(account string) ([]*AuditTrail, error) {
	return allOf[AuditTrail](s, account, kindAuditTrail)
}

// AuditTrail gives the trail whose home is a region to be read and changed, or
// NotFound.
func (tx *Tx) AuditTrail(region, name string) (*AuditTrail, error) {
	t, err := tx.DeliveredTrail(region, name)
	if err == nil && !t.Deleted.IsZero() {
		err = &NotFound{Kind: KindAuditTrail, Name: name}
	}
	return t, err
}

// DeliveredTrail is AuditTrail, for one that may have been deleted too.
func (tx *Tx) DeliveredTrail(region, name string) (*AuditTrail, error) {
	r := tx.read(recordKey(tx.account, kindAuditTrail, region, name))
	if r == nil {
		return nil, &NotFound{Kind: KindAuditTrail, Name: name}
	}
	t, err := decode[AuditTrail](r)
	if err != nil {
		return nil, err
	}
	editable := *t
	editable.account = tx.account
	editable.Periods, editable.Chains = slices.Clone(t.Periods), slices.Clone(t.Chains)
	return &editable, nil
}

// maxAuditTrails is AWS's limit of trails in a region. A trail for all regions
// counts in each (CloudTrail User Guide, "Quotas").
const maxAuditTrails = 5

// CreateAuditTrail stores a new trail. What one of that name, deleted not long
// ago, has not delivered yet is left to it. Exists, LimitExceeded.
func (tx *Tx) CreateAuditTrail(t *AuditTrail, tags []Tag) error {
	t.Format, t.account = recordFormat, tx.account
	if old, err := tx.DeliveredTrail(t.Region, t.Name); err == nil && !old.Deleted.IsZero() {
		t.Periods = old.Periods
	}
	if err := tx.roomForTrail(t, false); err != nil {
		return err
	}
	return tx.TagAuditTrail(t, tags)
}

// SpreadAuditTrail makes a trail one for all regions. Exists, LimitExceeded.
func (tx *Tx) SpreadAuditTrail(t *AuditTrail) error {
	if t.MultiRegion {
		return nil
	}
	t.MultiRegion = true
	return tx.roomForTrail(t, true)
}

// roomForTrail checks that a trail's name is free and its regions have room,
// besides itself if it is there already.
func (tx *Tx) roomForTrail(t *AuditTrail, there bool) error {
	all, err := tx.snap.AuditTrails(tx.account)
	if err != nil {
		return err
	}
	inRegion, everywhere := map[string]int{t.Region: 0}, 0
	for _, other := range all {
		tx.read(recordKey(tx.account, kindAuditTrail, other.Region, other.Name))
		same := other.Region == t.Region
		if there && same && other.Name == t.Name {
			continue
		}
		if other.Name == t.Name && (same || other.MultiRegion || t.MultiRegion) {
			return &Exists{Kind: KindAuditTrail, Name: t.Name}
		}
		if other.MultiRegion {
			everywhere++
		} else if same || t.MultiRegion {
			inRegion[other.Region]++
		}
	}
	for _, n := range inRegion {
		if everywhere+n >= maxAuditTrails {
			return &LimitExceeded{Quota: "trails", Limit: maxAuditTrails}
		}
	}
	return nil
}

// SaveAuditTrail stores a trail that was changed.
func (tx *Tx) SaveAuditTrail(t *AuditTrail) {
	tx.put(recordKey(tx.account, kindAuditTrail, t.Region, t.Name), encode(t))
}

// maxPeriods bounds how often a trail is known to have been stopped. Beyond, the
// oldest stops are forgotten, and what happened in them is delivered if it has
// not been passed over yet: more rather than less.
const maxPeriods = 256

// moment is now, to the millisecond, as the ids of events have it.
func (tx *Tx) moment() time.Time { return tx.snap.d.opts.Now().UTC().Truncate(time.Millisecond) }

// StartAuditTrail has the trail deliver what happens from now on. One that is
// logging goes on.
func (tx *Tx) StartAuditTrail(t *AuditTrail) {
	if t.Logging {
		return
	}
	t.Logging, t.Started = true, tx.now
	t.Periods = append(t.Periods, LogPeriod{From: tx.moment()})
	if len(t.Periods) > maxPeriods {
		t.Periods[0].To = t.Periods[1].To
		t.Periods = slices.Delete(t.Periods, 1, 2)
	}
	tx.SaveAuditTrail(t)
}

// StopAuditTrail has the trail deliver nothing that happens from now on, but for
// what is of the same millisecond: that may have been before.
func (tx *Tx) StopAuditTrail(t *AuditTrail) {
	if !t.Logging {
		return
	}
	t.Logging, t.Stopped = false, tx.now
	t.Periods[len(t.Periods)-1].To = tx.moment().Add(time.Millisecond)
	tx.SaveAuditTrail(t)
}

// DeleteAuditTrail deletes a trail. DropAuditTrail drops it for good.
func (tx *Tx) DeleteAuditTrail(t *AuditTrail) {
	tx.StopAuditTrail(t)
	t.Deleted = tx.now
	tx.SaveAuditTrail(t)
}

// DropAuditTrail drops a trail that was deleted and has nothing left to deliver.
func (tx *Tx) DropAuditTrail(t *AuditTrail) {
	tx.delete(recordKey(tx.account, kindAuditTrail, t.Region, t.Name))
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

func (c *Checker) checkAuditTrail(r *Record, _, rest string) {
	t := new(AuditTrail)
	if c.readable(r, t) && t.Region+"/"+t.Name != rest {
		c.wrong(r.Key, "says to be trail %q of %q", t.Name, t.Region)
	}
}
