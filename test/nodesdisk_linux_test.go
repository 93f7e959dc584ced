package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

// nodesOn starts a node whose data folder is in dir, and another one beside it.
func nodesOn(t *testing.T, dir string) (*etcdtest.Cluster, command, []*server) {
	t.Helper()
	c := etcdtest.Start(t, 1)
	cmd := node(t, c, nil, "--trail-reserve", "0")
	cmd.data = filepath.Join(dir, "data")
	one := start(t, cmd)
	return c, cmd, []*server{one, start(t, node(t, c, one))}
}

// TestNodesDiskFull: a node whose disk is full ends and says so, and does not
// start until there is room. Another one goes on, with all that was
// acknowledged. The copy is not given up for it: it starts without its store.
func TestNodesDiskFull(t *testing.T) {
	t.Parallel()
	dir := mounted(t, "-t", "tmpfs", "-o", "size=96m,mode=0755", "tmpfs")
	c, cmd, all := nodesOn(t, dir)
	ballast := filepath.Join(dir, "ballast")
	root := all[0].root()
	known := failUnderLoad(t, all[0], nil, func() { fillUp(t, ballast) }, "no space left on device")
	known.check(t, all[1], all[1].as(root))
	fillUp(t, ballast) // what the end of the process has freed
	wantRefused(t, "a full disk", cmd, "no space left on device")
	must(t, os.Remove(ballast))
	c.Pause(0)
	again := all[0].again(cmd)
	must(t, again.as(root).whoami(deadline(t)))
	c.Resume(0)
	until(t, "an unknown key with the store again", "InvalidClientTokenId", again.as(keys{ID: "AKIAUNKNOWN123456789", Secret: "x"}).asks(t))
	known.check(t, again, again.as(root))
	t.Logf("%d facts found again", known.len())
}

// TestNodesDiskTurnsReadOnly: likewise of a disk that the kernel makes read-only.
func TestNodesDiskTurnsReadOnly(t *testing.T) {
	t.Parallel()
	disk := image(t)
	dir := mounted(t, "-o", "loop,errors=remount-ro", disk)
	trigger := errorTrigger(t, dir)
	_, cmd, all := nodesOn(t, dir)
	root := all[0].root()
	known := failUnderLoad(t, all[0], nil, func() { must(t, os.WriteFile(trigger, []byte("a test"), 0o200)) }, "read-only file system")
	known.check(t, all[1], all[1].as(root))
	wantRefused(t, "a read-only disk", cmd, "read-only file system")
	must(t, syscall.Unmount(dir, 0))
	if out, err := exec.Command("mount", "-o", "loop", disk, dir).CombinedOutput(); err != nil {
		t.Fatalf("mount again: %v %s", err, out)
	}
	again := all[0].again(cmd)
	known.check(t, again, again.as(root))
	t.Logf("%d facts found again", known.len())
	again.stop()
}

// TestNodesCopyDamaged: a node whose copy has a damaged record says so and
// loads it anew, and while its store is down does not start on it.
func TestNodesCopyDamaged(t *testing.T) {
	t.Parallel()
	c, all := nodes(t, 2)
	root := all[0].as(all[0].root())
	revoked := root.user(t, all[0], "u", "").keys
	cmd := command{data: all[1].data, args: node(t, c, nil).args}
	all[1].stop()
	damageCopy(t, all[1].data)
	c.Pause(0)
	code, said := cmd.refused(t)
	if code != 1 || !strings.Contains(said, "the replica can't be trusted and is thrown away") || !strings.Contains(said, "holds no copy of it") {
		t.Errorf("a damaged copy, without the store = %d:\n%s", code, said)
	}
	c.Resume(0)
	until(t, "a change with the store again", "", func() error {
		_, err := root.iam.DeleteAccessKey(deadline(t), &iam.DeleteAccessKeyInput{UserName: aws.String("u"), AccessKeyId: &revoked.ID})
		return err
	})
	again := start(t, cmd)
	wantCode(t, "a key that was revoked meanwhile", again.as(revoked).whoami(deadline(t)), "InvalidClientTokenId", "")
	must(t, again.as(all[0].root()).whoami(deadline(t)))
	again.stop()

	damageCopy(t, again.data)
	again = start(t, cmd)
	if said := again.stderr.String(); !strings.Contains(said, "the replica can't be trusted and is thrown away") {
		t.Errorf("the node does not say that its copy was damaged:\n%s", said)
	}
	must(t, again.as(all[0].root()).whoami(deadline(t)))
}

// damageCopy damages a record in each table of a stopped node's copy.
func damageCopy(t *testing.T, data string) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(data, "replica", "copy-*", "*.sst"))
	must(t, err)
	if len(tables) == 0 {
		t.Fatal("the copy has no tables")
	}
	for _, path := range tables {
		b, err := os.ReadFile(path)
		must(t, err)
		b[len(b)/3] ^= 0x10
		must(t, os.WriteFile(path, b, 0o600))
	}
}
