package test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-iam/sallyport/internal/directory"
	"github.com/sallyport-iam/sallyport/internal/seal"
	"github.com/sallyport-iam/sallyport/internal/store/pebble"
)

// TestCrossAccount: a role of another account needs both its trust and the
// caller's own policy.
func TestCrossAccount(t *testing.T) {
	t.Parallel()
	s, other := withSecondAccount(t)
	root, there := s.as(s.root()), s.as(other)
	ann := root.user(t, s, "ann", "")
	role := there.role(t, "shared", trust(assume, s.account), allow("iam:ListRoles"))
	_, _, err := ann.assume(t, s, role, "one")
	wantCode(t, "without a policy of one's own", err, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: "+role)
	direct := there.role(t, "direct", trust(assume, ann.arn(t)), "")
	_, _, err = ann.assume(t, s, direct, "one")
	wantCode(t, "named by the trust policy, without a policy of one's own", err, "AccessDenied", "sts:AssumeRole")
	must(t, ann.put(t, root, allow("sts:AssumeRole")))
	as := ann.mustAssume(t, s, role, "one")
	if want := "arn:aws:sts::" + secondAccount + ":assumed-role/shared/one"; as.arn(t) != want {
		t.Errorf("the session is %s, want %s", as.arn(t), want)
	}
	ann.mustAssume(t, s, direct, "one")
	out, err := as.iam.ListRoles(deadline(t), &iam.ListRolesInput{})
	must(t, err)
	var names []string
	for _, r := range out.Roles {
		names = append(names, *r.RoleName)
	}
	if diff := cmp.Diff([]string{"direct", "shared"}, names); diff != "" {
		t.Errorf("the session sees another account's roles (-want +got):\n%s", diff)
	}
	private := there.role(t, "private", trust(assume, secondAccount), "")
	_, _, err = ann.assume(t, s, private, "one")
	wantCode(t, "a role that doesn't trust the account", err, "AccessDenied", "sts:AssumeRole")
}

// put gives the user an inline policy in place of the one it has.
func (c *clients) put(t *testing.T, by *clients, policy string) error {
	t.Helper()
	name := c.arn(t)
	_, err := by.iam.PutUserPolicy(deadline(t), &iam.PutUserPolicyInput{
		UserName: aws.String(name[strings.LastIndexByte(name, '/')+1:]), PolicyName: aws.String("own"), PolicyDocument: &policy,
	})
	return err
}

// secondAccount sorts after every account id that is made.
const secondAccount = "999999999999"

// noPolicies: the policies that AWS owns aren't needed to make an account.
type noPolicies struct{}

func (noPolicies) Lookup(string) (*directory.ManagedPolicy, bool) { return nil, false }
func (noPolicies) Document(string) string                         { return "" }
func (noPolicies) All() []*directory.ManagedPolicy                { return nil }

// withSecondAccount starts a server that has a second account, and gives that
// one's root key.
func withSecondAccount(t *testing.T) (*server, keys) {
	t.Helper()
	s := serve(t)
	s.stop()
	st, err := pebble.Open(filepath.Join(s.data, "store"), pebble.Options{})
	must(t, err)
	defer st.Close()
	master, err := seal.LoadMasterKey(filepath.Join(s.data, "master.key"))
	must(t, err)
	dir, err := directory.Open(t.Context(), st, directory.Options{Master: master, AWSPolicies: noPolicies{}, Now: time.Now, Rand: rand.Reader})
	must(t, err)
	k, secret := keys{ID: seal.AccessKeyID(rand.Reader, "AKIA", secondAccount)}, seal.SecretKey(rand.Reader)
	must(t, dir.Update(t.Context(), secondAccount, func(tx *directory.Tx) error {
		if err := tx.CreateAccount("other@localhost", ""); err != nil {
			return err
		}
		return tx.AddRootKey(k.ID, secret)
	}))
	must(t, dir.Close(context.WithoutCancel(t.Context())))
	must(t, st.Close())
	k.Secret = secret.Reveal()
	return s.again(command{}), k
}
