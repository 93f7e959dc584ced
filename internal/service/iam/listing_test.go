package iam

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	api "github.com/sallyport-iam/sallyport/internal/awsapi/iam"
	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/service"
	"github.com/sallyport-iam/sallyport/internal/store/mem"
	"github.com/sallyport-iam/sallyport/policy"
)

const listAccount = "111122223333"

// noAWSPolicies are managed policies of AWS's, of which there are none.
type noAWSPolicies struct{}

func (noAWSPolicies) Lookup(string) (*directory.ManagedPolicy, bool) { return nil, false }
func (noAWSPolicies) Document(string) string                         { return "" }
func (noAWSPolicies) All() []*directory.ManagedPolicy                { return nil }

// populated is a directory with n users, who are all in one group and have a
// policy of two thousand bytes each, n groups, n roles and n managed policies.
func populated(tb testing.TB, n int) (*Service, *service.Caller) {
	tb.Helper()
	large := map[string]int{}
	for name := range directory.Quotas() {
		large[name] = directory.MaxQuota(name)
	}
	d, err := directory.Open(tb.Context(), mem.New(mem.Options{}), directory.Options{
		Master: seal.NewMasterKey(rand.Reader), AWSPolicies: noAWSPolicies{}, Now: time.Now, Rand: rand.Reader, Quotas: large,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { d.Close(context.Background()) })
	update := func(fn func(tx *directory.Tx) error) {
		if err := d.Update(context.Background(), listAccount, fn); err != nil {
			tb.Fatal(err)
		}
	}
	update(func(tx *directory.Tx) error { return tx.CreateAccount("root@localhost", "") })
	update(func(tx *directory.Tx) error { _, err := tx.CreateGroup("everyone", "/"); return err })
	trust, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, policy.Trust)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		update(func(tx *directory.Tx) error { return four(tx, fmt.Sprintf("n-%06d", i), trust) })
	}
	s := d.Snapshot()
	root, err := s.UserByID(listAccount, listAccount)
	if err != nil {
		tb.Fatal(err)
	}
	return New(d, rand.Reader), &service.Caller{Snapshot: s, Principal: directory.Principal{User: root}, Region: "us-east-1"}
}

// bigDocument is a policy of some two thousand bytes.
var bigDocument = strings.Replace(allow("s3:GetObject"), `"*"`, `"arn:aws:s3:::`+strings.Repeat("b", 2000)+`"`, 1)

// four makes a user, a group, a role and a managed policy of a name.
func four(tx *directory.Tx, name string, trust *policy.Policy) error {
	u, err := tx.CreateUser(name, "/", "", nil)
	if err != nil {
		return err
	}
	g, err := tx.Group("everyone")
	if err != nil {
		return err
	}
	if err := tx.Join(u, g); err != nil {
		return err
	}
	if err := tx.PutInline(u, "own", bigDocument); err != nil {
		return err
	}
	if _, err := tx.CreateGroup(name, "/"); err != nil {
		return err
	}
	if _, err := tx.CreateRole(directory.NewRole{Name: name, Path: "/", Trust: trust, MaxSession: directory.DefaultMaxSession}); err != nil {
		return err
	}
	_, err = tx.CreatePolicy(name, "/", "", bigDocument, nil)
	return err
}

// lists are the operations that page through all of an account: each gives how
// many items one page has, and the marker of the next.
var lists = []struct {
	name string
	page func(s *Service, c *service.Caller, marker string) (items int, next string, err error)
}{
	{"ListUsers", func(s *Service, c *service.Caller, marker string) (int, string, error) {
		out, err := s.ListUsers(context.Background(), c, &api.ListUsersRequest{Marker: marker})
		if err != nil {
			return 0, "", err
		}
		return len(out.Users), out.Marker, nil
	}},
	{"ListGroups", func(s *Service, c *service.Caller, marker string) (int, string, error) {
		out, err := s.ListGroups(context.Background(), c, &api.ListGroupsRequest{Marker: marker})
		if err != nil {
			return 0, "", err
		}
		return len(out.Groups), out.Marker, nil
	}},
	{"ListRoles", func(s *Service, c *service.Caller, marker string) (int, string, error) {
		out, err := s.ListRoles(context.Background(), c, &api.ListRolesRequest{Marker: marker})
		if err != nil {
			return 0, "", err
		}
		return len(out.Roles), out.Marker, nil
	}},
	{"ListPolicies", func(s *Service, c *service.Caller, marker string) (int, string, error) {
		out, err := s.ListPolicies(context.Background(), c, &api.ListPoliciesRequest{Marker: marker})
		if err != nil {
			return 0, "", err
		}
		return len(out.Policies), out.Marker, nil
	}},
	{"GetGroup", func(s *Service, c *service.Caller, marker string) (int, string, error) {
		out, err := s.GetGroup(context.Background(), c, &api.GetGroupRequest{GroupName: "everyone", Marker: marker})
		if err != nil {
			return 0, "", err
		}
		return len(out.Users), out.Marker, nil
	}},
	{"GetAccountAuthorizationDetails", func(s *Service, c *service.Caller, marker string) (int, string, error) {
		out, err := s.GetAccountAuthorizationDetails(context.Background(), c, &api.GetAccountAuthorizationDetailsRequest{Marker: marker})
		if err != nil {
			return 0, "", err
		}
		return len(out.UserDetailList) + len(out.GroupDetailList) + len(out.RoleDetailList) + len(out.Policies), out.Marker, nil
	}},
}

// through pages through a list to its end, and gives how many items it had and
// how much was allocated, by count and, for the largest page, in bytes.
func through(tb testing.TB, s *Service, c *service.Caller, page func(*Service, *service.Caller, string) (int, string, error)) (items int, allocations, largest uint64) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for marker, first := "", true; first || marker != ""; first = false {
		n, next, err := page(s, c, marker)
		if err != nil {
			tb.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		items, marker = items+n, next
		allocations += after.Mallocs - before.Mallocs
		largest = max(largest, after.TotalAlloc-before.TotalAlloc)
		before = after
	}
	return items, allocations, largest
}

// Paging through ten times as much touches ten times as many records, each of
// which is unpacked, and no page needs more memory than the others.
func TestListsAreLinear(t *testing.T) {
	const few, many = 250, 2500
	smaller, small := populated(t, few)
	larger, large := populated(t, many)
	for _, l := range lists {
		n, some, page := through(t, smaller, small, l.page)
		m, all, largest := through(t, larger, large, l.page)
		if n < few || m < many || m > 10*n {
			t.Errorf("%s lists %d and %d", l.name, n, m)
		}
		if ratio := float64(all) / float64(some); ratio > 12 {
			t.Errorf("%s allocates %d times for %d items and %d times for %d: %.1f times as often", l.name, some, n, all, m, ratio)
		}
		if largest > 2*page {
			t.Errorf("%s: a page of %d items needs %d bytes, of %d items %d", l.name, m, largest, n, page)
		}
	}
}

// GetAccountAuthorizationDetails leaves nothing in memory of what it has told,
// and a page of large documents is shorter than what was asked for.
func TestDetailsStream(t *testing.T) {
	const n = 2500
	s, c := populated(t, n)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var most, largest int
	items, _, page := through(t, s, c, func(s *Service, c *service.Caller, marker string) (int, string, error) {
		out, err := s.GetAccountAuthorizationDetails(context.Background(), c, &api.GetAccountAuthorizationDetailsRequest{Marker: marker, MaxItems: ptr(int32(1000))})
		if err != nil {
			return 0, "", err
		}
		size := 0
		for _, u := range out.UserDetailList {
			size += len(u.UserPolicyList[0].PolicyDocument)
		}
		items := len(out.UserDetailList) + len(out.GroupDetailList) + len(out.RoleDetailList) + len(out.Policies)
		most, largest = max(most, items), max(largest, size)
		return items, out.Marker, nil
	})
	if items != 4*n+1 || most > 1000 {
		t.Errorf("%d items, at most %d on a page; want %d and up to 1000", items, most, 4*n+1)
	}
	if largest > 2*largestDetails { // percent-encoded
		t.Errorf("a page has %d bytes of documents", largest)
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("after all was told, %d bytes more are held", grown)
	}
	if page > 40<<20 {
		t.Errorf("a page needs %d bytes", page)
	}
	runtime.KeepAlive(s)
}

// BenchmarkLists pages through 10,000 of each kind, 100 at a time.
func BenchmarkLists(b *testing.B) {
	s, c := populated(b, 10_000)
	for _, l := range lists {
		b.Run(l.name, func(b *testing.B) {
			items := 0
			for b.Loop() {
				items, _, _ = through(b, s, c, l.page)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(items), "ns/item")
		})
	}
}
