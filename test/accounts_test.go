package test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// sallyport runs a command of the program on the server's data folder.
func (s *server) sallyport(input string, args ...string) (string, error) {
	cmd := exec.CommandContext(deadline(s.t), binary, append(args, "--data", s.data)...)
	cmd.Env = []string{"HOME=" + s.data}
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// must runs a command that must succeed.
func (s *server) must(args ...string) string {
	s.t.Helper()
	out, err := s.sallyport("", args...)
	if err != nil {
		s.t.Fatalf("sallyport %s = %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// newAccount makes an account on the command line, and gives its id.
func (s *server) newAccount(name string, args ...string) string {
	s.t.Helper()
	s.must(append([]string{"account", "create", name}, args...)...)
	var all []struct{ ID, Name string }
	if err := json.Unmarshal([]byte(s.must("account", "list", "--json")), &all); err != nil {
		s.t.Fatal(err)
	}
	for _, a := range all {
		if a.Name == name {
			return a.ID
		}
	}
	s.t.Fatalf("account list does not have %s: %v", name, all)
	return ""
}

// rootOf gives the clients of the root user of an account.
func (s *server) rootOf(account string) *clients {
	s.t.Helper()
	other := *s
	other.data = filepath.Join(s.data, "accounts", account)
	return s.as(other.root())
}

// TestAccounts: accounts are made while the server runs and while none does;
// each has its own root user and names, and a role lets one into another.
func TestAccounts(t *testing.T) {
	s := serve(t)
	dev := s.newAccount("dev")
	if out, err := s.sallyport("", "account", "create", "again", "--id", dev); err == nil || !strings.Contains(out, "exists already") {
		t.Errorf("account create with an id that is taken = %v, %s", err, out)
	}
	first, root := s.as(s.root()), s.rootOf(dev)
	id, err := root.sts.GetCallerIdentity(deadline(t), &sts.GetCallerIdentityInput{})
	must(t, err)
	if *id.Account != dev || *id.Arn != "arn:aws:iam::"+dev+":root" {
		t.Errorf("GetCallerIdentity of the new root user = %s, %s", *id.Account, *id.Arn)
	}
	admin := first.user(t, s, "alice", allow("*"))
	root.user(t, s, "alice", "") // the same name, another user

	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + s.account + `:root"},"Action":"sts:AssumeRole"}]}`
	_, err = root.iam.CreateRole(deadline(t), &iam.CreateRoleInput{RoleName: aws.String("in"), AssumeRolePolicyDocument: &trust})
	must(t, err)
	_, err = root.iam.PutRolePolicy(deadline(t), &iam.PutRolePolicyInput{RoleName: aws.String("in"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allow("iam:List*"))})
	must(t, err)
	in, err := admin.sts.AssumeRole(deadline(t), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + dev + ":role/in"), RoleSessionName: aws.String("session")})
	must(t, err)
	session := s.as(keys{*in.Credentials.AccessKeyId, *in.Credentials.SecretAccessKey, *in.Credentials.SessionToken})
	users, err := session.iam.ListUsers(deadline(t), &iam.ListUsersInput{})
	must(t, err)
	if len(users.Users) != 1 || *users.Users[0].Arn != "arn:aws:iam::"+dev+":user/alice" {
		t.Errorf("ListUsers of the role in the other account = %v", users.Users)
	}

	s.stop()
	s.must("account", "create", "low", "--id", "000000000001") // before the first by number
	s.must("check")
	s = s.again(command{})
	if got := s.must("account", "show", "000000000001"); !strings.Contains(got, "(low), active") {
		t.Errorf("account show = %s", got)
	}
	must(t, s.as(s.root()).whoami(deadline(t)))
	must(t, s.rootOf("000000000001").whoami(deadline(t)))

	gone := s.rootOf(dev)
	old := gone.keys
	s.must("account", "reset-root", dev)
	wantCode(t, "the old root key", s.as(old).whoami(deadline(t)), "InvalidClientTokenId", "")
	must(t, s.rootOf(dev).whoami(deadline(t)))
	session = s.as(session.keys)
	if out, err := s.sallyport("", "account", "delete", s.account, "--yes"); err == nil || !strings.Contains(out, "first account") {
		t.Errorf("account delete of the first = %v, %s", err, out)
	}
	gone = s.rootOf(dev)
	s.must("account", "delete", dev, "--yes")
	wantCode(t, "root of a deleted account", gone.whoami(deadline(t)), "InvalidClientTokenId", "")
	wantCode(t, "a session of a deleted account", session.whoami(deadline(t)), "InvalidClientTokenId", "")
	s.stop()
	s.must("check")
}

// TestGivenRootKeyOfAnotherAccount: the first root user's key is given, and its
// id tells the account that another one has.
func TestGivenRootKeyOfAnotherAccount(t *testing.T) {
	s := serve(t)
	dev := s.newAccount("dev")
	k := s.rootOf(dev).newKeyOfRoot(t)
	_, err := s.rootOf(dev).iam.DeleteAccessKey(deadline(t), &iam.DeleteAccessKeyInput{AccessKeyId: &k.ID})
	must(t, err)
	s.stop()
	s = s.again(command{env: []string{"SALLYPORT_ROOT_ACCESS_KEY_ID=" + k.ID, "SALLYPORT_ROOT_SECRET_ACCESS_KEY=" + k.Secret}})
	id, err := s.as(k).sts.GetCallerIdentity(deadline(t), &sts.GetCallerIdentityInput{})
	must(t, err)
	if *id.Account != s.account {
		t.Errorf("the given key is of account %s, want %s", *id.Account, s.account)
	}
	must(t, s.rootOf(dev).whoami(deadline(t)))
}

// newKeyOfRoot makes a second key for the root user itself.
func (c *clients) newKeyOfRoot(t *testing.T) keys {
	t.Helper()
	out, err := c.iam.CreateAccessKey(deadline(t), &iam.CreateAccessKeyInput{})
	must(t, err)
	return keys{ID: *out.AccessKey.AccessKeyId, Secret: *out.AccessKey.SecretAccessKey}
}

// TestAccountMadeTwice: of several that make the account of one id at once, one
// does, and the files of its root user are those of the credentials in force.
func TestAccountMadeTwice(t *testing.T) {
	t.Parallel()
	s := serve(t)
	const id = "123412341234"
	made := make(chan bool)
	for i := range 6 {
		go func() {
			_, err := s.sallyport("", "account", "create", "again"+strconv.Itoa(i), "--id", id)
			made <- err == nil
		}()
	}
	n := 0
	for range 6 {
		if <-made {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of 6 made account %s, want 1", n, id)
	}
	if got, want := s.rootOf(id).arn(t), "arn:aws:iam::"+id+":root"; got != want {
		t.Errorf("the root key of the files is %s's, want %s", got, want)
	}
}
