package test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

// TestNodesLastUsed: what was used on one node, and when, is told alike by all,
// and is kept when they are killed and stopped.
func TestNodesLastUsed(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	c := etcdtest.Start(t, 1)
	cmd := node(t, c, nil)
	a := start(t, cmd)
	b := start(t, node(t, c, a))
	all := []*server{a, b}
	root := a.as(a.root())
	alice := root.user(t, a, "alice", allow("iam:*", "sts:*"))
	bob := root.user(t, a, "bob", allow("sts:*"))
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + a.account + `"},"Action":"sts:AssumeRole"}]}`
	role := root.role(t, "reader", trust, allow("iam:ListUsers"))
	_, err := root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Pass-w0rd-of-alice")})
	must(t, err)

	_, err = alice.iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	onB := b.as(bob.keys)
	until(t, "bob on the other node", "", func() error { return onB.whoami(ctx) })
	out, err := onB.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("work")})
	must(t, err)
	_, err = b.as(credentialsOf(out.Credentials)).iam.ListUsers(ctx, &iam.ListUsersInput{})
	must(t, err)
	form := url.Values{"as": {"user"}, "account": {a.account}, "username": {"alice"}, "password": {"Pass-w0rd-of-alice"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.endpoint+"/console/-/signin", strings.NewReader(form.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.endpoint)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	res.Body.Close()

	// A backup stores first what was noted since the last minute.
	for i, s := range all {
		backup := exec.Command(binary, "backup", filepath.Join(t.TempDir(), fmt.Sprint(i)), "--data", s.data)
		backup.Env = []string{"HOME=" + s.data, "SALLYPORT_BACKUP_PASSPHRASE=a passphrase for a test"}
		if out, err := backup.CombinedOutput(); err != nil {
			t.Fatalf("backup: %v\n%s", err, out)
		}
	}
	want := map[string]string{}
	same := func(what string, of ...*server) {
		t.Helper()
		eventually(t, what, func(context.Context) error {
			var facts []map[string]string
			for _, s := range of {
				facts = append(facts, lastUsed(t, s.as(a.root()), role, alice.keys.ID, bob.keys.ID))
			}
			if len(want) == 0 && !slices.Contains(slices.Collect(maps.Values(facts[0])), "") {
				want = facts[0]
			}
			for _, f := range facts {
				if diff := cmp.Diff(want, f); diff != "" || len(want) == 0 {
					return fmt.Errorf("not the same (-want +got):\n%s", diff)
				}
			}
			return nil
		})
	}
	same("last use on two nodes", a, b)
	report := func(s *server) (used []string) {
		_, rows := s.as(a.root()).credentialReport(t)
		for _, name := range []string{"alice", "bob"} {
			used = append(used, rows[name]["password_last_used"], rows[name]["access_key_1_last_used_date"], rows[name]["access_key_1_last_used_region"], rows[name]["access_key_1_last_used_service"])
		}
		return used
	}
	told := report(a)
	if diff := cmp.Diff(told, report(b)); diff != "" || slices.Index(told, "N/A") != 4 || slices.Contains(told[5:], "N/A") { // bob has no password
		t.Errorf("the credential reports of two nodes (-one +other):\n%s\n%v", diff, told)
	}
	a.kill()
	b.stop()
	again := a.again(cmd)
	same("last use after a restart", again)
	if diff := cmp.Diff(told, report(again)); diff != "" {
		t.Errorf("the credential report after a restart (-before +after):\n%s", diff)
	}
}

// lastUsed is what all operations tell of when keys, passwords, roles and
// services were used; empty where they tell nothing.
func lastUsed(t *testing.T, c *clients, role string, keys ...string) map[string]string {
	t.Helper()
	ctx := deadline(t)
	facts := map[string]string{}
	for i, id := range keys {
		out, err := c.iam.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &id})
		must(t, err)
		if u := out.AccessKeyLastUsed; u.LastUsedDate != nil {
			facts[fmt.Sprint("key ", i)] = fmt.Sprint(u.LastUsedDate, *u.Region, *u.ServiceName)
		}
	}
	r, err := c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(role[strings.LastIndexByte(role, '/')+1:])})
	must(t, err)
	facts["role"] = ""
	if u := r.Role.RoleLastUsed; u != nil && u.LastUsedDate != nil {
		facts["role"] = fmt.Sprint(u.LastUsedDate, *u.Region)
	}
	user, err := c.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("alice")})
	must(t, err)
	facts["password"] = ""
	if at := user.User.PasswordLastUsed; at != nil {
		facts["password"] = at.String()
	}
	for _, arn := range []string{strings.Replace(role, "role/reader", "user/alice", 1), strings.Replace(role, "role/reader", "user/bob", 1), role} {
		facts["services of "+arn] = servicesOf(t, c, arn)
	}
	return facts
}

// servicesOf are the services that someone used, and when.
func servicesOf(t *testing.T, c *clients, arn string) string {
	t.Helper()
	_, services := c.lastAccessed(t, arn, "")
	var used []string
	for name, s := range services {
		if s.LastAuthenticated != nil {
			used = append(used, fmt.Sprint(name, " ", s.LastAuthenticated, " ", aws.ToString(s.LastAuthenticatedRegion)))
		}
	}
	slices.Sort(used)
	return strings.Join(used, "; ")
}
