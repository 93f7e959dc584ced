package test

import (
	"bytes"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/pquerna/otp/totp"
)

// code is what the device of that seed shows at that time.
func code(t *testing.T, seed string, at time.Time) *string {
	t.Helper()
	c, err := totp.GenerateCode(seed, at)
	must(t, err)
	return &c
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	u := root.user(t, s, "worker", "")
	name := aws.String("worker")

	_, err := root.iam.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: name})
	wantCode(t, "GetLoginProfile before", err, "NoSuchEntity", "Login Profile for User worker cannot be found.")
	_, err = root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name, Password: aws.String("Zz1")})
	wantCode(t, "a short password", err, "PasswordPolicyViolation", "Password should have a minimum length of 8")
	_, err = root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name, Password: aws.String("onlysmall")})
	wantCode(t, "one class", err, "PasswordPolicyViolation", "Password should meet 2 more of the following requirements: Password should have at least one uppercase letter, Password should have at least one number, Password should have at least one symbol")
	_, err = root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name})
	wantCode(t, "no password", err, "ValidationError", "Value at 'password' failed to satisfy constraint: Member must not be null")
	made, err := root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name, Password: aws.String("First-Pass1"), PasswordResetRequired: true})
	must(t, err)
	if !made.LoginProfile.PasswordResetRequired || *made.LoginProfile.UserName != "worker" {
		t.Errorf("CreateLoginProfile = %+v", made.LoginProfile)
	}
	_, err = root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name, Password: aws.String("First-Pass1")})
	wantCode(t, "a second profile", err, "EntityAlreadyExists", "Login Profile for user worker already exists.")
	_, err = root.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	wantCode(t, "DeleteUser with keys", err, "DeleteConflict", "must delete access keys first.")

	change := func(old, next string) error {
		_, err := u.iam.ChangePassword(ctx, &iam.ChangePasswordInput{OldPassword: &old, NewPassword: &next})
		return err
	}
	wantCode(t, "ChangePassword without permission", change("First-Pass1", "Second-Pass2"), "AccessDenied", "is not authorized to perform: iam:ChangePassword")
	_, err = root.iam.GetAccountPasswordPolicy(ctx, &iam.GetAccountPasswordPolicyInput{})
	wantCode(t, "GetAccountPasswordPolicy before", err, "NoSuchEntity", "The Password Policy with domain name "+s.account+" cannot be found.")
	_, err = root.iam.UpdateAccountPasswordPolicy(ctx, &iam.UpdateAccountPasswordPolicyInput{
		AllowUsersToChangePassword: true, MinimumPasswordLength: aws.Int32(10), RequireNumbers: true, PasswordReusePrevention: aws.Int32(2), MaxPasswordAge: aws.Int32(90),
	})
	must(t, err)
	policy, err := u.iam.GetAccountPasswordPolicy(ctx, &iam.GetAccountPasswordPolicyInput{})
	must(t, err)
	if p := policy.PasswordPolicy; *p.MinimumPasswordLength != 10 || !p.RequireNumbers || p.RequireSymbols || !p.ExpirePasswords || *p.MaxPasswordAge != 90 || *p.PasswordReusePrevention != 2 || p.HardExpiry != nil {
		t.Errorf("GetAccountPasswordPolicy = %+v", p)
	}
	wantCode(t, "ChangePassword with a wrong old one", change("wrong", "Second-Pass2"), "AccessDenied", "")
	wantCode(t, "ChangePassword to a weak one", change("First-Pass1", "short1"), "PasswordPolicyViolation", "Password should have a minimum length of 10")
	wantCode(t, "ChangePassword to the same", change("First-Pass1", "First-Pass1"), "PasswordPolicyViolation", "")
	must(t, change("First-Pass1", "Second-Pass2"))
	wantCode(t, "ChangePassword to an earlier one", change("Second-Pass2", "First-Pass1"), "PasswordPolicyViolation", "")
	must(t, change("Second-Pass2", "Third-Pass3"))
	must(t, change("Third-Pass3", "First-Pass1")) // two later it may come again
	got, err := root.iam.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: name})
	must(t, err)
	if got.LoginProfile.PasswordResetRequired || !got.LoginProfile.CreateDate.Equal(*made.LoginProfile.CreateDate) {
		t.Errorf("GetLoginProfile after ChangePassword = %+v", got.LoginProfile)
	}
	_, err = root.iam.ChangePassword(ctx, &iam.ChangePasswordInput{OldPassword: aws.String("x"), NewPassword: aws.String("y")})
	wantCode(t, "root's ChangePassword", err, "InvalidUserType", "")
	_, err = root.iam.UpdateLoginProfile(ctx, &iam.UpdateLoginProfileInput{UserName: name, PasswordResetRequired: aws.Bool(true)})
	must(t, err)
	_, err = u.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{})
	wantCode(t, "what AllowUsersToChangePassword doesn't grant", err, "AccessDenied", "")

	_, err = root.iam.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: name})
	must(t, err)
	_, err = root.iam.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: name})
	wantCode(t, "DeleteLoginProfile again", err, "NoSuchEntity", "Login Profile for User worker cannot be found.")
	_, err = root.iam.DeleteAccountPasswordPolicy(ctx, &iam.DeleteAccountPasswordPolicyInput{})
	must(t, err)
	wantCode(t, "ChangePassword after the policy went", change("First-Pass1", "Second-Pass2"), "AccessDenied", "iam:ChangePassword")
	_, err = root.iam.DeleteAccountPasswordPolicy(ctx, &iam.DeleteAccountPasswordPolicyInput{})
	wantCode(t, "DeleteAccountPasswordPolicy again", err, "NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.")
}

func TestMFADevices(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	root.user(t, s, "worker", "")
	name, now := aws.String("worker"), time.Now()

	made, err := root.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{
		VirtualMFADeviceName: aws.String("phone"), Path: aws.String("/div/"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	})
	must(t, err)
	serial, seed := made.VirtualMFADevice.SerialNumber, string(made.VirtualMFADevice.Base32StringSeed)
	if want := "arn:aws:iam::" + s.account + ":mfa/div/phone"; *serial != want {
		t.Errorf("SerialNumber = %s, want %s", *serial, want)
	}
	if img, err := png.Decode(bytes.NewReader(made.VirtualMFADevice.QRCodePNG)); err != nil || img.Bounds().Dx() < 100 {
		t.Errorf("the QR code is no PNG: %v", err)
	}
	_, err = root.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: aws.String("phone"), Path: aws.String("/div/")})
	wantCode(t, "a second device of the name", err, "EntityAlreadyExists", "MFA device already exists.")
	tags, err := root.iam.ListMFADeviceTags(ctx, &iam.ListMFADeviceTagsInput{SerialNumber: serial})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Value != "v" {
		t.Errorf("ListMFADeviceTags = %+v", tags.Tags)
	}

	first, second := code(t, seed, now.Add(-30*time.Second)), code(t, seed, now)
	enable := func(code1, code2 *string) error {
		_, err := root.iam.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{UserName: name, SerialNumber: serial, AuthenticationCode1: code1, AuthenticationCode2: code2})
		return err
	}
	wantCode(t, "codes in the wrong order", enable(second, first), "InvalidAuthenticationCode", "Authentication code for device is not valid.")
	must(t, enable(first, second))
	wantCode(t, "EnableMFADevice again", enable(first, second), "EntityAlreadyExists", "MFA Device is already in use.")
	list, err := root.iam.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: name})
	must(t, err)
	if len(list.MFADevices) != 1 || *list.MFADevices[0].SerialNumber != *serial || *list.MFADevices[0].UserName != "worker" {
		t.Errorf("ListMFADevices = %+v", list.MFADevices)
	}
	device, err := root.iam.GetMFADevice(ctx, &iam.GetMFADeviceInput{SerialNumber: serial, UserName: name})
	must(t, err)
	if *device.UserName != "worker" || device.EnableDate == nil {
		t.Errorf("GetMFADevice = %+v", device)
	}
	assigned, err := root.iam.ListVirtualMFADevices(ctx, &iam.ListVirtualMFADevicesInput{AssignmentStatus: types.AssignmentStatusTypeAssigned})
	must(t, err)
	if v := assigned.VirtualMFADevices; len(v) != 1 || *v[0].User.UserName != "worker" || v[0].Base32StringSeed != nil || v[0].Tags != nil {
		t.Errorf("ListVirtualMFADevices = %+v", v)
	}
	summary, err := root.iam.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	must(t, err)
	if m := summary.SummaryMap; m["MFADevices"] != 1 || m["MFADevicesInUse"] != 1 || m["AccountMFAEnabled"] != 0 {
		t.Errorf("GetAccountSummary = %v", m)
	}
	_, err = root.iam.ResyncMFADevice(ctx, &iam.ResyncMFADeviceInput{UserName: name, SerialNumber: serial, AuthenticationCode1: first, AuthenticationCode2: second})
	wantCode(t, "ResyncMFADevice by codes that were used", err, "InvalidAuthenticationCode", "")
	_, err = root.iam.ResyncMFADevice(ctx, &iam.ResyncMFADeviceInput{
		UserName: name, SerialNumber: serial,
		AuthenticationCode1: code(t, seed, now.Add(10*time.Minute)), AuthenticationCode2: code(t, seed, now.Add(10*time.Minute+30*time.Second)),
	})
	must(t, err)
	_, err = root.iam.DeleteVirtualMFADevice(ctx, &iam.DeleteVirtualMFADeviceInput{SerialNumber: serial})
	wantCode(t, "DeleteVirtualMFADevice in use", err, "DeleteConflict", "Must deactivate first.")
	_, err = root.iam.DeactivateMFADevice(ctx, &iam.DeactivateMFADeviceInput{UserName: name, SerialNumber: serial})
	must(t, err)
	_, err = root.iam.DeleteVirtualMFADevice(ctx, &iam.DeleteVirtualMFADeviceInput{SerialNumber: serial})
	must(t, err)
	_, err = root.iam.DeactivateMFADevice(ctx, &iam.DeactivateMFADeviceInput{UserName: name, SerialNumber: serial})
	wantCode(t, "DeactivateMFADevice of none", err, "NoSuchEntity", "MFA Device with serial number "+*serial+" does not exist.")
	rootDevice(t, s, root)
	for _, out := range []string{s.stderr.String(), s.stdout.String()} {
		if strings.Contains(out, seed) {
			t.Error("the seed is in the server's output")
		}
	}
}

// rootDevice gives the root user a device.
func rootDevice(t *testing.T, s *server, root *clients) {
	t.Helper()
	ctx, now := deadline(t), time.Now()
	made, err := root.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: aws.String("root-account-mfa-device")})
	must(t, err)
	serial, seed := made.VirtualMFADevice.SerialNumber, string(made.VirtualMFADevice.Base32StringSeed)
	_, err = root.iam.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{
		UserName: &s.account, SerialNumber: serial, AuthenticationCode1: code(t, seed, now.Add(-30*time.Second)), AuthenticationCode2: code(t, seed, now),
	})
	must(t, err)
	all, err := root.iam.ListVirtualMFADevices(ctx, &iam.ListVirtualMFADevicesInput{})
	must(t, err)
	if v := all.VirtualMFADevices; len(v) != 1 || *v[0].User.Arn != "arn:aws:iam::"+s.account+":root" || v[0].User.UserName != nil {
		t.Errorf("ListVirtualMFADevices = %+v", v)
	}
	own, err := root.iam.ListMFADevices(ctx, &iam.ListMFADevicesInput{})
	must(t, err)
	if len(own.MFADevices) != 1 {
		t.Errorf("root's ListMFADevices = %+v", own.MFADevices)
	}
	summary, err := root.iam.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	must(t, err)
	if summary.SummaryMap["AccountMFAEnabled"] != 1 {
		t.Errorf("AccountMFAEnabled = %d, want 1", summary.SummaryMap["AccountMFAEnabled"])
	}
	_, err = root.iam.DeactivateMFADevice(ctx, &iam.DeactivateMFADeviceInput{SerialNumber: serial})
	must(t, err)
}

func TestServiceSpecificCredentials(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	only := root.user(t, s, "worker", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*ServiceSpecificCredential*","Resource":"*","Condition":{"StringEquals":{"iam:ServiceSpecificCredentialServiceName":"codecommit.amazonaws.com"}}}}`)
	name := aws.String("worker")
	create := func(c *clients, service string, days *int32) (*types.ServiceSpecificCredential, error) {
		out, err := c.iam.CreateServiceSpecificCredential(ctx, &iam.CreateServiceSpecificCredentialInput{UserName: name, ServiceName: &service, CredentialAgeDays: days})
		if err != nil {
			return nil, err
		}
		return out.ServiceSpecificCredential, nil
	}
	_, err := create(root, "nothing.amazonaws.com", nil)
	wantCode(t, "an unknown service", err, "NoSuchEntity", "No such service nothing.amazonaws.com is supported for Service Specific Credentials")
	_, err = create(only, "bedrock.amazonaws.com", nil)
	wantCode(t, "a service that the policy doesn't allow", err, "AccessDenied", "")
	git, err := create(only, "codecommit.amazonaws.com", nil)
	must(t, err)
	if *git.ServiceUserName != "worker-at-"+s.account || *git.ServicePassword == "" || !strings.HasPrefix(*git.ServiceSpecificCredentialId, "ACCA") || git.ServiceCredentialSecret != nil {
		t.Errorf("CreateServiceSpecificCredential = %+v", git)
	}
	second, err := create(root, "codecommit.amazonaws.com", nil)
	must(t, err)
	if *second.ServiceUserName == *git.ServiceUserName {
		t.Error("two credentials have one user name")
	}
	_, err = create(root, "codecommit.amazonaws.com", nil)
	wantCode(t, "a third", err, "LimitExceeded", "")
	bedrock, err := create(root, "bedrock.amazonaws.com", aws.Int32(30))
	must(t, err)
	if bedrock.ExpirationDate == nil || !bedrock.ExpirationDate.Equal(bedrock.CreateDate.Add(30*24*time.Hour)) || bedrock.ServiceCredentialAlias == nil || !strings.HasPrefix(*bedrock.ServiceCredentialSecret, "ABSK") || bedrock.ServicePassword != nil {
		t.Errorf("CreateServiceSpecificCredential for Bedrock = %+v", bedrock)
	}
	reset, err := only.iam.ResetServiceSpecificCredential(ctx, &iam.ResetServiceSpecificCredentialInput{ServiceSpecificCredentialId: git.ServiceSpecificCredentialId})
	must(t, err)
	if r := reset.ServiceSpecificCredential; *r.ServiceSpecificCredentialId != *git.ServiceSpecificCredentialId || *r.ServicePassword == *git.ServicePassword {
		t.Error("ResetServiceSpecificCredential gives another credential or the same password")
	}
	_, err = root.iam.UpdateServiceSpecificCredential(ctx, &iam.UpdateServiceSpecificCredentialInput{UserName: name, ServiceSpecificCredentialId: git.ServiceSpecificCredentialId, Status: "Inactive"})
	must(t, err)
	seen := 0
	var marker *string
	for more := true; more; {
		page, err := root.iam.ListServiceSpecificCredentials(ctx, &iam.ListServiceSpecificCredentialsInput{AllUsers: aws.Bool(true), MaxItems: aws.Int32(1), Marker: marker})
		must(t, err)
		seen += len(page.ServiceSpecificCredentials)
		marker, more = page.Marker, page.IsTruncated
	}
	if seen != 3 {
		t.Errorf("ListServiceSpecificCredentials of all users gives %d page by page, want 3", seen)
	}
	for _, id := range []*string{git.ServiceSpecificCredentialId, second.ServiceSpecificCredentialId, bedrock.ServiceSpecificCredentialId} {
		_, err = root.iam.DeleteServiceSpecificCredential(ctx, &iam.DeleteServiceSpecificCredentialInput{UserName: name, ServiceSpecificCredentialId: id})
		must(t, err)
	}
	_, err = root.iam.DeleteServiceSpecificCredential(ctx, &iam.DeleteServiceSpecificCredentialInput{UserName: name, ServiceSpecificCredentialId: git.ServiceSpecificCredentialId})
	wantCode(t, "DeleteServiceSpecificCredential again", err, "NoSuchEntity", "No such credential "+*git.ServiceSpecificCredentialId+" exists")
}

// TestCredentialsBoto3 plays testdata/credentials.py with one version of boto3.
func TestCredentialsBoto3(t *testing.T) {
	t.Parallel()
	for _, python := range pythons() {
		s := serve(t)
		root := s.root()
		cert, key := selfSigned(t, "example.com")
		h := newHome(t, "SALLYPORT_ENDPOINT="+s.endpoint, "AWS_ACCESS_KEY_ID="+root.ID, "AWS_SECRET_ACCESS_KEY="+root.Secret, "CERTIFICATE="+cert, "PRIVATE_KEY="+key)
		cmd := exec.CommandContext(deadline(t), python, "testdata/credentials.py")
		cmd.Env = h.environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("credentials.py = %v\n%s", err, out)
		}
		return
	}
	missing(t, "python3 with boto3 (Debian: python3-boto3)")
}

// TestCredentialsCLI makes an MFA device and keys of files with the aws command.
func TestCredentialsCLI(t *testing.T) {
	t.Parallel()
	c := anyCLI(t)
	s := serve(t)
	h := newHome(t)
	h.profile("default", s.root())
	root := session{t: t, cli: c, home: h, endpoint: s.endpoint}
	root.ok("iam", "create-user", "--user-name", "worker")
	for _, kind := range []string{"Base32StringSeed", "QRCodePNG"} {
		name := "dev-" + kind
		doc := root.json("iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", name, "--outfile", name, "--bootstrap-method", kind)
		serial := at(t, doc, "VirtualMFADevice", "SerialNumber").(string)
		got, err := os.ReadFile(filepath.Join(h.dir, name))
		must(t, err)
		if kind == "QRCodePNG" {
			if _, err := png.Decode(bytes.NewReader(got)); err != nil {
				t.Errorf("the QR code's file is no PNG: %v", err)
			}
			root.ok("iam", "delete-virtual-mfa-device", "--serial-number", serial)
			continue
		}
		now := time.Now()
		root.ok("iam", "enable-mfa-device", "--user-name", "worker", "--serial-number", serial,
			"--authentication-code1", *code(t, string(got), now.Add(-30*time.Second)), "--authentication-code2", *code(t, string(got), now))
		if text := root.refused("DeleteConflict", "iam", "delete-user", "--user-name", "worker"); text != "Cannot delete entity, must delete MFA device first." {
			t.Errorf("delete-user says %q", text)
		}
		root.ok("iam", "deactivate-mfa-device", "--user-name", "worker", "--serial-number", serial)
	}
	cert, key := selfSigned(t, "example.com")
	must(t, os.WriteFile(filepath.Join(h.dir, "cert.pem"), []byte(cert), 0o600))
	must(t, os.WriteFile(filepath.Join(h.dir, "key.pem"), []byte(key), 0o600))
	root.ok("iam", "upload-server-certificate", "--server-certificate-name", "site", "--certificate-body", "file://cert.pem", "--private-key", "file://key.pem")
	doc := root.json("iam", "get-server-certificate", "--server-certificate-name", "site")
	if body := at(t, doc, "ServerCertificate", "CertificateBody").(string); strings.TrimSpace(body) != strings.TrimSpace(cert) {
		t.Errorf("get-server-certificate gives another certificate:\n%s", body)
	}
	root.ok("iam", "create-login-profile", "--user-name", "worker", "--password", "Secret-Word1", "--password-reset-required")
	if text := root.refused("DeleteConflict", "iam", "delete-user", "--user-name", "worker"); text != "Cannot delete entity, must delete login profile first." {
		t.Errorf("delete-user says %q", text)
	}
}

// TestCredentialsAtRest: no secret that IAM keeps of a user stands in the data
// folder, or in what the server prints.
func TestCredentialsAtRest(t *testing.T) {
	t.Parallel()
	s := serve(t)
	root := s.as(s.root())
	ctx := deadline(t)
	name, password := aws.String("worker"), "Only-Here-In-Plain-1"
	_, err := root.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name})
	must(t, err)
	_, err = root.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name, Password: &password})
	must(t, err)
	device, err := root.iam.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: name})
	must(t, err)
	cred, err := root.iam.CreateServiceSpecificCredential(ctx, &iam.CreateServiceSpecificCredentialInput{UserName: name, ServiceName: aws.String("bedrock.amazonaws.com")})
	must(t, err)
	cert, key := selfSigned(t, "site")
	_, err = root.iam.UploadServerCertificate(ctx, &iam.UploadServerCertificateInput{ServerCertificateName: name, CertificateBody: &cert, PrivateKey: &key})
	must(t, err)
	document := samlMetadata(t, cert)
	_, err = root.iam.CreateSAMLProvider(ctx, &iam.CreateSAMLProviderInput{Name: name, SAMLMetadataDocument: &document, AddPrivateKey: &key})
	must(t, err)
	s.kill() // what was written is as it was written
	for what, text := range map[string]string{
		"password": password, "seed": string(device.VirtualMFADevice.Base32StringSeed), "private key": strings.Split(key, "\n")[1],
		"service's secret": *cred.ServiceSpecificCredential.ServiceCredentialSecret,
	} {
		if files := filesWith(t, s.data, text); len(files) > 0 {
			t.Errorf("the %s stands in %v", what, files)
		}
		if strings.Contains(s.stdout.String()+s.stderr.String(), text) {
			t.Errorf("the server prints the %s", what)
		}
	}
	if len(filesWith(t, s.data, strings.Split(cert, "\n")[1])) == 0 {
		t.Error("no file holds the certificate: the test looks in the wrong place")
	}
}
