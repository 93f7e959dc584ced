package test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestAccessKeysExpire(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	u := root.user(t, s, "u", allow("iam:*"))
	tag := func(value string) error {
		_, err := root.iam.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("u"), Tags: []types.Tag{{
			Key: aws.String("sallyport:access-key-expires:" + u.keys.ID), Value: &value,
		}}})
		return err
	}
	status := func() types.StatusType {
		out, err := root.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("u")})
		must(t, err)
		return out.AccessKeyMetadata[0].Status
	}
	wantCode(t, "no time", tag("soon"), "InvalidInput", "must be a date")
	must(t, tag(time.Now().AddDate(0, 0, 2).Format(time.DateOnly)))
	must(t, u.whoami(ctx))
	if got := status(); got != types.StatusTypeActive {
		t.Errorf("a key that expires in two days is %s", got)
	}
	if !s.stderr.await(func(text string) bool { return strings.Contains(text, "expires soon") }) {
		t.Error("the log doesn't say that the key expires soon")
	}
	must(t, tag(time.Now().Add(-time.Second).Format(time.RFC3339)))
	wantCode(t, "an expired key", u.whoami(ctx), "InvalidClientTokenId", "")
	if got := status(); got != types.StatusTypeInactive {
		t.Errorf("an expired key is %s", got)
	}
	_, err := root.iam.UntagUser(ctx, &iam.UntagUserInput{UserName: aws.String("u"), TagKeys: []string{"sallyport:access-key-expires:" + u.keys.ID}})
	must(t, err)
	must(t, u.whoami(ctx))

	// The account's greatest age: of users' keys, told in tags and report.
	account := s.accountID(t)
	s.must("account", "key-max-age", account, "90")
	must(t, u.whoami(ctx))
	got, err := root.iam.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: aws.String("u")})
	must(t, err)
	if len(got.Tags) != 1 || *got.Tags[0].Key != "sallyport:access-key-expires:"+u.keys.ID {
		t.Fatalf("tags: %+v", got.Tags)
	}
	expires, err := time.Parse(time.RFC3339, *got.Tags[0].Value)
	if in := time.Until(expires); err != nil || in > 91*24*time.Hour || in < 89*24*time.Hour {
		t.Errorf("the key expires at %s", *got.Tags[0].Value)
	}
	header, rows := root.credentialReport(t)
	if len(header) != 24 || rows["u"]["access_key_1_expires"] != *got.Tags[0].Value || rows["<root_account>"]["access_key_1_expires"] != "N/A" {
		t.Errorf("report: %d columns, expires %q, root's %q", len(header), rows["u"]["access_key_1_expires"], rows["<root_account>"]["access_key_1_expires"])
	}
	// So the report of an account in which one key expires by a tag.
	other := s.rootOf(s.newAccount("other"))
	v := other.user(t, s, "v", "")
	_, err = other.iam.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("v"), Tags: []types.Tag{{Key: aws.String("sallyport:access-key-expires:" + v.keys.ID), Value: aws.String("2099-01-31")}}})
	must(t, err)
	if header, rows := other.credentialReport(t); len(header) != 24 || rows["v"]["access_key_1_expires"] != "2099-01-31T00:00:00Z" {
		t.Errorf("report of a tagged key: %d columns, expires %q", len(header), rows["v"]["access_key_1_expires"])
	}
	s.must("account", "key-max-age", account, "0")
	if got, err = root.iam.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: aws.String("u")}); err != nil || len(got.Tags) != 0 {
		t.Errorf("tags afterwards: %+v, %v", got, err)
	}
}

// accountID is the id of the server's first account.
func (s *server) accountID(t *testing.T) string {
	t.Helper()
	out, err := s.as(s.root()).iam.GetUser(deadline(t), &iam.GetUserInput{})
	must(t, err)
	return *out.User.UserId
}

// keysCommand runs sallyport keys as that identity and gives what it prints.
func (s *server) keysCommand(t *testing.T, as keys, dir string, args ...string) (string, error) {
	t.Helper()
	out, err := s.keysProcess(deadline(t), as, dir, args...).CombinedOutput()
	return string(out), err
}

// keysProcess is that command, not yet started.
func (s *server) keysProcess(ctx context.Context, as keys, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, append([]string{"keys"}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_ENDPOINT_URL=" + s.endpoint, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + as.ID, "AWS_SECRET_ACCESS_KEY=" + as.Secret,
	}
	return cmd
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	u := root.user(t, s, "app", allow("iam:*"))
	statuses := func() map[string]types.StatusType {
		out, err := root.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("app")})
		must(t, err)
		all := map[string]types.StatusType{}
		for _, k := range out.AccessKeyMetadata {
			all[*k.AccessKeyId] = k.Status
		}
		return all
	}

	// By somebody else, and by the user itself with the key that is replaced.
	for _, as := range []keys{root.keys, u.keys} {
		dir := t.TempDir()
		out, err := s.keysCommand(t, as, dir, "rotate", "--user", "app", "--idle", "10ms", "--poll", "10ms")
		if err != nil {
			t.Fatalf("keys rotate = %v\n%s", err, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, "app_accessKeys.csv"))
		must(t, err)
		pair := strings.Split(strings.Split(string(text), "\n")[1], ",")
		made := s.as(keys{ID: pair[0], Secret: pair[1]})
		if strings.Contains(out, made.keys.Secret) {
			t.Error("the secret is printed")
		}
		if info, err := os.Stat(filepath.Join(dir, "app_accessKeys.csv")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file: %v, %v", info, err)
		}
		must(t, made.whoami(ctx))
		if got := statuses(); got[u.keys.ID] != types.StatusTypeInactive || got[made.keys.ID] != types.StatusTypeActive {
			t.Fatalf("after the rotation: %v\n%s", got, out)
		}
		wantCode(t, "the old key", u.whoami(ctx), "InvalidClientTokenId", "")

		if out, err = s.keysCommand(t, root.keys, dir, "rollback", "--user", "app", "--key", u.keys.ID); err != nil {
			t.Fatalf("keys rollback = %v\n%s", err, out)
		}
		if got := statuses(); got[u.keys.ID] != types.StatusTypeActive || got[made.keys.ID] != types.StatusTypeInactive {
			t.Errorf("after going back: %v\n%s", got, out)
		}
		_, err = root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("app"), AccessKeyId: &made.keys.ID})
		must(t, err)
	}

	// A file that is there already stops it before a key is made.
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "app_accessKeys.csv"), nil, 0o600))
	out, err := s.keysCommand(t, root.keys, dir, "rotate", "--user", "app")
	if err == nil || len(statuses()) != 1 || !strings.Contains(out, "say with --out") {
		t.Errorf("over a file that is there: %v\n%s", err, out)
	}
	// One that is interrupted is gone on with; after that the next one needs room.
	dir = t.TempDir()
	cmd, said := s.keysProcess(ctx, root.keys, dir, "rotate", "--user", "app"), newOutput()
	cmd.Stdout, cmd.Stderr = said, said
	must(t, cmd.Start())
	said.await(func(text string) bool { return strings.Contains(text, "Waiting until") })
	must(t, cmd.Process.Signal(os.Interrupt))
	err = cmd.Wait()
	if err == nil || !strings.Contains(said.String(), "To go on: sallyport keys retire --user app --key "+u.keys.ID) || statuses()[u.keys.ID] != types.StatusTypeActive {
		t.Errorf("interrupted: %v\n%s\n%v", err, said, statuses())
	}
	if out, err := s.keysCommand(t, root.keys, dir, "retire", "--user", "app", "--key", u.keys.ID, "--idle", "10ms", "--poll", "10ms"); err != nil || statuses()[u.keys.ID] != types.StatusTypeInactive {
		t.Errorf("keys retire = %v\n%s", err, out)
	}
	again := []string{"rotate", "--user", "app", "--idle", "10ms", "--poll", "10ms", "--out", "second.csv"}
	if out, err := s.keysCommand(t, root.keys, dir, again...); err == nil || !strings.Contains(out, "sallyport: LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2") || !strings.Contains(out, "--delete-inactive") {
		t.Errorf("without room: %v\n%s", err, out)
	}
	out, err = s.keysCommand(t, root.keys, dir, append(again, "--delete-inactive")...)
	if got := statuses(); err != nil || len(got) != 2 || got[u.keys.ID] != "" {
		t.Errorf("with room made: %v\n%s\n%v", err, out, got)
	}
}
