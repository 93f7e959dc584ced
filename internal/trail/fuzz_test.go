package trail

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
)

// FuzzDigest: a digest that is read says the same when it is written and read
// again, and so does what it says of its one file.
func FuzzDigest(f *testing.F) {
	d := Digest{Account: "1", Start: epoch, End: epoch, Files: []LogFile{{Hash: strings.Repeat("ab", 32)}}, Own: Chained{First: 1, Last: 9, Expired: map[string]string{"1": "2026-01-31"}}}
	file, err := json.Marshal(d)
	if err != nil {
		f.Fatal(err)
	}
	value, err := json.Marshal(signedDigest{string(file), "00"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add([]byte(`{"file":"{}"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		d, err := readDigest(value)
		if err != nil {
			return
		}
		if link, err := parseLink(d.Files[0].Hash); err == nil && hex.EncodeToString(link[:]) != strings.ToLower(d.Files[0].Hash) {
			t.Errorf("link %s is read as %x", d.Files[0].Hash, link)
		}
		file, err := json.Marshal(&d.Digest)
		if err != nil {
			return // a time that JSON has no form of
		}
		again, err := json.Marshal(signedDigest{string(file), d.signature})
		if err != nil {
			t.Fatal(err)
		}
		second, err := readDigest(again)
		if err != nil {
			t.Fatalf("what was written of %q can't be read: %v", value, err)
		}
		if diff := cmp.Diff(&d.Digest, &second.Digest); diff != "" || second.signature != d.signature {
			t.Errorf("read, written and read again (-first +second):\n%s", diff)
		}
	})
}

// fuzzed is a trail with a few events of everything that filters ask for.
func fuzzed(f *testing.F) (*Log, []*Event) {
	l, err := Open("trail", Options{FS: vfs.NewMem()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	var all []*Event
	for i := range 120 {
		e := &Event{
			EventTime: epoch.Add(time.Duration(i) * time.Hour), EventName: []string{"GetUser", "CreateUser", "AssumeRole"}[i%3], ReadOnly: i%3 == 0,
			EventSource: []string{"iam.amazonaws.com", "sts.amazonaws.com"}[i%2], RecipientAccountID: []string{"111111111111", "222222222222"}[i%7%2],
			EventID: fmt.Sprint("id", i), UserIdentity: Identity{Type: IdentityUser, UserName: []string{"alice", "al", "bob"}[i%5%3], AccessKeyID: fmt.Sprint("AKIA", i%4), ARN: "arn:u"},
			Own: Own{Named: []Name{{"AWS::IAM::User", fmt.Sprint("r", i%6)}, {"AWS::IAM::Role", "r1"}}},
		}
		if i%4 == 0 {
			e.ErrorCode = "AccessDenied"
		}
		if err := l.Note(e.Entry()); err != nil {
			f.Fatal(err)
		}
		all = append(all, e)
	}
	if err := l.Sync(context.Background()); err != nil {
		f.Fatal(err)
	}
	return l, all
}

// FuzzFilter: a search gives what Keeps keeps of all events, the newest first.
func FuzzFilter(f *testing.F) {
	l, all := fuzzed(f)
	f.Add("", "alice", "", "GetUser", "", "", "iam", "", false, false, 0, 0)
	f.Add("111111111111", "", "AKIA1", "", "r1", "AWS::IAM::Role", "", "", true, false, 10, 3)
	f.Add("222222222222", "", "", "", "r2", "AWS::IAM::Role", "sts", "arn:u", false, true, 100, 1)
	f.Fuzz(func(t *testing.T, account, user, key, name, resource, kind, source, principal string, failed, changes bool, hours, max int) {
		filter := Filter{Account: account, User: user, Key: key, Name: name, Resource: resource, ResourceType: kind, Source: source, Principal: principal, Errors: failed, Changes: changes, Max: max % 50}
		if hours > 0 {
			filter.Since = epoch.Add(time.Duration(hours%200) * time.Hour)
		}
		if filter.Max < 0 || strings.Contains(account, "/") || strings.ContainsRune(user+key+name+resource+kind+source, 0) {
			return // a zero byte stands for another in the index
		}
		var got, want []string
		err := l.Search(context.Background(), filter, func(record []byte) error { got = append(got, string(record)); return nil })
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range slices.Backward(all) {
			if record := e.AppendJSON(nil); (filter.Max == 0 || len(want) < filter.Max) && filter.Keeps(record) {
				want = append(want, string(record))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-kept +found):\n%s", filter, diff)
		}
	})
}

// FuzzNext: a token for the next page is refused, or gives events that there are.
func FuzzNext(f *testing.F) {
	l, all := fuzzed(f)
	q := Query{Account: "111111111111", Max: 3}
	for range 3 {
		page, err := l.Lookup(context.Background(), q)
		if err != nil {
			f.Fatal(err)
		}
		q.Next = page.Next
		f.Add(q.Next, "alice")
	}
	f.Fuzz(func(t *testing.T, next, user string) {
		page, err := l.Lookup(context.Background(), Query{Account: "111111111111", Key: Key{Username, user}, Max: 50, Next: next})
		if err != nil {
			if !errors.Is(err, ErrNext) {
				t.Errorf("token %q: %v, want ErrNext", next, err)
			}
			return
		}
		for _, r := range page.Records {
			if !slices.ContainsFunc(all, func(e *Event) bool {
				return e.RecipientAccountID == "111111111111" && e.User() == user && string(e.AppendJSON(nil)) == string(r)
			}) {
				t.Errorf("token %q gives %s", next, r)
			}
		}
	})
}

// FuzzEvent: an event that is read is written in a form that is read as the same,
// and the time is found in it without reading the rest.
func FuzzEvent(f *testing.F) {
	e := Event{
		EventVersion: Version, EventTime: epoch, EventName: "x\"\u2028", UserIdentity: Identity{Type: IdentityUser, SessionContext: &SessionContext{SessionIssuer: &Issuer{UserName: "u"}, WebIDFederationData: &WebIDFederation{Attributes: map[string]string{"a": "b"}}}},
		RequestParameters: json.RawMessage(`{"a":[1]}`), Resources: []ARNResource{{ARN: "a"}, {ARN: "b", Type: "t"}}, TLS: &TLS{Version: "TLSv1.3"},
		Own: Own{Named: []Name{{"a", "b"}}, Targets: []string{"*"}, Keys: map[string][]string{"k": {"1", "2"}}, Tags: map[string]map[string]string{"t": {"a": "b"}}, Also: []Further{{Action: "iam:PassRole", Targets: []string{"x"}}}, Session: &SessionPolicies{ARNs: []string{"p"}}},
	}
	f.Add(e.AppendJSON(nil))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		var e, again Event
		if json.Unmarshal(record, &e) != nil {
			return
		}
		e.EventTime = e.EventTime.UTC().Truncate(time.Second)
		if s := e.UserIdentity.SessionContext; s != nil {
			s.Attributes.CreationDate = s.Attributes.CreationDate.UTC().Truncate(time.Second)
		}
		written := e.AppendJSON(nil)
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s is written as %s: %v", record, written, err)
		}
		if second := again.AppendJSON(nil); string(second) != string(written) {
			t.Errorf("read and written again = %s\nwant %s", second, written)
		}
		if at := timeOf(written); !at.Equal(e.EventTime) {
			t.Errorf("the time of %s is found as %v", written, at)
		}
	})
}

// FuzzIDTime: an id that holds a time is of version 7, and its first 48 bits are it.
func FuzzIDTime(f *testing.F) {
	f.Add("0190a0a0-0000-7000-8000-000000000000")
	f.Add("0190a0a0-0000-4000-8000-000000000000")
	f.Fuzz(func(t *testing.T, id string) {
		at, ok := IDTime(id)
		if !ok {
			return
		}
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16)
		hexed := strings.ToLower(strings.ReplaceAll(id, "-", ""))
		if hexed[:12] != hex.EncodeToString(b[:6]) || hexed[12] != '7' {
			t.Errorf("IDTime(%q) = %v", id, at)
		}
	})
}

// FuzzKept: a text that is read has the name that it is read by.
func FuzzKept(f *testing.F) {
	text := NewText([]byte("a policy"))
	f.Add(encoder().EncodeAll(text.body, nil), text.sum[:])
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, value, sum []byte) {
		body, err := readKept(value, sum)
		if again := NewText(body); err == nil && !bytes.Equal(again.sum[:], sum) {
			t.Errorf("%q is read by the name %x", body, sum)
		}
	})
}

// FuzzExpired: what is read of an expiry is written the same again.
func FuzzExpired(f *testing.F) {
	f.Add(expiredValue(20000, 1))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		day, told, err := readExpired(value)
		if err == nil && told && !bytes.Equal(expiredValue(day, 1), value) {
			t.Errorf("%x is read as %d", value, day)
		}
	})
}

// FuzzIndex: no value's entries in the index are found under another value, nor
// in another account.
func FuzzIndex(f *testing.F) {
	f.Add("1", "alice", "1", "al")
	f.Add("1", "a/b", "1/a", "b")
	f.Fuzz(func(t *testing.T, account, value, account2, value2 string) {
		if strings.Contains(account+account2, "/") || account == account2 && cut(value) == cut(value2) {
			return
		}
		p := place{epoch.UnixNano(), 1}
		key := p.append(indexKey(account, 1, Key{Username, value}))
		prefix := indexKey(account2, 1, Key{Username, value2})
		if bytes.HasPrefix(key, prefix) && len(key) == len(prefix)+placeSize {
			t.Errorf("%q of %q is found under %q of %q", value, account, value2, account2)
		}
	})
}
