package test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"golang.org/x/sync/errgroup"
)

var iamRequests = regexp.MustCompile(`(?m)^sallyport_requests_total\{operation="(\w+)",service="iam",status="\d+"\} (\d+)$`)

// calls counts the requests of each of IAM's operations that were answered.
func (s *server) calls(t *testing.T) map[string]int {
	t.Helper()
	r, err := http.NewRequestWithContext(deadline(t), http.MethodGet, s.admin+"/metrics", nil)
	must(t, err)
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	counts := map[string]int{}
	for _, m := range iamRequests.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[2])
		must(t, err)
		counts[m[1]] += n
	}
	return counts
}

// crowd makes many users, of which the last has a key.
func (c *clients) crowd(t *testing.T, n int) keys {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(32)
	ctx := t.Context() // patience is for one call
	for i := range n {
		g.Go(func() error {
			_, err := c.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: new(fmt.Sprintf("user-%04d", i))})
			return err
		})
	}
	must(t, g.Wait())
	return c.newKey(t, fmt.Sprintf("user-%04d", n-1))
}

// TestConsoleScale shows the users of an account that has 5,000: the list is
// there after one page of ListUsers, what else its rows show is asked for the rows
// that are seen, and searching and sorting load what is missing.
func TestConsoleScale(t *testing.T) {
	t.Parallel()
	const many, seen = 5000, 20
	s := start(t, command{args: []string{"--admin-listen", "127.0.0.1:0"}})
	c := s.as(s.root())
	key := c.crowd(t, many)
	b := rooted(t, s, "#/find") // which asks for nothing
	b.see("Paste the id")
	before := s.calls(t)
	since := func() map[string]int {
		counts := s.calls(t)
		for op, n := range before {
			counts[op] -= n
		}
		maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 0 })
		return counts
	}
	rows := func() int { return awaits[int](b, "rows", "document.querySelectorAll('tbody tr').length") }

	b.route("#/users")
	b.see("Users (1000+)")
	b.see("user-0019")
	awaits[bool](b, "fill the rows", "!document.querySelector('tbody').innerText.includes('…')")
	if n := rows(); n != seen {
		t.Errorf("the page has %d rows, want %d", n, seen)
	}
	got := since()
	for op, want := range map[string]int{"ListUsers": 1, "GetUser": 0, "ListGroupsForUser": seen, "ListMFADevices": seen, "ListAccessKeys": seen, "GetLoginProfile": seen, "ListSigningCertificates": 0} {
		if got[op] != want {
			t.Errorf("the first page of users took %d calls of %s, want %d", got[op], op, want)
		}
	}

	// Whose a key is takes two calls, however many users there are.
	before = s.calls(t)
	b.fill("Search users", key.ID)
	b.see("user-4999")
	b.see("Active - " + key.ID)
	if got = since(); got["ListUsers"] != 0 || got["GetUser"] != 1 {
		t.Errorf("the search for a key took %v, want GetAccessKeyLastUsed and GetUser, and the calls for one row", got)
	}

	// A name is searched for among all.
	before = s.calls(t)
	b.fill("Search users", "user-45")
	b.see("100 matches")
	b.see("user-4519")
	if got = since(); got["ListUsers"] != many/1000-1 {
		t.Errorf("the search for a name took %d calls of ListUsers, want the other %d pages", got["ListUsers"], many/1000-1)
	}
	b.fill("Search users", "")
	b.see("Users (5000)")
	b.click("button", "User name")
	b.click("button", "User name")
	b.see("user-4999") // the last comes first

	// Nothing else stops at the first thousand either.
	b.route("#/groups/create")
	b.see("Users (1000+)")
	b.fill("Search users", "user-4998")
	b.click("checkbox", "Select user-4998")
	b.fill("User group name", "late")
	b.click("button", "Create user group")
	b.see("Group late created.")
	group, err := c.iam.GetGroup(deadline(t), &iam.GetGroupInput{GroupName: new("late")})
	must(t, err)
	if len(group.Users) != 1 || *group.Users[0].UserName != "user-4998" {
		t.Errorf("the group has %d users, want user-4998 alone", len(group.Users))
	}
	b.click("button", "Search or go to")
	b.fill("Search or go to", "user-4997")
	b.click("option", "user-4997")
	b.see("arn:aws:iam::" + s.account + ":user/user-4997")

	// The page of health takes the report instead of thousands of calls.
	before = s.calls(t)
	b.route("#/health")
	b.see("The account has more than 200 users")
	b.see("user-4999")
	if n := since()["ListAccessKeys"]; n != 0 {
		t.Errorf("the page of health took %d calls of ListAccessKeys, want none", n)
	}
}
