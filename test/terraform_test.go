package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

// terraform is a working folder of Terraform's with the AWS provider in it.
type terraform struct {
	t    *testing.T
	home *home
	dir  string
}

// mirrors are the folders in which Terraform looks for providers by itself, and
// those that SALLYPORT_TEST_TERRAFORM_MIRROR adds.
func mirrors() []string {
	all := []string{"/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"}
	if more := os.Getenv("SALLYPORT_TEST_TERRAFORM_MIRROR"); more != "" {
		all = append(all, more)
	}
	return all
}

// noTerraform skips the test aloud. Terraform is in no package of Debian's, so
// that the test command can't install it: its absence is no failure.
func noTerraform(t *testing.T, what string) {
	t.Helper()
	t.Skip("NOT TESTED: " + what + " is missing")
}

// newTerraform makes a working folder for the server out of that configuration,
// or skips the test where Terraform or its AWS provider can't be had.
func newTerraform(t *testing.T, s *server, configuration string, variables ...string) *terraform {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		noTerraform(t, "terraform (https://developer.hashicorp.com/terraform/install)")
	}
	root := s.root()
	h := newHome(t, append([]string{
		"AWS_ENDPOINT_URL=" + s.endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=" + root.ID, "AWS_SECRET_ACCESS_KEY=" + root.Secret,
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1",
	}, variables...)...)
	installation := "direct {}"
	for _, m := range mirrors() {
		if _, err := os.Stat(filepath.Join(m, "registry.terraform.io/hashicorp/aws")); err == nil {
			installation = "filesystem_mirror { path = \"" + m + "\" }"
		}
	}
	config := filepath.Join(h.dir, "terraform.rc")
	must(t, os.WriteFile(config, []byte("provider_installation {\n  "+installation+"\n}\n"), 0o600))
	h.env = append(h.env, "TF_CLI_CONFIG_FILE="+config)
	text, err := os.ReadFile(configuration)
	must(t, err)
	tf := &terraform{t, h, t.TempDir()}
	must(t, os.WriteFile(filepath.Join(tf.dir, "main.tf"), text, 0o600))
	if out, code := tf.run("init", "-no-color"); code != 0 {
		t.Log(out)
		noTerraform(t, "the AWS provider for terraform")
	}
	return tf
}

// progress are the lines that say how far Terraform is.
var progress = regexp.MustCompile(`(?m)^\S+: (?:\w+\.\.\.|Refreshing state|\w+ complete|Still ).*\n`)

// run runs terraform, and gives what it says and its exit code.
func (tf *terraform) run(args ...string) (string, int) {
	tf.t.Helper()
	cmd := exec.CommandContext(tf.t.Context(), "terraform", args...)
	cmd.Env, cmd.Dir = tf.home.environ(), tf.dir
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		tf.t.Fatal(err)
	}
	return progress.ReplaceAllString(out.String(), ""), cmd.ProcessState.ExitCode()
}

func (tf *terraform) ok(args ...string) string {
	tf.t.Helper()
	out, code := tf.run(args...)
	if code != 0 {
		tf.t.Fatalf("terraform %s = %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// apply brings the world into the step's state; a plan must then change nothing.
func (tf *terraform) apply(step string) {
	tf.t.Helper()
	tf.ok("apply", "-no-color", "-auto-approve", "-parallelism=30", "-var=step="+step)
	if out, code := tf.run("plan", "-no-color", "-detailed-exitcode", "-parallelism=30", "-var=step="+step); code != 0 {
		tf.t.Errorf("after step %s the plan is not empty (%d):\n%s", step, code, out)
	}
}

// seen is what the configuration's data sources saw.
func (tf *terraform) seen() map[string]string {
	tf.t.Helper()
	seen := map[string]string{}
	if err := json.Unmarshal([]byte(tf.ok("output", "-json", "seen")), &seen); err != nil {
		tf.t.Fatal(err)
	}
	return seen
}

// TestTerraform makes everything of IAM that the AWS provider manages, changes
// it and takes it away; between the steps nothing is left to plan. Meanwhile the
// users get what Terraform doesn't know of, which force_destroy removes.
func TestTerraform(t *testing.T) {
	t.Parallel()
	s := serve(t)
	cert, key := selfSigned(t, "site.example.com")
	tf := newTerraform(t, s, "testdata/terraform/main.tf",
		"TF_VAR_certificate="+cert, "TF_VAR_key="+key, "TF_VAR_saml_metadata="+samlMetadata(t, cert),
		"TF_VAR_ssh_key="+sshKey(t))
	tf.apply("1")
	want := map[string]string{
		"account": s.account, "users": "two", "boundary": "arn:aws:iam::" + s.account + ":policy/policies/read", "members": "one,two",
		"role": "3600", "roles": "role", "policy": "Reads.", "managed": "AdministratorAccess", "profile": "true", "profiles": "profile",
		"keys": "Active", "alias": "first-alias", "clients": "app", "saml": "corp", "server": "/certificates/", "ssh": "Active",
		"issuer": "true", "simulated": "false", "linked": "AWSServiceRoleForAutoScaling_mine",
	}
	if diff := cmp.Diff(want, tf.seen()); diff != "" {
		t.Errorf("data sources after step 1 (-want +got):\n%s", diff)
	}
	tf.apply("2")
	want["boundary"], want["members"], want["role"], want["profile"] = "arn:aws:iam::aws:policy/ReadOnlyAccess", "one-renamed", "7200", "false"
	want["keys"], want["alias"], want["clients"], want["ssh"] = "Inactive", "second-alias", "app2,other", "Inactive"
	if diff := cmp.Diff(want, tf.seen()); diff != "" {
		t.Errorf("data sources after step 2 (-want +got):\n%s", diff)
	}
	root := s.as(s.root())
	root.laden(t, "two")
	tf.ok("destroy", "-no-color", "-auto-approve", "-parallelism=30", "-var=step=2")
	users, err := root.iam.ListUsers(deadline(t), &iam.ListUsersInput{})
	must(t, err)
	if len(users.Users) != 0 {
		t.Errorf("users after destroy: %v", users.Users)
	}
}

// TestTerraformOrganization does so with an organization.
func TestTerraformOrganization(t *testing.T) {
	t.Parallel()
	s := serve(t)
	tf := newTerraform(t, s, "testdata/terraform/organization.tf")
	tf.apply("1")
	want := map[string]string{"accounts": s.account + ",member", "units": "dev", "inside": "member@example.com", "policies": "2", "guard": "Keeps users out."}
	if diff := cmp.Diff(want, tf.seen()); diff != "" {
		t.Errorf("data sources after step 1 (-want +got):\n%s", diff)
	}
	tf.apply("2")
	want["units"], want["guard"] = "development", ""
	if diff := cmp.Diff(want, tf.seen()); diff != "" {
		t.Errorf("data sources after step 2 (-want +got):\n%s", diff)
	}
	tf.ok("destroy", "-no-color", "-auto-approve", "-parallelism=30", "-var=step=2")
}

// laden gives the user more of everything that must be gone before it can be
// deleted.
func (c *clients) laden(t *testing.T, name string) {
	t.Helper()
	ctx, user := deadline(t), &name
	c.newKey(t, name)
	device, err := c.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: user})
	must(t, err)
	seed, serial, now := string(device.VirtualMFADevice.Base32StringSeed), device.VirtualMFADevice.SerialNumber, time.Now()
	_, err = c.iam.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{
		UserName: user, SerialNumber: serial, AuthenticationCode1: code(t, seed, now.Add(-30*time.Second)), AuthenticationCode2: code(t, seed, now),
	})
	must(t, err)
	cert, _ := selfSigned(t, name)
	_, err = c.iam.UploadSigningCertificate(ctx, &iam.UploadSigningCertificateInput{UserName: user, CertificateBody: &cert})
	must(t, err)
	_, err = c.iam.CreateServiceSpecificCredential(ctx, &iam.CreateServiceSpecificCredentialInput{UserName: user, ServiceName: aws.String("cassandra.amazonaws.com")})
	must(t, err)
	_, err = c.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("unmanaged")})
	must(t, err)
	_, err = c.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: user, GroupName: aws.String("unmanaged")})
	must(t, err)
	_, err = c.iam.TagUser(ctx, &iam.TagUserInput{UserName: user, Tags: []types.Tag{{Key: aws.String("by"), Value: aws.String("hand")}}})
	must(t, err)
}
