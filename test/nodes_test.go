package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

// node is the command line of a node on a cluster, with a new data folder. It
// has the master key of the first one, where there is one.
func node(t *testing.T, c *etcdtest.Cluster, first *server, args ...string) command {
	t.Helper()
	cmd := command{
		data: filepath.Join(t.TempDir(), "node"),
		args: append([]string{"--store", "etcd://" + strings.Join(c.Endpoints, ",") + "/test", "--admin-listen", "127.0.0.1:0"}, args...),
	}
	if first != nil {
		key, err := os.ReadFile(filepath.Join(first.data, "master.key"))
		must(t, err)
		must(t, os.Mkdir(cmd.data, 0o700))
		must(t, os.WriteFile(filepath.Join(cmd.data, "master.key"), key, 0o600))
	}
	return cmd
}

// nodes starts so many nodes on a cluster of one member.
func nodes(t *testing.T, n int, args ...string) (*etcdtest.Cluster, []*server) {
	t.Helper()
	c := etcdtest.Start(t, 1)
	all := []*server{start(t, node(t, c, nil, args...))}
	for range n - 1 {
		all = append(all, start(t, node(t, c, all[0], args...)))
	}
	return c, all
}

// codeOf is the error code of a call, empty where it succeeded.
func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// until calls fn until it gives the code, and returns how long that took.
func until(t *testing.T, what, want string, fn func() error) time.Duration {
	t.Helper()
	began, got := time.Now(), ""
	for time.Since(began) < patience {
		if got = codeOf(fn()); got == want {
			return time.Since(began)
		}
	}
	t.Fatalf("%s: after %v still %q, want %q", what, patience, got, want)
	return 0
}

// TestNodesAgree: what one node answers holds on the others.
func TestNodesAgree(t *testing.T) {
	t.Parallel()
	c, all := nodes(t, 3)
	t.Run("another master key is refused", func(t *testing.T) {
		exit, text := node(t, c, nil).refused(t)
		if exit != 1 || !strings.Contains(text, "give this node theirs") {
			t.Errorf("exit code %d: %s", exit, text)
		}
	})
	a, b := all[0], all[1]
	root := a.as(a.root())
	ctx := deadline(t)
	var propagation []time.Duration
	for i := range 30 {
		name := fmt.Sprint("user", i)
		_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
		must(t, err)
		key := root.newKey(t, name)
		for _, n := range all[1:] {
			if err := n.as(key).whoami(ctx); err != nil {
				t.Fatalf("round %d: a key that another node has just made: %v", i, err)
			}
		}
		_, err = root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: &key.ID})
		must(t, err)
		user := b.as(key)
		propagation = append(propagation, until(t, "a deleted key", "InvalidClientTokenId", func() error { return user.whoami(ctx) }))
	}
	slices.Sort(propagation)
	t.Logf("a key that was deleted on one node stops on another after %v (median; most %v) from the answer", propagation[len(propagation)/2], propagation[len(propagation)-1])

	// Sessions of one node are those of all.
	session := root.session(t)
	must(t, b.as(session).whoami(ctx))

	// Changes on several nodes at once keep the rules.
	made := together(t, 12, "EntityAlreadyExists", func(i int) error {
		_, err := all[i%3].as(a.root()).iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("same")})
		return err
	})
	if made != 1 {
		t.Errorf("%d users of one name were made on three nodes, want 1", made)
	}
}

// TestReadYourWrites: a request that carries the revision of a change sees it.
func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	_, all := nodes(t, 2)
	ctx := deadline(t)
	a, b := all[0].as(all[0].root()), all[1].as(all[0].root())
	for i := range 30 {
		name := fmt.Sprint("user", i)
		var revision string
		_, err := a.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}, keepHeader("x-sallyport-revision", &revision))
		must(t, err)
		if revision == "" {
			t.Fatal("the answer to a change has no revision")
		}
		if _, err := b.iam.GetUser(ctx, &iam.GetUserInput{UserName: &name}, sendHeader("x-sallyport-revision", revision)); err != nil {
			t.Fatalf("GetUser on another node, of revision %s: %v", revision, err)
		}
	}
}

// TestConfirmRevocations: a revoked key works nowhere when the answer is there.
func TestConfirmRevocations(t *testing.T) {
	t.Parallel()
	_, all := nodes(t, 3, "--confirm-revocations")
	root := all[0].as(all[0].root())
	ctx := deadline(t)
	_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("u")})
	must(t, err)
	var took []time.Duration
	for i := range 20 {
		key := root.newKey(t, "u")
		others := []*clients{all[1].as(key), all[2].as(key)}
		for _, o := range others {
			must(t, o.whoami(ctx))
		}
		began := time.Now()
		if i%2 == 0 {
			_, err := root.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: aws.String("u"), AccessKeyId: &key.ID, Status: "Inactive"})
			must(t, err)
		} else {
			_, err := root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("u"), AccessKeyId: &key.ID})
			must(t, err)
		}
		took = append(took, time.Since(began))
		for n, o := range others {
			wantCode(t, fmt.Sprintf("round %d, node %d, with a revoked key", i, n+1), o.whoami(ctx), "InvalidClientTokenId", "")
		}
		if i%2 == 0 {
			_, err := root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("u"), AccessKeyId: &key.ID})
			must(t, err)
		}
	}
	slices.Sort(took)
	t.Logf("a revocation that all of 3 nodes confirm takes %v (median; most %v)", took[len(took)/2], took[len(took)-1])

	// A node that was killed is waited for until it counts as gone.
	key := root.newKey(t, "u")
	all[2].kill()
	began := time.Now()
	_, err = root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("u"), AccessKeyId: &key.ID})
	must(t, err)
	t.Logf("with one node killed: %v", time.Since(began))
}

// TestStoreLost: without its store, which is silent, a node authenticates and changes nothing;
// past the bound it answers nobody; with it again all is as before.
func TestStoreLost(t *testing.T) {
	t.Parallel()
	const bound = 20 * time.Second
	args := []string{"--max-staleness", bound.String()}
	c, all := nodes(t, 2, args...)
	a, b := all[0], all[1]
	root, ctx := a.as(a.root()), deadline(t)
	_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("before")})
	must(t, err)
	must(t, b.as(a.root()).whoami(ctx))

	c.Pause(0)
	lost := time.Now()
	must(t, root.whoami(ctx))
	_, err = root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("meanwhile")})
	wantCode(t, "a change that the store does not answer", err, "ServiceUnavailable", "may or may not have been made")
	for began := time.Now(); !strings.Contains(a.get(t, "/readyz", 200), "the store is lost"); {
		if time.Since(began) > patience {
			t.Fatal("/readyz does not say that the store is lost")
		}
	}
	if text := a.get(t, "/metrics", 200); !strings.Contains(text, "\nsallyport_store_reachable 0\n") {
		t.Error("the metrics do not say that the store is lost")
	}
	until(t, "a change when the store is known to be lost", "ServiceUnavailable: was not made", func() error {
		_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("later")})
		if code := codeOf(err); code != "ServiceUnavailable" || !strings.Contains(err.Error(), "was not made") {
			return err
		}
		return errors.New("ServiceUnavailable: was not made")
	})
	// A node that starts now has its copy.
	b.kill()
	b = b.again(node(t, c, nil, args...))
	if err := b.as(a.root()).whoami(ctx); err != nil && time.Since(lost) < bound/2 {
		t.Errorf("on a node that started without the store, %v after its loss: %v", time.Since(lost), err)
	}
	for _, n := range []*server{a, b} {
		until(t, "past the bound", "ServiceUnavailable", n.as(a.root()).asks(t))
		n.get(t, "/readyz", 503)
	}
	if since := time.Since(lost); since < bound-2*time.Second {
		t.Errorf("everything was refused %v after the loss, want %v", since, bound)
	}
	// Once refused stays refused, while the store is away.
	for _, n := range []*server{a, b} {
		for range 20 {
			wantCode(t, "past the bound", n.as(a.root()).whoami(ctx), "ServiceUnavailable", "")
		}
	}

	c.Resume(0)
	for _, n := range []*server{a, b} {
		took := until(t, "with the store again", "", n.as(a.root()).asks(t))
		t.Logf("requests are answered %v after the store is back", took)
	}
	until(t, "a change with the store again", "", func() error {
		_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("after")})
		return err
	})
	key := root.newKey(t, "before")
	must(t, b.as(key).whoami(ctx))
	if log := a.stderr.String(); strings.Count(log, "the store is lost") != 1 {
		t.Errorf("the log says other than once that the store is lost:\n%s", log)
	}
}

func (c *clients) asks(t *testing.T) func() error {
	ctx := deadline(t)
	return func() error { return c.whoami(ctx) }
}

// get asks the admin address for a page.
func (s *server) get(t *testing.T, path string, status int) string {
	t.Helper()
	res, err := http.Get(s.admin + path)
	must(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	if res.StatusCode != status {
		t.Errorf("GET %s = %d, want %d: %s", path, res.StatusCode, status, b)
	}
	return string(b)
}

// sendHeader sends a header with a call, and keepHeader keeps one of its answer.
func sendHeader(name, value string) func(*iam.Options) {
	return func(o *iam.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue(name, value))
	}
}

func keepHeader(name string, value *string) func(*iam.Options) {
	return func(o *iam.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("keep "+name, func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
				out, meta, err := next.HandleDeserialize(ctx, in)
				if res, ok := out.RawResponse.(*smithyhttp.Response); ok {
					*value = res.Header.Get(name)
				}
				return out, meta, err
			}), middleware.After)
		})
	}
}

// TestRestoreIntoStore: a backup of one machine becomes the data of nodes, and
// that of a node the data of one machine.
func TestRestoreIntoStore(t *testing.T) {
	t.Parallel()
	one := serve(t)
	root := one.as(one.root())
	key := root.user(t, one, "u", allow("sts:*")).keys
	dir := t.TempDir()
	run := func(args ...string) (string, error) {
		cmd := exec.Command(binary, args...)
		cmd.Env = []string{"SALLYPORT_BACKUP_PASSPHRASE=a passphrase", "HOME=" + dir}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	ok := func(args ...string) {
		t.Helper()
		if out, err := run(args...); err != nil {
			t.Fatalf("%v = %v: %s", args, err, out)
		}
	}
	ok("backup", dir+"/one.age", "--data", one.data, "--with-master-key")
	c := etcdtest.Start(t, 1)
	store := "etcd://" + c.Endpoints[0] + "/test"
	ok("restore", dir+"/one.age", "--data", dir+"/node", "--store", store)
	if out, err := run("restore", dir+"/one.age", "--data", dir+"/other", "--store", store); err == nil || !strings.Contains(out, "has records already") {
		t.Errorf("restore into a store with records = %v: %s", err, out)
	}
	cmd := node(t, c, nil)
	cmd.data = dir + "/node"
	n := start(t, cmd)
	if n.account != one.account {
		t.Errorf("the node has account %s, want %s", n.account, one.account)
	}
	ctx := deadline(t)
	must(t, n.as(key).whoami(ctx))
	after := n.as(one.root()).newKey(t, "u")
	ok("backup", dir+"/node.age", "--data", n.data, "--with-master-key")
	ok("restore", dir+"/node.age", "--data", dir+"/back")
	ok("check", "--data", dir+"/back")
	back := start(t, command{data: dir + "/back"})
	must(t, back.as(after).whoami(ctx))
	if _, text := (command{data: n.data}).refused(t); !strings.Contains(text, "--store") {
		t.Errorf("a node's folder without --store: %s", text)
	}
}
