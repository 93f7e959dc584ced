package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	pebbledb "github.com/cockroachdb/pebble/v2"
)

// Filter says which events are wanted; what is empty is not asked for.
type Filter struct {
	Account      string    `json:"account,omitempty"`
	User         string    `json:"user,omitempty"` // the name of a user or session, or root
	Key          string    `json:"key,omitempty"`  // access key id
	Name         string    `json:"name,omitempty"` // of the operation
	Resource     string    `json:"resource,omitempty"`
	ResourceType string    `json:"resourceType,omitempty"`
	Source       string    `json:"source,omitempty"` // such as iam.amazonaws.com, or iam
	ID           string    `json:"id,omitempty"`     // of the event or the request
	Principal    string    `json:"principal,omitempty"`
	Errors       bool      `json:"errors,omitempty"`  // only calls that failed
	Changes      bool      `json:"changes,omitempty"` // only calls that may change something
	Since        time.Time `json:"since,omitzero"`
	Until        time.Time `json:"until,omitzero"`
	Max          int       `json:"max,omitempty"` // events; 0 means no bound
}

func (f *Filter) source() string {
	if f.Source == "" || strings.Contains(f.Source, ".") {
		return f.Source
	}
	return f.Source + ".amazonaws.com"
}

// keys are what the index is asked for, first what fewest events have, and the
// rest of the filter, which the records themselves must be asked for.
func (f *Filter) keys() (keys []Key, rest Filter) {
	for _, k := range []Key{
		{AccessKeyID, f.Key},
		{ResourceName, f.Resource},
		{Username, f.User},
		{EventName, f.Name},
		{ResourceType, f.ResourceType},
		{EventSource, f.source()},
	} {
		if k.Value != "" {
			keys = append(keys, k)
		}
	}
	if f.Changes {
		keys = append(keys, Key{ReadOnly, "false"})
	}
	rest = Filter{ID: f.ID, Principal: f.Principal, Errors: f.Errors}
	if f.Resource != "" && f.ResourceType != "" {
		rest.Resource, rest.ResourceType = f.Resource, f.ResourceType // of one and the same
	}
	for _, k := range keys {
		if len(k.Value) > maxValue { // found by its beginning
			return keys, *f
		}
	}
	return keys, rest
}

// Keeps reports whether a record is wanted.
func (f *Filter) Keeps(record []byte) bool {
	if f.Errors && !bytes.Contains(record, []byte(`,"errorCode":"`)) {
		return false
	}
	if f.plain() {
		return true
	}
	var e Event
	return json.Unmarshal(record, &e) == nil && f.wants(&e)
}

// plain: there is nothing to look into the record for.
func (f *Filter) plain() bool {
	g := *f
	g.Errors, g.Max = false, 0
	return g == Filter{}
}

func (f *Filter) wants(e *Event) bool {
	for _, c := range [...]struct{ want, is string }{
		{f.Account, e.RecipientAccountID},
		{f.User, e.User()},
		{f.Key, e.UserIdentity.AccessKeyID},
		{f.Name, e.EventName},
		{f.source(), e.EventSource},
	} {
		if c.want != "" && c.want != c.is {
			return false
		}
	}
	named := f.Resource == "" && f.ResourceType == ""
	for _, n := range e.Own.Named {
		named = named || (f.Resource == "" || f.Resource == n.Name) && (f.ResourceType == "" || f.ResourceType == n.Type)
	}
	return named && (f.ID == "" || f.ID == e.EventID || f.ID == e.RequestID) &&
		(f.Principal == "" || f.Principal == e.UserIdentity.ARN || f.Principal == e.issuer()) &&
		(!f.Changes || !e.ReadOnly) && !e.EventTime.Before(f.Since) && (f.Until.IsZero() || !e.EventTime.After(f.Until))
}

// issuer is the ARN of the role or user behind a session, or "".
func (e *Event) issuer() string {
	if s := e.UserIdentity.SessionContext; s != nil && s.SessionIssuer != nil {
		return s.SessionIssuer.ARN
	}
	return ""
}

// Accounts are those of which there are events.
func (l *Log) Accounts() ([]string, error) {
	it, err := l.db.NewIter(&pebbledb.IterOptions{LowerBound: []byte(eventPrefix), UpperBound: after(eventPrefix)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var all []string
	for ok := it.First(); ok; {
		account, _, _ := strings.Cut(string(it.Key()[len(eventPrefix):]), "/")
		all = append(all, account)
		ok = it.SeekGE(after(eventPrefix + account + "/"))
	}
	return all, it.Error()
}

// Search calls fn for the wanted events, the newest first, of all accounts
// unless the filter names one.
func (l *Log) Search(ctx context.Context, f Filter, fn func(record []byte) error) error {
	accounts := []string{f.Account}
	if f.Account == "" {
		var err error
		if accounts, err = l.Accounts(); err != nil {
			return err
		}
	}
	cursors := make([]*cursor, len(accounts))
	for i, a := range accounts {
		cursors[i] = newCursor(a, &f)
	}
	for n := 0; f.Max == 0 || n < f.Max; n++ {
		var newest *cursor
		for _, c := range cursors {
			if err := c.fill(ctx, l); err != nil {
				return err
			}
			if len(c.records) > 0 && (newest == nil || c.time.After(newest.time)) {
				newest = c
			}
		}
		if newest == nil {
			return nil
		}
		if err := fn(newest.pop()); err != nil {
			return err
		}
	}
	return nil
}

// cursor is a search in one account under way.
type cursor struct {
	q       Query
	records [][]byte
	time    time.Time // of the first record
	ended   bool
}

const cursorPage = 200 // events

func newCursor(account string, f *Filter) *cursor {
	keys, rest := f.keys()
	q := Query{Account: account, From: f.Since, To: f.Until, Max: cursorPage}
	if len(keys) > 0 {
		q.Key, q.More = keys[0], keys[1:]
	}
	if !rest.plain() || rest.Errors {
		q.Keep = rest.Keeps
	}
	if f.Max > 0 {
		q.Max = min(q.Max, f.Max)
	}
	if at, ok := IDTime(f.ID); f.ID != "" && ok {
		q.From, q.To = at, at
	}
	return &cursor{q: q}
}

func (c *cursor) fill(ctx context.Context, l *Log) error {
	if len(c.records) > 0 || c.ended {
		return nil
	}
	page, err := l.Lookup(ctx, c.q)
	if err != nil {
		return err
	}
	c.records, c.q.Next = page.Records, page.Next
	c.ended = page.Next == ""
	c.look()
	return nil
}

func (c *cursor) look() {
	if len(c.records) > 0 {
		c.time = timeOf(c.records[0])
	}
}

// timeOf is the time of an event. A text in a record can't hold the member: its
// quotation marks would be escaped.
func timeOf(record []byte) time.Time {
	const member = `,"eventTime":"`
	_, rest, _ := bytes.Cut(record, []byte(member))
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	at, _ := time.Parse(time.RFC3339, string(text))
	return at
}

func (c *cursor) pop() []byte {
	r := c.records[0]
	c.records = c.records[1:]
	c.look()
	return r
}
