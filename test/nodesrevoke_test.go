package test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/sallyport-iam/sallyport/internal/store/etcd/etcdtest"
)

// revocation is a key that is revoked on one node while another is asked with it.
type revocation struct {
	answered time.Time // when its deletion was answered
	last     time.Time // when the last request that it still signed was sent
	took     time.Duration
}

// revoke deletes a key of u on one node, as often as it needs to be asked for,
// and asks another with it until that refuses, in whatever words.
func revoke(t *testing.T, root, other *clients, id string) (r revocation) {
	t.Helper()
	ctx := deadline(t)
	began := time.Now()
	until(t, "revoke a key", "", func() error {
		_, err := root.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("u"), AccessKeyId: &id})
		if codeOf(err) == "NoSuchEntity" {
			return nil // an attempt before that was not answered
		}
		return err
	})
	r.answered = time.Now()
	r.took = r.answered.Sub(began)
	for end := r.answered.Add(patience); ; {
		sent := time.Now()
		if other.whoami(ctx) != nil {
			return r
		}
		if r.last = sent; sent.After(end) {
			t.Fatalf("the revoked key still works %v later", patience)
		}
	}
}

// TestRevocationInFaults: whatever happens to etcd or to the way to it, a key
// that is revoked on one node works on the other no longer than --max-staleness,
// and never again after it was refused there.
func TestRevocationInFaults(t *testing.T) {
	t.Parallel()
	const bound = 8 * time.Second
	c := etcdtest.Start(t, 3)
	road := c.Road()
	args := []string{"--max-staleness", bound.String()}
	one := start(t, node(t, c, nil, args...))
	two := start(t, node(t, &etcdtest.Cluster{Endpoints: road.Endpoints}, one, args...))
	root, ctx := one.as(one.root()), deadline(t)
	_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("u")})
	must(t, err)
	leader := 0
	led := func(do func(int)) func() { return func() { leader = c.Leader(); do(leader) } }
	mend := func(do func(int)) func() { return func() { do(leader) } }
	all := func(do func(int)) {
		for i := range 3 {
			do(i)
		}
	}
	for _, f := range []struct {
		name       string
		fault, end func()
	}{
		{"no fault", func() {}, func() {}},
		{"leader killed", led(c.Kill), mend(c.Restart)},
		{"leader paused", led(c.Pause), mend(c.Resume)},
		{"one follower paused", led(func(i int) { c.Pause((i + 1) % 3) }), mend(func(i int) { c.Resume((i + 1) % 3) })},
		{"other follower paused", led(func(i int) { c.Pause((i + 2) % 3) }), mend(func(i int) { c.Resume((i + 2) % 3) })},
		{"leader cut off from the others", led(c.Partition), mend(c.Heal)},
		{"all members restarted", func() { all(c.Kill); all(c.Restart) }, func() {}},
		{"node cut off from all members", road.Cut, road.Mend},
	} {
		t.Run(f.name, func(t *testing.T) {
			key := root.newKey(t, "u")
			other := two.as(key)
			until(t, "a new key", "", func() error { return other.whoami(deadline(t)) })
			f.fault()
			r := revoke(t, root, other, key.ID)
			late := max(0, r.last.Sub(r.answered))
			if late > bound {
				t.Errorf("a revoked key worked %v after the answer, the bound is %v", late, bound)
			}
			f.end()
			until(t, "a revoked key at the end", "InvalidClientTokenId", func() error {
				err := other.whoami(deadline(t))
				if err == nil {
					t.Error("a revoked key that was refused works again")
				}
				return err
			})
			until(t, "the other node at the end", "", two.as(one.root()).asks(t))
			t.Logf("revoked after %v; it was used %v after the answer for the last time", r.took.Round(time.Millisecond), late.Round(time.Millisecond))
		})
	}

	// How soon it is where there is no fault.
	var took []time.Duration
	for range 30 {
		key := root.newKey(t, "u")
		other := two.as(key)
		must(t, other.whoami(ctx))
		r := revoke(t, root, other, key.ID)
		took = append(took, time.Since(r.answered))
	}
	slices.Sort(took)
	t.Logf("with three members: a revoked key is refused %v after the answer (median; most %v)", took[len(took)/2], took[len(took)-1])
}
