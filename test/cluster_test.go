package test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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

// clusterProgram builds the program with the cluster inside.
func clusterProgram(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "sallyport")
	if out, err := exec.Command("go", "build", "-tags", "cluster", "-o", path, "../cmd/sallyport").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// peerURLs are on ports that were free just now, and that systems don't give to
// outgoing connections.
func peerURLs(t *testing.T, n int) (urls []string) {
	t.Helper()
	for range 1000 {
		if len(urls) == n {
			return urls
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000)))
		if err != nil {
			continue
		}
		defer l.Close()
		urls = append(urls, "http://"+l.Addr().String())
	}
	t.Fatal("no port is free")
	return nil
}

// sallyport runs another command of the program, which must succeed.
func sallyport(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(deadline(t), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("sallyport %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// eventually calls fn until it succeeds.
func eventually(t *testing.T, what string, fn func(context.Context) error) {
	t.Helper()
	ctx := deadline(t)
	for {
		err := fn(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// TestCluster: three processes are a deployment that survives the loss of one,
// and another takes its place.
func TestCluster(t *testing.T) {
	t.Parallel()
	// The socket's path must be short.
	dir, err := os.MkdirTemp("", "sp-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := clusterProgram(t, dir)
	urls := peerURLs(t, 4)
	peers := fmt.Sprintf("a=%s,b=%s,c=%s", urls[0], urls[1], urls[2])
	member := func(name, folder, peers string, args ...string) command {
		return command{program: program, data: filepath.Join(dir, folder), args: append([]string{"--cluster", peers, "--cluster-name", name}, args...)}
	}
	sallyport(t, program, "cluster", "master-key", "--data", filepath.Join(dir, "a"))
	key, err := os.ReadFile(filepath.Join(dir, "a", "master.key"))
	must(t, err)
	for _, folder := range []string{"b", "c", "new"} {
		must(t, os.Mkdir(filepath.Join(dir, folder), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, folder, "master.key"), key, 0o600))
	}
	var all []*server
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, member(name, name, peers).launch(t))
	}
	var root keys
	for _, s := range all {
		s.awaitReady()
		if strings.Contains(s.stdout.String(), "(made now)") {
			root = s.root()
		}
	}
	if root.ID == "" {
		t.Fatal("no member made the account")
	}

	// A key that one makes works at once on the others.
	user := all[0].as(root).user(t, all[0], "somebody", allow("iam:GetUser"))
	for _, s := range all {
		must(t, s.as(user.keys).whoami(deadline(t)))
	}

	// One dies; the others go on, the election of a leader apart.
	all[2].kill()
	eventually(t, "a change without the third", func(ctx context.Context) error {
		_, err := all[0].as(root).iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("later")})
		if _, made := errors.AsType[*types.EntityAlreadyExistsException](err); made {
			return nil // by an attempt whose outcome was unknown
		}
		return err
	})
	later := all[1].as(root).newKey(t, "later")
	must(t, all[0].as(later).whoami(deadline(t)))

	// Its disk is lost: who comes in its name with nothing is refused.
	code, text := member("c", "new", peers).refused(t)
	if code != 1 || !strings.Contains(text, "sallyport cluster replace") {
		t.Errorf("a member that lost its data: exit code %d: %s", code, text)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "new", "cluster")))
	out := sallyport(t, program, "cluster", "replace", "c="+urls[3], "--data", filepath.Join(dir, "a"))
	after := fmt.Sprintf("a=%s,b=%s,c=%s", urls[0], urls[1], urls[3])
	if !strings.Contains(out, "--cluster-join --cluster-name c --cluster "+after) {
		t.Errorf("cluster replace says\n%s", out)
	}
	fresh := start(t, member("c", "new", after, "--cluster-join"))
	must(t, fresh.as(later).whoami(deadline(t)))
	if out := sallyport(t, program, "cluster", "members", "--data", filepath.Join(dir, "new")); strings.Count(out, "\n") != 4 || !strings.Contains(out, urls[3]) {
		t.Errorf("cluster members says\n%s", out)
	}

	// Now another one may go, and come back with the flags of its first start.
	all[1].kill()
	eventually(t, "a change without the second", func(ctx context.Context) error {
		_, err := fresh.as(root).iam.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("later"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
		return err
	})
	again := all[1].again(member("b", "b", peers))
	must(t, again.as(later).whoami(deadline(t)))
	// The last one has no majority any more for what it would leave behind.
	for _, s := range []*server{all[0], again} {
		if code := s.stop(); code != 0 {
			t.Errorf("a member stops with exit code %d: %s", code, s.stderr)
		}
	}
}

// TestNoCluster: the plain program says how to get a cluster.
func TestNoCluster(t *testing.T) {
	t.Parallel()
	code, text := command{args: []string{"--cluster", "a=http://127.0.0.1:2380", "--cluster-name", "a"}}.refused(t)
	if code != 1 || !strings.Contains(text, "go build -tags cluster") || strings.Count(text, "\n") != 1 {
		t.Errorf("exit code %d: %s", code, text)
	}
}
