package test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// For longer by hand: go test -run Crash -timeout 0 ./test -rounds 1000
var rounds = flag.Int("rounds", 20, "how often TestCrash kills the server")

// acknowledged is what a client was told is done.
type acknowledged struct {
	users    map[string]bool
	policies map[string]string // user: the document of its inline policy
	keys     map[string]keys   // id: a key that works
	deleted  map[string]keys   // id: a key that was deleted
	// doubtful are keys whose deletion was asked for and not answered.
	doubtful map[string]bool
}

func newAcknowledged() *acknowledged {
	return &acknowledged{map[string]bool{}, map[string]string{}, map[string]keys{}, map[string]keys{}, map[string]bool{}}
}

// TestCrash kills the server at random moments while clients write as fast as
// they can. Whatever was answered is there after each restart.
func TestCrash(t *testing.T) {
	t.Parallel()
	const writers = 6
	s := serve(t)
	root := s.root()
	known := make([]*acknowledged, writers)
	for i := range known {
		known[i] = newAcknowledged()
	}
	all := newAcknowledged()
	for round := range *rounds {
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(deadline(t))
		for i, k := range known {
			w := writer{s.as(root), k, fmt.Sprintf("r%dw%d", round, i), nil}
			wg.Go(func() { w.run(ctx) })
		}
		time.Sleep(time.Duration(10+rand.IntN(130)) * time.Millisecond)
		s.kill()
		wg.Wait()
		cancel()
		s = s.again(command{})
		for _, k := range known {
			k.check(t, s, s.as(root))
			k.moveTo(all)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	s.kill()
	s = s.again(command{})
	all.check(t, s, s.as(root)) // what is old is still there as well
	if n := all.len(); n < *rounds*writers {
		t.Errorf("only %d answers before the kills: the test tests nothing", n)
	} else {
		t.Logf("%d kills, %d facts found again", *rounds+1, n)
	}
}

// writer is a client that writes until the server is gone.
type writer struct {
	c    *clients
	done *acknowledged
	name string
	cut  *atomic.Bool // once it is set no answer counts; nil means never
}

func (w writer) run(ctx context.Context) {
	for i := 0; ; i++ {
		if w.user(ctx, fmt.Sprintf("%s-%d", w.name, i)) != nil {
			return // the server was killed
		}
	}
}

// user makes a user with a policy and two keys, and deletes one of these.
func (w writer) user(ctx context.Context, name string) error {
	_, err := w.c.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	if err := w.heard(err); err != nil {
		return err
	}
	w.done.users[name] = true
	document := allow("s3:" + name)
	_, err = w.c.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("own"), PolicyDocument: &document})
	if err := w.heard(err); err != nil {
		return err
	}
	w.done.policies[name] = document
	var last keys
	for range 2 {
		out, err := w.c.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
		if err := w.heard(err); err != nil {
			return err
		}
		last = keys{ID: *out.AccessKey.AccessKeyId, Secret: *out.AccessKey.SecretAccessKey}
		w.done.keys[last.ID] = last
	}
	w.done.doubtful[last.ID] = true
	_, err = w.c.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: &last.ID})
	if err := w.heard(err); err != nil {
		return err
	}
	delete(w.done.keys, last.ID)
	w.done.deleted[last.ID] = last
	return nil
}

var errLate = errors.New("answered after the power was cut")

// heard is err, or says that an answer comes too late to count.
func (w writer) heard(err error) error {
	if err == nil && w.cut != nil && w.cut.Load() {
		return errLate
	}
	return err
}

func (k *acknowledged) len() int {
	return len(k.users) + len(k.policies) + len(k.keys) + len(k.deleted)
}

// moveTo moves what is known over to all.
func (k *acknowledged) moveTo(all *acknowledged) {
	maps.Copy(all.users, k.users)
	maps.Copy(all.policies, k.policies)
	maps.Copy(all.keys, k.keys)
	maps.Copy(all.deleted, k.deleted)
	maps.Copy(all.doubtful, k.doubtful)
	*k = *newAcknowledged()
}

// check checks that the server knows all that it acknowledged.
func (k *acknowledged) check(t *testing.T, s *server, root *clients) {
	t.Helper()
	ctx := deadline(t)
	for name := range k.users {
		if _, err := root.iam.GetUser(ctx, &iam.GetUserInput{UserName: &name}); err != nil {
			t.Errorf("user %s was made, and is lost: %v", name, err)
		}
	}
	for name, document := range k.policies {
		out, err := root.iam.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &name, PolicyName: aws.String("own")})
		if err != nil {
			t.Errorf("the policy of %s was stored, and is lost: %v", name, err)
		} else if got, err := url.PathUnescape(*out.PolicyDocument); err != nil || got != document {
			t.Errorf("the policy of %s = %q, want %q", name, got, document)
		}
	}
	for id, key := range k.keys {
		if err := s.as(key).whoami(ctx); err != nil && !k.doubtful[id] {
			t.Errorf("key %s was made, and doesn't work: %v", id, err)
		}
	}
	for id, key := range k.deleted {
		wantCode(t, "deleted key "+id, s.as(key).whoami(ctx), "InvalidClientTokenId", badCredentials)
	}
}
