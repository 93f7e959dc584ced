package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// TestConfirmDetach: with --confirm-revocations a right that is taken away, in
// whatever way, is taken away on all nodes when the answer is there.
func TestConfirmDetach(t *testing.T) {
	t.Parallel()
	_, all := nodes(t, 2, "--confirm-revocations")
	root, ctx := all[0].as(all[0].root()), deadline(t)
	name, group := aws.String("u"), aws.String("g")
	here := root.user(t, all[0], *name, "")
	other := all[1].as(here.keys)
	lists := func() error {
		_, err := other.iam.ListUsers(ctx, &iam.ListUsersInput{})
		return err
	}
	_, err := root.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: group})
	must(t, err)
	may := allow("iam:ListUsers")
	_, err = root.iam.PutGroupPolicy(ctx, &iam.PutGroupPolicyInput{GroupName: group, PolicyName: name, PolicyDocument: &may})
	must(t, err)
	managed, err := root.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: name, PolicyDocument: &may})
	must(t, err)
	arn, put := managed.Policy.Arn, &iam.PutUserPolicyInput{UserName: name, PolicyName: name, PolicyDocument: &may}
	for what, do := range map[string][2]func() error{
		"detach a policy": {
			func() error {
				_, err := root.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: arn})
				return err
			}, func() error {
				_, err := root.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: name, PolicyArn: arn})
				return err
			},
		},
		"leave a group": {
			func() error {
				_, err := root.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: name, GroupName: group})
				return err
			}, func() error {
				_, err := root.iam.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{UserName: name, GroupName: group})
				return err
			},
		},
		"delete an inline policy": {
			func() error { _, err := root.iam.PutUserPolicy(ctx, put); return err },
			func() error {
				_, err := root.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: name})
				return err
			},
		},
		"narrow an inline policy": {
			func() error { _, err := root.iam.PutUserPolicy(ctx, put); return err },
			func() error {
				less := *put
				less.PolicyDocument = aws.String(allow("iam:GetUser"))
				_, err := root.iam.PutUserPolicy(ctx, &less)
				return err
			},
		},
	} {
		for round := range 5 {
			must(t, do[0]())
			until(t, what+": granted", "", lists)
			must(t, do[1]())
			wantCode(t, fmt.Sprintf("%s, round %d: on the other node", what, round), lists(), "AccessDenied", "")
		}
	}
}

// TestHistoryCompactedAway: a node sleeps while a key is revoked and etcd gives
// up the history of that. When it wakes it loads everything anew.
func TestHistoryCompactedAway(t *testing.T) {
	t.Parallel()
	c, all := nodes(t, 2)
	one, two := all[0], all[1]
	root, ctx := one.as(one.root()), deadline(t)
	revoked := root.user(t, one, "u", "")
	sleeper := two.as(revoked.keys)
	must(t, sleeper.whoami(ctx))

	must(t, two.process.Signal(syscall.SIGSTOP))
	c.Kill(0) // so that its feed has to be taken up again
	c.Restart(0)
	c.Leader()
	until(t, "a change after etcd's return", "", func() error {
		_, err := root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("u"), AccessKeyId: &revoked.keys.ID})
		return err
	})
	made := root.user(t, one, "v", "")
	direct, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints, Logger: zap.NewNop()})
	must(t, err)
	defer direct.Close()
	head, err := direct.Get(ctx, "x")
	must(t, err)
	_, err = direct.Compact(ctx, head.Header.Revision)
	must(t, err)
	must(t, two.process.Signal(syscall.SIGCONT))

	until(t, "a revoked key on the node that slept", "InvalidClientTokenId", func() error { return sleeper.whoami(ctx) })
	until(t, "a new key there", "", func() error { return two.as(made.keys).whoami(ctx) })
	if !two.stderr.await(func(said string) bool { return strings.Contains(said, "compacted") }) {
		t.Errorf("the node lost no history: the test tests nothing:\n%s", two.stderr)
	}
}

// TestArchiveOfNodes: the archive that a node keeps of a shared store gives back
// a moment of it, in another store.
func TestArchiveOfNodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive, passphrase := filepath.Join(dir, "archive"), "SALLYPORT_BACKUP_PASSPHRASE=a passphrase"
	c, all := nodes(t, 1)
	cmd := node(t, c, all[0], "--archive", archive)
	cmd.env = append(cmd.env, passphrase)
	keeper := start(t, cmd)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if full, _ := filepath.Glob(filepath.Join(archive, "full-*")); len(full) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no full backup:\n%s", keeper.stderr)
		}
	}
	root, ctx := all[0].as(all[0].root()), deadline(t)
	early := root.user(t, all[0], "early", "").keys
	var at string
	_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("mark")}, keepHeader("x-sallyport-revision", &at))
	must(t, err)
	late := root.user(t, all[0], "late", "").keys
	_, err = root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("early"), AccessKeyId: &early.ID})
	must(t, err)
	keeper.stop()

	url := "etcd://" + c.Endpoints[0] + "/again"
	restore := exec.CommandContext(ctx, binary, "restore", archive, "--at", at, "--data", dir+"/node", "--store", url)
	restore.Env = []string{passphrase, "HOME=" + dir}
	if out, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("restore --at %s: %v\n%s", at, err, out)
	}
	key, err := os.ReadFile(filepath.Join(all[0].data, "master.key"))
	must(t, err)
	must(t, os.WriteFile(dir+"/node/master.key", key, 0o600))
	again := start(t, command{data: dir + "/node", args: []string{"--store", url}})
	must(t, again.as(early).whoami(ctx))
	wantCode(t, "a key that was made later", again.as(late).whoami(ctx), "InvalidClientTokenId", "")
}
